"""The walk through a funnel: each step after the one before, within the attribution window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import ibis
import ibis.expr.types as ir
from ibis.common.deferred import Deferred

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema import EVENTS

from .moments import STEPS, step_moments, steps_known
from .rows import CampaignRows, in_window

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

Condition: TypeAlias = "str | Deferred | Callable[[ir.Table], ir.BooleanValue]"
"""A step of its own: the name of an event, or a condition on the table of events."""
Steps: TypeAlias = "Sequence[str] | Mapping[str, Condition]"

DEFAULT = ("contacted", "opened", "clicked", "visited", "converted")
_KINDS = EVENTS.column("event").allowed or ()


def conditions_of(rows: CampaignRows, steps: Steps | None) -> dict[str, Condition]:
    """The steps by their names; a known step stands for itself."""
    known = steps_known(rows)
    if steps is None:
        return {step: step for step in DEFAULT if step in known}
    if isinstance(steps, str) or not steps:
        raise InvalidInput(f"funnel must be a list of at least one step, got {steps!r}")
    named: dict[str, Condition] = (
        dict(steps) if isinstance(steps, Mapping) else {step: step for step in steps}
    )
    if len(named) < len(steps):
        raise InvalidInput(f"funnel must have different steps, got {list(steps)!r}")
    for name, condition in named.items():
        if isinstance(condition, str):
            check_choice(f"step {name!r} of the funnel", condition, (*STEPS, *_KINDS))
            if condition in STEPS and condition not in known:
                raise MartError(
                    f"the step {name!r} of the funnel needs a table that the mart does not have; "
                    f"the campaign's known steps are {', '.join(map(repr, known)) or 'none'}"
                )
    return named


def own_steps(conditions: Mapping[str, Condition]) -> dict[str, Condition]:
    """The steps that are conditions on all events, whatever campaign those belong to."""
    return {
        name: condition
        for name, condition in conditions.items()
        if not (isinstance(condition, str) and condition in STEPS)
    }


def own_events(mart: Mart, rows: CampaignRows, own: Mapping[str, Condition]) -> ir.Table:
    """Events in the attribution window that fulfil a condition: a flag a condition, one scan."""
    if "events" not in mart.tables:
        raise MartError(
            f"the step {next(iter(own))!r} of the funnel needs the table 'events', which "
            f"'{mart.source}' does not have"
        )
    events = mart["events"]
    events = events.filter(
        events.occurred_at >= _first(rows), events.occurred_at < rows.end,
        events.recorded_on <= rows.as_of,
    )  # fmt: skip
    flags = {name: _flag(events, condition) for name, condition in own.items()}
    wanted = events.select("customer_id", "occurred_at", **flags)
    wanted = wanted.filter(ibis.or_(*(wanted[name] for name in own)))
    known = rows.assigned.select(_customer="customer_id", arm="arm", assigned_at="assigned_at")
    joined = wanted.inner_join(known, wanted.customer_id == known["_customer"]).drop("_customer")
    return joined.filter(in_window(joined, joined.occurred_at, rows.which))


def _first(rows: CampaignRows) -> dt.datetime:
    found: dt.datetime = rows.assigned.assigned_at.min().to_pyarrow().as_py()
    return found


def _flag(events: ir.Table, condition: Condition) -> ir.BooleanValue:
    if isinstance(condition, str):
        return events.event == condition
    found = condition.resolve(events) if isinstance(condition, Deferred) else condition(events)
    if not isinstance(found, ir.BooleanValue):
        raise InvalidInput(
            f"a step of the funnel must be a condition on events (true or false), got {found!r}"
        )
    flag: ir.BooleanValue = found.fill_null(False)
    return flag


def walked(
    rows: CampaignRows, conditions: Mapping[str, Condition], own: ir.Table | None
) -> ir.Table:
    """One row a customer: customer_id, arm, and for step i the moment `t<i>` and `any<i>`.

    `t<i>` is the first time the step was taken at or after `t<i−1>`, so that who can get through
    the funnel does; `any<i>` is whether the step was taken at all, whatever came before.
    """
    start = rows.assigned
    keys = ("customer_id", "arm", "probability", "assigned_at")
    walk = start.select(*keys, _before=start.assigned_at)
    for i, (name, condition) in enumerate(conditions.items()):
        if own is not None and name in own.columns:
            moments = own.filter(own[name]).select(_customer="customer_id", _moment="occurred_at")
        else:
            found = step_moments(rows, str(condition))
            moments = found.select(_customer="customer_id", _moment="moment")
        joined = walk.left_join(moments, walk.customer_id == moments["_customer"])
        kept = {column: joined[column].min() for column in walk.columns if column != "customer_id"}
        after = (joined["_moment"] >= joined["_before"]).fill_null(False)
        walk = joined.group_by("customer_id").aggregate(
            **kept,
            **{f"t{i}": joined["_moment"].min(where=after), f"any{i}": joined["_moment"].count()},
        )
        walk = walk.mutate(_before=walk[f"t{i}"], **{f"any{i}": walk[f"any{i}"] > 0})
    return walk.drop("_before")
