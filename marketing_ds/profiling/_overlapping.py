"""The score test of the ratio of two shares whose sides overlap in part.

Customers fall into three independent groups: in the first side only, in both, in the second only.
With the proportion p of each, "share in the first = ratio × share in the second" says that a sum of
the three, Σ c·p with c known, is 0. The score test of such a sum (Martín Andrés et al. 2011) is

    (Σ c·p̂)² / Σ c²·p̃(1 − p̃)/n,

with p̂ the observed proportions and p̃ the likeliest ones that obey the hypothesis. These solve
(x − n·p)/(p(1 − p)) = λc: a quadratic in p for each λ, and Σ c·p falls as λ grows, so λ is found by
bisection. With two groups it is Koopman's test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]
_STEPS = 50
"""Halvings of the bracket: as many as a float has room for below 1."""


@dataclass(frozen=True)
class Group:
    """`count` of `size` customers, and what one of them adds to the share of either side."""

    count: _Array
    size: float
    first: float
    second: float

    def weight(self, ratio: _Array) -> _Array:
        """c: what the group's proportion adds to "first share − ratio × second share"."""
        value: _Array = self.size * (self.first - ratio * self.second)
        return value

    def likeliest(self, pull: _Array) -> _Array:
        """The proportion that solves (x − n·p)/(p(1 − p)) = `pull`, without cancellation."""
        b = self.size + pull
        root = np.sqrt(np.maximum(b * b - 4.0 * pull * self.count, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.where(b >= 0, 2.0 * self.count / (b + root), (b - root) / (2.0 * pull))
        likeliest: _Array = np.clip(np.nan_to_num(p), 0.0, 1.0)
        return likeliest


def ratio_statistic(groups: Sequence[Group], ratio: _Array) -> _Array:
    """χ² with one degree of freedom of "share in the first = `ratio` × share in the second".

    Parameters
    ----------
    groups : sequence of Group
        Independent groups of customers, counts of shape (k,); those without customers add nothing.
    ratio : ndarray, shape (k,)
    """
    there = [group for group in groups if group.size]
    weights = [group.weight(ratio) for group in there]
    pulls = _pull(there, weights)
    variance = np.zeros_like(ratio)
    found = np.zeros_like(ratio)
    for group, weight in zip(there, weights, strict=True):
        p = group.likeliest(pulls * weight)
        variance += weight**2 * p * (1.0 - p) / group.size
        found += weight * group.count / group.size
    with np.errstate(divide="ignore", invalid="ignore"):
        value = found**2 / variance
    return np.nan_to_num(value, nan=0.0, posinf=np.inf)


def _pull(groups: Sequence[Group], weights: Sequence[_Array]) -> _Array:
    """λ: how hard the hypothesis must pull at the observed proportions to be obeyed."""
    steepest = np.maximum.reduce([np.abs(weight) for weight in weights])
    scale = sum(group.size for group in groups) / steepest
    low, high = np.full_like(scale, -1.0), np.full_like(scale, 1.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        pull = _stretched(middle, scale)
        total = np.zeros_like(pull)
        for group, weight in zip(groups, weights, strict=True):
            total += weight * group.likeliest(pull * weight)
        low, high = np.where(total > 0, middle, low), np.where(total > 0, high, middle)
    return _stretched((low + high) / 2.0, scale)


def _stretched(part: _Array, scale: _Array) -> _Array:
    """A number between −1 and 1 as one between −∞ and ∞, so that no bracket must be guessed."""
    value: _Array = scale * part / (1.0 - np.abs(part))
    return value
