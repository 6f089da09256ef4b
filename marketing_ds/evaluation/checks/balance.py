"""Whether arms were alike before: Hotelling's test of all columns, and each column by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import fdtrc, stdtr

from marketing_ds._core.estimate import normal_quantile
from marketing_ds.evaluation.engine import FloatArray, Moments
from marketing_ds.evaluation.inference import adjust
from marketing_ds.evaluation.inference.skewness import cornish_fisher

from .check import Check, found
from .ratios import listed

TOGETHER = "all together"
"""The row of all columns at once; its distance is Mahalanobis's."""
_TOO_FAR = 0.2
"""Standard deviations: no random draw of a thousand customers brings arms so far apart."""
_NO_SPREAD = 1e-12


@dataclass(frozen=True)
class _Pair:
    """An arm against control: differences, their covariance if arms are alike, freedom."""

    arm: str
    difference: FloatArray
    covariance: FloatArray
    deviation: FloatArray
    """Standard deviation of each column within arms."""
    freedom: float
    skewness: FloatArray
    """A sixth of that of each difference; 0 where it was not asked for."""


def balance_check(
    moments: Mapping[str, Moments],
    columns: Sequence[str],
    control: str,
    alpha: float,
    *,
    dated: bool = False,
) -> Check:
    """Whether the means of `columns` differ between the arms more than a random draw lets them.

    For each arm Hotelling's T² against control (exact for normal columns, and for large arms by
    the central limit theorem), times the number of arms; and a t-test of each column, Holm over
    columns and arms. Where the moments have third ones, both allow for how skewed a difference of
    unequal arms is (Cornish and Fisher). The check's p-value is twice the smaller of the two: many columns that differ
    a little, and one among many that differs a lot, are both seen.

    Parameters
    ----------
    dated : bool
        Whether the columns are known to be from before the draw: then what differs differed.
    """
    pairs = [_pair(moments[control], m, arm) for arm, m in moments.items() if arm != control]
    frame, p_value = _compared(pairs, moments, columns, control)
    if frame.empty:
        return found("pre-period difference", "before_constant", {}, frame, passed=None)
    passed = not p_value < alpha
    single = frame[frame["column"] != TOGETHER]
    differ = single[single["p_adjusted"] < alpha]
    worst = (differ if len(differ) else single).iloc[0]
    names = list(dict.fromkeys(differ["column"])) or [str(worst["column"])]
    far = differ[differ["distance"].abs() > _TOO_FAR]["column"].nunique()
    # One or a few columns far apart while the others agree: not the draw, but the column.
    after = not dated and 0 < far <= single["column"].nunique() / 2 and far == len(names)
    facts = {
        "columns": int(single["column"].nunique()),
        "p": p_value,
        "named": listed(names),
        "arm": str(worst["arm"]),
        "distance": float(worst["distance"]),
        "control": control,
    }
    said = "before_kept" if passed else "before_after" if after else "before_differ"
    return found("pre-period difference", said, facts, frame, passed=passed, p_value=p_value)


def of_columns(
    moments: Mapping[str, Moments], columns: Sequence[str], wanted: Sequence[str]
) -> dict[str, Moments]:
    """The moments of some of their columns."""
    places = [list(columns).index(column) for column in wanted]
    square = np.ix_(places, places)
    return {
        arm: Moments(
            m.n,
            m.mean[places],
            m.scatter[square],
            m.error[square],
            m.chances,
            third=None if m.third is None else m.third[places],
        )
        for arm, m in moments.items()
    }


