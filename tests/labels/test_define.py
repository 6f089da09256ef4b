"""One's own labels: computed on both engines, refused at declaration where they are wrong."""

from __future__ import annotations

import ibis
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.labels import define

from .conftest import positives, told


def test_conditions_are_counted_and_numbers_added_up(engine_mart):
    twice = define("twice", table="transactions", sql="category = 'fund'", at_least=2)
    assert positives(engine_mart, twice, "2026-04-30", 20) == {"c02"}
    much = define(
        "much",
        table="transactions",
        expression=ibis.cases((ibis._.kind == "purchase", ibis._.amount_cny), else_=0.0),
        at_least=900,
    )
    assert positives(engine_mart, much, "2026-04-30", 20) == {"c02", "c05"}


def test_absent_is_the_other_way_round(tiny_mart):
    options = {"table": "transactions", "sql": "kind = 'salary'"}
    paid = told(tiny_mart, define("paid", **options), "2026-04-30", 20)
    unpaid = told(tiny_mart, define("unpaid", **options, absent=True), "2026-04-30", 20)
    assert {c for c, label in paid.items() if label} == {f"c{n:02d}" for n in range(1, 7)}
    assert unpaid == {c: 1 - label for c, label in paid.items()}


def test_active_within_and_moment(tiny_mart):
    stopped = define(
        "stopped", table="transactions", sql="kind = 'salary'", absent=True, active_within=21
    )
    assert set(told(tiny_mart, stopped, "2026-04-30", 5)) == {f"c{n:02d}" for n in range(1, 7)}
    opened = define("opened", table="contacts", sql="channel = 'sms'", moment="opened_at")
    assert positives(tiny_mart, opened, "2026-05-03", 5) == {"c02", "c05", "c08"}


def test_what_it_says_and_reads():
    big = define("big_one", table="transactions", sql="amount_cny >= 100", title_zh="大额")
    assert (big.title(), big.title("zh")) == ("Big one", "大额")
    assert "amount_cny >= 100" in big.description
    assert "transactions.amount_cny" in big.lineage
    assert "products" in define("f", table="transactions", sql="category = 'fund'").tables


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "holdings", "sql": "balance_cny > 1"}, "table must be one of 'transactions'"),
        ({"table": "events"}, "exactly one of expression and sql, got none"),
        ({"table": "events", "sql": "TRUE", "expression": ibis._.page}, "got both"),
        ({"table": "events", "sql": "pag = 'fund'"}, "unknown column 'pag'; did you mean 'page'"),
        ({"table": "events", "sql": "count(*)"}, "must be made of columns, values"),
        ({"table": "events", "sql": "page"}, "true or false of each row, or a number"),
        ({"table": "events", "sql": "1 = 1"}, "must read at least one column of events"),
        ({"table": "events", "expression": ibis._.pge == "x"}, "unknown column 'pge'"),
        ({"table": "events", "expression": "page"}, "must be an Ibis expression over columns"),
        ({"table": "events", "expression": ibis._.duration_s.sum() > 1}, "computed row by row"),
        ({"table": "events", "expression": lambda t: t}, "must give one value"),
        ({"table": "events", "expression": ibis._.duration_s + ibis._.page}, "does not fit"),
        ({"table": "events", "sql": "page = 'x'", "at_least": 0}, "at_least must be greater"),
        ({"table": "events", "sql": "page = 'x'", "moment": "recorded_on"}, "moment must be one"),
        ({"table": "events", "sql": "page = 'x'", "active_within": 0}, "active_within must be"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(options, message):
    with pytest.raises(InvalidInput, match=message):
        define("mine", **options)


def test_its_name_must_be_one():
    with pytest.raises(InvalidInput, match="name must be lower case"):
        define("My label", table="events", sql="page = 'x'")
