"""Value against budget: several arms of different cost, each customer with the one worth it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate, interval

from ..arms import Arms, Floats, read_arms, read_outcome
from .budget_inputs import read_costs, read_scores
from .hull import steps_of
from .spending import Spending
from .values import arm_values


@dataclass(frozen=True)
class BudgetCurve(Result):
    """Incremental outcome at every budget; made by `budget_curve`.

    Attributes
    ----------
    arms : tuple of str
        The arms beside control.
    control : str
        What they are compared with.
    n : int
        Customers.
    budget, value, se : ndarray of shape (m,)
        Money spent per person of the population, from 0 to all that the scores find worth
        spending; incremental outcome per person, and its standard errors.
    mix : ndarray of shape (m, arms)
        Share of the customers who get each arm.
    everyone : pandas.DataFrame
        For comparison, each arm given to everyone: its cost and outcome per person, with interval.
    worth : float
        Worth of one unit of the outcome, for net values.
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    arms: tuple[str, ...]
    control: str
    n: int
    budget: Floats = field(repr=False)
    value: Floats = field(repr=False)
    se: Floats = field(repr=False)
    mix: Floats = field(repr=False)
    everyone: pd.DataFrame = field(repr=False)
    worth: float
    alpha: float

    def at(self, budget: float) -> Estimate:
        """Incremental outcome per person of the population for a budget per person.

        A budget beyond the last one of the curve is not spent: the scores find nothing worth it.

        Raises
        ------
        InvalidInput
            If `budget` is not a number at or above 0.
        """
        budget = check_number("budget", budget, low=0)
        value, se = (np.interp(budget, self.budget, curve) for curve in (self.value, self.se))
        return Estimate.normal(float(value), float(se), alpha=self.alpha)

    def net_value_at(self, budget: float) -> Estimate:
        """Worth of the incremental outcome less what was spent, per person of the population."""
        found = self.at(budget)
        spent = min(budget, float(self.budget[-1]))
        return Estimate.normal(
            self.worth * found.value - spent, self.worth * found.se, alpha=self.alpha
        )

    def to_frame(self, points: int = 20) -> pd.DataFrame:
        """The curve at `points` equal steps of budget: outcome, net value, and who gets what."""
        points = check_count("points", points, low=1)
        budget = self.budget[-1] * np.arange(1, points + 1) / points
        value, se = (np.interp(budget, self.budget, curve) for curve in (self.value, self.se))
        lower, upper = interval(value, se, self.alpha)
        columns = {
            "budget": budget,
            "value": value,
            "value_ci_lower": lower,
            "value_ci_upper": upper,
        }
        columns |= {
            f"net_{name}": self.worth * columns[name] - budget
            for name in ("value", "value_ci_lower", "value_ci_upper")
        }
        columns |= {
            f"{arm}_share": np.interp(budget, self.budget, share)
            for arm, share in zip(self.arms, self.mix.T, strict=True)
        }
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class BudgetComparison(Result):
    """Two score matrices under the same budgets; made by `compare_budgets`.

    Attributes
    ----------
    first, second : BudgetCurve
        The two curves.
    budgets : tuple of float
        Budgets at which the two are compared.
    differences : tuple of Estimate
        Incremental outcome per person, first minus second, paired; one a budget.
    """

    first: BudgetCurve
    second: BudgetCurve
    budgets: tuple[float, ...]
    differences: tuple[Estimate, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a budget: both values, their difference with interval and p-value."""
        return pd.DataFrame(
            [
                {
                    "budget": budget,
                    "first": self.first.at(budget).value,
                    "second": self.second.at(budget).value,
                    "difference": found.value,
                    "difference_ci_lower": found.ci_lower,
                    "difference_ci_upper": found.ci_upper,
                    "p_value": found.p_value,
                }
                for budget, found in zip(self.budgets, self.differences, strict=True)
            ]
        )


def budget_curve(
    y: Any,
    scores: Any,
    treatment: Any,
    *,
    cost: Any,
    value: float = 1.0,
    outcome: Any = None,
    probability: Any = None,
    control: str | int = "control",
    alpha: float = 0.05,
) -> BudgetCurve:
    """What a budget brings when predicted uplift decides who gets which arm.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcomes.
    scores : DataFrame or array-like of shape (n, arms)
        Predicted uplift of each arm, in outcome units; a frame's columns are the arms' names, an
        array's are the arms in sorted order (as `UpliftModel.predict` gives them).
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    cost : mapping, DataFrame or array-like of shape (n, arms)
        Expected cost of each arm, by name; or one a customer.
    value : float
        Worth of one unit of the outcome, for net values.
    outcome : array-like of shape (n, 1 + arms), optional
        Expected outcome under each arm, control first, from a model that never saw the customer:
        makes the estimate doubly robust, with narrower intervals. By default each arm's mean.
    probability : optional
        P(arm), as in `uplift_curve`; here also a frame with a column an arm.
    control : str or int
        Name of the control arm.
    alpha : float
        Intervals are at level ``1 - alpha``.

    Returns
    -------
    BudgetCurve
        ``.at(budget)`` and ``.net_value_at(budget)``, budgets per person of the population.

    Raises
    ------
    InvalidInput
        If lengths differ, a value is missing, an arm has no score or no cost, a cost is negative,
        or a probability is outside (0, 1).

    Notes
    -----
    Money goes to the best predicted gain per cost first: for each customer along the upper convex
    hull of cost and gain, so that a dearer arm replaces a cheaper one where the extra is worth it.
    It stops where no arm has a predicted gain left. Equal ratios share their money evenly. What
    this brings is estimated without the predictions, from inverse-probability-weighted or
    doubly-robust values; intervals come from influence functions, which know that the ratio at which
    the money ends moves with the sample of customers.

    References
    ----------
    Sverdrup, Wu, Athey, Wager (2023). Qini curves for multi-armed treatment rules. arXiv 2306.11979.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste = rng.random(9000)
    >>> arm = rng.choice(["control", "call", "mail"], 9000)
    >>> gain = {"call": 0.3 * taste, "mail": 0.1 * taste}
    >>> y = rng.random(9000) < 0.1 + sum(gain[a] * (arm == a) for a in gain)
    >>> curve = budget_curve(y, pd.DataFrame(gain), arm, cost={"call": 5, "mail": 1}, value=100)
    >>> curve.at(1.0).ci_lower > 0
    True
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    outcomes = read_outcome(y)
    arms = read_arms(treatment, control, rows=len(outcomes))
    gain, costs = read_scores(scores, "scores", arms), read_costs(cost, arms)
    worth = check_number("value", value, low=0, high=np.inf, inclusive=False)
    values = arm_values(outcomes, arms, outcome, probability)
    return _curve(Spending(steps_of(gain, costs), values, costs), arms, worth, alpha)


def compare_budgets(
    y: Any,
    first: Any,
    second: Any,
    treatment: Any,
    *,
    cost: Any,
    budgets: Any,
    value: float = 1.0,
    outcome: Any = None,
    probability: Any = None,
    control: str | int = "control",
    alpha: float = 0.05,
) -> BudgetComparison:
    """Whether one model spends a budget better than another, on the same customers.

    Parameters
    ----------
    y, treatment, cost, value, outcome, probability, control, alpha
        As in `budget_curve`.
    first, second : DataFrame or array-like of shape (n, arms)
        The two models' scores.
    budgets : sequence of float
        Budgets per person at which the two are compared.

    Raises
    ------
    InvalidInput
        As `budget_curve`; or if a budget is not a number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste, arm = rng.random(9000), rng.choice(["control", "call"], 9000)
    >>> y = rng.random(9000) < 0.1 + 0.3 * taste * (arm == "call")
    >>> found = compare_budgets(y, taste, 1 - taste, arm, cost={"call": 5}, budgets=[1.0])
    >>> found.differences[0].p_value < 0.05
    True
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    asked = tuple(
        check_number("budgets", budget, low=0, inclusive=False) for budget in np.atleast_1d(budgets)
    )
    outcomes = read_outcome(y)
    arms = read_arms(treatment, control, rows=len(outcomes))
    gains = read_scores(first, "first", arms), read_scores(second, "second", arms)
    costs = read_costs(cost, arms)
    worth = check_number("value", value, low=0, high=np.inf, inclusive=False)
    values = arm_values(outcomes, arms, outcome, probability)
    one, two = (Spending(steps_of(gain, costs), values, costs) for gain in gains)
    differences = tuple(
        Estimate.from_influence(
            one.value(budget) - two.value(budget),
            one.influence(budget) - two.influence(budget),
            alpha=alpha,
        )
        for budget in asked
    )
    curves = [_curve(spending, arms, worth, alpha) for spending in (one, two)]
    return BudgetComparison(curves[0], curves[1], asked, differences)


def _curve(spending: Spending, arms: Arms, worth: float, alpha: float) -> BudgetCurve:
    return BudgetCurve(
        arms=arms.names,
        control=arms.control,
        n=spending.n,
        budget=spending.budget,
        value=spending.curve,
        se=spending.standard_error(),
        mix=spending.mix(),
        everyone=_everyone(spending, arms, alpha),
        worth=worth,
        alpha=alpha,
    )


def _everyone(spending: Spending, arms: Arms, alpha: float) -> pd.DataFrame:
    effects = spending.values[:, 1:] - spending.values[:, :1]
    found = [
        Estimate.from_influence(float(effect.mean()), effect, alpha=alpha) for effect in effects.T
    ]
    return pd.DataFrame(
        {
            "arm": arms.names,
            "cost": spending.cost.mean(axis=0),
            "value": [one.value for one in found],
            "value_ci_lower": [one.ci_lower for one in found],
            "value_ci_upper": [one.ci_upper for one in found],
        }
    )
