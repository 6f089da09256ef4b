"""Who may be chosen: candidates within a list, without others, and what ranks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput

from .inputs import ID, frame_columns


def limited(candidates: Any, within: Any = None, suppress: Any = None) -> Any:
    """The candidates that are `within` a list and on none of the lists of `suppress`.

    Parameters
    ----------
    candidates : pandas.DataFrame or ibis.Table
    within : Audience, sequence of str, or table with customer_id, optional
    suppress : the same, or a mapping of names to such, optional

    Returns
    -------
    pandas.DataFrame or ibis.Table
        As it came; nothing is computed of an Ibis table.

    Raises
    ------
    InvalidInput
        If a list holds no customer ids.
    """
    check_columns(frame_columns(candidates), [ID], "candidates")
    if within is not None:
        candidates = _filtered(candidates, id_list("within", within), keep=True)
    lists = suppress if isinstance(suppress, Mapping) else {"suppress": suppress}
    for name, value in lists.items():
        if value is not None:
            said = name if name == "suppress" else f"suppress[{name!r}]"
            candidates = without(candidates, id_list(said, value))
    return candidates


def without(frame: Any, ids: ibis.Table | pd.Series) -> Any:
    """The rows of a frame or table whose customers are not among `ids`."""
    return _filtered(frame, ids, keep=False)


def only(frame: Any, ids: ibis.Table | pd.Series) -> Any:
    """The rows of a frame or table whose customers are among `ids`."""
    return _filtered(frame, ids, keep=True)


def id_list(name: str, value: Any) -> ibis.Table | pd.Series:
    """Customer ids out of an audience, a table, a frame or a sequence.

    Raises
    ------
    InvalidInput
        If it is none of these, or an id is null or no text.
    """
    found = value.ids() if callable(getattr(value, "ids", None)) else value
    if isinstance(found, ibis.Table):
        check_columns(found.columns, [ID], name)
        if not found[ID].type().is_string():
            raise InvalidInput(f"{name} must hold ids as text, got {found[ID].type()}; cast them")
        return found.select(ID)
    if isinstance(found, pd.DataFrame):
        check_columns(list(found.columns), [ID], name)
        found = found[ID]
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise InvalidInput(
            f"{name} must be an audience, customer ids, or a table with customer_id, got {value!r}"
        )
    listed = list(found)
    wrong = [each for each in listed if not isinstance(each, str)]
    if wrong:
        raise InvalidInput(
            f"{name} must hold ids as text, got {wrong[0]!r} ({len(wrong)} such); drop nulls and "
            f"convert ids with str()"
        )
    return pd.Series(listed, dtype=object)


def ranks_of(scores: Any) -> pd.Series:
    """The score of each customer out of `rank_by`, by id.

    Raises
    ------
    InvalidInput
        If it is no table of `customer_id` and `score`, a customer has several scores, or a score is
        no finite number.
    """
    if not isinstance(scores, (pd.DataFrame, ibis.Table)):
        raise InvalidInput(
            f"rank_by must be a scores table (customer_id, score), got {type(scores).__name__}"
        )
    check_columns(list(scores.columns), [ID, "score"], "rank_by")
    frame = scores[[ID, "score"]]
    if isinstance(frame, ibis.Table):
        frame = frame.to_pyarrow().to_pandas()
    if frame[ID].duplicated().any():
        raise InvalidInput(
            f"rank_by must have one score a customer, got several for "
            f"{frame.loc[frame[ID].duplicated(), ID].iloc[0]!r}; keep the scores of one arm, or the "
            f"best of each customer"
        )
    numbers = pd.to_numeric(frame["score"], errors="coerce")
    wrong = frame[~numbers.abs().lt(float("inf"))]
    if len(wrong):
        raise InvalidInput(
            f"rank_by must hold finite scores, got {wrong['score'].iloc[0]!r} for "
            f"{wrong[ID].iloc[0]!r}; leave such customers out"
        )
    return pd.Series(numbers.to_numpy(dtype="float64"), index=pd.Index(frame[ID], dtype=object))


def _filtered(frame: Any, ids: ibis.Table | pd.Series, *, keep: bool) -> Any:
    if isinstance(frame, pd.DataFrame):
        listed = ids.to_pyarrow()[ID].to_pandas() if isinstance(ids, ibis.Table) else ids
        return frame[frame[ID].isin(listed) == keep]
    table = _beside(frame, ids)
    return frame.semi_join(table, ID) if keep else frame.anti_join(table, ID)


def _beside(frame: ibis.Table, ids: ibis.Table | pd.Series) -> ibis.Table:
    """The ids as a table of the frame's own engine; fetched where they live in another."""
    if isinstance(ids, ibis.Table):
        if ids.get_backend() is frame.get_backend():
            return ids
        return ibis.memtable(ids.to_pyarrow())
    return ibis.memtable(pa.table({ID: pa.array(ids.tolist(), pa.string())}))
