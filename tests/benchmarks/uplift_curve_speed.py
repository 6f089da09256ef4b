"""Seconds for a curve with its intervals, beside scikit-uplift's area without one.

    python -m tests.benchmarks.uplift_curve_speed [--rows 1e6 1.4e7] [--peers PYTHON] [--repeat 5]

`PYTHON` is the interpreter of an environment with scikit-uplift; it runs in a process of its own on
the same rows, in turn with ours. Shown are the best wall and processor seconds of the repeats and
the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

OURS = """
from marketing_ds.uplift import compare_curves, uplift_curve
from marketing_ds.uplift.curves.budget import budget_curve
jobs = {
    "uplift_curve, all areas with intervals": lambda: uplift_curve(y, score, t),
    "same, with a probability a row": lambda: uplift_curve(y, score, t, probability=p),
    "same, 1,000 different scores": lambda: uplift_curve(y, coarse, t),
    "compare_curves, three areas and shares": lambda: compare_curves(y, score, other, t),
}
if n <= 2_000_000:
    jobs["budget_curve, one arm"] = lambda: budget_curve(y, score, t, cost={"treated": 1.0})
"""

SKLIFT = """
import warnings
warnings.simplefilter("ignore")
from sklift.metrics import qini_auc_score
jobs = {"scikit-uplift qini_auc_score, no interval": lambda: qini_auc_score(y, score, t)}
"""

RUN = """
import json, resource, sys, time
import numpy as np
n, repeat = {rows}, {repeat}
rng = np.random.default_rng(0)
score = rng.random(n)
t = rng.integers(0, 2, n)
y = (rng.random(n) < 0.1 + 0.02 * score * t).astype(np.int64)
{setup}
found = []
for name, job in jobs.items():
    wall, cpu = [], []
    for _ in range(repeat):
        start, spent = time.perf_counter(), time.process_time()
        job()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - spent)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found.append((name, min(wall), min(cpu), peak))
print(json.dumps(found))
"""

MORE = """
p = np.where(t == 1, 0.4 + 0.2 * score, 0.6 - 0.2 * score)
coarse = np.round(score, 3)
other = score + 0.1 * rng.normal(size=n)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1.4e7])
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    print("| rows | job | wall s | CPU s | times scikit-uplift's CPU | peak GiB |")
    print("|---:|---|---:|---:|---:|---:|")
    for rows in map(int, asked.rows):
        repeat = asked.repeat if rows <= 2_000_000 else 1
        peers = measure(asked.peers, SKLIFT, rows, repeat) if asked.peers else []
        for name, wall, cpu, peak in [*peers, *measure(sys.executable, MORE + OURS, rows, repeat)]:
            ratio = f"{peers[0][2] / cpu:.1f}" if peers else ""
            print(
                f"| {rows:,} | {name} | {wall:.2f} | {cpu:.2f} | {ratio} | {peak:.1f} |", flush=True
            )


def measure(
    python: str, setup: str, rows: int, repeat: int
) -> list[tuple[str, float, float, float]]:
    """Name, best wall and processor seconds, and peak of memory of each job."""
    code = RUN.format(rows=rows, repeat=repeat, setup=setup)
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
