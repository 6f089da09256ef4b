"""The touches before a purchase, as counts: which channel followed which, and which went together.

A touch is a contact that was opened or clicked, or a use of a channel (an event). A customer's
journey is the touches in the look-back before the first purchase of the window; of who bought
nothing, those in the look-back before the window's end. Touches of one channel in a row are one.
Only counts leave the engine, by 256 groups that customers were drawn into by lot.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.hashing import salted_digest
from marketing_ds.schema import BEHAVIOUR_CHANNELS, CONTACT_CHANNELS
from marketing_ds.schema.known import midnight_after
from marketing_ds.tags._measures import bit_or

from .window import Window
from .worth import purchases

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

CHANNELS = tuple(dict.fromkeys((*BEHAVIOUR_CHANNELS, *CONTACT_CHANNELS)))
GROUPS = 256
START = 0
"""What a journey begins with; a channel is the bit of its place in `CHANNELS`."""


@dataclass(frozen=True)
class Journeys:
    """Counts of journeys.

    Attributes
    ----------
    steps : pandas.DataFrame
        lot, previous, channel (bits), bought, ends (whether the journey ends there), mask (all
        channels of a journey that ends there, else 0), n, part (Σ 1 / length of the journey).
    untouched : int
        Customers without any touch in the look-back.
    untouched_buyers : pandas.DataFrame
        lot and n: those of them who bought.
    """

    steps: pd.DataFrame
    untouched: int
    untouched_buyers: pd.DataFrame


def journeys(mart: Mart, window: Window, product_id: str | None) -> Journeys:
    """Count the journeys: one pass over events and contacts near the purchases."""
    bought = purchases(mart, window)
    if product_id is not None:
        bought = bought.filter(bought.product_id == product_id)
    first = bought.group_by("customer_id").aggregate(bought_at=bought.occurred_at.min())
    people = mart["customers"]
    opened = people.filter(people.opened_on <= window.end).count().to_pyarrow().as_py()
    with mart.connection.held(first) as buyers:
        touches = _touches(mart, window, buyers)
        with mart.connection.held(_ordered(touches)) as ordered:
            steps = _steps(ordered)
            touched = ordered.filter(ordered.ends).select("customer_id")
            plain = buyers.anti_join(touched, "customer_id").mutate(lot=_lot(buyers.customer_id))
            counted = plain.group_by("lot").aggregate(n=plain.count()).to_pyarrow().to_pandas()
    reached = int(steps.loc[steps["ends"], "n"].sum())
    return Journeys(steps, max(int(opened) - reached, int(counted["n"].sum())), counted)


def _touches(mart: Mart, window: Window, buyers: ir.Table) -> ir.Table:
    """Every touch in a customer's look-back: customer_id, bit, at, bought."""
    end = midnight_after(window.end)
    low = dt.datetime.combine(window.start, dt.time()) - dt.timedelta(days=window.lookback)
    events = window.known(mart["events"], "occurred_at", before=window.end)
    rows = [events.select("customer_id", "channel", at=events.occurred_at)]
    if "contacts" in mart.tables:
        contacts = mart["contacts"]
        # A message that is clicked was opened, even where only the click is known.
        contacts = contacts.mutate(touched_at=contacts.opened_at.fill_null(contacts.clicked_at))
        contacts = window.known(contacts, "touched_at", before=window.end)
        rows.append(contacts.select("customer_id", "channel", at=contacts.touched_at))
    touches = ibis.union(*rows) if len(rows) > 1 else rows[0]
    touches = touches.filter(touches["at"] >= low)
    joined = touches.left_join(buyers, "customer_id")
    until = joined.bought_at.fill_null(ibis.literal(end, "timestamp(6)"))
    near = joined.filter(
        joined["at"] < until, joined["at"] >= until - ibis.interval(days=window.lookback)
    )
    bits = [(near.channel == channel, 1 << place) for place, channel in enumerate(CHANNELS)]
    return near.select(
        "customer_id",
        bit=ibis.cases(*bits, else_=0).cast("int64"),
        at=near["at"],
        bought=near.bought_at.notnull(),
    )


def _ordered(touches: ir.Table) -> ir.Table:
    """Each touch with the one before it and the next; ties go by the channel's place."""
    mine = ibis.window(group_by="customer_id", order_by=["at", "bit"])
    rows = touches.mutate(
        previous=touches.bit.lag().over(mine).fill_null(START),
        ends=touches.bit.lead().over(mine).isnull(),
    )
    rows = rows.filter((rows.previous != rows.bit) | rows.ends)
    fresh = (rows.previous != rows.bit).cast("int64")
    whole = ibis.window(group_by="customer_id")
    return rows.select(
        "customer_id",
        "previous",
        "bit",
        "bought",
        "ends",
        length=fresh.sum().over(whole),
        mask=bit_or(rows.bit).over(whole),
    )


def _steps(ordered: ir.Table) -> pd.DataFrame:
    keyed = ordered.select(
        "previous",
        "bought",
        "ends",
        channel=ordered.bit,
        lot=_lot(ordered.customer_id),
        mask=ibis.ifelse(ordered.ends, ordered["mask"], 0),
        part=1 / ordered.length.cast("float64"),
    )
    keys = ["lot", "previous", "channel", "bought", "ends", "mask"]
    asked = keyed.group_by(keys).aggregate(n=keyed.count(), part=keyed.part.sum())
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    return found.sort_values(keys, ignore_index=True)


def _lot(ids: ir.StringValue) -> ir.StringValue:
    """One of 256 groups, drawn by a hash of the customer: the same on every engine."""
    return salted_digest(ids, salt="journeys")[:2]
