"""What each channel of a randomised campaign added, and whom it brought back: against control."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import midnight_after

from ..analysis_table import campaign_data
from ..engine import Estimate, arm_moments, estimate
from ..inference import Inference, adjust, compare
from ..measures import retained
from ..metrics import Mean
from ..srm import SrmCheck, check_sample_ratio
from .window import Window

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

WHOLE = "all"
"""The arm of a row that is of all arms of its channel."""
_OUTCOMES = ("converted", "amount_cny")


@dataclass(frozen=True)
class HoldoutAttribution(Result):
    """What the channels of a campaign added against its hold-out.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    srm : SrmCheck
        Whether the arms have the sizes of the design.
    complete : bool
        Whether the attribution window was over for everybody.
    alpha : float
        1 − confidence of the intervals.
    """

    campaign_id: str
    srm: SrmCheck
    complete: bool
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    evidence = "randomised"
    """Customers were held out at random: the differences are effects."""

    @property
    def blocked(self) -> bool:
        """Whether the arms' sizes do not fit the design: the numbers must not be believed yet."""
        return not self.srm.passed

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and channel (arm `all`), then one each of its arms if it has several.

        effect: mean per customer against control, with Welch's interval; incremental: that times
        the arm's customers, in customers (`converted`) or CNY (`amount_cny`); p_adjusted: Holm
        over the rows of channels, and over those of single arms.
        """
        return self._frame.copy()


@dataclass(frozen=True)
class ArmRetention(Result):
    """Who was active again n days after the assignment, each arm against control.

    Attributes
    ----------
    campaign_id : str
        The campaign.
    left_out : tuple of int
        Days that were not over for everybody.
    alpha : float
        1 − confidence of the intervals.
    """

    campaign_id: str
    left_out: tuple[int, ...]
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per day and arm: shares in control and the arm, effect, p-values (Holm)."""
        return self._frame.copy()


def holdout_attribution(
    mart: Mart, which: Campaign, window: Window, alpha: float
) -> HoldoutAttribution | None:
    """Incremental conversions and amounts by channel; None if the campaign has no such outcome."""
    data = campaign_data(mart, which.campaign_id, as_of=window.last)
    metrics = [name for name in _OUTCOMES if name in data.columns]
    if not metrics:
        return None
    last = data.assigned_at.max().to_pyarrow().as_py()
    over = last + dt.timedelta(days=which.attribution_days)
    estimates, srm = _estimates(data, metrics)
    channels = _channels(mart, which)
    rows = []
    for metric in metrics:
        found = estimates[metric]
        for channel, arms in channels.items():
            present = {arm: found[arm] for arm in arms if arm in found}
            if not present:
                continue
            single = present if len(present) > 1 else {}
            for arm, one in {WHOLE: _together(present), **single}.items():
                rows.append(_row(metric, channel, arm, found[CONTROL], one, alpha))
    frame = _adjusted(pd.DataFrame(rows))
    complete = over <= midnight_after(window.last)
    return HoldoutAttribution(which.campaign_id, srm, complete, alpha, frame)


def arm_retention(
    mart: Mart, which: Campaign, window: Window, days: Sequence[int], alpha: float
) -> ArmRetention | None:
    """Retention of the arms on the days that are over for everybody; None if no day is."""
    assigned = mart["assignments"]
    assigned = assigned.filter(assigned.campaign_id == which.campaign_id)
    last = window.known(assigned, "assigned_at").assigned_at.max().to_pyarrow().as_py()
    over = [d for d in days if (last + dt.timedelta(days=d + 1)).date() <= window.last]
    if not over:
        return None
    measures = [retained(day) for day in over]
    data = campaign_data(mart, which.campaign_id, measures, as_of=window.last)
    estimates, _ = _estimates(data, [measure.name for measure in measures])
    rows = [
        {"day": day, **_row(measure.name, None, arm, found[CONTROL], one, alpha)}
        for day, measure in zip(over, measures, strict=True)
        for found in (estimates[measure.name],)
        for arm, one in found.items()
        if arm != CONTROL
    ]
    frame = _adjusted(pd.DataFrame(rows)).drop(
        columns=["metric", "channel", "incremental", "incremental_ci_lower", "incremental_ci_upper"]
    )
    names = {"mean_control": "control_share", "mean_arm": "arm_share"}
    left_out = tuple(day for day in days if day not in over)
    return ArmRetention(which.campaign_id, left_out, alpha, frame.rename(columns=names))


