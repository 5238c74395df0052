"""``ckm publish`` and ``ckm simulate`` from the command line to the topics."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ckm_stream.cli.main import app
from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.topics import apply_topics
from ckm_stream.settings import load_settings
from tests.support.broker import Broker
from tests.support.reading import read_topic


@pytest.fixture
def topics(broker: Broker, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """Give provisioned topics that the command's settings name."""
    monkeypatch.setenv("CKM__KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("CKM__KAFKA__TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("CKM__KAFKA__PARTITIONS", "4")
    apply_topics(load_settings())
    return Topics(topic_prefix)


def ckm(*arguments: object, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)


def count(broker: Broker, topics: Topics) -> int:
    """Return how many records are in the topics that channels publish to."""
    # Not by end offsets: the embedded broker's count a batch as one record.
    names = (topics.call, topics.ticket, topics.purchase, topics.feedback)
    return sum(len(read_topic(broker.bootstrap_servers, name)) for name in names)


def simulated_file(path: Path, customers: int = 5) -> list[str]:
    """Write simulated events to *path* and return their lines."""
    made = ckm("simulate", "--customers", customers, "--seed", 3, "--out", path)
    assert made.exit_code == 0, made.output
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return text.decode().splitlines()


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
def test_what_simulate_writes_publish_sends(
    broker: Broker, topics: Topics, tmp_path: Path, name: str
) -> None:
    """Every line becomes a record, and the command says how many."""
    lines = simulated_file(tmp_path / name)

    result = ckm("publish", tmp_path / name)

    assert result.exit_code == 0
    assert result.stdout == f"{len(lines)} events published, 0 refused\n"
    assert count(broker, topics) == len(lines)


def test_wrong_lines_are_reported_and_the_others_published(
    broker: Broker, topics: Topics, tmp_path: Path
) -> None:
    """Exit code 1, a report with line and field, and everything else in the topics."""
    path = tmp_path / "events.jsonl"
    lines = simulated_file(path)
    nobody = json.loads(lines[0]) | {"customer_id": ""}
    path.write_text("\n".join([json.dumps(nobody), lines[1], "{", *lines[2:]]) + "\n")

    result = ckm("publish", path)

    assert result.exit_code == 1
    assert result.stdout == f"{len(lines) - 1} events published, 2 refused\n"
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{path}:1: ")
    assert "customer_id" in first
    assert second.startswith(f"{path}:3: not JSON")
    assert count(broker, topics) == len(lines) - 1


def test_a_dry_run_needs_no_broker_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are checked by the same rules; the report as JSON is one object per line."""
    monkeypatch.setenv("CKM__KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    path = tmp_path / "events.jsonl"
    lines = simulated_file(path)
    path.write_text("\n".join([*lines, "[]"]))

    result = ckm("publish", path, "--dry-run", "--json")

    assert result.exit_code == 1
    assert [json.loads(each) for each in result.stdout.splitlines()] == [
        {
            "place": len(lines) + 1,
            "problems": [{"field": "", "message": "not a JSON object"}],
        },
        {"accepted": len(lines), "refused": 1, "dry_run": True},
    ]
    assert result.stderr == ""


def test_standard_input_is_published_with_the_given_type(broker: Broker, topics: Topics) -> None:
    """A dash reads JSON lines; --source names the type of all that do not say theirs."""
    line = {
        "event_id": "e-1",
        "source": "desk",
        "customer_id": "c-1",
        "occurred_at": 1_700_000_000_000_000,
        "recorded_at": 1_700_000_000_000_000,
        "ticket_id": "t-1",
        "action": "OPENED",
    }

    result = ckm("publish", "-", "--source", "ticket", stdin=json.dumps(line))

    assert result.exit_code == 0, result.output
    (record,) = read_topic(broker.bootstrap_servers, topics.ticket)
    assert record.key == b"c-1"


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """The error carries exit code 2."""
    result = ckm("publish", tmp_path / "nowhere", "--dry-run")

    assert isinstance(result.exception, ConfigurationError)
    assert result.exception.exit_code == 2


def test_simulate_publishes_and_writes_the_truth(
    broker: Broker, topics: Topics, tmp_path: Path
) -> None:
    """The truth has a line per customer, whose events are all in the topics."""
    truth_path = tmp_path / "truth.jsonl"

    result = ckm("simulate", "--customers", 8, "--truth", truth_path, "--order", "customer")

    assert result.exit_code == 0, result.output
    truth = [json.loads(each) for each in truth_path.read_text().splitlines()]
    assert [each["customer_id"] for each in truth] == [f"sim-{i:07d}" for i in range(8)]
    assert count(broker, topics) == sum(each["events"] for each in truth)


def test_simulated_files_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """Byte for byte, also compressed, and in time order."""
    lines = simulated_file(tmp_path / "one.jsonl.gz")
    simulated_file(tmp_path / "two.jsonl.gz")

    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    times = [json.loads(each)["occurred_at"] for each in lines]
    assert times == sorted(times)
