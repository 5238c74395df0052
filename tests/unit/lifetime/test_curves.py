"""Curves that stand in for integrals: as exact as them, at any size of batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.lifetime.curves import on_curves
from ckm_stream.lifetime.fitting import AnyBuying
from ckm_stream.lifetime.histories import FloatArray, Histories, IndexArray
from tests.unit.lifetime.test_models import BG, MBG, PARETO, usual_model


class Counted:
    """A smooth positive function for each of three x, and how many rows it was asked for."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, index: IndexArray, variable: FloatArray) -> FloatArray:
        """Return (1 + e^variable)^-(1 + index)."""
        self.rows += len(index)
        powers: FloatArray = (1.0 + np.exp(variable)) ** -(1.0 + index)
        return powers


def test_many_rows_are_read_off_few_evaluations() -> None:
    """20,000 rows over six e-folds cost under 300 evaluations, and are within 1e-10."""
    rng = np.random.default_rng(1)
    index = rng.integers(0, 3, 20_000)
    variable = rng.uniform(-4.0, 2.0, 20_000)
    function = Counted()

    (found,) = on_curves(function, 3, index, variable)

    assert function.rows < 300
    assert found == pytest.approx(Counted()(index, variable), rel=1e-10)


def test_few_rows_are_evaluated_one_by_one() -> None:
    """Where curves would cost more than they save, each row is exact."""
    index, variable = np.array([0, 2]), np.array([-3.0, 1.0])
    function = Counted()

    first, second = on_curves(function, 3, index, variable, variable + 1.0)

    assert first.tolist() == Counted()(index, variable).tolist()
    assert second.tolist() == Counted()(index, variable + 1.0).tolist()
    assert function.rows == 4


def test_curve_over_a_single_point_is_its_value() -> None:
    """All customers of one age: an interval of no length."""
    index, variable = np.zeros(500, dtype=np.intp), np.full(500, 0.75)

    (found,) = on_curves(Counted(), 1, index, variable)

    assert found == pytest.approx(Counted()(index, variable), rel=1e-12)


def test_no_rows_need_no_evaluation() -> None:
    """And give as many empty answers as were asked for."""
    nothing = np.empty(0)

    found = on_curves(Counted(), 0, np.empty(0, dtype=np.intp), nothing, nothing)

    assert [len(each) for each in found] == [0, 0]


@pytest.mark.parametrize("model", [BG, MBG, PARETO])
def test_customer_is_worth_the_same_alone_and_among_many(model: AnyBuying) -> None:
    """Ten customers alone, and the same among 20,000: to 1e-9."""
    _same_alone_and_among_many(model, 1e-9)


@given(usual_model)
@settings(max_examples=20)
def test_any_usual_model_says_the_same_of_one_and_of_many(model: AnyBuying) -> None:
    """To 1e-7 for parameters from 0.05 to 50."""
    _same_alone_and_among_many(model, 1e-7)


def _same_alone_and_among_many(model: AnyBuying, tolerance: float) -> None:
    rng = np.random.default_rng(7)
    x = rng.choice([0.0, 1.0, 2.0, 7.0, 40.0], 20_000)
    age = rng.uniform(0.0, 500.0, 20_000)
    t_x = np.where(x > 0, age * rng.random(20_000), 0.0)
    many = Histories.of(x, t_x, age)

    alive = model.probability_alive(many)
    expected = model.expected_purchases(many, 52.0)

    for row in range(10):
        alone = Histories.of(x[[row]], t_x[[row]], age[[row]])
        assert alive[row] == pytest.approx(model.probability_alive(alone)[0], rel=tolerance)
        assert expected[row] == pytest.approx(
            model.expected_purchases(alone, 52.0)[0], rel=tolerance, abs=1e-12
        )


@given(st.floats(-30.0, 30.0), st.floats(0.0, 16.0))
def test_curves_stay_positive_over_any_interval(centre: float, length: float) -> None:
    """The greatest interval is ln of all weeks over the least scale, 16.1."""
    variable = np.linspace(centre - length / 2, centre + length / 2, 1_000)
    index = np.zeros(1_000, dtype=np.intp)

    (found,) = on_curves(Counted(), 1, index, variable)

    assert np.all(found > 0.0)
    assert found == pytest.approx(Counted()(index, variable), rel=1e-7)
