"""scikit-learn's estimator contract for every learner, the treatment supplied and routed."""

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.learning.settings import NAMES

from .simulate import experiment

QUICK = {"n_estimators": 5, "n_folds": 2, "n_jobs": 1}

CANNOT_APPLY: dict[str, str] = {}
"""Checks that cannot apply to an uplift model, each with its reason: none is left."""


class WithTreatment(UpliftModel):
    """scikit-learn's checks call ``fit(X, y)`` and ``score(X, y)``: every other row is treated."""

    def fit(self, X, y=None):
        return super().fit(X, y, _alternate(y))

    def score(self, X, y=None):
        return super().score(X, y, _alternate(y))


def _alternate(y):
    return np.arange(0 if y is None else len(y)) % 2


@pytest.mark.filterwarnings("ignore:few customers")
@parametrize_with_checks(
    [WithTreatment(learner, **QUICK) for learner in NAMES],
    expected_failed_checks=lambda estimator: CANNOT_APPLY,
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 3000, effect=0.5)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("learner", NAMES)
def test_clones_and_pickles_are_the_same_model(learner, sample):
    model = UpliftModel(learner, **QUICK)
    first = model.fit(sample.X, sample.y, treatment=sample.arm).predict(sample.X)
    again = clone(model).fit(sample.X, sample.y, treatment=sample.arm)
    np.testing.assert_array_equal(again.predict(sample.X), first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(sample.X), first)


@pytest.mark.parametrize("learner", NAMES)
def test_frames_arrow_and_arrays_teach_the_same(learner, sample):
    X = sample.X[["wealth", "age", "noise"]].astype("float32")
    tables = (X, pa.Table.from_pandas(X), X.to_numpy())
    y, arm = pd.Series(sample.y), pd.Series(sample.arm)
    treatments = (arm, pa.array(sample.arm), sample.arm)
    outcomes = (y, pa.array(sample.y), sample.y)
    first, *others = (
        UpliftModel(learner, **QUICK).fit(table, outcome, treatment=treatment).predict(table)
        for table, outcome, treatment in zip(tables, outcomes, treatments, strict=True)
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.usefixtures("routing")
def test_treatment_is_routed_through_cross_validation_and_search(sample):
    model = UpliftModel("t", n_estimators=20, n_folds=2, n_jobs=1)
    params = {"treatment": sample.arm, "probability": sample.probability}
    qini = cross_val_score(model, sample.X, sample.y, params=params, cv=3)
    assert qini.min() > 0
    search = GridSearchCV(model, {"max_depth": [1, 3]}, cv=2)
    search.fit(sample.X, sample.y, treatment=sample.arm)
    assert search.best_params_["max_depth"] in (1, 3)
    assert search.best_score_ > 0


@pytest.mark.usefixtures("routing")
def test_out_of_fold_predictions_and_pipelines_take_the_treatment(sample):
    model = UpliftModel("t", n_estimators=20, n_folds=2, n_jobs=1)
    params = {"treatment": sample.arm}
    uplift = cross_val_predict(model, sample.X, sample.y, params=params, cv=2)
    assert np.corrcoef(uplift, sample.uplift[:, 0])[0, 1] > 0.5
    X = sample.X[["wealth", "noise"]]
    chained = make_pipeline(StandardScaler(), model).fit(X, sample.y, **params)
    np.testing.assert_allclose(chained.predict(X), model.fit(X, sample.y, **params).predict(X))
