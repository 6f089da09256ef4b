"""Seconds to evaluate and to compare: ``python -m tests.benchmarks.propensity_evaluation_speed 1e6 1e7``."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from marketing_ds.propensity import (
    compare_probabilities,
    evaluate_by,
    evaluate_probabilities,
    profit_curve,
)


def main(*sizes: str) -> None:
    """Print one line a size and a job."""
    print("| rows | job | s | CPU s | peak GiB |\n|---:|---|---:|---:|---:|")
    for size in sizes:
        rows = int(float(size))
        rng = np.random.default_rng(0)
        p = rng.beta(1, 9, rows)
        rival = np.clip(p + rng.normal(0, 0.02, rows), 0, 1)
        y = rng.random(rows) < p
        customer = rng.integers(0, rows // 3, rows)
        region = rng.integers(0, 20, rows)
        jobs = {
            "evaluate": lambda y, p, **_: evaluate_probabilities(y, p),
            "evaluate, three rows a customer": lambda y, p, customer, **_: evaluate_probabilities(
                y, p, groups=customer
            ),
            "20 segments": lambda y, p, region, **_: evaluate_by(y, p, region),
            "compare": lambda y, p, rival, **_: compare_probabilities(y, p, rival),
            "profit curve": lambda y, p, **_: profit_curve(y, p, benefit=100, cost=15),
        }
        columns = {"y": y, "p": p, "rival": rival, "customer": customer, "region": region}
        for name, job in jobs.items():
            start, spent = time.perf_counter(), time.process_time()
            job(**columns)
            seconds, spent = time.perf_counter() - start, time.process_time() - spent
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"| {rows:,} | {name} | {seconds:.1f} | {spent:.1f} | {peak:.1f} |", flush=True)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["1e6"]))
