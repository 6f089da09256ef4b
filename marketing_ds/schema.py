"""The contract of every table: grain, columns, units, nulls, keys and order in time.

One declaration serves all: `Table.to_pandera()` gives the pandera schema of an Ibis table,
`Mart.check()` merges a table's rules into one scan, and the documentation prints the same words.
Timestamps are naive and in the bank's local time; money is in CNY; a share is between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["string", "int64", "float64", "boolean", "date", "timestamp"]

CONTACT_CHANNELS = ("app", "wechat", "sms", "email", "phone")
"""Channels through which the bank may contact a customer; each has a consent flag."""
BEHAVIOUR_CHANNELS = ("app", "web", "wechat", "branch", "call_centre", "email", "phone")
"""Channels in which a customer may be seen to act."""
CATEGORIES = ("deposit", "wealth", "fund", "insurance", "loan", "card", "retail")
"""Product categories; `retail` is for goods in marts that come from shops."""
CONTROL = "control"
"""The arm of customers who were held out."""


def consent_column(channel: str) -> str:
    """The column of `customers` that says whether `channel` may be used.

    Examples
    --------
    >>> consent_column("sms")
    'consent_sms'
    """
    return f"consent_{channel}"


@dataclass(frozen=True)
class Column:
    """One column: type, meaning, unit and the values it may hold."""

    name: str
    type: ColumnType
    description: str
    unit: str | None = None
    nullable: bool = False
    allowed: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    """Whether `minimum` and `maximum` themselves are excluded."""


@dataclass(frozen=True)
class ForeignKey:
    """`columns` of this table must be found in `columns` of `table` (same names)."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Order:
    """`earlier` must not lie after `later` (where both are known)."""

    earlier: str
    later: str


