"""The tables of one chunk, in the order of the contract's columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from marketing_ds.schema import BEHAVIOUR_CHANNELS, CONTACT_CHANNELS

from . import behaviour, campaign_tables, columns, money
from .catalogue import CAMPAIGN_IDS, PRODUCTS
from .chunk import History
from .dates import SECONDS, Calendar
from .draws import Array, spread
from .people import BRANCHES, MANAGERS, OCCUPATIONS, REGIONS

_PRODUCT_IDS = [product.product_id for product in PRODUCTS]


def customer_ids(history: History) -> pa.Array:
    """Ids of the chunk's customers: ``C0000001`` is the first."""
    first = history.people.first
    return columns.strings(columns.digits("C", np.arange(first, first + len(history.people)), 7))


def mart_tables(history: History, calendar: Calendar, chunk: int) -> Iterator[tuple[str, pa.Table]]:
    """Each table of the mart that has rows for each customer."""
    ids = customer_ids(history)
    yield "customers", customers(history, ids)
    yield "transactions", transactions(history, ids, calendar, chunk)
    yield "events", events(history, ids, calendar, chunk)
    yield "holdings", holdings(history, ids)
    yield "assignments", campaign_tables.assignments(history, ids)
    yield "contacts", campaign_tables.contacts(history, ids, chunk)
    yield "benefit_grants", campaign_tables.benefit_grants(history, ids, chunk)


def customers(history: History, ids: pa.Array) -> pa.Table:
    """Table `customers`."""
    who = history.people
    return pa.table(
        {
            "customer_id": ids,
            "opened_on": columns.dates(who.opened),
            "birth_year": columns.numbers(who.birth_year, 0),
            "gender": columns.words(who.gender, ["F", "M"]),
            "region": columns.words(who.region, REGIONS),
            "branch_id": columns.words(who.branch, BRANCHES),
            "manager_id": columns.words(who.manager, MANAGERS),
            "occupation": columns.words(who.occupation, OCCUPATIONS),
            "risk_level": columns.numbers(who.risk, 0),
            **{
                f"consent_{channel}": pa.array(who.consent[:, i])
                for i, channel in enumerate(CONTACT_CHANNELS)
            },
            "suppressed": pa.array(who.suppressed),
        }
    )


def transactions(history: History, ids: pa.Array, calendar: Calendar, chunk: int) -> pa.Table:
    """Table `transactions`, by customer and time."""
    customer, product, at, kind, amount, channel, late = (
        np.concatenate([getattr(move, name) for move in history.moves])
        for name in ("customer", "product", "at", "kind", "amount", "channel", "late")
    )
    order = np.argsort((customer.astype(np.int64) << 36) + at, kind="stable")
    at = at[order]
    # Salaries, transfers and fees move no product that was bought.
    product = np.where(np.isin(kind, _NO_PRODUCT), np.int8(-1), product)[order]
    recorded = np.minimum(at // SECONDS + late[order], calendar.last_day)
    return pa.table(
        {
            "transaction_id": columns.ids("T", chunk, len(at)),
            "customer_id": columns.words(customer[order], ids),
            "product_id": columns.words(product, _PRODUCT_IDS),
            "occurred_at": columns.times(at),
            "recorded_on": columns.dates(recorded),
            "kind": columns.words(kind[order], money.KINDS),
            "amount_cny": pa.array(np.round(amount[order], 2)),
            "channel": columns.words(channel[order], BEHAVIOUR_CHANNELS),
        }
    )


_NO_PRODUCT = [money.KIND[name] for name in ("fee", "transfer_in", "transfer_out")]


def events(history: History, ids: pa.Array, calendar: Calendar, chunk: int) -> pa.Table:
    """Table `events`, by customer and session."""
    parts = history.sessions

    def joined(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    customer, start, length = joined("customer"), joined("start"), joined("length")
    order = np.argsort((customer.astype(np.int64) << 36) + start, kind="stable")
    began = (np.cumsum(length, dtype=np.int64) - length)[order]
    length = length[order]
    owner, position = spread(length)
    row = began[owner] + position
    duration = joined("duration")[row]
    total = np.cumsum(duration, dtype=np.int64) - duration
    at = start[order][owner] + total - total[np.cumsum(length) - length][owner]
    channel = joined("channel")[order][owner]
    online = channel < BEHAVIOUR_CHANNELS.index("branch")
    recorded = np.minimum(at // SECONDS + joined("late")[order][owner], calendar.last_day)
    # A share leads to the first row of a session.
    shared_by = np.where(position == 0, joined("led_by")[order][owner], -1)
    return pa.table(
        {
            "event_id": columns.ids("E", chunk, len(row)),
            "customer_id": columns.words(customer[order][owner], ids),
            "occurred_at": columns.times(at),
            "recorded_on": columns.dates(recorded),
            "channel": columns.words(channel, BEHAVIOUR_CHANNELS),
            "session_id": columns.strings(columns.digits(f"S{chunk:04d}", owner, 7), online),
            "event": columns.words(joined("event")[row], behaviour.EVENTS),
            "page": columns.words(joined("page")[row], behaviour.PAGES),
            "campaign_id": columns.words(joined("campaign")[order][owner], CAMPAIGN_IDS),
            "duration_s": pa.array(duration.astype(np.float64)),
            "shared_by": columns.words(shared_by, ids),
        }
    )


def holdings(history: History, ids: pa.Array) -> pa.Table:
    """Table `holdings`, by customer and month."""
    parts = history.snapshots
    customer, product, balance, matures = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("customer", "product", "balance", "matures")
    )
    day = np.repeat([part.day for part in parts], [len(part.customer) for part in parts])
    # By product before date: neighbours are then alike, and the file small.
    order = np.argsort(((customer.astype(np.int64) << 8) + product << 20) + day, kind="stable")
    return pa.table(
        {
            "customer_id": columns.words(customer[order], ids),
            "product_id": columns.words(product[order], _PRODUCT_IDS),
            "snapshot_date": columns.dates(day[order]),
            "balance_cny": pa.array(balance[order]),
            "matures_on": columns.dates(matures[order], matures[order] < 0),
        }
    )
