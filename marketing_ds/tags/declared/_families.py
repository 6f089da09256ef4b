"""Tags that come in families: the same count, amount or recency for several windows or kinds."""

from __future__ import annotations

from marketing_ds import schema

from .._tag import Aggregate, Formula, Tag, where
from . import _formulas as f
from ._words import channels


def windowed(title_en: str, title_zh: str, days: int) -> tuple[str, str]:
    """The titles of a tag that looks back `days` days."""
    return f"{title_en}, last {days} days", f"近{days}天{title_zh}"


def count(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    days: int,
    unit: str,
    *,
    subject: str,
    owner: str = "marketing",
    **conditions: object,
) -> Tag:
    """A number of rows in the last `days` days."""
    return Tag(
        f"{name}_{days}d",
        *windowed(title_en, title_zh, days),
        "int64",
        Aggregate(source, "count", where=where(**conditions), days=days),
        f"{title_en} in the last {days} days; 0 if none.",
        unit=unit,
        subject=subject,
        owner=owner,
    )


def amount(
    name: str,
    title_en: str,
    title_zh: str,
    days: int,
    *,
    subject: str,
    owner: str = "retail banking",
    **conditions: object,
) -> Tag:
    """An amount of transactions in the last `days` days."""
    return Tag(
        f"{name}_{days}d_cny",
        *windowed(title_en, title_zh, days),
        "float64",
        Aggregate("transactions", "sum", "amount_cny", where(**conditions), days),
        f"{title_en} in the last {days} days; 0 if none.",
        unit="CNY",
        subject=subject,
        owner=owner,
    )


def active_days(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    days: int,
    *,
    subject: str,
    owner: str = "marketing",
) -> Tag:
    """Days with a row in the last `days` days."""
    return Tag(
        f"{name}_{days}d",
        *windowed(title_en, title_zh, days),
        "int64",
        Aggregate(source, "days", days=days),
        f"{title_en} in the last {days} days: distinct days with a row in {source}; 0 if none.",
        unit="days",
        subject=subject,
        owner=owner,
    )


def since_last(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    *,
    subject: str,
    owner: str = "marketing",
    **conditions: object,
) -> Tag:
    """Days since the last row."""
    return _since(name, title_en, title_zh, Aggregate(source, "recency", where=where(**conditions)), subject, owner)  # fmt: skip


def since_first(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    *,
    subject: str,
    owner: str = "marketing",
    **conditions: object,
) -> Tag:
    """Days since the first row."""
    return _since(name, title_en, title_zh, Aggregate(source, "since_first", where=where(**conditions)), subject, owner)  # fmt: skip


def _since(
    name: str, title_en: str, title_zh: str, rule: Aggregate, subject: str, owner: str
) -> Tag:
    return Tag(
        name,
        title_en,
        title_zh,
        "int64",
        rule,
        f"{title_en}; null if there never was one.",
        unit="days",
        subject=subject,
        owner=owner,
    )


def ratio(
    name: str,
    title_en: str,
    title_zh: str,
    part: Tag | Aggregate,
    whole: Tag | Aggregate,
    description: str,
    *,
    subject: str,
    owner: str = "marketing",
    unit: str = "share",
) -> Tag:
    """One number as a share of another, or for each of another; null where that is 0."""
    return Tag(
        name,
        title_en,
        title_zh,
        "float64",
        Formula(f.share, (part, whole)),
        description,
        unit=unit,
        subject=subject,
        owner=owner,
    )


def channel_counts(source: str, days: int) -> dict[str, Aggregate]:
    """Rows by channel in the last `days` days."""
    return {
        channel: Aggregate(source, "count", where=where(channel=channel), days=days)
        for channel in schema.BEHAVIOUR_CHANNELS
    }


def top_channel(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    days: int,
    *,
    subject: str,
    owner: str = "marketing",
) -> Tag:
    """The channel with most rows in the last `days` days."""
    names = schema.BEHAVIOUR_CHANNELS
    return Tag(
        f"{name}_{days}d",
        *windowed(title_en, title_zh, days),
        "string",
        Formula(f.largest(names), tuple(channel_counts(source, days).values())),
        f"{title_en} in the last {days} days, of {', '.join(names)} (ties in this order); null if "
        f"none.",
        subject=subject,
        owner=owner,
        words=channels(names),
    )


def channels_used(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    days: int,
    *,
    subject: str,
    owner: str = "marketing",
) -> Tag:
    """How many channels have rows in the last `days` days."""
    return Tag(
        f"{name}_{days}d",
        *windowed(title_en, title_zh, days),
        "int64",
        Formula(f.count_positive, tuple(channel_counts(source, days).values())),
        f"{title_en} in the last {days} days; 0 if none.",
        unit="channels",
        subject=subject,
        owner=owner,
    )


def usual_hour(
    name: str,
    title_en: str,
    title_zh: str,
    source: str,
    days: int,
    rows: Aggregate | Tag,
    *,
    subject: str,
    owner: str = "marketing",
    **conditions: object,
) -> Tag:
    """The circular mean of the hour of rows in the last `days` days."""
    cos, sin = (
        Aggregate(source, "sum", column, where(**conditions), days)
        for column in ("hour_cos", "hour_sin")
    )
    return Tag(
        f"{name}_{days}d",
        *windowed(title_en, title_zh, days),
        "float64",
        Formula(f.mean_hour, (cos, sin, rows)),
        f"{title_en} in the last {days} days: the mean on the clock's circle, so that 23:00 and 1:00 "
        f"give midnight; null if none, or if they are spread evenly around the clock.",
        unit="hour of the day",
        subject=subject,
        owner=owner,
    )
