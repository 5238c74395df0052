"""
Known vulnerabilities of what the locks pin, by pip-audit and an OSV advisory service.

    python -m tools.audit [--osv-url URL] [LOCK ...]

ends with 0 if every pin was looked up and none is known to be vulnerable, with 1 if one is, and
with 75 if the service could not be asked: "nothing found" is never said of what was not looked up.
pip-audit itself says so where an index's mirror knows no advisories, and its exit code is 1 for a
finding and for an outage alike.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.locks import Pin, read_lock
from tools.project import ROOT

VULNERABLE: Final = 1
NOT_AUDITED: Final = 75

_LIMIT_S: Final = 600.0


class Verdict(NamedTuple):
    """
    What came of an audit.

    ``audited`` counts the pins that were looked up, ``findings`` are sentences, and so is
    ``problem``, which is empty if everything was looked up.
    """

    audited: int
    findings: list[str]
    problem: str


def audit(pins: Iterable[Pin], osv_url: str | None = None) -> Verdict:
    """
    Look up *pins*, whatever platform or Python they are for.

    Args:
        pins: Of one or more locks.
        osv_url: Where the advisory service takes queries; pip-audit's own default if None.
    """
    audited, findings = 0, []
    for each in _rounds(pins):
        verdict = _pip_audit(each, osv_url)
        audited += verdict.audited
        findings += verdict.findings
        if verdict.problem:
            return Verdict(audited, findings, verdict.problem)
    return Verdict(audited, findings, "")


def main() -> int:
    """Audit the locks and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n\n")[0])
    parser.add_argument("locks", nargs="*", type=Path, help="default: all in requirements/")
    parser.add_argument("--osv-url", help="query URL of an OSV service, such as a mirror's")
    arguments = parser.parse_args()
    locks: list[Path] = arguments.locks or sorted((ROOT / "requirements").glob("*.txt"))
    verdict = audit(
        (pin for lock in locks for pin in read_lock(lock.read_text())), arguments.osv_url
    )
    for finding in verdict.findings:
        sys.stdout.write(f"VULNERABLE: {finding}\n")
    if verdict.problem:
        sys.stdout.write(f"NOT AUDITED: {verdict.problem}\n")
    sys.stdout.write(f"{verdict.audited} releases looked up, {len(verdict.findings)} advisories\n")
    return VULNERABLE if verdict.findings else NOT_AUDITED if verdict.problem else 0


def _rounds(pins: Iterable[Pin]) -> Iterator[list[Pin]]:
    """Yield lists in which no package is twice: a requirements file may name it once."""
    left = list({pin.purl: pin for pin in pins}.values())
    while left:
        now: dict[str, Pin] = {}
        for pin in left:
            now.setdefault(pin.name, pin)
        yield list(now.values())
        left = [pin for pin in left if now[pin.name] is not pin]


def _pip_audit(pins: list[Pin], osv_url: str | None) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="ckm-audit-") as folder:
        # Without markers: pip-audit leaves out what this machine would not install.
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("".join(_requirement(pin) for pin in pins))
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
        command += ["--progress-spinner=off", "--vulnerability-service=osv", "--format=json"]
        command += [f"--output={answer}", f"--requirement={requirements}"]
        if osv_url is not None:
            command.append(f"--osv-url={osv_url}")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            return Verdict(0, [], f"the advisory service took more than {_LIMIT_S:g} s")
        if not answer.exists():
            return Verdict(0, [], _reason(done.stderr))
        return _judged(pins, json.loads(answer.read_text())["dependencies"])


def _requirement(pin: Pin) -> str:
    digests = "".join(f" --hash=sha256:{digest}" for digest in pin.digests)
    return f"{pin.name}=={pin.version}{digests}\n"


def _judged(pins: list[Pin], answers: list[dict[str, Any]]) -> Verdict:
    known = {(each["name"], each["version"]) for each in answers if "skip_reason" not in each}
    missed = [pin for pin in pins if (pin.name, pin.version) not in known]
    findings = [
        f"{each['name']} {each['version']}: {each_one['id']}, "
        f"fixed in {', '.join(each_one['fix_versions']) or 'no release'}"
        for each in answers
        for each_one in each.get("vulns", ())
    ]
    names = ", ".join(f"{pin.name} {pin.version}" for pin in missed)
    problem = f"{len(missed)} releases were left out: {names}" if missed else ""
    return Verdict(len(pins) - len(missed), findings, problem)


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "pip-audit ended without a word"
    return f"the advisory service cannot be asked ({last[:300]})"


if __name__ == "__main__":
    sys.exit(main())
