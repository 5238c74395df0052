"""Topics from a dictionary: what a phrase matches, and what a dictionary must not be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.language import plain
from ckm_stream.text.topics import TopicDictionary, default_topics, load_topics

TOPICS = TopicDictionary(
    {
        "payment": ["pay", "card payment*", "付款"],
        "card": ["card", "cards", "信用卡"],
        "refund": ["refund*", "money back", "退款"],
        "app": ["app", "app打不开"],
    }
)

pieces = st.sampled_from(
    [
        "card",
        "payment",
        "money",
        "back",
        "refunded",
        "app",
        "打不开",
        "信用卡",
        "付",
        "款",
        "my",
        "山",
    ]
)
texts = st.lists(pieces, max_size=12).map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("Nothing of that", {}),
        ("CARD", {"card": 1}),
        ("my card, your cards", {"card": 2}),
        ("a discarded postcard", {}),
        ("he was refunded", {"refund": 1}),
        ("prerefund", {}),
        ("I want my money back", {"refund": 1}),
        ("I want my money. Back then it was mine", {}),
        ("money-back guarantee", {"refund": 1}),
        ("card payments", {"payment": 1}),
        ("card, payments", {"card": 1}),
        ("信用卡付款要退款", {"payment": 1, "card": 1, "refund": 1}),
        ("app", {"app": 1}),
        ("APP打不开了", {"app": 1}),
        ("我的app", {"app": 1}),
        ("snake_case card_payment", {"payment": 1}),
    ],
)
def test_phrases_match_whole_words_and_characters(text: str, expected: dict[str, int]) -> None:
    """Case does not matter, marks end a phrase, of phrases at one place the longest counts."""
    assert TOPICS.topics_in(plain(text)) == expected


@given(texts)
def test_topics_come_in_the_order_of_the_dictionary(text: str) -> None:
    """Whatever the order in the text."""
    found = list(TOPICS.topics_in(text))

    assert found == [topic for topic in TOPICS.topics if topic in found]


@given(texts, texts)
def test_sentences_add_up(one: str, other: str) -> None:
    """No phrase goes across the end of a sentence, so counts are sums."""
    left, right = TOPICS.topics_in(one), TOPICS.topics_in(other)

    both = TOPICS.topics_in(f"{one}. {other}")

    assert both == {
        topic: left.get(topic, 0) + right.get(topic, 0)
        for topic in TOPICS.topics
        if topic in left or topic in right
    }


@given(texts)
def test_case_does_not_matter(text: str) -> None:
    """Neither in a text nor in a dictionary."""
    upper = TopicDictionary({"payment": ["PAY"], "card": ["Card"], "refund": ["REFUND*"]})
    lower = TopicDictionary({"payment": ["pay"], "card": ["card"], "refund": ["refund*"]})

    assert upper.topics_in(text) == lower.topics_in(text.upper())


def test_a_phrase_may_belong_to_several_topics() -> None:
    """It then speaks of all of them."""
    topics = TopicDictionary({"card": ["card fee"], "fees": ["card fee"]})

    assert topics.topics_in("card fee") == {"card": 1, "fees": 1}


def test_the_exact_word_comes_before_a_stem() -> None:
    """A company can take one word out of what a stem matches."""
    topics = TopicDictionary({"charge": ["charg*"], "charger": ["charger"]})

    assert topics.topics_in("charger charged") == {"charge": 1, "charger": 1}


def test_a_traditional_phrase_finds_a_simplified_text() -> None:
    """Both are simplified first."""
    assert TopicDictionary({"card": ["信用卡帳單"]}).topics_in(plain("信用卡账单")) == {"card": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("billing: [invoice", "is not YAML"),
        ("", "must map topics to phrases"),
        ("- billing", "must map topics to phrases"),
        ("{}", "has no topic"),
        ("Billing: [invoice]", "topic 'Billing': a topic's name is small letters"),
        ("1: [invoice]", "quote the topic 1,"),
        ("billing: invoice", r"topic 'billing': give a list of phrases, such as \[billing\]"),
        ("billing: []", "topic 'billing' has no phrase"),
        ("billing: [no]", "topic 'billing': quote False"),
        ("billing: [12]", "topic 'billing': quote 12"),
        ("billing: ['...!']", "'...!' has no word"),
        ("billing: ['']", "'' has no word"),
        ("billing: [bi*]", r"in 'bi\*' put \* behind a word of 3 letters"),
        ("billing: ['* bill']", r"put \* behind a word"),
        ("billing: [账单*]", r"put \* behind a word"),
        ("billing: [bill, BILL]", "'BILL' is there twice"),
        ("card: [card]\nbilling: [bill]\ncard: [cards]", "line 3: topic 'card' is there twice"),
    ],
)
def test_a_dictionary_that_cannot_be_meant_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    """The message has the file, the topic and what to do."""
    file = tmp_path / "topics.yaml"
    file.write_text(content, "utf-8")

    with pytest.raises(ConfigurationError, match=message) as refused:
        load_topics(file)

    assert str(refused.value).startswith(f"topics {file}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is the reason."""
    with pytest.raises(ConfigurationError, match=r"none\.yaml cannot be read: No such file"):
        load_topics(tmp_path / "none.yaml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """GBK is common for Chinese; guessing it would match nothing, in silence."""
    file = tmp_path / "topics.yaml"
    file.write_bytes("card: [信用卡]".encode("gbk"))

    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_topics(file)


def test_without_a_file_it_is_the_built_in_one() -> None:
    """Topics of customer service."""
    assert load_topics(None) is default_topics()
    assert {"billing", "delivery", "returns", "login", "card", "transfer"} <= set(
        default_topics().topics
    )


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("Where is my parcel?", ["delivery"]),
        ("I was billed twice", ["billing"]),
        ("I forgot my password", ["login"]),
        ("Top-up failed", ["top_up"]),
        ("快递怎么还没到", ["delivery"]),
        ("发票开错了", ["billing"]),
        ("七天无理由退货", ["returns"]),
        ("宽带又断网了", ["network"]),
    ],
)
def test_the_built_in_dictionary_knows_what_customers_write_about(
    text: str, topics: list[str]
) -> None:
    """In English and in Chinese."""
    assert list(default_topics().topics_in(plain(text))) == topics


@pytest.mark.parametrize(
    "words",
    [
        (
            "账户 闪退 发票 取消 银行卡 取款 投诉 汇率 快递 手续费 身份 密码 宽带 订单 付款 价格 "
            "质量 优惠 退款 退货 盗刷 客服 充值 转账 保修"
        ),
        (
            "account; website; invoice; cancel; card; cash; complaint; currency; parcel; fee; "
            "passport; password; internet; order; payment; price; quality; coupon; refund; "
            "sent back; stolen; staff; top up; transfer; repair"
        ),
    ],
)
def test_every_built_in_topic_has_both_languages(words: str) -> None:
    """A topic that only one language can have would mislead a comparison."""
    assert tuple(default_topics().topics_in(words)) == default_topics().topics
