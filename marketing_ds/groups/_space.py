"""The space in which customers are near or far: all tags on one scale.

=========  =====================================================================================
tag        coordinates
=========  =====================================================================================
number,    asinh((x − median) / s), s the interquartile range over 1.349: straight near the
date       middle, a logarithm in the tails; then mean 0 and variance 1 (but for the outermost
           hundredths), cut at ±3; null is 0
boolean    −1, 1, centred; null is 0
(nulls)    of a number, date or boolean: 1 where it is null, centred
category   a 0/1 column a level times √2, centred: two categories are as far apart as yes and no
=========  =====================================================================================

So no tag's unit matters, and rare values have little say: a tag with one value for nearly all
carries little variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds.features import FeatureEncoder

from ._kmeans import Points

_CUT = 3.0
_USUAL = (0.01, 0.99)
"""Quantiles beyond which values have no say in a tag's scale."""
_NORMAL_RANGE = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""


@dataclass(frozen=True, eq=False)
class _Scale:
    """How one encoded column becomes coordinates."""

    kind: str
    middle: float
    spread: float
    mean: float
    deviation: float
    null_mean: float
    """Share of nulls where they have a column of their own, else 0."""

    @property
    def width(self) -> int:
        return 2 if self.null_mean else 1

    def put(self, values: NDArray[np.float32], out: Points) -> None:
        """Write the coordinates of `values` into `out`, of shape (n, width)."""
        null = np.isnan(values)
        if self.kind in ("number", "date"):
            bent = np.arcsinh((values.astype(np.float64) - self.middle) / self.spread)
            placed = np.clip((bent - self.mean) / self.deviation, -_CUT, _CUT)
        else:
            placed = self.spread * (values.astype(np.float64) - self.mean)
        out[:, 0] = np.where(null, 0.0, placed)
        if self.null_mean:
            out[:, 1] = null - self.null_mean


@dataclass(frozen=True, eq=False)
class Space:
    """How tags become coordinates; learnt from a sample by `learn_space`."""

    encoder: FeatureEncoder
    scales: tuple[_Scale, ...]
    tags: tuple[str, ...]
    """Tags that vary, in order of their columns."""
    blocks: tuple[slice, ...]
    """Which coordinates each of them has."""

    def points(self, frame: pd.DataFrame) -> Points:
        """Coordinates of customers, shape (n, d)."""
        encoded = self.encoder.transform(frame)
        out = np.empty((len(encoded), self.blocks[-1].stop), dtype=np.float32)
        at = 0
        for column, scale in enumerate(self.scales):
            scale.put(encoded[:, column], out[:, at : at + scale.width])
            at += scale.width
        return out


def learn_space(frame: pd.DataFrame) -> tuple[Space, dict[str, str]]:
    """The space of a sample's tags; and the tags that say nothing, with the reason.

    Raises
    ------
    InvalidInput
        If a tag is infinite somewhere or mixes types.
    """
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(frame)
    kinds = [encoder.columns_[i].kind for i in encoder.origin_]
    scales = tuple(_learn(encoded[:, at], kind) for at, kind in enumerate(kinds))
    ends = np.cumsum([scale.width for scale in scales])
    tags, blocks = [], []
    for position, column in enumerate(encoder.columns_):
        of_tag = np.flatnonzero(encoder.origin_ == position)
        if len(of_tag):
            first, last = of_tag[0], of_tag[-1]
            tags.append(column.name)
            blocks.append(slice(int(ends[first] - scales[first].width), int(ends[last])))
    return Space(encoder, scales, tuple(tags), tuple(blocks)), dict(encoder.dropped_)


def _learn(values: NDArray[np.float32], kind: str) -> _Scale:
    null = np.isnan(values)
    known = values[~null].astype(np.float64)
    if kind == "category":
        return _Scale(kind, 0.0, np.sqrt(2.0), float(known.mean()), 1.0, 0.0)
    share = float(null.mean())
    if kind == "boolean":
        return _Scale(kind, 0.0, 2.0, float(known.mean()), 1.0, share)
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    # Where most have one value (a balance of 0) the quartiles coincide.
    spread = (high - low) / _NORMAL_RANGE or float(np.abs(known - middle).mean()) or 1.0
    bent = np.arcsinh((known - middle) / spread)
    usual = np.clip(bent, *np.quantile(bent, _USUAL))
    deviation = float(usual.std() or bent.std() or 1.0)
    return _Scale(kind, float(middle), float(spread), float(usual.mean()), deviation, share)


def correlated(points: Points, one: slice, other: slice) -> float:
    """The greatest correlation, up to sign, of coordinates of two tags; 0 with a constant."""
    first, second = (_standardised(points[:, block]) for block in (one, other))
    return float(np.abs(first.T @ second).max()) / len(points)


def _standardised(columns: Points) -> NDArray[np.float64]:
    centred = columns - columns.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))
