"""Can tags tell who was in which arm? In an experiment nothing can, beyond the probabilities drawn.

A score test sees every encoded column at once in one pass over the rows, cheap enough for each
`fit`; an AUC says how much there is to see. Both stay within the design: an arm against control,
given P(arm) as stated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaincc, logit, ndtr

from marketing_ds._core.estimate import Estimate

from ..arms import Arms, Floats
from ..binned import Matrix

ALPHA = 0.001
"""A claimed experiment is doubted below this p-value, over all its arms."""
MAX_ROWS = 100_000
"""Customers of a pair of arms that are looked at."""

_MOST_CELLS = 20_000_000  # of the columns tested at once: 160 MB
_LEAST_EXPECTED = 5.0  # customers off a column's commonest value that either arm should have
_ROWS_PER_DIRECTION = 20
_ROWS_AT_ONCE = 16_384
_FEWEST = 100
_SAME = 1e-7  # of the columns' greatest common direction: what is left of equal columns


@dataclass(frozen=True)
class Pair:
    """Customers of one arm and of control; the design gives each the chance of the arm.

    Attributes
    ----------
    arm : str
    rows : ndarray of shape (m,)
        Their positions.
    treated : ndarray of bool, shape (m,)
    chance : ndarray of shape (m,)
        P(arm | arm or control), its level fitted: sizes of arms are a question of their own.
    """

    arm: str
    rows: npt.NDArray[np.intp]
    treated: npt.NDArray[np.bool_]
    chance: Floats

    @property
    def weight(self) -> Floats:
        """1 / P(what they got, of the two)."""
        return 1 / np.where(self.treated, self.chance, 1 - self.chance)


@dataclass(frozen=True)
class ScoreTest:
    """A χ² test of all columns together.

    Attributes
    ----------
    arm : str
    statistic : float
        Mean `directions` if the columns say nothing.
    directions : int
        Columns that are no combination of others.
    p_value : float
    """

    arm: str
    statistic: float
    directions: int
    p_value: float


def pairs(
    arms: Arms, probability: Floats | None, *, max_rows: int = MAX_ROWS, columns: int = 1
) -> Iterator[Pair]:
    """Each arm with control; at most `max_rows` of them, drawn at random, fewer if wide.

    Parameters
    ----------
    arms : Arms
    probability : ndarray of shape (n, 1 + arms), optional
        P(each arm), control first; None where it is the same for all customers.
    """
    most = max(1000, min(max_rows, _MOST_CELLS // max(columns, 1)))
    rng = np.random.default_rng(0)
    for code, name in enumerate(arms.names, start=1):
        rows = np.flatnonzero((arms.codes == 0) | (arms.codes == code))
        if len(rows) > most:
            rows = np.sort(rng.choice(rows, most, replace=False))
        treated = arms.codes[rows] == code
        if probability is None:
            chance = np.full(len(rows), treated.mean())
        else:
            chance = _level(probability[rows, code], probability[rows, 0], treated)
        if 0 < treated.sum() < len(rows):
            yield Pair(name, rows, treated, chance)


def _level(arm: Floats, control: Floats, treated: npt.NDArray[np.bool_]) -> Floats:
    """P(arm | arm or control) with one number added to all log-odds, so that the sizes fit."""
    odds, shift = logit(arm / (arm + control)), 0.0
    for _ in range(20):
        chance = expit(odds + shift)
        step = (treated.sum() - chance.sum()) / (chance * (1 - chance)).sum()
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            break
    return np.asarray(expit(odds + shift))


def score_test(X: Matrix, pair: Pair) -> ScoreTest:
    """Whether the columns of the pair's customers tell the arm, beyond its stated probability.

    Numbers are taken by rank and by squared rank (the poor *and* the rich), nulls by a column of
    their own; values that hardly anybody has are left out.

    Parameters
    ----------
    X : ndarray of shape (m, d)
        Encoded features of the pair's customers.
    pair : Pair

    Notes
    -----
    Rao's score test in a logistic regression on all columns with the design's log-odds for offset.
    Its first two moments under the design are exact up to O(1/m), kurtosis of the draw included,
    and a gamma distribution with these moments gives the p-value: with few customers, or an arm of
    2 %, the plain χ² would cry wolf.
    """
    return Directions(X, pair).test()


class Directions:
    """Columns turned into uncorrelated directions of unit length, and what the arm adds up to."""

    def __init__(self, X: Matrix, pair: Pair) -> None:
        self._pair = pair
        chance = pair.chance
        self._variance = chance * (1 - chance)
        root = np.sqrt(self._variance)
        columns, _ = _unit_columns(X, self._variance)
        value, vector = np.linalg.eigh(columns.T @ columns)
        value, vector = value[::-1], vector[:, ::-1]
        kept = int((value > _SAME * max(value[:1].sum(), 1.0)).sum())
        kept = min(kept, len(X) // _ROWS_PER_DIRECTION)
        turn = vector[:, :kept] / np.sqrt(value[:kept])
        for start in range(0, len(X), _ROWS_AT_ONCE):  # in place: a second matrix would be as large
            block = slice(start, start + _ROWS_AT_ONCE)
            columns[block, :kept] = columns[block] @ turn
        self._unit = columns[:, :kept]
        self._surprise = (pair.treated - chance) / root

    def test(self) -> ScoreTest:
        directions = self._unit.shape[1]
        if not directions:
            return ScoreTest(self._pair.arm, 0.0, 0, 1.0)
        along = self._unit.T @ self._surprise
        statistic = float(along @ along)
        leverage = np.einsum("ij,ij->i", self._unit, self._unit)
        extra = float(_kurtosis(self._variance) @ leverage**2)
        p_value = float(_tail(np.float64(statistic), np.float64(extra), directions))
        return ScoreTest(self._pair.arm, statistic, directions, p_value)

    def auc(self, folds: npt.NDArray[np.int8]) -> Estimate:
        weighted = self._unit * self._surprise[:, None]
        parts = np.stack([weighted[folds == fold].sum(axis=0) for fold in range(folds.max() + 1)])
        elsewhere = parts.sum(axis=0) - parts
        scale = np.sqrt(self._variance)
        score = np.einsum("ij,ij->i", self._unit, elsewhere[folds]) / scale
        return area_within_folds(self._pair, score, folds)


def column_p_values(X: Matrix, pair: Pair) -> tuple[Floats, Floats]:
    """The test of each column by itself: of its ranks, and of its nulls.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    pair : Pair

    Returns
    -------
    values, nulls : ndarray of shape (d,)
        P-values; NaN where hardly anybody differs.
    """
    variance = pair.chance * (1 - pair.chance)
    columns, owners = _unit_columns(X, variance)
    surprise = (pair.treated - pair.chance) / np.sqrt(variance)
    p_values = _tail((surprise @ columns) ** 2, _kurtosis(variance) @ columns**4, 1)
    found = np.full((3, X.shape[1]), np.nan)
    for (position, kind), p_value in zip(owners, p_values, strict=True):
        found[kind, position] = p_value
    return found[_RANK], found[_NULL]


def _tail(statistic: Any, extra: Any, directions: int) -> Any:
    """P of a greater statistic: gamma with mean `directions`, and `extra` beyond χ²'s variance."""
    spread = np.maximum(2.0 * directions + extra, 0.1 * directions)
    return gammaincc(directions**2 / spread, statistic * directions / spread)


