"""A Python function over the rows of a Spark frame, run where the rows are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa
from pyspark.sql.types import StructField, StructType, TimestampNTZType, TimestampType

from .base import BatchFunction
from .hadoop import is_local
from .spark_files import naive
from .spark_session import pandas_3_allowed

with pandas_3_allowed():
    from ibis.backends.pyspark.datatypes import PySparkSchema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def mapped(frame: DataFrame, function: BatchFunction, schema: ibis.Schema, rows: int) -> DataFrame:
    """What `function` makes of the rows of a frame, in batches of at most `rows`.

    The function travels with what it holds; Spark broadcasts it where that is more than 1 MB.
    """
    arrow = schema.to_pyarrow()

    def over(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            # Spark sets the size of batches for the session, which may be the user's own.
            for start in range(0, batch.num_rows, rows):
                yield function(batch.slice(start, rows)).cast(arrow)

    with own_python(frame.sparkSession):
        return naive(frame).mapInArrow(over, _spark_schema(schema))


def _spark_schema(schema: ibis.Schema) -> StructType:
    """Moments without a zone stay that; Ibis takes them for instants."""
    fields = [
        StructField(field.name, TimestampNTZType())
        if isinstance(field.dataType, TimestampType) and schema[field.name].timezone is None
        else field
        for field in PySparkSchema.from_ibis(schema)
    ]
    return StructType(fields)


@contextmanager
def own_python(session: SparkSession) -> Iterator[None]:
    """Workers on this machine run this very Python: it has the packages that the function needs."""
    context = session.sparkContext
    before = context.pythonExec
    if is_local(session) and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable
    try:
        yield
    finally:
        context.pythonExec = before
