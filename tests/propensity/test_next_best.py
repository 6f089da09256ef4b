"""Many products at once: one matrix, each calibrated, only what a customer can have is shown."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import NextBest, PropensityModel
from marketing_ds.propensity._borrow import borrowed_calibration, shared_slope
from marketing_ds.propensity._shared import SharedMatrix, shared_folds

LEVELS = np.array(list("abcdef"))
PRODUCTS = ["card", "fund", "loan"]


def make_bank(rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tags, what was bought, and the true probabilities of three products."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "customer_id": [f"c{seed}-{i}" for i in range(rows)],
            "income": rng.normal(size=rows),
            "age": rng.normal(size=rows),
            "job": rng.choice(LEVELS, rows),
        }
    )
    job = X["job"].to_numpy()
    margins = {
        "card": -2.2 + X["income"] + np.isin(job, ["a", "d"]),
        "fund": -2.6 + X["age"] + 1.5 * np.isin(job, ["b", "e"]),
        "loan": -1.6 - X["age"] - 1.5 * np.isin(job, ["c", "a"]),
    }
    P = pd.DataFrame({name: 1 / (1 + np.exp(-m)) for name, m in margins.items()})
    return X, (rng.random(P.shape) < P).astype(float), P


@pytest.fixture(scope="module")
def bank():
    X, Y, P = make_bank(3000, 0)
    held = np.random.default_rng(5).random(Y.shape) < 0.15
    return X, Y.mask(held), P


@pytest.fixture(scope="module")
def best(bank) -> NextBest:
    X, Y, _ = bank
    return NextBest(n_jobs=1, learning_rate=0.15, patience=10).fit(X, Y)


def small(**changes) -> NextBest:
    return NextBest(**{"n_jobs": 1, "learning_rate": 0.3, "max_trees": 5} | changes)


def test_it_orders_customers_as_well_as_a_model_for_each_product(best, bank):
    X, Y, _ = bank
    test, bought, P = make_bank(4000, 1)
    p = best.predict_proba(test)
    assert p.shape == (4000, 3)
    behind = []
    for j, name in enumerate(best.products_):
        at_risk = Y[name].notna()
        alone = PropensityModel(n_jobs=1, learning_rate=0.15, patience=10, cv=3).fit(
            X[at_risk], Y.loc[at_risk, name].astype(int)
        )
        own, its = (
            roc_auc_score(bought[name], s) for s in (p[:, j], alone.predict_proba(test)[:, 1])
        )
        behind.append(its - own)
        assert own > roc_auc_score(bought[name], P[name]) - 0.03
    assert np.mean(behind) < 0.003


def test_it_finds_more_purchases_than_the_most_popular(best):
    test, bought, _ = make_bank(3000, 4)
    result = best.evaluate(test, bought, k=1)
    rival = result.estimate("hit_rate", "most popular eligible")
    assert rival["difference_ci_lower"] > 0.05
    assert rival["p_value"] < 1e-6
    # The order of the products in Y does not matter; what they are does.
    turned = best.evaluate(test, bought[["loan", "card", "fund"]], k=1)
    assert turned.estimate()["value"] == result.estimate()["value"]
    with pytest.raises(InvalidInput, match="the products of fit"):
        best.evaluate(test, bought[["card"]])


def test_probabilities_compare_across_products(best):
    test, bought, _ = make_bank(6000, 2)
    p = best.predict_proba(test)
    chosen = p.argmax(axis=1)
    row = np.arange(len(test))
    # Of those for whom a product comes first, as many buy it as was foretold for them.
    for j, name in enumerate(best.products_):
        here = chosen == j
        error = np.sqrt(np.mean(p[row, j][here] * (1 - p[row, j][here])) / here.sum())
        assert abs(bought[name][here].mean() - p[here, j].mean()) < 4 * error + 0.02


def test_customers_who_were_not_at_risk_teach_nothing(bank):
    X, Y, _ = bank
    Y = Y[["card", "fund"]].iloc[:800]
    X = X.iloc[:800]
    extra = X.assign(customer_id="x" + X["customer_id"], income=-X["income"])
    nulls = Y.assign(card=np.nan)
    stacked = small().fit(pd.concat([X, extra]), pd.concat([Y, nulls]))
    assert np.isnan(stacked.oof_[800:, 0]).all()
    np.testing.assert_array_equal(np.isfinite(stacked.oof_[800:, 1]), Y["fund"].notna())
    assert stacked.popularity_[0] == Y["card"].sum()


def test_out_of_fold_probabilities_are_calibrated(best, bank):
    _, Y, _ = bank
    for j, name in enumerate(best.products_):
        known = Y[name].notna()
        assert best.oof_[known, j].mean() == pytest.approx(Y.loc[known, name].mean(), abs=0.005)
        assert np.isnan(best.oof_[~known, j]).all()


def test_rows_of_one_customer_stay_in_one_fold_and_rare_labels_are_spread():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 300, 900)
    Y = (rng.random((900, 2)) < [0.3, 0.02]).astype(float)
    folds = shared_folds(Y, groups, 3, 0)
    assert np.sort(np.concatenate([test for _, test in folds])).tolist() == list(range(900))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
    alone = shared_folds(Y, np.arange(900), 3, 0)
    rare = [int(Y[test, 1].sum()) for _, test in alone]
    assert max(rare) - min(rare) <= 1


def test_one_matrix_gives_what_a_matrix_of_its_own_would():
    """Relabelled, it must know nothing of the label before."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(500, 3)).astype(np.float32)
    first, second = (rng.random((2, 500)) < 1 / (1 + np.exp(-Z[:, :2].T))).astype(float)
    w = np.ones(500)
    parameters = {"objective": "binary:logistic", "max_bin": 32, "nthread": 1, "seed": 0}
    folds = shared_folds(first[:, None], np.arange(500), 3, 0)
    grow = {"max_trees": 5, "patience": 5}
    shared = SharedMatrix(Z, folds, parameters, ["float"] * 3)
    shared.grow(first, w, **grow)
    again = shared.grow(second, w, **grow)
    alone = SharedMatrix(Z, folds, parameters, ["float"] * 3).grow(second, w, **grow)
    assert again.trees == alone.trees
    np.testing.assert_array_equal(again.margin, alone.margin)
    np.testing.assert_array_equal(
        again.booster.inplace_predict(Z), alone.booster.inplace_predict(Z)
    )


