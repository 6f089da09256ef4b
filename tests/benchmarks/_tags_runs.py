"""What is measured, each in a process of its own: our tags, the SQL by hand, pandas, the daily refresh."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import resource
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

Figures = Mapping[str, float]
"""Seconds, processor seconds, peak GiB, and what else a run tells."""


@dataclass(frozen=True)
class Setting:
    """What all runs share."""

    mart: Path
    scratch: Path
    day: dt.date
    options: tuple[tuple[str, str], ...]
    """Settings of DuckDB, the same for ours and for the SQL by hand."""

    def file(self, part: str) -> Path:
        """Where the table of tags that `part` makes is written."""
        return self.scratch / f"{part}.parquet"


def alone(work: Callable[..., Figures], *arguments: object) -> Figures:
    """`work` in a fresh process, with its peak memory."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_with_peak, work, *arguments).result()


def _with_peak(work: Callable[..., Figures], *arguments: object) -> Figures:
    figures = work(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    return {**figures, "peak": peak}


class _Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __call__(self) -> dict[str, float]:
        return {
            "wall": time.perf_counter() - self._wall,
            "cpu": time.process_time() - self._cpu,
        }


def ours(setting: Setting) -> Figures:
    """`tag_table`, written to Parquet; of it what Python takes to build and to compile the query."""
    from marketing_ds.mart import open_mart
    from marketing_ds.tags import tag_table

    from ._tags_names import NAMES

    with open_mart(
        setting.mart, workspace=setting.scratch / "ours", options=dict(setting.options)
    ) as mart:
        clock = _Clock()
        table = tag_table(mart, setting.day, NAMES)
        built = clock()["cpu"]
        mart.con.to_parquet(table, setting.file("ours"), compression="zstd")
        took = clock()
        again = _Clock()
        mart.con.compile(table)
        return {**took, "build": built, "compile": again()["cpu"]}


def sql(setting: Setting) -> Figures:
    """The SQL by hand."""
    from ._tags_sql import by_hand

    return _queried(setting, "sql", by_hand)


def plain(setting: Setting) -> Figures:
    """The SQL in the plain way, with FILTER."""
    from ._tags_sql_plain import plain as plain_query

    return _queried(setting, "plain", plain_query)


def _queried(setting: Setting, part: str, query: Callable[..., str]) -> Figures:
    with duckdb.connect() as con:
        con.execute(f"SET temp_directory = '{setting.scratch / 'spill'}'")
        for name, value in setting.options:
            con.execute(f"SET {name} = '{value}'")
        clock = _Clock()
        text = query(con, setting.mart, setting.day)
        con.execute(f"COPY ({text}) TO '{setting.file(part)}' (FORMAT parquet, COMPRESSION zstd)")
        return clock()


def pandas(setting: Setting) -> Figures:
    """pandas, on the words and ids as Parquet gives them."""
    return _in_pandas(setting, "pandas", categories=False)


def pandas_categories(setting: Setting) -> Figures:
    """pandas, with words as categories and ids as whole numbers."""
    return _in_pandas(setting, "pandas_categories", categories=True)


def _in_pandas(setting: Setting, part: str, *, categories: bool) -> Figures:
    from ._tags_names import NAMES
    from ._tags_pandas import in_pandas

    clock = _Clock()
    frame = in_pandas(setting.mart, setting.day, categories=categories)
    frame[list(NAMES)].to_parquet(setting.file(part), compression="zstd")
    return clock()


def kept(setting: Setting) -> Figures:
    """The day before, kept in the workspace for `refreshed` to start from."""
    return _refresh(setting, setting.day - dt.timedelta(days=1), full=True)


def refreshed(setting: Setting) -> Figures:
    """The day brought forward from the day before, and its table written."""
    for folder in (setting.scratch / "refresh" / "partials").glob(f"*/*/as_of={setting.day}"):
        shutil.rmtree(folder)
    return _refresh(setting, setting.day, full=False)


def kept_in_full(setting: Setting) -> Figures:
    """The same measures of the day, added up in full and kept."""
    return _refresh(setting, setting.day, full=True)


def _refresh(setting: Setting, day: dt.date, *, full: bool) -> Figures:
    from marketing_ds.mart import open_mart
    from marketing_ds.tags import refresh_tags

    from ._tags_names import NAMES

    workspace = setting.scratch / "refresh"
    with open_mart(setting.mart, workspace=workspace, options=dict(setting.options)) as mart:
        clock = _Clock()
        done = refresh_tags(mart, day, NAMES, full=full)
        measures = clock()
        mart.con.to_parquet(done.table, setting.file("refreshed"), compression="zstd")
        took = clock()
    expected = {"full"} if full else {"forward", "kept"}
    if wrong := [s for s in done.sources if s.how not in expected]:
        raise SystemExit(f"measures of {day} had in another way than {expected}: {wrong}")
    return {**took, "measures_wall": measures["wall"], "measures_cpu": measures["cpu"]}


def reads(work: str, setting: Setting) -> Figures:
    """Rows and bytes that the engine reads for `ours` or for `refreshed`, by its own count."""
    from marketing_ds.mart import Mart, open_mart
    from marketing_ds.tags import refresh_tags, tag_table

    from ._tags_names import NAMES

    def run(mart: Mart) -> None:
        if work == "ours":
            table = tag_table(mart, setting.day, NAMES)
        else:
            table = refresh_tags(mart, setting.day, NAMES).table
        mart.con.to_parquet(table, setting.file("reads"), compression="zstd")

    for folder in (setting.scratch / "refresh" / "partials").glob(f"*/*/as_of={setting.day}"):
        shutil.rmtree(folder)
    workspace = setting.scratch / "refresh"
    with open_mart(setting.mart, workspace=workspace, options=dict(setting.options)) as mart:
        con = mart.con.con
        con.execute("CALL enable_logging('Metrics')")
        con.execute("SET enable_profiling = 'no_output'")
        con.execute("SET profiling_coverage = 'ALL'")
        run(mart)
        con.execute("CALL disable_logging()")
        logged = con.execute(
            "SELECT regexp_extract(message, '''metric'': ([a-z_.]+), ''value'': ([0-9.]+)', "
            "['metric', 'value']) FROM duckdb_logs WHERE type = 'Metrics'"
        ).fetchall()
    wanted = {"query.total_rows_scanned": "rows", "io.total_bytes_read": "bytes"}
    total = dict.fromkeys(wanted.values(), 0.0)
    for (found,) in logged:
        if found["metric"] in wanted:
            total[wanted[found["metric"]]] += float(found["value"])
    return total
