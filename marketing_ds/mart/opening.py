"""Open a mart."""

from __future__ import annotations

import os
from pathlib import Path

import ibis
from ibis.backends.duckdb import Backend

from marketing_ds._core.errors import InvalidInput

from .mart import Mart
from .workspace import Workspace, default_workspace

_MEMORY_LIMIT = "70%"


def open_mart(
    source: str | os.PathLike[str],
    *,
    engine: str = "duckdb",
    workspace: str | os.PathLike[str] | None = None,
) -> Mart:
    """Open a mart, lazily.

    Parameters
    ----------
    source : path
        A folder of Parquet or CSV, each table as ``name.parquet``, ``name.csv``, ``name.csv.gz``
        or a folder ``name/`` of such files (nested folders and Hive partitions ``key=value`` are
        read; names that start with ``_`` or ``.`` never are), or a DuckDB file, opened read only.
    engine : {"duckdb"}
        What runs the queries.
    workspace : path, optional
        Where publications go; MARKETING_DS_WORKSPACE or ``workspace/`` by default. It is made
        when first needed.

    Raises
    ------
    MartError
        If there is no mart at `source`, or a file of it cannot be read.

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
    if engine != "duckdb":
        raise InvalidInput(f"engine must be 'duckdb', the only one in this version, got {engine!r}")
    root = Path(source).expanduser().absolute()
    space = Workspace(Path(workspace or default_workspace()).expanduser().absolute())
    con = ibis.duckdb.connect()
    try:
        _configure(con, space)
        return Mart(root, con, space)
    except BaseException:
        con.disconnect()
        raise


def _configure(con: Backend, workspace: Workspace) -> None:
    """Spill beside the publications, leave memory to the models, print nothing.

    The order of rows in files stays preserved (the engine's default), for a model trained twice on
    the same publication must see the same rows in the same order.
    """
    spill = str(workspace.spill()).replace("'", "''")
    con.raw_sql(f"SET temp_directory = '{spill}'")
    con.raw_sql(f"SET memory_limit = '{_MEMORY_LIMIT}'")
