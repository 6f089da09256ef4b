"""What can be said of features before and beside their values: where they come from, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.operations as ops
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds import schema
from marketing_ds.tags import Fact, Formula, Tag, catalogue
from marketing_ds.tags._listed import Listed
from marketing_ds.tags._tag import AsOf, Input

from ._leaks import Leak, find_changes

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_LASTING = ("customer_id", "opened_on", "birth_year", "gender")
"""Facts of a customer that do not change, so that having no history of them does no harm."""
_COMPARED_ROWS = 20_000


def declared_leaks(tags: Sequence[Tag]) -> list[Leak]:
    """Tags whose very declaration cannot hold to a cut-off; no row is read for it."""
    known = set(catalogue())
    found = []
    for tag in tags:
        if tag in known:
            continue
        below = list(_below(tag))
        if any(isinstance(item, Listed) and not item.dated for item in below):
            found.append(Leak(tag.name, "undated"))
        if any(isinstance(item, Tag) and _reads_by_itself(item) for item in (tag, *below)):
            found.append(Leak(tag.name, "past the compiler"))
    return found


def unversioned(tags: Sequence[Tag]) -> tuple[str, ...]:
    """Tags that rest on facts of which the mart keeps no history."""
    return tuple(tag.name for tag in tags if any(fact.column not in _LASTING for fact in tag.facts))


def dated(tags: Sequence[Tag]) -> tuple[str, ...]:
    """Tags of the catalogue that rest on dated rows and on facts that last."""
    known, open_ = set(catalogue()), set(unversioned(tags))
    return tuple(tag.name for tag in tags if tag in known and tag.name not in open_)


def changed_since(mart: Mart, X: pd.DataFrame, y: NDArray[np.bool_]) -> list[Leak]:
    """Features that are not what was published as of the same day.

    The first `tags` that the workspace holds as of a cut-off were made by what was known when they
    were published; a difference says that the past was overwritten since.
    """
    found: dict[str, Leak] = {}
    for moment, rows in X.groupby("as_of"):
        day = pd.Timestamp(str(moment)).date()
        published = mart.publications("tags", as_of=day)
        if not published:
            continue
        kept = mart.connection.read_parquet(list(published[0].files))
        some = rows.iloc[:_COMPARED_ROWS]
        ids = ibis.memtable(pd.DataFrame({"customer_id": some["customer_id"].astype(object)}))
        both = [name for name in X.columns[2:] if name in kept.columns]
        then = kept.select("customer_id", *both).semi_join(ids, "customer_id")
        frame = then.to_pyarrow().to_pandas().drop_duplicates("customer_id")
        frame = frame.set_index("customer_id")
        now = some[some["customer_id"].isin(frame.index)]
        again = frame.loc[now["customer_id"].to_numpy(dtype=object)]
        leaks = find_changes(now, again, both, y[now.index.to_numpy()])
        found.update({leak.feature: leak for leak in leaks})
    return list(found.values())


def _below(tag: Tag) -> Iterator[Input]:
    """All that a tag stands on, at any depth."""
    for item in tag.inputs:
        yield item
        if isinstance(item, Tag):
            yield from _below(item)


def _reads_by_itself(tag: Tag) -> bool:
    """Whether the tag's formula brings rows of its own, beside its inputs."""
    if not isinstance(tag.rule, Formula):
        return False
    columns = {f"c{n}": _type(item) for n, item in enumerate(tag.inputs)}
    given = ibis.table(columns or {"c0": "int64"}, name="inputs")
    value = tag.rule.function(*(given[name] for name in columns))
    relations = value.op().find(ops.Relation, filter=None)
    return any(relation != given.op() for relation in relations)


def _type(item: Input) -> str:
    if isinstance(item, Tag):
        return str(item.type)
    if isinstance(item, AsOf):
        return "date"
    if isinstance(item, Fact):
        return str(schema.MART[item.table].column(item.column).type)
    if isinstance(item, Listed):
        return str(ibis.Schema.from_pyarrow(item.data.schema)["value"])
    if item.how in ("count", "days", "customers", "recency", "since_first"):
        return "int64"
    types = {column.name: column.type for column in schema.MART[item.source].columns}
    return types.get(str(item.column), "float64" if item.how == "sum" else "string")
