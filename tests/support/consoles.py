"""Systems for the tests of the console, and where things are on its pages."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.files import to_line
from ckm_stream.simulation.customers import SimulationPlan
from ckm_stream.snapshots.pages import SourceFilter, ranking
from ckm_stream.snapshots.tokens import Scope
from tests.support.broker import Broker, BrokerKind
from tests.support.browser import Console, opened_console
from tests.support.http import Gateway, running_gateway
from tests.support.installation import Installation
from tests.support.load import simulated_in_order
from tests.support.touchpoints import DAY_S, T0_S, call, feedback, order

CUSTOMERS: Final = 120
REAL: Final = "real <1>"  # neither an address nor markup, wherever it is put in
WORDS: Final = "<img src=x onerror=alert(1)> the <b>kettle</b> & its handle"


@dataclass(frozen=True)
class Filled:
    """A gateway whose store has simulated customers and a real one."""

    gateway: Gateway
    token: str

    @property
    def ranked(self) -> list[str]:
        """All customers with a score, the greatest total first."""
        rows = ranking(self.gateway.installation.engine, SourceFilter(), limit=500, cursor=None)
        return [row.customer_id for row in rows.rows]


def told(customer_id: str, event_id: str, at_s: int = T0_S, **changes: object) -> TouchpointEvent:
    """Return feedback of a customer who is not simulated."""
    return feedback(event_id, at_s, customer_id=customer_id, source="webshop", **changes)


def of_the_real_one() -> list[TouchpointEvent]:
    """Return half a year of somebody who buys, calls and tells."""
    who = {"customer_id": REAL, "source": "webshop"}
    events: list[TouchpointEvent] = [told(REAL, "words", text=WORDS)]
    for month in range(6):
        at_s = T0_S + month * 30 * DAY_S
        events += [
            order(f"o-{month}", at_s, **who),
            call(f"c-{month}", at_s + DAY_S, note="wants a handle", note_usable=True, **who),
            told(REAL, f"f-{month}", at_s + 2 * DAY_S, text=f"idea {month}", topics=("handle",)),
        ]
    return events


def installed(broker: Broker, prefix: str, store_url: str, folder: Path) -> Installation:
    """Make an installation that lives longer than a test, or keeps its store where a test says."""
    # As tests.e2e.conftest does it for single tests.
    limits = {"CKM__KAFKA__IDEMPOTENCE": "false", "CKM__KAFKA__SESSION_TIMEOUT_S": "2"}
    return Installation(
        bootstrap_servers=broker.bootstrap_servers,
        prefix=prefix,
        guarantee=broker.guarantees[0],
        store_url=store_url,
        folder=folder,
        extra=limits if broker.kind is BrokerKind.EMBEDDED else {},
    )


@pytest.fixture(scope="module")
def filled(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Give a gateway for the tests of this module that change nothing."""
    folder = tmp_path_factory.mktemp("console")
    prefix = f"t{uuid.uuid4().hex[:8]}."
    installation = installed(broker, prefix, f"sqlite:///{folder}/ckm.db", folder)
    try:
        installation.start()
        plan = SimulationPlan(customers=CUSTOMERS, seed=7)
        installation.publish([*simulated_in_order(plan, 1500), *of_the_real_one()])
        installation.wait_until_consumed()
        installation.wait_until_quiet()
        with running_gateway(installation) as gateway:
            yield Filled(gateway, gateway.token(Scope.READ))
    finally:
        installation.close()


@pytest.fixture
def console(browser: Browser, filled: Filled) -> Iterator[Console]:
    """Give the console of the filled system."""
    with opened_console(browser, filled.gateway.address) as opened:
        yield opened


def heading(page: Page) -> Locator:
    """Return the page's heading."""
    return page.get_by_role("heading", level=1)


def rows_of(page: Page) -> Locator:
    """Return the rows of the ranking."""
    return page.locator("table.sources tbody tr")


def figure_of(page: Page, name: str) -> Locator:
    """Return a figure of the overview."""
    return page.locator("div.figure").filter(has_text=name).locator("dd")


def settled(page: Page) -> None:
    """Wait until nothing is loading any more."""
    expect(page.locator(".loading")).to_have_count(0)
    expect(heading(page)).to_be_visible()


def publish(gateway: Gateway, *events: TouchpointEvent) -> None:
    """Publish events as a channel would, over HTTP."""
    with gateway.client(Scope.PUBLISH) as client:
        answer = client.post("/v1/events", json=[to_line(event) for event in events])
        assert answer.status_code == 202, answer.text
