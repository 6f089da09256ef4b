"""A campaign judged as a whole: checks, effects, money and the four analyses in one call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.display import Result, frame_html
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL, EFFECTS
from marketing_ds.tags import answered_tags

from .analysis_table import campaign_data
from .campaign import CampaignAnalysis, analyze_campaign
from .channel import ChannelAnalysis, analyze_channels
from .checks import Checks, check_campaign
from .customer import CustomerAnalysis, analyze_customers
from .measures import total
from .metrics import Metric
from .money import Roi
from .observed import ObservationalResult, analyze_observational
from .product import MOST_PRODUCTS, ProductAnalysis, analyze_products
from .result import ExperimentResult
from .verdict import WORDS

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


@dataclass(frozen=True)
class CampaignEvaluation(Result):
    """What a campaign changed, and all that belongs to it; see `evaluate_campaign`.

    Attributes
    ----------
    which : Campaign
        The campaign.
    as_of : date
        Nothing after this day was used.
    checks : Checks
        Whether it may be judged.
    effects : ExperimentResult, ObservationalResult or None
        What the arms changed; the second where they were not drawn at random, None where there is
        no control or no other arm.
    campaign, customers, products, channels
        The four analyses; None where left out.
    left_out : mapping
        Part → why it is None.
    """

    which: Campaign
    as_of: dt.date
    checks: Checks
    effects: ExperimentResult | ObservationalResult | None
    campaign: CampaignAnalysis
    customers: CustomerAnalysis | None
    products: ProductAnalysis | None
    channels: ChannelAnalysis | None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict (the numbers stay)."""
        return self.checks.blocked

    @property
    def roi(self) -> Roi | None:
        """Return on investment; None where it is not known."""
        return self.campaign.roi

    @property
    def verdict(self) -> str:
        """One sentence with its interval, in money where that is known."""
        return self.verdict_in("en")

    def verdict_in(self, language: str) -> str:
        """The verdict in a language: ``en`` or ``zh``.

        Raises
        ------
        InvalidInput
            If the language is another.
        """
        check_choice("language", language, ("en", "zh"))
        if isinstance(self.effects, ObservationalResult):
            return self.effects.verdict_in(language)
        if self.blocked:
            return self._obstacle(language)
        if self.roi is not None:
            return self.roi.verdict_in(language)
        if self.effects is not None:
            return self.effects.verdict_in(language)
        return self.left_out["effects"]

    def _obstacle(self, language: str) -> str:
        first = next(check for check in self.checks.failed if check.blocks)
        return WORDS[language]["blocked"].format(finding=first.finding_in(language))

    def to_frame(self) -> pd.DataFrame:
        """The effects: one row per segment, metric and arm; empty where there are none."""
        return pd.DataFrame() if self.effects is None else self.effects.to_frame()

    def effects_table(self) -> pd.DataFrame:
        """The effects table of the mart's contract, ready to be published.

        Of a drawn campaign with margin, cost and profit per customer, as far as they are known. Where a check failed that forbids a verdict, every row says so (`blocked`): feed-back and
        ledger leave it out.
        """
        if self.effects is None:
            return pd.DataFrame(columns=list(EFFECTS.column_names))
        table = self.effects.effects_table(self.which.campaign_id)
        if not isinstance(self.effects, ExperimentResult):
            return table
        if self.roi is not None:
            money = self.roi.effects_table(self.which.campaign_id)
            money = money[~money["metric"].isin(table["metric"])]
            table = pd.concat([table, money], ignore_index=True)
        return table.assign(blocked=table["blocked"] | self.blocked)

    def report(
        self, path: str | Path, *, language: str = "en", extras: Sequence[Result] = ()
    ) -> Path:
        """Write everything as one page of HTML that needs nothing from outside.

        Parameters
        ----------
        path : str or Path
            ``….html``; one that is there is replaced.
        language : {"en", "zh"}
        extras : sequence of Result
            What shall stand on the page too: results of `campaign_ledger`, `campaign_interactions`,
            `interaction_matrix`, `universal_effect`, `analyze_observational`,
            `difference_in_differences`, `synthetic_control`.

        Raises
        ------
        InvalidInput
            If the path does not end in .html or its folder is not there, the language is unknown,
            or an extra is no such result.
        """
        from .report.page import write_report

        check_choice("language", language, ("en", "zh"))
        return write_report(self, path, language=language, extras=extras)

    def _repr_html_(self) -> str:
        failed = Checks(self.checks.failed)
        html = frame_html(self.campaign.to_frame(), title=self.verdict)
        html += frame_html(failed.to_frame(), title="Failed checks") if failed.made else ""
        return html


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
        If the campaign is not in the mart, nobody was assigned by `as_of`, or a name is unknown.

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
    if "products" not in found:
        products = mart["products"].count().to_pyarrow().as_py()
        if products > MOST_PRODUCTS:
            found["products"] = (
                f"the mart has {products:,} products, at most {MOST_PRODUCTS:,} are told"
            )
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
