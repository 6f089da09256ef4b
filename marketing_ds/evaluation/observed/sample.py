"""The customers of an analysis without randomisation, taken from the engine and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.arms import check_control

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.int64]
Table: TypeAlias = "pd.DataFrame | ibis.Table"

_FEWEST = 20


@dataclass(frozen=True)
class Sample:
    """What is known of the customers, column by column, in one order."""

    arms: npt.NDArray[np.object_]
    outcomes: pa.Table
    covariates: pa.Table
    clusters: Numbers | None
    """The number of each customer's cluster."""

    def outcome(self, column: str) -> Floats:
        """An outcome as numbers."""
        return as_floats(self.outcomes[column])

    def of(self, rows: Numbers) -> Sample:
        """Some of the customers."""
        clusters = None if self.clusters is None else self.clusters[rows]
        return Sample(
            self.arms[rows], self.outcomes.take(rows), self.covariates.take(rows), clusters
        )


def take_sample(
    data: Table,
    *,
    arm: str,
    control: str,
    outcomes: Sequence[str],
    covariates: Sequence[str],
    cluster: str | None,
) -> Sample:
    """Bring the columns of an analysis into memory; refuse what cannot be analysed."""
    if isinstance(covariates, str) or not covariates:
        raise InvalidInput(
            "covariates must be a list of at least one column that was known before the arm was "
            f"chosen, got {covariates!r}; without any there is nothing to adjust by"
        )
    for name in covariates:
        if name in (*outcomes, arm):
            raise InvalidInput(
                f"covariates must not be an outcome or the arm itself, got {name!r}; take what was "
                "known before the arm was chosen"
            )
    needed = [arm, *outcomes, *covariates, *([cluster] if cluster else [])]
    check_columns(data.columns, needed, "data")
    ids = ["customer_id"] if "customer_id" in data.columns else []
    table = _arrow(data, list(dict.fromkeys([*ids, *needed])))
    if table.num_rows == 0:
        raise InvalidInput("data must have at least one row, got none")
    _check_ids(table)
    if ids:  # an engine gives rows in any order, and folds go by it
        table = table.sort_by("customer_id")
    _check_outcomes(table, outcomes)
    arms = _arms(table[arm], control)
    groups = None if cluster is None else _clusters(table[cluster], cluster)
    return Sample(
        arms,
        table.select(list(dict.fromkeys(outcomes))),
        table.select(list(dict.fromkeys(covariates))),
        groups,
    )


def as_floats(column: pa.ChunkedArray) -> Floats:
    """Numbers and booleans as float64, null as NaN; dates as days, moments as days too."""
    kind = column.type
    if pa.types.is_temporal(kind):
        seconds = column.cast(pa.timestamp("us")).cast(pa.int64())
        return _numpy(seconds) / 86_400e6
    return _numpy(column)


def is_number(kind: pa.DataType) -> bool:
    """Whether a column is taken as numbers rather than as categories."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )


def _numpy(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def _arrow(data: Table, columns: list[str]) -> pa.Table:
    if not isinstance(data, pd.DataFrame):
        return data.select(columns).to_pyarrow()
    try:
        return pa.Table.from_pandas(data[columns], preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInput(
            f"every column of data must hold values of one type, got {error}; convert it first"
        ) from error


def _check_ids(table: pa.Table) -> None:
    if "customer_id" not in table.column_names:
        return
    ids = table["customer_id"]
    again = len(ids) - pc.count_distinct(ids, mode="only_valid").as_py()
    if again:
        raise InvalidInput(
            f"data must have one row per customer_id, got {again:,} rows more (or without an id); "
            "sum up to one row a customer, and leave out who was in two arms"
        )


def _check_outcomes(table: pa.Table, outcomes: Sequence[str]) -> None:
    for name in outcomes:
        column = table[name]
        if not is_number(column.type) or pa.types.is_temporal(column.type):
            raise InvalidInput(f"{name!r} must hold numbers or booleans, got {column.type}")
        bad = int((~np.isfinite(as_floats(column))).sum())
        if bad:
            raise InvalidInput(
                f"{name!r} must be known and finite for every customer, got {bad:,} that are not; "
                "fill in 0 where nothing happened, or leave these customers out"
            )


def _arms(column: pa.ChunkedArray, control: str) -> npt.NDArray[np.object_]:
    if column.null_count:
        raise InvalidInput(
            f"every customer must have an arm, got {column.null_count:,} without; leave them out"
        )
    arms: npt.NDArray[np.object_] = column.cast(pa.string()).to_numpy().astype(object)
    names, sizes = np.unique(arms, return_counts=True)
    known = [str(name) for name in names]
    check_control(known, control)
    for name, size in zip(known, sizes, strict=True):
        if size < _FEWEST:
            raise InvalidInput(
                f"every arm must have at least {_FEWEST} customers to be adjusted, got {size} in "
                f"{name!r}; leave it out, or join it with another"
            )
    return arms


def _clusters(column: pa.ChunkedArray, name: str) -> Numbers:
    if column.null_count:
        raise InvalidInput(
            f"cluster {name!r} must be known for every customer, got {column.null_count:,} "
            "missing; leave them out, or give each a cluster of its own"
        )
    codes: Numbers = pc.rank(column, tiebreaker="dense").to_numpy().astype(np.int64) - 1
    if codes.max() < 1:
        raise InvalidInput(
            f"cluster {name!r} must have at least 2 values, got one: nothing tells how much "
            "clusters differ; leave cluster out, or take a finer one"
        )
    return codes
