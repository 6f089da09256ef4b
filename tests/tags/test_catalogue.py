"""The catalogue: complete, searchable, true to the contract; bad tags are refused at once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from marketing_ds import schema
from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.tags import Aggregate, Fact, Formula, Tag, catalogue, where


def test_it_declares_enough_tags_with_names_of_their_own() -> None:
    names = catalogue().names
    assert len(names) >= 45
    assert len(set(names)) == len(names)
    assert {"aum", "lifecycle", "value_tier", "age", "gender"} <= set(names)


def test_every_tag_is_titled_in_both_languages_and_described() -> None:
    for tag in catalogue():
        assert tag.title("en") == tag.title_en != ""
        assert re.search(r"[一-鿿]|AUM", tag.title("zh"))
        assert tag.description.endswith(".")


def test_lineage_names_columns_of_the_contract() -> None:
    real = {f"{t.name}.{c}" for t in schema.MART.values() for c in t.column_names}
    for tag in catalogue():
        assert tag.lineage
        assert set(tag.lineage) <= real


def test_lineage_of_a_tag_on_tags_reaches_the_mart() -> None:
    tag = catalogue()["lifecycle"]
    assert tag.sources == ("holdings", "transactions")
    assert {"customers.opened_on", "transactions.recorded_on", "products.category"} <= set(
        tag.lineage
    )


def test_windows_come_from_the_rules() -> None:
    tags = catalogue()
    assert tags["transactions_30d"].window == 30
    assert tags["app_share_90d"].window == 90
    assert tags["days_since_transaction"].window is None
    assert tags["age"].window is None


def test_sensitive_tags_are_marked() -> None:
    sensitive = {tag.name for tag in catalogue() if tag.sensitivity == "sensitive"}
    assert sensitive == {"age", "gender", "occupation"}
    assert set(catalogue().search("sensitive").names) == sensitive


def test_search_wants_every_word() -> None:
    assert catalogue().search("salary").names == ("salary_found", "salary_90d_cny")
    assert catalogue().search("Salary 工资入账").names == ("salary_90d_cny",)
    assert len(catalogue().search("no such thing")) == 0
    assert catalogue().search("no such thing").to_frame().empty


def test_it_shows_as_a_table() -> None:
    frame = catalogue().to_frame().set_index("name")
    assert frame.loc["transactions_30d", "window_days"] == 30
    assert frame.loc["aum", "unit"] == "CNY"
    assert "Assets under management" in catalogue()._repr_html_()


def test_a_name_is_found_or_the_nearest_is_named() -> None:
    assert "aum" in catalogue()
    assert "AUM" not in catalogue()
    with pytest.raises(InvalidInput, match="did you mean 'value_tier'"):
        catalogue()["value_teir"]


def test_a_mart_adds_its_attributes(tiny_mart: Mart) -> None:
    assert catalogue(tiny_mart).names == catalogue().names  # it has none


_OK: dict[str, Any] = {
    "name": "x", "title_en": "X", "title_zh": "某", "type": "int64",
    "rule": Fact("birth_year"), "description": "X.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tag(**_OK | {"name": "Two words"}), "lower case"),
        (lambda: Tag(**_OK | {"type": "int"}), "type must be one of"),
        (lambda: Tag(**_OK | {"sensitivity": "high"}), "sensitivity must be one of"),
        (lambda: Fact("birth_yaer"), "did you mean 'birth_year'"),
        (lambda: Aggregate("transaction", "count"), "did you mean 'transactions'"),
        (lambda: Aggregate("events", "mean", "duration_s"), "how must be one of"),
        (lambda: Aggregate("events", "sum"), "column must be given"),
        (lambda: Aggregate("events", "count", "duration_s"), "column must be given"),
        (lambda: Aggregate("events", "count", days=0), "days must be at least 1"),
        (lambda: Aggregate("events", "days"), "days must be given"),
        (lambda: Aggregate("events", "sum", "durations"), "did you mean 'duration_s'"),
        (lambda: Aggregate("events", "count", where=where(chanel="app")), "did you mean 'channel'"),
    ],
)
def test_a_bad_declaration_fails_where_it_is_made(make: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make()


def test_a_tag_on_tags_needs_what_they_need() -> None:
    aum, lifecycle = catalogue()["aum"], catalogue()["lifecycle"]
    both = Tag(**_OK | {"rule": Formula(lambda a, b: a, (aum, lifecycle))})
    assert both.tables == ("holdings", "transactions", "products")
    assert set(aum.aggregates) < set(both.aggregates)
