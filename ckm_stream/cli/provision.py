"""``ckm topics plan|apply|acls`` and ``ckm schemas check|register``: what must be there first."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from ckm_stream.cli.printing import print_json

if TYPE_CHECKING:
    from ckm_stream.operations.topics import Change

_FINDINGS: Final = 1

topics_app = typer.Typer(help="Provision topics from schemas/topics.", no_args_is_help=True)
schemas_app = typer.Typer(help="Check and register the Avro schemas.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]
Named = Annotated[
    list[str] | None,
    typer.Option(
        "--principal",
        metavar="ROLE=PRINCIPAL",
        help="Who a role is to Kafka, such as profile-worker=User:ckm-worker; else User:ROLE.",
    ),
]
Create = Annotated[bool, typer.Option("--apply", help="Create the ACLs that are missing.")]


@topics_app.command()
def plan(as_json: AsJson = False) -> None:  # noqa: FBT002 -- typer makes a flag of it
    """
    Show what `ckm topics apply` would change, and change nothing.

    With --json: a list of objects with topic, action (create, configure, refuse), detail,
    partitions and config.
    """
    from ckm_stream.operations.topics import plan_topics
    from ckm_stream.settings import load_settings

    _report(plan_topics(load_settings()), as_json=as_json)


@topics_app.command()
def apply(as_json: AsJson = False) -> None:  # noqa: FBT002 -- typer makes a flag of it
    """Create missing topics and set configuration that differs; partitions are never changed."""
    from ckm_stream.operations.topics import apply_topics
    from ckm_stream.settings import load_settings

    _report(apply_topics(load_settings()), as_json=as_json)


@topics_app.command()
def acls(
    principal: Named = None,
    apply: Create = False,  # noqa: FBT002 -- typer makes a flag of it
    as_json: AsJson = False,  # noqa: FBT002 -- typer makes a flag of it
) -> None:
    """
    Show the least rights that each role needs, as kafka-acls.sh commands.

    Roles are in schemas/principals.yaml, their rights in schemas/topics. With --apply the missing
    ones are created, none is taken away, and what was created is shown. With --json: a list of
    objects with role, principal, resource, name, pattern (literal, prefixed) and operations.
    """
    from ckm_stream.operations.acls import all_grants, apply_grants, to_command
    from ckm_stream.settings import load_settings

    settings = load_settings()
    grants = all_grants(settings.kafka, _principals(principal or []))
    if apply:
        grants = apply_grants(settings, grants)
    if as_json:
        print_json(
            [
                {
                    "role": each.right.role,
                    "principal": each.principal,
                    "resource": each.right.resource,
                    "name": each.right.name,
                    "pattern": "prefixed" if each.right.is_prefix else "literal",
                    "operations": each.right.operations,
                }
                for each in grants
            ]
        )
        return
    for grant in grants:
        typer.echo(to_command(grant, settings.kafka))
    if not grants:
        typer.echo("all ACLs are there")


def _principals(given: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for each in given:
        role, _, principal = each.partition("=")
        if not principal.startswith("User:"):
            raise typer.BadParameter(f"{each} is not ROLE=User:NAME", param_hint="--principal")
        named[role] = principal
    return named


@schemas_app.command()
def check(as_json: AsJson = False) -> None:  # noqa: FBT002 -- typer makes a flag of it
    """
    Check that all versions of each subject read one another (FULL_TRANSITIVE).

    Exit code 1 if anything is wrong. With --json: a list of objects with subject and problem.
    """
    from ckm_stream.codec.catalogue import Catalogue
    from ckm_stream.codec.compatibility import check_catalogue

    catalogue = Catalogue.load()
    findings = check_catalogue(catalogue)
    if as_json:
        print_json([{"subject": each.subject, "problem": each.problem} for each in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.subject}: {finding.problem}")
        typer.echo(f"{len(catalogue.subjects)} subjects checked, {len(findings)} problems")
    if findings:
        raise typer.Exit(_FINDINGS)


@schemas_app.command()
def register() -> None:
    """Register all schemas with the registry that CKM__REGISTRY__URL names."""
    from ckm_stream.operations.schemas import register_schemas
    from ckm_stream.settings import load_settings

    registered = register_schemas(load_settings())
    for subject, schema_id in registered:
        typer.echo(f"{subject}: id {schema_id}")
    if not registered:
        typer.echo("CKM__REGISTRY__URL is not set; ids come from the catalogue in schemas/")


def _report(changes: list["Change"], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "topic": each.topic,
                    "action": each.action,
                    "detail": each.detail,
                    "partitions": each.partitions,
                    "config": each.config,
                }
                for each in changes
            ]
        )
        return
    for change in changes:
        typer.echo(f"{change.action}: {change.topic} ({change.detail})")
    typer.echo(f"{len(changes)} changes" if changes else "all topics are as described")
