"""Write a simulated bank: chunks of customers in threads, one folder of Parquet a table."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import MART

from . import campaign_tables, columns, reference, tables, truth_tables
from .chunk import CHUNK, Report, simulate_chunk
from .dates import Calendar
from .faults import plant
from .progress import progress_bar
from .truth import FOLDER, FRAMES

LAST_DATE = dt.date(2026, 6, 30)
_BYTES_A_CUSTOMER_MONTH = 60
"""Room to ask for: about a third more than measured."""
_MAX_THREADS = 4


@dataclass(frozen=True)
class SimulatedBank(Result):
    """A simulated bank on disk.

    Attributes
    ----------
    path : Path
        Folder of the mart; the truth lies in its folder ``_truth``.
    customers, months, seed : int
        What was asked for.
    last_date : datetime.date
        The last day that was simulated.
    dirty : bool
        Whether faults were planted.
    rows, size_bytes : mapping of str to int
        Rows and bytes of each table.
    seconds : float
        Wall-clock time it took.
    """

    path: Path
    customers: int
    months: int
    seed: int
    last_date: dt.date
    dirty: bool
    rows: Mapping[str, int]
    size_bytes: Mapping[str, int]
    seconds: float

    def moved(self, path: Path) -> SimulatedBank:
        """The same bank in another folder."""
        return replace(self, path=path)

    def to_frame(self) -> pd.DataFrame:
        """Rows and bytes of each table."""
        return pd.DataFrame(
            {
                "table": list(self.rows),
                "grain": [" × ".join(MART[name].grain) for name in self.rows],
                "rows": list(self.rows.values()),
                "size_bytes": [self.size_bytes[name] for name in self.rows],
            }
        )


def simulate(
    out: str | PathLike[str],
    *,
    customers: int = 10_000,
    months: int = 12,
    seed: int = 7,
    dirty: bool = False,
    last_date: str | dt.date = LAST_DATE,
    progress: bool = True,
) -> SimulatedBank:
    """Write a mart that behaves like a retail bank, and the truth behind it.

    Customers have heavy-tailed assets over seven lines of products, pass through a monthly Markov
    chain of lifecycle stages, act through the channels they prefer, on the days and hours at
    which people do, and took part in six campaigns: five randomised over two to four arms, one
    (`K03`) in which managers chose whom to call. Their probability of buying under each arm is
    known, and written to ``out/_truth``.

    Parameters
    ----------
    out : path
        Folder to make; must not exist, or be empty.
    customers : int
        Customers, 1 to 9,999,999.
    months : int
        Calendar months of history, 6 to 60.
    seed : int
        The same seed gives the same content, on any number of cores.
    dirty : bool
        Plant what real feeds bring: duplicates, nulls, unknown categories, negative amounts,
        orphans, late and future rows, reversed dates, a customer who changes id. They are listed in
        ``out/_truth/faults.json``.
    last_date : date or ISO text
        Last day of the history: the last day of a month.
    progress : bool
        Show a progress bar with the phase and the rate.

    Returns
    -------
    SimulatedBank
        Where it is, with the rows and bytes of each table.

    Raises
    ------
    InvalidInput
        If an argument breaks its rule, the folder is taken or the disk too small.

    Examples
    --------
    >>> import tempfile
    >>> from marketing_ds.datasets import simulate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bank = simulate(f"{folder}/bank", customers=100, months=6, progress=False)
    >>> bank.rows["customers"]
    100
    """
    return write_bank(
        out, customers=customers, months=months, seed=seed, dirty=dirty, last_date=last_date,
        progress=progress, level=1,
    )  # fmt: skip


def write_bank(
    out: str | PathLike[str], *, customers: int, months: int, seed: int, dirty: bool,
    last_date: str | dt.date, progress: bool, level: int,
) -> SimulatedBank:  # fmt: skip
    """`simulate` with the compression level to choose: the sample is packed tighter."""
    began = time.perf_counter()
    path = Path(out)
    customers = check_count("customers", customers, low=1, high=9_999_999)
    months = check_count("months", months, low=6, high=60)
    seed = check_count("seed", seed, low=0, high=2**63 - 1)
    last = check_date("last_date", last_date)
    if (last + dt.timedelta(days=1)).day != 1:
        raise InvalidInput(f"last_date must be the last day of a month, got {last}")
    _check_place(path, customers * months * _BYTES_A_CUSTOMER_MONTH)
    calendar = Calendar.ending(last, months)
    with _staged(path) as stage, progress_bar(progress) as bar:
        _write_chunks(stage, customers, calendar, seed, level, bar)
        faults = plant(stage, seed, last, level) if dirty else []
        text = json.dumps(faults, indent=1, ensure_ascii=False) + "\n"
        (stage / FOLDER / "faults.json").write_text(text, encoding="utf-8")
        rows, sizes = _measure(stage)
    return SimulatedBank(
        path, customers, months, seed, last, dirty, rows, sizes, time.perf_counter() - began
    )


def _check_place(path: Path, needed: int) -> None:
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InvalidInput(
            f"out must be a new or an empty folder, got {path}, which exists; "
            "choose another or remove it first"
        )
    parent = path.resolve().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise InvalidInput(f"out must lie in a folder, but {parent} is a file")
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise InvalidInput(
            f"out must lie on a disk with about {needed / 1e9:.1f} GB free, got {free / 1e9:.1f} GB; "
            "choose another disk or fewer customers"
        )


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A folder beside `path` that becomes it at the end: nobody ever sees half a bank."""
    path.resolve().parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.resolve().parent))
    try:
        yield stage
        stage.chmod(0o755)
        if path.exists():
            path.rmdir()
        stage.rename(path)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


