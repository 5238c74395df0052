"""The checker finds what was planted in a good history, and nothing in the good one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.checker import judge, main

Line = dict[str, Any]


#: What each version of a customer is announced as.
_CLASSES = (None, "NEWCOMER", "SOURCE", "SOURCE")


def good() -> list[Line]:
    """Return the history of two customers and an employee, a kill, and a store."""
    lines: list[Line] = [
        {
            "kind": "run",
            "scenario": "planted",
            "seed": 1,
            "guarantee": "exactly_once",
            "min_progress": 2,
            "epsilon": 0.01,
            "leak_life_s": 600.0,
        },
        {"kind": "plan", "faults": {"kill": 1}, "lives": {"w": 800.0}},
        {
            "kind": "fault",
            "number": 1,
            "what": "kill",
            "target": "w",
            "at_s": 1.0,
            "progress": 3,
        },
        {"kind": "recovered", "number": 1, "at_s": 2.0, "progress": 4},
        {"kind": "exit", "target": "w", "code": 0, "expected": [0]},
        {
            "kind": "measure",
            "name": "drain",
            "value": 2.0,
            "unit": "s",
            "at_most": 10.0,
            "at_least": None,
        },
    ]
    lines += [
        {
            "kind": "expected",
            "what": "employee",
            "key": "e",
            "version": 1,
            "substance": "s1",
            "applied": {"0": 5},
        },
        {
            "kind": "state",
            "what": "employee",
            "key": "e",
            "offset": 1,
            "version": 1,
            "applied": [5],
            "told": None,
            "substance": "s1",
            "row": "r1",
        },
        row("employee", "e", "r1", offset=1, version=1),
    ]
    for what in ("dead_letter", "forwarded"):
        lines.append({"kind": "expected_output", "what": what, "id": f"o-{what}"})
        lines.append({"kind": "output", "what": what, "id": f"o-{what}"})
    for key in ("a", "b"):
        lines.append(
            {
                "kind": "expected",
                "what": "profile",
                "key": key,
                "version": 3,
                "substance": "s3",
                "applied": {"0": 30},
                "score_class": "SOURCE",
                "total": 0.3,
                "content": "c3",
            }
        )
        for version in (1, 2, 3):
            lines += [
                {
                    "kind": "state",
                    "what": "profile",
                    "key": key,
                    "offset": version,
                    "version": version,
                    "applied": [10 * version, -1],
                    "told": [version, 100 + version, 0],
                    "substance": f"s{version}",
                    "row": f"r{version}",
                },
                {
                    "kind": "update",
                    "key": key,
                    "version": version,
                    "as_of": 100 + version,
                    "epoch_id": 0,
                    "content": f"c{version}",
                    "offset": version,
                    "score_class": _CLASSES[version],
                    "previous_class": _CLASSES[version - 1],
                    "total": version / 10,
                    "row": f"u{version}",
                    "current_row": f"u{version}",
                    "class_row": f"k{version}",
                },
            ]
        lines += [
            row("profile", key, "r3", offset=3, version=3),
            row("current_score", key, "u3", version=3, as_of=103),
            {"kind": "expected_output", "what": "item", "id": f"i-{key}"},
            {"kind": "output", "what": "item", "id": f"i-{key}", "row": "i"},
            kept("item", f"i-{key}", "i"),
            *(kept("score", f"{key} {n} {100 + n} 0", f"u{n}") for n in (1, 2, 3)),
            *(kept("class", f"{key} {n} {100 + n} 0", f"k{n}") for n in (1, 2)),
        ]
    lines += [
        {
            "kind": "sample",
            "target": "w",
            "pid": 7,
            "at_s": 10.0 * n,
            "rss_bytes": 1 << 27,
            "fds": 20,
            "threads": 4,
        }
        for n in range(90)
    ]
    return [*lines, {"kind": "end"}]


def row(what: str, key: str, content: str, **place: int) -> Line:
    """Return a row of the store."""
    return {"kind": "row", "what": what, "key": key, "content": content, **place}


def kept(what: str, name: str, content: str) -> Line:
    """Return what the store keeps of the past."""
    return {"kind": "kept", "what": what, "id": name, "content": content}


def find(lines: list[Line], **values: Any) -> Line:
    """Return the first line with these values."""
    return next(line for line in lines if values.items() <= line.items())


def lose_an_event(lines: list[Line]) -> None:
    """The newest state lacks the last event, and so does the store."""
    lines.remove(find(lines, kind="state", key="a", version=3))
    find(lines, kind="row", what="profile", key="a").update(offset=2, version=2, content="r2")


def lose_a_customer(lines: list[Line]) -> None:
    """Nothing of a customer came out."""
    lines[:] = [line for line in lines if line.get("key") != "a" or line["kind"] == "expected"]


def lose_an_employee(lines: list[Line]) -> None:
    """Nothing of an employee came out."""
    lines.remove(find(lines, kind="state", what="employee"))
    lines.remove(find(lines, kind="row", what="employee"))


def lose_a_dead_letter(lines: list[Line]) -> None:
    """A record was neither applied nor set aside."""
    lines.remove(find(lines, kind="output", what="dead_letter"))


def double_a_forwarded_event(lines: list[Line]) -> None:
    """What concerns somebody else was sent on twice."""
    lines.insert(-1, dict(find(lines, kind="output", what="forwarded")))


def lose_an_update(lines: list[Line]) -> None:
    """What moved the score last was never announced, and so is not in the store."""
    lines.remove(find(lines, kind="update", key="a", version=3))
    find(lines, kind="row", what="current_score", key="a").update(version=2, as_of=102)


def lose_an_update_in_between(lines: list[Line]) -> None:
    """An update that changed no class is nowhere, though the state remembers it."""
    lines.remove(find(lines, kind="update", key="a", version=2))
    lines.remove(find(lines, kind="kept", what="score", id="a 2 102 0"))
    lines.remove(find(lines, kind="kept", what="class", id="a 2 102 0"))
    for line in lines:  # as if the class had not changed
        if line["kind"] == "update" and line["key"] == "a":
            line.update(score_class="SOURCE")
    find(lines, kind="update", key="a", version=3)["previous_class"] = "SOURCE"


def lose_a_change_of_class(lines: list[Line]) -> None:
    """The update that told of a class is missing between two others."""
    lines.remove(find(lines, kind="update", key="a", version=1))


def lose_the_last_class(lines: list[Line]) -> None:
    """The newest state is of a class that no update tells of."""
    find(lines, kind="expected", key="a")["score_class"] = "KEY_SOURCE"


def strike_less_often(lines: list[Line]) -> None:
    """One fault of two has struck."""
    find(lines, kind="plan")["faults"] = {"kill": 2}


def live_a_short_time(lines: list[Line]) -> None:
    """A program that was to be looked at for long ended every minute."""
    for number, line in enumerate(line for line in lines if line["kind"] == "sample"):
        line["pid"] = number // 6


def plan_nothing(lines: list[Line]) -> None:
    """Nobody says what was to happen."""
    lines.remove(find(lines, kind="plan"))


def lose_an_item(lines: list[Line]) -> None:
    """A knowledge item is missing."""
    lines.remove(find(lines, kind="output", id="i-a"))


def lose_a_row(lines: list[Line]) -> None:
    """The store lacks a customer."""
    lines.remove(find(lines, kind="row", what="profile", key="a"))


def forget_a_score(lines: list[Line]) -> None:
    """The store lacks a score that was announced, though not the newest."""
    lines.remove(find(lines, kind="kept", what="score", id="a 2 102 0"))


def forget_a_change_of_class(lines: list[Line]) -> None:
    """The store does not know when a customer became what they are."""
    lines.remove(find(lines, kind="kept", what="class", id="a 2 102 0"))


def keep_an_item_that_was_not_sent(lines: list[Line]) -> None:
    """The store has a knowledge item that no event explains."""
    lines.insert(-1, kept("item", "i-c", "i"))


def double_an_event(lines: list[Line]) -> None:
    """An event was applied twice."""
    last = find(lines, kind="state", key="a", version=3)
    lines.insert(-1, dict(last, version=4, offset=4, applied=[31, -1]))
    find(lines, kind="row", what="profile", key="a").update(offset=4, version=4)


def double_a_state(lines: list[Line]) -> None:
    """The same state was written twice."""
    again = dict(find(lines, kind="state", key="a", version=3), offset=4)
    lines.insert(-1, again)
    find(lines, kind="row", what="profile", key="a").update(offset=4)


def tell_of_something_else(lines: list[Line]) -> None:
    """The last update has the class and the total of its version, and other contributions."""
    find(lines, kind="update", key="a", version=3)["content"] = "other"


def change_a_row(lines: list[Line]) -> None:
    """The store has the newest state's place, and another content."""
    find(lines, kind="row", what="profile", key="a")["content"] = "other"


