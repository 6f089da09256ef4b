"""Saving and loading: whole, checked, replaced in one step."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core import model_folder
from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Lookalike
from marketing_ds.lookalike.scorers import size_of


@pytest.mark.parametrize("method", ["neighbours", "classifier", "ensemble"])
def test_a_loaded_model_is_the_same(fitted, frame, tmp_path, method):
    look = fitted(method)
    loaded = Lookalike.load(look.save(tmp_path / "model"))
    assert loaded.model_version_ == look.model_version_
    assert loaded.get_params() == {**look.get_params(), "exclude": []}
    assert (loaded.method_, loaded.recall_) == (look.method_, look.recall_)
    np.testing.assert_array_equal(loaded.score(frame)["score"], look.score(frame)["score"])
    assert loaded.expand(frame, size=10).ids() == look.expand(size=10).ids()
    assert size_of(loaded._scorer) == size_of(look._scorer)
    with pytest.raises(InvalidInput, match="candidates must be given"):
        loaded.expand(size=10)


def test_the_choice_of_the_method_is_kept(look, tmp_path):
    loaded = Lookalike.load(look.save(tmp_path))
    assert loaded.selection_.method == look.method_
    pd.testing.assert_frame_equal(loaded.selection_.to_frame(), look.selection_.to_frame())


def test_a_loaded_model_is_evaluated_alike(near, tmp_path):
    assert Lookalike.load(near.save(tmp_path)).evaluate().auc == near.evaluate().auc


def test_saving_again_replaces_and_leaves_no_rest(look, frame, seeds, tmp_path):
    look.save(tmp_path)
    other = Lookalike("neighbours", n_neighbors=50).fit(frame, seeds)
    other.save(tmp_path)
    assert Lookalike.load(tmp_path).model_version_ == other.model_version_
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("writes_before", [0, 1, 2])
def test_a_killed_save_leaves_the_old_model(
    look, frame, seeds, tmp_path, monkeypatch, writes_before
):
    look.save(tmp_path)
    other = Lookalike("neighbours", n_neighbors=50).fit(frame, seeds)
    replace, written = model_folder._replace, []

    def dying(path, content):
        if len(written) == writes_before:
            raise KeyboardInterrupt
        written.append(path)
        replace(path, content)

    monkeypatch.setattr(model_folder, "_replace", dying)
    with pytest.raises(KeyboardInterrupt):
        other.save(tmp_path)
    assert Lookalike.load(tmp_path).model_version_ == look.model_version_


@pytest.mark.parametrize("suffix", [".faiss", ".npz", ".ubj"])
def test_a_file_cut_short_is_refused(fitted, tmp_path, suffix):
    fitted("ensemble").save(tmp_path)
    path = next(tmp_path.glob(f"*{suffix}"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InvalidInput, match="cut short or was changed"):
        Lookalike.load(tmp_path)
    path.unlink()
    with pytest.raises(InvalidInput, match="is missing"):
        Lookalike.load(tmp_path)


def test_another_version_or_none_is_refused(look, tmp_path):
    with pytest.raises(InvalidInput, match="must hold a saved look-alike"):
        Lookalike.load(tmp_path)
    look.save(tmp_path)
    head = tmp_path / "model.json"
    head.write_text(json.dumps({**json.loads(head.read_text()), "format": 99}))
    with pytest.raises(InvalidInput, match="must be of format 3, got 99"):
        Lookalike.load(tmp_path)
    head.write_text("{")
    with pytest.raises(InvalidInput, match="is damaged"):
        Lookalike.load(tmp_path)
    with pytest.raises(InvalidInput, match="must be a directory"):
        look.save(head)