@dataclass(frozen=True)
class Table:
    """The contract of one table."""

    name: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    order: tuple[Order, ...] = ()
    dated_by: str | None = None
    """The column that says when a row came true; `as_of` cuts here."""
    known_from: str | None = None
    """The column that says when the bank knew; late rows count from this date on."""
    required: bool = False
    """Whether a mart without this table is refused; any other absent table counts as empty."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def _id(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, "string", description, nullable=nullable)


def _money(
    name: str, description: str, *, nullable: bool = False, minimum: float | None = 0.0
) -> Column:
    return Column(name, "float64", description, unit="CNY", nullable=nullable, minimum=minimum)


_CUSTOMER = ForeignKey(("customer_id",), "customers")
_PRODUCT = ForeignKey(("product_id",), "products")
_CAMPAIGN = ForeignKey(("campaign_id",), "campaigns")

CUSTOMERS = Table(
    "customers",
    "Customers with their static facts and consent flags.",
    ("customer_id",),
    (
        _id("customer_id", "Customer."),
        Column("opened_on", "date", "First account opened."),
        Column("birth_year", "int64", "Year of birth.", nullable=True, minimum=1880, maximum=2100),
        Column("gender", "string", "As in the files.", nullable=True, allowed=("F", "M")),
        Column("region", "string", "Region of residence.", nullable=True),
        Column("branch_id", "string", "Home branch.", nullable=True),
        Column("manager_id", "string", "Relationship manager, if any.", nullable=True),
        Column("occupation", "string", "Occupation class.", nullable=True),
        Column("risk_level", "int64", "Risk appetite found.", "1 (low) to 5", True, None, 1, 5),
        *(
            Column(consent_column(channel), "boolean", f"May be contacted through {channel}.")
            for channel in CONTACT_CHANNELS
        ),
        Column("suppressed", "boolean", "On a do-not-contact list: never contact."),
    ),
    dated_by="opened_on",
    required=True,
)

PRODUCTS = Table(
    "products",
    "Products on sale.",
    ("product_id",),
    (
        _id("product_id", "Product."),
        Column("name", "string", "Name shown to customers."),
        Column("category", "string", "Product category.", allowed=CATEGORIES),
        Column("risk_level", "int64", "Risk class.", "1 (low) to 5", True, None, 1, 5),
        Column("launched_on", "date", "First day on sale."),
        Column("margin_rate", "float64", "Yearly margin.", "share of balance", True, None, 0, 1),
    ),
    dated_by="launched_on",
)

HOLDINGS = Table(
    "holdings",
    "Balance of each product held, one row a snapshot (month ends by default).",
    ("customer_id", "product_id", "snapshot_date"),
    (
        _id("customer_id", "Customer."),
        _id("product_id", "Product."),
        Column("snapshot_date", "date", "End of this day."),
        _money("balance_cny", "Balance; for loans and cards the amount owed."),
        Column("matures_on", "date", "Day the term ends.", nullable=True),
    ),
    (_CUSTOMER, _PRODUCT),
    dated_by="snapshot_date",
)

TRANSACTIONS = Table(
    "transactions",
    "Events with an amount.",
    ("transaction_id",),
    (
        _id("transaction_id", "Transaction."),
        _id("customer_id", "Customer."),
        _id("product_id", "Product it moved, if any.", nullable=True),
        Column("occurred_at", "timestamp", "When it happened."),
        Column("recorded_on", "date", "When it reached the mart (late rows: days after)."),
        Column(
            "kind",
            "string",
            "What happened: in (salary, deposit, redemption, …) or out.",
            allowed=(
                "salary",
                "deposit",
                "interest",
                "transfer_in",
                "redemption",
                "payment",
                "withdrawal",
                "transfer_out",
                "purchase",
                "repayment",
                "fee",
            ),
        ),
        _money("amount_cny", "Amount, never negative: `kind` gives the direction."),
        Column("channel", "string", "Where.", nullable=True, allowed=BEHAVIOUR_CHANNELS),
    ),
    (_CUSTOMER, _PRODUCT),
    dated_by="occurred_at",
    known_from="recorded_on",
)

EVENTS = Table(
    "events",
    "Behaviour in app, web, WeChat, branch and call centre.",
    ("event_id",),
    (
        _id("event_id", "Event."),
        _id("customer_id", "Customer."),
        Column("occurred_at", "timestamp", "When it happened."),
        Column("recorded_on", "date", "When it reached the mart (late rows: days after)."),
        Column("channel", "string", "Where.", allowed=BEHAVIOUR_CHANNELS),
        Column("session_id", "string", "Session it belongs to.", nullable=True),
        Column(
            "event",
            "string",
            "What the customer did.",
            allowed=("launch", "view", "search", "click", "share", "apply", "visit", "call"),
        ),
        Column("page", "string", "Page or topic, usually a product category.", nullable=True),
        Column("campaign_id", "string", "Campaign it belongs to, if any.", nullable=True),
        Column("duration_s", "float64", "Time spent.", "seconds", True, None, 0),
    ),
    (_CUSTOMER, _CAMPAIGN),
    dated_by="occurred_at",
    known_from="recorded_on",
)

CAMPAIGNS = Table(
    "campaigns",
    "Campaigns: window, objective, budget.",
    ("campaign_id",),
    (
        _id("campaign_id", "Campaign."),
        Column("name", "string", "Name shown in reports."),
        _id("product_id", "Product it sells, if any.", nullable=True),
        Column("objective", "string", "Outcome it is judged by, e.g. `converted`."),
        Column("starts_on", "date", "First day of contact."),
        Column("ends_on", "date", "Last day of contact."),
        Column("attribution_days", "int64", "Outcomes count this long.", "days", minimum=1),
        _money("budget_cny", "Budget.", nullable=True),
        Column("target", "float64", "Goal, in units of the objective.", nullable=True, minimum=0),
        Column("randomised", "boolean", "Whether arms were drawn at random."),
    ),
    (_PRODUCT,),
    (Order("starts_on", "ends_on"),),
    dated_by="starts_on",
)

OFFERS = Table(
    "offers",
    "What each arm of a campaign gives, what it costs and what an outcome is worth.",
    ("campaign_id", "offer"),
    (
        _id("campaign_id", "Campaign."),
        Column("offer", "string", "Name of the offer; the arm of the same name receives it."),
        Column("title", "string", "Name shown to customers."),
        _id("benefit_id", "Benefit it carries, if any.", nullable=True),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        _money("contact_cost_cny", "Cost of one contact."),
        _money("benefit_cost_cny", "Cost of one redeemed benefit (0 without benefit)."),
        Column(
            "redeem_rate", "float64", "P(redeem) of one who got it.", "share", False, None, 0, 1
        ),
        _money("value_cny", "Worth of one unit of the campaign's objective."),
    ),
    (_CAMPAIGN, ForeignKey(("benefit_id",), "benefits")),
)

ASSIGNMENTS = Table(
    "assignments",
    "Which arm a customer was given in a campaign, with the probability of that arm.",
    ("customer_id", "campaign_id"),
    (
        _id("customer_id", "Customer."),
        _id("campaign_id", "Campaign."),
        Column("arm", "string", "`control` or the name of an offer."),
        Column("probability", "float64", "P(this arm).", "share", True, None, 0, 1, True),
        Column("assigned_at", "timestamp", "When it was drawn."),
    ),
    (_CUSTOMER, _CAMPAIGN),
    dated_by="assigned_at",
)

CONTACTS = Table(
    "contacts",
    "Messages delivered.",
    ("contact_id",),
    (
        _id("contact_id", "Contact."),
        _id("customer_id", "Customer."),
        _id("campaign_id", "Campaign."),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        Column("sent_at", "timestamp", "When it was sent."),
        Column("opened_at", "timestamp", "When it was opened.", nullable=True),
        Column("clicked_at", "timestamp", "When it was clicked.", nullable=True),
        _money("cost_cny", "Cost of this contact."),
    ),
    (_CUSTOMER, _CAMPAIGN),
    (Order("sent_at", "opened_at"), Order("opened_at", "clicked_at")),
    dated_by="sent_at",
)

BENEFITS = Table(
    "benefits",
    "Coupons, red packets and prizes with their stock.",
    ("benefit_id",),
    (
        _id("benefit_id", "Benefit."),
        Column("title", "string", "Name shown to customers."),
        Column("kind", "string", "Kind.", allowed=("coupon", "red_packet", "prize")),
        _money("face_value_cny", "What the customer sees."),
        _money("cost_cny", "What one redemption costs the bank."),
        Column("stock", "int64", "Pieces in all.", "pieces", True, None, 0),
        Column("valid_days", "int64", "May be redeemed this long.", "days", minimum=1),
    ),
)

BENEFIT_GRANTS = Table(
    "benefit_grants",
    "Benefits issued, redeemed and reversed.",
    ("grant_id",),
    (
        _id("grant_id", "Grant."),
        _id("benefit_id", "Benefit."),
        _id("customer_id", "Customer."),
        _id("campaign_id", "Campaign.", nullable=True),
        Column("granted_at", "timestamp", "When it was issued."),
        Column("redeemed_at", "timestamp", "When it was redeemed.", nullable=True),
        Column("reversed_at", "timestamp", "When the redemption was undone.", nullable=True),
        _money("cost_cny", "Cost borne so far: 0 until redeemed, 0 again once reversed."),
    ),
    (_CUSTOMER, _CAMPAIGN, ForeignKey(("benefit_id",), "benefits")),
    (Order("granted_at", "redeemed_at"), Order("redeemed_at", "reversed_at")),
    dated_by="granted_at",
)

CUSTOMER_ATTRIBUTES = Table(
    "customer_attributes",
    "Facts a bank has computed already, one row each; they become tags named `attr_<attribute>`.",
    ("customer_id", "attribute", "effective_on"),
    (
        _id("customer_id", "Customer."),
        Column("attribute", "string", "Name of the fact."),
        Column("effective_on", "date", "True from this day on."),
        Column("number", "float64", "Value, if it is a number.", nullable=True),
        Column("text", "string", "Value, if it is a word.", nullable=True),
    ),
    (_CUSTOMER,),
    dated_by="effective_on",
)

CAMPAIGN_OUTCOMES = Table(
    "campaign_outcomes",
    "Outcomes a bank has computed already, one row each.",
    ("customer_id", "campaign_id", "outcome"),
    (
        _id("customer_id", "Customer."),
        _id("campaign_id", "Campaign."),
        Column("outcome", "string", "Name of the outcome, e.g. `visit`."),
        Column("value", "float64", "0 or 1, a count or an amount."),
        Column("observed_on", "date", "Day on which it was final."),
    ),
    (_CUSTOMER, _CAMPAIGN),
    dated_by="observed_on",
)

MART: Mapping[str, Table] = {
    table.name: table
    for table in (
        CUSTOMERS,
        PRODUCTS,
        HOLDINGS,
        TRANSACTIONS,
        EVENTS,
        CAMPAIGNS,
        BENEFITS,
        OFFERS,
        ASSIGNMENTS,
        CONTACTS,
        BENEFIT_GRANTS,
        CUSTOMER_ATTRIBUTES,
        CAMPAIGN_OUTCOMES,
    )
}
"""The input tables by name; foreign keys point to tables above."""

SCORES = Table(
    "scores",
    "Every model's output: the narrow waist between models and decisions.",
    ("customer_id", "as_of", "kind", "arm", "model_version"),
    (
        _id("customer_id", "Customer."),
        Column("as_of", "date", "Nothing after this day was used."),
        Column("kind", "string", "Kind.", allowed=("lookalike", "propensity", "uplift")),
        Column("arm", "string", "Arm or offer the score is for.", nullable=True),
        Column("score", "float64", "Closeness, probability or uplift."),
        Column("standard_error", "float64", "Of the score, where known.", nullable=True, minimum=0),
        Column("model_version", "string", "Which model made it."),
    ),
)

PLANS = Table(
    "plans",
    "Who gets which offer through which channel, and why.",
    ("customer_id", "as_of"),
    (
        _id("customer_id", "Customer."),
        Column("as_of", "date", "Date of the decision."),
        Column("offer", "string", "Offer given."),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        Column("uplift", "float64", "Expected extra outcome."),
        _money("expected_cost_cny", "Expected cost."),
        _money("net_value_cny", "Value × uplift − expected cost.", minimum=None),
        Column("reason", "string", "Why this offer, in words."),
    ),
)

SEGMENTS = Table(
    "segments",
    "Published audiences.",
    ("customer_id", "as_of"),
    (
        _id("customer_id", "Customer."),
        Column("as_of", "date", "Date of the tags used."),
        Column(
            "channel",
            "string",
            "Contact channel; null if not for contact.",
            nullable=True,
            allowed=CONTACT_CHANNELS,
        ),
    ),
)

EFFECTS = Table(
    "effects",
    "The differences that campaigns made, with their intervals.",
    ("campaign_id", "metric", "arm"),
    (
        _id("campaign_id", "Campaign."),
        Column("metric", "string", "Outcome or metric."),
        Column("arm", "string", "Arm compared with control."),
        Column("n_control", "int64", "Customers in control.", minimum=0),
        Column("n_arm", "int64", "Customers in the arm.", minimum=0),
        Column("mean_control", "float64", "Mean in control.", nullable=True),
        Column("mean_arm", "float64", "Mean in the arm.", nullable=True),
        Column("effect", "float64", "Difference of means (adjusted, if CUPED).", nullable=True),
        Column("effect_ci_lower", "float64", "Lower end.", nullable=True),
        Column("effect_ci_upper", "float64", "Upper end.", nullable=True),
        Column("p_value", "float64", "Two-sided.", nullable=True, minimum=0, maximum=1),
    ),
)

OUTPUTS: Mapping[str, Table | None] = {
    "tags": None,  # as wide as its catalogue
    "segments": SEGMENTS,
    "scores": SCORES,
    "plans": PLANS,
    "effects": EFFECTS,
}
"""The published tables by name."""
