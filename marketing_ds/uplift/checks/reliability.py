"""Do predicted effects mean what they say? Slope, level and error against doubly-robust effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, interval, normal_quantile

from ..arms import Arms, Floats, read_arms, read_chances, read_numbers, read_outcome
from ..learning.nuisances import doubly_robust, within_folds
from .predictability import mid_ranks

_UNKNOWN = Estimate(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class ArmCalibration:
    """How predicted effects of one arm agree with doubly-robust ones.

    Attributes
    ----------
    arm : str
    slope : Estimate
        Of doubly-robust on predicted effects: 1 is right, below 1 predictions are too far apart,
        at 0 they rank nobody; NaN where all predictions are equal.
    intercept : Estimate
        Effect where 0 is predicted: 0 is right.
    gap : Estimate
        Average effect less average prediction: 0 is right.
    error : Estimate
        Calibration error: root mean square over groups of effect less prediction, what chance
        explains taken out; in outcome units.
    groups : pandas.DataFrame
        `group` (lowest predictions first), `customers`, `predicted`, `effect`, its interval.
    """

    arm: str
    slope: Estimate
    intercept: Estimate
    gap: Estimate
    error: Estimate
    groups: pd.DataFrame = field(repr=False)

    @property
    def p_heterogeneity(self) -> float:
        """One-sided p-value of a slope of 0: do predictions tell effects apart at all?"""
        if not self.slope.se > 0:
            return 1.0
        return float(ndtr(-self.slope.value / self.slope.se))

    @property
    def finding(self) -> str:
        """The verdict in words."""
        if math.isnan(self.slope.value):
            words = ["all predictions are equal"]
        elif self.p_heterogeneity > 0.05:
            words = ["predictions do not tell effects apart beyond chance"]
        elif self.slope.ci_upper < 1:
            words = ["predictions lie too far apart"]
        elif self.slope.ci_lower > 1:
            words = ["predictions lie too close together"]
        else:
            words = []
        if not self.gap.ci_lower <= 0 <= self.gap.ci_upper:
            words.append(f"too {'low' if self.gap.value > 0 else 'high'} on average")
        return ", ".join(words) if words else "in keeping with the effects"


@dataclass(frozen=True)
class UpliftCalibration(Result):
    """Calibration of predicted effects; made by `uplift_calibration`.

    Attributes
    ----------
    arms : tuple of ArmCalibration
    control : str
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    arms: tuple[ArmCalibration, ...]
    control: str
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row an arm and measure: slope, intercept, gap, error; with interval and finding."""
        rows = []
        for one in self.arms:
            for measure, right in (
                ("slope", 1.0),
                ("intercept", 0.0),
                ("gap", 0.0),
                ("error", 0.0),
            ):
                found: Estimate = getattr(one, measure)
                ends = (found.value, found.se, found.ci_lower, found.ci_upper)
                rows.append((one.arm, measure, *ends, right, one.finding))
        head = ["arm", "measure", "value", "se", "value_ci_lower", "value_ci_upper"]
        return pd.DataFrame(rows, columns=[*head, "right", "finding"])

    def groups(self) -> pd.DataFrame:
        """The calibration curve: one row an arm and group, lowest predictions first."""
        return pd.concat(
            [one.groups.assign(arm=one.arm) for one in self.arms], ignore_index=True
        ).loc[:, ["arm", *self.arms[0].groups.columns]]


def uplift_calibration(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    outcome: Any = None,
    n_groups: int = 10,
    alpha: float = 0.05,
) -> UpliftCalibration:
    """Whether predicted effects are the effects that customers have, on average of like predictions.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcomes.
    uplift : array-like of shape (n,) or (n, arms)
        Predicted effects of customers whom the model was not trained on; several arms in the order
        of their sorted names, as `UpliftModel.predict` gives them.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    arm : str, optional
        The arm that a one-dimensional `uplift` is of, where there are several.
    control : str or int
        Name of the control arm.
    probability : array-like, mapping or DataFrame, optional
        P(arm), as in `UpliftModel.fit`; by default the arms' shares.
    outcome : array-like of shape (n, 1 + arms), optional
        Expected outcomes under each arm, control first, by models that were not trained on these
        customers: they take noise out. By default the arms' means.
    n_groups : int
        Groups of equal size by predicted effect; equal predictions share theirs.
    alpha : float
        Intervals are at level ``1 - alpha``.

    Returns
    -------
    UpliftCalibration
        ``.to_frame()``, ``.groups()``, ``.plot()``; ``.arms[0].slope`` with interval.

    Raises
    ------
    InvalidInput
        If lengths differ, a value is missing, control or the arm is absent, or a probability is
        outside (0, 1).

    Notes
    -----
    Doubly-robust effects ψ have the effect for their mean. Slope and intercept are those of the
    best linear predictor [1]_, with errors that allow for unequal spread (HC3). The error is the l2
    calibration error of [2]_ over groups, less its bias; its interval begins at 0 where the gaps
    may be chance.

    References
    ----------
    .. [1] Chernozhukov, Demirer, Duflo and Fernández-Val (2025). Fisher-Schultz lecture: generic
       machine learning inference on heterogeneous treatment effects in randomized experiments.
       Econometrica 93.
    .. [2] Xu and Yadlowsky (2022). Calibration error for heterogeneous treatment effects. AISTATS.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> effect, arm = 0.2 * rng.random(20_000), rng.choice(["control", "coupon"], 20_000)
    >>> y = rng.random(20_000) < 0.1 + effect * (arm == "coupon")
    >>> found = uplift_calibration(y, 2 * effect, arm).arms[0]
    >>> found.finding
    'predictions lie too far apart, too high on average'
    >>> found.slope.ci_lower < 0.5 < found.slope.ci_upper
    True
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    observed = read_outcome(y)
    n_groups = check_count("n_groups", n_groups, low=2, high=len(observed))
    arms = read_arms(treatment, control, rows=len(observed))
    predicted, names = _read_uplift(uplift, arms, arm)
    chance = read_chances(probability, arms)
    expected = _arm_means(observed, arms, chance) if outcome is None else _read(outcome, arms)
    psi = doubly_robust(observed, arms, chance, expected)
    at = [arms.names.index(name) for name in names]
    return calibration_of(
        psi[:, at], predicted, names, arms.control, n_groups=n_groups, alpha=alpha
    )


