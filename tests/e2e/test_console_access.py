"""
The console for everybody: on a phone, by keyboard, in both languages, for assistive technology.

Rules are those of axe-core (tests/data/axe); as in test_console, the browser has no complaint.
"""

import re
from typing import Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import PHONE, Console, accessibility_problems, browser, overflow_px
from tests.support.consoles import REAL, Filled, console, filled, heading, rows_of, settled

__all__ = ["browser", "console", "filled"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.embedded]

HEADINGS: Final = {
    "#/overview": "Overview",
    "#/sources": "Key sources",
    f"#/customers/{quote(REAL)}": REAL,
    "#/map": "Map",
    "#/live": "Live",
}
PAGES: Final = list(HEADINGS)
HAN: Final = re.compile(r"[\u4e00-\u9fff]")


class TestForEverybody:
    @pytest.mark.parametrize("hash_", PAGES)
    def test_a_page_has_its_heading_and_its_place_in_the_navigation(
        self, console: Console, filled: Filled, hash_: str
    ) -> None:
        """Opened by its address, and its title says where one is."""
        page = console.open(hash_, token=filled.token)

        expect(heading(page)).to_have_text(HEADINGS[hash_])
        expect(page).to_have_title(f"{HEADINGS[hash_]} · ckm-stream")
        expect(page.locator("nav [aria-current=page]")).to_have_count(1)

    @pytest.mark.parametrize("hash_", ["", *PAGES])
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_axe_finds_no_violation(
        self, console: Console, filled: Filled, hash_: str, dark: bool
    ) -> None:
        """Landmarks, names, contrast and the rest, in both schemes of colour."""
        page = console.open(hash_, token=filled.token if hash_ else None, dark=dark)
        settled(page)
        page.wait_for_load_state("networkidle" if hash_ in ("", "#/sources", "#/map") else "load")

        assert accessibility_problems(page) == []

    def test_axe_would_find_what_is_wrong(self, console: Console, filled: Filled) -> None:
        """A control: words in a colour that cannot be read."""
        page = console.open("#/map", token=filled.token)
        settled(page)
        page.evaluate("document.querySelector('h1').style.color = '#e8e8e8'")

        assert [each["id"] for each in accessibility_problems(page)] == ["color-contrast"]

    def test_a_request_to_somebody_else_would_be_noticed(
        self, browser: Browser, filled: Filled
    ) -> None:
        """A control: the policy refuses it, and the watch on the browser says so."""
        console = Console(browser, filled.gateway.address)
        page = console.open("#/map", token=filled.token)
        settled(page)
        page.evaluate("fetch('http://elsewhere.invalid/').catch(() => null)")
        console.close()

        assert "Content Security Policy" in " ".join(console.problems)

    @pytest.mark.parametrize("hash_", ["", *PAGES])
    @pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
    def test_a_phone_shows_it_without_scrolling_sideways(
        self, console: Console, filled: Filled, hash_: str, locale: str
    ) -> None:
        """At 360 pixels, with every list that can be unfolded unfolded."""
        token = filled.token if hash_ else None
        page = console.open(hash_, token=token, size=PHONE, locale=locale)
        settled(page)
        page.evaluate(
            "document.querySelectorAll('details').forEach((each) => { each.open = true })"
        )

        assert overflow_px(page) <= 0

    @pytest.mark.parametrize("hash_", ["", *PAGES])
    def test_every_page_is_chinese_where_that_is_the_language(
        self, console: Console, filled: Filled, hash_: str
    ) -> None:
        """Headings, labels and column heads have Chinese words; no key shows."""
        page = console.open(hash_, token=filled.token if hash_ else None, locale="zh-CN")
        settled(page)

        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        own = page.locator("h1, h2, label, th[scope=col], nav a, summary").all_inner_texts()
        untranslated = [each for each in own if each.strip() and not HAN.search(each)]
        assert [each for each in untranslated if each != REAL] == []
        assert (
            re.findall(r"\b[a-z]+\.[a-z-]+\b(?!\.v1)", page.locator("h1, h2").all_inner_texts()[0])
            == []
        )

    def test_the_language_is_switched_on_the_spot_and_remembered(
        self, console: Console, filled: Filled
    ) -> None:
        """English to Chinese and back, across a reload."""
        page = console.open("#/overview", token=filled.token)
        expect(heading(page)).to_have_text("Overview")

        page.get_by_role("button", name="中文").click()
        expect(heading(page)).to_have_text("总览")
        expect(page).to_have_title("总览 · ckm-stream")
        page.reload()
        expect(heading(page)).to_have_text("总览")
        page.get_by_role("button", name="English").click()

        expect(heading(page)).to_have_text("Overview")
        expect(page.locator("html")).to_have_attribute("lang", "en")

    def test_everything_is_reached_by_keyboard_alone(
        self, console: Console, filled: Filled
    ) -> None:
        """Sign in, skip to the content, go to the ranking, filter, open a customer, read a hint."""
        page = console.open()
        keyboard = page.keyboard

        def press_until(selector: str, key: str = "Tab") -> None:
            for _ in range(40):
                keyboard.press(key)
                if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                    return
            raise AssertionError(f"{selector} is not reached by {key}")

        expect(heading(page)).to_have_text("Sign in")
        press_until("#token")
        keyboard.type(filled.token)
        keyboard.press("Enter")
        expect(heading(page)).to_have_text("Overview")
        expect(heading(page)).to_be_focused()

        press_until(".skip", "Shift+Tab")
        keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        expect(heading(page)).to_have_text("Overview")

        press_until("a[href='#/sources']", "Shift+Tab")
        keyboard.press("Enter")
        expect(heading(page)).to_have_text("Key sources")
        expect(heading(page)).to_be_focused()

        press_until("input[type=search]")
        keyboard.type("real")
        expect(rows_of(page)).to_have_count(1)
        press_until("a.customer")
        keyboard.press("Enter")
        expect(heading(page)).to_have_text(REAL)

        press_until(".dimensions .hint button")
        keyboard.press("Enter")
        bubble = page.locator(".dimensions .bubble").first
        expect(bubble).to_contain_text("worth to the company")
        keyboard.press("Escape")
        expect(bubble).to_be_empty()
