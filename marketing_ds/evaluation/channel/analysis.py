"""The channel analysis: everything about channels in a window, from few passes over the mart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL

from .activity import ChannelActivity, channel_activity
from .customers import customer_use
from .holdout import ArmRetention, HoldoutAttribution, arm_retention, holdout_attribution
from .multi_touch import TouchAttribution, touch_attribution
from .retention import PERIOD_DAYS, ChannelRetention, Cohort, channel_retention
from .touches import journeys
from .use import ChannelUse, channel_use
from .window import Window, window
from .worth import ChannelWorth, ProductsHeld, channel_worth, products_held

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


@dataclass(frozen=True)
class ChannelAnalysis(Result):
    """What happened in the channels, see `analyze_channels`; each part is a result of its own.

    Attributes
    ----------
    start, end, as_of : datetime.date
        The window, and the last day that was observed.
    campaign_id : str or None
        The campaign whose arms are compared.
    use : ChannelUse
        Customers, new and retained ones, launches, pages, time, days between uses.
    retention : ChannelRetention
        By day after the first use; ``.triangle()`` by cohort.
    activity : ChannelActivity
        DAU, WAU, MAU and stickiness by day; ``.summary()`` by channel.
    products : ProductsHeld or None
        Products per customer by channels used; None without holdings.
    worth : ChannelWorth or None
        Revenue and contribution; None without transactions and contacts.
    attribution : HoldoutAttribution, TouchAttribution or None
        Against the hold-out where there is one (``.evidence == "randomised"``), else multi-touch
        (``"descriptive"``); None without purchases.
    arm_retention : ArmRetention or None
        Retention by arm against control; None without a hold-out, or before any day is over.
    alpha : float
        1 − confidence of the intervals.
    """

    start: dt.date
    end: dt.date
    as_of: dt.date
    campaign_id: str | None
    alpha: float
    use: ChannelUse = field(repr=False)
    retention: ChannelRetention = field(repr=False)
    activity: ChannelActivity = field(repr=False)
    products: ProductsHeld | None = field(repr=False)
    worth: ChannelWorth | None = field(repr=False)
    attribution: HoldoutAttribution | TouchAttribution | None = field(repr=False)
    arm_retention: ArmRetention | None = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Use by channel; the other parts have frames of their own."""
        return self.use.to_frame()


def analyze_channels(
    mart: Mart,
    *,
    start: str | dt.date,
    end: str | dt.date,
    as_of: str | dt.date | None = None,
    campaign_id: str | None = None,
    days: Sequence[int] = (1, 7, 14, 30),
    cohort: Cohort = "week",
    lookback_days: int = 30,
    alpha: float = 0.05,
) -> ChannelAnalysis:
    """Use, retention, activity, worth and attribution of the channels within a window.

    Parameters
    ----------
    mart : Mart
        Where to look. It must have events; what needs other tables is left out without them.
    start, end : date
        The window, both days included; at most 366 days.
    as_of : date, optional
        Only what had happened and was recorded by the end of that day; by default all that the
        mart holds. Customers who are new in the window are followed to this day, 366 days after
        `end` at most.
    campaign_id : str, optional
        Compare the arms of this campaign with its control, where it was randomised: what each
        channel added, and who came back. Otherwise purchases of its product are what touches are
        credited with.
    days : sequence of int
        Days after the first use (and after the assignment) for retention.
    cohort : {"week", "month"}
        What the retention triangle's cohorts are of.
    lookback_days : int
        Days before a purchase in which a touch counts.
    alpha : float
        1 − confidence of all intervals.

    Returns
    -------
    ChannelAnalysis

    Raises
    ------
    InvalidInput
        If the window is empty, too long or not over by `as_of`; a day, alpha or the campaign
        breaks a rule; or an arm has no offer and so no channel.
    MartError
        If the mart has no events.

    Notes
    -----
    A use is any event of the channel; `all` is any channel. Events are scanned once and reduced to
    a row per customer and channel, with the days as bits; no customer leaves the engine.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.channel import analyze_channels
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = analyze_channels(mart, start="2026-05-01", end="2026-05-31", as_of="2026-06-30")
    >>> found.use.to_frame().set_index("channel").loc["app", ["customers", "new_customers"]].tolist()
    [2518, 213]
    >>> found.attribution.evidence
    'descriptive'
    """
    level = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("cohort", cohort, tuple(PERIOD_DAYS))
    after = _days(days)
    span = window(mart, start, end, as_of, lookback_days)
    which = None if campaign_id is None else _campaign(mart, campaign_id, span)
    with customer_use(mart, span) as customers:
        use = channel_use(customers, span, level)
        retention = channel_retention(customers, span, after, cohort, level)
        activity = channel_activity(customers, span, level)
        products = products_held(mart, customers, span, level)
    held_out = which is not None and which.randomised and CONTROL in which.arms
    return ChannelAnalysis(
        span.start,
        span.end,
        span.last,
        campaign_id,
        level,
        use,
        retention,
        activity,
        products,
        channel_worth(mart, span, level),
        holdout_attribution(mart, which, span, level)
        if which is not None and held_out
        else _touched(mart, which, span, level),
        arm_retention(mart, which, span, after, level) if which is not None and held_out else None,
    )


def _days(days: Sequence[int]) -> tuple[int, ...]:
    if isinstance(days, str) or not len(days):
        raise InvalidInput(f"days must be a list of at least one day, got {days!r}")
    return tuple(sorted({check_count("days", day, low=1) for day in days}))


def _campaign(mart: Mart, campaign_id: str, span: Window) -> Campaign:
    which = outcomes.campaign(mart, campaign_id)
    if which.starts_on > span.last:
        raise InvalidInput(
            f"the campaign must have begun by as_of ({span.last}), got {campaign_id!r}, which "
            f"starts on {which.starts_on}"
        )
    return which


def _touched(
    mart: Mart, which: Campaign | None, span: Window, alpha: float
) -> TouchAttribution | None:
    """Credits by touches; None where the mart has no transactions or nobody bought."""
    if "transactions" not in mart.tables:
        return None
    counted = journeys(mart, span, None if which is None else which.product_id)
    found = touch_attribution(counted, span.lookback, alpha)
    return found if found.buyers else None
