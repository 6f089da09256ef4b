"""What campaigns returned: one row an arm, and one sentence in money."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.evaluation.effects_rows import effects_rows
from marketing_ds.evaluation.inference.settings import Inference
from marketing_ds.evaluation.srm import SrmCheck

from .ratios import RatioSet
from .words import LANGUAGES, blocked_words, not_random_words, verdict_words

ALL_ARMS = "all arms"
"""The row that adds the arms up."""
_ROUGH, _ROUGH_CORRECTED = 0.25, 1.0
"""Skewness of an estimate beyond which its interval is called rough, as it is and corrected."""


@dataclass(frozen=True)
class Amount:
    """A difference per customer with its interval."""

    value: float
    lower: float
    upper: float
    variance: float
    freedom: float


@dataclass(frozen=True)
class Return:
    """One arm against control; amounts are differences per customer of the arm."""

    arm: str
    n_control: int
    n_arm: int
    mean_control: tuple[float, ...]
    """Margin, cost (and outcome) as they are."""
    mean_arm: tuple[float, ...]
    margin: Amount
    cost: Amount
    profit: Amount
    per_cny: RatioSet
    """Incremental margin per yuan of incremental cost."""
    break_even_probability: float
    p_value: float
    """Two-sided, of the profit."""
    variance_reduction_share: float
    """What the covariates explained of the profit's variance."""
    skewness: float
    """Of the estimated profit: 0 for a normal one."""
    corrected: bool
    """Whether the intervals of margin and profit and the return are corrected for skewness."""
    outcome: Amount | None
    cpio: RatioSet | None
    """Cost per incremental outcome, yuan."""

    @property
    def roi(self) -> RatioSet:
        """Return on investment: incremental margin / incremental cost − 1."""
        return self.per_cny.moved(-1.0)

    @property
    def rough(self) -> bool:
        """Whether so few customers decide the profit that its interval is no more than a guess."""
        return abs(self.skewness) > (_ROUGH_CORRECTED if self.corrected else _ROUGH)

    @property
    def total_profit(self) -> tuple[float, float, float]:
        """Profit of all the arm's customers with its interval, yuan."""
        p = self.profit
        return p.value * self.n_arm, p.lower * self.n_arm, p.upper * self.n_arm


