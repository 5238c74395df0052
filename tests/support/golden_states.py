"""
Golden states: the bytes that a layout was released with, and what they say, for ever.

``python -m tests.support.golden_states`` writes the file of the newest layout, if it is not there;
once released, a file is never written again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from ckm_stream.codec.layouts import NEWEST_LAYOUT
from ckm_stream.codec.state import decode_employee, decode_state, encode_employee, encode_state
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import (
    CallOutcome,
    FeedbackStage,
    ProfileEvent,
    PurchaseLine,
    Purpose,
)
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import SourceClass
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    WEEK_S,
    approach,
    call,
    contact,
    feedback,
    order,
    reading,
    referral,
    refund,
    ticket,
)

FOLDER: Final = Path(__file__).parents[1] / "data" / "states"

State = ProfileState | EmployeeState


@dataclass(frozen=True, slots=True)
class Golden:
    """A state as released: its bytes, and what is in them as plain values."""

    name: str
    layout: int
    is_customer: bool
    data: bytes
    says: dict[str, Any]


def goldens(layout: int) -> list[Golden]:
    """Return the golden states of a released layout."""
    return [
        Golden(
            name=each["name"],
            layout=layout,
            is_customer=each["kind"] == "customer",
            data=bytes.fromhex(each["bytes"]),
            says=each["says"],
        )
        for each in json.loads(path_of(layout).read_text())
    ]


def path_of(layout: int) -> Path:
    """Return the file of a layout's golden states."""
    return FOLDER / f"layout{layout}.json"


def decoded(golden: Golden) -> State:
    """Return what today's reader makes of a golden state's bytes."""
    read: Callable[..., State] = decode_state if golden.is_customer else decode_employee
    return read(golden.data, POLICY)


def encoded(state: State, layout: int) -> bytes:
    """Return a state's bytes in a layout."""
    if isinstance(state, ProfileState):
        return encode_state(state, POLICY, layout=layout)
    return encode_employee(state, POLICY, layout=layout)


def plain(state: State) -> dict[str, Any]:
    """Return all that a state holds as values that JSON has; integers may be of any length."""
    delivery = {
        name: getattr(state.delivery, name) for name in state.delivery.__struct_fields__
    } | {"origins": sorted(state.delivery.origins.items())}
    own = state.facts if isinstance(state, ProfileState) else state
    parts = {
        name: sorted(value.items()) if isinstance(value, dict) else value
        for name in own.__struct_fields__
        if name not in ("seen", "delivery")
        for value in [getattr(own, name)]
    }
    whole: dict[str, Any] = json.loads(
        json.dumps({"delivery": delivery, "seen": state.seen.hex(), **parts})
    )
    return whole


def _customer(*events: Any, **delivery: Any) -> ProfileState:
    state = ProfileState.empty(11)
    for event in events:
        apply_event(state, event, POLICY)
    state.delivery.version = len(events)
    state.delivery = msgspec.structs.replace(state.delivery, **delivery)
    return state


def _employee(*contacts: Any, **delivery: Any) -> EmployeeState:
    state = EmployeeState.empty(2)
    for each in contacts:
        apply_employee_event(state, each, POLICY)
    state.delivery.version = len(contacts)
    state.delivery = msgspec.structs.replace(state.delivery, **delivery)
    return state


def events_of_every_kind(layout: int = NEWEST_LAYOUT) -> list[ProfileEvent]:
    """Return events that fill every part of a state that the layout has."""
    sent = {} if layout < 3 else {"referred_by": "c-9", "topics": ("billing", "größe")}
    music = PurchaseLine(sku="s", category="music", quantity=1, amount=7_000)
    books = PurchaseLine(sku="s", category="books", quantity=2, amount=3_000)
    return [
        order("o1", T0_S - 300 * DAY_S, lines=(music,)),
        order("o2", T0_S - 40 * DAY_S, lines=(music, books)),
        refund("o3", T0_S - 39 * DAY_S, amount=50_000, cost=1, lines=(books,)),
        call("c1", T0_S - 20 * DAY_S, employee_id="e-1", reason="bill", satisfaction=2, **sent),
        approach(CallOutcome.NO_ANSWER, "c2", T0_S - 10 * DAY_S),
        ticket("t1", T0_S - 9 * DAY_S, text="it broke", purpose=Purpose.REPORT),
        feedback("f1", T0_S - 8 * DAY_S, topics=("handles",), rating=5.0, rating_scale=5.0),
        feedback("f2", T0_S, stage=FeedbackStage.ADOPTED),
        referral("r1", T0_S - 7 * DAY_S),
    ]


def _announced(
    source_class: SourceClass, previous: SourceClass | None, layout: int
) -> dict[str, Any]:
    return ({} if layout == 1 else {"announced_epoch": 300}) | {
        "applied": [1, 20, 300, 70_000, -1, *([4] if layout >= 3 else [])],
        "announced_class": source_class,
        "announced_total": 0.4375,
        "announced_as_of": T0_S * 1_000_000,
        "announced_version": 9,
        "announced_previous": previous,
        "announced_event_id": "größe-1",
        "origins": {4: 1, 5_000_000_000: 70_000},
    }


def samples(layout: int) -> dict[str, State]:
    """Return states that together fill every part that a layout has, in every form of it."""
    year_s = 52 * WEEK_S
    many_years = [
        made(f"{letter}{year}", T0_S + year * year_s, amount=20_000 * (1 + (letter == "r")))
        for year in range(12)
        for letter, made in (("o", order), ("r", refund))
    ]
    days = [call(f"c{day}", T0_S + day * DAY_S, purpose=Purpose.QUESTION) for day in range(60)]
    topics = [feedback(f"f{n}", T0_S + n * DAY_S, topics=(f"t{n}",)) for n in range(40)]
    words = [reading(f"w{n}", T0_S + n, sentiment=500 * n) for n in (-2, 0, 1)]
    classes = tuple(SourceClass)
    announced = {
        f"announced {each.value}": _customer(
            order(), **_announced(each, classes[place - 1], layout)
        )
        for place, each in enumerate(classes)
    }
    return {
        "customer before any event": ProfileState.empty(0),
        "one order": _customer(order()),
        "events of every kind": _customer(
            *events_of_every_kind(layout), **_announced(classes[1], None, layout)
        ),
        "sums of twelve years": _customer(*many_years),
        "forty days as gaps": _customer(*days[:40]),
        "sixty days as a bitmap": _customer(*days),
        **({} if layout < 3 else {"as many topics as are kept": _customer(*topics)}),
        **({} if layout < 3 else {"words of either kind": _customer(*words)}),
        **announced,
        "employee before any contact": EmployeeState.empty(0),
        "employee with two contacts": _employee(
            contact("a", T0_S - WEEK_S, note_usable=False), contact("b"), applied=[5]
        ),
        "employee with origins": _employee(contact("a"), applied=[0], origins={17: 2}),
    }


def main(layout: int) -> None:
    """Write the golden states of *layout*, unless it has been done before."""
    lines = [
        json.dumps(
            {
                "name": name,
                "kind": "customer" if isinstance(state, ProfileState) else "employee",
                "bytes": encoded(state, layout).hex(),
                "says": plain(state),
            }
        )
        for name, state in samples(layout).items()
    ]
    with path_of(layout).open("x") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(NEWEST_LAYOUT)