def test_the_same_data_gives_the_same_model(best, bank):
    X, Y = bank[0], bank[1]
    X, Y = X.head(900), Y.head(900)
    first, again = (small().fit(X, Y) for _ in range(2))
    assert again.model_version_ == first.model_version_
    np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))
    assert clone(best).get_params() == best.get_params()
    assert small(max_leaves=3).fit(X, Y).model_version_ != first.model_version_


def test_only_what_a_customer_is_eligible_for_is_shown(best, bank):
    X, Y, _ = bank
    eligible = Y.notna()
    ranked = best.rank(X, top=3, eligible=eligible)
    flags = eligible.assign(customer_id=X["customer_id"]).set_index("customer_id")
    assert all(flags.loc[r.customer_id, r.product] for r in ranked.head(300).itertuples())
    assert len(ranked) == eligible.to_numpy().sum()
    assert ranked["customer_id"].drop_duplicates().tolist() == [
        c for c, any_ in zip(X["customer_id"], eligible.any(axis=1), strict=True) if any_
    ]


def test_rank_is_by_probability_and_by_expected_value(best, bank):
    X = bank[0].head(50)
    p = pd.DataFrame(best.predict_proba(X), columns=list(best.products_))
    first = best.rank(X, top=1)
    assert first["product"].tolist() == p.idxmax(axis=1).tolist()
    np.testing.assert_allclose(first["probability"], p.max(axis=1))
    worth = {"card": 1.0, "fund": 20.0, "loan": 1.0}
    valued = best.rank(X, top=1, value=worth)
    expected = p * pd.Series(worth)
    assert valued["product"].tolist() == expected.idxmax(axis=1).tolist()
    np.testing.assert_allclose(valued["expected_value_cny"], expected.max(axis=1))
    by_customer = pd.DataFrame(np.tile(list(worth.values()), (50, 1)), columns=list(worth))
    pd.testing.assert_frame_equal(best.rank(X, top=1, value=by_customer), valued)


def test_eligibility_by_rule(best, bank):
    X = bank[0].head(60)
    ranked = best.rank(X, top=3, eligible={"loan": "age >= 0"})
    shown = set(ranked.loc[ranked["product"] == "loan", "customer_id"])
    assert shown == set(X.loc[X["age"] >= 0, "customer_id"])
    assert (ranked["product"] == "card").sum() == 60


