"""Benefits: what became of each, their stock, and what they moved per yuan."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.campaign import Benefits
from marketing_ds.evaluation.campaign.benefits import benefits_of
from marketing_ds.mart import Mart

from .conftest import at, rows_of

DESIGN = {"probability": "probability"}
STATES = ["issued", "redeemed", "reversed", "expired", "outstanding"]


@cache
def benefits(mart: Mart, as_of: str = "2026-06-30", drawn: bool = True) -> Benefits:
    with rows_of(mart, as_of=as_of) as rows:
        return benefits_of(mart, rows, design=DESIGN if drawn else None, alpha=0.05)


@pytest.mark.parametrize(
    ("as_of", "states", "cost"),
    [
        ("2026-05-03", None, None),
        ("2026-05-08", [3, 1, 0, 0, 2], 18),
        ("2026-05-11", [3, 2, 0, 0, 1], 36),
        ("2026-05-12", [3, 1, 1, 0, 1], 18),
        ("2026-06-03", [3, 1, 1, 1, 0], 18),  # 30 days from 4 May 10:00 are over on 3 June
    ],
)
def test_every_benefit_is_in_one_state(busy: Mart, as_of, states, cost) -> None:
    if states is None:
        with pytest.raises(ValueError, match="must have started by as_of"):
            benefits(busy, as_of)
        return
    row = benefits(busy, as_of).to_frame().iloc[0]
    assert row[STATES].tolist() == states
    assert row["cost_cny"] == cost
    assert row["issued"] == row[STATES[1:]].sum()


def test_redemption_has_wilson_s_interval_and_its_times(busy: Mart) -> None:
    row = benefits(busy).to_frame().iloc[0]
    lower, upper = wilson([1], [3])
    assert row["redemption_share"] == 1 / 3
    assert [row["redemption_share_ci_lower"], row["redemption_share_ci_upper"]] == [
        lower[0],
        upper[0],
    ]
    hours = np.quantile([95, 119], [0.25, 0.5, 0.9])  # from 4 May 10:00 to 8 and 9 May 09:00
    names = ["days_to_redeem_p25", "days_to_redeem_p50", "days_to_redeem_p90"]
    assert row[names].tolist() == pytest.approx((hours / 24).tolist(), rel=1e-12)


def test_several_benefits_have_a_row_for_all(busy_tables, open_tables) -> None:
    busy_tables["benefits"].append(busy_tables["benefits"][0] | {"benefit_id": "B2"})
    busy_tables["benefit_grants"][1]["benefit_id"] = "B2"
    frame = benefits(open_tables(busy_tables)).to_frame().set_index("benefit_id")
    assert frame.index.tolist() == ["B1", "B2", "all"]
    assert frame.loc["B2", STATES].tolist() == [1, 0, 1, 0, 0]
    assert frame.loc["all", STATES].tolist() == [3, 1, 1, 1, 0]


def test_stock_lasts(busy: Mart) -> None:
    row = benefits(busy).stock.iloc[0]
    assert row[["stock", "issued_overall", "left", "demand", "demand_after"]].tolist() == [
        100,
        3,
        97,
        3,
        0,
    ]
    assert pd.isna(row["stock_out_at"])


def test_a_stock_out_by_hand(busy_tables, open_tables) -> None:
    """Two pieces: the second goes at 10:30, to somebody of another campaign; c08 comes at 11:00."""
    busy_tables["benefits"][0]["stock"] = 2
    grants = busy_tables["benefit_grants"]
    grants[1] |= {
        "granted_at": at(5, 4, 10, 30),
        "campaign_id": "K2",
        "redeemed_at": None,
        "reversed_at": None,
    }
    grants[2]["granted_at"] = at(5, 4, 12)
    for contact in busy_tables["contacts"]:
        if contact["customer_id"] == "c08":
            contact["sent_at"] = at(5, 4, 11)
    row = benefits(open_tables(busy_tables)).stock.iloc[0]
    assert row["stock_out_at"] == pd.Timestamp(at(5, 4, 10, 30))
    assert row[["issued_overall", "left"]].tolist() == [3, 0]
    assert row[["demand", "demand_after", "demand_after_share"]].tolist() == [3, 1, 1 / 3]
    lower, upper = wilson([1], [3])
    assert [row["demand_after_share_ci_lower"], row["demand_after_share_ci_upper"]] == [
        lower[0],
        upper[0],
    ]


def test_demand_of_who_was_not_contacted_dates_from_the_assignment(
    busy_tables, open_tables
) -> None:
    busy_tables["benefits"][0]["stock"] = 1
    del busy_tables["contacts"]
    row = benefits(open_tables(busy_tables)).stock.iloc[0]
    assert row["stock_out_at"] == pd.Timestamp(at(5, 4, 10))
    assert row[["demand", "demand_after"]].tolist() == [3, 0]  # all were assigned at 09:00


def test_a_benefit_without_a_stock_cannot_run_out(busy_tables, open_tables) -> None:
    busy_tables["benefits"][0]["stock"] = None
    assert benefits(open_tables(busy_tables)).stock.empty


def test_lift_per_yuan_is_fieller_s_ratio(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0]["objective"] = "amount_cny"
    row = benefits(open_tables(busy_tables)).lift.iloc[0]
    control, coupon = np.array([0.0, 400, 0]), np.array([1200.0, 0, 0])
    paid = np.array([18.0, 0, 0])
    y, x = coupon.mean() - control.mean(), paid.mean()
    assert row["arm"] == "coupon"
    assert row["lift_per_yuan"] == pytest.approx(y / x, rel=1e-12)
    assert row["extra"] == pytest.approx(3 * y, rel=1e-12)
    assert row["benefit_cost_cny"] == pytest.approx(18, rel=1e-12)
    part = coupon.var(ddof=1) / 3, control.var(ddof=1) / 3
    freedom = sum(part) ** 2 / (part[0] ** 2 / 2 + part[1] ** 2 / 2)
    reach = student.ppf(0.975, freedom) * math.sqrt(sum(part))
    assert row["extra_ci_upper"] == pytest.approx(3 * (y + reach), rel=1e-9)
    # With three customers the cost may be 0: no ratio can be excluded.
    assert [row["lift_per_yuan_ci_lower"], row["lift_per_yuan_ci_upper"]] == [-math.inf, math.inf]


def test_lift_needs_a_draw_an_objective_and_benefits(busy: Mart, busy_tables, open_tables) -> None:
    assert benefits(busy, "2026-06-30", drawn=False).lift.empty
    busy_tables["campaigns"][0]["objective"] = "happiness"
    assert benefits(open_tables(busy_tables)).lift.empty


def test_a_campaign_without_benefits_has_empty_tables(busy_tables, open_tables) -> None:
    busy_tables["benefit_grants"] = []
    empty = benefits(open_tables(busy_tables))
    del busy_tables["benefit_grants"]
    absent = benefits(open_tables(busy_tables))
    for found in (empty, absent):
        assert found.to_frame().empty
        assert found.stock.empty
        assert found.lift.empty
        assert {"issued", "redemption_share"} <= set(found.to_frame().columns)
