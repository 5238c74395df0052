"""
A real Prometheus over running programs, with the rules of deploy/prometheus made fast.

Its numbers are small and everything else is the product's: expressions, labels, jobs. A rule whose
number has been changed in the product, and not here, is an error.
"""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from ckm_stream.operations.children import last_line, start_child, stop_child
from tests.support.ports import new_port
from tests.support.services import Service, wait_until
from tests.support.tools import tool

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
_PATIENCE_S = 90.0
# Three lives of a worker and the end of its session have to fit in, on a slow machine too.
_LIVES_S = 120
#: What stands in a rule, and what is put in its place; ``for`` becomes a second everywhere.
_SMALL: Mapping[str, Mapping[str, str]] = {
    "CkmStreamTargetDown": {},
    "CkmStreamRestarting": {"[15m]": f"[{_LIVES_S}s]", "> 3": "> 1"},
    "CkmStreamNotReady": {},
    "CkmStreamStalled": {"> 120": "> 2"},
    # The workers tell their lag every 5 s.
    "CkmStreamLagGrowing": {"> 120": "> 2", "[10m]": "[12s]"},
    "CkmStreamDeadLetterRatio": {"[10m]": "[10s]"},
    "CkmStreamSnapshotStale": {"> 300": "> 2"},
    "CkmStreamFenced": {"[1h]": "[30s]"},
    "CkmStreamRebalanceStorm": {"[15m]": f"[{_LIVES_S}s]", "> 12": "> 1"},
    "CkmStreamConservationBroken": {},
    "CkmStreamGatewayErrors": {"[5m]": "[10s]"},
    "CkmStreamGatewaySlow": {"[5m]": "[10s]"},
    "CkmStreamIngestUnacknowledged": {"[5m]": "[10s]"},
    "CkmStreamPoolExhausted": {"[5m]": "[3s]"},
    "CkmStreamRateLimited": {"[5m]": "[10s]"},
}


def load_rules() -> list[dict[str, Any]]:
    """Return the rules of the product."""
    document = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def small(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return *rule* with the numbers of a test; it has to hold those that are replaced."""
    expr: str = rule["expr"]
    for number, replacement in _SMALL[rule["alert"]].items():
        assert re.search(rf"{re.escape(number)}(?!\d)", expr), f"{rule['alert']} has no {number}"
        expr = expr.replace(number, replacement)
    return {**rule, "expr": expr, **({"for": "1s"} if "for" in rule else {})}


class Prometheus:
    """
    The server as a context manager.

    Args:
        folder: For its configuration, its data and its log.
        programs: For each job of deploy/prometheus/prometheus.yml, its programs.
    """

    def __init__(self, folder: Path, programs: Mapping[str, Sequence[Service]]) -> None:
        self._program = tool("prometheus")
        self._folder = folder / "prometheus"
        self._folder.mkdir()
        self._programs = programs
        self._port = new_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        config = self._configure()
        command = [self._program, f"--config.file={config}", "--log.level=warn"]
        command += [f"--storage.tsdb.path={self._folder / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{self._port}"]
        log_path = self._folder / "log"
        self._process = start_child(command, log_path=log_path)
        wait_until(
            self._is_ready, timeout_s=_PATIENCE_S, what=lambda: f"Prometheus: {last_line(log_path)}"
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        assert self._process is not None
        stop_child(self._process)

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire: the name, and the label that tells which."""
        alerts = self._get("alerts")["alerts"]
        return {
            (each["labels"]["alertname"], _which(each["labels"]))
            for each in alerts
            if each["state"] == "firing"
        }

    def wait_until_fires(self, *alerts: tuple[str, str]) -> None:
        """Wait until all of *alerts* fire together."""
        wait_until(
            lambda: self.firing().issuperset(alerts),
            timeout_s=_PATIENCE_S,
            what=lambda: f"{alerts} to fire; {self.firing()} do; {self._story()}",
        )

    def wait_until_silent(self, *names: str) -> None:
        """Wait until no alert of these *names* fires any more, whatever its window."""
        wait_until(
            lambda: not {name for name, _ in self.firing()}.intersection(names),
            timeout_s=_LIVES_S + _PATIENCE_S,
            what=lambda: f"{names} to be silent; {self.firing()} fire; {self._story()}",
        )

    def wait_until_known(self, counter: str) -> None:
        """Wait until a counter has been scraped: from its first value on its growth is seen."""
        wait_until(
            lambda: self.value(f"sum({counter})") is not None,
            timeout_s=_PATIENCE_S,
            what=lambda: f"{counter}; {self._story()}",
        )

    def value(self, expression: str) -> float | None:
        """Return what an expression with one series, or none, is now."""
        query = urllib.parse.urlencode({"query": expression})
        found = self._get(f"query?{query}")["result"]
        return float(found[0]["value"][1]) if found else None

    def count(self, expression: str) -> int:
        """
        Return how many series an expression has now; a plain number is one.

        Raises:
            ValueError: If Prometheus refuses the expression; with its reason.
        """
        query = urllib.parse.urlencode({"query": expression})
        try:
            return len(self._get(f"query?{query}")["result"])
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"{expression}: {json.load(error)['error']}") from None

    def series(self, selector: str) -> set[str]:
        """Return the names of the series that *selector* finds now."""
        query = urllib.parse.urlencode({"query": selector})
        return {each["metric"]["__name__"] for each in self._get(f"query?{query}")["result"]}

    def _configure(self) -> Path:
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        config["global"] = dict.fromkeys(config["global"], "1s")
        jobs = {each["job_name"]: each for each in config["scrape_configs"]}
        for job, programs in self._programs.items():
            targets = [f"127.0.0.1:{program.port}" for program in programs]
            jobs[job]["static_configs"] = [{"targets": targets}]
        config["scrape_configs"] = [jobs[job] for job in self._programs]
        rules = {"groups": [{"name": "small", "rules": list(map(small, load_rules()))}]}
        (self._folder / "alerts.yml").write_text(yaml.safe_dump(rules))
        path = self._folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        return path

    def _story(self) -> str:
        """Return what the programs say, for a test that has waited in vain."""
        programs = (each for programs in self._programs.values() for each in programs)
        return "; ".join(
            f"{each.verb}: {each.probe('/readyz')} {each.log()[-2000:]}" for each in programs
        )

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=2):
                return True
        except OSError:
            return False

    def _get(self, path: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data


def _which(labels: Mapping[str, str]) -> str:
    """Return the label that tells apart the alerts of one name."""
    return next(labels[name] for name in ("check", "topic", "job") if name in labels)
