"""What an evaluation found, in sentences that need no statistics to be read."""

from collections.abc import Iterable

from ckm_stream.evidence.results import Evaluation, Measured, RankingResult


def percent(share: float | None) -> str:
    """Return a share as whole percent, such as ``51 %``; ``-`` for what could not be measured."""
    return "-" if share is None else f"{share * 100:.0f} %"


def headline(evaluation: Evaluation) -> str:
    """Return what the tenth of customers that the decayed sum ranks first held later."""
    data, first = evaluation.data, evaluation.rankings[0]
    held = first.top_decile_share or Measured(None)
    return (
        f"The tenth of the customers whom the decayed sum ranks first held {percent(held.value)} "
        f"of what was bought in the next {data.horizon_weeks:g} weeks{_between(held)}; a tenth "
        f"drawn by lot would hold 10 %, and the best tenth possible held "
        f"{percent(data.best_top_decile_share)}."
    )


def comparison(evaluation: Evaluation) -> list[str]:
    """Return which rankings did better or worse than the decayed sum by more than chance."""
    better, alike, worse, unknown = [], [], [], []
    for each in evaluation.rankings[1:]:
        lead = each.decayed_sum_lead
        if each.refused is not None:
            continue
        if lead is None or lead.low is None or lead.high is None:
            unknown.append(each)
        elif lead.low > 0:
            worse.append(each)
        elif lead.high < 0:
            better.append(each)
        else:
            alike.append(each)
    kinds = (
        (better, "Better than the decayed sum, by more than chance explains"),
        (alike, "Not to be told apart from the decayed sum on these customers"),
        (worse, "Worse than the decayed sum, by more than chance explains"),
        (unknown, "Not compared, because there are no intervals"),
    )
    return [f"{words}: {_titles(found)}." for found, words in kinds if found]


def forecast_errors(evaluation: Evaluation) -> str:
    """Return whose forecast of money came closest, and how close the decayed sum's came."""
    errors = {
        each.title: each.mean_absolute_error.value
        for each in evaluation.rankings
        if each.mean_absolute_error is not None and each.mean_absolute_error.value is not None
    }
    data = evaluation.data
    closest = min(errors, key=lambda title: errors[title])
    mean = data.later_spend / data.customers
    others = ", ".join(f"{error:,.2f} by {title}" for title, error in errors.items())
    return (
        f"In money, {closest} came closest: customers spent {mean:,.2f} on average, and its "
        f"forecast for one customer was off by {errors[closest]:,.2f} on average. All: {others}."
    )


def refusals(evaluation: Evaluation) -> list[str]:
    """Return what could not be fitted, and why."""
    return [
        f"{each.title} could not be fitted: {each.refused}."
        for each in evaluation.models
        if each.refused is not None
    ]


def _titles(rankings: Iterable[RankingResult]) -> str:
    return ", ".join(each.title for each in rankings)


def _between(measured: Measured) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f" (95 % interval: {percent(measured.low)} to {percent(measured.high)})"
