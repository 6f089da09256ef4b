"""Explanations: equal to shap's, adding up, and readable."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity._reasons import reasons_of
from marketing_ds.tags import Aggregate, Tag


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
    assert reasons["aum_cny"] == "1234567.5"
    assert reasons["mobile"] == "true"
    assert reasons["region"] == "north"
    assert reasons["opened_on"] == "2021-03-04"
    assert pd.isna(reasons["age"])
    assert "constant" not in reasons  # a tag without any contribution is no reason


def test_a_customers_reasons_do_not_depend_on_who_else_is_asked_about(model, bank):
    tags = bank[0].head(300)
    batch = model.reasons(tags, top=7, language="both").set_index("customer_id")
    shap = model.explain(tags).contributions
    for row in (0, 7, 123, 299):
        single = model.reasons(tags.iloc[[row]], top=7, language="both").set_index("customer_id")
        pd.testing.assert_frame_equal(batch.loc[single.index.unique()], single, check_exact=True)
        np.testing.assert_array_equal(model.explain(tags.iloc[[row]]).contributions[0], shap[row])


def test_many_customers_are_explained_in_parts(model, bank, monkeypatch):
    whole = model.reasons(bank[0].head(50)), model.explain(bank[0].head(50))
    monkeypatch.setattr("marketing_ds.propensity._reasons._ROWS", 7)
    pd.testing.assert_frame_equal(model.reasons(bank[0].head(50)), whole[0])
    np.testing.assert_array_equal(
        model.explain(bank[0].head(50)).contributions, whole[1].contributions
    )


def test_sentences_say_value_direction_and_where_the_customer_stands(model, bank):
    row = bank[0].head(1).assign(aum_cny=5e6, age=70.0, region="north", mobile=False)
    reasons = model.reasons(row, top=7, language="both").set_index("tag")
    assert (
        reasons.loc["aum_cny", "sentence_en"] == "Aum: 5,000,000 CNY, more than 99 % of customers"
    )
    assert reasons.loc["aum_cny", "sentence_zh"] == "aum为5,000,000元，高于99%的客户"
    assert reasons.loc["aum_cny", "direction"] == "raises"
    assert reasons.loc["mobile", "direction"] == "lowers"
    assert reasons.loc["age", "sentence_zh"].startswith("年龄为70岁，高于8")
    assert (reasons["direction"] == np.where(reasons["contribution"] > 0, "raises", "lowers")).all()
    for language in ("en", "zh"):
        alone = model.reasons(row, top=7, language=language).set_index("tag")["sentence"]
        pd.testing.assert_series_equal(alone, reasons[f"sentence_{language}"], check_names=False)


def test_a_null_and_a_category_never_seen_have_sentences(model, bank):
    row = bank[0].head(1).assign(age=np.nan, region="moon")
    reasons = model.reasons(row, top=7).set_index("tag")["sentence"]
    assert reasons["age"].startswith("Age: not known, like ")
    assert reasons["region"] == "Region: moon, like few customers"


def test_ones_own_tags_bring_their_words(model, bank):
    own = Tag(
        "noise", "Noise heard, last 30 days", "近30天噪声", "float64",
        Aggregate("transactions", "count", days=30), "Noise.",
    )  # fmt: skip
    reasons = model.reasons(bank[0].head(1), top=7, tags=[own]).set_index("tag")["sentence"]
    assert reasons["noise"].startswith("Noise heard over the last 30 days: ")


def test_values_are_what_the_trees_see(model, bank):
    tags = bank[0].head(50)
    explained = model.explain(tags)
    at = explained.tags.index
    np.testing.assert_array_equal(
        explained.values[:, at("aum_cny")], tags["aum_cny"].to_numpy(np.float32)
    )
    assert np.isnan(explained.values[:, at("constant")]).all()
    np.testing.assert_array_equal(np.isnan(explained.values[:, at("age")]), tags["age"].isna())
    rates = explained.values[:, at("region")]
    assert np.nanmax(rates[tags["region"] == "north"]) > np.nanmax(rates[tags["region"] == "east"])


def test_a_model_without_splits_gives_no_reasons(model, bank):
    data = xgb.DMatrix(model.encoder_.transform(bank[0]), bank[1])
    flat = SimpleNamespace(
        encoder_=model.encoder_,
        reference_=model.reference_,
        booster_=xgb.train({"objective": "binary:logistic"}, data, 0),
    )
    reasons = reasons_of(flat, bank[0])
    assert len(reasons) == 0
    assert reasons.columns.tolist() == model.reasons(bank[0].head(1)).columns.tolist()


def test_the_language_must_be_known(model, bank):
    with pytest.raises(InvalidInput, match="language must be one of 'en', 'zh', 'both'"):
        model.reasons(bank[0].head(1), language="fr")


def test_reasons_without_customers_count_rows(model, bank):
    reasons = model.reasons(bank[0].head(3).drop(columns="customer_id"))
    assert reasons["row"].unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("top", [0, 1.5])
def test_top_must_be_a_count(model, bank, top):
    with pytest.raises(InvalidInput, match="top must be"):
        model.reasons(bank[0].head(3), top=top)