def change_a_score(lines: list[Line]) -> None:
    """The store has another total than was announced."""
    find(lines, kind="kept", what="score", id="a 2 102 0")["content"] = "other"


def change_an_item(lines: list[Line]) -> None:
    """The store has another text than the knowledge item."""
    find(lines, kind="kept", what="item", id="i-a")["content"] = "other"


def replace_an_event(lines: list[Line]) -> None:
    """One event twice and another not at all: the count is right, the substance is not."""
    find(lines, kind="state", key="a", version=3)["substance"] = "other"


def double_an_update(lines: list[Line]) -> None:
    """A score update was announced twice."""
    lines.insert(-1, dict(find(lines, kind="update", key="a", version=3), offset=9))


def double_an_item(lines: list[Line]) -> None:
    """A knowledge item was sent twice."""
    lines.insert(-1, dict(find(lines, kind="output", what="item", id="i-a")))


def reorder_states(lines: list[Line]) -> None:
    """An older state follows a newer one, before the newest."""
    old = dict(find(lines, kind="state", key="a", version=1), offset=0)
    lines.insert(lines.index(find(lines, kind="state", key="a", version=3)), old)


def reorder_updates(lines: list[Line]) -> None:
    """An older update follows a newer one."""
    first = find(lines, kind="update", key="a", version=1)
    lines.remove(first)
    lines.insert(-1, first)


