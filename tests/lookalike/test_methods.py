"""The methods: neighbours, classifier, ensemble, and how one is chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import FewSeedsWarning, IndistinctSeedsWarning, Lookalike
from marketing_ds.lookalike.classifier import learn_classifier
from marketing_ds.lookalike.encode import TagLevels
from marketing_ds.lookalike.evidence import evidence
from marketing_ds.lookalike.scorers import Line, log_odds
from marketing_ds.lookalike.selection import HeldOut, compare
from tests.lookalike.conftest import make_bank

METHODS = ["neighbours", "classifier", "ensemble"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_hidden_half(fitted, bank, seeds, method):
    frame, group = bank
    rest = ~frame["customer_id"].isin(seeds).to_numpy()
    scores = fitted(method).score(frame)["score"].to_numpy()
    assert fitted(method).method_ == method
    assert roc_auc_score(group[rest], scores[rest]) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_half_means_no_closer_than_anybody(fitted, frame, seeds, method):
    scores = fitted(method).score(frame)["score"].to_numpy()
    is_seed = frame["customer_id"].isin(seeds).to_numpy()
    above = scores > 0.5
    # Seeds are commoner than ordinary customers above a half, and rarer below.
    assert above[is_seed].mean() > above[~is_seed].mean() + 0.4
    near_half = np.abs(scores - 0.5) < 0.1
    ratio = near_half[is_seed].mean() / near_half[~is_seed].mean()
    assert 0.5 < ratio < 2


@pytest.mark.parametrize("method", ["classifier", "ensemble"])
def test_seeds_are_scored_out_of_fold(fitted, bank, seeds, method):
    frame, group = bank
    scores = fitted(method).score(frame).set_index("customer_id")["score"]
    hidden = frame.loc[group & ~frame["customer_id"].isin(seeds), "customer_id"]
    assert abs(scores[seeds].mean() - scores[hidden].mean()) < 0.06


def test_the_classifier_keeps_to_its_folds(fitted):
    model = fitted("classifier")
    training, classifier = model._training, model._scorer
    rows = np.arange(len(training.ids))
    margin = classifier.margin(training.codes, rows)
    for number, member in enumerate(classifier.members):
        held = rows[classifier.fold == number]
        np.testing.assert_array_equal(margin[held], member.margin(training.codes[held]))
    new = classifier.margin(training.codes[:50], np.full(50, -1))
    mean = np.mean([member.margin(training.codes[:50]) for member in classifier.members], axis=0)
    np.testing.assert_allclose(new, mean)


def test_trees_of_a_size_that_is_known_are_the_same(fitted):
    look = fitted("classifier")
    training, chosen = look._training, look._scorer
    again = learn_classifier(training, training.seeds, random_state=0, size=chosen.size)
    rows = np.arange(len(training.ids))
    np.testing.assert_array_equal(
        again.margin(training.codes, rows), chosen.margin(training.codes, rows)
    )
    assert again.size == chosen.size


def test_auto_tells_what_it_compared(look):
    table = look.selection_.to_frame()
    assert table["method"].tolist() == METHODS
    assert table.loc[table["chosen"], "method"].tolist() == [look.method_]
    assert (table["auc_ci_lower"] < table["auc"]).all()
    assert table["merit"].max() - table.loc[table["chosen"], "merit"].item() < 0.01
    assert "recall_10" in look.selection_._repr_html_()


def _held(neighbours, classifier, ensemble):
    n = len(neighbours)
    ordinary = np.random.default_rng(0).normal(size=1_000)
    methods = dict(zip(METHODS, (neighbours, classifier, ensemble), strict=True))
    return HeldOut(
        methods,
        dict.fromkeys(METHODS, ordinary),
        (np.arange(n) % 5).astype(np.int8),
        (np.arange(1_000) % 5).astype(np.int8),
        (Line(0, 1), Line(0, 1), Line(0, 1)),
    )


def test_one_method_alone_must_be_clearly_ahead():
    seeds = np.random.default_rng(1).normal(1, 1, 300)
    worse = seeds - 0.5
    assert compare(_held(seeds, worse, worse)).method == "neighbours"
    assert compare(_held(worse, seeds, worse)).method == "classifier"
    assert compare(_held(seeds, seeds, seeds)).method == "ensemble"
    assert compare(_held(worse, worse, seeds)).method == "ensemble"


def test_with_a_handful_of_seeds_auto_takes_neighbours(frame, seeds):
    with pytest.warns(FewSeedsWarning), pytest.warns(IndistinctSeedsWarning):
        model = Lookalike(on_indistinct="warn").fit(frame, seeds[:3])
    assert model.method_ == "neighbours"
    assert model.selection_ is None
    with (
        pytest.warns(FewSeedsWarning),
        pytest.warns(IndistinctSeedsWarning),
        pytest.raises(InvalidInput, match="method must be 'neighbours' or 'auto' with fewer than"),
    ):
        Lookalike("classifier", on_indistinct="warn").fit(frame, seeds[:3])


def test_with_a_handful_of_others_auto_takes_neighbours(frame, seeds):
    few = pd.concat([frame[frame["customer_id"].isin(seeds)], frame.iloc[:9]]).drop_duplicates()
    model = Lookalike(on_indistinct="warn")
    with pytest.warns(IndistinctSeedsWarning):
        assert model.fit(few, seeds).method_ == "neighbours"
    with pytest.warns(IndistinctSeedsWarning), pytest.raises(InvalidInput, match="or others"):
        clone(model).set_params(method="ensemble").fit(few, seeds)


def test_auto_of_random_seeds_tells_nobody_apart(frame):
    random = frame["customer_id"].sample(200, random_state=6).tolist()
    with pytest.warns(IndistinctSeedsWarning):
        model = Lookalike(on_indistinct="warn", n_jobs=1).fit(frame, random)
    assert model.selection_.to_frame()["auc"].between(0.42, 0.58).all()
    assert (model.score(frame)["score"] - 0.5).abs().median() < 0.05


def test_categories_of_many_levels_are_learnt(frame, seeds):
    branch = pd.Series(np.random.default_rng(0).integers(0, 60, len(frame))).astype(str)
    is_seed = frame["customer_id"].isin(seeds)
    branch[is_seed.to_numpy() & (np.arange(len(frame)) % 2 == 0)] = "7"
    table = frame[["customer_id"]].assign(branch=branch.to_numpy())
    model = Lookalike("classifier", n_jobs=1).fit(table, seeds)
    scores = model.score(table).set_index("customer_id")["score"]
    at_seven = branch.to_numpy() == "7"
    assert scores[at_seven].min() > 0.8 > scores[~at_seven].max()


def test_without_an_index_there_is_no_recall_of_one(fitted):
    assert fitted("classifier").recall_ is None
    assert fitted("classifier").index_kind_ is None
    assert fitted("ensemble").index_kind_ == "exact"


@pytest.mark.parametrize("method", ["classifier", "ensemble"])
def test_the_order_of_rows_and_threads_change_nothing(fitted, frame, seeds, method):
    model = fitted(method)
    other = clone(model).set_params(n_jobs=2).fit(frame.iloc[::-1], seeds[::-1])
    assert other.model_version_ == model.model_version_
    ours = model.score(frame).set_index("customer_id")["score"]
    theirs = other.score(frame).set_index("customer_id")["score"]
    np.testing.assert_allclose(ours, theirs[ours.index], atol=1e-6)


@given(st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_any_order_of_rows_gives_the_same_model(random):
    frame, group = make_bank(400, 0.3)
    seeds = frame.loc[group, "customer_id"].tolist()[::2]
    order = list(range(len(frame)))
    random.shuffle(order)
    model = Lookalike("neighbours", n_jobs=1).fit(frame, seeds)
    random.shuffle(seeds)
    other = Lookalike("neighbours", n_jobs=1).fit(frame.iloc[order], seeds)
    assert other.model_version_ == model.model_version_
    np.testing.assert_array_equal(other.score(frame)["score"], model.score(frame)["score"])


def test_another_random_state_is_another_model(near, frame, seeds):
    other = Lookalike("neighbours", random_state=1).fit(frame, seeds)
    assert other.model_version_ != near.model_version_


def test_a_line_sets_log_odds_right():
    random = np.random.default_rng(0)
    truth = random.normal(0, 1.5, 20_000)
    is_seed = random.random(20_000) < expit(truth)
    wrong = (truth - 0.7) / 3
    line = Line.fitted(wrong[is_seed], wrong[~is_seed])
    # Three times too flat; each side weighs the same, so that the share of seeds drops out.
    assert line.slope == pytest.approx(3, rel=0.05)
    odds = np.log(is_seed.mean() / (1 - is_seed.mean()))
    np.testing.assert_allclose(line.of(wrong), truth - odds, atol=0.2)


def test_a_line_never_turns_the_order():
    assert Line.fitted(np.full(500, -3.0), np.linspace(1, 2, 500)).slope > 0


def test_log_odds_are_finite():
    assert np.isfinite(log_odds(np.array([0.0, 0.5, 1.0]))).all()


def _levels(n_levels, kind="number"):
    if kind == "category":
        return TagLevels("x", kind, categories=tuple(map(str, range(n_levels - 2))))
    return TagLevels("x", kind, edges=tuple(map(float, range(n_levels - 2))))


def _column(rng, n, p):
    return rng.choice(len(p), n, p=p)[:, None].astype(np.int16)


def test_evidence_of_many_seeds_is_what_was_counted():
    rng = np.random.default_rng(0)
    base_p, seed_p = [0.2, 0.4, 0.3, 0.1], [0.1, 0.2, 0.4, 0.3]
    base, seeds = _column(rng, 200_000, base_p), _column(rng, 100_000, seed_p)
    for kind in ("number", "category"):
        (found,) = evidence(seeds, base, [_levels(4, kind)])
        wanted = np.log(np.array(seed_p) / base_p)
        np.testing.assert_allclose(found, wanted - np.dot(base_p, wanted), atol=0.03)


def test_evidence_of_chance_is_next_to_nothing():
    rng = np.random.default_rng(1)
    levels = [_levels(18)] * 40 + [_levels(18, "category")] * 40
    draw = lambda n: rng.integers(1, 17, (n, 80)).astype(np.int16)  # noqa: E731
    found = evidence(draw(60), draw(5_000), levels)
    sizes = np.array([np.sqrt((of_tag**2).mean()) for of_tag in found])
    assert np.median(sizes) < 0.05
    assert sizes.max() < 0.4


def test_evidence_of_few_seeds_is_smooth():
    rng = np.random.default_rng(2)
    base = rng.integers(1, 33, (20_000, 1)).astype(np.int16)
    seeds = (1 + (rng.geometric(0.08, (60, 1)) - 1) % 32).astype(np.int16)
    (found,) = evidence(seeds, base, [_levels(34)])
    # Counted, neighbouring levels differ by 0.7 and more, since each holds two seeds or so.
    assert np.abs(np.diff(found[1:33])).max() < 0.2
    assert found[1] > 0.5
    assert found[32] < -0.5


def test_levels_unseen_in_the_base_have_no_evidence():
    rng = np.random.default_rng(3)
    base, seeds = _column(rng, 2_000, [0, 0.5, 0.5, 0]), _column(rng, 200, [0, 0.9, 0.1, 0])
    (found,) = evidence(seeds, base, [_levels(4)])
    assert found[[0, 3]].tolist() == [0, 0]
    assert found[1] > 0 > found[2]


def test_all_null_rows_are_scored_by_every_method(fitted, frame):
    nulls = pd.DataFrame({c: [None] for c in frame.columns}).assign(customer_id="new")
    for method in METHODS:
        assert fitted(method).score(nulls)["score"].between(0, 1).all()
