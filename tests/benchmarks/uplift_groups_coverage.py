"""How often intervals of effects by tag, of the best line, of segments and policies cover the truth.

    python -m tests.benchmarks.uplift_groups_coverage [--replications 500] [--customers 4000]
        [--model] [--trees]

Truth comes from half a million customers of the same population: effects by group and the best line
from all of them; the value of a tree chosen in a replication, and the effects of its segments, from
what its answers would do to them. Outcome models are straight lines; with `--model` those of an
UpliftModel of 30 trees. `null` is how often a tag that changes nothing is said to (nominal 5 %).
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict

import numpy as np
import pandas as pd

from marketing_ds.uplift import CrossFit, UpliftModel
from marketing_ds.uplift.explaining.effects_by_group import group_effects
from marketing_ds.uplift.explaining.four_groups import CLASSIC, classic_groups
from marketing_ds.uplift.explaining.policy import policy_tree
from marketing_ds.uplift.explaining.policy_search import received
from marketing_ds.uplift.explaining.projection import best_linear_projection
from marketing_ds.uplift.explaining.segments import PolicyTree
from tests.uplift.crossfits import crossfitted

ARMS = ("control", "coupon", "gift")
CHANCE = np.array([0.4, 0.3, 0.3])
COST = 0.04
BINS = {"age": [30, 50], "wealth": [0.25, 0.5, 0.75], "noise": [-0.5, 0.5]}
CASES = {"0/1, 15 %": (0.15, False), "0/1, 3 %": (0.03, False), "amounts, 15 %": (0.15, True)}


def population(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Tags, and what each arm multiplies the rate of control by, less 1."""
    X = pd.DataFrame(
        {
            "channel": rng.choice(["app", "branch", "web"], n, p=[0.5, 0.2, 0.3]),
            "age": rng.integers(18, 80, n),
            "wealth": rng.random(n),
            "noise": rng.standard_normal(n),
        }
    )
    app, old = (X["channel"] == "app").to_numpy(), (X["age"] >= 50).to_numpy()
    coupon = np.where(app, 1.0, -0.2) * X["wealth"].to_numpy()
    gift = np.where(old, 0.5, 0.1)
    return X, np.column_stack([coupon, gift])


