"""Customer tags on how they visit the bank: app, web, WeChat, branch and call centre."""

from __future__ import annotations

from functools import partial

from .._tag import Aggregate, Formula, Tag, where
from . import _families as fam
from . import _formulas as f
from ._balances import HELD
from ._people import TENURE
from ._words import CATEGORIES_ZH, categories

_SUBJECT, _OWNER = "visits", "digital banking"
_tag = partial(Tag, subject=_SUBJECT, owner=_OWNER)
_count = partial(fam.count, source="events", subject=_SUBJECT, owner=_OWNER)
_ratio = partial(fam.ratio, subject=_SUBJECT, owner=_OWNER)
_PERIODS = (30, 60, 90)

EVENTS = {
    days: _count("events", "Events", "行为次数", days=days, unit="events")
    for days in (7, 30, 90, 180, 365)
}
ACTIVE_DAYS = {
    days: fam.active_days(
        "active_days", "Active days", "活跃天数", "events", days, subject=_SUBJECT, owner=_OWNER
    )
    for days in (7, 30, 90, 180, 365)
}
APPLICATIONS = {
    days: _count("applications", "Applications", "申请次数", days=days, unit="applications", event="apply")
    for days in (30, 90)
}  # fmt: skip
_PAGES = {
    page: Tag(
        f"{page}_pages_90d",
        *fam.windowed(f"Events on {page} pages", f"{CATEGORIES_ZH[page]}页面行为次数", 90),
        "int64",
        Aggregate("events", "count", where=where(page=page), days=90),
        f"Events on pages about {page} in the last 90 days; 0 if none.",
        unit="events",
        subject=_SUBJECT,
        owner=_OWNER,
    )
    for page in HELD
}
_TIME_SPENT = _tag(
    "time_spent_30d",
    *fam.windowed("Time spent", "使用时长", 30),
    "float64",
    Aggregate("events", "sum", "duration_s", days=30),
    "Time spent in events of the last 30 days; 0 if none.",
    unit="seconds",
)


def _since(name: str, title_en: str, title_zh: str, **conditions: object) -> Tag:
    return fam.since_last(
        name, title_en, title_zh, "events", subject=_SUBJECT, owner=_OWNER, **conditions
    )


def _share_of_events(
    name: str, title_en: str, title_zh: str, what: str, **conditions: object
) -> Tag:
    part = Aggregate("events", "count", where=where(**conditions), days=90)
    return _ratio(
        f"{name}_90d", *fam.windowed(title_en, title_zh, 90), part, EVENTS[90],
        f"Events {what} as a share of all events in the last 90 days; null if none.",
    )  # fmt: skip


VISIT_TAGS = (
    _since("days_since_event", "Days since the last event", "距上次访问天数"),
    fam.since_first(
        "days_since_first_event", "Days since the first event", "距首次访问天数", "events",
        subject=_SUBJECT, owner=_OWNER,
    ),
    _since(
        "days_since_app_launch", "Days since the app was last opened", "距上次打开手机银行天数",
        channel="app", event="launch",
    ),
    *EVENTS.values(),
    *ACTIVE_DAYS.values(),
    _tag(
        "active_day_share_90d",
        *fam.windowed("Share of days active", "活跃天数占比", 90),
        "float64",
        Formula(f.share_of_days(90), (ACTIVE_DAYS[90], TENURE)),
        "active_days_90d as a share of the last 90 days, or of the days with the bank if "
        "fewer; 0 if none.",
        unit="share",
    ),
    _tag(
        "active_periods_90d",
        "Months active, of the last three",
        "近3个月活跃月数",
        "int64",
        Formula(
            f.periods_with_rows,
            tuple(Aggregate("events", "count", days=days) for days in _PERIODS),
        ),
        "In how many of the last three periods of 30 days there was an event, 0 to 3: how "
        "regularly the customer comes; never null.",
        unit="months",
    ),
    _tag(
        "visit_trend_30d",
        "Active days against the two months before",
        "近30天活跃度趋势",
        "float64",
        Formula(f.trend, (ACTIVE_DAYS[30], ACTIVE_DAYS[90])),
        "active_days_30d as a multiple of the monthly mean of the 60 days before; null if there "
        "was none.",
        unit="ratio",
    ),
    _ratio(
        "events_per_active_day_90d", *fam.windowed("Events a day active", "活跃日均行为次数", 90),
        EVENTS[90], ACTIVE_DAYS[90],
        "events_90d for each of active_days_90d; null if none.", unit="events a day",
    ),
    _count("app_launches", "App launches", "手机银行启动次数", days=30, unit="launches", channel="app", event="launch"),
    _count("searches", "Searches", "搜索次数", days=30, unit="searches", event="search"),
    _count("clicks", "Clicks", "点击次数", days=90, unit="clicks", event="click"),
    _count("shares", "Shares", "分享次数", days=90, unit="shares", event="share"),
    *APPLICATIONS.values(),
    _count("branch_visits", "Visits to branches", "到访网点次数", days=365, unit="visits", event="visit"),
    _count("calls", "Calls to the call centre", "致电客服次数", days=90, unit="calls", event="call"),
    *_PAGES.values(),
    _tag(
        "favourite_page_90d",
        "Product page seen most, last 90 days",
        "近90天最常浏览产品页",
        "string",
        Formula(f.largest(HELD), tuple(_PAGES.values())),
        f"Of the pages {', '.join(HELD)} (ties in this order), the one with most events in the "
        f"last 90 days; null if none.",
        words=categories(HELD),
    ),
    _TIME_SPENT,
    _ratio(
        "time_per_active_day_30d", *fam.windowed("Time spent a day active", "活跃日均使用时长", 30),
        _TIME_SPENT, ACTIVE_DAYS[30],
        "time_spent_30d for each of active_days_30d; null if none.", unit="seconds a day",
    ),
    fam.top_channel(
        "top_event_channel", "Channel visited most", "最常访问渠道", "events", 90,
        subject=_SUBJECT, owner=_OWNER,
    ),
    fam.channels_used(
        "event_channels", "Channels visited", "访问渠道数", "events", 90, subject=_SUBJECT,
        owner=_OWNER,
    ),
    _share_of_events("app_share", "Share of events in the app", "手机银行行为占比", "in the app", channel="app"),
    _share_of_events("weekend_share", "Share of events on weekends", "周末行为占比", "on Saturdays and Sundays", weekend=True),
    _share_of_events("night_share", "Share of events at night", "夜间行为占比", "from 22:00 to 6:00", night=True),
    fam.usual_hour(
        "usual_hour", "Usual hour of visits", "惯常访问时点", "events", 90, EVENTS[90],
        subject=_SUBJECT, owner=_OWNER,
    ),
)  # fmt: skip