def _kurtosis(variance: Floats) -> Floats:
    """Excess kurtosis of a draw of 0 or 1."""
    return np.asarray((1 - 6 * variance) / variance)


def _unit_columns(X: Matrix, variance: Floats) -> tuple[Floats, list[tuple[int, int]]]:
    """What is tested, each column centred under the design and of unit length."""
    columns, owners = _columns(X, float(variance.mean()))
    columns -= (variance @ columns) / variance.sum()
    columns *= np.sqrt(variance)[:, None]
    length = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    columns /= np.where(length > 0, length, 1.0)
    return columns, owners


_RANK, _SQUARE, _NULL = range(3)


def _columns(X: Matrix, variance: float) -> tuple[Floats, list[tuple[int, int]]]:
    """Ranks, their squares and nulls, shape (m, k); of which column of X each is, and what."""
    least = _LEAST_EXPECTED / (2 * variance)  # 2 e (1 − e) is about the smaller arm's share
    # As many as there may be; memory that is never written to is never taken.
    found = np.empty((3 * X.shape[1], len(X)))
    owners: list[tuple[int, int]] = []
    for position in range(X.shape[1]):
        values = X[:, position]
        null = np.isnan(values)
        if min(null.sum(), (~null).sum()) >= least:
            found[len(owners)] = null
            owners.append((position, _NULL))
        values = values[~null]
        if not len(values):
            continue
        rank, distinct, commonest = mid_ranks(values)
        if len(values) - commonest < least:
            continue
        for kind, part in ((_RANK, rank), (_SQUARE, rank**2))[: 1 + (distinct > 2)]:
            column = found[len(owners)]
            column[:] = part.mean()
            column[~null] = part
            owners.append((position, kind))
    return found[: len(owners)].T, owners


