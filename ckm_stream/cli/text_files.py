"""What the verbs of ``ckm text`` do with files."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.text.learning import HeldOut, held_out, retrain
from ckm_stream.text.lexicon import save_lexicon
from ckm_stream.text.ratings import read_ratings

_STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of retraining; the AUCs are of texts not learnt from, ``None`` if too few."""

    texts: int
    words: int
    auc_before: float | None
    auc_after: float | None


def lines_of(file: Path) -> Iterator[str]:
    """
    Yield the lines of a file in UTF-8, or of standard input, without those that are blank.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    is_standard_input = str(file) == _STANDARD_INPUT
    try:
        opened = nullcontext(sys.stdin.buffer) if is_standard_input else file.open("rb")
        with opened as lines:
            for number, line in enumerate(lines, start=1):
                yield from _text_of(line, f"{file}, line {number}")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error


def _text_of(line: bytes, place: str) -> Iterator[str]:
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{place} is not UTF-8; convert the file first") from error
    if text:
        yield text


def retrained(file: Path, out: Path, *, low: float, high: float) -> Learnt:
    """
    Learn a lexicon from the ratings of *file*, on a scale from *low* to *high*; write it to *out*.

    Raises:
        ConfigurationError: If a file cannot be read or written, or a package is not installed.
        FitError: If the ratings cannot be learnt from; *out* is left as it was.
    """
    ratings = read_ratings(file, low=low, high=high)
    lexicon = retrain(ratings)
    held = _held_out(ratings)
    about = [f"Learnt by `ckm text retrain` from {len(ratings)} rated texts."]
    if held is not None:
        about.append(
            f"AUC on texts not learnt from: {held.before:.3f} before, {held.after:.3f} after."
        )
    save_lexicon(lexicon, out, about=about)
    return Learnt(
        len(ratings),
        len(lexicon.own),
        None if held is None else held.before,
        None if held is None else held.after,
    )


def _held_out(ratings: list[tuple[str, float]]) -> HeldOut | None:
    try:
        return held_out(ratings)
    except FitError:
        return (
            None  # enough to learn from as a whole, and not by halves: said by `ckm text retrain`
        )
