"""Ibis' Spark backend, brought to mean what the same expression means on DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pyarrow as pa
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import NULL
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.formats.pyarrow import PyArrowData
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, TimestampNTZType, TimestampType

from .spark_files import naive, stream
from .spark_session import pandas_3_allowed

with pandas_3_allowed():
    from ibis.backends.pyspark import Backend
    from ibis.backends.pyspark.datatypes import PySparkType

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from pyspark.sql import DataFrame

_NAMES = {"error": "raise_error"}
"""Functions of DuckDB and what the same is called on Spark."""
_JAVA_NUMBER = r"[0-9.][dDfF]\s*$|[xX]"


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]  # Ibis has no types here
    """Ibis' compiler for Spark, where it differs from DuckDB."""

    __slots__ = ()

    SIMPLE_OPS: ClassVar = {ops.Hash: "xxhash64"}  # of 64 bits as on DuckDB; Spark's hash has 32

    def visit_IsNull(self, op: Any, *, arg: Any) -> Any:
        """NaN is a value, not a null."""
        return arg.is_(NULL)

    def visit_NotNull(self, op: Any, *, arg: Any) -> Any:
        return arg.is_(sg.not_(NULL))

    def visit_IsNan(self, op: Any, *, arg: Any) -> Any:
        """Null is neither a number nor none; Spark's isnan says false."""
        return self.if_(arg.is_(NULL), NULL, self.f.isnan(arg))

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """A float is a double from the start, never a decimal."""
        literal = super().visit_NonNullLiteral(op, value=value, dtype=dtype)
        return self.cast(literal, dtype) if dtype.is_floating() else literal

    def visit_IsInf(self, op: Any, *, arg: Any) -> Any:
        """Ibis 12 compares the query's text, not its values."""
        return self.f.abs(arg).eq(self.POS_INF)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        """The count of no rows is 0, not null."""
        return self.f.count(sge.Star()) if where is None else self.f.count_if(where)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """A float becomes the nearest whole number, not the next towards zero."""
        if op.arg.dtype.is_floating() and to.is_integer():
            return self.cast(self.f.rint(arg), to)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:
        """Numbers in texts as DuckDB reads them: 3.0 is whole; Java's 1.5d and 0x1p3 are none."""
        have = op.arg.dtype
        if have.is_floating() and to.is_integer():
            arg = self.f.rint(arg)
        elif have.is_string() and to.is_integer():
            number = sge.TryCast(this=arg, to=sge.DataType.build("DECIMAL(38, 10)"), safe=True)
            arg = self.f.round(number)
        elif have.is_string() and to.is_floating():
            arg = self.if_(self.f.anon.rlike(arg, _JAVA_NUMBER), NULL, arg)
        return super().visit_TryCast(op, arg=arg, to=to)

    def visit_BitwiseLeftShift(self, op: Any, *, left: Any, right: Any) -> Any:
        """A literal of 64 bits is shifted as one: written plainly it has 32."""
        return self.f.shiftleft(self.cast(left, op.left.dtype), right)

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:
        """By zero as IEEE 754 has it: infinite, or NaN; Spark stops the query."""
        quotient = super().visit_Divide(op, left=left, right=right)
        if not op.dtype.is_floating() or (isinstance(op.right, ops.Literal) and op.right.value):
            return quotient
        limit = self.cast(left, op.dtype) * self.POS_INF
        return self.if_(sge.paren(right).eq(0), limit, quotient)

    def visit_Ln(self, op: Any, *, arg: Any) -> Any:
        return self._logarithm(super().visit_Ln(op, arg=arg), arg)

    def visit_Log(self, op: Any, *, arg: Any, base: Any) -> Any:
        return self._logarithm(super().visit_Log(op, arg=arg, base=base), arg)

    def visit_Log2(self, op: Any, *, arg: Any) -> Any:
        return self._logarithm(super().visit_Log2(op, arg=arg), arg)

    def visit_Log10(self, op: Any, *, arg: Any) -> Any:
        return self._logarithm(super().visit_Log10(op, arg=arg), arg)

    def _logarithm(self, logarithm: Any, arg: Any) -> Any:
        """Of zero it is -inf, of less it is NaN; Spark has null for both."""
        positive = sge.paren(arg) > 0
        special = self.if_(sge.paren(arg).eq(0), self.NEG_INF, self.NAN)
        return self.if_(positive | arg.is_(NULL), logarithm, special)

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Spark's date_trunc gives a moment with a zone, whatever it takes."""
        return self.cast(super().visit_TimestampTruncate(op, arg=arg, unit=unit), op.dtype)

    visit_TimeTruncate = visit_DateTruncate = visit_TimestampTruncate

    def __sql_name__(self, op: Any) -> str:
        name = str(super().__sql_name__(op))
        return _NAMES.get(name, name)


class SparkBackend(Backend):  # type: ignore[misc]  # Ibis has no types here
    """Ibis on a Spark session, its results taken as Arrow instead of pandas."""

    compiler = SparkCompiler()
    scratch: Callable[[], Path]
    """Gives a folder for files that are on their way to Python."""

    def get_schema(self, table_name: str, *, catalog: Any = None, database: Any = None) -> Any:
        """Moments have microseconds, and a zone if they are instants."""
        parts = [part for part in (catalog, database, table_name) if part is not None]
        struct = self._session.table(".".join(f"`{part}`" for part in parts)).schema
        return ibis.schema({field.name: _ibis_type(field.dataType) for field in struct})

    def _register_in_memory_table(self, op: Any) -> None:
        table = _signed(op.data.to_pyarrow(op.schema))
        with _active_kept(self._session):
            self._session.createDataFrame(table).createOrReplaceTempView(op.name)

    def to_pyarrow(
        self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **options: Any
    ) -> Any:
        table = expr.as_table()
        rows = naive(self.frame(table, params, limit)).toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(rows, table.schema()))

    def to_pyarrow_batches(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Any = None,
        limit: Any = None,
        chunk_size: int = 1_000_000,
        **options: Any,
    ) -> pa.RecordBatchReader:
        table = expr.as_table()
        schema = table.schema().to_pyarrow()
        frame = self.frame(table, params, limit)
        return pa.RecordBatchReader.from_batches(
            schema, (batch.cast(schema) for batch in stream(frame, self.scratch(), chunk_size))
        )

    def execute(
        self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **options: Any
    ) -> Any:
        table = self.to_pyarrow(expr.as_table(), params=params, limit=limit)
        return expr.__pandas_result__(table.to_pandas(), schema=expr.as_table().schema())

    def frame(self, table: ir.Table, params: Any = None, limit: Any = None) -> DataFrame:
        """The query as a Spark frame, not yet run."""
        self._run_pre_execute_hooks(table)
        frame: DataFrame = self._session.sql(self.compile(table, params=params, limit=limit))
        return frame


def _ibis_type(kind: DataType) -> Any:
    if isinstance(kind, (TimestampType, TimestampNTZType)):
        return dt.Timestamp("UTC" if isinstance(kind, TimestampType) else None, scale=6)
    return PySparkType.to_ibis(kind)


def _signed(table: pa.Table) -> pa.Table:
    """Spark has no unsigned whole numbers: the next wider type holds them."""
    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
    }
    fields = [field.with_type(wider.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


@contextlib.contextmanager
def _active_kept(session: SparkSession) -> Iterator[None]:
    """Whichever session makes a frame becomes the active one: the user's is to stay that."""
    active: Any = SparkSession.getActiveSession()
    try:
        yield
    finally:
        if active is not None:
            jvm: Any = session.sparkContext._jvm
            SparkSession._activeSession = active
            jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(active._jsparkSession)
