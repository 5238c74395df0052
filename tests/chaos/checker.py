"""
The judge of chaos runs: ``python -m tests.chaos.checker HISTORY...`` reads histories, nothing else.

It shares no line with the service or with the harness that wrote them (tests/chaos/history.py says
what a line means). A run passes if nothing is lost, doubled, reordered or stale, every fault struck
a service at work, no program ended in a way that the fault does not explain, nothing leaks, and
every figure keeps its bound. Exit code 0 if all runs pass, else 1; the verdicts are JSON.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from statistics import linear_regression
from typing import Any

Line = dict[str, Any]
#: What is wrong, as (kind, sentence).
Finding = tuple[str, str]

_SHOWN = 12
# The first part of a life is caches that fill up.
_WARM_UP = 0.4
_LEAK_BYTES_PER_S = (1 << 20) / 60
#: Connections and files come and go with partitions; threads do not.
_SPARE = {"fds": 8, "threads": 2}


class Run:
    """The lines of one history by kind, in their order."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines: defaultdict[str, list[Line]] = defaultdict(list)
        for line in lines:
            self._lines[line["kind"]].append(line)

    def __getitem__(self, kind: str) -> list[Line]:
        return self._lines[kind]

    @property
    def head(self) -> Line:
        """The first line."""
        return self["run"][0]

    @property
    def is_exactly_once(self) -> bool:
        """Whether outputs may not be repeated either."""
        return bool(self.head["guarantee"] == "exactly_once")

    def newest(self, kind: str) -> dict[tuple[str, str], Line]:
        """Return the last line of each (what, key)."""
        return {(line.get("what", ""), line["key"]): line for line in self[kind]}

    @cached_property
    def told(self) -> dict[str, dict[tuple[int, int, int], Line]]:
        """Each customer's updates by (version, as_of, epoch_id); of equal ones, the first."""
        told: defaultdict[str, dict[tuple[int, int, int], Line]] = defaultdict(dict)
        for line in self["update"]:
            place = (line["version"], line["as_of"], line["epoch_id"])
            told[line["key"]].setdefault(place, line)
        return dict(told)

    @property
    def lives(self) -> dict[tuple[str, int], list[Line]]:
        """The samples of each (program, process), in their order."""
        lives: defaultdict[tuple[str, int], list[Line]] = defaultdict(list)
        for line in self["sample"]:
            lives[line["target"], line["pid"]].append(line)
        return lives


def judge(lines: Iterable[Line]) -> list[Finding]:
    """Return everything that is wrong with a run."""
    run = Run(lines)
    if not run["run"] or not run["end"]:
        return [("broken_off", "the history has no beginning or no end")]
    laws = (
        *(_states, _order, _updates, _remembered, _announced, _outputs, _rows, _kept),
        *(_planned, _faults, _exits, _measures, _leaks),
    )
    return [finding for law in laws for finding in law(run)]


def _states(run: Run) -> Iterator[Finding]:
    """Every event is in the newest state of its customer or employee, once."""
    newest = run.newest("state")
    if not run["expected"]:
        yield "vacuous", "nothing was expected, so nothing was shown"
    for place, expected in run.newest("expected").items():
        found = newest.pop(place, None)
        name = " ".join(place)
        if found is None:
            yield "lost", f"{name}: no state, {expected['version']} events were published"
        elif found["version"] < expected["version"]:
            yield "lost", f"{name}: {found['version']} events of {expected['version']}"
        elif found["version"] > expected["version"]:
            yield "doubled", f"{name}: {found['version']} events of {expected['version']}"
        elif found["substance"] != expected["substance"]:
            yield "doubled", f"{name}: as many events as expected, but not the same"
        elif any(found["applied"][int(s)] != n for s, n in expected["applied"].items()):
            yield "stale", f"{name}: applied offsets are not the last ones"
    for place in newest:
        yield "doubled", f"{' '.join(place)}: a state that nobody's events explain"


def _order(run: Run) -> Iterator[Finding]:
    """A state is only ever replaced by one of the same history that has gone further."""
    before: dict[tuple[str, str], Line] = {}
    for line in run["state"]:
        place = (line["what"], line["key"])
        last = before.get(place)
        before[place] = line
        if last is None:
            continue
        same = (line["version"], line["applied"]) == (last["version"], last["applied"])
        if same and run.is_exactly_once:
            yield "doubled", f"{' '.join(place)}: version {line['version']} was written twice"
        back = line["version"] < last["version"] or any(
            now < then for now, then in zip(line["applied"], last["applied"], strict=True)
        )
        if back:
            yield (
                "reordered",
                (
                    f"{' '.join(place)}: version {line['version']} at offset {line['offset']} "
                    f"replaced version {last['version']}"
                ),
            )


