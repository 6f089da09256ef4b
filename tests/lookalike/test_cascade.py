"""A screen spares most candidates the exact score, and is found out where it misses too much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.lookalike import Lookalike, fitted, inputs
from marketing_ds.lookalike.expansion import Limit
from marketing_ds.lookalike.screening import cascade
from marketing_ds.lookalike.screening import screen as screening
from marketing_ds.lookalike.screening.cascade import audit_recall, choose
from marketing_ds.lookalike.screening.screen import Screen, learn_screen
from marketing_ds.lookalike.space import Space

from .conftest import make_bank


@pytest.fixture(scope="module")
def large() -> tuple[pd.DataFrame, list[str]]:
    frame, group = make_bank(16_000, seed=3)
    return frame, frame.loc[group, "customer_id"].tolist()[::4]


@pytest.fixture(scope="module")
def large_look(large: tuple[pd.DataFrame, list[str]]) -> Lookalike:
    return Lookalike(method="neighbours", n_jobs=1).fit(*large)


@pytest.fixture(scope="module")
def screen(large_look: Lookalike) -> Screen:
    found = learn_screen(large_look._training, large_look._scorer, random_state=0)
    assert found is not None
    return found


def test_the_screen_imitates_the_exact_score(large_look: Lookalike, screen: Screen) -> None:
    training = large_look._training
    rows = training.ordinary
    exact = large_look._scorer.scores(training.codes[rows], rows)
    ranks = pd.DataFrame(
        {"screen": screen.values(screen.coarse.of(training.codes[rows])), "exact": exact}
    ).rank()
    assert ranks.corr().iloc[0, 1] > 0.9


def test_the_threshold_finds_what_was_asked_for(screen: Screen) -> None:
    found = screen.threshold(share=0.05, recall=0.9)
    assert found is not None
    n = len(screen.exact)
    top = np.argsort(-screen.exact)[: round(0.05 * n)]
    assert (screen.held_out[top] >= found.passing).mean() > 0.93
    assert found.recall > 0.93
    assert 0.03 < found.passed < 0.35
    assert found.passed == pytest.approx((screen.held_out >= found.passing).mean())
    assert found.near < found.passing


def test_a_lower_recall_passes_fewer(screen: Screen) -> None:
    low, high = (screen.threshold(share=0.05, recall=recall) for recall in (0.7, 0.95))
    assert low is not None
    assert high is not None
    assert low.passed < high.passed


def test_a_screen_that_tells_nothing_has_no_threshold(screen: Screen) -> None:
    random = np.random.default_rng(0).permutation(screen.held_out)
    assert replace(screen, held_out=random).threshold(share=0.05, recall=0.9) is None


def test_nobody_is_screened_where_all_must_be_found(screen: Screen) -> None:
    assert screen.threshold(share=0.05, recall=1.0) is None


def test_too_few_customers_make_no_screen(look: Lookalike) -> None:
    assert learn_screen(look._training, look._scorer, random_state=0) is None


def _screened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitted, "WORTH_FROM", 1_000)


@pytest.mark.parametrize("limit", [{"size": 300}, {"share": 0.02}, {"min_score": 0.875}])
def test_the_closest_are_found_with_few_exact_scores(
    large_look: Lookalike, monkeypatch: pytest.MonkeyPatch, limit: dict[str, float]
) -> None:
    exact = large_look.expand(**limit)
    _screened(monkeypatch)
    found = large_look.expand(**limit)
    assert (exact.scored, exact.recall) == (1.0, 1.0)
    assert found.scored < 0.5
    assert found.n_candidates == exact.n_candidates
    common = set(found.ids()) & set(exact.ids())
    assert len(common) >= 0.95 * exact.size
    assert found.recall >= 0.95
    assert len(common) / exact.size == pytest.approx(found.recall, abs=0.05)
    both = found.to_frame().merge(exact.to_frame(), on="customer_id")
    np.testing.assert_allclose(both["score_x"], both["score_y"], rtol=1e-5)


def test_seeds_are_left_out_of_what_is_screened(
    large_look: Lookalike, large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    found = large_look.expand(size=400)
    assert not set(found.ids()) & set(large[1])
    assert found.n_candidates == len(large[0]) - len(large[1])


def test_seeds_who_pass_are_not_scored(
    large_look: Lookalike, large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    scored: list[str] = []
    exact = large_look._scores

    def count(ids: np.ndarray, codes: np.ndarray) -> np.ndarray:
        scored.extend(ids)
        return exact(ids, codes)

    monkeypatch.setattr(large_look, "_scores", count)
    found = large_look.expand(size=400)
    assert not set(scored) & set(large[1])
    assert found.scored == len(scored) / found.n_candidates


def test_tags_that_closeness_does_not_use_are_not_read(
    large_look: Lookalike, large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    used = dict(zip(large_look.tags_, large_look._scorer.space.used, strict=True))
    silent = [tag for tag in used if not used[tag]]
    assert silent
    changed = large[0].assign(**dict.fromkeys(silent, "whatever"))
    pd.testing.assert_frame_equal(
        large_look.expand(changed, size=200).to_frame(), large_look.expand(size=200).to_frame()
    )


def test_threads_change_nothing(large_look: Lookalike, monkeypatch: pytest.MonkeyPatch) -> None:
    _screened(monkeypatch)
    monkeypatch.setattr(inputs, "_BATCH", 700)
    alone = large_look.expand(size=200)
    monkeypatch.setattr(large_look, "n_jobs", 3)
    beside = large_look.expand(size=200)
    pd.testing.assert_frame_equal(beside.to_frame(), alone.to_frame())
    assert (beside.scored, beside.recall) == (alone.scored, alone.recall)


def test_the_screen_is_learnt_once(large_look: Lookalike, monkeypatch: pytest.MonkeyPatch) -> None:
    _screened(monkeypatch)
    large_look.expand(size=10)
    monkeypatch.setattr(fitted, "learn_screen", None)
    assert large_look.expand(size=20).size == 20


def test_a_large_frame_has_its_screen_from_the_fit(
    large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    look = Lookalike(method="neighbours", n_jobs=1).fit(*large)
    monkeypatch.setattr(fitted, "learn_screen", None)
    assert look.expand(size=20).scored < 1


def test_ranking_by_something_else_scores_everybody(
    large_look: Lookalike, large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    values = large[0][["customer_id"]].assign(score=1.0)
    assert large_look.expand(size=10, rank_by=values).scored == 1.0


def test_exact_recall_scores_everybody(
    large: tuple[pd.DataFrame, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    look = Lookalike(method="neighbours", n_jobs=1, recall=1.0).fit(*large)
    assert look.expand(size=10).scored == 1.0


def _choose(screen: Screen, large_look: Lookalike, frame: pd.DataFrame, **limit: float):  # type: ignore[no-untyped-def]
    passes = []

    def batches():  # type: ignore[no-untyped-def]
        passes.append(1)
        return large_look._batches(frame)

    found = choose(
        batches,
        large_look._scores,
        Limit.checked(limit.get("size"), None, limit.get("share"), None),
        frozenset(),
        screen=screen,
        expected=len(frame),
        recall=0.95,
    )
    return *found, len(passes)


def test_a_screen_that_misses_too_much_is_found_out(
    large_look: Lookalike,
    screen: Screen,
    large: tuple[pd.DataFrame, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cascade, "_AUDITED_SHARE", 0.2)
    blind = replace(screen, linear=-screen.linear, hidden=-screen.hidden)
    choice, reached, passes = _choose(blind, large_look, large[0], share=0.02)
    assert (reached.scored, reached.recall, passes) == (1.0, 1.0, 3)
    pd.testing.assert_frame_equal(
        choice.chosen(), large_look.expand(share=0.02, keep_seeds=True).to_frame()
    )


def test_a_screen_that_misses_a_little_lets_more_through(
    large_look: Lookalike,
    screen: Screen,
    large: tuple[pd.DataFrame, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cascade, "_AUDITED_SHARE", 0.2)
    set_high = screen.threshold(share=0.02, recall=0.95)
    assert set_high is not None
    high = replace(set_high, passing=float(np.quantile(screen.held_out, 0.99)))
    monkeypatch.setattr(Screen, "threshold", lambda *_, **__: high)
    _, reached, passes = _choose(screen, large_look, large[0], share=0.02)
    assert passes == 2
    assert reached.recall >= 0.95
    assert reached.scored < 0.9


def test_no_threshold_is_wider_than_is_worth_it(screen: Screen) -> None:
    found = screen.threshold(share=0.05, recall=0.9)
    assert found is not None
    assert replace(found, passed=0.2, near_share=0.3).wider() is None


def test_fewer_passing_than_wanted_is_no_reason_to_refuse(
    large_look: Lookalike, screen: Screen, large: tuple[pd.DataFrame, list[str]]
) -> None:
    narrow = large[0].sort_values("funds_cny").head(1000)
    choice, reached, _ = _choose(screen, large_look, narrow, size=900)
    assert len(choice.chosen()) == 900
    assert reached.scored == 1.0


def test_where_nothing_tells_seeds_the_plain_space_is_screened(
    large_look: Lookalike, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = Space(
        tuple(table[:, :0] for table in screen.space.tables), (0.0,) * len(screen.space.tables)
    )
    monkeypatch.setattr(screening, "contrast_space", lambda *_: flat)
    found = learn_screen(large_look._training, large_look._scorer, random_state=0)
    assert found is not None
    assert found.space.width > screen.space.width


def test_batches_put_together_give_the_same(
    large_look: Lookalike, monkeypatch: pytest.MonkeyPatch
) -> None:
    _screened(monkeypatch)
    whole = large_look.expand(size=200).to_frame()
    monkeypatch.setattr(inputs, "_BATCH", 700)
    pd.testing.assert_frame_equal(large_look.expand(size=200).to_frame(), whole)


def test_no_candidates_at_all(
    large_look: Lookalike, screen: Screen, large: tuple[pd.DataFrame, list[str]]
) -> None:
    choice, reached, _ = _choose(screen, large_look, large[0].head(0), share=0.1)
    assert len(choice.chosen()) == 0
    assert reached.recall == 1.0


@given(st.integers(0, 10_000), st.floats(0.1, 1.0))
@settings(max_examples=40)
def test_an_audit_of_everybody_gives_the_recall_itself(seed: int, caught: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(500) / 500.0
    passing = rng.random(500) < caught
    n = min(50, int(passing.sum()))
    found = np.sort(scores[passing])[::-1][:n]
    truth = np.isin(np.sort(scores)[::-1][:n], found).mean()
    missed = scores[~passing]
    assert audit_recall(found, missed, np.ones(len(missed))) == pytest.approx(truth)


def test_of_nobody_nothing_is_missed() -> None:
    assert audit_recall(np.empty(0), np.array([0.9]), np.ones(1)) == 1.0


def test_an_audit_of_a_sample_is_right_on_average() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    passing = rng.random(20_000) < 0.8
    found = np.sort(scores[passing])[::-1][:1000]
    missed = scores[~passing]
    told = []
    for _ in range(100):
        drawn = rng.random(len(missed)) < 0.25
        told.append(audit_recall(found, missed[drawn], np.full(drawn.sum(), 4.0)))
    assert np.mean(told) == pytest.approx(0.8, abs=0.01)
