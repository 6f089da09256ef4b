"""How often intervals of curves cover the truth, and random scores' intervals cover 0.

    python -m tests.benchmarks.uplift_coverage [--replications 400] [--case NAME]

The effect is ``low + slope · score`` with the score uniform, so that the truth of every figure is
known in closed form: V(φ) = φ·(low + slope − slope·φ/2). With several arms it is that of a large
sample whose effects are known.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from marketing_ds._core.estimate import Estimate
from marketing_ds.uplift import compare_curves, uplift_curve
from marketing_ds.uplift.curves.budget import budget_curve, compare_budgets
from marketing_ds.uplift.curves.hull import steps_of
from marketing_ds.uplift.curves.net_value import net_value_curve
from marketing_ds.uplift.curves.spending import Spending
from marketing_ds.uplift.curves.values import pseudo_outcomes

Found = Iterator[tuple[str, Estimate, float]]


@dataclass(frozen=True)
class Case:
    """An experiment in which P(outcome) is ``rate`` for control, ``rate + low + slope·score`` else.

    `chance` is P(treated); `by_row` makes it differ between customers, and the base rate with it.
    `tail` multiplies outcomes by a lognormal amount of mean 1 and that sigma.
    """

    n: int
    rate: float
    low: float
    slope: float
    chance: float = 0.5
    by_row: bool = False
    tail: float = 0.0

    def value(self, share: float) -> float:
        return share * (self.low + self.slope - self.slope * share / 2)

    def replicate(self, rng: np.random.Generator) -> Found:
        n = self.n
        score = rng.random(n)
        chance = 0.15 + 0.6 * score if self.by_row else np.full(n, self.chance)
        treated = (rng.random(n) < chance).astype(int)
        rate = self.rate * (0.5 + score) if self.by_row else self.rate
        y = (rng.random(n) < rate + (self.low + self.slope * score) * treated).astype(float)
        if self.tail:
            y *= rng.lognormal(-(self.tail**2) / 2, self.tail, n)
        received = np.where(treated == 1, chance, 1 - chance) if self.by_row else None
        given = {"probability": received}

        curve = uplift_curve(y, score, treated, **given)
        total, qini, autoc = self.value(1), self.slope / 12, self.slope / 4
        yield "qini", curve.qini, qini
        yield "auuc", curve.auuc, qini + total / 2
        yield "autoc", curve.autoc, autoc
        yield "uplift@10", curve.uplift_at(0.1), self.value(0.1) / 0.1
        yield "uplift@30", curve.uplift_at(0.3), self.value(0.3) / 0.3
        toc = curve.toc()
        at = int(np.searchsorted(toc.share, 0.2 - 1e-9))
        yield (
            "toc@20",
            Estimate.normal(toc.value[at], toc.se[at], alpha=0.05),
            self.value(0.2) / 0.2 - total,
        )
        # Contacts cost 1, each outcome among the treated another 2.
        money = net_value_curve(
            y, score, treated, value=50, cost=1, redeemed=y, redemption_cost=2, **given
        )
        redeemed = 0.3 * self._rate(0.3) + self.value(0.3)
        yield "net@30", money.at(0.3), 50 * self.value(0.3) - 0.3 - 2 * redeemed
        coarse = uplift_curve(y, np.floor(2 * score), treated, **given)
        # Two equal halves: V is a broken line.
        yield "tied qini", coarse.qini, self.slope / 16
        random = uplift_curve(y, rng.random(n), treated, **given)
        yield "random qini", random.qini, 0.0
        yield "random autoc", random.autoc, 0.0
        yield from self._compared(rng, y, score, treated, given)
        yield from self._robust(y, score, treated, given)

    def _rate(self, share: float) -> float:
        """Mean base rate in the top share."""
        return self.rate * (0.5 + 1 - share / 2) if self.by_row else self.rate

    def _compared(self, rng, y, score, treated, given) -> Found:  # type: ignore[no-untyped-def]
        # Half of the customers get a random score instead: all figures of ranking are halved.
        half = np.where(rng.random(self.n) < 0.5, score, rng.random(self.n))
        found = compare_curves(y, score, half, treated, shares=(0.2,), **given)
        yield "Δqini", found.qini, self.slope / 24
        yield "Δautoc", found.autoc, self.slope / 8
        yield "Δuplift@20", found.uplift_at(0.2), (self.value(0.2) / 0.2 - self.value(1)) / 2
        yield (
            "Δnet@20",
            found.net_value_at(0.2, 50),
            50 * (self.value(0.2) - 0.2 * self.value(1)) / 2,
        )

    def _robust(self, y, score, treated, given) -> Found:  # type: ignore[no-untyped-def]
        # An outcome model that is half right.
        known = np.full(self.n, self.rate) + 0.5 * self.low
        outcome = np.column_stack([known, known + 0.5 * self.slope * score])
        psi = pseudo_outcomes(y, treated, outcome=outcome, **given)
        curve = uplift_curve(y, score, treated, psi=psi)
        yield "qini by psi", curve.qini, self.slope / 12
        yield "autoc by psi", curve.autoc, self.slope / 4
        yield "uplift@30 by psi", curve.uplift_at(0.3), self.value(0.3) / 0.3


@dataclass(frozen=True)
class Arms:
    """Three arms of different cost; scores are the true effects with noise."""

    n: int
    rate: float
    size: float
    chances: tuple[float, ...] = (0.4, 0.2, 0.2, 0.2)
    tail: float = 0.0

    names = ("call", "mail", "sms")
    costs = (5.0, 1.0, 0.1)
    budgets = (0.1, 0.5, 1.5)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Effects, and two score matrices of which the second is noisier."""
        one, two = rng.random(n), rng.random(n)
        effect = self.size * np.column_stack([one, 0.5 * two, 0.3 * one - 0.05])
        noise = self.size * rng.normal(size=(n, 3))
        return effect, effect + 0.1 * noise, effect + 0.4 * noise

    def truth(self) -> list[tuple[float, float]]:
        """At each budget, by both scores."""
        effect, first, second = self.draw(np.random.default_rng(99), 1_500_000)
        cost = np.broadcast_to(self.costs, effect.shape)
        values = np.column_stack([np.zeros(len(effect)), effect])
        by = [Spending(steps_of(score, cost), values, cost) for score in (first, second)]
        return [(by[0].value(budget), by[1].value(budget)) for budget in self.budgets]

    def replicate(self, rng: np.random.Generator, truth: list[tuple[float, float]]) -> Found:
        effect, first, second = self.draw(rng, self.n)
        code = rng.choice(4, self.n, p=self.chances)
        rows = np.arange(self.n)
        uplift = np.column_stack([np.zeros(self.n), effect])
        y = (rng.random(self.n) < self.rate + uplift[rows, code]).astype(float)
        if self.tail:
            y *= rng.lognormal(-(self.tail**2) / 2, self.tail, self.n)
        labels = ("control", *self.names)
        arm = np.array(labels)[code]
        cost = dict(zip(self.names, self.costs, strict=True))
        given = {"cost": cost, "probability": dict(zip(labels, self.chances, strict=True))}
        plain = budget_curve(y, first, arm, **given)
        outcome = self.rate + 0.7 * uplift
        robust = budget_curve(y, first, arm, outcome=outcome, value=50, **given)
        both = compare_budgets(y, first, second, arm, budgets=self.budgets, **given)
        for k, (budget, (one, two)) in enumerate(zip(self.budgets, truth, strict=True)):
            yield f"value@{budget}", plain.at(budget), one
            yield f"net by dr@{budget}", robust.net_value_at(budget), 50 * one - budget
            yield f"Δvalue@{budget}", both.differences[k], one - two


