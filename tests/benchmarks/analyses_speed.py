"""How long the four analyses take: ``python -m tests.benchmarks.analyses_speed [--events N] [--parts …]``.

Makes a mart of 100 million events, 30 million transactions and 5 million customers (see
`_analyses_mart`) as Parquet, and runs each analysis in a process of its own: seconds from the opened
mart to the result, seconds of processors (which other work on the machine does not change much), and
the greatest memory of the process. The aim is 60 seconds for all four on two cores, and 8 GiB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from marketing_ds.mart import Mart, open_mart

from ._analyses_mart import AS_OF, CAMPAIGN, write_mart

START, END = "2026-04-01", "2026-06-29"
AIM_SECONDS, AIM_GIB = 60.0, 8.0


def customers(mart: Mart) -> object:
    """Base facts, groups, lifecycle with migration, before and after, against control."""
    from marketing_ds.evaluation.customer import analyze_customers

    return analyze_customers(mart, CAMPAIGN, as_of=AS_OF)


def campaign(mart: Mart) -> object:
    """Reach, funnel, goal, benefits, effects and time course of the campaign."""
    from marketing_ds.evaluation.campaign import analyze_campaign

    return analyze_campaign(mart, CAMPAIGN, as_of=AS_OF)


def products(mart: Mart) -> object:
    """Sales, holdings together and net new money of a quarter, and what the campaign changed."""
    from marketing_ds.evaluation.product import analyze_products

    return analyze_products(mart, start=START, end=END, campaign_id=CAMPAIGN, as_of=AS_OF)


def channels(mart: Mart) -> object:
    """A quarter's use, retention, activity and worth, and the campaign's arms against control."""
    from marketing_ds.evaluation.channel import analyze_channels

    return analyze_channels(mart, start=START, end=END, as_of=AS_OF, campaign_id=CAMPAIGN)


def touches(mart: Mart) -> object:
    """The same without hold-out: multi-touch instead."""
    from marketing_ds.evaluation.channel import analyze_channels

    return analyze_channels(mart, start=START, end=END, as_of=AS_OF)


PARTS: dict[str, Callable[[Mart], object]] = {
    "customers": customers,
    "campaign": campaign,
    "products": products,
    "channels": channels,
}
MORE: dict[str, Callable[[Mart], object]] = {"touches": touches}
"""Not of the four: an analysis of channels once more, without a campaign."""


def main() -> None:
    """Print the table."""
    given = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        mart = folder / f"analyses_{given.customers}_{given.events}_{given.transactions}"
        if not mart.exists():
            write_mart(mart, given.customers, given.events, given.transactions)
        size = sum(file.stat().st_size for file in mart.iterdir()) / 2**30
        print(
            f"{given.events:,} events, {given.transactions:,} transactions, {given.customers:,} "
            f"customers, {size:.1f} GiB of Parquet; {given.threads} threads, DuckDB's memory limit "
            f"{given.memory}"
        )
        options = {"threads": str(given.threads), "memory_limit": given.memory}
        found = {}
        for part in given.parts:
            found[part] = _alone(part, mart, Path(scratch) / "workspace", options)
            _row(part, found[part])
        four = [figures for part, figures in found.items() if part in PARTS]
        if four:
            seconds, busy, memory = zip(*four, strict=True)
            _row("in all", (sum(seconds), sum(busy), max(memory)))
        print(f"{'aim':<12} {AIM_SECONDS:8.1f} s {'':16} {AIM_GIB:8.2f} GiB")


def _arguments() -> argparse.Namespace:
    def number(text: str) -> int:
        return int(float(text))

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--events", type=number, default=100_000_000)
    parser.add_argument("--transactions", type=number, default=30_000_000)
    parser.add_argument("--customers", type=number, default=5_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="5GiB", help="what DuckDB may take; the rest spills")
    parser.add_argument("--parts", nargs="+", choices=[*PARTS, *MORE], default=[*PARTS, *MORE])
    parser.add_argument("--folder", type=Path, help="keep the mart here and use it again")
    return parser.parse_args()


Figures = tuple[float, float, float]


def _row(part: str, figures: Figures) -> None:
    seconds, busy, memory = figures
    print(f"{part:<12} {seconds:8.1f} s {busy:8.1f} s (cpu) {memory:8.2f} GiB", flush=True)


def _alone(part: str, mart: Path, workspace: Path, options: dict[str, str]) -> Figures:
    """Seconds, seconds of processors and GiB of an analysis in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(part, mart, workspace, options, theirs))
    process.start()
    theirs.close()
    try:
        figures: Figures = ours.recv()
    except EOFError:
        raise SystemExit(f"{part} failed") from None
    process.join()
    return figures


def _run(part: str, mart: Path, workspace: Path, options: dict[str, str], out: Connection) -> None:
    with open_mart(mart, workspace=workspace, options=options) as opened:
        opened.connection.con.raw_sql("SET enable_progress_bar = false")
        begun, busy = time.perf_counter(), time.process_time()
        {**PARTS, **MORE}[part](opened)
        seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    out.send((seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))


if __name__ == "__main__":
    main()
