"""The catalogue: every tag by name, searchable, and shown subject by subject."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._attributes import attribute_tags
from ._catalogue_html import catalogue_html
from ._entities import ENTITIES, EntityName
from ._sources import MartLike
from ._tag import Sensitivity, Tag
from .declared import CAMPAIGN_TAGS, CUSTOMER_TAGS, PRODUCT_TAGS
from .declared._words import SUBJECTS

_SHOWN = 10
_DECLARED = {"customer": CUSTOMER_TAGS, "product": PRODUCT_TAGS, "campaign": CAMPAIGN_TAGS}


@dataclass(frozen=True)
class Catalogue(Result):
    """Tags by name: ``catalogue()["aum"]``, ``"aum" in catalogue()``, `search`, `filter`.

    Names are unique among the tags of one entity.
    """

    tags: tuple[Tag, ...]

    def __post_init__(self) -> None:
        seen: set[tuple[str, str]] = set()
        for tag in self.tags:
            if (tag.entity, tag.name) in seen:
                raise InvalidInput(
                    f"tags must have names of their own, got {tag.name!r} twice; rename one"
                )
            seen.add((tag.entity, tag.name))

    def __getitem__(self, name: str) -> Tag:
        found = [tag for tag in self.tags if tag.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            entities = " and of a ".join(tag.entity for tag in found)
            raise InvalidInput(
                f"name {name!r} is a tag of a {entities}; say which with catalogue(entity=…)"
            )
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
        """The tags that have every word of `text` somewhere in what is said of them.

        Searched are name, titles, description, unit, subject, entity, type, lineage, owner,
        freshness and sensitivity, in English and Chinese, whatever the case.

        Examples
        --------
        >>> catalogue().search("salary stopped")
        Catalogue(1 tag: salary_stopped)
        >>> catalogue().search("年龄段").names
        ('age_band',)
        """
        words = text.lower().split()
        return Catalogue(tuple(t for t in self.tags if all(w in _text(t) for w in words)))

    def filter(
        self,
        *,
        subject: str | None = None,
        source: str | None = None,
        sensitivity: Sensitivity | None = None,
    ) -> Catalogue:
        """The tags of a subject, that read a source (`transactions`, …), of a sensitivity.

        Raises
        ------
        InvalidInput
            If no tag here has such a subject, source or sensitivity.

        Examples
        --------
        >>> catalogue().filter(sensitivity="sensitive").names
        ('age', 'age_band', 'gender', 'occupation')
        """
        kept = self.tags
        for name, wanted in (
            ("subject", subject),
            ("source", source),
            ("sensitivity", sensitivity),
        ):
            if wanted is not None:
                known = sorted({value for tag in self.tags for value in _facets(tag)[name]})
                check_choice(name, wanted, known)
                kept = tuple(tag for tag in kept if wanted in _facets(tag)[name])
        return Catalogue(kept)

    def to_frame(self) -> pd.DataFrame:
        """One row a tag: names, titles, type, unit, window, owner, source, lineage, …"""
        rows = [_row(tag) for tag in self.tags]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"window_days": "Int64"})

    def __repr__(self) -> str:
        more = ", …" if len(self) > _SHOWN else ""
        return f"Catalogue({len(self)} tag{'' if len(self) == 1 else 's'}: {', '.join(self.names[:_SHOWN])}{more})"

    def _repr_html_(self) -> str:
        return catalogue_html(self.tags)


def catalogue(
    mart: MartLike | None = None,
    as_of: str | dt.date | None = None,
    entity: EntityName | None = "customer",
) -> Catalogue:
    """Every tag that is declared; with a mart, its computed attributes too.

    Parameters
    ----------
    mart : Mart, optional
        Adds the mart's `attr_<name>` tags of customers, from `customer_attributes`.
    as_of : date or str, optional
        The day by which attributes must be known; the mart's last by default.
    entity : {"customer", "product", "campaign"} or None
        What the tags are about; None for all of them.

    Examples
    --------
    >>> catalogue()["aum"].title_en
    'Assets under management'
    >>> catalogue()["aum"].lineage
    ('holdings.balance_cny', 'holdings.product_id', 'holdings.snapshot_date', 'products.category')
    >>> catalogue(entity="campaign")["budget_spent_share"].title_zh
    '预算使用率'
    >>> catalogue()["amu"]
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: name must be a tag of the catalogue, got 'amu'; did you mean 'aum'?
    """
    if entity is not None:
        check_choice("entity", entity, tuple(ENTITIES))
    wanted = tuple(ENTITIES) if entity is None else (entity,)
    tags = [tag for name in wanted for tag in _DECLARED[name]]
    if mart is not None and "customer" in wanted:
        day = check_date("as_of", as_of) if as_of is not None else mart.last_date
        tags += attribute_tags(mart, day)
    return Catalogue(tuple(tags))


_COLUMNS = (
    "name", "title_en", "title_zh", "entity", "subject", "type", "unit", "window_days",
    "freshness", "owner", "sensitivity", "source", "lineage", "description",
)  # fmt: skip


def _row(tag: Tag) -> dict[str, object]:
    made = {"window_days": tag.window, "source": ", ".join(tag.sources), "lineage": ", ".join(tag.lineage)}  # fmt: skip
    return {name: made[name] if name in made else getattr(tag, name) for name in _COLUMNS}


def _facets(tag: Tag) -> dict[str, tuple[str, ...]]:
    return {"subject": (tag.subject,), "source": tag.sources, "sensitivity": (tag.sensitivity,)}


def _text(tag: Tag) -> str:
    entity = ENTITIES[tag.entity]
    said = (
        tag.name, tag.title_en, tag.title_zh, tag.description, tag.unit or "", tag.type,
        tag.subject, SUBJECTS.get(tag.subject, ""), tag.entity, entity.title_zh, tag.freshness,
        tag.owner, tag.sensitivity, *tag.lineage,
    )  # fmt: skip
    return " ".join(said).lower()
