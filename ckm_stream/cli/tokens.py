"""``ckm tokens create|list|revoke``: who may use the HTTP gateway."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from ckm_stream.cli.printing import print_json

_UNKNOWN_TOKEN: Final = 1
_DAY_S: Final = 86_400

tokens_app = typer.Typer(help="Who may use the HTTP gateway.", no_args_is_help=True)


class ScopeName(StrEnum):
    """Scopes on the command line: those of ``snapshots.tokens.Scope``."""

    PUBLISH = "publish"
    READ = "read"
    ADMIN = "admin"


Name = Annotated[str, typer.Option("--name", help="Whose it is, for people.")]
Scopes = Annotated[
    list[ScopeName],
    typer.Option("--scope", help="What it is good for; may be given again. admin is all."),
]
Days = Annotated[
    int, typer.Option("--expires-in-days", min=0, max=3650, help="0: it does not expire.")
]
TokenId = Annotated[str, typer.Argument(metavar="ID", help="As `ckm tokens list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


@tokens_app.command()
def create(name: Name, scopes: Scopes, *, days: Days = 90, as_json: AsJson = False) -> None:
    """
    Make a token and print it, once: only its hash is kept.

    The token alone is on standard output. With --json: an object with token, token_id, name,
    scopes and expires_at (UTC, or null).
    """
    import time

    import msgspec

    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots.tokens import Scope, TokenStore

    if not name.strip() or not name.isprintable():
        raise typer.BadParameter("must have a letter, and none that cannot be printed")
    now_s = time.time()
    with opened_store() as engine:
        token, stored = TokenStore(engine).create(
            name,
            [Scope(each) for each in scopes],
            now_s=now_s,
            expires_s=now_s + days * _DAY_S if days else None,
        )
    if as_json:
        print_json({"token": token, **msgspec.structs.asdict(stored.told())})
        return
    end = "never expires" if not days else f"expires in {days} days"
    typer.echo(f"{stored.token_id} for {name}: {', '.join(stored.scopes)}; {end}", err=True)
    typer.echo(token)


@tokens_app.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """
    List all tokens, oldest first, without their secrets.

    With --json: a list of objects with token_id, name, scopes, created_at, expires_at and
    revoked_at (UTC, or null).
    """
    import time

    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots.tokens import TokenStore

    with opened_store() as engine:
        found = list(TokenStore(engine).all().values())
    if as_json:
        print_json([each.told() for each in found])
        return
    from rich.table import Table

    from ckm_stream.cli.rendering import plain, print_tables, show_instant

    table = Table(title="tokens")
    table.add_column("id", no_wrap=True, min_width=12)  # `revoke` needs all of it
    for heading in ("name", "scopes", "created (UTC)", "expires", "state"):
        table.add_column(heading)
    for each in found:
        told = each.told()
        state = "in force" if each.is_valid(time.time()) else "expired"
        table.add_row(
            each.token_id,
            plain(each.name),
            ", ".join(each.scopes),
            show_instant(told.created_at),
            "never" if told.expires_at is None else show_instant(told.expires_at),
            state if each.revoked_at is None else "revoked",
        )
    print_tables(table)


@tokens_app.command()
def revoke(token_id: TokenId) -> None:
    """
    End a token; all gateways refuse it within seconds.

    Exit code 1 if there is none of that id.
    """
    import time

    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots.tokens import TokenStore

    with opened_store() as engine:
        known = TokenStore(engine).revoke(token_id, now_s=time.time())
    if not known:
        typer.echo(f"there is no token {token_id!r}; `ckm tokens list` shows them", err=True)
        raise typer.Exit(_UNKNOWN_TOKEN)
    typer.echo(f"{token_id} is revoked")
