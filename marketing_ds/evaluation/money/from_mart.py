"""The return of a campaign from the mart: what is margin, what is cost, and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from marketing_ds import outcomes
from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.analysis_table import campaign_data
from marketing_ds.evaluation.inference.settings import Sequential
from marketing_ds.outcomes import Campaign

from .result import Roi
from .roi import campaign_roi

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_MARGIN = "_margin_cny"


def roi_of_campaign(
    mart: Mart,
    campaign_id: str,
    *,
    margin: str = "value",
    value_cny: float | None = None,
    years: float = 1.0,
    covariates: Sequence[str] = (),
    customers: pd.DataFrame | ibis.Table | None = None,
    as_of: str | dt.date | None = None,
    alpha: float = 0.05,
    sequential: Sequential | bool | None = None,
) -> Roi:
    """Return on investment of a campaign of the mart.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str
        The campaign.
    margin : str
        What a customer brought in. ``value``: the objective × its worth (`value_cny` of the
        campaign's offers). ``amount``: purchases of the campaign's product × its yearly
        `margin_rate` × `years`. Any other name: that outcome, in yuan already.
    value_cny : float, optional
        Worth of one unit of the objective, instead of the offers'; with ``margin="value"`` only.
    years : float
        How long a purchased balance stays; with ``margin="amount"`` only.
    covariates : sequence of str
        Tags that are numbers, as of the day before the campaign (CUPED).
    customers : pandas.DataFrame or ibis.Table, optional
        Only customers whose `customer_id` is in it, e.g. those of a plan.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    alpha, sequential
        As of `campaign_roi`.

    Returns
    -------
    Roi
        With the cost per incremental unit of the objective. Cost is that of the campaign's
        contacts when sent and of its benefits when redeemed, unless that was reversed.

    Raises
    ------
    InvalidInput
        If there is no such campaign or outcome; offers of the campaign give different values to
        one outcome and `value_cny` is not given; the product has no margin rate.

    Notes
    -----
    Where the campaign was not randomised, the numbers are shown and the verdict is refused.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.money import roi_of_campaign
    >>> with mds.open_mart("data_samples") as mart:
    ...     roi = roi_of_campaign(mart, "K06", covariates=["aum"])
    >>> [each.arm for each in roi]
    ['coupon_68', 'sms_prime', 'all arms']
    """
    which = outcomes.campaign(mart, campaign_id)
    rows = campaign_data(mart, campaign_id, tags=list(covariates), as_of=as_of)
    check_columns(rows.columns, [which.objective], f"the outcomes of {campaign_id!r}")
    rows = rows.mutate(**{_MARGIN: _margin(mart, which, rows, margin, value_cny, years)})
    if "cost_cny" not in rows.columns:
        rows = rows.mutate(cost_cny=ibis.literal(0.0, "float64"))
    if customers is not None:
        rows = rows.semi_join(_ids(customers), "customer_id")
    found = campaign_roi(
        rows,
        margin=_MARGIN,
        cost="cost_cny",
        outcome=which.objective,
        covariates=list(covariates),
        probability="probability" if which.randomised else None,
        alpha=alpha,
        sequential=sequential,
    )
    return replace(found, randomised=which.randomised)


def _margin(
    mart: Mart,
    which: Campaign,
    rows: ir.Table,
    margin: str,
    value_cny: float | None,
    years: float,
) -> ir.FloatingValue:
    if value_cny is not None and margin != "value":
        raise InvalidInput(
            f"value_cny goes with margin='value' only, got margin={margin!r}; leave one of them out"
        )
    if margin == "value":
        worth = (
            _worth(mart, which)
            if value_cny is None
            else check_number("value_cny", value_cny, low=0)
        )
        return rows[which.objective].cast("float64") * worth
    if margin == "amount":
        rate = _margin_rate(mart, which) * check_number("years", years, low=0, inclusive=False)
        check_columns(rows.columns, ["amount_cny"], f"the outcomes of {which.campaign_id!r}")
        return rows.amount_cny.cast("float64") * rate
    check_columns(rows.columns, [margin], f"the outcomes of {which.campaign_id!r}")
    return rows[margin].cast("float64")


def _worth(mart: Mart, which: Campaign) -> float:
    """What the campaign's offers say that one unit of the objective is worth."""
    offers = mart["offers"].filter(mart["offers"].campaign_id == which.campaign_id)
    worths = offers.select("value_cny").distinct().to_pyarrow()["value_cny"].to_pylist()
    if len(worths) != 1:
        raise InvalidInput(
            f"value_cny must be given for campaign {which.campaign_id!r}: its offers name "
            f"{sorted(worths) or 'none'}, and one outcome cannot be worth several"
        )
    return float(worths[0])


def _margin_rate(mart: Mart, which: Campaign) -> float:
    products = mart["products"]
    rates = products.filter(products.product_id == which.product_id).select("margin_rate")
    found = rates.to_pyarrow()["margin_rate"].to_pylist()
    if not found or found[0] is None:
        raise InvalidInput(
            f"margin='amount' needs the margin_rate of the product of campaign "
            f"{which.campaign_id!r} ({which.product_id!r}), which is unknown; use margin='value' or "
            "an outcome in yuan"
        )
    return float(found[0])


def _ids(customers: pd.DataFrame | ibis.Table) -> ir.Table:
    check_columns(customers.columns, ["customer_id"], "customers")
    if isinstance(customers, pd.DataFrame):
        ids = customers[["customer_id"]].drop_duplicates()
        return ibis.memtable(pa.Table.from_pandas(ids, preserve_index=False))
    return customers.select("customer_id").distinct()
