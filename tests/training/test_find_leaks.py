"""Leaks in plain frames: what is named, why, and what is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_bank_marketing
from marketing_ds.training import MAX_AUC, LeakFound, find_leaks
from marketing_ds.training import _discrimination as discrimination

ROWS = 2000


@pytest.fixture
def draw():
    return np.random.default_rng(5)


@pytest.fixture
def y(draw):
    return (draw.random(ROWS) < 0.2).astype(int)


@pytest.fixture
def honest(draw, y):
    """Features that tell a little: AUC about 0.7, as good tags do."""
    return pd.DataFrame(
        {
            "customer_id": [f"c{n}" for n in range(ROWS)],
            "as_of": pd.Timestamp("2026-05-31"),
            "aum": draw.normal(size=ROWS) + 0.7 * y,
            "tier": np.where(draw.random(ROWS) < 0.3 + 0.2 * y, "gold", "basic"),
            "app": draw.random(ROWS) < 0.5,
            "opened_on": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 999, ROWS), "D"),
            "rare": np.where(draw.random(ROWS) < 0.5, np.nan, draw.normal(size=ROWS)),
            "constant": 1,
        }
    )  # fmt: skip


def _named(X, y, **options):
    return {leak.feature: leak.why for leak in find_leaks(X, y, **options).found}


@pytest.mark.parametrize("version", ["additional", "full"])
def test_of_uci_bank_marketing_duration_and_nothing_else(data_dir, version):
    frame = load_bank_marketing(version).frame
    found = find_leaks(frame.drop(columns="y"), frame["y"])
    assert [(leak.feature, leak.why) for leak in found.found] == [("duration", "auc")]
    assert found.found[0].figure > 0.8
    assert found.figures["auc"].iloc[1] < 0.75


def test_what_is_honest_passes(honest, y):
    found = find_leaks(honest, y)
    assert found.found == ()
    found.raise_if_any()
    assert found.figures["feature"].iloc[0] == "aum"
    assert "constant" not in set(found.figures["feature"])


@pytest.mark.parametrize(
    ("why", "plant"),
    [
        ("label", lambda y, d: y),
        ("label", lambda y, d: 1 - y),
        ("label", lambda y, d: np.where(y == 1, "yes", "no")),
        ("label", lambda y, d: np.where(y == 1, 3.0, np.nan)),
        ("label", lambda y, d: y == 1),
        ("auc", lambda y, d: y + d.normal(size=ROWS) / 2),
        ("auc", lambda y, d: -y + d.normal(size=ROWS) / 2),
        ("auc", lambda y, d: np.where(d.random(ROWS) < 0.1, "x", np.where(y == 1, "after", "b"))),
        ("shape", lambda y, d: np.where(y == 1, 0.0, d.choice([-1, 1], ROWS)) + d.normal(size=ROWS) / 9),
        ("missing", lambda y, d: np.where((y == 1) | (d.random(ROWS) < 0.1), d.normal(size=ROWS), np.nan)),
    ],
)  # fmt: skip
def test_planted_leaks_are_named_with_why(honest, y, draw, why, plant):
    assert _named(honest.assign(planted=plant(y, draw)), y) == {"planted": why}


def test_the_error_says_feature_why_figure_and_the_way_out(honest, y, draw):
    X = honest.assign(called=y + draw.normal(size=ROWS) / 3, paid=y)
    with pytest.raises(LeakFound) as caught:
        find_leaks(X, y).raise_if_any()
    text = str(caught.value)
    assert "'called': alone it tells the label with AUC 0.9" in text
    assert f"above {MAX_AUC:g}" in text
    assert "'paid': it is the label itself" in text
    assert "pass allow=['called', 'paid']" in text
    assert isinstance(caught.value, InvalidInput)
    assert [leak.feature for leak in caught.value.leaks] == ["called", "paid"]


def test_what_is_allowed_passes_and_is_told(honest, y):
    found = find_leaks(honest.assign(paid=y), y, allow=["paid"])
    found.raise_if_any()
    assert found.to_frame()[["feature", "why", "allowed"]].to_numpy().tolist() == [
        ["paid", "label", True]
    ]
    assert "paid" in found._repr_html_()


def test_what_rests_on_dated_rows_may_tell_more_but_not_all(honest, y, draw):
    X = honest.assign(habit=y + draw.normal(size=ROWS) * 0.65, known=y + draw.normal(size=ROWS) / 3)
    found = find_leaks(X, y, dated=["habit", "known"])
    assert [(leak.feature, leak.limit) for leak in found.found] == [("known", 0.89)]
    assert 0.8 < found.figures.set_index("feature")["auc"]["habit"] < 0.89
    assert set(_named(X, y)) == {"habit", "known"}


def test_a_column_of_ids_is_no_leak(honest, y):
    assert _named(honest.assign(account=[f"a{n}" for n in range(ROWS)]), y) == {}


def test_ids_repeated_at_several_cutoffs_are_judged_on_other_customers(honest, y):
    X = pd.concat([honest, honest], ignore_index=True)
    X["account"] = X["customer_id"]
    assert _named(X, np.concatenate([y, y])) == {}


def test_few_rows_must_be_sure():
    draw = np.random.default_rng(0)
    y = np.array([1] * 4 + [0] * 40)
    X = pd.DataFrame({"lucky": np.where(y == 1, 0.9, draw.random(44))})
    assert roc_auc_score(y, X["lucky"]) > MAX_AUC
    assert _named(X, y) == {}
    many = np.array([1] * 40 + [0] * 400)
    assert _named(pd.DataFrame({"lucky": np.where(many == 1, 0.9, draw.random(440))}), many)


def test_weights_stand_for_customers(y, draw):
    X = pd.DataFrame({"a": y + draw.normal(size=ROWS)})
    weight = np.where(y == 1, 1.0, 9.0)
    plain = find_leaks(X, y, max_auc=1).figures["auc"]
    assert find_leaks(X, y, sample_weight=weight, max_auc=1).figures["auc"][0] == pytest.approx(
        plain[0]
    )
    left = draw.random(ROWS) < 0.5
    kept = find_leaks(X[left], y[left], max_auc=1).figures["auc"][0]
    zero = find_leaks(X, y, sample_weight=left.astype(float), max_auc=1).figures["auc"][0]
    assert zero == pytest.approx(kept)


def test_what_was_computed_after_the_cutoff_is_named(honest, y):
    assert _named(honest, y, cutoff="2026-05-31") == {}
    assert _named(honest, y, cutoff="2026-05-30") == {"as_of": "computed later"}
    days = {"aum": "2026-06-02", "tier": "2026-05-31"}
    found = find_leaks(honest, y, cutoff="2026-05-31", computed_on=days).found
    assert [(leak.feature, leak.why, leak.figure) for leak in found] == [
        ("aum", "computed later", 2.0)
    ]
    assert "computed 2 day(s) after the cut-off" in str(found[0])


def test_what_was_overwritten_because_of_the_label_is_named(honest, y):
    again = honest.copy()
    again.loc[y == 1, "tier"] = "gold"
    again.loc[(y == 1) & (np.arange(ROWS) % 3 == 0), "aum"] += 1
    assert _named(honest, y, again=again) == {"tier": "changed later", "aum": "changed later"}
    assert "overwritten later, in 3" in str(find_leaks(honest, y, again=again).found[0])


def test_corrections_that_know_nothing_of_the_label_are_let_be(honest, y, draw):
    again = honest.drop(columns="rare")
    again.loc[draw.random(ROWS) < 0.05, "aum"] += 1
    again["aum"] = again["aum"].astype("float32")
    assert _named(honest, y, again=again) == {}


def test_all_changed_is_named_whatever_the_label(honest, y):
    assert _named(honest, y, again=honest.assign(app=~honest["app"])) == {"app": "changed later"}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=8, max_size=60))
def test_the_area_is_that_of_scikit_learn(rows):
    label = np.array([truth for truth, _ in rows])
    score = np.array([value for _, value in rows], dtype=float)
    if label.all() or not label.any():
        return
    weight = np.arange(1, len(rows) + 1, dtype=float)
    want = roc_auc_score(label, score, sample_weight=weight)
    assert discrimination.area(label, score, weight) == pytest.approx(want)


def test_of_many_rows_some_are_looked_at(monkeypatch, honest, y):
    monkeypatch.setattr(discrimination, "MAX_ROWS", 300)
    assert _named(honest.assign(paid=y), y) == {"paid": "label"}
    whole = find_leaks(honest, y).figures.set_index("feature")["auc"]["aum"]
    monkeypatch.undo()
    assert whole == pytest.approx(
        find_leaks(honest, y).figures.set_index("feature")["auc"]["aum"], abs=0.05
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": [[1]]}, "X must be a pandas frame"),
        ({"y": [0, 1]}, "one label per row"),
        ({"y": np.zeros(ROWS)}, "two classes"),
        ({"y": np.full(ROWS, np.nan)}, "known in every row"),
        ({"sample_weight": -np.ones(ROWS)}, "sample_weight must have a finite number"),
        ({"max_auc": 0.4}, "max_auc must be between 0.5 and 1"),
        ({"allow": "aum"}, r"write \['aum'\]"),
        ({"allow": ["aun"]}, "did you mean 'aum'"),
        ({"computed_on": {"aum": "2026-01-01"}}, "cutoff must be given with computed_on"),
        ({"cutoff": "2026-06-01", "computed_on": {"aun": "2026-01-01"}}, "did you mean 'aum'"),
        ({"again": pd.DataFrame({"aum": [1.0]})}, "must have the rows of X"),
    ],
)
def test_bad_input_is_refused(honest, y, change, message):
    with pytest.raises(InvalidInput, match=message):
        find_leaks(**{"X": honest, "y": y, **change})


def test_again_must_hold_the_same_rows(honest, y):
    with pytest.raises(InvalidInput, match="in their order; customer_id differs"):
        find_leaks(honest, y, again=honest.iloc[::-1])