def mid_ranks(values: npt.NDArray[np.floating]) -> tuple[Floats, int, int]:
    """Ranks from −½ to ½, ties sharing theirs; distinct values; rows of the commonest value."""
    order = np.argsort(values)
    ordered = values[order]
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.append(start, len(values)))
    middle = (start + (size - 1) / 2 + 0.5) / len(values) - 0.5
    rank = np.empty(len(values))
    rank[order] = np.repeat(middle, size)
    return rank, len(start), int(size.max())


def area_within_folds(pair: Pair, score: Floats, folds: npt.NDArray[np.int8]) -> Estimate:
    """AUC of a cross-fitted score: the mean over folds of the AUC within each, 95 % interval.

    Customers weigh 1/P(their arm): with a score of what the design knows, the AUC is ½. By DeLong's
    placements, given the scores.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. Biometrics 44.
    """
    weight, total, area, variance = pair.weight, 0.0, 0.0, 0.0
    for fold in range(int(folds.max()) + 1):
        here = np.flatnonzero(folds == fold)
        treated = pair.treated[here]
        if treated.all() or not treated.any():
            continue
        one, square = _area(score[here], treated, weight[here])
        area += len(here) * one
        variance += len(here) ** 2 * square
        total += len(here)
    if not total:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    return Estimate.normal(area / total, math.sqrt(variance) / total, alpha=0.05, low=0.0, high=1.0)


def _area(score: Floats, treated: npt.NDArray[np.bool_], weight: Floats) -> tuple[float, float]:
    """AUC and its variance."""
    order = np.argsort(score, kind="stable")
    ordered, treated, weight = score[order], treated[order], weight[order]
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    size = np.diff(np.append(start, len(score)))
    won, lost = np.where(treated, weight, 0.0), np.where(treated, 0.0, weight)
    below = []
    for values in (lost, won):
        here = np.add.reduceat(values, start)
        below.append(np.repeat((np.cumsum(here) - here / 2) / here.sum(), size))
    area = float(won @ below[0] / won.sum())
    variance = 0.0
    for values, placed in ((won, below[0] - area), (lost, 1 - below[1] - area)):
        variance += float(values**2 @ placed**2) / float(values.sum()) ** 2
    return area, variance


def p_above_half(auc: Estimate) -> float:
    """One-sided p-value of an AUC of ½; below it a cross-fitted score says nothing."""
    if not auc.se > 0:
        return 1.0
    return float(ndtr(-(auc.value - 0.5) / auc.se))


def warn_if_predictable(
    encoded: Matrix,
    arms: Arms,
    probability: Floats | None,
    folds: npt.NDArray[np.int8],
    *,
    alpha: float = ALPHA,
    stacklevel: int = 3,
) -> None:
    """Warn if, in a claimed experiment, features tell the arm beyond the stated probabilities.

    Arms of fewer than 100 customers are left alone: so few say little of anything.

    Parameters
    ----------
    encoded : ndarray of shape (n, d), float32
        Encoded features.
    arms : Arms
    probability : ndarray of shape (n, 1 + arms), optional
        P(each arm) as stated, control first; None for the arms' shares.
    folds : ndarray of shape (n,)
        For the AUC of the warning.
    alpha : float
        Level over all arms.
    stacklevel : int
        Of the warning: 2 is the caller's line.

    Warns
    -----
    UserWarning
        With the arm, the AUC and its interval, the p-value and the way out.
    """
    level = alpha / len(arms.names)
    for pair in pairs(arms, probability, columns=2 * encoded.shape[1]):
        if min(pair.treated.sum(), (~pair.treated).sum()) < _FEWEST:
            continue
        directions = Directions(encoded[pair.rows], pair)
        test = directions.test()
        if test.p_value >= level:
            continue
        auc = directions.auc(folds[pair.rows])
        stated = "the arms' shares" if probability is None else "the stated probabilities"
        warnings.warn(
            f"treatment is not what an experiment would give: X tells {pair.arm!r} from "
            f"{arms.control!r} beyond {stated} with AUC {auc.value:.3f} "
            f"[{auc.ci_lower:.3f}, {auc.ci_upper:.3f}], p {p_text(test.p_value)}. If the arms were "
            f"drawn with other probabilities, hand them to fit(probability=…); if customers were "
            f"chosen, use UpliftModel(probability='estimate'); if a tag was computed after the "
            f"assignment, leave it out: check_assignment(X, treatment) names it",
            UserWarning,
            stacklevel=stacklevel,
        )


def p_text(p_value: float) -> str:
    """A p-value behind the word p, e.g. ``= 0.021``."""
    return "< 0.0001" if p_value < 1e-4 else f"= {p_value:.2g}"
