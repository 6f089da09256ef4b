"""From adjusted means to the rows of a result: effect, interval, and what could explain it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from marketing_ds.evaluation.inference import fieller
from marketing_ds.evaluation.metrics import Metric

from .means import Means
from .nuisances import Nuisances
from .outcomes import linear_outcome
from .pairs import rosenbaum_gamma
from .sample import Floats
from .sensitivity import (
    bias_reach,
    e_value,
    limit_near_zero,
    residual_of,
    robustness_value,
    times_as_strong,
)


def slopes_of(metric: Metric, means: Means, names: Sequence[str]) -> Floats:
    """How the metric follows from the outcomes' means, (2, q): under control, under the arm."""
    slopes = np.zeros((2, len(names)))
    for side in (0, 1):
        values = {c: float(means.value[side, names.index(c)]) for c in metric.columns}
        for column, slope in zip(metric.columns, metric.gradient(values), strict=True):
            slopes[side, names.index(column)] += slope
    return slopes


def effect_row(
    metric: Metric, slopes: Floats, means: Means, y: Floats, treated: Floats,
    names: Sequence[str], alpha: float,
) -> dict[str, object]:  # fmt: skip
    """One metric of one arm against control."""
    at = [
        metric.value({c: float(means.value[side, names.index(c)]) for c in metric.columns})
        for side in (0, 1)
    ]
    q = len(names)
    both = np.zeros((2, 2 * q))
    both[0, :q], both[1, q:] = slopes
    joint = both @ means.covariance @ both.T
    effect, error = (
        at[1] - at[0],
        float(np.sqrt(max(joint[0, 0] + joint[1, 1] - 2 * joint[0, 1], 0))),
    )
    quantile = float(student.ppf(1 - alpha / 2, means.freedom))
    constant = error <= 1e-12 * max(abs(at[0]), abs(at[1]), 1e-300)
    ends = fieller(at[1], at[0], joint[1, 1], joint[0, 0], quantile, joint[0, 1])
    rel = effect / at[0] if at[0] else np.nan
    arm, control = treated == 1, treated == 0
    raw = [
        metric.value({c: float(y[who, names.index(c)].mean()) for c in metric.columns})
        for who in (control, arm)
    ]
    plain = linear_outcome(metric, y, treated, names)
    spread = np.sqrt(sum(plain[who].var(ddof=1) / who.sum() for who in (control, arm)))
    reach = float(norm.ppf(1 - alpha / 2)) * float(spread)
    return {
        "metric": metric.label,
        "arm": "",
        "segment": "all",
        "n_control": int(control.sum()),
        "n_arm": int(arm.sum()),
        "mean_control": raw[0],
        "mean_arm": raw[1],
        "effect": effect,
        "effect_ci_lower": effect - quantile * error,
        "effect_ci_upper": effect + quantile * error,
        "standard_error": error,
        "rel_effect": rel,
        "rel_effect_ci_lower": ends[0] - 1,
        "rel_effect_ci_upper": ends[1] - 1,
        "p_value": np.nan
        if constant
        else float(2 * student.sf(abs(effect) / error, means.freedom)),
        "naive_effect": raw[1] - raw[0],
        "naive_effect_ci_lower": raw[1] - raw[0] - reach,
        "naive_effect_ci_upper": raw[1] - raw[0] + reach,
    }


def doubts_of(
    row: Mapping[str, object], slopes: Floats, k: int, y: Floats, treated: Floats,
    learned: Nuisances, added: Mapping[str, list[tuple[float, float]]], *, estimand: str,
    pairs: bool, alpha: float,
) -> tuple[dict[str, object], list[dict[str, object]]]:  # fmt: skip
    """What hidden confounding one effect withstands."""
    effect, low, high = (
        float(str(row[c])) for c in ("effect", "effect_ci_lower", "effect_ci_upper")
    )
    end = limit_near_zero(low, high)
    residual = residual_of(treated, y, learned, slopes)
    unexplained, lengths = bias_reach(treated, residual, learned.chance, estimand)
    reach = float(np.sqrt(unexplained * lengths))
    z = np.einsum("nq,nq->n", y, slopes[treated.astype(int)])
    if bool(((y == 0) | (y == 1)).all()) and np.count_nonzero(slopes[0]) == 1:
        rel, rel_low, rel_high = (
            float(str(row[c])) for c in ("rel_effect", "rel_effect_ci_lower", "rel_effect_ci_upper")
        )
        values = e_value(1 + rel), e_value(1 + limit_near_zero(rel_low, rel_high))
    else:
        spread = float(np.sqrt(sum(z[treated == side].var() for side in (0, 1)) / 2)) or np.nan
        values = (
            e_value(float(np.exp(0.91 * effect / spread))),
            e_value(float(np.exp(0.91 * end / spread))),
        )
    common = {"metric": row["metric"], "arm": row["arm"]}
    gamma = rosenbaum_gamma(treated, y @ slopes[0], learned.chance, alpha) if pairs else np.nan
    strong = common | {
        "effect": effect,
        "e_value": values[0],
        "e_value_limit": values[1],
        "robustness_value": robustness_value(effect, reach),
        "robustness_value_limit": robustness_value(end, reach),
        "rosenbaum_gamma": gamma,
    }
    marks = [
        common | {
            "covariate": name,
            "explains_outcome": each[k][0],
            "explains_arm": each[k][1],
            "times": times_as_strong(effect, reach, *each[k]),
            "times_limit": times_as_strong(end, reach, *each[k]),
        }
        for name, each in added.items()
    ]  # fmt: skip
    return strong, marks
