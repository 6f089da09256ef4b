"""Campaign tags: plan, reach, response and results, as known at the end of `as_of`.

One row a campaign of the mart, those that have not begun included: the mart does not say when a
campaign was planned, so a planned one is shown on every day before it. Facts of a campaign are as
the mart has them.
"""

from __future__ import annotations

from functools import partial

from .._tag import AS_OF, Aggregate, Fact, Formula, Tag, where
from . import _campaign_formulas as g
from . import _formulas as f

_tag = partial(Tag, entity="campaign")
_plan = partial(_tag, subject="plan and progress", freshness="static")
_reach = partial(_tag, subject="reach")
_result = partial(_tag, subject="response and results")

_STARTS, _ENDS = Fact("starts_on", "campaigns"), Fact("ends_on", "campaigns")
_OPEN_FOR = Fact("attribution_days", "campaigns")
_BUDGET = _plan(
    "budget_cny",
    "Budget",
    "预算",
    "float64",
    Fact("budget_cny", "campaigns"),
    "Budget of the campaign; null if it has none.",
    unit="CNY",
)
_TARGET = _plan(
    "target",
    "Target",
    "目标值",
    "float64",
    Fact("target", "campaigns"),
    "Goal in units of the objective; null if it has none.",
    unit="outcomes",
)

PLAN_TAGS = (
    _plan(
        "campaign_name",
        "Name",
        "活动名称",
        "string",
        Fact("name", "campaigns"),
        "Name shown in reports; never null.",
    ),
    _plan(
        "product",
        "Product it sells",
        "推广产品",
        "string",
        Fact("product_id", "campaigns"),
        "Id of the product that the campaign sells; null if it sells none.",
    ),
    _plan(
        "objective",
        "Objective",
        "活动目标",
        "string",
        Fact("objective", "campaigns"),
        "Outcome that the campaign is judged by; never null.",
    ),
    _plan(
        "randomised",
        "Drawn at random",
        "是否随机分组",
        "boolean",
        Fact("randomised", "campaigns"),
        "Whether arms were drawn at random; never null.",
    ),
    _plan(
        "phase",
        "Phase",
        "活动阶段",
        "string",
        Formula(g.phase, (AS_OF, _STARTS, _ENDS, _OPEN_FOR)),
        "planned before the first day of contact; running up to the last; attribution while "
        "outcomes still count; over. Never null.",
        freshness="daily",
        words=g.PHASES,
    ),
    _plan(
        "days_to_start",
        "Days to the start",
        "距开始天数",
        "int64",
        Formula(g.days_to, (AS_OF, _STARTS)),
        "Days until the first day of contact, 0 on it; null once it has passed.",
        unit="days",
        freshness="daily",
    ),
    _plan(
        "days_run",
        "Days run",
        "已进行天数",
        "int64",
        Formula(g.days_run, (AS_OF, _STARTS, _ENDS)),
        "Days of contact so far, as_of included; 0 before the start, duration_days after the end; "
        "never null.",
        unit="days",
        freshness="daily",
    ),
    _plan(
        "days_left",
        "Days left",
        "剩余天数",
        "int64",
        Formula(g.days_to, (AS_OF, _ENDS)),
        "Days until the last day of contact, 0 on it; null once it has passed.",
        unit="days",
        freshness="daily",
    ),
    _plan(
        "duration_days",
        "Days of contact",
        "活动天数",
        "int64",
        Formula(g.duration, (_STARTS, _ENDS)),
        "From the first day of contact to the last, both included; never null.",
        unit="days",
    ),
    _plan(
        "attribution_days",
        "Days that outcomes count",
        "归因期天数",
        "int64",
        _OPEN_FOR,
        "Outcomes count for this long; never null.",
        unit="days",
    ),
    _BUDGET,
    _TARGET,
    _plan(
        "offers",
        "Offers",
        "投放物数量",
        "int64",
        Aggregate("offers", "count"),
        "Offers that the campaign has besides its control; 0 if none is recorded.",
        unit="offers",
    ),
)


