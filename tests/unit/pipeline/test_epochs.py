"""Which epoch is in force when, whatever order they became known in."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import InvariantError
from ckm_stream.pipeline.epochs import Epochs

ZERO = epoch_zero(Policy())


def epoch(epoch_id: int, from_s: int) -> Epoch:
    """Return an epoch that differs from epoch 0 by its number and beginning."""
    return replace(ZERO, epoch_id=epoch_id, effective_from_s=from_s)


def test_an_epoch_is_in_force_from_its_first_second_on() -> None:
    """Until the next one is."""
    epochs = Epochs(ZERO)
    epochs.take(epoch(1, ZERO.effective_from_s + 100))
    epochs.take(epoch(2, ZERO.effective_from_s + 200))

    in_force = [epochs.at(ZERO.effective_from_s + s).epoch_id for s in (0, 99, 100, 199, 200, 999)]

    assert in_force == [0, 0, 1, 1, 2, 2]
    assert epochs.at(0).epoch_id == 0


def test_the_next_one_is_known_ahead() -> None:
    """None is next to the last."""
    epochs = Epochs(ZERO)
    later = epoch(1, ZERO.effective_from_s + 100)
    epochs.take(later)

    assert epochs.next_after(ZERO.effective_from_s) == later
    assert epochs.next_after(ZERO.effective_from_s + 99) == later
    assert epochs.next_after(ZERO.effective_from_s + 100) is None
    assert epochs.newest == later


@given(
    st.dictionaries(st.integers(1, 99), st.integers(0, 50), max_size=12),
    st.randoms(use_true_random=False),
    st.integers(0, 60),
)
def test_the_order_of_announcements_plays_no_part(
    begins: dict[int, int], chance: Random, asked_s: int
) -> None:
    """In force is the one with the greatest (effective_from, number) that is not after now."""
    announced = [epoch(name, ZERO.effective_from_s + s) for name, s in begins.items()]
    chance.shuffle(announced)
    epochs = Epochs(ZERO)
    for each in announced:
        assert epochs.take(each)

    begun = [(s, name) for name, s in begins.items() if s <= asked_s]
    expected = max(begun)[1] if begun else 0
    assert epochs.at(ZERO.effective_from_s + asked_s).epoch_id == expected


def test_hearing_of_an_epoch_again_changes_nothing() -> None:
    """The topic is read whole each time."""
    epochs = Epochs(ZERO)

    assert epochs.take(epoch(1, 5))
    assert not epochs.take(epoch(1, 5))
    assert len(epochs) == 2


def test_an_epoch_that_changes_is_refused() -> None:
    """Scores were made with the first; with the second they would differ."""
    epochs = Epochs(ZERO)
    epochs.take(epoch(1, 5))

    with pytest.raises(InvariantError, match="epoch 1 was announced twice"):
        epochs.take(epoch(1, 6))
