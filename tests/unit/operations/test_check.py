"""What `ckm check` tells of Kafka: each thing as it should be, and as it should not."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.protocol.metadata import ApiVersionsRequest, FindCoordinatorRequest

from ckm_stream.cli.check import ProgramName
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations import check
from ckm_stream.operations.access import PROFILE_WORKER, SNAPSHOT_WORKER, Problem
from ckm_stream.operations.acls import Resource, load_principals
from ckm_stream.operations.check import ROLES, Program, check_kafka
from ckm_stream.operations.findings import Finding, Outcome
from ckm_stream.operations.topics import Action, Change
from ckm_stream.settings import Guarantee, KafkaSettings, Settings

_LOADING, _NO_COORDINATOR = 14, 15
_UNKNOWN = -1
_TOPIC = "ckm.touchpoint.call.v1"


@dataclass
class Cluster:
    """A cluster in which all is well, unless it is told otherwise."""

    away: bool = False
    producer_error: int = 0
    coordinator_error: int = 0
    errors: list[int] = field(default_factory=list)
    lacking: dict[str, list[Problem]] = field(default_factory=dict)
    count_problems: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    shows_configuration: bool = True
    state_problem: str | None = None
    asked: list[str] = field(default_factory=list)
    address = ("broker", 9092)
    brokers = (("broker", 9092), ("other", 9092))

    @contextmanager
    def conversation(self, _settings: Settings) -> Iterator["Cluster"]:
        """Answer requests, or be away."""
        if self.away:
            raise TransientError("Kafka at broker:9092 cannot be reached")
        yield self

    def ask(self, request: Any) -> Any:
        """Answer one request."""
        self.asked.append(type(request).__name__)
        if isinstance(request, ApiVersionsRequest):
            key = SimpleNamespace(api_key=0, min_version=0, max_version=9)
            return SimpleNamespace(api_keys=[key])
        if self.errors:
            return SimpleNamespace(error_code=self.errors.pop(0))
        if isinstance(request, FindCoordinatorRequest):
            return SimpleNamespace(error_code=self.coordinator_error)
        return SimpleNamespace(error_code=self.producer_error)

    def check_access(self, _settings: Settings, role: str) -> list[Problem]:
        """Return what a role lacks."""
        return self.lacking.get(role, [])

    def plan_topics(self, _settings: Settings, _specs: Iterable[Any]) -> list[Change]:
        """Return what differs, if that is shown to us."""
        if not self.shows_configuration:
            raise ConfigurationError("User:ckm-worker may not do that")
        return self.changes


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Give the cluster that is looked at."""
    made = Cluster()
    monkeypatch.setattr(check, "conversation", made.conversation)
    monkeypatch.setattr(check, "check_access", made.check_access)
    monkeypatch.setattr(check, "count_problems", lambda *_: made.count_problems)
    monkeypatch.setattr(check, "plan_topics", made.plan_topics)
    monkeypatch.setattr(check, "newest_state_problem", lambda *_: made.state_problem)
    return made


def found(settings: Settings | None = None, *programs: Program) -> list[Finding]:
    """Return what is found."""
    return list(check_kafka(settings or Settings(), programs, patience_s=10))


def outcomes(findings: Collection[Finding]) -> dict[str, Outcome]:
    """Return how each thing is."""
    return {finding.check: finding.outcome for finding in findings}


def sentence(findings: Collection[Finding], name: str) -> str:
    """Return what is said of one thing."""
    return " ".join(finding.detail for finding in findings if finding.check == name)


@pytest.mark.usefixtures("cluster")
def test_a_good_cluster_is_a_line_for_each_thing() -> None:
    """With nothing named, both workers are looked after."""
    assert outcomes(found()) == {
        "broker": Outcome.OK,
        "producer ids": Outcome.OK,
        "access of worker": Outcome.OK,
        "access of snapshots": Outcome.OK,
        "topics": Outcome.OK,
        "states": Outcome.OK,
    }


def test_without_a_broker_the_rest_is_skipped(cluster: Cluster) -> None:
    """It would be the same sentence again and again."""
    cluster.away = True

    findings = found()

    assert outcomes(findings) == {
        "broker": Outcome.UNREACHABLE,
        "producer ids": Outcome.SKIPPED,
        "access": Outcome.SKIPPED,
        "topics": Outcome.SKIPPED,
        "states": Outcome.SKIPPED,
    }


def test_a_broker_without_transactions_is_told_with_the_settings_for_it(cluster: Cluster) -> None:
    """It gives no producer ids."""
    cluster.producer_error = _UNKNOWN

    findings = found()

    assert outcomes(findings)["producer ids"] is Outcome.FAILED
    assert "CKM__KAFKA__GUARANTEE=at_least_once" in sentence(findings, "producer ids")


