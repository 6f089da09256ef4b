"""What a look-alike learns from: every seed and a sample of the base, as levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Codes, TagLevels

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Training:
    """What is kept of the frame: every seed and a sample of the base, as levels."""

    ids: NDArray[Any]
    codes: Codes
    is_seed: NDArray[np.bool_]
    in_base: NDArray[np.bool_]
    levels: tuple[TagLevels, ...]
    n_base: int

    @property
    def seeds(self) -> Rows:
        """Rows of the seeds."""
        return np.flatnonzero(self.is_seed)

    @property
    def ordinary(self) -> Rows:
        """Rows of the sampled customers who are no seeds."""
        return np.flatnonzero(self.in_base & ~self.is_seed)
