"""The customers of two arms whose outcomes a curve compares: everything checked, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput

from ..arms import Arms, Floats, read_arms, read_numbers, read_outcome, read_probability
from .ranking import Mask, Ranking


@dataclass(frozen=True)
class Compared:
    """Outcomes and scores of the customers of an arm and of control.

    With pseudo-outcomes (`effects`) the customers of every arm are there, and `y` holds the effects.
    `kept` tells which of the rows handed in these are; None if all.
    """

    y: Floats
    scores: list[Floats]
    treated: Mask
    weight: Floats | None
    arm: str
    control: str
    effects: bool

    n_arm: int
    n_control: int
    kept: Mask | None

    def rank(self, number: int) -> Ranking:
        """The customers by one of the scores."""
        treated = None if self.effects else self.treated
        return Ranking(self.y, self.scores[number], treated, self.weight)


def read_compared(
    y: Any,
    scores: Sequence[tuple[str, Any]],
    treatment: Any,
    *,
    arm: str | None,
    control: str | int,
    probability: Any,
    psi: Any = None,
) -> Compared:
    """Check what a curve is made of; `scores` come with the names that errors call them by.

    Raises
    ------
    InvalidInput
        As `uplift_curve` says.
    """
    outcome = read_outcome(y)
    ranked = [of_length(read_numbers(score, name), name, len(outcome)) for name, score in scores]
    arms = read_arms(treatment, control, rows=len(outcome))
    code = arm_code(arms, arm)
    chosen = arms.labels[code]
    treated = arms.codes == code
    named = chosen, arms.control
    sizes = int(treated.sum()), int((arms.codes == 0).sum())
    if psi is not None:
        if probability is not None:
            raise InvalidInput(
                "probability must not be given with psi, got both: "
                "pseudo-outcomes are weighted already"
            )
        effects = read_effects(psi, arms, code)
        return Compared(effects, ranked, treated, None, *named, True, *sizes, None)
    weight = None if probability is None else 1 / read_probability(probability, arms)
    if len(arms.names) == 1:
        return Compared(outcome, ranked, treated, weight, *named, False, *sizes, None)
    kept = treated | (arms.codes == 0)
    return Compared(
        outcome[kept],
        [own[kept] for own in ranked],
        treated[kept],
        None if weight is None else weight[kept],
        *named,
        False,
        *sizes,
        kept,
    )


def arm_code(arms: Arms, arm: str | None) -> int:
    """The code of the arm that is compared with control; the only one if none is named."""
    if arm is None and len(arms.names) > 1:
        raise InvalidInput(
            f"arm must say which arm is compared with {arms.control!r}: one of "
            f"{', '.join(map(repr, arms.names))}"
        )
    return arms.labels.index(arms.names[0] if arm is None else check_choice("arm", arm, arms.names))


def read_effects(psi: Any, arms: Arms, code: int) -> Floats:
    """Pseudo-outcomes of one arm's effect, shape (n,)."""
    given = np.asarray(psi)
    if given.ndim == 2 and given.shape[1] > 1:
        if given.shape[1] != len(arms.names):
            raise InvalidInput(
                f"psi must have one column an arm beside control: {len(arms.names)} "
                f"({', '.join(map(repr, arms.names))}), got {given.shape[1]}"
            )
        given = given[:, code - 1]
    return of_length(read_numbers(given, "psi"), "psi", len(arms.codes))


def of_length(values: npt.NDArray[Any], name: str, rows: int) -> npt.NDArray[Any]:
    """`values`, if there is one a row; `name` is what the error calls them."""
    if len(values) != rows:
        raise InvalidInput(f"{name} must have one value a row: {rows} rows, got {len(values)}")
    return values
