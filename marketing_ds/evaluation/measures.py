"""Outcomes declared, not coded: what a customer did, counted from the day of the assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from marketing_ds import schema
from marketing_ds._core.checks import check_choice, check_columns, check_count
from marketing_ds._core.errors import InvalidInput

How: TypeAlias = Literal["count", "sum", "days", "any"]
Conditions: TypeAlias = tuple[tuple[str, tuple[object, ...]], ...]

SOURCES = {"events": "occurred_at", "transactions": "occurred_at", "contacts": "sent_at"}
"""Tables that measures may be taken from, with the column that says when a row happened."""


@dataclass(frozen=True)
class Measure:
    """One number a customer, from the rows of one table in a span of days.

    Day 0 begins at the customer's `assigned_at`. Make one with `count`, `total`, `active_days`,
    `did` or `retained`.

    Parameters
    ----------
    name : str
        The column's name.
    source : {"events", "transactions", "contacts"}
        Where the rows are.
    how : {"count", "sum", "days", "any"}
        Rows, sum of `column`, days with a row, or 1 where there is a row; 0 where there is none.
    column : str, optional
        What is summed.
    where : tuple of (column, values)
        Conditions that must all hold.
    from_day, to_day : int
        Days after the assignment, the last one excluded; by default the attribution window.

    Raises
    ------
    InvalidInput
        If a column is not in the table's contract, or the span of days is empty.
    """

    name: str
    source: str
    how: How
    column: str | None = None
    where: Conditions = ()
    from_day: int = 0
    to_day: int | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise InvalidInput(f"name must be letters, digits and underscores, got {self.name!r}")
        check_choice("source", self.source, tuple(SOURCES))
        check_choice("how", self.how, get_args(How))
        if (self.column is not None) != (self.how == "sum"):
            raise InvalidInput(
                f"column must be given where rows are summed and only there, got how={self.how!r} "
                f"with column={self.column!r}"
            )
        used = [column for column, _ in self.where] + ([self.column] if self.column else [])
        check_columns(schema.MART[self.source].column_names, used, self.source)
        if self.column is not None:
            kind = schema.MART[self.source].column(self.column).type
            if kind not in ("int64", "float64"):
                raise InvalidInput(f"column must hold numbers, got {self.column!r} of {kind}")
        check_count("from_day", self.from_day)
        if self.to_day is not None:
            check_count("to_day", self.to_day, low=self.from_day + 1)

    def span(self, attribution_days: int) -> tuple[int, int]:
        """First day, and the day after the last, in a campaign with this window."""
        end = attribution_days if self.to_day is None else self.to_day
        if end <= self.from_day:
            raise InvalidInput(
                f"from_day of {self.name!r} must lie inside the campaign's {attribution_days} "
                f"attribution days, got {self.from_day}; give to_day to look past them"
            )
        return self.from_day, end


def count(source: str, *, name: str | None = None, **where: object) -> Measure:
    """Rows of a table in the attribution window.

    Parameters
    ----------
    source : {"events", "transactions", "contacts"}
        The table.
    name : str, optional
        The column's name; made of the conditions by default.
    **where
        Conditions: a column's value, or a tuple of values of which it is one.

    Examples
    --------
    >>> count("events", event="launch", channel="app").name
    'launch_app_events'
    """
    conditions = _conditions(where)
    return Measure(name or _name(conditions, source), source, "count", None, conditions)


def total(source: str, column: str, *, name: str | None = None, **where: object) -> Measure:
    """Sum of a column over rows of a table in the attribution window.

    Examples
    --------
    >>> total("transactions", "amount_cny", kind="purchase").name
    'purchase_amount_cny'
    """
    conditions = _conditions(where)
    return Measure(name or _name(conditions, column), source, "sum", column, conditions)


def active_days(source: str = "events", *, name: str | None = None, **where: object) -> Measure:
    """Days of the attribution window on which the customer did it.

    Examples
    --------
    >>> active_days(channel="app").name
    'app_active_days'
    """
    conditions = _conditions(where)
    return Measure(name or _name(conditions, "active_days"), source, "days", None, conditions)


def did(source: str = "events", *, name: str | None = None, **where: object) -> Measure:
    """1 where the customer did it at least once in the attribution window: a step of a funnel.

    Examples
    --------
    >>> did(event="apply").name
    'did_apply'
    """
    conditions = _conditions(where)
    return Measure(name or f"did_{_name(conditions, source)}", source, "any", None, conditions)


def retained(
    day: int,
    *,
    through: int | None = None,
    source: str = "events",
    name: str | None = None,
    **where: object,
) -> Measure:
    """1 where the customer was active again on the `day`-th day after the assignment.

    Parameters
    ----------
    day : int
        1 is the 24 hours after the first 24.
    through : int, optional
        The last day that counts too: ``retained(1, through=7)`` is "within the first week".

    Examples
    --------
    >>> retained(7).name, retained(1, through=7, channel="app").name
    ('retained_day_7', 'app_retained_day_1_to_7')
    """
    check_count("day", day, low=1)
    last = day if through is None else check_count("through", through, low=day)
    conditions = _conditions(where)
    days = f"retained_day_{day}" + (f"_to_{last}" if last > day else "")
    chosen = name or (_name(conditions, days) if conditions else days)
    return Measure(chosen, source, "any", None, conditions, day, last + 1)


def _conditions(where: dict[str, object]) -> Conditions:
    return tuple(
        (column, value if isinstance(value, tuple) else (value,)) for column, value in where.items()
    )


def _name(conditions: Conditions, what: str) -> str:
    """``app_active_days``: the values of the conditions, then what is counted."""
    values = [str(value) for _, values in conditions for value in values]
    known = what if what not in SOURCES or len(values) != 1 else ""
    return "_".join(part for part in (*values, known) if part)
