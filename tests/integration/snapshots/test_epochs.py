"""Epochs in the store, and the population that they are fitted to, on both databases."""

from dataclasses import replace
from itertools import islice
from threading import Event, Thread

import pytest
from sqlalchemy import Engine, event, text, update

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.domain.epoch import NEVER_S, Epoch, epoch_zero
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError, DeliveryError, TransientError
from ckm_stream.population.fit import Population, fit_epoch
from ckm_stream.population.report import report_of
from ckm_stream.snapshots import population as population_module
from ckm_stream.snapshots.epochs import EpochRow, EpochStore, KeptEpoch
from ckm_stream.snapshots.population import stored_population
from ckm_stream.snapshots.store import for_writing, open_engine
from ckm_stream.snapshots.tables import EPOCH
from tests.support.filled import fill_store
from tests.support.populations import POLICY, simulated
from tests.support.store_rows import rows_of

CODEC = EpochCodec(Catalogue.load())
ZERO = epoch_zero(POLICY)
POPULATION = simulated(300, seed=5)
FROM_S = 1_800_000_000


@pytest.fixture
def filled(store: Engine) -> Engine:
    """Give a store with a simulated population."""
    fill_store(store, POPULATION)
    return store


@pytest.fixture
def epochs(store: Engine) -> EpochStore:
    """Give the epochs of a store."""
    return EpochStore(store, CODEC)


def kept(epoch_id: int = 1) -> KeptEpoch:
    """Return an epoch that was just fitted."""
    fitted = fit_epoch(POPULATION.population, POLICY, epoch_id=epoch_id, before=ZERO)
    return KeptEpoch(fitted.epoch, report_of(fitted, before=ZERO, policy=POLICY, simulated=0))


def activated(epoch: Epoch, from_s: int = FROM_S) -> Epoch:
    """Return it as it is announced."""
    return replace(epoch, effective_from_s=from_s)


