"""How long 120 customer tags take: ``python -m tests.benchmarks.tags_speed [--rows N …] [--parts …]``.

Makes marts of so many transactions and as many events (see `_tags_mart`) and measures on each, in
turns so that all meet the same machine, every run in a process of its own:

- ``ours``: `tag_table`, written to Parquet;
- ``sql``: the same table by the best SQL that we can write by hand for DuckDB (`_tags_sql`);
- ``plain``: the same in the plain way, one GROUP BY with FILTER (`_tags_sql_plain`);
- ``pandas``, ``pandas_categories``: the same in pandas (`_tags_pandas`), reading included;
- ``refresh``: the day brought forward from the day before by `refresh_tags`, against the full way;
  on a month's end (the default ``--day``) a snapshot of balances comes in besides.

Prints medians, and medians of the ratios of neighbouring runs: of seconds, of processor seconds, and
of these without what Python takes to build and compile our query ("engine"). With ``--check`` all tables are first
compared tag by tag. The targets are stated for two cores: 100 million rows a table and 1 million
customers; for pandas 5 million rows a table.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from . import _tags_runs as runs
from ._tags_mart import AS_OF, write_mart
from ._tags_names import NAMES, differences
from ._tags_runs import Figures, Setting

TABLES: dict[str, tuple[str, Callable[[Setting], Figures]]] = {
    "ours": ("marketing_ds", runs.ours),
    "sql": ("SQL by hand", runs.sql),
    "plain": ("SQL in the plain way", runs.plain),
    "pandas": ("pandas", runs.pandas),
    "pandas_categories": ("pandas, categories", runs.pandas_categories),
}
TARGETS = {
    "sql": "at most 1.25",
    "pandas": "at most 0.125",
    "pandas_categories": "at most 0.125",
}


def main() -> None:
    """Print the tables."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        found: dict[int, Figures] = {}
        for rows in sorted(given.rows):
            folder = given.folder or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            mart = _mart(folder, given.customers, rows)
            setting = _setting(mart, Path(scratch) / f"out_{rows}", given)
            print(
                f"\n{given.customers:,} customers, {rows:,} transactions and as many events, "
                f"{len(NAMES)} tags, {given.threads} threads, medians of {given.repeats}"
            )
            if given.check:
                _check(setting, given.parts)
            tables = [part for part in TABLES if part in given.parts]
            if tables:
                found[rows] = _tables(setting, tables, given.repeats).get("ours", {})
            if "refresh" in given.parts:
                _refresh(setting, given.repeats)
        if len(found) > 1 and all(found.values()):
            _growth(found)


def _arguments() -> argparse.Namespace:
    def number(text: str) -> int:
        return int(float(text))

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=number, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--customers", type=number, default=1_000_000)
    parser.add_argument(
        "--parts", nargs="+", choices=[*TABLES, "refresh"], default=["ours", "sql", "refresh"]
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="70%", help="DuckDB's memory_limit, ours and by hand")
    parser.add_argument("--day", type=dt.date.fromisoformat, default=dt.date.fromisoformat(AS_OF))
    parser.add_argument("--check", action="store_true", help="compare all tables tag by tag first")
    parser.add_argument("--folder", type=Path, help="a folder to keep the marts in")
    return parser.parse_args()


def _mart(folder: Path, customers: int, rows: int) -> Path:
    mart = folder / f"tags_{customers}_{rows}"
    if not mart.exists():
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            write_mart(Path(unfinished) / "mart", customers, rows).rename(mart)
    return mart


def _setting(mart: Path, scratch: Path, given: argparse.Namespace) -> Setting:
    scratch.mkdir()
    options = {
        "threads": str(given.threads),
        "memory_limit": given.memory,
        "enable_progress_bar": "false",
    }
    return Setting(mart, scratch, given.day, tuple(options.items()))


def _check(setting: Setting, parts: Sequence[str]) -> None:
    """Stop unless every table has the values of ours."""
    work = {part: TABLES[part][1] for part in ("ours", *parts) if part in TABLES}
    if "refresh" in parts:
        runs.alone(runs.kept, setting)
        work["refreshed"] = runs.refreshed
    for run in work.values():
        runs.alone(run, setting)
    wanted = pd.read_parquet(setting.file("ours"))
    for part in [part for part in work if part != "ours"]:
        if found := differences(pd.read_parquet(setting.file(part)).reset_index(), wanted):
            raise SystemExit(f"{part} has other values than ours, by tag and customers: {found}")
    print(f"equal to ours in all {len(wanted):,} customers: {', '.join(work)}")


