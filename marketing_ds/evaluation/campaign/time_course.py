"""The time course: what happened on each day, and the effect up to each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds.evaluation.engine import FloatArray
from marketing_ds.schema import CONTROL

from .moments import age_of, day_of, outcome_moments, steps_known, taken, timed
from .peeking import ArmPath, always_valid
from .rows import EVERYONE, CampaignRows

SINCE_START = "start"
SINCE_ASSIGNMENT = "assignment"
_PATH = [
    "since", "day", "arm", "n_control", "n_arm", "mean_control", "mean_arm", "effect",
    "effect_ci_lower", "effect_ci_upper",
]  # fmt: skip


@dataclass(frozen=True)
class TimeCourse(Result):
    """A campaign day by day.

    Attributes
    ----------
    path : pandas.DataFrame
        One row per clock (`since`: ``start`` of the campaign, ``assignment`` of each customer), day
        (0 is the first) and arm: the mean of the objective up to the end of that day, in control
        and in the arm, and their difference with an always-valid interval: it holds on all days at
        once, however often one looks. Infinite ends before 20 moments of the outcome. Since the
        assignment only customers count whose day is over. Empty where arms were not drawn at
        random, or it is not known when the objective came about.
    objective : str
        The outcome of `path`.
    """

    objective: str
    path: pd.DataFrame = field(repr=False)
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per step, arm and day since the start: date, count and cumulative count.

        How often a step was taken, as in `Reach`: a customer who bought twice converted twice. `arm`
        is ``all`` for everybody assigned.
        """
        return self._frame.copy()


def time_course_of(rows: CampaignRows, *, randomised: bool, alpha: float) -> TimeCourse:
    """Counts by day in one query, and the sums of all effects in another."""
    objective = rows.which.objective
    over = (min(rows.as_of, rows.which.closes_on) - rows.which.starts_on).days + 1
    if randomised and timed(rows, objective):
        path = _path(rows, over, alpha)
    else:
        path = pd.DataFrame(columns=_PATH)
    return TimeCourse(objective, path, alpha, _counts(rows, over))


def _counts(rows: CampaignRows, over: int) -> pd.DataFrame:
    steps = taken(rows)
    keys = ["step", "arm", "day"]
    if steps is None:
        found = pd.DataFrame(columns=[*keys, "count"])
    else:
        day = day_of(steps.moment, rows.which.starts_on)
        by_day = steps.mutate(day=day).group_by(keys).aggregate(count=lambda t: t.count())
        found = by_day.to_pyarrow().to_pandas()
    # What happens before the first or after the last day (of who was assigned late) is shown there.
    found["day"] = found["day"].astype("int64").clip(0, over - 1)
    whole = found.assign(arm=EVERYONE)
    counts = pd.concat([found, whole]).groupby(keys)["count"].sum().astype("int64")
    grid = pd.MultiIndex.from_product(
        [steps_known(rows), [*rows.arms, EVERYONE], range(over)], names=keys
    )
    frame = counts.reindex(grid, fill_value=0).rename("count").reset_index()
    start = rows.which.starts_on
    frame.insert(3, "date", [start + dt.timedelta(days=int(day)) for day in frame["day"]])
    return frame.assign(cumulative=frame.groupby(["step", "arm"])["count"].cumsum())


def _path(rows: CampaignRows, over: int, alpha: float) -> pd.DataFrame:
    grown, sizes = _grown(rows), _sizes(rows)
    ages = min(rows.which.attribution_days, over)
    parts = []
    for since, days, length in (
        (SINCE_START, over, (rows.which.closes_on - rows.which.starts_on).days + 1),
        (SINCE_ASSIGNMENT, ages, rows.which.attribution_days),
    ):
        paths = {
            arm: _arm_path(
                grown[grown["arm"] == arm], sizes[sizes["arm"] == arm], since, days, over
            )
            for arm in rows.arms
        }
        control = paths[CONTROL]
        for arm, path in paths.items():
            if arm != CONTROL:
                parts.append(_effects(since, arm, control, path, length, alpha))
    found = pd.concat(parts, ignore_index=True)
    return found[(found["n_control"] > 1) & (found["n_arm"] > 1)].reset_index(drop=True)


