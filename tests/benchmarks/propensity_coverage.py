"""Coverage of the intervals of propensity: ``python -m tests.benchmarks.propensity_coverage``."""

from __future__ import annotations

import sys
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from marketing_ds.propensity import (
    ProfitCurve,
    compare_probabilities,
    evaluate_probabilities,
    profit_curve,
)

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """One draw: labels, two models' probabilities, customers, weights."""

    y: Floats
    p: Floats
    rival: Floats
    customer: NDArray[np.intp] | None
    weight: Floats | None


def bank(rng: np.random.Generator, rows: int, *, rate: float = 0.1, slope: float = 0.8) -> Rows:
    """Customers whose log-odds are normal; the models see them with noise, and too far apart."""
    z = rng.normal(logit(rate) - 0.4, 1.0, rows)
    y = (rng.random(rows) < expit(z)).astype(float)
    p, rival = (expit(z / slope + 0.2 + rng.normal(0, 0.7, rows)) for _ in range(2))
    return Rows(y, p, rival, None, None)


def cut_offs(rng: np.random.Generator, rows: int) -> Rows:
    """Each customer at up to four cut-offs with much the same log-odds, scores and outcome."""
    customers = rows // 2
    times = rng.integers(1, 5, customers)
    customer = np.repeat(np.arange(customers), times)[:rows]
    own = rng.normal(-2.3, 1.0, customers)
    tie = rng.random(customers) < 0.5
    luck = np.where(tie[customer], rng.random(customers)[customer], rng.random(len(customer)))
    z = own[customer] + rng.normal(0, 0.2, len(customer))
    y = (luck < expit(z)).astype(float)
    noise = rng.normal(0, 0.7, (2, customers))[:, customer]
    p, rival = (expit(z / 0.8 + 0.2 + part) for part in noise)
    return Rows(y, p, rival, customer, None)


def sampled(rng: np.random.Generator, rows: int) -> Rows:
    """One in five negatives kept, with weight 5."""
    all_ = bank(rng, 4 * rows)
    keep = (all_.y > 0) | (rng.random(len(all_.y)) < 0.2)
    weight = np.where(all_.y > 0, 1.0, 5.0)[keep]
    return Rows(all_.y[keep], all_.p[keep], all_.rival[keep], None, weight)


def tied(rng: np.random.Generator, rows: int) -> Rows:
    """Scores of one digit after the percent."""
    found = bank(rng, rows)
    p, rival = (np.round(p * 25) / 25 for p in found[1:3])
    return found._replace(p=np.clip(p, 0.01, 0.99), rival=np.clip(rival, 0.01, 0.99))


SCENES = {
    "2,000 customers, 210 positives": (bank, 2_000),
    "300 customers, 32 positives": (bank, 300),
    "several cut-offs a customer": (cut_offs, 2_000),
    "negatives sampled 1 in 5": (sampled, 1_000),
    "tied scores": (tied, 2_000),
}


PROFITS = {
    "cost 15": (15, None),
    "cost 15, capacity 15 %": (15, 0.15),
    "cost 1: nearly all are worth it": (1, None),
}


def measured(rows: Rows) -> pd.DataFrame:
    """The measures and the gains at 5 % and 30 %, one row each."""
    found = evaluate_probabilities(rows.y, rows.p, sample_weight=rows.weight, groups=rows.customer)
    frame = found.to_frame().set_index("measure")
    gains = found.gains.set_index(found.gains["share"].round(2))
    for share in (0.05, 0.3):
        for name in ("captured_share", "rate_share"):
            ends = gains.loc[share, [name, f"{name}_ci_lower", f"{name}_ci_upper"]].to_numpy()
            frame.loc[f"{name} {share:g}"] = ends
    return frame


def coverage(scene: str, repetitions: int, truth_rows: int = 1_000_000) -> dict[str, float]:
    """Share of the intervals that hold the truth, measured on a large draw."""
    make, rows = SCENES[scene]
    rng = np.random.default_rng(7)
    large = make(rng, truth_rows)
    truth = measured(large._replace(customer=None))["value"]
    truth["ece"] = truth["ece_debiased"]  # either interval is that of the true error
    held: Counter[str] = Counter()
    for _ in range(repetitions):
        frame = measured(make(rng, rows))
        inside = (frame["value_ci_lower"] <= truth) & (truth <= frame["value_ci_upper"])
        held.update(inside[inside].index.tolist())
    return {name: held[name] / repetitions for name in truth.index}


def false_alarms(repetitions: int) -> pd.DataFrame:
    """Share of p-values below 5 % for two models that are equally good."""
    found = {}
    for scene, (make, rows) in SCENES.items():
        rng = np.random.default_rng(11)
        alarms, winners = Counter[str](), 0
        for _ in range(repetitions):
            drawn = make(rng, rows)
            result = compare_probabilities(
                drawn.y, drawn.p, drawn.rival, sample_weight=drawn.weight, groups=drawn.customer
            )
            frame = result.to_frame()
            alarms.update(frame.loc[frame["p_value"] < 0.05, "measure"])
            winners += result.winner is not None
        shares = {name: alarms[name] / repetitions for name in frame["measure"]}
        found[scene] = shares | {"a winner is named": winners / repetitions}
    return pd.DataFrame(found)


def profits(repetitions: int, rows: int = 1_000, truth_rows: int = 500_000) -> pd.DataFrame:
    """Share of the intervals of profit that hold the truth: a benefit of 100 a buyer, three costs."""
    found = {}
    for scene, (cost, capacity) in PROFITS.items():
        rng = np.random.default_rng(5)
        truth, held = profit(rng, truth_rows, cost, capacity), Counter[str]()
        for _ in range(repetitions):
            curve = profit(rng, rows, cost, capacity)
            for name in ("own", "best", "everyone", "lost", "best_share"):
                scale = 1.0 if name == "best_share" else rows / truth_rows
                true, here = getattr(truth, name).value * scale, getattr(curve, name)
                held[name] += bool(here.ci_lower <= true <= here.ci_upper)
        found[scene] = {name: count / repetitions for name, count in held.items()}
    return pd.DataFrame(found)


def profit(rng: np.random.Generator, rows: int, cost: float, capacity: float | None) -> ProfitCurve:
    """Profit of one draw of calibrated probabilities, as many contacted as a share of the rows."""
    z = rng.normal(-2.5, 1.0, rows)
    y, p = rng.random(rows) < expit(z), expit(z + rng.normal(0, 0.5, rows))
    most = None if capacity is None else capacity * rows
    return profit_curve(y, p, benefit=100, cost=cost, capacity=most)


def main(repetitions: int = 1_000) -> None:
    """Print the tables."""
    table = pd.DataFrame({scene: coverage(scene, repetitions) for scene in SCENES})
    print("Share of 95 % intervals that hold the truth\n")
    print(table.map("{:.1%}".format).to_markdown())
    print("\nFalse alarms of the paired tests at 5 %\n")
    print(false_alarms(repetitions).map("{:.1%}".format).to_markdown())
    print("\nProfit: share of 95 % intervals that hold the truth\n")
    print(profits(repetitions).map("{:.1%}".format).to_markdown())
    error = (0.95 * 0.05 / repetitions) ** 0.5
    print(f"\n{repetitions:,} draws each; one standard error {error:.1%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
