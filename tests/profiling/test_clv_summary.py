"""Purchase summaries: the paper's, point in time, cohorts, both engines, what is refused."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_cdnow
from marketing_ds.mart import Mart, open_mart
from marketing_ds.profiling import BetaGeo, frequency_fit, purchase_summary, track_purchases

Rows = list[dict[str, Any]]


def test_it_is_the_published_summary_of_cdnow() -> None:
    file = importlib.metadata.distribution("lifetimes").locate_file(
        "lifetimes/datasets/cdnow_customers_summary_with_transactions.csv"
    )
    published = pd.read_csv(str(file))
    found = purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()
    assert found["frequency"].tolist() == published["x"].tolist()
    # Published to two decimals.
    for ours, theirs in (("recency", "t_x"), ("T", "T")):
        assert (found[ours] - published[theirs]).abs().max() < 0.00501
    assert (found["monetary_value"].fillna(0) - published["zbar"]).abs().max() < 0.00501
    assert found["monetary_value"].isna().tolist() == (found["frequency"] == 0).tolist()


def _purchase(number: int, customer: str, day: str, amount: float, **other: Any) -> dict[str, Any]:
    moment = dt.datetime.fromisoformat(day)
    return {
        "transaction_id": f"X{number:03d}",
        "customer_id": customer,
        "product_id": None,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "kind": "purchase",
        "amount_cny": amount,
        "channel": "app",
    } | other


@pytest.fixture(scope="module")
def shop_rows() -> Rows:
    """`c01` buys thrice on two days and once late; `c02` once; `c03` in the future; `c04` pays only."""
    return [
        _purchase(1, "c01", "2026-04-01 09:00", 10.0),
        _purchase(2, "c01", "2026-04-15 10:00", 20.0),
        _purchase(3, "c01", "2026-04-15 23:59", 5.0),
        _purchase(4, "c01", "2026-05-13 08:00", 40.0),
        _purchase(5, "c01", "2026-04-22 08:00", 70.0, recorded_on=dt.date(2026, 6, 2)),
        _purchase(6, "c02", "2026-05-31 23:59", 8.0),
        _purchase(7, "c03", "2026-06-01 00:00", 8.0),
        _purchase(8, "c04", "2026-04-01 09:00", 8.0, kind="payment"),
    ]


@pytest.fixture
def shop(
    engine: str,
    shop_rows: Rows,
    tiny_tables: dict[str, Rows],
    write_mart: Callable[[Path, dict[str, Rows]], Path],
    tmp_path: Path,
) -> Iterator[Mart]:
    folder = write_mart(tmp_path / "mart", tiny_tables | {"transactions": shop_rows})
    with open_mart(folder, engine=engine, workspace=tmp_path / "workspace") as mart:
        yield mart


def test_days_count_once_and_nothing_after_as_of_or_not_yet_known_is_read(shop: Mart) -> None:
    found = purchase_summary(shop, "2026-05-31")
    # 14 and 42 days after the first; T 60 days; repeat days of 25 and 40 CNY.
    expected = [("c01", 2, 6.0, 60 / 7, 32.5), ("c02", 0, 0.0, 0.0, None)]
    assert _rows(found.to_frame()) == expected
    days = purchase_summary(shop, "2026-05-31", unit="day", kinds=("purchase", "payment"))
    assert _rows(days.to_frame())[2] == ("c04", 0, 0.0, 60.0, None)
    later = purchase_summary(shop, "2026-06-02", first_from="2026-04-02").to_frame()
    assert later["customer_id"].tolist() == ["c02", "c03"]
    assert _rows(purchase_summary(shop, "2026-06-02", unit="day").to_frame())[0] == (
        "c01",
        3,
        42.0,
        62.0,
        45.0,
    )


def test_tracking_and_summary_agree_on_every_engine(shop: Mart) -> None:
    model = BetaGeo(0.5, 6.0, 0.8, 2.5)
    tracking = track_purchases(model, shop, as_of="2026-04-30", until="2026-06-02")
    rows = tracking.to_frame()
    # Late rows count once they are known: 22 April was by 2 June.
    assert rows["actual"].tolist() == [0, 0, 1, 1, 0, 0, 1, 0, 0]
    assert rows["holdout"].tolist() == [False] * 4 + [True] * 5
    assert tracking.customers == 1
    assert rows["until"].iloc[0] == dt.date(2026, 4, 7)
    # One customer, new on 1 April: what is expected is the model's mean.
    assert rows["expected_total"].iloc[-1] == pytest.approx(float(model.mean_purchases(62 / 7)))


def _rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [
        tuple(None if value != value else value for value in row)
        for row in frame.itertuples(index=False)
    ]


class TestTables:
    def test_a_frame_of_purchases_does_without_kinds_and_records(self, shop_rows: Rows) -> None:
        bought = pd.DataFrame(shop_rows)[["customer_id", "occurred_at", "amount_cny"]]
        found = purchase_summary(bought, "2026-05-31").to_frame()
        assert found["customer_id"].tolist() == ["c01", "c02", "c04"]
        assert found["frequency"].tolist() == [3, 0, 0]

    def test_an_ibis_table_may_hold_days(self) -> None:
        bought = ibis.memtable(
            {
                "customer_id": ["a", "a"],
                "occurred_at": [dt.date(2026, 1, 1), dt.date(2026, 1, 8)],
                "amount_cny": [1, 2],
            }
        )
        found = purchase_summary(bought, "2026-01-08")
        assert _rows(found.to_frame()) == [("a", 1, 1.0, 1.0, 2.0)]
        assert "PurchaseSummary" in found._repr_html_()

    def test_what_is_left_of_the_first_amount_is_no_value(self) -> None:
        bought = pd.DataFrame(
            {"customer_id": "a", "occurred_at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
             "amount_cny": [0.3, 0.0, 0.0]}
        )  # fmt: skip
        assert purchase_summary(bought, "2026-02-01").to_frame()["monetary_value"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"as_of": "yesterday"}, "as_of must be a date"),
        ({"unit": "month"}, "unit must be one of 'day', 'week', got 'month'"),
        (
            {"first_from": "2027-01-01"},
            "first_from must not be after as_of, got 2027-01-01 and 2026-01-31",
        ),
        ({"kinds": "purchase"}, r"kinds must be a list of kinds, .* use \['purchase'\]"),
        (
            {"kinds": ["purchas"]},
            r"kinds must be among .* got \['purchas'\]; did you mean 'purchase'",
        ),
        ({"kinds": []}, r"kinds must be among .* got \[\]"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], words: str, shop_rows: Rows) -> None:
    with pytest.raises(InvalidInput, match=words):
        purchase_summary(pd.DataFrame(shop_rows), **{"as_of": "2026-01-31", **options})


@pytest.mark.parametrize("source", [3, "mart", [1, 2], {"transactions": 1}])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(
        InvalidInput, match="source must be a mart, an Ibis table or a pandas frame"
    ):
        purchase_summary(source, "2026-01-31")


def test_missing_columns_are_named(shop_rows: Rows) -> None:
    with pytest.raises(InvalidInput, match=r"source must have the column\(s\) 'amount_cny'"):
        purchase_summary(pd.DataFrame(shop_rows).drop(columns="amount_cny"), "2026-01-31")


class TestTracking:
    model = BetaGeo(0.243, 4.414, 0.793, 2.426)

    def test_cdnow_is_followed_through_its_hold_out(self) -> None:
        tracking = track_purchases(
            self.model, load_cdnow().purchases, as_of="1997-09-30", until="1998-06-30"
        )
        rows = tracking.to_frame()
        assert len(rows) == 78
        assert rows["holdout"].sum() == 39
        summary = purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()
        fitted = rows[~rows["holdout"]]
        assert fitted["actual"].sum() == summary["frequency"].sum()
        held = rows[rows["holdout"]]
        assert tracking.holdout_error == pytest.approx(
            held["expected"].sum() / held["actual"].sum() - 1
        )
        assert tracking.holdout_error == pytest.approx(-0.114, abs=0.002)

    def test_a_cohort_is_followed_alone(self) -> None:
        bought = load_cdnow().purchases
        options = {"as_of": "1997-09-30", "until": "1997-12-31"}
        all_of_them = track_purchases(self.model, bought, **options)
        some = track_purchases(self.model, bought, first_from="1997-03-01", **options)
        assert 0 < some.customers < all_of_them.customers == 2357
        assert some.to_frame()["until"].iloc[0] == dt.date(1997, 3, 7)

    def test_nothing_bought_in_the_hold_out_gives_no_error_rate(self) -> None:
        bought = pd.DataFrame(
            {"customer_id": ["a"], "occurred_at": [dt.datetime(2026, 1, 1)], "amount_cny": [1.0]}
        )
        tracking = track_purchases(self.model, bought, as_of="2026-01-10", until="2026-03-01")
        assert tracking.holdout_error != tracking.holdout_error

    def test_arguments_are_checked(self) -> None:
        bought = load_cdnow().purchases
        with pytest.raises(InvalidInput, match="until must be after as_of"):
            track_purchases(self.model, bought, as_of="1997-09-30", until="1997-09-30")
        with pytest.raises(
            InvalidInput, match="customers who had bought by 1990-01-01, it has none"
        ):
            track_purchases(self.model, bought, as_of="1990-01-01", until="1997-09-30")


class TestFrequencyFit:
    def test_it_compares_counts_and_shares(self) -> None:
        model = BetaGeo(0.5, 6.0, 0.8, 2.5)
        drawn = model.simulate([30.0] * 20_000, random_state=8)
        fit = frequency_fit(BetaGeo.fit(drawn), drawn, most=8)
        rows = fit.to_frame()
        assert rows["repeat_purchases"].tolist() == [*map(str, range(9)), "9+"]
        assert rows["actual"].sum() == 20_000
        assert rows["expected"].sum() == pytest.approx(20_000)
        assert rows["actual_share"].sum() == pytest.approx(1)
        assert fit.degrees == 5
        assert fit.p_value > 0.001

    def test_a_wrong_model_is_found_out(self) -> None:
        drawn = BetaGeo(0.5, 6.0, 0.8, 2.5).simulate([30.0] * 20_000, random_state=8)
        assert frequency_fit(BetaGeo(2.0, 6.0, 0.8, 2.5), drawn).p_value < 1e-6

    def test_few_rows_leave_nothing_to_test(self) -> None:
        drawn = BetaGeo(0.5, 6.0, 0.8, 2.5).simulate([30.0] * 100)
        fit = frequency_fit(BetaGeo(0.5, 6.0, 0.8, 2.5), drawn, most=3)
        assert fit.degrees == 0
        assert fit.p_value != fit.p_value
        with pytest.raises(InvalidInput, match="most must be between 1 and 1000, got 0"):
            frequency_fit(BetaGeo(0.5, 6.0, 0.8, 2.5), drawn, most=0)
