"""How often `auto` says that nobody differs: where it is true, and where it is not.

    python -m tests.benchmarks.uplift_auto_null [--replications 300] [--scenes rare …]

`says none`: `heterogeneity_` finds it for no arm, right where effects are the same for all (target: at
least 90 %). `all alike`: it also gives every customer the same effect. Where effects differ, `ratio` is the
true Qini of its scores to the best possible one, means over the replications.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd

from marketing_ds.uplift import UpliftModel

from ._uplift_judge import true_qini

Drawn = tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]


def _tags(rng: np.random.Generator, n: int, noise: int = 4) -> pd.DataFrame:
    frame = {
        "wealth": rng.lognormal(10, 1.0, n),
        "age": rng.integers(18, 80, n),
        "visits": rng.poisson(3, n),
        "channel": rng.choice(["app", "web", "branch"], n, p=[0.5, 0.3, 0.2]),
    }
    frame |= {f"noise_{k}": rng.normal(size=n) for k in range(noise)}
    return pd.DataFrame(frame)


def _rank(values: pd.Series) -> np.ndarray:
    return values.rank(pct=True).to_numpy()


def draw(
    seed: int,
    *,
    n: int,
    base: float = 0.05,
    slope: float = 0.10,
    average: float = 0.0,
    spread: float = 0.0,
    arms: int = 1,
    share: float = 0.5,
    amounts: bool = False,
    noise: int = 4,
) -> Drawn:
    """P(outcome) rises with visits by `slope`; arm k adds `average` + `spread` · (wealth − ½) · (app)/k."""
    rng = np.random.default_rng(seed)
    X = _tags(rng, n, noise)
    kind = _rank(X["wealth"]) * (X["channel"] == "app").to_numpy() * 2 - 0.5
    effects = np.column_stack([average + spread * kind / (k + 1) for k in range(arms)])
    weights = np.array([1 - share, *[share / arms] * arms]) if arms == 1 else None
    code = rng.choice(arms + 1, n, p=weights)
    mean = base + slope * _rank(X["visits"])
    mean += np.where(code > 0, effects[np.arange(n), np.maximum(code, 1) - 1], 0.0)
    y = (rng.random(n) < mean).astype(float)
    if amounts:
        y *= rng.lognormal(4, 1.2, n)
        effects = effects * np.exp(4 + 1.2**2 / 2)
    names = np.array(["control", *[f"offer_{k}" for k in range(arms)]], dtype=object)
    return X, y, names[code], effects


NONE: dict[str, Callable[[int], Drawn]] = {
    "no effect": partial(draw, n=6000),
    "constant effect": partial(draw, n=6000, average=0.04),
    "rare outcome": partial(draw, n=10_000, base=0.005, slope=0.01, average=0.002),
    "strong prognosis": partial(draw, n=6000, base=0.05, slope=0.6, average=0.05),
    "few controls": partial(draw, n=8000, share=0.9, average=0.02),
    "four arms": partial(draw, n=10_000, arms=4, average=0.02),
    "amounts": partial(draw, n=6000, amounts=True),
    "many noise tags": partial(draw, n=5000, noise=40),
}
SOME: dict[str, Callable[[int], Drawn]] = {
    "strong": partial(draw, n=6000, average=0.05, spread=0.10),
    "moderate": partial(draw, n=10_000, average=0.03, spread=0.06),
    "weak": partial(draw, n=10_000, average=0.02, spread=0.03),
    "rare, large": partial(draw, n=40_000, base=0.005, slope=0.01, average=0.006, spread=0.01),
    "four arms, strong": partial(draw, n=12_000, arms=4, average=0.05, spread=0.10),
    "amounts, strong": partial(draw, n=10_000, average=0.06, spread=0.12, amounts=True),
}


def replicate(scene: str, trees: int, seed: int) -> tuple[float, ...]:
    """Said that nobody differs; all alike; true Qini; the best possible one; seconds."""
    X, y, arm, effects = (NONE | SOME)[scene](seed)
    start = time.perf_counter()
    model = UpliftModel("auto", n_estimators=trees, n_jobs=1).fit(X, y, treatment=arm)
    scores = np.asarray(model.predict(X)).reshape(len(y), -1)
    seconds = time.perf_counter() - start
    none = not any(arm.found for arm in model.heterogeneity_.values())
    alike = bool((np.ptp(scores, axis=0) == 0).all())
    columns = range(effects.shape[1])
    found = float(np.mean([true_qini(scores[:, k], effects[:, k]) for k in columns]))
    best = float(np.mean([true_qini(effects[:, k], effects[:, k]) for k in columns]))
    return float(none), float(alike), found, best, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--scenes", nargs="*", default=[*NONE, *SOME])
    parser.add_argument("--trees", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(
        f"{'scene':20}{'differ':>8}{'says none':>11}{'s.e.':>7}{'all alike':>11}{'ratio':>7}{'s':>7}"
    )
    with ProcessPoolExecutor(options.workers) as pool:
        for scene in options.scenes:
            one = partial(replicate, scene, options.trees)
            rows = np.array(list(pool.map(one, range(options.replications))))
            said, alike, found, best, seconds = rows.mean(axis=0)
            se = float(np.sqrt(said * (1 - said) / len(rows)))
            ratio = f"{found / best:7.2f}" if scene in SOME else f"{'':7}"
            differ = "yes" if scene in SOME else "no"
            print(
                f"{scene:20}{differ:>8}{said:11.1%}{se:7.1%}{alike:11.1%}{ratio}{seconds:7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
