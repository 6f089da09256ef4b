"""Whether two campaigns change each other's effect, among customers whom both drew for."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd
from scipy.special import stdtr, stdtrit

from marketing_ds._core.checks import check_choice, check_date, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.sample_ratio import ALPHA
from marketing_ds.evaluation.checks import Checks
from marketing_ds.evaluation.checks.ratios import ratio_check
from marketing_ds.evaluation.engine import Estimate, Moments, arm_moments, estimate
from marketing_ds.evaluation.inference import adjust
from marketing_ds.evaluation.measures import Measure
from marketing_ds.evaluation.metrics import Mean
from marketing_ds.evaluation.srm import check_sample_ratio
from marketing_ds.schema import CONTROL

from .pairs import NEITHER, Pair, cell, pair_of

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


@dataclass(frozen=True)
class Interactions(Result):
    """Effects of two campaigns alone and together; see `campaign_interactions`.

    Attributes
    ----------
    first, second : str
        The campaigns.
    customers : int
        Customers whom both drew for.
    alpha : float
        1 − confidence of the intervals.
    checks : Checks
        Whether both draws hold among these customers.
    """

    first: str
    second: str
    customers: int
    alpha: float
    checks: Checks
    _frame: pd.DataFrame = field(repr=False)

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict."""
        return self.checks.blocked

    @property
    def verdict(self) -> str:
        """One sentence, or what to look at before there can be one."""
        both = f"{self.first} and {self.second} share {self.customers:,} customers"
        if self.blocked:
            return f"No verdict: {self.checks.failed[0].finding}"
        sure = self._frame[self._frame["p_adjusted"] < self.alpha]
        if sure.empty:
            return f"{both}; no change of each other's effect could be shown"
        row = sure.sort_values("p_adjusted").iloc[0]
        side = "more" if row["interaction"] > 0 else "less"
        ends = f"{row['interaction_ci_lower']:.4g} to {row['interaction_ci_upper']:.4g}"
        return (
            f"{both}; {row['first_arm']} with {row['second_arm']} gives "
            f"{abs(row['interaction']):.4g} {side} {row['metric']} a customer than both alone add up "
            f"to ({100 * (1 - self.alpha):g} % interval {ends})"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and pair of arms."""
        return self._frame.copy()

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.verdict)


def campaign_interactions(
    mart: Mart,
    first: str,
    second: str,
    metrics: Sequence[str | Measure] | None = None,
    *,
    covariates: Sequence[str] = (),
    as_of: str | dt.date | None = None,
    alpha: float = 0.05,
    correction: Literal["holm", "bh"] | None = "holm",
) -> Interactions:
    """Whether two randomised campaigns strengthen or weaken each other.

    Parameters
    ----------
    mart : Mart
        Where to look.
    first, second : str
        The campaigns.
    metrics : sequence of str or Measure, optional
        Outcomes, each taken in the window of the first and of the second campaign (as
        ``<campaign>.<outcome>``); by default what the campaigns are judged by.
    covariates : sequence of str, optional
        Numeric tags as of the day before the earlier campaign; they explain part of the variance.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    alpha : float
        1 − confidence of the intervals.
    correction : {"holm", "bh", None}
        How `p_adjusted` accounts for all rows.

    Returns
    -------
    Interactions
        `.to_frame()`: metric, first_arm, second_arm; customers in the four cells (n_neither,
        n_first, n_second, n_both) and the mean of those with neither; `effect_first` and
        `effect_second` (each alone), `effect_both` (against neither) and `interaction` = both −
        first − second, each with its interval; the interaction's p_value and p_adjusted.

    Raises
    ------
    InvalidInput
        If a campaign is unknown or was not randomised, they share no customers, a cell has fewer
        than 2, or a metric is unknown.

    Notes
    -----
    The interaction is the difference in differences of the four cells' means; draws that are
    independent make it unbiased, whatever the campaigns did. Its interval is Welch's, weighted by
    1/P of the cell where chances differ. It needs about four times as many customers as an effect
    of the same size. Where one campaign came later, its draw may have been made among what the
    earlier one left: `.checks` compares the cells' sizes with both designs.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = campaign_interactions(mart, "K05", "K06", ["converted"])
    >>> found.customers, len(found.to_frame())
    (3845, 12)
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    if correction is not None:
        check_choice("correction", correction, ("holm", "bh"))
    day = None if as_of is None else check_date("as_of", as_of)
    pair = pair_of(mart, first, second, metrics, covariates, day)
    columns = (*pair.outcomes, *covariates)
    groups = [frozenset((outcome, *covariates)) for outcome in pair.outcomes]
    moments = arm_moments(pair.table, columns, groups, "cell", pair.probability)
    checks = _checks(pair, moments)
    rows = []
    for outcome in pair.outcomes:
        metric = Mean(outcome, covariates=tuple(covariates))
        estimates = estimate(metric, tuple(covariates), columns, moments)
        rows += interaction_rows(outcome, pair, estimates, alpha)
    frame = pd.DataFrame(rows)
    frame["p_adjusted"] = adjust(frame["p_value"].to_numpy(float), correction)
    customers = sum(m.n for m in moments.values())
    return Interactions(first, second, customers, alpha, checks, frame)


def interaction_rows(
    outcome: str, pair: Pair, estimates: Mapping[str, Estimate], alpha: float
) -> list[dict[str, object]]:
    """Each arm of the first with each of the second: alone, together, and what is over."""
    rows: list[dict[str, object]] = []
    for a in pair.first.arms:
        for b in pair.second.arms:
            if CONTROL in (a, b):
                continue
            none, one = estimates[NEITHER], estimates[cell(a, CONTROL)]
            two, both = estimates[cell(CONTROL, b)], estimates[cell(a, b)]
            row: dict[str, object] = {
                "metric": outcome,
                "first_arm": a,
                "second_arm": b,
                "n_neither": none.n,
                "n_first": one.n,
                "n_second": two.n,
                "n_both": both.n,
                "mean_neither": none.raw,
            }
            row |= _named("effect_first", contrast([(1, one), (-1, none)], alpha))
            row |= _named("effect_second", contrast([(1, two), (-1, none)], alpha))
            row |= _named("effect_both", contrast([(1, both), (-1, none)], alpha))
            whole = contrast([(1, both), (-1, one), (-1, two), (1, none)], alpha)
            row |= _named("interaction", whole) | {"p_value": whole[3]}
            rows.append(row)
    return rows


def contrast(
    parts: Sequence[tuple[float, Estimate]], alpha: float
) -> tuple[float, float, float, float]:
    """A sum of independent estimates with its interval and p-value; weights add up to 0.

    Satterthwaite's degrees of freedom. What covariates share cancels, since the weights do.
    """
    value = math.fsum(weight * each.value for weight, each in parts)
    spread = [(weight**2 * each.variance, each.freedom) for weight, each in parts]
    variance = math.fsum(part for part, _ in spread)
    if variance == 0:
        return value, value, value, math.nan
    freedom = variance**2 / math.fsum(part**2 / df for part, df in spread)
    error = math.sqrt(variance)
    reach = float(stdtrit(freedom, 1 - alpha / 2)) * error
    p_value = 2 * float(stdtr(freedom, -abs(value) / error))
    return value, value - reach, value + reach, p_value


def _named(name: str, found: tuple[float, float, float, float]) -> dict[str, object]:
    return {name: found[0], f"{name}_ci_lower": found[1], f"{name}_ci_upper": found[2]}


def _checks(pair: Pair, moments: Mapping[str, Moments]) -> Checks:
    """Whether both draws hold among the customers of both."""
    sizes = {name: moments[name].n for name in pair.cells}
    chances = {name: m.chances for name, m in moments.items() if m.chances is not None}
    shares = None if chances else dict.fromkeys(pair.cells, 1.0)
    srm = check_sample_ratio(sizes, shares=shares, chances=chances or None)
    return Checks((ratio_check(srm, ALPHA),))
