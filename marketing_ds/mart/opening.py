"""Open a mart."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from marketing_ds._core.errors import InvalidInput

from .engines import connect
from .folders import is_uri
from .mart import Mart
from .workspace import Workspace, default_workspace


def open_mart(
    source: str | os.PathLike[str],
    *,
    engine: str = "duckdb",
    workspace: str | os.PathLike[str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Mart:
    """Open a mart, lazily.

    Parameters
    ----------
    source : path or address
        A folder of Parquet or CSV, each table as ``name.parquet``, ``name.csv``, ``name.csv.gz``
        or a folder ``name/`` of such files (nested folders and Hive partitions ``key=value`` are
        read; names that start with ``_`` or ``.`` never are), or a DuckDB file, opened read only.
        Spark also reads addresses (``hdfs://…``, ``s3a://…``, ``file://…``), but no DuckDB file.
    engine : {"duckdb", "spark"}
        What runs the queries; the answers are the same. Spark needs Java 17 and
        ``marketing-ds[spark]``.
    workspace : path, optional
        Where publications go; MARKETING_DS_WORKSPACE or ``workspace/`` by default. It is made
        when first needed.
    options : mapping of str to str, optional
        Settings of the engine: DuckDB's (``{"threads": "2"}``) or Spark's
        (``{"spark.master": "yarn"}``).

    Raises
    ------
    MartError
        If there is no mart at `source`, a file of it cannot be read, or Spark cannot start.
    MissingExtra
        If `engine` is "spark" and PySpark 4 is not installed.
    InvalidInput
        If an argument breaks a rule.

    Notes
    -----
    On Spark a mart joins the active session's Spark if there is one, in a session of its own, so
    that the user's settings and views stay as they are; that Spark is never stopped here. Otherwise
    one is started, and stopped when the last mart on it is closed. Spark's own configuration
    (``spark-defaults.conf``, PYSPARK_SUBMIT_ARGS) and `options` decide how; what they leave open
    suits one machine: ``local[*]``, half of its memory, spilling into the workspace. On a cluster,
    results and publications pass through a folder that all its machines reach:
    ``spark.marketing_ds.scratch``, or ``.marketing_ds`` in the user's home of Hadoop.

    Moments are local times. Columns of files that hold instants (Parquet's `isAdjustedToUTC`) are
    no such times; `Mart.check` names them on either engine.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> mart = mds.open_mart("data_samples")
    >>> mart.tables[:4]
    ('customers', 'products', 'holdings', 'transactions')
    >>> int(mart["customers"].count().execute())
    10000
    >>> mart.last_date
    datetime.date(2026, 6, 30)
    >>> mart.close()
    """
    root = str(source) if is_uri(source) else Path(source).expanduser().absolute()
    place = workspace or default_workspace()
    if is_uri(place):
        raise InvalidInput(f"workspace must be a folder of this machine, got '{place}'")
    space = Workspace(Path(place).expanduser().absolute())
    connection = connect(engine, space, options)
    try:
        return Mart(root, connection, space)
    except BaseException:
        connection.close()
        raise
