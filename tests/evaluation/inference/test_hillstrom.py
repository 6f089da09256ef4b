"""Both mails of Hillstrom's public experiment: rates as published, differences as scipy's Welch."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from marketing_ds.evaluation import analyze_experiment

REFERENCE = json.loads(
    (Path(__file__).parents[2] / "reference" / "experiment_hillstrom.json").read_text()
)


@pytest.fixture(scope="module")
def effects(data_dir: Path) -> pd.DataFrame:
    data = pd.read_csv(data_dir / "hillstrom" / "hillstrom.csv.gz")
    data = data.assign(arm=data["segment"].replace({"No E-Mail": "control"}))
    result = analyze_experiment(
        data, ["visit", "conversion", "spend"], covariates=None, segments=["mens"]
    )
    frame = result.to_frame()
    return frame[frame["segment"] == "all"].set_index(["arm", "metric"])


@pytest.mark.parametrize(
    "case", REFERENCE["differences"], ids=lambda c: f"{c['arm']}, {c['metric']}"
)
def test_differences_of_both_mails(case: dict[str, object], effects: pd.DataFrame) -> None:
    found = effects.loc[(case["arm"], case["metric"])]
    assert found["effect"] == pytest.approx(case["effect"], rel=1e-9)
    ends = [found["effect_ci_lower"], found["effect_ci_upper"]]
    assert ends == pytest.approx(case["ci"], rel=1e-9)
    assert found["p_value"] == pytest.approx(case["p_value"], rel=1e-8)
    assert found["decision"] == "better"


@pytest.mark.parametrize("arm", ["Mens E-Mail", "Womens E-Mail"])
def test_rates_of_both_mails(arm: str, effects: pd.DataFrame) -> None:
    for metric, unit in (("conversion", 100), ("spend", 1)):
        published = REFERENCE["conversion_percent" if unit == 100 else "spend"]
        found = effects.loc[(arm, metric)]
        assert round(unit * found["mean_arm"], 2) == published[arm]
        assert round(unit * found["mean_control"], 2) == published["No E-Mail"]
