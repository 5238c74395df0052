"""Figures of the comparison: from looks at a program to cost and rate."""

import pytest

from bench.comparison import Sample, figures_of
from bench.contestants import Done, applied_in, newest_progress


def look(at: float, cpu_s: float, touchpoints: int, handled: int | None = None) -> Sample:
    """Return one look at a program."""
    return Sample(at, cpu_s, Done(touchpoints, touchpoints if handled is None else handled))


def test_start_up_and_the_first_fifth_do_not_count() -> None:
    """The interval begins with the first look that saw a fifth done."""
    samples = [look(0, 2.0, 0), look(1, 3.0, 100), look(2, 3.5, 250), look(4, 4.5, 1000)]

    figures = figures_of(samples, total=Done(1000, 1000), ended_cpu_s=4.5)

    assert figures["touchpoints"] == 750
    assert figures["events_per_s"] == 375
    assert figures["cpu_us_per_event"] == pytest.approx(1e6 / 750, abs=1e-3)


def test_what_is_flushed_at_the_end_counts() -> None:
    """CPU time runs on until the process has ended; the rate does not."""
    samples = [look(1, 1.0, 200), look(2, 2.0, 1000)]

    figures = figures_of(samples, total=Done(1000, 1000), ended_cpu_s=2.8)

    assert figures["cpu_us_per_event"] == pytest.approx(1.8e6 / 800)
    assert figures["events_per_s"] == 800


def test_forwarded_events_share_the_cost_only_per_handled_event() -> None:
    """A published touchpoint bears the whole cost, whatever it made the worker do."""
    samples = [look(0, 0.0, 200, 200), look(1, 1.0, 1000, 1800)]

    figures = figures_of(samples, total=Done(1000, 1800), ended_cpu_s=1.0)

    assert figures["cpu_us_per_event"] == pytest.approx(1e6 / 800)
    assert figures["cpu_us_per_handled"] == pytest.approx(1e6 / 1600)


def test_a_backlog_that_is_over_before_it_was_looked_at_is_refused() -> None:
    """Half of the touchpoints at least lie between two looks."""
    with pytest.raises(SystemExit, match="too few"):
        figures_of([look(0, 0, 600), look(1, 1, 1000)], total=Done(1000, 1000), ended_cpu_s=1.0)


def test_the_newest_line_of_progress_counts() -> None:
    """A peer's log holds other lines, too, and the last one may not be whole yet."""
    text = "starting\nevents 10\nevents 250\nsome warning\nevents 99"

    assert newest_progress(text) == Done(250, 250)


def test_progress_may_tell_what_was_handled_beside() -> None:
    """Forwarded events are in the second number."""
    assert newest_progress("events 200 277\n") == Done(200, 277)


def test_no_line_of_progress_is_no_news() -> None:
    """Neither a log without one, nor the beginning of one, says anything."""
    assert newest_progress("hello\nevents 1") is None
    assert newest_progress("") is None


def test_a_worker_tells_by_its_metrics() -> None:
    """Touchpoints are told from forwarded events by their topics."""
    metrics = (
        "# HELP ckm_events_applied_total Events.\n"
        "# TYPE ckm_events_applied_total counter\n"
        'ckm_events_applied_total{topic="p.call",event_type="Call"} 7.0\n'
        'ckm_events_applied_total{topic="p.referral",event_type="Referral"} 2.0\n'
        "# HELP ckm_other_total Others.\n"
        "# TYPE ckm_other_total counter\n"
        'ckm_other_total{topic="p.call"} 100.0\n'
    )

    assert applied_in(metrics, {"p.call"}) == Done(7, 9)
