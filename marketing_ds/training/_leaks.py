"""Leaks: features that know what nobody could know at the cut-off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.checks import check_columns, check_date, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.features import ID_COLUMNS

from ._discrimination import Figures, Sample, figures, lower_end

MAX_AUC = 0.78
"""Above this AUC of one feature alone it is named.

Half way between what honest features reach and what leaks do: the best honest column of UCI bank
marketing has 0.749 (`nr.employed`), the best tag of the sample bank for any of its labels 0.74,
while `duration`, known only after the call, has 0.818 and 0.808 in the two versions of that data.
What rests on dated rows alone is held to half way from here to 1, 0.89: who bought often buys
again. In the Complete Journey, of real households, the days with a purchase tell the next month's
with 0.862, and benefits redeemed tell redemptions with 0.882.
"""
_FEW = 30
_CHANGED_SHARE = 0.001
_CHANGED_SIGMAS = 4.0
_SHOWN = 8

Why = Literal[
    "auc",
    "shape",
    "missing",
    "label",
    "computed later",
    "changed later",
    "undated",
    "past the compiler",
]
_REASONS: Mapping[Why, str] = {
    "label": "it is the label itself",
    "auc": "alone it tells the label with AUC {figure:.3f}, above {limit:g}",
    "shape": "alone, by quantiles, it tells the label with AUC {figure:.3f}, above {limit:g}",
    "missing": "that it is null tells the label with AUC {figure:.3f}, above {limit:g}",
    "computed later": "it was computed {figure:.0f} day(s) after the cut-off",
    "changed later": "it was overwritten later, in {figure:.2%} of the rows with the label and "
    "{limit:.2%} of the others",
    "undated": "its list does not say from which day on it was known; give it a column known_from",
    "past the compiler": "its formula reads rows by itself, which nothing holds to the cut-off",
}


@dataclass(frozen=True)
class Leak:
    """One feature that is named, why, and the figure behind it."""

    feature: str
    why: Why
    figure: float = float("nan")
    limit: float = float("nan")

    def __str__(self) -> str:
        reason = _REASONS[self.why].format(figure=self.figure, limit=self.limit)
        return f"{self.feature!r}: {reason}"


class LeakFound(InvalidInput):
    """Features know the future; `.leaks` lists them."""

    def __init__(self, leaks: Collection[Leak]) -> None:
        self.leaks = tuple(leaks)
        shown = "; ".join(map(str, self.leaks[:_SHOWN]))
        more = len(self.leaks) - _SHOWN
        names = sorted({leak.feature for leak in self.leaks})
        super().__init__(
            f"X must hold only what was known at the cut-off, got {len(names)} feature(s) that "
            f"leak: {shown}{f'; and {more} more' if more > 0 else ''}. Leave them out, or, if they "
            f"were honestly known by then, pass allow={names!r}"
        )


@dataclass(frozen=True, eq=False)
class Leaks(Result):
    """What a leak check found.

    Attributes
    ----------
    found : tuple of Leak
        What is named; empty if all is well.
    allowed : tuple of Leak
        What would have been, but for `allow`.
    figures : pandas.DataFrame
        For each feature `auc`, `auc_ci_lower` (by Hanley and McNeil) and `missing_auc`; the
        greatest first. Constant features are not in it.
    unversioned : tuple of str
        Features that rest on facts of which the mart keeps no history (a manager, a consent): they
        show what is so today, and nothing can prove that it was so at the cut-off.
    """

    found: tuple[Leak, ...]
    allowed: tuple[Leak, ...]
    figures: pd.DataFrame
    unversioned: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row a leak: feature, why, figure, limit, allowed."""
        rows = [
            {**leak.__dict__, "allowed": leak in self.allowed}
            for leak in (*self.found, *self.allowed)
        ]
        return pd.DataFrame(rows, columns=["feature", "why", "figure", "limit", "allowed"])

    def raise_if_any(self) -> None:
        """Raise `LeakFound` if anything is named.

        Raises
        ------
        LeakFound
        """
        if self.found:
            raise LeakFound(self.found)

    def joined(self, leaks: Collection[Leak], allow: Collection[str]) -> Leaks:
        """With more leaks, sorted out by `allow`."""
        return replace(
            self,
            found=(*(leak for leak in leaks if leak.feature not in allow), *self.found),
            allowed=(*(leak for leak in leaks if leak.feature in allow), *self.allowed),
        )


