"""What offers did for the very customers that a plan chose for them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import CONTROL

from .from_mart import roi_of_campaign
from .result import Roi

if TYPE_CHECKING:
    from marketing_ds.mart import Mart, Publication

EFFECT_OF_PLAN = "plan="
"""How the segment of such an effect begins."""


def effects_of_plan(
    mart: Mart,
    plan: str,
    *,
    margin: str = "value",
    value_cny: float | None = None,
    as_of: str | dt.date | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """What offers did for the very customers that a plan chose for them: rows of `effects`.

    For each offer, its planned customers who were drawn into that arm are compared with its planned
    customers who were drawn into control. The campaign must have been randomised.

    Parameters
    ----------
    mart : Mart
        Its workspace holds the plan.
    plan : str
        Name of the published plan, e.g. ``K06_backtest``.
    margin, value_cny, as_of, alpha
        As of `roi_of_campaign`.

    Returns
    -------
    pandas.DataFrame
        The objective, `margin_cny`, `cost_cny` and `profit_cny` of each offer under the contract of
        `effects`, segment ``plan=<name>``; ready for ``mart.publish("effects", …)``. Offers with
        fewer than 2 customers in arm or control are left out.

    Raises
    ------
    InvalidInput
        If the plan is no campaign's or not published for a day up to its last day of contact, the
        campaign was not randomised, or none of the plan's customers took part in it.

    Examples
    --------
    >>> import datetime as dt, tempfile
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.money import effects_of_plan
    >>> day = "2026-04-02"
    >>> with mds.open_mart("data_samples", workspace=tempfile.mkdtemp()) as mart:
    ...     drawn = mart["assignments"].filter(mart["assignments"].campaign_id == "K06")
    ...     plan = drawn.select("customer_id").order_by("customer_id").limit(900).to_pandas()
    ...     plan = plan.assign(as_of=dt.date.fromisoformat(day), offer="sms_prime", channel="sms",
    ...         uplift=0.02, expected_cost_cny=0.05, net_value_cny=2.95, reason="likely")
    ...     _ = mart.publish("plans", plan, name="K06_backtest", as_of=day)
    ...     effects_of_plan(mart, "K06_backtest")["metric"].tolist()
    ['margin_cny', 'cost_cny', 'profit_cny', 'converted']
    """
    day = None if as_of is None else check_date("as_of", as_of)
    campaign_id = campaign_of(plan, campaign_ids(mart))
    if campaign_id is None:
        raise InvalidInput(f"plan must begin with the id of a campaign of the mart, got {plan!r}")
    which = outcomes.campaign(mart, campaign_id)
    if not which.randomised:
        raise InvalidInput(
            f"the campaign of the plan must have been randomised, got {campaign_id!r}, which was not"
        )
    found = last_plan(mart, plan, which.ends_on, day)
    if found is None:
        raise InvalidInput(f"plan must be published for a day up to {which.ends_on}, got {plan!r}")
    rows = _drawn(mart, mart.latest("plans", name=plan, as_of=found.as_of), campaign_id)
    tables = []
    for offer in _judged(rows):
        roi = roi_of_campaign(
            mart,
            campaign_id,
            margin=margin,
            value_cny=value_cny,
            customers=rows.filter(rows.offer == offer),
            as_of=day,
            alpha=alpha,
        )
        tables.append(_of_arm(roi, offer, campaign_id, plan, which.objective))
    if not tables:
        raise InvalidInput(
            f"plan must have an offer with at least 2 customers in its arm and 2 in control, "
            f"{plan!r} has none; its customers took no part in {campaign_id!r}"
        )
    return pd.concat(tables, ignore_index=True)


def _drawn(mart: Mart, plan: ir.Table, campaign_id: str) -> ir.Table:
    """Planned customers who were drawn into the arm of their offer, or into control."""
    assigned = mart["assignments"]
    assigned = assigned.filter(assigned.campaign_id == campaign_id)
    arms = assigned.select(_customer="customer_id", arm="arm")
    joined = plan.inner_join(arms, plan.customer_id == arms["_customer"])
    fitting = joined.filter((joined.arm == CONTROL) | (joined.arm == joined.offer))
    return fitting.select("customer_id", "offer", "arm")


def _judged(rows: ir.Table) -> list[str]:
    """The offers with at least 2 customers on either side."""
    control = rows.arm == CONTROL
    sizes = rows.group_by("offer").aggregate(n_control=control.sum(), n_arm=(~control).sum())
    enough = sizes.filter((sizes.n_control >= 2) & (sizes.n_arm >= 2))
    return [str(offer) for offer in sorted(enough.to_pyarrow()["offer"].to_pylist())]


def _of_arm(roi: Roi, arm: str, campaign_id: str, plan: str, objective: str) -> pd.DataFrame:
    table = roi.effects_table(campaign_id, segment=f"{EFFECT_OF_PLAN}{plan}", outcome=objective)
    return table[table["arm"] == arm]


def campaign_ids(mart: Mart) -> list[str]:
    """The ids of all campaigns of the mart."""
    ids = mart["campaigns"].select("campaign_id").to_pyarrow()["campaign_id"].to_pylist()
    return sorted(str(each) for each in ids)


def campaign_of(plan: str, ids: list[str]) -> str | None:
    """The campaign whose id the plan's name is, or begins with; of several the longest."""
    fitting = [each for each in ids if plan == each or plan.startswith(f"{each}_")]
    return max(fitting, key=len) if fitting else None


def last_plan(mart: Mart, name: str, ends_on: dt.date, day: dt.date | None) -> Publication | None:
    """The last plan of a name that was made by a campaign's last day of contact, and by `day`."""
    last = ends_on if day is None else min(ends_on, day)
    plans = [p for p in mart.publications("plans", name=name) if p.as_of <= last]
    return plans[-1] if plans else None
