"""The published tables."""

from __future__ import annotations

from collections.abc import Mapping

from .contract import CONTACT_CHANNELS, Column, Table, id_column, money_column

EFFECT_METHODS = (
    "randomised",
    "weighting",
    "doubly_robust",
    "matching",
    "difference_in_differences",
    "synthetic_control",
)
"""How an effect was found; all but the first are weaker evidence."""

SCORES = Table(
    "scores",
    "Every model's output: the narrow waist between models and decisions.",
    ("customer_id", "as_of", "kind", "arm", "model_version"),
    (
        id_column("customer_id", "Customer."),
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
        id_column("customer_id", "Customer."),
        Column("as_of", "date", "Date of the decision."),
        Column("offer", "string", "Offer given."),
        Column("channel", "string", "Contact channel.", allowed=CONTACT_CHANNELS),
        Column("uplift", "float64", "Expected extra outcome."),
        money_column("expected_cost_cny", "Expected cost."),
        money_column("net_value_cny", "Value × uplift − expected cost.", minimum=None),
        Column("reason", "string", "Why this offer, in words."),
    ),
)

SEGMENTS = Table(
    "segments",
    "Published audiences.",
    ("customer_id", "as_of"),
    (
        id_column("customer_id", "Customer."),
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

SPLITS = Table(
    "assignments",
    "Which arm of a split a customer was given, before any campaign knows of it.",
    ("customer_id", "as_of"),
    (
        id_column("customer_id", "Customer."),
        Column("as_of", "date", "Date of the draw."),
        Column("arm", "string", "`control` or the name of an offer."),
        Column("probability", "float64", "P(this arm).", "share", False, None, 0, 1, True),
        Column("stratum", "string", "Within which it was drawn, if any.", nullable=True),
    ),
)

EFFECTS = Table(
    "effects",
    "The differences that campaigns made, with their intervals.",
    ("campaign_id", "metric", "arm", "segment"),
    (
        id_column("campaign_id", "Campaign."),
        Column("metric", "string", "Outcome or metric."),
        Column("arm", "string", "Arm compared with control."),
        Column("segment", "string", "`all`, or `column=value`: among these customers."),
        Column("method", "string", "How it was found.", allowed=EFFECT_METHODS),
        Column("n_control", "int64", "Customers in control.", minimum=0),
        Column("n_arm", "int64", "Customers in the arm.", minimum=0),
        Column("mean_control", "float64", "Mean in control.", nullable=True),
        Column("mean_arm", "float64", "Mean in the arm.", nullable=True),
        Column("effect", "float64", "Difference of means (adjusted, if CUPED).", nullable=True),
        Column("effect_ci_lower", "float64", "Lower end; null if none.", nullable=True),
        Column("effect_ci_upper", "float64", "Upper end; null if none.", nullable=True),
        Column("standard_error", "float64", "Of the effect.", nullable=True, minimum=0),
        Column("rel_effect", "float64", "Effect over control's mean.", "share", nullable=True),
        Column("rel_effect_ci_lower", "float64", "Lower end.", "share", nullable=True),
        Column("rel_effect_ci_upper", "float64", "Upper end.", "share", nullable=True),
        Column("p_value", "float64", "Two-sided.", nullable=True, minimum=0, maximum=1),
        Column("blocked", "boolean", "A check failed: the figures must not be believed yet."),
    ),
)

OUTPUTS: Mapping[str, Table | None] = {
    "tags": None,  # as wide as its catalogue
    "segments": SEGMENTS,
    "scores": SCORES,
    "plans": PLANS,
    "assignments": SPLITS,
    "effects": EFFECTS,
}
"""The published tables by name."""
