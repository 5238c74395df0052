"""``ckm deadletters list|show|replay``: what was set aside, and putting it back."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

deadletters_app = typer.Typer(
    help="Look at the records that were set aside, and put them back.", no_args_is_help=True
)

_INSTANTS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


class PolicyName(StrEnum):
    """Policies on the command line: those of ``publishing.replay.ReplayPolicy``."""

    STOP = "stop"
    SKIP = "skip"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
OfReason = Annotated[
    list[str] | None, typer.Option("--reason", help="Only of this reason; may be given again.")
]
OfTopic = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only from this source topic; may be given again."),
]
Since = Annotated[
    datetime | None, typer.Option(formats=_INSTANTS, help="Only set aside since then, UTC.")
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest ones.")]
Summary = Annotated[bool, typer.Option("--summary", help="Count by topic and reason instead.")]
Keys = Annotated[bool, typer.Option("--keys", help="Show the keys: they are customers' ids.")]
Place = Annotated[str, typer.Argument(help="As `ckm deadletters list` says it: partition:offset.")]
Policy = Annotated[
    PolicyName, typer.Option(help="At a record that would be rejected again: stop there, or go on.")
]
MaxRecords = Annotated[
    int, typer.Option("--max-records", min=1, max=1_000_000, help="Put back at most so many.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")]
Again = Annotated[bool, typer.Option("--again", help="Also what was put back before.")]


@deadletters_app.command("list")
def list_letters(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    reason: OfReason = None,
    topic: OfTopic = None,
    since: Since = None,
    limit: Limit = 50,
    summary: Summary = False,  # noqa: FBT002 -- a flag of the command line
    keys: Keys = False,  # noqa: FBT002 -- a flag of the command line
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    List the records that were set aside, or count them.

    With --json: a list of objects with place (partition:offset), set_aside_at (UTC), topic,
    partition and offset of the rejected record, reason, message, value_bytes, put_back, and key
    with --keys; with --summary: topic, reason, count and put_back.
    """
    from ckm_stream.cli.letters import filter_of, list_dead_letters, summarise_dead_letters

    where = filter_of(reason, topic, _utc(since))
    if summary:
        summarise_dead_letters(where, as_json=as_json)
    else:
        list_dead_letters(where, limit=limit, keys=keys, as_json=as_json)


@deadletters_app.command("show")
def show_letter(place: Place, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show one record that was set aside: headers, key, bytes, and how far they can be read.

    It prints what a customer said. With --json: one object with place, headers, key, value_hex,
    schema_id, fields (path and value), read_bytes, problem, and verdict: what today's rules say.
    Exit code 1 if there is no such record.
    """
    from ckm_stream.cli.letters import show_dead_letter

    show_dead_letter(place, as_json=as_json)


@deadletters_app.command("replay")
def replay_letters(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    reason: OfReason = None,
    topic: OfTopic = None,
    since: Since = None,
    policy: Policy = PolicyName.STOP,
    max_records: MaxRecords = 500,
    dry_run: DryRun = False,  # noqa: FBT002 -- a flag of the command line
    again: Again = False,  # noqa: FBT002 -- a flag of the command line
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Put records back into the topics that they came from, once what was wrong is repaired.

    Safe to repeat: what was put back stays marked, whatever was skipped in between. A record that
    today's rules would reject is not sent; it ends the replay (stop) or stays where it is (skip).
    With --again, events that were put back before are sent again; the customer's list of seen ids
    drops them, as far as it reaches (64 newer events).

    With --json: one object with put_back, put_back_before, left, left_named (place, reason and
    message of the first 100), stopped, capped and dry_run. Exit code 1 if it stopped.
    """
    from ckm_stream.cli.letters import filter_of, replay_dead_letters
    from ckm_stream.publishing.replay import ReplayPlan, ReplayPolicy

    plan = ReplayPlan(
        where=filter_of(reason, topic, _utc(since)),
        policy=ReplayPolicy(policy),
        max_records=max_records,
        again=again,
        dry_run=dry_run,
    )
    replay_dead_letters(plan, as_json=as_json)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)
