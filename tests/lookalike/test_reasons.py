"""Why customers are close: tags, nearest seeds, words; and the seeds' own profile."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

import marketing_ds as mds
from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import Lookalike, TagLevels
from marketing_ds.lookalike.explaining.reasons import explain_customers
from marketing_ds.lookalike.explaining.seed_profile import sureness
from marketing_ds.lookalike.explaining.words import Span, Words, spans, words_of
from marketing_ds.lookalike.training import Training
from marketing_ds.profiling import tgi_interval


class _OneTag:
    """Closeness that follows from the first tag alone."""

    def scores(self, codes, row):
        return np.where(codes[:, 0] == 2, 0.9, 0.3)


@pytest.fixture(scope="module")
def found(look):
    return look.expand(size=30)


@pytest.fixture(scope="module")
def reasons(look, found):
    return look.reasons(found)


def test_customers_come_in_the_order_asked_for(look, found, frame):
    asked = found.ids()[:5][::-1]
    made = look.reasons(asked)
    assert made.scores.index.tolist() == asked
    expected = look.score(frame).set_index("customer_id")["score"][asked]
    np.testing.assert_allclose(made.scores, expected, atol=1e-6)


def test_ids_audience_and_tables_are_explained_alike(look, found, frame):
    ids = found.ids()[:4]
    rows = frame[frame["customer_id"].isin(ids)]
    expected = look.reasons(rows).to_frame().sort_values(["customer_id", "rank"])
    for given_as in (ids, mds.audience(frame, ids), pd.DataFrame({"customer_id": ids}),
                     ibis.memtable(rows)):  # fmt: skip
        got = look.reasons(given_as).to_frame().sort_values(["customer_id", "rank"])
        pd.testing.assert_frame_equal(got.reset_index(drop=True), expected.reset_index(drop=True))


def test_reasons_are_among_what_was_planted(reasons):
    rows = reasons.to_frame()
    first = rows[rows["rank"] == 1]
    assert set(first["tag"]) <= {"visits", "funds_cny", "channel", "first_on"}
    assert (rows["contribution"] > 0).all()
    assert (rows["tgi"] > 100).mean() > 0.9
    assert rows.groupby("customer_id")["contribution"].apply(lambda c: c.is_monotonic_decreasing).all()  # fmt: skip


@pytest.mark.parametrize("method", ["classifier", "ensemble"])
def test_every_method_gives_reasons_and_nearest_seeds(fitted, method):
    model = fitted(method)
    made = model.reasons(model.expand(size=12), nearest=2)
    rows = made.to_frame()
    assert set(rows.loc[rows["rank"] == 1, "tag"]) <= {"visits", "funds_cny", "channel", "first_on"}
    assert len(made.nearest) == 24
    assert set(made.nearest["seed_id"]) <= set(model.seeds_)


def test_the_summary_counts_customers_and_names_none(reasons, found):
    told, rows = reasons.summary(), reasons.to_frame()
    first = told.iloc[0]
    of_tag = rows[rows["tag"] == first["tag"]]
    assert first["customers"] == of_tag["customer_id"].nunique() == told["customers"].max()
    assert first["customer_share"] == first["customers"] / 30
    assert first["mean_contribution"] == pytest.approx(of_tag["contribution"].mean())
    page = reasons._repr_html_() + found._repr_html_()
    assert "customers are close" in page
    assert not [customer for customer in found.ids() if customer in page]


def test_a_contribution_by_hand():
    # Half of the base, and every seed, is in level 2 of the first tag; the second tells nothing.
    base = np.array([[1, 1], [2, 2], [1, 2], [2, 1]] * 50, dtype=np.int16)
    seeds = np.array([[2, 1], [2, 2]] * 20, dtype=np.int16)
    codes = np.concatenate([seeds, base])
    is_seed = np.arange(len(codes)) < len(seeds)
    levels = tuple(TagLevels(name, "number", edges=(0.5,)) for name in ("told", "silent"))
    ids = np.array([f"c{i:03d}" for i in range(len(codes))], dtype=object)
    training = Training(ids, codes, is_seed, ~is_seed, levels, len(base))
    told = (np.array(["new"], dtype=object), np.array([[2, 1]], dtype=np.int16))
    made = explain_customers(training, _OneTag(), told, top=5, nearest=2)
    (row,) = made.to_frame().to_dict("records")
    # The stand-ins are the middles of five fifths of the base: 1, 1, 1 (or 2), 2, 2.
    without = np.mean([logit(0.3)] * 3 + [logit(0.9)] * 2)
    assert row["tag"] == "told"
    assert row["contribution"] == pytest.approx(logit(0.9) - without)
    assert (row["seed_share"], row["base_share"], row["tgi"]) == (1.0, 0.5, 200.0)
    assert row["value"] == "≥1"
    assert made.nearest["distance"].tolist() == [0.0, 0.0]


def test_seeds_are_not_their_own_nearest(look, seeds):
    made = look.reasons(seeds[:10], nearest=4)
    near = made.nearest
    assert (near["customer_id"] != near["seed_id"]).all()
    assert set(near["seed_id"]) <= set(seeds)
    assert near.groupby("customer_id")["rank"].apply(list).tolist() == [[1, 2, 3, 4]] * 10
    assert near.groupby("customer_id")["distance"].apply(lambda d: d.is_monotonic_increasing).all()


def test_who_was_found_lies_nearer_than_an_ordinary_customer(reasons):
    assert reasons.nearest.query("rank == 1")["distance"].median() < 1


def test_customers_that_nothing_brings_closer_have_no_reasons(look, frame):
    far = look.score(frame).nsmallest(1, "score")["customer_id"].tolist()
    made = look.reasons(far)
    assert made.to_frame()["contribution"].gt(0).all()
    assert far[0] in made.text(far[0])


def test_reasons_in_words_of_both_languages(look, found, frame):
    named = frame.rename(columns={"funds_cny": "aum", "visits": "events_90d"})
    model = Lookalike("neighbours", n_jobs=1).fit(named, look.seeds_.tolist())
    customer = model.expand(size=1).ids()[0]
    made = model.reasons([customer], top=9)
    assert "Assets under management (CNY)" in made.text(customer)
    assert "Nearest seeds: " in made.text(customer)
    chinese = made.text(customer, "zh")
    assert "管理资产" in chinese or "资产" in chinese
    assert "最近的种子客户" in chinese
    with pytest.raises(InvalidInput, match="language must be one of"):
        made.to_frame("de")
    with pytest.raises(InvalidInput, match="customer_id must be one of"):
        made.text("nobody")


def test_who_cannot_be_explained_is_named(look, frame, tmp_path):
    with pytest.raises(InvalidInput, match=r"e\.g\. 'nobody'"):
        look.reasons(["c00001", "nobody"])
    with pytest.raises(InvalidInput, match="got 1 that are not"):
        look.reasons(["nobody"])
    with pytest.raises(InvalidInput, match="1 to 1,000 at once, got 0"):
        look.reasons([])
    with pytest.raises(InvalidInput, match="got 3,000"):
        look.reasons(frame)
    with pytest.raises(InvalidInput, match="'visits'"):
        look.reasons(frame.drop(columns="visits").head(3))
    with pytest.raises(InvalidInput, match="top must be"):
        look.reasons(["c00001"], top=0)
    look.save(tmp_path)
    loaded = Lookalike.load(tmp_path)
    with pytest.raises(InvalidInput, match="keeps no frame"):
        loaded.reasons(["c00001"])
    assert len(loaded.reasons(frame.head(2)).scores) == 2


def test_the_seeds_profile_by_hand(look, frame, seeds):
    rows = look.explain().tgi.to_frame()
    is_seed = frame["customer_id"].isin(seeds)
    app = rows.query("tag == 'channel' and value == 'app'").iloc[0]
    counts = [int((is_seed & (frame["channel"] == "app")).sum()), int((frame["channel"] == "app").sum())]  # fmt: skip
    assert [app["n_seeds"], app["n_base"]] == counts
    tgi, lower, upper, _ = tgi_interval([counts[0]], len(seeds), [counts[1]], len(frame))
    assert (app["tgi"], app["tgi_ci_lower"], app["tgi_ci_upper"]) == (tgi[0], lower[0], upper[0])


def test_small_counts_are_not_shown(look):
    rows = look.explain().tgi.to_frame()
    assert rows[["n_seeds", "n_base"]].min().min() >= 10


def test_the_rows_to_look_at_first(look):
    told = look.explain().tgi
    rows = told.most_telling(6)
    assert len(rows) == 6
    assert rows["tag"].isin(["visits", "funds_cny", "channel", "first_on"]).mean() > 0.6
    assert (rows["tgi"] > 100).sum() >= 3
    assert not told.to_frame().iloc[0]["tag"].startswith("noise")


def test_a_sampled_base_that_holds_some_seeds(frame, seeds):
    model = Lookalike("neighbours", base_size=1000, n_jobs=1).fit(frame, seeds)
    told = model.explain().tgi
    assert (told.n_seeds, told.n_base) == (len(seeds), 1000)
    whole = Lookalike("neighbours", n_jobs=1).fit(frame, seeds).explain().tgi
    assert told.to_frame()["tgi"].max() == pytest.approx(whole.to_frame()["tgi"].max(), rel=0.3)


def test_sureness_is_the_end_nearest_to_a_hundred():
    sure = sureness(np.array([200.0, 90.0, 0.0]), np.array([300.0, 110.0, 50.0]))
    np.testing.assert_allclose(sure, [np.log(2), 0, np.log(2)])


@given(st.lists(st.floats(0, 1), min_size=3, max_size=40), st.sampled_from(["number", "date"]))
def test_groups_of_levels_cover_every_level_once(weights, kind):
    total = sum(weights) or 1.0
    tag = TagLevels("x", kind, edges=tuple(float(i) for i in range(len(weights) - 2)))
    groups = spans(tag, np.array(weights) / total)
    assert [level for g in groups for level in range(g.first, g.last + 1)] == list(range(len(weights)))  # fmt: skip


def test_levels_in_words():
    heavy = TagLevels("x", "number", (0.0, float(np.nextafter(0.0, 1)), 2500.5, 80000.25))
    told = Words(heavy, None)
    assert [told.span(Span(v, v)) for v in range(6)] == [
        "(missing)", "<0", "0", ">0 to <2,500", "2,500 to <80,000", "≥80,000",
    ]  # fmt: skip
    assert told.span(Span(1, 2)) == "≤0"
    assert told.span(Span(1, 5), "zh") == "（任意）"
    days = Words(TagLevels("d", "date", (18000.5, 18030.5)), None)
    assert [days.span(Span(v, v)) for v in (1, 2, 3)] == [
        "before 2019-04-15", "2019-04-15 to 2019-05-14", "since 2019-05-15",
    ]  # fmt: skip
    assert days.span(Span(3, 3), "zh") == "2019-05-15 起"
    asked = Words(TagLevels("b", "boolean", (0.5,)), None)
    assert [asked.span(Span(v, v), "zh") for v in (1, 2)] == ["否", "是"]
    regions = Words(TagLevels("r", "category", categories=("north",)), None)
    assert [regions.span(Span(v, v)) for v in (1, 2)] == ["north", "(rare or unseen)"]


def test_the_catalogues_words_are_used():
    levels = (
        TagLevels("aum", "number", (1000.0,)),
        TagLevels("app_share_90d", "number", (0.25,)),
        TagLevels("lifecycle", "category", categories=("mature",)),
    )
    aum, share, lifecycle = words_of(levels)
    assert aum.title() == "Assets under management (CNY)"
    assert aum.title("zh").endswith("（元）")
    assert share.span(Span(2, 2)) == "≥25.0%"
    assert lifecycle.span(Span(1, 1), "zh") != "mature"