def calibration_of(
    psi: Floats,
    uplift: Floats,
    names: Sequence[str],
    control: str,
    *,
    folds: npt.NDArray[np.int8] | None = None,
    n_groups: int = 10,
    alpha: float = 0.05,
) -> UpliftCalibration:
    """As `uplift_calibration`, from doubly-robust effects; both of shape (n, arms).

    Where predictions come from cross-fitting, `folds` says so: they are compared within folds.
    """
    parts = tuple(
        _one(psi[:, at], uplift[:, at], name, folds, n_groups, alpha)
        for at, name in enumerate(names)
    )
    return UpliftCalibration(parts, control, alpha)


def _one(
    psi: Floats,
    uplift: Floats,
    name: str,
    folds: npt.NDArray[np.int8] | None,
    n_groups: int,
    alpha: float,
) -> ArmCalibration:
    level = uplift if folds is None else within_folds(uplift, folds) + uplift.mean()
    slope, intercept = _line(psi, level, alpha)
    gap = Estimate.from_influence(float((psi - uplift).mean()), psi - uplift, alpha=alpha)
    groups, error = _groups(psi, level, n_groups, alpha)
    return ArmCalibration(name, slope, intercept, gap, error, groups)


def _line(psi: Floats, uplift: Floats, alpha: float) -> tuple[Estimate, Estimate]:
    """Least-squares slope and intercept with HC3 errors."""
    centre = uplift.mean()
    spread = uplift - centre
    square = float(spread @ spread)
    if square <= 1e-18 * len(psi) * max(float(psi @ psi) / len(psi), centre**2):
        return _UNKNOWN, _UNKNOWN
    slope = float(spread @ psi) / square
    rest = psi - psi.mean() - slope * spread
    rest = rest / (1 - 1 / len(psi) - spread**2 / square)
    of_slope = spread * rest * (len(psi) / square)
    of_intercept = rest - centre * of_slope
    return (
        Estimate.from_influence(slope, of_slope, alpha=alpha),
        Estimate.from_influence(float(psi.mean() - slope * centre), of_intercept, alpha=alpha),
    )


