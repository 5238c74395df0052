"""Certificates for tests of TLS, made on the spot: good ones, and each kind that is wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LONG_AGO = datetime.now(UTC) - timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Identity:
    """The PEM files of a certificate and its key, which only their owner may read."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority and what it has issued, in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *hosts: str, name: str, expired: bool = False) -> Identity:
        """Issue a certificate for *hosts* to *name*, its common name."""
        issued = self._ca.issue_cert(
            *hosts,
            common_name=name,
            not_after=LONG_AGO + timedelta(days=1) if expired else None,
            not_before=LONG_AGO if expired else None,
        )
        certificate = self._folder / f"{self._name}-{name}.pem"
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        key = certificate.with_suffix(".key")
        key.touch(mode=0o600)
        key.write_bytes(_pkcs8(issued.private_key_pem.bytes()))
        return Identity(certificate, key)


def _pkcs8(pem: bytes) -> bytes:
    """Return a key as Java reads it."""
    return load_pem_private_key(pem, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
