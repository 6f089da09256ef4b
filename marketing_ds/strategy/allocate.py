"""Who gets which offer: the most net value within budget and capacities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._dual import Dual, choose, counts_of
from ._reasons import reasons
from ._rounding import in_order_of_id, round_prices, solve_exactly
from .limits import Constraints, Limits, constraints
from .plan import Certificate, Plan, plan_frame
from .value import Candidates, FloatArray, Frame, IntArray, candidates

_EXACT = 200
_TIE_BREAK = 1e-8


def allocate(scores: Frame, offers: Frame, limits: Limits | None = None) -> Plan:
    """Give each customer at most one offer so that the sum of net values is as large as can be.

    Net value of an offer to a customer is
    ``value · uplift − (contact cost + benefit cost · P(redeem))``. Limits are respected exactly in
    expected cost and in customers; among customers of equal value the smaller `customer_id` comes
    first, and the order of the rows never matters.

    Parameters
    ----------
    scores : pandas.DataFrame or ibis.Table
        The scores table, kind `uplift`: one row per customer and arm. A customer without a row
        for an arm cannot get that offer (see `eligible` for consent).
    offers : pandas.DataFrame or ibis.Table
        One row an offer: offer (the arm of the same name), channel, contact_cost_cny,
        benefit_cost_cny, redeem_rate, value_cny, and optionally capacity (customers at most).
    limits : Limits, optional
        Budget, capacities and least net value; no limits by default.

    Returns
    -------
    Plan
        `.to_frame()` (the plans table), `.certificate` (value, upper bound, gap, use of limits),
        `.shadow_prices` (CNY per further unit of each limit), `.summary()`, `.plot()`.

    Raises
    ------
    InvalidInput
        If scores, offers or limits break a rule; the message says which.

    Notes
    -----
    Prices of the limits come from the Lagrangian dual, minimised by a level bundle method; it also
    bounds every plan from above. The customers who are close to indifferent at those prices are
    then settled as whole persons. Up to 200 customers this is an integer programme
    solved to a gap of about 1e-7; above, the gap is reported and shrinks as customers grow.

    References
    ----------
    Fisher (1981), The Lagrangian relaxation method for solving integer programming problems.
    Management Science 27(1). Pisinger (1999), Core problems in knapsack algorithms. Operations
    Research 47(4).

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({
    ...     "customer_id": ["c1", "c2", "c3"], "as_of": "2026-06-30", "kind": "uplift",
    ...     "arm": "coupon", "score": [0.10, 0.02, 0.05], "model_version": "m"})
    >>> offers = pd.DataFrame({
    ...     "offer": ["coupon"], "channel": ["sms"], "contact_cost_cny": [0.5],
    ...     "benefit_cost_cny": [10.0], "redeem_rate": [0.15], "value_cny": [200.0]})
    >>> plan = allocate(scores, offers, Limits(budget_cny=4))
    >>> plan.to_frame()[["customer_id", "offer", "expected_cost_cny", "net_value_cny"]]
      customer_id   offer  expected_cost_cny  net_value_cny
    0          c1  coupon                2.0           18.0
    1          c3  coupon                2.0            8.0
    """
    limits = limits if limits is not None else Limits()
    who = candidates(scores, offers)
    rows = constraints(limits, who.offers)
    solution = optimise(_allowed(who, limits, tie_break=_TIE_BREAK), rows)
    net, choice, core = _allowed(who, limits), solution.choice, solution.core
    choice[core] = in_order_of_id(choice[core], net[:, core])
    objective = float(net[choice[choice >= 0], np.flatnonzero(choice >= 0)].sum())
    bound = dual_value(net, rows, solution.prices)
    if solution.bound is not None:
        bound = min(bound, solution.bound * (1 + 2 * _TIE_BREAK))
    prices = dict(zip(rows.names, solution.prices.tolist(), strict=True))
    return Plan(
        certificate=certify(objective, bound, counts_of(choice, len(net)), prices, rows),
        shadow_prices=prices,
        population=len(who.customer_ids),
        _frame=plan_frame(who, choice, reasons(net, choice, who.offers.names, rows, prices)),
    )


@dataclass(frozen=True)
class Solution:
    """Who gets what (−1: none) at which prices of the limits."""

    choice: IntArray
    prices: FloatArray
    core: IntArray
    """Customers who were settled as whole persons, close to indifferent at the prices."""
    bound: float | None
    """What no plan can exceed, where the integer programme saw every customer."""


def optimise(net: FloatArray, rows: Constraints, exact_up_to: int = _EXACT) -> Solution:
    """Maximise the sum of `net` (A, n; −inf: not allowed) over at most one offer a customer."""
    choice, total = choose(net, np.zeros(len(net)))
    if (rows.used(counts_of(choice, len(net))) <= rows.room()).all():  # no limit binds
        nobody = np.empty(0, dtype=np.int64)
        return Solution(choice, np.zeros(len(rows.limit)), nobody, total)
    possible = np.flatnonzero(net.max(axis=0) > 0)
    if len(possible) <= exact_up_to:
        found, prices, bound = solve_exactly(net[:, possible], rows)
        choice = np.full(net.shape[1], -1)
        choice[possible] = found
        return Solution(choice, prices, possible, bound)
    dual = Dual(net, rows, exact_up_to)
    dual.solve()
    choice, prices, core = round_prices(net, rows, dual.prices, dual.open_now, exact_up_to)
    return Solution(choice, prices, core, None)


def dual_value(net: FloatArray, rows: Constraints, prices: FloatArray) -> float:
    """An upper bound on the value of every plan within the limits, at any prices of at least 0."""
    return choose(net, prices @ rows.usage)[1] + float(prices @ rows.limit)


def _allowed(who: Candidates, limits: Limits, tie_break: float = 0.0) -> FloatArray:
    """Net values; −inf where an offer cannot be given or is not worth it.

    With `tie_break`, values fall by so small a share in the order of ids that equal customers
    differ: prices alone could not tell them apart.
    """
    net = who.net_value()
    with np.errstate(invalid="ignore"):
        net[~((net > 0) & (net >= limits.min_net_value_cny))] = -np.inf
    if tie_break:
        rank = np.arange(net.shape[1]) / net.shape[1]
        for a, row in enumerate(net):
            row *= 1 - tie_break * rank * (1 + a / len(net))
    return net


def certify(
    objective: float,
    bound: float,
    counts: FloatArray,
    prices: dict[str, float],
    rows: Constraints,
) -> Certificate:
    """The certificate of a plan with these counts of customers per offer."""
    used = rows.used(counts)
    limits = pd.DataFrame(
        {
            "limit": list(rows.names),
            "most": rows.limit,
            "used": used,
            "left": rows.limit - used,
            "shadow_price_cny": list(prices.values()),
        }
    )
    return Certificate(
        objective_cny=objective,
        upper_bound_cny=max(bound, objective),
        feasible=bool((used <= rows.room()).all()),
        limits=limits,
    )
