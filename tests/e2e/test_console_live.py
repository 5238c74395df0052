"""
The console while things happen: events arrive, the gateway dies, the database is lost.

As in test_console, the browser may complain of nothing but what a test says.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ckm_stream.snapshots.tokens import Scope
from tests.e2e.conftest import Install
from tests.support.broker import Broker
from tests.support.browser import browser, opened_console
from tests.support.consoles import figure_of, heading, installed, publish, rows_of, told
from tests.support.http import Gateway, running_gateway
from tests.support.postgres import PostgresServer
from tests.support.touchpoints import DAY_S, T0_S

__all__ = ["browser"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.embedded]


class TestLive:
    @pytest.fixture
    def gateway(self, install: Install) -> Iterator[Gateway]:
        """Give a gateway with workers of its own behind it."""
        installation = install()
        installation.start()
        with running_gateway(installation) as running:
            yield running

    def test_an_empty_system_says_what_comes_next_and_fills_by_itself(
        self, browser: Browser, gateway: Gateway
    ) -> None:
        """No page fails on it; what is published appears without a reload."""
        token = gateway.token(Scope.READ)
        with opened_console(browser, gateway.address) as console:
            page = console.open("#/overview", token=token)
            expect(page.get_by_text("ckm publish events.jsonl")).to_be_visible()
            expect(figure_of(page, "Customers")).to_have_text("0")
            others = [console.open(each, token=token) for each in ("#/sources", "#/map", "#/live")]
            expect(others[0].get_by_text("No customer has a score yet.")).to_be_visible()
            expect(others[1].get_by_text("ckm publish events.jsonl")).to_be_visible()
            expect(others[2].locator(".state")).to_have_text("Connected")

            publish(gateway, told("c-first", "e-1"))

            expect(figure_of(page, "Customers")).to_have_text("1", timeout=60_000)
            expect(rows_of(page).locator(".customer")).to_have_text("c-first")
            expect(page.get_by_text("ckm publish events.jsonl")).to_have_count(0)

    def test_an_id_alone_moves_the_place_that_a_stream_goes_on_from(
        self, browser: Browser, gateway: Gateway
    ) -> None:
        """Or what is announced in a gap is lost to a listener who had no update before it."""
        script = """async () => {
            const { EventParser } = await import("/console/lib/stream.js");
            const parser = new EventParser();
            const sent = [
                "retry: 1\\nid: 1-1\\n\\n",
                "id: 2-1\\n: here\\n\\nid: 3-1\\ndata: {}\\n\\n",
            ];
            return sent.flatMap((text) => parser.feed(text)).map((event) => event.id);
        }"""
        with opened_console(browser, gateway.address) as console:
            page = console.open("#/overview", token=gateway.token(Scope.READ))

            assert page.evaluate(script) == ["1-1", "2-1", "3-1"]

    def test_a_score_update_arrives_as_it_is_announced(
        self, browser: Browser, gateway: Gateway
    ) -> None:
        """On the live page, on that customer's page, and not under a filter for another."""
        token = gateway.token(Scope.READ)
        with opened_console(browser, gateway.address) as console:
            live = console.open("#/live", token=token)
            other = console.open("#/live?customer=c-2", token=token)
            for page in (live, other):
                expect(page.locator(".state")).to_have_text("Connected")
            publish(gateway, told("c-1", "e-1"))
            updates = live.locator("table.updates tbody tr")
            expect(updates).to_have_count(1, timeout=60_000)
            expect(updates.locator(".customer")).to_have_text("c-1")

            updates.locator(".customer").click()
            expect(live.locator(".page-head + *").first).to_be_attached()
            expect(live.get_by_text("Events applied: 1")).to_be_visible(timeout=60_000)
            publish(gateway, told("c-1", "e-2", T0_S + DAY_S), told("c-2", "e-3"))

            expect(live.get_by_text("Events applied: 2")).to_be_visible(timeout=60_000)
            expect(other.locator("table.updates tbody tr")).to_have_count(1)
            expect(other.locator("table.updates .customer")).to_have_text("c-2")

    def test_updates_of_a_gateways_absence_are_not_missed(
        self, browser: Browser, gateway: Gateway
    ) -> None:
        """The stream goes on behind the last update that was seen, after a kill -9."""
        with opened_console(browser, gateway.address) as console:
            page = console.open("#/live", token=gateway.token(Scope.READ))
            expect(page.locator(".state")).to_have_text("Connected")
            publish(gateway, told("c-1", "e-1"))
            updates = page.locator("table.updates tbody tr")
            expect(updates).to_have_count(1, timeout=60_000)

            gateway.service.kill()
            expect(page.locator(".state")).to_have_text(re.compile("Lost|Connecting"))
            gateway.installation.publish([told("c-2", "e-2")])
            gateway.installation.wait_until_consumed()
            gateway.service.start()
            gateway.service.wait_until_ready()

            expect(updates).to_have_count(2, timeout=60_000)
            expect(page.locator(".state")).to_have_text("Connected")
            assert updates.locator(".customer").all_inner_texts() == ["c-2", "c-1"]
            console.problems.clear()  # a browser complains of a connection that was cut

    def test_pausing_stops_updates_and_going_on_takes_them_again(
        self, browser: Browser, gateway: Gateway
    ) -> None:
        """The button says which of the two it is."""
        with opened_console(browser, gateway.address) as console:
            page = console.open("#/live", token=gateway.token(Scope.READ))
            expect(page.locator(".state")).to_have_text("Connected")

            page.get_by_role("button", name="Pause").click()
            expect(page.locator(".state")).to_have_text("Paused")
            page.get_by_role("button", name="Go on").click()
            expect(page.locator(".state")).to_have_text("Connected")
            publish(gateway, told("c-1", "e-1"))

            expect(page.locator("table.updates tbody tr")).to_have_count(1, timeout=60_000)


def test_a_gateway_that_lost_its_database_says_so_and_recovers_without_a_reload(
    browser: Browser, broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    """The banner comes, what was shown stays, and all is well when the database is back."""
    with PostgresServer() as server, server.fresh_database() as url, ExitStack() as stack:
        installation = installed(broker, topic_prefix, url, tmp_path)
        stack.callback(installation.close)
        gateway = stack.enter_context(running_gateway(installation))
        console = stack.enter_context(opened_console(browser, gateway.address))
        page = console.open("#/overview", token=gateway.token(Scope.READ))
        outage = page.locator(".outage p")
        expect(figure_of(page, "Customers")).to_have_text("0")
        expect(outage).to_have_count(0)

        server.crash()
        expect(outage).to_contain_text("cannot reach its store", timeout=60_000)
        expect(figure_of(page, "Customers")).to_have_text("0")
        page.get_by_role("link", name="Map").click()
        expect(heading(page)).to_have_text("Map")
        expect(outage).to_be_visible()
        server.start()

        expect(outage).to_have_count(0, timeout=60_000)
        expect(page.get_by_text("ckm publish events.jsonl")).to_be_visible()
