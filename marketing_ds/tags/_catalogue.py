"""The catalogue: every tag by name, searchable, and shown as one table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._attributes import attribute_tags
from ._customers import CUSTOMER_TAGS
from ._sources import MartLike
from ._tag import Tag


@dataclass(frozen=True)
class Catalogue(Result):
    """Tags by name: ``catalogue()["aum"]``, ``"aum" in catalogue()``, `search`, `to_frame`."""

    tags: tuple[Tag, ...]

    def __getitem__(self, name: str) -> Tag:
        for tag in self.tags:
            if tag.name == name:
                return tag
        raise InvalidInput(
            f"name must be a tag of the catalogue, got {name!r}"
            f"{did_you_mean(str(name), self.names)}"
        )

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Tag]:
        return iter(self.tags)

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags, in order."""
        return tuple(tag.name for tag in self.tags)

    def search(self, text: str) -> Catalogue:
        """The tags that have every word of `text` in name, title, description or lineage.

        Examples
        --------
        >>> catalogue().search("maturing balance").names
        ('maturing_30d_cny',)
        >>> catalogue().search("年龄").names
        ('age',)
        """
        words = text.lower().split()
        return Catalogue(tuple(t for t in self.tags if all(w in _text(t) for w in words)))

    def to_frame(self) -> pd.DataFrame:
        """One row a tag: names, titles, type, unit, window, sensitivity, source, lineage."""
        return pd.DataFrame(
            [
                {
                    "name": tag.name,
                    "title_en": tag.title_en,
                    "title_zh": tag.title_zh,
                    "type": tag.type,
                    "unit": tag.unit,
                    "window_days": tag.window,
                    "sensitivity": tag.sensitivity,
                    "source": ", ".join(tag.sources),
                    "lineage": ", ".join(tag.lineage),
                    "description": tag.description,
                }
                for tag in self.tags
            ],
            columns=[
                "name", "title_en", "title_zh", "type", "unit", "window_days", "sensitivity",
                "source", "lineage", "description",
            ],
        ).astype({"window_days": "Int64"})  # fmt: skip


def catalogue(mart: MartLike | None = None, as_of: str | dt.date | None = None) -> Catalogue:
    """Every customer tag that is declared; with a mart, its computed attributes too.

    Parameters
    ----------
    mart : Mart, optional
        Adds the mart's `attr_<name>` tags, from `customer_attributes`.
    as_of : date or str, optional
        The day by which attributes must be known; the mart's last by default.

    Examples
    --------
    >>> catalogue()["aum"].title_en
    'Assets under management'
    >>> catalogue()["aum"].lineage
    ('holdings.balance_cny', 'holdings.product_id', 'holdings.snapshot_date', 'products.category')
    >>> catalogue()["amu"]
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: name must be a tag of the catalogue, got 'amu'; did you mean 'aum'?
    """
    if mart is None:
        return Catalogue(CUSTOMER_TAGS)
    day = check_date("as_of", as_of) if as_of is not None else mart.last_date
    return Catalogue((*CUSTOMER_TAGS, *attribute_tags(mart, day)))


def _text(tag: Tag) -> str:
    return " ".join(
        (tag.name, tag.title_en, tag.title_zh, tag.description, *tag.lineage, tag.sensitivity)
    ).lower()
