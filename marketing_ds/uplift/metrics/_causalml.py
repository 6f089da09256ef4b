"""CausalML's definitions: every customer is a cut, equal scores in the order pandas sorts them.

With the k best customers in view, N₁ and N₀ are the treated and the control among them, Y₁ and Y₀
the sums of their outcomes. `effect` stands for CausalML's column of true effects ("tau"): where
it is given, its running mean takes the place of the difference of means.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput

from ..arms import Floats, read_numbers
from ..curves.compared import of_length
from ._sample import Measured, Pair, Sample

WEIGHTINGS = ("autoc", "qini")


def auuc(sample: Sample, *, normalize: bool = True, effect: Any = None) -> Measured:
    """``auuc_score``: mean height of the gain k·(Y₁/N₁ − Y₀/N₀) over k = 0 … n."""
    _check_flag(normalize)
    sums = _Running(sample, effect)
    known = sums.effect if effect is not None else sums.difference()
    curve = _from_zero(known) * np.arange(len(known) + 1)
    if normalize:
        curve = _over_end(curve)
    return Measured(_total(curve) / len(curve), _points(curve))


def qini(sample: Sample, *, normalize: bool = True, effect: Any = None) -> Measured:
    """``qini_score``: mean height of Y₁ − Y₀·N₁/N₀ above the straight line to its end."""
    _check_flag(normalize)
    sums = _Running(sample, effect)
    if effect is not None:
        curve = _from_zero(sums.effect * sums.n1)
    else:
        with np.errstate(invalid="ignore"):
            curve = _from_zero(sums.y1 - sums.y0 * sums.n1 / sums.n0)
    if normalize:
        curve = _over_end(curve)
    line = len(curve) * (curve[0] + curve[-1]) / 2
    return Measured((_total(curve) - float(line)) / len(curve), _points(curve))


def rate(
    sample: Sample, *, weighting: str = "autoc", normalize: bool = False, effect: Any = None
) -> Measured:
    """``rate_score``: weighted mean of TOC(q) = effect in the top share q − effect of all."""
    check_choice("weighting", weighting, WEIGHTINGS)
    _check_flag(normalize)
    sums = _Running(sample, effect)
    if effect is not None:
        toc = sums.effect - sums.effect[-1]
    else:
        known = sums.difference()
        toc = np.where(np.isnan(known), 0.0, known - known[-1])
    curve = np.concatenate([[0.0], toc])
    if normalize:
        curve = curve / (np.abs(curve).max() or 1.0)
    share = np.linspace(0, 1, len(curve))
    middle = (share[:-1] + share[1:]) / 2
    weight = 1 / middle if weighting == "autoc" else middle
    value = float(np.average((curve[:-1] + curve[1:]) / 2, weights=weight))
    return Measured(value, {"targeted_share": share, "value": curve})


class _Running:
    """Sums over the k best customers, k = 1 … n."""

    def __init__(self, sample: Sample, effect: Any) -> None:
        pair = sample.pair()
        order = _order(pair)
        y, treated = pair.y[order], pair.treated[order]
        k = np.arange(1, len(y) + 1)
        self.n1 = np.cumsum(treated)
        self.n0 = k - self.n1
        self.y1 = np.cumsum(y * treated)
        self.y0 = np.cumsum(y * ~treated)
        if effect is not None:
            self.effect: Floats = np.cumsum(_read_effect(effect, sample)[order]) / k

    def difference(self) -> Floats:
        """Y₁/N₁ − Y₀/N₀; NaN until both arms are in view."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.y1 / self.n1 - self.y0 / self.n0)


def _order(pair: Pair) -> npt.NDArray[np.int64]:
    """As CausalML sorts: pandas' default, whose order of equal scores differs between processors."""
    ranked = pd.Series(pair.score).sort_values(ascending=False)
    return np.asarray(ranked.index.to_numpy())


def _read_effect(effect: Any, sample: Sample) -> Floats:
    values = of_length(read_numbers(effect, "effect"), "effect", len(sample.y))
    if len(sample.arms.names) > 1:
        values = values[(sample.arms.codes == 0) | (sample.arms.codes == sample.code)]
    return values


def _from_zero(known: Floats) -> Floats:
    """The curve with its start at 0; a straight line leads to the first known point."""
    curve = np.concatenate([[0.0], known])
    first = int(np.argmax(~np.isnan(known))) + 1
    curve[:first] = curve[first] * np.arange(first) / first
    return curve


def _over_end(curve: Floats) -> Floats:
    """The curve over the size of its end; infinite or NaN where the end is 0, as in CausalML."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(curve / np.abs(curve[-1]))


def _total(curve: Floats) -> float:
    with np.errstate(invalid="ignore"):  # infinities of both signs
        return float(np.nansum(curve))


def _points(curve: Floats) -> dict[str, npt.NDArray[Any]]:
    return {"customers": np.arange(len(curve)), "value": curve}


def _check_flag(normalize: object) -> None:
    if not isinstance(normalize, bool):
        raise InvalidInput(f"normalize must be True or False, got {normalize!r}")
