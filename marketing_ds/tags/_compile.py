"""From declared tags to one query: one scan a source, whatever the number of tags and windows.

The plan is what an analyst who knows the engine would write: each source is cut to what was known,
aggregated once by customer with conditional aggregates, and joined to the customers; tags that
stand on other tags are computed from the joined columns. Of a large source the last months may be
read a second time, for the many tags that look no further back (`_passes`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds import schema
from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema.known import date_of, known_by

from ._catalogue import Catalogue, catalogue
from ._entities import ENTITIES, Entity, EntityName
from ._measures import Measure, finished, measures_of, since
from ._passes import aggregated_in_passes
from ._presence import Presence
from ._sources import SOURCES, MartLike, Prepared
from ._tag import Aggregate, AsOf, Fact, Formula, Listed, Tag

Column = Fact | Aggregate | Listed
"""What tags read; each becomes one column beside the entity's key."""


def choose(
    mart: MartLike, day: dt.date, tags: Sequence[str | Tag] | None, entity: EntityName
) -> tuple[Tag, ...]:
    """The tags asked for, in the order asked; by default all that the mart can answer, but dates."""
    presence = Presence(mart, day)
    known = _known(mart, day, tags, entity)
    if tags is None:
        return tuple(tag for tag in known if tag.type != "date" and presence.answers(tag))
    if isinstance(tags, (str, Tag)):
        raise InvalidInput(f"tags must be a list of names and tags, got {tags!r}")
    chosen: dict[str, Tag] = {}
    for item in tags:
        tag = item if isinstance(item, Tag) else known[item]
        if tag.name in chosen:
            raise InvalidInput(f"tags must name each tag once, got {tag.name!r} twice")
        _check_tag(tag, entity, presence)
        chosen[tag.name] = tag
    return tuple(chosen.values())


def _known(
    mart: MartLike, day: dt.date, tags: Sequence[str | Tag] | None, entity: EntityName
) -> Catalogue:
    """The tags that can be asked for; attributes are looked up only where they may be meant."""
    if tags is None or any(isinstance(t, str) and t.startswith("attr_") for t in tags):
        return catalogue(mart, day, entity=entity)
    return catalogue(entity=entity)


def _check_tag(tag: Tag, entity: EntityName, presence: Presence) -> None:
    if tag.entity != entity:
        raise InvalidInput(
            f"tags must be about one kind of thing: tag {tag.name!r} is about a {tag.entity}, the "
            f"table about a {entity}; make a table of its own with entity={tag.entity!r}"
        )
    if missing := [table for table in tag.tables if not presence.has(table)]:
        raise InvalidInput(
            f"tag {tag.name!r} needs the table(s) {', '.join(map(repr, missing))}, of which the "
            f"mart knows no row by that day; leave the tag out or supply them"
        )


def check_day(mart: MartLike, as_of: object, entity: EntityName = "customer") -> dt.date:
    """`as_of` as a date inside the data."""
    day = check_date("as_of", as_of)
    check_choice("entity", entity, tuple(ENTITIES))
    if day > mart.last_date:
        raise InvalidInput(
            f"as_of must not lie after the mart's last day, {mart.last_date}, got {day}"
        )
    first = mart["customers"].opened_on.min().to_pyarrow().as_py()
    if first is None:
        raise InvalidInput("the mart has no customers; a tag table needs at least one")
    if day < first:
        raise InvalidInput(
            f"as_of must not lie before the first customer was opened, {first}, got {day}"
        )
    return day


def compiled(
    mart: MartLike,
    day: dt.date,
    chosen: Sequence[Tag],
    entity: EntityName = "customer",
    *,
    only: ir.Table | None = None,
    kept: Mapping[str, ir.Table] | None = None,
) -> ir.Table:
    """The table of `chosen` tags as of `day`.

    Parameters
    ----------
    mart, day, chosen, entity
        As checked by `check_day` and chosen by `choose`.
    only : ibis.Table, optional
        Ids, under the entity's key: rows of others are left out before anything is added up.
    kept : mapping of str to ibis.Table, optional
        Measures of sources that are there already, as `aggregated` gives them.
    """
    about = ENTITIES[entity]
    wanted = _with_inputs(chosen)
    columns = dict.fromkeys(i for tag in wanted for i in tag.inputs if isinstance(i, Column))
    table = _entities(mart, day, about, only)
    names: dict[Column, str] = {}
    table = _with_facts(table, about, [c for c in columns if isinstance(c, Fact)], names)
    table = _with_lists(table, about, [c for c in columns if isinstance(c, Listed)], day, names)
    for source, aggregates in needed(chosen).items():
        prepared = SOURCES[source].prepare(mart, day, entity)
        grouped = (kept or {}).get(source)
        if grouped is None:
            n_rows = mart.rows_told(source)
            grouped = _scanned(prepared, source, about, aggregates, day, only, n_rows)
        table = _joined(table, about, grouped, prepared, aggregates, day, names)
    table = _compute(table, wanted, names, day)
    return table.select(about.key, *(tag.name for tag in chosen))


