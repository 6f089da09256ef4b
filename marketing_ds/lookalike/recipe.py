"""How a scorer is made, and which of them `auto` takes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from marketing_ds._core.errors import InvalidInput

from .classifier import LEAST, Size, learn_classifier
from .neighbourhood import Neighbourhood, make_neighbourhood
from .scorers import Ensemble, Scorer
from .selection import Selection, compare, held_out
from .training import Rows, Training

_CHOSEN_FROM = 20
METHODS = ("auto", "neighbours", "classifier", "ensemble")


@dataclass(frozen=True)
class Recipe:
    """The parameters by which a scorer is made."""

    method: str
    weighting: str | None
    n_neighbors: int
    trim: float
    recall: float
    random_state: int

    def make(self, training: Training, seeds: Rows, *, size: Size | None = None) -> Scorer:
        """The scorer of `seeds`."""
        return self.choose(training, seeds, size=size)[0]

    def choose(
        self, training: Training, seeds: Rows, *, size: Size | None = None
    ) -> tuple[Scorer, str, Selection | None]:
        """The scorer, its method, and how the methods compared if that was asked.

        Trees are of the given size, or of that which finds held-out customers best. With ``auto``, fewer than 20 seeds, or others, leave nothing to choose by: neighbours are
        taken.
        """
        n_least = min(len(seeds), len(training.ordinary))
        too_few = self.method == "auto" and n_least < _CHOSEN_FROM
        if self.method == "neighbours" or too_few:
            return self._neighbours(training, seeds), "neighbours", None
        if n_least < LEAST:
            raise InvalidInput(
                f"method must be 'neighbours' or 'auto' with fewer than {LEAST} seeds, or others "
                f"({len(seeds)} and {len(training.ordinary)} here), got {self.method!r}"
            )
        classifier = learn_classifier(training, seeds, random_state=self.random_state, size=size)
        if self.method == "classifier":
            return classifier, "classifier", None
        held = held_out(
            training,
            seeds,
            classifier,
            lambda kept: self._neighbours(training, kept),
            random_state=self.random_state,
        )
        selection = compare(held)
        chosen = selection.method if self.method == "auto" else "ensemble"
        if chosen == "classifier":
            return classifier, chosen, selection
        neighbours = self._neighbours(training, seeds)
        if chosen == "neighbours":
            return neighbours, chosen, selection
        return Ensemble(neighbours, classifier, held.lines), chosen, selection

    def _neighbours(self, training: Training, seeds: Rows) -> Neighbourhood:
        return make_neighbourhood(
            training,
            seeds,
            weighting=self.weighting,
            n_neighbors=self.n_neighbors,
            trim=self.trim,
            recall=self.recall,
            random_state=self.random_state,
        )


def version(recipe: Recipe, training: Training) -> str:
    """Short sha256 of what a model follows from: the recipe, and all that was learnt from."""
    told = json.dumps([asdict(recipe), [asdict(tag) for tag in training.levels]], sort_keys=True)
    digest = hashlib.sha256(told.encode())
    digest.update("\n".join(training.ids).encode())
    for part in (training.codes, training.is_seed, training.in_base):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:12]
