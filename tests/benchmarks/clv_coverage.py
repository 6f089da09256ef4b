"""How often intervals of BG/NBD, Gamma-Gamma and of what follows from them cover the truth.

    python -m tests.benchmarks.clv_coverage [--replications 400]

Customers are simulated from known parameters: CDNOW's, and others.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from marketing_ds.profiling import BetaGeo, GammaGamma, lifetime_value

SPEND = GammaGamma(6.25, 3.74, 15.44)
CASES = {
    "CDNOW's parameters, 2,357 customers": (BetaGeo(0.243, 4.414, 0.793, 2.426), 2357, (27, 39)),
    "often and loyal, 1,000 customers": (BetaGeo(1.5, 4.0, 0.6, 6.0), 1000, (20, 80)),
    "seldom and fickle, 20,000 customers": (BetaGeo(0.3, 20.0, 1.5, 3.0), 20_000, (10, 100)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400)
    replications = parser.parse_args().replications
    names = ["r", "alpha", "a", "b", "p", "q", "v", "purchases", "total value"]
    print(f"95 % intervals, {replications} replications\n")
    print(f"| case | {' | '.join(names)} |\n|---|" + "---:|" * len(names))
    for case, (model, size, ages) in CASES.items():
        hits = sum(replicate(model, size, ages, seed) for seed in range(replications))
        print(f"| {case} | " + " | ".join(f"{h / replications:.1%}" for h in hits) + " |")


def replicate(model: BetaGeo, size: int, ages: tuple[float, float], seed: int) -> np.ndarray:
    """Whether each interval of one simulation covers its truth."""
    rows = customers(model, size, ages, seed)
    found, spend = BetaGeo.fit(rows), GammaGamma.fit(rows)
    truth = np.array([*model.parameters, *SPEND.parameters])
    ends = pd.concat([found.to_frame(), spend.to_frame()])
    covers = (ends["estimate_ci_lower"] <= truth) & (truth <= ends["estimate_ci_upper"])
    one = rows[rows["frequency"] == 2].head(1)
    purchases = model.predict(one, horizon=26)["expected_purchases"].iloc[0]
    told = found.predict(one, horizon=26).iloc[0]
    within = told["expected_purchases_ci_lower"] <= purchases <= told["expected_purchases_ci_upper"]
    total = lifetime_value(rows, found, spend).total_cny
    worth = lifetime_value(rows, model, SPEND).total_cny.value
    return np.array([*covers, within, total.ci_lower <= worth <= total.ci_upper], dtype=float)


def customers(model: BetaGeo, size: int, ages: tuple[float, float], seed: int) -> pd.DataFrame:
    """Simulated histories with mean values."""
    rng = np.random.default_rng(100_000 + seed)
    rows = model.simulate(np.linspace(*ages, size), random_state=seed)
    x = rows["frequency"].to_numpy()
    rate = rng.gamma(SPEND.q, 1 / SPEND.v, size)
    mean = rng.gamma(SPEND.p * np.maximum(x, 1)) / (rate * np.maximum(x, 1))
    return rows.assign(monetary_value=np.where(x > 0, mean, np.nan))


if __name__ == "__main__":
    main()