@dataclass(frozen=True)
class _Done:
    """What is left of a chunk once its tables are written."""

    truth: Mapping[str, pa.Table]
    redemptions: Mapping[str, tuple[int, int]]
    participants: Mapping[str, tuple[int, int]]


def _write_chunks(
    stage: Path, customers: int, calendar: Calendar, seed: int, level: int, bar: Any
) -> None:
    firsts = range(1, customers + 1, CHUNK)
    bar.begin(len(firsts) * (calendar.months + _WRITING))

    def work(chunk: int) -> _Done:
        size = min(CHUNK, customers - chunk * CHUNK)
        return _one_chunk(stage, seed, chunk, firsts[chunk], size, calendar, level, bar.report)

    redemptions: Counter[tuple[str, int]] = Counter()
    participants: Counter[tuple[str, int]] = Counter()
    with (
        ThreadPoolExecutor(min(_threads(), len(firsts))) as pool,
        _truth_files(stage, level) as keep,
    ):
        # In the order of the chunks, whoever ends first: the truth's files are then the same.
        for done in pool.map(work, range(len(firsts))):
            keep(done.truth)
            for offer, (granted, used) in done.redemptions.items():
                redemptions.update({(offer, 0): granted, (offer, 1): used})
            for campaign, (reached, bought) in done.participants.items():
                participants.update({(campaign, 0): reached, (campaign, 1): bought})
    bar.report("reference tables", 0)
    for name, table in reference.tables(calendar, redemptions, participants).items():
        columns.write(table, stage / name / "part-0000.parquet", level)


_WRITING = 7
"""Steps of a chunk after its months: one for each table written."""


def _one_chunk(
    stage: Path, seed: int, chunk: int, first: int, size: int, calendar: Calendar, level: int,
    report: Report,
) -> _Done:  # fmt: skip
    history = simulate_chunk(seed, chunk, first, size, calendar, report)
    for name, table in tables.mart_tables(history, calendar, chunk):
        columns.write(table, stage / name / f"part-{chunk:04d}.parquet", level)
        report(f"writing {name}", 0)
    return _Done(
        truth_tables.truth_tables(history, calendar),
        campaign_tables.redemption_counts(history),
        campaign_tables.participant_counts(history),
    )


@contextmanager
def _truth_files(stage: Path, level: int) -> Iterator[Any]:
    """Give a function that appends a chunk's truth to the files of the truth."""
    (stage / FOLDER).mkdir()
    writers: dict[str, pq.ParquetWriter] = {}

    def keep(truth: Mapping[str, pa.Table]) -> None:
        for name in FRAMES:
            if name not in writers:
                path = stage / FOLDER / f"{name}.parquet"
                writers[name] = columns.writer(path, truth[name].schema, level)
            writers[name].write_table(truth[name])

    try:
        yield keep
    finally:
        for writer in writers.values():
            writer.close()


def _threads() -> int:
    return min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, _MAX_THREADS
    )


def _measure(stage: Path) -> tuple[dict[str, int], dict[str, int]]:
    rows, sizes = {}, {}
    for name in MART:
        files = sorted((stage / name).glob("*.parquet"))
        if files:
            rows[name] = sum(pq.read_metadata(file).num_rows for file in files)
            sizes[name] = sum(file.stat().st_size for file in files)
    return rows, sizes
