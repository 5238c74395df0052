"""
The console in a real browser: Debian's Chromium, without a window, driven by Playwright.

Every page that is opened is watched: what the browser complains of, scripts that fail, and requests
that go anywhere but to the gateway are problems, and there must be none when the test ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.tools import tool

AXE: Final = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"
PHONE: Final = (360, 740)
DESK: Final = (1280, 900)
TIMEOUT_MS: Final = 20_000
# Nobody is asked for an address, whatever a page should want.
_ARGUMENTS: Final = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
_REPORT: Final = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.map((each) => ({
        id: each.id, impact: each.impact, nodes: each.nodes.map((node) => node.html),
    }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser for the tests of a module; it must end with them, for it has an event loop."""
    path = tool("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield launched
        launched.close()


class Console:
    """
    The console of a gateway, in as many tabs as are opened.

    Attributes:
        address: Of the gateway, such as ``http://127.0.0.1:8080``.
        problems: What the browser complained of.
        requests: Every address that was asked for.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(
        self,
        hash_: str = "",
        *,
        token: str | None = None,
        size: tuple[int, int] = DESK,
        locale: str = "en-GB",
        dark: bool = False,
    ) -> Page:
        """
        Open a page of the console in a tab of its own.

        Args:
            hash_: Which one, such as ``#/map``.
            token: Of whom is signed in; None is nobody.
            size: Of the window, in CSS pixels.
            locale: The browser's language.
            dark: Whether the system is set to dark colours.
        """
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            timezone_id="UTC",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        if token is not None:
            context.add_init_script(f"sessionStorage.setItem('ckm.token', '{token}')")
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(f"failed: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(f"{self.address}/console/{hash_}")
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        # An answer of the interface that is an error is shown to people; that of a file is ours.
        is_answer = "Failed to load resource" in message.text and "/v1/" in message.location["url"]
        if not is_answer:
            self.problems.append(f"{message.type}: {message.text} {message.location['url']}")

    def close(self) -> None:
        """Close all tabs."""
        for context in self._contexts:
            context.close()


@contextmanager
def opened_console(browser: Browser, address: str) -> Iterator[Console]:
    """Give the console of a gateway; at the end nothing may have gone wrong in the browser."""
    console = Console(browser, address)
    try:
        yield console
    finally:
        console.close()
    assert console.problems == []
    assert [url for url in console.requests if not url.startswith(f"{address}/")] == []


def overflow_px(page: Page) -> int:
    """Return how many pixels a page is wider than its window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def accessibility_problems(page: Page) -> list[dict[str, Any]]:
    """Return what axe finds wrong with a page as it stands: rule, impact and elements."""
    # Evaluated, not added as a script: the console's policy lets no other script in.
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(_REPORT)
    return found