def find_leaks(
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    cutoff: str | dt.date | None = None,
    computed_on: Mapping[str, str | dt.date] | None = None,
    again: pd.DataFrame | None = None,
    dated: Collection[str] = (),
    max_auc: float = MAX_AUC,
    allow: Collection[str] = (),
) -> Leaks:
    """Look for features that know what nobody could know at the cut-off.

    Parameters
    ----------
    X : pandas.DataFrame of shape (n, features)
        Features; `customer_id` and `as_of` are keys.
    y : array of shape (n,)
        The label: 0 and 1, or two values of which the greater is 1.
    sample_weight : array of shape (n,), optional
        How many customers each row stands for.
    cutoff : date, optional
        The day whose end divides features from label: a row's `as_of`, and what `computed_on`
        says, must not be later.
    computed_on : mapping of str to date, optional
        For features the day on which they were computed; needs `cutoff`.
    again : pandas.DataFrame, optional
        The same features of the same rows in the same order, computed at another time (kept since,
        or made anew today): a column that differs in more than 0.1 % of rows, and by 4 standard
        errors more often in one class, was overwritten because of the label.
    dated : collection of str, optional
        Features made by point in time of rows that all carry their day. What came later cannot be
        in them, and habits are strong: their limit is half way from `max_auc` to 1.
    max_auc : float, default 0.78
        A feature whose AUC, alone, is above this is named. With fewer than 30 rows of a class the
        lower end of its interval must be, too.
    allow : collection of str
        Features that are honest all the same.

    Returns
    -------
    Leaks

    Raises
    ------
    InvalidInput
        If X, y and the others do not fit together, or y has one class only.

    Notes
    -----
    Of each feature is asked: whether it is the label; the AUC of a number in order, either way, and
    of a category's levels by their rate in four fifths of the customers, judged on the last fifth;
    the same of 50 quantiles of a number, against a limit half way from `max_auc` to 1; the AUC of
    whether it is null. At most 250,000 rows of each class are looked at.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20, 50, 30, 40] * 50, "called_back": [0, 1, 0, 1] * 50})
    >>> y = [0, 1, 0, 1] * 49 + [0, 1, 1, 0]
    >>> find_leaks(X, y).raise_if_any()
    Traceback (most recent call last):
    ...
    marketing_ds.training._leaks.LeakFound: X must hold only what was known at the cut-off, got 2 feature(s) that leak: ...
    >>> find_leaks(X, y, allow=["age", "called_back"]).found
    ()
    """
    limit = check_number("max_auc", max_auc, low=0.5, high=1)
    label, weight = _check_rows(X, y, sample_weight)
    features = [name for name in X.columns if name not in ID_COLUMNS]
    _check_allow(allow, X.columns)
    leaks = [*_computed_later(X, cutoff, computed_on), *_changed(X, again, features, label)]
    sample = Sample.of(X, label, weight)
    rows = []
    for name in features:
        one = figures(X[name], name, sample)
        if one is not None:
            leaks += _named(name, one, sample, (1 + limit) / 2 if name in dated else limit)
            lower = lower_end(one.auc, sample)
            rows.append((name, one.auc, lower, one.missing_auc))
    columns = ["feature", "auc", "auc_ci_lower", "missing_auc"]
    table = pd.DataFrame(rows, columns=columns).sort_values(
        ["auc", "feature"], ascending=[False, True], ignore_index=True
    )
    return Leaks((), (), table).joined(leaks, allow)


def _named(name: str, one: Figures, sample: Sample, limit: float) -> list[Leak]:
    if one.equal:
        return [Leak(name, "label", 1.0)]
    # Fifty rates follow the seasons of a slow series too, so they must tell twice as much.
    asked: list[tuple[Why, float, float]] = [
        ("auc", one.auc, limit),
        ("missing", one.missing_auc, limit),
        ("shape", one.shape_auc, (1 + limit) / 2),
    ]
    for why, auc, highest in asked:
        if auc > highest and (sample.fewest >= _FEW or lower_end(auc, sample) > highest):
            return [Leak(name, why, auc, highest)]
    return []


