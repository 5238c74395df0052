"""
Promise P19: Kafka security that works, and each way of getting it wrong in one clear line.

One broker asks who one is, by SASL_SSL with SCRAM and by mutual TLS, and grants nothing without an
ACL. The ACLs are those of ``ckm topics acls``, created by an administrator over SASL_SSL.
"""

import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from kafka.admin import ResourceType

from ckm_stream.codec.topics import Source
from ckm_stream.credentials import SecuritySettings
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations import security
from ckm_stream.operations.access import PROFILE_WORKER, check_access
from ckm_stream.operations.connection import conversation
from ckm_stream.operations.security import principal_of, tls_context
from ckm_stream.publishing.files import to_line
from ckm_stream.publishing.output import open_lines
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Simulated
from tests.support.certificates import Authority
from tests.support.installation import Installation, settings_from
from tests.support.producing import RawRecord, produce_raw
from tests.support.secured import (
    ELSEWHERE,
    EXPIRED,
    MARK,
    SecuredKafka,
    allowed_to_everyone,
    taken_away,
)
from tests.support.services import Service, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

_BOUND_S = 15.0  # of the promise, from the start of the process
_EVENTS = 300
_ROLES = {
    "publish": "channel",
    "worker": "profile-worker",
    "snapshots": "snapshot-worker",
    "deadletters": "dead-letter-replay",
}
_USERS = {
    "publish": "ckm-channel",
    "worker": "ckm-worker",
    "snapshots": "ckm-snapshots",
    "deadletters": "ckm-replay",
}
# A worker that ends keeps its place in the group for a session.
_SESSION = {"CKM__KAFKA__SESSION_TIMEOUT_S": "2"}

Env = Mapping[str, str]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Give the broker that asks who one is."""
    with SecuredKafka(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture(scope="module")
def granted(
    secured: SecuredKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Give an installation whose programs, each a user of its own, may do what they need."""
    programs = {verb: secured.env_of(user) for verb, user in _USERS.items()}
    service = installed(secured, programs, tmp_path_factory.mktemp("granted"), prefix="granted.")
    grant(service)
    yield service
    service.close()


def installed(
    secured: SecuredKafka,
    programs: dict[str, dict[str, str]],
    folder: Path,
    *,
    prefix: str,
    guarantee: Guarantee = Guarantee.EXACTLY_ONCE,
    transport: str = "ckm",
) -> Installation:
    """Return an installation of *programs*; the tests themselves look at it from inside."""
    return Installation(
        bootstrap_servers=secured.inside,
        prefix=prefix,
        guarantee=guarantee,
        store_url=f"sqlite:///{folder}/ckm.db",
        folder=folder,
        transport=transport,
        extra=_SESSION,
        programs={**programs, "topics": secured.env_of("admin")},
    )


def grant(service: Installation) -> None:
    """Create what `ckm topics acls` says that the programs need, and nothing else."""
    options: list[str] = []
    for verb, role in _ROLES.items():
        who = principal_of(settings_from(service.programs[verb]).kafka.security)
        options += ["--principal", f"{role}={who}"]
    ended = service.run("topics", "acls", "--apply", *options)
    assert ended.returncode == 0, ended.stderr
    assert MARK not in ended.stdout + ended.stderr
    # Brokers hear of new rights from the controller, a moment after it has answered.
    for verb, role in _ROLES.items():
        wait_until(
            partial(_is_in_force, service, verb, role),
            timeout_s=_BOUND_S,
            what=f"the rights of {role} in force",
        )


def _is_in_force(service: Installation, verb: str, role: str) -> bool:
    return not check_access(settings_from(service.env | service.programs[verb]), role)


