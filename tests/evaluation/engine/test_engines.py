"""DuckDB and Spark give the same effects, whatever is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.metrics import FunnelStep, Mean, Proportion, Quantile

from .conftest import SHARES

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def test_both_engines_give_the_same_effects(
    engine_mart: Mart, trial: pd.DataFrame, tmp_path: Path
) -> None:
    gaps = trial.assign(pre=trial["pre"].where(trial["age"] > 35))
    gaps.to_parquet(tmp_path / "trial.parquet")
    table = engine_mart.read_parquet([tmp_path / "trial.parquet"])
    metrics = [
        Mean("spend", cap=0.99),
        Proportion("bought"),
        FunnelStep("bought", after="clicked"),
    ]
    options = {
        "covariates": ["pre", "age"],
        "strata": ["tier"],
        "segments": ["region"],
        "cluster": "branch",
        "probability": "chance",
    }
    found = analyze_experiment(table, metrics, **options)
    expected = analyze_experiment(gaps, metrics, **options)
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), rtol=1e-9)
    assert found.notes == expected.notes
    pd.testing.assert_frame_equal(found.checks.to_frame(), expected.checks.to_frame(), rtol=1e-7)


def test_both_engines_find_the_same_quantiles(
    engine_mart: Mart, trial: pd.DataFrame, tmp_path: Path
) -> None:
    trial.to_parquet(tmp_path / "trial.parquet")
    table = engine_mart.read_parquet([tmp_path / "trial.parquet"])
    metrics = [Quantile("spend", 0.5)]
    found, expected = (
        analyze_experiment(data, metrics, cluster="branch", shares=SHARES).to_frame()
        for data in (table, trial)
    )
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
