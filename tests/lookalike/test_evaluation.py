"""Evaluation on held-out seeds: repeats, sizes, and beside a score that the caller has."""

from __future__ import annotations

from copy import copy

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput


@pytest.fixture(scope="module")
def propensity(bank):
    """A score that knows the group, and one that is noise."""
    frame, group = bank
    rng = np.random.default_rng(1)
    return {
        "knows": frame[["customer_id"]].assign(score=group + rng.normal(0, 0.2, len(frame))),
        "noise": frame[["customer_id"]].assign(score=rng.normal(size=len(frame))),
    }


@pytest.fixture(scope="module")
def evaluation(near, propensity):
    return near.evaluate(beside=propensity)


def test_every_method_is_evaluated_by_itself(fitted):
    model = copy(fitted("classifier")).set_params(n_folds=2)
    evaluation = model.evaluate()
    assert evaluation.method == "classifier"
    assert evaluation.auc_ci_lower > 0.7


def test_beside_scores_the_same_seeds_are_ranked(evaluation):
    table = evaluation.comparison.set_index("ranking")
    assert table.index.tolist() == ["look-alike", "knows", "noise", "random"]
    ours = table.loc["look-alike"]
    assert ours["difference"] == ours["difference_ci_lower"] == ours["difference_ci_upper"] == 0
    assert table.loc["knows", "difference_ci_upper"] < 0
    assert table.loc["noise", "difference_ci_lower"] > 0
    assert table.loc["noise", "auc_ci_lower"] < 0.5 < table.loc["noise", "auc_ci_upper"]
    random = table.loc["random"]
    assert random["auc"] == random["auc_ci_lower"] == random["auc_ci_upper"] == 0.5
    assert random["difference"] == pytest.approx(evaluation.auc - 0.5)


def test_recall_stands_beside_that_of_the_scores(evaluation):
    table = evaluation.to_frame()
    assert (table["knows_recall"] >= table["recall"]).all()
    assert (table["noise_recall_ci_lower"] <= table["top_share"]).all()
    assert (table["noise_recall_ci_upper"] >= table["noise_recall"]).all()


def test_an_ibis_table_of_scores_counts_alike(near, propensity, evaluation):
    table = ibis.memtable(propensity["knows"])
    other = near.evaluate(beside={"knows": table})
    pd.testing.assert_series_equal(
        other.comparison.iloc[1], evaluation.comparison.iloc[1], check_names=False
    )


def test_repeats_average_the_placements(near):
    once, thrice = near.evaluate(), near.evaluate(n_repeats=3)
    assert thrice.placements.shape == (3, near.n_seeds_)
    np.testing.assert_array_equal(thrice.placements[0], once.placements[0])
    assert not np.array_equal(thrice.placements[0], thrice.placements[1])
    assert thrice.auc == pytest.approx(thrice.placements.mean())
    assert thrice.recall_at(0.1) == pytest.approx((thrice.placements >= 0.9).mean())
    assert "3 times" in thrice._repr_html_()
    assert thrice.auc_ci_upper - thrice.auc_ci_lower < 1.05 * (
        once.auc_ci_upper - once.auc_ci_lower
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["score"], "must be a pandas frame or an Ibis table"),
        (lambda f: f.drop(columns="score"), "'score'"),
        (lambda f: f.iloc[:100], "without a finite score"),
        (lambda f: f.assign(score=np.nan), "without a finite score"),
        (lambda f: pd.concat([f, f.head(1)]), "must be unique"),
    ],
)
def test_wrong_scores_to_stand_beside(near, propensity, change, message):
    with pytest.raises(InvalidInput, match=message):
        near.evaluate(beside={"propensity": change(propensity["knows"])})


def test_repeats_are_counted(near):
    with pytest.raises(InvalidInput, match="n_repeats must be at least 1"):
        near.evaluate(n_repeats=0)