def _updates(run: Run) -> Iterator[Finding]:
    """Score updates come in order, once under exactly_once, and never contradict one another."""
    before: dict[str, tuple[int, int, int]] = {}
    contents: dict[tuple[str, int, int, int], str] = {}
    for line in run["update"]:
        key = line["key"]
        place = (line["version"], line["as_of"], line["epoch_id"])
        last = before.get(key, (-1, -1, -1))
        if contents.setdefault((key, *place), line["content"]) != line["content"]:
            yield "reordered", f"{key}: two updates of version {place[0]} differ"
        if place == last and run.is_exactly_once:
            yield "doubled", f"{key}: the update of version {place[0]} was sent twice"
        elif place < last and run.is_exactly_once:
            yield "reordered", f"{key}: update {place[0]} came after update {last[0]}"
        before[key] = max(place, last)
    for what, key in run.newest("expected"):
        if what == "profile" and key not in before:
            yield "lost", f"{key}: no score update"


def _remembered(run: Run) -> Iterator[Finding]:
    """Every update that a state remembers was sent."""
    for line in run["state"]:
        if line["told"] is not None and tuple(line["told"]) not in run.told.get(line["key"], {}):
            yield "lost", f"{line['key']}: only a state knows the update of {line['told'][0]}"


def _announced(run: Run) -> Iterator[Finding]:
    """No change of class went untold, and what was told last is what the newest state has."""
    expected = run.newest("expected")
    for key, mine in run.told.items():
        before = None
        for place in sorted(mine):
            if mine[place]["previous_class"] != before:
                yield "lost", f"{key}: no update tells of {mine[place]['previous_class']}"
            before = mine[place]["score_class"]
        last = mine[max(mine)]
        if (score := expected.get(("profile", key))) is None:
            yield "doubled", f"{key}: an update of a customer whom nobody's events explain"
        elif score["score_class"] != before:
            yield "lost", f"{key}: no update tells of {score['score_class']}"
        elif abs(score["total"] - last["total"]) >= run.head["epsilon"]:
            yield "lost", f"{key}: no update tells of the total {score['total']}"
        elif last["version"] == score["version"] and last["content"] != score["content"]:
            yield "doubled", f"{key}: the update of version {last['version']} says something else"


def _outputs(run: Run) -> Iterator[Finding]:
    """Knowledge items, dead letters and forwarded events are there, once under exactly_once."""
    expected = Counter((line["what"], line["id"]) for line in run["expected_output"])
    found = Counter((line["what"], line["id"]) for line in run["output"])
    for what, name in expected - found:
        yield "lost", f"{what} {name} is not there"
    for what, name in found - expected:
        if run.is_exactly_once or (what, name) not in expected:
            yield "doubled", f"{what} {name} is there {found[what, name]} times"


def _rows(run: Run) -> Iterator[Finding]:
    """The store holds the newest state and score of everybody, as they were written."""
    wanted: dict[tuple[str, str], tuple[Any, ...]] = {
        place: (line["offset"], line["version"], line["row"])
        for place, line in run.newest("state").items()
    }
    for key, mine in run.told.items():
        last = mine[max(mine)]
        wanted["current_score", key] = (last["version"], last["as_of"], last["current_row"])
    rows: dict[tuple[str, str], tuple[Any, ...]] = {}
    for place, line in run.newest("row").items():
        if place[0] == "current_score":
            rows[place] = (line["version"], line["as_of"], line["content"])
        else:
            rows[place] = (line["offset"], line["version"], line["content"])
    yield from _differences(rows, wanted)


def _kept(run: Run) -> Iterator[Finding]:
    """The store holds all scores, changes of class and knowledge items that there ever were."""
    sent = {line["id"]: line["row"] for line in run["output"] if line["what"] == "item"}
    wanted = {
        ("item", line["id"]): (sent.get(line["id"]),)
        for line in run["expected_output"]
        if line["what"] == "item"
    }
    for key, mine in run.told.items():
        for place, line in mine.items():
            name = " ".join(map(str, (key, *place)))
            wanted["score", name] = (line["row"],)
            if line["previous_class"] != line["score_class"]:
                wanted["class", name] = (line["class_row"],)
    found = {(line["what"], line["id"]): (line["content"],) for line in run["kept"]}
    yield from _differences(found, wanted)


