"""Bad input: one clear sentence each."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Lookalike


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "neighbors"}, "did you mean 'neighbours'"),
        ({"n_neighbors": 0}, "n_neighbors must be"),
        ({"trim": 0.9}, "trim must be between 0 and 0.5"),
        ({"weighting": "contrasts"}, "did you mean 'contrast'"),
        ({"recall": 2}, "recall must be between 0 and 1"),
        ({"base_size": 10}, "base_size must be"),
        ({"on_indistinct": "ignore"}, "on_indistinct must be one of"),
        ({"n_folds": 1}, "n_folds must be"),
        ({"random_state": -1}, "random_state must be"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"exclude": "visits"}, r"use \['visits'\]"),
        ({"exclude": ["vists"]}, "did you mean 'visits'"),
    ],
)
def test_wrong_parameters(frame, seeds, parameters, message):
    with pytest.raises(InvalidInput, match=message):
        Lookalike(**parameters).fit(frame, seeds)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "at least one customer"),
        ("c00001", "must be customer ids"),
        (7, "must be customer ids"),
        ([1, 2], "must be texts"),
        (["c00001", None], "must be texts"),
        (["nobody"], "1 of 1 that are not, e.g. 'nobody'"),
        (pd.DataFrame({"id": ["c00001"]}), "'customer_id'"),
        (ibis.memtable({"id": ["c00001"]}), "'customer_id'"),
    ],
)
def test_wrong_seeds(frame, wrong, message):
    with pytest.raises(InvalidInput, match=message):
        Lookalike("neighbours").fit(frame, wrong)


def test_seeds_of_every_shape_are_the_same(near, frame, seeds):
    class Audience:
        def ids(self):
            return ibis.memtable({"customer_id": seeds})

    for given in (pd.Series(seeds), pd.DataFrame({"customer_id": seeds}), Audience(), seeds * 2):
        assert Lookalike("neighbours").fit(frame, given).model_version_ == near.model_version_


def test_everybody_a_seed(frame):
    with pytest.raises(InvalidInput, match="must leave candidates"):
        Lookalike("neighbours").fit(frame, frame["customer_id"])


def test_a_look_alike_of_a_look_alike(look, frame):
    with pytest.raises(InvalidInput, match="drifts away"):
        Lookalike("neighbours").fit(frame, look.expand(size=60))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="customer_id"), "'customer_id'"),
        (lambda f: f[["customer_id"]], "at least one tag"),
        (lambda f: f.iloc[:0], "at least one row"),
        (lambda f: pd.concat([f, f.head(2)]), "must be unique"),
        (lambda f: ibis.memtable(pd.concat([f, f.head(2)])), "must be unique"),
        (lambda f: f.assign(visits=np.inf), "visits must be finite"),
        (lambda f: f[["customer_id"]].assign(same=1), "every one of them is constant"),
        (lambda f: f.assign(customer_id=range(len(f))), "customer_id must be text"),
        (lambda f: f.assign(customer_id=f["customer_id"].where(f.index > 0)), "must not be null"),
        (lambda f: f.assign(visits=[1, "a"] * (len(f) // 2)), "one type per column"),
        (lambda f: f.assign(visits=[[1]] * len(f)), "visits must be a number"),
        (lambda f: pd.concat([f, f[["visits"]]], axis=1), "each column once"),
        (lambda f: f.to_dict("list"), "must be a pandas frame or an Ibis table"),
    ],
)
def test_wrong_frames(frame, seeds, change, message):
    with pytest.raises(InvalidInput, match=message):
        Lookalike("neighbours").fit(change(frame), seeds)


def test_a_frame_to_score_must_have_the_same_tags(look, frame):
    with pytest.raises(InvalidInput, match="'visits'"):
        look.score(frame.drop(columns="visits"))
    with pytest.raises(InvalidInput, match="visits must hold a number"):
        look.score(frame.assign(visits="many"))
    with pytest.raises(InvalidInput, match="visits must be finite"):
        look.score(frame.assign(visits=-np.inf))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "exactly one of size"),
        ({"size": 5, "share": 0.1}, "size and share"),
        ({"size": 0}, "size must be"),
        ({"size": 100_000}, "at most the number of candidates"),
        ({"min_score": 2}, "min_score must be between"),
        ({"share": -1}, "share must be between"),
    ],
)
def test_wrong_limits(look, limits, message):
    with pytest.raises(InvalidInput, match=message):
        look.expand(**limits)


def test_too_few_seeds_to_evaluate(frame, seeds):
    model = Lookalike("neighbours", n_folds=100).fit(frame, seeds)
    with pytest.raises(InvalidInput, match="n_folds must be at most half"):
        model.evaluate()


def test_an_empty_table_gives_no_scores(look, frame):
    assert look.score(frame.iloc[:0]).empty
    assert look.score(ibis.memtable(frame).filter(ibis._.customer_id == "nobody")).empty
