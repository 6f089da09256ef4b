"""What the simulated bank sells and the campaigns it ran.

Each campaign sells a product of its own, which nobody buys otherwise: a purchase of that product
therefore comes from the truth's probability and from nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from marketing_ds.schema import BEHAVIOUR_CHANNELS, CATEGORIES

from .dates import Calendar

CATEGORY_CODE = {name: code for code, name in enumerate(CATEGORIES)}
CHANNEL_CODE = {name: code for code, name in enumerate(BEHAVIOUR_CHANNELS)}


@dataclass(frozen=True)
class Product:
    """A product; `term_days` is 0 where money may leave any day."""

    product_id: str
    name: str
    category: str
    risk_level: int
    margin_rate: float
    term_days: int = 0


@dataclass(frozen=True)
class Benefit:
    """A coupon, red packet or prize."""

    benefit_id: str
    title: str
    kind: str
    face_value_cny: float
    valid_days: int = 30


@dataclass(frozen=True)
class Arm:
    """An offer: channel, cost and how strongly it moves a persuadable customer."""

    offer: str
    title: str
    channel: str
    probability: float
    contact_cost_cny: float
    message_lift: float
    benefit: Benefit | None = None

    @property
    def lift(self) -> float:
        """Extra probability of a persuadable customer; the face value has decreasing returns."""
        face = self.benefit.face_value_cny if self.benefit else 0.0
        return self.message_lift + 0.13 * (1.0 - math.exp(-face / 40.0))


@dataclass(frozen=True)
class Campaign:
    """A past campaign; `share` is the part of the eligible that took part."""

    campaign_id: str
    name: str
    product: Product
    month_share: float
    start_day: int
    attribution_days: int
    share: float
    value_cny: float
    arms: tuple[Arm, ...]
    randomised: bool = True

    @property
    def control_probability(self) -> float:
        """P(control)."""
        return round(1.0 - sum(arm.probability for arm in self.arms), 6)

    def month(self, calendar: Calendar) -> int:
        """Index of the month it ran in: never the first or the last."""
        return min(max(round(self.month_share * calendar.months) - 1, 1), calendar.months - 2)

    def starts_on(self, calendar: Calendar) -> int:
        """First day of contact; the attribution window stays within the month's first 30 days."""
        return calendar.starts[self.month(calendar)] + self.start_day - 1


# Lines are the slots of a customer's balance sheet; a customer holds one variant of each.
LINES: tuple[tuple[Product, ...], ...] = (
    (Product("DEP-CURRENT", "Current account", "deposit", 1, 0.012),),
    (
        Product("DEP-TERM-3M", "Term deposit, 3 months", "deposit", 1, 0.008, 91),
        Product("DEP-TERM-12M", "Term deposit, 12 months", "deposit", 1, 0.006, 365),
    ),
    (
        Product("WM-CALM-90", "Calm wealth, 90 days", "wealth", 2, 0.009, 90),
        Product("WM-BALANCED-180", "Balanced wealth, 180 days", "wealth", 3, 0.011, 180),
        Product("WM-GROWTH-365", "Growth wealth, 365 days", "wealth", 4, 0.014, 365),
    ),
    (
        Product("FUND-MONEY", "Money market fund", "fund", 1, 0.004),
        Product("FUND-BOND", "Bond fund", "fund", 2, 0.007),
        Product("FUND-EQUITY", "Equity fund", "fund", 4, 0.013),
        Product("FUND-TECH", "Technology fund", "fund", 5, 0.015),
    ),
    (
        Product("INS-LIFE", "Life insurance", "insurance", 2, 0.03),
        Product("INS-HEALTH", "Health insurance", "insurance", 1, 0.04),
    ),
    (
        Product("LOAN-HOME", "Mortgage", "loan", 1, 0.015),
        Product("LOAN-CASH", "Consumer loan", "loan", 1, 0.045),
    ),
    (
        Product("CARD-STANDARD", "Credit card", "card", 1, 0.05),
        Product("CARD-GOLD", "Gold credit card", "card", 1, 0.045),
    ),
)
CURRENT, TERM, WEALTH, FUND, INSURANCE, LOAN, CARD = range(len(LINES))

