"""
Whether what the programs need outside is there: `ckm check`, the part about Kafka.

Looks at everything, not only as far as the first thing that is wrong, and changes nothing. One
request is made as a program makes it at its start: a producer id is asked for, and not used.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from kafka.errors import for_code
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.broker_version_data import BrokerVersionData
from kafka.protocol.metadata import ApiVersionsRequest, FindCoordinatorRequest
from kafka.protocol.producer.transaction import InitProducerIdRequest

from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.access import (
    CHANNEL,
    GATEWAY,
    PROFILE_WORKER,
    SNAPSHOT_WORKER,
    TEXT_WORKER,
    check_access,
)
from ckm_stream.operations.connection import conversation
from ckm_stream.operations.findings import (
    Finding,
    Look,
    Outcome,
    failed,
    gather,
    look_at,
    ok,
    warning,
)
from ckm_stream.operations.greeting import Conversation
from ckm_stream.operations.security import principal_of
from ckm_stream.operations.states import newest_state_problem
from ckm_stream.operations.topics import Action, TopicSpec, count_problems, plan_topics, specs_of
from ckm_stream.settings import Guarantee, Settings

BROKER: Final = "broker"
PRODUCERS: Final = "producer ids"
TOPICS: Final = "topics"
STATES: Final = "states"

_TRANSACTION: Final = 1  # of FindCoordinator, beside 0 for a group
# The request that aiokafka sends; a broker may know a newer one and fail at this.
_INIT_VERSION: Final = 0
# A coordinator that is being loaded is there within a second or two.
_PATIENCE_S: Final = 3.0
_PAUSE_S: Final = 0.2


class Program(StrEnum):
    """Who is going to run with these settings."""

    WORKER = "worker"
    SNAPSHOTS = "snapshots"
    TEXTS = "texts"
    GATEWAY = "gateway"
    PUBLISHER = "publisher"
    DEADLETTERS = "deadletters"


#: Names in schemas/principals.yaml.
ROLES: Final[Mapping[Program, str]] = {
    Program.WORKER: PROFILE_WORKER,
    Program.SNAPSHOTS: SNAPSHOT_WORKER,
    Program.TEXTS: TEXT_WORKER,
    Program.GATEWAY: GATEWAY,
    Program.PUBLISHER: CHANNEL,
    Program.DEADLETTERS: "dead-letter-replay",
}
#: The programs that nobody does without: what is looked at if no program is named.
WORKERS: Final = (Program.WORKER, Program.SNAPSHOTS)


def check_kafka(
    settings: Settings, programs: Collection[Program], *, patience_s: float
) -> Iterator[Finding]:
    """
    Look at the brokers, then at everything that lies on them.

    Args:
        settings: Where they are and who we are.
        programs: Whose rights and topics; ``WORKERS`` if empty, and then one set of rights is
            enough, because the two may be different users.
        patience_s: Seconds for what is looked at once a broker has answered.
    """
    reached = look_at(BROKER, lambda: _check_broker(settings))
    yield from reached
    looks = _looks(settings, programs)
    if any(finding.outcome is not Outcome.OK for finding in reached):
        yield from (Finding(name, Outcome.SKIPPED, "needs the broker") for name in looks)
        return
    yield from gather(looks, patience_s=patience_s)


def _looks(settings: Settings, programs: Collection[Program]) -> dict[str, Look]:
    concerned = programs or WORKERS
    specs = {spec.name: spec for each in concerned for spec in specs_of(ROLES[each])}
    looks: dict[str, Look] = {}
    if set(concerned) != {Program.SNAPSHOTS}:  # which never produces
        looks[PRODUCERS] = lambda: _check_producers(settings, concerned)
    looks["access"] = lambda: _check_access(settings, concerned, is_chosen=bool(programs))
    looks[TOPICS] = lambda: _check_topics(settings, specs.values())
    if set(concerned) & set(WORKERS):
        looks[STATES] = lambda: _check_states(settings)
    return looks


def _check_broker(settings: Settings) -> Iterator[Finding]:
    with conversation(settings) as talk:
        answer = talk.ask(ApiVersionsRequest(version=0))
        known = {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}
        version = ".".join(map(str, BrokerVersionData(api_versions=known).broker_version))
        host, port = talk.address
        yield ok(
            BROKER,
            f"{host}:{port} answers, one of {max(1, len(talk.brokers))}; it speaks as Kafka "
            f"{version} does; we are {principal_of(settings.kafka.security)}",
        )


def _check_producers(settings: Settings, programs: Collection[Program]) -> Iterator[Finding]:
    kafka = settings.kafka
    transactions = kafka.guarantee is Guarantee.EXACTLY_ONCE and bool(
        set(programs) - {Program.PUBLISHER, Program.TEXTS, Program.GATEWAY}
    )
    if not (transactions or kafka.idempotence):
        yield ok(PRODUCERS, "not needed with CKM__KAFKA__IDEMPOTENCE=false and at_least_once")
        return
    with conversation(settings) as talk:
        _require(talk, _producer_id, "gives no producer ids")
        if transactions:
            _require(
                talk,
                lambda: _coordinator(f"{kafka.profile_group}-0"),
                "has nobody to keep transactions; look at the replicas of __transaction_state",
            )
    what = "producer ids and transactions" if transactions else "producer ids"
    yield ok(PRODUCERS, f"the broker gives {what}, as {kafka.guarantee} needs")


def _producer_id() -> ApiMessage:
    """Ask for a producer id, as every idempotent producer does at its start."""
    return InitProducerIdRequest(
        transactional_id=None, transaction_timeout_ms=1000, version=_INIT_VERSION
    )


def _coordinator(transactional_id: str) -> ApiMessage:
    """Ask who keeps a transactional id; where no transaction has been, its topic is made now."""
    return FindCoordinatorRequest(key=transactional_id, key_type=_TRANSACTION, max_version=2)


def _require(talk: Conversation, request: Callable[[], ApiMessage], what: str) -> None:
    """
    Ask until the answer has no error that passes, as clients do.

    Raises:
        ConfigurationError: If the broker cannot do *what* is asked for.
        TransientError: If it cannot for now.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while (code := talk.ask(request()).error_code) and for_code(code).retriable:
        if time.monotonic() > deadline:
            raise TransientError(f"the broker {what} ({for_code(code).__name__})")
        time.sleep(_PAUSE_S)
    if code:
        raise ConfigurationError(
            f"the broker {what} ({for_code(code).__name__}); repair it, or set "
            "CKM__KAFKA__GUARANTEE=at_least_once and CKM__KAFKA__IDEMPOTENCE=false for one "
            "without transactions"
        )


