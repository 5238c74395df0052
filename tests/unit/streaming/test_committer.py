"""Steps 4 to 7: what is written in which order, under either guarantee."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    PolicyViolationError,
    ProducerClosed,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from structlog.testing import capture_logs

from ckm_stream.errors import (
    ConfigurationError,
    FencedError,
    InvariantError,
    TransientError,
)
from ckm_stream.pipeline.records import Effects, OutputRecord
from ckm_stream.streaming.committer import (
    AtLeastOnce,
    Committer,
    ExactlyOnce,
    _acknowledged,
    _next_offsets,
    _send_changelog,
    _send_updates,
)
from ckm_stream.streaming.last_unit import mark_of
from ckm_stream.streaming.rights import lost_right
from tests.support.lanes import within
from tests.support.producers import (
    Acked,
    Action,
    Began,
    Ended,
    FakeProducer,
    Offsets,
    P,
    Sent,
    SentBatch,
    Started,
    Stopped,
)

CHANGELOGS = {"profiles": "profiles.changelog", "employees": "employees.changelog"}
GRACE_S = 10.0


def effects_of(*, states: int = 2, outputs: bool = True) -> Effects:
    """Return a unit's effects: some of everything."""
    effects = Effects(P, offsets={"calls": 10, "tickets": 4})
    effects.changelog["profiles"] = [(b"c-%d" % n, b"state") for n in range(states)]
    effects.changelog["employees"] = []
    if outputs:
        effects.dead_letters.append(OutputRecord("dead", P, b"c-8", None, [("why", b"x")]))
        effects.forwarded.append(OutputRecord("referrals", 5, b"c-9", b"v"))
        effects.updates.append(OutputRecord("scores", P, b"c-0", b"v"))
        effects.items.append(OutputRecord("items", P, b"c-1", b"v"))
    return effects


OUTPUTS: list[Action] = [
    Sent("dead", P, b"c-8"),
    SentBatch("referrals", 5, (b"c-9",)),
    SentBatch("items", P, (b"c-1",)),
]
OUTPUTS_ACKED: list[Action] = [Acked("dead"), Acked("referrals"), Acked("items")]
UPDATE = SentBatch("scores", P, (b"c-0",))
CHANGELOG = SentBatch("profiles.changelog", P, (b"c-0", b"c-1"))


async def exactly_once(producer: FakeProducer) -> ExactlyOnce:
    """Return an open committer over one producer."""

    def build(transactional_id: str | None) -> Any:
        producer.transactional_id = transactional_id
        return producer

    committer = ExactlyOnce(
        build, application_id="app", group_id="group", changelog_topics=CHANGELOGS
    )
    await committer.open([P])
    return committer


async def at_least_once(producer: FakeProducer) -> AtLeastOnce:
    """Return an open committer over one producer; it retries at once."""

    def build(transactional_id: str | None) -> Any:
        assert transactional_id is None
        return producer

    committer = AtLeastOnce(build, changelog_topics=CHANGELOGS, retry_s=0.0)
    await committer.open([P])
    return committer


