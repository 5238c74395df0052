"""
Talking to one broker by hand: TLS, SASL and single requests, to learn in words why it refuses us.

Both Kafka clients try again for ever, or until a timeout that tells nothing, when a certificate
or a password is refused. So each program greets first, and what a broker has against us is one
sentence with the variable to check (promise P19). It changes nothing on the broker.
"""

import socket
import ssl
import time
from typing import Final, NoReturn, Self

from kafka.errors import KafkaProtocolError
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.broker_version_data import BrokerVersionData
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from ckm_stream.credentials import VARIABLES, SecurityProtocol, SecuritySettings
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations.security import client_options

Address = tuple[str, int]

_RECEIVE_BYTES: Final = 1 << 16
_UNSUPPORTED_MECHANISM: Final = 33
_ILLEGAL_SASL_STATE: Final = 34

# What a broker that just hangs up may mean by it.
_PLAIN_HINT: Final = f"it may speak TLS; check {VARIABLES}PROTOCOL"
_TLS_HINT: Final = f"it may not speak TLS; check {VARIABLES}PROTOCOL"
_SASL_HINT: Final = f"it may know no user names there; check {VARIABLES}PROTOCOL"
_NAME_HINT: Final = f"it asks for a user name; set {VARIABLES}PROTOCOL=SASL_SSL and USERNAME"
_LATER_HINT: Final = "it may be going down; try again"

# OpenSSL's X509_V_ERR_* codes; the names are not in the standard library.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OTHER_NAME: Final = {62, 64}  # host name, address
_UNKNOWN_AUTHORITY: Final = {18, 19, 20, 21}


