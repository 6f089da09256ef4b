"""The label of a campaign: one of its outcomes, for the customers who were assigned in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.outcomes import Campaign, campaign, campaign_outcomes, last_campaign
from marketing_ds.schema.known import end_of

from ._window import Window, open_customers

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_KEYS = ("customer_id", "arm", "probability", "assigned_at")


@dataclass(frozen=True)
class OfCampaign:
    """Whether an outcome of a campaign, by `marketing_ds.campaign_outcomes`, is above 0."""

    outcome: str
    campaign_id: str | None = None
    """None: the last randomised campaign whose outcomes are complete."""

    @property
    def lineage(self) -> tuple[str, ...]:
        """Columns of the mart that it reads; of outcomes made on the spot, the moments."""
        return (
            "assignments.assigned_at", "assignments.campaign_id", "assignments.customer_id",
            "benefit_grants.redeemed_at", "benefit_grants.reversed_at",
            "campaign_outcomes.outcome", "campaign_outcomes.value",
            "campaigns.attribution_days", "campaigns.ends_on", "campaigns.product_id",
            "campaigns.starts_on", "contacts.clicked_at",
            "transactions.kind", "transactions.occurred_at", "transactions.product_id",
        )  # fmt: skip

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that must be there; others are read where they are."""
        return ("campaigns", "assignments")

    def own_window(self, mart: Mart, known: dt.date) -> tuple[dt.date, int]:
        """From the day before the campaign to the end of its attribution."""
        which = self._campaign(mart, known)
        over = which.ends_on + dt.timedelta(days=which.attribution_days)
        return which.features_as_of, (over - which.features_as_of).days

    def rows(self, mart: Mart, window: Window) -> ir.Table:
        """`customer_id`, `label` of those assigned after the cut-off, attribution over in time."""
        which = self._campaign(mart, window.known)
        rows = campaign_outcomes(mart, which.campaign_id, as_of=window.known)
        names = [name for name in rows.columns if name not in _KEYS]
        if self.outcome not in names:
            raise InvalidInput(
                f"outcome must be one of {which.campaign_id}'s ({', '.join(names)}), got "
                f"{self.outcome!r}{did_you_mean(self.outcome, names)}"
            )
        over = rows.assigned_at + ibis.interval(days=which.attribution_days)
        rows = rows.filter(rows.assigned_at >= end_of(window.cutoff), over <= end_of(window.end))
        rows = rows.semi_join(open_customers(mart, window.cutoff), "customer_id")
        return rows.select("customer_id", label=rows[self.outcome] > 0)

    def _campaign(self, mart: Mart, known: dt.date) -> Campaign:
        return campaign(mart, self.campaign_id or last_campaign(mart, known))


def outcome_names(mart: Mart, known: dt.date) -> tuple[str, list[str]]:
    """The last complete campaign by `known`, and what its outcomes are called."""
    last = last_campaign(mart, known)
    columns = campaign_outcomes(mart, last, as_of=known).columns
    return last, [name for name in columns if name not in _KEYS]
