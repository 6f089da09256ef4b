"""Effects by tag: means, intervals, tests, suppression."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.oneway import anova_oneway

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.crossfit import CrossFit
from marketing_ds.uplift.explaining.effects_by_group import group_effects, welch

from ..crossfits import crossfitted
from ..simulate import experiment


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 6000, arms=("a", "b"), effect=0.6)


@pytest.fixture(scope="module")
def cross(sample):
    return crossfitted(sample.X, sample.y, sample.arm, np.full(3, 1 / 3))


@pytest.fixture(scope="module")
def found(cross, sample):
    return group_effects(cross, sample.X, bins={"age": [40]})


def row(found, tag, group, arm):
    frame = found.to_frame().set_index(["tag", "group", "arm"])
    return frame.loc[(tag, group, arm)]


def test_an_effect_is_the_mean_of_the_pseudo_outcomes(found, cross, sample):
    own = cross.psi[(sample.X["channel"] == "app").to_numpy(), 1]
    app = row(found, "channel", "app", "b")
    assert app["effect"] == pytest.approx(own.mean())
    half = 1.959964 * own.std(ddof=1) / np.sqrt(len(own))
    assert app["effect_ci_upper"] - app["effect"] == pytest.approx(half, rel=1e-5)
    assert app["customers"] == len(own)


def test_counts_are_those_of_the_arm_and_of_control(found, sample):
    old = (sample.X["age"] >= 40).to_numpy()
    told = row(found, "age", "≥40", "a")
    assert told["n_arm"] == (old & (sample.arm == "a")).sum()
    assert told["n_control"] == (old & (sample.arm == "control")).sum()


def test_the_groups_effects_average_to_the_average_effect(found):
    for (_, arm), own in found.to_frame().groupby(["tag", "arm"]):
        mean = np.average(own["effect"], weights=own["customers"])
        assert mean == pytest.approx(found.average[arm].value)


def test_a_difference_is_against_all_others(found, cross, sample):
    app = (sample.X["channel"] == "app").to_numpy()
    inside, outside = cross.psi[app, 0], cross.psi[~app, 0]
    told = row(found, "channel", "app", "a")
    assert told["difference"] == pytest.approx(inside.mean() - outside.mean())
    error = np.hypot(*(own.std(ddof=1) / np.sqrt(len(own)) for own in (inside, outside)))
    assert told["p_value"] == pytest.approx(0, abs=1e-10)
    age = row(found, "age", "≥40", "a")
    assert 0.01 < age["p_value"] <= 1
    assert abs(told["difference"]) > 5 * error


def test_p_values_are_adjusted_over_all_rows(found):
    frame = found.to_frame()
    np.testing.assert_allclose(frame["p_adjusted"], false_discovery_control(frame["p_value"]))
    tests = found.tests()
    np.testing.assert_allclose(tests["p_adjusted"], false_discovery_control(tests["p_value"]))


def test_the_clearest_tag_comes_first(found):
    tests = found.tests()
    assert tests["tag"].tolist()[:2] == ["channel", "channel"]
    assert tests["p_value"].is_monotonic_increasing
    assert tests.set_index(["tag", "arm"]).loc[("noise", "a"), "p_value"] > 0.01


def test_welchs_test_is_statsmodels():
    rng = np.random.default_rng(0)
    groups = [rng.normal(at / 5, 1 + at, 20 + 10 * at) for at in range(4)]
    theirs = anova_oneway(groups, use_var="unequal")
    ours = welch(
        np.array([float(len(own)) for own in groups]),
        np.array([own.mean() for own in groups]),
        np.array([own.var(ddof=1) for own in groups]),
    )
    assert ours["f"] == pytest.approx(theirs.statistic)
    assert ours["p_value"] == pytest.approx(theirs.pvalue)


def test_one_group_cannot_differ():
    alone = welch(np.array([10.0, 5.0]), np.array([1.0, 2.0]), np.array([2.0, 0.0]))
    assert alone["groups"] == 1
    assert np.isnan(alone["p_value"])


def test_small_cells_are_suppressed_and_left_out_of_the_tests(cross, sample):
    X = pd.DataFrame({"rare": np.where(np.arange(len(sample.X)) < 60, "few", "many")})
    found = group_effects(cross, X)
    few = row(found, "rare", "few", "a")
    assert few["suppressed"]
    assert few[["effect", "effect_ci_lower", "difference", "p_value", "p_adjusted"]].isna().all()
    assert few["customers"] == 60
    assert found.tests()["groups"].tolist() == [1, 1]
    assert found.tests()["p_adjusted"].isna().all()
    assert not row(group_effects(cross, X, min_count=5), "rare", "few", "a")["suppressed"]


def test_the_order_of_rows_decides_nothing(cross, sample, found):
    order = np.random.default_rng(0).permutation(len(sample.y))
    shuffled = CrossFit(
        **{
            name: value[order]
            for name, value in vars(cross).items()
            if isinstance(value, np.ndarray)
        },
        arms=type(cross.arms)(cross.arms.codes[order], cross.arms.names, cross.arms.control),
    )
    again = group_effects(shuffled, sample.X.iloc[order], bins={"age": [40]})
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


def test_a_fitted_model_stands_for_its_cross_fit(sample):
    model = UpliftModel("dr", n_estimators=5, n_folds=2, n_jobs=1)
    model.fit(sample.X, sample.y, treatment=sample.arm)
    ours = group_effects(model, sample.X, by="channel").to_frame()
    theirs = group_effects(model.crossfit_, sample.X, by=["channel"]).to_frame()
    pd.testing.assert_frame_equal(ours, theirs)


def test_tags_that_the_model_never_saw_serve_as_well(cross, sample):
    X = pd.DataFrame({"branch": np.arange(len(sample.y)) % 3})
    assert len(group_effects(cross, X).to_frame()) == 6


def test_it_is_told_in_chinese(cross, sample):
    frame = group_effects(cross, sample.X, by="age", bins={"age": [40, 60]}).to_frame(language="zh")
    assert frame["title"].iloc[0] == "年龄"
    assert frame["group"].tolist()[:3] == ["≤39", "40至59", "≥60"]


def test_html_shows_tests_and_groups(found):
    html = found._repr_html_()
    assert "Does the effect differ by tag?" in html
    assert "GroupEffects" in html


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1}, "alpha must be between 0 and 1, both excluded, got 1"),
        ({"min_count": 1}, "min_count must be at least 2, got 1"),
        ({"by": ["chanel"]}, "did you mean 'channel'"),
    ],
)
def test_refuses(cross, sample, options, message):
    with pytest.raises(InvalidInput, match=message):
        group_effects(cross, sample.X, **options)


def test_refuses_other_customers(cross, sample):
    with pytest.raises(InvalidInput, match="6000 rows, got 10"):
        group_effects(cross, sample.X[:10])


def test_refuses_an_unknown_language(found):
    with pytest.raises(InvalidInput, match="language must be one of 'en', 'zh', got 'fr'"):
        found.to_frame(language="fr")
