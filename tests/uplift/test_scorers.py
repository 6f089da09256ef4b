"""Scorers in scikit-learn's cross-validation and search, the treatment routed."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import UpliftModel, uplift_curve
from marketing_ds.uplift.scoring import (
    UpliftScorer,
    autoc_scorer,
    auuc_scorer,
    qini_scorer,
    uplift_at_20_scorer,
)

from .simulate import experiment

QUICK = {"n_estimators": 20, "n_folds": 2, "n_jobs": 1}
SCORERS = {
    "qini": qini_scorer,
    "auuc": auuc_scorer,
    "autoc": autoc_scorer,
    "uplift_at": uplift_at_20_scorer,
}


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 4000, arms=("coupon", "sms"), effect=0.6)


@pytest.fixture(scope="module")
def fitted(sample):
    return UpliftModel("t", **QUICK).fit(sample.X, sample.y, treatment=sample.arm)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("metric", SCORERS)
def test_a_scorer_is_the_mean_of_the_curves_figure_over_arms(metric, sample, fitted):
    uplift = fitted.predict(sample.X)
    figures = []
    for at, arm in enumerate(fitted.arms_):
        curve = uplift_curve(sample.y, uplift[:, at], sample.arm, arm=arm)
        figures.append(curve.uplift_at(0.2) if metric == "uplift_at" else getattr(curve, metric))
    score = SCORERS[metric](fitted, sample.X, sample.y, treatment=sample.arm)
    assert score == pytest.approx(np.mean([float(figure) for figure in figures]), rel=1e-12)


def test_the_default_score_is_qini(sample, fitted):
    score = fitted.score(sample.X, sample.y, treatment=sample.arm)
    assert score == qini_scorer(fitted, sample.X, sample.y, treatment=sample.arm)


def test_probabilities_weigh(sample, fitted):
    even = qini_scorer(fitted, sample.X, sample.y, treatment=sample.arm)
    odd = np.random.default_rng(1).uniform(0.2, 0.8, len(sample.y))
    assert qini_scorer(fitted, sample.X, sample.y, sample.arm, odd) != even


@pytest.mark.usefixtures("routing")
def test_cross_validation_needs_no_request_to_be_set(sample):
    params = {"treatment": sample.arm, "probability": sample.probability}
    found = cross_validate(
        UpliftModel("t", **QUICK), sample.X, sample.y, cv=3, scoring=SCORERS, params=params
    )
    assert found["test_qini"].min() > 0
    assert (found["test_auuc"] > found["test_qini"]).all()
    alone = cross_val_score(
        UpliftModel("t", **QUICK), sample.X, sample.y, cv=3, scoring=qini_scorer, params=params
    )
    np.testing.assert_array_equal(alone, found["test_qini"])


@pytest.mark.usefixtures("routing")
def test_a_grid_search_chooses_by_a_scorer(sample):
    grid = {"max_depth": [1, 3], "learner": ["t", "dr"]}
    search = GridSearchCV(UpliftModel(**QUICK), grid, cv=2, scoring=autoc_scorer)
    search.fit(sample.X, sample.y, treatment=sample.arm)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() > 0
    assert search.best_estimator_.arms_ == ("coupon", "sms")


@pytest.mark.usefixtures("routing")
def test_a_request_can_be_changed(sample):
    scorer = clone(qini_scorer).set_score_request(probability=False)
    params = {"treatment": sample.arm, "probability": sample.probability}
    model = UpliftModel("t", **QUICK).set_fit_request(probability=False)
    with pytest.raises(TypeError, match="probability"):
        cross_val_score(model, sample.X, sample.y, cv=2, scoring=scorer, params=params)


def test_without_routing_the_way_out_is_named(sample):
    model = UpliftModel("t", **QUICK)
    with pytest.raises(InvalidInput, match="enable_metadata_routing=True"):
        qini_scorer(model.fit(sample.X, sample.y, sample.arm), sample.X, sample.y)


def test_a_scorer_shows_what_it_is_and_is_cloned():
    assert repr(clone(uplift_at_20_scorer)) == "UpliftScorer(metric='uplift_at')"
    assert UpliftScorer("uplift_at", share=0.3).get_params() == {
        "metric": "uplift_at",
        "share": 0.3,
    }


def test_wrong_metrics_and_models_are_refused(sample, fitted):
    with pytest.raises(InvalidInput, match=r"metric must be one of .*; did you mean 'qini'"):
        UpliftScorer("quini")(fitted, sample.X, sample.y, sample.arm)
    with pytest.raises(NotFittedError):
        qini_scorer(UpliftModel(), sample.X, sample.y, sample.arm)
