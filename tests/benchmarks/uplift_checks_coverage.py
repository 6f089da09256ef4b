"""Checks and calibration of effects against known truth.

    python -m tests.benchmarks.uplift_checks_coverage [--replications 1000]

1. How often 95 % intervals of the calibration of effects cover the truth.
2. How often checks of an experiment cry wolf where the arms were drawn by lot.
3. What `UpliftModel.calibrate` does to effects that are too far apart.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.arms import Arms
from marketing_ds.uplift.checks.assignment import check_assignment
from marketing_ds.uplift.checks.predictability import pairs, score_test
from marketing_ds.uplift.checks.reliability import uplift_calibration

# The effect is level + slope · u + bend · (u² − u) of a prediction u between 0 and 0.2.
CASES = [
    {"n": 2000, "rate": 0.10, "level": 0.0, "slope": 1.0, "bend": 0.0, "share": 0.5},
    {"n": 5000, "rate": 0.02, "level": 0.01, "slope": 0.3, "bend": 0.0, "share": 0.8},
    {"n": 5000, "rate": 0.20, "level": 0.0, "slope": 0.0, "bend": 0.0, "share": 0.3},
    {"n": 10000, "rate": 0.05, "level": 0.02, "slope": 0.0, "bend": 5.0, "share": 0.5},
]
TOP = 0.2


def effect(u: np.ndarray, case: dict[str, float]) -> np.ndarray:
    """True effect at a prediction."""
    return case["level"] + case["slope"] * u + case["bend"] * (u**2)


def truth(case: dict[str, float]) -> dict[str, float]:
    """Slope, intercept, gap, error (of ten groups) and effect of the best group, u uniform."""
    # u² on u, u uniform on [0, t]: slope t, intercept −t²/6.
    slope = case["slope"] + case["bend"] * TOP
    intercept = case["level"] - case["bend"] * TOP**2 / 6
    fine = TOP * (np.arange(100_000) + 0.5) / 100_000
    gap = effect(fine, case) - fine
    groups = gap.reshape(10, -1).mean(axis=1)
    return {
        "slope": slope,
        "intercept": intercept,
        "gap": float(gap.mean()),
        "error": float(np.sqrt((groups**2).mean())),
        "best_group": float(effect(fine, case)[-10_000:].mean()),
    }


def coverage(replications: int) -> None:
    """Table 1."""
    names = list(truth(CASES[0]))
    print(f"{'95 % intervals cover':62}" + "".join(f"{name:>12}" for name in names))
    for case in CASES:
        right, hits = truth(case), dict.fromkeys(names, 0)
        for seed in range(replications):
            rng = np.random.default_rng(seed)
            n = int(case["n"])
            u, treated = TOP * rng.random(n), rng.random(n) < case["share"]
            y = rng.random(n) < case["rate"] + effect(u, case) * treated
            found = uplift_calibration(
                y, u, treated, probability={"control": 1 - case["share"], "treated": case["share"]}
            ).arms[0]
            for name in names[:-1]:
                estimate = getattr(found, name)
                hits[name] += estimate.ci_lower <= right[name] <= estimate.ci_upper
            last = found.groups.iloc[-1]
            hits["best_group"] += (
                last["effect_ci_lower"] <= right["best_group"] <= last["effect_ci_upper"]
            )
        shown = ", ".join(f"{key} {value:g}" for key, value in case.items())
        print(f"{shown:62}" + "".join(f"{hits[name] / replications:12.1%}" for name in names))


def features(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers with nulls, heavy tails, mostly zeros, levels from rare to common."""
    tail = np.exp(2 * rng.normal(size=(n, 3)))
    nulls = np.where(rng.random((n, 3)) < 0.2, np.nan, rng.normal(size=(n, 3)))
    zeros = np.where(rng.random((n, 3)) < 0.9, 0, tail)
    levels = rng.random((n, 6)) < (0.002, 0.01, 0.03, 0.1, 0.3, 0.5)
    return np.column_stack([tail, nulls, zeros, levels]).astype(np.float32)


