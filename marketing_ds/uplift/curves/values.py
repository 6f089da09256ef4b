"""What each customer says about each arm: inverse-probability and doubly-robust values."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketing_ds._core.errors import InvalidInput

from ..arms import Arms, Floats, add_rest, read_arms, read_chances, read_outcome


def pseudo_outcomes(
    y: Any,
    treatment: Any,
    *,
    outcome: Any = None,
    probability: Any = None,
    control: str | int = "control",
) -> Floats:
    """Doubly-robust pseudo-outcomes of the effect of each arm, for `uplift_curve(psi=…)`.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcomes.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    outcome : array-like of shape (n, 1 + arms), optional
        Expected outcome under each arm, control first, the others by name in sorted order, from a
        model that never saw the customer (``model.predict_outcomes(X)`` on new customers). By
        default each arm's mean: the values are then inverse-probability weighted.
    probability : optional
        P(arm), as in `uplift_curve`.
    control : str or int
        Name of the control arm.

    Returns
    -------
    ndarray of shape (n, arms)
        Their mean is the average effect of the arm; their mean among customers alike, those
        customers' effect.

    Raises
    ------
    InvalidInput
        As `uplift_curve`; or if `outcome` has another shape or a missing value.

    References
    ----------
    Robins, Rotnitzky, Zhao (1994). Estimation of regression coefficients when some regressors are
    not always observed. JASA 89.

    Examples
    --------
    >>> psi = pseudo_outcomes([1, 0, 1, 0], ["mail", "control", "mail", "control"])
    >>> psi.ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    outcomes = read_outcome(y)
    arms = read_arms(treatment, control, rows=len(outcomes))
    values = arm_values(outcomes, arms, outcome, probability)
    return np.asarray(values[:, 1:] - values[:, :1])


def arm_values(y: Floats, arms: Arms, outcome: Any, probability: Any) -> Floats:
    """Of each customer and arm a value whose mean is that of the outcome under the arm.

    Shape (n, 1 + arms), control first: the expected outcome, and where the customer was in the arm
    the rest of what happened, weighted by 1 / P(arm).
    """
    chance = read_chances(probability, arms)
    if outcome is None:
        received = 1 / chance[np.arange(len(y)), arms.codes]
        totals = np.bincount(arms.codes, received * y, len(arms.labels))
        means = totals / np.bincount(arms.codes, received, len(arms.labels))
        values = np.tile(means, (len(y), 1))
    else:
        values = _read_outcomes(outcome, arms)
    return add_rest(values, y, arms.codes, chance)


def _read_outcomes(outcome: Any, arms: Arms) -> Floats:
    shape = len(arms.codes), len(arms.labels)
    values = np.array(outcome, dtype=np.float64)
    if values.shape != shape:
        raise InvalidInput(
            f"outcome must have a row a customer and a column an arm, control first, "
            f"{shape} in all, got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise InvalidInput("outcome must be finite, got missing or infinite values")
    return values