class TestExactlyOnce:
    """One transaction per unit."""

    async def test_opening_fences_under_the_partitions_own_id(self) -> None:
        """A successor that uses the same id takes the partition over, and only that one."""
        made: list[FakeProducer] = []

        def build(transactional_id: str | None) -> Any:
            made.append(FakeProducer(transactional_id=transactional_id))
            return made[-1]

        committer = ExactlyOnce(
            build, application_id="app", group_id="group", changelog_topics=CHANGELOGS
        )
        await committer.open([0, 7])

        assert [each.actions for each in made] == [[Started("app-0")], [Started("app-7")]]

    async def test_a_unit_is_one_transaction(self) -> None:
        """Outputs, changelog and source offsets, all acknowledged before the commit."""
        producer = FakeProducer()
        committer = await exactly_once(producer)

        next_offsets = await within(committer.commit(effects_of()))

        assert producer.actions == [
            Started("app-3"),
            Began(),
            UPDATE,
            *OUTPUTS,
            CHANGELOG,
            *producer.actions[7:-1],
            Ended(),
        ]
        assert set(producer.actions[7:-1]) == {
            Acked("scores"),
            *OUTPUTS_ACKED,
            Acked("profiles.changelog"),
            Offsets((("calls", 10), ("tickets", 4)), "group"),
        }
        assert next_offsets == {"profiles": 0}

    async def test_a_unit_without_effects_still_moves_the_offsets(self) -> None:
        """All its records were redelivered; nobody needs to read them a third time."""
        producer = FakeProducer()
        committer = await exactly_once(producer)

        await within(committer.commit(effects_of(states=0, outputs=False)))

        assert producer.actions[1:] == [
            Began(),
            Offsets((("calls", 10), ("tickets", 4)), "group"),
            Ended(),
        ]

    async def test_what_only_announces_again_moves_no_offset(self) -> None:
        """It comes from states and not from records."""
        producer = FakeProducer()
        committer = await exactly_once(producer)
        effects = Effects(P)
        effects.updates.append(OutputRecord("scores", P, b"c-0", b"v"))

        await within(committer.commit(effects))

        assert producer.actions[1:] == [Began(), UPDATE, Acked("scores"), Ended()]

    @pytest.mark.parametrize(
        "error", [ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping]
    )
    @pytest.mark.parametrize(
        "method",
        [
            "begin_transaction",
            "send",
            "send_batch",
            "send_offsets_to_transaction",
            "commit_transaction",
        ],
    )
    async def test_a_fenced_producer_means_another_owner(
        self, method: str, error: type[BaseException]
    ) -> None:
        """Wherever it shows; the message names the partition."""
        producer = FakeProducer()
        committer = await exactly_once(producer)
        producer.failures[method] = error()

        with pytest.raises(FencedError, match="partition 3 belongs to another worker now"):
            await within(committer.commit(effects_of()))

        assert Ended() not in producer.actions

    @pytest.mark.parametrize("method", ["send", "send_batch", "send_offsets_to_transaction"])
    @pytest.mark.parametrize(
        ("cause", "expected"),
        [
            (ProducerFenced(), FencedError),
            (KafkaConnectionError(), TransientError),
            (MessageSizeTooLargeError(), ConfigurationError),
        ],
        ids=["fenced", "broken", "refused"],
    )
    async def test_what_has_ended_the_transaction_in_the_background_is_named(
        self, method: str, cause: BaseException, expected: type[Exception]
    ) -> None:
        """The next call says only that there is no transaction."""
        producer = FakeProducer()
        committer = await exactly_once(producer)
        producer.failures[method] = IllegalOperation("Can't send messages while not in transaction")
        producer.fail_transaction(cause)

        with pytest.raises(expected):
            await within(committer.commit(effects_of()))

    async def test_a_refused_record_ends_no_transaction(self) -> None:
        """Fenced by the answer to a batch: what is sent besides is never committed."""
        producer = FakeProducer(refusals={"profiles.changelog": [ProducerFenced()]})
        committer = await exactly_once(producer)

        with pytest.raises(FencedError):
            await within(committer.commit(effects_of()))

        assert Ended() not in producer.actions

    async def test_a_dead_letter_that_is_too_large_names_its_topic(self) -> None:
        """No retry makes it smaller: the offset stays, and the line says which limit to raise."""
        producer = FakeProducer(refusals={"dead": [MessageSizeTooLargeError()]})
        committer = await exactly_once(producer)

        with pytest.raises(ConfigurationError, match=r"'dead' .*raise its max\.message\.bytes"):
            await within(committer.commit(effects_of()))

        assert Ended() not in producer.actions

    @pytest.mark.parametrize("topic", ["dead", "items", "profiles.changelog"])
    async def test_a_refused_transactional_id_is_named(self, topic: str) -> None:
        """The answer to a batch says only that it is refused, the one to a request says whose."""
        producer = FakeProducer(refusals={topic: [TransactionalIdAuthorizationFailed()]})
        committer = await exactly_once(producer)

        with pytest.raises(TransactionalIdAuthorizationFailed) as raised:
            await within(committer.commit(effects_of()))

        assert "transactional id 'app-3'" in str(lost_right(raised.value))

    async def test_other_trouble_with_the_broker_is_transient(self) -> None:
        """The worker leaves and its successor does the work again."""
        producer = FakeProducer(failures={"commit_transaction": KafkaConnectionError()})
        committer = await exactly_once(producer)

        with pytest.raises(TransientError, match="transaction of partition 3 did not end"):
            await within(committer.commit(effects_of()))

    async def test_an_error_without_a_name_is_not_caught(self) -> None:
        """What nobody foresaw ends the process as it is."""
        producer = FakeProducer(failures={"send": ValueError("unforeseen")})
        committer = await exactly_once(producer)

        with pytest.raises(ValueError, match="unforeseen"):
            await within(committer.commit(effects_of()))

    async def test_a_producer_that_cannot_stop_is_left_behind_with_nothing_to_send(self) -> None:
        """It flushes as it stops, for ever if the broker is away; its successor fences it."""
        producer = FakeProducer(stop_gate=asyncio.Event())
        committer = await exactly_once(producer)

        await within(committer.close(grace_s=0.0))

        assert [type(error) for error in producer.dropped] == [ProducerClosed]
        await asyncio.sleep(0)
        assert producer.actions[-1] == Stopped()

    async def test_a_producer_whose_stop_fails_is_said_to_and_has_stopped(self) -> None:
        """Its sender has failed, so nothing of it is on its way any more."""
        producer = FakeProducer(failures={"stop": ProducerFenced()})
        committer = await exactly_once(producer)

        with capture_logs() as logs:
            await within(committer.close(grace_s=GRACE_S))

        assert [(each["event"], each["error"]) for each in logs] == [
            ("producer.stop", "ProducerFenced")
        ]

    async def test_closing_stops_every_producer(self) -> None:
        """And a later opening makes new ones."""
        producer = FakeProducer()
        committer = await exactly_once(producer)

        await within(committer.close(grace_s=GRACE_S))
        await within(committer.close(grace_s=GRACE_S))
        await within(committer.open([P]))

        assert producer.actions == [Started("app-3"), Stopped(), Started("app-3")]


