"""Time, memory and gap of `allocate`: ``python -m tests.benchmarks.allocate_speed [customers …]``."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time

import numpy as np
import pandas as pd

from marketing_ds.strategy import Limits, allocate

OFFERS = pd.DataFrame(
    {
        "offer": ["message", "coupon", "call"],
        "channel": ["sms", "app", "phone"],
        "contact_cost_cny": [0.1, 0.05, 8.0],
        "benefit_cost_cny": [0.0, 20.0, 0.0],
        "redeem_rate": [0.0, 0.1, 0.0],
        "value_cny": [100.0, 100.0, 120.0],
    }
)


def scores(n: int, seed: int = 0) -> pd.DataFrame:
    """Skewed uplifts of `n` customers for three offers, interleaved as models write them."""
    rng = np.random.default_rng(seed)
    uplift = rng.gamma(1.0, 0.04, size=(n, 3)) * rng.normal(0.5, 1.0, size=(n, 3))
    ids = pd.Series(np.char.mod("c%09d", np.arange(n)), dtype="str")
    return pd.DataFrame(
        {
            "customer_id": ids.repeat(3).reset_index(drop=True),
            "as_of": pd.Categorical(["2026-06-30"]).repeat(3 * n).astype("str"),
            "kind": pd.Categorical(["uplift"]).repeat(3 * n).astype("str"),
            "arm": pd.Categorical(list(OFFERS["offer"])).take(np.tile([0, 1, 2], n)).astype("str"),
            "score": uplift.ravel(),
        }
    )


def limits_of(n: int) -> dict[str, Limits]:
    """Limits by name, from one binding limit to five."""
    return {
        "budget": Limits(budget_cny=0.2 * n),
        "budget + places": Limits(budget_cny=0.2 * n, max_customers=0.15 * n),
        "budget + places + 3 capacities": Limits(
            budget_cny=0.2 * n,
            max_customers=0.2 * n,
            capacity={"phone": 0.01 * n, "coupon": 0.05 * n, "sms": 0.15 * n},
        ),
    }


def measure(n: int, name: str) -> None:
    """Run one case and print its line of the table."""
    table = scores(n)
    start = time.perf_counter()
    plan = allocate(table, OFFERS, limits_of(n)[name])
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    c = plan.certificate
    assert c.feasible
    print(f"| {n:,} × 3 | {name} | {seconds:.1f} | {peak:.2f} | {c.gap:.1e} |", flush=True)


def main(sizes: list[int]) -> None:
    """Each case in a process of its own, so that memory is its own too."""
    print(
        "| customers × offers | limits | seconds | peak GiB of the process, scores included | gap |\n|---|---|---|---|---|"
    )
    for n in sizes:
        for name in limits_of(n):
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(n, name))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main([int(float(size)) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