def _check_rows(
    X: pd.DataFrame, y: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    if not isinstance(X, pd.DataFrame):
        raise InvalidInput(f"X must be a pandas frame, got {type(X).__name__}")
    label: NDArray[Any] = np.asarray(y)
    if label.ndim != 1 or len(label) != len(X):
        raise InvalidInput(f"y must have one label per row of X ({len(X)}), got {label.shape}")
    if pd.isna(label).any():
        raise InvalidInput("y must be known in every row, got nulls; leave these rows out")
    classes = np.unique(label)
    if len(classes) != 2:
        raise InvalidInput(f"y must hold two classes to check against, got {classes[:5].tolist()}")
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weight.shape != label.shape or not (np.isfinite(weight) & (weight >= 0)).all():
        raise InvalidInput("sample_weight must have a finite number of at least 0 per row of X")
    return label == classes[1], weight


def _check_allow(allow: Collection[str], columns: Collection[str]) -> None:
    if isinstance(allow, str):
        raise InvalidInput(f"allow must be a list of features, got {allow!r}; write [{allow!r}]")
    for name in allow:
        if name not in columns:
            raise InvalidInput(
                f"allow must name features of X, got {name!r}{did_you_mean(str(name), columns)}"
            )


def _computed_later(
    X: pd.DataFrame,
    cutoff: str | dt.date | None,
    computed_on: Mapping[str, str | dt.date] | None,
) -> list[Leak]:
    if cutoff is None:
        if computed_on:
            raise InvalidInput("cutoff must be given with computed_on: later than what?")
        return []
    day = check_date("cutoff", cutoff)
    found = []
    if "as_of" in X.columns and len(X):
        last = pd.to_datetime(X["as_of"]).max().date()
        if last > day:
            found.append(Leak("as_of", "computed later", float((last - day).days)))
    check_columns(list(X.columns), list(computed_on or ()), "X")
    for name, when in (computed_on or {}).items():
        late = (check_date(f"computed_on[{name!r}]", when) - day).days
        if late > 0:
            found.append(Leak(name, "computed later", float(late)))
    return found


def _changed(
    X: pd.DataFrame, again: pd.DataFrame | None, features: list[str], y: NDArray[np.bool_]
) -> list[Leak]:
    if again is None:
        return []
    if len(again) != len(X):
        raise InvalidInput(f"again must have the rows of X ({len(X)}), got {len(again)}")
    for key in ID_COLUMNS:
        if key in X.columns and key in again.columns and _differs(X[key], again[key]).any():
            raise InvalidInput(f"again must have the rows of X in their order; {key} differs")
    return find_changes(X, again, [name for name in features if name in again.columns], y)


def find_changes(
    X: pd.DataFrame, again: pd.DataFrame, names: Collection[str], y: NDArray[np.bool_]
) -> list[Leak]:
    """Those of `names` that differ between two frames of the same rows, and more in one class.

    A fact that is corrected now and then, whatever the label, tells nothing of it; one that is
    written because of the label differs where the label is 1.
    """
    found = []
    for name in names:
        changed = _differs(X[name], again[name])
        share, base = (float(changed[rows].mean()) if rows.any() else 0.0 for rows in (y, ~y))
        p = float(changed.mean()) if len(changed) else 0.0
        spread = np.sqrt(p * (1 - p) * (1 / max(y.sum(), 1) + 1 / max((~y).sum(), 1)))
        apart = abs(share - base)
        if p > _CHANGED_SHARE and (spread == 0 or apart > _CHANGED_SIGMAS * spread):
            found.append(Leak(name, "changed later", share, base))
    return found


def _differs(one: pd.Series, other: pd.Series) -> NDArray[np.bool_]:
    """Where two columns differ; numbers to the precision of float32."""
    left, right = one.reset_index(drop=True), other.reset_index(drop=True)
    numeric = all(
        pd.api.types.is_numeric_dtype(s.dtype) or pd.api.types.is_bool_dtype(s.dtype)
        for s in (left, right)
    )
    if numeric:
        a, b = (s.to_numpy(np.float64, na_value=np.nan) for s in (left, right))
        return np.asarray(~np.isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=True))
    null = left.isna() & right.isna()
    same = null | (left.astype(str) == right.astype(str))
    return np.asarray(~same.to_numpy(dtype=bool))
