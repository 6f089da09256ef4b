"""A Poisson bootstrap of a curve that needs its sums only, whatever the number of customers.

In a Poisson bootstrap every customer is drawn Poisson(1) times, so that the sums of disjoint groups
are independent, each with mean and covariance that are sums over its customers: of w, w·y, w²,
w²·y and w²·y², which a curve keeps. The sums of some 200 groups are drawn from the normal
distribution with that mean and covariance. Groups are runs of the ranking that cut no tie.
"""

from __future__ import annotations

import numpy as np

from ..arms import Floats
from .curve_sums import CurveSums
from .ranking import hold

REPLICATES = 500
_CELLS = 200
_LEAST = 50
"""Customers of a group, at least: the sums of fewer are not normal."""


def draw_curves(
    sums: CurveSums, *, replicates: int = REPLICATES, seed: int = 0
) -> tuple[Floats, Floats]:
    """Curves that other samples of customers might have given.

    Returns
    -------
    share : ndarray of shape (cells + 1,)
        From 0 to 1.
    value : ndarray of shape (replicates, cells + 1)
        V at these shares.
    """
    edges = _edges(sums)
    people = np.diff(edges) / sums.steps * sums.n
    sides = [side.at(edges.astype(float)).between() for side in sums.sides]
    size = 1 + 2 * len(sides)
    mean = np.zeros((len(people), size))
    covariance = np.zeros((len(people), size, size))
    mean[:, 0] = covariance[:, 0, 0] = people
    for k, side in enumerate(sides):
        w, o = 1 + 2 * k, 2 + 2 * k
        for column, total in ((w, side.weight), (o, side.outcome)):
            mean[:, column] = total
            covariance[:, 0, column] = covariance[:, column, 0] = total
        covariance[:, w, w], covariance[:, o, o] = side.weight2, side.square2
        covariance[:, w, o] = covariance[:, o, w] = side.outcome2
    spread, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(spread, 0.0))[:, None, :]
    noise = np.random.default_rng(seed).standard_normal((replicates, len(people), size))
    drawn = np.cumsum(mean + np.einsum("cij,rcj->rci", root, noise), axis=1)
    return _curves(edges / sums.steps, drawn)


def _curves(share: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """V at the given shares of each draw's own customers."""
    curves = np.zeros((len(drawn), len(share)))
    for curve, one in zip(curves, drawn, strict=True):
        people, weights, outcomes = one[:, 0], one[:, 1::2], one[:, 2::2]
        means = np.full(weights.shape, np.nan)
        np.divide(outcomes, weights, out=means, where=weights > 0)
        effect = means[:, 0] - (means[:, 1] if means.shape[1] > 1 else 0.0)
        effect = np.nan_to_num(hold(effect))  # of a handful of customers a draw may leave no arm
        own = people / people[-1]
        curve[1:] = np.interp(share[1:], np.append(0.0, own), np.append(0.0, own * effect))
    return share, curves


def _edges(sums: CurveSums) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Steps where groups end, from 0 to the last."""
    cells = int(np.clip(sums.n // _LEAST, 1, _CELLS))
    wanted = np.linspace(0, sums.steps, min(cells, sums.steps) + 1).astype(np.intp)
    if sums.ties is None:
        return np.unique(wanted)
    begins = np.append(sums.ties, sums.steps)
    return np.unique(begins[np.searchsorted(begins, wanted)])
