"""What `predict(se=True)` is worth: how often effect ± 1.96 errors holds a customer's true effect.

    python -m tests.benchmarks.uplift_errors_coverage [--replications 300] [--learners dr forest …]

The same 400 customers are predicted by models of other, new samples each time. `covers` is the share of
(customer, sample) whose interval holds the true effect; `error / spread` the mean
standard error over how far the predictions really move between samples (1 is right); `bias / spread` how far
their mean is off the truth, which no standard error knows of.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.learning.settings import NAMES

SCENES = {"no effect": 0.0, "weak": 0.1, "strong": 0.3}
"""How far effects go from 0.05; their standard deviation is 0.35 of this."""
CUSTOMERS = 400


def tags(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "wealth": rng.random(n),
            "age": rng.integers(18, 80, n),
            "app": (rng.random(n) < 0.5).astype(float),
            "noise": rng.normal(size=n),
        }
    )


def effect(X: pd.DataFrame, reach: float) -> np.ndarray:
    """Rises with wealth, and is higher for users of the app."""
    return np.asarray(0.05 + reach * (0.6 * X["wealth"] + 0.6 * X["app"] - 0.6))


def replicate(
    learner: str, reach: float, n: int, trees: int, seed: int, there: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Effects of the same customers, and their standard errors."""
    rng = np.random.default_rng(seed)
    X = tags(rng, n)
    treated = rng.integers(0, 2, n)
    chance = 0.25 + 0.1 * X["wealth"] + effect(X, reach) * treated
    y = (rng.random(n) < chance).astype(float)
    model = UpliftModel(learner, n_estimators=trees, n_jobs=1).fit(X, y, treatment=treated)
    found, error = model.predict(there, se=True)
    return found, error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--learners", nargs="*", default=list(NAMES))
    parser.add_argument("--scenes", nargs="*", default=list(SCENES))
    parser.add_argument("--customers", type=int, default=4000, help="of a sample")
    parser.add_argument("--trees", type=int, default=100)
    given = parser.parse_args()
    there = tags(np.random.default_rng(10**6), CUSTOMERS)
    print(
        f"{'learner':12}{'scene':11}{'covers':>8}{'error / spread':>16}{'bias / spread':>15}{'s':>6}"
    )
    for learner in given.learners:
        for scene in given.scenes:
            reach, start = SCENES[scene], time.perf_counter()
            drawn = [
                replicate(learner, reach, given.customers, given.trees, seed, there)
                for seed in range(given.replications)
            ]
            found, error = (np.stack(part) for part in zip(*drawn, strict=True))
            truth, spread = effect(there, reach), found.std(axis=0, ddof=1)
            held = np.abs(found - truth) <= 1.96 * error
            ratio = float(error.mean(axis=0).mean() / spread.mean())
            bias = float(np.abs(found.mean(axis=0) - truth).mean() / spread.mean())
            seconds = (time.perf_counter() - start) / len(drawn)
            print(
                f"{learner:12}{scene:11}{held.mean():8.1%}{ratio:16.2f}{bias:15.2f}{seconds:6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
