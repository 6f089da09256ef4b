"""What a campaign did to whom: control that was reached, arms that were not, rows out of order."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.estimate import wilson
from marketing_ds.schema.known import midnight_after

from .check import Check, found

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

TOLERATED = 0.01
"""Above this share of customers a leak, or rows out of order, forbid a verdict."""
_DELIVERED = 0.8
_STRANGER = "(in no arm)"


def leak_checks(
    mart: Mart, campaign_id: str, assigned: ir.Table, control: str, day: dt.date
) -> list[Check]:
    """Checks of contacts, benefits and outcomes of a campaign against its assignment.

    Parameters
    ----------
    assigned : ibis.Table
        customer_id, arm, assigned_at.
    day : date
        Rows after its end are not known yet.
    """
    end = midnight_after(day)
    contacts = _contacts(mart, campaign_id, assigned, end)
    grants = _grants(mart, campaign_id, assigned, end)
    outcomes = _outcomes(mart, campaign_id, assigned, day)
    return [
        _leak("control contacted", "leak_contact", contacts, control),
        _leak("control redeemed", "leak_benefit", grants, control),
        _delivery(contacts, control),
        _strangers(contacts),
        _order({"contact": contacts, "benefit": grants, "outcome": outcomes}),
        _costs({"contacts": contacts, "benefit_grants": grants}),
    ]


def _contacts(
    mart: Mart, campaign_id: str, assigned: ir.Table, end: dt.datetime
) -> pd.DataFrame | None:
    if "contacts" not in mart.tables:
        return None
    rows = mart["contacts"]
    rows = rows.filter(rows.campaign_id == campaign_id, rows.sent_at < end)
    return _by_arm(assigned, rows, rows.sent_at.min(), rows.count() > 0)


def _grants(
    mart: Mart, campaign_id: str, assigned: ir.Table, end: dt.datetime
) -> pd.DataFrame | None:
    if "benefit_grants" not in mart.tables:
        return None
    rows = mart["benefit_grants"]
    rows = rows.filter(rows.campaign_id == campaign_id, rows.granted_at < end)
    redeemed = (rows.redeemed_at < end).fill_null(False).any()
    return _by_arm(assigned, rows, rows.granted_at.min(), redeemed)


def _outcomes(
    mart: Mart, campaign_id: str, assigned: ir.Table, day: dt.date
) -> pd.DataFrame | None:
    if "campaign_outcomes" not in mart.tables:
        return None
    rows = mart["campaign_outcomes"]
    rows = rows.filter(rows.campaign_id == campaign_id, rows.observed_on <= day)
    rows = rows.mutate(cost_cny=ibis.literal(0.0).cast("float64"))
    # What is final on the day of the assignment may have happened after it: days compare, not hours.
    last_moment = rows.observed_on.min().cast("timestamp") + ibis.interval(days=1)
    return _by_arm(assigned, rows, last_moment, rows.count() > 0)


def _by_arm(
    assigned: ir.Table, rows: ir.Table, first: ir.Scalar, reached: ir.BooleanScalar
) -> pd.DataFrame:
    """One row an arm: customers, those reached, those before their assignment; costs below 0."""
    cost = rows.cost_cny.cast("float64")
    each = rows.group_by(_customer=rows.customer_id).aggregate(
        _first=first,
        _reached=reached.cast("int64"),
        _negative=(cost < 0).cast("int64").sum(),
        _negative_cny=ibis.ifelse(cost < 0, cost, 0.0).sum(),
    )
    joined = assigned.outer_join(each, assigned.customer_id == each["_customer"])
    early = joined["_first"] < joined.assigned_at
    found_rows = joined.group_by(arm=joined.arm.fill_null(_STRANGER)).aggregate(
        customers=joined.count(),
        reached=joined["_reached"].sum(),
        early=early.cast("int64").sum(),
        negative=joined["_negative"].sum(),
        negative_cny=joined["_negative_cny"].sum(),
    )
    frame: pd.DataFrame = found_rows.to_pyarrow().to_pandas().fillna(0)
    whole = ["customers", "reached", "early", "negative"]
    frame[whole] = frame[whole].astype("int64")
    return frame.sort_values("arm", ignore_index=True)


def _shares(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Customers and how many of them, with the share and its interval, by arm."""
    known = frame.loc[frame["arm"] != _STRANGER, ["arm", "customers", column]].reset_index(
        drop=True
    )
    low, high = wilson(known[column].to_numpy(float), known["customers"].to_numpy(float))
    known[f"{column}_share"] = known[column] / known["customers"]
    known[f"{column}_share_ci_lower"] = low
    known[f"{column}_share_ci_upper"] = high
    return known


