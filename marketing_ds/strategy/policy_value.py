"""What a plan would have brought: its value estimated from customers whose arm was drawn at random.

Every customer has an arm that was recommended and an arm that was drawn. Where the two agree, the
outcome shows what the plan does. Customers with the same recommendation form a stratum; in each
stratum the mean outcome of each arm is estimated (weighted by 1 / P(arm)), and every policy is a
mixture of these cell means. Policies are thus compared on the same customers: where two of them
do the same, their difference is exactly zero and adds no noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import norm

from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.schema import CONTROL

from ._drawn import Drawn, Recommended, arms_of, read_drawn
from .value import FloatArray, Frame, IntArray

NET_VALUE = "net_value_cny"
_SMALL_CELL = 10


@dataclass(frozen=True)
class PolicyValue(Result):
    """Value of a policy beside its baselines; see `policy_value`.

    `.to_frame()` has one row a policy and metric. All `*_per_1000` are per 1,000 customers of the
    population; `gain_*` is against treating no one, `lead_*` is our policy minus this one; each
    with the ends of its interval.
    """

    customers: int
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per policy and metric."""
        return self._frame.copy()

    def _repr_html_(self) -> str:
        title = (
            f"Value of the policy per 1,000 customers ({self.customers:,} customers, "
            f"{1 - self.alpha:.0%} intervals)"
        )
        return frame_html(self._frame, title=title)


def policy_value(
    data: Frame,
    recommended: Recommended,
    *,
    metrics: Sequence[str],
    arm: str = "arm",
    probability: str | None = "probability",
    control: str = CONTROL,
    value: Mapping[str, float] | None = None,
    cost: Mapping[str, float] | None = None,
    baselines: Mapping[str, Recommended] | None = None,
    name: str = "plan",
    alpha: float = 0.05,
) -> PolicyValue:
    """Estimate the mean outcome under a policy from data in which arms were drawn at random.

    Beside the policy stand: treating no one, treating everyone with each arm, treating at random
    with the policy's own share of each arm (hence at its cost; the expected value over all draws,
    not one draw), and any further `baselines`.

    Parameters
    ----------
    data : pandas.DataFrame or ibis.Table
        One row a customer: customer_id, the arm drawn, its probability, one column a metric.
    recommended : Plan, frame (customer_id and offer or arm), Series or mapping by customer_id
        The arm that the policy gives; customers who are not in it get `control`.
    metrics : sequence of str
        Columns of outcomes, without nulls.
    arm, probability, control : str
        Columns of the arm and of its probability, and the name of the control arm. With
        ``probability=None`` an arm's share of the data is taken: right only if every customer had
        the same chances.
    value : mapping, optional
        Metric → worth of one unit in CNY; adds the metric `net_value_cny` = Σ value · metric −
        cost of the arm.
    cost : mapping, optional
        Arm → expected cost in CNY of giving it once (see `expected_costs`); 0 if not named.
    baselines : mapping, optional
        Name → another policy, as `recommended`.
    name : str
        What to call the policy in the result.
    alpha : float
        1 − confidence of the intervals.

    Returns
    -------
    PolicyValue

    Raises
    ------
    InvalidInput
        If a column is missing, a customer comes twice, an outcome is null, a probability is not
        in (0, 1], control is absent, a policy gives an arm that was never drawn, or names
        customers of whom none is in the data.

    Notes
    -----
    The estimator is the augmented inverse-probability-weighted (doubly robust) mean whose outcome
    model is the self-normalised cell mean of arm × stratum; in a cell of fewer than 10 customers
    it is the arm's overall mean, corrected by the unnormalised weights. As the probabilities are
    known it is consistent whatever the outcomes look like, and the variance is that of its
    influence function, sampling of customers included. The policy must have been made without
    the outcomes of these customers.

    References
    ----------
    Robins, Rotnitzky, Zhao (1994), JASA 89. Dudík, Langford, Li (2011), Doubly robust policy
    evaluation and learning, ICML. Miratrix, Sekhon, Yu (2013), Adjusting treatment effect
    estimates by post-stratification, JRSS B 75.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({
    ...     "customer_id": [f"c{i}" for i in range(400)], "arm": ["control", "mail"] * 200,
    ...     "probability": 0.5, "visit": [0, 1, 0, 0] * 100})
    >>> first_half = {f"c{i}": "mail" for i in range(200)}
    >>> result = policy_value(data, first_half, metrics=["visit"])
    >>> result.to_frame()[["policy", "value_per_1000", "treated_share"]].round(3)
                           policy  value_per_1000  treated_share
    0                        plan           250.0            0.5
    1                treat no one             0.0            0.0
    2        treat everyone: mail           500.0            1.0
    3  random, same share as plan           250.0            0.5
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    drawn = read_drawn(data, metrics, arm, probability, control)
    policies = {name: arms_of(recommended, drawn, name)}
    for other, given in (baselines or {}).items():
        if other in policies:
            raise InvalidInput(f"baselines must not use the name {other!r} of the policy")
        policies[other] = arms_of(given, drawn, other)
    costs = _costs(cost, drawn.arms)
    outcomes = dict(drawn.outcomes)
    if value is not None:
        check_columns(metrics, list(value), "metrics")
        worth = [float(unit) * outcomes[metric] for metric, unit in value.items()]
        outcomes[NET_VALUE] = np.sum(worth, axis=0) - costs[drawn.arm]
    strata = _Strata.of(policies, drawn.arms)
    rows: list[dict[str, object]] = []
    for metric, outcome in outcomes.items():
        rows += _rows(metric, _influence(outcome, drawn, strata), strata, costs, alpha)
    return PolicyValue(len(drawn.arm), alpha, pd.DataFrame(rows))


@dataclass(frozen=True)
class _Strata:
    """Customers whom every policy treats alike, and how each policy mixes arms in them."""

    stratum: IntArray
    """(n,) stratum of each customer."""
    share: FloatArray
    """(S,) share of each stratum."""
    mixture: dict[str, FloatArray]
    """Policy → (S, A) chances of each arm; the first is ours, the second treats no one."""

    @classmethod
    def of(cls, policies: Mapping[str, IntArray], arms: tuple[str, ...]) -> _Strata:
        codes = np.ravel_multi_index(tuple(policies.values()), (len(arms),) * len(policies))
        kinds, stratum = np.unique(codes, return_inverse=True)
        share = np.bincount(stratum) / len(stratum)
        given = np.unravel_index(kinds, (len(arms),) * len(policies))
        one_hot = np.eye(len(arms))
        own = {name: one_hot[arm] for name, arm in zip(policies, given, strict=True)}
        name = next(iter(own))
        every = np.ones((len(kinds), 1))
        mixture = {name: own.pop(name), "treat no one": every * one_hot[0]}
        for i, arm in enumerate(arms[1:], start=1):
            mixture[f"treat everyone: {arm}"] = every * one_hot[i]
        mixture[f"random, same share as {name}"] = every * (share @ mixture[name])
        return cls(stratum, share, {**mixture, **own})


def _influence(outcome: FloatArray, drawn: Drawn, strata: _Strata) -> dict[str, FloatArray]:
    """Policy → (n,) values whose mean is the policy's value and whose scatter gives its error."""
    n_arms, shape = len(drawn.arms), (len(strata.share), len(drawn.arms))
    cell = strata.stratum * n_arms + drawn.arm
    size = np.bincount(cell, minlength=shape[0] * n_arms)
    weight = np.bincount(cell, drawn.weight, len(size))
    total = np.bincount(cell, drawn.weight * outcome, len(size))
    of_arm = total.reshape(shape).sum(axis=0) / weight.reshape(shape).sum(axis=0)
    large = size >= _SMALL_CELL
    mean = np.where(large, total / np.where(large, weight, 1.0), np.tile(of_arm, shape[0]))
    # In a large cell the weights are made to sum to the stratum's customers, and n / (n − 1) makes
    # up for the mean that was fitted; a small cell keeps its weights, which correct its mean.
    members = np.repeat(np.bincount(strata.stratum), n_arms)
    fitted = members / np.where(large, weight, 1.0) * np.sqrt(size / np.maximum(size - 1, 1))
    residual = np.where(large, fitted, 1.0)[cell] * drawn.weight * (outcome - mean[cell])
    values = {}
    for policy, mixture in strata.mixture.items():
        expected = (mixture * mean.reshape(shape)).sum(axis=1)
        values[policy] = expected[strata.stratum] + mixture.ravel()[cell] * residual
    return values


