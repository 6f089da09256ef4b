"""SQL expressions over tags: read with sqlglot, checked, and turned into Ibis; never pasted.

Only what stands in the two tables below is let in. Everything else is refused with its position:
aggregates, windows, queries, casts, parameters, functions that an engine may have and another not.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import ibis
import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.rules import fail

_MAX_DEPTH = 50
_SHOWN = 60
"""Letters shown on either side of a mistake."""
_KINDS = {
    "number": "numbers", "text": "words", "boolean": "true or false", "date": "dates",
    "null": "null",
}  # fmt: skip
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": operator.truediv,
    "Mod": operator.mod,
}  # fmt: skip
_EQUALITY = {"EQ": operator.eq, "NEQ": operator.ne}
_ORDER = {"GT": operator.gt, "GTE": operator.ge, "LT": operator.lt, "LTE": operator.le}
_LOGIC = {"And": operator.and_, "Or": operator.or_}
_FUNCTIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "Abs": ("number", lambda x: x.abs()),
    "Floor": ("number", lambda x: x.floor()),
    "Ceil": ("number", lambda x: x.ceil()),
    "Sqrt": ("number", lambda x: x.cast("float64").sqrt()),
    "Ln": ("number", lambda x: x.cast("float64").ln()),
    "Exp": ("number", lambda x: x.cast("float64").exp()),
    "Length": ("text", lambda x: x.length()),
    "Lower": ("text", lambda x: x.lower()),
    "Upper": ("text", lambda x: x.upper()),
    "Trim": ("text", lambda x: x.strip()),
    "Year": ("date", lambda x: x.year()),
    "Month": ("date", lambda x: x.month()),
    "Day": ("date", lambda x: x.day()),
}
"""Functions of one argument: what it must hold, and what is done to it."""
_SEVERAL = {"Coalesce": ibis.coalesce, "Greatest": ibis.greatest, "Least": ibis.least}
_WORDS = {
    "Window": "window functions look at other customers",
    "Select": "queries are not allowed",
    "Subquery": "queries are not allowed",
    "Cast": "casts differ between engines; values have their types already",
    "TryCast": "casts differ between engines; values have their types already",
    "CurrentDate": "the day is as_of",
    "CurrentTimestamp": "the day is as_of",
}


def read_sql(text: str, table: ir.Table, noun: str = "tag") -> ir.Value:
    """The scalar SQL expression `text` on the columns of `table`, each of them called a `noun`.

    Raises
    ------
    InvalidInput
        If it is no expression, or uses what is not let in; the message says where.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    if not isinstance(text, str):
        raise InvalidInput(f"sql must be text, got {type(text).__name__}")
    try:
        found = sqlglot.parse(text)
    except RecursionError:
        fail(text, 0, "sql must not nest so deeply")
    except SqlglotError as error:
        at = next((place.get("col") for place in getattr(error, "errors", [])), None)
        fail(
            text, min(at or 0, len(text)), f"sql must be one expression over {noun}s; it breaks off"
        )
    expressions = [expression for expression in found if expression is not None]
    if len(expressions) != 1:
        got = f"{len(expressions)}: {text[:_SHOWN]!r}"
        raise InvalidInput(f"sql must be one expression over {noun}s, got {got}")
    return _Reader(text, table, noun).value(expressions[0])


