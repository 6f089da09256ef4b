"""The goal: what was achieved of the target, whether that is on pace, and what it has cost."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds.schema import CONTROL

from .earlier import completion
from .moments import age_of, day_of, outcome_moments, timed
from .projection import end_by_earlier, still_to_come
from .rows import CampaignRows

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

BY_EARLIER, BY_ITSELF = "earlier campaigns", "its own course"
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Goal(Result):
    """Achieved and expected of a campaign's target, and spent of its budget.

    What customers of the arms other than control did counts; control is no part of the goal. The
    total is what happened, not what the campaign changed: see the effects for that.

    Attributes
    ----------
    objective : str
        The outcome that the campaign is judged by.
    known : bool
        Whether the mart has that outcome; the figures are NaN otherwise.
    target, total : float
        Goal and total so far, in units of the objective; the target NaN if there is none.
    days, days_left : int
        Days until the last outcome can count (attribution window of the last day of contact
        included), and those of them still to come after `as_of`.
    projected, projected_ci_lower, projected_ci_upper : float
        The total on the last day from the customers assigned so far, with a prediction interval;
        NaN where there is too little to tell by.
    projected_by : str
        ``earlier campaigns``: by what part of their end at least 3 finished campaigns of the same
        objective had at this age. ``its own course``: by a rate that falls with age as it has so
        far, which is weaker. Empty where nothing is projected.
    usual_share : float
        What part of their end the earlier campaigns had at this age (geometric mean); NaN where
        they were not asked.
    budget_cny, spent_cny, committed_cny : float
        Budget; contacts and standing redemptions so far; what the benefits that may still be
        redeemed would cost at most.
    """

    objective: str
    known: bool
    as_of: dt.date
    closes_on: dt.date
    target: float
    total: float
    days: int
    days_left: int
    projected: float
    projected_ci_lower: float
    projected_ci_upper: float
    projected_by: str
    usual_share: float
    budget_cny: float
    spent_cny: float
    committed_cny: float
    alpha: float
    daily: pd.DataFrame = field(repr=False)
    """day, date, value and cumulative: the objective by day since the start."""

    @property
    def attained_share(self) -> float:
        """Total over target."""
        return self.total / self.target if self.target > 0 else math.nan

    @property
    def expected_share(self) -> float:
        """The part of the campaign's days that is over: where an even pace would be."""
        return 1 - self.days_left / self.days

    @property
    def pace(self) -> float:
        """Attained over expected share; 1 is on pace."""
        return self.attained_share / self.expected_share

    @property
    def budget_used_share(self) -> float:
        """Spent over budget."""
        return self.spent_cny / self.budget_cny if self.budget_cny > 0 else math.nan

    @property
    def cost_per_unit_cny(self) -> float:
        """Spent over total; what one more unit really cost is in the return on investment."""
        return self.spent_cny / self.total if self.total > 0 else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row with all figures."""
        names = (
            "objective", "target", "total", "attained_share", "expected_share", "pace", "days",
            "days_left", "projected", "projected_ci_lower", "projected_ci_upper", "projected_by",
            "usual_share", "budget_cny",
            "spent_cny", "budget_used_share", "committed_cny", "cost_per_unit_cny",
        )  # fmt: skip
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


def goal_of(mart: Mart, rows: CampaignRows, *, alpha: float) -> Goal:
    """Total, pace and projection of the objective; budget against cost."""
    which = rows.which
    known = which.objective in rows.outcome_names
    days = (rows.which.closes_on - which.starts_on).days + 1
    left = max((rows.which.closes_on - rows.as_of).days, 0)
    grown = _grown(rows) if timed(rows, which.objective) else None
    total, spent = _totals(rows, known)
    return Goal(
        which.objective,
        known,
        rows.as_of,
        rows.which.closes_on,
        math.nan if which.target is None else which.target,
        total,
        days,
        left,
        *_projected(mart, rows, grown, total, left, alpha),
        math.nan if which.budget_cny is None else which.budget_cny,
        spent,
        _committed(rows),
        alpha,
        _daily(rows, grown, days - left),
    )


def _projected(
    mart: Mart,
    rows: CampaignRows,
    grown: pd.DataFrame | None,
    total: float,
    left: int,
    alpha: float,
) -> tuple[float, float, float, str, float]:
    if left == 0:
        return total, total, total, "", math.nan
    ages = _ages(rows)
    if grown is None or ages.empty:
        return math.nan, math.nan, math.nan, "", math.nan
    shares = completion(mart, rows, ages)
    usual = math.exp(float(np.log(shares).mean())) if shares else math.nan
    ends = end_by_earlier(total, float(grown["seen"].sum()), shares, alpha)
    if not math.isnan(ends[0]):
        return *ends, BY_EARLIER, usual
    window = rows.which.attribution_days
    each = ages["age"].to_numpy(float)[:, None] - np.arange(window)
    spent = ages["customers"].to_numpy(float) @ np.clip(each, 0.0, 1.0)
    whole = float(ages["customers"].sum())
    values = grown[grown["age"].between(0, window - 1)].groupby("age")["value"].sum()
    seen = values.reindex(range(window), fill_value=0.0).to_numpy(float)
    more = still_to_come(seen, spent, whole - spent, alpha)
    if math.isnan(more[0]):
        return math.nan, math.nan, math.nan, "", usual
    return total + more[0], total + more[1], total + more[2], BY_ITSELF, usual


def _ages(rows: CampaignRows) -> pd.DataFrame:
    """How long ago customers of the arms were assigned: by day, customers and mean age in days."""
    table = rows.assigned.filter(rows.assigned.arm != CONTROL)
    at = table.assigned_at.delta(ibis.literal(rows.end - dt.timedelta(days=1)), unit="second")
    found = table.group_by(day=day_of(table.assigned_at, rows.which.starts_on)).aggregate(
        customers=table.count(), at=at.cast("float64").mean()
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame.assign(age=1.0 - frame["at"] / _DAY_S)


def _totals(rows: CampaignRows, known: bool) -> tuple[float, float]:
    table = rows.outcomes
    treated = table.arm != CONTROL
    asked = {}
    if known:
        value = table[rows.which.objective].cast("float64")
        asked["total"] = value.sum(where=treated)
    if "cost_cny" in rows.outcome_names:
        asked["spent"] = table.cost_cny.cast("float64").sum()
    if not asked:
        return math.nan, 0.0
    found = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    total = float(found["total"] or 0.0) if known else math.nan
    return total, float(found.get("spent") or 0.0)


def _committed(rows: CampaignRows) -> float:
    """Cost of all benefits that may still be redeemed, if they were."""
    if rows.grants is None:
        return 0.0
    open_ones = rows.grants.filter(rows.grants.redeemed_at.isnull(), ~rows.grants.expired)
    found = open_ones.aggregate(cost=open_ones.piece_cny.sum()).to_pyarrow().to_pylist()[0]
    return float(found["cost"] or 0.0)


def _grown(rows: CampaignRows) -> pd.DataFrame:
    """By day since the start and age of the customer: what the objective of the arms grew by."""
    moments = outcome_moments(rows, rows.which.objective)
    moments = moments.filter(moments.arm != CONTROL)
    found = moments.group_by(
        day=day_of(moments.moment, rows.which.starts_on),
        age=age_of(moments.moment, moments.assigned_at),
    ).aggregate(value=moments.value.sum(), seen=moments.count())
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _daily(rows: CampaignRows, grown: pd.DataFrame | None, over: int) -> pd.DataFrame:
    """Every day since the start that is over, with what the objective grew by."""
    if grown is None:
        return _no_days()
    days = np.arange(min(0, grown["day"].min() if len(grown) else 0), over)
    value = grown.groupby("day")["value"].sum().reindex(days, fill_value=0.0)
    start = rows.which.starts_on
    frame = pd.DataFrame({"day": days, "date": [start + dt.timedelta(days=int(d)) for d in days]})
    return frame.assign(value=value.to_numpy(float), cumulative=value.cumsum().to_numpy(float))


def _no_days() -> pd.DataFrame:
    kinds = {"day": "int64", "date": "object", "value": "float64", "cumulative": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
