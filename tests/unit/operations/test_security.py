"""TLS contexts, passwords and names made from the settings; what is wrong with a file is named."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ckm_stream.credentials import SecuritySettings
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.security import (
    client_options,
    password_of,
    principal_of,
    tls_context,
)
from tests.support.certificates import Authority, Identity

SECRET = "hunter2"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority that issues certificates."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Identity:
    """Give a certificate of ours."""
    return authority.issue("client.example.org", name="ckm-worker")


def user(**given: Any) -> SecuritySettings:
    """Return the settings of a user, with a password unless one is given."""
    password = {} if "password_file" in given else {"password": SECRET}
    return SecuritySettings(protocol="SASL_SSL", username="ckm", **password, **given)


def certified(identity: Identity, **given: Any) -> SecuritySettings:
    """Return the settings of who shows a certificate."""
    files = {"certificate_file": identity.certificate, "key_file": identity.key}
    return SecuritySettings(**{"protocol": "SSL", **files, **given})


def refusal(settings: SecuritySettings) -> str:
    """Return the sentence with which *settings* are refused."""
    with pytest.raises(ConfigurationError) as caught:
        client_options(settings)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    """Return a file with *content*."""
    file = folder / "secret"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_plain_text_needs_no_options() -> None:
    """The defaults of all clients."""
    assert client_options(SecuritySettings()) == {}


def test_a_context_checks_certificates_and_host_names_from_tls_1_2_on(
    authority: Authority,
) -> None:
    """Whatever a client's own default would be."""
    context = tls_context(user(ca_file=authority.file))

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


def test_a_user_has_the_options_of_both_clients(authority: Authority) -> None:
    """kafka-python and aiokafka call them the same."""
    options = client_options(user(ca_file=authority.file, mechanism="PLAIN"))

    assert isinstance(options.pop("ssl_context"), ssl.SSLContext)
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ckm",
        "sasl_plain_password": SECRET,
    }


def test_a_password_comes_from_a_file_of_its_owners(tmp_path: Path) -> None:
    """Editors end a file with a line's end, which is none of the password."""
    file = secret_file(tmp_path, b" pass word \r\n")

    assert password_of(user(password_file=file)) == " pass word "


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"hunter2", 0o640, "may be read by others; run `chmod 600"),
        (b"hunter2", 0o604, "may be read by others; run `chmod 600"),
        (b"\n", 0o600, "is empty"),
        (b"hunter2\xff", 0o600, "is not UTF-8"),
    ],
)
def test_a_password_file_that_will_not_do_is_refused(
    tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    """The file, the reason and the variable, not what is in it."""
    file = secret_file(tmp_path, content, mode)

    sentence = refusal(user(password_file=file))

    assert f"{file} {said}" in sentence
    assert "check CKM__KAFKA__SECURITY__PASSWORD_FILE" in sentence


def test_a_file_that_is_not_there_is_named(tmp_path: Path, ours: Identity) -> None:
    """Each by its variable."""
    gone = tmp_path / "gone.pem"

    for settings, name in (
        (user(ca_file=gone), "CA_FILE"),
        (user(password_file=gone), "PASSWORD_FILE"),
        (certified(ours, certificate_file=gone), "CERTIFICATE_FILE"),
        (certified(ours, key_file=gone), "KEY_FILE"),
    ):
        assert refusal(settings) == (
            f"{gone} cannot be read (No such file or directory); check CKM__KAFKA__SECURITY__{name}"
        )


def test_a_file_that_holds_something_else_is_named(tmp_path: Path, ours: Identity) -> None:
    """A PEM file is easily taken for another."""
    other = secret_file(tmp_path, b"nothing of the kind")

    assert "holds no certificate in PEM" in refusal(user(ca_file=other))
    assert "holds no certificate in PEM" in refusal(certified(ours, certificate_file=other))
    assert "holds no private key in PEM" in refusal(certified(ours, key_file=other))


def test_a_key_of_another_certificate_is_refused(authority: Authority, ours: Identity) -> None:
    """Said here, not by the first broker."""
    other = authority.issue("client.example.org", name="other")

    sentence = refusal(certified(ours, key_file=other.key))

    assert f"{other.key} is not the key of the certificate in {ours.certificate}" in sentence


def test_a_key_that_others_may_read_is_refused(authority: Authority) -> None:
    """A private key is as secret as a password."""
    identity = authority.issue("client.example.org", name="open")
    identity.key.chmod(0o644)

    assert "may be read by others" in refusal(certified(identity))


def test_a_certificate_of_ours_that_has_expired_is_refused(authority: Authority) -> None:
    """Before a broker has to say so."""
    expired = authority.issue("client.example.org", name="late", expired=True)

    sentence = refusal(certified(expired))

    assert f"{expired.certificate} expired on 20" in sentence
    assert "check CKM__KAFKA__SECURITY__CERTIFICATE_FILE" in sentence


def test_an_encrypted_key_is_opened_by_its_password(tmp_path: Path, ours: Identity) -> None:
    """Without the right one it is refused; nobody is asked on the terminal."""
    encrypted = load_pem_private_key(ours.key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(SECRET.encode())
    )
    file = secret_file(tmp_path, encrypted)

    tls_context(certified(ours, key_file=file, key_password=SECRET))

    for wrong in ({}, {"key_password": "wrong"}):
        assert "KEY_PASSWORD opens" in refusal(certified(ours, key_file=file, **wrong))


def test_brokers_know_a_user_by_its_name_and_a_certificate_by_its_subject(
    ours: Identity,
) -> None:
    """As Java writes a subject: last part first, with a `#` escaped."""
    assert principal_of(user()) == "User:ckm"
    assert principal_of(SecuritySettings(protocol="SSL")) == "User:ANONYMOUS"
    assert principal_of(certified(ours)).startswith(r"User:CN=ckm-worker,OU=Testing cert \#")
