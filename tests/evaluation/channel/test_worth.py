"""Products held, revenue and contribution by channel, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.mart import Mart

from .small_bank import AS_OF, END, START, small_bank


def test_products_are_those_with_a_balance_on_the_last_snapshot(found: ChannelAnalysis) -> None:
    products = found.products
    assert products is not None
    assert str(products.snapshot) == "2026-05-31"
    frame = products.to_frame().set_index("channel")
    # a holds two, b one, c none; d holds one, e and f none and have used nothing
    assert frame["products_per_customer"].to_dict() == pytest.approx(
        {"all": 1.0, "app": 1.0, "web": 1.0, "none": 1 / 3}
    )
    assert frame["customers"].to_dict() == {"all": 3, "app": 3, "web": 1, "none": 3}
    half = 1.959963984540054 * math.sqrt(1 / 3)
    assert frame.loc["app", "products_per_customer_ci_lower"] == pytest.approx(1 - half)


def test_revenue_is_amount_times_margin_and_contribution_less_contact_cost(
    found: ChannelAnalysis,
) -> None:
    assert found.worth is not None
    frame = found.worth.to_frame().set_index("channel")
    columns = ["buyers", "purchases", "amount_cny", "revenue_cny", "contacts", "contact_cost_cny"]
    expected = {
        "all": [2, 3, 1800.0, 15.0, 3, 0.12],
        "app": [1, 2, 1500.0, 15.0, 1, 0.02],
        "sms": [0, 0, 0.0, 0.0, 2, 0.10],
        "unknown": [1, 1, 300.0, 0.0, 0, 0.0],
    }
    for channel, values in expected.items():
        assert frame.loc[channel, columns].tolist() == pytest.approx(values)
    assert frame.loc["app", "contribution_cny"] == pytest.approx(14.98)
    assert frame.loc["sms", "contribution_cny"] == pytest.approx(-0.10)
    assert frame.loc["all", "revenue_per_buyer_cny"] == 7.5
    assert frame.loc["app", "revenue_share"] == 1.0
    assert found.worth.unpriced_purchases == 1


def test_late_purchases_count_once_they_are_known(small_mart: Mart) -> None:
    later = analyze_channels(small_mart, start=START, end=END, as_of="2026-06-21")
    assert later.worth is not None
    frame = later.worth.to_frame().set_index("channel")
    assert frame.loc["web", "revenue_cny"] == 8.0


def test_what_the_mart_lacks_is_left_out(open_tables: object) -> None:
    tables = {name: small_bank()[name] for name in ("customers", "events")}
    found = analyze_channels(open_tables(tables), start=START, end=END, as_of=AS_OF)  # type: ignore[operator]
    assert (found.products, found.worth, found.attribution) == (None, None, None)
    assert found.use.to_frame()["customers"].tolist() == [3, 3, 1]


def test_holdings_after_the_window_are_none(open_tables: object) -> None:
    tables = small_bank()
    tables["holdings"] = tables["holdings"][-1:]
    del tables["transactions"]
    found = analyze_channels(open_tables(tables), start=START, end=END, as_of=AS_OF)  # type: ignore[operator]
    assert found.products is None
    assert found.attribution is None
    assert found.worth is not None
    frame = found.worth.to_frame().set_index("channel")
    assert frame["contribution_cny"].to_dict() == pytest.approx(
        {"all": -0.12, "app": -0.02, "sms": -0.1}
    )
    assert isinstance(frame["revenue_share"], pd.Series)
    assert frame["revenue_share"].isna().all()