def age_a_row(lines: list[Line]) -> None:
    """The store has an older state than the changelog."""
    find(lines, kind="row", what="profile", key="a").update(offset=2, version=2)


def age_a_score(lines: list[Line]) -> None:
    """The store's current score is not the newest."""
    find(lines, kind="row", what="current_score", key="a").update(version=2, as_of=102)


def age_the_offsets(lines: list[Line]) -> None:
    """A state forgets how far it was applied."""
    find(lines, kind="state", key="a", version=3)["applied"] = [29, -1]


def forget_for_a_while(lines: list[Line]) -> None:
    """A state in the middle had been applied less far than the one before it."""
    find(lines, kind="state", key="a", version=2)["applied"] = [9, -1]


def end_in_between(lines: list[Line]) -> None:
    """A program ended, and no fault explains it."""
    lines.insert(1, {"kind": "exit", "target": "w", "code": 70, "expected": [4]})


def strike_at_rest(lines: list[Line]) -> None:
    """A fault hit a service that had done nothing since."""
    find(lines, kind="fault")["progress"] = 1


def exceed_a_bound(lines: list[Line]) -> None:
    """A figure is not what was promised."""
    find(lines, kind="measure")["value"] = 11.0


def leak(lines: list[Line]) -> None:
    """A program grows by 2 MiB a minute."""
    for line in lines:
        if line["kind"] == "sample":
            line["rss_bytes"] += int(line["at_s"] * (2 << 20) / 60)


def leak_handles(lines: list[Line]) -> None:
    """A program opens a file every ten seconds."""
    for line in lines:
        if line["kind"] == "sample":
            line["fds"] += int(line["at_s"] / 10)


def leak_threads(lines: list[Line]) -> None:
    """A program starts a thread every twenty seconds."""
    for line in lines:
        if line["kind"] == "sample":
            line["threads"] += int(line["at_s"] / 20)


def break_off(lines: list[Line]) -> None:
    """The run did not come to its end."""
    lines.pop()


def expect_nothing(lines: list[Line]) -> None:
    """A run without events shows nothing."""
    lines[:] = [line for line in lines if line["kind"] in {"run", "end"}]


_PLANTED: list[tuple[Callable[[list[Line]], None], str]] = [
    (lose_an_event, "lost"),
    (lose_a_customer, "lost"),
    (lose_an_employee, "lost"),
    (lose_a_dead_letter, "lost"),
    (lose_an_update, "lost"),
    (lose_an_update_in_between, "lost"),
    (lose_a_change_of_class, "lost"),
    (lose_the_last_class, "lost"),
    (lose_an_item, "lost"),
    (lose_a_row, "lost"),
    (forget_a_score, "lost"),
    (forget_a_change_of_class, "lost"),
    (keep_an_item_that_was_not_sent, "doubled"),
    (double_an_event, "doubled"),
    (replace_an_event, "doubled"),
    (double_a_state, "doubled"),
    (tell_of_something_else, "doubled"),
    (double_an_update, "doubled"),
    (double_an_item, "doubled"),
    (double_a_forwarded_event, "doubled"),
    (reorder_states, "reordered"),
    (forget_for_a_while, "reordered"),
    (reorder_updates, "reordered"),
    (age_a_row, "stale"),
    (age_a_score, "stale"),
    (age_the_offsets, "stale"),
    (change_a_row, "stale"),
    (change_a_score, "stale"),
    (change_an_item, "stale"),
    (end_in_between, "exit"),
    (strike_at_rest, "idle"),
    (exceed_a_bound, "bound"),
    (leak, "leak"),
    (leak_handles, "leak"),
    (leak_threads, "leak"),
    (break_off, "broken_off"),
    (expect_nothing, "vacuous"),
    (strike_less_often, "vacuous"),
    (live_a_short_time, "vacuous"),
    (plan_nothing, "vacuous"),
]


def test_a_good_history_passes() -> None:
    """Nothing is found in a run that kept every promise."""
    assert judge(good()) == []


@pytest.mark.parametrize(
    ("plant", "kind"), _PLANTED, ids=lambda each: getattr(each, "__name__", each)
)
def test_what_was_planted_is_found(plant: Callable[[list[Line]], None], kind: str) -> None:
    """One violation in a good history is named for what it is."""
    lines = good()
    plant(lines)

    assert kind in {found for found, _ in judge(lines)}


def test_repeated_outputs_are_allowed_where_they_are_documented() -> None:
    """Under at_least_once an update and an item may come again, the same to the byte."""
    lines = good()
    lines[0]["guarantee"] = "at_least_once"
    double_an_update(lines)
    double_an_item(lines)

    assert judge(lines) == []


def test_the_program_s_exit_code_is_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 for good histories, 1 if any is not; the verdicts are printed as JSON."""
    bad = good()
    lose_an_event(bad)
    paths = []
    for name, lines in (("good", good()), ("bad", bad)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        paths.append(str(path))

    codes = [main(paths[:1]), main(paths)]

    assert codes == [0, 1]
    assert main([]) == 1
    assert '"lost": 1' in capsys.readouterr().out
