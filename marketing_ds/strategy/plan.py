"""What an allocation returns: the plan, and the certificate of how good it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.display import Result, frame_html

from .value import Candidates, IntArray


@dataclass(frozen=True)
class Certificate:
    """Proof of a plan's quality, in CNY of expected net value.

    No plan within the limits is worth more than `upper_bound_cny` (infinite for a baseline, which
    does not ask).
    """

    objective_cny: float
    upper_bound_cny: float
    feasible: bool
    limits: pd.DataFrame = field(repr=False)
    """One row a limit: limit, most, used, left, shadow_price_cny."""

    @property
    def gap(self) -> float:
        """Share of the upper bound that the plan may be short of; 0 is proved best."""
        if self.upper_bound_cny <= 0:
            return 0.0
        return max(0.0, 1 - self.objective_cny / self.upper_bound_cny)

    def __str__(self) -> str:
        worth = f"Net value {self.objective_cny:,.2f} CNY"
        if not math.isfinite(self.upper_bound_cny):
            return worth
        return f"{worth}, proved to be at most {self.gap:.2%} below the best plan"


@dataclass(frozen=True)
class Plan(Result):
    """Who gets which offer through which channel, and why.

    Attributes
    ----------
    certificate : Certificate
        Value, upper bound, gap and use of the limits.
    shadow_prices : mapping
        Limit → CNY of net value that one more unit of it would bring (0 where it does not bind).
        Where several limits bind on the same customers their prices are not unique.
    population : int
        Customers considered.
    """

    certificate: Certificate
    shadow_prices: Mapping[str, float]
    population: int
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """The plans table: one row per customer who is given something, in order of id."""
        return self._frame.copy()

    def summary(self) -> pd.DataFrame:
        """One row an offer: customers, expected cost and net value in CNY."""
        return (
            self._frame.groupby(["offer", "channel"], as_index=False, observed=True)
            .agg(
                customers=("uplift", "size"),
                extra_outcomes=("uplift", "sum"),
                expected_cost_cny=("expected_cost_cny", "sum"),
                net_value_cny=("net_value_cny", "sum"),
            )
            .sort_values("net_value_cny", ascending=False, ignore_index=True)
        )

    def _repr_html_(self) -> str:
        treated = len(self._frame)
        title = f"Plan: {treated:,} of {self.population:,} customers get an offer"
        html = frame_html(self.summary(), title=title)
        limits = frame_html(self.certificate.limits, title=str(self.certificate))
        return html + (limits if len(self.certificate.limits) else "")


def plan_frame(who: Candidates, choice: IntArray, reasons: pd.Series[str]) -> pd.DataFrame:
    """The plans table of a choice (−1: none) for each candidate."""
    given = np.flatnonzero(choice >= 0)
    offer = choice[given]
    uplift, cost = who.uplift[offer, given], who.offers.cost[offer]
    return pd.DataFrame(
        {
            "customer_id": who.customer_ids.take(pa.array(given)).to_pandas(),
            "as_of": pd.Series([who.as_of] * len(given), dtype=object),
            "offer": _named(who.offers.names, offer),
            "channel": _named(who.offers.channels, offer),
            "uplift": uplift,
            "expected_cost_cny": cost,
            "net_value_cny": who.offers.value[offer] * uplift - cost,
            "reason": reasons,
        }
    ).astype({"customer_id": "str"})


def _named(names: tuple[str, ...], positions: IntArray) -> pd.Series[str]:
    return pd.Series(
        pa.array(names, pa.string()).take(pa.array(positions)).to_pandas(), dtype="str"
    )