class TestPopulation:
    """What a fit reads."""

    def test_customers_and_employees_are_those_that_were_written(
        self, filled: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each once and whole, in each pass, however many queries it takes."""
        monkeypatch.setattr(population_module, "_BATCH", 7)

        with stored_population(filled, POLICY) as stored:
            first, second = dict(stored.customers()), list(stored.customers())
            employees = list(stored.employees(POPULATION.as_of_s))

        assert first == POPULATION.facts
        assert [name for name, _ in second] == sorted(POPULATION.facts)
        assert sorted(employees) == sorted(POPULATION.employees)

    def test_purchases_come_grouped_by_weeks(self, filled: Engine) -> None:
        """As many customers as have bought, with as many repeats, as in their facts."""
        with stored_population(filled, POLICY) as stored:
            histories, spends = stored.histories(POPULATION.as_of_s), stored.spends()

        assert histories is not None
        assert spends is not None
        bought = [each for each in POPULATION.facts.values() if each.purchase_days]
        repeats = sum(each.purchase_days.bit_count() - 1 for each in bought)
        assert histories.customers.sum() == len(bought)
        assert len(histories) < len(bought)
        assert (histories.customers * histories.repeats).sum() == repeats
        longest_s = POPULATION.as_of_s - min(each.first_purchase_s for each in bought)
        assert histories.age_weeks.max() == pytest.approx(longest_s / (7 * 86_400), abs=1)
        assert (spends.transactions * spends.mean).sum() == pytest.approx(
            sum(each.first_value[2] for each in bought)
        )

    def test_a_store_in_which_nobody_bought_has_no_purchases(self, store: Engine) -> None:
        """There is nothing to fit a model to."""
        with stored_population(store, POLICY) as stored:
            assert stored.histories(POPULATION.as_of_s) is None
            assert stored.spends() is None

    def test_the_newest_event_is_that_of_customers_and_employees(self, filled: Engine) -> None:
        """In whole seconds, as scores are."""
        newest = max(facts.last_at for facts in POPULATION.facts.values())
        with stored_population(filled, POLICY) as stored:
            assert stored.newest_event_s == newest // MICROS
            assert stored.counts() == (300, 300)

    def test_an_empty_store_has_nobody(self, store: Engine) -> None:
        """And no newest event."""
        with stored_population(store, POLICY) as stored:
            assert stored.newest_event_s is None
            assert stored.counts() == (0, 0)
            assert list(stored.customers()) == []
            assert list(stored.employees(0)) == []

    def test_an_epoch_of_the_store_is_that_of_the_facts(self, filled: Engine) -> None:
        """In the order of the ids, on which the last bits of the priors depend."""
        in_order = replace(POPULATION, facts=dict(sorted(POPULATION.facts.items())))
        with stored_population(filled, POLICY) as stored:
            fitted = fit_epoch(
                Population(
                    customers=stored.customers,
                    as_of_s=POPULATION.as_of_s,
                    employees=sorted(stored.employees(POPULATION.as_of_s)),
                ),
                POLICY,
                epoch_id=1,
                before=ZERO,
            )

        expected = replace(in_order.population, employees=sorted(POPULATION.employees))
        assert fitted.epoch == fit_epoch(expected, POLICY, epoch_id=1, before=ZERO).epoch

    def test_what_is_written_meanwhile_is_seen_by_neither_pass(
        self, filled: Engine, store_url: str
    ) -> None:
        """Both passes are of one moment of the database; a new reading is of a later one."""
        with stored_population(filled, POLICY) as stored:
            before = [name for name, _ in islice(stored.customers(), 300)]
            empty_profiles(store_url)
            second = [name for name, _ in stored.customers()]
            counted = stored.counts()
        with stored_population(filled, POLICY) as stored:
            after = list(stored.customers())

        assert second == before == sorted(POPULATION.facts)
        assert counted == (300, 300)
        assert after == []

    def test_nothing_is_written_by_a_reading(self, filled: Engine) -> None:
        """No statement of it is another than SELECT, beside those that begin it."""
        seen: list[str] = []
        event.listen(
            filled, "before_cursor_execute", lambda *args: seen.append(args[2].split()[0].upper())
        )
        with stored_population(filled, POLICY) as stored:
            list(stored.customers())

        assert set(seen) <= {"SELECT", "BEGIN", "SET"}
        assert "SELECT" in seen

    def test_states_of_another_policy_are_refused(self, filled: Engine) -> None:
        """Their sums mean something else."""
        other = Policy(landmark_s=POLICY.landmark_s - 1)

        with (
            stored_population(filled, other) as stored,
            pytest.raises(ConfigurationError, match="another scoring policy"),
        ):
            list(stored.customers())


def empty_profiles(store_url: str) -> None:
    """Delete all customers, as a program of its own."""
    engine = open_engine(store_url)
    with for_writing(engine).begin() as connection:
        connection.execute(text("DELETE FROM profile"))
    engine.dispose()


class TestKeeping:
    """The table of epochs."""

    def test_an_epoch_is_found_as_it_was_kept(self, epochs: EpochStore) -> None:
        """With the report, from never on; others are not found."""
        ours = kept()

        epochs.keep(ours)

        assert epochs.find(1) == ours
        assert epochs.find(2) is None
        assert epochs.list_epochs() == [EpochRow(1, POPULATION.as_of_s, 300, None)]

    def test_numbers_go_up(self, epochs: EpochStore) -> None:
        """The next one is above all that are there."""
        before = epochs.next_id()
        epochs.keep(kept(before))
        epochs.keep(kept(7))

        assert (before, epochs.next_id()) == (1, 8)

    def test_a_number_that_is_taken_is_refused_and_the_first_stays(
        self, epochs: EpochStore
    ) -> None:
        """Two fits at once: the second one is to be run again."""
        epochs.keep(kept())
        other = kept()._replace(epoch=replace(kept().epoch, customers=1))

        with pytest.raises(TransientError, match="another `ckm epoch fit` has kept its epoch as 1"):
            epochs.keep(other)

        assert epochs.find(1) == kept()

    def test_an_epoch_that_cannot_be_read_says_so(self, store: Engine, epochs: EpochStore) -> None:
        """Not as a defect: another release or registry may have written it."""
        epochs.keep(kept())
        with for_writing(store).begin() as connection:
            connection.execute(update(EPOCH).values(announcement=b"\x00\x00\x00\x00\x63?"))

        with pytest.raises(ConfigurationError, match="epoch 1 in the store is not readable"):
            epochs.find(1)


class TestActivating:
    """What the table says of the topic."""

    def test_a_mark_says_from_when_on_and_holds_what_was_announced(
        self, store: Engine, epochs: EpochStore
    ) -> None:
        """The bytes are those of the topic."""
        ours = kept()
        epochs.keep(ours)
        announced = activated(ours.epoch)

        with epochs.activating() as connection:
            epochs.mark_activated(connection, announced)

        (row,) = rows_of(store, "epoch")
        assert row["effective_from"] == FROM_S * MICROS
        assert row["announcement"] == CODEC.encode(announced)
        assert epochs.find(1) == KeptEpoch(announced, ours.report)
        assert epochs.list_epochs()[0].effective_from_s == FROM_S

    def test_what_fails_is_not_marked(self, epochs: EpochStore) -> None:
        """An announcement that was not acknowledged leaves the row as it was."""
        ours = kept()
        epochs.keep(ours)

        def fail() -> None:
            with epochs.activating() as connection:
                epochs.mark_activated(connection, activated(ours.epoch))
                raise DeliveryError("no acknowledgement")

        with pytest.raises(DeliveryError):
            fail()

        assert epochs.find(1) == ours

    def test_two_activations_do_not_run_beside_one_another(self, epochs: EpochStore) -> None:
        """The second one begins when the first one has ended."""
        entered, order = Event(), list[str]()

        def second() -> None:
            entered.wait(20)
            with epochs.activating():
                order.append("second")

        thread = Thread(target=second)
        with epochs.activating():
            thread.start()
            entered.set()
            thread.join(0.5)  # long enough for one that does not wait
            order.append("first")
        thread.join(20)

        assert order == ["first", "second"]

    def test_epochs_can_be_read_while_one_is_activated(self, epochs: EpochStore) -> None:
        """Whoever looks does not wait for a broker's acknowledgement."""
        epochs.keep(kept())

        with epochs.activating():
            assert epochs.find(1) == kept()
            assert len(epochs.list_epochs()) == 1

    def test_marks_that_are_missing_follow_the_topic(self, epochs: EpochStore) -> None:
        """A program died behind the acknowledgement; one that only the topic has makes no row."""
        one, two = kept(1), kept(2)
        epochs.keep(one)
        epochs.keep(two)

        epochs.reconcile([activated(two.epoch), activated(replace(one.epoch, epoch_id=9))])

        assert [row.effective_from_s for row in epochs.list_epochs()] == [None, FROM_S]
        assert epochs.find(1) == one

    def test_nothing_is_written_where_nothing_is_missing(self, store: Engine) -> None:
        """So that whoever may only read can look."""
        epochs, ours = EpochStore(store, CODEC), kept()
        epochs.keep(ours)
        epochs.reconcile([activated(ours.epoch)])
        written: list[str] = []
        event.listen(store, "before_cursor_execute", lambda *args: written.append(args[2]))

        epochs.reconcile([activated(ours.epoch)])

        assert not [each for each in written if each.startswith("UPDATE")]
        assert written


def test_never_is_later_than_any_event() -> None:
    """As late as a state's longest sums can be."""
    assert POLICY.landmark_s + POLICY.horizon_s < NEVER_S
