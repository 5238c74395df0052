"""``ckm demo``: the whole service on this machine, from nothing to an explained ranking."""

from typing import Annotated

import typer


def demo(
    once: Annotated[  # noqa: FBT002 -- typer makes a flag of it
        bool, typer.Option("--once", help="Stop everything after the result.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the simulated contacts.")] = 1,
) -> None:
    """
    Replay real purchases with simulated contacts through broker, workers and store.

    The 6,919 purchases of 2,357 CDNOW customers are real; calls, tickets and feedback of the same
    customers are simulated. Everything runs on this machine, under var/demo, and starts clean.
    With CKM__KAFKA__BOOTSTRAP_SERVERS set, that cluster is used instead of the embedded broker.
    """
    from ckm_stream.cli.demo_result import show_result, wide_console
    from ckm_stream.demo.run import run_demo
    from ckm_stream.settings import load_settings

    console = wide_console()
    run_demo(
        load_settings(),
        once=once,
        seed=seed,
        console=console,
        show=lambda result: show_result(console, result),
    )
