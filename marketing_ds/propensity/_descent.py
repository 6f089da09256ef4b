"""Ridge logistic regressions of one matrix under several penalties, which share their curvature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ._calibration import Floats

_STEPS = 60
_CLOSE = 1e-8  # mean log loss still to be won
_MANY = 20_000  # rows above which sums in float32 are exact enough, and half the work
_SLOW = 0.1  # of the gain before: a step that wins more of it needs a new curvature
_LEAST = 1e-7  # per customer: keeps the curvature of equal columns invertible


class Descent:
    """Way down to the least weighted log loss + penalty / 2 · Σ coefficient².

    Newton's steps need the curvature, which costs as many times more than the slope as there are
    terms. It changes little from step to step and from penalty to penalty, so it is kept until steps
    win too slowly: where the way ends depends on the slope alone.

    Parameters
    ----------
    X : ndarray of shape (n, terms), float32
        The first column is 1: the intercept, which bears no penalty.
    y, w : ndarray of shape (n,)
        0 or 1, and the weight.
    """

    def __init__(self, X: NDArray[np.float32], y: Floats, w: Floats) -> None:
        self._X: NDArray[Any] = X if len(X) > _MANY else X.astype(np.float64)
        self._y, self._w = y, w
        self._weight = float(w.sum())
        self._curve: Floats | None = None

    def path(self, penalties: Sequence[float], signs: Floats) -> list[Floats]:
        """The coefficients under each penalty (strongest first), each found from the one before.

        Parameters
        ----------
        signs : ndarray of shape (terms,)
            1 or -1 where a coefficient may only be of that sign, else 0.
        """
        beta = np.zeros(self._X.shape[1])
        beta[0] = logit(np.average(self._y, weights=self._w))
        found = []
        for penalty in penalties:
            beta = self._with_signs(penalty, beta, signs)
            found.append(beta)
        return found

    def _with_signs(self, penalty: float, start: Floats, signs: Floats) -> Floats:
        """Coefficients of the wrong sign are set to 0 and the others found again."""
        free = np.ones(len(start), dtype=bool)
        while True:
            beta = self._least(penalty, start, free)
            wrong = signs * beta < 0
            if not wrong.any():
                return beta
            free &= ~wrong

    def _least(self, penalty: float, start: Floats, free: NDArray[np.bool_]) -> Floats:
        ridge = np.full(len(start), penalty)
        ridge[0] = 0.0
        beta = np.where(free, start, 0.0)
        z = self._log_odds(beta)
        here, before = self._loss(z, beta, ridge), np.inf
        for _ in range(_STEPS):
            p = expit(z)
            residual = (self._w * (p - self._y)).astype(self._X.dtype)
            slope = self._X.T @ residual + ridge * beta
            if self._curve is None:
                self._curve = self._curvature(p)
            step, gain = self._step(slope, ridge, free)
            if gain > _SLOW * before:
                self._curve = self._curvature(p)
                step, gain = self._step(slope, ridge, free)
            size = 1.0
            while True:
                moved = beta - size * step
                z = self._log_odds(moved)
                there = self._loss(z, moved, ridge)
                if there <= here or size < 1e-4:
                    break
                size /= 2
            beta, here = moved, there
            if gain < _CLOSE * self._weight:
                break
            before = gain if size == 1.0 else 0.0  # a step too long: the curvature is another here
        return beta

    def _log_odds(self, beta: Floats) -> Floats:
        z: Floats = (self._X @ beta.astype(self._X.dtype)).astype(np.float64)
        return z

    def _loss(self, z: Floats, beta: Floats, ridge: Floats) -> float:
        fit = np.sum(self._w * (np.logaddexp(0, z) - self._y * z))
        return float(fit + 0.5 * np.sum(ridge * beta**2))

    def _curvature(self, p: Floats) -> Floats:
        # Only the way down is rounded by this, not where it ends.
        size = np.sqrt(self._w * p * (1 - p)).astype(np.float32)
        root = self._X.astype(np.float32, copy=False) * size[:, None]
        curve: Floats = (root.T @ root).astype(np.float64)
        curve[np.diag_indices_from(curve)] += _LEAST * self._weight
        return curve

    def _step(self, slope: Floats, ridge: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
        """Newton's step, and what it should win."""
        curve = np.asarray(self._curve) + np.diag(ridge)
        step = np.zeros(len(slope))
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        return step, 0.5 * float(slope @ step)
