"""Measures that tests and benchmarks of the look-alike share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lift_at(scores: NDArray[np.float64], wanted: NDArray[np.bool_], share: float) -> float:
    """Share of the wanted among the top `share`, over their share in all."""
    top = np.argsort(-scores, kind="stable")[: round(share * len(scores))]
    return float(wanted[top].mean() / wanted.mean())
