"""Does BG/NBD fit: customers by number of purchases, and purchases week by week beyond the fit."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import chi2

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from ._clv_data import ID, TIMES, UNITS, Floats, read_histories, summary_frame, unit_of
from ._clv_purchases import PARAMETERS, BetaGeo
from ._clv_summary import MartLike, purchase_days

_STEP_DAYS = 7


@dataclass(frozen=True, eq=False)
class FrequencyFit(Result):
    """Customers by number of repeat purchases, actual and expected; made by `frequency_fit`."""

    actual: Floats = field(repr=False)
    expected: Floats = field(repr=False)

    @property
    def chi2(self) -> float:
        """Pearson's statistic."""
        return float(((self.actual - self.expected) ** 2 / self.expected).sum())

    @property
    def degrees(self) -> int:
        """Its degrees of freedom, after the fit of four parameters; 0 with five rows or fewer."""
        return max(len(self.actual) - 1 - len(PARAMETERS), 0)

    @property
    def p_value(self) -> float:
        """P-value of the hypothesis that the model is right; NaN without degrees of freedom.

        With many customers a small misfit is certain too: judge by the sizes, not by this alone.
        """
        return float(chi2.sf(self.chi2, self.degrees)) if self.degrees else math.nan

    def to_frame(self) -> pd.DataFrame:
        """Columns `repeat_purchases`, `actual`, `expected`, `actual_share`, `expected_share`."""
        last, total = len(self.actual) - 1, self.actual.sum()
        return pd.DataFrame(
            {
                "repeat_purchases": [str(n) for n in range(last)] + [f"{last}+"],
                "actual": self.actual.astype(np.int64),
                "expected": self.expected,
                "actual_share": self.actual / total,
                "expected_share": self.expected / total,
            }
        )


def frequency_fit(model: BetaGeo, summary: object, *, most: int = 6) -> FrequencyFit:
    """Compare how many customers made 0, 1, … repeat purchases with how many the model expects.

    Parameters
    ----------
    model : BetaGeo
        The model.
    summary : PurchaseSummary, pandas.DataFrame or ibis.Table
        The customers that it was fitted to.
    most : int, default 6
        The last number with a row of its own; greater ones share the last row.

    Returns
    -------
    FrequencyFit

    Examples
    --------
    >>> from marketing_ds.datasets import load_cdnow
    >>> from marketing_ds.profiling import purchase_summary
    >>> summary = purchase_summary(load_cdnow().purchases, "1997-09-30")
    >>> fit = frequency_fit(BetaGeo.fit(summary), summary)
    >>> print(f"chi2 = {fit.chi2:.2f} on {fit.degrees} degrees of freedom, p = {fit.p_value:.2f}")
    chi2 = 4.82 on 3 degrees of freedom, p = 0.19
    """
    check_count("most", most, low=1, high=1000)
    unit_of(summary, model.unit)
    of = read_histories(summary_frame(summary, TIMES))
    ages, customers = np.unique(of.T, return_counts=True)
    expected = customers @ model.frequency_chances(ages, most)
    together = np.minimum(of.frequency, most + 1).astype(np.intp)
    actual = np.bincount(together, minlength=most + 2).astype(np.float64)
    return FrequencyFit(actual, expected)


