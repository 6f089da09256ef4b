"""The four classic groups: who acts because of us, who would anyway, who never will, whom we put off.

A single customer's effect is never seen and poorly predicted, so a customer is put into a group by
what the data can bear: customers of some folds with about the same prediction say how large the
effect really was (rising steps, so that a prediction that promises too much is brought down), and
only where they can tell it from zero is somebody persuadable or a sleeping dog. The customers of the
other folds then measure the groups, since they had no say in what makes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from marketing_ds._core.checks import check_choice, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, normal_quantile

from ..arms import Floats
from ..crossfit import CrossFit
from .bands import LANGUAGES
from .effects_by_group import crossfit_of

CLASSIC: Mapping[str, str] = {
    "persuadables": "说服型",
    "sure things": "自然转化型",
    "lost causes": "无动于衷型",
    "sleeping dogs": "沉睡型（勿扰）",
}
"""The groups, in English and Chinese."""

_BANDS = 20
_PERSUADABLE, _SURE, _LOST, _SLEEPING = range(4)
_VERDICTS = {
    "en": ("more act because of it", "fewer act because of it", "not distinguishable from zero"),
    "zh": ("显著提升", "显著下降", "与零无显著差异"),
}


@dataclass(frozen=True)
class _Steps:
    """The effect as rising steps over the prediction, each with its standard error."""

    edges: Floats
    effect: Floats
    error: Floats

    def at(self, uplift: Floats) -> tuple[Floats, Floats]:
        """Effect and standard error for predictions."""
        band = np.searchsorted(self.edges, uplift, side="right")
        return self.effect[band], self.error[band]


@dataclass(frozen=True)
class ClassicGroups(Result):
    """The four classic groups under each arm; made by `classic_groups`.

    Attributes
    ----------
    arms : tuple of str
    likely : float
        Expected outcome without us from which a customer would act anyway.
    least_effect : dict of str to float
        By arm, the effect from which it is worth having.
    alpha : float
        Effects must differ from zero, and intervals are, at level ``1 - alpha``.
    members : ndarray of shape (n, arms)
        Each customer's group, a position in `CLASSIC`.
    control : ndarray of shape (n,)
        Expected outcome without us, out of fold.
    effect : ndarray of shape (n, arms)
        Expected effect, out of fold and calibrated.
    """

    arms: tuple[str, ...]
    likely: float
    least_effect: dict[str, float]
    alpha: float
    members: npt.NDArray[np.int8] = field(repr=False)
    control: Floats = field(repr=False)
    effect: Floats = field(repr=False)
    _rows: pd.DataFrame = field(repr=False)
    _steps: tuple[_Steps, ...] = field(repr=False)

    def to_frame(self, *, language: str = "en") -> pd.DataFrame:
        """One row an arm and group.

        `arm`, `group`, `customers`, `customer_share`, `measured` (how many measure the rest),
        `control_outcome` (without us) with its interval, `effect` with its interval, `p_value`,
        `verdict`. NaN where fewer than two measure.
        """
        check_choice("language", language, LANGUAGES)
        frame = self._rows.copy()
        names = list(CLASSIC) if language == "en" else list(CLASSIC.values())
        frame["group"] = [names[code] for code in frame["group"]]
        frame["verdict"] = [
            _verdict(*ends, language)
            for ends in zip(frame["effect_ci_lower"], frame["effect_ci_upper"], strict=True)
        ]
        return frame

    def classify(self, outcome: Any, uplift: Any, *, arm: str | None = None) -> npt.NDArray[Any]:
        """The groups of other customers under one arm.

        Parameters
        ----------
        outcome : array-like of shape (n,)
            Predicted outcome without us: `UpliftModel.predict_outcomes(X)[:, 0]`.
        uplift : array-like of shape (n,)
            Predicted effect of the arm: `UpliftModel.predict(X)`.
        arm : str, optional
            Needed where there are several.

        Returns
        -------
        ndarray of str, shape (n,)

        Raises
        ------
        InvalidInput
            If the arm is unknown, or lengths differ.
        """
        if arm is None and len(self.arms) > 1:
            raise InvalidInput(f"arm must be one of {', '.join(map(repr, self.arms))}, got None")
        chosen = self.arms.index(check_choice("arm", arm or self.arms[0], self.arms))
        expected = np.asarray(outcome, dtype=np.float64)
        told = np.asarray(uplift, dtype=np.float64)
        if expected.shape != told.shape or told.ndim != 1:
            raise InvalidInput(
                f"outcome and uplift must each have one value a customer, got shapes "
                f"{expected.shape} and {told.shape}"
            )
        effect, error = self._steps[chosen].at(told)
        least = self.least_effect[self.arms[chosen]]
        codes = _groups(expected, effect, error, self.likely, least, self.alpha)
        return np.array(list(CLASSIC), dtype=object)[codes]


def classic_groups(
    source: CrossFit | Any,
    *,
    least_effect: float | Mapping[str, float] | None = None,
    likely: float | None = None,
    measured_share: float = 0.4,
    alpha: float = 0.05,
) -> ClassicGroups:
    """Name the four classic groups, and measure the effect on each.

    ===============  ============================================================================
    group            who
    ===============  ============================================================================
    persuadables     the effect is above zero beyond doubt, and at least `least_effect`
    sleeping dogs    the effect is below zero beyond doubt
    sure things      neither, and the expected outcome without us is at least `likely`
    lost causes      neither, and it is less
    ===============  ============================================================================

    Parameters
    ----------
    source : UpliftModel or CrossFit
        A fitted model, or its `crossfit_`.
    least_effect : float or mapping of arm to float, optional
        The effect, in outcome units, from which it is worth having, e.g. cost / value; by default
        half of the arm's average effect (or 0 where that is negative).
    likely : float, optional
        By default the average outcome without us.
    measured_share : float
        About what share of customers measures the groups, in whole folds.
    alpha : float
        Doubt and intervals are at level ``1 - alpha``.

    Returns
    -------
    ClassicGroups

    Raises
    ------
    InvalidInput
        If a number is out of range, or `least_effect` does not name every arm.

    References
    ----------
    Radcliffe, Surry (1999). Differential response analysis. Chernozhukov, Demirer, Duflo,
    Fernández-Val (2018). Generic machine learning inference on heterogeneous treatment effects,
    for groups by predictions of other folds.

    Examples
    --------
    >>> from marketing_ds.uplift import UpliftModel
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"app": rng.random(6000) < 0.5, "loyal": rng.random(6000) < 0.5})
    >>> arm = rng.choice(["control", "coupon"], 6000)
    >>> y = rng.random(6000) < 0.1 + 0.5 * X["loyal"] + 0.2 * (X["app"] & (arm == "coupon"))
    >>> model = UpliftModel(n_estimators=20, n_folds=2).fit(X, y, treatment=arm)
    >>> found = classic_groups(model).to_frame().set_index("group")
    >>> found["effect"].idxmax()
    'persuadables'
    >>> found.loc["persuadables", "verdict"]
    'more act because of it'
    """
    crossfit = crossfit_of(source)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_number("measured_share", measured_share, low=0.1, high=0.9)
    judging = judges(crossfit.folds, measured_share)
    without_us, arms = control_scores(crossfit), crossfit.arms.names
    bar = float(without_us[~judging].mean()) if likely is None else check_number("likely", likely)
    least = _least(least_effect, arms, crossfit.psi[~judging])
    members = np.empty((len(crossfit.y), len(arms)), dtype=np.int8)
    effects = np.empty(members.shape)
    expected = crossfit.outcome[:, 0]
    steps, rows = [], []
    for at, arm in enumerate(arms):
        psi, told = crossfit.psi[:, at], crossfit.uplift[:, at]
        steps.append(_fit(psi[~judging], told[~judging]))
        effects[:, at], error = steps[-1].at(told)
        members[:, at] = _groups(expected, effects[:, at], error, bar, least[arm], alpha)
        for code in range(len(CLASSIC)):
            there = members[:, at] == code
            rows.append(_row(there, there & judging, arm, code, psi, without_us, alpha))
    return ClassicGroups(
        arms, bar, least, alpha, members, expected, effects, pd.DataFrame(rows), tuple(steps)
    )


def judges(folds: npt.NDArray[np.int8], share: float) -> npt.NDArray[np.bool_]:
    """Customers of the last folds, about `share` of all, who judge what the others have chosen."""
    count = int(folds.max()) + 1
    if count < 2:
        raise InvalidInput("source must be cross-fitted over at least two folds, got one")
    kept = max(1, min(round(share * count), count - 1))
    found: npt.NDArray[np.bool_] = folds >= count - kept
    return found


def control_scores(crossfit: CrossFit) -> Floats:
    """Doubly-robust outcome without us: its mean among any customers is theirs, shape (n,)."""
    scores = crossfit.outcome[:, 0].copy()
    there = np.flatnonzero(crossfit.arms.codes == 0)
    scores[there] += (crossfit.y[there] - scores[there]) / crossfit.probability[there, 0]
    return scores


def kind_of(effect: Estimate, control: float, average: float) -> str:
    """Which of the classic groups customers are, by what was measured on all of them."""
    if effect.ci_lower > 0:
        return "persuadables"
    if effect.ci_upper < 0:
        return "sleeping dogs"
    return "sure things" if control >= average else "lost causes"


def mean_of(values: Floats, alpha: float) -> Estimate:
    """Mean of scores with its interval; unknown for fewer than two."""
    if len(values) < 2:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    se = float(values.std(ddof=1)) / np.sqrt(len(values))
    return Estimate.normal(float(values.mean()), se, alpha=alpha)


def _groups(
    expected: Floats, effect: Floats, error: Floats, likely: float, least: float, alpha: float
) -> npt.NDArray[np.int8]:
    half = normal_quantile(alpha) * error
    code = np.where(expected >= likely, _SURE, _LOST)
    code[(effect - half > 0) & (effect >= least)] = _PERSUADABLE
    code[effect + half < 0] = _SLEEPING
    return code.astype(np.int8)


def _fit(psi: Floats, told: Floats) -> _Steps:
    """Means of ψ in bands of the prediction, neighbours pooled until they rise."""
    edges = np.unique(np.quantile(told, np.arange(1, _BANDS) / _BANDS, method="nearest"))
    band = np.searchsorted(edges, told, side="right")
    # The lowest quantiles may all be the smallest prediction: nobody is below it.
    count = np.bincount(band, minlength=len(edges) + 1)
    mean = np.bincount(band, psi, minlength=len(count)) / np.maximum(count, 1)
    rising = IsotonicRegression().fit(np.arange(len(count)), mean, sample_weight=count)
    step = np.unique(rising.predict(np.arange(len(count))), return_inverse=True)[1]
    block = step[band]
    size = np.bincount(block, minlength=step.max() + 1)
    centre = np.bincount(block, psi, minlength=len(size)) / np.maximum(size, 1)
    square = np.bincount(block, (psi - centre[block]) ** 2, minlength=len(size))
    error = np.sqrt(square) / np.maximum(size, 1)
    return _Steps(edges, centre[step], error[step])


def _row(
    there: npt.NDArray[np.bool_],
    judging: npt.NDArray[np.bool_],
    arm: str,
    code: int,
    psi: Floats,
    control: Floats,
    alpha: float,
) -> dict[str, Any]:
    effect, without_us = mean_of(psi[judging], alpha), mean_of(control[judging], alpha)
    return {
        "arm": arm,
        "group": code,
        "customers": int(there.sum()),
        "customer_share": float(there.mean()),
        "measured": int(judging.sum()),
        "control_outcome": without_us.value,
        "control_outcome_ci_lower": without_us.ci_lower,
        "control_outcome_ci_upper": without_us.ci_upper,
        "effect": effect.value,
        "effect_ci_lower": effect.ci_lower,
        "effect_ci_upper": effect.ci_upper,
        "p_value": effect.p_value,
    }


def _verdict(low: float, high: float, language: str) -> str:
    more, fewer, neither = _VERDICTS[language]
    return "" if low != low else more if low > 0 else fewer if high < 0 else neither


def _least(
    least_effect: float | Mapping[str, float] | None, arms: tuple[str, ...], psi: Floats
) -> dict[str, float]:
    if least_effect is not None:
        return by_arm("least_effect", least_effect, arms, low=0.0)
    halves = np.maximum(0.0, psi.mean(axis=0) / 2)
    return dict(zip(arms, halves.tolist(), strict=True))


def by_arm(
    name: str, given: float | Mapping[str, float], arms: tuple[str, ...], *, low: float
) -> dict[str, float]:
    """One number an arm, from one for all or one each."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(arms, check_number(name, given, low=low))
    if set(given) != set(arms):
        raise InvalidInput(
            f"{name} must have one number an arm ({', '.join(map(repr, arms))}), got {dict(given)!r}"
        )
    return {arm: check_number(f"{name}[{arm!r}]", given[arm], low=low) for arm in arms}
