"""Tuning under a time budget: Optuna looks for the settings with the smallest log loss out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from marketing_ds._core.errors import InvalidInput

from ._boosting import Rows, grow_out_of_fold
from ._calibration import Fold
from ._ridge import RidgeOutOfFold

_EVERY = 10  # rounds between two looks of the pruner
_WARM_UP = 100  # rounds before a trial can be pruned
_TUNED = ("max_leaves", "min_child_weight", "subsample", "colsample_bynode", "lambda", "eta")


@dataclass(frozen=True)
class Tuned:
    """The best settings, and all that were tried.

    Attributes
    ----------
    parameters : mapping
        XGBoost's.
    trials : pandas.DataFrame
        One row a trial: `trial`, `log_loss` (the smallest that it reached), `state` (``complete``
        or ``pruned``), and each tuned parameter.
    """

    parameters: Mapping[str, Any]
    trials: pd.DataFrame


def tuned(
    rows: Rows,
    folds: Sequence[Fold],
    parameters: Mapping[str, Any],
    ridge: RidgeOutOfFold | None,
    *,
    seconds: float,
    max_rounds: int,
    patience: int,
) -> Tuned:
    """Search for `seconds`, beginning with the given parameters, which are therefore never beaten down.

    Trials come in a fixed order for a fixed seed: a longer budget tries the same ones and more. A
    trial that is worse than the median of those before it, at the same round, is given up [1]_.

    Raises
    ------
    InvalidInput
        If Optuna is not installed.

    References
    ----------
    .. [1] Akiba, Sano, Yanase, Ohta, Koyama (2019). Optuna: a next-generation hyperparameter
       optimization framework. KDD.
    """
    optuna = _optuna()
    best: dict[int, float] = {}

    def objective(trial: Any) -> float:
        chosen = dict(parameters) | _suggest(trial)

        def look(round_: int, loss: float) -> None:
            best[trial.number] = min(loss, best.get(trial.number, loss))
            if round_ % _EVERY == 0:
                trial.report(best[trial.number], round_)
                if trial.should_prune():
                    raise optuna.TrialPruned

        grown = grow_out_of_fold(
            rows, folds, chosen, ridge, max_rounds=max_rounds, patience=patience, on_round=look
        )
        return grown.losses[grown.rounds]

    chatter = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=parameters["seed"]),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=_WARM_UP),
        )
        study.enqueue_trial({name: parameters[name] for name in _TUNED})
        study.optimize(objective, timeout=seconds)
    finally:
        optuna.logging.set_verbosity(chatter)
    trials = [
        {
            "trial": trial.number,
            "log_loss": trial.value if trial.value is not None else best.get(trial.number),
            "state": trial.state.name.lower(),
            **trial.params,
        }
        for trial in study.trials
    ]
    return Tuned({**parameters, **study.best_params}, pd.DataFrame(trials))


def _suggest(trial: Any) -> dict[str, Any]:
    return {
        "max_leaves": trial.suggest_int("max_leaves", 2, 64, log=True),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1.0),
        "colsample_bynode": trial.suggest_float("colsample_bynode", 0.1, 1.0),
        "lambda": trial.suggest_float("lambda", 0.5, 100.0, log=True),
        "eta": trial.suggest_float("eta", 0.01, 0.2, log=True),
    }


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise InvalidInput(
            "tune needs the package optuna, which is not installed; install marketing-ds[tune], or "
            "leave tune=None"
        ) from error
    return optuna
