"""A driver for test_mart_kill: publishers that are killed, and readers that look on.

    python killing.py MART WORKSPACE {steps|delays|reader|race}

Prints one JSON object a line. Each publisher and reader is a forked process of its own, which
opens the mart for itself; the driver never does, so there is no thread to lose in the fork.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from marketing_ds.mart import open_mart, verify

MART, WORKSPACE = Path(sys.argv[1]), Path(sys.argv[2])


def in_child(work: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    """Start `work` in a process; returns its id and where its answer can be read."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.close(read)
    try:
        os.write(write, json.dumps(work()).encode())
    finally:
        os._exit(0)


def answer(child: int, read: int) -> dict[str, Any]:
    """What a process said, or that it was killed."""
    with os.fdopen(read) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return {"killed": os.WIFSIGNALED(status)} | (json.loads(text) if text else {})


def publish(key: str, rows: int) -> dict[str, Any]:
    ids = [f"c{n:06d}" for n in range(rows)]
    with open_mart(MART, workspace=WORKSPACE) as mart:
        done = mart.publish(
            "segments", pd.DataFrame({"customer_id": ids}), as_of="2026-06-30", run_key=key
        )
        return {"found": done.found, "rows": done.rows}


def look() -> dict[str, Any]:
    """What a reader sees: the key, the rows of the manifest and of the data."""
    with open_mart(MART, workspace=WORKSPACE) as mart:
        last = mart.latest_publication("segments")
        verify(last)
        rows = mart.latest("segments").count().execute()
        return {"key": last.manifest["run_key"], "rows": last.rows, "read": int(rows)}


def killed_at(step: int, work: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """`work`, killed when it is about to touch the workspace for the `step`-th time."""

    def run() -> dict[str, Any]:
        left = step

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            watched = event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
            if watched and str(WORKSPACE) in str(arguments[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        def fsync(handle: int) -> None:
            count("open", (str(WORKSPACE),))
            force(handle)

        force, os.fsync = os.fsync, fsync
        sys.addaudithook(count)
        return work()

    return run


def tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def steps() -> None:
    """Kill at the first touch of the workspace, at the second, … until one survives."""
    tell(first=answer(*in_child(lambda: publish("good-0", 10))))
    for step in range(1, 200):
        key, rows = f"step-{step}", 10 + step
        cut = answer(*in_child(killed_at(step, lambda key=key, rows=rows: publish(key, rows))))
        seen = answer(*in_child(look))
        again = answer(*in_child(lambda key=key, rows=rows: publish(key, rows)))
        tell(key=key, wanted=rows, cut=cut, seen=seen, again=again)
        if not cut["killed"]:
            break
    tell(left=[path.name for path in (WORKSPACE / ".tmp").iterdir()])


def delays() -> None:
    """Kill at moments that nobody chose, while many rows are written."""
    tell(first=answer(*in_child(lambda: publish("good-0", 10))))
    started = time.monotonic()
    answer(*in_child(lambda: publish("warm", 50_000)))
    whole = time.monotonic() - started
    chance = random.Random(7)
    for number in range(5):
        key, rows = f"delay-{number}", 50_000 + number
        child, read = in_child(lambda key=key, rows=rows: publish(key, rows))
        time.sleep(chance.uniform(0.2, 1.0) * whole)
        os.kill(child, signal.SIGKILL)
        cut = answer(child, read)
        seen = answer(*in_child(look))
        again = answer(*in_child(lambda key=key, rows=rows: publish(key, rows)))
        tell(key=key, wanted=rows, cut=cut, seen=seen, again=again)


def reader() -> None:
    """Look again and again while another process publishes."""
    answer(*in_child(lambda: publish("version-0", 1000)))

    def publish_many() -> dict[str, Any]:
        for number in range(1, 6):
            publish(f"version-{number}", 1000 + number)
        return {}

    child, read = in_child(publish_many)
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        tell(seen=answer(*in_child(look)))
    answer(child, read)
    tell(seen=answer(*in_child(look)))


def race() -> None:
    """Four processes publish the same thing at once."""
    children = [in_child(lambda: publish("same", 2000)) for _ in range(4)]
    for child, read in children:
        tell(done=answer(child, read))
    tell(seen=answer(*in_child(look)))


if __name__ == "__main__":
    {"steps": steps, "delays": delays, "reader": reader, "race": race}[sys.argv[3]]()
