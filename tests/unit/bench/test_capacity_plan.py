"""Sizes follow from numbers, numbers from where they were given, and bad ones are refused."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from bench.capacity.cli import main
from bench.capacity.given import given, measured
from bench.capacity.limits import limits
from bench.capacity.plan import partitions_for, plan
from bench.capacity.quantities import GROUPS, Case, Costs, Installation, Load


def _case(customers: float = 35e6, **site: float) -> Case:
    return Case(load=Load(customers=customers), installation=Installation(**site))


@for_all(st.floats(1e3, 1e9), st.floats(1.1, 10))
def test_more_customers_never_need_less(customers: float, times: float) -> None:
    """Workers, partitions, brokers, disk and rows grow with the population."""
    small, large = plan(_case(customers)), plan(_case(customers * times))

    for name in ("workers", "partitions", "brokers", "rows_per_s"):
        assert getattr(large, name) >= getattr(small, name)
    assert large.disk_bytes * large.brokers >= small.disk_bytes * small.brokers


@for_all(st.floats(1e3, 3e9), st.floats(15, 600), st.floats(1e9, 1e11))
def test_recommended_workers_keep_within_what_they_were_recommended_for(
    customers: float, promise_s: float, memory_bytes: float
) -> None:
    """CPU without slices, memory and recovery of a worker are within their limits."""
    case = _case(customers, recovery_promise_s=promise_s, worker_memory_bytes=memory_bytes)
    sized = plan(case)

    if sized.workers <= sized.partitions:
        assert sized.memory_bytes <= memory_bytes * (1 + 1e-9)
        assert sized.recovery_s <= promise_s * (1 + 1e-9)
    assert sized.workers == max(sized.needed.values())


def test_partitions_allow_for_growth_up_to_what_settings_take() -> None:
    """Twelve, doubled until there are enough, and never above 1,000."""
    assert partitions_for(2, 4.0) == 12
    assert partitions_for(6, 4.0) == 24
    assert partitions_for(7, 4.0) == 48
    assert partitions_for(900, 4.0) == 1000


def test_the_numbers_of_a_plan_are_those_of_its_formulas() -> None:
    """One case worked out by hand."""
    case = Case(
        costs=Costs(
            cpu_us_per_event=20.0,
            updates_at_cost=0.1,
            cpu_us_per_update=10.0,
            updates_per_event=0.3,
            cpu_us_per_slice=500.0,
            idle_cpu=0.01,
            slice_interval_s=0.01,
            forwarded_per_event=0.25,
            recovery_records_per_s=100_000,
            start_s=2.0,
            resident_bytes_per_customer=1_000,
            base_resident_bytes=1e8,
        ),
        load=Load(
            customers=8_640_000, events_per_customer_day=1.0, peak_to_mean=2.0, burst_factor=4.0
        ),
        installation=Installation(workers=2, partitions=10, session_timeout_s=6, rebalance_s=3),
    )

    sized = plan(case)

    assert sized.events_per_s == pytest.approx(125.0)  # 100 touchpoints and what they cause
    assert sized.peak_events_per_s == pytest.approx(1_000.0)
    assert sized.cpu_s_per_event == pytest.approx(22e-6)
    # 500 events and as many slices, as 5 partitions allow 500 in a second.
    assert sized.utilisation == pytest.approx(0.01 + 500 * 22e-6 + 500 * 500e-6)
    assert sized.memory_bytes == pytest.approx(1e8 + 8_640e6)  # the other one is away
    assert sized.recovery_s == pytest.approx(6 + 3 + 2 + 43.2)
    assert sized.move_s == pytest.approx(6 + 3 + 43.2)


def test_the_nearest_limit_comes_first_and_a_broken_one_is_above_one() -> None:
    """With a worker of little memory, memory breaks first."""
    case = _case(1e7, workers=1, worker_memory_bytes=2**30)
    sized = plan(case)

    found = limits(case, sized, hottest_share=1 / sized.partitions)

    assert found[0].name == "memory of a worker, one away"
    assert found[0].share > 1
    assert [limit.share for limit in found] == sorted((x.share for x in found), reverse=True)


def test_constants_are_read_from_what_was_measured(tmp_path: Path) -> None:
    """Each says where it is from; what no benchmark has measured keeps its default."""
    _write(tmp_path / "pipeline.json", {"cpu_us_per_event": 9.5, "updates_per_event": 0.1})
    _write(
        tmp_path / "recovery.json",
        {"records_per_s": 300_000, "start_to_work_s": 4.0, "recovery_s": 1.5},
    )
    rounds = [
        {"customers": 10_000, "workers": 1, "resident_mib": {"working": 110.0}},
        {"customers": 1_010_000, "workers": 1, "resident_mib": {"working": 910.0}},
        {"customers": 1_010_000, "workers": 2, "resident_mib": {"working": 1.0}},
    ]
    _write(tmp_path / "growth.json", {"rounds": rounds})

    found = given({}, results=tmp_path)

    costs = found.case.costs
    assert (costs.cpu_us_per_event, costs.recovery_records_per_s) == (9.5, 300_000)
    assert costs.start_s == 2.5
    assert costs.resident_bytes_per_customer == round(800 * 2**20 / 1e6)
    assert found.sources["cpu_us_per_event"] == "pipeline.json"
    assert found.sources["resident_bytes_per_customer"] == "growth.json"
    assert costs.snapshot_rows_per_s == Costs().snapshot_rows_per_s


def test_the_results_in_the_repository_are_understood() -> None:
    """The benchmarks still write what the model reads."""
    found = measured()

    assert {"cpu_us_per_event", "recovery_records_per_s", "event_bytes", "start_s"} <= found.keys()
    assert all(value > 0 for value, _ in found.values())


def test_the_command_line_wins_over_a_file_and_that_over_measurements(tmp_path: Path) -> None:
    """A file may be TOML, with or without groups, or JSON."""
    _write(tmp_path / "pipeline.json", {"cpu_us_per_event": 9.5})
    toml, other = tmp_path / "mine.toml", tmp_path / "mine.json"
    toml.write_text("[load]\ncustomers = 1e6\n[costs]\ncpu_us_per_event = 8\nstart_s = 1\n")
    _write(other, {"customers": 2_000_000})

    found = given({"start_s": 5.0}, file=toml, results=tmp_path)

    assert found.case.load.customers == 1e6
    assert found.case.costs.cpu_us_per_event == 8
    assert found.case.costs.start_s == 5.0
    assert found.sources["start_s"] == "given"
    assert found.sources["customers"] == "mine.toml"
    assert given({}, file=other, results=tmp_path).case.load.customers == 2_000_000


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--customers", "-3"], "give a number >= 1"),
        (["--customers", "nan"], "give a number >= 1"),
        (["--zipf-exponent", "1.5"], "<= 0.99"),
        (["--target-utilisation", "1"], "<= 0.99"),
        (["--file", "nowhere.toml"], "cannot be read"),
        (["--days", "60", "--step-s", "0.01"], "longer --step-s"),
    ],
)
def test_wrong_input_ends_with_exit_code_2_and_a_remedy(
    arguments: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed but what to do."""
    assert main(arguments) == 2

    said = capsys.readouterr()
    assert remedy in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("a.toml", "custmers = 3", "--help"),
        ("a.toml", 'customers = "many"', "must be a number"),
        ("a.toml", "customers = true", "must be a number"),
        ("a.toml", "customers", "neither TOML"),
        ("a.json", "[1]", "names and numbers"),
    ],
)
def test_a_wrong_file_ends_with_exit_code_2_and_a_remedy(
    name: str, text: str, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt name is refused, not ignored."""
    file = tmp_path / name
    file.write_text(text)

    assert main(["--file", str(file)]) == 2

    assert remedy in capsys.readouterr().err


def test_what_is_no_number_on_the_command_line_ends_with_exit_code_2() -> None:
    """As the parser of options does."""
    with pytest.raises(SystemExit) as ended:
        main(["--customers", "many"])

    assert ended.value.code == 2


def test_the_page_says_what_breaks_first_and_how_the_day_went(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Installation, limits, day and faults; with --numbers also what went in."""
    assert main(["--customers", "1e6", "--step-s", "60", "--numbers"]) == 0

    said = capsys.readouterr().out
    for part in ("breaks first", "profile workers", "worker 0 dies", "caught up after", "from"):
        assert part in said
    for kind in GROUPS.values():
        for each in fields(kind):
            assert each.name in said


def test_json_holds_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs that go on with them."""
    assert main(["--customers", "1e6", "--step-s", "60", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert said["given"]["load"]["customers"] == 1e6
    assert said["plan"]["workers"] >= 2
    assert said["limits"][0]["share"] >= said["limits"][-1]["share"]
    assert {"lag", "utilisation", "delay_p99_s"} <= said["played"].keys()


def test_every_number_has_an_option_and_a_default_within_its_range() -> None:
    """The defaults are a case."""
    case = Case()

    assert replace(case, load=replace(case.load, customers=5)).load.customers == 5
    names = [each.name for kind in GROUPS.values() for each in fields(kind)]
    assert len(names) == len(set(names))


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content))


def test_populations_are_compared_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """Two tables of Markdown, a column for each number of customers."""
    assert main(["--compare", "1e6,35e6", "--workers", "9"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| customers | 1,000,000 | 35,000,000 |"
    assert "| profile workers | 9 | 9 |" in lines
    assert any(line.startswith("| limit, used of |") for line in lines)


def test_a_population_that_cannot_be_is_refused_in_a_comparison(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As when it is given alone."""
    assert main(["--compare", "1e6,-1"]) == 2

    assert "customers is -1" in capsys.readouterr().err
