"""The proxy check: skews that are planted are found, with what carries them; none are invented."""

from __future__ import annotations

import warnings

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Lookalike, SkewWarning
from marketing_ds.profiling import tgi_interval


@pytest.fixture(scope="module")
def skewed(bank):
    """Gender is told by `visits`, which closeness uses; age by nothing."""
    frame, _ = bank
    rng = np.random.default_rng(8)
    likely = np.where(frame["visits"].fillna(2) >= 4, 0.85, 0.35)
    return frame.assign(
        gender=np.where(rng.random(len(frame)) < likely, "F", "M"),
        age=rng.integers(18, 80, len(frame)),
    )


@pytest.fixture(scope="module")
def model(skewed, seeds):
    return Lookalike("neighbours", n_jobs=1).fit(skewed, seeds)


@pytest.fixture(scope="module")
def skew(model):
    with pytest.warns(SkewWarning, match=r"skew by Gender: Gender [FM] has TGI \d+"):
        return model.expand(size=300).skew()


def test_sensitive_tags_were_not_used(model):
    assert not {"gender", "age"} & set(model.tags_)


def test_a_planted_skew_is_found_and_no_other(skew):
    rows = skew.to_frame()
    assert set(rows.loc[rows["skewed"], "tag"]) == {"gender"}
    assert skew.skewed
    women = rows[(rows["tag"] == "gender") & (rows["value"] == "F")].iloc[0]
    assert women["tgi"] > 125
    assert women["tgi_ci_lower"] > 100
    assert women["auc_ci_lower"] > 0.6
    assert rows.loc[rows["tag"] == "age", "auc"].isna().all()


def test_the_carrier_is_named_with_the_part_it_explains(skew):
    first = skew.carriers.iloc[0]
    assert first["carrier"] == "visits"
    assert 0.7 < first["explained_share"] < 1.3
    assert skew.to_frame().query("skewed")["carriers"].str.startswith("visits").all()


def test_the_part_explained_by_hand(skewed, model, seeds):
    found = model.expand(size=300)
    with pytest.warns(SkewWarning):
        carriers = found.skew(tags=["gender"]).carriers
    candidates = skewed[~skewed["customer_id"].isin(seeds)]
    women = candidates["gender"] == "F"
    chosen = candidates["customer_id"].isin(found.ids())
    by_visits = women.groupby(candidates["visits"].fillna(-1)).mean()
    brought = by_visits[candidates.loc[chosen, "visits"].fillna(-1)].mean()
    row = carriers[(carriers["value"] == "F") & (carriers["carrier"] == "visits")].iloc[0]
    # `visits` has a dozen values, so every value has a level of its own.
    assert row["carrier_tgi"] == pytest.approx(100 * brought / women.mean(), rel=0.01)


def test_counts_and_tgi_by_hand(skewed, model, seeds, skew):
    found = set(model.expand(size=300).ids())
    candidates = skewed[~skewed["customer_id"].isin(seeds)]
    women = candidates[candidates["gender"] == "F"]["customer_id"]
    row = skew.to_frame().query("tag == 'gender' and value == 'F'").iloc[0]
    assert row["n_candidates"] == len(women)
    assert row["n_found"] == len(found & set(women))
    assert skew.n_candidates == len(candidates)
    expected = tgi_interval([row["n_found"]], 300, [len(women)], len(candidates))
    assert (row["tgi"], row["tgi_ci_lower"]) == (expected[0][0], expected[1][0])


def test_an_engine_gives_the_same(skewed, model, skew):
    with pytest.warns(SkewWarning):
        other = model.expand(ibis.memtable(skewed.iloc[::-1]), size=300).skew()
    pd.testing.assert_frame_equal(other.to_frame(), skew.to_frame())


def test_a_choice_by_lot_does_not_skew(model, skewed):
    by_lot = pd.DataFrame(
        {"customer_id": skewed["customer_id"],
         "score": np.random.default_rng(3).random(len(skewed))}
    )  # fmt: skip
    found = model.expand(size=300, min_score=0.0, rank_by=by_lot)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked = found.skew()
    assert not checked.skewed
    assert checked.carriers.empty
    assert checked.to_frame()["carriers"].eq("").all()


def test_only_beyond_the_threshold(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not model.expand(size=300).skew(min_tgi=30).skewed


def test_titles_in_chinese(skew):
    assert "性别" in set(skew.to_frame("zh")["title"])
    assert "What carries it" in skew._repr_html_()


def test_a_table_of_sensitive_tags_beside_the_candidates(model, skewed):
    found = model.expand(skewed.drop(columns=["gender", "age"]), size=300)
    with pytest.raises(InvalidInput, match="must have a sensitive tag"):
        found.skew()
    with pytest.warns(SkewWarning):
        checked = found.skew(skewed[["customer_id", "gender"]])
    # Without the used tags nothing can carry it.
    assert checked.skewed
    assert checked.carriers.empty


@pytest.mark.parametrize(
    ("given", "said"),
    [({"tags": "gender"}, r"use \['gender'\]"), ({"tags": ["sex"]}, "'sex'"),
     ({"tags": []}, "at least one"), ({"min_tgi": 120}, "min_tgi"), ({"alpha": 0}, "alpha")],
)  # fmt: skip
def test_wrong_arguments_are_refused(model, given, said):
    with pytest.raises(InvalidInput, match=said):
        model.expand(size=300).skew(**given)


def test_what_cannot_be_checked_is_refused(model, skewed):
    with pytest.raises(InvalidInput, match="empty expansion"):
        model.expand(min_score=1.0).skew()
    with pytest.raises(InvalidInput, match="customers found must be in the frame"):
        model.expand(size=300).skew(skewed.head(100))
    with pytest.raises(InvalidInput, match="large enough"):
        model.expand(size=12).skew()
