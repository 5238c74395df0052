"""
The console as people use it: every page in a real browser, on the running service.

No test may leave a complaint in the browser, nor a request to anybody but the gateway; see
tests.support.browser.
"""

import re
import time
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from ckm_stream.domain.score import SourceClass
from ckm_stream.snapshots.queries import class_counts, explain
from ckm_stream.snapshots.tokens import Scope, TokenStore
from tests.support.browser import Console, browser
from tests.support.consoles import REAL, WORDS, Filled, console, figure_of, filled, heading, rows_of

__all__ = ["browser", "console", "filled"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.embedded]


class TestSigningIn:
    def test_what_is_no_token_is_told_apart_from_one_that_is_not_known(
        self, console: Console, filled: Filled
    ) -> None:
        """Each wrong token has its own sentence; the right one opens the overview."""
        page = console.open()
        field, go = page.get_by_label("Access token"), page.get_by_role("button", name="Sign in")

        for wrong, sentence in {
            "letmein": "This is not a token.",
            "ckm_123456789abc_" + "0" * 64: "This token is not known",
            filled.gateway.token(Scope.PUBLISH): "may publish but not read",
        }.items():
            field.fill(wrong)
            go.click()
            expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
        field.fill(f"  {filled.token}\n")
        go.click()

        expect(heading(page)).to_have_text("Overview")

    def test_the_token_stays_in_its_tab_and_out_of_addresses(
        self, console: Console, filled: Filled
    ) -> None:
        """It survives a reload, is in no address and no lasting storage, and is gone when left."""
        page = console.open("#/map")
        page.get_by_label("Access token").fill(filled.token)
        page.get_by_role("button", name="Sign in").click()
        expect(heading(page)).to_have_text("Map")
        page.reload()
        expect(heading(page)).to_have_text("Map")
        lasting = page.evaluate("JSON.stringify(localStorage) + document.cookie")

        page.get_by_role("button", name="Sign out").click()

        expect(heading(page)).to_have_text("Sign in")
        assert "ckm_" not in lasting
        assert page.evaluate("sessionStorage.length") == 0
        assert not any("ckm_" in url for url in console.requests)

    def test_a_token_that_is_revoked_leads_back_to_signing_in(
        self, console: Console, filled: Filled
    ) -> None:
        """Within seconds, on whatever page, and with a sentence."""
        store = TokenStore(filled.gateway.installation.engine)
        now_s = time.time()
        token, made = store.create("gone", (Scope.READ,), now_s=now_s, expires_s=now_s + 600)
        page = console.open("#/overview", token=token)
        expect(heading(page)).to_have_text("Overview")

        store.revoke(made.token_id, now_s=time.time())

        expect(heading(page)).to_have_text("Sign in", timeout=30_000)
        expect(page.get_by_role("alert").filter(has_text="no longer accepted")).to_be_visible()


class TestOverview:
    def test_it_shows_what_the_store_has(self, console: Console, filled: Filled) -> None:
        """Customers, each class, the newest event, and that some of them are simulated."""
        sizes = {
            each.source_class: each.customers
            for each in class_counts(filled.gateway.installation.engine)
        }
        page = console.open("#/overview", token=filled.token)

        expect(figure_of(page, "Customers")).to_have_text(str(sum(sizes.values())))
        expect(figure_of(page, "Not stored yet")).to_have_text("0")
        shown = page.locator("table.classes tbody tr").all()
        names = [SourceClass(name) for name in SourceClass]
        assert [int(row.locator("td.figure").inner_text()) for row in shown] == [
            sizes.get(name, 0) for name in names
        ]
        expect(page.locator(".page-head .simulated")).to_have_text("simulated")
        expect(rows_of(page)).to_have_count(5)
        assert rows_of(page).first.inner_text().split()[1:2] == filled.ranked[:1]

    def test_it_shows_the_flow_of_every_topic(self, console: Console, filled: Filled) -> None:
        """As many records as the gateway counts, in the order that it has them."""
        with filled.gateway.client(Scope.READ) as client:
            topics = client.get("/v1/overview").json()["flow"]["topics"]
        page = console.open("#/overview", token=filled.token)

        shown = page.locator("table.flow tbody tr")
        expect(shown).to_have_count(len(topics))
        records = [
            (row.locator("th").inner_text(), int(row.locator("td").first.inner_text()))
            for row in shown.all()
        ]
        assert records == [(each["topic"], each["records"]) for each in topics]
        assert all(count > 0 for _, count in records)


