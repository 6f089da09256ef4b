"""The scores table: what every model hands to decisions, whatever its kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ._core.checks import check_choice, check_date
from ._core.errors import InvalidInput
from .schema import SCORES

_Sized = TypeVar("_Sized", pd.Series, np.ndarray)
_KINDS = next(column.allowed for column in SCORES.columns if column.name == "kind") or ()


def scores_frame(
    customer_id: Sequence[str] | ArrayLike | pd.Series,
    *,
    as_of: dt.date | str,
    kind: str,
    score: ArrayLike,
    model_version: str,
    arm: str | Sequence[str] | ArrayLike | None = None,
    standard_error: ArrayLike | None = None,
) -> pd.DataFrame:
    """A frame with exactly the columns of the contract of `scores`, in its order and types.

    Parameters
    ----------
    customer_id : sequence of str, length n
        Customers, in the order of `score`.
    as_of : date or ISO text
        Nothing after this day was used.
    kind : {"lookalike", "propensity", "uplift"}
    score : array-like of shape (n,)
        Closeness, probability or uplift (in outcome units per person).
    model_version : str
        Which model made it.
    arm : str or sequence of str, optional
        Arm or offer that each score is for; one text serves all rows.
    standard_error : array-like of shape (n,), optional
        Of the score, NaN where unknown.

    Returns
    -------
    pandas.DataFrame
        One row a customer and arm; `as_of` holds `datetime.date`.

    Raises
    ------
    InvalidInput
        If lengths differ, an id is null, a customer comes twice for one arm, a score is not
        finite, or a standard error is negative.

    Examples
    --------
    >>> scores_frame(["a", "b"], as_of="2026-06-30", kind="propensity", score=[0.2, 0.1],
    ...              model_version="0f3a")[["customer_id", "as_of", "score"]]
      customer_id       as_of  score
    0           a  2026-06-30    0.2
    1           b  2026-06-30    0.1
    """
    day = check_date("as_of", as_of)
    check_choice("kind", kind, _KINDS)
    if not isinstance(model_version, str) or not model_version:
        raise InvalidInput(f"model_version must be a text that is not empty, got {model_version!r}")
    ids = _texts("customer_id", customer_id)
    n = len(ids)
    if ids.isna().any():
        raise InvalidInput(f"customer_id must not be null, got {int(ids.isna().sum())} null(s)")
    arms = _texts("arm", arm if _is_many(arm) else [arm] * n)
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "as_of": pd.Series([day] * n, dtype=object),
            "kind": pd.Series([kind] * n, dtype="str"),
            "arm": _same_length("arm", arms, n),
            "score": _same_length("score", _numbers("score", score), n),
            "standard_error": np.nan
            if standard_error is None
            else _same_length("standard_error", _numbers("standard_error", standard_error), n),
            "model_version": pd.Series([model_version] * n, dtype="str"),
        }
    )
    _check_rows(frame)
    return frame[list(SCORES.column_names)]


def _check_rows(frame: pd.DataFrame) -> None:
    bad = ~np.isfinite(frame["score"].to_numpy())
    if bad.any():
        first = frame.loc[bad, "customer_id"].iloc[0]
        raise InvalidInput(
            f"score must be finite, got {int(bad.sum())} that are not, first for customer {first!r}"
        )
    if (frame["standard_error"] < 0).any():
        raise InvalidInput("standard_error must be at least 0")
    twice = frame.duplicated(["customer_id", "arm"])
    if twice.any():
        first = frame.loc[twice, "customer_id"].iloc[0]
        raise InvalidInput(
            f"customer_id must come once per arm, got {int(twice.sum())} again, "
            f"first {first!r}; drop duplicate customers first"
        )


def _is_many(value: object) -> bool:
    return value is not None and not isinstance(value, str)


def _texts(name: str, values: object) -> pd.Series:
    series = pd.Series(values).reset_index(drop=True)
    found = pd.api.types.infer_dtype(series.astype(object), skipna=True)
    if found not in ("string", "empty"):
        raise InvalidInput(f"{name} must be text, got {found}; convert it with .astype(str)")
    return series.astype("str")


def _numbers(name: str, values: ArrayLike) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1:
        raise InvalidInput(f"{name} must have one dimension, got shape {numbers.shape}")
    return numbers


def _same_length(name: str, values: _Sized, n: int) -> _Sized:
    if len(values) != n:
        raise InvalidInput(f"{name} must have one entry per customer_id ({n}), got {len(values)}")
    return values
