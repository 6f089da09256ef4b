"""What tags are about: customers, products, campaigns, each one row of a table of the mart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EntityName = Literal["customer", "product", "campaign"]


@dataclass(frozen=True)
class Entity:
    """A kind of thing that has tags.

    Parameters
    ----------
    name : {"customer", "product", "campaign"}
        What `tag_table` and `Tag` call it.
    table : str
        The table of the mart with one row for each.
    key : str
        The column of its id, in that table and in every table that speaks of it.
    title_en, title_zh : str
        The plural shown to people, in English and Chinese.
    planned : bool
        Whether a tag table shows those dated after `as_of` too. A campaign is planned before it
        starts, and the mart does not say when; a customer or product is not there before its date.
    """

    name: EntityName
    table: str
    key: str
    title_en: str
    title_zh: str
    planned: bool = False


ENTITIES: Mapping[EntityName, Entity] = {
    entity.name: entity
    for entity in (
        Entity("customer", "customers", "customer_id", "Customers", "客户"),
        Entity("product", "products", "product_id", "Products", "产品"),
        Entity("campaign", "campaigns", "campaign_id", "Campaigns", "活动", planned=True),
    )
}
"""The entities by name."""
