"""The effect among customers alike in one tag: doubly-robust means, with intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr
from scipy.stats import f as f_distribution
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, interval
from marketing_ds.tags import Tag

from ..arms import Floats
from ..crossfit import CrossFit
from .bands import LANGUAGES, BandedTag, Bins, band_tags


@dataclass(frozen=True)
class GroupEffects(Result):
    """Effects of each arm by tag and band; made by `group_effects`.

    Attributes
    ----------
    average : dict of str to Estimate
        Average effect of each arm over everybody.
    alpha : float
        Intervals are at level ``1 - alpha``.
    min_count : int
        Cells with fewer customers of the arm or of control are suppressed.
    """

    average: dict[str, Estimate]
    alpha: float
    min_count: int
    _rows: pd.DataFrame = field(repr=False)
    _tests: pd.DataFrame = field(repr=False)

    def to_frame(self, *, language: str = "en") -> pd.DataFrame:
        """One row a tag, arm and band, bands in their natural order.

        `tag`, `title`, `group` (the band in words), `arm`, `customers`, `n_arm`, `n_control`,
        `effect` with its interval; `difference` between the effect here and among all others, its
        `p_value` and `p_adjusted` (Benjamini–Hochberg over all rows shown). NaN where
        `suppressed`.
        """
        check_choice("language", language, LANGUAGES)
        told = {f"title_{language}": "title", f"group_{language}": "group"}
        other = "en" if language == "zh" else "zh"
        return self._rows.drop(columns=[f"title_{other}", f"group_{other}"]).rename(columns=told)

    def tests(self) -> pd.DataFrame:
        """One row a tag and arm, the clearest first: does the effect differ between its bands?

        `tag`, `arm`, `groups`, `f` (Welch), `p_value`, and `p_adjusted` (Benjamini–Hochberg over
        all rows). NaN where fewer than two bands are shown.
        """
        return self._tests.copy()

    def _repr_html_(self) -> str:
        tests = frame_html(self.tests(), title="Does the effect differ by tag?")
        return tests + frame_html(self.to_frame(), title="GroupEffects")


def group_effects(
    source: CrossFit | Any,
    X: Any,
    by: str | Sequence[str] | None = None,
    *,
    bins: Bins = 5,
    min_count: int = 30,
    alpha: float = 0.05,
    tags: Sequence[Tag] = (),
) -> GroupEffects:
    """Measure the effect of each arm among customers alike in one tag.

    The effect in a band is the mean of its customers' doubly-robust pseudo-outcomes (AIPW), which
    needs no model of the effect. Bands depend on the tags only, never on outcomes.

    Parameters
    ----------
    source : UpliftModel or CrossFit
        A fitted model, or its `crossfit_`.
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Tags of the customers fitted to, in the same order; any tags as of before the assignment,
        not only those trained on.
    by : str or sequence of str, optional
        Tags to look at; all by default.
    bins : int, or mapping of tag to int or sequence
        About how many bands a number or date is cut into; or by tag their number, or the values at
        which bands start, e.g. ``{"age": [30, 50]}``.
    min_count : int
        Fewest customers of the arm and of control in a cell that is shown.
    alpha : float
        Intervals are at level ``1 - alpha``.
    tags : sequence of Tag
        Declarations of tags that are not in the catalogue, for their names.

    Returns
    -------
    GroupEffects

    Raises
    ------
    InvalidInput
        If lengths differ, a tag is unknown, or a number is out of range.

    References
    ----------
    Robins, Rotnitzky, Zhao (1994). JASA 89, 846-866, AIPW. Welch (1951). On the comparison of
    several mean values. Biometrika 38. Benjamini, Hochberg (1995). JRSS B 57.

    Examples
    --------
    >>> from marketing_ds.uplift import UpliftModel
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"channel": rng.choice(["app", "web"], 4000), "age": rng.integers(20, 60, 4000)})
    >>> arm = rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.2 * ((X["channel"] == "app") & (arm == "coupon"))
    >>> model = UpliftModel(n_estimators=20, n_folds=2).fit(X, y, treatment=arm)
    >>> found = group_effects(model, X, by=["channel", "age"], bins={"age": [40]})
    >>> found.to_frame()[["tag", "group", "effect"]].round(1).values.tolist()
    [['channel', 'app', 0.2], ['channel', 'web', 0.0], ['age', '≤39', 0.1], ['age', '≥40', 0.1]]
    >>> found.tests()["tag"].iloc[0]
    'channel'
    """
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_count("min_count", min_count, low=2)
    crossfit = crossfit_of(source)
    banded = band_tags(X, by, rows=len(crossfit.y), bins=bins, tags=tags)
    rows, tests = [], []
    for tag in banded:
        for code, arm in enumerate(crossfit.arms.names, start=1):
            cells = _cells(crossfit, tag, code, min_count)
            rows.append(_rows(cells, tag, arm, alpha))
            tests.append(
                {"tag": tag.name, "arm": arm, **welch(cells.size, cells.mean, cells.variance)}
            )
    told = pd.concat(rows, ignore_index=True)
    told["p_adjusted"] = _adjusted(told["p_value"])
    tested = pd.DataFrame(tests)
    tested["p_adjusted"] = _adjusted(tested["p_value"])
    return GroupEffects(
        average={
            arm: Estimate.from_influence(psi.mean(), psi, alpha=alpha)
            for arm, psi in zip(crossfit.arms.names, crossfit.psi.T, strict=True)
        },
        alpha=alpha,
        min_count=min_count,
        _rows=told,
        _tests=tested.sort_values("p_value", kind="stable", ignore_index=True),
    )


def crossfit_of(source: CrossFit | Any) -> CrossFit:
    """What cross-fitting left: of a fitted model, or handed in.

    Raises
    ------
    InvalidInput
        If `source` has none: a model that was loaded does not hold the customers it was trained on.
    """
    found = getattr(source, "crossfit_", source)
    if not isinstance(found, CrossFit):
        raise InvalidInput(
            f"source must be a model that was fitted here, or its crossfit_, got "
            f"{type(source).__name__}; a model that was loaded does not hold the customers it was "
            f"trained on: keep crossfit_ beside it, or fit again"
        )
    return found


def welch(size: Floats, mean: Floats, variance: Floats) -> dict[str, float]:
    """Welch's test that several groups have one mean: groups, `f` and `p_value`.

    Parameters
    ----------
    size, mean, variance : ndarray of shape (groups,)
        Variance with n − 1. Groups where it is not known or 0 are left out.

    Examples
    --------
    >>> welch(np.array([50., 50.]), np.array([0., 1.]), np.array([4., 4.]))
    {'groups': 2, 'f': 6.25, 'p_value': 0.014...}
    """
    there = variance > 0
    n, m = size[there], mean[there]
    groups = len(n)
    if groups < 2:
        return {"groups": groups, "f": np.nan, "p_value": np.nan}
    weight = n / variance[there]
    share = weight / weight.sum()
    lag = float(np.sum((1 - share) ** 2 / (n - 1)))
    between = float(weight @ (m - share @ m) ** 2) / (groups - 1)
    f = between / (1 + 2 * (groups - 2) / (groups**2 - 1) * lag)
    freedom = (groups**2 - 1) / (3 * lag)
    return {
        "groups": groups,
        "f": f,
        "p_value": float(f_distribution.sf(f, groups - 1, freedom)),
    }


@dataclass(frozen=True)
class _Cells:
    """Moments of the pseudo-outcomes by band; NaN where suppressed."""

    size: Floats
    n_arm: npt.NDArray[np.intp]
    n_control: npt.NDArray[np.intp]
    mean: Floats
    variance: Floats
    others_mean: Floats
    others_variance: Floats
    """Of the mean among all others."""


def _cells(crossfit: CrossFit, tag: BandedTag, code: int, min_count: int) -> _Cells:
    psi, received = crossfit.psi[:, code - 1], crossfit.arms.codes
    codes, k = tag.codes, tag.size
    size = np.bincount(codes, minlength=k).astype(np.float64)
    n_arm = np.bincount(codes[received == code], minlength=k)
    n_control = np.bincount(codes[received == 0], minlength=k)
    centre = psi.mean()
    first: Floats = np.bincount(codes, psi - centre, minlength=k).astype(np.float64)
    second: Floats = np.bincount(codes, (psi - centre) ** 2, minlength=k).astype(np.float64)
    shown = np.minimum(n_arm, n_control) >= min_count
    mean, variance = _moments(size, first, second)
    rest = size.sum() - size
    others, others_variance = _moments(rest, first.sum() - first, second.sum() - second)
    hidden = np.where(shown, 0.0, np.nan)
    return _Cells(
        size,
        n_arm,
        n_control,
        centre + mean + hidden,
        variance + hidden,
        centre + others + hidden,
        others_variance / np.maximum(rest, 1) + hidden,
    )


def _moments(size: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Mean and variance (n − 1) from sums; NaN where there are too few."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / size
        variance = np.where(size > 1, (second - size * mean**2) / (size - 1), np.nan)
    return mean, np.maximum(variance, 0.0)


def _rows(cells: _Cells, tag: BandedTag, arm: str, alpha: float) -> pd.DataFrame:
    squared = cells.variance / np.maximum(cells.size, 1)
    low, high = interval(cells.mean, np.sqrt(squared), alpha)
    difference = cells.mean - cells.others_mean
    error = np.sqrt(squared + cells.others_variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(difference) / error)
    bands = range(tag.size)
    frame = pd.DataFrame(
        {
            "tag": tag.name,
            **{f"title_{language}": tag.title(language) for language in LANGUAGES},
            **{
                f"group_{language}": [tag.label(band, language) for band in bands]
                for language in LANGUAGES
            },
            "arm": arm,
            "customers": cells.size.astype(np.intp),
            "n_arm": cells.n_arm,
            "n_control": cells.n_control,
            "effect": cells.mean,
            "effect_ci_lower": low,
            "effect_ci_upper": high,
            "difference": difference,
            "p_value": p,
            "suppressed": np.isnan(cells.mean),
        }
    )
    return frame[frame["customers"] > 0].reset_index(drop=True)


def _adjusted(p_values: pd.Series[Any]) -> Floats:
    """Benjamini and Hochberg over the values that are there."""
    p = p_values.to_numpy(dtype=np.float64)
    adjusted, there = p.copy(), ~np.isnan(p)
    if there.any():
        adjusted[there] = false_discovery_control(p[there])
    return adjusted