def _compared(
    pairs: Sequence[_Pair], moments: Mapping[str, Moments], columns: Sequence[str], control: str
) -> tuple[pd.DataFrame, float]:
    rows = []
    for pair in pairs:
        spread = np.sqrt(np.maximum(np.diag(pair.covariance), 0.0))
        p_each = _each(pair, spread)
        base, other = moments[control].mean, moments[pair.arm].mean
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.where(pair.difference == 0, 0.0, pair.difference / pair.deviation)
            reach = np.where(spread == 0, 0.0, normal_quantile(0.05) * spread / pair.deviation)
        for i, column in enumerate(columns):
            if np.isnan(p_each[i]):
                continue
            ends = distance[i] - reach[i], distance[i] + reach[i]
            rows.append((column, pair.arm, base[i], other[i], distance[i], *ends, p_each[i]))
        if np.isfinite(p_each).any():
            length, p_all = _hotelling(pair, spread)
            nan = float("nan")
            rows.append((TOGETHER, pair.arm, nan, nan, length, nan, nan, p_all))
    names = ["column", "arm", "mean_control", "mean_arm"]
    names += ["distance", "distance_ci_lower", "distance_ci_upper", "p_value"]
    frame = pd.DataFrame(rows, columns=names)
    if frame.empty:
        return frame.assign(p_adjusted=[]), float("nan")
    together = (frame["column"] == TOGETHER).to_numpy()
    p = frame["p_value"].to_numpy(float)
    adjusted = np.empty(len(p))
    adjusted[together] = np.minimum(len(pairs) * p[together], 1.0)
    adjusted[~together] = adjust(p[~together], "holm")
    frame["p_adjusted"] = adjusted
    several = frame.loc[~together, "column"].nunique() > 1
    smallest = min(adjusted[together].min(), adjusted[~together].min())
    p_value = min(1.0, 2 * smallest) if several else float(adjusted[together].min())
    frame["together"] = together
    frame = frame.sort_values(["together", "p_value"], ascending=[False, True], kind="stable")
    return frame.drop(columns="together").reset_index(drop=True), float(p_value)


def _pair(control: Moments, arm: Moments, name: str) -> _Pair:
    """Of arms that are alike the spread is one: pooled, unless chances weight the customers."""
    freedom = float(control.n + arm.n - 2)
    pooled = (control.scatter + arm.scatter) / max(freedom, 1.0)
    chances = (control.chances, arm.chances)
    if any(chance is not None and chance.differs for chance in chances):
        covariance = control.error + arm.error
    else:
        covariance = pooled * (1 / control.n + 1 / arm.n)
    deviation = np.sqrt(np.maximum(np.diag(pooled), 0.0))
    skewness = np.zeros(len(deviation))
    if control.third is not None and arm.third is not None:
        both = (control.n * control.third + arm.n * arm.third) / (control.n + arm.n)
        third = both * (1 / arm.n**2 - 1 / control.n**2)
        cubed = np.maximum(np.diag(covariance), 0.0) ** 1.5
        skewness = np.divide(third, 6 * cubed, out=skewness, where=cubed > 0)
    return _Pair(name, arm.mean - control.mean, covariance, deviation, freedom, skewness)


def _each(pair: _Pair, spread: FloatArray) -> FloatArray:
    """Two-sided p-value of each column; NaN where nothing varies, 0 where only the arms differ."""
    gap = np.abs(pair.difference)
    varies = spread > _NO_SPREAD * np.maximum(gap, 1e-300)
    p = 2 * stdtr(pair.freedom, -np.abs(_statistics(pair, spread, varies)))
    return np.asarray(np.where(varies, p, np.where(gap > 0, 0.0, np.nan)))


def _statistics(pair: _Pair, spread: FloatArray, varies: npt.NDArray[np.bool_]) -> FloatArray:
    """Differences over their errors, on the scale of a difference that is not skewed."""
    t = np.divide(pair.difference, spread, out=np.zeros_like(spread), where=varies)
    return np.array([cornish_fisher(*each) for each in zip(t, pair.skewness, strict=True)])


def _hotelling(pair: _Pair, spread: FloatArray) -> tuple[float, float]:
    """Mahalanobis's distance of the arms and the p-value of T²; columns that repeat count once."""
    varies = spread > _NO_SPREAD * np.maximum(np.abs(pair.difference), 1e-300)
    if (~varies & (np.abs(pair.difference) > 0)).any():
        return float("inf"), 0.0
    scale = spread[varies]
    z = _statistics(pair, spread, varies)[varies]
    roots, vectors = np.linalg.eigh(
        pair.covariance[np.ix_(varies, varies)] / np.outer(scale, scale)
    )
    kept = roots > 1e-9 * roots.max()
    t2 = float((((vectors.T @ z)[kept]) ** 2 / roots[kept]).sum())
    rank = int(kept.sum())
    left = pair.freedom - rank + 1
    if left < 1:
        return float("nan"), 1.0
    p_value = float(fdtrc(rank, left, t2 * left / (pair.freedom * rank)))
    size = float(
        np.mean(np.diag(pair.covariance)[varies] / np.maximum(pair.deviation[varies], 1e-300) ** 2)
    )
    return float(np.sqrt(t2 * size)), p_value