def _grown(rows: CampaignRows) -> pd.DataFrame:
    """By arm, day of assignment, day and age: what sums and sums of squares of outcomes grew by."""
    moments = outcome_moments(rows, rows.which.objective)
    chances = rows.assigned.select(_customer="customer_id", _p="probability")
    moments = moments.inner_join(chances, moments.customer_id == chances["_customer"])
    so_far = moments.value.sum().over(
        ibis.window(
            preceding=None, following=0, group_by=moments.customer_id, order_by=moments.moment
        )
    )
    start = rows.which.starts_on
    weight = (1 / moments["_p"]).fill_null(1.0)
    each = moments.select(
        "arm",
        assigned=day_of(moments.assigned_at, start),
        day=day_of(moments.moment, start),
        age=age_of(moments.moment, moments.assigned_at),
        w=weight,
        a=moments.value,
        # y² − (y − a)² = a·(2·y − a), y being the outcome with this moment.
        b=moments.value * (2 * so_far - moments.value),
    )
    found = each.group_by("arm", "assigned", "day", "age").aggregate(
        total=(each.w * each.a).sum(),
        total2=(each.w * each.w * each.a).sum(),
        square=(each.w * each.w * each.b).sum(),
        seen=each.count(),
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _sizes(rows: CampaignRows) -> pd.DataFrame:
    """By arm and day of assignment: customers and the sums of their weights."""
    table = rows.assigned
    w = (1 / table.probability).fill_null(1.0)
    each = table.select("arm", assigned=day_of(table.assigned_at, rows.which.starts_on), w=w)
    found = each.group_by("arm", "assigned").aggregate(
        customers=each.count(), weight=each.w.sum(), weight2=(each.w * each.w).sum()
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _arm_path(
    grown: pd.DataFrame, sizes: pd.DataFrame, since: str, days: int, over: int
) -> ArmPath:
    """Sums up to the end of each of `days` days; `over` days of the campaign have passed."""
    sums: dict[str, FloatArray] = {}
    for frame, names in (
        (sizes, ("customers", "weight", "weight2")),
        (grown, ("total", "total2", "square", "seen")),
    ):
        values = frame[list(names)].to_numpy(float)
        inside = np.stack([_known_by_day(frame, since, day, over) for day in range(days)])
        sums |= dict(zip(names, (inside @ values).T, strict=True))
    return ArmPath(**sums)


def _known_by_day(frame: pd.DataFrame, since: str, day: int, over: int) -> FloatArray:
    """Which rows belong to what is known of a day."""
    assigned = frame["assigned"].to_numpy()
    own: Mapping[str, str] = {SINCE_START: "day", SINCE_ASSIGNMENT: "age"}
    # Since the assignment: by now the day is over even for who was assigned in the evening.
    inside = assigned <= day if since == SINCE_START else assigned + day + 1 < over
    if own[since] in frame.columns:
        inside = inside & (frame[own[since]].to_numpy() <= day)
    return np.asarray(inside, dtype=float)


def _effects(
    since: str, arm: str, control: ArmPath, path: ArmPath, length: int, alpha: float
) -> pd.DataFrame:
    effect, lower, upper = always_valid(control, path, length, alpha)
    return pd.DataFrame(
        {
            "since": since,
            "day": np.arange(len(effect)),
            "arm": arm,
            "n_control": control.customers.astype("int64"),
            "n_arm": path.customers.astype("int64"),
            "mean_control": control.mean,
            "mean_arm": path.mean,
            "effect": effect,
            "effect_ci_lower": lower,
            "effect_ci_upper": upper,
        }
    )[_PATH]
