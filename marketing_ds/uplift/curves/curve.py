"""Uplift curves: how much a ranking gains over random targeting, with intervals.

Definition (one, in outcome units): with customers ordered by score, highest first,

``V(φ) = φ · (mean outcome of the arm − mean outcome of control, within the top share φ)``

is the incremental outcome per person of the population when the top share φ is treated.
AUUC is the area under V, Qini the area between V and the straight line to V(1). AUTOC is the mean
over φ of V(φ)/φ − V(1): the effect per treated person, beyond that of treating everyone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ..arms import Floats
from ..metrics.metric import UpliftMetric, uplift_metric
from . import influence
from .by_group import UpliftGroups, effect_by_group
from .compared import Compared, read_compared
from .curve_sums import CurveSums, scaled
from .net_value import NetValueCurve, money_of
from .ranking import Ranking
from .toc import TocCurve, toc_of


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
    autoc : Estimate
        Area under the TOC curve (see `toc`), in outcome units per treated person.
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
    autoc: Estimate
    average: Estimate
    share: Floats = field(repr=False)
    value: Floats = field(repr=False)
    se: Floats = field(repr=False)
    alpha: float
    _sums: CurveSums = field(repr=False)
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
        return scaled(self.value_at(share), 1 / share)

    def value_at(self, share: float) -> Estimate:
        """V(`share`): incremental outcome per person of the population, as in `uplift_at`."""
        return self._sums.estimate(check_share(share), alpha=self.alpha)

    def gain_at(self, share: float, people: int | None = None) -> Estimate:
        """Cumulative gain: incremental outcomes in all when the top `share` of `people` is treated.

        Parameters
        ----------
        share : float
            Between 0 (excluded) and 1.
        people : int, optional
            Size of the population; by default the customers of the two arms.

        Raises
        ------
        InvalidInput
            If `share` is not in (0, 1], or `people` is no whole number above 0.
        """
        size = self._sums.n if people is None else check_count("people", people, low=1)
        return scaled(self.value_at(share), size)

    def band(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals of `value`, each of shape (m,)."""
        return self._sums.band(self.alpha)

    def toc(self) -> TocCurve:
        """The TOC curve: how far the effect within the top share exceeds the average effect."""
        share = self.share[1:]
        return TocCurve(self.arm, self.control, self.autoc, share, *toc_of(self._sums), self.alpha)

    def net_value(self, value: float = 1.0, cost: float = 0.0) -> NetValueCurve:
        """Money by the share treated: value · V(φ) − cost · φ, per person of the population.

        Parameters
        ----------
        value : float
            Worth of one unit of the outcome.
        cost : float
            Cost of treating one customer. Where worth or cost differ between customers, or a
            benefit costs only when it is redeemed, use `net_value_curve`.

        Raises
        ------
        InvalidInput
            If one is not a finite number, or `value` is not above 0.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> taste, arm = rng.random(8000), rng.choice(["control", "coupon"], 8000)
        >>> y = rng.random(8000) < 0.1 + 0.1 * taste * (arm == "coupon")
        >>> money = uplift_curve(y, taste, arm).net_value(value=100, cost=5)
        >>> print(f"treating half brings {money.at(0.5).value:.1f} a customer")
        treating half brings 1.1 a customer
        """
        value = check_number("value", value, low=0, high=np.inf, inclusive=False)
        cost = check_number("cost", cost, low=-np.inf, high=np.inf, inclusive=False)
        sums = self._sums.affine(value, -cost)
        return money_of(sums, self.arm, self.control, self.alpha)

    def by_group(self, n_groups: int = 10) -> UpliftGroups:
        """The effect within equal groups of the ranking, best first (deciles by default).

        The means of the arm and of control are NaN where the curve was made from pseudo-outcomes.
        """
        n_groups = check_count("n_groups", n_groups, low=2, high=len(self.share) - 1)
        frame = effect_by_group(self._sums, n_groups, self._centre, self.alpha)
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
                **columns("value", [value for _, value, _ in rows]),
                **columns("uplift", [uplift for _, _, uplift in rows]),
            }
        )

    def summary(self) -> pd.DataFrame:
        """Qini, AUUC, AUTOC and average effect, one row each, with intervals and p-values."""
        return summarise(
            {name: getattr(self, name) for name in ("qini", "auuc", "autoc", "average")}
        )


@overload
def uplift_curve(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    psi: Any = None,
    alpha: float = 0.05,
    definition: None = None,
) -> UpliftCurve: ...


@overload
def uplift_curve(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    psi: Any = None,
    alpha: float = 0.05,
    definition: str,
) -> UpliftMetric: ...