def _groups(
    psi: Floats, uplift: Floats, n_groups: int, alpha: float
) -> tuple[pd.DataFrame, Estimate]:
    """The calibration curve and the calibration error."""
    rank, _, _ = mid_ranks(uplift)
    place = np.minimum((rank + 0.5) * n_groups, n_groups - 1).astype(np.intp)
    _, place = np.unique(place, return_inverse=True)
    size = np.bincount(place)
    predicted, effect = np.bincount(place, uplift) / size, np.bincount(place, psi) / size
    rest = psi - effect[place]
    noise = psi - uplift - (effect - predicted)[place]
    with np.errstate(divide="ignore", invalid="ignore"):  # a group of one has no spread
        scale = size / (size - 1.0)
        se = np.sqrt(np.bincount(place, rest**2) / size**2 * scale)
        variance = np.bincount(place, noise**2) / size**2 * scale
    lower, upper = interval(effect, se, alpha)
    frame = pd.DataFrame(
        {
            "group": np.arange(1, len(size) + 1),
            "customers": size,
            "predicted": predicted,
            "effect": effect,
            "effect_ci_lower": lower,
            "effect_ci_upper": upper,
        }
    )
    return frame, _error(effect - predicted, variance, size / size.sum(), alpha)


def _error(gap: Floats, variance: Floats, share: Floats, alpha: float) -> Estimate:
    """√ of Σ share · (gap² − variance), the unbiased l2 error; the gaps are taken for normal."""
    squared = gap**2 - variance
    mean = float(share @ squared)
    spread = 4 * np.maximum(squared, 0.0) * variance + 2 * variance**2
    half = normal_quantile(alpha) * math.sqrt(float(share**2 @ spread))
    low, value, high = (math.sqrt(max(end, 0.0)) for end in (mean - half, mean, mean + half))
    return Estimate(value, (high - low) / (2 * normal_quantile(alpha)), low, high)


def _read_uplift(uplift: Any, arms: Arms, arm: str | None) -> tuple[Floats, tuple[str, ...]]:
    raw = np.asarray(uplift)
    rows = len(arms.codes)
    if raw.ndim == 2 and raw.shape[1] == len(arms.names) and arm is None:
        columns, names = [raw[:, at] for at in range(raw.shape[1])], arms.names
    elif raw.ndim == 2 and raw.shape[1] > 1:
        raise InvalidInput(
            f"uplift must have one column for each of {', '.join(map(repr, arms.names))}, or be "
            f"one-dimensional with arm= saying of which, got shape {raw.shape}"
            f"{'' if arm is None else f' and arm={arm!r}'}"
        )
    elif arm is None and len(arms.names) > 1:
        raise InvalidInput(
            f"arm must say which arm uplift is of: one of {', '.join(map(repr, arms.names))}"
        )
    elif arm is not None and arm not in arms.names:
        raise InvalidInput(f"arm must be one of {', '.join(map(repr, arms.names))}, got {arm!r}")
    else:
        columns, names = [uplift], (arms.names[0] if arm is None else arm,)
    numbers = np.column_stack([read_numbers(column, "uplift") for column in columns])
    if len(numbers) != rows:
        raise InvalidInput(f"uplift must have one row a customer: {rows} rows, got {len(numbers)}")
    return numbers, tuple(names)


def _read(outcome: Any, arms: Arms) -> Floats:
    numbers = np.asarray(outcome, dtype=np.float64)
    wanted = (len(arms.codes), len(arms.labels))
    if numbers.shape != wanted:
        raise InvalidInput(
            f"outcome must have one column for each of {', '.join(map(repr, arms.labels))} and one "
            f"row a customer, shape {wanted}, got {numbers.shape}"
        )
    if not np.isfinite(numbers).all():
        raise InvalidInput("outcome must be finite, got missing or infinite values")
    return numbers


def _arm_means(y: Floats, arms: Arms, chance: Floats) -> Floats:
    """Every arm's mean outcome, weighted by 1/P(arm), for everyone."""
    weight = 1 / chance[np.arange(len(y)), arms.codes]
    mean = np.bincount(arms.codes, weight * y) / np.bincount(arms.codes, weight)
    return np.tile(mean, (len(y), 1))
