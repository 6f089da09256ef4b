"""Saving and loading: whole, checked, replaced in one step."""

import json

import numpy as np
import pytest

from marketing_ds._core import model_folder
from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import UpliftModel

from .simulate import experiment

QUICK = {"n_estimators": 20, "n_folds": 2, "n_jobs": 1}


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 2000, arms=("coupon", "a/b.c"), effect=0.6)


@pytest.fixture(scope="module", params=["dr", "s", "forest", "auto"])
def model(request, sample):
    return UpliftModel(request.param, **QUICK).fit(sample.X, sample.y, treatment=sample.arm)


@pytest.fixture(scope="module")
def other(sample):
    return UpliftModel("t", **QUICK).fit(sample.X[:900], sample.y[:900], sample.arm[:900])


def test_a_loaded_model_is_the_same(model, sample, tmp_path):
    loaded = UpliftModel.load(model.save(tmp_path / "model"))
    assert loaded.get_params() == model.get_params()
    assert loaded.model_version_ == loaded._digest() == model.model_version_
    np.testing.assert_array_equal(loaded.predict(sample.X), model.predict(sample.X))
    assert loaded.average_effect_ == model.average_effect_
    assert loaded.encoder_.columns_ == model.encoder_.columns_
    learnt = {name for name in vars(model) if name.endswith("_")}
    assert {name for name in vars(loaded) if name.endswith("_")} == learnt - {"crossfit_"}


def test_a_loaded_model_says_that_its_customers_stayed_behind(other, sample, tmp_path):
    loaded = UpliftModel.load(other.save(tmp_path))
    for ask in (
        lambda: loaded.group_effects(sample.X),
        lambda: loaded.policy_tree(sample.X),
        lambda: loaded.classic_groups(),
        lambda: loaded.curve("coupon"),
        lambda: loaded.calibrate(),
    ):
        with pytest.raises(InvalidInput, match="trained on"):
            ask()


def test_a_booster_that_is_used_twice_is_kept_once(sample, tmp_path):
    fitted = UpliftModel("t", **QUICK).fit(sample.X, sample.y, treatment=sample.arm)
    loaded = UpliftModel.load(fitted.save(tmp_path))
    for model in (fitted, loaded):  # the arm's outcome model is half of its effect
        assert model.terms_["coupon"][0].booster is model.outcome_terms_["coupon"][0].booster


def test_the_folder_holds_no_customers(model, tmp_path):
    model.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    with np.load(next(tmp_path.glob("*.npz")), allow_pickle=False) as content:
        sizes = [array.size for name, array in content.items() if not name.startswith("trees")]
    assert max(sizes) < 1000  # 2,000 were learnt from


@pytest.mark.filterwarnings("ignore:y is 0 for every customer")
def test_columns_without_names_and_outcomes_that_never_vary(tmp_path):
    X = np.random.default_rng(0).random((300, 2))
    fitted = UpliftModel(**QUICK).fit(X, np.zeros(300), treatment=np.arange(300) % 2)
    loaded = UpliftModel.load(fitted.save(tmp_path))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert not hasattr(loaded, "feature_names_in_")


def test_a_parameter_that_is_an_object_is_not_kept(sample, tmp_path):
    fitted = UpliftModel("t", random_state=np.random.RandomState(3), **QUICK)
    loaded = UpliftModel.load(fitted.fit(sample.X, sample.y, sample.arm).save(tmp_path))
    assert loaded.random_state == UpliftModel().random_state
    assert loaded.n_estimators == 20
    np.testing.assert_array_equal(loaded.predict(sample.X), fitted.predict(sample.X))


@pytest.mark.parametrize("writes_before", [0, 1])
def test_a_killed_save_leaves_the_old_model(model, other, tmp_path, monkeypatch, writes_before):
    model.save(tmp_path)
    replace, written = model_folder._replace, []

    def dying(path, content):
        if len(written) == writes_before:
            raise KeyboardInterrupt
        written.append(path)
        replace(path, content)

    monkeypatch.setattr(model_folder, "_replace", dying)
    with pytest.raises(KeyboardInterrupt):
        other.save(tmp_path)
    assert UpliftModel.load(tmp_path).model_version_ == model.model_version_


def test_a_damaged_folder_is_refused(other, tmp_path):
    other.save(tmp_path)
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InvalidInput, match="cut short or was changed"):
        UpliftModel.load(tmp_path)
    path.unlink()
    with pytest.raises(InvalidInput, match="is missing"):
        UpliftModel.load(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(InvalidInput, match="is damaged"):
        UpliftModel.load(tmp_path)


def test_another_version_or_none_is_refused(other, tmp_path):
    with pytest.raises(InvalidInput, match="must hold a saved uplift model"):
        UpliftModel.load(tmp_path)
    other.save(tmp_path)
    head = tmp_path / "model.json"
    saved = json.loads(head.read_text())
    head.write_text(json.dumps({**saved, "format": "propensity-1"}))
    with pytest.raises(InvalidInput, match="must be of format uplift-2, got 'propensity-1'"):
        UpliftModel.load(tmp_path)
    head.write_text(json.dumps({**saved, "parameters": {"depth": 3}}))
    with pytest.raises(InvalidInput, match="unknown parameter 'depth'"):
        UpliftModel.load(tmp_path)


def test_what_is_not_of_trees_is_refused(other, tmp_path, monkeypatch):
    from sklearn.linear_model import Ridge

    monkeypatch.setattr(other, "terms_", {"coupon": (Ridge(),)})
    with pytest.raises(InvalidInput, match=r"terms_\.coupon\.0 cannot be saved: it is a sklearn"):
        other.save(tmp_path)
    assert list(tmp_path.iterdir()) == []
