"""Epochs and their bytes: written, read back the same, and refused when they are not usable."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.domain.choices import Prior, Priors
from ckm_stream.domain.epoch import NEVER_S, Epoch, FittedModel, epoch_zero
from ckm_stream.domain.network import Network
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.quantiles import LogHistogram, Quantiles
from ckm_stream.domain.topics import TopicTable
from ckm_stream.errors import InvariantError, Reason, RejectedRecord
from ckm_stream.population.topics import KNOTS, MOST_TOPICS

CODEC = EpochCodec(Catalogue.load())


def table_of(*values: float) -> Any:
    """Return the table of a population of these values."""
    histogram = LogHistogram()
    for value in values:
        histogram.add(value)
    return histogram.table()


def wrong_topic(customers: int, seconds: tuple[int, ...]) -> TopicTable:
    """Return a table that cannot be made, only written."""
    topic = object.__new__(TopicTable)
    for name, value in (("key", 7), ("customers", customers), ("seconds", seconds)):
        object.__setattr__(topic, name, value)
    return topic


EPOCH = replace(
    epoch_zero(Policy()),
    epoch_id=7,
    effective_from_s=1_700_000_000,
    scale=Quantiles(tuple(table_of(0.0, 0.1 * place, 2.0) for place in range(1, 13))),
    reference=(0.25,) * 12,
    priors=replace(Priors(), trust=Prior(a=3.25, b=0.75)),
    employee_rates=tuple(place / 16 for place in range(16)),
    as_of_s=1_699_999_000,
    customers=23_570,
    models=(FittedModel("bg_nbd", (0.2426, 4.4136, 0.7929, 2.4259), -9582.43, 2357),),
    network=Network((5, (1 << 63) - 1, 1 << 63, (1 << 64) - 1), (0.5, 1e9, 3.0, 40_000.25)),
    topics=(
        TopicTable(0, 21, (0, 5)),
        TopicTable((1 << 32) - 1, 23_570, (1_700_000_000, 1_700_000_000, (1 << 43) - 1)),
    ),
)


@given(
    st.lists(st.lists(st.floats(0, 1e9), min_size=1, max_size=30), min_size=12, max_size=12),
    st.integers(1, 1 << 60),
    st.integers(0, 1 << 40),
)
def test_an_epoch_is_read_back_as_it_was_written(
    populations: list[list[float]], epoch_id: int, from_s: int
) -> None:
    """Equal to the bit, so that all workers score with the same numbers."""
    scale = Quantiles(tuple(table_of(*values) for values in populations))
    epoch = replace(EPOCH, scale=scale, epoch_id=epoch_id, effective_from_s=from_s)

    assert CODEC.decode(CODEC.encode(epoch)) == epoch


def test_an_epoch_that_waits_to_be_activated_is_written_too() -> None:
    """From never is a number that fits."""
    waiting = replace(EPOCH, effective_from_s=NEVER_S)

    assert CODEC.decode(CODEC.encode(waiting)) == waiting


def test_the_most_topics_keep_an_epoch_small() -> None:
    """Its record is far below what a broker takes: 1 MB."""
    topics = tuple(
        TopicTable(key << 24, 1_000_000, tuple(range(1_700_000_000, 1_700_000_000 + KNOTS)))
        for key in range(MOST_TOPICS)
    )

    size = len(CODEC.encode(replace(EPOCH, topics=topics)))

    assert size - len(CODEC.encode(replace(EPOCH, topics=()))) < 25_000


def test_an_epoch_that_was_not_learnt_is_not_announced() -> None:
    """Epoch 0 is the policy's own."""
    with pytest.raises(InvariantError, match="epoch 0 has no quantile tables"):
        CODEC.encode(epoch_zero(Policy()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda epoch: replace(epoch, epoch_id=0), "its number"),
        (lambda epoch: replace(epoch, scale=Quantiles(epoch.scale.tables[:11])), "12 tables"),
        (lambda epoch: replace(epoch, within=(0.5,) * 12), "add up to 1"),
        (lambda epoch: replace(epoch, within=epoch.within[:8]), "weigh 12"),
        (lambda epoch: replace(epoch, between=(0.5, 0.5, 0.5)), "exponents"),
        (lambda epoch: replace(epoch, between=(1.5, -0.5, 0.0)), "exponents"),
        (lambda epoch: replace(epoch, high=(0.5, 0.5, 1.5)), "thresholds"),
        (lambda epoch: replace(epoch, high=(0.5, 0.5, float("nan"))), "thresholds"),
        (lambda epoch: replace(epoch, reference=(0.5,) * 11), "reference"),
        (lambda epoch: replace(epoch, employee_rates=(0.5,)), "16 bins"),
        (lambda epoch: replace(epoch, topics=epoch.topics[::-1]), "in the order of their keys"),
        (lambda epoch: replace(epoch, topics=epoch.topics[:1] * 2), "each once"),
        (lambda epoch: replace(epoch, topics=(wrong_topic(20, (1, 2)),)), "at least 21 customers"),
        (lambda epoch: replace(epoch, topics=(wrong_topic(21, (2, 1)),)), "never fall"),
        (
            lambda epoch: replace(epoch, priors=replace(epoch.priors, trust=Prior(a=0, b=1))),
            "priors must be > 0",
        ),
        (
            lambda epoch: replace(
                epoch, priors=replace(epoch.priors, acceptance_rate=Prior(a=0.4, b=1.0))
            ),
            "acceptance rate >= 0.5",
        ),
    ],
)
def test_an_epoch_that_no_score_may_be_made_with_is_refused(
    change: Callable[[Epoch], Epoch], message: str
) -> None:
    """It says what is wrong; whoever reads it keeps the epoch before."""
    with pytest.raises(RejectedRecord, match=message) as refused:
        CODEC.decode(CODEC.encode(change(EPOCH)))

    assert refused.value.reason is Reason.OUT_OF_RANGE


def test_a_table_that_falls_is_refused() -> None:
    """A scale that is not monotone would rank more below less."""
    table = EPOCH.scale.tables[0]  # type: ignore[attr-defined] # quantiles have tables
    falling = object.__new__(type(table))
    object.__setattr__(falling, "values", table.values)
    object.__setattr__(falling, "shares", table.shares[::-1])
    scale = Quantiles((falling, *EPOCH.scale.tables[1:]))  # type: ignore[attr-defined] # likewise

    with pytest.raises(RejectedRecord, match="rise from"):
        CODEC.decode(CODEC.encode(replace(EPOCH, scale=scale)))


def test_a_network_whose_ids_fall_is_refused() -> None:
    """Half of it would never be found."""
    network = object.__new__(Network)
    object.__setattr__(network, "ids", (2, 1))
    object.__setattr__(network, "values", (1.0, 1.0))

    with pytest.raises(RejectedRecord, match="rising ids"):
        CODEC.decode(CODEC.encode(replace(EPOCH, network=network)))


@pytest.mark.parametrize("value", [None, b"", b"\0\0\0\0\0garbage"])
def test_what_is_no_epoch_is_refused(value: bytes | None) -> None:
    """As any other topic's values."""
    with pytest.raises(RejectedRecord):
        CODEC.decode(value)
