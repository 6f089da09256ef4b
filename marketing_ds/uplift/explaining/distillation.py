"""Distilling: one sum of trees that says what another model says, so that it can be taken apart.

A difference of probabilities, or whatever a foreign regressor predicts, is no sum of trees: TreeSHAP
cannot add it up and a bundle cannot carry it. Trees fitted to the model's own predictions can. There
is no noise in what they learn from, so they may grow until they agree; how far they do is measured
on customers they did not learn from, and told.

Where there are few customers, more are blended from them: each takes some tags from one customer and
some from others. The teacher answers for those too.

Reference: Tan, Caruana, Hooker, Lou (2018). Distill-and-compare. AIES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from marketing_ds._core.checks import check_number
from marketing_ds._core.terms import Term

from ..arms import Floats
from ..binned import Matrix
from ..terms import predict_terms

FAITHFUL = 0.95
"""R² below which a distilled model no longer speaks for its teacher."""

_MOST_ROWS = 50_000
_BLEND_TO = 20_000
"""Customers to learn from: fewer are blended up to so many."""
_SWAPPED = 0.3
"""Chance that a blended customer has a tag from somebody else."""
_FEW = 400
"""Customers below which all of them judge, and only blends are learned from."""
_ROUNDS, _STEP = 800, 25
_WORTH = 3e-4
"""Gain of R² that a step of so many trees must bring."""


@dataclass(frozen=True)
class Distilled:
    """Trees that say what a model says: Σ weight · margin + constant.

    Attributes
    ----------
    terms : tuple of Term
        At most one; none where the teacher says the same of everybody.
    constant : float
    fidelity : float
        R² of the trees on the teacher's predictions, among customers not learned from.
    """

    terms: tuple[Term, ...]
    constant: float
    fidelity: float

    def predict(self, encoded: Matrix) -> Floats:
        """What the trees say, shape (n,)."""
        return predict_terms(self.terms, encoded) + self.constant


def distil(
    teacher: Callable[[Matrix], Floats],
    encoded: Matrix,
    origin: npt.NDArray[np.intp],
    *,
    enough: float = 0.999,
    n_jobs: int = 1,
    seed: int = 0,
) -> tuple[Distilled, ...]:
    """Fit trees to what `teacher` predicts.

    Parameters
    ----------
    teacher : callable
        From encoded customers, shape (n, columns), to predictions, shape (n,) or (n, k).
    encoded : ndarray of shape (n, columns), float32
        Customers to learn from, as `FeatureEncoder.transform` gives them; some thousands are best.
    origin : ndarray of shape (columns,)
        For each column the position of its tag (`FeatureEncoder.origin_`): the columns of one tag
        are blended together.
    enough : float
        Stop growing at this R²; between 0 and 1.
    n_jobs : int
        Threads.
    seed : int
        Of the blending.

    Returns
    -------
    tuple of Distilled
        One for each of the teacher's k predictions.

    Raises
    ------
    InvalidInput
        If `enough` is not between 0 and 1.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((2000, 3)).astype(np.float32)
    >>> (trees,) = distil(lambda rows: 0.1 * rows[:, 0] * rows[:, 1], X, np.arange(3))
    >>> trees.fidelity > 0.98
    True
    """
    check_number("enough", enough, low=0, high=1)
    rng = np.random.default_rng(seed)
    learned, judges = _split(encoded, origin, rng)
    told = _columns(teacher(learned))
    truth = _columns(teacher(judges))
    bins = xgb.QuantileDMatrix(learned, nthread=n_jobs) if learned.shape[1] else None
    return tuple(
        _fit(bins, judges, told[:, at], truth[:, at], enough, n_jobs) for at in range(told.shape[1])
    )


def distil_effects(
    model: Any, X: Any, *, enough: float = 0.999, n_jobs: int = 1, seed: int = 0
) -> dict[str, Distilled]:
    """Trees that tell the effects of a fitted model, by arm: what an export can carry.

    Parameters
    ----------
    model : UpliftModel
        Fitted; of whatever learner and base model.
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Customers to learn from; some thousands are best.
    enough, n_jobs, seed
        As in `distil`.

    Raises
    ------
    InvalidInput
        If columns are missing, unknown or of another type than at fit, or `enough` is not between
        0 and 1.
    """

    def teacher(rows: Matrix) -> Floats:
        return np.column_stack(
            [predict_terms(model.terms_[arm], rows) + model.constant_[arm] for arm in model.arms_]
        )

    check_number("enough", enough, low=0, high=1)
    encoded = model.encoder_.transform(X)
    made = distil(teacher, encoded, model.encoder_.origin_, enough=enough, n_jobs=n_jobs, seed=seed)
    return dict(zip(model.arms_, made, strict=True))


def fidelity(truth: Floats, told: Floats) -> float:
    """R² of `told` on `truth`; 1 where there is nothing to tell and nothing is told."""
    spread = float(np.sum((truth - truth.mean()) ** 2))
    miss = float(np.sum((truth - told) ** 2))
    # float32 leaves this much of a constant.
    tiny = 1e-12 * float(np.sum(truth**2))
    return 1.0 if miss <= tiny else 1.0 - miss / max(spread, tiny)


def _fit(
    bins: xgb.QuantileDMatrix | None,
    judges: Matrix,
    told: Floats,
    truth: Floats,
    enough: float,
    n_jobs: int,
) -> Distilled:
    mean, scale = float(told.mean()), float(told.std())
    if bins is None or scale <= 1e-9 * abs(mean) or scale == 0:
        return Distilled((), mean, fidelity(truth, np.full(len(truth), mean)))
    # On a scale of its own: XGBoost does not split for a gain below 1e-6, whatever the unit.
    bins.set_info(label=(told - mean) / scale)
    parameters = {
        "objective": "reg:squarederror", "base_score": 0.0, "tree_method": "hist", "max_depth": 4,
        "learning_rate": 0.3, "reg_lambda": 0.0, "min_child_weight": 5.0, "nthread": n_jobs, "verbosity": 0,
    }  # fmt: skip
    booster = xgb.Booster(parameters, [bins])
    best = 0.0
    for iteration in range(_ROUNDS):
        booster.update(bins, iteration)
        if (iteration + 1) % _STEP:
            continue
        term = Term(scale, booster, "identity")
        reached = fidelity(truth, predict_terms((term,), judges) + mean)
        if reached >= enough or reached < best + _WORTH:
            break
        best = reached
    return Distilled((term,), mean, reached)


def _split(
    encoded: Matrix, origin: npt.NDArray[np.intp], rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """Customers to learn from, and those who judge."""
    order = rng.permutation(len(encoded))[:_MOST_ROWS]
    if len(order) < _FEW:
        return _blend(encoded, origin, _BLEND_TO, rng), encoded
    parted = len(order) // 4
    judges, learned = encoded[order[:parted]], encoded[order[parted:]]
    more = _BLEND_TO - len(learned)
    if more > 0:
        learned = np.concatenate([learned, _blend(learned, origin, more, rng)])
    return learned, judges


def _blend(
    rows: Matrix, origin: npt.NDArray[np.intp], number: int, rng: np.random.Generator
) -> Matrix:
    """Customers who have most tags from one of `rows` and the others from any."""
    own = rng.integers(len(rows), size=number)
    blended = np.empty((number, rows.shape[1]), dtype=np.float32)
    for tag in np.unique(origin):
        source = np.where(rng.random(number) < _SWAPPED, rng.integers(len(rows), size=number), own)
        columns = np.flatnonzero(origin == tag)
        blended[:, columns] = rows[np.ix_(source, columns)]
    return blended


def _columns(values: Floats) -> Floats:
    """Shape (n, k)."""
    return values[:, None] if values.ndim == 1 else values
