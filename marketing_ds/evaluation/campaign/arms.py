"""What the arms changed: of everybody, of segments, and by contact channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.measuring import tag_name
from marketing_ds.evaluation.metrics import Metric
from marketing_ds.evaluation.money import Roi, campaign_roi
from marketing_ds.evaluation.result import ExperimentResult
from marketing_ds.outcomes import beside
from marketing_ds.schema import CONTROL
from marketing_ds.tags import Tag, tag_table

from .rows import CampaignRows

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

NOT_RANDOM = (
    "arms were not drawn at random, so differences between them are no effects; "
    "see marketing_ds.evaluation.observed"
)
NO_CONTROL = "there is no control arm to compare with; see marketing_ds.evaluation.observed"
ONLY_CONTROL = "there is no arm beside control"
TOO_SMALL = "every arm must have at least 2 customers to be compared"
NO_OFFERS = "the mart does not say through which channel each arm was contacted (offers)"
NO_OBJECTIVE = "the mart does not know the campaign's objective {!r}"
NO_WORTH = (
    "the campaign's offers do not give one value_cny for a unit of the objective; "
    "see marketing_ds.evaluation.money.roi_of_campaign"
)
CHANCES_DIFFER = "customers of one arm had different chances of it: its channel cannot be pooled"


def whole_reason(rows: CampaignRows) -> str | None:
    """Why no effect at all can be told; None where one can."""
    if not rows.which.randomised:
        return NOT_RANDOM
    if CONTROL not in rows.arms:
        return NO_CONTROL
    if len(rows.arms) == 1:
        return ONLY_CONTROL
    return TOO_SMALL if min(arm.customers for arm in rows.arms.values()) < 2 else None


def design_of(rows: CampaignRows) -> dict[str, Any]:
    """What `analyze_experiment` takes of the draw; where chances are unknown, sizes as found."""
    if all(arm.known == arm.customers for arm in rows.arms.values()):
        return {"probability": "probability"}
    return {"shares": {name: arm.customers for name, arm in rows.arms.items()}}


def customers_of(mart: Mart, rows: CampaignRows, tags: Sequence[str | Tag]) -> ir.Table:
    """One row a customer: the outcomes, and tags as of the day before the campaign."""
    if not tags:
        return rows.outcomes
    first = rows.assigned.assigned_at.min().to_pyarrow().as_py()
    day = min(rows.which.features_as_of, first.date() - dt.timedelta(days=1))
    wanted = list({tag_name(tag): tag for tag in tags}.values())
    return beside(rows.outcomes, tag_table(mart, day, wanted), zero=False)


def roi_of(
    data: ir.Table,
    rows: CampaignRows,
    covariates: Sequence[str],
    design: Mapping[str, Any],
    alpha: float,
) -> tuple[Roi | None, str | None]:
    """Return of every arm, an objective being worth what the offers say; or why there is none."""
    objective = rows.which.objective
    if objective not in rows.outcome_names:
        return None, NO_OBJECTIVE.format(objective)
    offers = rows.mart["offers"]
    offers = offers.filter(offers.campaign_id == rows.which.campaign_id)
    worths = offers.select("value_cny").distinct().to_pyarrow()["value_cny"].to_pylist()
    if len(worths) != 1:
        return None, NO_WORTH
    cost = data.cost_cny if "cost_cny" in data.columns else ibis.literal(0.0)
    data = data.mutate(
        _margin=data[objective].cast("float64") * float(worths[0]), _cost=cost.cast("float64")
    ).drop("customer_id")
    return (
        campaign_roi(
            data,
            margin="_margin",
            cost="_cost",
            outcome=objective,
            covariates=covariates,
            alpha=alpha,
            **design,
        ),
        None,
    )


def by_channel(
    rows: CampaignRows, metrics: Sequence[str | Metric], alpha: float
) -> tuple[ExperimentResult | None, str | None]:
    """The arms of one contact channel put together, as they were mixed, against control."""
    offers = rows.mart["offers"]
    offers = offers.filter(offers.campaign_id == rows.which.campaign_id)
    channels = {
        row["offer"]: row["channel"]
        for row in offers.select("offer", "channel").to_pyarrow().to_pylist()
    }
    treated = [arm for arm in rows.arms if arm != CONTROL]
    if any(arm not in channels for arm in treated):
        return None, NO_OFFERS
    if any(arm.differs for arm in rows.arms.values()):
        return None, CHANCES_DIFFER
    shares: dict[str, float] = {}
    for name, arm in rows.arms.items():
        share = arm.lowest if arm.lowest is not None else float(arm.customers)
        channel = channels.get(name, CONTROL)
        shares[channel] = shares.get(channel, 0.0) + share
    cases = [(rows.outcomes.arm == arm, channels[arm]) for arm in treated]
    data = rows.outcomes.mutate(arm=ibis.cases(*cases, else_=CONTROL)).drop("customer_id")
    return analyze_experiment(data, metrics, shares=shares, alpha=alpha), None
