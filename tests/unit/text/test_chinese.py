"""The Chinese rules: what turns, strengthens and weighs a word, and how far it reaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.text.chinese import REACH_CHARS, ChineseRules, Occurrence
from ckm_stream.text.lexicon import Section, built_in_chinese

# One word of each kind, and fillers that are none.
RULES = ChineseRules(
    {
        Section.WORDS: {"满意": 2.0, "糟糕": -2.0, "好": 1.0},
        Section.NEGATIONS: {"不": -0.5},
        Section.INTENSIFIERS: {"很": 0.25, "有点": -0.25, "好": 0.5},
        Section.ADVERSATIVES: {"但是": 0.0},
        Section.NEUTRAL: {"好像": 0.0},
    },
    {},
)
BUILT_IN = ChineseRules(built_in_chinese(), {})

pieces = st.sampled_from(
    ["满意", "糟糕", "好", "不", "很", "有点", "但是", "好像", "山", "水", ",", "."]
)
texts = st.lists(pieces, max_size=20).map("".join)


@pytest.mark.parametrize(
    ("text", "total", "words"),
    [
        ("山水", 0.0, 0),
        ("满意", 2.0, 1),
        ("满意,糟糕", 0.0, 2),
        ("不满意", -1.0, 1),
        ("不山满意", -1.0, 1),
        ("不不满意", 0.5, 1),
        ("很满意", 2.25, 1),
        ("很糟糕", -2.25, 1),
        ("有点糟糕", -1.75, 1),
        ("不很满意", -1.125, 1),
        ("好像满意", 2.0, 1),
    ],
)
def test_modifiers_act_on_the_next_polar_word(text: str, total: float, words: int) -> None:
    """Negations multiply, intensifiers add to the side that the word is on."""
    assert RULES.score(text) == (total, words)


def test_a_modifier_reaches_some_characters_and_no_further() -> None:
    """Six are about three words, as far as VADER looks back."""
    assert RULES.score("不" + "山" * REACH_CHARS + "满意") == (-1.0, 1)
    assert RULES.score("不" + "山" * (REACH_CHARS + 1) + "满意") == (2.0, 1)


@pytest.mark.parametrize("mark", [",", ".", "!", "?", "\n", ";"])
def test_a_modifier_stays_in_its_clause(mark: str) -> None:
    """Whoever says "No, I am pleased" does not complain."""
    total, _ = RULES.score(f"不{mark}满意")

    assert total >= 2.0


def test_a_modifier_acts_once() -> None:
    """The second word of a clause is as it is."""
    assert RULES.score("不满意满意") == (1.0, 2)


def test_what_comes_after_but_weighs_more() -> None:
    """0.5 before, 1.5 after, in its sentence only."""
    assert RULES.score("满意但是糟糕") == (0.5 * 2.0 - 1.5 * 2.0, 2)
    assert RULES.score("满意.但是糟糕") == (2.0 - 1.5 * 2.0, 2)
    assert RULES.score("满意但是糟糕.满意") == (1.0 - 3.0 + 2.0, 3)


def test_good_before_a_polar_word_is_very() -> None:
    """好糟糕 is "very bad"; 好 by itself is "good"; so it is before a blank."""
    assert RULES.score("好糟糕") == (-2.5, 1)
    assert RULES.score("好") == (1.0, 1)
    assert RULES.score("好山糟糕") == (-1.0, 2)
    assert RULES.score("不好") == (-0.5, 1)


@pytest.mark.parametrize(
    ("marks", "added"),
    [("!", 0.292), ("!!!!", 1.168), ("!!!!!!", 1.168), ("?", 0.0), ("??", 0.36), ("????", 0.96)],
)
def test_marks_add_to_what_there_is(marks: str, added: float) -> None:
    """VADER's figures, on the side that the sum is on; without a word they say nothing."""
    assert RULES.score(f"满意{marks}")[0] == pytest.approx(2.0 + added)
    assert RULES.score(f"糟糕{marks}")[0] == pytest.approx(-2.0 - added)
    assert RULES.score(f"山{marks}") == (0.0, 0)


@given(texts)
def test_without_evidence_the_sum_is_nothing(text: str) -> None:
    """A sum always rests on words."""
    total, evidence = RULES.score(text)

    assert evidence or not total


@given(texts, texts)
def test_sentences_add_up(one: str, other: str) -> None:
    """Nothing acts across the end of a sentence."""
    total, evidence = RULES.score(f"{one}.{other}")
    (left, left_words), (right, right_words) = RULES.score(one), RULES.score(other)

    assert total == pytest.approx(left + right)
    assert evidence == left_words + right_words


@given(texts)
def test_two_cores_of_one_vocabulary_agree(text: str) -> None:
    """The order in which words are given does not matter."""
    sections = {Section.WORDS: {"好": 1.0, "糟糕": -2.0, "满意": 2.0}}
    turned = {Section.WORDS: dict(reversed(sections[Section.WORDS].items()))}

    assert ChineseRules(sections, {}).score(text) == ChineseRules(turned, {}).score(text)


def test_ones_own_words_come_first() -> None:
    """In place of built-in ones, beside them, and 0 makes a word neutral."""
    rules = ChineseRules(built_in_chinese(), {"满意": -1.0, "光猫": 2.0, "失望": 0.0})

    assert rules.score("满意") == (-1.0, 1)
    assert rules.score("光猫") == (2.0, 1)
    assert rules.score("失望") == (0.0, 0)


def test_occurrences_tell_how_each_word_is_turned() -> None:
    """Neutral words of the vocabulary are told too: a learner wants them."""
    rules = ChineseRules(
        {Section.WORDS: {"满意": 2.0}, Section.NEGATIONS: {"不": -0.5}}, {"光猫": 0.0}
    )

    assert rules.occurrences("光猫不满意") == [
        Occurrence("光猫", 0.0, 1.0),
        Occurrence("满意", -1.0, -0.5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "服务非常好",
        "客服很耐心,问题解决了",
        "物流神速",
        "没有问题",
        "性价比高",
        "不是不满意",
        "一点也不贵",
    ],
)
def test_praise_is_positive(text: str) -> None:
    """Short sentences that nobody would read otherwise."""
    assert BUILT_IN.score(text)[0] > 0


@pytest.mark.parametrize(
    "text",
    [
        "物流太慢了",
        "客服态度很差",
        "一点也不好用",
        "质量不怎么好",
        "等了一个星期还没收到",
        "再也不买了",
        "手机不错,但是物流实在太慢",
        "骗子公司",
    ],
)
def test_complaint_is_negative(text: str) -> None:
    """Short sentences that nobody would read otherwise."""
    assert BUILT_IN.score(text)[0] < 0


@pytest.mark.parametrize(
    "text",
    [
        "请问信用卡怎么还款",
        "好像是昨天",
        "最近几天",
        "你好",
        "如何退货",
        "怎么申请退款",
        "快递单号",
    ],
)
def test_a_plain_question_says_nothing(text: str) -> None:
    """Words that hold a polar one inside are shielded."""
    assert BUILT_IN.score(text) == (0.0, 0)
