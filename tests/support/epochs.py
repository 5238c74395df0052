"""Epochs of every kind: one that knows nobody, and others that have learnt this and that."""

from collections.abc import Iterator
from dataclasses import fields, replace

from ckm_stream.domain.choices import Prior, Priors
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.mentions import topic_key
from ckm_stream.domain.network import Network
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.quantiles import LogHistogram, Quantiles, QuantileTable
from ckm_stream.domain.sketch import network_id
from ckm_stream.domain.topics import TopicTable
from tests.support.touchpoints import DAY_S, T0_S


def various_epochs(policy: Policy) -> Iterator[Epoch]:
    """Return epoch 0, one of employees and one topic, and one of tables, priors and topics."""
    epoch = epoch_zero(policy)
    yield epoch
    yield replace(
        epoch,
        epoch_id=70,
        employee_rates=tuple(0.03 + bin_ / 19 for bin_ in range(16)),
        reference=(0.0,) * 4 + tuple(place / 13 for place in range(8)),
        topics=(TopicTable(topic_key("billing"), 21, (T0_S - DAY_S, T0_S + 900 * DAY_S)),),
    )
    yield replace(
        epoch,
        epoch_id=1 << 30,
        scale=Quantiles(tuple(map(table_of, range(12)))),
        priors=Priors(
            **{
                each.name: Prior(a=1.0 - place / 40, b=0.1 + place / 3)
                for place, each in enumerate(fields(Priors))
                if each.name != "acceptance_rate"
            },
            acceptance_rate=Prior(a=1.7, b=0.51),
        ),
        network=Network(
            *zip(
                *sorted((network_id(f"c-{each}"), 1_000.0 / each) for each in range(1, 40)),
                strict=True,
            )
        ),
        as_of_s=policy.landmark_s + 90 * DAY_S,
        topics=tuple(sorted(map(topic_of, range(0, 48, 3)), key=lambda topic: topic.key)),
    )


def table_of(place: int) -> QuantileTable:
    """Return a table of as many values as *place* says, about as large as the indicator's."""
    histogram = LogHistogram()
    histogram.zeros = place
    for value in range(3 * place):
        histogram.add(1.7**value * (10.0 if place < 3 else 0.001))
    histogram.add(0.5)
    return histogram.table()


def topic_of(number: int) -> TopicTable:
    """Return the table of a topic of the drawn histories, more and less spread by its number."""
    step_s = number * 11 * DAY_S + number % 2
    seconds = [T0_S + place * step_s for place in range(2 + number)]
    several = min(number, 5)
    seconds[1:several] = seconds[1:2] * len(seconds[1:several])
    return TopicTable(topic_key(f"topic {number}"), 21 + number, tuple(seconds))
