"""Takes the model's numbers from ``bench/results``, a file, the command line; the last one wins."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from bench.capacity.quantities import GROUPS, Case
from ckm_stream.errors import ConfigurationError

RESULTS = Path(__file__).parents[1] / "results"

#: Where each constant stands in the results: benchmark and key, the first that exists.
_PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cpu_us_per_event": (("pipeline", "cpu_us_per_event"),),
    "updates_at_cost": (("pipeline", "updates_per_event"),),
    "cpu_us_per_update": (("sizes", "cpu_us_per_update"),),
    "cpu_us_per_slice": (("steady", "cpu_us_per_slice"),),
    "slice_interval_s": (("steady", "slice_interval_s"),),
    "idle_cpu": (("steady", "idle_cpu"),),
    "updates_per_event": (("sizes", "updates_per_event"),),
    "forwarded_per_event": (("sizes", "forwarded_per_touchpoint"),),
    "items_per_event": (("sizes", "items_per_event"),),
    "state_bytes": (("sizes", "state_bytes"), ("recovery", "bytes_per_state")),
    "event_bytes": (("sizes", "event_bytes"),),
    "changelog_bytes_per_event": (("sizes", "changelog_bytes_per_event"),),
    "update_bytes": (("sizes", "update_bytes"),),
    "item_bytes": (("sizes", "item_bytes"),),
    "recovery_records_per_s": (("recovery", "records_per_s"),),
    "snapshot_rows_per_s": (("snapshots", "worker_rows_per_s"),),
    "database_rows_per_s": (("snapshots", "bare_rows_per_s"),),
}
_GROUP_OF = {each.name: group for group, kind in GROUPS.items() for each in fields(kind)}
_MIB = 2**20


class Given(NamedTuple):
    """A case, and where each of its numbers is from."""

    case: Case
    sources: dict[str, str]


def measured(folder: Path = RESULTS) -> dict[str, tuple[float, str]]:
    """
    Return the constants that the results in *folder* have, each with its source.

    Raises:
        ConfigurationError: If a file is not JSON.
    """
    found: dict[str, tuple[float, str]] = {}
    for name, places in _PLACES.items():
        for benchmark, key in places:
            value = _results(folder, benchmark).get(key)
            if isinstance(value, int | float):
                found[name] = float(value), f"{benchmark}.json"
                break
    recovery = _results(folder, "recovery")
    if {"start_to_work_s", "recovery_s"} <= recovery.keys():
        start_s = recovery["start_to_work_s"] - recovery["recovery_s"]
        found["start_s"] = round(max(start_s, 0.0), 2), "recovery.json"
    return found | _memory(folder)


def _memory(folder: Path) -> dict[str, tuple[float, str]]:
    """Separate what a worker takes from what its customers take: a line through two populations."""
    rounds = [
        (each["customers"], each["resident_mib"]["working"] * _MIB)
        for each in _results(folder, "growth").get("rounds", ())
        if each.get("workers") == 1
    ]
    if len({customers for customers, _ in rounds}) < 2:  # noqa: PLR2004 -- a line has two points
        return {}
    (few, small), (many, large) = min(rounds), max(rounds)
    slope = (large - small) / (many - few)
    return {
        "resident_bytes_per_customer": (round(slope), "growth.json"),
        "base_resident_bytes": (round(small - slope * few), "growth.json"),
    }


def given(
    chosen: Mapping[str, float], *, file: Path | None = None, results: Path | None = RESULTS
) -> Given:
    """
    Put a case together: *chosen* wins over *file*, that over *results*, those over the defaults.

    Raises:
        ConfigurationError: If a name is unknown, or a value no number or out of range.
    """
    values: dict[str, tuple[float, str]] = {} if results is None else measured(results)
    if file is not None:
        values |= {name: (value, file.name) for name, value in _read(file).items()}
    values |= {name: (value, "given") for name, value in chosen.items()}
    for name in values:
        if name not in _GROUP_OF:
            raise ConfigurationError(
                f"{name} is no number of this model; `python -m bench.capacity --help` lists them"
            )
    groups = {
        group: kind(
            **{name: value for name, (value, _) in values.items() if _GROUP_OF[name] == group}
        )
        for group, kind in GROUPS.items()
    }
    defaults = {
        each.name: each.metadata["source"] for kind in GROUPS.values() for each in fields(kind)
    }
    return Given(Case(**groups), defaults | {name: source for name, (_, source) in values.items()})


def _read(file: Path) -> dict[str, float]:
    try:
        text = file.read_text()
        found: dict[str, Any] = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(
            f"{file} is neither TOML (then call it .toml) nor JSON: {error}"
        ) from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{file} must hold names and numbers, as in customers = 1e6")
    flat: dict[str, Any] = {}
    for name, value in found.items():  # groups are allowed, and mean nothing
        flat |= value if isinstance(value, dict) else {name: value}
    for name, value in flat.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigurationError(f"{name} in {file} must be a number, not {value!r}")
    return {name: float(value) for name, value in flat.items()}


def _results(folder: Path, benchmark: str) -> dict[str, Any]:
    file = folder / f"{benchmark}.json"
    if not file.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise ConfigurationError(
            f"{file} is not JSON ({error}); run `python -m bench.{benchmark}` again"
        ) from error
    return found
