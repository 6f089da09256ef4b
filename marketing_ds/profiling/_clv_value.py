"""Customer lifetime value: purchases to come, times what they are worth, discounted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ._clv_data import (
    DAYS_A_MONTH,
    ID,
    TIMES,
    UNITS,
    Floats,
    one_row_a_customer,
    read_histories,
    unit_of,
)
from ._clv_fit import check_level, positive_interval, slopes, standard_errors
from ._clv_formulas import Past
from ._clv_purchases import BetaGeo
from ._clv_spend import GammaGamma, expected_value, read_spend


@dataclass(frozen=True, eq=False)
class LifetimeValue(Result):
    """What each customer is worth over the coming months; made by `lifetime_value`.

    `.to_frame()` has one row a customer: `customer_id`, `p_alive`, `expected_purchases`,
    `expected_value_cny` (of one purchase) and `clv_cny`, with `clv_cny_ci_lower` and
    `clv_cny_ci_upper` where both models were fitted.
    """

    months: int
    margin: float
    discount_rate: float
    level: float
    total_cny: Estimate
    """Of all customers together; its interval, like the others, is of the expectation."""
    rows: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a customer, in the order of the summary's frame."""
        return self.rows.copy()


def lifetime_value(
    summary: object,
    purchases: BetaGeo,
    spend: GammaGamma,
    *,
    months: int = 12,
    margin: float = 1.0,
    discount_rate: float = 0.01,
    level: float = 0.95,
) -> LifetimeValue:
    """Value each customer over the coming months.

    With E_k the purchases expected in month k and m the expected value of one, the lifetime value
    is margin · m · Σ E_k / (1 + discount_rate)^k, over `months` months of 30.4375 days.

    Parameters
    ----------
    summary : PurchaseSummary, pandas.DataFrame or ibis.Table
        One row a customer: `customer_id`, `frequency`, `recency`, `T`, `monetary_value`.
    purchases : BetaGeo
        How often they will buy.
    spend : GammaGamma
        What a purchase is worth.
    months : int, default 12
        The horizon.
    margin : float, default 1.0
        What is earned of each unit of value; 1 values turnover.
    discount_rate : float, default 0.01
        By how much a month of waiting lowers a value.
    level : float
        Level of the intervals: they say how well the models know the expectation, not how far one
        customer may stray from it.

    Returns
    -------
    LifetimeValue

    Raises
    ------
    InvalidInput
        If a history is impossible, a customer comes twice, or `spend` has no mean (q not above 1).

    Notes
    -----
    Standard errors are by the delta method over the parameters of both models, which are fitted
    apart.

    Examples
    --------
    >>> from marketing_ds.datasets import load_cdnow
    >>> from marketing_ds.profiling import purchase_summary
    >>> summary = purchase_summary(load_cdnow().purchases, "1997-09-30")
    >>> value = lifetime_value(summary, BetaGeo.fit(summary), GammaGamma.fit(summary), margin=0.3)
    >>> shown = ["customer_id", "p_alive", "expected_purchases", "clv_cny"]
    >>> value.to_frame()[shown].head(2).round(2)
      customer_id  p_alive  expected_purchases  clv_cny
    0        0001     0.73                1.56    10.89
    1        0002     0.21                0.26     1.39
    """
    check_count("months", months, low=1, high=1200)
    check_number("margin", margin, low=0, high=1e9)
    check_number("discount_rate", discount_rate, low=0, high=1)
    check_level(level)
    _check_models(purchases, spend)
    unit_of(summary, purchases.unit)
    spend.check_mean()
    frame = one_row_a_customer(summary, (ID, *TIMES, "monetary_value"))
    of = read_histories(frame)
    past = Past(of.frequency, of.recency, of.T)
    x, mean = read_spend(frame)
    ends = (np.arange(1, months + 1) * DAYS_A_MONTH / UNITS[purchases.unit]).tolist()
    weights = margin * (1 + discount_rate) ** -np.arange(1.0, months + 1)

    def discounted(theta: Any) -> Floats:
        return np.asarray(weights @ np.diff(past.expected(theta, ends), axis=0, prepend=0))

    each, worth = discounted(purchases.parameters), expected_value(spend.parameters, x, mean)
    clv = each * worth
    found = {
        "p_alive": past.p_alive(purchases.parameters),
        "expected_purchases": past.expected(purchases.parameters, ends[-1:])[0],
        "expected_value_cny": worth,
        "clv_cny": clv,
    }
    total_error = float("nan")
    if purchases.fitted is not None and spend.fitted is not None:
        by_rate = slopes(discounted, purchases.parameters) * worth
        by_spend = slopes(lambda theta: expected_value(theta, x, mean), spend.parameters) * each
        covariances = purchases.fitted.covariance, spend.fitted.covariance
        parts = list(zip((by_rate, by_spend), covariances, strict=True))
        error = np.sqrt(sum(standard_errors(s, c) ** 2 for s, c in parts))
        found |= positive_interval("clv_cny", clv, error, level)
        sums = [(s.sum(axis=1, keepdims=True), c) for s, c in parts]
        total_error = float(np.sqrt(sum(standard_errors(s, c)[0] ** 2 for s, c in sums)))
    total = _total(float(clv.sum()), total_error, level)
    rows = pd.DataFrame({ID: frame[ID].to_numpy(), **found})
    return LifetimeValue(months, margin, discount_rate, level, total, rows)


def _check_models(purchases: object, spend: object) -> None:
    for name, model, kind in (("purchases", purchases, BetaGeo), ("spend", spend, GammaGamma)):
        if not isinstance(model, kind):
            raise InvalidInput(
                f"{name} must be a {kind.__name__}, got {type(model).__name__}; "
                f"make it with {kind.__name__}.fit(summary)"
            )


def _total(value: float, error: float, level: float) -> Estimate:
    ends = positive_interval("v", np.array([value]), np.array([error]), level)
    return Estimate(value, error, float(ends["v_ci_lower"][0]), float(ends["v_ci_upper"][0]))
