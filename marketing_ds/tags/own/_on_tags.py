"""An expression over other tags, made once on a table without rows and put on the columns later.

Rules, Ibis expressions and SQL all become one thing: an Ibis value over an unbound table with a
column for each tag that may be named, and `as_of`. What it reads and its type are known from that,
before any mart is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.annotations import ValidationError
from ibis.common.deferred import Deferred
from ibis.common.exceptions import IbisError

from marketing_ds import schema
from marketing_ds._core.errors import InvalidInput, did_you_mean

from .._tag import AS_OF, Formula, Tag

AS_OF_COLUMN = "as_of"
_REFUSED: tuple[tuple[type, str], ...] = (
    (ops.Reduction, "an aggregate over customers"),
    (ops.Analytic, "a window function"),
    (ops.WindowFunction, "a window function"),
    (ops.Subquery, "a query"),
    (ops.DateNow, "the day it is computed on; use as_of"),
    (ops.TimestampNow, "the moment it is computed at; use as_of"),
    (ops.Impure, "a value that differs from run to run"),
    (ops.ScalarUDF, "a function of your own"),
)
_WAY_OUT = {
    "Timestamp": "take its day with .date()",
    "Interval": "count days with .delta(…, unit='day')",
}


@dataclass(frozen=True)
class OnTags:
    """The function of a tag on tags: its expression, with the columns in place of the names."""

    value: ops.Value
    names: tuple[str, ...]

    def __call__(self, *columns: ir.Value) -> ir.Value:
        """The value, from the columns of `names` in order."""
        by_name = dict(zip(self.names, columns, strict=True))
        fields = {field: by_name[field.name].op() for field in self.value.find(ops.Field)}
        replaced: ir.Value = self.value.replace(fields).to_expr()
        return replaced


def table_of(known: Mapping[str, Tag]) -> ir.Table:
    """A table without rows that has a column for each tag, and `as_of`."""
    columns = {name: tag.type for name, tag in known.items()}
    return ibis.table(columns | {AS_OF_COLUMN: "date"}, name="tags")


def formula_of(name: str, value: ir.Value, known: Mapping[str, Tag]) -> Formula:
    """`value` over `table_of(known)` as a formula; divisions by 0 and the like give null.

    Raises
    ------
    InvalidInput
        If it is no value of single customers, reads no tag, or cannot be told again.
    """
    made = row_wise(f"tag {name!r}", value)
    if not set(made.names) - {AS_OF_COLUMN}:
        raise InvalidInput(f"tag {name!r} must read at least one tag, got {value!r}")
    inputs = tuple(AS_OF if n == AS_OF_COLUMN else known[n] for n in made.names)
    return Formula(made, inputs)


def row_wise(what: str, value: ir.Value) -> OnTags:
    """`value` as a function of the columns it reads; divisions by 0 and the like give null.

    Raises
    ------
    InvalidInput
        If it looks at other rows, at the clock, or at what cannot be told again.
    """
    node = value.op()
    for kind, words in _REFUSED:
        if node.find(kind):
            raise InvalidInput(f"{what} must be computed row by row, got {words}")
    used = sorted({field.name for field in node.find(ops.Field)})
    return OnTags(node.replace(_guard), tuple(used))


def type_of(name: str, value: ir.Value) -> schema.ColumnType:
    """The type of a tag that holds `value`.

    Raises
    ------
    InvalidInput
        If a tag cannot hold such values.
    """
    type_ = value.type()
    if type_.is_boolean():
        return "boolean"
    if type_.is_integer():
        return "int64"
    if type_.is_numeric():
        return "float64"
    if type_.is_string():
        return "string"
    if type_.is_date():
        return "date"
    way = _WAY_OUT.get(
        type(type_).__name__, "it must be a number, a word, true or false, or a date"
    )
    raise InvalidInput(f"tag {name!r} cannot hold values of type {type_}; {way}")


def value_of(
    name: str,
    expression: Deferred | Callable[..., Any] | None,
    table: ir.Table,
    *,
    what: str = "tag",
    noun: str = "tag",
    example: str = "ibis._.aum / ibis._.tenure_days",
) -> ir.Value:
    """What an Ibis expression with gaps (`ibis._.aum`) is on `table`.

    `what` it is the expression of, the `noun` for columns and an `example` go into messages.

    Raises
    ------
    InvalidInput
        If it names an unknown column, mixes types, or is none.
    """
    if not isinstance(expression, Deferred) and (
        not callable(expression) or isinstance(expression, ir.Expr)
    ):
        raise InvalidInput(
            f"expression must be an Ibis expression over {noun}s such as {example}, "
            f"got {type(expression).__name__}"
        )
    try:
        found = table.bind(expression)
    except AttributeError as error:
        raise InvalidInput(
            f"expression names the unknown {noun} {error.name!r}"
            f"{did_you_mean(str(error.name), table.columns)}"
        ) from error
    except (IbisError, ValidationError, TypeError) as error:
        # Ibis prints the whole table where a signature does not fit.
        whole = isinstance(error, ValidationError)
        reason = "values of these types cannot be joined so" if whole else str(error)
        raise InvalidInput(
            f"expression of {what} {name!r} does not fit its {noun}s: {reason}"
        ) from error
    if len(found) != 1 or not isinstance(found[0], ir.Value):
        raise InvalidInput(f"expression of {what} {name!r} must give one value, got {found!r}")
    return found[0]


def _guard(node: ops.Node, changed: dict[str, Any] | None) -> ops.Node:
    """Where engines differ between an error, null, NaN and infinity, null."""
    node = node.__recreate__(changed) if changed else node
    if isinstance(node, (ops.Divide, ops.FloorDivide, ops.Modulus)):
        return type(node)(node.left, node.right.to_expr().nullif(0).op())
    if isinstance(node, (ops.Ln, ops.Log2, ops.Log10)):
        return type(node)(_where(node.arg, node.arg.to_expr() > 0))
    if isinstance(node, ops.Sqrt):
        return type(node)(_where(node.arg, node.arg.to_expr() >= 0))
    return node


def _where(node: ops.Value, condition: ir.BooleanValue) -> ops.Value:
    kept: ops.Value = ibis.cases((condition, node.to_expr())).op()
    return kept
