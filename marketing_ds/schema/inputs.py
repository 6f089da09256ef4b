"""The input tables of a mart."""

from __future__ import annotations

from collections.abc import Mapping

from .contract import (
    BEHAVIOUR_CHANNELS,
    CATEGORIES,
    CONTACT_CHANNELS,
    Column,
    ForeignKey,
    Order,
    Table,
    consent_column,
    id_column,
    money_column,
)

_CUSTOMER = ForeignKey(("customer_id",), "customers")
_PRODUCT = ForeignKey(("product_id",), "products")
_CAMPAIGN = ForeignKey(("campaign_id",), "campaigns")

CUSTOMERS = Table(
    "customers",
    "Customers with their static facts and consent flags.",
    ("customer_id",),
    (
        id_column("customer_id", "Customer."),
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
        id_column("product_id", "Product."),
        Column("name", "string", "Name shown to customers."),
        Column("category", "string", "Product category.", allowed=CATEGORIES),
        Column("risk_level", "int64", "Risk class.", "1 (low) to 5", True, None, 1, 5),
        Column("launched_on", "date", "First day on sale."),
        Column("margin_rate", "float64", "Yearly margin.", "share of balance", True, None, 0, 1),
    ),
    dated_by="launched_on",
    planned=True,
)

HOLDINGS = Table(
    "holdings",
    "Balance of each product held, one row a snapshot (month ends by default).",
    ("customer_id", "product_id", "snapshot_date"),
    (
        id_column("customer_id", "Customer."),
        id_column("product_id", "Product."),
        Column("snapshot_date", "date", "End of this day."),
        money_column("balance_cny", "Balance; for loans and cards the amount owed."),
        Column("matures_on", "date", "Day the term ends.", nullable=True),
    ),
    (_CUSTOMER, _PRODUCT),
    dated_by="snapshot_date",
    needs_account=True,
)

TRANSACTIONS = Table(
    "transactions",
    "Events with an amount.",
    ("transaction_id",),
    (
        id_column("transaction_id", "Transaction."),
        id_column("customer_id", "Customer."),
        id_column("product_id", "Product it moved, if any.", nullable=True),
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
        money_column("amount_cny", "Amount, never negative: `kind` gives the direction."),
        Column("channel", "string", "Where.", nullable=True, allowed=BEHAVIOUR_CHANNELS),
    ),
    (_CUSTOMER, _PRODUCT),
    dated_by="occurred_at",
    known_from="recorded_on",
    needs_account=True,
)

EVENTS = Table(
    "events",
    "Behaviour in app, web, WeChat, branch and call centre.",
    ("event_id",),
    (
        id_column("event_id", "Event."),
        id_column("customer_id", "Customer."),
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
        id_column("shared_by", "Customer whose share led here, if any.", nullable=True),
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
        id_column("campaign_id", "Campaign."),
        Column("name", "string", "Name shown in reports."),
        id_column("product_id", "Product it sells, if any.", nullable=True),
        Column("objective", "string", "Outcome it is judged by, e.g. `converted`."),
        Column("starts_on", "date", "First day of contact."),
        Column("ends_on", "date", "Last day of contact."),
        Column("attribution_days", "int64", "Outcomes count this long.", "days", minimum=1),
        money_column("budget_cny", "Budget.", nullable=True),
        Column("target", "float64", "Goal, in units of the objective.", nullable=True, minimum=0),
        Column("randomised", "boolean", "Whether arms were drawn at random."),
    ),
    (_PRODUCT,),
    (Order("starts_on", "ends_on"),),
    dated_by="starts_on",
    planned=True,
)

OFFERS = Table(
    "offers",
    "What each arm of a campaign gives, what it costs and what an outcome is worth.",
    ("campaign_id", "offer"),
    (
        id_column("campaign_id", "Campaign."),
        Column("offer", "string", "Name of the offer; the arm of the same name receives it."),
        Column("title", "string", "Name shown to customers."),
        id_column("benefit_id", "Benefit it carries, if any.", nullable=True),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        money_column("contact_cost_cny", "Cost of one contact."),
        money_column("benefit_cost_cny", "Cost of one redeemed benefit (0 without benefit)."),
        Column(
            "redeem_rate", "float64", "P(redeem) of one who got it.", "share", False, None, 0, 1
        ),
        money_column("value_cny", "Worth of one unit of the campaign's objective."),
    ),
    (_CAMPAIGN, ForeignKey(("benefit_id",), "benefits")),
)

ASSIGNMENTS = Table(
    "assignments",
    "Which arm a customer was given in a campaign, with the probability of that arm.",
    ("customer_id", "campaign_id"),
    (
        id_column("customer_id", "Customer."),
        id_column("campaign_id", "Campaign."),
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
        id_column("contact_id", "Contact."),
        id_column("customer_id", "Customer."),
        id_column("campaign_id", "Campaign."),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        Column("sent_at", "timestamp", "When it was sent."),
        Column("opened_at", "timestamp", "When it was opened.", nullable=True),
        Column("clicked_at", "timestamp", "When it was clicked.", nullable=True),
        money_column("cost_cny", "Cost of this contact."),
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
        id_column("benefit_id", "Benefit."),
        Column("title", "string", "Name shown to customers."),
        Column("kind", "string", "Kind.", allowed=("coupon", "red_packet", "prize")),
        money_column("face_value_cny", "What the customer sees."),
        money_column("cost_cny", "What one redemption costs the bank."),
        Column("stock", "int64", "Pieces in all.", "pieces", True, None, 0),
        Column("valid_days", "int64", "May be redeemed this long.", "days", minimum=1),
    ),
)

BENEFIT_GRANTS = Table(
    "benefit_grants",
    "Benefits issued, redeemed and reversed.",
    ("grant_id",),
    (
        id_column("grant_id", "Grant."),
        id_column("benefit_id", "Benefit."),
        id_column("customer_id", "Customer."),
        id_column("campaign_id", "Campaign.", nullable=True),
        Column("granted_at", "timestamp", "When it was issued."),
        Column("redeemed_at", "timestamp", "When it was redeemed.", nullable=True),
        Column("reversed_at", "timestamp", "When the redemption was undone.", nullable=True),
        money_column("cost_cny", "Cost borne so far: 0 until redeemed, 0 again once reversed."),
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
        id_column("customer_id", "Customer."),
        Column("attribute", "string", "Name of the fact."),
        Column("effective_on", "date", "True from this day on."),
        Column("number", "float64", "Value, if it is a number.", nullable=True),
        Column("text", "string", "Value, if it is a word.", nullable=True),
    ),
    (_CUSTOMER,),
    dated_by="effective_on",
    planned=True,
)

CAMPAIGN_OUTCOMES = Table(
    "campaign_outcomes",
    "Outcomes a bank has computed already, one row each.",
    ("customer_id", "campaign_id", "outcome"),
    (
        id_column("customer_id", "Customer."),
        id_column("campaign_id", "Campaign."),
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
        CAMPAIGNS,
        EVENTS,
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
