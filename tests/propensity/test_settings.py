"""What a fit can be asked for: monotone effects, folds by time and customer, tuning, errors."""

import builtins

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import PropensityModel

from .conftest import make_bank

FAST = {"n_jobs": 1, "max_trees": 30, "learning_rate": 0.2, "patience": 5}


@pytest.fixture(scope="module")
def small(bank):
    tags, y, _ = bank
    return tags.head(900), y[:900]


@pytest.mark.parametrize("direction", [1, -1])
def test_a_monotone_tag_only_moves_the_score_one_way(small, direction):
    tags, y = small
    model = PropensityModel(**FAST, monotone={"aum_cny": direction}).fit(tags, y)
    one = tags.head(1).drop(columns="customer_id")
    ladder = pd.concat([one] * 200, ignore_index=True)
    ladder["aum_cny"] = np.geomspace(10, 1e8, 200)
    score = model.predict_proba(ladder)[:, 1]
    assert (direction * np.diff(score) >= 0).all()
    assert (np.ptp(score) > 0.05) == (direction == 1)  # the truth rises with the balance


def test_without_the_regression_trees_stand_alone(small):
    tags, y = small
    model = PropensityModel(**FAST, additive=False).fit(tags, y)
    assert model.penalty_ is None
    assert model.booster_.num_boosted_rounds() == model.n_trees_


def test_the_regression_helps_where_responders_are_few():
    tags, p = make_bank(9000, 3)
    y = np.random.default_rng(4).random(9000) < p
    X, label = tags.head(500), y[:500]
    new, truth = tags.tail(8000), y[-8000:]
    auc = {
        additive: PropensityModel(n_jobs=1, additive=additive)
        .fit(X, label)
        .evaluate(new, truth)
        .auc.value
        for additive in (True, False)
    }
    assert auc[True] > auc[False] + 0.005


def test_a_customer_of_several_dates_is_in_one_fold(small):
    tags, y = small
    noise = pd.DataFrame({"customer_id": tags["customer_id"], "code": np.arange(900.0)})
    often, label = pd.concat([noise] * 4, ignore_index=True), np.tile(y, 4)
    # `code` tells who the customer is: with a twin in the training part it would tell the label.
    found = PropensityModel(n_jobs=1).fit(often, label).evaluation_.auc.value
    assert found < 0.6
    leaking = often.drop(columns="customer_id")
    assert PropensityModel(n_jobs=1).fit(leaking, label).evaluation_.auc.value > 0.7
    groups = np.tile(np.arange(900), 4)
    again = PropensityModel(n_jobs=1).fit(leaking, label, groups=groups).evaluation_.auc.value
    assert again < 0.6


def test_folds_by_time_predict_each_date_from_those_before(small):
    tags, y = small
    dates = pd.Timestamp("2026-01-31") + pd.to_timedelta(np.arange(900) // 300 * 30, unit="D")
    model = PropensityModel(**FAST, cv="time").fit(tags.assign(as_of=dates), y)
    assert np.isnan(model.oof_[:300]).all()
    assert np.isfinite(model.oof_[300:]).all()


def test_with_folds_by_time_probabilities_follow_the_rate_of_the_latest_dates():
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(4), 1500)
    rate = np.array([0.05, 0.1, 0.2, 0.4])[day]
    tags = pd.DataFrame({"age": rng.normal(50, 10, 6000), "visits": rng.poisson(3, 6000)})
    y = rng.random(6000) < rate * np.where(tags["age"] > 50, 1.3, 0.7)
    dates = pd.Timestamp("2026-01-31") + pd.to_timedelta(day * 30, unit="D")
    model = PropensityModel(**FAST, cv="time").fit(tags.assign(as_of=dates), y)
    assert model.evaluation_.rows == 1500  # 600 positives: the last date is enough
    assert model.evaluation_.mean_probability.value == pytest.approx(0.4, abs=0.03)
    now = model.predict_proba(tags.assign(as_of=dates[-1]))[:, 1]  # by all dates' rates: 0.19
    assert now.mean() == pytest.approx(y[day == 3].mean(), abs=0.03)
    at_random = PropensityModel(**FAST).fit(tags.assign(as_of=dates), y)
    assert at_random.evaluation_.rows == 6000
    few = PropensityModel(**FAST, cv="time").fit(tags.assign(as_of=dates), y & (day < 2))
    assert few.evaluation_.rows == 4500  # all three that were predicted


def test_one_date_gives_no_folds_by_time(small):
    tags, y = small
    with pytest.raises(InvalidInput, match="cv='time' needs at least two dates"):
        PropensityModel(**FAST, cv="time").fit(tags.assign(as_of=pd.Timestamp("2026-01-31")), y)


def test_groups_must_match_the_rows(small):
    tags, y = small
    with pytest.raises(
        InvalidInput, match=r"groups must have one value per row of X \(900\), got 2"
    ):
        PropensityModel(**FAST).fit(tags, y, groups=[1, 2])


def test_tuning_never_ends_worse_than_the_defaults_and_repeats(small):
    tags, y = small
    plain = PropensityModel(**FAST).fit(tags, y)
    tuned = PropensityModel(**FAST, tune=3.0).fit(tags, y)
    first = tuned.trials_.iloc[0]
    assert first["max_leaves"] == 20
    assert len(tuned.trials_) > 1
    best = tuned.trials_.loc[tuned.trials_["state"] == "complete", "log_loss"].min()
    assert best <= first["log_loss"]
    assert plain.trials_ is None
    longer = PropensityModel(**FAST, tune=3.0).fit(tags, y).trials_
    both = min(len(longer), len(tuned.trials_))
    pd.testing.assert_frame_equal(longer.head(both), tuned.trials_.head(both))


def test_tuning_without_optuna_says_how_to_get_it(small, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidInput, match=r"tune needs the package optuna.*marketing-ds\[tune\]"):
        PropensityModel(**FAST, tune=1.0).fit(*small)


def test_standard_errors_are_about_those_of_models_of_other_customers():
    new = make_bank(300, 99)[0]
    estimates, errors = [], []
    for seed in range(12):
        tags, p = make_bank(1500, seed)
        y = np.random.default_rng(seed + 100).random(1500) < p
        model = PropensityModel(**FAST, standard_error=True, cv=8, calibration="none").fit(tags, y)
        both, error = model.predict_proba(new, se=True)
        estimates.append(both[:, 1])
        errors.append(error)
    spread = np.std(estimates, axis=0, ddof=1).mean()
    told = np.mean(errors)
    assert 0.75 < told / spread < 1.5


def test_standard_errors_must_be_asked_for_at_fit(model, bank):
    with pytest.raises(InvalidInput, match="fit it with standard_error=True"):
        model.predict_proba(bank[0].head(3), se=True)