class TestAtLeastOnce:
    """Outputs before state before updates before offset, each acknowledged."""

    async def test_a_state_is_durable_after_what_its_events_cause_and_before_its_update(
        self,
    ) -> None:
        """A record that is skipped lacks nothing; an update tells of what a successor will find."""
        producer = FakeProducer()
        committer = await at_least_once(producer)

        next_offsets = await within(committer.commit(effects_of()))

        assert producer.actions == [
            Started(None),
            *OUTPUTS,
            *OUTPUTS_ACKED,
            CHANGELOG,
            Acked("profiles.changelog"),
            UPDATE,
            Acked("scores"),
        ]
        assert next_offsets == {"profiles": 0}

    @pytest.mark.parametrize(
        "error", [NotLeaderForPartitionError, KafkaConnectionError, KafkaTimeoutError]
    )
    async def test_outputs_that_the_broker_cannot_take_are_sent_again(
        self, error: type[BaseException]
    ) -> None:
        """In place, all of them, and the state waits for it."""
        producer = FakeProducer(refusals={"items": [error(), error()]})
        committer = await at_least_once(producer)

        await within(committer.commit(effects_of()))

        sent = [action for action in producer.actions if isinstance(action, Sent | SentBatch)]
        assert sent == [*OUTPUTS, *OUTPUTS, *OUTPUTS, CHANGELOG, UPDATE]

    async def test_a_changelog_that_the_broker_cannot_take_holds_the_updates_back(self) -> None:
        """The order survives the retry."""
        producer = FakeProducer(refusals={"profiles.changelog": [KafkaTimeoutError()]})
        committer = await at_least_once(producer)

        await within(committer.commit(effects_of()))

        assert producer.actions[-5:] == [
            CHANGELOG,
            CHANGELOG,
            Acked("profiles.changelog"),
            UPDATE,
            Acked("scores"),
        ]

    async def test_each_state_carries_the_mark_of_its_unit(self) -> None:
        """By it a successor knows whom the last unit may not have told of."""
        producer = FakeProducer()
        committer = await at_least_once(producer)

        await within(committer.commit(effects_of()))

        assert (
            producer.headers["profiles.changelog"]
            == [list(mark_of({"calls": 10, "tickets": 4}))] * 2
        )

    async def test_what_no_retry_can_heal_is_raised(self) -> None:
        """A missing permission does not come back by waiting."""
        producer = FakeProducer(refusals={"scores": [TopicAuthorizationFailedError()]})
        committer = await at_least_once(producer)

        with pytest.raises(TopicAuthorizationFailedError):
            await within(committer.commit(effects_of()))

    async def test_what_a_topic_does_not_take_is_named(self) -> None:
        """Somebody has to repair a topic: the line says which it may be."""
        producer = FakeProducer(refusals={"scores": [PolicyViolationError()]})
        committer = await at_least_once(producer)

        with pytest.raises(ConfigurationError, match=r"Kafka does not take .*'scores'"):
            await within(committer.commit(effects_of()))

    async def test_a_producer_that_cannot_stop_must_not_live_on(self) -> None:
        """Nothing fences it: what it sends later could put an old state behind a successor's."""
        producer = FakeProducer(stop_gate=asyncio.Event())
        committer = await at_least_once(producer)

        with pytest.raises(TransientError, match="this worker leaves"):
            await within(committer.close(grace_s=0.0))

    async def test_all_partitions_share_one_producer(self) -> None:
        """Opening again starts nothing; closing twice stops once."""
        producer = FakeProducer()
        committer = await at_least_once(producer)

        await within(committer.open([0, 1]))
        await within(committer.close(grace_s=GRACE_S))
        await within(committer.close(grace_s=GRACE_S))

        assert producer.actions == [Started(None), Stopped()]

    async def test_a_unit_before_opening_is_our_own_defect(self) -> None:
        """There is no producer to write it with."""
        committer = AtLeastOnce(lambda _: pytest.fail("made"), changelog_topics=CHANGELOGS)

        with pytest.raises(InvariantError, match="before its committer was opened"):
            await within(committer.commit(effects_of()))


