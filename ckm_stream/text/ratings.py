"""Rated texts from a CSV file, refused as a whole if a line of it cannot be meant."""

import csv
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Final

from ckm_stream.errors import ConfigurationError, FitError

TEXT: Final = "text"
RATING: Final = "rating"


def read_ratings(path: Path, *, low: float = -1.0, high: float = 1.0) -> list[tuple[str, float]]:
    """
    Return the texts of a CSV file with their ratings, brought to -1..1.

    Args:
        path: A CSV file in UTF-8 with a header that has the columns ``text`` and ``rating``.
        low: The worst rating that can be given.
        high: The best one; above *low*.

    Raises:
        ConfigurationError: If the file cannot be read or has no such columns, or *low* is not
            below *high*.
        FitError: If a text or a rating is missing, or a rating is no number or not on the scale;
            the message has the line.
    """
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ConfigurationError(
            f"a scale from {low:g} to {high:g} is none: low must be below high"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if not {TEXT, RATING} <= set(reader.fieldnames or ()):
                raise ConfigurationError(
                    f"ratings {path}: the first line must name the columns {TEXT} and {RATING}"
                )
            return list(_rated(reader, path, low, high))
    except OSError as error:
        raise ConfigurationError(f"ratings {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"ratings {path} cannot be read: is not UTF-8") from error
    except csv.Error as error:
        raise FitError(f"ratings {path} is not CSV: {error}") from error


def _rated(
    reader: "csv.DictReader[str]", path: Path, low: float, high: float
) -> Iterator[tuple[str, float]]:
    for row in reader:
        place = f"ratings {path}, line {reader.line_num}"
        text, written = _fields(row, place)
        try:
            rating = float(written)
        except ValueError:
            raise FitError(f"{place}: the rating {written!r} is no number") from None
        if not low <= rating <= high:
            raise FitError(
                f"{place}: the rating {rating:g} is not on the scale {low:g} to {high:g}; "
                "name yours with --low and --high"
            )
        yield text, (2.0 * rating - low - high) / (high - low)


def _fields(row: Mapping[str, str | None], place: str) -> tuple[str, str]:
    text, written = row[TEXT], row[RATING]
    if text is None or not text.strip():
        raise FitError(f"{place}: there is no text; take the line out")
    if written is None or not written.strip():
        raise FitError(f"{place}: there is no rating; take the line out")
    return text, written
