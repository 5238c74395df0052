"""The command ``python -m bench.capacity``."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from bench.capacity import page
from bench.capacity.arrivals import partition_shares
from bench.capacity.given import RESULTS, given
from bench.capacity.limits import Limit, limits
from bench.capacity.plan import Plan, plan
from bench.capacity.quantities import GROUPS, Case
from bench.capacity.simulation import simulate
from ckm_stream.errors import ConfigurationError

_DESCRIPTION = """\
How many partitions and workers a population needs, what breaks first, and how a day goes with
bursts, deaths of workers and an outage of the brokers. Constants are taken from bench/results,
where a benchmark has measured them; every number can be given here or in a file of TOML or JSON.
docs/scaling.md explains the model."""

# A play of more steps times partitions takes minutes and is a slip more often than a wish.
_MOST_CELLS = 2e9


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan, its limits and a played day; return the exit code: 2 if input is wrong."""
    parsed = _parser().parse_args(arguments)
    chosen = {
        each.name: getattr(parsed, each.name)
        for kind in GROUPS.values()
        for each in fields(kind)
        if getattr(parsed, each.name) is not None
    }
    try:
        _say(parsed, chosen)
    except ConfigurationError as error:
        print(f"capacity: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _say(parsed: argparse.Namespace, chosen: dict[str, float]) -> None:
    found = given(chosen, file=parsed.file, results=parsed.results)
    if parsed.compare:
        sized_by = {
            customers: _size(_with(parsed, chosen, customers)) for customers in parsed.compare
        }
        print("\n".join(page.compared(sized_by)))
        return
    sized, nearest = _size(found.case)
    history = None
    if not parsed.no_play:
        _check_length(found.case, sized.partitions)
        history = simulate(found.case, sized)
    if parsed.json:
        print(json.dumps(page.as_json(found, sized, nearest, history), indent=2))
        return
    parts = [page.sizing(sized), page.breaking(nearest)]
    if history is not None:
        parts.append(page.played(history, sized))
    if parsed.numbers:
        parts.insert(0, page.numbers(found))
    print("\n\n".join("\n".join(part) for part in parts))


def _with(parsed: argparse.Namespace, chosen: dict[str, float], customers: float) -> Case:
    chosen = {**chosen, "customers": customers}
    return given(chosen, file=parsed.file, results=parsed.results).case


def _size(case: Case) -> tuple[Plan, list[Limit]]:
    sized = plan(case)
    rng = np.random.default_rng(int(case.play.seed))
    shares = partition_shares(case.load, sized.partitions, rng)
    return sized, limits(case, sized, hottest_share=float(shares.max()))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _check_length(case: Case, partitions: int) -> None:
    cells = case.play.days * 86_400.0 / case.play.step_s * partitions
    if cells > _MOST_CELLS:
        raise ConfigurationError(
            f"{case.play.days:g} days in steps of {case.play.step_s:g} s are too many for "
            f"{partitions} partitions; give a longer --step-s or fewer --days"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.capacity",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file", type=Path, help="numbers by name, in TOML (.toml) or JSON")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="folder of what was measured (%(default)s)"
    )
    parser.add_argument("--numbers", action="store_true", help="print what goes in, and its source")
    parser.add_argument("--no-play", action="store_true", help="size only")
    parser.add_argument(
        "--compare", type=_numbers, metavar="N,N", help="sizes for so many customers, in Markdown"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    for group, kind in GROUPS.items():
        options = parser.add_argument_group(f"{group} ({(kind.__doc__ or '').strip(' .')})")
        for each in fields(kind):
            unit = f", {each.metadata['unit']}" if each.metadata["unit"] else ""
            options.add_argument(
                f"--{each.name.replace('_', '-')}",
                type=float,
                metavar="N",
                help=f"{each.metadata['says'].replace('%', '%%')}{unit}; default {each.default:g}",
            )
    return parser