class TestRanking:
    def test_it_is_in_the_stores_order_page_after_page(
        self, console: Console, filled: Filled
    ) -> None:
        """Fifty, then fifty more, then the rest."""
        page = console.open("#/sources", token=filled.token)
        expect(rows_of(page)).to_have_count(50)

        page.get_by_role("button", name="Show more").click()
        expect(rows_of(page)).to_have_count(100)
        page.get_by_role("button", name="Show more").click()

        expect(rows_of(page)).to_have_count(len(filled.ranked))
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)
        assert page.locator("table.sources .customer").all_inner_texts() == filled.ranked

    def test_it_is_filtered_by_class_and_the_filter_is_in_the_address(
        self, console: Console, filled: Filled
    ) -> None:
        """What is chosen survives a reload, and a link from the overview chooses it."""
        engine = filled.gateway.installation.engine
        sizes = {each.source_class: each.customers for each in class_counts(engine)}
        chosen = min(sizes, key=lambda name: sizes[name])
        page = console.open("#/sources", token=filled.token)

        page.get_by_label("Class").select_option(chosen)
        expect(rows_of(page)).to_have_count(min(50, sizes[chosen]))
        page.reload()

        expect(rows_of(page)).to_have_count(min(50, sizes[chosen]))
        expect(page.get_by_label("Class")).to_have_value(chosen)
        assert f"class={chosen}" in page.url

    def test_a_search_finds_who_begins_so_and_says_when_nobody_does(
        self, console: Console, filled: Filled
    ) -> None:
        """Searching loses no letter that is typed while answers come."""
        page = console.open("#/sources", token=filled.token)
        search = page.get_by_role("search").get_by_label("Customer", exact=True)

        search.press_sequentially("real <", delay=60)
        expect(rows_of(page)).to_have_count(1)
        expect(rows_of(page).locator(".customer")).to_have_text(REAL)
        expect(rows_of(page).locator(".simulated")).to_have_count(0)
        search.fill("nobody at all")

        expect(page.get_by_text("No customer is like this.")).to_be_visible()
        page.get_by_role("button", name="Clear the filter").click()
        expect(rows_of(page)).to_have_count(50)
        expect(search).to_have_value("")