def _check_access(
    settings: Settings, programs: Collection[Program], *, is_chosen: bool
) -> Iterator[Finding]:
    problems = {each: check_access(settings, ROLES[each]) for each in programs}
    principal = principal_of(settings.kafka.security)
    fits = [each for each in programs if not problems[each]]
    for program, lacking in problems.items():
        check = f"access of {program}"
        if not lacking:
            yield ok(check, f"{principal} may do all that it does")
            continue
        sentence = (
            f"{principal} lacks {', '.join(map(str, lacking))}; `ckm topics acls --principal "
            f"'{ROLES[program]}={principal}'` has what to grant"
        )
        if fits and not is_chosen:
            yield warning(check, f"{sentence}, unless it is another user; `--as` says who this is")
        else:
            yield failed(check, sentence)


def _check_topics(settings: Settings, specs: Iterable[TopicSpec]) -> Iterator[Finding]:
    specs = list(specs)
    wrong = count_problems(settings, specs)
    yield from (failed(TOPICS, problem) for problem in wrong)
    if wrong:
        return
    compared = look_at(TOPICS, lambda: _drift(settings, specs))
    if any(finding.outcome is Outcome.FAILED for finding in compared):
        # DESCRIBE_CONFIGS is no right that a program needs.
        yield ok(TOPICS, f"{len(specs)} are there; their configuration is not shown to us")
        return
    yield from compared or [ok(TOPICS, f"{len(specs)} are there, as schemas/topics describes them")]


def _drift(settings: Settings, specs: list[TopicSpec]) -> Iterator[Finding]:
    for change in plan_topics(settings, specs):
        if change.action is Action.CONFIGURE:
            yield warning(
                TOPICS,
                f"'{change.topic}' is not as schemas/topics describes it ({change.detail}); "
                "`ckm topics apply` sets it",
            )


def _check_states(settings: Settings) -> Iterator[Finding]:
    topic = Topics(settings.kafka.topic_prefix).profile_changelog
    problem = newest_state_problem(settings, topic)
    if problem is None:
        yield ok(STATES, f"the newest one in '{topic}' is readable, or there is none yet")
    else:
        yield failed(STATES, f"the newest one in '{topic}' is not readable: {problem}")