def refusal(argv: list[str], *envs: Env) -> str:
    """Run a program that must refuse to work, within the bound; return its one sentence."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CKM__")}
    env = dict(clean)
    for each in envs:
        env |= each
    ended = subprocess.run(
        [sys.executable, "-m", "ckm_stream", *argv],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_BOUND_S,
        check=False,
    )
    assert ended.returncode == ConfigurationError.exit_code, ended.stderr
    assert MARK not in ended.stdout + ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("ckm: ")
    return lines[0]


class TestHappyPath:
    """The whole service with the rights that are rendered, and no others."""

    @pytest.mark.parametrize("way", ["scram", "mutual"])
    def test_the_service_works_with_the_rendered_rights_alone(
        self,
        secured: SecuredKafka,
        simulated: Simulated,
        topic_prefix: str,
        tmp_path: Path,
        way: str,
    ) -> None:
        """Published, applied and stored: all is as the oracle says, and no secret is told."""
        events = simulated(20, _EVENTS)
        file = tmp_path / "events.jsonl"
        with open_lines(file) as write:
            for event in events:
                write(to_line(event))
        service = self.service(secured, topic_prefix, tmp_path, way)
        grant(service)

        try:
            service.start()
            published = service.run("publish", str(file))
            assert published.returncode == 0, published.stderr
            service.wait_until_stored(service.expected(events))
            service.wait_until_quiet()
            assert [service.worker.stop(), service.snapshots.stop()] == [0, 0]
            letters = service.run("deadletters", "list")
            assert letters.returncode == 0, letters.stderr
        finally:
            service.close()

        assert service.problems() == []
        replaying = settings_from(service.env | service.programs["deadletters"])
        assert check_access(replaying, _ROLES["deadletters"]) == []
        assert MARK not in service.worker.log() + service.snapshots.log() + published.stderr

    @staticmethod
    def service(secured: SecuredKafka, prefix: str, folder: Path, way: str) -> Installation:
        """Return users by SASL_SSL, or certificates with the other guarantee and transport."""
        if way == "scram":
            programs = {verb: secured.env_of(user) for verb, user in _USERS.items()}
            # Also under DEBUG, where libraries like to show what they were given.
            programs = {v: env | {"CKM__LOG_LEVEL": "DEBUG"} for v, env in programs.items()}
            return installed(secured, programs, folder, prefix=prefix)
        issue = secured.authority.issue
        programs = {
            verb: secured.mutual_env(issue("client.example.org", name=user))
            for verb, user in _USERS.items()
        }
        return installed(
            secured,
            programs,
            folder,
            prefix=prefix,
            guarantee=Guarantee.AT_LEAST_ONCE,
            transport="kafka",
        )


def _other_authority(secured: SecuredKafka, folder: Path) -> Env:
    return {"CKM__KAFKA__SECURITY__CA_FILE": str(Authority(folder, "other").file)}


def _unknown_certificate(secured: SecuredKafka, folder: Path) -> Env:
    return secured.mutual_env(
        Authority(folder, "other").issue("client.example.org", name="ckm-worker")
    )


#: What is wrong with a connection: its settings, and words of the sentence that says so.
WRONG: dict[str, tuple[Callable[[SecuredKafka, Path], Env], tuple[str, ...]]] = {
    "password": (
        lambda secured, _: secured.env_of("ckm-worker", password=f"{MARK}-wrong"),
        ("refuses user 'ckm-worker' and its password", "CKM__KAFKA__SECURITY__PASSWORD"),
    ),
    "authority": (
        _other_authority,
        ("an authority that is not trusted", "CKM__KAFKA__SECURITY__CA_FILE"),
    ),
    "expired": (
        lambda secured, _: secured.env_of("ckm-worker", listener=EXPIRED),
        ("a certificate that has expired", "renew the broker's certificate"),
    ),
    "host name": (
        lambda secured, _: secured.env_of("ckm-worker", listener=ELSEWHERE),
        ("a certificate for another host name", "CKM__KAFKA__BOOTSTRAP_SERVERS"),
    ),
    # The name that we connect to is in the certificate; that which the broker then says is not.
    "advertised host name": (
        lambda secured, _: secured.env_of("ckm-worker", listener=ELSEWHERE, host="localhost"),
        ("127.0.0.1:", "a certificate for another host name", "the broker's advertised listeners"),
    ),
    "no certificate": (
        lambda secured, _: secured.mutual_env(None),
        ("asks for our certificate", "CKM__KAFKA__SECURITY__CERTIFICATE_FILE"),
    ),
    "unknown certificate": (
        _unknown_certificate,
        ("refuses our certificate", "CKM__KAFKA__SECURITY__CERTIFICATE_FILE"),
    ),
    "mechanism": (
        lambda *_: {"CKM__KAFKA__SECURITY__MECHANISM": "PLAIN"},
        ("offers SCRAM-SHA-512, not PLAIN", "CKM__KAFKA__SECURITY__MECHANISM"),
    ),
}
_USER_NAME = ("USERNAME", "PASSWORD")


@pytest.mark.parametrize("verb", ["worker", "snapshots"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_connection_is_one_sentence(
    granted: Installation, secured: SecuredKafka, tmp_path: Path, wrong: str, verb: str
) -> None:
    """Before anything is read or written: what the broker has against us, or we against it."""
    make, words = WRONG[wrong]
    env = granted.env | granted.programs[verb]
    if "certificate" in wrong:
        env = {name: env[name] for name in env if not name.endswith(_USER_NAME)}

    sentence = refusal([verb], env, make(secured, tmp_path))

    for each in words:
        assert each in sentence


def test_a_publisher_with_a_wrong_password_is_told_so(
    granted: Installation, secured: SecuredKafka
) -> None:
    """`ckm publish` refuses as the workers do."""
    env = secured.env_of("ckm-channel", password=f"{MARK}-wrong")

    sentence = refusal(["publish", "/dev/null"], granted.env, env)

    assert "refuses user 'ckm-channel' and its password" in sentence


#: A right that is missing: who, what, its name without the prefix, and the operation.
MISSING = [
    ("worker", ResourceType.TOPIC, "ckm.touchpoint.call.v1", "READ"),
    ("worker", ResourceType.TOPIC, "ckm.deadletter.v1", "WRITE"),
    ("worker", ResourceType.TOPIC, "ckm.changelog.profile.v1", "WRITE"),
    ("worker", ResourceType.GROUP, "profiles", "READ"),
    ("worker", ResourceType.TRANSACTIONAL_ID, "profiles-", "WRITE"),
    ("snapshots", ResourceType.TOPIC, "ckm.changelog.profile.v1", "READ"),
    ("snapshots", ResourceType.GROUP, "snapshots", "READ"),
    ("publish", ResourceType.TOPIC, "ckm.touchpoint.call.v1", "WRITE"),
    ("deadletters", ResourceType.TOPIC, "ckm.touchpoint.call.v1", "WRITE"),
]
_ARGUMENTS = {"publish": ["/dev/null"], "deadletters": ["replay"]}


@pytest.mark.parametrize(("verb", "kind", "name", "operation"), MISSING)
def test_a_missing_right_is_named_before_anything_is_done(
    granted: Installation, verb: str, kind: ResourceType, name: str, operation: str
) -> None:
    """Who lacks which operation on what, and the command that knows what to grant."""
    argv = [verb, *_ARGUMENTS.get(verb, [])]
    full_name = f"granted.{name}"

    with taken_away(granted.settings, _USERS[verb], kind, full_name, operation):
        sentence = refusal(argv, granted.env, granted.programs[verb])

    resource = kind.name.lower().replace("_", " ")
    assert f"User:{_USERS[verb]} lacks {operation} on {resource} '{full_name}" in sentence
    assert f"`ckm topics acls --principal '{_ROLES[verb]}=User:{_USERS[verb]}'`" in sentence


def test_a_user_without_any_right_is_told_so_in_one_sentence(
    granted: Installation, secured: SecuredKafka
) -> None:
    """The first rights that are missing, and how many more."""
    sentence = refusal(["worker"], granted.env, secured.env_of("nobody"))

    assert "User:nobody lacks READ and WRITE and DESCRIBE on topic 'granted.ckm." in sentence
    assert "more on Kafka at" in sentence


#: What a running worker notices when it needs it next; a bad record needs the dead letters.
TAKEN = [
    ("worker", ResourceType.TOPIC, "ckm.deadletter.v1", "WRITE"),
    ("worker", ResourceType.GROUP, "profiles", "READ"),
    ("worker", ResourceType.TRANSACTIONAL_ID, "profiles-", "WRITE"),
    ("snapshots", ResourceType.TOPIC, "ckm.changelog.profile.v1", "READ"),
]


def running(service: Service) -> Service:
    """Start a worker and wait until it works."""
    service.start()
    wait_until(
        lambda: "Worker ready" in service.log() or not service.is_running,
        timeout_s=60,
        what=service.log,
    )
    assert service.is_running, service.log()
    return service


@pytest.mark.parametrize(("verb", "kind", "name", "operation"), TAKEN)
def test_a_right_that_is_taken_away_ends_a_running_worker(
    granted: Installation, verb: str, kind: ResourceType, name: str, operation: str
) -> None:
    """Not a defect's exit code with a traceback, and no endless retries."""
    service = running(granted.new_service(verb, own_port=True))

    with taken_away(granted.settings, _USERS[verb], kind, f"granted.{name}", operation):
        bad = RawRecord(granted.topics.of(Source.CALL), b"customer", b"not a frame")
        produce_raw(granted.settings.kafka.bootstrap_servers, [bad])

        assert service.wait(timeout_s=30) == ConfigurationError.exit_code

    last = service.log().splitlines()[-1]
    assert '"error": "ConfigurationError"' in last
    assert f"granted.{name}" in last
    assert "Traceback" not in service.log()
    assert MARK not in service.log()


