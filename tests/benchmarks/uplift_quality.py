"""How well the learners rank: five-fold out-of-fold Qini on a real experiment.

    MARKETING_DS_DATA=… python -m tests.benchmarks.uplift_quality [--learners dr t] [--repeats 1]

Hillstrom: customers in five random folds, each scored by a model of the other four; Qini as in
`uplift_curve`, per 1,000 people, with its standard error; once over the pooled scores, once with
each fold's mean score taken out. Pooling penalises models that give nearly everyone the average:
the average of four folds is high where that of the fifth, by chance, is low.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from marketing_ds.uplift import UpliftModel, uplift_curve

TAGS = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
NONE = "No E-Mail"


def hillstrom() -> pd.DataFrame:
    folder = os.environ.get("MARKETING_DS_DATA")
    if not folder:
        raise SystemExit("set MARKETING_DS_DATA to the folder that holds hillstrom/")
    return pd.read_csv(Path(folder) / "hillstrom" / "hillstrom.csv.gz")


def out_of_fold(
    learner: str, X: pd.DataFrame, y: np.ndarray, arm: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores (n, arms) by models of the other folds, pooled and less each fold's mean."""
    folds = np.random.default_rng(seed).permutation(len(y)) % 5
    names = sorted(set(arm) - {NONE})
    scores, within = np.empty((2, len(y), len(names)))
    for fold in range(5):
        train, test = folds != fold, folds == fold
        model = UpliftModel(learner, control=NONE, n_jobs=2)
        model.fit(X[train], y[train], treatment=arm[train])
        scores[test] = model.predict(X[test]).reshape(test.sum(), -1)
        within[test] = scores[test] - scores[test].mean(axis=0)
    return scores, within, names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", nargs="*", default=["dr", "t"])
    parser.add_argument("--outcomes", nargs="*", default=["visit", "spend"])
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    frame = hillstrom()
    tasks = [
        ("womens", frame["segment"] != "Mens E-Mail"),
        ("mens", frame["segment"] != "Womens E-Mail"),
        ("both", np.ones(len(frame), dtype=bool)),
    ]
    head = f"{'mails':8}{'outcome':9}{'learner':9}{'arm':16}"
    print(f"{head}{'Qini/1000':>10}{'s.e.':>8}{'within':>8}{'s':>7}")
    for mails, keep in tasks:
        part = frame[keep].reset_index(drop=True)
        for outcome in options.outcomes:
            for learner in options.learners:
                report(part, outcome, learner, options.repeats, mails)


def report(part: pd.DataFrame, outcome: str, learner: str, repeats: int, mails: str) -> None:
    """One line an arm: means over the repeats."""
    arm, y = part["segment"].to_numpy(), part[outcome].to_numpy(float)
    start = time.perf_counter()
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(repeats):
        scores, within, names = out_of_fold(learner, part[TAGS], y, arm, seed)
        for k, name in enumerate(names):
            pooled, inside = (
                uplift_curve(y, ranking[:, k], arm, arm=name, control=NONE).qini
                for ranking in (scores, within)
            )
            row = (1000 * pooled.value, 1000 * pooled.se, 1000 * inside.value)
            found.setdefault(name, []).append(row)
    seconds = (time.perf_counter() - start) / repeats
    for name, rows in found.items():
        value, se, inside = np.mean(rows, axis=0)
        head = f"{mails:8}{outcome:9}{learner:9}{name:16}"
        print(f"{head}{value:10.2f}{se:8.2f}{inside:8.2f}{seconds:7.1f}", flush=True)


if __name__ == "__main__":
    main()