def _tables(setting: Setting, parts: Sequence[str], repeats: int) -> dict[str, Figures]:
    """A line for each way to the table; the medians by way."""
    taken: dict[str, list[Figures]] = {part: [] for part in parts}
    for _ in range(repeats):
        for part in parts:
            taken[part].append(runs.alone(TABLES[part][1], setting))
    medians = {part: _median(figures) for part, figures in taken.items()}
    _line("", "seconds", "CPU s", "peak GiB", "ours/it", "CPU", "engine", "target")
    for part, median in medians.items():
        figures = [f"{median['wall']:,.1f}", f"{median['cpu']:,.1f}", f"{median['peak']:.1f}"]
        if part != "ours" and "ours" in taken:
            mine, theirs = taken["ours"], taken[part]
            figures += [f"{_ratio(mine, theirs, key):.2f}" for key in ("wall", "cpu")]
            alone = (_engine(a) / b["cpu"] for a, b in zip(mine, theirs, strict=True))
            figures.append(f"{statistics.median(alone):.2f}")
        _line(TABLES[part][0], *figures, *([TARGETS[part]] if part in TARGETS else []))
        if part == "ours":
            _line("  of it Python, building", "", f"{median['build']:.2f}")
            _line("  of it Python, compiling", "", f"{median['compile']:.2f}")
    return medians


def _engine(ours: Figures) -> float:
    """Processor seconds of ours without those of Python, which do not grow with the rows."""
    return ours["cpu"] - ours["build"] - ours["compile"]


def _refresh(setting: Setting, repeats: int) -> None:
    """The measures kept, the table, and the table with what is kept: brought forward and in full."""
    first = runs.alone(runs.kept, setting)
    taken: dict[str, list[Figures]] = {"forward": [], "added up": [], "full": []}
    for _ in range(repeats):
        taken["forward"].append(runs.alone(runs.refreshed, setting))
        taken["added up"].append(runs.alone(runs.kept_in_full, setting))
        taken["full"].append(runs.alone(runs.ours, setting))
    forward, added, full = (_median(figures) for figures in taken.values())
    print(
        f"\nthe day refreshed from the day before, which took {first['measures_wall']:.1f} s to keep"
    )
    _line("", "seconds", "CPU s", "peak GiB", "full/it", "CPU", "target")
    ways = [
        ("measures, added up in full", added, "measures_", None),
        ("measures, brought forward", forward, "measures_", "added up"),
        ("table, in full", full, "", None),
        ("table, brought forward", forward, "", "full"),
        ("both, in full", added, "", None),
        ("both, brought forward", forward, "", "added up"),
    ]
    for name, median, prefix, against in ways:
        keys = [f"{prefix}wall", f"{prefix}cpu"]
        figures = [*(f"{median[key]:,.1f}" for key in keys), f"{median['peak']:.1f}"]
        if against:
            figures += [f"{_ratio(taken[against], taken['forward'], key):.1f}" for key in keys]
            figures.append("at least 10")
        _line(name, *figures)
    _line("", "rows read", "MB read")
    for name, work in {"table, in full": "ours", "table, brought forward": "refreshed"}.items():
        read = runs.alone(runs.reads, work, setting)
        _line(name, f"{read['rows']:,.0f}", f"{read['bytes'] / 1e6:,.0f}")


def _growth(found: dict[int, Figures]) -> None:
    """How time and memory grow with the rows."""
    print("\ngrowth of ours: an exponent of 1 is linear, the target at most 1")
    _line("rows a table", "seconds", "CPU s", "peak GiB", "exponent", "CPU")
    before: tuple[int, Figures] | None = None
    for rows, figures in found.items():
        shown = [f"{figures['wall']:,.1f}", f"{figures['cpu']:,.1f}", f"{figures['peak']:.1f}"]
        if before is not None:
            step = math.log(rows / before[0])
            shown += [f"{math.log(figures[k] / before[1][k]) / step:.2f}" for k in ("wall", "cpu")]
        _line(f"{rows:,}", *shown)
        before = rows, figures


def _median(figures: Sequence[Figures]) -> Figures:
    return {key: statistics.median(each[key] for each in figures) for key in figures[0]}


def _ratio(above: Sequence[Figures], below: Sequence[Figures], key: str) -> float:
    """The median of the ratios of neighbouring runs."""
    return statistics.median(a[key] / b[key] for a, b in zip(above, below, strict=True))


def _line(name: str, *figures: str) -> None:
    def cells() -> Iterator[str]:
        yield f"{name:<28}"
        for place, figure in enumerate(figures):
            yield f"{figure:>13}" if place < 2 else f"{figure:>10}"

    print(" ".join(cells()).rstrip(), flush=True)


if __name__ == "__main__":
    main()
