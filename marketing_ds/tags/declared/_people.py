"""Customer tags on who they are and how they may be contacted.

Facts are as the mart has them: the contract keeps no history of them.
"""

from __future__ import annotations

from functools import partial

from marketing_ds import schema

from .._tag import AS_OF, Fact, Formula, Tag
from . import _formulas as f
from ._words import CHANNELS_ZH

AGE_EDGES = (25, 35, 45, 55, 65)
"""Ages at which the bands of `age_band` begin."""
_AGE_BANDS = tuple(
    zip(
        ("under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 or more"),
        ("25岁以下", "25至34岁", "35至44岁", "45至54岁", "55至64岁", "65岁及以上"),
        strict=True,
    )
)

_tag = partial(Tag, subject="who they are", freshness="static", owner="customer management")
_consent_tag = partial(Tag, subject="consent", freshness="static", owner="compliance")

AGE = _tag(
    "age",
    "Age",
    "年龄",
    "int64",
    Formula(f.years, (AS_OF, Fact("birth_year"))),
    "Age reached in the year of as_of; null if the year of birth is unknown.",
    unit="years",
    sensitivity="sensitive",
)
TENURE = _tag(
    "tenure_days",
    "Days with the bank",
    "客户在行天数",
    "int64",
    Formula(f.days_since, (AS_OF, Fact("opened_on"))),
    "Days since the first account was opened; never null.",
    unit="days",
    freshness="daily",
)
AGE_BAND = _tag(
    "age_band",
    "Age band",
    "年龄段",
    "string",
    Formula(f.banded(AGE_EDGES, [label for label, _ in _AGE_BANDS]), (AGE,)),
    "The band that age lies in; null if the year of birth is unknown.",
    sensitivity="sensitive",
    words=_AGE_BANDS,
)

PROFILE_TAGS = (
    AGE,
    AGE_BAND,
    _tag(
        "gender",
        "Gender",
        "性别",
        "string",
        Fact("gender"),
        "F or M, as in the files; null if unknown.",
        sensitivity="sensitive",
        words=(("F", "女"), ("M", "男")),
    ),
    _tag(
        "region",
        "Region",
        "地区",
        "string",
        Fact("region"),
        "Region of residence; null if unknown.",
    ),
    _tag(
        "branch",
        "Home branch",
        "归属网点",
        "string",
        Fact("branch_id"),
        "Id of the home branch; null if there is none.",
    ),
    _tag(
        "occupation",
        "Occupation",
        "职业",
        "string",
        Fact("occupation"),
        "Occupation class; null if unknown.",
        sensitivity="sensitive",
    ),
    _tag(
        "risk_level",
        "Risk appetite",
        "风险承受等级",
        "int64",
        Fact("risk_level"),
        "Risk appetite found by the bank's questionnaire; null if not asked yet.",
        unit="1 (low) to 5",
        owner="wealth management",
    ),
    TENURE,
    _tag(
        "has_manager",
        "Has a relationship manager",
        "有客户经理",
        "boolean",
        Formula(f.known, (Fact("manager_id"),)),
        "A relationship manager is assigned; never null.",
    ),
)


_CHANNELS_EN = {"wechat": "WeChat", "sms": "SMS"}


def _consent(channel: str) -> Tag:
    name = _CHANNELS_EN.get(channel, channel)
    return _consent_tag(
        schema.consent_column(channel),
        f"May be contacted by {name}",
        f"可通过{CHANNELS_ZH[channel]}触达",
        "boolean",
        Fact(schema.consent_column(channel)),
        f"The customer agreed to be contacted through {name}; never null.",
    )


_CONSENTS = tuple(_consent(channel) for channel in schema.CONTACT_CHANNELS)
_OPEN_CHANNELS = _consent_tag(
    "consent_channels",
    "Channels open for contact",
    "可触达渠道数",
    "int64",
    Formula(f.count_true, _CONSENTS),
    "Number of channels that the customer agreed to; never null.",
    unit="channels",
)
_SUPPRESSED = _consent_tag(
    "suppressed",
    "On a do-not-contact list",
    "在免打扰名单",
    "boolean",
    Fact("suppressed"),
    "Never contact, whatever the consent; never null.",
)

CONSENT_TAGS = (
    *_CONSENTS,
    _OPEN_CHANNELS,
    _SUPPRESSED,
    _consent_tag(
        "reachable",
        "May be contacted at all",
        "可触达客户",
        "boolean",
        Formula(f.reachable, (_OPEN_CHANNELS, _SUPPRESSED)),
        "At least one channel is open and the customer is on no do-not-contact list; never null.",
    ),
)
