"""The parts: levels, space, index, placements."""

from __future__ import annotations

import datetime as dt
from unittest import mock

import faiss
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from marketing_ds._core.estimate import wilson
from marketing_ds.lookalike import encode as encoding
from marketing_ds.lookalike.encode import TagLevels, encode, fit_levels
from marketing_ds.lookalike.index import build_index, threads
from marketing_ds.lookalike.information import raw_evidence
from marketing_ds.lookalike.placement import place
from marketing_ds.lookalike.space import contrast_space, plain_space


def _table(**columns):
    return pa.table({name: pa.chunked_array([values]) for name, values in columns.items()})


def test_a_heavy_value_has_a_level_to_itself():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(1000) < 0.4, 0.0, rng.lognormal(size=1000))
    levels = fit_levels(_table(x=pa.array(values)), ["x"], bins=16)
    codes = encode(_table(x=pa.array(values)), levels)[:, 0]
    assert len(set(codes[values == 0])) == 1
    assert not set(codes[values == 0]) & set(codes[values > 0])


def test_nulls_rare_and_unseen_categories_have_levels():
    words = pa.array(["a"] * 30 + ["b"] * 25 + ["rare"] * 3 + [None])
    (tag,) = fit_levels(_table(x=words), ["x"], bins=16)
    codes = tag.codes(pa.chunked_array([["a", "b", "rare", "never seen", None]]))
    assert codes.tolist() == [1, 2, 3, 3, 0]
    assert [tag.label(c) for c in (0, 1, 3)] == ["(null)", "a", "(rare or unseen)"]


def test_dates_and_booleans_are_in_order():
    days = [dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)] * 5
    table = _table(d=pa.array(days), b=pa.array([True, False, None] * 5))
    levels = fit_levels(table, ["d", "b"], bins=16)
    assert encode(table, levels)[:3].tolist() == [[1, 2], [0, 1], [2, 0]]
    assert levels[0].label(1) == "below 2020-07-02"
    assert levels[0].label(2) == "from 2020-07-02"


def test_labels_of_a_tag_without_cuts():
    assert TagLevels("x", "number").label(1) == "any"


@given(
    st.lists(st.floats(-1e9, 1e9, width=32), min_size=2, max_size=60),
    st.integers(2, 20),
    st.sampled_from([0, 100]),
)
@settings(max_examples=60)
def test_numbers_of_half_the_width_have_the_same_levels(values, bins, few):
    exact, narrow = (_table(x=pa.array(values, kind)) for kind in (pa.float64(), pa.float32()))
    base = _table(x=pa.array(np.array(values) * (1 + 1e-9)))
    levels = fit_levels(base, ["x"], bins=bins)
    with mock.patch.object(encoding, "_FEW", few):  # compared with each edge, or bisected
        np.testing.assert_array_equal(encode(exact, levels), encode(narrow, levels))


def test_a_tag_that_is_not_used_is_not_read():
    table = _table(x=pa.array([1.0, 2.0]), y=pa.array([1.0, 2.0]))
    levels = fit_levels(table, ["x", "y"], bins=4)
    found = encode(table.drop_columns("x"), levels, used=(False, True))
    assert found.tolist() == [[0, 1], [0, 2]]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60), st.integers(2, 20))
@settings(max_examples=60)
def test_levels_keep_the_order_of_numbers(values, bins):
    table = _table(x=pa.array(values))
    codes = encode(table, fit_levels(table, ["x"], bins=bins))[:, 0]
    order = np.argsort(values, kind="stable")
    assert (np.diff(codes[order].astype(int)) >= 0).all()


def test_evidence_by_hand():
    # 30 of 40 seeds in a level that holds half of the base: log((30 + 10) / (60 / 2)) and
    # log((10 + 10) / (60 / 2)), centred.
    evidence, value, noise = raw_evidence(np.array([0.0, 30, 10]), np.array([0, 0.5, 0.5]), 100)
    raw = np.log([40 / 30, 20 / 30])
    np.testing.assert_allclose(evidence, [0, *(raw - raw.mean())])
    assert value == pytest.approx(((raw - raw.mean()) ** 2).mean())
    assert noise == pytest.approx(40 / 60**2 + 1 / 100)