def test_an_array_has_rows_instead_of_customers(bank):
    X, Y, _ = bank
    numbers = X[["income", "age"]].to_numpy()
    model = small().fit(numbers, Y.to_numpy())
    assert model.products_ == ("p0", "p1", "p2")
    assert model.rank(numbers[:2], top=1).columns.tolist() == [
        "row",
        "rank",
        "product",
        "probability",
    ]


def test_recommendations_say_why(best, bank):
    X = bank[0].head(40)
    told = best.recommend(X, top=2, n_reasons=1)
    assert told.drop(columns="reason").equals(best.rank(X, top=2))
    about = told[told["reason"] != ""]
    assert len(about) > 20
    for row in about.head(10).itertuples():
        (mine,) = np.flatnonzero(X["customer_id"] == row.customer_id)
        why = best.model(row.product).reasons(X.iloc[[mine]], top=1)
        assert why["direction"].tolist() == ["raises"]
        assert row.reason == why["sentence"].iloc[0]
    assert best.recommend(X.head(3), language="zh")["reason"].str.contains("客户").any()


def test_scores_go_under_the_contract_with_the_product_as_arm(best, bank):
    X, Y, _ = bank
    scores = best.score_table(X.head(30), as_of="2026-06-30", eligible=Y.head(30).notna())
    assert scores["kind"].unique().tolist() == ["propensity"]
    assert len(scores) == Y.head(30).notna().to_numpy().sum()
    assert set(scores["arm"]) == set(PRODUCTS)
    assert scores["model_version"].unique().tolist() == [best.model_version_]
    top = best.score_table(X.head(30), as_of="2026-06-30", top=1)
    assert top["customer_id"].tolist() == X["customer_id"].head(30).tolist()
    with pytest.raises(InvalidInput, match="customer_id"):
        best.score_table(X.drop(columns="customer_id"), as_of="2026-06-30")


def test_products_that_few_bought_borrow_and_are_named(bank):
    X, Y, P = bank
    rng = np.random.default_rng(3)
    rare = Y.assign(rare=(rng.random(len(X)) < 0.03 * P.max(axis=1)).astype(float), nobody=0.0)
    count = int(rare["rare"].sum())
    assert 5 < count < 30
    with pytest.warns(UserWarning, match=rf"2 product.*rare \({count}\), nobody \(0\)") as warned:
        model = NextBest(n_jobs=1, learning_rate=0.15, patience=10).fit(X, rare)
    assert warned[0].filename == __file__
    assert model.borrowed_ == ("rare", "nobody")
    foretold = np.nanmean(model.oof_[:, 3:], axis=0)
    np.testing.assert_allclose(foretold, [(count + 0.5) / 3001, 0.5 / 3001], rtol=1e-6)
    # Whoever is readier to buy anything is likelier to buy this.
    test, _, truth = make_bank(3000, 9)
    ready = 1 - (1 - truth).prod(axis=1)
    found = model.predict_proba(test)[:, 3]
    assert np.corrcoef(np.argsort(np.argsort(found)), np.argsort(np.argsort(ready)))[0, 1] > 0.7
    assert model.summary().set_index("product")["borrows"].to_dict()["rare"]


def test_where_all_products_are_rare_each_has_its_base_rate(bank):
    X, _, _ = bank
    Y = pd.DataFrame({"a": np.zeros(len(X)), "b": np.zeros(len(X))})
    Y.iloc[:4, 0] = 1
    with pytest.warns(UserWarning, match="2 product"):
        model = small().fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p[:, 0], 4.5 / (len(X) + 1), rtol=1e-6)
    np.testing.assert_allclose(p[:, 1], 0.5 / (len(X) + 1), rtol=1e-6)


def test_the_borrowed_slope_is_the_mean_of_the_others():
    rng = np.random.default_rng(0)
    margin = rng.normal(size=20_000)
    steep, flat = (
        (rng.random(20_000) < 1 / (1 + np.exp(3 - b * margin))).astype(float) for b in (0.8, 0.2)
    )
    w = np.ones(20_000)
    assert shared_slope(margin, np.column_stack([steep, flat]), w, [0, 1]) == pytest.approx(
        0.5, abs=0.06
    )
    calibration = borrowed_calibration(margin, np.zeros(20_000), w, 0.5)
    assert calibration.probability(margin).mean() == pytest.approx(0.5 / 20_001)


