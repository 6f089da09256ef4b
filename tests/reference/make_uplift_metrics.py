"""Uplift metrics by the peers' own code, on drawn experiments, as JSON.

    PYTHON tests/reference/make_uplift_metrics.py tests/reference/uplift_metrics.json

PYTHON is any Python that has scikit-uplift, CausalML or EconML (each is left out if it is not
there); marketing_ds is not needed. ``--here`` adds what holds only on the machine that runs it:
CausalML takes equal scores in the order of NumPy's quicksort, which differs between processors.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = {"scikit-uplift": "sklift", "causalml": "causalml", "econml": "econml"}
Metric = dict[str, Any]
Case = dict[str, Any]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", type=int, default=12, help="number of small odd experiments")
    parser.add_argument("--here", action="store_true")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable()
    packages = installed()
    cases = [
        {**case, "metrics": list(measure(case, packages, asked.here))}
        for case in draw(np.random.default_rng(asked.seed), asked.small, asked.here)
    ]
    versions = {name: importlib.metadata.version(name) for name in (*packages, "numpy", "pandas")}
    made = (
        f"python tests/reference/make_uplift_metrics.py --seed {asked.seed} --small {asked.small}"
    )
    document = {"source": f"the packages' own code, called by: {made}", "versions": versions}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = json.dumps(document, indent=1)[:-2]
    asked.out.write_text(f'{head},\n "cases": [\n{lines}\n]}}\n', encoding="utf-8")


def installed() -> list[str]:
    """The packages that are there, by their names on the package index."""
    found = []
    for name, module in PACKAGES.items():
        with contextlib.suppress(ModuleNotFoundError), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module(module)
            found.append(name)
    return found


def draw(rng: np.random.Generator, small: int, here: bool) -> Iterator[Case]:
    """Experiments: usual ones, and small ones with everything that is odd."""
    yield experiment(rng, "usual", n=60, rows_of_curves=True)
    yield experiment(rng, "amounts", n=20, numeric=True, rows_of_curves=True)
    yield experiment(rng, "equal scores", n=50, decimals=1, rows_of_curves=here)
    yield experiment(rng, "one score", n=30, decimals=0, scale=0.1)
    yield experiment(rng, "few treated", n=80, share=0.12)
    yield experiment(rng, "treated by score", n=60, follow=0.8)
    yield experiment(rng, "harmful", n=60, effect=-0.5)
    yield experiment(rng, "float32 scores", n=50, dtype="float32")
    yield experiment(rng, "whole scores", n=50, dtype="int64", scale=20)
    yield experiment(rng, "three arms", n=75, arms=3)
    if here:  # too large a file to keep
        yield experiment(rng, "large", n=5000, effect=0.1)
        yield experiment(rng, "large, equal scores", n=5000, decimals=2, share=0.3)
    for number in range(small):
        yield experiment(
            rng,
            f"small {number}",
            n=int(rng.integers(4, 30)),
            decimals=int(rng.integers(0, 4)),
            share=float(rng.choice([0.2, 0.5, 0.8])),
            effect=float(rng.choice([-0.5, 0, 0.5])),
            rows_of_curves=here,
        )


def experiment(
    rng: np.random.Generator,
    name: str,
    *,
    n: int,
    numeric: bool = False,
    decimals: int = 6,
    scale: float = 1.0,
    share: float = 0.5,
    follow: float = 0.0,
    effect: float = 0.4,
    arms: int = 2,
    dtype: str = "float64",
    rows_of_curves: bool = False,
) -> Case:
    """One experiment; `follow` makes the chance of treatment follow the score."""
    taste = rng.random(n)
    score = np.round(scale * taste, decimals).astype(dtype)
    chance = np.clip(share + follow * (taste - 0.5), 0.05, 0.95)
    treatment = np.where(rng.random(n) < chance, rng.integers(1, arms, n), 0)
    treatment[:2] = 0, 1  # both arms, and both outcomes in each case
    treatment[2 : arms + 1] = np.arange(arms - 1) + 1
    rate = np.clip(0.4 + effect * (taste - 0.3) * (treatment > 0), 0.02, 0.98)
    y = (rng.random(n) < rate).astype(float)
    y[:2] = rng.permutation([0, 1])
    if numeric:
        y = np.round(y * rng.gamma(2.0, 30.0, n), 2)
    outcome = np.round(0.4 + 0.2 * rng.random((n, arms)), 3)
    odds = 0.2 + rng.random((n, arms))
    probability = np.round(odds / odds.sum(axis=1, keepdims=True), 3)
    probability[0] = 0.004  # below where EconML holds it
    return {
        "name": name,
        "y": y.tolist(),
        "score": score.tolist(),
        "dtype": dtype,
        "treatment": treatment.tolist(),
        "tied": len(np.unique(score)) < n,
        "curves": rows_of_curves,
        "arrays": {
            "effect": np.round(effect * (taste - 0.3) + rng.normal(size=n), 3).tolist(),
            "outcome": outcome.tolist(),
            "probability": probability.tolist(),
            "train_score": np.round(scale * rng.random(n), 3).tolist(),
        },
    }


def measure(case: Case, packages: list[str], here: bool) -> Iterator[Metric]:
    """Every metric of every package on one experiment."""
    y, treatment = np.array(case["y"]), np.array(case["treatment"])
    score = np.array(case["score"], dtype=case["dtype"])
    for arm in range(1, treatment.max() + 1):
        keep = (treatment == 0) | (treatment == arm)
        two = y[keep], score[keep], (treatment[keep] == arm).astype(int)
        metrics: list[Metric] = []
        if "scikit-uplift" in packages and set(np.unique(y)) == {0, 1}:
            metrics += by_sklift(*two)
        if "causalml" in packages and (here or not case["tied"]):
            metrics += by_causalml(*two, np.array(case["arrays"]["effect"])[keep])
        if "econml" in packages:
            metrics += by_econml(y, score, treatment, arm, case["arrays"])
        for metric in metrics:
            if not case["curves"]:
                metric.pop("points", None)
            yield {**metric, "arm": arm}


def named(
    definition: str, compute: Callable[[], Any], uses: dict[str, str] | None = None, **options: Any
) -> Metric:
    """One metric's value, or that the package refuses it; `uses` are options by the array's name."""
    metric: Metric = {"definition": definition, "options": options, "uses": uses or {}}
    try:
        found = compute()
    except (ValueError, ZeroDivisionError, IndexError) as error:
        return {**metric, "refused": str(error)}
    return {**metric, **found} if isinstance(found, dict) else {**metric, "value": float(found)}


def by_sklift(y: Any, score: Any, treatment: Any) -> list[Metric]:
    from sklift import metrics as m

    at = y, score, treatment

    def curve(points: Any, value: Any) -> dict[str, Any]:
        x, height = points(*at)
        return {
            "value": float(value(*at)),
            "points": {"customers": x.tolist(), "value": height.tolist()},
        }

    def groups(strategy: str) -> dict[str, Any]:
        parts = {
            name: m.response_rate_by_percentile(*at, group, strategy=strategy)
            for name, group in (("arm", "treatment"), ("control", "control"))
        }
        return {
            "value": float(m.weighted_average_uplift(*at, strategy=strategy)),
            "points": {
                **{f"n_{name}": part[2].tolist() for name, part in parts.items()},
                **{f"mean_{name}": part[0].tolist() for name, part in parts.items()},
            },
        }

    return [
        named("sklift_qini", lambda: curve(m.qini_curve, m.qini_auc_score)),
        named(
            "sklift_qini",
            lambda: m.qini_auc_score(*at, negative_effect=False),
            negative_effect=False,
        ),
        named("sklift_auuc", lambda: curve(m.uplift_curve, m.uplift_auc_score)),
        *(
            named(
                "sklift_uplift_at_k",
                lambda strategy=strategy, k=k: m.uplift_at_k(*at, strategy=strategy, k=k),
                strategy=strategy,
                k=k,
            )
            for strategy in ("overall", "by_group")
            for k in (0.3, 0.51, 3)
        ),
        *(
            named(
                "sklift_weighted_average_uplift",
                lambda strategy=strategy: groups(strategy),
                strategy=strategy,
            )
            for strategy in ("overall", "by_group")
        ),
        named(
            "sklift_weighted_average_uplift",
            lambda: m.weighted_average_uplift(*at, bins=3),
            bins=3,
        ),
    ]


def by_causalml(y: Any, score: Any, treatment: Any, effect: Any) -> list[Metric]:
    from causalml import metrics as m

    frame = pd.DataFrame({"y": y, "w": treatment, "model": score})
    known = frame.assign(tau=effect)
    rate = m.get_toc, m.rate_score, "targeted_share"
    asked: list[tuple[str, tuple[Any, Any, str], dict[str, str]]] = [
        ("causalml_auuc", (m.get_cumgain, m.auuc_score, "customers"), {}),
        ("causalml_qini", (m.get_qini, m.qini_score, "customers"), {}),
        ("causalml_rate", rate, {"weighting": "autoc"}),
        ("causalml_rate", rate, {"weighting": "qini"}),
    ]

    def measured(how: tuple[Any, Any, str], data: Any, normalize: bool, more: Any) -> Any:
        curve, value, across = how
        points = curve(data, normalize=normalize)["model"]
        return {
            "value": float(value(data, normalize=normalize, **more)["model"]),
            "points": {across: points.index.tolist(), "value": points.tolist()},
        }

    return [
        named(
            name,
            lambda h=how, d=data, n=normalize, o=more: measured(h, d, n, o),
            uses,
            normalize=normalize,
            **more,
        )
        for data, uses in ((frame, {}), (known, {"effect": "effect"}))
        for normalize in (True, False)
        for name, how, more in asked
    ]


def by_econml(y: Any, score: Any, treatment: Any, arm: int, arrays: dict[str, Any]) -> list[Metric]:
    from econml.validate.utils import calc_uplift, calculate_dr_outcomes

    def coefficient(metric: str, uses: dict[str, str], percentiles: Any = None) -> Any:
        codes = np.arange(treatment.max() + 1)
        outcome = np.tile([y[treatment == code].mean() for code in codes], (len(y), 1))
        probability = np.tile([(treatment == code).mean() for code in codes], (len(y), 1))
        given = {option: np.array(arrays[name]) for option, name in uses.items()}
        effects = calculate_dr_outcomes(
            treatment, y, given.get("outcome", outcome), given.get("probability", probability)
        )
        value, se, curve = calc_uplift(
            given.get("train_score", score),
            score,
            effects[:, arm - 1],
            np.linspace(5, 95, 50) if percentiles is None else np.array(percentiles),
            metric,
            n_bootstrap=2,
        )
        return {
            "value": float(value),
            "se": float(se),
            "points": {
                "targeted_share": (curve["Percentage treated"] / 100).tolist(),
                "value": curve["value"].tolist(),
                "se": curve["err"].tolist(),
            },
        }

    both = {"outcome": "outcome", "probability": "probability"}
    trained = {"outcome": "outcome", "train_score": "train_score"}
    asked: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({}, {}),
        (both, {}),
        (trained, {"percentiles": [0, 10, 25, 60, 90, 99]}),
    ]
    found = [
        named(
            f"econml_{metric}",
            lambda m=metric, u=uses, o=options: coefficient(m, u, **o),
            uses,
            **options,
        )
        for metric in ("qini", "toc")
        for uses, options in asked
    ]
    if len(y) >= 50 and np.bincount(treatment).min() >= 5 and np.unique(score).size >= 10:
        found += by_drtester(y, score, treatment, arm, arrays)
    return found


def by_drtester(
    y: Any, score: Any, treatment: Any, arm: int, arrays: dict[str, Any]
) -> Iterator[Metric]:
    """The public way: EconML fits its own models of outcome and treatment, which are handed on."""
    from econml.validate import DRTester
    from sklearn.linear_model import LinearRegression, LogisticRegression

    class Known:
        def effect(self, X: Any, T0: Any, T1: Any) -> Any:
            return X[:, 0] * T1

    X = np.column_stack([score, np.arange(len(y)) % 7]).astype(float)
    models = {"model_regression": LinearRegression(), "model_propensity": LogisticRegression()}
    tester = DRTester(**models, cate=Known(), cv=2)
    tester.fit_nuisance(X, treatment, y, X, treatment, y)
    outcome, probability = tester.fit_nuisance_train(X, treatment, y, X)
    arrays["fitted_outcome"], arrays["fitted_probability"] = outcome.tolist(), probability.tolist()
    for metric in ("qini", "toc"):
        result = tester.evaluate_uplift(X, X, metric=metric, n_bootstrap=2)
        yield named(
            f"econml_{metric}",
            lambda r=result: {"value": float(r.params[arm - 1]), "se": float(r.errs[arm - 1])},
            {"outcome": "fitted_outcome", "probability": "fitted_probability"},
        )


if __name__ == "__main__":
    main(sys.argv[1:])
