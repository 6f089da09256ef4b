"""Peeking and the edges of the data: whether it is time for a verdict."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds.evaluation.assigned import nobody_assigned
from marketing_ds.outcomes import Campaign
from marketing_ds.schema.known import midnight_after

from .check import Check, found

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def edge_checks(
    mart: Mart, which: Campaign, assigned: ir.Table, day: dt.date, *, sequential: bool
) -> list[Check]:
    """Whether the data reach from before the campaign to the end of its outcomes, and who looked.

    Raises
    ------
    InvalidInput
        If nobody was assigned by `day`.
    """
    end = midnight_after(day)
    over = assigned.assigned_at + ibis.interval(days=which.attribution_days) <= end
    asked = assigned.aggregate(
        n=assigned.count(),
        first=assigned.assigned_at.min(),
        last=assigned.assigned_at.max(),
        done=over.cast("int64").sum(),
    )
    seen = asked.to_pyarrow().to_pylist()[0]
    if not seen["n"]:
        raise nobody_assigned(which, day)
    ready = max(which.ends_on, seen["last"].date()) + dt.timedelta(days=which.attribution_days)
    return [
        _inside(mart, seen["first"].date()),
        _complete(ready, day, seen["done"] / seen["n"], sequential),
        looks_check(mart, which.campaign_id, ready, day, sequential=sequential),
    ]


def _complete(ready: dt.date, day: dt.date, done: float, sequential: bool) -> Check:
    passed = ready <= day
    frame = pd.DataFrame([{"complete_on": ready, "known_up_to": day, "ended_share": done}])
    facts = {"end": ready, "day": day, "done": done}
    said = "complete" if passed else "incomplete"
    # An always-valid interval may be looked at on any day; what it says is then of shorter windows.
    return found("complete", said, facts, frame, passed=passed, blocks=not sequential)


def looks_check(
    mart: Mart, campaign_id: str, ready: dt.date, day: dt.date, *, sequential: bool
) -> Check:
    """Effects of the campaign that the workspace holds from before its outcomes were complete."""
    early = []
    for publication in mart.publications("effects"):
        if publication.as_of < ready and publication.as_of < day:
            rows = mart.read_parquet(publication.files)
            ours = rows.filter(rows.campaign_id == campaign_id).count().to_pyarrow().as_py()
            if ours:
                early.append((publication.name, publication.as_of, publication.published_at))
    frame = pd.DataFrame(early, columns=["name", "as_of", "published_at"])
    if frame.empty:
        return found("earlier looks", "looks_none", {}, frame, passed=True, blocks=False)
    dates = sorted(set(frame["as_of"]))
    facts = {"looks": len(dates), "first": dates[0]}
    return found("earlier looks", "looks", facts, frame, passed=sequential, blocks=False)


def _inside(mart: Mart, first: dt.date) -> Check:
    name = "inside the data"
    if "transactions" not in mart.tables:
        return found(name, "nothing", {}, pd.DataFrame(), passed=None)
    moments = mart["transactions"].occurred_at
    begin = moments.min().to_pyarrow().as_py()
    frame = pd.DataFrame([{"transactions_from": begin, "assigned_from": first}])
    passed = begin is not None and begin.date() <= first
    facts = {"begin": begin.date() if begin else None, "first": first}
    return found(name, "inside" if passed else "outside", facts, frame, passed=passed)
