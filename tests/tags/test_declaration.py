"""A tag that is declared wrongly fails where it is declared."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.tags import AS_OF, Aggregate, Fact, Formula, Tag, catalogue, where
from marketing_ds.tags._listed import Listed

_OK: dict[str, Any] = {
    "name": "x", "title_en": "X", "title_zh": "某", "type": "int64",
    "rule": Fact("birth_year"), "description": "X.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tag(**_OK | {"name": "Two words"}), "lower case"),
        (lambda: Tag(**_OK | {"name": "customer_id"}), "differ from the table's keys"),
        (lambda: Tag(**_OK | {"name": "as_of"}), "differ from the table's keys"),
        (lambda: Tag(**_OK | {"type": "int"}), "type must be one of"),
        (lambda: Tag(**_OK | {"sensitivity": "high"}), "sensitivity must be one of"),
        (lambda: Tag(**_OK | {"entity": "branch"}), "entity must be one of"),
        (lambda: Tag(**_OK | {"freshness": "weekly"}), "freshness must be one of"),
        (lambda: Fact("birth_yaer"), "did you mean 'birth_year'"),
        (lambda: Fact("kind", "transactions"), "table must be one of 'customers', 'products'"),
        (lambda: Fact("launched_on"), "customers must have the column"),
        (lambda: Aggregate("transaction", "count"), "did you mean 'transactions'"),
        (lambda: Aggregate("events", "mean", "duration_s"), "how must be one of"),
        (lambda: Aggregate("events", "sum"), "column must be given"),
        (lambda: Aggregate("events", "max"), "column must be given"),
        (lambda: Aggregate("events", "count", "duration_s"), "column must be given"),
        (lambda: Aggregate("events", "count", days=0), "days must be at least 1"),
        (lambda: Aggregate("events", "days"), "days must be given"),
        (
            lambda: Aggregate("events", "recency", days=30),
            "days must be left out for how='recency'",
        ),
        (lambda: Aggregate("events", "max", "duration_s", days=3), "days must be left out"),
        (lambda: Aggregate("events", "sum", "durations"), "did you mean 'duration_s'"),
        (lambda: Aggregate("events", "count", where=where(chanel="app")), "did you mean 'channel'"),
        (lambda: Aggregate("offers", "count", days=30), "'offers' has no dates"),
        (lambda: Aggregate("offers", "recency"), "'offers' has no dates"),
    ],
)
def test_a_bad_declaration_fails_where_it_is_made(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()


@pytest.mark.parametrize(
    ("entity", "rule", "message"),
    [
        ("product", Fact("region"), "must read facts of 'products', got 'customers'"),
        ("product", Aggregate("events", "count"), "its rows have no product_id"),
        ("customer", Aggregate("campaigns", "count"), "its rows have no customer_id"),
        ("campaign", Aggregate("transactions", "count"), "its rows have no campaign_id"),
        ("customer", Aggregate("events", "customers"), "is for products and campaigns"),
        (
            "customer",
            Aggregate("holdings", "count", where=where(has_other=True)),
            "'has_other' of source 'holdings' is made for a product only",
        ),
        (
            "product",
            Formula(lambda a: a, (catalogue()["aum"],)),
            "must stand on tags of the same, got 'aum' about a customer",
        ),
    ],
)
def test_a_rule_must_speak_of_the_tags_entity(entity: str, rule: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Tag(**_OK | {"entity": entity, "rule": rule})


def test_a_tag_on_tags_needs_what_they_need() -> None:
    aum, lifecycle = catalogue()["aum"], catalogue()["lifecycle"]
    both = Tag(**_OK | {"rule": Formula(lambda a, b: a, (aum, lifecycle))})
    assert both.tables == ("holdings", "transactions", "products")
    assert set(aum.aggregates) < set(both.aggregates)
    assert both.facts == (Fact("opened_on"),)


def test_a_looked_up_column_needs_the_table_it_comes_from() -> None:
    by_category = catalogue()["top_purchase_category_365d"]
    assert by_category.tables == ("transactions", "products")
    assert catalogue()["purchases_30d"].tables == ("transactions",)


def test_the_day_alone_reads_nothing() -> None:
    assert Tag(**_OK | {"rule": Formula(lambda day: day, (AS_OF,)), "type": "date"}).lineage == ()


def _rows(**columns: list[Any]) -> pa.Table:
    return pa.table(columns)


def test_equal_lists_are_equal_whatever_their_order() -> None:
    one = Listed(_rows(id=["a", "b"], value=[1, 2]))
    other = Listed(_rows(id=["b", "a"], value=[2, 1]))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Listed(_rows(id=["a", "b"], value=[1, 3]))
    assert not one.dated
    assert Tag(**_OK | {"rule": one}).lineage == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_rows(id=["a"]), "data must have the column"),
        (_rows(id=["a"], value=[1], x=[1]), "columns id, value, known_from only"),
        (_rows(id=["a", None], value=[1, 2]), "id must be known in every row, got 1"),
        (_rows(id=["a", "b"], value=[1, None]), "value must be known in every row"),
        (_rows(id=["b", "a", "a"], value=[1, 2, 3]), "listed once, got 1 more than once, e.g. 'a'"),
        (
            _rows(id=["a", "a"], value=[1, 2], known_from=[dt.date(2026, 1, 1)] * 2),
            "listed once with the same known_from",
        ),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(data: pa.Table, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Listed(data)
