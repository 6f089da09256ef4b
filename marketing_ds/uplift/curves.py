"""Uplift curves: how much a ranking gains over random targeting, with intervals.

Definition (one, in outcome units): with customers ordered by score, highest first,

``V(φ) = φ · (mean outcome of the arm − mean outcome of control, within the top share φ)``

is the incremental outcome per person of the population when the top share φ is treated.
AUUC is the area under V, Qini the area between V and the straight line to V(1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, interval

from .arms import Floats, read_arms, read_numbers, read_outcome, read_probability
from .ranking import Ranking, Side


@dataclass(frozen=True)
class UpliftCurve(Result):
    """An uplift curve with its areas; made by `uplift_curve`.

    Attributes
    ----------
    arm, control : str
        What is compared.
    n_arm, n_control : int
        Customers in each.
    qini, auuc : Estimate
        Areas, in outcome units per person of the population.
    average : Estimate
        V(1): the effect of treating everyone, per person.
    share, value, se : ndarray of shape (m,)
        The curve V at increasing shares from 0 to 1, and its standard errors (NaN where a top
        share holds fewer than two customers of the arm or of control).
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    arm: str
    control: str
    n_arm: int
    n_control: int
    qini: Estimate
    auuc: Estimate
    average: Estimate
    share: Floats = field(repr=False)
    value: Floats = field(repr=False)
    se: Floats = field(repr=False)
    alpha: float
    _sums: tuple[Side, Side] = field(repr=False)
    _centre: float = field(repr=False)

    def uplift_at(self, share: float) -> Estimate:
        """Effect per treated person within the top `share`: mean of the arm − mean of control.

        Parameters
        ----------
        share : float
            Between 0 (excluded) and 1.

        Returns
        -------
        Estimate
            NaN where the top share holds nobody of the arm or of control; without standard error
            where it holds only one.

        Raises
        ------
        InvalidInput
            If `share` is not in (0, 1].
        """
        at = self.value_at(share)
        known = at.value / share, at.se / share
        return Estimate.normal(*known, alpha=self.alpha)

    def value_at(self, share: float) -> Estimate:
        """V(`share`): incremental outcome per person of the population, as in `uplift_at`."""
        share = check_number("share", share, low=0, high=1)
        if share == 0:
            raise InvalidInput("share must be greater than 0, got 0")
        at = np.array([share])
        arm, control = (side.at(at * (len(self.share) - 1)) for side in self._sums)
        value = at * (arm.mean() - control.mean())
        slope = _slope(at, self.share, self.value)
        se = _standard_error(at, value, slope, arm, control, self.n_arm + self.n_control)
        return Estimate.normal(value[0], se[0], alpha=self.alpha)

    def by_group(self, n_groups: int = 10) -> UpliftGroups:
        """The effect within equal groups of the ranking, best first (deciles by default)."""
        n_groups = check_count("n_groups", n_groups, low=2, high=len(self.share) - 1)
        edges = np.linspace(0, len(self.share) - 1, n_groups + 1)
        arm, control = (side.at(edges).between() for side in self._sums)
        uplift = arm.mean() - control.mean()
        se = np.sqrt(arm.mean_variance() + control.mean_variance())
        lower, upper = interval(uplift, se, self.alpha)
        frame = pd.DataFrame(
            {
                "group": np.arange(1, n_groups + 1),
                "mean_arm": arm.mean() + self._centre,
                "mean_control": control.mean() + self._centre,
                "uplift": uplift,
                "se": se,
                "uplift_ci_lower": lower,
                "uplift_ci_upper": upper,
            }
        )
        return UpliftGroups(frame, self.arm, self.control, self.average, self.alpha)

    def to_frame(self, points: int = 20) -> pd.DataFrame:
        """The curve at `points` equal steps: share, value, uplift, each with its interval."""
        points = check_count("points", points, low=1)
        rows = [
            (share, self.value_at(share), self.uplift_at(share))
            for share in np.arange(1, points + 1) / points
        ]
        return pd.DataFrame(
            {
                "targeted_share": [share for share, _, _ in rows],
                **_columns("value", [value for _, value, _ in rows]),
                **_columns("uplift", [uplift for _, _, uplift in rows]),
            }
        )

    def summary(self) -> pd.DataFrame:
        """Qini, AUUC and average effect, one row each, with intervals and p-values."""
        return _summary({"qini": self.qini, "auuc": self.auuc, "average": self.average})


