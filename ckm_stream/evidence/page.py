"""
The parts of a report for people: one HTML page that stands alone.

Nothing is loaded from anywhere and nothing runs in it; text is escaped here, whatever it is.
"""

from collections.abc import Iterable
from html import escape
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.results import Measured

_STYLE: Final = """
body { color: #1a1a1a; background: #ffffff; font: 16px/1.5 system-ui, sans-serif;
       max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #cccccc; }
.headline { font-size: 1.15rem; border-left: 4px solid #0072b2; padding-left: 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #dddddd;
         vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
.interval { color: #555555; font-size: .8rem; }
figure { margin: 1.2rem 0; break-inside: avoid; }
figcaption { font-size: .9rem; color: #333333; }
svg { max-width: 100%; height: auto; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin-left: 0; }
@media print { body { max-width: none; margin: 0; font-size: 11pt; } tr { break-inside: avoid; } }
"""


def require_drawing(name: str) -> ModuleType:
    """
    Return the module of that name, which draws.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            "a report needs matplotlib, which is not installed: pip install 'ckm-stream[report]'"
        ) from error


def write_page(path: Path, text: str) -> None:
    """
    Write a page to a file, in place of one that is there.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def page(title: str, headline: str, sections: Iterable[str]) -> str:
    """Return a page: its title and headline are text, its sections are HTML."""
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="headline">{escape(headline)}</p>',
            *sections,
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return the heading of a section."""
    return f"<h2>{escape(text)}</h2>"


def glossary_section(entries: Iterable[tuple[str, str]]) -> str:
    """Return each term with its explanation."""
    words = "".join(f"<dt>{escape(term)}</dt><dd>{escape(said)}</dd>" for term, said in entries)
    return f"{heading('What the words mean')}<dl>{words}</dl>"


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Return a paragraph for each text."""
    return [f"<p>{escape(text)}</p>" for text in texts]


def plot(drawing: str, caption: str) -> str:
    """Return a drawing with its caption, which describes it to who does not see it."""
    words = escape(caption)
    drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1)
    return f"<figure>{drawing}<figcaption>{words}</figcaption></figure>"


def figure(measured: Measured | None, form: str) -> str:
    """Return a figure for a cell, and its interval on a line of its own."""
    if measured is None or measured.value is None:
        return "-"
    value = form.format(measured.value)
    if measured.low is None or measured.high is None:
        return value
    return f"{value}\n{form.format(measured.low)} to {form.format(measured.high)}"


def table(
    head: list[str], rows: Iterable[tuple[str, ...]], *, caption: str = "", numbers_from: int = 1
) -> str:
    """Return a table; a row of one cell spans all columns."""
    kinds = [' class="number"' if place >= numbers_from else "" for place in range(len(head))]
    names = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True)
    )
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    lines = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="table"><table>{words}{top}<tbody>{lines}</tbody></table></div>'


def _cells(row: tuple[str, ...], kinds: list[str]) -> str:
    if len(row) == 1:
        return f'<td colspan="{len(kinds)}">{escape(row[0])}</td>'
    first = f'<th scope="row">{escape(row[0])}</th>'
    return first + "".join(
        f"<td{kind}>{_lines(cell)}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True)
    )


def _lines(cell: str) -> str:
    first, _, second = escape(cell).partition("\n")
    return f'{first}<br><span class="interval">{second}</span>' if second else first