def _leak(name: str, said: str, frame: pd.DataFrame | None, control: str) -> Check:
    if frame is None or control not in set(frame["arm"]):
        return _nothing(name)
    shares = _shares(frame, "reached")
    row = shares[shares["arm"] == control].iloc[0]
    facts = {"customers": int(row["reached"]), "share": float(row["reached_share"])}
    broken = facts["customers"] > 0
    return found(
        name,
        said if broken else f"no_{said}",
        facts,
        shares,
        passed=not broken,
        blocks=facts["share"] > TOLERATED or not broken,
    )


def _delivery(frame: pd.DataFrame | None, control: str) -> Check:
    name = "delivery"
    if frame is None:
        return _nothing(name, blocks=False)
    shares = _shares(frame, "reached")
    shares = shares[shares["arm"] != control].sort_values("reached_share", ignore_index=True)
    if shares.empty:
        return _nothing(name, blocks=False)
    lowest = float(shares["reached_share"].iloc[0])
    passed = lowest >= _DELIVERED
    facts = {"lowest": lowest, "arm": str(shares["arm"].iloc[0])}
    said = "delivered" if passed else "not_delivered"
    return found(name, said, facts, shares, passed=passed, blocks=False)


def _strangers(frame: pd.DataFrame | None) -> Check:
    name = "contacts without an arm"
    if frame is None:
        return _nothing(name, blocks=False)
    customers = int(frame.loc[frame["arm"] == _STRANGER, "reached"].sum())
    counts = frame[["arm", "reached"]]
    said = "strangers" if customers else "no_strangers"
    facts = {"customers": customers}
    return found(name, said, facts, counts, passed=not customers, blocks=False)


def _order(frames: dict[str, pd.DataFrame | None]) -> Check:
    name = "order in time"
    parts = [
        _shares(frame, "early").assign(what=what)
        for what, frame in frames.items()
        if frame is not None
    ]
    if not parts:
        return _nothing(name)
    shares = pd.concat(parts, ignore_index=True).sort_values(
        "early_share", ascending=False, ignore_index=True
    )
    early = shares.groupby("what", sort=False)["early"].sum()
    worst = str(early.idxmax())
    share = float(early[worst] / shares.loc[shares["what"] == worst, "customers"].sum())
    facts = {"what": worst, "customers": int(early[worst]), "share": share}
    said = "too_early" if share else "in_order"
    blocks = share > TOLERATED or not share
    return found(name, said, facts, shares, passed=not share, blocks=blocks)


def _costs(frames: dict[str, pd.DataFrame | None]) -> Check:
    name = "costs"
    rows = [
        (table, int(frame["negative"].sum()), float(frame["negative_cny"].sum()))
        for table, frame in frames.items()
        if frame is not None
    ]
    if not rows:
        return _nothing(name)
    counts = pd.DataFrame(rows, columns=["table", "negative", "negative_cny"])
    facts = {"rows": int(counts["negative"].sum()), "total": float(counts["negative_cny"].sum())}
    said = "costs_negative" if facts["rows"] else "costs_fine"
    return found(name, said, facts, counts, passed=not facts["rows"])


def _nothing(name: str, *, blocks: bool = True) -> Check:
    return found(name, "nothing", {}, pd.DataFrame(), passed=None, blocks=blocks)