@dataclass(frozen=True)
class UpliftGroups(Result):
    """The effect within groups of a ranking; made by `UpliftCurve.by_group`."""

    frame: pd.DataFrame
    arm: str
    control: str
    average: Estimate
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a group, best first, with means, effect and interval."""
        return self.frame.copy()


@dataclass(frozen=True)
class CurveComparison(Result):
    """Two scores on the same customers; made by `compare_curves`.

    Attributes
    ----------
    first, second : UpliftCurve
        The two curves.
    qini, auuc : Estimate
        First minus second, paired: the customers' noise that both share cancels.
    """

    first: UpliftCurve
    second: UpliftCurve
    qini: Estimate
    auuc: Estimate

    def to_frame(self) -> pd.DataFrame:
        """Qini and AUUC of each and their difference, with intervals and p-values."""
        parts = {
            "first": (self.first.qini, self.first.auuc),
            "second": (self.second.qini, self.second.auuc),
            "difference": (self.qini, self.auuc),
        }
        frames = [
            _summary({"qini": qini, "auuc": auuc}).assign(score=name)
            for name, (qini, auuc) in parts.items()
        ]
        frame = pd.concat(frames, ignore_index=True)
        return frame[["score", *(column for column in frame if column != "score")]]


def uplift_curve(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    alpha: float = 0.05,
) -> UpliftCurve:
    """How well a score ranks customers by the effect of an arm.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcomes: 0/1, counts or amounts.
    score : array-like of shape (n,)
        Predicted uplift, or any score; only its order matters. Equal scores share their group:
        the curve is the expected one over random orders within it.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    arm : str, optional
        The arm compared with control; needed if there are several. Customers of other arms are
        left out.
    control : str or int
        Name of the control arm.
    probability : array-like of shape (n,) or mapping, optional
        P(the arm received), by row or by arm, where it differs between customers; outcomes are
        weighted by its inverse. By default the arms are compared as they are, which is right for
        an experiment with constant probabilities.
    alpha : float
        Intervals are at level ``1 - alpha``.

    Returns
    -------
    UpliftCurve
        With ``.qini``, ``.auuc``, ``.uplift_at(share)``, each with standard error and interval.

    Raises
    ------
    InvalidInput
        If lengths differ, a value is missing, control or the arm is absent, or a probability is
        outside (0, 1).

    Notes
    -----
    Shares are counted in the rows handed in of the two arms. Standard errors come from influence
    functions, with the score taken as given: score customers whom the model was not trained on.
    They include the noise of the cut between targeted and not. Areas take V as linear between
    customers, and above the first customer of the second arm seen.

    References
    ----------
    Radcliffe, N. J. (2007). Using control groups to target on predicted lift. Direct Marketing
    Analytics Journal. Yadlowsky et al. (2025). Evaluating treatment prioritization rules via
    rank-weighted average treatment effects. JASA (the influence functions' general form).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste, arm = rng.random(4000), rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.1 * taste * (arm == "coupon")
    >>> curve = uplift_curve(y, taste, arm)
    >>> curve.qini.ci_lower > 0
    True
    >>> curve.uplift_at(0.2).value > curve.uplift_at(1).value
    True
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    prepared = _prepare(y, [("score", score)], treatment, arm, control, probability)
    return _curve(prepared, prepared.scores[0], alpha)[0]


def compare_curves(
    y: Any,
    first: Any,
    second: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    alpha: float = 0.05,
) -> CurveComparison:
    """Whether one score ranks better than another, on the same customers.

    Parameters
    ----------
    y, treatment, arm, control, probability, alpha
        As in `uplift_curve`.
    first, second : array-like of shape (n,)
        The two scores.

    Returns
    -------
    CurveComparison
        ``.qini`` and ``.auuc`` are first minus second, with paired interval and ``.p_value``.

    Raises
    ------
    InvalidInput
        As in `uplift_curve`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste, arm = rng.random(4000), rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.1 * taste * (arm == "coupon")
    >>> compare_curves(y, taste, -taste, arm).qini.p_value < 0.05
    True
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    scores = [("first", first), ("second", second)]
    prepared = _prepare(y, scores, treatment, arm, control, probability)
    (one, areas_one), (two, areas_two) = (
        _curve(prepared, score, alpha) for score in prepared.scores
    )
    qini, auuc = (
        Estimate.from_influence(
            getattr(one, name).value - getattr(two, name).value,
            areas_one[name] - areas_two[name],
            alpha=alpha,
        )
        for name in ("qini", "auuc")
    )
    return CurveComparison(one, two, qini, auuc)


@dataclass(frozen=True)
class _Prepared:
    """The customers of the two arms."""

    y: Floats
    scores: list[Floats]
    treated: np.ndarray[Any, np.dtype[np.bool_]]
    weight: Floats | None
    arm: str
    control: str


def _prepare(
    y: Any,
    scores: list[tuple[str, Any]],
    treatment: Any,
    arm: str | None,
    control: str | int,
    probability: Any,
) -> _Prepared:
    outcome = read_outcome(y)
    ranked = []
    for name, score in scores:
        values = read_numbers(score, name)
        if len(values) != len(outcome):
            raise InvalidInput(
                f"{name} must have one value a row: {len(outcome)} rows, got {len(values)}"
            )
        ranked.append(values)
    arms = read_arms(treatment, control, rows=len(outcome))
    if arm is None and len(arms.names) > 1:
        raise InvalidInput(
            f"arm must say which arm is compared with {arms.control!r}: one of "
            f"{', '.join(map(repr, arms.names))}"
        )
    chosen = arms.names[0] if arm is None else check_choice("arm", arm, arms.names)
    weight = None if probability is None else 1 / read_probability(probability, arms)
    code = arms.labels.index(chosen)
    if len(arms.names) > 1:
        keep = (arms.codes == 0) | (arms.codes == code)
        outcome, ranked = outcome[keep], [values[keep] for values in ranked]
        weight = None if weight is None else weight[keep]
        treated = arms.codes[keep] == code
    else:
        treated = arms.codes == code
    return _Prepared(outcome, ranked, treated, weight, chosen, arms.control)


def _curve(
    prepared: _Prepared, score: Floats, alpha: float
) -> tuple[UpliftCurve, dict[str, Floats]]:
    """The curve, and each customer's influence on its areas."""
    ranking = Ranking(prepared.y, score, prepared.treated, prepared.weight)
    auuc, qini, auuc_influence, qini_influence = ranking.areas()
    share, arm, control = ranking.on_grid()
    value = np.interp(share, ranking.share, ranking.value())
    slope = _slope(share, share, value)
    se = _standard_error(share, value, slope, arm, control, ranking.n)
    curve = UpliftCurve(
        arm=prepared.arm,
        control=prepared.control,
        n_arm=int(prepared.treated.sum()),
        n_control=int((~prepared.treated).sum()),
        qini=Estimate.from_influence(qini, qini_influence, alpha=alpha),
        auuc=Estimate.from_influence(auuc, auuc_influence, alpha=alpha),
        average=Estimate.normal(value[-1], se[-1], alpha=alpha),
        share=np.append(0.0, share),
        value=np.append(0.0, value),
        se=np.append(0.0, se),
        alpha=alpha,
        _sums=(arm, control),
        _centre=ranking.centre,
    )
    return curve, {"qini": qini_influence, "auuc": auuc_influence}


def _slope(at: Floats, share: Floats, value: Floats) -> Floats:
    """V′, from a window of a tenth of the population: it only scales a minor variance."""
    low, high = np.clip(at - 0.05, 0, 1), np.clip(at + 0.05, 0, 1)
    rise = np.interp(high, share, value) - np.interp(low, share, value)
    return np.asarray(rise / (high - low))


def _standard_error(
    share: Floats, value: Floats, slope: Floats, arm: Side, control: Side, n: int
) -> Floats:
    """Standard errors of V: noise of the two means, and of the cut between targeted and not."""
    means = share**2 * (arm.mean_variance() + control.mean_variance())
    cut = (slope - value / share) ** 2 * share * (1 - share) / n
    return np.asarray(np.sqrt(means + cut))


def _columns(name: str, estimates: list[Estimate]) -> dict[str, list[float]]:
    return {
        name: [estimate.value for estimate in estimates],
        f"{name}_ci_lower": [estimate.ci_lower for estimate in estimates],
        f"{name}_ci_upper": [estimate.ci_upper for estimate in estimates],
    }


def _summary(estimates: dict[str, Estimate]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "metric": name,
                "value": estimate.value,
                "se": estimate.se,
                "value_ci_lower": estimate.ci_lower,
                "value_ci_upper": estimate.ci_upper,
                "p_value": estimate.p_value,
            }
            for name, estimate in estimates.items()
        ]
    )
