"""
Rights that were taken away while a worker runs: what a broker refuses it from then on (P19).

aiokafka raises these bare, wrapped, or as the cause of another error, depending on the task that
met them. Each means the same: somebody has to grant something, and trying again helps nobody.
"""

from collections.abc import Iterator
from typing import Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from ckm_stream.errors import ConfigurationError

_LOST: Final[dict[type[KafkaError], str]] = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "group",
    TransactionalIdAuthorizationFailed: "transactional id",
    ClusterAuthorizationFailedError: "cluster",
    SaslAuthenticationFailed: "user",
}


def lost_right(error: BaseException) -> ConfigurationError | None:
    """Return the right that we no longer have, if that is what *error* comes from."""
    for each in _causes(error):
        for kind, resource in _LOST.items():
            if isinstance(each, kind):
                return ConfigurationError(
                    f"Kafka refuses us {resource} {_named(each)} now; grant what `ckm topics acls` "
                    "says and start again: no offset has moved, nothing was dropped"
                )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _named(error: BaseException) -> str:
    """Return the names that aiokafka has put into *error*: one, some, or none."""
    named = error.args[0] if error.args else ()
    names = [named] if isinstance(named, str) else sorted(map(str, named or ()))
    return ", ".join(f"'{name}'" for name in names) or "(not named)"