def _number(
    make: partial[Tag],
    name: str,
    title_en: str,
    title_zh: str,
    unit: str,
    rule: Aggregate,
    what: str,
) -> Tag:
    return make(name, title_en, title_zh, "int64", rule, f"{what} so far; 0 if none.", unit=unit)


def _money(
    make: partial[Tag],
    name: str,
    title_en: str,
    title_zh: str,
    rule: Aggregate | Formula,
    what: str,
) -> Tag:
    return make(name, title_en, title_zh, "float64", rule, what, unit="CNY")


def _ratio(
    make: partial[Tag],
    name: str,
    title_en: str,
    title_zh: str,
    part: Tag | Aggregate,
    whole: Tag | Aggregate,
    what: str,
    unit: str = "share",
) -> Tag:
    return make(
        name, title_en, title_zh, "float64", Formula(f.share, (part, whole)), what, unit=unit
    )


_ASSIGNED = _number(
    _reach, "assigned", "Customers assigned", "入选客户数", "customers",
    Aggregate("assignments", "customers"), "Customers given an arm, control included,",
)  # fmt: skip
_CONTROL = _number(
    _reach, "held_out", "Customers held out", "对照组客户数", "customers",
    Aggregate("assignments", "customers", where=where(held_out=True)), "Customers in the control arm",
)  # fmt: skip
_TREATED = Aggregate("assignments", "customers", where=where(held_out=False))
_CONTACTS = _number(
    _reach, "contacts", "Contacts", "触达次数", "contacts", Aggregate("contacts", "count"),
    "Messages delivered",
)  # fmt: skip
_CONTACTED = _number(
    _reach, "contacted", "Customers contacted", "触达客户数", "customers",
    Aggregate("contacts", "customers"), "Customers with a message delivered",
)  # fmt: skip
_CONTACT_COST = _money(
    _reach, "contact_cost_cny", "Cost of contacts", "触达成本",
    Aggregate("contacts", "sum", "cost_cny"), "What the contacts so far cost; 0 if none.",
)  # fmt: skip

REACH_TAGS = (
    _ASSIGNED,
    _CONTROL,
    _ratio(
        _reach, "control_share", "Share held out", "对照组占比", _CONTROL, _ASSIGNED,
        "held_out as a share of assigned; null if nobody is assigned.",
    ),
    _CONTACTS,
    _CONTACTED,
    _ratio(
        _reach, "contacted_share", "Share contacted", "触达率", _CONTACTED, _TREATED,
        "contacted as a share of those assigned and not held out; null if there are none.",
    ),
    _ratio(
        _reach, "contacts_per_customer", "Contacts a customer", "人均触达次数", _CONTACTS, _CONTACTED,
        "contacts for each of contacted; null if none.", unit="contacts",
    ),
    _reach(
        "days_since_contact", "Days since the last contact", "距上次触达天数", "int64",
        Aggregate("contacts", "recency"),
        "Days since the last message was delivered; null if none ever was.", unit="days",
    ),
    _CONTACT_COST,
)  # fmt: skip

_OPENED = _number(
    _result, "opened", "Contacts opened", "打开次数", "contacts",
    Aggregate("contacts", "count", where=where(opened=True)), "Messages opened",
)  # fmt: skip
_CLICKED = _number(
    _result, "clicked", "Contacts clicked", "点击次数", "contacts",
    Aggregate("contacts", "count", where=where(clicked=True)), "Messages clicked",
)  # fmt: skip
_GRANTED = _number(
    _result, "benefits_granted", "Benefits granted", "发放权益数", "benefits",
    Aggregate("benefit_grants", "count"), "Benefits granted",
)  # fmt: skip
_REDEEMED = _number(
    _result, "benefits_redeemed", "Benefits redeemed", "核销权益数", "benefits",
    Aggregate("benefit_grants", "count", where=where(redeemed=True)),
    "Benefits redeemed and not reversed",
)  # fmt: skip
_BENEFIT_COST = _money(
    _result, "benefit_cost_cny", "Cost of benefits", "权益成本",
    Aggregate("benefit_grants", "sum", "cost_cny", where(redeemed=True)),
    "Cost to the bank of the benefits redeemed so far and not reversed; 0 if none.",
)  # fmt: skip
_COST = _money(
    _result, "cost_cny", "Cost", "总成本", Formula(f.total, (_CONTACT_COST, _BENEFIT_COST)),
    "contact_cost_cny and benefit_cost_cny together; never null.",
)  # fmt: skip
_CONVERSIONS = _number(
    _result, "conversions", "Customers converted", "转化客户数", "customers",
    Aggregate("campaign_outcomes", "customers", where=where(met=True, held_out=False)),
    "Customers not held out who met the objective",
)  # fmt: skip
_REACHED = Aggregate("campaign_outcomes", "sum", "value", where(aimed_at=True, held_out=False))
_IN_CONTROL = Aggregate("campaign_outcomes", "customers", where=where(met=True, held_out=True))


