"""Customer tags on what the bank sent them and how they answered: contacts, campaigns, benefits.

A contact counts as opened, a benefit as redeemed, only if that had happened by `as_of`.
"""

from __future__ import annotations

from functools import partial

from marketing_ds import schema

from .._tag import AS_OF, Aggregate, Formula, Tag, where
from . import _families as fam
from . import _formulas as f
from ._words import channels

_SUBJECT = "contacts and campaigns"
_tag = partial(Tag, subject=_SUBJECT)
_count = partial(fam.count, source="contacts", unit="contacts", subject=_SUBJECT)
_ratio = partial(fam.ratio, subject=_SUBJECT)

CONTACTS = {
    days: _count("contacts", "Contacts", "触达次数", days=days) for days in (7, 30, 90, 365)
}
_OPENS = {
    days: _count("contact_opens", "Contacts opened", "触达打开次数", days=days, opened=True)
    for days in (90, 365)
}
_CLICKS = {
    days: _count("contact_clicks", "Contacts clicked", "触达点击次数", days=days, clicked=True)
    for days in (90, 365)
}
_OPENED_BY_CHANNEL = tuple(
    Aggregate("contacts", "count", where=where(opened=True, channel=channel), days=365)
    for channel in schema.CONTACT_CHANNELS
)
_CAMPAIGNS = fam.count(
    "campaigns", "Campaigns taken part in", "参与活动数", "assignments", 365, "campaigns",
    subject=_SUBJECT,
)  # fmt: skip
_CONVERSIONS = fam.count(
    "conversions", "Campaigns converted in", "活动转化数", "campaign_outcomes", 365, "campaigns",
    subject=_SUBJECT, met=True,
)  # fmt: skip


def _open_rate(days: int) -> Tag:
    return _ratio(
        f"contact_open_rate_{days}d",
        *fam.windowed("Share of contacts opened", "触达打开率", days),
        _OPENS[days],
        CONTACTS[days],
        f"Contacts of the last {days} days that were opened by as_of, as a share; null if none.",
    )


def _click_rate(days: int) -> Tag:
    return _ratio(
        f"contact_click_rate_{days}d",
        *fam.windowed("Share of contacts clicked", "触达点击率", days),
        _CLICKS[days],
        CONTACTS[days],
        f"Contacts of the last {days} days that were clicked by as_of, as a share; null if none.",
    )


CAMPAIGN_TAGS = (
    fam.since_last(
        "days_since_contact", "Days since the last contact", "距上次触达天数", "contacts",
        subject=_SUBJECT,
    ),
    *CONTACTS.values(),
    *_OPENS.values(),
    *_CLICKS.values(),
    _open_rate(90),
    _open_rate(365),
    _click_rate(90),
    _click_rate(365),
    _tag(
        "days_since_contact_open",
        "Days since a contact was last opened",
        "距上次打开触达天数",
        "int64",
        Formula(
            f.days_since_moment,
            (AS_OF, Aggregate("contacts", "max", "opened_at", where(opened=True))),
        ),
        "Days since a contact was last opened; null if none ever was.",
        unit="days",
    ),
    _count("contacts_unopened", "Contacts left unopened", "未打开触达次数", days=30, opened=False),
    _tag(
        "best_contact_channel_365d",
        *fam.windowed("Channel in which contacts are opened most", "触达打开最多渠道", 365),
        "string",
        Formula(f.largest(schema.CONTACT_CHANNELS), _OPENED_BY_CHANNEL),
        f"Of {', '.join(schema.CONTACT_CHANNELS)} (ties in this order), the channel with most "
        f"contacts opened; null if none was.",
        words=channels(schema.CONTACT_CHANNELS),
    ),
    _tag(
        "contact_cost_365d_cny",
        *fam.windowed("Cost of contacts", "触达成本", 365),
        "float64",
        Aggregate("contacts", "sum", "cost_cny", days=365),
        "What the contacts of the last 365 days cost the bank; 0 if none.",
        unit="CNY",
    ),
    fam.since_last(
        "days_since_campaign", "Days since last assigned to a campaign", "距上次入选活动天数",
        "assignments", subject=_SUBJECT,
    ),
    _CAMPAIGNS,
    fam.count(
        "held_out", "Campaigns held out of", "作为对照组的活动数", "assignments", 365, "campaigns",
        subject=_SUBJECT, held_out=True,
    ),
    _CONVERSIONS,
    _ratio(
        "conversion_rate_365d", *fam.windowed("Conversions a campaign", "活动转化率", 365),
        _CONVERSIONS, _CAMPAIGNS,
        "conversions_365d as a multiple of campaigns_365d (above 1 if a campaign of before "
        "converted only now); null if there was no campaign.",
        unit="ratio",
    ),
)  # fmt: skip

_benefit_tag = partial(Tag, subject="benefits")
_benefits = partial(
    fam.count, source="benefit_grants", days=365, unit="benefits", subject="benefits"
)
_GRANTED = _benefits("benefits_granted", "Benefits received", "获得权益数")
_REDEEMED = _benefits("benefits_redeemed", "Benefits redeemed", "核销权益数", redeemed=True)


def _money_of_benefits(name: str, title_en: str, title_zh: str, column: str, what: str) -> Tag:
    return _benefit_tag(
        f"{name}_365d_cny",
        *fam.windowed(title_en, title_zh, 365),
        "float64",
        Aggregate("benefit_grants", "sum", column, where(redeemed=True), 365),
        f"{what} of the benefits granted in the last 365 days and redeemed by as_of; 0 if none.",
        unit="CNY",
    )


BENEFIT_TAGS = (
    _GRANTED,
    _REDEEMED,
    fam.ratio(
        "benefit_redemption_rate_365d", *fam.windowed("Share of benefits redeemed", "权益核销率", 365),
        _REDEEMED, _GRANTED,
        "benefits_redeemed_365d as a share of benefits_granted_365d; null if none was granted.",
        subject="benefits",
    ),
    _benefits("benefits_reversed", "Redemptions reversed", "核销冲正数", reversed=True),
    _benefit_tag(
        "benefits_usable",
        "Benefits that may still be redeemed",
        "可用权益数",
        "int64",
        Aggregate("benefit_grants", "count", where=where(usable=True)),
        "Benefits granted, not redeemed, and still valid on as_of; 0 if none.",
        unit="benefits",
    ),
    fam.since_last(
        "days_since_benefit", "Days since the last benefit was granted", "距上次获得权益天数",
        "benefit_grants", subject="benefits",
    ),
    _benefit_tag(
        "days_since_redemption",
        "Days since a benefit was last redeemed",
        "距上次核销权益天数",
        "int64",
        Formula(
            f.days_since_moment,
            (AS_OF, Aggregate("benefit_grants", "max", "redeemed_at", where(redeemed=True))),
        ),
        "Days since a benefit was last redeemed and not reversed; null if none ever was.",
        unit="days",
    ),
    _money_of_benefits("benefits_saved", "Saved by benefits", "权益节省金额", "face_value_cny", "Face value"),
    _money_of_benefits("benefits_cost", "Cost of benefits", "权益成本", "cost_cny", "Cost to the bank"),
)  # fmt: skip
