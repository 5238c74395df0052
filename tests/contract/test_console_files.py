"""The console's files: both languages complete, nothing vendored that was changed, policy kept."""

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from ckm_stream.domain import engagement
from ckm_stream.domain.counters import CHANNEL_GROUPS, TYPES
from ckm_stream.domain.events import FeedbackKind, FeedbackStage, Purpose, TicketAction
from ckm_stream.domain.knowledge import Form, Section
from ckm_stream.domain.score import Dimension, Engagement, Indicator, SourceClass, UpdateReason
from ckm_stream.domain.sections import About, For, From
from tools.vendor import PACKAGES, Package, describe

ROOT: Final = Path(__file__).parents[2]
CONSOLE: Final = ROOT / "ckm_stream" / "gateway" / "console"
SOURCES: Final = sorted(
    path for path in CONSOLE.rglob("*") if path.is_file() and path.parent.name != "vendor"
)
_FIELD: Final = re.compile(r"\{\w+\}")


@cache
def texts(language: str) -> dict[str, str]:
    """Return a dictionary."""
    found: dict[str, str] = json.loads((CONSOLE / "lang" / f"{language}.json").read_text())
    return found


def scripts() -> str:
    """Return all scripts of ours."""
    return "\n".join(path.read_text() for path in SOURCES if path.suffix == ".js")


def domain_keys() -> set[str]:
    """Return the keys that the domain's closed choices need."""
    fields = [*About.__struct_fields__, *For.__struct_fields__, *From.__struct_fields__]
    families: dict[str, Iterable[str]] = {
        "class": SourceClass,
        "engagement": Engagement,
        "indicator": Indicator,
        "reason": UpdateReason,
        "form": Form,
        "kind": [*FeedbackKind, *Purpose, "ANSWER", *TYPES, *CHANNEL_GROUPS],
        "stage": [*FeedbackStage, *TicketAction],
        "summary": fields,
        "section": [each.lower() for each in Section],
        "dimension": [*(each.lower() for each in Dimension), "total"],
    }
    keys = {f"{family}.{each}" for family, members in families.items() for each in members}
    keys |= {f"class.{each}.do" for each in SourceClass}
    keys |= {f"indicator.{each}.hint" for each in Indicator}
    keys |= {f"section.{each.lower()}.{part}" for each in Section for part in ("hint", "short")}
    return keys


def test_both_languages_have_the_same_texts_with_the_same_places_to_fill_in() -> None:
    """Every key is in both, none is empty, and names in braces agree."""
    english, chinese = texts("en"), texts("zh")

    assert english.keys() == chinese.keys()
    assert [key for key in english if not english[key].strip() or not chinese[key].strip()] == []
    differing = [
        key
        for key in english
        if sorted(_FIELD.findall(english[key])) != sorted(_FIELD.findall(chinese[key]))
    ]
    assert differing == []


def test_everything_of_the_domain_has_a_word() -> None:
    """A new class, indicator, kind or field of a section needs its texts."""
    assert domain_keys() - texts("en").keys() == set()


def test_every_text_that_a_script_asks_for_is_there_and_no_other() -> None:
    """Keys that are written out are known; each key is written out or made of a known beginning."""
    asked = set(re.findall(r"\bt\(\"([^\"]+)\"", scripts()))
    written = asked | set(re.findall(r"\"([a-z.-]+)\"", scripts()))
    beginnings = {f"{group}." for group in re.findall(r"\bword\(\"(\w+)\"", scripts())}
    beginnings |= set(re.findall(r"`(\w+\.)\$\{", scripts())) | {"advice."}

    assert asked - texts("en").keys() == set()
    others = texts("en").keys() - written
    assert {key for key in others if not key.startswith(tuple(beginnings))} == set()


def test_each_reason_for_an_engagement_is_known_in_chinese() -> None:
    """The service says it in English; the console knows every sentence that it can say."""
    advice = [value for value in vars(engagement).values() if isinstance(value, tuple)]
    sentences = [each[1] for each in advice if len(each) == 2 and isinstance(each[0], Engagement)]
    sentences += [each[1] for each in engagement._NOT_YET.values()]
    known = {text for key, text in texts("en").items() if key.startswith("advice.")}

    assert len(sentences) == 11
    assert set(sentences) - known == set()


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """What the content security policy forbids is not tried."""
    page = (CONSOLE / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page) == []
    assert re.findall(r"\bstyle=|dangerouslySetInnerHTML|innerHTML|\beval\(", scripts()) == []
    addresses = [
        address
        for path in SOURCES
        for address in re.findall(r"https?://[^\s\"'`)]+", path.read_text())
    ]
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_what_is_vendored_is_what_was_fetched(package: Package) -> None:
    """Each file has the sha256 beside it, and its licence lies next to it."""
    described = (package.folder / "VENDORED.md").read_text()

    assert described == describe(package.folder)
    assert any("LICENSE" in name for name in package.files.values())
    for name in package.files.values():
        digest = hashlib.sha256((package.folder / name).read_bytes()).hexdigest()
        assert f"| `{name}` |" in described
        assert digest in described


def test_nothing_is_vendored_that_nobody_describes() -> None:
    """No file lies among the libraries by chance."""
    for folder in {package.folder for package in PACKAGES}:
        described = {
            name
            for package in PACKAGES
            if package.folder == folder
            for name in package.files.values()
        }
        assert {path.name for path in folder.iterdir()} == described | {"VENDORED.md"}


def test_the_console_is_small() -> None:
    """All that a browser loads is below 200 kB before compression."""
    sizes = {
        path.name: path.stat().st_size
        for path in CONSOLE.rglob("*")
        if path.suffix in {".html", ".css", ".js", ".json", ".svg"}
    }

    print(sizes)
    assert sum(sizes.values()) < 200_000
