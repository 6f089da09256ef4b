"""A data scientist's own tag, in three lines; a bad one fails here and not in a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import Rule, Top, bind

from .._catalogue import catalogue
from .._entities import ENTITIES, EntityName
from .._tag import Formula, Freshness, Listed, Sensitivity, Tag
from ._bands import Bands, banded
from ._lists import listed_from
from ._on_tags import formula_of, table_of, type_of, value_of
from ._sql import read_sql

if TYPE_CHECKING:
    from ibis.common.deferred import Deferred

_FRESHNESS: tuple[Freshness, ...] = ("daily", "monthly", "static")


def define(
    name: str,
    *,
    rule: str | Rule | None = None,
    bands: Bands | None = None,
    expression: Deferred | Callable[[ir.Table], ir.Value] | None = None,
    sql: str | None = None,
    listed: object | None = None,
    title_en: str | None = None,
    title_zh: str | None = None,
    description: str | None = None,
    unit: str | None = None,
    sensitivity: Sensitivity | None = None,
    owner: str = "marketing",
    entity: EntityName = "customer",
    known: Iterable[Tag] = (),
) -> Tag:
    """A tag of one's own, to be handed to `tag_table` beside names of the catalogue.

    Exactly one of `rule`, `bands`, `expression`, `sql` and `listed` says what it is. All are
    checked here: what is accepted can be computed on every engine.

    Parameters
    ----------
    name : str
        The column's name: lower case letters, digits and underscores, not in the catalogue.
    rule : str or Rule
        A condition on other tags, in the words of an audience's rule: true, false, or null where
        the tags leave it open. `top` and `bottom` are for audiences.
    bands : Bands
        The band that another tag lies in.
    expression : Ibis expression
        A value made of other tags row by row: ``ibis._.aum / ibis._.tenure_days``. A division by 0
        and a logarithm or root that does not exist are null.
    sql : str
        The same as a scalar SQL expression: tags, values, operators, CASE and the functions
        abs, floor, ceil, round, sqrt, ln, exp, power, length, lower, upper, trim, year, month, day,
        coalesce, nullif, greatest and least. ``/`` divides without rounding.
    listed : iterable of str, or a pandas, Arrow or Ibis table
        Ids for which the tag is true (false for all others), or a table with the entity's key,
        `value` and, if values hold from a day on only, `known_from` (null for ids not listed).
    title_en, title_zh : str, optional
        The name shown to people; made of `name` by default.
    description, unit : str, optional
        What it says, and the unit of its values.
    sensitivity : {"normal", "sensitive"}, optional
        Sensitive if it stands on a sensitive tag, by default.
    owner : str
        Who answers for it.
    entity : {"customer", "product", "campaign"}
        What it is about.
    known : iterable of Tag
        Tags besides the catalogue's that it may name: others of one's own, or the attributes of a
        mart, ``catalogue(mart)``.

    Raises
    ------
    InvalidInput
        If the name is taken, a tag is unknown, types do not fit, or what is given breaks a rule
        above; the message says which, and where in a text.

    Examples
    --------
    >>> import ibis
    >>> from marketing_ds.tags import Bands, define
    >>> young_rich = define("young_rich", rule="age < 35 and aum >= 50000", title_zh="年轻高净值")
    >>> young_rich.type, young_rich.sensitivity
    ('boolean', 'sensitive')
    >>> define("aum_a_day", expression=ibis._.aum / ibis._.tenure_days, unit="CNY").type
    'float64'
    >>> define("size", bands=Bands("aum", [10_000, 100_000], ["S", "M", "L"])).description
    'The band that aum lies in: S, M, L, from 10,000 and 100,000; null where aum is.'
    >>> define("in_debt", sql="debt_cny > aum").rule.inputs[0].name
    'aum'
    >>> define("in_pilot", listed=["c01", "c02"]).type
    'boolean'
    >>> define("rich", rule="amu >= 50000")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: rule names the unknown tag 'amu'; did you mean 'aum'? at position 0
      amu >= 50000
      ^
    """
    check_choice("entity", entity, tuple(ENTITIES))
    tags = _known(name, entity, known)
    ways = {"rule": rule, "bands": bands, "expression": expression, "sql": sql, "listed": listed}
    given = [way for way, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"tag {name!r} must be given by exactly one of {', '.join(ways)}, got "
            f"{' and '.join(given) or 'none'}"
        )
    made = _make(name, given[0], ways[given[0]], tags, ENTITIES[entity].key)
    below = [i for i in made.inputs if isinstance(i, Tag)]
    title = title_en or name.replace("_", " ").capitalize()
    sensitive = any(tag.sensitivity == "sensitive" for tag in below)
    return Tag(
        name,
        title,
        title_zh or title,
        made.type,
        made.rule,
        description or made.description,
        unit=unit,
        sensitivity=sensitivity or ("sensitive" if sensitive else "normal"),
        entity=entity,
        freshness=_freshness(made, below),
        owner=owner,
        subject="own",
        words=tuple((label, label) for label in bands.labels) if bands is not None else (),
    )


@dataclass(frozen=True)
class _Made:
    """What a definition comes to."""

    rule: Formula | Listed
    type: schema.ColumnType
    description: str

    @property
    def inputs(self) -> tuple[object, ...]:
        return self.rule.inputs if isinstance(self.rule, Formula) else ()


def _make(name: str, way: str, given: Any, tags: Mapping[str, Tag], key: str) -> _Made:
    if way == "listed":
        rule, type_ = listed_from(name, given, key)
        others = "false for others" if rule.absent is False else "null for others"
        from_day = ", each from its day on" if rule.dated else ""
        return _Made(rule, type_, f"Handed in for {rule.data.num_rows:,} ids{from_day}; {others}.")
    if way == "bands":
        formula, what = banded(name, given, tags)
        return _Made(formula, "string", what)
    table = table_of(tags)
    if way == "rule":
        return _ruled(name, given, tags, table)
    value = read_sql(given, table) if way == "sql" else value_of(name, given, table)
    shown = given if way == "sql" else str(given)
    what = f"SQL: {shown}." if way == "sql" else f"Ibis expression: {shown}."
    return _Made(formula_of(name, value, tags), type_of(name, value), what)


def _ruled(name: str, given: str | Rule, tags: Mapping[str, Tag], table: ir.Table) -> _Made:
    if not isinstance(given, (str, Rule)):
        raise InvalidInput(
            f"rule of tag {name!r} must be text or a Rule, got {type(given).__name__}"
        )
    text = given if isinstance(given, str) else None
    rule = Rule.parse(given) if isinstance(given, str) else given
    if any(isinstance(part, Top) for part in rule.walk()):
        raise InvalidInput(
            f"rule of tag {name!r} must be true or false of each row alone; top and bottom "
            f"are for audiences"
        )
    value = bind(rule, table, text)
    return _Made(
        formula_of(name, value, tags), "boolean", f"Rule: {rule}; null where that is open."
    )


def _known(name: str, entity: EntityName, known: Iterable[Tag]) -> dict[str, Tag]:
    """The tags that may be named, by name; `name` must be none of them."""
    tags = {tag.name: tag for tag in catalogue(entity=entity)}
    if name in tags:
        raise InvalidInput(f"name {name!r} is taken by the catalogue; choose another")
    if str(name).startswith("attr_"):
        raise InvalidInput(
            f"name must not begin with attr_, as attributes of the mart do, got {name!r}"
        )
    for tag in known:
        if not isinstance(tag, Tag):
            raise InvalidInput(f"known must hold tags, got {tag!r}")
        if tag.entity != entity:
            raise InvalidInput(
                f"known must hold tags of a {entity}, got {tag.name!r} of a {tag.entity}"
            )
        if tags.setdefault(tag.name, tag) != tag:
            raise InvalidInput(f"known must not hold two tags of one name, got {tag.name!r} twice")
    if name in tags:
        raise InvalidInput(f"name {name!r} is taken by one of the known tags; choose another")
    return tags


def _freshness(made: _Made, below: Sequence[Tag]) -> Freshness:
    """As fresh as the freshest tag below; a list and what reads the day can change daily."""
    if len(below) < len(made.inputs) or not below:
        return "daily"
    return min((tag.freshness for tag in below), key=_FRESHNESS.index)
