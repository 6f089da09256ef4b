"""How long audiences take: ``python -m tests.benchmarks.audience_speed [--customers N] [--tags N]``.

Writes a tag table to Parquet and a mart of as many customers, then measures, in one process:

- a count by five predicates, through `audience(...).count()` and as SQL written by hand for DuckDB
  over the same file, in turns; the engine has started before;
- an estimate of the same audience from its sample, after the first call;
- the publication of ``--publish`` ids for a channel, with a universal control group and a contact cap;
- the split of ``--publish`` customers into three arms, the best of 100 draws, in strata.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from marketing_ds.audiences import audience
from marketing_ds.mart import ContactCap, Mart, open_mart, universal_control

AS_OF = "2026-06-30"
RULE = "n0 >= 20000 and k1 between 10 and 80 and w2 in ('v1', 'v2', 'v5') and b3 and not k4 == 7"
SQL = (
    "SELECT count(*) FROM read_parquet('{file}') WHERE n0 >= 20000 AND k1 BETWEEN 10 AND 80 "
    "AND w2 IN ('v1', 'v2', 'v5') AND b3 AND k4 <> 7"
)
CHANNELS = ("app", "wechat", "sms", "email", "phone")


def tag_column(n: int) -> str:
    """Amounts, counts, words, true and false, in turns."""
    kind = "nkwbk"[n % 5]
    value = {
        "n": f"(hash(i + {n}) % 10000000) / 100.0",
        "k": f"cast(hash(i + {n}) % 100 as bigint)",
        "w": f"'v' || hash(i + {n}) % 8",
        "b": f"hash(i + {n}) % 3 > 0",
    }[kind]
    return f"{value} AS {kind}{n}"


def write_tags(file: Path, customers: int, tags: int) -> None:
    """A tag table as one Parquet file."""
    columns = ", ".join(tag_column(n) for n in range(tags))
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT {_ID} customer_id, {columns} FROM range({customers}) r(i)) "
            f"TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
        )


_ID = "'C' || lpad(cast(i AS varchar), 9, '0')"


def write_mart(folder: Path, customers: int) -> None:
    """Customers with consents, and two contacts for every tenth."""
    folder.mkdir()
    consents = ", ".join(f"hash(i + {n}) % 10 > 0 consent_{c}" for n, c in enumerate(CHANNELS))
    with duckdb.connect() as con:
        con.execute(
            f"""COPY (SELECT {_ID} customer_id, DATE '2020-01-01' opened_on, {consents},
            hash(i + 9) % 50 = 0 suppressed FROM range({customers}) r(i))
            TO '{folder / "customers.parquet"}' (FORMAT parquet)"""
        )
        con.execute(
            f"""COPY (SELECT 'N' || i contact_id, 'C' || lpad(cast(i * 5 AS varchar), 9, '0')
            customer_id, 'K1' campaign_id, 'app' channel, TIMESTAMP '2026-06-20' sent_at,
            0.05 cost_cny FROM range({customers // 5}) r(i))
            TO '{folder / "contacts.parquet"}' (FORMAT parquet)"""
        )


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Median of several runs, in milliseconds."""
    return statistics.median(timed(work) for _ in range(runs)) * 1000


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure_count(mart: Mart, file: Path, runs: int) -> None:
    """The count against hand-written SQL, in turns so that both meet the same machine."""
    tags = mart.read_parquet([file])
    sql = SQL.format(file=file)

    def ours() -> int:
        return audience(tags, RULE).count()

    def by_hand() -> int:
        return int(mart.con.raw_sql(sql).fetchall()[0][0])

    if ours() != by_hand():
        raise SystemExit("the rule and the SQL count differently")
    pairs = [(timed(ours), timed(by_hand)) for _ in range(runs)]
    mine, theirs = (statistics.median(each) * 1000 for each in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    row("count, five predicates", f"{mine:,.1f} ms")
    row("the same by hand", f"{theirs:,.1f} ms")
    row("ratio (target 1.2), more", f"{ratio:.2f}, {mine - theirs:+,.1f} ms")
    first = timed(lambda: audience(tags, RULE).estimate())
    row("estimate, first call", f"{first * 1000:,.0f} ms")
    row("estimate", f"{median_ms(lambda: audience(tags, RULE).estimate(), runs):,.1f} ms")


def measure_reach(mart: Mart, file: Path, number: int) -> None:
    """Publication and split of so many customers."""
    chosen = audience(mart.read_parquet([file]), "customer_id like 'C%' and n0 >= 0").limit(number)
    universal_control(mart, 0.05, salt="2026", as_of=AS_OF)
    mart.snapshot  # noqa: B018  # the fingerprint of the input files is taken once a mart
    cap = ContactCap(1, days=30)

    def publish() -> None:
        done = chosen.publish(mart, "speed", as_of=AS_OF, channel="app", max_contacts=cap)
        if done.manifest["candidates"] != number:
            raise SystemExit(f"{done.manifest['candidates']} candidates instead of {number}")

    row(f"publication of {number:,} ids (target 10 s)", f"{timed(publish):,.1f} s")
    arms = {"control": 0.2, "coupon": 0.4, "message": 0.4}
    options = {"stratify": ["w2", "b3"], "balance": ["n0", "n5", "k1", "k4", "w7", "b8"]}
    took = timed(lambda: chosen.split(arms, salt="speed", **options))  # type: ignore[arg-type]
    row(f"split of {number:,}, best of 100 draws", f"{took:,.1f} s")


def row(what: str, figure: str) -> None:
    """Print a line of the table."""
    print(f"{what:<44} {figure:>20}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=lambda n: int(float(n)), default=10_000_000)
    parser.add_argument("--tags", type=int, default=150)
    parser.add_argument("--publish", type=lambda n: int(float(n)), default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="keep the files here and use them again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        file = folder / f"tags_{given.customers}_{given.tags}.parquet"
        mart_folder = folder / f"mart_{given.customers}"
        if not file.exists():
            write_tags(file, given.customers, given.tags)
        if not mart_folder.exists():
            write_mart(mart_folder, given.customers)
        print(
            f"{given.customers:,} customers × {given.tags} tags, {file.stat().st_size / 1e9:.2f} GB"
        )
        with open_mart(mart_folder, workspace=Path(scratch) / "workspace") as mart:
            measure_count(mart, file, given.runs)
            measure_reach(mart, file, min(given.publish, given.customers))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row("peak memory", f"{peak:.1f} GiB")


if __name__ == "__main__":
    main()
