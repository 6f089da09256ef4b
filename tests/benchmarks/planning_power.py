"""Promised power against found power, and the speed of replays.

``python -m tests.benchmarks.planning_power [experiments] [customers of the replay]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.planning import Baseline, Design, power, replay

N = 4_000
Draw = Callable[[np.random.Generator], pd.DataFrame]


def _arms(rng: np.random.Generator, shares: dict[str, float]) -> np.ndarray:
    chances = np.array(list(shares.values())) / sum(shares.values())
    return rng.choice(list(shares), size=N, p=chances)


def rate(rng: np.random.Generator) -> pd.DataFrame:
    """5 % against 7 %."""
    arm = _arms(rng, {"control": 1, "a": 1})
    return pd.DataFrame({"arm": arm, "y": (rng.random(N) < 0.05 + 0.02 * (arm == "a")) * 1.0})


def three_arms(rng: np.random.Generator) -> pd.DataFrame:
    """Two arms of a quarter each, an effect in the first alone, Holm."""
    arm = _arms(rng, {"control": 2, "a": 1, "b": 1})
    return pd.DataFrame({"arm": arm, "y": rng.gamma(1.0, 10.0, N) + 1.1 * (arm == "a")})


def cuped(rng: np.random.Generator) -> pd.DataFrame:
    """A covariate that explains 60 % of the variance."""
    arm = _arms(rng, {"control": 1, "a": 1})
    x = rng.normal(0, 1, N)
    y = np.sqrt(0.6) * x + np.sqrt(0.4) * rng.normal(0, 1, N) + 0.06 * (arm == "a")
    return pd.DataFrame({"arm": arm, "y": y, "x": x})


def ratio(rng: np.random.Generator) -> pd.DataFrame:
    """Skewed spend per customer: mean 40, log-normal."""
    arm = _arms(rng, {"control": 1, "a": 3})
    return pd.DataFrame({"arm": arm, "y": rng.lognormal(3.0, 1.0, N) + 4.0 * (arm == "a")})


SCENES: list[tuple[Draw, Baseline, float, Design, list[str]]] = [
    (rate, Baseline.proportion(0.05), 0.02, Design({"control": 1, "a": 1}), []),
    (
        three_arms,
        Baseline.average(10.0, 10.0),
        1.1,
        Design({"control": 2, "a": 1, "b": 1}),
        [],
    ),
    (
        cuped,
        Baseline.average(1.0, 1.0).with_covariates(0.6),
        0.06,
        Design({"control": 1, "a": 1}),
        ["x"],
    ),
    (
        ratio,
        Baseline.average(33.1, float(np.sqrt((np.e - 1) * np.exp(7)))),
        4.0,
        Design({"control": 1, "a": 3}),
        [],
    ),
]


def promised_and_found(experiments: int) -> None:
    """Print the power by the formula and the share of experiments that found the effect."""
    print(
        f"{experiments:,} experiments of {N:,} customers\n\n| scene | promised | found | ± |\n|---|---|---|---|"
    )
    for draw, baseline, effect, design, covariates in SCENES:
        rng = np.random.default_rng(1)
        promised = power(baseline, N, effect=effect, design=design)["a"]
        hits = 0
        for _ in range(experiments):
            found = analyze_experiment(
                draw(rng), ["y"], covariates=covariates or None, shares=dict(design.shares)
            ).to_frame()
            hits += float(found.loc[found["arm"] == "a", "p_adjusted"].iloc[0]) < design.alpha
        share = hits / experiments
        error = (share * (1 - share) / experiments) ** 0.5
        print(f"| {draw.__name__} | {promised:.1%} | {share:.1%} | {error:.1%} |", flush=True)


def replay_speed(customers: int) -> None:
    """Print how long 200 replays of two metrics with a covariate each take."""
    con = ibis.duckdb.connect()
    con.raw_sql(
        "CREATE TABLE past AS SELECT 'C' || i AS customer_id, random() AS x_before, "
        "random() + 0.5 * random() AS x, (random() < 0.05)::DOUBLE AS y, random() AS y_before "
        f"FROM range({customers}) t(i)"
    )
    started = time.perf_counter()
    found = replay(con.table("past"))
    taken = time.perf_counter() - started
    print(f"\n{customers:,} customers, {found.replays} replays of 2 metrics: {taken:.1f} s")
    print(found.to_frame()[["metric", "false_alarm_share", "error_ratio"]].to_string(index=False))


if __name__ == "__main__":
    promised_and_found(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000)
    replay_speed(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000)
