"""Judge a campaign of the mart as a whole: checks, effects, money, the four analyses in one call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from marketing_ds import outcomes
from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.tags import answered_tags

from .analysis_table import campaign_data
from .campaign import CampaignAnalysis, analyze_campaign
from .campaign_evaluation import CampaignEvaluation
from .channel import analyze_channels
from .checks import check_campaign
from .customer import analyze_customers
from .measures import total
from .metrics import Metric
from .observed import ObservationalResult, analyze_observational
from .product import analyze_products
from .result import ExperimentResult

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

PARTS = ("customers", "products", "channels")
"""The analyses that can be left out."""
COVARIATES = ("aum", "tenure_days")
"""Tags that explain a part of most outcomes."""
CONFOUNDERS = (
    *("age", "gender", "region", "tenure_days", "risk_level", "value_tier", "lifecycle"),
    *("aum", "products_held", "transactions_90d", "purchases_90d_cny", "inflow_90d_cny"),
    *("events_30d", "events_90d", "active_days_90d", "page_views_90d", "contacts_90d"),
)
"""Tags that most often drive who is chosen; for campaigns whose arms were not drawn."""


BOUGHT = total("transactions", "amount_cny", kind="purchase", name="purchases_cny")
"""What is compared where the campaign's own outcomes are known of its customers alone."""
_BEFORE_DAYS = 90


def evaluate_campaign(
    mart: Mart,
    campaign_id: str,
    *,
    as_of: str | dt.date | None = None,
    metrics: Sequence[str | Metric] | None = None,
    covariates: Sequence[str] | None = None,
    segments: Sequence[str] = (),
    confounders: Sequence[str] | None = None,
    without: Sequence[str] = (),
    alpha: float = 0.05,
) -> CampaignEvaluation:
    """Judge a campaign of the mart: checks, effects, money and the four analyses.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str
        The campaign.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    metrics : sequence of str or Metric, optional
        Outcomes to judge, see `campaign_outcomes`; by default the objective, then the others that
        control can have too. The first is the one that the verdict is about.
    covariates : sequence of str, optional
        Tags that are numbers, as of the day before the campaign, for CUPED; by default assets and
        days with the bank, as far as the mart can answer them.
    segments : sequence of str
        Tags by whose values effects are shown too.
    confounders : sequence of str, optional
        Where arms were not drawn at random: tags that may have driven the choice. By default a
        score of common ones, as far as the mart can answer them.
    without : sequence of {"customers", "products", "channels"}
        Analyses to be left out.
    alpha : float
        1 − confidence of the intervals.

    Returns
    -------
    CampaignEvaluation
        `.verdict`, `.checks`, `.effects`, `.roi`, `.campaign`, `.customers`, `.products`,
        `.channels`; `.effects_table()` for publication, `.report(path, language=)`.

    Raises
    ------
    InvalidInput
        If the campaign is not in the mart or begins before its first customer, nobody was assigned
        by `as_of`, a customer is in two arms (`check_campaign` counts them), or a name is unknown.

    Notes
    -----
    Arms that were not drawn at random are compared by `analyze_observational` (doubly robust); the
    result says that it is weaker evidence. Where nobody was held out, all other customers stand in
    for control, and what they bought in the attribution window is compared.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = evaluate_campaign(mart, "K06", without=["customers", "products", "channels"])
    >>> found.blocked, found.effects_table().shape[0]
    (False, 10)
    """
    for part in without:
        check_choice("without", part, PARTS)
    which = outcomes.campaign(mart, campaign_id)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    _check_begun(mart, which)
    campaign = analyze_campaign(
        mart,
        campaign_id,
        as_of=day,
        metrics=metrics,
        covariates=_answered(mart, which, COVARIATES) if covariates is None else covariates,
        segments=segments,
        alpha=alpha,
    )
    left_out = _left_out(mart, campaign, without)
    effects: ExperimentResult | ObservationalResult | None = campaign.effects
    if not which.randomised and (CONTROL in which.arms or BOUGHT.source in mart.tables):
        effects = _observed(mart, campaign, metrics, confounders, alpha)
        left_out.pop("effects", None)
    first, last = which.starts_on, min(which.closes_on, day)
    sold = campaign_id if which.product_id is not None and campaign.effects is not None else None
    return CampaignEvaluation(
        which=which,
        as_of=day,
        checks=check_campaign(mart, campaign_id, as_of=day),
        effects=effects,
        campaign=campaign,
        customers=None
        if "customers" in left_out
        else analyze_customers(mart, campaign_id, as_of=day, alpha=alpha),
        products=None
        if "products" in left_out
        else analyze_products(
            mart, start=first, end=last, campaign_id=sold, as_of=day, alpha=alpha
        ),
        channels=None
        if "channels" in left_out
        else analyze_channels(
            mart, start=first, end=last, campaign_id=campaign_id, as_of=day, alpha=alpha
        ),
        left_out=left_out,
    )


def _check_begun(mart: Mart, which: Campaign) -> None:
    opened = mart["customers"].opened_on.min().to_pyarrow().as_py()
    if opened is None or which.features_as_of < opened:
        raise InvalidInput(
            f"campaign {which.campaign_id!r} must begin after the mart's first customer was opened "
            f"({opened}), got {which.starts_on}: nothing is known of anybody before it; load the "
            "missing customers, or correct the campaign's date"
        )


_NEEDED = {
    "customers": ("holdings",),
    "products": ("transactions", "products"),
    "channels": ("events",),
}


def _left_out(mart: Mart, campaign: CampaignAnalysis, without: Sequence[str]) -> dict[str, str]:
    """What cannot be told, or was not asked for."""
    found = {part: why for part, why in campaign.left_out.items() if part in ("effects", "roi")}
    for part, tables in _NEEDED.items():
        missing = [name for name in tables if name not in mart.tables]
        if part in without:
            found[part] = "left out"
        elif missing:
            found[part] = f"the mart has no table {' and no table '.join(missing)}"
    return found


def _answered(mart: Mart, which: Campaign, names: Sequence[str]) -> list[str]:
    known = {tag.name for tag in answered_tags(mart, which.features_as_of)}
    return [name for name in names if name in known]


def _observed(
    mart: Mart,
    campaign: CampaignAnalysis,
    metrics: Sequence[str | Metric] | None,
    confounders: Sequence[str] | None,
    alpha: float,
) -> ObservationalResult:
    which = campaign.campaign
    names = _answered(mart, which, CONFOUNDERS) if confounders is None else list(confounders)
    if CONTROL in which.arms:
        data = campaign_data(mart, which.campaign_id, tags=names, as_of=campaign.as_of)
        wanted = metrics or [which.objective]
        return analyze_observational(data, wanted, covariates=names, alpha=alpha)
    data = campaign_data(
        mart,
        which.campaign_id,
        [BOUGHT],
        before_days=_BEFORE_DAYS,
        tags=names,
        others=True,
        as_of=campaign.as_of,
    )
    return analyze_observational(
        data, [BOUGHT.name], covariates=[f"{BOUGHT.name}_before", *names], alpha=alpha
    )
