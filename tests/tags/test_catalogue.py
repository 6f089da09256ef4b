"""The catalogue: complete, searchable, true to the contract, and shown so that one finds things."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from marketing_ds import schema
from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.tags import Catalogue, Fact, Tag, catalogue
from marketing_ds.tags._entities import ENTITIES, EntityName
from marketing_ds.tags.declared._words import SUBJECTS

ALL = catalogue(entity=None)


@pytest.mark.parametrize(
    ("entity", "least"), [("customer", 120), ("product", 15), ("campaign", 15)]
)
def test_it_declares_enough_tags_of_each_entity(entity: EntityName, least: int) -> None:
    tags = catalogue(entity=entity)
    assert len(tags) >= least
    assert {tag.entity for tag in tags} == {entity}


def test_names_are_unique_within_an_entity() -> None:
    counts = Counter((tag.entity, tag.name) for tag in ALL)
    assert [name for name, count in counts.items() if count > 1] == []


def test_names_that_others_lean_on_are_still_there() -> None:
    assert {
        "aum", "lifecycle", "value_tier", "age", "gender", "tenure_days", "deposit_cny",
        "transactions_90d", "active_days_30d", "contact_open_rate_90d", "rfm_class",
    } <= set(catalogue().names)  # fmt: skip


@pytest.mark.parametrize("tag", ALL, ids=lambda tag: f"{tag.entity}:{tag.name}")
def test_every_tag_is_told_in_full(tag: Tag) -> None:
    assert tag.title("en") == tag.title_en != ""
    assert re.search(r"[一-鿿]", tag.title("zh"))
    assert not re.search(r"[A-Za-z]", tag.title("zh").replace("AUM", "").replace("RFM", ""))
    assert tag.description.endswith(".")
    assert re.search(r"null|0 if", tag.description), "says nothing of customers without a value"
    assert tag.owner
    assert tag.subject in SUBJECTS
    assert tag.unit or tag.type in ("string", "boolean", "date")


def test_titles_are_unique_within_an_entity() -> None:
    for language in ("en", "zh"):
        counts = Counter((tag.entity, tag.title(language)) for tag in ALL)
        assert [title for title, count in counts.items() if count > 1] == []


def test_lineage_names_columns_of_the_contract() -> None:
    real = {f"{t.name}.{c}" for t in schema.MART.values() for c in t.column_names}
    for tag in ALL:
        assert tag.lineage
        assert set(tag.lineage) <= real


def test_lineage_of_a_tag_on_tags_reaches_the_mart() -> None:
    tag = catalogue()["lifecycle"]
    assert tag.sources == ("holdings", "transactions")
    assert {"customers.opened_on", "transactions.recorded_on", "products.category"} <= set(
        tag.lineage
    )


def test_a_count_without_conditions_reads_the_grain_of_its_source() -> None:
    offers = catalogue(entity="campaign")["offers"]
    assert offers.lineage == ("offers.campaign_id", "offers.offer")


def test_windows_come_from_the_rules() -> None:
    tags = catalogue()
    assert tags["transactions_30d"].window == 30
    assert tags["app_share_90d"].window == 90
    assert tags["days_since_transaction"].window is None
    assert tags["age"].window is None


def test_words_that_tags_may_hold_have_chinese_names() -> None:
    tag = catalogue()["value_tier"]
    assert tag.value_title("vip", "zh") == "贵宾"
    assert tag.value_title("vip") == "vip"
    assert tag.value_title("unheard of", "zh") == "unheard of"


def test_sensitive_tags_are_marked() -> None:
    sensitive = {tag.name for tag in ALL if tag.sensitivity == "sensitive"}
    assert sensitive == {"age", "age_band", "gender", "occupation"}
    assert set(catalogue().search("sensitive").names) == sensitive


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("salary 工资入账 90", ("salary_90d_cny",)),
        ("SALARY stopped", ("salary_stopped",)),
        ("客户 生命周期阶段", ("lifecycle",)),
        ("share birth_year", ()),
        ("transactions.channel branch share", ("branch_share_90d",)),
        ("no such thing", ()),
    ],
)
def test_search_wants_every_word(text: str, names: tuple[str, ...]) -> None:
    assert catalogue().search(text).names == names


def test_search_knows_entity_unit_and_subject() -> None:
    assert {tag.entity for tag in ALL.search("campaign cny cost")} == {"customer", "campaign"}
    assert set(ALL.search("产品 销售").filter(subject="sales").names) >= {"buyers_30d"}


def test_filters_narrow_by_subject_source_and_sensitivity() -> None:
    tags = catalogue()
    assert {t.subject for t in tags.filter(subject="benefits")} == {"benefits"}
    assert all("contacts" in t.sources for t in tags.filter(source="contacts"))
    assert tags.filter(sensitivity="sensitive", source="customers").names == (
        "age", "age_band", "gender", "occupation",
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=r"subject must be one of .*did you mean 'benefits'"):
        tags.filter(subject="benefit")


def test_nothing_found_is_an_empty_table() -> None:
    nothing = catalogue().search("no such thing")
    assert nothing.to_frame().empty
    assert "0 tags" in nothing._repr_html_()


def test_it_shows_as_a_frame() -> None:
    frame = catalogue().to_frame().set_index("name")
    assert frame.loc["transactions_30d", "window_days"] == 30
    row = frame.loc["aum"]
    assert (row["unit"], row["freshness"], row["entity"]) == ("CNY", "monthly", "customer")
    assert (row["owner"], row["subject"]) == ("retail banking", "balances")


def test_it_shows_in_a_notebook_by_subject_and_folds_what_is_long() -> None:
    shown = ALL._repr_html_()
    assert shown.count("<details>") == len({(t.entity, t.subject) for t in ALL})
    assert "<details open>" not in shown
    assert "Customers: balances <span>客户：资产与负债</span>" in shown
    for tag in ALL:
        assert f"<code>{tag.name}</code>" in shown
    few = catalogue().search("card activated")._repr_html_()
    assert "<details open>" in few
    assert "1 tag<" in few
    assert "Life events <span>事件与时机</span>" in few


def test_what_a_notebook_shows_is_escaped() -> None:
    tag = Tag("x", "<b>X</b>", "<某>", "int64", Fact("birth_year"), '"<i>".', unit="<u>")
    shown = Catalogue((tag,))._repr_html_()
    assert not re.search(r"<b>X|<i>|<u>|<某>", shown)


def test_a_name_is_found_or_the_nearest_is_named() -> None:
    assert "aum" in catalogue()
    assert "AUM" not in catalogue()
    with pytest.raises(InvalidInput, match="did you mean 'value_tier'"):
        catalogue()["value_teir"]


def test_a_name_of_two_entities_must_be_told_apart() -> None:
    assert catalogue()["risk_level"].title_en == "Risk appetite"
    assert catalogue(entity="product")["risk_level"].title_en == "Risk class"
    with pytest.raises(InvalidInput, match="a customer and of a product; say which"):
        ALL["risk_level"]


def test_two_tags_of_one_name_are_refused() -> None:
    aum = catalogue()["aum"]
    with pytest.raises(InvalidInput, match="'aum' twice"):
        Catalogue((aum, aum))


def test_an_unknown_entity_is_refused() -> None:
    wrong: Any = "customers"
    with pytest.raises(InvalidInput, match=r"entity must be one of .*did you mean 'customer'"):
        catalogue(entity=wrong)


def test_a_mart_adds_its_attributes(tiny_mart: Mart) -> None:
    assert catalogue(tiny_mart).names == catalogue().names  # it has none
    assert catalogue(tiny_mart, entity="product").names == catalogue(entity="product").names


def test_entities_name_tables_and_keys_of_the_contract() -> None:
    for entity in ENTITIES.values():
        assert schema.MART[entity.table].grain == (entity.key,)


def test_a_tag_and_a_catalogue_show_themselves_in_a_line() -> None:
    found = catalogue().search("salary stopped")
    assert repr(found["salary_stopped"]) == (
        "Tag(salary_stopped: boolean of a customer, 'Salary has stopped')"
    )
    assert "<code>salary_stopped</code>" in found["salary_stopped"]._repr_html_()
    assert repr(found) == "Catalogue(1 tag: salary_stopped)"
    assert repr(catalogue()).endswith(", …)")
    assert len(repr(catalogue())) < 200