def draw(
    rng: np.random.Generator, lift: np.ndarray, rate: float, amounts: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and arms."""
    code = rng.choice(3, len(lift), p=CHANCE)
    factor = np.where(code > 0, lift[np.arange(len(lift)), np.maximum(code, 1) - 1], 0.0)
    y = (rng.random(len(lift)) < rate * (1 + factor)).astype(float)
    return (y * rng.gamma(1.0, 1.0, len(y)) if amounts else y), np.array(ARMS, dtype=object)[code]


def true_value(tree: PolicyTree, X: pd.DataFrame, reward: np.ndarray) -> float:
    """What the tree would bring to everybody."""
    arm = np.array([ARMS.index(given) for given in tree.assign(X)])
    return float(received(reward, arm).mean())


class Hits:
    """Whether each interval held the truth, by what it is of."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[bool]] = defaultdict(list)

    def check(self, what: str, low: float, high: float, truth: float) -> None:
        if low == low and low < high:
            self.of[what].append(low <= truth <= high)


def replicate(
    seed: int, rate: float, amounts: bool, everybody: tuple, given: argparse.Namespace
) -> dict[str, list[bool]]:
    # Folds are drawn by `seed`: the same numbers must not make the customers too.
    rng = np.random.default_rng([seed, 1])
    X, lift = population(rng, given.customers)
    y, arm = draw(rng, lift, rate, amounts)
    if given.model:
        model = UpliftModel("dr", n_estimators=30, n_folds=5, n_jobs=1, random_state=seed)
        chance = dict(zip(ARMS, CHANCE, strict=True))
        cross = model.fit(X, y, treatment=arm, probability=chance).crossfit_
    else:
        cross = crossfitted(X, y, arm, CHANCE, seed=seed)
    hits = Hits()
    X0, effect, groups, line = everybody
    of_tree(hits, cross, X, COST * rate / 0.15, X0, effect)
    if not given.trees:
        of_tags(hits, cross, X, groups, line)
        of_classic(hits, cross, rate * lift)
    return hits.of


def of_tags(hits: Hits, cross: CrossFit, X: pd.DataFrame, groups: dict, line: dict) -> None:
    """Effects by tag, and the best line."""
    found = group_effects(cross, X, bins=BINS)
    for row in found.to_frame().itertuples():
        truth = groups[row.tag, row.group, row.arm]
        hits.check("group effect", row.effect_ci_lower, row.effect_ci_upper, truth)
    null = found.tests().query("tag == 'noise'")["p_value"]
    hits.of["null, by group"] += (null < 0.05).tolist()
    projected = best_linear_projection(cross, X)
    for row in projected.to_frame().itertuples():
        truth = line[row.arm, row.term]
        hits.check("best line", row.coefficient_ci_lower, row.coefficient_ci_upper, truth)
    null = projected.tests().query("tag == 'noise'")["p_value"]
    hits.of["null, best line"] += (null < 0.05).tolist()


def of_tree(
    hits: Hits, cross: CrossFit, X: pd.DataFrame, cost: float, X0: pd.DataFrame, effect: np.ndarray
) -> None:
    """A policy tree's value and gain, and the effects of its segments."""
    tree = policy_tree(cross, X, cost=cost)
    reward = effect - cost
    truth = true_value(tree, X0, reward)
    hits.check("policy value", tree.value.ci_lower, tree.value.ci_upper, truth)
    choosing = cross.psi[cross.folds < 3].mean(axis=0) - cost
    plain = reward[:, choosing.argmax()].mean() if choosing.max() > 0 else 0.0
    hits.check("policy gain", tree.gain.ci_lower, tree.gain.ci_upper, truth - plain)
    where = tree.segment_of(X0)
    for at, segment in enumerate(tree.segments):
        truth = effect[where == at, ARMS.index(segment.offer) - 1].mean()
        hits.check("segment effect", segment.effect.ci_lower, segment.effect.ci_upper, truth)


def of_classic(hits: Hits, cross: CrossFit, own: np.ndarray) -> None:
    """The classic groups, by the effects of their own customers."""
    classic = classic_groups(cross)
    for row in classic.to_frame().itertuples():
        if row.measured >= 50:
            at = ARMS.index(row.arm) - 1
            inside = classic.members[:, at] == list(CLASSIC).index(row.group)
            truth = own[inside, at].mean()
            hits.check("classic group", row.effect_ci_lower, row.effect_ci_upper, truth)


def truths(rate: float) -> tuple:
    """Everybody's tags and effects, the effects by group, and the best line."""
    X, lift = population(np.random.default_rng(10**6), 500_000)
    effect = rate * lift
    chance = np.full(3, 1 / 3)
    arm = np.array(ARMS, dtype=object)[np.arange(len(X)) % 3]
    # With effects for pseudo-outcomes the estimates are the truth.
    cross = crossfitted(X, np.zeros(len(X)), arm, chance, n_folds=2)
    known = type(cross)(**{**vars(cross), "psi": effect})
    groups = {
        (row.tag, row.group, row.arm): row.effect
        for row in group_effects(known, X, bins=BINS).to_frame().itertuples()
    }
    projected = best_linear_projection(known, X, errors="HC0").to_frame()
    line = {(row.arm, row.term): row.coefficient for row in projected.itertuples()}
    return X[:50_000], effect[:50_000], groups, line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--trees", action="store_true", help="policy trees alone")
    given = parser.parse_args()
    warnings.simplefilter("error")
    print(f"{given.replications} replications of {given.customers} customers, intervals of 95 %")
    for name, (rate, amounts) in CASES.items():
        everybody = truths(rate)
        hits: defaultdict[str, list[bool]] = defaultdict(list)
        for seed in range(given.replications):
            found = replicate(seed, rate, amounts, everybody, given)
            for what, some in found.items():
                hits[what] += some
        for what, some in hits.items():
            print(f"{name:16} {what:18} {np.mean(some):7.1%} of {len(some):,}", flush=True)


if __name__ == "__main__":
    main()
