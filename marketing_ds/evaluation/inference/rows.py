"""Result rows: every metric, arm and segment with effect, intervals, p-values and decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.metrics import Metric
from marketing_ds.schema import CONTROL

from .corrections import adjust
from .critical import critical_value
from .decisions import decide, margin_p_value
from .differences import compare, contrast
from .posterior import posterior
from .settings import Inference

EVERYBODY = "all"
_POWER = 0.8


def infer(
    estimates: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    metrics: Sequence[Metric],
    settings: Inference | None = None,
    *,
    control: str = CONTROL,
) -> pd.DataFrame:
    """Compare every arm with control, in every segment, for every metric.

    Parameters
    ----------
    estimates : mapping
        Segment (``all`` for everybody, else ``column=value``) → label of the metric → arm →
        estimate. A segment without the arm or without control has no row of it.
    metrics : sequence of metrics
        In the order of the rows; they say what is better, the margin and the role.
    settings : Inference, optional
        `Inference()` by default.
    control : str
        Name of the control arm.

    Returns
    -------
    pandas.DataFrame
        One row per segment, metric and arm; see `ExperimentResult.to_frame`.

    Notes
    -----
    `p_adjusted` is corrected within four families, which the column ``family`` names: goals and
    guardrails, each of everybody and of segments. So segments that are looked at do not weaken the
    overall answer, nor do guardrails the goals. `p_margin_adjusted` is corrected over arms (and
    segments) of one metric only: a roll-out needs all guardrails of its arm to hold.

    Examples
    --------
    >>> from marketing_ds.evaluation import Mean
    >>> arms = {name: Estimate(900, m, 0.04, m, 0.04, 899)
    ...         for name, m in {"control": 10.0, "mail": 10.8, "call": 10.1}.items()}
    >>> infer({"all": {"spend": arms}}, [Mean("spend")])[["arm", "effect", "decision"]].round(1)
        arm  effect             decision
    0  mail     0.8               better
    1  call     0.1  no difference shown
    """
    settings = settings or Inference()
    rows = [
        _row(metric, segment, arm, by_arm[control], found, settings)
        for segment, by_metric in estimates.items()
        for metric in metrics
        for by_arm in (by_metric.get(metric.label, {}),)
        if control in by_arm
        for arm, found in by_arm.items()
        if arm != control
    ]
    return conclude(pd.DataFrame(rows), settings)


def conclude(frame: pd.DataFrame, settings: Inference) -> pd.DataFrame:
    """Rows with adjusted p-values by family, and the decision."""
    frame = frame.copy()
    adjusted, margins = (np.full(len(frame), np.nan) for _ in range(2))
    p_values, p_margins = (frame[name].to_numpy(float) for name in ("p_value", "p_margin"))
    for places in frame.groupby("family").indices.values():
        adjusted[places] = adjust(p_values[places], settings.correction)
    for places in frame.groupby(["family", "metric"]).indices.values():
        margins[places] = adjust(p_margins[places], settings.correction)
    frame.insert(list(frame.columns).index("p_value") + 1, "p_adjusted", adjusted)
    frame.insert(list(frame.columns).index("p_margin") + 1, "p_margin_adjusted", margins)
    frame["decision"] = [decide(row, settings) for row in frame.to_dict("records")]
    return frame


def _row(
    metric: Metric, segment: str, arm: str, base: Estimate, found: Estimate, settings: Inference
) -> dict[str, object]:
    difference = compare(base, found, settings)
    before = base.raw_variance + found.raw_variance - 2 * found.raw_covariance
    role, better, margin = metric.role, metric.better, metric.margin
    where = "everybody" if segment == EVERYBODY else "segments"
    row: dict[str, object] = {
        "metric": metric.label,
        "arm": arm,
        "segment": segment,
        "n_control": base.n,
        "n_arm": found.n,
        "mean_control": base.raw,
        "mean_arm": found.raw,
        "effect": difference.effect,
        "effect_ci_lower": difference.lower,
        "effect_ci_upper": difference.upper,
        "rel_effect": difference.rel,
        "rel_effect_ci_lower": difference.rel_lower,
        "rel_effect_ci_upper": difference.rel_upper,
        "p_value": difference.p_value,
        "variance_reduction_share": 1 - contrast(base, found)[0] / before if before else 0.0,
        "standard_error": difference.error,
        "detectable_effect": _detectable(
            difference.error, difference.freedom, base, found, settings
        ),
        "interval": difference.interval,
        "role": role,
        "better": better,
        "margin_share": np.nan if margin is None else margin,
        "p_margin": (
            np.nan
            if margin is None
            else margin_p_value(base, found, margin=margin, better=better, settings=settings)
        ),
        "family": f"{role}s, {where}",
    }
    if settings.prior is not None:
        row |= posterior(base.value, difference, settings.prior, better, settings.alpha)
    return row


def _detectable(
    error: float, freedom: float, base: Estimate, found: Estimate, settings: Inference
) -> float:
    """Effect that would have been shown with a probability of 80 %, were it the only one asked."""
    if error == 0:
        return 0.0
    quantile = critical_value(settings, freedom, (base.n, found.n))
    return float((quantile + ndtri(_POWER)) * error)
