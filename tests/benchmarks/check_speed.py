"""How long `Mart.check()` takes, and how much memory, on a large mart made for the purpose.

    python -m tests.benchmarks.check_speed [--rows 10000000] [--customers 200000]

Prints one line a mart: rows, seconds to open, to fingerprint, to check; peak memory in GiB.
The mart has transactions, events and holdings in the ratio 4 : 5 : 1 and one broken row a rule
kind, so that examples are fetched too.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from marketing_ds.mart import open_mart
from marketing_ds.schema import CONTACT_CHANNELS, consent_column

_DAY = "DATE '2025-07-01' + CAST(i % 365 AS INTEGER)"
_TABLES = {
    "customers": f"""
        SELECT printf('C%08d', i) AS customer_id, DATE '2020-01-01' AS opened_on,
        1950 + i % 50 AS birth_year, 'F' AS gender, 'Shanghai' AS region, 'B1' AS branch_id,
        NULL::VARCHAR AS manager_id, 'teacher' AS occupation, 1 + i % 5 AS risk_level,
        {", ".join(f"true AS {consent_column(channel)}" for channel in CONTACT_CHANNELS)},
        false AS suppressed FROM range({{customers}}) r(i)""",
    "products": """
        SELECT 'P' || i AS product_id, 'Fund ' || i AS name, 'fund' AS category, 3 AS risk_level,
        DATE '2020-01-01' AS launched_on, 0.01 AS margin_rate FROM range(20) r(i)""",
    "transactions": f"""
        SELECT printf('T%010d', i) AS transaction_id,
        printf('C%08d', hash(i) % {{customers}}) AS customer_id, 'P' || (i % 20) AS product_id,
        ({_DAY})::TIMESTAMP + to_seconds(i % 80000) AS occurred_at, {_DAY} AS recorded_on,
        CASE WHEN i = 5 THEN 'lottery' ELSE 'payment' END AS kind,
        CASE WHEN i = 7 THEN -1.0 ELSE (i % 1000) / 10.0 END::DOUBLE AS amount_cny,
        'app' AS channel FROM range({{rows}} * 4 // 10) r(i)""",
    "events": f"""
        SELECT printf('E%010d', i - (i = 9)::INTEGER) AS event_id,
        printf('C%08d', hash(i) % {{customers}} + 99999999 * (i = 3)::INTEGER) AS customer_id,
        ({_DAY})::TIMESTAMP + to_seconds(i % 80000) AS occurred_at, {_DAY} AS recorded_on,
        'app' AS channel, printf('S%09d', i // 4) AS session_id, 'view' AS event, 'fund' AS page,
        NULL::VARCHAR AS campaign_id, (i % 300)::DOUBLE AS duration_s
        FROM range({{rows}} * 5 // 10) r(i)""",
    "holdings": """
        SELECT printf('C%08d', i % {customers}) AS customer_id,
        'P' || (i // {customers} % 20) AS product_id,
        last_day(DATE '2025-07-01' + to_months((i // {customers} // 20)::INTEGER)) AS snapshot_date,
        (i % 100000)::DOUBLE AS balance_cny, NULL::DATE AS matures_on
        FROM range({rows} // 10) r(i)""",
}


def build(folder: Path, rows: int, customers: int) -> None:
    """Write a mart of about `rows` rows."""
    with duckdb.connect() as con:
        con.execute("SET preserve_insertion_order = false")
        for name, query in _TABLES.items():
            sql = query.format(rows=rows, customers=customers)
            con.execute(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)")


def _cpu_seconds() -> float:
    """Processor time so far: it says the same on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Build, open, check; print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mart_folder = Path(folder) / "mart"
        mart_folder.mkdir()
        build(mart_folder, options.rows, options.customers)
        size = sum(file.stat().st_size for file in mart_folder.iterdir()) / 2**30
        times, before = [time.perf_counter()], _cpu_seconds()
        with open_mart(mart_folder, workspace=Path(folder) / "workspace") as mart:
            times.append(time.perf_counter())
            _ = mart.snapshot
            times.append(time.perf_counter())
            result = mart.check(business_date="2026-07-31")
            times.append(time.perf_counter())
    cpu = _cpu_seconds() - before
    print(result.to_frame().drop(columns="text").to_string(index=False))
    opened, hashed, checked = (b - a for a, b in itertools.pairwise(times))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{sum(result.rows.values()):,} rows, {size:.2f} GiB of files: opened in {opened:.1f} s, "
        f"fingerprint in {hashed:.1f} s, checked in {checked:.1f} s, {cpu:.1f} s of processor time in all, "
        f"peak memory {peak:.1f} GiB"
    )


if __name__ == "__main__":
    main()
