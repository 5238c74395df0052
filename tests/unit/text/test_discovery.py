"""Phrases that many texts share and no topic covers."""

from ckm_stream.text.discovery import MIN_TEXTS, Candidate, discover
from ckm_stream.text.language import Language
from ckm_stream.text.topics import TopicDictionary

KNOWN = TopicDictionary({"delivery": ["parcel*", "快递"], "card": ["card"]})

ENGLISH = [
    "The charging station is always blocked",
    "Who cleans the charging station?",
    "My parcel came late",
    "The parcel was wet",
    "Another charging station is broken",
    "A parcel is missing",
    "The coffee machine is broken",
]
CHINESE = [
    "快递来了,我的取件码呢",
    "取件码在哪里看",
    "一直收不到取件码",
    "充电桩又坏了",
    "充电桩前面停满了车",
    "小区的充电桩太少",
]


def phrases(found: list[Candidate]) -> list[str]:
    """Return the phrases of candidates."""
    return [candidate.phrase for candidate in found]


def test_an_english_phrase_that_texts_share_is_found() -> None:
    """With the number of its texts; what the dictionary knows is not."""
    found = discover(ENGLISH, known=KNOWN)

    assert Candidate("charging station", Language.ENGLISH, 3) in found
    assert not any("parcel" in phrase for phrase in phrases(found))


def test_a_chinese_word_that_texts_share_is_found() -> None:
    """Also one that jieba cuts in two; what the dictionary knows is not."""
    found = discover(CHINESE, known=KNOWN)

    assert Candidate("取件码", Language.CHINESE, 3) in found
    assert Candidate("充电桩", Language.CHINESE, 3) in found
    assert not any("快递" in phrase for phrase in phrases(found))


def test_what_few_texts_have_is_chance() -> None:
    """Two coffee machines are no topic."""
    found = discover([*ENGLISH, "The coffee machine is slow"], known=KNOWN)

    assert "coffee machine" not in phrases(found)
    assert all(candidate.texts >= MIN_TEXTS for candidate in found)


def test_one_customer_who_repeats_himself_makes_no_topic() -> None:
    """Texts are counted, not words."""
    assert discover(["solar roof, solar roof, solar roof, solar roof"], known=KNOWN) == []


def test_a_part_of_a_phrase_is_left_out() -> None:
    """The word "charging" says less than "charging station" and occurs as often."""
    assert "charging" not in phrases(discover(ENGLISH, known=KNOWN))


def test_the_most_shared_come_first_and_no_more_than_asked_for() -> None:
    """Both languages in one ranking."""
    found = discover([*CHINESE, *ENGLISH, "充电桩的充电枪"], known=KNOWN)

    assert phrases(found)[0] == "充电桩"
    assert [one.texts for one in found] == sorted((one.texts for one in found), reverse=True)
    assert discover([*CHINESE, *ENGLISH, "充电桩的充电枪"], known=KNOWN, top=1) == found[:1]


def test_the_same_texts_give_the_same_candidates() -> None:
    """Nothing is left to chance."""
    assert discover([*ENGLISH, *CHINESE], known=KNOWN) == discover(
        [*ENGLISH, *CHINESE], known=KNOWN
    )


def test_stop_words_are_no_topics() -> None:
    """Neither in capitals, which YAKE takes for names, nor in Chinese."""
    shouted = [f"WHY do YOU not answer {name}" for name in ("Ann", "Bob", "Cid", "Dan")]
    chinese = ["为什么没有", "请问为什么没有", "你们为什么没有"]

    assert discover([*shouted, *chinese], known=KNOWN, top=9) == [
        Candidate("answer", Language.ENGLISH, 4)
    ]


def test_no_text_has_no_topic() -> None:
    """Nor has one that is not read."""
    assert discover([], known=KNOWN) == []
    assert discover(["Das ist nicht die Lösung"] * 5, known=KNOWN) == []
