"""Explanations: equal to shap's, adding up, and readable."""

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from marketing_ds._core.errors import InvalidInput


def test_contributions_equal_shaps_tree_explainer(model, bank):
    shap = pytest.importorskip("shap")
    tags = bank[0].head(200)
    ours = model.explain(tags)
    theirs = shap.TreeExplainer(model.booster_)(model.encoder_.transform(tags))
    summed = np.zeros_like(ours.contributions)
    for column, tag in enumerate(model.encoder_.origin_):
        summed[:, tag] += theirs.values[:, column]
    np.testing.assert_allclose(ours.contributions, summed, atol=1e-4)
    assert ours.base == pytest.approx(float(np.ravel(theirs.base_values)[0]), abs=1e-4)


def test_contributions_add_up_to_the_margin(model, bank):
    tags = bank[0].head(200)
    explained = model.explain(tags)
    margin = model.booster_.predict(xgb.DMatrix(model.encoder_.transform(tags)), output_margin=True)
    np.testing.assert_allclose(
        explained.contributions.sum(axis=1) + explained.base, margin, atol=1e-4
    )


def test_importance_finds_what_drives_the_outcome(model, bank):
    frame = model.explain(bank[0]).to_frame()
    assert frame["tag"].iloc[0] == "aum_cny"
    strength = frame.set_index("tag")["mean_abs_shap"]
    assert strength["region"] > 1.5 * strength["noise"]
    assert strength["constant"] == 0
    assert frame["importance_share"].sum() == pytest.approx(1)
    assert (frame["mean_abs_shap_ci_lower"] <= frame["mean_abs_shap"]).all()


def test_size_draws_that_many_rows(model, bank):
    assert model.explain(bank[0], size=50).contributions.shape == (50, 7)
    assert model.explain(bank[0].head(20), size=None).contributions.shape == (20, 7)


def test_reasons_name_each_customers_strongest_tags(model, bank):
    tags = bank[0].head(40)
    reasons = model.reasons(tags, top=2)
    explained = model.explain(tags)
    for row, customer in enumerate(tags["customer_id"]):
        mine = reasons[reasons["customer_id"] == customer]
        strongest = np.argsort(-np.abs(explained.contributions[row]))[:2]
        assert mine["rank"].tolist() == [1, 2]
        assert mine["tag"].tolist() == [explained.tags[i] for i in strongest]
        np.testing.assert_allclose(mine["contribution"], explained.contributions[row, strongest])


def test_reasons_of_one_row_are_those_of_the_batch(model, bank):
    batch = model.reasons(bank[0].head(10))
    single = model.reasons(bank[0].iloc[[7]])
    mine = batch[batch["customer_id"] == single["customer_id"].iloc[0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, single)


def test_reasons_show_values_as_words(model):
    row = {
        "aum_cny": [1234567.5],
        "age": [np.nan],
        "region": ["north"],
        "mobile": [True],
        "opened_on": [pd.Timestamp("2021-03-04")],
        "noise": [0.1],
        "constant": [1],
    }
    reasons = model.reasons(pd.DataFrame(row), top=7).set_index("tag")["value"]
    assert reasons["aum_cny"] == "1.23457e+06"
    assert reasons["region"] == "north"
    assert reasons["opened_on"] == "2021-03-04"
    assert pd.isna(reasons["age"])
    assert "constant" not in reasons  # a tag without any contribution is no reason


def test_reasons_without_customers_count_rows(model, bank):
    reasons = model.reasons(bank[0].head(3).drop(columns="customer_id"))
    assert reasons["row"].unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("top", [0, 1.5])
def test_top_must_be_a_count(model, bank, top):
    with pytest.raises(InvalidInput, match="top must be"):
        model.reasons(bank[0].head(3), top=top)
