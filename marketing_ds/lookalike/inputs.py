"""Reading seeds and frames: ids checked, candidates in batches, a sample of the base kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from marketing_ds._core.checks import check_columns, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import hash_share
from marketing_ds.mart import record_batches
from marketing_ds.tags import catalogue

from .provenance import is_found

ID = "customer_id"
_KEYS = (ID, "as_of")
_BATCH = 32_768


@dataclass(frozen=True)
class Sample:
    """Every seed, and a sample of the base in which seeds are as rare as they are there."""

    table: pa.Table
    is_seed: NDArray[np.bool_]
    in_base: NDArray[np.bool_]
    n_base: int
    """Customers in the whole frame."""

    @property
    def ids(self) -> NDArray[Any]:
        """Customers, in order of id."""
        return np.asarray(self.table[ID].to_numpy(), dtype=object)


def read_seeds(seeds: Any) -> frozenset[str]:
    """The ids of the seeds: texts, a frame or table with customer_id, or what has `.ids()`.

    Raises
    ------
    InvalidInput
        If there are none, some are null or no text, or they come out of another look-alike.
    """
    if is_found(getattr(seeds, "how", None)):
        raise InvalidInput(
            "seeds must be known customers, got an audience found by a look-alike, which drifts away "
            "from them; if that is meant, pass its ids as a list"
        )
    found = seeds.ids() if callable(getattr(seeds, "ids", None)) else seeds
    if isinstance(found, ibis.Table):
        check_columns(found.columns, [ID], "seeds")
        found = found[ID].to_pandas()
    elif isinstance(found, pd.DataFrame):
        check_columns(found.columns, [ID], "seeds")
        found = found[ID]
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise InvalidInput(f"seeds must be customer ids or an audience, got {found!r}")
    ids = list(found)
    wrong = [value for value in ids if not isinstance(value, str)]
    if wrong:
        raise InvalidInput(
            f"seeds must be texts, as customer_id is, got {wrong[0]!r} "
            f"({len(wrong)} such); drop nulls and convert ids with str()"
        )
    if not ids:
        raise InvalidInput(
            "seeds must hold at least one customer, got none; is the rule too narrow?"
        )
    return frozenset(ids)


def usable_tags(frame: Any, exclude: Sequence[str], sensitive: bool) -> tuple[str, ...]:
    """The columns that may be used: no keys, nothing excluded, nothing sensitive unless asked for.

    Raises
    ------
    InvalidInput
        If the frame is no table or has no customer_id, `exclude` names what is not there, or
        nothing is left.
    """
    columns = frame_columns(frame)
    check_columns(columns, [ID], "frame")
    if isinstance(exclude, str):
        raise InvalidInput(
            f"exclude must be a list of tag names, got {exclude!r}; use [{exclude!r}]"
        )
    check_columns(columns, list(exclude), "frame, to leave out with exclude=,")
    left_out = {*_KEYS, *exclude}
    if not sensitive:
        left_out |= {tag.name for tag in catalogue() if tag.sensitivity == "sensitive"}
    tags = tuple(column for column in columns if column not in left_out)
    if not tags:
        raise InvalidInput("frame must have at least one tag besides its keys and what is left out")
    return tags


def frame_columns(frame: Any) -> list[str]:
    """Names of the columns of a pandas frame or an Ibis table."""
    if not isinstance(frame, (pd.DataFrame, ibis.Table)):
        raise InvalidInput(
            f"frame must be a pandas frame or an Ibis table, got {type(frame).__name__}"
        )
    columns = list(frame.columns)
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise InvalidInput(f"frame must have each column once, got {twice!r} more than once")
    return columns


def n_rows(frame: Any) -> int:
    """Rows of a pandas frame or an Ibis table."""
    return int(frame.count().to_pyarrow().as_py()) if isinstance(frame, ibis.Table) else len(frame)


def batches(frame: Any, columns: Sequence[str]) -> Iterator[pa.Table]:
    """`customer_id` and `columns` of a frame, some ten thousand rows at a time.

    Raises
    ------
    InvalidInput
        If an id is null or no text, or a column mixes types.
    """
    wanted = [ID, *columns]
    if isinstance(frame, ibis.Table):
        for batch in record_batches(frame.select(wanted), _BATCH):
            yield checked_batch(pa.Table.from_batches([batch]))
        return
    for start in range(0, len(frame), _BATCH):
        part = frame.iloc[start : start + _BATCH][wanted]
        try:
            table = pa.Table.from_pandas(part, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InvalidInput(
                f"frame must hold one type per column: {' '.join(map(str, error.args))}; "
                f"convert the column, or leave it out with exclude="
            ) from error
        yield checked_batch(table)


def check_frame_ids(frame: Any) -> None:
    """Refuse duplicated ids at once where that costs nothing: in a pandas frame."""
    if isinstance(frame, pd.DataFrame):
        refuse_duplicates(frame[ID].to_numpy(dtype=object))


def gather(
    frame: Any,
    tags: Sequence[str],
    seeds: frozenset[str],
    *,
    size: int,
    salt: str,
    what: str = "seeds",
) -> Sample:
    """All seeds and at most `size` of the base, in one pass over the frame.

    Who is sampled is decided by a hash of the id, so neither the engine nor the order of rows
    matters. `what` is what messages call the seeds.

    Raises
    ------
    InvalidInput
        If ids repeat, a seed is not in the frame, or everybody is a seed.
    """
    kept: list[pa.Table] = []
    hashes: list[NDArray[np.float64]] = []
    limit, waiting = 1.0, 0
    for batch in batches(frame, tags):
        ids = batch[ID].to_numpy()
        share = hash_share(ids, salt=salt)
        hashes.append(share)
        keep = (share < limit) | is_in(ids, seeds)
        kept.append(batch.append_column("share", pa.array(share)).filter(pa.array(keep)))
        waiting += int((share < limit).sum())
        if waiting > 2 * size:
            limit, waiting = _tighten(kept, size, seeds)
    everyone = np.concatenate(hashes) if hashes else np.empty(0)
    if not len(everyone):
        raise InvalidInput("frame must have at least one row, got none")
    table = pa.concat_tables(kept, promote_options="permissive").sort_by(ID)
    ids = table[ID].to_numpy()
    if len(np.unique(everyone)) < len(everyone):
        refuse_duplicates(ids)
    is_seed = is_in(ids, seeds)
    _check_seeds(what, seeds, ids[is_seed], len(everyone))
    share = table["share"].to_numpy()
    limit = np.partition(everyone, size)[size] if len(everyone) > size else 1.0
    needed = is_seed | (share < limit)
    table = table.drop_columns("share").filter(pa.array(needed))
    return Sample(table, is_seed[needed], (share < limit)[needed], len(everyone))


def _tighten(kept: list[pa.Table], size: int, seeds: frozenset[str]) -> tuple[float, int]:
    """Drop sampled rows beyond the `size` with the smallest hashes; seeds stay."""
    table = pa.concat_tables(kept, promote_options="permissive")
    share = table["share"].to_numpy()
    limit = float(np.partition(share, size)[size])
    keep = (share < limit) | is_in(table[ID].to_numpy(), seeds)
    kept[:] = [table.filter(pa.array(keep))]
    return limit, int((share < limit).sum())


def _check_seeds(what: str, seeds: frozenset[str], present: NDArray[Any], n_base: int) -> None:
    missing = sorted(seeds.difference(present))
    if missing:
        raise InvalidInput(
            f"{what} must be in the frame, got {len(missing):,} of {len(seeds):,} that are not, "
            f"e.g. {missing[0]!r}; drop them, or take tags of a day on which they were customers"
        )
    if len(seeds) == n_base:
        raise InvalidInput(
            f"{what} must leave candidates, got all {n_base:,} customers of the frame"
        )


def checked_batch(table: pa.Table) -> pa.Table:
    """A batch whose ids are texts without nulls, and whose dictionaries are spelt out."""
    column = table[ID]
    words = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(words) or pa.types.is_large_string(words)):
        raise InvalidInput(
            f"customer_id must be text, got {column.type}; convert with .astype(str)"
        )
    if column.null_count:
        raise InvalidInput(f"customer_id must not be null, got {column.null_count} null(s)")
    for at, field in enumerate(table.schema):
        if field.name == ID or pa.types.is_dictionary(field.type):
            table = table.set_column(at, field.name, table[field.name].cast(pa.string()))
    return table


def refuse_duplicates(ids: NDArray[Any]) -> None:
    series = pd.Series(ids)
    twice = series[series.duplicated()]
    if len(twice):
        raise InvalidInput(
            f"customer_id must be unique in the frame, got {len(twice):,} row(s) too many, "
            f"first for {twice.iloc[0]!r}; keep one row a customer"
        )


def is_in(ids: NDArray[Any], chosen: frozenset[str]) -> NDArray[np.bool_]:
    """Whether each id is among `chosen`, shape (n,)."""
    return np.asarray(pd.Series(ids, dtype=object).isin(chosen))


def day_of(frame: Any, as_of: dt.date | str | None) -> dt.date:
    """`as_of`, or the one day of the frame's own column, or today."""
    if as_of is not None:
        return check_date("as_of", as_of)
    if "as_of" not in frame.columns:
        return dt.date.today()
    days = frame[["as_of"]].drop_duplicates() if isinstance(frame, pd.DataFrame) else (
        frame.select("as_of").distinct().limit(2).to_pandas())  # fmt: skip
    if len(days) != 1:
        raise InvalidInput("as_of must be given: the frame's column as_of holds more than one day")
    return check_date("as_of", days["as_of"].iloc[0])
