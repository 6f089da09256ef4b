"""Penalised regressions from sums over blocks of customers: no copy of the matrix is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit

from .encoding import Matrix
from .sample import Floats, Numbers

_BLOCK = 65_536
_STEPS = 100
_CLOSE, _CLOSER = 1e-11, 1e-17
_SLOW = 0.04
_START = 50_000


def ridge_path(
    terms: Matrix, rows: Numbers, targets: Floats, penalties: Sequence[float]
) -> list[Floats]:
    """Slopes (1 + p, outcomes) of a ridge regression for every penalty; the intercept is free.

    Minimises mean squared error + penalty·|slopes|², from one pass and one decomposition.
    """
    p = terms.shape[1]
    square, joint = np.zeros((p + 1, p + 1)), np.zeros((p + 1, targets.shape[1]))
    for part in blocks(rows):
        x = with_one(terms[part])
        square += x.T @ x
        joint += x.T @ targets[part]
    n = square[0, 0]
    mean, level = square[0, 1:] / n, joint[0] / n
    centred = square[1:, 1:] / n - np.outer(mean, mean)
    cross = joint[1:] / n - np.outer(mean, level)
    values, vectors = np.linalg.eigh(centred)
    turned = vectors.T @ cross
    found = []
    for penalty in penalties:
        slopes = vectors @ (turned / (np.maximum(values, 0) + penalty)[:, None])
        found.append(np.vstack([level - mean @ slopes, slopes]))
    return found


def logistic_path(
    terms: Matrix, rows: Numbers, target: Floats, penalties: Sequence[float]
) -> list[Floats]:
    """Slopes (1 + p,) of a penalised logistic regression for every penalty, by Newton's steps.

    The strongest penalty goes first and each solution starts the next; many rows start from the
    solution for some of them.
    """
    order = np.argsort(penalties)[::-1]
    slopes = np.zeros(terms.shape[1] + 1)
    share = np.clip(target[rows].mean(), 1e-6, 1 - 1e-6)
    slopes[0] = np.log(share / (1 - share))
    curve = None
    if len(rows) > 2 * _START:
        some = rows[:: len(rows) // _START]
        slopes, curve = _newton(terms, some, target, max(penalties), slopes, curve)
    found: dict[int, Floats] = {}
    for k in order:
        slopes, curve = _newton(terms, rows, target, penalties[k], slopes, curve)
        found[int(k)] = slopes
    return [found[k] for k in range(len(penalties))]


def predict(terms: Matrix, rows: Numbers, slopes: Floats) -> Floats:
    """Linear predictions for these rows."""
    parts = [terms[part] @ slopes[1:].astype(np.float64) + slopes[0] for part in blocks(rows)]
    return np.concatenate(parts) if parts else np.zeros((0, *slopes.shape[1:]))


def blocks(rows: Numbers) -> Iterator[Numbers]:
    """The rows in handy parts."""
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]


def with_one(terms: Matrix) -> Floats:
    """A column of ones before the terms, in double precision."""
    x = np.empty((len(terms), terms.shape[1] + 1))
    x[:, 0], x[:, 1:] = 1.0, terms
    return x


def _newton(
    terms: Matrix,
    rows: Numbers,
    target: Floats,
    penalty: float,
    start: Floats,
    curve: Floats | None,
) -> tuple[Floats, Floats]:
    """The slopes, and the second derivatives that were taken last.

    Second derivatives cost far more than the gradient: they are kept from step to step, and from
    one penalty to the next, for as long as they bring it down fast. The gradient is always exact,
    and so is the answer.
    """
    slopes = start.copy()
    ridge = np.full(len(slopes), penalty)
    ridge[0] = 0.0
    loss, gradient = _slope(terms, rows, target, slopes, ridge)
    fresh = curve is None
    curve = _curve(terms, rows, slopes) if curve is None else curve
    bent = np.diag(ridge)
    for _ in range(_STEPS):
        step = np.linalg.solve(curve + bent, gradient)
        gain = float(gradient @ step)
        if gain < (_CLOSE if fresh else _CLOSER):
            return slopes - step, curve
        size = 1.0
        while True:
            tried = slopes - size * step
            next_loss, next_gradient = _slope(terms, rows, target, tried, ridge)
            if next_loss <= loss - 1e-4 * size * gain or size < 1e-6:
                break
            size /= 2
        slopes, loss, gradient = tried, next_loss, next_gradient
        left = float(gradient @ np.linalg.solve(curve + bent, gradient))
        fresh = left > _SLOW * gain
        if fresh:
            curve = _curve(terms, rows, slopes)
    return slopes, curve


def _slope(
    terms: Matrix, rows: Numbers, target: Floats, slopes: Floats, ridge: Floats
) -> tuple[float, Floats]:
    """Mean logistic loss with its penalty, and the gradient."""
    loss, gradient = 0.0, np.zeros(len(slopes))
    for part in blocks(rows):
        x, y = with_one(terms[part]), target[part]
        linear = x @ slopes
        loss += float(np.logaddexp(0, linear).sum() - y @ linear)
        gradient += x.T @ (expit(linear) - y)
    n = len(rows)
    return loss / n + 0.5 * float(ridge @ slopes**2), gradient / n + ridge * slopes


def _curve(terms: Matrix, rows: Numbers, slopes: Floats) -> Floats:
    """Mean second derivatives of the logistic loss, without the penalty.

    In single precision: it only leads the way.
    """
    curve = np.zeros((len(slopes), len(slopes)))
    for part in blocks(rows):
        x = np.empty((len(part), len(slopes)), dtype=np.float32)
        x[:, 0], x[:, 1:] = 1.0, terms[part]
        chance = expit(x @ slopes.astype(np.float32))
        weight = np.maximum(chance * (1 - chance), np.float32(1e-10))
        curve += (x * weight[:, None]).T @ x
    return curve / len(rows)
