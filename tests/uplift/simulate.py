"""Experiments with known effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Experiment:
    X: pd.DataFrame
    y: np.ndarray
    arm: np.ndarray
    probability: np.ndarray
    uplift: np.ndarray
    """Shape (n, arms)."""


def experiment(
    rng: np.random.Generator,
    n: int = 4000,
    *,
    arms: tuple[str, ...] = ("coupon",),
    rate: float = 0.10,
    effect: float = 0.30,
    numeric: bool = False,
    confounded: bool = False,
) -> Experiment:
    """Arm k works by `effect` × wealth / k for those who use the app, on others not at all."""
    X = pd.DataFrame(
        {
            "wealth": rng.random(n),
            "age": rng.integers(18, 80, n),
            "channel": rng.choice(["app", "web", "branch"], n),
            "noise": rng.normal(size=n),
        }
    )
    # A confounded campaign went to the wealthy, who buy more anyway.
    odds = np.exp(2 * (X["wealth"].to_numpy() - 0.5)) if confounded else np.ones(n)
    weight = np.column_stack([np.ones(n), *[odds for _ in arms]])
    chance = weight / weight.sum(axis=1, keepdims=True)
    code = (rng.random((n, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    base = X["wealth"].to_numpy() * (X["channel"] == "app").to_numpy()
    uplift = np.column_stack([effect * base / (k + 1) for k in range(len(arms))])
    mean = rate + 0.2 * X["wealth"].to_numpy() * confounded
    expected = mean + np.where(code > 0, uplift[np.arange(n), np.maximum(code, 1) - 1], 0)
    y = (rng.random(n) < expected).astype(float)
    if numeric:
        y *= rng.exponential(50, n)
        uplift = uplift * 50
    names = np.array(["control", *arms], dtype=object)[code]
    return Experiment(X, y, names, chance[np.arange(n), code], uplift)


def ranked(
    rng: np.random.Generator, n: int, *, rate: float = 0.1, slope: float = 0.2, share: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, score and 0/1 treatment; the effect is ``slope · (score − 0.2)``, score uniform."""
    score = rng.random(n)
    treated = (rng.random(n) < share).astype(int)
    y = (rng.random(n) < rate + slope * (score - 0.2) * treated).astype(float)
    return y, score, treated


def ranked_truth(slope: float) -> dict[str, float]:
    """The areas and effects of `ranked` in a population without end.

    With the top share φ holding scores above 1 − φ: V(φ) = slope · (0.8 φ − φ²/2).
    """

    def value(share: float) -> float:
        return slope * (0.8 * share - share**2 / 2)

    auuc = slope * (0.4 - 1 / 6)
    return {
        "qini": auuc - value(1) / 2,
        "auuc": auuc,
        "uplift_at_20": value(0.2) / 0.2,
        "value_at_50": value(0.5),
    }