class TestCustomer:
    def test_everything_about_for_and_from_the_customer_is_there(
        self, console: Console, filled: Filled
    ) -> None:
        """Sections, score and timeline; what was told is shown as it was written, and never run."""
        page = console.open(f"#/customers/{quote(REAL)}", token=filled.token)

        expect(heading(page)).to_have_text(REAL)
        about = page.locator(".card").filter(
            has=page.get_by_role("heading", name="About the customer")
        )
        expect(about.locator("div").filter(has_text=re.compile(r"^Orders")).first).to_have_text(
            "Orders6"
        )
        expect(page.locator(".timeline blockquote").filter(has_text=WORDS)).to_be_visible()
        expect(page.locator(".timeline li.item")).to_have_count(13)
        assert page.locator(".timeline img").count() == 0
        expect(page.locator(".page-head .simulated")).to_have_count(0)

        page.get_by_label("Show").select_option("for")
        expect(page.get_by_text("Nothing of this kind yet.")).to_be_visible()

    def test_the_explanation_is_the_one_that_was_announced(
        self, console: Console, filled: Filled
    ) -> None:
        """Twelve effects in the order and of the size that the store has."""
        explained = explain(filled.gateway.installation.engine, REAL)
        assert explained is not None
        page = console.open(f"#/customers/{quote(REAL)}", token=filled.token)

        shown = page.locator("table.factors tbody tr")
        expect(shown).to_have_count(12)
        assert shown.locator(".code").all_inner_texts() == [
            str(each.indicator) for each in explained.factors
        ]
        effects = [
            float(row.locator("td.figure").first.inner_text().replace("\u2212", "-"))
            for row in shown.all()
        ]
        assert effects == pytest.approx([e.contribution for e in explained.factors], abs=5.1e-4)
        expect(page.locator(".score .number")).to_have_text(f"{explained.total:.3f}")

    def test_silence_cools_the_score(self, console: Console, filled: Filled) -> None:
        """Read a year later, the total is another, and the page says that it is cooled."""
        page = console.open(f"#/customers/{quote(REAL)}", token=filled.token)
        before = page.locator(".why .sum")
        expect(before).to_contain_text("to this customer")

        page.locator(".why select").select_option("52")

        expect(page.locator(".why .sum")).to_contain_text("if nothing happens until then")
        expect(page.locator(".why .sum time")).to_be_visible()
        expect(page.locator("table.factors tbody tr")).to_have_count(12)

    def test_scores_over_time_can_be_read_without_seeing_them(
        self, console: Console, filled: Filled
    ) -> None:
        """The chart's arrow keys say each score, and a table has all of them."""
        page = console.open(f"#/customers/{quote(REAL)}", token=filled.token)
        chart = page.locator(".time-chart svg[role=slider]")
        scores = int(chart.get_attribute("aria-valuemax") or 0)
        assert scores >= 1
        newest = chart.get_attribute("aria-valuetext")
        assert newest is not None
        assert "Total 0." in newest

        chart.focus()
        page.keyboard.press("Home")

        expect(chart).to_have_attribute("aria-valuenow", "1")
        page.get_by_text("As a table").click()
        history = page.get_by_role("region", name="Score over time").locator("tbody tr")
        expect(history).to_have_count(scores)

    def test_a_customer_who_does_not_exist_is_said_to_be_unknown(
        self, console: Console, filled: Filled
    ) -> None:
        """With a sentence that names the id, and a way on."""
        page = console.open("#/customers/nobody%2Fat%20all", token=filled.token)

        expect(heading(page)).to_have_text("There is no such customer")
        expect(page.get_by_text("“nobody/at all”")).to_be_visible()
        page.get_by_role("link", name="Search in the ranking").click()
        expect(heading(page)).to_have_text("Key sources")


class TestMap:
    def test_every_customer_with_a_score_is_on_it(self, console: Console, filled: Filled) -> None:
        """The quarters, the table and the squares are of the same customers."""
        page = console.open("#/map", token=filled.token)
        squares = page.locator(".heat-map .plot .cell")
        expect(squares.first).to_be_visible()
        quarters = page.locator(".columns.map table tbody tr td:nth-child(2)").all_inner_texts()

        page.get_by_text("As a table").click()
        cells = page.get_by_role("region", name="Value, willingness").locator("tbody tr")

        assert cells.count() == squares.count()
        in_cells = [int(each) for each in cells.locator("td:nth-child(3)").all_inner_texts()]
        assert sum(in_cells) == len(filled.ranked)
        assert sum(int(each) for each in quarters) == len(filled.ranked)

    def test_the_arrow_keys_go_from_square_to_square(
        self, console: Console, filled: Filled
    ) -> None:
        """To the right the value is greater, upwards the willingness; what it says is read out."""
        page = console.open("#/map", token=filled.token)
        chart = page.locator(".heat-map svg[role=slider]")
        chart.focus()

        def at() -> list[float]:
            text = chart.get_attribute("aria-valuetext") or ""
            return [float(each) for each in re.findall(r"\d\.\d{3}", text)]

        before = at()
        page.keyboard.press("ArrowRight")
        right = at()
        page.keyboard.press("ArrowUp")
        above = at()

        assert right[0] > before[0]
        assert above[2] > right[2]
        expect(page.locator(".heat-map .reading")).to_have_text(
            chart.get_attribute("aria-valuetext") or ""
        )
