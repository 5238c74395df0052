"""Ratings from a CSV file: the scale, and lines that cannot be meant."""

from pathlib import Path

import pytest

from ckm_stream.errors import CkmStreamError, ConfigurationError, FitError
from ckm_stream.text.ratings import read_ratings


def written(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    """Return a file with that content."""
    file = folder / "ratings.csv"
    file.write_bytes(content.encode(encoding))
    return file


def test_ratings_are_brought_to_a_scale_from_minus_one_to_one(tmp_path: Path) -> None:
    """Stars from 1 to 5, in columns of any order, among others."""
    file = written(tmp_path, 'id,rating,text\r\n1,1,bad\r\n2,4,"good, ""very"""\r\n3,3,太慢\r\n')

    assert read_ratings(file, low=1, high=5) == [
        ("bad", -1.0),
        ('good, "very"', 0.5),
        ("太慢", 0.0),
    ]


def test_ratings_are_taken_as_they_are_without_a_scale(tmp_path: Path) -> None:
    """-1 to 1 is the scale that is asked for; a byte order mark is no part of a name."""
    file = written(tmp_path, "\ufefftext,rating\nbad,-0.25\n")

    assert read_ratings(file) == [("bad", -0.25)]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", ConfigurationError, "must name the columns text and rating"),
        ("text,score\nbad,1\n", ConfigurationError, "must name the columns text and rating"),
        ("text,rating\nbad,1\n,1\n", FitError, "line 3: there is no text"),
        ("text,rating\nbad,\n", FitError, "line 2: there is no rating"),
        ("text,rating\nbad\n", FitError, "line 2: there is no rating"),
        ("text,rating\nbad,low\n", FitError, "line 2: the rating 'low' is no number"),
        ("text,rating\nbad,4\n", FitError, "line 2: the rating 4 is not on the scale -1 to 1; .*"),
        ("text,rating\nbad,nan\n", FitError, "line 2: the rating nan is not on the scale"),
        ('text,rating\n"bad,1\n', FitError, "is not CSV"),
    ],
)
def test_a_hole_is_refused_with_its_line(
    tmp_path: Path, content: str, error: type[CkmStreamError], message: str
) -> None:
    """Nothing is guessed, nothing is left out in silence."""
    with pytest.raises(error, match=message):
        read_ratings(written(tmp_path, content))


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    """GBK is common for Chinese; guessing it would learn nonsense."""
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read_ratings(written(tmp_path, "text,rating\n很慢,-1\n", "gbk"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is the reason."""
    with pytest.raises(ConfigurationError, match=r"none\.csv cannot be read: No such file"):
        read_ratings(tmp_path / "none.csv")


@pytest.mark.parametrize(("low", "high"), [(5.0, 1.0), (1.0, 1.0), (float("nan"), 1.0)])
def test_a_scale_goes_up(tmp_path: Path, low: float, high: float) -> None:
    """Otherwise the best would be the worst."""
    with pytest.raises(ConfigurationError, match="low must be below high"):
        read_ratings(written(tmp_path, "text,rating\n"), low=low, high=high)
