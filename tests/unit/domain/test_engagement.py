"""Which style of engagement fits whom, and why."""

import pytest

from ckm_stream.domain import counters
from ckm_stream.domain.engagement import advise, tacit_share, with_lead
from ckm_stream.domain.score import Engagement, SourceClass


def items(explicit: int, tacit: int, externalised: int = 0) -> list[int]:
    """Return counters with so many items."""
    counts = [0] * counters.COUNT
    counts[counters.EXPLICIT] = explicit
    counts[counters.TACIT] = tacit
    counts[counters.EXTERNALISED] = externalised
    return counts


@pytest.mark.parametrize(
    ("counts", "rate", "lead_user", "expected"),
    [
        (items(8, 2), 0.05, False, Engagement.CO_PRODUCTION),
        (items(8, 2), 0.3, False, Engagement.JOINT_INTELLECTUAL_PROPERTY),
        (items(5, 5), 0.3, False, Engagement.TEAM_CO_LEARNING),
        (items(5, 5), 0.01, False, Engagement.TEAM_CO_LEARNING),
        (items(2, 8), 0.1, False, Engagement.MUTUAL_INNOVATION),
        (items(2, 8), 0.3, False, Engagement.COMMUNITY_OF_EXPERTISE),
        (items(2, 8), 0.01, False, Engagement.TEAM_CO_LEARNING),
        (items(8, 2), 0.05, True, Engagement.MUTUAL_INNOVATION),
        (items(0, 0), 0.1, False, Engagement.TEAM_CO_LEARNING),
    ],
)
def test_style_follows_form_and_frequency(
    counts: list[int], rate: float, lead_user: bool, expected: Engagement
) -> None:
    """As the table of CKM.md has it; lead users are for mutual innovation."""
    style, reason = advise(SourceClass.KEY_SOURCE, counts, rate, lead_user=lead_user)

    assert style is expected
    assert reason.endswith(".")


@pytest.mark.parametrize("source_class", SourceClass)
def test_only_a_willing_source_gets_a_style(source_class: SourceClass) -> None:
    """The others get the reason why not."""
    style, reason = advise(source_class, items(8, 2), 0.1, lead_user=True)

    willing = {SourceClass.KEY_SOURCE, SourceClass.UNABSORBED, SourceClass.WILLING_SCOUT}
    assert (style is not Engagement.NONE) == (source_class in willing)
    assert reason.endswith(".")


def test_externalised_items_were_tacit() -> None:
    """A rep's note tells of experience, though it is explicit now."""
    assert tacit_share(items(8, 2, externalised=4)) == pytest.approx(0.6)
    assert tacit_share(items(0, 0)) == 0.5


def test_a_lead_users_reason_says_how_far_ahead() -> None:
    """On how many topics, and of how many of those who spoke of them."""
    assert with_lead("A reason.", 7, 86) == (
        "A reason. Spoke of 7 topics ahead of 86 % of those who did."
    )
    assert with_lead("A reason.", 1, 100).endswith(
        "Spoke of a topic ahead of 100 % of those who did."
    )
