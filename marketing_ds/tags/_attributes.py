"""Tags that a bank has computed already: `attr_<name>`, found in `customer_attributes`."""

from __future__ import annotations

import datetime as dt

from marketing_ds._core.errors import MartError

from ._sources import MartLike, known_by
from ._tag import Aggregate, Tag, where

_TABLE = "customer_attributes"


def attribute_tags(mart: MartLike, as_of: dt.date) -> tuple[Tag, ...]:
    """A tag for each attribute that is known by `as_of`: numbers or words, by what is stored.

    Raises
    ------
    MartError
        If one attribute holds both numbers and words, or two differ only in upper and lower case
        (engines do not tell such columns apart).
    """
    rows = known_by(mart[_TABLE], _TABLE, as_of)
    found = (
        rows.group_by("attribute")
        .aggregate(numbers=rows.number.count(), words=rows.text.count())
        .order_by("attribute")
        .to_pyarrow()
        .to_pylist()
    )
    seen: dict[str, str] = {}
    for row in found:
        name = row["attribute"]
        if row["numbers"] and row["words"]:
            raise MartError(
                f"attribute {name!r} of customer_attributes holds both numbers and words; "
                f"store it as one of them"
            )
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise MartError(
                f"attributes {other!r} and {name!r} of customer_attributes differ only in upper "
                f"and lower case; rename one"
            )
    return tuple(_tag(row["attribute"], is_word=row["words"] > 0) for row in found)


def _tag(attribute: str, *, is_word: bool) -> Tag:
    column = "text" if is_word else "number"
    return Tag(
        f"attr_{attribute}",
        attribute.replace("_", " ").capitalize(),
        attribute,
        "string" if is_word else "float64",
        Aggregate(_TABLE, "latest", column, where(attribute=attribute)),
        f"Attribute '{attribute}' as delivered: its latest known value; null if never known.",
        subject="delivered",
    )