@dataclass(frozen=True)
class Roi(Result):
    """Return on investment of a campaign; see `campaign_roi`.

    Attributes
    ----------
    settings : Inference
        Level, sides and peeking.
    srm : SrmCheck
        Whether the arms have the sizes of the design.
    returns : tuple of Return
        One an arm, then ``all arms`` where there are several.
    randomised : bool
        Whether arms were drawn at random; otherwise there is no verdict.
    """

    settings: Inference
    srm: SrmCheck
    returns: tuple[Return, ...]
    randomised: bool = True

    @property
    def blocked(self) -> bool:
        """Whether there can be no verdict (the numbers stay)."""
        return not self.srm.passed or not self.randomised

    @property
    def total(self) -> Return:
        """The whole campaign: all arms together."""
        return self.returns[-1]

    def __getitem__(self, arm: str) -> Return:
        for each in self.returns:
            if each.arm == arm:
                return each
        names = [each.arm for each in self.returns]
        raise InvalidInput(
            f"arm must be one of {', '.join(map(repr, names))}, got {arm!r}{did_you_mean(arm, names)}"
        )

    def __iter__(self) -> Iterator[Return]:
        return iter(self.returns)

    @property
    def verdict(self) -> str:
        """One sentence with its interval in money, in English; see `verdict_in`."""
        return self.verdict_in("en")

    def verdict_in(self, language: str, *, arm: str | None = None) -> str:
        """One sentence with its interval in money, or what to look at before there can be one.

        Parameters
        ----------
        language : {"en", "zh"}
            English or Chinese.
        arm : str, optional
            Of this arm; by default of the whole campaign.
        """
        check_choice("language", language, LANGUAGES)
        if not self.randomised:
            return not_random_words(language)
        if not self.srm.passed:
            return blocked_words(self.srm, language)
        return verdict_words(
            self.total if arm is None else self[arm], 1 - self.settings.alpha, language
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an arm.

        `margin_cny`, `cost_cny`, `profit_cny`: incremental, per customer of the arm; `total_…`: of
        all its customers; `return_per_cny`, `rel_roi` with the least interval that holds their
        set, whose shape is `roi_set`; `break_even_probability`; `p_value` of the profit; with an
        outcome `outcome_effect` and `cpio_cny` (cost per incremental outcome); each with its
        interval.
        """
        return pd.DataFrame([_row(each) for each in self.returns])

    def effects_table(
        self, campaign_id: str, *, segment: str = "all", outcome: str | None = None
    ) -> pd.DataFrame:
        """Margin, cost and profit per customer as rows of the mart's `effects`, to be published.

        Parameters
        ----------
        campaign_id : str
            The campaign.
        segment : str
            Among which customers: ``all``, or ``column=value``.
        outcome : str, optional
            Name under which the outcome is published beside them; by default it is not.
        """
        metrics = {f"{name}_cny": name for name in ("margin", "cost", "profit")}
        if outcome is not None:
            metrics[outcome] = "outcome"
        rows = [
            _effect(each, kind)
            | {
                "campaign_id": campaign_id,
                "metric": metric,
                "segment": segment,
                "blocked": self.blocked,
            }
            for each in self.returns
            if each.arm != ALL_ARMS
            for metric, kind in metrics.items()
        ]
        return effects_rows(pd.DataFrame(rows))

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame(), title=self.verdict)


def _row(each: Return) -> dict[str, object]:
    row: dict[str, object] = {
        "arm": each.arm,
        "n_control": each.n_control,
        "n_arm": each.n_arm,
    }
    for name in ("margin", "cost", "profit"):
        row |= _ends(f"{name}_cny", getattr(each, name), 1)
    for name in ("margin", "cost", "profit"):
        row |= _ends(f"total_{name}_cny", getattr(each, name), each.n_arm)
    for name, found in (("return_per_cny", each.per_cny), ("rel_roi", each.roi)):
        low, high = found.bounds
        row |= {name: found.value, f"{name}_ci_lower": low, f"{name}_ci_upper": high}
    row |= {
        "roi_set": each.per_cny.shape,
        "break_even_probability": each.break_even_probability,
        "p_value": each.p_value,
    }
    if each.outcome is not None and each.cpio is not None:
        low, high = each.cpio.bounds
        row |= _ends("outcome_effect", each.outcome, 1)
        row |= {"cpio_cny": each.cpio.value, "cpio_cny_ci_lower": low, "cpio_cny_ci_upper": high}
        row["cpio_set"] = each.cpio.shape
    return row | {
        "variance_reduction_share": each.variance_reduction_share,
        "skewness": each.skewness,
    }


def _ends(name: str, amount: Amount, times: int) -> dict[str, object]:
    return {
        name: amount.value * times,
        f"{name}_ci_lower": amount.lower * times,
        f"{name}_ci_upper": amount.upper * times,
    }


def _effect(each: Return, kind: str) -> dict[str, object]:
    amount: Amount = getattr(each, kind)
    means = [_mean(found, kind) for found in (each.mean_control, each.mean_arm)]
    unknown = dict.fromkeys(("rel_effect", "rel_effect_ci_lower", "rel_effect_ci_upper"), math.nan)
    return unknown | {
        "arm": each.arm,
        "method": "randomised",
        "n_control": each.n_control,
        "n_arm": each.n_arm,
        "mean_control": means[0],
        "mean_arm": means[1],
        "effect": amount.value,
        "effect_ci_lower": amount.lower,
        "effect_ci_upper": amount.upper,
        "standard_error": math.sqrt(amount.variance),
        "p_value": each.p_value if kind == "profit" else math.nan,
    }


def _mean(found: tuple[float, ...], kind: str) -> float:
    if kind == "profit":
        return found[0] - found[1]
    return found[("margin", "cost", "outcome").index(kind)]
