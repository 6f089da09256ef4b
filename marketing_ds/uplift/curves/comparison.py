"""Two scores on the same customers: which ranks better, with the noise that both share cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ..arms import Floats
from . import influence
from .compared import read_compared
from .curve import UpliftCurve, areas_of, check_share, curve_of, summarise
from .curve_sums import CurveSums, slope_at
from .ranking import Ranking

AREAS = ("qini", "auuc", "autoc")


@dataclass(frozen=True)
class CurveComparison(Result):
    """Two scores on the same customers; made by `compare_curves`.

    Attributes
    ----------
    first, second : UpliftCurve
        The two curves.
    qini, auuc, autoc : Estimate
        First minus second, paired: the customers' noise that both share cancels.
    shares : tuple of float
        Top shares at which the two are compared.
    """

    first: UpliftCurve
    second: UpliftCurve
    qini: Estimate
    auuc: Estimate
    autoc: Estimate
    shares: tuple[float, ...]
    _values: tuple[Estimate, ...] = field(repr=False)

    def value_at(self, share: float) -> Estimate:
        """V(`share`) of the first minus that of the second, paired.

        Raises
        ------
        InvalidInput
            If `share` is none of the `shares` that `compare_curves` was asked for.
        """
        share = check_share(share)
        near = [value for own, value in zip(self.shares, self._values, strict=True) if own == share]
        if not near:
            raise InvalidInput(
                f"share must be one of the compared shares {self.shares}, got {share}; "
                f"ask for it: compare_curves(..., shares=[{share}])"
            )
        return near[0]

    def uplift_at(self, share: float) -> Estimate:
        """Effect per treated person within the top `share`, first minus second, as `value_at`."""
        return _times(self.value_at(share), 1 / share, self.first.alpha)

    def net_value_at(self, share: float, value: float = 1.0) -> Estimate:
        """Net value per person of treating the top `share`, first minus second, as `value_at`.

        As both treat as many, costs that are the same for all cancel.

        Parameters
        ----------
        share : float
            One of the compared `shares`.
        value : float
            Worth of one unit of the outcome.
        """
        value = check_number("value", value, low=0, high=np.inf, inclusive=False)
        return _times(self.value_at(share), value, self.first.alpha)

    def to_frame(self) -> pd.DataFrame:
        """Areas and uplift at each share, of each score and their difference, with p-values."""
        parts: dict[str, UpliftCurve | CurveComparison] = {
            "first": self.first,
            "second": self.second,
            "difference": self,
        }
        frames = []
        for name, part in parts.items():
            found = {area: getattr(part, area) for area in AREAS}
            found |= {f"uplift_at_{share:.4g}": part.uplift_at(share) for share in self.shares}
            frames.append(summarise(found).assign(score=name))
        frame = pd.concat(frames, ignore_index=True)
        return frame[["score", *(column for column in frame if column != "score")]]


def compare_curves(
    y: Any,
    first: Any,
    second: Any,
    treatment: Any,
    *,
    arm: str | None = None,
    control: str | int = "control",
    probability: Any = None,
    psi: Any = None,
    shares: Sequence[float] = (0.1, 0.2, 0.3),
    alpha: float = 0.05,
) -> CurveComparison:
    """Whether one score ranks better than another, on the same customers.

    Parameters
    ----------
    y, treatment, arm, control, probability, psi, alpha
        As in `uplift_curve`.
    first, second : array-like of shape (n,)
        The two scores.
    shares : sequence of float
        Top shares at which uplift and net value are compared.

    Returns
    -------
    CurveComparison
        ``.qini``, ``.auuc``, ``.autoc``, ``.uplift_at(share)`` and ``.net_value_at(share, value)``
        are first minus second, with paired interval and ``.p_value``.

    Raises
    ------
    InvalidInput
        As in `uplift_curve`; or if a share is not in (0, 1].

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
    at = tuple(check_share(share) for share in shares)
    compared = read_compared(
        y,
        [("first", first), ("second", second)],
        treatment,
        arm=arm,
        control=control,
        probability=probability,
        psi=psi,
    )
    curves, numbers = [], []
    for number in (0, 1):
        ranking = compared.rank(number)
        curves.append(curve_of(compared, ranking, alpha))
        numbers.append(_influences(ranking, at))
    one, two = numbers
    differences = [
        Estimate.from_influence(value - other, influence_of_one - influence_of_other, alpha=alpha)
        for (value, influence_of_one), (other, influence_of_other) in zip(one, two, strict=True)
    ]
    qini, auuc, autoc, *values = differences
    return CurveComparison(curves[0], curves[1], qini, auuc, autoc, at, tuple(values))


def _influences(ranking: Ranking, shares: tuple[float, ...]) -> list[tuple[float, Floats]]:
    """Areas and values at shares, each with the influence of every customer."""
    sums = CurveSums.of(ranking)
    areas = areas_of(ranking, float(sums.value[-1]))
    found = [(areas[name][0], areas[name][1].by_customer(ranking)) for name in AREAS]
    for share in shares:
        slope = float(slope_at(np.array([share]), sums.share, sums.value)[0])
        moved = influence.of_value(ranking, share, slope)
        found.append((sums.at(share)[0], moved.by_customer(ranking)))
    return found


def _times(found: Estimate, factor: float, alpha: float) -> Estimate:
    return Estimate.normal(factor * found.value, factor * found.se, alpha=alpha)
