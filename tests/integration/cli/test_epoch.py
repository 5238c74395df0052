"""``ckm epoch fit|show|activate`` on a broker and both databases: what is learnt, and made live."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner, Result

from ckm_stream.cli import activating
from ckm_stream.cli.main import app
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import Epoch
from ckm_stream.errors import (
    CkmStreamError,
    ConfigurationError,
    DeliveryError,
    FitError,
    TransientError,
)
from ckm_stream.operations.access import EPOCH_KEEPER
from ckm_stream.operations.embedded import EmbeddedBroker
from ckm_stream.operations.topics import apply_topics, specs_of
from ckm_stream.settings import load_settings
from ckm_stream.snapshots.epochs import EpochStore
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import EPOCH
from tests.support.filled import fill_store
from tests.support.populations import simulated
from tests.support.producing import RawRecord, produce_raw
from tests.support.reading import read_topic
from tests.support.store_rows import rows_of

Run = Callable[..., Result]

CODEC = EpochCodec(Catalogue.load())
POPULATION = simulated(300, seed=5)
#: Whole hours after the newest event of the population, and long ago.
LATER = datetime.fromtimestamp(POPULATION.as_of_s, UTC).replace(minute=0, second=0) + timedelta(
    hours=2
)
SUMMARY = {"epoch_id", "state", "in_force", "as_of", "customers", "effective_from"}
DETAILS = SUMMARY | {
    "before_id",
    "customers_known",
    "customers_simulated",
    "consistency_ratios",
    "dimensions",
    "indicators",
    "priors",
    "employee_rates",
    "network_customers",
    "models",
    "models_refused",
    "topics",
}
ACTIVATION = {"epoch_id", "instead_of", "effective_from", "dry_run"}
CIRCLE = "[[1, 9, 0.1111], [0.1111, 1, 9], [9, 0.1111, 1]]"


@pytest.fixture
def ckm(
    embedded_broker: EmbeddedBroker,
    topic_prefix: str,
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Give the command line, with settings that name a broker's topic and a database."""
    monkeypatch.setenv("CKM__KAFKA__BOOTSTRAP_SERVERS", embedded_broker.bootstrap_servers)
    monkeypatch.setenv("CKM__KAFKA__TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("CKM__KAFKA__GUARANTEE", "at_least_once")
    monkeypatch.setenv("CKM__STORE__URL", store_url)
    monkeypatch.setenv("COLUMNS", "160")
    apply_topics(load_settings(), specs_of(EPOCH_KEEPER))
    return lambda *args: CliRunner().invoke(app, ["epoch", *map(str, args)])


@pytest.fixture
def filled(store: Engine) -> Engine:
    """Give a store with a simulated population."""
    fill_store(store, POPULATION)
    return store


def parsed(result: Result) -> Any:
    """Return the JSON that a command printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def announced() -> list[Epoch]:
    """Return what is on the topic."""
    kafka = load_settings().kafka
    records = read_topic(kafka.bootstrap_servers, Topics(kafka.topic_prefix).epoch)
    return [CODEC.decode(each.value) for each in records]


def refusal(result: Result, kind: type[CkmStreamError] = ConfigurationError) -> str:
    """Return the sentence that a command ended with."""
    assert isinstance(result.exception, kind), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def historical(ckm: Run, epoch_id: int, instant: datetime = LATER) -> Result:
    """Activate an epoch for events of the past."""
    return ckm("activate", epoch_id, "--historical", "--effective-from", f"{instant:%FT%TZ}")


@pytest.mark.usefixtures("filled")
class TestFit:
    """What ``ckm epoch fit`` prints and keeps."""

    def test_it_says_what_was_learnt_and_how_to_go_on(self, ckm: Run, store: Engine) -> None:
        """Tables for people; the epoch is kept, and nothing is announced."""
        output = ckm("fit").stdout

        assert "Epoch 1: not activated." in output
        assert "from 300 customers" in output
        assert "300 with simulated data; the epoch before was 0." in output
        assert "at the 0.7 quantile" in output
        assert "never used" in output  # of the weights by entropy
        assert "Topics that tell lead users: " in output
        assert "`ckm epoch activate 1 --dry-run`" in output
        assert [row["effective_from"] for row in rows_of(store, "epoch")] == [None]
        assert announced() == []

    def test_json_fields_are_stable(self, ckm: Run) -> None:
        """A script finds these fields, and no others."""
        fitted = parsed(ckm("fit", "--json"))

        newest_s = max(facts.last_at for facts in POPULATION.facts.values()) // 1_000_000
        assert set(fitted) == DETAILS
        assert datetime.fromisoformat(fitted["as_of"]).timestamp() == newest_s
        assert (fitted["epoch_id"], fitted["state"], fitted["effective_from"]) == (
            *(1, "not activated"),
            None,
        )
        assert [each["indicator"] for each in fitted["indicators"]][::4] == ["V1", "W1", "A1"]
        assert set(fitted["indicators"][0]) == {
            *("indicator", "name", "weight", "weight_before", "entropy_weight", "median"),
            *("reference", "with_evidence"),
        }
        assert set(fitted["dimensions"][0]) == {
            *("dimension", "exponent", "exponent_before", "high", "high_before", "high_kept"),
        }
        assert set(fitted["priors"][0]) == {
            *("prior", "a", "b", "mean", "a_before", "b_before", "mean_before"),
            *("customers", "is_learnt"),
        }
        topics = fitted["topics"]
        assert set(topics[0]) == {"topic", "customers", "first", "median", "last"}
        assert topics[0]["customers"] == max(each["customers"] for each in topics) > 20
        assert all(each["first"] <= each["median"] <= each["last"] for each in topics)

    def test_an_instant_that_is_later_is_taken(self, ckm: Run) -> None:
        """What is learnt has cooled until then."""
        fitted = parsed(ckm("fit", "--as-of", f"{LATER:%FT%H:%M}", "--json"))

        assert datetime.fromisoformat(fitted["as_of"]) == LATER

    def test_an_instant_before_the_newest_event_is_refused(self, ckm: Run, store: Engine) -> None:
        """A state knows no past."""
        result = ckm("fit", "--as-of", "2020-02-29")

        assert "give a later --as-of" in refusal(result)
        assert rows_of(store, "epoch") == []

    def test_the_one_after_is_measured_against_the_one_that_is_announced(self, ckm: Run) -> None:
        """Whatever was fitted in between; its thresholds still fit the same customers."""
        ckm("fit")
        ckm("fit")
        assert historical(ckm, 2).exit_code == 0

        third = parsed(ckm("fit", "--json"))

        assert (third["epoch_id"], third["before_id"]) == (3, 2)
        assert [each["high_kept"] for each in third["dimensions"]] == [True] * 3
        assert all(each["high"] == each["high_before"] for each in third["dimensions"])

    def test_comparisons_in_pairs_are_shown_with_their_consistency(
        self, ckm: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The weights are theirs."""
        monkeypatch.setenv(
            "CKM__EPOCH__COMPARISONS__DIMENSIONS", "[[1,2,4],[0.5,1,2],[0.25,0.5,1]]"
        )

        result = ckm("fit")

        assert "Consistency ratios of the comparisons: dimensions 0.000." in result.stdout
        assert "0.571" in result.stdout

    def test_comparisons_that_contradict_one_another_are_refused(
        self, ckm: Run, store: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sentence names the setting; nothing is kept."""
        monkeypatch.setenv("CKM__EPOCH__COMPARISONS__DIMENSIONS", CIRCLE)

        result = ckm("fit")

        assert "CKM__EPOCH__COMPARISONS__DIMENSIONS" in refusal(result)
        assert rows_of(store, "epoch") == []


def test_a_population_that_is_too_small_is_refused(ckm: Run, store: Engine) -> None:
    """Exit code 7; nothing is kept, and the next one is number 1 yet."""
    few = replace(POPULATION, facts=dict(islice(POPULATION.facts.items(), 99)))
    empty = refusal(ckm("fit"), FitError)
    fill_store(store, few)

    result = ckm("fit")

    assert "a population of 0 customers is too small" in empty
    assert "a population of 99 customers is too small" in refusal(result, FitError)
    assert rows_of(store, "epoch") == []


def test_a_program_that_cannot_fit_ends_with_code_7(ckm: Run, store: Engine) -> None:
    """One line on standard error, and nothing on standard output."""
    ended = subprocess.run(
        [sys.executable, "-m", "ckm_stream", "epoch", "fit"],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (7, "")
    assert ended.stderr.startswith("ckm: a population of 0 customers is too small to fit")
    assert ended.stderr.count("\n") == 1


@pytest.mark.usefixtures("filled")
class TestShow:
    """What ``ckm epoch show`` prints."""

    def test_epochs_are_listed_with_where_they_stand(self, ckm: Run) -> None:
        """Replaced, in force, announced for later, and not activated."""
        for _ in range(4):
            ckm("fit")
        historical(ckm, 1)
        historical(ckm, 2, LATER + timedelta(hours=1))
        ckm("activate", "3")

        rows, table = parsed(ckm("show", "--json")), ckm("show").stdout

        assert [set(row) for row in rows] == [SUMMARY] * 5
        assert [(row["epoch_id"], row["state"], row["in_force"]) for row in rows] == [
            (0, "replaced", False),
            (1, "replaced", False),
            (2, "in force", True),
            (3, "announced", False),
            (4, "not activated", False),
        ]
        assert datetime.fromisoformat(rows[1]["effective_from"]) == LATER
        assert rows[4]["effective_from"] is None
        assert "from the settings" in table
        assert all(state in table for state in ("in force", "replaced", "not activated"))

    def test_one_is_explained_as_when_it_was_fitted(self, ckm: Run) -> None:
        """Only where it stands is of today."""
        fitted = parsed(ckm("fit", "--json"))
        historical(ckm, 1)

        shown = parsed(ckm("show", "1", "--json"))

        assert shown["state"] == "in force"
        assert datetime.fromisoformat(shown["effective_from"]) == LATER
        of_today = {"state", "in_force", "effective_from"}
        assert all(shown[name] == fitted[name] for name in DETAILS - of_today)

    def test_epoch_0_is_that_of_the_settings(self, ckm: Run) -> None:
        """It is there before anything is learnt."""
        output = ckm("show", "0").stdout

        assert "Epoch 0: in force" in output
        assert "Nobody is a lead user" in output

    def test_a_prior_that_was_not_learnt_says_why(self, ckm: Run, store: Engine) -> None:
        """Few employees: what is believed of them stays."""
        with for_writing(store).begin() as connection:
            connection.exec_driver_sql("DELETE FROM employee")

        fitted = parsed(ckm("fit", "--json"))
        output = ckm("show", "1").stdout

        (prior,) = [each for each in fitted["priors"] if each["prior"] == "employee_motivation"]
        assert (prior["customers"], prior["is_learnt"]) == (0, False)
        assert prior["mean"] == prior["mean_before"]
        assert "no: 30 are needed" in output
        assert "Employees are not known" in output

    def test_one_that_the_store_has_lost_is_told_from_the_topic(
        self, ckm: Run, store: Engine
    ) -> None:
        """How it came about is not known any more, and its number is not given again."""
        ckm("fit")
        historical(ckm, 1)
        with for_writing(store).begin() as connection:
            connection.exec_driver_sql("DELETE FROM epoch")

        shown, listed = parsed(ckm("show", "1", "--json")), parsed(ckm("show", "--json"))

        assert (shown["state"], shown["customers"], shown["before_id"]) == ("in force", 300, None)
        assert "does not know how it came about" in ckm("show", "1").stdout
        assert [row["epoch_id"] for row in listed] == [0, 1]
        assert parsed(ckm("fit", "--json"))["epoch_id"] == 2

    def test_a_number_that_is_none_is_one_sentence_and_exit_code_1(self, ckm: Run) -> None:
        """On standard error."""
        for verb in ("show", "activate"):
            result = ckm(verb, "9")
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr == "there is no epoch 9; `ckm epoch show` lists them\n"

    def test_what_workers_pass_over_is_said(self, ckm: Run) -> None:
        """With its place on the topic."""
        kafka = load_settings().kafka
        topic = Topics(kafka.topic_prefix).epoch
        produce_raw(kafka.bootstrap_servers, [RawRecord(topic, b"1", b"?")])

        result = ckm("show")

        assert result.stderr.startswith("record 0 of the epochs' topic is passed over: ")
        assert result.exit_code == 0


@pytest.mark.usefixtures("filled")
class TestDryRun:
    """What an activation would change."""

    def test_it_counts_who_would_change_class_and_names_them(self, ckm: Run) -> None:
        """The named are the counted; nothing is announced."""
        ckm("fit")

        result = parsed(ckm("activate", "1", "--dry-run", "--json"))

        moved = [each for each in result["classes"] if each["class_before"] != each["class_after"]]
        assert set(result) == ACTIVATION | {
            *("as_of", "customers", "customers_changed", "mean_change", "greatest_change"),
            *("classes", "changed"),
        }
        assert (result["epoch_id"], result["instead_of"], result["dry_run"]) == (1, 0, True)
        assert sum(each["customers"] for each in result["classes"]) == result["customers"] == 300
        assert sum(each["customers"] for each in moved) == result["customers_changed"] > 0
        assert len(result["changed"]) == result["customers_changed"]
        assert {each["customer_id"] for each in result["changed"]} <= set(POPULATION.facts)
        assert announced() == []

    def test_tables_show_the_first_and_say_how_many_there_are(self, ckm: Run) -> None:
        """They are of simulated data, and say so."""
        ckm("fit")
        changed = parsed(ckm("activate", "1", "--dry-run", "--json"))["changed"]

        output = ckm("activate", "1", "--dry-run", "--limit", "2").stdout

        assert changed[0]["customer_id"] in output
        assert changed[2]["customer_id"] not in output
        assert f"{len(changed) - 2} more: --limit" in output
        assert f"{len(changed)} of 300 customers would change class" in output
        assert "Customers by class (simulated data)" in output
        assert "nothing was announced" in output

    def test_the_same_epoch_again_would_change_nothing(self, ckm: Run) -> None:
        """Fitted to the same customers, on top of the first one."""
        ckm("fit")
        historical(ckm, 1)
        ckm("fit")

        result = parsed(ckm("activate", "2", "--dry-run", "--json"))

        assert result["instead_of"] == 1
        assert (result["customers_changed"], result["greatest_change"]) == (0, 0.0)

    def test_what_would_be_refused_is_refused(self, ckm: Run) -> None:
        """A dry run promises nothing that the real one would not do."""
        ckm("fit")

        result = ckm("activate", "1", "--dry-run", "--effective-from", "2026-01-01")

        assert "give a later --effective-from" in refusal(result)


@pytest.mark.usefixtures("filled")
class TestActivate:
    """What is announced, and when it is refused."""

    def test_an_epoch_is_announced_a_lead_ahead(self, ckm: Run, store: Engine) -> None:
        """Whole on the topic, from the next whole minute behind the lead; the row says so too."""
        ckm("fit")
        lead_s, before_s = load_settings().epoch.lead_s, time.time()

        result = ckm("activate", "1")

        (epoch,) = announced()
        (row,) = rows_of(store, "epoch")
        assert "epoch 1 is announced" in result.stdout
        assert before_s + lead_s <= epoch.effective_from_s <= time.time() + lead_s + 60
        assert epoch.effective_from_s % 60 == 0
        assert (epoch.epoch_id, epoch.customers) == (1, 300)
        assert row["effective_from"] == epoch.effective_from_s * 1_000_000
        assert CODEC.decode(row["announcement"]) == epoch

    def test_the_instant_can_be_given(self, ckm: Run) -> None:
        """In any zone; the report is in UTC."""
        ckm("fit")

        result = parsed(
            ckm("activate", "1", "--effective-from", "2999-01-01T02:00:00+02:00", "--json")
        )

        assert set(result) == ACTIVATION
        assert result == {
            "epoch_id": 1,
            "instead_of": 0,
            "effective_from": "2999-01-01T00:00:00Z",
            "dry_run": False,
        }
        assert announced()[0].effective_from_s == 32_472_144_000

    def test_an_epoch_for_events_of_the_past_begins_behind_them(self, ckm: Run) -> None:
        """Only what the store does not have yet is scored with it."""
        ckm("fit")
        newest = datetime.fromtimestamp(POPULATION.as_of_s - 86_400, UTC)

        too_early = refusal(historical(ckm, 1, newest))
        without = refusal(ckm("activate", "1", "--historical"))
        result = historical(ckm, 1)

        assert "customers have been scored as of" in too_early
        assert "--historical needs --effective-from" in without
        assert result.exit_code == 0
        assert announced()[0].effective_from_s == LATER.timestamp()

    def test_its_models_price_lifetimes_from_then_on(self, ckm: Run) -> None:
        """Who has bought is shown what is expected; before, nothing is."""
        buyer = next(name for name, each in POPULATION.facts.items() if each.purchase_days)
        show = ("show", buyer, "--json")
        before = parsed(CliRunner().invoke(app, show))["lifetime"]
        ckm("fit")
        ckm("activate", "1")

        lifetime = parsed(CliRunner().invoke(app, show))["lifetime"]
        view = CliRunner().invoke(app, show[:2]).stdout

        assert before is None
        assert (lifetime["epoch_id"], lifetime["horizon_weeks"]) == (1, 52)
        assert 0.0 <= lifetime["probability_alive"] <= 1.0
        assert lifetime["expected_margin"] >= 0
        assert f"By model {lifetime['model']} of epoch 1" in view

    def test_one_that_comes_too_soon_is_refused(self, ckm: Run) -> None:
        """Not every worker would hear of it in time."""
        ckm("fit")
        soon = datetime.fromtimestamp(time.time() + 14_000, UTC)

        result = ckm("activate", "1", "--effective-from", f"{soon:%FT%TZ}")

        assert "CKM__EPOCH__LEAD_S" in refusal(result)
        assert announced() == []

    def test_one_that_is_announced_is_refused(self, ckm: Run) -> None:
        """It would be another epoch of the same number, which stops every worker."""
        ckm("fit")
        ckm("activate", "1")

        assert "epoch 1 is announced already" in refusal(ckm("activate", "1"))
        assert len(announced()) == 1

    def test_states_that_have_no_room_for_an_epoch_are_refused(
        self, ckm: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The workers would end at the first score in it."""
        ckm("fit")
        monkeypatch.setenv("CKM__STATE__LAYOUT", "1")

        assert "CKM__STATE__LAYOUT is 1" in refusal(ckm("activate", "1"))
        assert announced() == []

    def test_one_that_would_not_come_last_is_refused(self, ckm: Run) -> None:
        """Scores as of later may have been made with the other one."""
        ckm("fit")
        ckm("fit")
        ckm("activate", "1", "--effective-from", "2999-01-01")

        assert "epoch 1 does at 2999-01-01T00:00:00Z" in refusal(ckm("activate", "2"))
        assert len(announced()) == 1

    @pytest.mark.parametrize(
        ("name", "value"), [("N0", "4"), ("HALF_LIVES__TRUST", "8640000"), ("CONTACT_WINDOW", "4")]
    )
    def test_one_of_another_scoring_policy_is_refused(
        self, ckm: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        """Its tables are of indicators that are read in another way now."""
        ckm("fit")
        monkeypatch.setenv(f"CKM__SCORING__{name}", value)

        result = ckm("activate", "1")

        assert "fitted under another scoring policy" in refusal(result)
        assert announced() == []

    def test_one_that_is_not_acknowledged_is_not_marked(
        self, ckm: Run, store: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Exit code 5; it can be tried again."""
        ckm("fit")

        def fail(*_: object) -> None:
            raise DeliveryError("epoch 1 was not acknowledged")

        with monkeypatch.context() as broken:
            broken.setattr(activating, "announce", fail)
            refusal(ckm("activate", "1"), DeliveryError)

        assert rows_of(store, "epoch")[0]["effective_from"] is None
        assert ckm("activate", "1").exit_code == 0

    def test_a_database_that_goes_behind_the_acknowledgement_undoes_nothing(
        self, ckm: Run, store: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is announced, and says so; the row follows with the next look at the topic."""
        ckm("fit")

        def fail(*_: object) -> None:
            raise TransientError("database is unavailable for now")

        with monkeypatch.context() as broken:
            broken.setattr(EpochStore, "mark_activated", fail)
            result = ckm("activate", "1")
        unmarked = rows_of(store, "epoch")[0]["effective_from"]
        shown = parsed(ckm("show", "--json"))

        (epoch,) = announced()
        assert (result.exit_code, unmarked) == (0, None)
        assert "only the store's mark of it is missing" in result.stderr
        assert shown[1]["state"] == "announced"
        assert rows_of(store, "epoch")[0]["effective_from"] == epoch.effective_from_s * 1_000_000

    def test_a_program_that_died_behind_the_acknowledgement_is_followed_up(
        self, ckm: Run, store: Engine
    ) -> None:
        """The row is as it was before; the topic tells that it is announced."""
        ckm("fit")
        before = rows_of(store, "epoch")[0]
        ckm("activate", "1")
        with for_writing(store).begin() as connection:
            connection.execute(
                update(EPOCH).values(effective_from=None, announcement=before["announcement"])
            )

        again = refusal(ckm("activate", "1"))

        (row,), (epoch,) = rows_of(store, "epoch"), announced()
        assert "epoch 1 is announced already" in again
        assert row["effective_from"] == epoch.effective_from_s * 1_000_000
        assert CODEC.decode(row["announcement"]) == epoch