class TestCheck:
    """`ckm check` as the user of a program that has no rights but its own."""

    def test_the_rendered_rights_are_all_that_it_needs(self, granted: Installation) -> None:
        """It looks at everything and finds nothing wrong; DESCRIBE_CONFIGS is not among them."""
        ended = self.checked(granted, "worker", "--as", "worker")

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "access of worker: User:ckm-worker may do all that it does" in ended.stdout
        assert "producer ids and transactions" in ended.stdout
        assert "their configuration is not shown to us" in ended.stdout

    def test_every_missing_right_is_told_at_once(self, granted: Installation) -> None:
        """And what else there is to tell; unasked, one that fits the other program is enough."""
        topic, group = "granted.ckm.deadletter.v1", "granted.profiles"
        with (
            taken_away(granted.settings, "ckm-worker", ResourceType.TOPIC, topic, "WRITE"),
            taken_away(granted.settings, "ckm-worker", ResourceType.GROUP, group, "READ"),
        ):
            ended = self.checked(granted, "worker", "--as", "worker")
        unasked = self.checked(granted, "worker")

        assert ended.returncode == ConfigurationError.exit_code
        assert f"lacks WRITE on topic '{topic}', READ on group '{group}'; " in ended.stdout
        assert "ok           topics: " in ended.stdout
        assert unasked.returncode == 0
        assert "warning      access of snapshots: User:ckm-worker lacks" in unasked.stdout

    def test_a_configuration_that_is_not_shown_is_not_called_different(
        self, granted: Installation
    ) -> None:
        """`ckm topics plan` would set it all anew, and could not."""
        sentence = refusal(["topics", "plan"], granted.env, granted.programs["worker"])

        assert "User:ckm-worker may not do that" in sentence
        assert "DESCRIBE_CONFIGS on topic 'granted.ckm." in sentence

    @staticmethod
    def checked(
        service: Installation, verb: str, *options: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it with the settings of a program."""
        service.programs = {**service.programs, "check": service.programs[verb]}
        ended = service.run("check", *options)
        assert MARK not in ended.stdout + ended.stderr
        return ended


class TestControls:
    """With a mechanism off, what the tests above look for is not there."""

    def test_control_without_host_name_check_another_hosts_certificate_passes(
        self, secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The refusal is the check's own: without it the same listener is talked to."""

        def lax(settings: SecuritySettings) -> ssl.SSLContext:
            context = tls_context(settings)
            context.check_hostname = False
            return context

        settings = settings_from(secured.env_of("ckm-worker", listener=ELSEWHERE))
        with pytest.raises(ConfigurationError, match="another host name"), conversation(settings):
            pass

        monkeypatch.setattr(security, "tls_context", lax)

        with conversation(settings) as talk:
            assert talk.brokers

    def test_control_with_rights_for_everyone_nobody_is_refused(
        self, secured: SecuredKafka, topic_prefix: str, granted: Installation
    ) -> None:
        """The refusals come from the missing ACLs."""
        env = secured.env_of("nobody") | {
            "CKM__KAFKA__TOPIC_PREFIX": "granted.",
            "CKM__KAFKA__PROFILE_GROUP": "granted.profiles",
            "CKM__KAFKA__PARTITIONS": "4",
        }
        settings = settings_from(env)
        assert check_access(settings, PROFILE_WORKER)

        with allowed_to_everyone(granted.settings):
            assert check_access(settings, PROFILE_WORKER) == []

    def test_control_without_asking_first_a_worker_starts_that_cannot_write_dead_letters(
        self, granted: Installation
    ) -> None:
        """It works until the first bad record, which another test may have left for it."""
        service = granted.new_faulty("worker", "without_asking_first")

        with taken_away(
            granted.settings, "ckm-worker", ResourceType.TOPIC, "granted.ckm.deadletter.v1", "WRITE"
        ):
            service.start()
            wait_until(lambda: "Worker ready" in service.log(), timeout_s=60, what=service.log)
            service.kill()
