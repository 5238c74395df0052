"""Golden states: the bytes of every layout that was released are read for ever (promise P3)."""

import msgspec
import pytest

from ckm_stream.codec.layouts import (
    DEFAULT_LAYOUT,
    LAYOUTS,
    NEWEST_LAYOUT,
    WRITTEN_LAYOUTS,
)
from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.domain.profile import NOT_APPLIED, SOURCES, Delivery, ProfileState
from ckm_stream.errors import ConfigurationError, InvariantError
from tests.support.golden_states import (
    FOLDER,
    Golden,
    decoded,
    encoded,
    goldens,
    path_of,
    plain,
    samples,
)
from tests.support.touchpoints import POLICY

ALL = [
    pytest.param(golden, id=f"{golden.name}-{layout}")
    for layout in LAYOUTS
    for golden in goldens(layout)
]
#: What a part that a layout did not have yet is read as.
AT_REST = {field.name: field.default for field in msgspec.structs.fields(Delivery)}
FACTS_AT_REST = {"mentions": [], "referrer": [-1, 0], "network_id": 0}


def what_it_says(golden: Golden) -> dict[str, object]:
    """Return the golden values, with those of today's parts that its layout did not have."""
    delivery = AT_REST | golden.says["delivery"]
    if not golden.is_customer:
        return golden.says | {"delivery": delivery}
    delivery["applied"] += [NOT_APPLIED] * (SOURCES - len(delivery["applied"]))
    return FACTS_AT_REST | golden.says | {"delivery": delivery}


@pytest.mark.parametrize("golden", ALL)
def test_a_state_of_any_layout_is_read_as_what_it_says(golden: Golden) -> None:
    """The values were written down when the layout was released, not computed today."""
    assert plain(decoded(golden)) == what_it_says(golden)


@pytest.mark.parametrize("golden", ALL)
def test_a_state_is_written_in_its_layout_as_released(golden: Golden) -> None:
    """Any change of a byte is a new layout."""
    assert encoded(decoded(golden), golden.layout) == golden.data


@pytest.mark.parametrize("golden", ALL)
def test_the_compiled_core_reads_and_writes_every_layout_alike(golden: Golden) -> None:
    """Each golden state, written in each layout, is what the Python codec writes."""
    native = pytest.importorskip("ckm_stream.native.encoding", reason="not built here")
    choices = pytest.importorskip("ckm_stream.native.choices", reason="likewise").Choices
    recode = native.recode if golden.is_customer else native.recode_employee

    for layout in range(golden.layout, NEWEST_LAYOUT + 1):
        expected = encoded(decoded(golden), layout)
        assert recode(golden.data, choices(POLICY, layout)) == expected


def test_every_layout_has_its_golden_states_and_all_are_known() -> None:
    """A layout is released with its golden states; no file of one is left behind."""
    assert {path_of(layout) for layout in LAYOUTS} == set(FOLDER.glob("layout*.json"))
    assert sorted(LAYOUTS) == list(range(1, NEWEST_LAYOUT + 1))
    assert {DEFAULT_LAYOUT, NEWEST_LAYOUT} <= set(WRITTEN_LAYOUTS)
    for layout in LAYOUTS:
        assert {golden.name for golden in goldens(layout)} == set(samples(layout))


def test_control_without_a_layout_s_reader_its_states_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A release that forgot layout 1 cannot read the golden states, and says so."""
    monkeypatch.delitem(LAYOUTS, 1)

    for golden in goldens(1):
        with pytest.raises(ConfigurationError, match="layout 1, this release reads 2, 3"):
            decoded(golden)


def test_control_a_part_moved_in_a_layout_is_noticed() -> None:
    """Two parts of a golden state exchanged: it is not what it says, or no state at all."""
    golden = next(each for each in goldens(1) if each.name == "events of every kind")
    parts = msgspec.msgpack.decode(golden.data)
    parts[11], parts[12], parts[13] = parts[12] + b"\x01", parts[11], parts[13] + 1

    state = decode_state(msgspec.msgpack.encode(parts), POLICY)

    assert plain(state) != what_it_says(golden)


def test_an_epoch_is_not_lost_in_a_layout_without_room_for_it() -> None:
    """Going back to layout 1 after an epoch was announced is refused with the setting."""
    state = ProfileState.empty(0)
    state.delivery.announced_epoch = 3
    native = pytest.importorskip("ckm_stream.native.encoding", reason="not built here")
    choices = pytest.importorskip("ckm_stream.native.choices", reason="likewise").Choices

    data = encode_state(state, POLICY, layout=2)

    assert decode_state(data, POLICY) == state
    with pytest.raises(ConfigurationError, match=r"epoch 3.*CKM__STATE__LAYOUT=3"):
        encode_state(state, POLICY, layout=1)
    with pytest.raises(ConfigurationError, match=r"epoch 3.*CKM__STATE__LAYOUT=3"):
        native.recode(data, choices(POLICY, 1))


def test_texts_are_not_forgotten_in_a_layout_without_a_place_for_them() -> None:
    """Going back after texts were applied would apply them again; it is refused."""
    state = ProfileState.empty(0)
    state.delivery.applied[-1] = 7
    native = pytest.importorskip("ckm_stream.native.encoding", reason="not built here")
    choices = pytest.importorskip("ckm_stream.native.choices", reason="likewise").Choices

    data = encode_state(state, POLICY, layout=3)

    assert decode_state(data, POLICY) == state
    for layout in (1, 2):
        with pytest.raises(ConfigurationError, match=r"offset 7.*CKM__STATE__LAYOUT=3"):
            encode_state(state, POLICY, layout=layout)
        with pytest.raises(ConfigurationError, match=r"offset 7.*CKM__STATE__LAYOUT=3"):
            native.recode(data, choices(POLICY, layout))


@pytest.mark.parametrize("number", [NEWEST_LAYOUT + 1, 127, 128, 70_000])
@pytest.mark.parametrize("parts", [2, 16])
def test_a_layout_of_a_newer_release_is_refused_by_its_number(number: int, parts: int) -> None:
    """However many parts it has and however long its number is: one sentence with the remedy."""
    data = msgspec.msgpack.encode([number] + [{"shape": 1}] * (parts - 1))

    with pytest.raises(
        ConfigurationError, match=f"layout {number}, this release reads 1, 2, 3; run"
    ):
        decode_state(data, POLICY)


@pytest.mark.parametrize("data", [b"", b"\xdc", b"\xdc\x00\x10", b"\x91", b"\x00\x01", b"\xc4"])
def test_bytes_too_short_for_a_layout_are_an_invariant_broken(data: bytes) -> None:
    """There is nothing to read a number from, or nothing behind it."""
    with pytest.raises(InvariantError):
        decode_state(data, POLICY)
