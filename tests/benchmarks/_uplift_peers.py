"""Learners of CausalML, EconML and scikit-uplift, run by an interpreter that has them.

    PYTHON _uplift_peers.py NAME TASK.npz SCORES.npz

The task holds `X` (n, d) without text or holes, `y`, `code` (0: control), `fold`, `probability`
(n, 1 + arms) or nothing where it must be estimated, and the budget `trees`, `depth`, `rate`,
`threads`. The scores are those of models that never saw the customer's fold, (n, arms); without folds,
one model is fitted to all and scores all, and both are timed. Base learners are XGBoost with the budget;
everything else is the peer's default. A peer without several arms is run arm by arm.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Budget:
    trees: int
    depth: int
    rate: float
    threads: int

    def xgb(self) -> dict[str, Any]:
        return {
            "n_estimators": self.trees,
            "max_depth": self.depth,
            "learning_rate": self.rate,
            "n_jobs": self.threads,
            "random_state": 0,
            "tree_method": "hist",
        }

    def regressor(self) -> Any:
        from xgboost import XGBRegressor

        return XGBRegressor(**self.xgb())

    def classifier(self) -> Any:
        from xgboost import XGBClassifier

        return XGBClassifier(**self.xgb())

    def outcome(self, y: np.ndarray) -> Any:
        """A classifier for outcomes of 0 and 1, else a regressor."""
        return self.classifier() if binary(y) else self.regressor()


@dataclass(frozen=True)
class Train:
    """Customers to learn from; `p` (n, 1 + arms) or None."""

    X: np.ndarray
    y: np.ndarray
    code: np.ndarray
    p: np.ndarray | None
    budget: Budget

    @property
    def arms(self) -> int:
        return int(self.code.max())


Predict = Callable[[np.ndarray, "np.ndarray | None"], np.ndarray]


def binary(y: np.ndarray) -> bool:
    return bool(np.isin(y, (0.0, 1.0)).all())


def causalml_s(train: Train) -> Predict:
    from causalml.inference.meta import BaseSClassifier, BaseSRegressor

    kind = BaseSClassifier if binary(train.y) else BaseSRegressor
    return _causalml(kind(learner=train.budget.outcome(train.y)), train)


def causalml_t(train: Train) -> Predict:
    from causalml.inference.meta import BaseTClassifier, BaseTRegressor

    kind = BaseTClassifier if binary(train.y) else BaseTRegressor
    return _causalml(kind(learner=train.budget.outcome(train.y)), train)


def causalml_x(train: Train) -> Predict:
    from causalml.inference.meta import BaseXClassifier, BaseXRegressor

    if binary(train.y):
        model = BaseXClassifier(
            outcome_learner=train.budget.classifier(), effect_learner=train.budget.regressor()
        )
    else:
        model = BaseXRegressor(learner=train.budget.regressor())
    return _causalml(model, train)


def causalml_r(train: Train) -> Predict:
    from causalml.inference.meta import BaseRClassifier, BaseRRegressor

    if binary(train.y):
        model = BaseRClassifier(
            outcome_learner=train.budget.classifier(),
            effect_learner=train.budget.regressor(),
            random_state=0,
        )
    else:
        model = BaseRRegressor(learner=train.budget.regressor(), random_state=0)
    return _causalml(model, train)


def causalml_dr(train: Train) -> Predict:
    from causalml.inference.meta import BaseDRRegressor

    return _causalml(BaseDRRegressor(learner=train.budget.regressor()), train, seed=0)


def _causalml(model: Any, train: Train, **options: Any) -> Predict:
    names = np.array([0, *range(1, train.arms + 1)])[train.code]
    given = None if train.p is None else _by_arm(train.p)
    model.fit(train.X, names, train.y, p=given, **options)

    def predict(X: np.ndarray, p: np.ndarray | None) -> np.ndarray:
        return np.asarray(model.predict(X, p=None if p is None else _by_arm(p)))

    return predict


def _by_arm(p: np.ndarray) -> dict[int, np.ndarray]:
    """P(arm | arm or control), as CausalML compares each arm with control alone."""
    return {k: p[:, k] / (p[:, 0] + p[:, k]) for k in range(1, p.shape[1])}


def causalml_forest(train: Train) -> Predict:
    from causalml.inference.tree import CausalRandomForestRegressor

    def one(X: np.ndarray, y: np.ndarray, t: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        model = CausalRandomForestRegressor(
            n_estimators=train.budget.trees, n_jobs=train.budget.threads, random_state=0
        )
        model.fit(X, t, y)
        return lambda new: np.asarray(model.predict(new)).reshape(len(new))

    return _arm_by_arm(one, train)


def econml_forest(train: Train) -> Predict:
    from econml.dml import CausalForestDML

    model = CausalForestDML(
        model_y=train.budget.outcome(train.y),
        model_t=train.budget.classifier(),
        discrete_outcome=binary(train.y),
        discrete_treatment=True,
        n_estimators=train.budget.trees,
        n_jobs=train.budget.threads,
        random_state=0,
    )
    return _econml(model, train)


def econml_dr(train: Train) -> Predict:
    from econml.dr import DRLearner

    model = DRLearner(
        model_propensity=train.budget.classifier(),
        model_regression=train.budget.outcome(train.y),
        model_final=train.budget.regressor(),
        discrete_outcome=binary(train.y),
        random_state=0,
    )
    return _econml(model, train)


def econml_linear_dr(train: Train) -> Predict:
    from econml.dr import LinearDRLearner

    model = LinearDRLearner(
        model_propensity=train.budget.classifier(),
        model_regression=train.budget.outcome(train.y),
        discrete_outcome=binary(train.y),
        random_state=0,
    )
    return _econml(model, train)


def _econml(model: Any, train: Train) -> Predict:
    model.fit(train.y, train.code, X=train.X, inference=None)

    def predict(X: np.ndarray, p: np.ndarray | None) -> np.ndarray:
        parts = [model.effect(X, T0=0, T1=arm).ravel() for arm in range(1, train.arms + 1)]
        return np.column_stack(parts)

    return predict


def sklift_solo(train: Train) -> Predict:
    from sklift.models import SoloModel

    def one(X: np.ndarray, y: np.ndarray, t: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        model = SoloModel(train.budget.outcome(train.y), method="treatment_interaction")
        model.fit(X, y, t)
        return model.predict

    return _arm_by_arm(one, train)


def sklift_two(train: Train) -> Predict:
    from sklift.models import TwoModels

    def one(X: np.ndarray, y: np.ndarray, t: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        treated, control = train.budget.outcome(train.y), train.budget.outcome(train.y)
        model = TwoModels(treated, control, method="ddr_control")
        model.fit(X, y, t)
        return model.predict

    return _arm_by_arm(one, train)


def sklift_class(train: Train) -> Predict:
    from sklift.models import ClassTransformation, ClassTransformationReg

    def one(X: np.ndarray, y: np.ndarray, t: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        if binary(train.y):
            model = ClassTransformation(train.budget.classifier())
        else:
            model = ClassTransformationReg(train.budget.regressor(), propensity_val=t.mean())
        model.fit(X, y, t)
        return model.predict

    return _arm_by_arm(one, train)


def _arm_by_arm(
    one: Callable[[np.ndarray, np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]],
    train: Train,
) -> Predict:
    models = []
    for arm in range(1, train.arms + 1):
        there = (train.code == 0) | (train.code == arm)
        treated = (train.code[there] == arm).astype(int)
        models.append(one(train.X[there], train.y[there], treated))

    def predict(X: np.ndarray, p: np.ndarray | None) -> np.ndarray:
        return np.column_stack([model(X) for model in models])

    return predict


PEERS: dict[str, Callable[[Train], Predict]] = {
    "causalml s": causalml_s,
    "causalml t": causalml_t,
    "causalml x": causalml_x,
    "causalml r": causalml_r,
    "causalml dr": causalml_dr,
    "causalml forest": causalml_forest,
    "econml forest": econml_forest,
    "econml dr": econml_dr,
    "econml linear dr": econml_linear_dr,
    "sklift two": sklift_two,
    "sklift solo": sklift_solo,
    "sklift class": sklift_class,
}


def out_of_fold(name: str, task: Any) -> dict[str, Any]:
    budget = Budget(
        int(task["trees"]), int(task["depth"]), float(task["rate"]), int(task["threads"])
    )
    X, y, code, fold = task["X"], task["y"], task["code"], task["fold"]
    probability = task["probability"] if task["probability"].size else None
    scores = np.empty((len(y), int(code.max())))
    start = time.perf_counter()
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        known = None if probability is None else probability[train]
        predict = PEERS[name](Train(X[train], y[train], code[train], known, budget))
        there = None if probability is None else probability[test]
        scores[test] = predict(X[test], there).reshape(test.sum(), -1)
    return {"scores": scores, "seconds": time.perf_counter() - start}


def at_once(name: str, task: Any) -> dict[str, Any]:
    budget = Budget(
        int(task["trees"]), int(task["depth"]), float(task["rate"]), int(task["threads"])
    )
    X, probability = task["X"], task["probability"] if task["probability"].size else None
    train = Train(X, task["y"], task["code"], probability, budget)
    few = None if probability is None else probability[:2000]
    PEERS[name](Train(X[:2000], train.y[:2000], train.code[:2000], few, budget))
    start, cpu = time.perf_counter(), family_seconds()
    predict = PEERS[name](train)
    fitted = time.perf_counter()
    predict(X, probability)
    end, cpu = time.perf_counter(), family_seconds() - cpu
    return {"fit": fitted - start, "predict": end - fitted, "cpu": cpu}


def family_seconds() -> float:
    """CPU seconds of this process and of all that it started and that still run."""
    ticks, total, waiting = os.sysconf("SC_CLK_TCK"), 0, [os.getpid()]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        try:
            # Of the fields behind the command's name, which may hold blanks: user and system time.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
            for thread in (process / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except FileNotFoundError:  # it ended meanwhile
            continue
    return total / ticks


def main() -> None:
    name, source, target = sys.argv[1:]
    warnings.filterwarnings("ignore")
    with np.load(source) as packed:
        task = {key: packed[key] for key in packed.files}
    found = (out_of_fold if task["fold"].size else at_once)(name, task)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    np.savez(target, peak_gib=peak, **found)


if __name__ == "__main__":
    main()
