"""How long an experiment must run: customers a week, and what another week would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput

from .baseline import Baseline
from .design import Design
from .strength import minimum_detectable_effect, power, sample_size


@dataclass(frozen=True)
class RunTime(Result):
    """Weeks that an experiment needs; see `run_time`.

    Attributes
    ----------
    baseline : Baseline
        The metric that it is planned for.
    needed : int or None
        Customers of all arms that the effect needs; None where none was given.
    weeks : int or None
        Whole weeks until they are there; None where that is after the last week looked at, or
        where no effect was given.
    worth_weeks : int
        Last week that still makes the detectable effect smaller by at least `worth_share`.
    worth_share : float
        What a week must bring.
    outcome_days : int
        Days after the last customer has come, until outcomes are complete.
    target : float
        The wanted power.
    """

    baseline: Baseline
    needed: int | None
    weeks: int | None
    worth_weeks: int
    worth_share: float
    outcome_days: int
    target: float
    _frame: pd.DataFrame = field(repr=False)

    @property
    def days(self) -> int | None:
        """Days from the start until the last outcome is complete."""
        return None if self.weeks is None else 7 * self.weeks + self.outcome_days

    def to_frame(self) -> pd.DataFrame:
        """One row a week: customers so far, the smallest detectable effect, and the power."""
        return self._frame.copy()

    def sentence(self, language: str = "en") -> str:
        """The advice in one sentence, in English (``en``) or Chinese (``zh``)."""
        check_choice("language", language, ("en", "zh"))
        last = self._frame.iloc[-1]
        at = self._frame[self._frame["week"] == self.worth_weeks].iloc[0]
        seen = f"{abs(at['rel_minimum_detectable_effect']):.1%}".replace("%", " %")
        worth = f"{self.worth_share:.0%}".replace("%", " %")
        if language == "zh":
            more = f"第 {self.worth_weeks} 周之后，每多一周可检出的效应缩小不足 {worth}（届时可检出 {seen}）"
            if self.needed is None:
                return f"{more}。"
            if self.weeks is None:
                return f"需要 {self.needed:,} 名客户，{int(last['week'])} 周内无法达到；{more}。"
            return (
                f"需要 {self.needed:,} 名客户：分配 {self.weeks} 周，加上 {self.outcome_days} 天观察期共 "
                f"{self.days} 天；{more}。"
            )
        more = (
            f"after week {self.worth_weeks} another week makes the detectable effect smaller by less "
            f"than {worth} (it is then {seen} of the mean)"
        )
        if self.needed is None:
            return f"{more[0].upper()}{more[1:]}."
        if self.weeks is None:
            return (
                f"{self.needed:,} customers are needed, more than come in {int(last['week'])} weeks; "
                f"{more}."
            )
        return (
            f"{self.needed:,} customers are needed: assign for {self.weeks} "
            f"week{'' if self.weeks == 1 else 's'}, {self.days} days with the {self.outcome_days} in "
            f"which outcomes count; {more}."
        )

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.sentence())


def run_time(
    baseline: Baseline,
    per_week: float,
    *,
    at_start: int = 0,
    effect: float | None = None,
    rel_effect: float | None = None,
    target: float = 0.8,
    design: Design | None = None,
    outcome_days: int = 0,
    most_weeks: int = 26,
    worth_share: float = 0.05,
) -> RunTime:
    """How many weeks an experiment must take in customers, and when longer no longer pays.

    Parameters
    ----------
    baseline : Baseline
        The metric without the campaign.
    per_week : float
        Customers that become eligible a week; see `weekly_arrivals`.
    at_start : int
        Customers that are eligible already.
    effect, rel_effect : float, optional
        The effect to be found, in the metric's unit or as a share of the mean.
    target : float
        The wanted power.
    design : Design, optional
        Two equal arms, two-sided at 5 %, by default.
    outcome_days : int
        Days in which a customer's outcome counts.
    most_weeks : int
        Weeks looked at.
    worth_share : float
        A week is worth while if it makes the smallest detectable effect smaller by this share.

    Returns
    -------
    RunTime

    Notes
    -----
    Whole weeks, since customers differ by weekday. With several arms the worst counts.

    Examples
    --------
    >>> found = run_time(Baseline.proportion(0.05), 4_000, rel_effect=0.2, outcome_days=28)
    >>> found.weeks, found.days
    (5, 63)
    """
    plan = design or Design()
    check_number("per_week", per_week, low=0)
    check_count("at_start", at_start)
    check_count("outcome_days", outcome_days)
    check_count("most_weeks", most_weeks, low=1)
    check_number("worth_share", worth_share, low=0, high=1, inclusive=False)
    if at_start + per_week * most_weeks < 4:
        raise InvalidInput(
            f"per_week and at_start must bring at least 4 customers in {most_weeks} weeks, got "
            f"{per_week:g} and {at_start}"
        )
    known = effect is not None or rel_effect is not None
    aim = {"effect": effect, "rel_effect": rel_effect}
    needed = None
    if known:
        needed = sum(sample_size(baseline, **aim, target=target, design=plan).values())
    rows = []
    for week in range(1, most_weeks + 1):
        customers = int(at_start + per_week * week)
        smallest = math.nan
        if customers >= 4:
            found = minimum_detectable_effect(baseline, customers, target=target, design=plan)
            smallest = max(found.values(), key=abs)
        row = {
            "week": week,
            "customers": customers,
            "minimum_detectable_effect": smallest,
            "rel_minimum_detectable_effect": smallest / baseline.mean
            if baseline.mean
            else math.nan,
        }
        if known:
            chances = power(baseline, max(customers, 4), **aim, design=plan)
            row["power"] = min(chances.values())
        rows.append(row)
    frame = pd.DataFrame(rows)
    there = [] if needed is None else frame.loc[frame["customers"] >= needed, "week"].tolist()
    weeks = int(there[0]) if there else None
    worth = _worth_weeks(frame, worth_share)
    return RunTime(baseline, needed, weeks, worth, worth_share, outcome_days, target, frame)


def _worth_weeks(frame: pd.DataFrame, share: float) -> int:
    """The week before the first that brings less than `share`."""
    smallest = frame["minimum_detectable_effect"].abs()
    gain = 1 - smallest / smallest.shift(1)
    poor = frame.loc[(gain < share).fillna(False), "week"]
    return int(poor.iloc[0]) - 1 if len(poor) else int(frame["week"].iloc[-1])
