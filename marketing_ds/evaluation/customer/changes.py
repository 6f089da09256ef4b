"""Before and after: assets, products, activity and money moved per customer, by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t as student

from marketing_ds.evaluation.assigned import Assigned
from marketing_ds.evaluation.engine import Moments, arm_moments
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.metrics import Mean

from .flows import EFFECT, with_effects

TITLES: Mapping[str, tuple[str, str]] = {
    "aum": ("Assets (CNY)", "管理资产AUM（元）"),
    "deposit_cny": ("Deposits (CNY)", "存款余额（元）"),
    "products_held": ("Products held", "持有产品数"),
    "inflow_cny": ("Money in (CNY)", "流入金额（元）"),
    "outflow_cny": ("Money out (CNY)", "流出金额（元）"),
    "transactions": ("Transactions", "交易笔数"),
    "active_days": ("Active days", "活跃天数"),
}
"""Measures by name, with their titles in English and Chinese."""
_PARTS = ("mean_before", "mean_after", "change")


@dataclass(frozen=True)
class Changes:
    """Rows of a measure and arm, and whether effects are blocked."""

    frame: pd.DataFrame
    blocked: bool


def changes(
    rows: ir.Table,
    arms: Sequence[str],
    measures: Sequence[str],
    design: Assigned | None,
    *,
    alpha: float,
) -> Changes:
    """Means before and after with the change, by arm; against control where there is a `design`.

    The effect is the difference of the mean changes: a difference in differences. Where arms were
    drawn at random it is adjusted by what was before (CUPED), which only makes it more exact;
    where they were not, that would be another answer.
    """
    moved = rows.mutate(
        **{f"{m}_change": rows[f"{m}_after"] - rows[f"{m}_before"] for m in measures}
    )
    ends = ("before", "after", "change")
    columns = [f"{m}_{end}" for m in measures for end in ends]
    alone = [frozenset((column,)) for column in columns]
    moments = arm_moments(moved, columns, alone, "arm", None) if columns else {}
    frame = pd.DataFrame(
        [_row(m, arm, moments[arm], columns, alpha) for m in measures for arm in arms],
        columns=list(_names()),
    ).assign(**dict.fromkeys(EFFECT, np.nan))
    blocked = False
    if design is not None and measures:
        sizes = {arm: m.n for arm, m in moments.items()}
        used = [f"{m}_{end}" for m in measures for end in ("before", "change")]
        kept = ["customer_id", "arm", "probability", *used]
        wanted = [
            Mean(f"{m}_change", name=m, covariates=(f"{m}_before",) if design.drawn else ())
            for m in measures
        ]
        found = analyze_experiment(moved[kept], wanted, alpha=alpha, **design.design(sizes))
        frame, blocked = with_effects(frame, found.to_frame(), "measure"), found.blocked
    for place, language in enumerate(("en", "zh")):
        titles = [TITLES[name][place] for name in frame["measure"]]
        frame.insert(1 + place, f"title_{language}", titles)
    return Changes(frame, blocked)


def _names() -> list[str]:
    ends = [name + end for name in _PARTS for end in ("", "_ci_lower", "_ci_upper")]
    return ["measure", "arm", "n", *ends, "rel_change"]


def _row(
    measure: str, arm: str, found: Moments, columns: Sequence[str], alpha: float
) -> tuple[object, ...]:
    places = [columns.index(f"{measure}_{end}") for end in ("before", "after", "change")]
    # One customer tells nothing of how much customers differ.
    freedom = found.n - 1
    reach = float(student.ppf(1 - alpha / 2, freedom)) if freedom > 0 else np.nan
    told: list[object] = [measure, arm, found.n]
    for place in places:
        mean, half = float(found.mean[place]), reach * float(np.sqrt(found.error[place, place]))
        told += [mean, mean - half, mean + half]
    before, change = (float(found.mean[place]) for place in (places[0], places[2]))
    return (*told, change / before if before else np.nan)
