"""The best line through the effects: ordinary least squares with robust errors."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift.explaining import projection
from marketing_ds.uplift.explaining.projection import best_linear_projection

from ..crossfits import crossfitted
from ..simulate import experiment


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 3000, arms=("a", "b"), effect=0.6)


@pytest.fixture(scope="module")
def cross(sample):
    return crossfitted(sample.X, sample.y, sample.arm, np.full(3, 1 / 3))


@pytest.fixture(scope="module")
def theirs(cross, sample):
    """statsmodels' regression of the first arm's pseudo-outcomes, by kind of errors."""
    X = sample.X.assign(
        **{
            level: (sample.X["channel"] == level).astype(float)
            for level in ("app", "branch", "web")
        }
    )
    usual = sample.X["channel"].value_counts().sort_index().idxmax()
    names = [
        "wealth",
        "age",
        *(level for level in ("app", "branch", "web") if level != usual),
        "noise",
    ]
    return {
        errors: sm.OLS(cross.psi[:, 0], sm.add_constant(X[names])).fit(cov_type=errors)
        for errors in ("HC0", "HC2", "HC3")
    }


@pytest.mark.parametrize("errors", ["HC0", "HC2", "HC3"])
def test_coefficients_and_errors_are_statsmodels(cross, sample, theirs, errors):
    frame = best_linear_projection(cross, sample.X, errors=errors).to_frame()
    own = frame[frame["arm"] == "a"]
    np.testing.assert_allclose(
        own["coefficient"], theirs[errors].params.iloc[1:], rtol=1e-4, atol=1e-6
    )
    se = (own["coefficient_ci_upper"] - own["coefficient"]) / 1.959964
    np.testing.assert_allclose(se, theirs[errors].bse.iloc[1:], rtol=1e-4)
    np.testing.assert_allclose(
        own["p_value"], theirs[errors].pvalues.iloc[1:], rtol=1e-3, atol=1e-12
    )


def test_per_sd_is_the_coefficient_by_standard_deviation(cross, sample):
    frame = best_linear_projection(cross, sample.X, by=["age", "noise"]).to_frame()
    sd = sample.X[["age", "noise"]].std(ddof=0).tolist() * 2
    np.testing.assert_allclose(frame["per_sd"], frame["coefficient"] * sd, rtol=1e-5)


def test_the_constant_is_the_average_effect(cross, sample):
    average = best_linear_projection(cross, sample.X).average
    np.testing.assert_allclose([average[arm].value for arm in ("a", "b")], cross.psi.mean(axis=0))


def test_joint_tests_are_statsmodels(cross, sample, theirs):
    tests = best_linear_projection(cross, sample.X).tests().set_index(["arm", "tag"])
    fit = theirs["HC3"]
    everything = fit.wald_test(np.eye(6)[1:], use_f=False, scalar=True)
    assert tests.loc[("a", "(all)"), "chi2"] == pytest.approx(everything.statistic, rel=1e-4)
    channel = fit.wald_test(np.eye(6)[3:5], use_f=False, scalar=True)
    assert tests.loc[("a", "channel"), "chi2"] == pytest.approx(channel.statistic, rel=1e-4)
    assert tests.loc[("a", "channel"), "coefficients"] == 2


def test_rows_are_taken_in_blocks(cross, sample, monkeypatch):
    whole = best_linear_projection(cross, sample.X).to_frame()
    monkeypatch.setattr(projection, "_BLOCK", 700)
    pd.testing.assert_frame_equal(best_linear_projection(cross, sample.X).to_frame(), whole)


def test_nulls_have_a_column_of_their_own(cross, sample):
    X = sample.X[["age"]].astype(float)
    X.loc[X["age"] > 70, "age"] = np.nan
    frame = best_linear_projection(cross, X).to_frame()
    assert frame["term"].tolist() == ["Age", "unknown"] * 2
    filled = sm.add_constant(
        pd.DataFrame(
            {"age": X["age"].fillna(X["age"].mean()), "null": X["age"].isna().astype(float)}
        )
    )
    theirs = sm.OLS(cross.psi[:, 0], filled).fit()
    np.testing.assert_allclose(frame["coefficient"][:2], theirs.params.iloc[1:], rtol=1e-4)


def test_unknown_words_are_a_level(cross, sample):
    X = sample.X[["channel"]].mask(sample.X["channel"] == "web")
    frame = best_linear_projection(cross, X).to_frame(language="zh")
    assert set(frame["term"]) <= {"app", "branch", "未知"}
    assert frame["baseline"].notna().all()


def test_dates_and_booleans_are_numbers(cross, sample):
    X = pd.DataFrame(
        {
            "since": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(3000) % 700, "D"),
            "app": sample.X["channel"] == "app",
        }
    )
    frame = best_linear_projection(cross, X).to_frame()
    days = np.column_stack([np.ones(3000), np.arange(3000) % 700, X["app"]])
    theirs = np.linalg.lstsq(days, cross.psi[:, 0], rcond=None)[0]
    np.testing.assert_allclose(frame["coefficient"][:2], theirs[1:], rtol=1e-3)


def test_a_column_that_repeats_another_says_nothing_new(cross, sample):
    X = sample.X[["age"]].assign(months=sample.X["age"] * 12, noise=sample.X["noise"])
    found = best_linear_projection(cross, X)
    frame = found.to_frame()
    own = frame[frame["arm"] == "a"].set_index("tag")
    assert np.isnan(own.loc["months", "coefficient"])
    without = best_linear_projection(cross, X[["age", "noise"]]).to_frame().set_index("tag")
    assert own.loc["age", "coefficient"] == pytest.approx(without["coefficient"]["age"].iloc[0])
    tests = found.tests().set_index(["arm", "tag"])
    assert tests.loc[("a", "months"), "coefficients"] == 0
    assert tests.loc[("a", "(all)"), "coefficients"] == 2


def test_a_customer_alone_in_a_level_breaks_nothing(cross, sample):
    X = pd.DataFrame({"level": np.where(np.arange(3000) == 5, "one", "many")})
    frame = best_linear_projection(cross, X).to_frame()
    assert frame["coefficient"].notna().all()


def test_columns_that_never_vary_are_left_out(cross, sample):
    X = sample.X[["age"]].assign(same=1.0)
    assert best_linear_projection(cross, X).to_frame()["tag"].unique().tolist() == ["age"]
    with pytest.raises(InvalidInput, match="at least one tag whose values vary"):
        best_linear_projection(cross, X, by="same")
    with pytest.raises(InvalidInput, match="at least one tag whose values vary"):
        best_linear_projection(cross, X.assign(word="w"), by="word")


def test_html_shows_tests_and_coefficients(cross, sample):
    html = best_linear_projection(cross, sample.X)._repr_html_()
    assert "Does the effect change with the tag?" in html


def test_more_columns_than_customers_are_refused(sample):
    few = sample.X[:40]
    arm = np.array(["control", "a"] * 20, dtype=object)
    cross = crossfitted(few[["age"]], np.arange(40.0), arm, np.full(2, 0.5))
    wide = pd.DataFrame(np.random.default_rng(0).random((40, 39))).add_prefix("x")
    with pytest.raises(InvalidInput, match="fewer columns than there are customers, got 39 of 40"):
        best_linear_projection(cross, wide)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"errors": "HC9"}, "errors must be one of"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"by": "agee"}, "did you mean 'age'"),
    ],
)
def test_refuses(cross, sample, options, message):
    with pytest.raises(InvalidInput, match=message):
        best_linear_projection(cross, sample.X, **options)
