"""scikit-learn's estimator contract, with the treatment supplied."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from marketing_ds.uplift import UpliftModel

from .simulate import experiment


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
    [WithTreatment(learner=learner, n_estimators=5, n_folds=2, n_jobs=1) for learner in ("dr", "t")]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_treatment_is_routed_through_cross_validation_and_search():
    sample = experiment(np.random.default_rng(0), 4000, effect=0.4)
    model = UpliftModel("t", n_estimators=20, n_folds=2, n_jobs=1)
    model.set_fit_request(treatment=True).set_score_request(treatment=True)
    params = {"treatment": sample.arm}
    qini = cross_val_score(model, sample.X, sample.y, params=params, cv=3)
    assert qini.min() > 0
    search = GridSearchCV(model, {"max_depth": [1, 3]}, cv=2)
    search.fit(sample.X, sample.y, treatment=sample.arm)
    assert search.best_params_["max_depth"] in (1, 3)
    assert search.best_score_ > 0