@pytest.mark.parametrize("new_committer", [exactly_once, at_least_once])
class TestBoth:
    """What the two guarantees have in common."""

    async def test_a_full_batch_is_sent_and_the_next_one_begun(
        self, new_committer: Callable[[FakeProducer], Awaitable[Committer]]
    ) -> None:
        """Five states, two to a batch; recovery may start at the last batch's first offset."""
        producer = FakeProducer(capacity=2, next_offsets={"profiles.changelog": 40})
        committer = await new_committer(producer)

        next_offsets = await within(committer.commit(effects_of(states=5, outputs=False)))

        batches = [action for action in producer.actions if isinstance(action, SentBatch)]
        assert [batch.keys for batch in batches] == [(b"c-0", b"c-1"), (b"c-2", b"c-3"), (b"c-4",)]
        assert next_offsets == {"profiles": 44}

    async def test_a_record_that_fits_no_batch_is_our_own_defect(
        self, new_committer: Callable[[FakeProducer], Awaitable[Committer]]
    ) -> None:
        """States are bounded far below a batch's size."""
        committer = await new_committer(FakeProducer(capacity=0))

        with pytest.raises(InvariantError, match=r"profiles\.changelog does not fit"):
            await within(committer.commit(effects_of(outputs=False)))


def order_problem(actions: list[Action]) -> str | None:
    """Say what was sent before what it rests on was durable; None if the order was kept."""
    acked: set[Action] = set()
    for action in actions:
        if action == CHANGELOG and not acked.issuperset(OUTPUTS_ACKED):
            return "a state before its outputs"
        if action == UPDATE and Acked("profiles.changelog") not in acked:
            return "an update before its state"
        acked.add(action)
    return None


class UpdatesFirst(AtLeastOnce):
    """A committer that tells of states before they are durable."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write the updates, then the rest."""
        producer: Any = self._shared
        await _acknowledged(await _send_updates(producer, effects))
        return await super().commit(replace(effects, updates=[]))


class StateFirst(AtLeastOnce):
    """A committer that makes states durable before what their events cause."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write the changelog, then the rest."""
        producer: Any = self._shared
        next_offsets = await _next_offsets(await _send_changelog(producer, effects, CHANGELOGS))
        await super().commit(replace(effects, changelog={}))
        return next_offsets


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (AtLeastOnce, None),
        (UpdatesFirst, "an update before its state"),
        (StateFirst, "a state before its outputs"),
    ],
    ids=["kept", "control-updates", "control-state"],
)
async def test_the_order_is_checked_by_more_than_its_own_words(
    kind: type[AtLeastOnce], problem: str | None
) -> None:
    """Controls: committers that swap two steps are found out."""
    producer: Any = FakeProducer()
    committer = kind(lambda _: producer, changelog_topics=CHANGELOGS)
    await committer.open([P])

    await within(committer.commit(effects_of()))

    assert order_problem(producer.actions) == problem