def _rows(
    metric: str,
    influence: Mapping[str, FloatArray],
    strata: _Strata,
    costs: FloatArray,
    alpha: float,
) -> list[dict[str, object]]:
    ours, nobody = list(influence)[:2]
    rows: list[dict[str, object]] = []
    for policy, values in influence.items():
        arms = strata.share @ strata.mixture[policy]
        rows.append(
            {
                "policy": policy,
                "metric": metric,
                **_interval("value_per_1000", values, alpha),
                **_interval("gain_per_1000", values - influence[nobody], alpha),
                **_interval("lead_per_1000", influence[ours] - values, alpha),
                "treated_share": float(1 - arms[0]),
                "cost_cny_per_1000": float(1000 * arms @ costs),
            }
        )
    return rows


def _interval(name: str, values: FloatArray, alpha: float) -> dict[str, float]:
    mean = 1000 * float(values.mean())
    error = 1000 * float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(norm.ppf(1 - alpha / 2)) * error
    return {name: mean, f"{name}_ci_lower": mean - reach, f"{name}_ci_upper": mean + reach}


def _costs(cost: Mapping[str, float] | None, arms: tuple[str, ...]) -> FloatArray:
    for arm, amount in (cost or {}).items():
        if arm not in arms:
            raise InvalidInput(
                f"cost must name arms of the data ({', '.join(map(repr, arms))}), "
                f"got {arm!r}{did_you_mean(arm, arms)}"
            )
        check_number(f"cost of {arm!r}", amount, low=0)
    return np.array([float((cost or {}).get(arm, 0.0)) for arm in arms])
