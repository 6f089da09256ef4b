"""The two sides of a comparison: an audience, and its base or a second audience, of one tag table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.rules import Rule

ID = "customer_id"
FIRST, BOTH, SECOND = 1, 2, 3
"""The groups of customers: of the audience only, of both sides, of the second side only."""


@dataclass(frozen=True)
class Sizes:
    """Customers by group."""

    first_only: int
    both: int
    second_only: int

    @property
    def first(self) -> int:
        """Customers of the audience."""
        return self.first_only + self.both

    @property
    def second(self) -> int:
        """Customers of the base, or of the second audience."""
        return self.both + self.second_only

    @property
    def everybody(self) -> int:
        """Customers of either side."""
        return self.first_only + self.both + self.second_only


@dataclass(frozen=True, eq=False)
class Sides:
    """Customers of either side: a tag table, and the group that each is in (null: in neither)."""

    table: ir.Table
    group: ir.IntegerValue
    first: Audience
    second: Audience | None
    """The second audience; None where the audience is compared with the whole table."""

    @property
    def texts(self) -> tuple[str, str | None]:
        """How the two sides were chosen, in words."""
        return self.first.text, self.second.text if self.second else None

    @property
    def rule_tags(self) -> tuple[str, ...]:
        """The tags that the sides were chosen by."""
        hows = [side.how for side in (self.first, self.second) if side]
        return tuple(dict.fromkeys(name for how in hows for name in _tags(how)))

    def rows(self, **columns: ir.Value) -> ir.Table:
        """`columns` of the customers of either side, with their group as `side`."""
        chosen = self.table.select(side=self.group, **columns)
        return chosen if self.second is None else chosen.filter(chosen.side.notnull())

    def sizes(self) -> Sizes:
        """Customers by group, by one query.

        Raises
        ------
        InvalidInput
            If the audience or the second side is empty, or a customer has more than one row.
        """
        rows = self.rows(customer_id=self.table[ID])
        counted = rows.aggregate(
            rows=rows.count(),
            known=rows.customer_id.nunique(),
            **{f"n{g}": is_in(rows, g).ifelse(1, None).count() for g in (FIRST, BOTH, SECOND)},
        ).to_pyarrow()
        number = {name: counted[name][0].as_py() for name in counted.column_names}
        sizes = Sizes(*(number[f"n{g}"] for g in (FIRST, BOTH, SECOND)))
        if sizes.first == 0:
            raise InvalidInput("aud must have at least one customer to be profiled; it is empty")
        if sizes.second == 0:
            raise InvalidInput("base must have at least one customer to compare with; it is empty")
        if number["rows"] != number["known"]:
            raise InvalidInput(
                f"base must have one row a customer, got {number['rows']:,} rows of "
                f"{number['known']:,} customers; keep one row each, or one date"
            )
        return sizes


def _tags(how: object) -> Iterator[str]:
    """The tags of every rule in what tells how an audience was made."""
    if isinstance(how, Mapping):
        if "rule" in how:
            yield from Rule.from_dict(how["rule"]).tags
        for part in how.values():
            yield from _tags(part)
        if isinstance(how.get("by"), str):
            yield how["by"]
    elif isinstance(how, Sequence) and not isinstance(how, str):
        for part in how:
            yield from _tags(part)


def is_in(rows: ir.Table, *groups: int) -> ir.BooleanValue:
    """Whether a row is of one of the groups."""
    column = rows["side"]
    return column == groups[0] if len(groups) == 1 else column.isin(groups)


def sides(aud: Audience | object, base: ir.Table | pd.DataFrame | Audience | None) -> Sides:
    """The audience against its table, another table that has all its customers, or an audience.

    Raises
    ------
    InvalidInput
        If there is nothing to compare with, the table lacks customers of the audience, or the
        second audience was chosen from another table.
    """
    if isinstance(base, Audience):
        return _of_audiences(aud, base)
    first = _within(aud, base)
    group = first.chosen.ifelse(BOTH, SECOND).cast("int8")
    return Sides(first.base, group, first, None)


def _of_audiences(aud: Audience | object, second: Audience) -> Sides:
    first = aud if isinstance(aud, Audience) else audience(second.base, aud)
    if not first.base.equals(second.base):
        raise InvalidInput(
            "base must be chosen from the same tag table as aud where it is an audience; choose it "
            "from there: audience(aud.base, ...). For two dates there are migration and trend"
        )
    group = ibis.cases(
        (first.chosen & second.chosen, BOTH), (first.chosen, FIRST), (second.chosen, SECOND)
    )
    return Sides(first.base, group.cast("int8"), first, second)


def _within(aud: Audience | object, base: ir.Table | pd.DataFrame | None) -> Audience:
    """The audience as one of `base`."""
    if base is None:
        if not isinstance(aud, Audience):
            raise InvalidInput("base must be given where aud is not an audience")
        return aud
    if not isinstance(aud, Audience):
        return audience(base, aud)
    if isinstance(base, ir.Table) and base.equals(aud.base):
        return aud
    try:
        return audience(base, aud.ids())
    except InvalidInput as error:
        raise InvalidInput(f"base must hold every customer of the audience: {error}") from error
