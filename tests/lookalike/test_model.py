"""The model: quality, contract of its outputs, and laws of its scores."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from marketing_ds.lookalike import (
    FewSeedsWarning,
    IndistinctSeedsWarning,
    Lookalike,
    SeedsNotDistinct,
)
from marketing_ds.schema import SCORES


def test_finds_the_hidden_half_of_the_group(look, bank, seeds):
    frame, group = bank
    rest = ~frame["customer_id"].isin(seeds).to_numpy()
    scores = look.score(frame)["score"].to_numpy()
    assert roc_auc_score(group[rest], scores[rest]) > 0.85


def test_contrast_beats_plain_distance(bank, seeds):
    frame, group = bank
    rest = ~frame["customer_id"].isin(seeds).to_numpy()
    ours, theirs = (
        roc_auc_score(
            group[rest],
            Lookalike("neighbours", weighting=weighting, n_jobs=1)
            .fit(frame, seeds)
            .score(frame)["score"][rest],
        )
        for weighting in ("contrast", None)
    )
    assert ours > theirs + 0.02
    assert theirs > 0.6


def test_seeds_are_scored_as_if_they_were_not_seeds(look, bank, seeds):
    frame, group = bank
    scores = look.score(frame).set_index("customer_id")["score"]
    hidden = frame.loc[group & ~frame["customer_id"].isin(seeds), "customer_id"]
    # Were they their own neighbours, seeds would score clearly higher than the rest of the group.
    assert abs(scores[seeds].mean() - scores[hidden].mean()) < 0.06


def test_scores_keep_the_contract(look, frame):
    shuffled = frame.sample(200, random_state=1)
    scores = look.score(shuffled, as_of="2026-06-30")
    assert list(scores.columns) == list(SCORES.column_names)
    assert scores["customer_id"].tolist() == shuffled["customer_id"].tolist()
    assert scores["score"].between(0, 1).all()
    assert scores["arm"].isna().all()
    assert scores["standard_error"].isna().all()
    assert set(scores["kind"]) == {"lookalike"}
    assert set(scores["as_of"]) == {dt.date(2026, 6, 30)}


def test_the_day_comes_from_the_frame_if_it_has_one(look, frame):
    dated = frame.head(5).assign(as_of=dt.date(2026, 1, 31))
    assert set(look.score(dated)["as_of"]) == {dt.date(2026, 1, 31)}
    assert set(look.score(ibis.memtable(dated))["as_of"]) == {dt.date(2026, 1, 31)}
    assert set(look.score(frame.head(5))["as_of"]) == {dt.date.today()}
    dated.loc[dated.index[0], "as_of"] = dt.date(2026, 2, 28)
    with pytest.raises(ValueError, match="as_of must be given"):
        look.score(dated)


def test_an_ibis_table_gives_the_same_model_and_scores(near, frame, seeds):
    table = ibis.memtable(frame.sample(frac=1, random_state=3))
    other = Lookalike("neighbours", n_jobs=1).fit(table, seeds)
    assert other.model_version_ == near.model_version_
    ours = near.score(frame).set_index("customer_id")["score"]
    theirs = other.score(table).set_index("customer_id")["score"]
    np.testing.assert_allclose(ours, theirs[ours.index], atol=1e-5)


def test_a_score_does_not_depend_on_who_else_is_scored(look, frame):
    whole = look.score(frame)["score"].to_numpy()
    alone = look.score(frame.iloc[[7]])["score"].to_numpy()
    np.testing.assert_allclose(alone, whole[[7]], atol=1e-5)


def test_monotone_change_of_a_number_changes_nothing(near, frame, seeds):
    changed = frame.assign(funds_cny=np.log1p(frame["funds_cny"]) * 3 - 2)
    other = Lookalike("neighbours", n_jobs=1).fit(changed, seeds)
    np.testing.assert_allclose(other.score(changed)["score"], near.score(frame)["score"], atol=1e-4)


def test_a_few_odd_seeds_change_little(near, bank, seeds):
    frame, group = bank
    odd = frame.loc[~group, "customer_id"].tolist()[:8]
    rest = ~frame["customer_id"].isin([*seeds, *odd]).to_numpy()
    trimmed = Lookalike("neighbours", trim=0.1, n_jobs=1).fit(frame, [*seeds, *odd])
    with_odd = roc_auc_score(group[rest], trimmed.score(frame)["score"][rest])
    without = roc_auc_score(group[rest], near.score(frame)["score"][rest])
    assert with_odd > without - 0.02
    assert (trimmed._scorer.index.is_seed.sum()) == len(seeds) + 8 - int(0.1 * (len(seeds) + 8))


def test_sensitive_tags_are_left_out_unless_asked_for(frame, seeds):
    with_age = frame.assign(age=np.arange(len(frame)) % 60)
    assert "age" not in Lookalike("neighbours").fit(with_age, seeds).tags_
    assert "age" in Lookalike("neighbours", sensitive=True).fit(with_age, seeds).tags_


def test_excluded_and_constant_tags_are_left_out(frame, seeds):
    model = Lookalike("neighbours", exclude=["visits"]).fit(frame.assign(same=1.0), seeds)
    assert "visits" not in model.tags_
    assert "same" not in model.tags_


def test_rows_and_tags_of_nothing_but_nulls_are_scored(frame, seeds):
    frame = frame.assign(empty=None)
    model = Lookalike("neighbours").fit(frame, seeds)
    nulls = pd.DataFrame({c: [None] for c in frame.columns}).assign(customer_id="new")
    assert model.score(nulls)["score"].between(0, 1).all()


def test_categories_as_pandas_categoricals_read_alike(near, frame, seeds):
    other = Lookalike("neighbours", n_jobs=1).fit(frame.astype({"region": "category"}), seeds)
    assert other.model_version_ == near.model_version_


def test_few_seeds_warn(frame, seeds):
    with pytest.warns(FewSeedsWarning, match="30 seeds are few"):
        Lookalike("neighbours").fit(frame, seeds[:30])


def test_a_random_seed_set_is_refused_or_flagged(frame):
    random = frame["customer_id"].sample(200, random_state=6).tolist()
    with pytest.raises(SeedsNotDistinct, match="a random draw could have been"):
        Lookalike("neighbours").fit(frame, random)
    with pytest.warns(IndistinctSeedsWarning):
        model = Lookalike("neighbours", on_indistinct="warn").fit(frame, random)
    assert model.distinctness_ > 0.01


def test_parameters_are_only_stored_and_cloned():
    model = Lookalike(n_neighbors=-1, trim=7)
    assert clone(model).get_params() == model.get_params()


def test_unfitted_says_so(frame):
    with pytest.raises(NotFittedError):
        Lookalike().score(frame)
    with pytest.raises(NotFittedError):
        Lookalike().expand(frame, size=1)


def test_the_frame_is_not_changed(frame, seeds):
    before = frame.copy(deep=True)
    Lookalike("neighbours").fit(frame, seeds).score(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_expand_by_size_takes_the_closest_and_no_seeds(look, frame, seeds):
    found = look.expand(size=50)
    scores = look.score(frame).set_index("customer_id")["score"].drop(seeds)
    assert found.size == 50
    assert not set(found.ids()) & set(seeds)
    assert found.min_score == pytest.approx(scores.nlargest(50).min(), abs=1e-6)
    assert found.n_candidates == len(frame) - len(seeds)


def test_expand_by_score_and_by_share(look, frame, seeds):
    by_score = look.expand(min_score=0.7)
    assert by_score.size > 0
    assert by_score.min_score >= 0.7
    by_share = look.expand(ibis.memtable(frame), share=0.1, keep_seeds=True)
    assert by_share.size == round(0.1 * len(frame))
    assert by_share.seeds_included
    assert set(by_share.ids()) & set(seeds)


def test_an_expansion_grows_by_prefixes(look):
    assert look.expand(size=80).ids()[:30] == look.expand(size=30).ids()


def test_evaluation_agrees_with_the_truth_it_cannot_see(near, seeds):
    evaluation = near.evaluate()
    # The rest of the group hides among the candidates, so the figure is a lower bound.
    assert 0.75 < evaluation.auc < 1
    assert evaluation.auc_ci_lower < evaluation.auc < evaluation.auc_ci_upper
    assert evaluation.n_seeds == len(seeds)
    table = evaluation.to_frame()
    assert (table["recall_ci_lower"] <= table["recall"]).all()
    assert table["recall"].is_monotonic_increasing
    assert table["lift"].iloc[3] > 2
    assert "AUC" in evaluation._repr_html_()


def test_evaluation_of_random_seeds_is_a_coin(frame):
    random = frame["customer_id"].sample(200, random_state=6).tolist()
    with pytest.warns(IndistinctSeedsWarning):
        model = Lookalike("neighbours", on_indistinct="warn").fit(frame, random)
    evaluation = model.evaluate()
    assert evaluation.auc_ci_lower < 0.5 < evaluation.auc_ci_upper


def test_explanation_names_what_was_planted(look):
    rows = look.explain().to_frame()
    assert set(rows["tag"].head(4)) <= {"visits", "funds_cny", "first_on", "channel"}
    noise = rows[rows["tag"].str.startswith("noise") & rows["level"].isna()]
    covered = (noise["difference_ci_lower"] < 0) & (noise["difference_ci_upper"] > 0)
    assert covered.sum() >= 6
    assert rows.loc[rows["tag"] == "visits", "information"].iloc[0] > 0.1


def test_any_kind_of_difference_is_noticed(frame):
    spread = frame["noise_0"].rank(pct=True).sub(0.5).abs()
    both_ends = frame.loc[spread > 0.45, "customer_id"].tolist()[:100]
    assert Lookalike("neighbours").fit(frame, both_ends).distinctness_ < 0.01


def test_a_sampled_base_keeps_every_seed_whatever_the_engine(frame, seeds):
    ours = Lookalike("neighbours", base_size=1000).fit(frame, seeds)
    table = ibis.memtable(frame.iloc[::-1])
    theirs = Lookalike("neighbours", base_size=1000).fit(table, seeds)
    assert ours._training.in_base.sum() == 1000
    assert ours.n_seeds_ == len(seeds)
    assert ours.n_base_ == len(frame)
    assert ours.model_version_ == theirs.model_version_


def test_streaming_in_many_batches_changes_nothing(frame, seeds, monkeypatch):
    whole = Lookalike("neighbours", base_size=1000).fit(frame, seeds)
    monkeypatch.setattr("marketing_ds.lookalike.inputs._BATCH", 250)
    parts = Lookalike("neighbours", base_size=1000).fit(frame, seeds)
    assert parts.model_version_ == whole.model_version_
    np.testing.assert_allclose(parts.score(frame)["score"], whole.score(frame)["score"], atol=1e-5)
