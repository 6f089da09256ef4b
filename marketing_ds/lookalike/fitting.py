"""From a frame and seeds to what is learnt from, and whether the seeds are fit for it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from marketing_ds._core.errors import InvalidInput

from . import inputs
from .distinctness import distinctness
from .encode import encode, fit_levels
from .training import Training

_FEW_SEEDS = 50
_ALPHA = 0.01
_BINS = 200
"""Fine, for the trees; evidence draws levels together."""


class FewSeedsWarning(UserWarning):
    """So few seeds that the evaluation's intervals are wide."""


class IndistinctSeedsWarning(UserWarning):
    """Seeds that a random draw from the base could have been."""


class SeedsNotDistinct(InvalidInput):
    """Seeds that a random draw from the base could have been: there is nothing to look for."""


def read_training(
    frame: Any, tags: tuple[str, ...], seeds: frozenset[str], *, base_size: int, random_state: int
) -> Training:
    """Every seed and a sample of the base, as levels of the tags that vary.

    Raises
    ------
    InvalidInput
        As `inputs.gather` does, and if no tag varies.
    """
    salt = f"look-alike {random_state}"
    sample = inputs.gather(frame, tags, seeds, size=base_size, salt=salt)
    fitted = fit_levels(sample.table.filter(sample.in_base), tags, bins=_BINS)
    codes = encode(sample.table, fitted)
    varies = [at for at in range(len(tags)) if np.ptp(codes[sample.in_base, at]) > 0]
    if not varies:
        raise InvalidInput("frame must have a tag that varies; every one of them is constant")
    levels = tuple(fitted[at] for at in varies)
    return Training(
        sample.ids, codes[:, varies], sample.is_seed, sample.in_base, levels, sample.n_base
    )


def warn_if_few(n_seeds: int) -> None:
    """Say what few seeds do to the evaluation."""
    if n_seeds < _FEW_SEEDS:
        # A placement is at worst uniform, so its standard deviation is about 0.29.
        half = 1.96 * np.sqrt(1 / 12 / n_seeds)
        warnings.warn(
            f"{n_seeds} seeds are few: the AUC of evaluate() will be uncertain by up to about "
            f"±{half:.2f}; {_FEW_SEEDS} or more are wanted",
            FewSeedsWarning,
            stacklevel=3,
        )


def check_distinct(training: Training, on_indistinct: str, random_state: int) -> float:
    """P-value of the permutation test; refuses or warns of seeds that do not pass it."""
    seeds, base = training.codes[training.is_seed], training.codes[training.in_base]
    random = np.random.RandomState(random_state)
    p_value = distinctness(seeds, base, training.levels, random)
    if p_value > _ALPHA:
        reason = (
            f"seeds must differ from the base, got {len(seeds):,} that a random draw could "
            f"have been (permutation test, p = {p_value:.3f}); choose seeds by something that "
            f"the tags know of"
        )
        if on_indistinct == "refuse":
            raise SeedsNotDistinct(f"{reason}, or go on with on_indistinct='warn'")
        warnings.warn(reason, IndistinctSeedsWarning, stacklevel=3)
    return p_value
