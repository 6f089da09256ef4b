"""Customer lifetime value beside lifetimes: `python -m tests.benchmarks.clv_speed`.

Customers are simulated from BG/NBD with CDNOW's parameters and from Gamma-Gamma, over up to two
years; recency and T in whole days (as a mart has them) or, with --continuous, as drawn. Each run
has a process of its own; the peer's is stopped at a time limit and at a limit of memory, and says
so.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds.profiling import BetaGeo, GammaGamma, lifetime_value

TRUE = BetaGeo(0.243, 4.414, 0.793, 2.426)
SPEND = GammaGamma(6.25, 3.74, 15.44)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[2e4, 2e5, 1e6])
    parser.add_argument("--continuous", action="store_true")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for the peer")
    parser.add_argument("--memory", type=float, default=8.0, help="GiB for the peer")
    parser.add_argument("--one", choices=["ours", "lifetimes"], help="run one and print JSON")
    options = parser.parse_args()
    if options.one:
        run = ours if options.one == "ours" else peer
        if options.one == "lifetimes":
            limit = int(options.memory * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        print(json.dumps(run(simulate(int(options.sizes[0]), options.continuous))))
        return
    steps = ["BG/NBD", "Gamma-Gamma", "predict", "value"]
    print(f"| customers | by | {' | '.join(f'{step} s' for step in steps)} | GiB | r, α, a, b |")
    print("|---:|---|" + "---:|" * len(steps) + "---:|---|")
    for size in options.sizes:
        for who in ("ours", "lifetimes"):
            print(f"| {int(size):,} | {who} | {row(who, size, steps, options)} |", flush=True)


def row(who: str, size: float, steps: list[str], options: argparse.Namespace) -> str:
    """One run in a process of its own, as cells."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.clv_speed", "--one", who]
    command += ["--sizes", str(size), "--memory", str(options.memory)]
    command += ["--continuous"] if options.continuous else []
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=None if who == "ours" else options.limit
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"stopped after {options.limit:.0f} s" + " | " * (len(steps) + 1)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "killed"
        return f"failed: {last[:60]}" + " | " * (len(steps) + 1)
    found = json.loads(done.stdout.splitlines()[-1])
    seconds = [f"{found[s]:.1f}" if s in found else "–" for s in steps]
    shown = ", ".join(f"{value:.4f}" for value in found["parameters"])
    return " | ".join([*seconds, f"{found['peak']:.2f}", shown])


def simulate(size: int, continuous: bool) -> pd.DataFrame:
    """Customers with histories and mean values, weeks."""
    rng = np.random.default_rng(0)
    days = rng.integers(1, 731, size)
    rows = TRUE.simulate(days / 7, random_state=1)
    if not continuous:
        back = rows["frequency"] > 0
        recency = np.clip(np.round(rows["recency"] * 7), 1, days) / 7
        rows["recency"] = np.where(back, recency, 0.0)
    x = rows["frequency"].to_numpy()
    rate = rng.gamma(SPEND.q, 1 / SPEND.v, size)
    mean = rng.gamma(SPEND.p * np.maximum(x, 1)) / (rate * np.maximum(x, 1))
    return rows.assign(monetary_value=np.where(x > 0, np.round(mean, 2) + 0.01, np.nan))


def ours(rows: pd.DataFrame) -> dict[str, Any]:
    """Fit both, predict a year with intervals, value twelve months with intervals."""
    model, purchases = timed(lambda: BetaGeo.fit(rows))
    spend, values = timed(lambda: GammaGamma.fit(rows))
    _, predict = timed(lambda: model.predict(rows, horizon=52))
    _, value = timed(lambda: lifetime_value(rows, model, spend))
    seconds = {"BG/NBD": purchases, "Gamma-Gamma": values, "predict": predict, "value": value}
    return {**seconds, "peak": peak(), "parameters": model.parameters}


def peer(rows: pd.DataFrame) -> dict[str, Any]:
    """The same by lifetimes, without intervals of expectations, which it does not give."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    past = rows["frequency"], rows["recency"], rows["T"]
    model, purchases = timed(lambda: BetaGeoFitter().fit(*past))
    back = rows[rows["frequency"] > 0]
    _, values = timed(lambda: GammaGammaFitter().fit(back["frequency"], back["monetary_value"]))
    _, predict = timed(
        lambda: (model.predict(52, *past), model.conditional_probability_alive(*past))
    )
    seconds = {"BG/NBD": purchases, "Gamma-Gamma": values, "predict": predict}
    return {**seconds, "peak": peak(), "parameters": model.params_.tolist()}


def timed(work: Any) -> tuple[Any, float]:
    """What `work` gives, and its seconds."""
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


def peak() -> float:
    """Peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
