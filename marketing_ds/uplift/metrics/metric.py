"""Uplift metrics by other libraries' definitions, equal to theirs to 1e-9.

Everybody means something else by "Qini". `uplift_curve` is our one definition, in outcome units and
with intervals; this is for reading a number that came from elsewhere, or for giving one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._sample import read_sample
from .definitions import DEFINITIONS, Definition


@dataclass(frozen=True)
class UpliftMetric(Result):
    """A metric by another library's definition; made by `uplift_metric`, ``float()`` gives the value.

    Attributes
    ----------
    definition : Definition
        What was computed.
    value, se : float
        The value and its standard error; NaN where the library has none.
    arm, control : str
        What was compared.
    n_arm, n_control : int
        Customers in each.
    options : dict
        Options that were given.
    points : DataFrame
        What the value was made from: the library's curve, or its groups of customers.
    """

    definition: Definition
    value: float
    se: float
    arm: str
    control: str
    n_arm: int
    n_control: int
    options: Mapping[str, Any]
    points: pd.DataFrame = field(repr=False)

    def __float__(self) -> float:
        return self.value

    def to_frame(self) -> pd.DataFrame:
        """One row: the value, its unit, and whose definition it is."""
        return pd.DataFrame(
            {
                "definition": [self.definition.name],
                "value": [self.value],
                "se": [self.se],
                "unit": [self.definition.unit],
                "arm": [self.arm],
                "control": [self.control],
                "n_arm": [self.n_arm],
                "n_control": [self.n_control],
                "library": [self.definition.library],
                "function": [self.definition.function],
            }
        )


def uplift_metric(
    y: Any,
    score: Any,
    treatment: Any,
    *,
    definition: str,
    arm: str | None = None,
    control: str | int = "control",
    **options: Any,
) -> UpliftMetric:
    """The metric of a score by another library's definition, equal to theirs to 1e-9.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcomes; 0 and 1 for scikit-uplift's definitions.
    score : array-like of shape (n,)
        Predicted uplift. Equal scores are treated as the library treats them, which may be in the
        order of the rows: see `metric_definitions`.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    definition : str
        Such as ``"sklift_qini"``, ``"sklift_auuc"``, ``"causalml_qini"``, ``"causalml_auuc"`` or
        ``"econml_qini"``; `metric_definitions` has them all.
    arm : str, optional
        The arm compared with control; needed if there are several. scikit-uplift and CausalML know
        two arms: customers of others are left out. EconML keeps them, by their doubly robust
        effect.
    control : str or int
        Name of the control arm.
    **options
        The library's own options, by its names and defaults. scikit-uplift: `negative_effect`
        (``sklift_qini``); `strategy` (``"overall"``, ``"by_group"``), `k` and `bins`. CausalML:
        `normalize`, `weighting` (``causalml_rate``), and `effect` of shape (n,), the true or doubly
        robust effect of each customer (CausalML's column "tau"). EconML: `percentiles`,
        `train_score` (scores whose percentiles are the cuts; by default those judged), and either
        `psi`, doubly robust effects as in `uplift_curve`, or `outcome` of shape (n, 1 + arms), each
        customer's expected outcome under each arm (control first, the others sorted by name; by
        default the arms' means), with `probability` of that shape, or as in `uplift_curve`.

    Returns
    -------
    UpliftMetric
        ``float()`` gives the value.

    Raises
    ------
    InvalidInput
        If the definition or an option is unknown, the outcome is not of the kind that it takes,
        lengths differ, a value is missing, or control or the arm is absent.

    Notes
    -----
    Where a definition divides by nothing (an average effect of exactly 0, a group without one of
    the arms), the value is infinite or NaN, as in the library. CausalML's option `return_ci` and
    EconML's simulated bands are left out: intervals are what `uplift_curve` is for.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> taste, arm = rng.random(4000), rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.1 * taste * (arm == "coupon")
    >>> for definition in ("sklift_qini", "causalml_qini", "econml_qini"):
    ...     print(f"{float(uplift_metric(y, taste, arm, definition=definition)):.4f}")
    0.0855
    0.1762
    0.0102
    """
    chosen = DEFINITIONS[check_choice("definition", definition, tuple(DEFINITIONS))]
    for name in options:
        if name not in chosen.options:
            known = ", ".join(map(repr, chosen.options)) or "none"
            hint = did_you_mean(name, chosen.options)
            if name in ("probability", "psi"):
                hint = "; use uplift_curve or 'econml_qini', which take it"
            raise InvalidInput(
                f"{chosen.name!r} must be called with its own options ({known}), got {name!r}{hint}"
            )
    sample = read_sample(y, score, treatment, arm, control)
    measured = chosen._compute(sample, **options)
    name = sample.arms.labels[sample.code]
    counts = sample.arms.counts()
    return UpliftMetric(
        definition=chosen,
        value=measured.value,
        se=measured.se,
        arm=name,
        control=sample.arms.control,
        n_arm=counts[name],
        n_control=counts[sample.arms.control],
        options=MappingProxyType(dict(options)),
        points=pd.DataFrame(measured.points),
    )
