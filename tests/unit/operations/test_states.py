"""The newest state of a changelog tells whether these settings can read the others."""

from dataclasses import replace

import pytest

from ckm_stream.codec.state import encode_state
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState
from ckm_stream.errors import TransientError
from ckm_stream.operations.states import newest_state_problem
from ckm_stream.operations.topics import apply_topics, load_specs
from ckm_stream.settings import KafkaSettings, Settings
from tests.support.broker import Broker
from tests.support.producing import RawRecord, produce_raw

_POLICY = Policy()
_OTHER = replace(_POLICY, landmark_s=_POLICY.landmark_s + 86_400)


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """Give the settings of an installation without topics."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=broker.bootstrap_servers, topic_prefix=topic_prefix, partitions=2
        ),
        scoring=_POLICY,
    )


def test_the_newest_state_is_the_one_that_counts(settings: Settings) -> None:
    """None yet; one of another policy; then one that is ours, and a customer who is gone."""
    topic = Topics(settings.kafka.topic_prefix).profile_changelog
    state = ProfileState.empty(partition=0)
    apply_topics(settings, [spec for spec in load_specs() if topic.endswith(spec.name)])
    told = [newest_state_problem(settings, topic)]

    for value in (encode_state(state, _OTHER), encode_state(state, _POLICY), None):
        produce_raw(settings.kafka.bootstrap_servers, [RawRecord(topic, b"c", value)])
        told.append(newest_state_problem(settings, topic))

    assert [each is None for each in told] == [True, False, True, True]
    assert "scoring" in str(told[1])


def test_a_topic_that_is_not_there_has_no_states(settings: Settings) -> None:
    """That it is missing is told elsewhere."""
    topic = Topics(settings.kafka.topic_prefix).profile_changelog

    assert newest_state_problem(settings, topic) is None


def test_a_broker_that_is_not_there_is_transient() -> None:
    """Nobody listens."""
    settings = Settings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"))

    with pytest.raises(TransientError):
        newest_state_problem(settings, "ckm.changelog.profile.v1")
