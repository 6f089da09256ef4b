"""What every named definition is computed from, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arms import Arms, Floats, read_arms, read_numbers, read_outcome
from ..curves.compared import arm_code, of_length

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """A value, its standard error (NaN where the library gives none), and what it was made from."""

    value: float
    points: dict[str, npt.NDArray[Any]]
    se: float = float("nan")


@dataclass(frozen=True)
class Pair:
    """Customers of one arm and of control, in the order handed in."""

    y: Floats
    score: npt.NDArray[Any]
    treated: Bools


@dataclass(frozen=True)
class Sample:
    """All customers; `code` is the arm that is compared with control.

    The score keeps its own type of number: the libraries sort and interpolate in it.
    """

    y: Floats
    score: npt.NDArray[Any]
    arms: Arms
    code: int

    def pair(self) -> Pair:
        """The customers of the two arms."""
        if len(self.arms.names) == 1:
            return Pair(self.y, self.score, self.arms.codes == 1)
        keep = (self.arms.codes == 0) | (self.arms.codes == self.code)
        return Pair(self.y[keep], self.score[keep], self.arms.codes[keep] == self.code)


def read_sample(y: Any, score: Any, treatment: Any, arm: str | None, control: str | int) -> Sample:
    """The customers, checked.

    Raises
    ------
    InvalidInput
        If lengths differ, a value is missing, or control or the arm is absent or not said.
    """
    outcome = read_outcome(y)
    ranked = of_length(read_score(score, "score"), "score", len(outcome))
    arms = read_arms(treatment, control, rows=len(outcome))
    return Sample(outcome, ranked, arms, arm_code(arms, arm))


def read_score(score: Any, name: str) -> npt.NDArray[Any]:
    """A finite score in its own type of number, shape (n,)."""
    numbers = read_numbers(score, name)
    raw = np.asarray(score)
    return raw.reshape(-1) if raw.dtype.kind in "iuf" else numbers
