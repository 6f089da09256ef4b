"""How fast a simulated bank is written: ``python -m tests.benchmarks.simulate_speed``.

Target on 2 cores: 1,000,000 customers × 12 months with at least 50 million transactions and events
within 5 minutes and 8 GiB.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from marketing_ds.datasets import simulate


def main() -> None:
    """Simulate once and print time, memory, rows and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder to leave the bank in")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        bank = simulate(
            options.keep or folder / "bank",
            customers=options.customers,
            months=options.months,
            seed=options.seed,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    counted = bank.rows["transactions"] + bank.rows["events"]
    print(f"customers × months          {bank.customers:>15,} × {bank.months}")
    print(f"seconds                     {bank.seconds:>15,.1f}")
    print(f"processor seconds           {time.process_time():>15,.1f}")
    print(f"transactions and events     {counted:>15,}")
    print(f"all rows                    {sum(bank.rows.values()):>15,}")
    print(f"all rows a second           {sum(bank.rows.values()) / bank.seconds:>15,.0f}")
    print(f"peak memory, GiB            {peak:>15.2f}")
    print(f"size on disk, GB            {sum(bank.size_bytes.values()) / 1e9:>15.2f}")


if __name__ == "__main__":
    main()
