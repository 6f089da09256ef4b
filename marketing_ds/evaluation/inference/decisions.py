"""From p-values to decisions: better or worse, within the margin, guardrail held or broken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from marketing_ds.evaluation.engine import Estimate

from .critical import upper_p_value
from .differences import contrast, of_few, steadied
from .settings import Inference

BETTER, WORSE, OPEN = "better", "worse", "no difference shown"
HELD, NOT_HELD = "not worse than allowed", "not shown to be within the margin"
BROKEN, QUIET, UNKNOWN = "guardrail broken", "no harm shown", "cannot be judged"


def margin_p_value(
    control: Estimate, arm: Estimate, *, margin: float, better: str, settings: Inference
) -> float:
    """p-value of the hypothesis that the arm is worse than control by `margin` of it or more.

    One-sided, of the contrast arm − (1 ∓ margin) control: no ratio has to be formed. It is below
    alpha / 2 (alpha, where the interval has one side) exactly where Fieller's interval of the
    relative effect, if it is bounded, lies within the margin.
    """
    good = 1.0 if better == "higher" else -1.0
    allowed = control.value - good * margin * abs(control.value)
    weight = allowed / control.value if control.value else 1.0
    few = of_few(control, arm, settings)
    if settings.looks is not None and few is None:
        control, arm = steadied(control, arm)
    variance, freedom = contrast(control, arm, weight)
    if variance == 0:
        return math.nan
    if few is None:
        distance = (arm.value - allowed) / math.sqrt(variance)
    else:
        distance, freedom = few.from_ratio(weight), few.freedom
    level = margin_level(settings)
    return upper_p_value(settings, good * distance, freedom, (control.n, arm.n), level)


def margin_level(settings: Inference) -> float:
    """Level of a non-inferiority test: what lies beyond that end of the shown interval."""
    return settings.alpha / 2 if settings.alternative == "two-sided" else settings.alpha


def decide(row: Mapping[Any, Any], settings: Inference) -> str:
    """The decision on one row of results, from its adjusted p-values."""
    if math.isnan(row["p_adjusted"]):
        return UNKNOWN
    shown, guarded = row["p_adjusted"] < settings.alpha, row["role"] == "guardrail"
    if shown and (row["effect"] > 0) == (row["better"] == "higher"):
        return BETTER
    harm = (BROKEN if guarded else WORSE) if shown else None
    if math.isnan(row["margin_share"]):
        return harm or (QUIET if guarded else OPEN)
    if row["p_margin_adjusted"] < margin_level(settings):
        return HELD
    return harm or NOT_HELD
