"""PropensityModel: the contract, the quality on known truth, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, TimeSeriesSplit
from sklearn.utils.estimator_checks import parametrize_with_checks

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import PropensityModel
from marketing_ds.schema import SCORES

from .conftest import make_bank

FAST = {"n_jobs": 1, "max_trees": 30, "learning_rate": 0.2, "patience": 5}


@pytest.mark.filterwarnings("ignore:y holds only:UserWarning")
@parametrize_with_checks([PropensityModel(n_jobs=1, max_trees=60, patience=5)])
def test_follows_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_ranks_new_customers_nearly_as_well_as_the_truth(model):
    tags, p = make_bank(8000, 5)
    y = np.random.default_rng(6).random(8000) < p
    best = roc_auc_score(y, p)
    assert best > 0.7
    assert model.evaluate(tags, y).auc.value > best - 0.03


def test_is_calibrated_on_new_customers(model):
    tags, p = make_bank(8000, 5)
    error = model.predict_proba(tags)[:, 1] - p
    assert abs(error.mean()) < 0.01
    assert np.sqrt((error**2).mean()) < 0.6 * p.std()


def test_out_of_fold_evaluation_foretells_new_customers(model):
    tags, p = make_bank(8000, 5)
    y = np.random.default_rng(6).random(8000) < p
    foretold, found = model.evaluation_.auc, model.evaluate(tags, y).auc
    assert foretold.ci_lower < found.ci_upper
    assert found.ci_lower < foretold.ci_upper


def test_pure_noise_gives_no_skill_out_of_fold():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"word": rng.choice([f"w{i}" for i in range(30)], 600), "x": rng.random(600)})
    y = rng.random(600) < 0.3
    found = PropensityModel(n_jobs=1).fit(X, y).evaluation_.auc
    assert found.ci_lower < 0.5  # an encoding that had seen its own label would show skill here


def test_same_seed_same_model_and_other_data_another_version(bank):
    tags, y, _ = bank
    small, label = tags.head(800), y[:800]
    first, again = (PropensityModel(**FAST).fit(small, label) for _ in range(2))
    assert first.model_version_ == again.model_version_
    np.testing.assert_array_equal(first.predict_proba(small), again.predict_proba(small))
    assert PropensityModel(**FAST).fit(small, 1 - label).model_version_ != first.model_version_


def test_out_of_fold_probabilities_cover_every_row(model, bank):
    assert model.oof_.shape == (4000,)
    assert ((model.oof_ > 0) & (model.oof_ < 1)).all()
    _, y, _ = bank
    # They were made without their own row: training predictions would rank far better.
    assert roc_auc_score(y, model.oof_) == pytest.approx(model.evaluation_.auc.value)


def test_time_ordered_folds_leave_the_first_rows_without_prediction(bank):
    tags, y, _ = bank
    model = PropensityModel(**FAST, cv=TimeSeriesSplit(3)).fit(tags, y)
    assert np.isnan(model.oof_[:1000]).all()
    assert np.isfinite(model.oof_[1000:]).all()
    assert model.evaluation_.rows == 3000


def test_labels_of_any_two_kinds_serve(bank):
    tags, y, _ = bank
    words = np.where(y[:800] == 1, "yes", "no")
    model = PropensityModel(**FAST).fit(tags.head(800), words)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(tags.head(800))) <= {"no", "yes"}
    assert model.evaluate(tags.head(800), words).positives == (words == "yes").sum()


def test_zero_weight_is_as_no_row(bank):
    tags, y, _ = bank
    small, label = tags.head(900), y[:900]
    weight = np.r_[np.ones(700), np.zeros(200)]
    folds = [(np.arange(350, 700), np.arange(350)), (np.arange(350), np.arange(350, 700))]
    kept = PropensityModel(**FAST, cv=folds).fit(small.head(700), label[:700])
    weighted = PropensityModel(**FAST, cv=folds).fit(small, label, sample_weight=weight)
    np.testing.assert_allclose(weighted.predict_proba(small), kept.predict_proba(small), rtol=1e-6)
    assert np.isnan(weighted.oof_[700:]).all()


def test_unseen_levels_and_nulls_are_scored(model, bank):
    row = bank[0].head(1).drop(columns="customer_id")
    strange = row.assign(region="abroad", age=np.nan, aum_cny=None)
    assert 0 < model.predict_proba(strange)[0, 1] < 1


def test_columns_of_a_table_may_come_in_any_order(model, bank):
    tags = bank[0].head(50)
    np.testing.assert_array_equal(
        model.predict_proba(tags[tags.columns[::-1]]), model.predict_proba(tags)
    )


def test_scores_go_into_the_scores_table(model, bank):
    tags = bank[0].head(5)
    table = model.score_table(tags, as_of="2026-06-30")
    assert tuple(table.columns) == SCORES.column_names
    assert table["customer_id"].tolist() == tags["customer_id"].tolist()
    assert table["score"].tolist() == model.predict_proba(tags)[:, 1].tolist()
    assert set(table["kind"]) == {"propensity"}
    assert set(table["model_version"]) == {model.model_version_}


def test_a_scores_table_needs_customers(model, bank):
    with pytest.raises(InvalidInput, match="frame must have the column 'customer_id'"):
        model.score_table(bank[0].drop(columns="customer_id"), as_of="2026-06-30")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_trees": 0}, "max_trees must be at least 1, got 0"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"subsample": 0}, "subsample must be greater than 0"),
        ({"colsample": 1.5}, "colsample must be between 0 and 1, got 1.5"),
        ({"learning_rate": -1}, "learning_rate must be between 0 and 1"),
        ({"max_leaves": 1}, "max_leaves must be between 2 and 4,?096"),
        ({"calibration": "plat"}, "did you mean 'platt'"),
        ({"cv": 1}, "cv must be at least 2 folds, got 1"),
        ({"cv": "times"}, "cv must be a number of folds, 'time' or a splitter, got 'times'"),
        ({"cv": "time"}, "cv='time' needs the column 'as_of' in X"),
        ({"additive": "yes"}, "additive must be True or False, got 'yes'"),
        ({"standard_error": 1}, "standard_error must be True or False, got 1"),
        ({"tune": 0}, "tune must be a number of seconds above 0"),
        ({"monotone": {"agee": 1}}, "monotone must name columns of X, got 'agee'.*'age'"),
        ({"monotone": {"age": 2}}, r"monotone\['age'\] must be 1 or -1, got 2"),
        ({"monotone": {"region": 1}}, "monotone must name tags that have an order, got 'region'"),
        (
            {"cv": RepeatedStratifiedKFold(n_splits=2, n_repeats=2)},
            "cv must test each row at most once",
        ),
        ({"cv": [(np.arange(40), np.arange(30, 60))]}, "cv must give folds whose train and test"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_refuses_wrong_parameters(change, message, bank):
    tags, y, _ = bank
    with pytest.raises(InvalidInput, match=message):
        PropensityModel(**(FAST | change)).fit(tags.head(400), y[:400])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones(100), "both classes to learn from, got only one class"),
        (np.arange(100) % 3, "Only binary classification is supported"),
        (np.linspace(0, 1, 100), "Unknown label type: continuous. Make y 0 and 1"),
        (np.ones(99), "one label per row of X"),
        (np.r_[np.nan, np.arange(99) % 2], r"contains NaN: 1 label\(s\) are null; leave those"),
    ],
    ids=["one class", "three", "continuous", "short", "null"],
)
def test_refuses_wrong_labels(y, message, bank):
    with pytest.raises(ValueError, match=message):
        PropensityModel(**FAST).fit(bank[0].head(100), y)


def test_refuses_negative_weights(bank):
    tags, y, _ = bank
    with pytest.raises(InvalidInput, match="sample_weight must be finite and at least 0"):
        PropensityModel(**FAST).fit(tags.head(100), y[:100], sample_weight=np.full(100, -1.0))


def test_refuses_infinite_values_and_names_the_column(bank):
    tags, y, _ = bank
    with pytest.raises(InvalidInput, match="column 'age' of X must be finite"):
        PropensityModel(**FAST).fit(tags.head(100).assign(age=np.inf), y[:100])


def test_refuses_tags_that_never_vary():
    with pytest.raises(InvalidInput, match="X must have a column that varies"):
        PropensityModel(**FAST).fit(pd.DataFrame({"a": [1] * 80}), np.arange(80) % 2)


def test_warns_of_few_positives_and_says_what_that_means(bank):
    tags, _, _ = bank
    y = np.r_[np.ones(12), np.zeros(388)]
    with pytest.warns(UserWarning, match=r"only 12 positives .* AUC is then about ± 0\.1\d"):
        PropensityModel(**FAST).fit(tags.head(400), y)


def test_a_single_positive_is_fitted_without_evaluation(bank):
    y = np.r_[1, np.zeros(99)]
    with pytest.warns(UserWarning, match="only 1 positives"):
        model = PropensityModel(**FAST).fit(bank[0].head(100), y)
    assert model.evaluation_ is None
    assert model.calibration_.kind == "none"
    assert np.isnan(model.oof_).all()


def test_refuses_unknown_labels_in_evaluate(model, bank):
    with pytest.raises(
        InvalidInput, match=r"y must hold the labels of fit \(\[0, 1\]\), got \[2\]"
    ):
        model.evaluate(bank[0].head(3), [0, 1, 2])


def test_the_positives_rate_survives_downsampled_negatives_with_weights(bank):
    tags, y, _ = bank
    keep = (y == 1) | (np.arange(len(y)) % 4 == 0)
    weight = np.where(y == 1, 1.0, 4.0)[keep]
    model = PropensityModel(**FAST).fit(tags[keep], y[keep], sample_weight=weight)
    assert model.predict_proba(tags)[:, 1].mean() == pytest.approx(y.mean(), rel=0.1)


def test_refit_on_arrays_forgets_names(bank):
    tags, y, _ = bank
    model = PropensityModel(**FAST).fit(tags.head(300), y[:300])
    assert model.n_features_in_ == 7
    model.fit(tags.head(300)[["aum_cny", "noise"]].to_numpy(), y[:300])
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 2


def test_parameters_survive_a_clone():
    made = PropensityModel(max_leaves=3, calibration="beta", random_state=None)
    assert clone(made).get_params() == made.get_params()
