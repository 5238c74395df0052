"""
A real broker that asks who one is: SASL_SSL with SCRAM, mutual TLS, and nothing without an ACL.

Its listeners differ in what they demand and in the certificate that they show, so that one broker
serves all tests of a session. The plain one, without ACLs, is for the tests' own looking.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from kafka.admin import ACLResourcePatternType as Pattern

from ckm_stream.operations.connection import admin_client
from ckm_stream.operations.embedded import LOOPBACK
from ckm_stream.settings import Settings
from tests.support.certificates import Authority, Identity
from tests.support.kafka import KafkaServer
from tests.support.ports import new_port
from tests.support.services import wait_until

#: User names; each one's password is `password_of` it.
USERS = ("admin", "ckm-channel", "ckm-worker", "ckm-snapshots", "ckm-replay", "nobody")
#: Listeners of SASL_SSL, with what is special about the certificate; then that of mutual TLS.
SCRAM, EXPIRED, ELSEWHERE, MUTUAL = "SCRAM", "EXPIRED", "ELSEWHERE", "MUTUAL"


#: In every password: what must never be seen in any output.
MARK = "hunter2"


def password_of(user: str) -> str:
    """Return a user's password."""
    return f"{MARK}-{user}"


class SecuredKafka:
    """A broker with users, certificates and ACLs; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = Authority(folder)
        self._ports = {name: new_port() for name in (SCRAM, EXPIRED, ELSEWHERE, MUTUAL)}
        shown = {
            SCRAM: self.authority.issue(LOOPBACK, name="broker"),
            MUTUAL: self.authority.issue(LOOPBACK, name="mutual"),
            EXPIRED: self.authority.issue(LOOPBACK, name="expired", expired=True),
            ELSEWHERE: self.authority.issue("kafka.example.org", "localhost", name="elsewhere"),
        }
        self.server = KafkaServer(
            properties=_properties(shown, self.authority.file),
            listeners=self._ports,
            scram_users={user: password_of(user) for user in USERS},
        )

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.close()

    @property
    def inside(self) -> str:
        """Address of the plain listener, on which everything is allowed."""
        return self.server.bootstrap_servers

    def env_of(
        self,
        user: str,
        *,
        listener: str = SCRAM,
        host: str = LOOPBACK,
        password: str | None = None,
    ) -> dict[str, str]:
        """Return the settings of a program that is *user* by SASL_SSL."""
        return {
            "CKM__KAFKA__BOOTSTRAP_SERVERS": f"{host}:{self._ports[listener]}",
            "CKM__KAFKA__SECURITY__PROTOCOL": "SASL_SSL",
            "CKM__KAFKA__SECURITY__USERNAME": user,
            "CKM__KAFKA__SECURITY__PASSWORD": password or password_of(user),
            "CKM__KAFKA__SECURITY__CA_FILE": str(self.authority.file),
        }

    def mutual_env(self, identity: Identity | None) -> dict[str, str]:
        """Return the settings of a program that is who *identity* says, by mutual TLS."""
        env = {
            "CKM__KAFKA__BOOTSTRAP_SERVERS": f"{LOOPBACK}:{self._ports[MUTUAL]}",
            "CKM__KAFKA__SECURITY__PROTOCOL": "SSL",
            "CKM__KAFKA__SECURITY__CA_FILE": str(self.authority.file),
        }
        if identity is not None:
            env["CKM__KAFKA__SECURITY__CERTIFICATE_FILE"] = str(identity.certificate)
            env["CKM__KAFKA__SECURITY__KEY_FILE"] = str(identity.key)
        return env


def _properties(shown: dict[str, Identity], trusted: Path) -> dict[str, str]:
    """Return the server properties: what each listener shows and demands, and who may what."""
    demands = {name: "SSL" if name == MUTUAL else "SASL_SSL" for name in shown}
    protocols = {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT", **demands}
    properties = {
        "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        # The controller and the plain listener know nobody's name.
        "super.users": "User:ANONYMOUS;User:admin",
    }
    for name, identity in shown.items():
        listener = f"listener.name.{name.lower()}."
        store = trusted.with_name(f"{name.lower()}-store.pem")
        store.write_bytes(identity.key.read_bytes() + identity.certificate.read_bytes())
        properties |= {
            f"{listener}ssl.keystore.type": "PEM",
            f"{listener}ssl.keystore.location": str(store),
            f"{listener}ssl.truststore.type": "PEM",
            f"{listener}ssl.truststore.location": str(trusted),
        }
        if demands[name] == "SSL":
            properties[f"{listener}ssl.client.auth"] = "required"
        else:
            properties[f"{listener}scram-sha-512.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
    return properties


@contextmanager
def taken_away(
    settings: Settings, user: str, kind: ResourceType, name: str, operation: str
) -> Iterator[None]:
    """Take one right away from *user* for a while; *settings* are of one who may."""
    pattern = Pattern.PREFIXED if kind is ResourceType.TRANSACTIONAL_ID else Pattern.LITERAL
    acl = ACL(
        f"User:{user}",
        "*",
        ACLOperation[operation],
        ACLPermissionType.ALLOW,
        ResourcePattern(kind, name, pattern),
    )
    with admin_client(settings) as admin:
        ((_, taken, _),) = admin.delete_acls([acl])
        assert taken == [acl]
        _wait_until(admin, acl, present=False)
        try:
            yield
        finally:
            _give(admin, acl)


@contextmanager
def allowed_to_everyone(settings: Settings) -> Iterator[None]:
    """Let everyone do everything for a while, with every topic, group and transactional id."""
    kinds = (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)
    acls = [
        ACL(
            "User:*",
            "*",
            ACLOperation.ALL,
            ACLPermissionType.ALLOW,
            ResourcePattern(kind, "*", Pattern.LITERAL),
        )
        for kind in kinds
    ]
    with admin_client(settings) as admin:
        for acl in acls:
            _give(admin, acl)
        try:
            yield
        finally:
            admin.delete_acls(acls)
            for acl in acls:
                _wait_until(admin, acl, present=False)


def _give(admin: KafkaAdminClient, acl: ACL) -> None:
    assert not admin.create_acls([acl])["failed"]
    _wait_until(admin, acl, present=True)


def _wait_until(admin: KafkaAdminClient, acl: ACL, *, present: bool) -> None:
    wait_until(
        lambda: (acl in admin.describe_acls(acl)[0]) is present,
        timeout_s=10,
        what=f"{acl} {'given' if present else 'taken away'}",
    )