def _events(name: str, title_en: str, title_zh: str, unit: str, rule: Aggregate, what: str) -> Tag:
    return _number(_result, name, title_en, title_zh, unit, rule, what)


RESULT_TAGS = (
    _OPENED,
    _CLICKED,
    _ratio(
        _result, "open_rate", "Share of contacts opened", "打开率", _OPENED, _CONTACTS,
        "opened as a share of contacts; null if there is none.",
    ),
    _ratio(
        _result, "click_rate", "Share of contacts clicked", "点击率", _CLICKED, _CONTACTS,
        "clicked as a share of contacts; null if there is none.",
    ),
    _events(
        "visitors", "Customers on its pages", "活动页面访问客户数", "customers",
        Aggregate("events", "customers"), "Customers with an event that belongs to the campaign",
    ),
    _events(
        "page_clicks", "Clicks on its pages", "活动页面点击次数", "clicks",
        Aggregate("events", "count", where=where(event="click")), "Clicks that belong to the campaign",
    ),
    _events(
        "page_shares", "Shares of its pages", "活动页面分享次数", "shares",
        Aggregate("events", "count", where=where(event="share")), "Shares that belong to the campaign",
    ),
    _GRANTED,
    _REDEEMED,
    _ratio(
        _result, "redemption_rate", "Share of benefits redeemed", "权益核销率", _REDEEMED, _GRANTED,
        "benefits_redeemed as a share of benefits_granted; null if none was granted.",
    ),
    _BENEFIT_COST,
    _COST,
    _ratio(
        _result, "budget_spent_share", "Share of the budget spent", "预算使用率", _COST, _BUDGET,
        "cost_cny as a share of budget_cny, above 1 if overspent; null without a budget.",
    ),
    _ratio(
        _result, "cost_per_contacted_cny", "Cost a customer contacted", "单客触达成本", _COST, _CONTACTED,
        "cost_cny for each of contacted; null if nobody was.", unit="CNY",
    ),
    _CONVERSIONS,
    _ratio(
        _result, "conversion_rate", "Share converted", "转化率", _CONVERSIONS, _TREATED,
        "conversions as a share of those assigned and not held out; null if there are none.",
    ),
    _ratio(
        _result, "control_conversion_rate", "Share converted of those held out", "对照组转化率",
        _IN_CONTROL, _CONTROL,
        "Customers held out who met the objective all the same, as a share of held_out; null if "
        "nobody is held out.",
    ),
    _ratio(
        _result, "target_reached_share", "Share of the target reached", "目标完成率", _REACHED, _TARGET,
        "The objective's outcomes of those not held out, as a share of target; null without one.",
    ),
    _ratio(
        _result, "cost_per_conversion_cny", "Cost a conversion", "单客转化成本", _COST, _CONVERSIONS,
        "cost_cny for each of conversions; null if there is none.", unit="CNY",
    ),
)  # fmt: skip

CAMPAIGN_TAGS = (*PLAN_TAGS, *REACH_TAGS, *RESULT_TAGS)
"""Every declared campaign tag, in the order in which tables and catalogue show them."""
