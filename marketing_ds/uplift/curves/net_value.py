"""What targeting is worth in money, by the share treated: outcomes have a value, contacts a cost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ..arms import Floats, read_numbers
from .bootstrap import draw_curves
from .compared import Compared, read_compared
from .curve_sums import CurveSums


@dataclass(frozen=True)
class BestShare:
    """The share at the top of a net-value curve, which was chosen in hindsight.

    Attributes
    ----------
    share : float
        Where the curve is highest; 0 if treating anyone loses money.
    share_ci_lower, share_ci_upper : float
        The span of the shares that are not shown to bring less. Around its top a curve is flat, so
        that it is wide for a reason.
    net_value : Estimate
        Net value at `share`, per person of the population, *as if the share had been fixed before*.
    optimism : float
        By how much `net_value` flatters, on average, because the share was chosen on the same
        outcomes it is judged by. To judge a share without that, fix it first (``at(share)``) or
        choose it on other customers.
    """

    share: float
    share_ci_lower: float
    share_ci_upper: float
    net_value: Estimate
    optimism: float


@dataclass(frozen=True)
class NetValueCurve(Result):
    """Net value by the share treated; made by `net_value_curve` or `UpliftCurve.net_value`.

    Attributes
    ----------
    arm, control : str
        What is compared.
    everyone : Estimate
        Net value of treating everyone, per person.
    best : BestShare
        Where the curve is highest.
    share, value, se : ndarray of shape (m,)
        Net value per person of the population at shares from 0 to 1, and its standard errors.
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    arm: str
    control: str
    everyone: Estimate
    best: BestShare
    share: Floats = field(repr=False)
    value: Floats = field(repr=False)
    se: Floats = field(repr=False)
    alpha: float
    _sums: CurveSums = field(repr=False)

    def at(self, share: float) -> Estimate:
        """Net value per person of the population when the top `share` is treated.

        Raises
        ------
        InvalidInput
            If `share` is not between 0 and 1.
        """
        share = check_number("share", share, low=0, high=1)
        if share == 0:
            return Estimate(0.0, 0.0, 0.0, 0.0)
        return self._sums.estimate(share, alpha=self.alpha)

    def band(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals of `value`, each of shape (m,)."""
        return self._sums.band(self.alpha)

    def to_frame(self, points: int = 20) -> pd.DataFrame:
        """The curve at `points` equal steps of share: net value per person, with its interval."""
        points = check_count("points", points, low=1)
        shares = np.arange(1, points + 1) / points
        found = [self.at(share) for share in shares]
        return pd.DataFrame(
            {
                "targeted_share": shares,
                "net_value": [one.value for one in found],
                "net_value_ci_lower": [one.ci_lower for one in found],
                "net_value_ci_upper": [one.ci_upper for one in found],
            }
        )

    def summary(self) -> pd.DataFrame:
        """The best share (in hindsight) and treating everyone, one row each."""
        best, all_ = self.best, self.everyone
        rows = [
            ("best", best.share, best.share_ci_lower, best.share_ci_upper, best.net_value),
            ("everyone", 1.0, 1.0, 1.0, all_),
        ]
        return pd.DataFrame(
            [
                {
                    "policy": name,
                    "targeted_share": share,
                    "targeted_share_ci_lower": lower,
                    "targeted_share_ci_upper": upper,
                    "net_value": found.value,
                    "net_value_ci_lower": found.ci_lower,
                    "net_value_ci_upper": found.ci_upper,
                    "optimism": best.optimism if name == "best" else 0.0,
                }
                for name, share, lower, upper, found in rows
            ]
        )


def net_value_curve(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    redeemed: Any = None,
    redemption_cost: Any = 0.0,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    psi: Any = None,
    alpha: float = 0.05,
) -> NetValueCurve:
    """What it is worth to treat the top of a ranking, share by share.

    Parameters
    ----------
    y, score, treatment, arm, control, probability, psi, alpha
        As in `uplift_curve`.
    value : float or array-like of shape (n,)
        Worth of one unit of the customer's outcome.
    cost : float or array-like of shape (n,)
        Cost of treating the customer.
    redeemed : array-like of shape (n,), optional
        Whether (or how often) the customer redeemed the benefit; read where the arm was given.
    redemption_cost : float or array-like of shape (n,)
        Cost of one redemption. As only some customers redeem, its noise is part of the intervals.

    Returns
    -------
    NetValueCurve
        ``.at(share)`` for a share fixed beforehand, ``.best`` for the best one in hindsight.

    Raises
    ------
    InvalidInput
        As `uplift_curve`; if an amount is not finite, has another length, or `redeemed` comes
        with `psi` (whose customers of other arms redeem nothing), or is missing beside its cost.

    Notes
    -----
    With money in place of outcomes (value · y, less for a customer of the arm what the treatment
    cost), the net value of treating the top share φ is V(φ) of `uplift_curve`, and so are its
    intervals. The span of the best share and its optimism come from a Poisson bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste, arm = rng.random(8000), rng.choice(["control", "coupon"], 8000)
    >>> bought = rng.random(8000) < 0.1 + 0.2 * taste * (arm == "coupon")
    >>> money = net_value_curve(
    ...     bought, taste, arm, value=100, cost=1, redeemed=bought, redemption_cost=20
    ... )
    >>> money.best.net_value.value > money.everyone.value
    True
    """
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
    money = in_money(compared, value, cost, redeemed, redemption_cost)
    sums = CurveSums.of(money.rank(0))
    return money_of(sums, money.arm, money.control, alpha)


def in_money(
    compared: Compared, value: Any, cost: Any, redeemed: Any = None, redemption_cost: Any = 0.0
) -> Compared:
    """The customers with money for outcomes."""
    rows = len(compared.y) if compared.kept is None else len(compared.kept)
    money = compared.y * _amount(value, "value", compared, rows)
    spent = _amount(cost, "cost", compared, rows)
    each = _amount(redemption_cost, "redemption_cost", compared, rows)
    if redeemed is not None:
        if compared.effects:
            raise InvalidInput(
                "redeemed must not be given with psi: pseudo-outcomes know no redemptions; "
                "make them from money, or leave psi out"
            )
        spent = spent + each * _amount(redeemed, "redeemed", compared, rows)
    elif np.any(each):
        raise InvalidInput("redemption_cost needs redeemed: which customers redeemed, got None")
    money -= spent if compared.effects else spent * compared.treated
    return replace(compared, y=money)


def money_of(sums: CurveSums, arm: str, control: str, alpha: float) -> NetValueCurve:
    """The net-value curve of sums in money."""
    return NetValueCurve(
        arm=arm,
        control=control,
        everyone=sums.estimate(1.0, alpha=alpha),
        best=_best(sums, alpha),
        share=sums.share,
        value=sums.value,
        se=sums.se,
        alpha=alpha,
        _sums=sums,
    )


def _best(sums: CurveSums, alpha: float) -> BestShare:
    """The top of the curve, the span of shares that may be as good, and how much it flatters."""
    share, drawn = draw_curves(sums)
    curve = np.interp(share, sums.share, sums.value)
    noise = drawn - curve
    at_top = np.arange(len(drawn)), drawn.argmax(axis=1)
    optimism = float(noise[at_top].mean())
    # The true best share falls short of the highest point found by no more than noise rises
    # from the one to the other.
    rise = np.quantile(noise.max(axis=1)[:, None] - noise, 1 - alpha, axis=0)
    may_be = share[curve.max() - curve <= rise]
    top = int(sums.value.argmax())
    best = float(sums.share[top])
    at_best = sums.estimate(best, alpha=alpha) if top else Estimate(0.0, 0.0, 0.0, 0.0)
    low, high = min(best, float(may_be[0])), max(best, float(may_be[-1]))
    return BestShare(best, low, high, at_best, max(optimism, 0.0))


def _amount(amount: Any, name: str, compared: Compared, rows: int) -> Floats | float:
    """One number for all, or one a customer."""
    if np.ndim(amount) == 0:
        return check_number(name, amount, low=-np.inf, high=np.inf, inclusive=False)
    numbers = read_numbers(amount, name)
    if len(numbers) != rows:
        raise InvalidInput(f"{name} must have one value a row: {rows} rows, got {len(numbers)}")
    return numbers if compared.kept is None else numbers[compared.kept]
