"""What scores customers by closeness to the seeds, however it does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from .classifier import Classifier, Size
from .encode import Codes
from .index import NeighbourIndex
from .neighbourhood import Neighbourhood
from .training import Rows

Floats = NDArray[np.float64]

_SURE = 1e-6
"""Closeness is taken to lie between this and 1 minus this, where its log-odds are."""
_TRUST = 10.0
"""Seeds' worth of trust in log-odds being right as they are."""
_LEAST_SLOPE = 0.05
_STEPS = 50


class Scorer(Protocol):
    """Scores customers, and nobody by themselves."""

    def scores(self, codes: Codes, row: Rows) -> NDArray[np.float64]:
        """Closeness to the seeds, shape (n,), from 0 to 1; 0.5 means no closer than anybody.

        Parameters
        ----------
        codes : ndarray of int16, shape (n, tags)
            The customers' levels.
        row : ndarray of int, shape (n,)
            The customers' rows in `Training`, or -1 for who is not in it; a customer who was
            learnt from is scored as if they had not been.
        """


def index_of(scorer: Scorer) -> NeighbourIndex | None:
    """The index that neighbours are looked up in; None if none are."""
    found = scorer.neighbours if isinstance(scorer, Ensemble) else scorer
    return found.index if isinstance(found, Neighbourhood) else None


def size_of(scorer: Scorer) -> Size | None:
    """The size of the trees; None if there are none."""
    found = scorer.classifier if isinstance(scorer, Ensemble) else scorer
    return found.size if isinstance(found, Classifier) else None


def used_by(scorer: Scorer) -> tuple[bool, ...] | None:
    """Whether each tag is looked at; None: every one is."""
    return scorer.space.used if isinstance(scorer, Neighbourhood) else None


def log_odds(scores: Floats) -> Floats:
    """Log-odds of closeness, bounded where it is 0 or 1."""
    return np.asarray(logit(np.clip(scores, _SURE, 1 - _SURE)))


@dataclass(frozen=True)
class Line:
    """Log-odds set right: ``constant + slope · log-odds`` (Platt 1999)."""

    constant: float
    slope: float

    def of(self, margin: Floats) -> Floats:
        return np.asarray(self.constant + self.slope * margin)

    @classmethod
    def fitted(cls, seeds: Floats, ordinary: Floats) -> Self:
        """The line that makes log-odds of held-out customers say how much commoner seeds are.

        A logistic regression of seeds against ordinary customers, each side weighing as much; the
        slope is drawn towards 1, the more so the fewer seeds there are, and kept above 0, so that
        the order of customers stays.
        """
        margin = np.concatenate([seeds, ordinary])
        wanted = np.repeat([1.0, 0.0], [len(seeds), len(ordinary)])
        # Together they weigh as the seeds do twice, since seeds are what is scarce.
        weight = np.repeat([1.0, len(seeds) / len(ordinary)], [len(seeds), len(ordinary)])
        columns = np.column_stack([np.ones_like(margin), margin])
        at = np.array([0.0, 1.0])
        penalty = np.diag([1e-6, _TRUST])
        for _ in range(_STEPS):
            share = expit(columns @ at)
            slope = columns.T @ (weight * (wanted - share)) - penalty @ (at - [0.0, 1.0])
            bend = (columns * (weight * share * (1 - share))[:, None]).T @ columns + penalty
            step = np.clip(np.linalg.solve(bend, slope), -1, 1)
            at = at + step
            if np.abs(step).max() < 1e-9:
                break
        return cls(float(at[0]), max(float(at[1]), _LEAST_SLOPE))


@dataclass(frozen=True)
class Ensemble:
    """The mean of the log-odds of neighbours and classifier, each set right on held-out seeds."""

    neighbours: Neighbourhood
    classifier: Classifier
    lines: tuple[Line, Line, Line]
    """Of the neighbours, of the classifier, and of their mean."""

    def scores(self, codes: Codes, row: Rows) -> Floats:
        """Closeness to the seeds, shape (n,); see `Scorer`."""
        near = log_odds(self.neighbours.scores(codes, row))
        return np.asarray(expit(mean_of(self.lines, near, self.classifier.margin(codes, row))))


def mean_of(lines: tuple[Line, Line, Line], near: Floats, classed: Floats) -> Floats:
    """Log-odds of the ensemble from those of its parts."""
    return lines[2].of((lines[0].of(near) + lines[1].of(classed)) / 2)
