"""How Spark reads the files of a table, so that it finds in them what DuckDB finds."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import functions
from pyspark.sql.types import LongType, StringType, TimestampType

from ..folders import LocalFolder
from .hadoop import address, pattern
from .spark_files import named

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from ..folders import File
    from ..sources import TableFiles

ERRORS: tuple[type[Exception], ...] = (PySparkException, Py4JError)
"""What Spark raises when it runs a query."""

_MOMENT = re.compile(
    r"^  (?:optional|required) (int96|int64) (.+?)(?: \(TIMESTAMP\(NANOS,(true|false)\)\))?"
    r"(?: = \d+)?;$",
    re.MULTILINE,
)
_NO_UTF8 = "\ufffd"
"""What Spark puts where a text is no UTF-8."""


def read_table(session: SparkSession, table: TableFiles) -> DataFrame:
    """The files of a table as one frame."""
    one = read_parquet if table.format == "parquet" else read_csv
    folder = table.folder
    root = address(folder.path) if isinstance(folder, LocalFolder) else str(folder)
    options = {"basePath": root} if table.hive else {}
    return one(session, table.files, options)


def read_parquet(
    session: SparkSession, files: tuple[File, ...], options: dict[str, str]
) -> DataFrame:
    """Parquet files as one frame, by the names of their columns."""
    reader = session.read.options(mergeSchema=len(files) > 1, **options)
    try:
        frame = reader.parquet(*map(pattern, files))
    except ERRORS:
        if len(files) == 1:
            raise
        # Files that differ in a column's type are read each by itself and then brought together.
        return _union([read_parquet(session, (file,), options) for file in files])
    return _with_moments(frame, files[0])


def read_csv(session: SparkSession, files: tuple[File, ...], options: dict[str, str]) -> DataFrame:
    """CSV files as one frame of texts, by the names in their headers."""
    reader = session.read.options(
        header=True,
        inferSchema=False,
        quote='"',
        escape='"',
        multiLine=True,
        mode="FAILFAST",
        **options,
    )
    frames = {file: reader.csv(pattern(file)) for file in files}
    headers: dict[tuple[str, ...], list[File]] = {}
    for file, frame in frames.items():
        headers.setdefault(tuple(frame.columns), []).append(file)
    alike = [
        frames[group[0]]
        if len(group) == 1
        else reader.schema(frames[group[0]].schema).csv(list(map(pattern, group)))
        for group in headers.values()
    ]
    return _checked(_union(alike))


def _union(frames: list[DataFrame]) -> DataFrame:
    return functools.reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)


def _checked(frame: DataFrame) -> DataFrame:
    """Stop at bytes that are no UTF-8, which Spark would replace in silence."""
    message = "the file is not UTF-8"

    def column(name: str) -> Column:
        value = named(name)
        broken = functions.contains(value, functions.lit(_NO_UTF8))
        return functions.when(broken, functions.raise_error(message)).otherwise(value).alias(name)

    return frame.select(
        *(
            column(f.name) if isinstance(f.dataType, StringType) else named(f.name)
            for f in frame.schema
        )
    )


def _with_moments(frame: DataFrame, file: File) -> DataFrame:
    """Moments as the file means them: INT96 has no zone, nanoseconds are not whole numbers."""
    if not any(isinstance(f.dataType, (LongType, TimestampType)) for f in frame.schema):
        return frame
    moments = {
        name: (kind, zoned == "true")
        for kind, name, zoned in _MOMENT.findall(_footer(frame.sparkSession, file))
        if kind == "int96" or zoned
    }

    def column(name: str) -> Column:
        kind, zoned = moments.get(name, ("", True))
        value = named(name)
        if kind == "int64":
            thousand = functions.lit(1000)
            whole = value - functions.pmod(value, thousand)
            value = functions.timestamp_micros(functions.call_function("div", whole, thousand))
        return value.alias(name) if zoned else value.cast("timestamp_ntz").alias(name)

    return frame.select(*(column(name) for name in frame.columns)) if moments else frame


def _footer(session: SparkSession, file: File) -> str:
    """The schema of a Parquet file in Parquet's own words."""
    jvm: Any = session.sparkContext._jvm
    java: Any = session.sparkContext._jsc
    hadoop = jvm.org.apache.parquet.hadoop
    path = jvm.org.apache.hadoop.fs.Path(address(file))
    reader = hadoop.ParquetFileReader.open(
        hadoop.util.HadoopInputFile.fromPath(path, java.hadoopConfiguration())
    )
    try:
        return str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()
