"""Other campaigns that ran on the same customers at the same time: alike in all arms, or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds.outcomes import Campaign
from marketing_ds.schema.known import midnight_after

from .check import Check, found
from .ratios import arm_counts, group_ratios

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

NAME = "other campaigns"


def others_check(
    mart: Mart,
    which: Campaign,
    assigned: ir.Table,
    *,
    shares: Mapping[str, float] | None,
    probability: str | None,
    day: dt.date,
    alpha: float,
) -> Check:
    """Whether customers in each arm of other campaigns split over our arms as designed.

    A customer is in both when the windows (from the assignment, `attribution_days` long) overlap.
    Draws that know nothing of each other leave our split as it is among the customers of any
    foreign arm; contact caps and lists that exclude each other do not.
    """
    both = _in_both(mart, which, assigned, day)
    table = arm_counts(both, "arm", {NAME: both.other}, probability)[NAME]
    if table.empty:
        return found(NAME, "alone", {}, table, passed=True)
    frame = group_ratios(table, shares)
    campaigns = frame["group"].str.rpartition(" / ")[0].nunique()
    worst = frame.iloc[0]
    p_value = float(worst["p_adjusted"])
    facts = {
        "share": _share(assigned, both),
        "campaigns": int(campaigns),
        "p": p_value,
        "group": str(worst["group"]),
        "arm": str(worst["arm"]),
        "customers": int(worst["customers"]),
        "expected": float(worst["expected"]),
    }
    passed = p_value >= alpha
    said = "overlap_balanced" if passed else "overlap_differs"
    return found(NAME, said, facts, _with_shares(frame), passed=passed, p_value=p_value)


def _in_both(mart: Mart, which: Campaign, assigned: ir.Table, day: dt.date) -> ir.Table:
    """Our customers once for each other campaign whose window overlaps theirs: arm, other."""
    rows, campaigns = mart["assignments"], mart["campaigns"]
    end = midnight_after(day)
    rows = rows.filter(rows.campaign_id != which.campaign_id, rows.assigned_at < end)
    days = campaigns.select(_campaign="campaign_id", _days="attribution_days")
    rows = rows.inner_join(days, rows.campaign_id == days["_campaign"])
    rows = rows.select(
        _id=rows.customer_id,
        other=rows.campaign_id + " / " + rows.arm,
        _start=rows.assigned_at,
        _days=rows["_days"],
    )
    joined = assigned.inner_join(rows, assigned.customer_id == rows["_id"])
    ours = joined.assigned_at + ibis.interval(days=which.attribution_days)
    theirs = joined["_start"] + joined["_days"].as_interval("D")
    both = joined.filter(joined["_start"] < ours, theirs > joined.assigned_at)
    return both.select(*assigned.columns, "other")


def _share(assigned: ir.Table, both: ir.Table) -> float:
    ours = assigned.aggregate(n=assigned.count()).to_pyarrow().to_pylist()[0]["n"]
    also = both.aggregate(n=both.customer_id.nunique()).to_pyarrow().to_pylist()[0]["n"]
    return float(also) / float(ours)


def _with_shares(frame: pd.DataFrame) -> pd.DataFrame:
    size = frame.groupby("group")["customers"].transform("sum")
    at = frame.columns.get_loc("p_value")
    result = frame.copy()
    result.insert(int(at), "expected_share", frame["expected"] / size)  # type: ignore[arg-type]
    result.insert(int(at), "customers_share", frame["customers"] / size)  # type: ignore[arg-type]
    return result
