"""Who must not be reached: every rule that a publication for contact obeys.

The careful answer wins wherever the mart is in doubt: a null consent is none, a null suppression is
one, and of two rows of one customer the stricter counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_choice, check_columns, check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import CONTACT_CHANNELS, consent_column

from .control import CONTROL_NAME, UniversalControl

if TYPE_CHECKING:
    from .mart import Mart


@dataclass(frozen=True)
class ContactCap:
    """At most so many contacts of a customer within so many days.

    A customer who had `contacts` or more in the last `days` days (`as_of` included) is left out: one
    more would be too many.

    Attributes
    ----------
    contacts : int
        How many are allowed, the one to come included.
    days : int
        In how many days.
    channel : str, optional
        Only contacts through this channel count, and only rows for it are left out; contacts
        through all channels together by default.

    Examples
    --------
    >>> print(ContactCap(3, days=30))
    at most 3 contacts in 30 days
    >>> print(ContactCap(1, days=7, channel="sms"))
    at most 1 contact in 7 days through sms
    """

    contacts: int
    days: int
    channel: str | None = None

    def __post_init__(self) -> None:
        check_count("contacts", self.contacts, low=1)
        check_count("days", self.days, low=1, high=36_500)
        if self.channel is not None:
            check_choice("channel", self.channel, CONTACT_CHANNELS)

    def __str__(self) -> str:
        several = "s" if self.contacts > 1 else ""
        text = f"at most {self.contacts} contact{several} in {self.days} days"
        return f"{text} through {self.channel}" if self.channel else text


@dataclass(frozen=True)
class Exclusions:
    """Whom the one who publishes wants left out, beyond what the bank itself demands."""

    max_contacts: tuple[ContactCap, ...] = ()
    suppress: Mapping[str, ibis.Table] = field(default_factory=dict)
    """Name of a list → its customers, with the column `customer_id`."""

    @classmethod
    def of(
        cls,
        max_contacts: ContactCap | Iterable[ContactCap] | None,
        suppress: Mapping[str, object] | None,
    ) -> Exclusions:
        """From what a caller gave, checked."""
        caps = (max_contacts,) if isinstance(max_contacts, ContactCap) else max_contacts or ()
        listed = tuple(caps) if isinstance(caps, Iterable) else (caps,)
        for cap in listed:
            if not isinstance(cap, ContactCap):
                raise InvalidInput(
                    f"max_contacts must be a ContactCap or several, got {cap!r}; write "
                    "ContactCap(3, days=30)"
                )
        if not isinstance(suppress or {}, Mapping):
            raise InvalidInput(
                f"suppress must map the name of a list to its customers, got {suppress!r:.80}"
            )
        return cls(listed, {_name(name): _ids(name, v) for name, v in (suppress or {}).items()})

    @property
    def names(self) -> list[str]:
        """What is asked for, in words."""
        return [*map(str, self.max_contacts), *(f"list {name}" for name in self.suppress)]


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"suppress must name its lists by text, got {name!r}")
    return name


def _ids(name: str, customers: object) -> ibis.Table:
    """A list of customers as a table with the column `customer_id`."""
    if isinstance(customers, (ibis.Table, pd.DataFrame)):
        check_columns(list(customers.columns), ["customer_id"], f"suppress[{name!r}]")
        if isinstance(customers, ibis.Table):
            return customers.select("customer_id")
        customers = customers["customer_id"]
    if isinstance(customers, str) or not isinstance(customers, Iterable):
        raise InvalidInput(
            f"suppress[{name!r}] must be customer ids or a table of them, got {customers!r:.80}"
        )
    try:
        ids = pa.array(list(customers), pa.string())
    except pa.ArrowException as error:
        raise InvalidInput(f"suppress[{name!r}] must hold customer ids as text") from error
    return ibis.memtable(pa.table({"customer_id": ids}))


def marked(
    rows: ibis.Table,
    mart: Mart,
    as_of: dt.date,
    control: UniversalControl | None,
    exclusions: Exclusions,
) -> tuple[ibis.Table, dict[str, str]]:
    """`rows` with a column for every rule, whether it keeps the row; and rule → column.

    A row with a null `channel` is not for contact: only an unknown customer, and those whom the
    exclusions name, are left out. So is a row of a table without channels, but for the universal
    control group, which gets no arm of an experiment either.
    """
    full = [_full(mart, cap, as_of) for cap in exclusions.max_contacts]
    lists = [*full, *exclusions.suppress.values()]
    channels = "channel" in rows.columns
    table = _with_lists(_with_permissions(rows, mart) if channels else rows, lists)
    keeps: dict[str, ir.BooleanValue] = {}
    contact: ir.BooleanValue = ibis.literal(True)
    if channels:
        contact = table.channel.notnull()
        keeps = _permitted(table, contact)
    if control is not None:
        keeps[CONTROL_NAME] = ~(contact & control.contains(table.customer_id))
    for number, cap in enumerate(exclusions.max_contacts):
        keeps[str(cap)] = ~(_counts(table, cap) & table[_ON.format(number)].notnull())
    for number, name in enumerate(exclusions.suppress, start=len(full)):
        keeps[f"list {name}"] = table[_ON.format(number)].isnull()
    columns = {rule: f"_keeps_{n}" for n, rule in enumerate(keeps)}
    flags = {columns[rule]: keep for rule, keep in keeps.items()}
    return table.select(*(table[name] for name in rows.columns), **flags), columns


def reachable(mart: Mart, customers: ibis.Table, channel: str, as_of: dt.date) -> ibis.Table:
    """Those of some customers whom a publication would keep: their `customer_id`.

    Parameters
    ----------
    customers : ibis.Table
        One row a customer, `customer_id`.
    channel : str
        The channel through which they would be contacted.
    as_of : date
        The day of the publication.
    """
    rows = customers.select("customer_id", channel=ibis.literal(channel))
    flagged, columns = marked(rows, mart, as_of, mart.universal_control, Exclusions())
    return flagged.filter(*(flagged[name] for name in columns.values())).select("customer_id")


def _with_permissions(rows: ibis.Table, mart: Mart) -> ibis.Table:
    """`rows` with `_known`, `_suppressed` and a flag a channel: null for an unknown customer."""
    customers = mart.table("customers").semi_join(rows, "customer_id")
    consents = {
        consent_column(channel): customers[consent_column(channel)].fill_null(False).all()
        for channel in CONTACT_CHANNELS
    }
    allowed = (
        customers.group_by(_id=customers.customer_id)
        .aggregate(_suppressed=customers.suppressed.fill_null(True).any(), **consents)
        .mutate(_known=ibis.literal(True))
    )
    return rows.left_join(allowed, rows.customer_id == allowed["_id"])


_ON = "_on_list_{}"


def _with_lists(rows: ibis.Table, lists: Iterable[ibis.Table]) -> ibis.Table:
    """`rows` with a column a list of customers: null for who is not on it.

    Joined, since "not in a list" as a column is a comparison of each with each on Spark.
    """
    for number, listed in enumerate(lists):
        name = _ON.format(number)
        ids = listed.select(**{name: listed.customer_id}).distinct()
        rows = rows.left_join(ids, rows.customer_id == ids[name])
    return rows


def _permitted(table: ibis.Table, contact: ir.BooleanValue) -> dict[str, ir.BooleanValue]:
    """The bank's own rules; an unknown customer breaks the first alone, for nobody knows more."""
    known = table["_known"].fill_null(False)
    consent = ibis.cases(
        *((table.channel == c, table[consent_column(c)]) for c in CONTACT_CHANNELS), else_=False
    )
    return {
        "unknown_customer": known,
        "suppressed": ~(known & contact & table["_suppressed"].fill_null(True)),
        "no_consent": ~(known & contact) | consent.fill_null(False),
    }


def _counts(table: ibis.Table, cap: ContactCap) -> ir.BooleanValue:
    """Whether the cap speaks of a row."""
    if cap.channel is None:
        return ibis.literal(True)
    return (table.channel == cap.channel).fill_null(False)


def _full(mart: Mart, cap: ContactCap, as_of: dt.date) -> ibis.Table:
    """Customers who had as many contacts as the cap allows; contacts after `as_of` are unknown."""
    contacts = mart.table("contacts")
    day = contacts.sent_at.date()
    counted = day.between(as_of - dt.timedelta(days=cap.days - 1), as_of)
    if cap.channel is not None:
        counted &= contacts.channel == cap.channel
    within = contacts.filter(counted)
    each = within.group_by("customer_id").aggregate(_n=within.count())
    return each.filter(each["_n"] >= cap.contacts)
