"""The product analysis, against answers computed by hand on the tiny mart."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.metrics import Mean
from marketing_ds.evaluation.product import ProductAnalysis, analyze_products
from marketing_ds.profiling import tgi_interval

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

Rows = list[dict[str, Any]]
Open = Callable[[dict[str, Rows]], "Mart"]
JUNE = dt.date(2026, 6, 30)


def spring(mart: Mart, **options: Any) -> ProductAnalysis:
    """May and June, between the snapshots of 30 April and 30 June."""
    return analyze_products(mart, start="2026-05-01", end="2026-06-30", **options)


def row(frame: pd.DataFrame, **keys: str) -> dict[str, Any]:
    for name, value in keys.items():
        frame = frame[frame[name] == value]
    (found,) = frame.to_dict("records")
    return {str(name): value for name, value in found.items()}


def ends(told: dict[str, Any], name: str) -> tuple[float, float]:
    return told[f"{name}_ci_lower"], told[f"{name}_ci_upper"]


def wilson_of(count: int, size: int) -> tuple[float, float]:
    lower, upper = wilson([count], [size])
    return float(lower[0]), float(upper[0])


def test_everything_is_that_of_hand_on_both_engines(engine_mart: Mart) -> None:
    found = spring(engine_mart)
    assert (found.customers, found.evidence, found.notes) == (12, "descriptive", ())
    assert (found.start_snapshot, found.end_snapshot) == (dt.date(2026, 4, 30), JUNE)
    assert "Sales 2026-05-01 to 2026-06-30" in found._repr_html_()
    pd.testing.assert_frame_equal(found.to_frame(), found.sales)
    check_sales(found)
    check_crossing(found)
    check_money(found)
    assert found.switching.empty  # every category of the tiny mart has one product


def test_of_many_products_the_smallest_are_told_together(sample_mart: Mart) -> None:
    options = {"start": "2026-04-01", "end": "2026-06-30", "campaign_id": "K06"}
    whole = analyze_products(sample_mart, **options)
    found = analyze_products(sample_mart, most=5, **options)
    assert "others_together" in found.notes
    assert "others_together" not in whole.notes
    products = whole.sales[whole.sales["level"] == "product"].set_index("item")
    worth = (products["amount_cny"] + products["balance_cny"]).sort_values(ascending=False)
    alone = {*worth.index[:5], "WM-PRIME"}
    told = found.sales[found.sales["level"] == "product"].set_index("item")
    others = told.index[told.index.str.startswith("others:")]
    assert set(told.index) - set(others) == alone
    pd.testing.assert_frame_equal(told.loc[sorted(alone)], products.loc[sorted(alone)])
    left = products.drop(index=list(alone))
    for name in others:
        of_category = left[left["category"] == name.removeprefix("others:")]
        assert told.loc[name, "title"] == f"{len(of_category)} others of {name[7:]}"
        assert told.loc[name, "amount_cny"] == pytest.approx(of_category["amount_cny"].sum())
        assert told.loc[name, "purchases"] == of_category["purchases"].sum()
        assert told.loc[name, "buyers"] <= of_category["buyers"].sum()
    for level in ("category", "all"):
        same = [r.sales[r.sales["level"] == level].reset_index(drop=True) for r in (found, whole)]
        pd.testing.assert_frame_equal(*same)
    pd.testing.assert_frame_equal(found.effects, whole.effects)
    pd.testing.assert_frame_equal(found.ratios, whole.ratios)


def check_sales(found: ProductAnalysis) -> None:
    fund = row(found.sales, level="product", item="P-FUN")
    # c02 bought twice (500 and 700), c03 300, c04 400, c05 900, c06 100
    assert (fund["buyers"], fund["purchases"], fund["amount_cny"]) == (5, 6, 2_900.0)
    assert (fund["buyer_share"], *ends(fund, "buyer_share")) == (5 / 12, *wilson_of(5, 12))
    amounts = np.array([1_200.0, 300.0, 400.0, 900.0, 100.0])
    half = student.ppf(0.975, 4) * amounts.std(ddof=1) / math.sqrt(5)
    assert fund["amount_per_buyer_cny"] == pytest.approx(580.0)
    assert ends(fund, "amount_per_buyer_cny") == pytest.approx((580 - half, 580 + half))
    assert fund["frequency"] == pytest.approx(1.2)
    assert fund["ticket_cny"] == pytest.approx(2_900 / 6)
    apart = amounts - 2_900 / 6 * np.array([2, 1, 1, 1, 1])
    half = student.ppf(0.975, 4) * apart.std(ddof=1) / math.sqrt(5) / 1.2
    assert ends(fund, "ticket_cny") == pytest.approx((2_900 / 6 - half, 2_900 / 6 + half))
    # c03 and c06 held it on 30 April already
    assert (fund["new_buyers"], fund["new_buyer_share"]) == (3, pytest.approx(0.6))
    assert ends(fund, "new_buyer_share") == pytest.approx(wilson_of(3, 5))
    assert (fund["holders"], fund["balance_cny"]) == (4, pytest.approx(4 * 5_000 * 1.21))
    assert (fund["penetration_share"], *ends(fund, "penetration_share")) == (
        4 / 12, *wilson_of(4, 12),
    )  # fmt: skip
    wealth = row(found.sales, level="category", item="wealth")
    assert (wealth["buyers"], wealth["amount_cny"], wealth["holders"]) == (1, 2_000.0, 0)
    assert np.isnan(wealth["frequency_ci_lower"])  # one buyer tells nothing of others
    card = row(found.sales, item="P-CAR")
    assert (card["buyers"], card["amount_cny"]) == (0, 0.0)
    assert np.isnan(card["ticket_cny"])
    everything = row(found.sales, level="all")
    assert (everything["buyers"], everything["purchases"]) == (6, 7)
    assert everything["new_buyers"] == 0  # all of them held deposits before


def check_crossing(found: ProductAnalysis) -> None:
    pair = row(found.cross_holding, level="product", item="P-DEP", with_item="P-FUN")
    assert (pair["holders"], pair["with_holders"], pair["both"]) == (12, 4, 4)
    assert (pair["jaccard"], *ends(pair, "jaccard")) == (4 / 12, *wilson_of(4, 12))
    assert pair["lift"] == 1.0  # all hold deposits, which therefore says nothing
    assert row(found.cross_holding, level="category")["both"] == 4


def check_money(found: ProductAnalysis) -> None:
    # From April to June assets grew by 21 %: c01 210, c02 420, c03 1,680, c04 840, c05 1,050,
    # c06 2,310; at most what was bought counts as new.
    fund = row(found.moved, level="product", item="P-FUN")
    new = np.array([420.0, 300.0, 400.0, 900.0, 100.0])
    bought = np.array([1_200.0, 300.0, 400.0, 900.0, 100.0])
    assert (fund["new_cny"], fund["moved_cny"]) == pytest.approx((2_120, 780))
    assert fund["new_share"] == pytest.approx(2_120 / 2_900)
    apart = new - 2_120 / 2_900 * bought
    half = student.ppf(0.975, 4) * apart.std(ddof=1) / math.sqrt(5) / 580
    assert ends(fund, "new_share") == pytest.approx((2_120 / 2_900 - half, 2_120 / 2_900 + half))
    half = student.ppf(0.975, 4) * new.std(ddof=1) / math.sqrt(5)
    assert ends(fund, "new_per_buyer_cny") == pytest.approx((424 - half, 424 + half))
    everything = row(found.moved, level="all")
    assert (everything["amount_cny"], everything["new_cny"]) == pytest.approx((4_900, 2_330))
    assert "P-CAR" not in set(found.moved["item"])  # what is owed is no money that came


def richer(tables: dict[str, Rows]) -> dict[str, Rows]:
    """A second fund: c02 and c05 had 1,000 of it, c09 500; c02 and c09 sold some by June."""
    tables["products"].append(dict(tables["products"][2], product_id="P-FU2", name="Bond fund"))
    held = tables["holdings"][0]
    tables["holdings"] += [
        dict(held, customer_id=who, product_id="P-FU2", snapshot_date=day, balance_cny=balance)
        for who, before, after in (
            ("c02", 1_000.0, 400.0), ("c05", 1_000.0, 1_000.0), ("c09", 500.0, 100.0),
        )
        for day, balance in ((dt.date(2026, 4, 30), before), (JUNE, after))
    ]  # fmt: skip
    return tables


def test_pairs_of_a_category_are_described(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    found = spring(open_tables(richer(tiny_tables)))
    pair = row(found.switching, item="P-FUN", from_item="P-FU2")
    assert (pair["buyers_holding"], pair["buyers_fell"]) == (2, 1)
    assert (pair["others_holding"], pair["others_fell"]) == (1, 1)
    assert ends(pair, "buyers_fell_share") == wilson_of(1, 2)
    # c09 alone holds both funds, three and four of twelve hold one
    funds = row(found.cross_holding, item="P-FU2", with_item="P-FUN")
    assert (funds["both"], funds["lift"]) == (1, pytest.approx(12 / (3 * 4)))
    told = tgi_interval([1], 3, [4], 12)
    assert ends(funds, "lift") == pytest.approx((told[1][0] / 100, told[2][0] / 100))
    # c02 and c05 are new to the fund that they bought, but not to funds
    assert row(found.sales, item="P-FUN")["new_buyers"] == 3
    assert row(found.sales, level="category", item="fund")["new_buyers"] == 1


def test_new_money_is_shared_by_amount_and_never_negative(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    bought = dict(tiny_tables["transactions"][-2], transaction_id="more", customer_id="c02")
    tiny_tables["transactions"].append(bought | {"amount_cny": 800.0})
    for holding in tiny_tables["holdings"]:
        if holding["customer_id"] == "c05" and holding["snapshot_date"] == JUNE:
            holding["balance_cny"] = 1.0
    found = spring(open_tables(tiny_tables))
    # c02: 420 new of 1,200 of the fund and 800 of wealth; c05: all of 900 moved
    wealth = row(found.moved, level="product", item="P-WEA")
    assert wealth["new_cny"] == pytest.approx(210 + 0.4 * 420)
    fund = row(found.moved, level="product", item="P-FUN")
    assert fund["new_cny"] == pytest.approx(0.6 * 420 + 300 + 400 + 0 + 100)
    total = row(found.moved, level="all")
    assert total["new_cny"] == pytest.approx(wealth["new_cny"] + fund["new_cny"])


def trial(tables: dict[str, Rows], open_tables: Open) -> tuple[Mart, pd.DataFrame]:
    """Sixty customers, half of them called, who buy the fund in part out of the other fund."""
    random = np.random.default_rng(5)
    tables = richer(tables)
    people = [f"n{n:02d}" for n in range(60)]
    tables["customers"] = [dict(tables["customers"][0], customer_id=who) for who in people]
    start, called = random.gamma(4, 500, 60), np.arange(60) % 2 == 1
    bought = np.where(called, 600.0, 150.0) + random.uniform(0, 200, 60)
    other = np.where(called, 100.0, 300.0) + random.uniform(0, 80, 60)
    came = random.uniform(0, 300, 60) + np.where(called, 200.0, 0.0)
    rows = pd.DataFrame({"customer_id": people, "arm": np.where(called, "coupon", "control"),
                         "start": start, "bought": bought, "other": other, "came": came})  # fmt: skip
    holding, buy = tables["holdings"][0], tables["transactions"][-2]
    tables["holdings"], tables["transactions"] = [], []
    for n, who in enumerate(people):
        rest = start[n] + came[n] - bought[n] - other[n]
        for product, before, after in (
            ("P-DEP", start[n], rest), ("P-FUN", 0.0, bought[n]), ("P-FU2", 0.0, other[n]),
        ):  # fmt: skip
            for day, balance in ((dt.date(2026, 4, 30), before), (JUNE, after)):
                tables["holdings"].append(
                    dict(holding, customer_id=who, product_id=product, snapshot_date=day,
                         balance_cny=float(balance))
                )  # fmt: skip
        for product, amount, number in (
            ("P-FUN", bought[n], 10), ("P-FU2", other[n], 12), ("P-FUN", 7_777.0, 2),
        ):  # fmt: skip
            at = dt.datetime(2026, 5, number)
            tables["transactions"].append(
                dict(buy, transaction_id=f"{who}{product}{number}", customer_id=who, occurred_at=at,
                     recorded_on=at.date(), product_id=product, amount_cny=float(amount))
            )  # fmt: skip
    tables["assignments"] = [
        dict(tables["assignments"][0], customer_id=who, arm=arm, probability=0.5)
        for who, arm in zip(people, rows["arm"], strict=True)
    ]
    for name in ("events", "contacts", "benefit_grants"):
        tables[name] = []
    return open_tables(tables), rows


def test_a_randomised_campaign_tells_what_it_took(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    mart, rows = trial(tiny_tables, open_tables)
    found = spring(mart, campaign_id="K1")
    assert (found.evidence, found.product_id, found.blocked) == ("randomised", "P-FUN", False)
    # Purchases of 2 May came before the campaign, which began on the 4th.
    assets = rows["came"]
    wanted = {
        "product_bought_cny": rows["bought"], "same_category_bought_cny": rows["other"],
        "product_balance_cny": rows["bought"], "same_category_balance_cny": rows["other"],
        "assets_cny": assets,
    }  # fmt: skip
    called = (rows["arm"] == "coupon").to_numpy(float)
    design = np.column_stack([np.ones(60), called, rows["start"]])
    for name, values in wanted.items():
        effect = np.linalg.lstsq(design, values.to_numpy(float))[0][1]
        assert row(found.effects, metric=name)["effect"] == pytest.approx(effect, rel=1e-6)
    assert row(found.effects, metric="product_buyers")["mean_control"] == 1.0
    fund, taken = (
        np.linalg.lstsq(design, rows[name].to_numpy(float))[0][1] for name in ("bought", "other")
    )
    ratio = row(found.ratios, ratio="cannibalised_sales")
    assert ratio["value_share"] == pytest.approx(-taken / fund, rel=1e-6)
    # Fieller: at an end of the set, other + end × bought is just as far from 0 as may be.
    for end in ends(ratio, "value_share"):
        data = rows.assign(y=rows["other"] + end * rows["bought"])
        told = analyze_experiment(data, [Mean("y")], covariates=["start"]).to_frame().iloc[0]
        far = abs(told["effect"]) / told["standard_error"]
        assert far == pytest.approx(student.ppf(0.975, 58), rel=1e-6)
    fresh = row(found.ratios, ratio="net_new")
    came = np.linalg.lstsq(design, assets.to_numpy(float))[0][1]
    assert fresh["value_share"] == pytest.approx(came / fund, rel=1e-6)
    assert fresh["value_share_ci_lower"] < fresh["value_share"] < fresh["value_share_ci_upper"]


def test_a_campaign_for_debt_brings_no_new_assets(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    tiny_tables["products"][2]["category"] = "card"
    found = spring(open_tables(tiny_tables), campaign_id="K1")
    assert "assets_cny" not in set(found.effects["metric"])
    assert set(found.ratios["ratio"]) == {
        "cannibalised_buyers", "cannibalised_sales", "cannibalised_balance",
    }  # fmt: skip


def test_a_campaign_that_was_not_randomised_is_only_described(tiny_mart: Mart) -> None:
    found = spring(tiny_mart, campaign_id="K2")
    assert (found.evidence, found.notes, found.product_id) == (
        "descriptive", ("not_randomised",), "P-WEA",
    )  # fmt: skip
    assert found.effects.empty
    assert found.ratios.empty


def test_a_campaign_without_control_is_only_described(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    for made in tiny_tables["assignments"]:
        made["arm"] = "coupon"
    found = spring(open_tables(tiny_tables), campaign_id="K1")
    assert (found.evidence, found.notes) == ("descriptive", ("no_control",))


def test_without_holdings_sales_remain(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    del tiny_tables["holdings"]
    found = analyze_products(
        open_tables(tiny_tables), start="2026-05-01", end="2026-06-20", campaign_id="K1"
    )
    assert found.notes == ("no_holdings",)
    fund = row(found.sales, item="P-FUN")
    assert (fund["buyers"], fund["new_buyers"]) == (5, 5)
    assert "holders" not in found.sales
    assert (found.cross_holding.empty, found.moved.empty, found.switching.empty) == (True,) * 3
    assert set(found.effects["metric"]) == {
        "product_buyers", "same_category_buyers", "product_bought_cny",
        "same_category_bought_cny", "other_assets_bought_cny",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "note"),
    [
        ("2026-04-15", "2026-05-15", "no_snapshot_before"),
        ("2026-06-01", "2026-06-15", "no_snapshot_inside"),
    ],
)
def test_windows_between_snapshots_have_no_new_money(
    tiny_mart: Mart, start: str, end: str, note: str
) -> None:
    found = analyze_products(tiny_mart, start=start, end=end)
    assert found.notes == (note,)
    assert found.moved.empty
    assert len(found.cross_holding) == 2  # the last snapshot by the end is enough


def test_a_window_without_sales_or_holders_is_empty(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    for holding in tiny_tables["holdings"]:
        holding["balance_cny"] = 0.0
    found = analyze_products(open_tables(tiny_tables), start="2026-06-21", end="2026-06-25")
    assert found.sales["buyers"].sum() == found.sales["holders"].sum() == 0
    assert np.isnan(found.sales["new_buyer_share"]).all()
    assert found.cross_holding.empty
    assert (found.moved["amount_cny"] == 0).all()


def test_nothing_after_as_of_is_used(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    before = spring(open_tables(tiny_tables), as_of=JUNE)
    buy = tiny_tables["transactions"][-2]
    tiny_tables["transactions"] += [
        dict(buy, transaction_id="late", recorded_on=dt.date(2026, 7, 2)),
        dict(buy, transaction_id="next", occurred_at=dt.datetime(2026, 7, 1),
             recorded_on=dt.date(2026, 7, 1)),
    ]  # fmt: skip
    tiny_tables["holdings"].append(
        dict(tiny_tables["holdings"][0], snapshot_date=dt.date(2026, 7, 1), balance_cny=1e9)
    )
    tiny_tables["customers"].append(
        dict(tiny_tables["customers"][0], customer_id="c99", opened_on=dt.date(2026, 7, 1))
    )
    after = spring(open_tables(tiny_tables), as_of=JUNE)
    assert after.customers == 12
    for name in ("sales", "cross_holding", "moved"):
        pd.testing.assert_frame_equal(getattr(before, name), getattr(after, name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "2026-06-30", "end": "2026-06-01"}, "end must not lie before start"),
        ({"end": "2026-07-31"}, "end must not lie after what is known, 2026-06-30"),
        ({"as_of": "2026-06-15"}, "end must not lie after what is known, 2026-06-15"),
        ({"campaign_id": "K9"}, "campaign_id must be one of"),
        ({"start": "2026-05-05", "campaign_id": "K1"}, "the campaign must begin in the window"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"start": "yesterday"}, "start must be a date"),
    ],
)
def test_bad_input_is_named(tiny_mart: Mart, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        analyze_products(tiny_mart, **({"start": "2026-05-01", "end": "2026-06-30"} | options))


def test_a_campaign_must_sell_a_product_of_the_mart(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    tiny_tables["campaigns"][0]["product_id"] = None
    with pytest.raises(InvalidInput, match="must name a campaign that sells a product"):
        spring(open_tables(tiny_tables), campaign_id="K1")


def test_products_and_transactions_are_needed(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    del tiny_tables["transactions"]
    with pytest.raises(MartError, match="needs the table 'transactions'"):
        spring(open_tables(tiny_tables))
