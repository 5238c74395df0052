"""``ckm text``: sentiment and topics of texts, new topics, and learning from ratings."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ckm_stream.cli.main import app
from ckm_stream.errors import ConfigurationError, FitError

RATED = [
    *[(f"the router with tag {n} is blinking", 1) for n in range(200)],
    *[(f"the router with tag {n} is humming", 5) for n in range(200)],
]


def run(*arguments: str, given: bytes | None = None) -> str:
    """Run ``ckm text``; return what it prints."""
    result = CliRunner().invoke(app, ["text", *arguments], input=given, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(*arguments: str) -> Exception:
    """Run ``ckm text``; return the error that it ends with."""
    result = CliRunner().invoke(app, ["text", *arguments])
    assert isinstance(result.exception, ConfigurationError | FitError), result.output
    return result.exception


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Give a file of ratings from 1 to 5."""
    file = tmp_path / "ratings.csv"
    file.write_text("text,rating\n" + "".join(f"{text},{stars}\n" for text, stars in RATED))
    return file


def test_texts_are_read_from_standard_input() -> None:
    """A line each, blank ones left out; what is not known is a question mark."""
    printed = run("read", given="Great delivery!\n\n请问如何退货\n".encode())

    assert printed.splitlines() == [
        "+0.66\t1\tdelivery\tGreat delivery!",
        "?\t0\treturns\t请问如何退货",
    ]


def test_texts_are_read_from_a_file_as_json(tmp_path: Path) -> None:
    """An object each; a sentiment that is not known is null."""
    file = tmp_path / "texts.txt"
    file.write_text("\ufeff太差\nmy card\n", "utf-8")

    first, second = map(json.loads, run("read", str(file), "--json").splitlines())

    assert first["sentiment"] < 0
    assert (first["evidence"], first["topics"], first["text"]) == (1, [], "太差")
    assert second == {"sentiment": None, "evidence": 0, "topics": ["card"], "text": "my card"}


def test_texts_are_read_with_ones_own_lexicon_and_topics(tmp_path: Path) -> None:
    """Both files that settings can name."""
    lexicon, topics = tmp_path / "own.txt", tmp_path / "topics.yaml"
    lexicon.write_text("-3 blinking\n")
    topics.write_text("router: [router*]\n")

    options = ["--lexicon", str(lexicon), "--topics", str(topics)]
    printed = run("read", *options, given=b"Router blinking")

    assert printed == "-0.61\t1\trouter\tRouter blinking\n"


def test_new_topics_are_discovered(tmp_path: Path) -> None:
    """Ranked by the number of texts."""
    file = tmp_path / "texts.txt"
    file.write_text(
        "".join(f"{who} blocked the charging station\n" for who in ("A bus", "He", "I"))
    )

    assert "3\tcharging station\n" in run("discover", str(file))
    assert {"phrase": "charging station", "language": "english", "texts": 3} in json.loads(
        run("discover", str(file), "--json")
    )


def test_a_lexicon_is_learnt_written_and_used(ratings: Path, tmp_path: Path) -> None:
    """With how good it is on texts not learnt from."""
    out = tmp_path / "own.txt"

    printed = run("retrain", str(ratings), "-o", str(out), "--low", "1", "--high", "5")

    assert printed.splitlines() == [
        f"{out}: 2 words from 400 texts",
        "told apart of texts not learnt from: AUC 0.500 before, 1.000 after",
    ]
    assert run("read", "--lexicon", str(out), given=b"it is blinking").startswith("-")


def test_what_was_learnt_is_told_as_json(ratings: Path, tmp_path: Path) -> None:
    """For scripts."""
    out = tmp_path / "own.txt"

    told = json.loads(
        run("retrain", str(ratings), "-o", str(out), "--low", "1", "--high", "5", "--json")
    )

    assert told == {"texts": 400, "words": 2, "auc_before": 0.5, "auc_after": 1.0}


def test_too_few_to_judge_are_learnt_from_all_the_same(tmp_path: Path) -> None:
    """Half of them would be too few; it says so."""
    file, out = tmp_path / "ratings.csv", tmp_path / "own.txt"
    rated = [*RATED[:120], *RATED[-120:]]
    file.write_text("text,rating\n" + "".join(f"{text},{stars - 3}\n" for text, stars in rated))

    printed = run("retrain", str(file), "-o", str(out), "--low", "-2", "--high", "2")

    assert "too few texts to say how good it is" in printed
    assert out.exists()


def test_a_lexicon_that_is_no_better_is_called_so(tmp_path: Path) -> None:
    """Words that VADER rates as the customers do: there was nothing to learn."""
    file = tmp_path / "ratings.csv"
    file.write_text("text,rating\n" + "good stuff,1\nbad stuff,-1\n" * 300)

    printed = run("retrain", str(file), "-o", str(tmp_path / "own.txt"))

    assert printed.splitlines()[-1].startswith("it is no better than the built-in lexicon")


def test_too_few_ratings_leave_the_old_lexicon(tmp_path: Path) -> None:
    """Exit code 7, and the file is what it was."""
    file, out = tmp_path / "ratings.csv", tmp_path / "own.txt"
    file.write_text("text,rating\nbad,-1\n")
    out.write_text("1 old\n")

    error = refused("retrain", str(file), "-o", str(out))

    assert isinstance(error, FitError)
    assert out.read_text() == "1 old\n"


@pytest.mark.parametrize("verb", ["read", "discover"])
def test_a_missing_file_is_named(verb: str, tmp_path: Path) -> None:
    """So is the reason."""
    assert "none.txt cannot be read: No such file" in str(refused(verb, str(tmp_path / "none.txt")))


def test_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """GBK is common for Chinese; guessing it would read nonsense."""
    file = tmp_path / "texts.txt"
    file.write_bytes(b"good\n" + "很慢".encode("gbk"))

    assert f"{file}, line 2 is not UTF-8" in str(refused("read", str(file)))