def _entities(mart: MartLike, day: dt.date, about: Entity, only: ir.Table | None) -> ir.Table:
    rows = mart[about.table]
    if not about.planned:
        rows = known_by(rows, about.table, day)
    return rows if only is None else rows.semi_join(only, about.key)


def _with_inputs(chosen: Iterable[Tag]) -> tuple[Tag, ...]:
    """`chosen` and the tags they stand on, each after those it stands on."""
    found: dict[Tag, None] = {}
    for tag in chosen:
        found.update(dict.fromkeys(_with_inputs(i for i in tag.inputs if isinstance(i, Tag))))
        found[tag] = None
    return tuple(found)


def needed(chosen: Iterable[Tag]) -> Mapping[str, tuple[Aggregate, ...]]:
    """The aggregates that `chosen` tags stand on, each once, by source."""
    merged: dict[str, dict[Aggregate, None]] = {}
    for tag in chosen:
        for aggregate in tag.aggregates:
            merged.setdefault(aggregate.source, {})[aggregate] = None
    return {source: tuple(aggregates) for source, aggregates in merged.items()}


def _with_facts(
    table: ir.Table, about: Entity, facts: Sequence[Fact], names: dict[Column, str]
) -> ir.Table:
    for fact in facts:
        names[fact] = f"_fact_{fact.column}"
    return table.select(about.key, **{names[fact]: table[fact.column] for fact in facts})


def _with_lists(
    table: ir.Table, about: Entity, lists: Sequence[Listed], day: dt.date, names: dict[Column, str]
) -> ir.Table:
    for number, listed in enumerate(lists):
        name, data = f"_listed_{number}", listed.data
        if listed.dated:
            data = data.filter(pc.less_equal(data["known_from"], pa.scalar(day, pa.date32())))
            last = data.group_by("id").aggregate([("known_from", "max")])
            data = data.join(last, keys=["id", "known_from"], right_keys=["id", "known_from_max"], join_type="inner")  # fmt: skip
        values = ibis.memtable(data.select(["id", "value"]).rename_columns(["_id", name]))
        joined = table.left_join(values, table[about.key] == values["_id"]).drop("_id")
        if listed.absent is not None:
            joined = joined.mutate(**{name: joined[name].fill_null(listed.absent)})
        table, names[listed] = joined, name
    return table


def measures_for(aggregates: Sequence[Aggregate], day: dt.date) -> tuple[Measure, ...]:
    """The measures that answer `aggregates`, each once."""
    return tuple(dict.fromkeys(m for a in aggregates for m in measures_of(a, day)))


def _scanned(
    prepared: Prepared, source: str, about: Entity, aggregates: Sequence[Aggregate],
    day: dt.date, only: ir.Table | None, n_rows: int | None,
) -> ir.Table:  # fmt: skip
    rows = cut_to_windows(prepared.rows, aggregates, day)
    if only is not None:
        rows = rows.semi_join(only, about.key)
    measures = measures_for(aggregates, day)
    return aggregated_in_passes(rows, source, about.key, measures, day, n_rows=n_rows)


def cut_to_windows(rows: ir.Table, aggregates: Sequence[Aggregate], day: dt.date) -> ir.Table:
    """Leave out rows that are older than every window, so that old files are not read."""
    windows = [a.days for a in aggregates]
    if None in windows:
        return rows
    longest = max(w for w in windows if w is not None)
    moment = rows[str(schema.MART[aggregates[0].source].dated_by)]
    return rows.filter(since(moment, day - dt.timedelta(days=longest - 1)))


def _joined(
    table: ir.Table, about: Entity, grouped: ir.Table, prepared: Prepared,
    aggregates: Sequence[Aggregate], day: dt.date, names: dict[Column, str],
) -> ir.Table:  # fmt: skip
    """`table` with the aggregates of one source; those without rows have their empty value."""
    joined = table.left_join(grouped, table[about.key] == grouped["_key"])
    found: dict[str, ir.Value] = {}
    for aggregate in aggregates:
        names[aggregate] = name = f"_{aggregate.source}_{len(found)}"
        value = finished(joined, aggregate, day)
        conditions = {(column, v) for column, values in aggregate.where for v in values}
        found[name] = ibis.null(value.type()) if conditions & prepared.unknown else value
    return joined.select(*table.columns, **found)


def _compute(
    table: ir.Table, tags: Sequence[Tag], names: Mapping[Column, str], day: dt.date
) -> ir.Table:
    """Add each tag as a column; tags that stand on others come a layer later."""
    left, done = list(tags), set[Tag]()
    while left:
        ready = [t for t in left if all(i in done for i in t.inputs if isinstance(i, Tag))]
        table = table.mutate(**{tag.name: _value(table, tag, names, day) for tag in ready})
        done.update(ready)
        left = [tag for tag in left if tag not in done]
    return table


def _value(table: ir.Table, tag: Tag, names: Mapping[Column, str], day: dt.date) -> ir.Value:
    def column(item: Column | AsOf | Tag) -> ir.Value:
        if isinstance(item, AsOf):
            return date_of(day)
        return table[item.name if isinstance(item, Tag) else names[item]]

    values = [column(item) for item in tag.inputs]
    value = tag.rule.function(*values) if isinstance(tag.rule, Formula) else values[0]
    return value.cast(tag.type)
