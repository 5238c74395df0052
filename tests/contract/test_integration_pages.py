"""The pages for integrators: their links lead somewhere, their limits are the code's."""

import json
import re
from pathlib import Path

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import MAX_VALUE_BYTES, EventCodec
from ckm_stream.domain import checks
from ckm_stream.domain.policy import Policy
from ckm_stream.gateway.rules import Rules
from ckm_stream.gateway.verdicts import JSON, judge, split
from ckm_stream.publishing.client import encode_checked
from ckm_stream.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs" / "integrate").glob("*.md")),
    ROOT / "SECURITY.md",
    ROOT / "examples" / "README.md",
]
CHANNELS = (ROOT / "docs" / "integrate" / "channels.md").read_text()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made where such pages are shown."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files are there, and so are the headings that links name."""
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())

    broken = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert links
    assert broken == []


def test_the_channels_page_has_the_codes_limits() -> None:
    """Numbers in prose go stale; these are compared."""
    policy, gateway = Policy(), GatewaySettings()

    for said in (
        f"1 to {checks.MAX_ID_CHARS} characters",
        f"| {checks.MAX_NAME_CHARS} characters |",
        f"| {checks.MAX_TEXT_CHARS:,} characters |",
        f"| `topics` | {checks.MAX_TOPICS} |",
        f"| lines of a purchase | {checks.MAX_LINES:,} |",
        f"| 0 to 2^{checks.MAX_AMOUNT.bit_length() - 1} |",
        f"| 1 to {checks.MAX_SATISFACTION} |",
        f"| a record's value | {MAX_VALUE_BYTES >> 20} MiB |",
        f"before {policy.seen_capacity} newer events",
        f"{gateway.max_events:,} events and {gateway.max_body_bytes >> 20} MiB at most",
    ):
        assert said in CHANNELS
    assert (policy.landmark_s, policy.max_future_s) == (1_420_070_400, 3600)  # 2015-01-01, an hour


def test_the_channels_pages_request_is_accepted() -> None:
    """What is shown for curl passes the gateway's own check; half of it does not."""
    found = re.search(r"-d '(\[.*?\])'$", CHANNELS, re.MULTILINE | re.DOTALL)
    assert found is not None
    codec, policy = EventCodec(Catalogue.load()), Policy()
    now_ms = 1_800_000_000_000

    rules = Rules(lambda event: encode_checked(event, codec, policy, now_ms), now_ms=lambda: now_ms)

    def judged(body: bytes) -> list[tuple[str | None, int]]:
        entries = split(body, JSON, most=10)
        verdicts = [judge(place, each, JSON, rules) for place, each in enumerate(entries)]
        return [(each.event_id, len(each.errors)) for each in verdicts]

    (event,) = json.loads(found.group(1))
    half = dict(list(event.items())[:4])

    assert judged(found.group(1).encode()) == [("f-1", 0)]
    assert judged(json.dumps(half).encode())[0][1] > 0
