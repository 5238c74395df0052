"""
Scenes of a simulated customer's life: each turns an instant into one to three touchpoint events.

What happens is drawn from the persona's latents: who is willing comes forward, accepts and is
content; who is absorbable meets channels and employees that capture what is said; whose knowledge
is valuable buys much and has new ideas that are adopted.
"""

from typing import Any, Final

from ckm_stream.domain.events import (
    Call,
    CallOutcome,
    CampaignResponse,
    Channel,
    Direction,
    Feedback,
    FeedbackKind,
    FeedbackStage,
    Initiator,
    Purchase,
    PurchaseKind,
    PurchaseLine,
    Purpose,
    Resolver,
    Reward,
    Ticket,
    TicketAction,
)
from ckm_stream.simulation.chance import blend, draw_one
from ckm_stream.simulation.persona import Persona, Role
from ckm_stream.simulation.stage import DAY_S, Stage

# Cost of simulated goods, in thousandths of the amount.
_COST_PERMILLE: Final = 700

_IDEAS: Final = (
    "people I know would pay for better {topic} with the {product}",
    "a competitor now offers {topic} free with every {product}",
    "the {product} would sell more if {topic} were solved from the start",
    "I made something of my own to help with {topic} of the {product}",
)


def play_inbound_call(stage: Stage, at_s: int) -> None:
    """Let the customer call."""
    persona, chance = stage.persona, stage.chance
    if persona.role is Role.BOT:
        _play_empty_call(stage, at_s)
        return
    subject = stage.subject_matter()
    head = stage.head(at_s, Channel.PHONE, stage.purpose()) | {
        "topics": subject.filed_topics,
        "direction": Direction.INBOUND,
        "wait_s": round(chance.expovariate(1 / 45), 1),
        "reason": subject.filed_reason,
    }
    if stage.happens(0.06):
        stage.events.append(Call(**head, outcome=CallOutcome.ABANDONED))
        return
    is_noted = stage.happens(blend(0.1, 0.9, persona.absorbability))
    stage.events.append(
        Call(
            **head,
            employee_id=stage.employee(),
            outcome=CallOutcome.ANSWERED,
            duration_s=round(chance.expovariate(1 / 240), 1),
            resolved_first_contact=stage.happens(0.7),
            satisfaction=stage.satisfaction(),
            note=f"customer on {subject.topic} of the {subject.product}" if is_noted else None,
            note_usable=is_noted,
        )
    )


def _play_empty_call(stage: Stage, at_s: int) -> None:
    """Let a bot call: no topic, a few seconds, nothing that could be noted."""
    is_answered = stage.happens(0.4)
    stage.events.append(
        Call(
            **stage.head(at_s, Channel.PHONE, Purpose.OTHER),
            direction=Direction.INBOUND,
            outcome=CallOutcome.ANSWERED if is_answered else CallOutcome.ABANDONED,
            employee_id=stage.employee() if is_answered else None,
            duration_s=round(stage.chance.expovariate(1 / 8), 1) if is_answered else 0.0,
            note_usable=False if is_answered else None,
        )
    )


def play_outbound_call(stage: Stage, at_s: int) -> None:
    """Let the company call; the willing answer."""
    willingness = stage.persona.willingness
    outcome = draw_one(
        stage.chance,
        {
            CallOutcome.ANSWERED: 0.05 + willingness,
            CallOutcome.DECLINED: 0.6 * (1.0 - willingness),
            CallOutcome.NO_ANSWER: 0.05 + 0.4 * (1.0 - willingness),
        },
    )
    is_answered = outcome is CallOutcome.ANSWERED
    is_noted = is_answered and stage.happens(stage.persona.absorbability)
    subject = stage.subject_matter()
    stage.events.append(
        Call(
            **stage.head(at_s, Channel.PHONE),
            initiated_by=Initiator.COMPANY,
            topics=subject.filed_topics,
            employee_id=stage.employee(),
            direction=Direction.OUTBOUND,
            outcome=outcome,
            duration_s=round(stage.chance.expovariate(1 / 180), 1) if is_answered else 0.0,
            satisfaction=stage.satisfaction() if is_answered else None,
            reason=subject.filed_reason,
            note=f"asked about {subject.topic}" if is_noted else None,
            note_usable=is_noted if is_answered else None,
        )
    )


def play_ticket(stage: Stage, at_s: int) -> None:
    """Open a ticket; it is answered, and reopened by some of the unwilling."""
    subject = stage.subject_matter()
    channel, employee_id = stage.channel(), stage.employee()
    common: dict[str, Any] = {
        "ticket_id": f"{stage.id_prefix}-t{len(stage.events)}",
        "topics": subject.filed_topics,
        "category": subject.filed_reason,
        "product": subject.filed_product,
    }
    text = f"the {subject.product} has a problem with {subject.topic}"
    head = stage.head(at_s, channel, stage.purpose())
    stage.events.append(Ticket(**head, **common, action=TicketAction.OPENED, text=text))
    resolved_s = stage.later(at_s, DAY_S)
    if resolved_s is None:
        return
    is_known = stage.happens(blend(0.2, 0.8, stage.persona.absorbability))
    stage.events.append(
        Ticket(
            **stage.head(resolved_s, channel),
            **common,
            initiated_by=Initiator.COMPANY,
            action=TicketAction.RESOLVED,
            employee_id=None if is_known else employee_id,
            resolved_by=Resolver.KNOWLEDGE_BASE if is_known else Resolver.REPRESENTATIVE,
            knowledge_article_id=f"kb-{subject.topic}" if is_known else None,
        )
    )
    reopened_s = stage.later(resolved_s, 2 * DAY_S)
    if reopened_s is not None and stage.happens(0.2 * (1.0 - stage.persona.willingness)):
        head = stage.head(reopened_s, channel, Purpose.REPEAT_UNRESOLVED)
        stage.events.append(Ticket(**head, **common, action=TicketAction.REOPENED))