def test_one_product_is_a_model_of_its_own(best, bank):
    X = bank[0].head(100)
    fund = best.model("fund")
    np.testing.assert_allclose(
        fund.predict_proba(X)[:, 1], best.predict_proba(X)[:, best.products_.index("fund")]
    )
    why = fund.explain(X)
    margin = fund.booster_.inplace_predict(fund.encoder_.transform(X), predict_type="margin")
    np.testing.assert_allclose(why.contributions.sum(axis=1) + why.base, margin, atol=1e-5)
    with pytest.raises(InvalidInput, match="did you mean 'fund'"):
        best.model("funds")


def test_a_weight_is_a_count(bank):
    X, Y, _ = bank
    X, Y = X.head(600), Y.head(600)
    twice = small().fit(X, Y, sample_weight=np.full(600, 2.0))
    np.testing.assert_allclose(twice.popularity_, 2 * np.nansum(Y, axis=0))
    gone = np.where(np.arange(600) < 500, 1.0, 0.0)
    assert np.isnan(small().fit(X, Y, sample_weight=gone).oof_[500:]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: Y * 2, r"must be 0, 1 or null, got 2"),
        (lambda Y: Y.astype(object).where(Y.isna(), "yes"), "0, 1 or null, got other values"),
        (lambda Y: Y.assign(fund=np.nan), "'fund' has nulls only"),
        (lambda Y: Y.head(5), "one row per row of X"),
        (lambda Y: Y.drop(columns=PRODUCTS), "a column per product"),
        (lambda Y: Y["card"].to_numpy(), "a frame with a column per product"),
    ],
)
def test_outcomes_that_break_a_rule(bank, change, message):
    X, Y, _ = bank
    with pytest.raises(InvalidInput, match=message):
        small().fit(X, change(Y))


def test_outcomes_of_other_customers_are_refused(bank):
    X, Y, _ = bank
    keyed = Y.assign(customer_id=X["customer_id"])
    with pytest.raises(InvalidInput, match="customers of X in the same order, but 'customer_id'"):
        small().fit(X, keyed.iloc[::-1])
    assert small().fit(X.head(600), keyed.head(600)).products_ == tuple(PRODUCTS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eligible": {"funds": "age > 0"}}, "did you mean 'fund'"),
        ({"eligible": pd.DataFrame({"card": [True] * 10})}, "must have the column"),
        ({"eligible": np.ones((10, 2), dtype=bool)}, "a column per product"),
        ({"eligible": np.ones((4, 3), dtype=bool)}, "one row per row of X"),
        ({"eligible": np.full((10, 3), np.nan)}, "holds nulls"),
        ({"eligible": np.full((10, 3), 2)}, "holds other values"),
        ({"value": {"card": 1.0}}, "value must have the column"),
        ({"value": {"card": 1.0, "fund": -1.0, "loan": 1.0}}, r"value\['fund'\]"),
        ({"value": pd.DataFrame(np.full((10, 3), -1.0), columns=PRODUCTS)}, "at least 0"),
        ({"top": 0}, "top must be at least 1"),
    ],
)
def test_rankings_that_break_a_rule(best, bank, given, message):
    with pytest.raises(InvalidInput, match=message):
        best.rank(bank[0].head(10), **given)


def test_rules_need_customers(best, bank):
    X = bank[0].head(5).drop(columns="customer_id")
    with pytest.raises(InvalidInput, match="'customer_id' for eligible="):
        best.rank(X, eligible={"loan": "age > 0"})


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"cv": 1}, "cv must be at least 2"),
        ({"learning_rate": 0}, "learning_rate must be greater than 0"),
        ({"calibration": "beta2"}, "did you mean 'beta'"),
        ({"max_leaves": 1}, "max_leaves"),
        ({"additive": "yes"}, "additive must be True or False"),
    ],
)
def test_parameters_that_break_a_rule(bank, parameter, message):
    with pytest.raises(InvalidInput, match=message):
        small(**parameter).fit(bank[0], bank[1])


def test_columns_that_never_vary_are_refused(bank):
    _, Y, _ = bank
    with pytest.raises(InvalidInput, match="a column that varies"):
        small().fit(pd.DataFrame({"one": np.ones(len(Y))}), Y)


def test_nothing_that_was_passed_is_changed(bank):
    X, Y, _ = bank
    before = X.copy(), Y.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(X.head(600), Y.head(600)).rank(X.head(3))
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_frame_equal(Y, before[1])
