"""
Who we are to Kafka and whom we trust, as settings: ``CKM__KAFKA__SECURITY__*``.

What does not fit together is refused here, a user name without TLS above all; the files are read
by ``operations/security.py``, when a client is made (promise P19).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator

VARIABLES: Final = "CKM__KAFKA__SECURITY__"


class SecurityProtocol(StrEnum):
    """How Kafka is spoken to; a password without TLS is not on offer."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How a user name is proved; under SCRAM the password itself is never sent."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


def _refuse_plaintext_passwords(given: object) -> object:
    if given == "SASL_PLAINTEXT":
        raise ValueError("SASL_PLAINTEXT would send who we are unencrypted; use SASL_SSL")
    return given


class SecuritySettings(BaseModel):
    """
    How a program proves who it is: a user (SASL_SSL) by a password, a certificate by its key.

    Files are PEM. Names of variables that a message needs are written out in full.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Annotated[SecurityProtocol, BeforeValidator(_refuse_plaintext_passwords)] = (
        SecurityProtocol.PLAINTEXT
    )
    mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if unused := given & _UNUSED_UNDER[self.protocol]:
            name = min(unused)
            needed = "SASL_SSL" if name in _SASL_NAMES else "SSL or SASL_SSL"
            raise ValueError(f"{_of(name)} is of use with {_of('protocol')}={needed} only")
        if self.protocol is SecurityProtocol.SASL_SSL:
            if "username" not in given:
                raise ValueError(f"{_of('protocol')}=SASL_SSL needs {_of('username')}")
            if len(given & {"password", "password_file"}) != 1:
                raise ValueError(
                    f"{_of('username')} needs exactly one of {_of('password')} "
                    f"and {_of('password_file')}"
                )
        for name in ("key_file", "key_password"):
            if name in given and "certificate_file" not in given:
                raise ValueError(f"{_of(name)} needs {_of('certificate_file')}")
        return self


_SASL_NAMES: Final = {"username", "password", "password_file"}
_TLS_NAMES: Final = {"ca_file", "certificate_file", "key_file", "key_password"}
_UNUSED_UNDER: Final = {
    SecurityProtocol.PLAINTEXT: _SASL_NAMES | _TLS_NAMES,
    SecurityProtocol.SSL: _SASL_NAMES,
    SecurityProtocol.SASL_SSL: set[str](),
}


def _of(name: str) -> str:
    return f"{VARIABLES}{name.upper()}"