def uplift_curve(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    psi: Any = None,
    alpha: float = 0.05,
    definition: str | None = None,
) -> UpliftCurve | UpliftMetric:
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
    psi : array-like of shape (n,) or (n, arms), optional
        Doubly-robust pseudo-outcomes of the arm's effect, or one column for each arm beside
        control (such as ``model.crossfit_.psi``; see `pseudo_outcomes`). The curve is then the mean
        of them within the top share, over the customers of all arms: less noise where outcomes can
        be predicted, and right for observational data if the models behind them are.
    alpha : float
        Intervals are at level ``1 - alpha``.
    definition : str, optional
        Another library's definition by name, such as ``"sklift_qini"``: the answer is then its
        `UpliftMetric`, as of `uplift_metric`, which takes that library's own options too.

    Returns
    -------
    UpliftCurve
        With ``.qini``, ``.auuc``, ``.autoc``, ``.uplift_at(share)``, ``.gain_at(share)``, each with
        standard error and interval; ``.toc()``, ``.net_value(value, cost)`` and ``.by_group()``.

    Raises
    ------
    InvalidInput
        If lengths differ, a value is missing, control or the arm is absent, a probability is
        outside (0, 1), or both `probability` and `psi` are given.

    Notes
    -----
    Shares are counted in the rows handed in of the two arms (of all arms with `psi`). Standard
    errors come from influence functions, with the score taken as given: score customers whom the
    model was not trained on. They include the noise of the cut between targeted and not. Areas
    take V as linear between customers, and above the first customer of the second arm seen. Where
    all scores are equal the curve is the straight line, and Qini and AUTOC are exactly 0.

    Where an outcome has two values, intervals at a share are Newcombe's, from Wilson's of both
    means: they hold with a handful of outcomes within the top, and are not symmetric. A `p_value`
    is always that of value and standard error.

    Qini and AUTOC are the two rank-weighted average treatment effects (RATE) of Yadlowsky et al.;
    with `psi` they equal what R's grf computes from the same scores
    (``rank_average_treatment_effect``, targets ``"QINI"`` and ``"AUTOC"``).

    References
    ----------
    Radcliffe, N. J. (2007). Using control groups to target on predicted lift. Direct Marketing
    Analytics Journal. Yadlowsky et al. (2025). Evaluating treatment prioritization rules via
    rank-weighted average treatment effects. JASA (AUTOC, and the influence functions' general form).
    Newcombe (1998). Interval estimation for the difference between independent proportions:
    comparison of eleven methods. Statistics in Medicine 17, 873-890, method 10.

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
    if definition is not None:
        chances = {"probability": probability, "psi": psi}
        given = {name: value for name, value in chances.items() if value is not None}
        return uplift_metric(
            y, score, treatment, definition=definition, arm=arm, control=control, **given
        )
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    compared = read_compared(
        y,
        [("score", score)],
        treatment,
        arm=arm,
        control=control,
        probability=probability,
        psi=psi,
    )
    return curve_of(compared, compared.rank(0), alpha)


def curve_of(compared: Compared, ranking: Ranking, alpha: float) -> UpliftCurve:
    """The curve of customers who are ranked already."""
    sums = CurveSums.of(ranking)
    average = sums.estimate(1.0, alpha=alpha)
    found = {
        name: by.estimate(ranking, value, alpha)
        for name, (value, by) in areas_of(ranking, float(sums.value[-1])).items()
    }
    return UpliftCurve(
        arm=compared.arm,
        control=compared.control,
        n_arm=compared.n_arm,
        n_control=compared.n_control,
        qini=found["qini"],
        auuc=found["auuc"],
        autoc=found["autoc"],
        average=average,
        share=sums.share,
        value=sums.value,
        se=sums.se,
        alpha=alpha,
        _sums=sums,
        _centre=ranking.centre,
    )


def areas_of(ranking: Ranking, total: float) -> dict[str, tuple[float, influence.Influence]]:
    """The areas by name, with who moves them; `total` is V(1)."""
    auuc = ranking.mean_value - total / (2 * ranking.n)  # V(0) = 0 is the other end
    by_auuc, by_average = influence.of_auuc(ranking), influence.of_average(ranking)
    areas = {
        "qini": (auuc - total / 2, by_auuc.plus(by_average, -0.5)),
        "auuc": (auuc, by_auuc),
        "autoc": (ranking.mean_effect - total, influence.of_autoc(ranking)),
    }
    if ranking.one_group:  # V is a straight line: all that is left of the others is rounding
        nothing = influence.Influence.nothing(ranking)
        areas |= {"qini": (0.0, nothing), "autoc": (0.0, nothing)}
    return areas


def check_share(share: float) -> float:
    """A share of customers, above 0 and at most 1."""
    share = check_number("share", share, low=0, high=1)
    if share == 0:
        raise InvalidInput("share must be greater than 0, got 0")
    return share


def columns(name: str, estimates: list[Estimate]) -> dict[str, list[float]]:
    """Columns of estimates with the ends of their intervals."""
    return {
        name: [estimate.value for estimate in estimates],
        f"{name}_ci_lower": [estimate.ci_lower for estimate in estimates],
        f"{name}_ci_upper": [estimate.ci_upper for estimate in estimates],
    }


def summarise(estimates: dict[str, Estimate]) -> pd.DataFrame:
    """One row an estimate, with interval and p-value."""
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
