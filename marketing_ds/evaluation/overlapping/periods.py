"""What every customer did in a period, and in the same number of days before it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds.mart import UniversalControl
from marketing_ds.outcomes import beside
from marketing_ds.schema import CONTACT_CHANNELS, CONTROL, consent_column

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

REACHED = "campaigns"
"""Everybody whom campaigns may reach: the arm against the universal control group."""
_DEBTS = ("loan", "card")


@dataclass(frozen=True)
class PeriodMetric:
    """A number a customer, with the table that it needs and what explains it from before."""

    name: str
    table: str
    covariates: tuple[str, ...] = ()


METRICS = (
    PeriodMetric("purchases_cny", "transactions", ("purchases_cny_before",)),
    PeriodMetric("purchases", "transactions", ("purchases_before",)),
    PeriodMetric("converted", "transactions", ("converted_before",)),
    PeriodMetric("assets_change_cny", "holdings", ("assets_before_cny",)),
    PeriodMetric("cost_cny", "contacts"),
)
"""What a period can be judged by."""


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included, as known at the end of `day`."""

    start: dt.date
    end: dt.date
    day: dt.date

    @property
    def begin(self) -> dt.datetime:
        """Its first moment."""
        return dt.datetime.combine(self.start, dt.time())

    @property
    def close(self) -> dt.datetime:
        """The first moment after it."""
        return dt.datetime.combine(self.end, dt.time()) + dt.timedelta(days=1)

    @property
    def before(self) -> dt.datetime:
        """The first moment of as many days before it."""
        return self.begin - (self.close - self.begin)


def period_table(mart: Mart, period: Period, control: UniversalControl) -> ir.Table:
    """One row a customer who could be contacted: arm, the metrics, and what was before.

    Could be contacted: opened before the period, not suppressed, and with consent to some channel
    (as the mart has it today).
    """
    customers = mart["customers"]
    consents = [customers[consent_column(channel)].fill_null(False) for channel in CONTACT_CHANNELS]
    consent = consents[0]
    for other in consents[1:]:
        consent = consent | other
    known = customers.filter(
        customers.opened_on < period.start, ~customers.suppressed.fill_null(True), consent
    )
    group = control.contains(known.customer_id)
    rows = known.select("customer_id", arm=ibis.ifelse(group, CONTROL, REACHED))
    if "transactions" in mart.tables:
        rows = beside(rows, _purchases(mart, period), zero=True)
    if "holdings" in mart.tables:
        rows = beside(rows, _assets(mart, period), zero=True)
    if "contacts" in mart.tables:
        rows = beside(rows, _costs(mart, period), zero=True)
    return rows


def _purchases(mart: Mart, period: Period) -> ir.Table:
    rows = mart["transactions"]
    rows = rows.filter(
        rows.kind == "purchase",
        rows.occurred_at >= period.before,
        rows.occurred_at < period.close,
        rows.recorded_on <= period.day,
    )
    inside = rows.occurred_at >= period.begin
    amount = rows.amount_cny.cast("float64")
    return rows.group_by("customer_id").aggregate(
        purchases_cny=amount.sum(where=inside),
        purchases=inside.cast("int64").sum(),
        converted=inside.any().cast("int64"),
        purchases_cny_before=amount.sum(where=~inside),
        purchases_before=(~inside).cast("int64").sum(),
        converted_before=(~inside).any().cast("int64"),
    )


def _assets(mart: Mart, period: Period) -> ir.Table:
    """Assets at the last snapshot in the period less those at the last one before it."""
    holdings, products = mart["holdings"], mart["products"]
    dates = holdings.snapshot_date
    asked = holdings.aggregate(
        before=dates.max(where=dates < period.start),
        after=dates.max(where=dates <= min(period.end, period.day)),
    )
    at = asked.to_pyarrow().to_pylist()[0]
    rows = holdings.filter(dates.isin([day for day in at.values() if day is not None]))
    kinds = products.filter(~products.category.isin(_DEBTS)).select(_product="product_id")
    rows = rows.semi_join(kinds, rows.product_id == kinds["_product"])
    balance = rows.balance_cny.cast("float64")
    before, after = (
        ibis.literal(0.0)
        if day is None
        else balance.sum(where=rows.snapshot_date == day).fill_null(0.0)
        for day in (at["before"], at["after"])
    )
    return rows.group_by("customer_id").aggregate(
        assets_change_cny=after - before, assets_before_cny=before
    )


def _costs(mart: Mart, period: Period) -> ir.Table:
    """What contacts and benefits cost, and how many contacts there were."""
    parts = []
    for name, moment, contact in (("contacts", "sent_at", 1), ("benefit_grants", "redeemed_at", 0)):
        if name in mart.tables:
            rows = mart[name]
            inside = rows.filter(rows[moment] >= period.begin, rows[moment] < period.close)
            parts.append(
                inside.select(
                    "customer_id",
                    cost_cny=inside.cost_cny.cast("float64"),
                    contacts=ibis.literal(contact).cast("int64"),
                )
            )
    both = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return both.group_by("customer_id").aggregate(
        cost_cny=both.cost_cny.sum(), contacted=(both.contacts.sum() > 0).cast("int64")
    )
