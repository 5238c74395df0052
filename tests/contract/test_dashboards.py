"""
The dashboards are what the boards give, and every query looks at something that is exported.

A metric that is renamed in the product and not on a board goes red here, and so does a new one that
nobody shows, watches, or gives a reason for.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.grafana.board import LAG_METRICS
from deploy.grafana.generate import BOARDS, FOLDER, differing, render
from tests.support.declared import declared_series, family_of
from tests.support.prometheus import DEPLOY, load_rules
from tests.support.promql import GRAFANA, filled, parts_of

_GRAFANA: Final = FOLDER.parent
_DOCUMENTS: Final = {board.name: json.loads(render(board)) for board in BOARDS}
#: Told by exporters beside the brokers, and by Prometheus of its own rules.
_FOREIGN: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(LAG_METRICS[1:], frozenset({"topic", "partition"})),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "job", "instance"}),
}
#: Neither on a board nor in an alert, and why.
_LEFT_OUT: Final[Mapping[str, str]] = {
    "process_virtual_memory_bytes": "address space that is reserved says nothing of memory in use",
}
_RUNTIME_ONLY: Final = re.compile(r"\$(?!__rate_interval|job|instance|topic|lag_metric)\w+")


def panels(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, without the headings of its rows."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def queries(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each query of a dashboard, with the title of its panel; each lag metric in turn."""
    for panel in panels(document):
        for target in panel.get("targets", []):
            for lag in LAG_METRICS if "$lag_metric" in target["expr"] else [""]:
                expr = filled(target["expr"], {**GRAFANA, "$lag_metric": lag})
                yield panel["title"], {**target, "expr": expr}


ALL_QUERIES: Final = [
    pytest.param(target, id=f"{name}: {title}, {target['refId']}")
    for name, document in _DOCUMENTS.items()
    for title, target in queries(document)
]


def problem_with(expression: str, legend: str = "") -> str | None:
    """Return what is wrong with a query: a series, a label or a legend that is not there."""
    parts = parts_of(expression)
    known = {**declared_series(), **_FOREIGN}
    if unknown := parts.names - set(known):
        return f"nobody exports {sorted(unknown)}"
    for name, labels in parts.series:
        if strange := labels - known[name]:
            return f"{name} has no label {sorted(strange)}"
    everything = frozenset[str]().union(*(known[name] for name in parts.names))
    used = parts.groupings | set(re.findall(r"{{\s*(\w+)\s*}}", legend))
    if nameless := used - everything:
        return f"no series of it has the labels {sorted(nameless)}"
    if parts.groupings and (lost := used - parts.groupings):
        return f"the legend names {sorted(lost)}, which the query adds up over"
    return None


def test_the_files_are_what_the_boards_give() -> None:
    """If not: `python -m deploy.grafana.generate`."""
    assert differing(FOLDER) == []


@pytest.mark.parametrize("target", ALL_QUERIES)
def test_a_query_looks_at_series_and_labels_that_are_exported(target: dict[str, Any]) -> None:
    """And it is PromQL, once Grafana has filled in its variables."""
    assert _RUNTIME_ONLY.findall(target["expr"]) == []
    assert problem_with(target["expr"], target["legendFormat"]) is None


@pytest.mark.parametrize("name", list(_DOCUMENTS))
def test_a_board_can_be_read_by_whoever_sees_it_first(name: str) -> None:
    """Every panel has a title, a sentence and a unit, and every board the same ways around."""
    document = _DOCUMENTS[name]
    variables = {each["name"]: each for each in document["templating"]["list"]}

    assert {"datasource", "job", "instance"} <= set(variables)
    assert document["uid"] == f"ckm-{name}"
    for panel in panels(document):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(refs)) == len(refs), panel["title"]
    for variable in variables.values():
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert found is not None, variable["query"]
            selected = filled(found[1], GRAFANA)
            assert problem_with(selected, f"{{{{{found[2]}}}}}") is None


@pytest.mark.parametrize("name", list(_DOCUMENTS))
def test_no_panel_covers_another(name: str) -> None:
    """On Grafana's grid, which is 24 wide."""
    taken: dict[tuple[int, int], str] = {}
    for panel in _DOCUMENTS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_every_metric_is_shown_or_watched_or_left_out_for_a_reason() -> None:
    """A metric that nobody looks at costs every scrape and helps nobody."""
    expressions = [target["expr"] for each in _DOCUMENTS.values() for _, target in queries(each)]
    expressions += [rule["expr"] for rule in load_rules()]
    used = {family_of(name) for expr in expressions for name in parts_of(expr).names}
    declared = {family_of(name) for name in declared_series()}

    assert declared - used == set(_LEFT_OUT)
    assert all(_LEFT_OUT.values())


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule["alert"])
def test_an_alert_looks_at_series_and_labels_that_are_exported(rule: dict[str, Any]) -> None:
    """As the boards do; a label that is not there makes an alert silent for ever."""
    assert problem_with(rule["expr"]) is None


def test_grafana_is_given_the_boards_and_their_source_of_data() -> None:
    """The provisioning names the folder and the Prometheus that the compose file has."""
    provisioning = _GRAFANA / "provisioning"
    compose = yaml.safe_load((DEPLOY.parent / "compose.yaml").read_text())["services"]
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    (provider,) = yaml.safe_load((provisioning / "dashboards/ckm.yaml").read_text())["providers"]
    mounted = {
        volume["target"]: (DEPLOY.parent / volume["source"]).resolve()
        for volume in compose["grafana"]["volumes"]
        if volume["type"] == "bind"
    }
    scrape = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["global"]["scrape_interval"]

    assert source["type"] == "prometheus"
    assert source["url"].removeprefix("http://").split(":")[0] in compose
    assert source["jsonData"]["timeInterval"] == scrape
    assert mounted[provider["options"]["path"]] == FOLDER
    assert mounted["/etc/grafana/provisioning"] == provisioning


@pytest.mark.parametrize(
    ("expression", "legend"),
    [
        ("sum(rate(ckm_events_eaten_total[5m]))", ""),
        ('ckm_table_customers{customer="c-1"}', ""),
        ("sum by (customer) (ckm_table_customers)", ""),
        ("sum by (job) (ckm_table_customers)", "{{instance}}"),
    ],
)
def test_control_a_query_that_looks_at_nothing_would_be_noticed(
    expression: str, legend: str
) -> None:
    """A metric, a matcher, a grouping and a legend that there are not."""
    assert problem_with(expression, legend) is not None


def test_control_an_expression_that_is_no_promql_would_be_noticed() -> None:
    """The parser is strict."""
    with pytest.raises(ValueError, match=r"unexpected|invalid|unclosed"):
        problem_with("sum by (job) (rate(up[5m])")


def test_control_a_file_that_was_changed_by_hand_or_left_behind_would_be_noticed(
    tmp_path: Path,
) -> None:
    """One character is enough; so is a board that nothing writes any more."""
    folder = Path(shutil.copytree(FOLDER, tmp_path / "dashboards"))
    changed = folder / "flow.json"
    changed.write_text(changed.read_text().replace("cps", "ops", 1))
    (folder / "old.json").write_text("{}")
    (folder / "knowledge.json").unlink()

    assert differing(folder) == ["flow.json", "knowledge.json", "old.json"]
