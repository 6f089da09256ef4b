"""Tags as coordinates: one scale for all, tails bent, nulls and words apart."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.groups._space import correlated, learn_space

from .customers import table

RNG = np.random.default_rng(0)
N = 2000


def test_numbers_have_one_scale_whatever_their_unit() -> None:
    cny = RNG.lognormal(9, 2, N)
    frame = table({"cny": cny, "cents": cny * 100, "shifted": cny + 1e4})
    points = learn_space(frame)[0].points(frame)
    assert points.mean(axis=0) == pytest.approx(0, abs=0.05)
    assert points.std(axis=0) == pytest.approx(1, abs=0.05)
    assert points[:, 1] == pytest.approx(points[:, 0], abs=1e-3)
    assert points[:, 2] == pytest.approx(points[:, 0], abs=1e-2)


def test_one_millionaire_does_not_move_the_others() -> None:
    funds = RNG.lognormal(8, 1, N)
    rich = funds.copy()
    rich[0] = 1e12
    without, with_one = (
        learn_space(table({"funds": f}))[0].points(table({"funds": f})) for f in (funds, rich)
    )
    assert np.abs(with_one).max() == pytest.approx(3)
    assert with_one[1:, 0] == pytest.approx(without[1:, 0], abs=0.1)


def test_yes_and_no_are_as_far_apart_as_two_words() -> None:
    frame = table({"flag": [True, False] * 50, "word": ["north", "south"] * 50})
    space, _ = learn_space(frame)
    points = space.points(frame)
    flag, word = (points[:, block] for block in space.blocks)
    assert np.linalg.norm(flag[0] - flag[1]) == pytest.approx(2)
    assert np.linalg.norm(word[0] - word[1]) == pytest.approx(2)


def test_a_rare_flag_has_little_say() -> None:
    frame = table({"rare": np.arange(N) < N // 100, "even": np.arange(N) % 2 == 0})
    rare, even = learn_space(frame)[0].points(frame).var(axis=0)
    assert even == pytest.approx(1)
    assert rare < 0.05


def test_a_null_is_in_the_middle_and_has_a_coordinate_of_its_own() -> None:
    idle = np.where(np.arange(N) % 4 == 0, np.nan, RNG.lognormal(2, 1, N))
    frame = table(
        {"idle": idle, "flag": pd.array([True, False, None, True] * (N // 4), dtype="boolean")}
    )
    space, _ = learn_space(frame)
    points = space.points(frame)
    assert space.blocks == (slice(0, 2), slice(2, 4))
    assert set(points[::4, 0]) == {0.0}
    assert points[::4, 1] == pytest.approx(0.75)
    assert points[2::4, 2] == pytest.approx(0)


def test_mostly_zero_balances_are_spread_all_the_same() -> None:
    frame = table({"wealth": np.where(np.arange(N) % 10 == 0, RNG.lognormal(10, 1, N), 0.0)})
    points = learn_space(frame)[0].points(frame)
    assert np.isfinite(points).all()
    assert 0.3 < points.std() < 1.01


def test_dates_are_numbers_and_constants_are_named() -> None:
    frame = table(
        {
            "opened": pd.to_datetime(
                [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(N)]
            ),
            "country": "CN",
            "nothing": np.full(N, np.nan),
            "one_or_none": np.where(np.arange(N) % 2 == 0, 5.0, np.nan),
        }
    )
    space, mute = learn_space(frame)
    assert mute == {"country": "constant", "nothing": "all null"}
    assert space.tags == ("opened", "one_or_none")
    assert np.isfinite(space.points(frame)).all()


def test_new_customers_are_placed_by_what_was_learnt() -> None:
    frame = table({"funds": RNG.lognormal(8, 1, N), "word": ["north", "south"] * (N // 2)})
    space, _ = learn_space(frame)
    assert space.points(frame.iloc[::-1])[::-1] == pytest.approx(space.points(frame))
    unseen = space.points(frame.assign(word="west"))
    assert np.isfinite(unseen).all()
    with pytest.raises(InvalidInput, match="must be finite"):
        space.points(frame.assign(funds=np.inf))


def test_correlation_of_tags_ignores_signs_and_constants() -> None:
    points = np.column_stack([np.arange(9.0), -np.arange(9.0), np.ones(9)]).astype(np.float32)
    one, other, constant = (slice(i, i + 1) for i in range(3))
    assert correlated(points, one, other) == pytest.approx(1)
    assert correlated(points, one, constant) == 0
