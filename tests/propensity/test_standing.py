"""Where a customer stands among those learnt from: true of them, and kept in little room."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity._reference import TagReference, learn_reference
from marketing_ds.propensity._standing import standings, word_standings


def learn(weight=None, **columns):
    frame = pd.DataFrame(columns)
    return learn_reference(frame, FeatureEncoder(2).fit(frame).columns_, weight)


@given(
    values=st.lists(st.integers(0, 30), min_size=5, max_size=300),
    asked=st.integers(-1, 31),
)
@settings(max_examples=200)
def test_percentages_are_true_of_the_customers_learnt_from(values, asked):
    values = np.array([*values, 0, 30], dtype=float)
    (reference,) = learn(x=values)
    (clause,) = standings(reference, "amount", np.array([float(asked)]), "en")
    below, above = (values < asked).mean(), (values > asked).mean()
    percent = int("".join(c for c in clause if c.isdigit()) or -1)
    if "more than" in clause:
        assert 50 <= percent <= 100 * below
    elif "less than" in clause:
        assert 50 <= percent <= 100 * above
    elif "like" in clause:
        assert 50 <= percent <= 100 * (1 - below - above)
    else:
        assert max(below, above) < 0.53


def test_clauses_in_both_languages_and_every_shape():
    (reference,) = learn(x=np.arange(1001.0))

    def say(shape, value, language):
        return standings(reference, shape, np.array([value]), language)[0]

    assert say("count", 925.0, "en") == ", more than 92 % of customers"
    assert say("count", 925.0, "zh") == "，高于92%的客户"
    assert say("growth", 100.0, "en") == ", lower than 89 % of customers"
    assert say("since", 925.0, "en") == ", longer than 92 % of customers"
    assert say("since", 5.0, "zh") == "，短于99%的客户"
    assert say("date", 100.0, "en") == ", earlier than 89 % of customers"
    assert say("amount", 1e9, "en") == ", more than 99 % of customers"
    assert say("amount", 500.0, "en") == ", near the middle of customers"
    assert say("amount", 500.0, "zh") == "，处于客户中间水平"


def test_where_many_have_no_value_they_are_left_out_of_the_comparison():
    (reference,) = learn(x=[*range(100), *[None] * 100])
    assert standings(reference, "count", np.array([90.0, np.nan]), "en") == [
        ", more than 90 % of customers with a value",
        ", like 50 % of customers",
    ]
    assert standings(reference, "count", np.array([90.0]), "zh") == ["，高于90%的有值客户"]


def test_words_and_booleans_are_compared_by_their_share():
    tier, flag = learn(
        tier=["a"] * 50 + ["b"] * 30 + ["c"] * 10 + [None] * 10, flag=[True] * 25 + [False] * 75
    )
    said = word_standings(tier, ["a", "c", "unseen", None], "en")
    assert said == [
        ", like 50 % of customers",
        ", like few customers",  # taken together with the rare ones
        ", like few customers",
        ", like 10 % of customers",
    ]
    assert word_standings(tier, ["a", "unseen"], "zh") == ["，与50%的客户相同", "，与少数客户相同"]
    assert standings(flag, "truth", np.array([1.0, 0.0, np.nan]), "en") == [
        ", like 25 % of customers",
        ", like 75 % of customers",
        ", like few customers",
    ]


def test_weights_count_customers():
    weighted = learn(np.array([3.0, 1.0, 0.0]), x=[1.0, 2.0, 9.0], w=["a", "b", "b"])
    repeated = learn(None, x=[1.0, 1.0, 1.0, 2.0], w=["a", "a", "a", "b"])
    assert weighted == repeated


def test_a_constant_and_an_unknown_column_are_compared_with_nobody():
    constant, unknown, weightless = learn(
        np.array([1.0, 0.0]), x=[1.0, 1.0], y=[None, None], z=[None, 2.0]
    )
    assert (constant.quantiles, unknown.quantiles, weightless.quantiles) == ((), (), ())
    assert standings(weightless, "amount", np.array([5.0]), "en") == [""]


def test_a_reference_is_small_and_of_a_sample():
    values = np.random.default_rng(1).normal(size=250_000)
    (reference,) = learn(x=values)
    assert len(reference.quantiles) == 101
    shares = np.array([(values < q).mean() for q in reference.quantiles])
    np.testing.assert_allclose(shares, np.arange(101) / 100, atol=0.005)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_clause_does_not_depend_on_who_else_is_asked_about(language):
    reference = TagReference("x", "number", 0.2, tuple(np.linspace(0, 1, 101)))
    values = np.append(np.random.default_rng(0).random(40), np.nan)
    together = standings(reference, "amount", values, language)
    assert together == [standings(reference, "amount", values[[i]], language)[0] for i in range(41)]
