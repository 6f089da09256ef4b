"""Who may be chosen, by what they are ranked, and what becomes of the customers found."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import marketing_ds as mds
from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Expansion, Lookalike
from marketing_ds.lookalike.expansion import Choice, Limit
from marketing_ds.schema import SCORES


@pytest.fixture
def values(frame):
    rng = np.random.default_rng(5)
    return pd.DataFrame({"customer_id": frame["customer_id"], "score": rng.normal(size=len(frame))})


def _as_list(frame, ids):
    return ids


def _as_frame(frame, ids):
    return pd.DataFrame({"customer_id": ids})


def _as_table(frame, ids):
    return ibis.memtable({"customer_id": ids})


def _as_audience(frame, ids):
    return mds.audience(frame, ids)


@pytest.mark.parametrize("made", [_as_list, _as_frame, _as_table, _as_audience])
@pytest.mark.parametrize("table", [lambda f: f, ibis.memtable], ids=["pandas", "ibis"])
def test_candidates_within_a_list_and_without_another(look, frame, seeds, made, table):
    inside = frame["customer_id"].tolist()[:800]
    outside = frame["customer_id"].tolist()[700:]
    found = look.expand(
        table(frame), share=1.0, within=made(frame, inside), suppress=made(frame, outside)
    )
    assert set(found.ids()) == set(inside[:700]) - set(seeds)
    assert found.n_candidates == found.size


def test_lists_to_suppress_may_have_names(look, frame):
    ids = frame["customer_id"].tolist()
    found = look.expand(share=1.0, suppress={"complained": ids[:1000], "staff": ids[1000:2900]})
    assert set(found.ids()) <= set(ids[2900:])
    assert found.size > 0


def test_ids_of_another_engine_are_fetched(look, frame, tiny_mart):
    inside = mds.audience(mds.tag_table(tiny_mart, "2026-06-30", tags=["aum"]), "aum > -1")
    with pytest.raises(InvalidInput, match="at most the number of candidates, 0, got 5"):
        look.expand(ibis.memtable(frame), size=5, within=inside)


@pytest.mark.parametrize(
    ("value", "said"), [("c00001", "within must be an audience"), ([1], "within must hold ids"),
                        (3, "within must be an audience"),
                        (pd.DataFrame({"id": ["a"]}), "customer_id"),
                        (ibis.memtable({"customer_id": [1, 2]}), "within must hold ids as text")],
)  # fmt: skip
def test_a_list_that_holds_no_ids_is_refused(look, value, said):
    with pytest.raises(InvalidInput, match=said):
        look.expand(size=5, within=value)
    with pytest.raises(InvalidInput, match="'staff'"):
        look.expand(size=5, suppress={"staff": [None]})


def test_of_the_close_ones_the_most_valuable_are_chosen(look, frame, seeds, values):
    found = look.expand(size=40, min_score=0.6, rank_by=values).to_frame()
    closeness = look.score(frame).set_index("customer_id")["score"].drop(seeds)
    close = values.set_index("customer_id")["score"][closeness.index[closeness >= 0.6]]
    assert found["customer_id"].tolist() == close.nlargest(40).index.tolist()
    assert found["value"].tolist() == close.nlargest(40).tolist()
    assert (found["score"] >= 0.6).all()


def test_ranked_by_value_they_are_closer_than_anybody_unless_said_otherwise(look, values):
    assert look.expand(size=100, rank_by=values).min_score >= 0.5
    assert look.expand(share=1.0, min_score=0.0, rank_by=values).min_score < 0.5
    assert look.expand(min_score=0.7, rank_by=ibis.memtable(values)).min_score >= 0.7


def test_equal_values_go_by_closeness(look, frame):
    same = pd.DataFrame({"customer_id": frame["customer_id"], "score": 1.0})
    assert look.expand(size=30, rank_by=same).ids() == look.expand(size=30).ids()


def test_candidates_without_a_value_are_left_out_and_counted(look, frame, seeds, values):
    some = values.iloc[:1000]
    found = look.expand(min_score=0.0, rank_by=some)
    assert found.n_unranked == len(set(frame["customer_id"][1000:]) - set(seeds))
    assert set(found.ids()) <= set(some["customer_id"])
    assert "without a value left out" in found._repr_html_()


def test_too_few_with_a_value_is_said(look, values):
    with pytest.raises(InvalidInput, match=r"with a value in rank_by and a closeness of at least"):
        look.expand(size=2000, rank_by=values)


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda v: v["score"], "must be a scores table, got|must be a scores table"),
     (lambda v: v[["customer_id"]], "'score'"),
     (lambda v: pd.concat([v, v]), "one score a customer"),
     (lambda v: v.assign(score=np.nan), "finite scores"),
     (lambda v: v.assign(score=np.inf), "finite scores"),
     (lambda v: v.assign(score="high"), "finite scores")],
)  # fmt: skip
def test_what_is_no_ranking_is_refused(look, values, change, said):
    with pytest.raises(InvalidInput, match=said):
        look.expand(size=5, rank_by=change(values))


def test_one_limit_is_wanted(look, values):
    for given in ({}, {"size": 3, "share": 0.1}, {"size": 3, "min_score": 0.5}):
        with pytest.raises(InvalidInput, match="exactly one of size, min_score and share"):
            look.expand(**given)
    with pytest.raises(InvalidInput, match="exactly one"):
        look.expand(size=3, share=0.1, rank_by=values)


def test_only_as_many_are_kept_as_may_be_chosen_and_nobody_is_lost():
    rng = np.random.default_rng(0)
    score = rng.random(330_000).round(4)
    ids = np.array([f"c{i:06d}" for i in range(len(score))], dtype=object)
    choice = Choice(Limit(500, None, None, None), frozenset(ids[:1000]))
    for start in range(0, len(ids), 30_000):
        choice.add(ids[start : start + 30_000], score[start : start + 30_000])
    everybody = pd.DataFrame({"customer_id": ids, "score": score})[1000:]
    expected = everybody.sort_values(["score", "customer_id"], ascending=[False, True]).head(500)
    assert choice.chosen()["customer_id"].tolist() == expected["customer_id"].tolist()
    assert choice.n_candidates == len(everybody)


def test_no_candidates_at_all_are_none_found():
    found = Choice(Limit(None, None, 0.5, None), frozenset()).chosen()
    assert found.empty
    assert list(found.columns) == ["customer_id", "score"]


def test_the_audience_is_ready_to_be_split_and_published(look, frame):
    found = look.expand(size=60)
    made = found.audience(frame, as_of="2026-06-30")
    assert set(made.to_frame()["customer_id"]) == set(found.ids())
    assert made.as_of == dt.date(2026, 6, 30)
    assert f"60 found by look-alike {look.model_version_}" in repr(made)
    assert made.split(["control", "mail"], salts=5).counts["customers"].tolist() == [30, 30]


def test_the_scores_keep_the_contract(look):
    found = look.expand(size=20)
    scores = found.scores("2026-06-30")
    assert list(scores.columns) == list(SCORES.column_names)
    assert scores["customer_id"].tolist() == found.ids()
    assert set(scores["kind"]) == {"lookalike"}
    assert set(scores["model_version"]) == {look.model_version_}


def test_no_look_alike_of_a_look_alike_however_it_is_wrapped(look, frame):
    found = look.expand(size=200)
    made = found.audience(frame)
    known = mds.audience(made.base, "visits >= 4")
    for seeds in (found, made, made & known, made.limit(100), made | known, made - known):
        with pytest.raises(InvalidInput, match="found by a look-alike"):
            Lookalike("neighbours", n_jobs=1).fit(frame, seeds)
    Lookalike("neighbours", n_jobs=1).fit(frame, known - made)


def test_ids_as_a_list_force_it(look, frame):
    found = look.expand(size=200)
    assert Lookalike("neighbours", n_jobs=1).fit(frame, found.ids()).n_seeds_ == 200


@pytest.mark.parametrize("table", [lambda f: f, ibis.memtable], ids=["pandas", "ibis"])
def test_the_holdout_is_a_lot_among_all_candidates(look, frame, seeds, table):
    found = look.expand(table(frame), size=300)
    drawn = found.holdout()
    rows = drawn.assignments
    assert rows["customer_id"].is_unique
    assert rows["arm"].value_counts()["control"] == 300
    held = set(drawn.ids("control"))
    assert not held & set(seeds)
    assert set(drawn.ids()) == set(found.ids()) - held
    # About as many of the found are drawn as of anybody: binomial with p = 300 / candidates.
    p = 300 / found.n_candidates
    assert abs(len(held & set(found.ids())) - 300 * p) < 4 * np.sqrt(300 * p * (1 - p))
    assert drawn.shares == {"control": 300.0, "lookalike": pytest.approx(300 * (1 - p))}
    chance = rows.groupby("arm")["probability"].unique()
    assert chance["control"].tolist() == [p]
    assert chance["lookalike"].tolist() == [1 - p]
    assert drawn.to_frame()["customers"].sum() == len(rows)


def test_the_holdout_depends_on_salt_and_not_on_engine_or_order(look, frame):
    one = look.expand(frame, size=100).holdout()
    two = look.expand(ibis.memtable(frame.iloc[::-1]), size=100).holdout()
    pd.testing.assert_frame_equal(one.assignments, two.assignments)
    other = look.expand(frame, size=100).holdout(salt="other")
    assert set(other.ids("control")) != set(one.ids("control"))


def test_the_holdout_keeps_to_the_limits(look, frame, seeds):
    inside = frame["customer_id"].tolist()[:500]
    kept = look.expand(size=50, within=inside, keep_seeds=True).holdout(size=400)
    assert set(kept.ids("control")) <= set(inside)
    assert set(kept.ids("control")) & set(seeds)


def test_a_holdout_that_cannot_be_drawn_is_refused(look):
    found = look.expand(size=100)
    with pytest.raises(InvalidInput, match="below the number of candidates"):
        found.holdout(size=found.n_candidates)
    with pytest.raises(InvalidInput, match="below the number of candidates"):
        look.expand(share=1.0).holdout()
    with pytest.raises(InvalidInput, match="empty expansion"):
        look.expand(min_score=1.0).holdout()
    with pytest.raises(InvalidInput, match="does not know"):
        Expansion(found.frame, 3000, 150, False, "0f3a").holdout()
    with pytest.raises(InvalidInput, match="does not know its candidates"):
        Expansion(found.frame, 3000, 150, False, "0f3a").skew()
    with pytest.raises(InvalidInput, match="salt must be text"):
        found.holdout(salt=3)
    with pytest.raises(InvalidInput, match="took all of them"):
        look.expand(size=1).holdout(size=found.n_candidates - 1)
    with pytest.raises(InvalidInput, match="arm must be one of"):
        found.holdout().ids("sms")


def test_an_arm_of_the_holdout_is_an_audience_that_knows_its_origin(look, frame):
    drawn = look.expand(size=100).holdout()
    made = drawn.audience(frame)
    assert set(made.to_frame()["customer_id"]) == set(drawn.ids())
    with pytest.raises(InvalidInput, match="found by a look-alike"):
        Lookalike("neighbours").fit(frame, made)


def test_limits_holdout_and_skew_are_the_same_on_each_engine(engine_mart, near, frame, seeds):
    aged = frame.assign(age=np.arange(len(frame)) % 60)
    table = engine_mart.connection.view("bank", ibis.memtable(pa.Table.from_pandas(aged)))
    limits = {"within": mds.audience(table, "noise_0 > 0.5"), "suppress": seeds[:50]}
    found = near.expand(table, size=150, **limits)
    inside = frame.loc[frame["noise_0"] > 0.5, "customer_id"]
    wanted = near.expand(aged, size=150, within=inside, suppress=seeds[:50])
    assert found.ids() == wanted.ids()
    pd.testing.assert_frame_equal(found.holdout().assignments, wanted.holdout().assignments)
    pd.testing.assert_frame_equal(found.skew().to_frame(), wanted.skew().to_frame())