def _differences(
    found: Mapping[tuple[str, str], tuple[Any, ...]],
    wanted: Mapping[tuple[str, str], tuple[Any, ...]],
) -> Iterator[Finding]:
    for place in wanted.keys() | found.keys():
        name = " ".join(place)
        if place not in found:
            yield "lost", f"{name} is not in the store"
        elif place not in wanted:
            yield "doubled", f"{name} is in the store, and nobody wrote it"
        elif found[place] != wanted[place]:
            yield "stale", f"{name} is {found[place]} in the store, {wanted[place]} is newest"


def _planned(run: Run) -> Iterator[Finding]:
    """Everything that was to happen has happened."""
    if not run["plan"]:
        yield "vacuous", "no plan says what was to happen"
        return
    plan = run["plan"][0]
    if (struck := dict(Counter(line["what"] for line in run["fault"]))) != plan["faults"]:
        yield "vacuous", f"{plan['faults']} were planned, {struck} struck"
    for target, least in plan["lives"].items():
        lives = (life for (name, _), life in run.lives.items() if name == target)
        longest = max((life[-1]["at_s"] - life[0]["at_s"] for life in lives), default=0.0)
        if longest < least:
            yield "vacuous", f"{target} lived {longest} s at most, not {least}"


def _faults(run: Run) -> Iterator[Finding]:
    """Each fault struck a service that had moved on since the last one, and was recovered from."""
    least = run.head["min_progress"]
    recovered = {line["number"]: line for line in run["recovered"]}
    last = 0
    for fault in run["fault"]:
        name = f"fault {fault['number']} ({fault['what']} of {fault['target']})"
        if fault["progress"] - last < least:
            yield "idle", f"{name}: {fault['progress'] - last} events since the last recovery"
        if fault["number"] not in recovered:
            yield "lost", f"{name}: never recovered from"
        else:
            last = recovered[fault["number"]]["progress"]


def _exits(run: Run) -> Iterator[Finding]:
    """A program ends only as the fault says that it does."""
    for line in run["exit"]:
        if line["code"] not in line["expected"]:
            yield "exit", f"{line['target']} ended with {line['code']}, not {line['expected']}"


def _measures(run: Run) -> Iterator[Finding]:
    """Figures keep their bounds."""
    for line in run["measure"]:
        value, most, least = line["value"], line["at_most"], line["at_least"]
        if (most is not None and value > most) or (least is not None and value < least):
            bound = f"at most {most}" if most is not None else f"at least {least}"
            yield "bound", f"{line['name']} is {value} {line['unit']}, {bound} is promised"


def _leaks(run: Run) -> Iterator[Finding]:
    """A program that lives long stays as large as it is, and opens no more than it closes."""
    for (target, _), life in run.lives.items():
        start, end = life[0]["at_s"], life[-1]["at_s"]
        if end - start < run.head["leak_life_s"]:  # a slope says nothing about a short life
            continue
        warm = [line for line in life if line["at_s"] >= start + _WARM_UP * (end - start)]
        slope = linear_regression(
            [line["at_s"] for line in warm], [line["rss_bytes"] for line in warm]
        ).slope
        if slope > _LEAK_BYTES_PER_S:
            yield "leak", f"{target} grows by {slope * 60 / (1 << 20):.2f} MiB a minute"
        half = len(warm) // 2
        for handle, spare in _SPARE.items():
            earlier = max(line[handle] for line in warm[:half])
            later = max(line[handle] for line in warm[half:])
            if later > earlier + spare:
                yield "leak", f"{target}: {earlier} {handle} became {later}"


def summary(lines: list[Line], findings: list[Finding]) -> Line:
    """Return the verdict of one run, with its figures."""
    run = Run(lines)
    kinds = Counter(kind for kind, _ in findings)
    return {
        "scenario": run.head["scenario"] if run["run"] else None,
        "guarantee": run.head["guarantee"] if run["run"] else None,
        "seed": run.head["seed"] if run["run"] else None,
        "passed": not findings,
        "faults": dict(Counter(line["what"] for line in run["fault"])),
        "events": sum(line["version"] for line in run["expected"]),
        "customers": sum(line["what"] == "profile" for line in run["expected"]),
        **{kind: kinds[kind] for kind in ("lost", "doubled", "reordered", "stale")},
        "measures": {line["name"]: f"{line['value']} {line['unit']}" for line in run["measure"]},
        "findings": [f"{kind}: {sentence}" for kind, sentence in findings[:_SHOWN]],
    }


def main(paths: list[str]) -> int:
    """
    Judge the histories at *paths*, print the verdicts as JSON, and return the exit code.

    Nothing to judge is no success.
    """
    verdicts = []
    for path in paths:
        with Path(path).open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        verdicts.append(summary(lines, judge(lines)))
    print(json.dumps(verdicts, indent=1))
    return 0 if verdicts and all(verdict["passed"] for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