def test_a_coordinator_that_is_not_there_yet_is_waited_for_and_then_away(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that has just started is loading it; one that lacks replicas never will."""
    monkeypatch.setattr(check, "_PAUSE_S", 0.01)
    cluster.errors = [_LOADING, 0, _LOADING, 0]
    loading = found()
    monkeypatch.setattr(check, "_PATIENCE_S", 0.1)
    cluster.coordinator_error = _NO_COORDINATOR
    missing = found()

    assert outcomes(loading)["producer ids"] is Outcome.OK
    assert outcomes(missing)["producer ids"] is Outcome.UNREACHABLE
    assert "__transaction_state" in sentence(missing, "producer ids")


def test_what_is_not_needed_is_not_asked_for(cluster: Cluster) -> None:
    """At least once needs no transactions; without idempotence it needs no producer ids either."""
    kafka = KafkaSettings(guarantee=Guarantee.AT_LEAST_ONCE)
    found(Settings(kafka=kafka))
    idempotent, cluster.asked = cluster.asked, []
    found(Settings(kafka=kafka.model_copy(update={"idempotence": False})))

    assert idempotent == ["ApiVersionsRequest", "InitProducerIdRequest"]
    assert cluster.asked == ["ApiVersionsRequest"]


@pytest.mark.usefixtures("cluster")
def test_only_what_the_named_program_needs_is_looked_at() -> None:
    """A snapshot worker produces nothing, and a publisher reads no states."""
    assert set(outcomes(found(None, Program.SNAPSHOTS))) == {
        "broker",
        "access of snapshots",
        "topics",
        "states",
    }
    assert set(outcomes(found(None, Program.PUBLISHER))) == {
        "broker",
        "producer ids",
        "access of publisher",
        "topics",
    }


class TestAccess:
    """Rights on the brokers."""

    LACKS = (Problem(Resource.TOPIC, _TOPIC, ("READ",)), Problem(Resource.GROUP, "g", ("READ",)))

    def test_all_that_a_named_program_lacks_is_told(self, cluster: Cluster) -> None:
        """Not the first alone, and the command that knows what to grant."""
        cluster.lacking = {PROFILE_WORKER: list(self.LACKS)}

        findings = found(None, Program.WORKER)

        told = sentence(findings, "access of worker")
        assert outcomes(findings)["access of worker"] is Outcome.FAILED
        assert f"READ on topic '{_TOPIC}', READ on group 'g'" in told
        assert "`ckm topics acls --principal 'profile-worker=User:ANONYMOUS'`" in told

    def test_one_of_two_users_may_lack_what_the_other_has(self, cluster: Cluster) -> None:
        """Nothing says which of the two programs these settings are for."""
        cluster.lacking = {SNAPSHOT_WORKER: list(self.LACKS)}

        findings = found()

        assert outcomes(findings)["access of worker"] is Outcome.OK
        assert outcomes(findings)["access of snapshots"] is Outcome.WARNING
        assert "`--as` says who this is" in sentence(findings, "access of snapshots")

    def test_a_user_that_fits_neither_program_fails_both(self, cluster: Cluster) -> None:
        """Whoever it is, it can do nothing."""
        cluster.lacking = {role: list(self.LACKS) for role in (PROFILE_WORKER, SNAPSHOT_WORKER)}

        findings = outcomes(found())

        assert findings["access of worker"] is findings["access of snapshots"] is Outcome.FAILED


class TestTopics:
    """Topics as schemas/topics describes them."""

    def test_every_topic_that_is_wrong_is_told(self, cluster: Cluster) -> None:
        """Missing ones and other partition counts."""
        cluster.count_problems = ["topic 'a' does not exist", "topic 'b' has 4 partitions"]

        findings = [each for each in found() if each.check == "topics"]

        assert [each.outcome for each in findings] == [Outcome.FAILED, Outcome.FAILED]
        assert "topic 'a' does not exist" in findings[0].detail

    def test_another_configuration_is_a_warning_with_the_command(self, cluster: Cluster) -> None:
        """It works, but not as it was thought out."""
        detail = "retention.ms: 1 -> 7776000000"
        cluster.changes = [Change(_TOPIC, Action.CONFIGURE, detail, {}, 12)]

        findings = found()

        assert outcomes(findings)["topics"] is Outcome.WARNING
        assert detail in sentence(findings, "topics")
        assert "`ckm topics apply`" in sentence(findings, "topics")

    def test_a_program_s_user_need_not_be_shown_the_configuration(self, cluster: Cluster) -> None:
        """The least rights do not have it; then the counts are all there is to see."""
        cluster.shows_configuration = False

        findings = found()

        assert outcomes(findings)["topics"] is Outcome.OK
        assert "not shown to us" in sentence(findings, "topics")


def test_states_that_cannot_be_read_are_told(cluster: Cluster) -> None:
    """Of another scoring policy, say, or of a release to come."""
    cluster.state_problem = "a state has layout 9, this release reads 1, 2"

    findings = found()

    assert outcomes(findings)["states"] is Outcome.FAILED
    assert "a state has layout 9" in sentence(findings, "states")


def test_every_program_has_a_role_and_a_name_on_the_command_line() -> None:
    """The command line has names of its own for what it does not import, and they keep up."""
    assert [each.value for each in ProgramName] == [each.value for each in Program]
    assert set(ROLES) == set(Program)
    assert set(ROLES.values()) <= {principal.name for principal in load_principals()}
