"""What is asked for: cut-offs, horizon, and who belongs to the population on each day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.labels import Label
from marketing_ds.labels._window import Window
from marketing_ds.rules import Rule
from marketing_ds.tags import Tag, tag_table

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

CUTOFFS = 3
"""Cut-offs where nobody says how many."""


@dataclass(frozen=True)
class Plan:
    """The cut-offs, oldest first, with one horizon; all over by `known`."""

    label: Label
    horizon_days: int
    windows: tuple[Window, ...]

    @property
    def cutoffs(self) -> tuple[dt.date, ...]:
        """The days whose end divides features from label."""
        return tuple(window.cutoff for window in self.windows)


def make_plan(
    mart: Mart,
    label: Label,
    cutoffs: Sequence[str | dt.date] | None,
    n_cutoffs: int | None,
    horizon: str | int,
    as_of: str | dt.date | None,
) -> Plan:
    """Check cut-offs and horizon, or choose the latest ones that are over by `as_of`.

    Raises
    ------
    InvalidInput
        If a cut-off is repeated, its horizon is not over, or both ways of naming them are used.
    """
    days = horizon_days(horizon)
    known = mart.last_date if as_of is None else check_date("as_of", as_of)
    if cutoffs is not None and n_cutoffs is not None:
        raise InvalidInput(
            f"cutoffs and n_cutoffs must not both be given, got {list(cutoffs)!r} and {n_cutoffs!r}"
        )
    own = label.own_window(mart, known)
    if own is not None:
        chosen = [own[0]] if cutoffs is None else _days(cutoffs)
        if chosen != [own[0]]:
            raise InvalidInput(
                f"cutoffs must be left out for label {label.name!r}, whose campaign says when: "
                f"{own[0]}, got {[str(day) for day in chosen]}"
            )
        days = own[1]
    elif cutoffs is not None:
        chosen = _days(cutoffs)
    else:
        count = check_count("n_cutoffs", CUTOFFS if n_cutoffs is None else n_cutoffs, low=1)
        chosen = [known - dt.timedelta(days=days * (n + 1)) for n in reversed(range(count))]
    return Plan(label, days, tuple(Window.of(mart, day, days, known) for day in chosen))


def horizon_days(horizon: object) -> int:
    """Days of a horizon such as ``"30d"``, ``"4w"`` or 30.

    Examples
    --------
    >>> horizon_days("30d"), horizon_days("4w"), horizon_days(7)
    (30, 28, 7)
    """
    if isinstance(horizon, str):
        found = re.fullmatch(r"(\d+) ?(d|days?|w|weeks?)", horizon.strip())
        if not found:
            raise InvalidInput(f"horizon must be days such as '30d', or '4w', got {horizon!r}")
        return check_count("horizon", int(found[1]) * (7 if found[2][0] == "w" else 1), low=1)
    return check_count("horizon", horizon, low=1)


@dataclass(frozen=True)
class Population:
    """Who is meant: a rule, asked anew as of each cut-off, or ids that were fixed before them."""

    rule: Rule | None = None
    ids: ir.Table | None = None
    own: Mapping[str, Tag] | None = None

    @classmethod
    def of(cls, given: object, plan: Plan, tags: Sequence[str | Tag] | None) -> Population:
        """From a rule, an audience or nothing.

        Raises
        ------
        InvalidInput
            If an audience without a rule does not say its day, or that is after the first cut-off:
            who was chosen by what came later says what came later.
        """
        own = {tag.name: tag for tag in tags or () if isinstance(tag, Tag)}
        if given is None:
            return cls()
        if isinstance(given, str):
            return cls(Rule.parse(given), own=own)
        if isinstance(given, Rule):
            return cls(given, own=own)
        if not isinstance(given, Audience):
            raise InvalidInput(
                f"population must be a rule text, a Rule or an Audience, got {type(given).__name__}"
            )
        if given.rule is not None:
            return cls(given.rule, own=own)
        if given.as_of is None or given.as_of > plan.cutoffs[0]:
            said = "none" if given.as_of is None else str(given.as_of)
            raise InvalidInput(
                f"population without a rule must say the day of its tags, not after the first "
                f"cut-off {plan.cutoffs[0]}, got {said}: give audience(…, as_of=…), or a rule, "
                f"which is asked anew as of each cut-off"
            )
        return cls(ids=given.ids())

    def members(self, mart: Mart, cutoff: dt.date) -> ir.Table | None:
        """`customer_id` of those meant as of `cutoff`; None for everybody."""
        if self.ids is not None or self.rule is None:
            return self.ids
        named = [(self.own or {}).get(name, name) for name in self.rule.tags]
        base = tag_table(mart, cutoff, named)
        return audience(base, self.rule, as_of=cutoff).ids()


def _days(cutoffs: Sequence[str | dt.date]) -> list[dt.date]:
    if isinstance(cutoffs, (str, dt.date)) or not len(cutoffs):
        raise InvalidInput(f"cutoffs must be a list of at least one date, got {cutoffs!r}")
    days = sorted(check_date("cutoffs", day) for day in cutoffs)
    twice = [str(day) for day, after in pairwise(days) if day == after]
    if twice:
        raise InvalidInput(f"cutoffs must be different days, got {twice[0]} twice")
    return days
