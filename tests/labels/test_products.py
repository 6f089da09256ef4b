"""Who bought which product after a cut-off, and who held it already, by hand on the tiny mart."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.labels import product_labels, products_held
from marketing_ds.mart import open_mart


def _frame(table) -> pd.DataFrame:
    return table.to_pyarrow().to_pandas().set_index("customer_id").sort_index()


def test_purchases_count_and_holders_are_out(engine_mart):
    labels = _frame(
        product_labels(engine_mart, "2026-05-04", horizon_days=10, products=["P-FUN", "P-WEA"])
    )
    assert len(labels) == 11  # c11 opened later
    fund = labels["P-FUN"]
    # c02 bought on the cut-off itself; every third customer holds it by the last snapshot.
    assert fund.index[fund.isna()].tolist() == ["c02", "c03", "c06", "c09", "c12"]
    assert fund.index[fund == 1].tolist() == []
    assert (labels["P-WEA"] == 0).all()
    later = _frame(
        product_labels(engine_mart, "2026-05-03", horizon_days=15, products=["P-FUN", "P-WEA"])
    )
    fund = later["P-FUN"]
    assert fund.index[fund == 1].tolist() == ["c02", "c04", "c05"]
    assert fund.index[fund.isna()].tolist() == ["c03", "c06", "c09", "c12"]
    wealth = _frame(product_labels(engine_mart, "2026-05-31", horizon_days=5, products=["P-WEA"]))
    assert wealth.index[wealth["P-WEA"] == 1].tolist() == ["c01"]


def test_by_default_what_was_bought_shortly_before(tiny_mart):
    assert product_labels(tiny_mart, "2026-05-20", horizon_days=20).columns == (
        "customer_id",
        "P-FUN",
    )
    assert "P-WEA" in product_labels(tiny_mart, "2026-06-10", horizon_days=10).columns
    with pytest.raises(MartError, match="no purchase of a product in the 5 days up to 2026-06-20"):
        product_labels(tiny_mart, "2026-06-20", horizon_days=5)


def test_who_holds_what_as_the_bank_knew(engine_mart):
    held = _frame(products_held(engine_mart, "2026-05-20", ["P-FUN", "P-DEP"]))
    assert held["P-DEP"].all()
    assert held.index[held["P-FUN"]].tolist() == [f"c{n:02d}" for n in (2, 3, 4, 5, 6, 9, 12)]
    assert not _frame(products_held(engine_mart, "2026-04-30", ["P-FUN"])).loc["c02", "P-FUN"]


def test_a_purchase_that_the_bank_learnt_of_late_was_not_known(write_mart, tiny_tables, tmp_path):
    rows = [dict(row) for row in tiny_tables["transactions"]]
    for row in rows:
        if row["customer_id"] == "c04" and row["product_id"] == "P-FUN":  # bought on 18 May
            row["recorded_on"] = dt.date(2026, 5, 25)
    folder = write_mart(tmp_path / "mart", {**tiny_tables, "transactions": rows})
    with open_mart(folder, workspace=tmp_path / "w") as mart:
        then = _frame(products_held(mart, "2026-05-20", ["P-FUN"]))
        now = _frame(products_held(mart, "2026-05-25", ["P-FUN"]))
        label = _frame(product_labels(mart, "2026-05-10", horizon_days=10, products=["P-FUN"]))
    assert not then.loc["c04", "P-FUN"]
    assert now.loc["c04", "P-FUN"]
    assert label.loc["c04", "P-FUN"] == 1  # late, but it did happen


def test_without_snapshots_purchases_alone_tell(write_mart, tiny_tables, tmp_path):
    tables = {name: rows for name, rows in tiny_tables.items() if name != "holdings"}
    folder = write_mart(tmp_path / "mart", tables)
    with open_mart(folder, workspace=tmp_path / "w") as mart:
        held = _frame(products_held(mart, "2026-05-10", ["P-FUN"]))
    assert held.index[held["P-FUN"]].tolist() == ["c02", "c03", "c06"]


def test_before_the_first_snapshot_purchases_alone_tell(tiny_mart):
    assert not _frame(products_held(tiny_mart, "2026-04-20", ["P-FUN"]))["P-FUN"].any()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cutoff": "2026-06-25", "horizon_days": 30}, "nobody can say yet what happened"),
        ({"products": ["P-FUNN"]}, "did you mean 'P-FUN'"),
        ({"products": []}, "at least one product"),
        ({"products": ["P-FUN", "P-FUN"]}, "each once"),
        ({"horizon_days": 0}, "horizon_days must be at least 1"),
    ],
)
def test_bad_input(tiny_mart, given, message):
    arguments = {"cutoff": "2026-05-04", "horizon_days": 10, "products": ["P-FUN"]} | given
    with pytest.raises(InvalidInput, match=message):
        product_labels(tiny_mart, **arguments)


def test_a_product_not_yet_on_sale_is_refused(write_mart, tiny_tables, tmp_path):
    products = [dict(row) for row in tiny_tables["products"]]
    products[2]["launched_on"] = dt.date(2026, 5, 1)
    folder = write_mart(tmp_path / "mart", {**tiny_tables, "products": products})
    with (
        open_mart(folder, workspace=tmp_path / "w") as mart,
        pytest.raises(InvalidInput, match="'P-FUN' was launched on 2026-05-01"),
    ):
        product_labels(mart, "2026-04-30", horizon_days=10, products=["P-FUN"])


def test_a_mart_without_transactions_says_so(write_mart, tiny_tables, tmp_path):
    tables = {name: rows for name, rows in tiny_tables.items() if name != "transactions"}
    folder = write_mart(tmp_path / "mart", tables)
    with (
        open_mart(folder, workspace=tmp_path / "w") as mart,
        pytest.raises(MartError, match="'transactions'"),
    ):
        product_labels(mart, "2026-05-04", products=["P-FUN"])