@dataclass(frozen=True, eq=False)
class PurchaseTracking(Result):
    """Repeat purchases week by week, actual and expected; made by `track_purchases`.

    `.to_frame()` has one row a week: `week` and the day it ends with (`until`), `actual`,
    `expected`, both also summed up (`actual_total`, `expected_total`), and whether it lies in the
    `holdout`, after the days that the model was fitted to.
    """

    as_of: dt.date
    customers: int
    rows: pd.DataFrame = field(repr=False)

    @property
    def holdout_error(self) -> float:
        """By how much the forecast was off: expected over actual purchases of the hold-out, − 1."""
        held = self.rows[self.rows["holdout"]]
        actual = float(held["actual"].sum())
        return float(held["expected"].sum()) / actual - 1 if actual else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row a week."""
        return self.rows.copy()


def track_purchases(
    model: BetaGeo,
    source: MartLike | ir.Table | pd.DataFrame,
    *,
    as_of: str | dt.date,
    until: str | dt.date,
    kinds: Sequence[str] = ("purchase",),
    first_from: str | dt.date | None = None,
) -> PurchaseTracking:
    """Follow the customers of a fit beyond it, and see whether they buy as often as the model said.

    Parameters
    ----------
    model : BetaGeo
        Fitted to the purchases up to `as_of`.
    source, kinds, first_from :
        As for the `purchase_summary` that it was fitted to.
    as_of : date or str
        The last day of the fit.
    until : date or str
        The last day of the hold-out; what became known later is not read.

    Returns
    -------
    PurchaseTracking
        Of the customers who had bought by `as_of`. The last week is left out unless it is a whole
        one.

    Raises
    ------
    InvalidInput
        If `until` is not after `as_of`, or nobody had bought.

    Examples
    --------
    >>> from marketing_ds.datasets import load_cdnow
    >>> from marketing_ds.profiling import purchase_summary
    >>> bought = load_cdnow().purchases
    >>> model = BetaGeo.fit(purchase_summary(bought, "1997-09-30"))
    >>> tracking = track_purchases(model, bought, as_of="1997-09-30", until="1998-06-30")
    >>> print(f"{tracking.holdout_error:+.1%}")
    -11.4%
    """
    day, last = check_date("as_of", as_of), check_date("until", until)
    if last <= day:
        raise InvalidInput(f"until must be after as_of, got {last} and {day}")
    since = None if first_from is None else check_date("first_from", first_from)
    came, bought = _by_day(purchase_days(source, last, kinds), day, since)
    if came.empty:
        raise InvalidInput(f"source must have customers who had bought by {day}, it has none")
    start = came.index[0]
    ends = np.arange(_STEP_DAYS, (last - start).days + 2, _STEP_DAYS)
    expected = np.diff(_expected(model, came, start, ends), prepend=0)
    days = np.array([(d - start).days for d in bought.index], dtype=np.int64)
    weeks = np.bincount(days // _STEP_DAYS, bought.to_numpy(), minlength=len(ends))[: len(ends)]
    until_day = [start + dt.timedelta(days=int(end) - 1) for end in ends]
    rows = pd.DataFrame(
        {
            "week": np.arange(1, len(ends) + 1),
            "until": until_day,
            "actual": weeks.astype(np.int64),
            "expected": expected,
            "actual_total": weeks.cumsum().astype(np.int64),
            "expected_total": expected.cumsum(),
            "holdout": [d > day for d in until_day],
        }
    )
    return PurchaseTracking(day, int(came.sum()), rows)


def _by_day(
    days: ir.Table, as_of: dt.date, since: dt.date | None
) -> tuple[pd.Series[int], pd.Series[int]]:
    """Customers by day of their first purchase, and repeat purchases by day; one query."""
    firsts = days.group_by(ID).aggregate(first=days.day.min())
    firsts = firsts.filter(firsts["first"] <= ibis.date(as_of.isoformat()))
    if since is not None:
        firsts = firsts.filter(firsts["first"] >= ibis.date(since.isoformat()))
    joined = days.join(firsts, ID)
    counted = joined.group_by(day=joined.day, repeat=joined.day > joined["first"]).aggregate(
        n=joined.count()
    )
    found = counted.order_by("day").to_pyarrow().to_pandas().set_index("day")
    again = found["repeat"].to_numpy(dtype=bool)
    return found.loc[~again, "n"], found.loc[again, "n"]


def _expected(model: BetaGeo, came: pd.Series[int], start: dt.date, ends: np.ndarray) -> Floats:
    """Repeat purchases expected up to each end, in days from `start`."""
    first = np.array([(d - start).days for d in came.index])
    # A customer's clock starts on the day of the first purchase; a week's last day is full.
    lived = np.maximum(ends[:, None] - 1 - first[None, :], 0) / UNITS[model.unit]
    return np.asarray(model.mean_purchases(lived) @ came.to_numpy())
