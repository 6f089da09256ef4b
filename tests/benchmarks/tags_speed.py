"""How long the tag table takes: ``python -m tests.benchmarks.tags_speed [customers] [rows ...]``.

Makes marts of so many transactions and events together (half each, spread over 12 months, and one
product a customer at two snapshots), computes every tag that they allow, and writes it to Parquet.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from marketing_ds.mart import open_mart
from marketing_ds.tags import tag_table

AS_OF = "2026-06-30"
_PICK = "({0})[cast(1 + hash(i + {1}) % {2} as int)]"
_KINDS = "['salary','deposit','interest','transfer_in','redemption','payment','withdrawal','transfer_out','purchase','repayment','fee']"
_CHANNELS = "['app','web','wechat','branch','call_centre','email','phone']"
_EVENTS = "['launch','view','search','click','share','apply','visit','call']"
_PAGES = "['deposit','wealth','fund','insurance','loan','card','account',NULL]"
_CATEGORIES = "['deposit','wealth','fund','insurance','loan','card']"


def make_mart(folder: Path, customers: int, rows: int) -> None:
    """Write the tables as Parquet."""
    con = duckdb.connect()
    moment = f"timestamp '2025-07-01' + to_microseconds(cast(i * (365 * 86400e6 / {rows // 2}) as bigint))"
    customer = f"'C' || lpad(cast(hash(i) % {customers} as varchar), 9, '0')"
    consents = ", ".join(f"hash(i + {n}) % 2 = 0 consent_{c}" for n, c in enumerate(("app", "wechat", "sms", "email", "phone")))  # fmt: skip
    queries = {
        "customers": f"""select 'C' || lpad(cast(i as varchar), 9, '0') customer_id,
            date '2020-01-01' + cast(hash(i) % 2300 as int) opened_on,
            cast(1940 + hash(i) % 65 as bigint) birth_year, 'F' gender, 'R1' region, 'B1' branch_id,
            null::varchar manager_id, 'other' occupation, cast(1 + hash(i) % 5 as bigint) risk_level,
            {consents}, false suppressed from range({customers}) t(i)""",
        "products": f"""select 'P' || i product_id, 'P' || i name, ({_CATEGORIES})[cast(i + 1 as int)] category,
            1::bigint risk_level, date '2020-01-01' launched_on, 0.01 margin_rate from range(6) t(i)""",
        "holdings": f"""select 'C' || lpad(cast(i as varchar), 9, '0') customer_id,
            'P' || hash(i) % 6 product_id, day snapshot_date, (hash(i) % 1000000) / 7.0 balance_cny,
            null::date matures_on
            from range({customers}) t(i), (values (date '2026-03-31'), (date '2026-06-30')) d(day)""",
        "transactions": f"""select 'T' || i transaction_id, {customer} customer_id,
            null::varchar product_id, {moment} occurred_at, ({moment})::date recorded_on,
            {_PICK.format(_KINDS, 7, 11)} kind, (hash(i + 3) % 10000) / 7.0 amount_cny,
            {_PICK.format(_CHANNELS, 9, 7)} channel from range({rows // 2}) t(i)""",
        "events": f"""select 'E' || i event_id, {customer} customer_id, {moment} occurred_at,
            ({moment})::date recorded_on, {_PICK.format(_CHANNELS, 9, 7)} channel,
            null::varchar session_id, {_PICK.format(_EVENTS, 11, 8)} event,
            {_PICK.format(_PAGES, 13, 8)} page, null::varchar campaign_id,
            (hash(i) % 300) / 2.0 duration_s from range({rows // 2}) t(i)""",
    }
    for name, query in queries.items():
        con.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet)")


def main(customers: int, sizes: list[int]) -> None:
    """Print one line a size."""
    print(f"{customers:,} customers")
    print(f"{'rows':>12}  {'tags':>5}  {'seconds':>8}  {'s / million rows':>16}  {'peak GiB':>8}")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "mart"
            folder.mkdir()
            make_mart(folder, customers, rows)
            with open_mart(folder, workspace=Path(scratch) / "workspace") as mart:
                begun = time.perf_counter()
                table = tag_table(mart, AS_OF)
                mart.con.to_parquet(table, Path(scratch) / "tags.parquet")
                took = time.perf_counter() - begun
                number = len(table.columns) - 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{rows:>12,}  {number:>5}  {took:>8.1f}  {took / rows * 1e6:>16.2f}  {peak:>8.1f}")


if __name__ == "__main__":
    given = [int(float(argument)) for argument in sys.argv[1:]]
    main(given[0] if given else 1_000_000, given[1:] or [1_000_000, 3_000_000, 10_000_000])