def play_feedback(stage: Stage, at_s: int) -> None:
    """Let the customer give feedback; the company judges most of it some weeks later."""
    persona, chance = stage.persona, stage.chance
    subject = stage.subject_matter()
    brightness = _apparent_brightness(persona)
    kind = draw_one(
        chance,
        {
            FeedbackKind.IDEA: brightness,
            FeedbackKind.SUGGESTION: 0.5 + 0.5 * brightness,
            FeedbackKind.MARKET_NEWS: 0.4 * brightness,
            FeedbackKind.REVIEW: 0.6,
            FeedbackKind.COMPLAINT: 0.6 * (1.0 - persona.willingness),
            FeedbackKind.PRAISE: 0.3 * persona.willingness,
        },
    )
    novelty = max(0.0, min(1.0, chance.gauss(blend(0.15, 0.75, brightness), 0.12)))
    common: dict[str, Any] = {
        "topics": subject.filed_topics,
        "feedback_id": f"{stage.id_prefix}-f{len(stage.events)}",
        "kind": kind,
        "product": subject.filed_product,
        "novelty": round(novelty, 2),
    }
    rating = max(1, min(5, round(chance.gauss(blend(2.0, 4.8, persona.willingness), 0.7))))
    purpose = Purpose.REPORT if kind is FeedbackKind.COMPLAINT else Purpose.SUGGESTION
    stage.events.append(
        Feedback(
            **stage.head(at_s, stage.channel(), purpose),
            **common,
            text=chance.choice(_IDEAS).format(product=subject.product, topic=subject.topic),
            rating=float(rating),
            rating_scale=5.0,
        )
    )
    judged_s = stage.later(at_s, 14 * DAY_S)
    if judged_s is not None and stage.happens(0.7):
        _play_verdict(stage, judged_s, common)


def _play_verdict(stage: Stage, at_s: int, common: dict[str, Any]) -> None:
    """Adopt, refute or just review a feedback; an adopted one is thanked with a reward."""
    persona = stage.persona
    is_liar = persona.role is Role.LIAR
    head = stage.head(at_s, Channel.EMAIL) | {"initiated_by": Initiator.COMPANY}
    if not stage.happens(0.02 if is_liar else blend(0.05, 0.85, persona.value)):
        is_refuted = stage.happens(0.9 if is_liar else 0.15)
        verdict = FeedbackStage.REJECTED if is_refuted else FeedbackStage.REVIEWED
        stage.events.append(Feedback(**head, **common, stage=verdict))
        return
    stage.events.append(
        Feedback(**head, **common, stage=FeedbackStage.ADOPTED, reward=Reward.OFFERED)
    )
    redeemed_s = stage.later(at_s, 7 * DAY_S)
    if redeemed_s is not None and stage.happens(persona.willingness):
        stage.events.append(
            Feedback(
                **stage.head(redeemed_s, stage.channel()),
                **common,
                stage=FeedbackStage.REVIEWED,  # it was adopted above: a second time would count
                reward=Reward.REDEEMED,
                benefit=round(blend(0.3, 0.9, persona.willingness), 2),
            )
        )


def _apparent_brightness(persona: Persona) -> float:
    """Return how bright the customer's ideas look on arrival; a liar's look bright."""
    return 0.9 if persona.role is Role.LIAR else persona.value


def play_purchase(stage: Stage, at_s: int) -> None:
    """Let the customer buy; valuable ones spend more, and in more categories."""
    persona, chance = stage.persona, stage.chance
    breadth = 1 + round(persona.value * (len(stage.world.products) - 1))
    product = stage.world.products[chance.randrange(breadth)]
    quantity = 2 if stage.happens(persona.value / 2) else 1
    # Medians of 11.00 for the least and 81.00 for the most valuable.
    amount = quantity * round(chance.lognormvariate(7.0 + 2.0 * persona.value, 0.4))
    head = stage.head(at_s, stage.channel())
    line = PurchaseLine(sku=f"{product}-1", category=product, quantity=quantity, amount=amount)
    stage.events.append(
        Purchase(
            **head,
            order_id=f"order-{head['event_id']}",
            kind=PurchaseKind.ORDER,
            currency="USD",
            amount=amount,
            cost=amount * _COST_PERMILLE // 1000,
            lines=(line,),
        )
    )


def play_campaign(stage: Stage, at_s: int) -> None:
    """Let the company make an offer by e-mail; the answer is an event of its own, worth 0."""
    willingness = stage.persona.willingness
    response = draw_one(
        stage.chance,
        {
            CampaignResponse.ACCEPTED: 0.05 + willingness,
            CampaignResponse.DECLINED: 0.3 * (1.0 - willingness),
            CampaignResponse.NO_ANSWER: 0.1 + 0.6 * (1.0 - willingness),
        },
    )
    head = stage.head(at_s, Channel.EMAIL)
    stage.events.append(
        Purchase(
            **head,
            initiated_by=Initiator.COMPANY,
            order_id=f"offer-{head['event_id']}",
            kind=PurchaseKind.ORDER,
            currency="USD",
            amount=0,
            campaign_id=f"campaign-{at_s // (30 * DAY_S)}",
            response=response,
        )
    )