_COUPON_20 = Benefit("B-COUPON-20", "Fee coupon of 20 CNY", "coupon", 20.0)
_COUPON_50 = Benefit("B-COUPON-50", "Fee coupon of 50 CNY", "coupon", 50.0)
_PACKET_30 = Benefit("B-PACKET-30", "Red packet of 30 CNY", "red_packet", 30.0)
_PRIZE_100 = Benefit("B-PRIZE-100", "Prize worth 100 CNY", "prize", 100.0)
_COUPON_68 = Benefit("B-COUPON-68", "Fee coupon of 68 CNY", "coupon", 68.0)

CAMPAIGNS: tuple[Campaign, ...] = (
    Campaign(
        "K01",
        "Star wealth by text message",
        Product("WM-STAR", "Star wealth, 180 days", "wealth", 3, 0.012, 180),
        3 / 12, 4, 24, 0.45, 140.0,
        (Arm("sms_star", "Text about Star wealth", "sms", 0.5, 0.05, 0.12),),
    ),
    Campaign(
        "K02",
        "Star fund with fee coupons",
        Product("FUND-STAR", "Star bond fund", "fund", 2, 0.008),
        5 / 12, 3, 25, 0.6, 120.0,
        (
            Arm("coupon_20", "App message with a coupon of 20", "app", 1 / 3, 0.02, 0.05, _COUPON_20),
            Arm("coupon_50", "App message with a coupon of 50", "app", 1 / 3, 0.02, 0.05, _COUPON_50),
        ),
    ),
    Campaign(
        "K03",
        "Family insurance by relationship managers",
        Product("INS-FAMILY", "Family insurance", "insurance", 2, 0.04),
        7 / 12, 5, 23, 1.0, 400.0,
        (Arm("manager_call", "Call by the relationship manager", "phone", 0.5, 12.0, 0.16),),
        randomised=False,
    ),
    Campaign(
        "K04",
        "Spring deposit on WeChat",
        Product("DEP-SPRING", "Spring term deposit, 3 months", "deposit", 1, 0.008, 91),
        8 / 12, 3, 24, 0.6, 100.0,
        (
            Arm("wechat_note", "WeChat message", "wechat", 0.5, 0.01, 0.10),
            Arm("red_packet_30", "WeChat red packet of 30", "wechat", 0.3, 0.01, 0.06, _PACKET_30),
        ),
    ),
    Campaign(
        "K05",
        "Travel card: four ways to ask",
        Product("CARD-TRAVEL", "Travel credit card", "card", 1, 0.05),
        9 / 12, 4, 24, 0.6, 160.0,
        (
            Arm("app_note", "App message", "app", 0.25, 0.02, 0.11),
            Arm("sms_note", "Text message", "sms", 0.25, 0.05, 0.10),
            Arm("prize_100", "App message with a prize of 100", "app", 0.25, 0.02, 0.06, _PRIZE_100),
        ),
    ),
    Campaign(
        "K06",
        "Prime wealth: text or coupon",
        Product("WM-PRIME", "Prime wealth, 365 days", "wealth", 3, 0.013, 365),
        10 / 12, 3, 25, 0.95, 150.0,
        (
            Arm("sms_prime", "Text about Prime wealth", "sms", 1 / 3, 0.05, 0.14),
            Arm("coupon_68", "App message with a coupon of 68", "app", 1 / 3, 0.02, 0.08, _COUPON_68),
        ),
    ),
)  # fmt: skip

PRODUCTS: tuple[Product, ...] = (
    *(product for line in LINES for product in line),
    *(campaign.product for campaign in CAMPAIGNS),
)
PRODUCT_CODE = {product.product_id: code for code, product in enumerate(PRODUCTS)}
CAMPAIGN_IDS = tuple(campaign.campaign_id for campaign in CAMPAIGNS)
FIRST_CAMPAIGN_LINE = len(LINES)
SHEET = len(LINES) + len(CAMPAIGNS)
"""Lines of a balance sheet: the standing ones, then one for each campaign's product."""
LINE_CATEGORY = tuple(line[0].category for line in LINES) + tuple(
    campaign.product.category for campaign in CAMPAIGNS
)
ASSET_LINES = tuple(i for i, name in enumerate(LINE_CATEGORY) if name not in ("loan", "card"))
