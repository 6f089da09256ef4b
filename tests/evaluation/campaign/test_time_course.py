"""The time course: counts by day, and the effect up to each day."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from scipy.special import lambertw

from marketing_ds.evaluation.campaign import TimeCourse
from marketing_ds.evaluation.campaign.peeking import ArmPath, always_valid
from marketing_ds.evaluation.campaign.time_course import time_course_of
from marketing_ds.mart import Mart

from .conftest import at, rows_of


def course(mart: Mart, as_of: str = "2026-06-30", randomised: bool = True) -> TimeCourse:
    with rows_of(mart, as_of=as_of) as rows:
        return time_course_of(rows, randomised=randomised, alpha=0.05)


def test_steps_are_counted_by_day(busy: Mart) -> None:
    frame = course(busy).to_frame().set_index(["step", "arm"])
    bought = frame.loc[("converted", "coupon")]
    assert bought["count"].tolist()[:6] == [1, 0, 0, 0, 1, 0]
    assert bought["cumulative"].tolist()[:6] == [1, 1, 1, 1, 2, 2]
    assert bought["date"].tolist()[4] == dt.date(2026, 5, 8)
    assert len(bought) == 21  # until the last outcome can count
    assert frame.loc[("visited", "all"), "count"].tolist()[:6] == [1, 2, 0, 1, 1, 1]
    assert frame.loc[("clicked", "coupon"), "count"].tolist()[0] == 2


def test_the_path_since_the_start_by_hand(busy: Mart) -> None:
    path = course(busy, "2026-05-20").path
    start = path[path["since"] == "start"].set_index(["arm", "day"])
    coupon = start.loc["coupon"]
    assert coupon.index.tolist() == list(range(17))
    # c02 bought on day 0, c04 of control on day 14.
    assert coupon["mean_arm"].tolist() == pytest.approx([1 / 3] * 17, rel=1e-12)
    assert coupon["mean_control"].tolist() == pytest.approx([0] * 14 + [1 / 3] * 3, abs=1e-12)
    assert coupon["effect"].tolist() == pytest.approx([1 / 3] * 14 + [0] * 3, abs=1e-12)
    assert coupon["effect_ci_lower"].eq(-math.inf).all()  # three customers tell nothing yet
    assert start.loc["message", "mean_arm"].tolist()[:4] == pytest.approx([0, 0, 1 / 3, 1 / 3])


def test_since_the_assignment_only_days_that_are_over_count(busy: Mart) -> None:
    path = course(busy, "2026-05-07").path
    own = path[(path["since"] == "assignment") & (path["arm"] == "message")].set_index("day")
    # Assigned on the 4th at 09:00: by the night of the 7th three days are over.
    assert own.index.tolist() == [0, 1, 2]
    # c03 bought 48 hours after the assignment: in the first moment of the third day.
    assert own["mean_arm"].tolist() == pytest.approx([0, 0, 1 / 3], abs=1e-12)
    whole = course(busy).path
    last = whole[(whole["since"] == "assignment") & (whole["arm"] == "message")].iloc[-1]
    assert (last["day"], last["mean_control"]) == (13, pytest.approx(1 / 3))


def test_customers_assigned_later_enter_later(busy_tables, open_tables) -> None:
    for row in busy_tables["assignments"]:
        if row["campaign_id"] == "K1" and row["customer_id"] in ("c05", "c06", "c07"):
            row["assigned_at"] = at(5, 6)
    path = course(open_tables(busy_tables), "2026-05-08").path
    coupon = path[(path["since"] == "start") & (path["arm"] == "coupon")]
    assert coupon[["day", "n_control", "n_arm"]].to_numpy().tolist() == [
        [0, 2, 2], [1, 2, 2], [2, 3, 3], [3, 3, 3], [4, 3, 3],
    ]  # fmt: skip
    assert coupon["mean_arm"].tolist()[:3] == pytest.approx([1 / 2, 1 / 2, 1 / 3])
    aged = path[(path["since"] == "assignment") & (path["arm"] == "coupon")]
    assert aged[["day", "n_arm"]].to_numpy().tolist() == [[0, 3], [1, 3], [2, 2], [3, 2]]


def test_amounts_add_up_to_sums_and_squares(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0]["objective"] = "amount_cny"
    path = course(open_tables(busy_tables)).path
    coupon = path[(path["since"] == "start") & (path["arm"] == "coupon")]
    assert coupon["mean_arm"].tolist()[:6] == pytest.approx([500 / 3] * 4 + [400] * 2)


def test_weights_are_hajek_s(busy_tables, open_tables) -> None:
    for row in busy_tables["assignments"]:
        row["probability"] = 0.25 if row["customer_id"] == "c02" else 0.5
    path = course(open_tables(busy_tables)).path
    coupon = path[(path["since"] == "start") & (path["arm"] == "coupon")]
    assert coupon["mean_arm"].iloc[0] == pytest.approx(4 / (4 + 2 + 2), rel=1e-12)


def test_without_a_draw_or_a_moment_there_is_no_path(busy: Mart, busy_tables, open_tables) -> None:
    assert course(busy, randomised=False).path.empty
    busy_tables["campaigns"][0]["objective"] = "happiness"
    found = course(open_tables(busy_tables))
    assert found.path.empty
    assert not found.to_frame().empty


def test_a_mart_of_assignments_alone_has_no_days(busy_tables, open_tables) -> None:
    for name in ("contacts", "events", "benefit_grants", "transactions"):
        del busy_tables[name]
    assert course(open_tables(busy_tables)).to_frame().empty


def _path(outcomes: np.ndarray, weights: np.ndarray | None = None) -> ArmPath:
    """Sums of (customers, days) outcomes so far."""
    n, days = outcomes.shape
    w = np.ones(n) if weights is None else weights
    one = np.ones(days)
    return ArmPath(
        n * one, w.sum() * one, (w**2).sum() * one, w @ outcomes, w**2 @ outcomes,
        w**2 @ outcomes**2, (np.diff(outcomes, axis=1, prepend=0) != 0).sum(axis=0).cumsum(),
    )  # fmt: skip


def test_a_path_s_variance_is_that_of_its_mean() -> None:
    y = np.random.default_rng(0).gamma(2, 3, (50, 4)).cumsum(axis=1)
    assert _path(y).variance == pytest.approx(y.var(axis=0, ddof=1) / 50, rel=1e-9)
    w = np.random.default_rng(1).uniform(1, 5, 50)
    mean = w @ y / w.sum()
    by_hand = (w[:, None] ** 2 * (y - mean) ** 2).sum(axis=0) / w.sum() ** 2 * 50 / 49
    assert _path(y, w).variance == pytest.approx(by_hand, rel=1e-9)


def test_the_interval_is_robbins_mixture_and_does_not_change_later() -> None:
    rng = np.random.default_rng(3)
    y, z = (np.cumsum(rng.random((400, 20)) < 0.02, axis=1).astype(float) for _ in range(2))
    effect, lower, upper = always_valid(_path(y), _path(z), 20, 0.05)
    assert effect == pytest.approx(z.mean(axis=0) - y.mean(axis=0), rel=1e-9)
    early = always_valid(_path(y[:, :8]), _path(z[:, :8]), 20, 0.05)
    assert early[1] == pytest.approx(lower[:8], rel=1e-12)
    seen = _path(y).seen + _path(z).seen
    first = int(np.argmax(seen >= 20))
    assert np.isinf(upper[:first]).all()
    assert np.isfinite(upper[first:]).all()
    clock = 200.0**2 * (_path(y).variance + _path(z).variance)
    rho = clock[first] * 20 / (first + 1) / (-lambertw(-(0.05**2) / math.e, k=-1).real - 1)
    reach = np.sqrt((clock + rho) * np.log((clock + rho) / (rho * 0.05**2))) / 200
    assert upper[first:] == pytest.approx((effect + reach)[first:], rel=1e-9)


def test_looking_every_day_errs_less_than_alpha_where_nothing_was_changed() -> None:
    """1,000 campaigns of 40 days without effect; a fixed interval read daily errs far more."""
    rng = np.random.default_rng(5)
    wrong = naive = 0
    for _ in range(1_000):
        day = np.where(rng.random((2, 1_500)) < 0.1, rng.integers(0, 40, (2, 1_500)), 99)
        paths = []
        for arm in day:
            total = np.cumsum(np.bincount(arm[arm < 40], minlength=40)).astype(float)
            size = np.full(40, 1_500.0)
            paths.append(ArmPath(size, size, size, total, total, total, total))
        effect, lower, upper = always_valid(*paths, 40, 0.05)
        error = np.sqrt(paths[0].variance + paths[1].variance)
        wrong += bool(((lower > 0) | (upper < 0)).any())
        naive += bool((np.abs(effect[2:]) > 1.96 * error[2:]).any())
    assert wrong <= 50
    assert naive > 150
