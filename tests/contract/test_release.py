"""
What goes with a release: its bill of materials, the licences of what it needs, and its audit.

The bill is judged by CycloneDX's own schema and compared with the lock as pip reads it; the audit
is the real pip-audit against an advisory service on this machine.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from tests.support.advisories import Advisories, advisories
from tests.support.ports import new_port
from tools import audit, licences, sbom
from tools.locks import LockError, Pin, read_lock

ROOT = Path(__file__).parents[2]
RUNTIME = (ROOT / "requirements" / "runtime.txt").read_text()
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def bill() -> Any:
    """Give the bill of this tree, as it is written into a file."""
    return json.loads(sbom.text_of(sbom.bill(licences.runtime_pins(), "1.2.3")))


def as_pip_reads_it(lock: str) -> set[tuple[str, str, str]]:
    """Return (name, version, marker) of every requirement of a lock, by packaging's parser."""
    joined = lock.replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    found = [Requirement(re.sub(r"\s--hash=\S+", "", line)) for line in lines]
    return {
        (each.name, str(each.specifier).removeprefix("=="), str(each.marker or ""))
        for each in found
    }


def pin(name: str, version: str, marker: str = "") -> Pin:
    """Return a pin of a test."""
    return Pin(name, version, marker, (DIGEST,), ())


class TestLock:
    """What the bill, the licences and the audit rest on."""

    @pytest.mark.parametrize("lock", ["runtime", "demo", "dev", "bench"])
    def test_every_pin_of_a_lock_is_read(self, lock: str) -> None:
        """Names, versions and markers are those that pip would read, digests all that are there."""
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()

        pins = read_lock(text)

        read = {
            (each.name, each.version, str(Requirement(f"x; {each.marker}").marker or ""))
            if each.marker
            else (each.name, each.version, "")
            for each in pins
        }
        assert read == as_pip_reads_it(text)
        assert sum(len(each.digests) for each in pins) == text.count("--hash=sha256:")

    def test_who_wants_a_pin_is_read(self) -> None:
        """Every pin of the run-time lock is wanted by another one or by the project."""
        pins = {each.name: each for each in licences.runtime_pins()}

        assert "ckm-stream" in pins["aiokafka"].wanted_by
        assert "faust-streaming" in pins["aiokafka"].wanted_by
        for each in pins.values():
            assert set(each.wanted_by) <= {"ckm-stream", *pins}
            assert each.wanted_by

    @pytest.mark.parametrize(
        "text",
        ["numpy>=2\n", "numpy==2.0\n", f"numpy==2.0 \\\n    --hash=sha256:{DIGEST}\n    -e .\n"],
        ids=["no pin", "no digest", "something else"],
    )
    def test_a_line_that_is_not_understood_is_an_error(self, text: str) -> None:
        """Nothing is left out of a bill in silence."""
        with pytest.raises(LockError):
            read_lock(text)


class TestBill:
    """CycloneDX of the run-time lock."""

    def test_the_bill_is_valid(self, bill: Any) -> None:
        """CycloneDX's schema of version 1.6, taken strictly, has nothing against it."""
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))

        assert problem is None

    def test_control_a_wrong_bill_is_found(self, bill: Any) -> None:
        """The validator looks at components: a licence that SPDX does not know is refused."""
        spoilt = json.loads(json.dumps(bill))
        spoilt["components"][0]["licenses"] = [{"license": {"id": "Free-As-In-Beer"}}]

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(spoilt))

    def test_the_bill_has_what_the_lock_pins(self, bill: Any) -> None:
        """Each pin is a component, with its marker and every digest; no package else is."""
        components = [each for each in bill["components"] if each["type"] == "library"]
        packages = [each for each in components if each["purl"].startswith("pkg:pypi/")]
        markers = {
            each["purl"]: str(Requirement(f"x; {each['properties'][0]['value']}").marker)
            for each in packages
            if "properties" in each
        }
        found = {
            (each["name"], each["version"], markers.get(each["purl"], "")) for each in packages
        }
        digests = {digest["content"] for each in packages for digest in each["hashes"]}

        assert found == as_pip_reads_it(RUNTIME)
        assert digests == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", RUNTIME))
        assert all(each["licenses"] for each in packages)

    def test_the_bill_has_what_the_wheel_carries(self, bill: Any) -> None:
        """The console's libraries and the demo's purchases, each file's digest beside it."""
        carried = [
            each for each in bill["components"] if not str(each.get("purl")).startswith("pkg:pypi/")
        ]
        files = [file for each in carried for file in each.get("components", [each])]
        vendor = ROOT / "ckm_stream" / "gateway" / "console" / "vendor"

        assert {str(ROOT / file["name"]) for file in files} == {
            str(ROOT / "ckm_stream" / "publishing" / "data" / "cdnow_sample.csv.gz"),
            *(str(path) for path in vendor.iterdir() if path.name != "VENDORED.md"),
        }
        for file in files:
            content = (ROOT / file["name"]).read_bytes()
            assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()

    def test_everything_hangs_together_from_the_project_down(self, bill: Any) -> None:
        """Every component is needed by something that the project needs."""
        needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
        reached: set[str] = set()
        waiting = [bill["metadata"]["component"]["bom-ref"]]
        while waiting:
            ref = waiting.pop()
            if ref not in reached:
                reached.add(ref)
                waiting += needs.get(ref, [])

        assert reached >= {each["bom-ref"] for each in bill["components"]}

    def test_the_same_lock_gives_the_same_bytes(self) -> None:
        """A release can be checked by making its bill again; another lock has another number."""
        pins = licences.runtime_pins()

        first, second = (sbom.text_of(sbom.bill(pins, "1.2.3")) for _ in range(2))
        other = sbom.bill([replace(pins[0], digests=(DIGEST,)), *pins[1:]], "1.2.3")

        assert first == second
        assert other["serialNumber"] != json.loads(first)["serialNumber"]

    def test_the_bill_names_no_host(self, bill: Any) -> None:
        """It works with any index: no address of a registry, nor of anything else."""
        assert re.findall(r"https?://|\b[a-z]+\.(?:org|com|io)\b", json.dumps(bill)) == []


