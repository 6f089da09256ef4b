"""How many groups: none where there are none, the planted ones where there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.groups._kmeans import Points, centres, nearest
from marketing_ds.groups._reference import by_degree, leading_axes
from marketing_ds.groups._space import learn_space
from marketing_ds.groups._stability import choose, judge, kept_together

from .customers import agreement, alike, planted

N = 2000


def _points(frame: pd.DataFrame) -> tuple[Points, tuple[slice, ...]]:
    space, _ = learn_space(frame)
    return space.points(frame), space.blocks


def _judge(frame: pd.DataFrame, ks: range = range(2, 5)) -> pd.DataFrame:
    points, blocks = _points(frame)
    return judge(points, blocks, ks, min_share=0.02, seed=0)


@pytest.mark.parametrize("kind", list(alike(2, 0)))
def test_customers_without_groups_have_none(kind: str) -> None:
    assert choose(_judge(alike(N, 1)[kind])) == 1


def test_a_matter_of_degree_is_stable_but_no_group() -> None:
    judged = _judge(alike(N, 2)["one factor"]).set_index("k")
    assert judged.loc[2, "stable"]
    assert not judged.loc[2, "tighter"]


@pytest.mark.parametrize(
    ("groups", "options"),
    [
        (2, {}),
        (3, {"noise": 20}),
        (4, {"flags": 4, "words": 3, "skewed": True}),
        (3, {"shares": [0.7, 0.2, 0.1]}),
    ],
)
def test_planted_groups_are_counted_and_found(groups: int, options: dict[str, object]) -> None:
    frame, truth = planted(N, 3, groups=groups, **options)  # type: ignore[arg-type]
    points, blocks = _points(frame)
    assert choose(judge(points, blocks, range(2, 7), min_share=0.02, seed=0)) == groups
    found = nearest(centres(points, groups, seed=0, starts=5, steps=30), points)[0]
    assert agreement(found, truth) > 0.9


def test_small_groups_are_not_counted_where_they_are_unwanted() -> None:
    frame, _ = planted(N, 5, groups=3, shares=[0.55, 0.4, 0.05], far=2.5)
    points, blocks = _points(frame)
    assert choose(judge(points, blocks, range(2, 5), min_share=0.01, seed=0)) == 3
    assert choose(judge(points, blocks, range(2, 5), min_share=0.10, seed=0)) == 2


class TestKeptTogether:
    def test_the_same_groups_keep_all(self) -> None:
        groups = np.array([0, 0, 1, 1, 1])
        assert kept_together(groups, 1 - groups, 2) == 1

    def test_the_worst_group_counts(self) -> None:
        groups = np.array([0, 0, 0, 1, 1, 1, 1])
        other = np.array([0, 0, 0, 0, 0, 1, 1])  # of six pairs of group 1, two are kept
        assert kept_together(groups, other, 2) == pytest.approx(1 / 3)

    def test_groups_of_one_have_no_pairs(self) -> None:
        assert kept_together(np.array([0, 1, 1]), np.array([0, 0, 0]), 2) == 1
        assert kept_together(np.array([0, 1]), np.array([0, 1]), 2) == 0


class TestReference:
    def test_it_has_the_same_means_and_covariances(self) -> None:
        frame = alike(5000, 7)["two factors, skewed"].assign(
            word=lambda f: np.where(f["a0"] > 1, "rich", np.where(f["b0"] > 2981, "busy", "poor")),
            gap=lambda f: np.where(f["a1"] > 2, np.nan, f["a1"]),
        )
        points, blocks = _points(frame)
        axes = leading_axes(points)
        assert axes.shape[1] < points.shape[1]
        (drawn,) = by_degree(points, blocks, axes, np.random.RandomState(0), count=1)
        low = points @ axes
        assert drawn.mean(axis=0) == pytest.approx(low.mean(axis=0), abs=1e-4)
        assert np.cov(drawn.T) == pytest.approx(np.cov(low.T), abs=1e-3)
        assert np.abs(drawn - low).max() > 1

    def test_it_has_the_same_values(self) -> None:
        frame = alike(5000, 7)["independent, all types"]
        points, blocks = _points(frame)
        everything = np.eye(points.shape[1], dtype=np.float32)
        (drawn,) = by_degree(points, blocks, everything, np.random.RandomState(0), count=1)
        # All but for the linear map, which moves independent tags little.
        assert np.sort(drawn, axis=0) == pytest.approx(np.sort(points, axis=0), abs=0.25)

    def test_it_has_no_groups(self) -> None:
        frame, _ = planted(N, 3, groups=3)
        points, blocks = _points(frame)
        axes = leading_axes(points)
        (drawn,) = by_degree(points, blocks, axes, np.random.RandomState(0), count=1)

        def within(low: Points) -> float:
            return float(nearest(centres(low, 3, seed=0, starts=3, steps=15), low)[1].mean())

        assert within(drawn) > 1.1 * within(points @ axes)


def test_more_starts_and_the_same_seed_give_the_same_centres() -> None:
    points, _ = _points(planted(N, 3, groups=4)[0])
    once, again = (centres(points, 4, seed=1, starts=3, steps=10) for _ in range(2))
    assert (once == again).all()


def test_fewer_kinds_of_customers_than_groups_do_no_harm() -> None:
    points = np.repeat(np.eye(3, dtype=np.float32), 100, axis=0)
    found = nearest(centres(points, 5, seed=0, starts=2, steps=5), points)
    assert found[1].max() == pytest.approx(0, abs=1e-6)


class TestChoice:
    rows = pd.DataFrame(
        {
            "k": [2, 3, 4, 5],
            "gain": [0.05, 0.10, 0.101, 0.20],
            "gain_se": [0.01, 0.01, 0.01, 0.01],
            "stable": [True, True, True, False],
            "tighter": True,
            "large_enough": True,
        }
    )

    def test_the_least_number_that_is_as_good_as_the_best_is_chosen(self) -> None:
        assert choose(self.rows) == 3
        assert choose(self.rows.assign(gain=[0.05, 0.10, 0.12, 0.2])) == 4

    @pytest.mark.parametrize("needed", ["stable", "tighter", "large_enough"])
    def test_every_condition_must_hold(self, needed: str) -> None:
        assert choose(self.rows.assign(**{needed: [True, False, False, False]})) == 2
        assert choose(self.rows.assign(**{needed: False})) == 1
