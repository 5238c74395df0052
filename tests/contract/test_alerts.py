"""
Alerts, runbooks and the manual of operations name only what there is, and each alert is tested.

A command is looked up in the command line itself, a metric in what the workers export, a setting
among those that are read: what is renamed in the product and not in the documents goes red here.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ckm_stream.settings import list_variables
from tests.support.command_line import problem_with
from tests.support.declared import declared_series, family_of
from tests.support.prometheus import DEPLOY, load_rules, small
from tests.support.tools import tool

_ROOT: Final = Path(__file__).parents[2]
_RUNBOOKS: Final = _ROOT / "docs" / "runbooks"
_DOCUMENTS: Final = (
    *sorted(_RUNBOOKS.glob("*.md")),
    _ROOT / "docs" / "operations.md",
    _ROOT / "docs" / "deployment.md",
)
_TESTS: Final = DEPLOY / "tests" / "alerts_test.yml"
_SECTIONS: Final = (
    "What it means",
    "Impact",
    "Check",
    "Fix",
    "If that does not help",
    "How it was tried",
)
RULES: Final = load_rules()
NAMES: Final = [rule["alert"] for rule in RULES]

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`(ckm [^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def exported() -> set[str]:
    """Return the names of what our programs and their processes export, families and samples."""
    return {*declared_series(), *map(family_of, declared_series())}


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each `ckm` command in code blocks and between backticks."""
    for language, block in _FENCE.findall(text):
        if language == "sh":
            yield from (shlex.split(line)[1:] for line in block.splitlines() if line)
    for found in _CODE.findall(_FENCE.sub("", text)):
        yield shlex.split(found)[1:]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The link says which, and the lists of them are whole."""
    files = {path.stem for path in _RUNBOOKS.glob("*.md")} - {"README"}

    assert files == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    for rule in RULES:
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    for document in (_RUNBOOKS / "README.md", _ROOT / "docs" / "operations.md"):
        linked = re.findall(r"^\| \[(CkmStream\w+)\]", document.read_text(), re.MULTILINE)
        assert sorted(linked) == sorted(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_what_it_is_about(rule: dict[str, Any]) -> None:
    """A severity, a summary, a description; and the manual repeats the severity."""
    severity = rule["labels"]["severity"]
    assert severity in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    for document in (_RUNBOOKS / "README.md", _ROOT / "docs" / "operations.md"):
        assert re.search(rf"\[{rule['alert']}\]\([\w/.]+\) \| {severity} \|", document.read_text())
    assert small(rule)["expr"]  # the end-to-end test's numbers are those of this rule


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_looks_only_at_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    """A metric of another name would be silent for ever."""
    used = set(re.findall(r"\b(?:ckm|process)_[a-z_]+\b|\bup\b", rule["expr"]))

    assert used
    assert used <= exported()


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_has_every_section_in_order(name: str) -> None:
    """Whoever is woken by an alert knows where to look."""
    text = (_RUNBOOKS / f"{name}.md").read_text()

    assert text.startswith(f"# {name}\n")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == _SECTIONS
    assert any(language == "sh" for language, _ in _FENCE.findall(text))


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_names_only_what_there_is(document: Path) -> None:
    """Commands with their options, metrics, settings, tests and links."""
    text = document.read_text()
    variables = set(list_variables())
    settings = set(re.findall(r"CKM__[A-Z_]+[A-Z]\b", text))
    metrics = set(re.findall(r"\b(?:ckm|process)_[a-z_]+[a-z]\b", text))
    tests = set(re.findall(r"(?<![\w/])tests/[\w/.]+\.(?:py|yml)\b", text))

    problems = {" ".join(each): problem_with(each) for each in commands_in(text)}
    assert {command: why for command, why in problems.items() if why is not None} == {}
    assert {s for s in settings if not any(v.startswith(s) for v in variables)} == set()
    assert metrics - {"ckm_stream"} <= exported()
    assert [each for each in tests if not (_ROOT / each).exists()] == []
    for target, anchor in _LINK.findall(text):
        path = document.parent / target if target else document
        assert path.exists(), target
        assert not anchor or anchor[1:] in anchors(path), target + anchor


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_control_a_command_that_there_is_not_would_be_noticed() -> None:
    """An unknown verb, an unknown option, a value that cannot be, and an argument too many."""
    wrong = ["frobnicate", "check --asif worker", "check --as nobody", "rebuild --yes now"]

    assert [command for command in wrong if problem_with(command.split()) is None] == []
    assert problem_with(["check", "--as", "worker", "--json"]) is None


class TestPromtool:
    """Prometheus' own tool judges the rules."""

    def test_the_configuration_and_the_rules_are_valid(self) -> None:
        """As they lie there."""
        command = [tool("promtool"), "check", "config", str(DEPLOY / "prometheus.yml")]

        checked = subprocess.run(command, capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stderr

    def test_every_alert_has_a_case_that_fires_and_one_that_is_silent(self) -> None:
        """And promtool finds each as it says."""
        assert self.fires_and_is_silent() == dict.fromkeys(NAMES, (True, True))
        assert self.problems(_TESTS) == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_control_without_its_rule_an_alert_s_case_goes_red(
        self, name: str, tmp_path: Path
    ) -> None:
        """A rule that never fires, and one that always does."""
        for number, expr in enumerate(("vector(1) > 2", "vector(1)")):
            rules = [{**rule, "expr": expr} if rule["alert"] == name else rule for rule in RULES]
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "alerts.yml").write_text(
                yaml.safe_dump({"groups": [{"name": "changed", "rules": rules}]})
            )
            cases = yaml.safe_load(_TESTS.read_text()) | {"rule_files": ["alerts.yml"]}
            cases["tests"] = [each for each in cases["tests"] if each["name"].startswith(name)]
            (folder / "alerts_test.yml").write_text(yaml.safe_dump(cases))

            assert f"alertname: {name}" in self.problems(folder / "alerts_test.yml")

    @staticmethod
    def problems(path: Path) -> str:
        """Return what promtool finds wrong."""
        command = [tool("promtool"), "test", "rules", path.name]
        ended = subprocess.run(
            command, cwd=path.parent, capture_output=True, text=True, check=False
        )
        return "" if ended.returncode == 0 else ended.stdout + ended.stderr

    @staticmethod
    def fires_and_is_silent() -> dict[str, tuple[bool, bool]]:
        """Return for each alert whether there is a case in which it fires, and a silent one."""
        seen: dict[str, list[bool]] = {}
        for test in yaml.safe_load(_TESTS.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                seen.setdefault(case["alertname"], []).append(bool(case["exp_alerts"]))
        return {name: (True in cases, False in cases) for name, cases in seen.items()}
