"""The progress bar of a simulation: phase, share done, rows a second, time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Bar(Protocol):
    """What is told of the work's course."""

    def begin(self, steps: int) -> None:
        """`steps` reports will follow."""

    def report(self, phase: str, rows: int) -> None:
        """One step of `phase` is done, which made `rows` transactions and events."""


class _Silent:
    def begin(self, steps: int) -> None:
        pass

    def report(self, phase: str, rows: int) -> None:
        pass


class _Shown:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._task = progress.add_task("starting", total=None, rate="")
        self._began = time.perf_counter()
        self._rows = 0

    def begin(self, steps: int) -> None:
        self._progress.update(self._task, total=steps)

    def report(self, phase: str, rows: int) -> None:
        with self._lock:
            self._rows += rows
            rate = self._rows / max(time.perf_counter() - self._began, 1e-9)
            shown = f"{self._rows:,} rows · {rate:,.0f} rows/s"
            self._progress.update(self._task, description=phase, advance=1, rate=shown)


@contextmanager
def progress_bar(shown: bool) -> Iterator[Bar]:
    """A bar on standard error, or none."""
    if not shown:
        yield _Silent()
        return
    layout = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*layout, console=Console(stderr=True)) as progress:
        yield _Shown(progress)
