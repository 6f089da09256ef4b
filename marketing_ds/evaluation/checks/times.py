"""Whether arms were drawn at the same times, from the counts by day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from marketing_ds.evaluation.engine import Chances, Moments

from .balance import balance_check
from .check import Check, found
from .ratios import chances_of

NAME = "assignment times"


def times_check(by_day: pd.DataFrame, control: str, alpha: float) -> Check:
    """Whether the mean day of assignment is the same in all arms.

    Sizes may be as designed and still one arm be drawn early and another late; then season, news
    and age of the outcome differ between them.
    """
    days = pd.to_datetime(by_day["group"], errors="coerce")
    known = by_day[days.notna()].assign(day=(days - days.min()).dt.days[days.notna()])
    counts = known.pivot_table(
        index="group", columns="arm", values="n", aggfunc="sum", fill_value=0
    )
    if known["day"].nunique() < 2:
        return found(NAME, "times_same", {}, counts.reset_index(), passed=True)
    chances = chances_of(known)
    moments = {
        str(arm): _moments(part, chances.get(str(arm))) for arm, part in known.groupby("arm")
    }
    base = balance_check(moments, ["day"], control, alpha)
    facts = {"p": base.p_value, "control": control, "arm": "", "days": 0.0}
    if base.passed is False:
        worst = base.to_frame().sort_values("p_value").iloc[0]["arm"]
        facts |= {
            "arm": worst,
            "days": float(moments[worst].mean[0] - moments[control].mean[0]),
        }
    said = "times_kept" if base.passed else "times_drift"
    return found(NAME, said, facts, counts.reset_index(), passed=base.passed, p_value=base.p_value)


def _moments(part: pd.DataFrame, chances: Chances | None) -> Moments:
    """The mean day of an arm and its spread, weighted by 1/p where p is known."""
    n, day = part["n"].to_numpy(float), part["day"].to_numpy(float)
    weight = n if chances is None else part["weight"].to_numpy(float)
    squares = n if chances is None else part["w2"].to_numpy(float)
    mean = float(weight @ day / weight.sum())
    apart = (day - mean) ** 2
    scatter = float(weight @ apart * n.sum() / weight.sum())
    error = float(squares @ apart / weight.sum() ** 2)
    return Moments(
        int(n.sum()), np.array([mean]), np.array([[scatter]]), np.array([[error]]), chances
    )