class Conversation:
    """
    An authenticated connection on which a broker answers requests in turn; a context manager.

    Args:
        address: Host and port.
        security: Who we are, and whom we trust.
        connect_s: Seconds to reach the broker.
        answer_s: Seconds for each answer.

    Raises:
        ConfigurationError: If the broker refuses us, or we it.
        TransientError: If it cannot be reached or does not answer as Kafka does.
    """

    def __init__(
        self, address: Address, security: SecuritySettings, *, connect_s: float, answer_s: float
    ) -> None:
        self.address = address
        #: Where the brokers of the cluster say they are.
        self.brokers: list[Address] = []
        self._name = f"Kafka at {address[0]}:{address[1]}"
        self._security = security
        self._answer_s = answer_s
        self._options = client_options(security)
        self._protocol = KafkaProtocol(client_id="ckm")
        self._versions = BrokerVersionData((1, 0))
        self._has_answered = False
        try:
            self._socket = socket.create_connection(address, timeout=connect_s)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise TransientError(f"{self._name} cannot be reached ({reason})") from error
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def ask(self, request: ApiMessage, *, hint: str = _LATER_HINT) -> ApiMessage:
        """
        Send *request* and return the answer.

        Raises:
            ConfigurationError: If the broker breaks off because of what we are; *hint* says why.
            TransientError: If there is no answer.
        """
        if request.API_VERSION is None:
            request.API_VERSION = self._versions.api_version(request)
        self._protocol.send_request(request)
        deadline = time.monotonic() + self._answer_s
        try:
            self._socket.sendall(self._protocol.send_bytes())
            while True:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                data = self._socket.recv(_RECEIVE_BYTES)
                if not data:
                    raise ConnectionResetError
                if answers := self._protocol.receive_bytes(data):
                    self._has_answered = True
                    return answers[0][1]
        except (OSError, KafkaProtocolError) as error:
            self._explain(error, hint)

    def _greet(self) -> None:
        if (context := self._options.get("ssl_context")) is not None:
            self._encrypt(context)
        # Under TLS 1.3 the broker's verdict on our certificate comes with this first answer.
        known = self.ask(ApiVersionsRequest(version=0), hint=_PLAIN_HINT).api_keys
        self._versions = BrokerVersionData(
            api_versions={each.api_key: (each.min_version, each.max_version) for each in known}
        )
        if self._security.protocol is SecurityProtocol.SASL_SSL:
            self._authenticate(self._security.mechanism.value)
        # A listener that wants a user name hangs up on the first question without one.
        nothing = MetadataRequest(topics=[], allow_auto_topic_creation=False)
        answer = self.ask(nothing, hint=_NAME_HINT)
        self.brokers = [(broker.host, broker.port) for broker in answer.brokers]

    def _encrypt(self, context: ssl.SSLContext) -> None:
        self._socket.settimeout(self._answer_s)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self.address[0])
        except OSError as error:
            self._explain(error, _TLS_HINT)

    def _authenticate(self, name: str) -> None:
        answer = self.ask(SaslHandshakeRequest(mechanism=name, max_version=1), hint=_SASL_HINT)
        if answer.error_code == _UNSUPPORTED_MECHANISM:
            offered = ", ".join(answer.mechanisms)
            self._refuse(f"offers {offered}, not {name}; set {VARIABLES}MECHANISM")
        if answer.error_code == _ILLEGAL_SASL_STATE:
            self._refuse(f"knows no user names there; set {VARIABLES}PROTOCOL=SSL")
        mechanism = get_sasl_mechanism(name)(**self._options)
        is_proved = not answer.error_code
        try:
            while is_proved and not mechanism.is_done():
                answer = self.ask(SaslAuthenticateRequest(mechanism.auth_bytes()), hint=_SASL_HINT)
                is_proved = not answer.error_code
                if is_proved:
                    mechanism.receive(answer.auth_bytes)
        except ValueError:  # the broker has not proved that it knows our password
            is_proved = False
        if not (is_proved and mechanism.is_authenticated()):
            self._refuse(
                f"refuses user '{self._security.username}' and its password; check "
                f"{VARIABLES}USERNAME and {VARIABLES}PASSWORD or PASSWORD_FILE"
            )

    def _explain(self, error: Exception, hint: str) -> NoReturn:
        """Say in words what has gone wrong; *hint* is what it means if the broker hung up."""
        if isinstance(error, ssl.SSLCertVerificationError):
            self._refuse(_verdict_on_broker(error))
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            shown = self._security.certificate_file is not None
            self._refuse(_verdict_on_us(error.reason or "", shown=shown))
        # Bytes of another protocol are proof, and so is a connection that ends on the question
        # after the greeting. One that just ends may be a broker's that is going down: it passes.
        hung_up = isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)
        is_proof = isinstance(error, KafkaProtocolError | ssl.SSLError) and not hung_up
        if is_proof or (hung_up and self._has_answered and hint is not _LATER_HINT):
            self._refuse(f"does not answer: {hint}")
        raise TransientError(f"{self._name} does not answer as Kafka does ({hint})") from error

    def _refuse(self, what: str) -> NoReturn:
        raise ConfigurationError(f"{self._name} {what}")


def _verdict_on_broker(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code == _EXPIRED:
        return "shows a certificate that has expired; renew the broker's certificate"
    if code == _NOT_YET_VALID:
        return "shows a certificate that is not valid yet; check the clock of this machine"
    if code in _OTHER_NAME:
        return (
            "shows a certificate for another host name; check CKM__KAFKA__BOOTSTRAP_SERVERS and "
            "the broker's advertised listeners"
        )
    if code in _UNKNOWN_AUTHORITY:
        return f"shows a certificate by an authority that is not trusted; check {VARIABLES}CA_FILE"
    return (
        f"shows a certificate that is not good ({error.verify_message}); check {VARIABLES}CA_FILE"
    )


def _verdict_on_us(alert: str, *, shown: bool) -> str:
    if "PROTOCOL_VERSION" in alert:
        return "offers no TLS 1.2 or newer"
    reason = alert.partition("ALERT_")[2].replace("_", " ").lower()
    if shown:
        return (
            f"refuses our certificate ({reason}); check {VARIABLES}CERTIFICATE_FILE and which "
            "authorities it trusts"
        )
    return f"asks for our certificate ({reason}); set {VARIABLES}CERTIFICATE_FILE and KEY_FILE"