def _estimates(
    table: ir.Table, metrics: Sequence[str]
) -> tuple[dict[str, dict[str, Estimate]], SrmCheck]:
    groups = [frozenset([name]) for name in metrics]
    moments = arm_moments(table, metrics, groups, "arm", "probability")
    if CONTROL not in moments:
        raise InvalidInput(
            f"the campaign must have customers in {CONTROL!r} by as_of, got none; use a later as_of"
        )
    chances = {arm: m.chances for arm, m in moments.items() if m.chances is not None}
    srm = check_sample_ratio({arm: m.n for arm, m in moments.items()}, chances=chances)
    return {name: estimate(Mean(name), [], metrics, moments) for name in metrics}, srm


def _channels(mart: Mart, which: Campaign) -> Mapping[str, list[str]]:
    """The arms of each channel, by the campaign's offers."""
    offers = mart["offers"].filter(mart["offers"].campaign_id == which.campaign_id)
    rows = offers.select("offer", "channel").order_by("channel", "offer").to_pyarrow().to_pylist()
    channels: dict[str, list[str]] = {}
    for row in rows:
        channels.setdefault(row["channel"], []).append(row["offer"])
    unknown = sorted({*which.arms} - {CONTROL} - {row["offer"] for row in rows})
    if unknown:
        raise InvalidInput(
            f"every arm of {which.campaign_id!r} must be an offer of it, to have a channel; got "
            f"{', '.join(map(repr, unknown))} without; add it to the table 'offers'"
        )
    return channels


def _together(arms: Mapping[str, Estimate]) -> Estimate:
    """The arms of a channel as one, in the proportion in which they were given."""
    n = sum(arm.n for arm in arms.values())
    weights = {name: arm.n / n for name, arm in arms.items()}
    value = sum(weights[name] * arm.value for name, arm in arms.items())
    variance = sum(weights[name] ** 2 * arm.variance for name, arm in arms.items())
    parts = [(weights[name] ** 2 * arm.variance) ** 2 / arm.freedom for name, arm in arms.items()]
    freedom = variance**2 / sum(parts) if variance else float(n - len(arms))
    return Estimate(n, value, variance, value, variance, freedom)


def _row(
    metric: str, channel: str | None, arm: str, control: Estimate, found: Estimate, alpha: float
) -> dict[str, object]:
    difference = compare(control, found, Inference(alpha=alpha))
    return {
        "metric": metric,
        "channel": channel,
        "arm": arm,
        "n_control": control.n,
        "n_arm": found.n,
        "mean_control": control.value,
        "mean_arm": found.value,
        "effect": difference.effect,
        "effect_ci_lower": difference.lower,
        "effect_ci_upper": difference.upper,
        "incremental": found.n * difference.effect,
        "incremental_ci_lower": found.n * difference.lower,
        "incremental_ci_upper": found.n * difference.upper,
        "p_value": difference.p_value,
    }


def _adjusted(frame: pd.DataFrame) -> pd.DataFrame:
    """Holm over the rows of whole channels, and over those of single arms."""
    adjusted = np.full(len(frame), math.nan)
    whole = (frame["arm"] == WHOLE).to_numpy()
    for kind in (whole, ~whole):
        adjusted[kind] = adjust(frame.loc[kind, "p_value"].to_numpy(float), "holm")
    return frame.assign(p_adjusted=adjusted)
