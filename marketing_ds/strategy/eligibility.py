"""Who may be contacted: consent for the channel, not suppressed, a customer by the date."""

from __future__ import annotations

import datetime as dt
from typing import overload

import ibis
import pandas as pd

from marketing_ds._core.checks import check_choice, check_columns, check_date
from marketing_ds.mart import Mart, reachable
from marketing_ds.schema import CONTACT_CHANNELS

from .value import Frame, offer_terms


def eligible(mart: Mart, channel: str, *, as_of: dt.date | str | None = None) -> ibis.Table:
    """Customers who may be contacted through `channel`.

    They gave consent for the channel, are on no do-not-contact list and not in the universal
    control group, and were customers by the end of `as_of`. All but the last are the rules that
    `mart.publish` enforces; asking first keeps limits from being spent on customers whom nobody
    may contact.

    Parameters
    ----------
    mart : Mart
    channel : {"app", "wechat", "sms", "email", "phone"}
    as_of : date or ISO text, optional
        The mart's last date by default.

    Returns
    -------
    ibis.Table
        One column, customer_id; one row a customer.

    Raises
    ------
    InvalidInput
        If the channel is unknown.
    """
    check_choice("channel", channel, CONTACT_CHANNELS)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    customers = mart["customers"]
    opened = (customers.opened_on <= ibis.literal(day)).fill_null(False)
    # Of two rows of one customer the stricter counts.
    each = customers.group_by("customer_id").aggregate(_opened=opened.all())
    return reachable(mart, each.filter(each["_opened"]), channel, day)


@overload
def eligible_scores(
    mart: Mart, scores: pd.DataFrame, offers: Frame, *, as_of: dt.date | str | None = None
) -> pd.DataFrame: ...
@overload
def eligible_scores(
    mart: Mart, scores: ibis.Table, offers: Frame, *, as_of: dt.date | str | None = None
) -> ibis.Table: ...
def eligible_scores(
    mart: Mart, scores: Frame, offers: Frame, *, as_of: dt.date | str | None = None
) -> Frame:
    """The rows of `scores` whose customer may be contacted through the channel of the offer.

    Parameters
    ----------
    mart : Mart
    scores : pandas.DataFrame or ibis.Table
        The scores table; `arm` names the offer. Rows of arms without an offer are dropped.
    offers : pandas.DataFrame or ibis.Table
        Columns as `allocate` takes them.
    as_of : date or ISO text, optional
        The mart's last date by default.

    Returns
    -------
    pandas.DataFrame or ibis.Table
        As `scores`, fewer rows.

    Raises
    ------
    InvalidInput
        If a column is missing or a channel is unknown.
    """
    check_columns(scores.columns, ("customer_id", "arm"), "scores")
    terms = offer_terms(offers)
    channels = dict.fromkeys(terms.channels)
    carried = {
        channel: [n for n, c in zip(terms.names, terms.channels, strict=True) if c == channel]
        for channel in channels
    }
    if isinstance(scores, pd.DataFrame):
        keep = pd.Series(False, index=scores.index)
        for channel, names in carried.items():
            ids = eligible(mart, channel, as_of=as_of).to_pyarrow()["customer_id"].to_pylist()
            keep |= scores["arm"].isin(names) & scores["customer_id"].isin(ids)
        return scores.loc[keep]
    kept = [
        scores.filter(scores.arm.isin(names)).semi_join(
            eligible(mart, channel, as_of=as_of), "customer_id"
        )
        for channel, names in carried.items()
    ]
    return kept[0] if len(kept) == 1 else ibis.union(*kept)
