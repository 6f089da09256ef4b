"""Coverage of the sets of return on investment: ``python -m tests.benchmarks.roi_coverage``."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from marketing_ds.evaluation.inference.settings import Sequential
from marketing_ds.evaluation.money import campaign_roi

Floats = np.ndarray
Scene = Callable[[np.random.Generator, Floats], tuple[Floats, Floats]]
CUSTOMERS = 20_000
START = 3_000
"""Customers an arm before the first always-valid look: rare buyers need some to be counted."""


def _bought(rng: np.random.Generator, arm: Floats, base: float, lift: float) -> Floats:
    return rng.random(len(arm)) < base + lift * arm


def redeemed(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """Gamma margins of buyers; who bought in the arm redeemed 20 yuan half of the time."""
    bought = _bought(rng, arm, 0.05, 0.02)
    cost = 0.05 * arm + 20.0 * (arm * bought * (rng.random(len(arm)) < 0.5))
    return bought * rng.gamma(2.0, 60.0, len(arm)), cost


def skewed(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """Log-normal margins (σ = 1.5) of 3 % buyers, at 1 yuan a contact."""
    bought = _bought(rng, arm, 0.03, 0.01)
    return bought * rng.lognormal(4.0, 1.5, len(arm)), 1.0 * arm


def rare(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """0.3 % buy without and 0.6 % with the offer; the only cost is what they redeem."""
    bought = _bought(rng, arm, 0.003, 0.003)
    return 150.0 * bought, 40.0 * (arm * bought * (rng.random(len(arm)) < 0.8))


def tiny(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """A message of one cent, and nothing else."""
    return 120.0 * _bought(rng, arm, 0.08, 0.005), 0.01 * arm


def uncertain(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """Both arms cost much and differ by about one standard error: a denominator near 0."""
    cost = rng.gamma(1.0, 30.0, len(arm)) + 0.4 * arm
    return 100.0 * _bought(rng, arm, 0.05, 0.01), cost


def nothing(rng: np.random.Generator, arm: Floats) -> tuple[Floats, Floats]:
    """No effect on margin, and a cost that no data of this size can tell from 0."""
    cost = rng.gamma(1.0, 30.0, len(arm)) + 0.05 * arm
    return 100.0 * _bought(rng, arm, 0.05, 0.0), cost


TRUTH: dict[Scene, tuple[float, float]] = {
    redeemed: (0.02 * 120, 0.05 + 20 * 0.5 * 0.07),
    skewed: (0.01 * float(np.exp(4 + 1.5**2 / 2)), 1.0),
    rare: (0.003 * 150, 0.006 * 0.8 * 40),
    tiny: (0.005 * 120, 0.01),
    uncertain: (0.01 * 100, 0.4),
    nothing: (0.0, 0.05),
}
"""Incremental margin and cost per customer."""


def campaign(
    rng: np.random.Generator, scene: Scene, n: int, arm_share: float = 0.5
) -> pd.DataFrame:
    """One campaign, with a covariate that explains half of what comes on top of it."""
    arm = (rng.random(n) < arm_share).astype(float)
    margin, cost = scene(rng, arm)
    habit = rng.gamma(1.0, float(np.std(margin)), n)
    names = np.where(arm == 1, "offer", "control")
    return pd.DataFrame(
        {"arm": names, "margin_cny": margin + habit, "cost_cny": cost, "habit": habit}
    )


def peeked(rng: np.random.Generator, scene: Scene, looks: int) -> bool:
    """Whether the always-valid set held the truth at every one of `looks` looks."""
    data = campaign(rng, scene, CUSTOMERS)
    margin, cost = TRUTH[scene]
    for look in range(1, looks + 1):
        seen = data.iloc[: CUSTOMERS * look // looks]
        found = campaign_roi(
            seen, sequential=Sequential(CUSTOMERS, start=START), covariates=["habit"]
        )
        if margin / cost not in found.total.per_cny:
            return False
    return True


def main(repetitions: int, looks: int = 20) -> None:
    """Print the shares with their standard error."""
    print(
        f"{repetitions:,} campaigns a scene, {CUSTOMERS:,} customers, half of them control\n\n"
        "| scene | return per yuan | covers (set) | covers (profit) | with CUPED (set) "
        f"| bounded | always-valid, all of {looks} looks |\n|---|---|---|---|---|---|---|"
    )
    for scene, (margin, cost) in TRUTH.items():
        rng = np.random.default_rng(7)
        hits = np.zeros(4)
        for _ in range(repetitions):
            data = campaign(rng, scene, CUSTOMERS)
            plain = campaign_roi(data).total
            cuped = campaign_roi(data, covariates=["habit"]).total
            hits += [
                margin / cost in plain.per_cny,
                plain.profit.lower <= margin - cost <= plain.profit.upper,
                margin / cost in cuped.per_cny,
                cuped.per_cny.shape == "interval",
            ]
        share = hits / repetitions
        always = np.mean([peeked(rng, scene, looks) for _ in range(repetitions // 5)])
        print(
            f"| {scene.__name__} | {margin / cost:.2f} | {share[0]:.1%} | {share[1]:.1%} "
            f"| {share[2]:.1%} | {share[3]:.0%} | {always:.1%} |",
            flush=True,
        )
    small_control(repetitions)


def small_control(repetitions: int) -> None:
    """The same with a control of 10 %: where few decide, the interval must say that it is rough."""
    print("\nA control of 10 %\n\n| scene | covers (set) | called rough |\n|---|---|---|")
    for scene, (margin, cost) in TRUTH.items():
        rng = np.random.default_rng(8)
        found = []
        for _ in range(repetitions):
            data = campaign(rng, scene, CUSTOMERS, arm_share=0.9)
            found.append(campaign_roi(data, shares={"control": 1, "offer": 9}).total)
        held = np.mean([margin / cost in each.per_cny for each in found])
        rough = np.mean([each.rough for each in found])
        print(f"| {scene.__name__} | {held:.1%} | {rough:.0%} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
