"""What customers did in a campaign, within its attribution window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from ._core.checks import check_date
from ._core.errors import InvalidInput, MartError, did_you_mean
from .schema import CONTROL
from .schema.known import midnight_after

if TYPE_CHECKING:
    from .mart import Mart

_KEYS = ("customer_id", "arm", "probability", "assigned_at")


@dataclass(frozen=True)
class Campaign:
    """One campaign of a mart, with the arms that were assigned in it."""

    campaign_id: str
    name: str
    product_id: str | None
    objective: str
    starts_on: dt.date
    ends_on: dt.date
    attribution_days: int
    budget_cny: float | None
    target: float | None
    randomised: bool
    arms: tuple[str, ...]
    """`control` first, then the others by name."""

    @property
    def features_as_of(self) -> dt.date:
        """The day before the campaign: tags as of then know nothing of it."""
        return self.starts_on - dt.timedelta(days=1)

    @property
    def closes_on(self) -> dt.date:
        """The last day on which an outcome of who is assigned on the last day counts."""
        return self.ends_on + dt.timedelta(days=self.attribution_days)


def campaign(mart: Mart, campaign_id: str) -> Campaign:
    """Look up one campaign.

    Raises
    ------
    InvalidInput
        If the mart has no such campaign.

    Examples
    --------
    >>> from marketing_ds.mart import open_mart
    >>> from marketing_ds.outcomes import campaign
    >>> with open_mart("data_samples") as mart:
    ...     campaign(mart, "K06").arms
    ('control', 'coupon_68', 'sms_prime')
    """
    campaigns = mart["campaigns"]
    rows = campaigns.filter(campaigns.campaign_id == campaign_id).to_pyarrow().to_pylist()
    if not rows:
        known = campaigns.select("campaign_id").order_by("campaign_id").to_pyarrow()
        ids = known["campaign_id"].to_pylist()
        raise InvalidInput(
            f"campaign_id must be one of the mart's ({', '.join(ids[:20]) or 'it has none'}), "
            f"got {campaign_id!r}{did_you_mean(str(campaign_id), ids)}"
        )
    assigned = mart["assignments"]
    arms = assigned.filter(assigned.campaign_id == campaign_id).select("arm").distinct()
    names = arms.to_pyarrow()["arm"].to_pylist()
    return Campaign(
        arms=tuple(sorted(names, key=lambda arm: (arm != CONTROL, arm))),
        **{name: rows[0][name] for name in Campaign.__dataclass_fields__ if name != "arms"},
    )


def last_campaign(mart: Mart, as_of: str | dt.date) -> str:
    """The id of the last randomised campaign whose outcomes are complete by `as_of`.

    A campaign is complete when `attribution_days` have passed since its last day of contact; of
    two that end on the same day, the one with the greater id.

    Raises
    ------
    MartError
        If there is none.

    Examples
    --------
    >>> from marketing_ds import open_mart
    >>> last_campaign(open_mart("data_samples"), "2026-06-30")
    'K06'
    """
    day = check_date("as_of", as_of)
    campaigns = mart["campaigns"].filter(mart["campaigns"].randomised)
    rows = campaigns.select("campaign_id", "ends_on", "attribution_days").to_pyarrow().to_pylist()
    done = [
        (row["ends_on"], row["campaign_id"])
        for row in rows
        if row["ends_on"] + dt.timedelta(days=row["attribution_days"]) <= day
    ]
    if not done:
        raise MartError(
            f"'{mart.source}' has no randomised campaign whose outcomes are complete by {day}; "
            "name a campaign, or use a later as_of"
        )
    return str(max(done)[1])


def campaign_outcomes(
    mart: Mart, campaign_id: str, *, as_of: str | dt.date | None = None
) -> ibis.Table:
    """What each customer of a campaign did within its attribution window.

    The window runs from `assigned_at`, inclusive, to `attribution_days` days later, exclusive.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str
        The campaign.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.

    Returns
    -------
    ibis.Table
        One row per assigned customer: customer_id, arm, probability, assigned_at, then one float
        column per outcome, 0 where nothing happened:

        - ``converted`` (0 or 1) and ``amount_cny``: purchases of the campaign's product; only if
          the campaign has a product and the mart transactions;
        - ``clicked`` (0 or 1): a message of the campaign was clicked; only if there are contacts;
        - ``redeemed`` (0 or 1): a benefit of the campaign was redeemed, and that was not reversed;
          only if there are benefit grants;
        - ``cost_cny``: contacts and redeemed benefits of the campaign, whenever they fell due;
        - every outcome of the table `campaign_outcomes`, which wins over one above.

    Raises
    ------
    InvalidInput
        If the mart has no such campaign.

    Examples
    --------
    >>> from marketing_ds.mart import open_mart
    >>> from marketing_ds.outcomes import campaign_outcomes
    >>> with open_mart("data_samples") as mart:
    ...     rows = campaign_outcomes(mart, "K06")
    ...     frame = rows.group_by("arm").aggregate(rate=rows.converted.mean()).execute()
    >>> sorted(frame["arm"])
    ['control', 'coupon_68', 'sms_prime']
    >>> rows.columns[4:]
    ('converted', 'amount_cny', 'clicked', 'redeemed', 'cost_cny')
    """
    which = campaign(mart, campaign_id)
    end = None if as_of is None else midnight_after(check_date("as_of", as_of))
    assigned = mart["assignments"]
    assigned = assigned.filter(assigned.campaign_id == campaign_id).select(*_KEYS)
    if end is not None:
        assigned = assigned.filter(assigned.assigned_at < end)
    derived = (
        _purchases(mart, which, assigned, end),
        _clicks(mart, which, assigned, end),
        _redemptions(mart, which, assigned, end),
        _costs(mart, which, end),
    )
    computed = _computed(mart, which, end)
    rows = assigned
    for part in derived:
        if part is not None:
            own = [name for name in part.columns if name not in computed.columns[1:]]
            rows = beside(rows, part.select(own), zero=True)
    return beside(rows, computed, zero=True)


def _purchases(
    mart: Mart, which: Campaign, assigned: ibis.Table, end: dt.datetime | None
) -> ibis.Table | None:
    if which.product_id is None or "transactions" not in mart.tables:
        return None
    rows = mart["transactions"]
    rows = rows.filter(rows.kind == "purchase", rows.product_id == which.product_id)
    if end is not None:
        rows = rows.filter(rows.recorded_on < end.date())
    inside = _in_window(rows, "occurred_at", which, assigned, end)
    return inside.group_by("customer_id").aggregate(
        converted=_once(inside), amount_cny=inside.amount_cny.sum()
    )


def _clicks(
    mart: Mart, which: Campaign, assigned: ibis.Table, end: dt.datetime | None
) -> ibis.Table | None:
    if "contacts" not in mart.tables:
        return None
    rows = mart["contacts"].filter(mart["contacts"].campaign_id == which.campaign_id)
    inside = _in_window(rows, "clicked_at", which, assigned, end)
    return inside.group_by("customer_id").aggregate(clicked=_once(inside))


def _redemptions(
    mart: Mart, which: Campaign, assigned: ibis.Table, end: dt.datetime | None
) -> ibis.Table | None:
    if "benefit_grants" not in mart.tables:
        return None
    rows = mart["benefit_grants"]
    standing = rows.reversed_at.isnull()
    if end is not None:
        standing = standing | (rows.reversed_at >= end)
    rows = rows.filter(rows.campaign_id == which.campaign_id, standing)
    inside = _in_window(rows, "redeemed_at", which, assigned, end)
    return inside.group_by("customer_id").aggregate(redeemed=_once(inside))


def _costs(mart: Mart, which: Campaign, end: dt.datetime | None) -> ibis.Table | None:
    """Contacts when sent, benefits when redeemed, until that is undone."""
    costs = []
    for name, moment in (("contacts", "sent_at"), ("benefit_grants", "redeemed_at")):
        if name in mart.tables:
            rows = mart[name].filter(mart[name].campaign_id == which.campaign_id)
            if end is not None:
                rows = rows.filter(rows[moment] < end)
            if end is not None and name == "benefit_grants":
                prices = mart["benefits"].select(_benefit="benefit_id", _price="cost_cny")
                rows = rows.left_join(prices, rows.benefit_id == prices["_benefit"])
                rows = rows.mutate(cost_cny=redemption_cost(rows, rows["_price"], end))
            costs.append(rows.select("customer_id", "cost_cny"))
    if not costs:
        return None
    both = ibis.union(*costs) if len(costs) > 1 else costs[0]
    return both.group_by("customer_id").aggregate(cost_cny=both.cost_cny.sum())


def redemption_cost(
    grants: ibis.Table, price: ir.NumericValue, end: dt.datetime
) -> ir.FloatingValue:
    """What each of `benefit_grants` had cost by `end`: the table says what it has cost by now.

    A redemption that was undone later has cost 0 in the table, but was a cost until then.
    """
    redeemed = (grants.redeemed_at < end).fill_null(False)
    undone_later = redeemed & (grants.reversed_at >= end).fill_null(False)
    return ibis.cases(
        (undone_later, price.fill_null(0.0)), (redeemed, grants.cost_cny), else_=0.0
    ).cast("float64")


def _computed(mart: Mart, which: Campaign, end: dt.datetime | None) -> ibis.Table:
    """The outcomes that the bank computed itself, one column each."""
    rows = mart["campaign_outcomes"]
    rows = rows.filter(rows.campaign_id == which.campaign_id)
    names = rows.select("outcome").distinct().order_by("outcome").to_pyarrow()
    outcomes = [name for name in names["outcome"].to_pylist() if name is not None]
    for name in outcomes:
        if name in _KEYS:
            raise MartError(
                f"an outcome of campaign '{which.campaign_id}' is named {name!r}, which the table of "
                f"outcomes needs for itself ({', '.join(_KEYS)}); rename it in campaign_outcomes"
            )
    if end is not None:
        rows = rows.filter(rows.observed_on < end.date())
    return rows.group_by("customer_id").aggregate(
        **{name: rows.value.sum(where=rows.outcome == name) for name in outcomes}
    )


def _in_window(
    rows: ibis.Table, moment: str, which: Campaign, assigned: ibis.Table, end: dt.datetime | None
) -> ibis.Table:
    """The rows whose `moment` lies within their customer's attribution window."""
    starts = assigned.select(_customer="customer_id", _start="assigned_at")
    joined = rows.inner_join(starts, rows.customer_id == starts["_customer"])
    after = joined["_start"] + ibis.interval(days=which.attribution_days)
    conditions = [joined[moment] >= joined["_start"], joined[moment] < after]
    if end is not None:
        conditions.append(joined[moment] < end)
    return joined.filter(*conditions)


def beside(rows: ibis.Table, part: ibis.Table, *, zero: bool) -> ibis.Table:
    """`rows` with the columns of `part`, one row a customer in both.

    Parameters
    ----------
    rows, part : ibis.Table
        With a `customer_id`.
    zero : bool
        Whether who is not in `part` has 0 there (and all its columns are float64), or null.
    """
    right = part.rename(_customer="customer_id")
    joined = rows.left_join(right, rows.customer_id == right["_customer"])
    names = [name for name in part.columns if name != "customer_id"]
    added = {
        name: joined[name].cast("float64").fill_null(0.0) if zero else joined[name]
        for name in names
    }
    return joined.select(*(joined[name] for name in rows.columns), **added)


def _once(rows: ibis.Table) -> ir.FloatingScalar:
    """1 for each group; a bare 1.0 would reach files as a decimal."""
    return (rows.count() > 0).cast("float64")
