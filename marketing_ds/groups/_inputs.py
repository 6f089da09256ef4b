"""Reading a tag table: which tags count, a sample of the customers, and everybody in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import hash_share
from marketing_ds.audiences import check_tag_table
from marketing_ds.mart import record_batches
from marketing_ds.tags import catalogue

ID = "customer_id"
GROUP = "natural_group"
_KEYS = (ID, "as_of", GROUP)
_BATCH = 65_536
_CONSENT = ("customers.consent_", "customers.suppressed")
_MANY_WORDS = 100
"""Different words above which a text tag may be an identifier."""


@dataclass(frozen=True)
class Sample:
    """A sample of the customers, by id, and what all ids look like."""

    frame: pd.DataFrame
    """`customer_id` and tags, in order of id."""
    rank: NDArray[np.intp]
    """Its rows in an order of chance that is the customers' own: any first part is a random one."""
    customers: int
    """Customers in the whole table."""


def tag_source(tags: Any) -> ir.Table:
    """The tag table as an Ibis table.

    Raises
    ------
    InvalidInput
        If it is no table, has no text `customer_id`, or a column mixes types.
    """
    if isinstance(tags, pd.DataFrame):
        try:
            tags = ibis.memtable(pa.Table.from_pandas(tags, preserve_index=False))
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            raise InvalidInput(
                f"tags must have columns of one name and one type each: {error}; convert or drop them"
            ) from error
    return check_tag_table(tags)


def usable(
    table: ir.Table, use: Sequence[str] | None, exclude: Sequence[str], sensitive: bool
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The tags to group by, and those left out with the reason.

    What `use` names is used, sensitive or not; else every tag but keys, what `exclude` names, what
    the catalogue calls sensitive (unless asked for), consent and suppression, and identifiers.

    Raises
    ------
    InvalidInput
        If a name is unknown, or nothing is left.
    """
    for name, value in (("use", use), ("exclude", exclude)):
        if isinstance(value, str):
            raise InvalidInput(
                f"{name} must be a list of tag names, got {value!r}; use [{value!r}]"
            )
    check_columns(table.columns, [*(use or ()), *exclude], "tags")
    wanted = [n for n in (use or table.columns) if n not in _KEYS and n not in exclude]
    left_out = {
        name: reason for name in wanted if (reason := _reason(table[name], name, use, sensitive))
    }
    kept = tuple(dict.fromkeys(name for name in wanted if name not in left_out))
    if not kept:
        raise InvalidInput(
            "tags must have at least one tag to group by; left out: "
            + (", ".join(f"{n} ({r})" for n, r in left_out.items()) or "nothing, it has only keys")
        )
    return kept, left_out


def _reason(column: ir.Value, name: str, use: Sequence[str] | None, sensitive: bool) -> str | None:
    """Why a tag is left out; None if it is not."""
    type_ = column.type()
    if not (
        type_.is_numeric() or type_.is_boolean() or type_.is_string()
        or type_.is_date() or type_.is_timestamp()
    ):  # fmt: skip
        return f"no tag's type: {type_}"
    if use is not None:
        return None
    known = catalogue()
    lineage: Sequence[str] = (f"customers.{name}",)
    if name in known:
        if known[name].sensitivity == "sensitive" and not sensitive:
            return "sensitive"
        lineage = known[name].lineage
    if any(column.startswith(_CONSENT) for column in lineage):
        return "consent"
    return "identifier" if type_.is_string() and name.endswith("_id") else None


def gather(table: ir.Table, tags: Sequence[str], *, size: int, seed: int) -> Sample:
    """At most `size` customers with their tags, in one pass.

    Who is sampled is decided by a hash of the id, so neither the engine nor the order of rows
    matters.

    Raises
    ------
    InvalidInput
        If there is no row, or ids are null or repeat.
    """
    salt = f"natural groups {seed}"
    kept: list[pa.Table] = []
    hashes: list[NDArray[np.float64]] = []
    limit, waiting = 1.0, 0
    for batch in batches(table, tags):
        share = hash_share(batch[ID].to_numpy(), salt=salt)
        hashes.append(share)
        chosen = share < limit
        kept.append(batch.append_column("_share", pa.array(share)).filter(pa.array(chosen)))
        waiting += int(chosen.sum())
        if waiting > 2 * size:
            kept, limit = _tighten(kept, size)
            waiting = kept[0].num_rows
    if not hashes or not sum(map(len, hashes)):
        raise InvalidInput("tags must have at least one customer, got none")
    everyone = np.concatenate(hashes)
    if len(np.unique(everyone)) < len(everyone):
        _refuse_duplicates(table)
    if waiting > size:
        kept, _ = _tighten(kept, size)
    found = pa.concat_tables(kept, promote_options="permissive").sort_by(ID)
    rank = np.argsort(found["_share"].to_numpy(), kind="stable")
    frame = to_frame(found.drop_columns("_share"))
    return Sample(frame, rank, len(everyone))


def _tighten(kept: list[pa.Table], size: int) -> tuple[list[pa.Table], float]:
    """The `size` rows with the smallest hashes, and the hash that is too great."""
    table = pa.concat_tables(kept, promote_options="permissive")
    share = table["_share"].to_numpy()
    limit = float(np.partition(share, size)[size])
    return [table.filter(pa.array(share < limit))], limit


def batches(table: ir.Table, tags: Sequence[str]) -> Iterator[pa.Table]:
    """`customer_id` and tags, some ten thousand rows at a time.

    Raises
    ------
    InvalidInput
        If an id is null.
    """
    for batch in record_batches(table.select(ID, *tags), _BATCH):
        part = pa.Table.from_batches([batch])
        if part[ID].null_count:
            raise InvalidInput(f"customer_id must not be null, got {part[ID].null_count} null(s)")
        yield part


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A batch as the pandas frame that the encoder reads."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def identifiers(frame: pd.DataFrame) -> dict[str, str]:
    """Text tags that name nearly everybody of a sample differently, to be left out."""
    words = [str(name) for name in frame if pd.api.types.is_string_dtype(frame[name].dtype)]
    many = max(_MANY_WORDS, len(frame) // 2)
    return {name: "identifier" for name in words if name != ID and frame[name].nunique() > many}


def _refuse_duplicates(table: ir.Table) -> None:
    counted = table.group_by(ID).aggregate(n=table.count())
    twice = counted.filter(counted.n > 1).order_by(ID).limit(1).to_pyarrow()
    if twice.num_rows:
        raise InvalidInput(
            f"tags must have one row a customer, got {twice[ID][0].as_py()!r} more than once"
        )


def copied(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of its own: one from the engine would keep its whole batch in memory."""
    return column.take(pa.array(np.arange(len(column))))


def label_table(ids: Sequence[pa.ChunkedArray], labels: Sequence[NDArray[Any]]) -> pa.Table:
    """Customers and their groups."""
    chunks = [chunk for column in ids for chunk in column.chunks]
    return pa.table({ID: pa.chunked_array(chunks, pa.string()), GROUP: np.concatenate(labels)})


def sorted_ids(table: pa.Table) -> pa.Table:
    """A table in order of its customers."""
    return table.take(pc.sort_indices(table[ID]))
