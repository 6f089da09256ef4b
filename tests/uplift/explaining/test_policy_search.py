"""The search for the best tree: exact where every tree can be tried."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.uplift.explaining import policy_search
from marketing_ds.uplift.explaining.bands import BandedTag, Edge
from marketing_ds.uplift.explaining.policy_search import (
    Leaf,
    Problem,
    Split,
    assign,
    grow,
    leaves,
    received,
)


@pytest.fixture
def unpruned(monkeypatch):
    monkeypatch.setattr(policy_search, "_PAYS", 0.0)
    monkeypatch.setattr(policy_search, "_DIFFERS", 0.0)


def problem(seed, n=60, arms=2, aim="value", min_share=0.05):
    """A number, a category and a number with nulls."""
    rng = np.random.default_rng(seed)
    codes = tuple(rng.integers(0, size, n).astype(np.int16) for size in (4, 3, 4))
    edges = tuple(Edge(float(at)) for at in range(3))
    tags = [
        BandedTag("age", "number", codes[0], edges=edges),
        BandedTag("channel", "category", codes[1], levels=("app", "branch", "web")),
        BandedTag("wealth", "number", codes[2], edges=edges[:2], unknown=True),
    ]
    return Problem(tags, codes, rng.standard_normal((n, arms)), aim, min_share)


def splits(given):
    """Every question, as who goes left."""
    for tag, codes in zip(given.tags, given.codes, strict=True):
        for band in range(tag.size - (tag.kind != "category")):
            yield codes == band if tag.kind == "category" else codes <= band


def worth(given, rows):
    reward = given.reward[rows].sum(axis=0)
    if len(rows) < max(2, given.min_share * len(given.reward)):
        return -np.inf
    return max(reward.max(), 0) if given.aim == "value" else float(reward @ reward) / len(rows)


def best(given, rows, depth):
    """By trying every tree."""
    found = worth(given, rows)
    if depth == 0:
        return found
    for left in splits(given):
        parts = rows[left[rows]], rows[~left[rows]]
        found = max(found, sum(best(given, some, depth - 1) for some in parts))
    return found


def total(given, node):
    leaf = assign(node, given.codes, given.tags)
    return sum(worth(given, np.flatnonzero(leaf == at)) for at in range(len(leaves(node))))


@pytest.mark.parametrize(("depth", "aim"), list(product((1, 2), ("value", "effect"))))
@given(seed=st.integers(0, 10_000), arms=st.integers(1, 3))
@settings(max_examples=10)
def test_no_tree_is_better(depth, aim, seed, arms):
    kept = policy_search._PAYS, policy_search._DIFFERS
    policy_search._PAYS = policy_search._DIFFERS = 0.0
    given = problem(seed, arms=arms, aim=aim)
    node = grow(given, depth)
    policy_search._PAYS, policy_search._DIFFERS = kept
    everybody = np.arange(len(given.reward))
    assert total(given, node) == pytest.approx(best(given, everybody, depth))


@pytest.mark.usefixtures("unpruned")
def test_deeper_trees_are_worth_no_less():
    given = problem(3, n=400)
    worths = [total(given, grow(given, depth)) for depth in (1, 2, 3, 4)]
    assert worths == sorted(worths)
    assert worths[2] > worths[1]


@pytest.mark.usefixtures("unpruned")
def test_leaves_hold_enough_customers():
    given = problem(1, n=400, min_share=0.2)
    node = grow(given, 3)
    assert np.bincount(assign(node, given.codes, given.tags)).min() >= 80


def test_last_questions_that_hardly_pay_are_left_out(monkeypatch):
    def sizes():
        return sum(len(leaves(grow(problem(seed, n=2000), 2))) for seed in range(20))

    kept = sizes()
    monkeypatch.setattr(policy_search, "_PAYS", 0.0)
    every = sizes()
    monkeypatch.setattr(policy_search, "_PAYS", 3.0)
    assert every == 80
    assert sizes() < kept < every


def test_a_clear_question_stays_for_either_aim():
    for aim in ("value", "effect"):
        given = problem(0, n=2000, aim=aim)
        reward = given.reward + np.where(given.codes[1] == 2, 2.0, -2.0)[:, None]
        node = grow(Problem(given.tags, given.codes, reward, aim, 0.05), 1)
        assert isinstance(node, Split)
        assert (node.tag, node.band) == (1, 2)


def test_effects_that_differ_are_set_apart_though_all_are_given_the_same():
    given = problem(0, n=2000)
    reward = given.reward + np.where(given.codes[0] < 2, 2.0, 5.0)[:, None]
    assert isinstance(grow(Problem(given.tags, given.codes, reward, "value", 0.05), 1), Leaf)
    node = grow(Problem(given.tags, given.codes, reward, "effect", 0.05), 1)
    assert isinstance(node, Split)
    assert (node.tag, node.band) == (0, 1)


def test_where_nothing_pays_nobody_gets_anything():
    given = problem(0)
    node = grow(Problem(given.tags, given.codes, given.reward - 10, "value", 0.05), 2)
    assert isinstance(node, Leaf)
    assert node.arm == 0
    assert node.offer in (1, 2)


def test_nulls_go_right_and_can_be_parted_from_the_known():
    given = problem(0, n=900)
    unknown = given.codes[2] == 3
    reward = np.where(unknown, 3.0, -3.0)[:, None] + given.reward
    node = grow(Problem(given.tags, given.codes, reward, "value", 0.05), 1)
    assert isinstance(node, Split)
    np.testing.assert_array_equal(assign(node, given.codes, given.tags) == 1, unknown)


def test_a_tag_of_one_band_asks_nothing():
    codes = np.zeros(50, dtype=np.int16)
    tag = BandedTag("same", "category", codes, levels=("w",))
    reward = np.random.default_rng(0).standard_normal((50, 1))
    assert isinstance(grow(Problem([tag], (codes,), reward, "effect", 0.1), 2), Leaf)


def test_leaves_are_numbered_from_the_left():
    node = Split(0, 1, Split(1, 0, Leaf((1.0,)), Leaf((2.0,))), Leaf((3.0,)))
    given = problem(0)
    leaf = assign(node, given.codes, given.tags)
    assert [one.reward[0] for one in leaves(node)] == [1.0, 2.0, 3.0]
    right = given.codes[0] > 1
    app = given.codes[1] == 0
    np.testing.assert_array_equal(leaf, np.where(right, 2, np.where(app, 0, 1)))


def test_control_brings_nothing():
    reward = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(received(reward, np.array([0, 1, 2])), [0.0, 3.0, 6.0])