CASES: dict[str, Case | Arms] = {
    "no effect": Case(1000, 0.10, 0.0, 0.0),
    "plain": Case(2000, 0.10, -0.04, 0.2),
    "80 % treated": Case(5000, 0.02, -0.01, 0.05, chance=0.8),
    "steep": Case(5000, 0.20, -0.12, 0.6, chance=0.3),
    "chance by row": Case(5000, 0.10, -0.02, 0.2, by_row=True),
    "rare": Case(30_000, 0.01, 0.001, 0.004),
    "rare, 85 % treated": Case(30_000, 0.01, 0.001, 0.004, chance=0.85),
    "heavy tail": Case(20_000, 0.10, -0.01, 0.1, tail=1.5),
    "large": Case(40_000, 0.10, 0.0, 0.02),
    "several arms": Arms(6000, 0.10, 0.3),
    "several arms, rare": Arms(30_000, 0.01, 0.02, chances=(0.7, 0.1, 0.1, 0.1)),
    "several arms, heavy tail": Arms(12_000, 0.10, 0.3, tail=1.5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--case", choices=CASES, action="append")
    asked = parser.parse_args()
    for name in asked.case or CASES:
        case = CASES[name]
        replicate: Callable[[np.random.Generator], Found] = case.replicate
        if isinstance(case, Arms):
            truth = case.truth()
            replicate = lambda rng, case=case, truth=truth: case.replicate(rng, truth)  # noqa: E731
        hits: dict[str, list[bool]] = {}
        for seed in range(asked.replications):
            for figure, found, true in replicate(np.random.default_rng(seed)):
                hits.setdefault(figure, []).append(found.ci_lower <= true <= found.ci_upper)
        shown = ", ".join(f"{figure} {np.mean(hit):.1%}" for figure, hit in hits.items())
        print(f"{name} ({asked.replications}): {shown}", flush=True)


if __name__ == "__main__":
    main()
