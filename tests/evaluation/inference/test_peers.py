"""The same figures as tea-tasting, statsmodels and GrowthBook wherever the methods coincide.

The peers' answers were made by tests/reference/make_experiment_peers.py.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from marketing_ds.evaluation import Mean, Ratio, analyze_experiment
from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import NormalPrior, adjust, compare
from marketing_ds.evaluation.inference.critical import boundary, mixture_p_value
from marketing_ds.evaluation.inference.posterior import posterior
from marketing_ds.evaluation.inference.proportions import few_events

PEERS = json.loads((Path(__file__).parents[2] / "reference" / "experiment_peers.json").read_text())
DATA = pd.DataFrame(PEERS["data"])
EXACT = {"rel": 1e-9, "abs": 1e-12}


def estimates(column: str) -> tuple[Estimate, Estimate]:
    found = []
    for arm in ("control", "mail"):
        values = DATA.loc[DATA["arm"] == arm, column].to_numpy()
        mean, variance = values.mean(), values.var(ddof=1) / len(values)
        found.append(Estimate(len(values), mean, variance, mean, variance, len(values) - 1))
    return found[0], found[1]


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_means_proportions_ratios_and_cuped_are_tea_tasting_s(alternative: str) -> None:
    frame = (
        analyze_experiment(
            DATA,
            [
                "spend",
                "bought",
                Ratio("spend", "visits"),
                Mean("spend", "spend, CUPED", covariates=("pre",)),
            ],
            alternative=alternative,
            relative="log",
        )
        .to_frame()
        .set_index("metric")
    )
    theirs = [case for case in PEERS["tea_tasting"] if case["alternative"] == alternative]
    assert len(theirs) == 4
    for case in theirs:
        ours = frame.loc[case["metric"]]
        assert ours["mean_control"] == pytest.approx(case["control"], **EXACT)
        assert ours["effect"] == pytest.approx(case["effect_size"], **EXACT)
        assert ours["rel_effect"] == pytest.approx(case["rel_effect_size"], **EXACT)
        assert ours["p_value"] == pytest.approx(case["pvalue"], **EXACT)
        for end in ("lower", "upper"):
            assert ours[f"effect_ci_{end}"] == pytest.approx(case[f"effect_size_ci_{end}"], **EXACT)
            if "CUPED" not in case["metric"]:  # where theirs leaves out what the arms share
                theirs_rel = case[f"rel_effect_size_ci_{end}"]
                assert ours[f"rel_effect_ci_{end}"] == pytest.approx(theirs_rel, **EXACT)


def test_two_covariates_give_the_effect_of_statsmodels_analysis_of_covariance() -> None:
    found = analyze_experiment(DATA, ["spend"], covariates=["pre", "age"]).to_frame()
    assert found["effect"].item() == pytest.approx(PEERS["ancova"]["effect"], **EXACT)


@pytest.mark.parametrize("case", PEERS["score"], ids=lambda case: str(case["counts"]))
def test_score_tests_of_few_events_are_statsmodels_s(case: dict[str, Any]) -> None:
    x, n, y, m = case["counts"]
    pair = proportion(x, n), proportion(y, m)
    few = replace(few_events(*pair), corrected=False)
    assert few.from_difference(0.0) == pytest.approx(case["z"], **EXACT)
    for value, z in case["ratio"]:
        assert few.from_ratio(value) == pytest.approx(z, **EXACT)
    p = 2 * norm.sf(abs(few.from_difference(0.0)))
    assert p == pytest.approx(case["p_value"], **EXACT)


def proportion(events: int, n: int) -> Estimate:
    share = events / n
    variance = share * (1 - share) / (n - 1)
    return Estimate(n, share, variance, share, variance, n - 1)


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_adjusted_p_values_are_statsmodels_s(method: str) -> None:
    theirs = PEERS["corrections"]
    np.testing.assert_allclose(adjust(np.array(theirs["p"]), method), theirs[method], rtol=1e-12)


@pytest.mark.parametrize("case", PEERS["gbstats"]["posteriors"], ids=lambda c: str(c["prior"]))
def test_posteriors_are_growthbook_s(case: dict[str, Any]) -> None:
    given = {**case["prior"], "sd": case["prior"]["sd"] or math.inf}
    control, arm = estimates("spend")
    found = posterior(control.value, compare(control, arm), NormalPrior(**given), "higher", 0.05)
    sd = (found["posterior_effect_ci_upper"] - found["posterior_effect"]) / 1.959963984540054
    assert found["posterior_effect"] == pytest.approx(case["effect"], **EXACT)
    assert sd == pytest.approx(case["sd"], **EXACT)
    assert found["p_better"] == pytest.approx(case["p_better"], **EXACT)
    assert found["expected_loss"] == pytest.approx(case["expected_loss"], **EXACT)


@pytest.mark.parametrize("case", PEERS["gbstats"]["boundaries"], ids=lambda c: str(c["ratio"]))
def test_always_valid_boundaries_are_growthbook_s(case: dict[str, Any]) -> None:
    ours = boundary(case["ratio"], case["alpha"], two=True)
    assert ours == pytest.approx(case["standard_errors"], **EXACT)
    p = mixture_p_value(case["z"], case["ratio"], two=True)
    assert p == pytest.approx(case["p_value"], **EXACT)