class _Reader:
    def __init__(self, text: str, table: ir.Table, noun: str) -> None:
        self._text = text
        self._table = table
        self._noun = noun
        self._depth = 0

    def value(self, node: Any) -> ir.Value:
        """`node` and all below it as one Ibis value."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse(node, f"must not nest deeper than {_MAX_DEPTH}")
        name = type(node).__name__
        read: Callable[[Any], ir.Value] | None = getattr(self, f"_read_{name.lower()}", None)
        if read is None:
            read = self._reader_of_many(name)
        if read is None:
            why = _WORDS.get(name, f"{self._name(node)} is not among what is let in")
            self._refuse(node, f"must be made of {self._noun}s, values, operators and CASE; {why}")
        value = read(node)
        self._depth -= 1
        return value

    def _reader_of_many(self, name: str) -> Callable[[Any], ir.Value] | None:
        for names, read in (
            (_ARITHMETIC, self._arithmetic), (_EQUALITY, self._comparison),
            (_ORDER, self._comparison), (_LOGIC, self._logic), (_FUNCTIONS, self._function),
            (_SEVERAL, self._several),
        ):  # fmt: skip
            if name in names:
                return read
        return None

    def _read_paren(self, node: Any) -> ir.Value:
        return self.value(node.this)

    def _read_column(self, node: Any) -> ir.Value:
        if node.table:
            self._refuse(node, f"must name {self._noun}s alone, got {node.sql()!r}")
        name, known = node.name, self._table.columns
        if name not in known and not node.this.quoted:
            name = name.lower()  # SQL knows no case outside quotes
        if name not in known:
            self._refuse(
                node, f"names the unknown {self._noun} {node.name!r}{did_you_mean(name, known)}"
            )
        return self._table[name]

    def _read_literal(self, node: Any) -> ir.Value:
        if node.is_string:
            return ibis.literal(node.this)
        number = float(node.this)
        if not math.isfinite(number):
            self._refuse(node, "must have finite numbers")
        if node.is_int:
            if abs(int(node.this)) >= 2**63:
                self._refuse(node, "must have whole numbers that fit into 64 bits")
            return ibis.literal(int(node.this), "int64")
        return ibis.literal(number, "float64")

    def _read_boolean(self, node: Any) -> ir.Value:
        return ibis.literal(bool(node.this))

    def _read_null(self, node: Any) -> ir.Value:
        return ibis.null()

    def _read_neg(self, node: Any) -> ir.Value:
        return -self._of(node.this, "number")

    def _read_not(self, node: Any) -> ir.Value:
        return ~self._of(node.this, "boolean")

    def _read_between(self, node: Any) -> ir.Value:
        value = self.value(node.this)
        low, high = self.value(node.args["low"]), self.value(node.args["high"])
        for end in (low, high):
            self._check_alike(node, value, end, ordered=True)
        return value.between(low, high)

    def _read_in(self, node: Any) -> ir.Value:
        value = self.value(node.this)
        if not node.expressions:
            self._refuse(node, "must list the values of IN; queries are not allowed")
        values = [self.value(part) for part in node.expressions]
        for part in values:
            self._check_alike(node, value, part)
        return value.isin(values)

    def _read_is(self, node: Any) -> ir.Value:
        value, right = self.value(node.this), type(node.expression).__name__
        if right == "Null":
            return value.isnull()
        if right != "Boolean":
            self._refuse(node, "must have NULL, TRUE or FALSE after IS")
        self._check_kind(node, value, "boolean")
        return (value == bool(node.expression.this)).fill_null(False)

    def _read_case(self, node: Any) -> ir.Value:
        subject = None if node.this is None else self.value(node.this)
        branches, values = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                condition = self._of(branch.this, "boolean")
            else:
                wanted = self.value(branch.this)
                self._check_alike(branch, subject, wanted)
                condition = subject == wanted
            values.append(self.value(branch.args["true"]))
            branches.append((condition, values[-1]))
        default = node.args.get("default")
        rest = self.value(default) if default is not None else None
        self._check_one_kind(node, [*values, *([] if rest is None else [rest])])
        return ibis.cases(*branches, else_=rest)

    def _read_nullif(self, node: Any) -> ir.Value:
        value, other = self.value(node.this), self.value(node.expression)
        self._check_alike(node, value, other)
        return value.nullif(other)

    def _read_round(self, node: Any) -> ir.Value:
        digits = node.args.get("decimals")
        if digits is not None and not getattr(digits, "is_int", False):
            self._refuse(node, "must round to a whole number of digits")
        return (
            self._of(node.this, "number").cast("float64").round(int(digits.this) if digits else 0)
        )

    def _read_pow(self, node: Any) -> ir.Value:
        base, exponent = self._of(node.this, "number"), self._of(node.expression, "number")
        return base.cast("float64") ** exponent.cast("float64")

    def _read_cast(self, node: Any) -> ir.Value:
        """``DATE '2026-06-30'``, which sqlglot reads as a cast; no other cast is let in."""
        inner = node.this
        if node.to.sql() != "DATE" or not getattr(inner, "is_string", False):
            self._refuse(node, f"must be made of {self._noun}s as they are; {_WORDS['Cast']}")
        try:
            day = dt.date.fromisoformat(inner.this)
        except ValueError:
            self._refuse(node, f"must have a day such as DATE '2026-06-30', got {inner.this!r}")
        return ibis.date(day.isoformat())

    def _arithmetic(self, node: Any) -> ir.Value:
        name, left, right = type(node).__name__, self.value(node.this), self.value(node.expression)
        if name == "Sub" and _kind(left) == _kind(right) == "date":
            return left.delta(right, unit="day")
        for part, value in ((node.this, left), (node.expression, right)):
            self._check_kind(part, value, "number")
        return _ARITHMETIC[name](left, right)

    def _comparison(self, node: Any) -> ir.Value:
        name, left, right = type(node).__name__, self.value(node.this), self.value(node.expression)
        self._check_alike(node, left, right, ordered=name in _ORDER)
        compared: ir.Value = (_EQUALITY | _ORDER)[name](left, right)
        return compared

    def _logic(self, node: Any) -> ir.Value:
        left, right = (self._of(part, "boolean") for part in (node.this, node.expression))
        joined: ir.Value = _LOGIC[type(node).__name__](left, right)
        return joined

    def _function(self, node: Any) -> ir.Value:
        kind, function = _FUNCTIONS[type(node).__name__]
        if any(value for key, value in node.args.items() if key != "this"):
            self._refuse(node, f"must give {self._name(node)} one argument")
        return function(self._of(node.this, kind))

    def _several(self, node: Any) -> ir.Value:
        values = [self.value(part) for part in (node.this, *node.expressions)]
        self._check_one_kind(node, values)
        return _SEVERAL[type(node).__name__](*values)

    def _of(self, node: Any, kind: str) -> Any:
        value = self.value(node)
        self._check_kind(node, value, kind)
        return value

    def _check_kind(self, node: Any, value: ir.Value, kind: str) -> None:
        if _kind(value) != kind:
            self._refuse(node, f"must have {_KINDS[kind]} here, got {_KINDS[_kind(value)]}")

    def _check_alike(self, node: Any, a: ir.Value, b: ir.Value, *, ordered: bool = False) -> None:
        one, other = _kind(a), _kind(b)
        if "null" in (one, other):
            self._refuse(node, "must test for null with IS NULL")
        if one != other:
            self._refuse(
                node, f"must compare like with like, got {_KINDS[one]} and {_KINDS[other]}"
            )
        if ordered and one not in ("number", "date"):
            self._refuse(node, f"must not put {_KINDS[one]} in order; use = or IN")

    def _check_one_kind(self, node: Any, values: list[ir.Value]) -> None:
        kinds = sorted({_kind(value) for value in values} - {"null"})
        if len(kinds) != 1:
            found = " and ".join(_KINDS[kind] for kind in kinds) or "null alone"
            self._refuse(node, f"must give values of one kind, got {found}")

    @staticmethod
    def _name(node: Any) -> str:
        name = node.name if type(node).__name__ == "Anonymous" else type(node).__name__
        return f"{name.upper()}"

    def _refuse(self, node: Any, why: str) -> NoReturn:
        starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
        fail(self._text, min(starts, default=0), f"sql {why}")


def _kind(value: ir.Value) -> str:
    type_ = value.type()
    if type_.is_boolean():
        return "boolean"
    if type_.is_numeric():
        return "number"
    if type_.is_string():
        return "text"
    return "date" if type_.is_date() else "null"
