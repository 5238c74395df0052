"""docs/promises.md names tests that are there, and a control for each promise."""

import re
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_PAGE = _TESTS.parent / "docs" / "promises.md"
_KEPT = [f"P{number}" for number in (*range(1, 16), *range(17, 22))]


def rows() -> dict[str, list[str]]:
    """Return the cells of each promise's row."""
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("| **P")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {re.findall(r"\*\*(P\d+)\*\*", each[0])[0]: each for each in cells}


def test_every_promise_has_a_row() -> None:
    """What is kept for later is said below the table."""
    assert list(rows()) == _KEPT


@pytest.mark.parametrize("promise", _KEPT)
def test_a_promise_s_tests_and_controls_are_there(promise: str) -> None:
    """Files and functions, by the names that the page gives them."""
    _, tests, controls, figure = rows()[promise]
    named = re.findall(r"`([^`]+)`", tests), re.findall(r"`([^`]+)`", controls)

    assert all(named)
    assert figure
    for name in (*named[0], *named[1]):
        file, *parts = name.split("::")
        text = (_TESTS / file).read_text()
        for part in parts:
            assert re.search(rf"^\s*(async def|def|class) {part}\b", text, re.MULTILINE), name
