"""Rights that were taken away, found in whatever the client makes of them."""

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from ckm_stream.errors import ConfigurationError, FencedError, TransientError
from ckm_stream.streaming.rights import lost_right


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (TopicAuthorizationFailedError("a.topic"), "topic 'a.topic'"),
        (TopicAuthorizationFailedError({"b", "a"}), "topic 'a', 'b'"),
        (GroupAuthorizationFailedError("profiles"), "group 'profiles'"),
        (TransactionalIdAuthorizationFailed("profiles-3"), "transactional id 'profiles-3'"),
        (SaslAuthenticationFailed(), "user (not named)"),
    ],
)
def test_a_lost_right_is_a_configuration_error_that_names_it(error: KafkaError, named: str) -> None:
    """With the command that knows what to grant."""
    lost = lost_right(error)

    assert isinstance(lost, ConfigurationError)
    assert named in str(lost)
    assert "`ckm topics acls`" in str(lost)


def test_a_lost_right_is_found_behind_what_came_of_it() -> None:
    """The sender wraps it, the committer takes it for something that passes."""
    error = TransientError("the transaction did not end")
    error.__cause__ = KafkaError("unexpected")
    error.__cause__.__context__ = TopicAuthorizationFailedError("a.topic")

    assert "topic 'a.topic'" in str(lost_right(error))


def test_other_errors_are_no_matter_of_rights() -> None:
    """Being fenced has an exit code of its own; a circle of causes has an end."""
    error = FencedError("partition 3 belongs to another worker now")
    error.__cause__ = KafkaError()
    error.__cause__.__cause__ = error

    assert lost_right(error) is None
