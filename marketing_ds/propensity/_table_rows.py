"""The rows of a table that is larger than memory: what is in them, and who is drawn for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import is_drawn, salted_digest
from marketing_ds.features import ID_COLUMNS

from ._calibration import Floats

ID = "customer_id"
IN_MEMORY = 200_000  # rows drawn at most, for each of the two samples
_HELD_OUT = 0.1
_ONE = "_weight of each row"
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    Attributes
    ----------
    label : str
    weight : str or None
    tags : tuple of str
    boolean : bool
        Whether the labels are False and True rather than 0 and 1.
    """

    label: str
    weight: str | None
    tags: tuple[str, ...]
    boolean: bool

    @classmethod
    def of(cls, table: ibis.Table, label: str, weight: str | None) -> Self:
        """Find the columns.

        Raises
        ------
        InvalidInput
            If one is missing or of a type that it cannot have.
        """
        if not isinstance(table, ibis.Table):
            raise InvalidInput(
                f"table must be an Ibis table of the mart, got {type(table).__name__}; `fit` takes "
                "frames, and mart.read_parquet reads files"
            )
        check_columns(table.columns, [ID, label, *([weight] if weight else [])], "table")
        if not table[ID].type().is_string():
            raise InvalidInput(f"customer_id must be text, got {table[ID].type()}; cast it before")
        for name in (label, *([weight] if weight else [])):
            if not (table[name].type().is_numeric() or table[name].type().is_boolean()):
                raise InvalidInput(
                    f"column {name!r} of table must hold numbers, got {table[name].type()}; cast "
                    "it before"
                )
        keys = {*ID_COLUMNS, label, weight}
        tags = tuple(name for name in table.columns if name not in keys)
        if not tags:
            raise InvalidInput(
                f"table must have a tag beside its keys, label and weight, got {list(table.columns)}"
            )
        return cls(label, weight, tags, table[label].type().is_boolean())

    def select(self, table: ibis.Table) -> ibis.Table:
        """Those columns of the table, and its keys; label and weight as float64."""
        keys = [key for key in ID_COLUMNS if key in table.columns]
        numbers = {name: table[name].cast("float64") for name in (self.label, self.weight) if name}
        return table.select(*keys, *self.tags, **numbers)

    def numbers(self, rows: pa.RecordBatch | pa.Table) -> tuple[Floats, Floats]:
        """Label and weight of each row."""
        y = np.asarray(rows.column(self.label), dtype=np.float64)
        if self.weight is None:
            return y, np.ones(len(y))
        return y, np.asarray(rows.column(self.weight), dtype=np.float64)


@dataclass(frozen=True)
class Facts:
    """What a table holds, rows without weight left out.

    Attributes
    ----------
    rows : int
    weight, positive : float
        Sum of the weights, and of those of the positives.
    """

    rows: int
    weight: float
    positive: float


def check_rows(rows: ibis.Table, roles: Roles) -> Facts:
    """Look at all rows once.

    Raises
    ------
    InvalidInput
        If labels, weights, ids or a tag break a rule.
    """
    if roles.weight is None:
        rows = rows.mutate(**{_ONE: 1.0})
    y, w = rows[roles.label], rows[roles.weight or _ONE]
    floats = [tag for tag in roles.tags if rows[tag].type().is_floating()]
    found = rows.aggregate(
        rows=rows.count(),
        nameless=_count(rows[ID].isnull()),
        unlabelled=_count(~y.isin([0, 1]) | y.isnull()),
        unweighed=_count(w.isnull() | w.isnan() | (w < 0) | w.isinf()),
        kept=_count(w > 0),
        weight=w.sum(),
        positive=(w * y).sum(),
        **{f"infinite_{at}": _count(_infinite(rows[tag])) for at, tag in enumerate(floats)},
    )
    told = {key: value or 0 for key, value in found.to_pyarrow().to_pylist()[0].items()}
    _refuse(told, roles, floats)
    return Facts(int(told["kept"]), float(told["weight"]), float(told["positive"]))


@dataclass(frozen=True)
class Parts:
    """Who is drawn for what: by a salted hash of the customer alone, whatever the order of rows."""

    held_out: ibis.Table
    """To stop the trees, to calibrate and to evaluate."""
    learnt_from: ibis.Table
    """All others."""
    sample: ibis.Table
    """Some of those learnt from."""

    @classmethod
    def of(cls, rows: ibis.Table, facts: Facts, seed: int) -> Self:
        """Hold out a tenth of the customers, or as many as fit into memory."""
        held = is_held_out(rows, facts, seed)
        others = rows.filter(~held)
        share = IN_MEMORY / max(facts.rows, 1)
        drawn = is_drawn(others[ID], min(share, 1.0), salt=f"fit_table sample {seed}")
        return cls(rows.filter(held), others, others.filter(drawn))


def is_held_out(rows: ibis.Table, facts: Facts, seed: int) -> ir.BooleanValue:
    """Whether each row's customer is held out."""
    share = min(_HELD_OUT, IN_MEMORY / max(facts.rows, 1))
    return is_drawn(rows[ID], share, salt=f"fit_table held out {seed}")


def in_memory(rows: ibis.Table, roles: Roles, what: str) -> tuple[pd.DataFrame, Floats, Floats]:
    """Tags and keys, labels and weights of a part, in an order that is the same each time.

    Raises
    ------
    InvalidInput
        If it lacks a class.
    """
    lot = salted_digest(rows[ID], salt="order")
    table = rows.order_by([lot, *rows.columns]).to_pyarrow()
    y, w = roles.numbers(table)
    if len(np.unique(y)) < 2:
        raise InvalidInput(
            f"table must hold both classes among the {len(y)} rows of {what}, got "
            f"{np.unique(y).astype(int).tolist()}; give more rows, another random_state, or use "
            "`fit`, which holds nobody out"
        )
    numbers = [name for name in (roles.label, roles.weight) if name]
    return table.drop_columns(numbers).to_pandas(), y, w


def _count(where: ir.BooleanValue) -> ir.IntegerScalar:
    return where.ifelse(1, 0).sum()


def _infinite(column: ir.NumericColumn) -> ir.BooleanValue:
    # NaN, which is a null here, counts as the greatest number in every engine.
    return (column.abs() > _LARGEST) & ~column.isnan()


def _refuse(told: Mapping[str, Any], roles: Roles, floats: list[str]) -> None:
    rows = told["rows"]
    if rows == 0:
        raise InvalidInput("table must hold rows to learn from, got none")
    if told["nameless"]:
        raise InvalidInput(f"customer_id must not be null, got {told['nameless']} null(s)")
    if told["unlabelled"]:
        raise InvalidInput(
            f"column {roles.label!r} of table must be 0 or 1 in every row, got {told['unlabelled']} "
            f"other(s) in {rows} rows; leave out rows without a label, or compare, e.g. "
            "table.outcome == 'bought'"
        )
    if told["unweighed"]:
        raise InvalidInput(
            f"column {roles.weight!r} of table must be finite and at least 0, got "
            f"{told['unweighed']} other(s) in {rows} rows"
        )
    if told["positive"] in (0, told["weight"]):
        only = int(told["positive"] > 0)
        raise InvalidInput(
            f"column {roles.label!r} of table must hold both classes (with weight above 0), got "
            f"only {only} in {rows} rows"
        )
    for at, tag in enumerate(floats):
        if told[f"infinite_{at}"]:
            raise InvalidInput(
                f"column {tag!r} of table must be finite in float32, got {told[f'infinite_{at}']} "
                "other(s); make them null or clip them"
            )