def test_a_tag_that_tells_nothing_has_no_column():
    base = np.tile(np.array([[1], [2]], dtype=np.int16), (500, 2))
    seeds = np.column_stack([np.repeat([1, 2], 50), np.repeat(1, 100)]).astype(np.int16)
    tags = [TagLevels(name, "number", edges=(0.5,)) for name in "ab"]
    space = contrast_space(seeds, base, tags)
    assert [table.shape[1] for table in space.tables] == [0, 1]
    assert space.coordinates(seeds).shape == (100, 1)


def test_plain_space_gives_every_tag_variance_one():
    rng = np.random.default_rng(0)
    base = np.column_stack([rng.integers(0, 5, 4000), rng.integers(1, 4, 4000)]).astype(np.int16)
    tags = [TagLevels("n", "number", (1.0, 2.0, 3.0)), TagLevels("c", "category", (), ("x", "y"))]
    space = plain_space(base, tags)
    points = space.coordinates(base)
    width = space.tables[0].shape[1]
    assert points[:, :width].var(axis=0).sum() == pytest.approx(1, rel=1e-4)
    assert points[:, width:].var(axis=0).sum() == pytest.approx(1, rel=1e-4)


def _index(points, n_seeds, recall=0.95, k=50):
    return build_index(
        points[:n_seeds],
        points[n_seeds:],
        n_neighbors=k,
        recall=recall,
        random_state=np.random.RandomState(0),
    )


def test_closeness_by_hand():
    # Two seeds at 1, two ordinary at 2; a point at 0: k = 2, so both seeds and the half-way
    # distance h = 1 ... the spare third neighbour does not count.
    points = np.array([[1.0], [1.0], [2.0], [2.0]], dtype=np.float32)
    index, _ = _index(points, 2, k=2)
    score = index.closeness(np.zeros((1, 1), dtype=np.float32), np.array([-1]))
    near = 2 * np.exp(-0.5) / 2 + 0.25
    assert score[0] == pytest.approx(near / (near + 0.25), rel=1e-5)


def test_nobody_is_a_neighbour_of_themselves():
    points = np.array([[0.0], [5.0], [5.1], [5.2], [5.3], [5.4]], dtype=np.float32)
    index, position = _index(points, 1, k=3)
    alone = index.closeness(points[:1], position[:1])[0]
    as_seed = index.closeness(points[:1], np.array([-1]))[0]
    assert alone < 0.5 < as_seed


def test_among_equals_seeds_are_not_found_first():
    points = np.zeros((4000, 2), dtype=np.float32)
    index, _ = _index(points, 2000)
    score = index.closeness(np.zeros((1, 2), dtype=np.float32), np.array([-1]))
    assert 0.3 < score[0] < 0.7


def test_a_large_index_reaches_the_recall_it_reports():
    points = np.random.default_rng(0).standard_normal((8000, 4)).astype(np.float32)
    index, _ = _index(points, 2000, recall=0.9)
    assert index.kind.startswith("ivf")
    assert 0.9 <= index.recall <= 1
    asked = np.random.default_rng(1).standard_normal((300, 4)).astype(np.float32)
    exact = faiss.IndexFlatL2(4)
    exact.add(points - index.centre)
    bound = exact.search(asked - index.centre, 50)[0][:, -1:]
    found = index.faiss_index.search(asked - index.centre, 50)[0]
    assert (found <= bound * 1.0001).mean() > 0.85


def test_exact_search_where_no_cheaper_one_reaches_the_recall():
    points = np.random.default_rng(0).standard_normal((6000, 60)).astype(np.float32)
    index, _ = _index(points, 1000, recall=0.9999, k=200)
    assert index.kind == "exact"
    assert index.recall == 1
    assert _index(points, 1000, recall=1.0)[0].kind == "exact"


def test_threads_are_put_back():
    before = faiss.omp_get_max_threads()
    with threads(1):
        assert faiss.omp_get_max_threads() == 1
    assert faiss.omp_get_max_threads() == before


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_mean_placement_is_the_auc(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 9, 20).astype(float) + 1, rng.integers(0, 9, 70).astype(float)
    truth = roc_auc_score(np.r_[np.ones(20), np.zeros(70)], np.r_[a, b])
    of_seeds, of_candidates = place(a, b)
    assert of_seeds.mean() == pytest.approx(truth)
    assert of_candidates.mean() == pytest.approx(truth)


def test_wilson_agrees_with_statsmodels():
    lower, upper = wilson([3], 40)
    truth = proportion_confint(3, 40, method="wilson")
    assert (lower[0], upper[0]) == pytest.approx(truth)
