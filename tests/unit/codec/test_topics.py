"""Topic names."""

from ckm_stream.codec.topics import LOGICAL_TOPICS, Source, Topics, subject_of


def test_sources_are_in_the_order_of_a_profiles_applied_offsets() -> None:
    """All but the last index ``Delivery.applied``; their order is part of the layout."""
    assert list(Source) == [
        Source.CALL,
        Source.TICKET,
        Source.PURCHASE,
        Source.FEEDBACK,
        Source.REFERRAL,
        Source.TEXT,
        Source.EMPLOYEE,
    ]
    assert [int(source) for source in Source] == [0, 1, 2, 3, 4, 5, 6]


def test_prefix_precedes_every_name() -> None:
    """A physical name is the prefix and the logical name, nothing between."""
    topics = Topics("staging.")

    assert topics.call == "staging.ckm.touchpoint.call.v1"
    assert topics.of(Source.EMPLOYEE) == topics.employee == "staging.ckm.internal.employee.v1"
    assert topics.score_updated == "staging.ckm.score.updated.v1"
    assert all(name.startswith("staging.ckm.") for name in topics.sources)


def test_sources_map_physical_names_to_sources() -> None:
    """All seven sources are there, in order, under their physical names."""
    topics = Topics("p.")

    assert list(topics.sources.values()) == list(Source)
    assert topics.sources[topics.referral] is Source.REFERRAL


def test_topics_name_every_logical_topic() -> None:
    """Each logical topic is an attribute of ``Topics``."""
    topics = Topics()
    names = {getattr(topics, name) for name in Topics.__slots__} - {""}

    assert names == set(LOGICAL_TOPICS)


def test_subject_is_the_topics_name_and_value() -> None:
    """Subjects follow TopicNameStrategy."""
    assert subject_of("ckm.score.updated.v1") == "ckm.score.updated.v1-value"
