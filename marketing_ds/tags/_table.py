"""The tag table: one row a customer, product or campaign, one column a tag."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.errors import InvalidInput

from ._compile import check_day, choose, compiled
from ._entities import EntityName
from ._keys import tags_of_keys
from ._sources import MartLike
from ._tag import Tag


def answered_tags(
    mart: MartLike, as_of: str | dt.date, *, entity: EntityName = "customer"
) -> tuple[Tag, ...]:
    """The tags that a mart can answer as of a day: what `tag_table` gives if no tags are named.

    Asks the mart what it has, and computes no tag.

    Raises
    ------
    InvalidInput
        If `as_of` lies outside the data.
    """
    return choose(mart, check_day(mart, as_of, entity), None, entity)


def tag_table(
    mart: MartLike,
    as_of: str | dt.date | None = None,
    tags: Sequence[str | Tag] | None = None,
    *,
    entity: EntityName = "customer",
    keys: pd.DataFrame | ir.Table | None = None,
) -> ir.Table:
    """The tags of every customer, as they were known at the end of `as_of`.

    Nothing after that day is used: a row counts if it came true by the end of `as_of` and had
    reached the mart by then. The table is lazy; it is computed where and when it is used, and
    sources that the chosen tags do not need are never read.

    Parameters
    ----------
    mart : Mart
        The input tables, from `open_mart`.
    as_of : date or str
        The day, between the first customer's and the mart's last. Left out with `keys`.
    tags : sequence of str or Tag, optional
        Names of tags, see `catalogue`, and tags of your own, see `define`. By default every tag
        whose tables the mart has, but for dates such as `opened_on`, which are there for rules and
        must be named: tags of absent or empty tables are left out rather than filled with nulls.
    entity : {"customer", "product", "campaign"}
        What the tags are about.
    keys : pandas.DataFrame or ibis.Table, optional
        `customer_id` and `as_of` (dates), instead of `as_of`: each row gets the tags of that
        customer as of that day. Many days at once, for training sets; the mart is read once for
        each different day.

    Returns
    -------
    ibis.Table
        One row a customer opened by `as_of` (a product on sale by then; every campaign, planned
        ones too): `customer_id`, then one column a tag. With `keys` one row for each of them:
        `customer_id`, `as_of`, then the tags.

    Raises
    ------
    InvalidInput
        If `as_of` lies outside the data, a tag is unknown or named twice, or a tag asked for by
        name needs a table that the mart does not have; if a key is repeated, or its customer was
        not there on its day.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> mart = mds.open_mart("data_samples")
    >>> tags = mds.tag_table(mart, "2026-06-30", ["age", "aum", "lifecycle"])
    >>> tags.columns
    ('customer_id', 'age', 'aum', 'lifecycle')
    >>> import pandas as pd
    >>> keys = pd.DataFrame({"customer_id": ["C0000001", "C0000001"],
    ...                      "as_of": ["2026-03-31", "2026-06-30"]})
    >>> table = mds.tag_table(mart, keys=keys, tags=["tenure_days"]).order_by("as_of")
    >>> early, late = table.tenure_days.to_pyarrow().to_pylist()
    >>> late - early
    91
    >>> mart.close()
    """
    if keys is not None:
        if as_of is not None or entity != "customer":
            raise InvalidInput(
                "keys must come alone: they hold the customers and the days; leave out as_of and "
                f"entity, got as_of={as_of!r}, entity={entity!r}"
            )
        return tags_of_keys(mart, keys, tags)
    if as_of is None:
        raise InvalidInput("as_of must be given, or keys with a customer and a day in each row")
    day = check_day(mart, as_of, entity)
    return compiled(mart, day, choose(mart, day, tags, entity), entity)
