"""Coverage of the sets of return on investment: ``python -m tests.benchmarks.roi_coverage``.

Campaigns are summed up by numpy and concluded from as `campaign_roi` does it; of each scene the first
goes through `campaign_roi` too, and must come out the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from marketing_ds.evaluation.engine import Moments
from marketing_ds.evaluation.inference import Inference, Sequential
from marketing_ds.evaluation.money import campaign_roi
from marketing_ds.evaluation.money.joint import Joint, joint_estimates
from marketing_ds.evaluation.money.result import Return
from marketing_ds.evaluation.money.roi import returns_of

Floats = np.ndarray
Scene = Callable[[np.random.Generator, Floats], tuple[Floats, Floats]]
Campaign = tuple[Floats, Floats]
"""Arm (0 or 1) and, row by row, margin, cost and habit."""
COLUMNS = ["margin_cny", "cost_cny", "habit"]
ARMS = ["control", "offer"]
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


def campaign(rng: np.random.Generator, scene: Scene, n: int, arm_share: float) -> Campaign:
    """One campaign, with a covariate that explains half of what comes on top of it."""
    arm = (rng.random(n) < arm_share).astype(float)
    margin, cost = scene(rng, arm)
    habit = rng.gamma(1.0, float(np.std(margin)), n)
    return arm, np.column_stack([margin + habit, cost, habit])


def joints(data: Campaign, covariates: int) -> dict[str, Joint]:
    """Both arms' joint estimates with their third moments."""
    columns = COLUMNS[: 2 + covariates]
    rows = {name: data[1][data[0] == i, : len(columns)] for i, name in enumerate(ARMS)}
    means = {arm: x.mean(axis=0) for arm, x in rows.items()}
    away = {arm: x - means[arm] for arm, x in rows.items()}
    moments = {}
    for arm, x in away.items():
        n, flat = len(x), np.ptp(x, axis=0) == 0
        scatter = np.where(flat | flat[:, None], 0.0, x.T @ x)
        moments[arm] = Moments(n, means[arm], scatter, scatter / (n * (n - 1)), None)
    found = joint_estimates(moments, columns, columns[:2])
    for arm, joint in found.items():
        left = away[arm][:, :2] - away[arm][:, 2:] @ joint.slopes
        products = (left[:, [0, 0, 1]] * left[:, [0, 1, 1]]).T @ left / joint.n
        third = products[[[0, 1], [1, 2]]]
        found[arm] = replace(joint, third=third, least=rows[arm][:, :2].min(axis=0))
    return found


def concluded(
    data: Campaign, *, cuped: bool = False, sequential: Sequential | None = None
) -> Return:
    """The return of the campaign."""
    settings = Inference(correction=None, sequential=sequential)
    return returns_of(joints(data, int(cuped)), "control", settings)[-1]


def check(data: Campaign, shares: dict[str, float]) -> None:
    """Raise where `campaign_roi` tells anything else."""
    frame = pd.DataFrame(data[1], columns=COLUMNS).assign(
        arm=[ARMS[int(arm)] for arm in data[0].tolist()]
    )
    for cuped in (False, True):
        mine = concluded(data, cuped=cuped)
        theirs = campaign_roi(frame, covariates=["habit"] if cuped else None, shares=shares).total
        for one, other in ((mine.profit, theirs.profit), (mine.per_cny, theirs.per_cny)):
            np.testing.assert_allclose((one.lower, one.upper), (other.lower, other.upper), 1e-6)


def fixed(scene: Scene, campaigns: int, customers: int, control: float) -> Iterator[list[bool]]:
    """Whether the sets of return and profit held, plain and with CUPED, were bounded, and rough."""
    rng = np.random.default_rng(7)
    margin, cost = TRUTH[scene]
    for i in range(campaigns):
        data = campaign(rng, scene, customers, 1 - control)
        if i == 0:
            check(data, {"control": control, "offer": 1 - control})
        plain, cuped = concluded(data), concluded(data, cuped=True)
        held = [
            held
            for each in (plain, cuped)
            for held in (
                margin / cost in each.per_cny,
                each.profit.lower <= margin - cost <= each.profit.upper,
            )
        ]
        yield [*held, plain.per_cny.shape == "interval", plain.rough]


def peeked(
    scene: Scene, campaigns: int, customers: int, control: float, looks: int
) -> Iterator[bool]:
    """Whether the always-valid set held the truth at every one of `looks` looks."""
    rng = np.random.default_rng(9)
    margin, cost = TRUTH[scene]
    sequential = Sequential(customers, start=START)
    for _ in range(campaigns):
        data = campaign(rng, scene, customers, 1 - control)
        ends = customers * np.arange(1, looks + 1) // looks
        yield all(
            margin / cost
            in concluded((data[0][:end], data[1][:end]), cuped=True, sequential=sequential).per_cny
            for end in ends[control * ends > START].tolist()
        )


def main(arguments: list[str] | None = None) -> None:
    """Print the shares; half a unit of the last digit is about half a standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=500, help="a scene")
    parser.add_argument("--scenes", nargs="+", default=[scene.__name__ for scene in TRUTH])
    parser.add_argument("--looks", type=int, default=20, help="of always-valid sets; 0 for none")
    asked = parser.parse_args(arguments)
    scenes = [scene for scene in TRUTH if scene.__name__ in asked.scenes]
    names = ["set", "profit", "set, CUPED", "profit, CUPED", "bounded", "rough"]
    print(f"{asked.campaigns:,} campaigns a scene; % that hold the truth\n", flush=True)
    print(f"| customers | control | scene | {' | '.join(names)} |")
    print("|" + "---|" * (3 + len(names)))
    for customers, control in ((20_000, 0.5), (20_000, 0.1), (5_000, 0.1)):
        for scene in scenes:
            found = np.array(list(fixed(scene, asked.campaigns, customers, control)))
            shown = " | ".join(f"{100 * share:.1f}" for share in found.mean(axis=0))
            print(f"| {customers:,} | {control:.0%} | {scene.__name__} | {shown} |", flush=True)
    if asked.looks:
        print(f"\n| always-valid, {asked.looks} looks | held at all |\n|---|---|")
        for scene in scenes:
            held = list(peeked(scene, asked.campaigns, 20_000, 0.5, asked.looks))
            print(f"| {scene.__name__} | {100 * np.mean(held):.1f} |", flush=True)


if __name__ == "__main__":
    main()
