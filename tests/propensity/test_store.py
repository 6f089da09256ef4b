"""Saving and loading: whole, checked, replaced in one step."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

from marketing_ds._core import model_folder
from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import PropensityModel


@pytest.fixture(scope="module")
def other(bank):
    tags, y, _ = bank
    return PropensityModel(n_jobs=1, max_trees=3, cv=2).fit(tags.head(500), y[:500])


def test_a_loaded_model_is_the_same(model, bank, tmp_path):
    tags = bank[0].head(300)
    loaded = PropensityModel.load(model.save(tmp_path / "model"))
    assert loaded.model_version_ == model.model_version_
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(tags), model.predict_proba(tags))
    np.testing.assert_array_equal(loaded.predict(tags), model.predict(tags))
    pd.testing.assert_frame_equal(
        loaded.reasons(tags.head(20), language="both"),
        model.reasons(tags.head(20), language="both"),
    )
    assert loaded.reference_ == model.reference_
    assert loaded.calibration_ == model.calibration_
    assert loaded.encoder_.columns_ == model.encoder_.columns_
    pd.testing.assert_frame_equal(loaded.evaluation_.to_frame(), model.evaluation_.to_frame())
    learnt = {name for name in vars(model) if name.endswith("_")}
    assert {name for name in vars(loaded) if name.endswith("_")} == learnt - {"oof_"}


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [1.0, 2.0]])
def test_labels_keep_their_type(bank, tmp_path, labels):
    tags, y, _ = bank
    target = np.array(labels)[y[:400]]
    fitted = PropensityModel(n_jobs=1, max_trees=2, cv=2).fit(tags.head(400), target)
    loaded = PropensityModel.load(fitted.save(tmp_path))
    assert loaded.classes_.tolist() == labels
    assert loaded.classes_.dtype == fitted.classes_.dtype


def test_labels_that_are_objects_and_columns_without_names(bank, tmp_path):
    tags, y, _ = bank
    X = tags[["aum_cny", "noise"]].head(400).to_numpy()
    target = np.array(["no", "yes"], dtype=object)[y[:400]]
    fitted = PropensityModel(n_jobs=1, max_trees=2, cv=2).fit(X, target)
    loaded = PropensityModel.load(fitted.save(tmp_path))
    assert loaded.predict(X).tolist() == fitted.predict(X).tolist()
    assert not hasattr(loaded, "feature_names_in_")


def test_a_parameter_that_is_an_object_is_not_kept(bank, tmp_path):
    tags, y, _ = bank
    fitted = PropensityModel(n_jobs=1, max_trees=2, cv=TimeSeriesSplit(2))
    loaded = PropensityModel.load(fitted.fit(tags.head(400), y[:400]).save(tmp_path))
    assert loaded.cv == PropensityModel().cv
    assert loaded.max_trees == 2


def test_parameters_keep_their_form(other, tmp_path, monkeypatch):
    given = {"monotone": {"aum_cny": 1}, "n_jobs": np.int64(1), "cv": (2, [3])}
    for name, value in given.items():
        monkeypatch.setattr(other, name, value)
    loaded = PropensityModel.load(other.save(tmp_path))
    assert {name: getattr(loaded, name) for name in given} == given
    monkeypatch.setattr(other, "monotone", {"aum_cny": object()})
    assert PropensityModel.load(other.save(tmp_path)).monotone == PropensityModel().monotone


def test_the_folder_holds_no_customers(model, tmp_path):
    model.save(tmp_path)
    for path in tmp_path.iterdir():
        assert b"c0-1" not in path.read_bytes()
    with np.load(next(tmp_path.glob("*.npz")), allow_pickle=False) as arrays:
        assert max(array.size for array in arrays.values()) < 1_000  # 4,000 were learnt from


def test_saving_again_replaces_and_leaves_no_rest(model, other, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    model.save(tmp_path)
    other.save(tmp_path)
    assert PropensityModel.load(tmp_path).model_version_ == other.model_version_
    assert len(list(tmp_path.iterdir())) == 4  # head, trees, arrays and the notes


@pytest.mark.parametrize("writes_before", [0, 1, 2])
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
    assert PropensityModel.load(tmp_path).model_version_ == model.model_version_


@pytest.mark.parametrize("suffix", [".npz", ".ubj"])
def test_a_file_cut_short_is_refused(other, tmp_path, suffix):
    other.save(tmp_path)
    path = next(tmp_path.glob(f"*{suffix}"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InvalidInput, match="cut short or was changed"):
        PropensityModel.load(tmp_path)
    path.unlink()
    with pytest.raises(InvalidInput, match="is missing"):
        PropensityModel.load(tmp_path)


def test_another_version_or_none_is_refused(other, tmp_path):
    with pytest.raises(InvalidInput, match="must hold a saved propensity model"):
        PropensityModel.load(tmp_path)
    other.save(tmp_path)
    head = tmp_path / "model.json"
    saved = json.loads(head.read_text())

    def refused(message, **changes):
        head.write_text(json.dumps({**saved, **changes}))
        with pytest.raises(InvalidInput, match=message):
            PropensityModel.load(tmp_path)

    refused("must be of format propensity-1, got 2", format=2)
    refused("unknown parameter 'depth'", parameters={"depth": 3})
    learnt = saved["learnt"]
    gone = {**learnt["calibration_"], "class": "marketing_ds.propensity._calibration:Gone"}
    refused("knew another 'Gone'", learnt={**learnt, "calibration_": gone})
    foreign = {**learnt["calibration_"], "class": "subprocess:Popen"}
    refused("knew another 'Popen'", learnt={**learnt, "calibration_": foreign})
    more = {**learnt["calibration_"], "holds": {"kind": "none", "slope": 1.0}}
    refused("knew another 'Calibration'", learnt={**learnt, "calibration_": more})
    head.write_text("{")
    with pytest.raises(InvalidInput, match="is damaged"):
        PropensityModel.load(tmp_path)
    with pytest.raises(InvalidInput, match="must be a directory"):
        other.save(head)


def test_what_cannot_be_saved_is_named(other, tmp_path, monkeypatch):
    monkeypatch.setattr(other, "strange_", {"a": object()}, raising=False)
    with pytest.raises(
        InvalidInput, match=r"strange_\.a cannot be saved: it is a builtins\.object"
    ):
        other.save(tmp_path)
