"""
Security of the connections to Kafka: one TLS context and one set of options for every client.

The context is always made here, because the clients' own defaults differ: TLS 1.2 or newer, the
broker's certificate checked against CA_FILE or the system's authorities, its host name too.
What is wrong with a file is told before anything connects (promise P19); no secret is repeated.
"""

import re
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ckm_stream.credentials import VARIABLES, SecurityProtocol, SecuritySettings
from ckm_stream.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name, NameAttribute

_JAVA_ESCAPES: Final = re.compile(r'[,=+<>#;"\\]')
_READABLE_BY_OTHERS: Final = stat.S_IRGRP | stat.S_IROTH


def client_options(security: SecuritySettings) -> dict[str, Any]:
    """
    Return the options by which kafka-python's and aiokafka's clients connect securely.

    Raises:
        ConfigurationError: If a file cannot be used; the sentence names its variable.
    """
    if security.protocol is SecurityProtocol.PLAINTEXT:
        return {}
    options: dict[str, Any] = {
        "security_protocol": security.protocol.value,
        "ssl_context": tls_context(security),
    }
    if security.protocol is SecurityProtocol.SASL_SSL:
        options |= {
            "sasl_mechanism": security.mechanism.value,
            "sasl_plain_username": security.username,
            "sasl_plain_password": password_of(security),
        }
    return options


def tls_context(security: SecuritySettings) -> ssl.SSLContext:
    """
    Return the TLS context of all clients: whom we trust, and our certificate if there is one.

    Raises:
        ConfigurationError: If a file cannot be read, our certificate is not in force, or the key is
            not the certificate's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and host names
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if security.ca_file is None:
        context.load_default_certs()
    else:
        _read(security.ca_file, "CA_FILE")
        try:
            context.load_verify_locations(security.ca_file)
        except ssl.SSLError as error:
            raise _unusable(security.ca_file, "CA_FILE", "holds no certificate in PEM") from error
    if security.certificate_file is not None:
        own_certificate(security)
        _load_key(context, security, security.certificate_file)
    return context


def own_certificate(security: SecuritySettings) -> "Certificate":
    """
    Return the certificate that we show to brokers.

    Raises:
        ConfigurationError: If it cannot be read or is not in force now.
    """
    from cryptography import x509  # noqa: PLC0415 -- 50 ms, of use with a certificate only

    path = security.certificate_file
    if path is None:
        raise ConfigurationError(f"{VARIABLES}CERTIFICATE_FILE is not set")
    try:
        certificate = x509.load_pem_x509_certificate(_read(path, "CERTIFICATE_FILE"))
    except ValueError as error:
        raise _unusable(path, "CERTIFICATE_FILE", "holds no certificate in PEM") from error
    now = datetime.now(UTC)
    if now >= certificate.not_valid_after_utc:
        raise _unusable(
            path, "CERTIFICATE_FILE", f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    if now < certificate.not_valid_before_utc:
        raise _unusable(
            path, "CERTIFICATE_FILE", f"begins on {certificate.not_valid_before_utc:%Y-%m-%d}"
        )
    return certificate


def password_of(security: SecuritySettings) -> str:
    """
    Return the password, from its variable or its file (without the line's end).

    Raises:
        ConfigurationError: If the file cannot be read, is empty, or others may read it.
    """
    if security.password_file is None:
        return "" if security.password is None else security.password.get_secret_value()
    path = security.password_file
    _refuse_readable_by_others(path, "PASSWORD_FILE")
    try:
        password = _read(path, "PASSWORD_FILE").decode().rstrip("\r\n")
    except UnicodeDecodeError:  # the error itself holds the bytes
        raise _unusable(path, "PASSWORD_FILE", "is not UTF-8") from None
    if not password:
        raise _unusable(path, "PASSWORD_FILE", "is empty")
    return password


def principal_of(security: SecuritySettings) -> str:
    """Return the name that brokers know us by, unless they map names to others."""
    if security.protocol is SecurityProtocol.SASL_SSL:
        return f"User:{security.username}"
    if security.certificate_file is not None:
        return f"User:{_java_name(own_certificate(security).subject)}"
    return "User:ANONYMOUS"


def _java_name(subject: "Name") -> str:
    """Return *subject* as the brokers' Java writes it; it escapes more than RFC 4514 asks for."""

    def written(part: "NameAttribute[str | bytes]") -> str:
        value = _JAVA_ESCAPES.sub(r"\\\g<0>", str(part.value))
        return f"{part.rfc4514_attribute_name}={value}"

    return ",".join("+".join(map(written, parts)) for parts in reversed(subject.rdns))


def _load_key(context: ssl.SSLContext, security: SecuritySettings, certificate: Path) -> None:
    key, variable = security.key_file, "KEY_FILE"
    if key is None:
        key, variable = certificate, "CERTIFICATE_FILE"
    _read(key, variable)
    _refuse_readable_by_others(key, variable)
    secret = security.key_password
    # Without a function OpenSSL would ask the terminal for the password of an encrypted key.
    password = b"" if secret is None else secret.get_secret_value().encode()
    try:
        context.load_cert_chain(certificate, key, lambda: password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            reason = f"is not the key of the certificate in {certificate}"
        else:
            reason = f"holds no private key in PEM that {VARIABLES}KEY_PASSWORD opens"
        raise _unusable(key, variable, reason) from None


def _read(path: Path, variable: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, variable, f"cannot be read ({error.strerror})") from error


def _refuse_readable_by_others(path: Path, variable: str) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(path, variable, f"cannot be read ({error.strerror})") from error
    if mode & _READABLE_BY_OTHERS:
        raise _unusable(path, variable, f"may be read by others; run `chmod 600 {path}`")


def _unusable(path: Path, variable: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{path} {reason}; check {VARIABLES}{variable}")
