"""Slope and intercept against statsmodels; what cannot be fitted is NaN."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from marketing_ds.propensity import evaluate_probabilities


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    customer = rng.integers(0, 250, 600)
    z = rng.normal(-1, 1, 600) + rng.normal(0, 0.5, 250)[customer]
    return (rng.random(600) < expit(z)).astype(float), expit(1.4 * z + 0.3), customer


def theirs(y, p, customer=None):
    """Slope and intercept by statsmodels, with robust covariances."""
    import statsmodels.api as sm

    z = logit(p)
    kind = (
        {"cov_type": "HC0"}
        if customer is None
        else {
            "cov_type": "cluster",
            "cov_kwds": {"groups": pd.factorize(customer)[0], "use_correction": False},
        }
    )
    family = sm.families.Binomial()
    line = sm.GLM(y, sm.add_constant(z), family=family).fit(**kind)
    shift = sm.GLM(y, np.ones(len(y)), family=family, offset=z).fit(**kind)
    return (line.params[1], line.bse[1]), (shift.params[0], shift.bse[0])


@pytest.mark.parametrize("clustered", [False, True])
def test_the_line_is_statsmodels(rows, clustered):
    y, p, customer = rows
    groups = customer if clustered else None
    found = evaluate_probabilities(y, p, groups=groups)
    units = len(np.unique(customer)) if clustered else len(y)
    finite = np.sqrt(units / (units - 1))
    ours = (found.calibration_slope, found.calibration_intercept)
    for estimate, (value, error) in zip(ours, theirs(y, p, groups), strict=True):
        assert estimate.value == pytest.approx(value, abs=1e-9)
        assert estimate.se == pytest.approx(error * finite, rel=1e-6)


def test_customers_with_several_rows_widen_the_intervals(rows):
    y, p, _ = rows
    twice = [np.r_[values, values] for values in (y, p, np.arange(600))]
    one, doubled = evaluate_probabilities(y, p), evaluate_probabilities(twice[0], twice[1])
    grouped = evaluate_probabilities(twice[0], twice[1], groups=twice[2])
    frames = [f.to_frame().set_index("measure") for f in (one, doubled, grouped)]
    for name in frames[0].index.drop(["ks", "ece", "ece_debiased"]):
        wide, narrow, kept = (f.at[name, "value_ci_upper"] - f.at[name, "value"] for f in frames)
        assert kept == pytest.approx(wide, rel=0.02), name
        assert narrow < 0.8 * wide, name


def test_probabilities_that_do_not_vary_have_no_slope():
    found = evaluate_probabilities([0, 1, 0, 1], [0.3] * 4)
    assert np.isnan(found.calibration_slope.value)
    assert found.calibration_intercept.value == pytest.approx(logit(0.5) - logit(0.3))


@pytest.mark.parametrize("p", [[0.1, 0.2, 0.6, 0.9], [0.1, 0.5, 0.5, 0.9]])
def test_classes_told_apart_have_no_slope(p):
    slope = evaluate_probabilities([0, 0, 1, 1], p).calibration_slope
    assert np.isnan([slope.value, slope.se, slope.ci_lower, slope.ci_upper]).all()


def test_far_off_probabilities_are_fitted_too():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1, 2000)
    y = (rng.random(2000) < expit(z)).astype(float)
    found = evaluate_probabilities(y, expit(4 * z + 6))
    assert found.calibration_slope.value == pytest.approx(theirs(y, expit(4 * z + 6))[0][0])
    assert found.calibration_slope.ci_lower < 1 / 4 < found.calibration_slope.ci_upper
