"""Contacts of other campaigns after the assignment: as many in all arms, or some held back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import midnight_after

from .check import Check, found
from .ratios import arm_counts, group_ratios

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

NAME = "displaced contacts"


def displaced_check(
    mart: Mart,
    which: Campaign,
    assigned: ir.Table,
    *,
    shares: Mapping[str, float] | None,
    probability: str | None,
    day: dt.date,
    alpha: float,
) -> Check:
    """Whether other campaigns contacted the customers of every arm as often as designed.

    A contact cap lets a customer whom this campaign contacted fall out of the next one; then the
    arm lost that campaign's effect and control did not. The comparison stays fair, the effect is
    one of both together: this warns and does not forbid a verdict. Of each other campaign, the
    customers that it contacted within their window must split over our arms as designed.
    """
    if "contacts" not in mart.tables:
        return found(NAME, "nothing", {}, pd.DataFrame(), passed=None, blocks=False)
    reached = _reached(mart, which, assigned, day)
    counts = arm_counts(reached, "arm", {NAME: reached.other}, probability)[NAME]
    if counts.empty:
        return found(NAME, "reached_alone", {}, counts, passed=True, blocks=False)
    frame = group_ratios(counts, shares)
    sizes = assigned.group_by("arm").aggregate(n=assigned.count()).to_pyarrow().to_pylist()
    worst = frame.iloc[0]
    p_value = float(worst["p_adjusted"])
    facts = {
        "campaigns": int(frame["group"].nunique()),
        "p": p_value,
        "group": str(worst["group"]),
        "shares": _told(frame, str(worst["group"]), {row["arm"]: row["n"] for row in sizes}),
    }
    passed = p_value >= alpha
    said = "reached_alike" if passed else "displaced"
    return found(NAME, said, facts, frame, passed=passed, blocks=False, p_value=p_value)


def _reached(mart: Mart, which: Campaign, assigned: ir.Table, day: dt.date) -> ir.Table:
    """Our customers once for each other campaign that contacted them in their window."""
    contacts = mart["contacts"]
    rows = contacts.filter(
        contacts.campaign_id != which.campaign_id, contacts.sent_at < midnight_after(day)
    ).select(_id="customer_id", other="campaign_id", _at="sent_at")
    joined = assigned.inner_join(rows, assigned.customer_id == rows["_id"])
    closes = joined.assigned_at + ibis.interval(days=which.attribution_days)
    inside = joined.filter(joined["_at"] >= joined.assigned_at, joined["_at"] < closes)
    return inside.select(*assigned.columns, "other").distinct()


def _told(frame: pd.DataFrame, group: str, sizes: Mapping[str, int]) -> str:
    """Of each arm the part that the campaign contacted, control last."""
    rows = frame[frame["group"] == group].set_index("arm")["customers"]
    arms = sorted(sizes, key=lambda arm: (arm == CONTROL, arm))
    return ", ".join(f"{arm!r} {100 * rows.get(arm, 0) / sizes[arm]:.1f} %" for arm in arms)
