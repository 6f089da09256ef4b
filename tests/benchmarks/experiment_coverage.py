"""Coverage of 95 % intervals and A/A false alarms: ``python -m tests.benchmarks.experiment_coverage``."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd

from marketing_ds.evaluation import Mean, Ratio, analyze_experiment

EFFECT = 2.0


def trial(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """A skewed amount with many zeros, a rare conversion, a covariate; 30 % get the mail."""
    mail = rng.random(n) < 0.3
    pre = rng.gamma(1, 20, n)
    quiet = (rng.random(n) < 0.3) * (pre + rng.gamma(1, 20, n)) + 10
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "pre": pre,
            "quiet": quiet,
            "spend": quiet + EFFECT * mail,
            "visits": 1 + rng.poisson(2, n),
            "bought": rng.random(n) < 0.02 + 0.01 * mail,
        }
    )


def main(repetitions: int, n: int = 5_000) -> None:
    """Print the shares with their standard error."""
    rng, hits = np.random.default_rng(1), Counter[str]()
    metrics = [
        Mean("spend", "plain", covariates=()),
        Mean("spend", "CUPED"),
        Mean("bought", "rare proportion", covariates=()),
        Ratio("spend", "visits", "ratio", covariates=()),
        Mean("quiet", "A/A"),
    ]
    truth = {
        "plain": EFFECT,
        "CUPED": EFFECT,
        "rare proportion": 0.01,
        "ratio": EFFECT / 3,
        "A/A": 0,
    }
    relative = {
        "plain": EFFECT / 22,
        "CUPED": EFFECT / 22,
        "rare proportion": 0.5,
        "ratio": EFFECT / 22,
    }
    for _ in range(repetitions):
        frame = analyze_experiment(
            trial(rng, n), metrics, covariates=["pre"], shares={"control": 7, "mail": 3}
        ).to_frame()
        for row in frame.to_dict("records"):
            name = row["metric"]
            hits[name] += row["effect_ci_lower"] <= truth[name] <= row["effect_ci_upper"]
            if name in relative:
                low, high = row["rel_effect_ci_lower"], row["rel_effect_ci_upper"]
                hits[f"{name}, relative"] += low <= relative[name] <= high
    print(f"{repetitions:,} trials of {n:,} customers\n\n| interval | covers | ± |\n|---|---|---|")
    for name, count in hits.items():
        share = count / repetitions
        error = (share * (1 - share) / repetitions) ** 0.5
        label = f"{name} (false alarms {1 - share:.1%})" if name == "A/A" else name
        print(f"| {label} | {share:.1%} | {error:.1%} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