class TestLicences:
    """What may be installed with the package."""

    @pytest.mark.parametrize("pin", licences.runtime_pins(), ids=lambda pin: pin.purl)
    def test_a_runtime_dependency_has_an_allowed_licence(self, pin: Pin) -> None:
        """It says its licence, or somebody has read it, and the allow-list has it."""
        assert licences.is_allowed(licences.licence_of(pin.name))

    @pytest.mark.parametrize("name", licences.STATED)
    def test_what_was_read_by_hand_is_still_needed_and_true(self, name: str) -> None:
        """Its metadata still do not say it, and its licence file has the licence's own words."""
        words = {
            "BSD-3-Clause": "Neither the name",
            "MIT OR Apache-2.0": "Apache License",
            "LicenseRef-Repoze": "carry prominent notices stating that you changed the files",
        }
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            marker = next(each for each in licences.runtime_pins() if each.name == name).marker
            assert Requirement(f"x; {marker}").marker is not None
            assert not Requirement(f"x; {marker}").marker.evaluate()  # type: ignore[union-attr] # asserted above
            return
        texts = [
            " ".join(Path(str(file.locate())).read_text().split())
            for file in files
            if "licen" in file.name.lower() and ".dist-info" in str(file)
        ]

        assert name in {each.name for each in licences.runtime_pins()}
        assert licences.said_by_metadata(name) is None
        assert any(words[licences.STATED[name]] in text for text in texts)

    def test_the_lgpl_is_allowed_for_psycopg_alone(self) -> None:
        """The reason that the allow-list gives holds for nothing else."""
        found = {
            pin.name for pin in licences.runtime_pins() if "LGPL" in licences.licence_of(pin.name)
        }

        assert found == {"psycopg", "psycopg-binary"}

    @pytest.mark.parametrize(
        ("expression", "allowed"),
        [
            ("MIT", True),
            ("GPL-3.0-only", False),
            ("GPL-3.0-only OR MIT", True),
            ("MIT AND GPL-3.0-only", False),
            ("GPL-3.0-only AND MIT OR Apache-2.0 AND Zlib", True),
            ("AGPL-3.0-only OR SSPL-1.0", False),
        ],
    )
    def test_an_expression_is_allowed_if_one_choice_of_it_is(
        self, expression: str, allowed: bool
    ) -> None:
        """Of OR one is enough, of AND all are needed."""
        assert licences.is_allowed(expression) is allowed

    def test_a_package_that_says_nothing_is_not_guessed(self) -> None:
        """Somebody has to read its licence."""
        with pytest.raises(licences.UnknownLicenceError, match="add it to STATED"):
            licences.licence_of("no-such-package-here")


class TestAudit:
    """``python -m tools.audit``."""

    @pytest.fixture
    def service(self) -> Iterator[Advisories]:
        """Give a service that knows one release to be vulnerable."""
        with advisories({("jinja2", "2.0"): "OSV-2026-1"}) as running:
            yield running

    def test_every_release_is_looked_up(self, service: Advisories) -> None:
        """Those of other platforms and Pythons too, and each version of a package."""
        pins = licences.runtime_pins()

        verdict = audit.audit(pins, service.url)

        assert verdict == audit.Verdict(len(pins), [], "")
        assert service.asked == {(each.name, each.version) for each in pins}

    def test_a_vulnerable_release_is_named_with_its_remedy(self, service: Advisories) -> None:
        """Of two releases of a package, the one that is vulnerable."""
        pins = [
            pin("jinja2", "3.0"),
            pin("six", "1.17.0"),
            pin("jinja2", "2.0", "sys_platform == 'x'"),
        ]

        verdict = audit.audit(pins, service.url)

        assert verdict == audit.Verdict(3, ["jinja2 2.0: OSV-2026-1, fixed in 99.0"], "")

    def test_a_service_that_does_not_answer_is_no_clean_bill(self) -> None:
        """What was not looked up is said not to have been, in one sentence."""
        verdict = audit.audit([pin("six", "1.17.0")], f"http://127.0.0.1:{new_port()}/v1/query")

        assert (verdict.audited, verdict.findings) == (0, [])
        assert verdict.problem.startswith("the advisory service cannot be asked")

    @pytest.mark.parametrize(
        ("version", "reachable", "code", "said"),
        [
            ("3.0", True, 0, "1 releases looked up, 0 advisories"),
            ("2.0", True, audit.VULNERABLE, "VULNERABLE: jinja2 2.0: OSV-2026-1"),
            ("2.0", False, audit.NOT_AUDITED, "NOT AUDITED: the advisory service cannot be asked"),
        ],
    )
    def test_the_exit_code_tells_a_finding_from_an_outage(  # noqa: PLR0917 -- fixtures
        self,
        service: Advisories,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        version: str,
        reachable: bool,
        code: int,
        said: str,
    ) -> None:
        """0, 1 and 75: CI may go on after an outage, never after a finding."""
        lock = tmp_path / "lock.txt"
        lock.write_text(f"jinja2=={version} \\\n    --hash=sha256:{DIGEST}\n")
        url = service.url if reachable else f"http://127.0.0.1:{new_port()}/v1/query"
        monkeypatch.setattr(sys, "argv", ["audit", "--osv-url", url, str(lock)])

        assert audit.main() == code
        assert said in capsys.readouterr().out
