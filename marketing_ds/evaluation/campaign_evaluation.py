"""A campaign judged as a whole: what `evaluate_campaign` found, its verdict, table and report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result, frame_html
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import EFFECTS

from .campaign import CampaignAnalysis
from .channel import ChannelAnalysis
from .checks import Checks
from .customer import CustomerAnalysis
from .money import Roi
from .observed import ObservationalResult
from .product import ProductAnalysis
from .result import ExperimentResult
from .verdict import WORDS


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

        Of a drawn campaign with margin, cost and profit per customer, as far as they are known. Where
        a check failed that forbids a verdict, every row says so (`blocked`): feed-back and ledger
        leave it out.
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