def false_alarms(replications: int) -> None:
    """Table 2."""
    print(
        f"\n{'arms drawn by lot: share of p-values below':46}{'0.05':>10}{'0.01':>10}{'0.001':>10}"
    )
    pooled: list[np.ndarray] = []
    for n, shares in ((500, (0.5, 0.1)), (5000, (0.5, 0.1, 0.02))):
        for share in shares:
            rng = np.random.default_rng(n)
            p_values = []
            for _ in range(10 * replications):
                if len(p_values) % 50 == 0:
                    X = features(rng, n)
                arms = Arms((rng.random(n) < share).astype(np.int16), ("a",), "control")
                p_values.append(score_test(X, next(pairs(arms, None))).p_value)
                if n > 1000 and len(p_values) >= 2 * replications:
                    break
            pooled.append(np.array(p_values))
            _shares(f"score test, {n} customers, {share:.0%} in the arm", pooled[-1])
    _shares("score test, all", np.concatenate(pooled))
    for n in (1000, 5000):
        rng = np.random.default_rng(n)
        found = [
            check_assignment(pd.DataFrame(features(rng, n)), rng.random(n) < 0.5).arms[0]
            for _ in range(max(replications // 5, 1))
        ]
        _shares(f"AUC of trees, {n} customers", np.array([one.p_auc for one in found]))


def _shares(what: str, p_values: np.ndarray) -> None:
    shares = "".join(f"{(p_values < level).mean():10.2%}" for level in (0.05, 0.01, 0.001))
    print(f"{what:46}{shares}   of {len(p_values):,}")


def calibration() -> None:
    """Table 3."""
    print(
        f"\n{'40,000 customers, effect 0.10 and 0.05 · wealth of app users':62}{'arm':>6}{'map':>10}"
        f"{'rmse':>9}{'slope':>7}{'error':>9}{'ranking':>9}"
    )
    for learner, case in [
        ("t", {"n_estimators": 100, "early_stopping_rounds": None, "max_depth": 3}),
        ("t", {}),
        ("dr", {}),
    ]:
        rng = np.random.default_rng(0)
        X, y, arm, _ = _campaign(rng, 40_000)
        fresh, fresh_y, fresh_arm, fresh_uplift = _campaign(rng, 100_000)
        model = UpliftModel(learner, n_jobs=2, **case).fit(X, y, arm)
        before = model.predict(fresh)
        for kind in ("none", "linear", "isotonic", "auto"):
            new = model.calibrate(kind=kind)
            after = new.predict(fresh)
            told = new.check_calibration(fresh, fresh_y, fresh_arm)
            for at, one in enumerate(told.arms):
                rmse = np.sqrt(np.mean((after[:, at] - fresh_uplift[:, at]) ** 2))
                ordered = after[np.argsort(before[:, at], kind="stable"), at]
                kept = "kept" if (np.diff(ordered) > -1e-12).all() else "changed"
                map_ = new.calibration_[one.arm].kind
                what = f"{learner}{', grown to the end' if case else ''}, asked for {kind}"
                print(
                    f"{what:62}{one.arm:>6}{map_:>10}{rmse:9.5f}{one.slope.value:7.2f}"
                    f"{one.error.value:9.5f}{kept:>9}"
                )


def _campaign(
    rng: np.random.Generator, n: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    X = pd.DataFrame(rng.random((n, 8)), columns=["wealth", *[f"noise{i}" for i in range(7)]])
    X["channel"] = rng.choice(["app", "web", "branch"], n)
    base = X["wealth"].to_numpy() * (X["channel"] == "app").to_numpy()
    uplift = np.column_stack([0.10 * base, 0.05 * base])
    arm = rng.choice(["control", "a", "b"], n)
    lift = np.where(arm == "a", uplift[:, 0], np.where(arm == "b", uplift[:, 1], 0))
    y = (rng.random(n) < 0.03 + 0.05 * X["wealth"].to_numpy() + lift).astype(float)
    return X, y, arm, uplift


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=1000)
    replications = parser.parse_args().replications
    coverage(replications)
    false_alarms(replications)
    calibration()


if __name__ == "__main__":
    main()
