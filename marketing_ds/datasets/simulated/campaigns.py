"""Past campaigns: who was eligible, what each arm would do to them, and what it did.

The truth comes first: for each eligible customer and each arm the probability of buying the
campaign's product and the expected amount. Only then is an arm drawn, and one Bernoulli outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketing_ds.schema import BEHAVIOUR_CHANNELS, CONTACT_CHANNELS

from .catalogue import CATEGORY_CODE, FIRST_CAMPAIGN_LINE, LINE_CATEGORY, Arm, Campaign
from .dates import SECONDS, Calendar
from .draws import Array, sigmoid, stream
from .life import LOST, UNOPENED, Life
from .people import People

TYPES = ("persuadable", "sure thing", "lost cause", "sleeping dog")
_PERSUADABLE, _SURE, _LOST_CAUSE, _DOG = range(len(TYPES))
_BASE = np.array([0.03, 0.20, 0.008, 0.12])
_CLICK_CHANNEL = {"app": "app", "wechat": "wechat", "sms": "web", "email": "email"}


@dataclass(frozen=True)
class Truth:
    """What would happen to each eligible customer under each arm (control first)."""

    customer: Array
    kind: Array
    """Classic type, a code of `TYPES`."""
    probability: Array
    """P(buy), shape (n, 1 + arms)."""
    mean_amount: Array
    """Expected amount of a buyer."""
    arm_probability: Array
    """P(arm) of each customer, shape (n, 1 + arms)."""


@dataclass(frozen=True)
class Happened:
    """What one campaign did in one chunk: one element a participant."""

    campaign: Campaign
    index: int
    truth: Truth
    part: Array
    """Rows of `truth` that took part."""
    arm: Array
    """0 for control."""
    assigned_at: Array
    sent_at: Array
    opened_at: Array
    """Seconds since 1970; -1 if never, as in the next three."""
    clicked_at: Array
    granted: Array
    redeemed_at: Array
    reversed_at: Array
    bought_at: Array
    amount: Array

    @property
    def customer(self) -> Array:
        """Customers who took part."""
        chosen: Array = self.truth.customer[self.part]
        return chosen


@dataclass(frozen=True)
class _Seen:
    """What can be observed of the eligible on the day before; roughly standardised."""

    balance: Array
    activity: Array
    views: Array
    tenure: Array
    age: Array
    digital: Array
    holds: Array


def eligible(campaign: Campaign, life: Life, people: People, month: int) -> Array:
    """Customers who may get every offer of the campaign."""
    fit = (life.stage != UNOPENED) & (life.stage != LOST) & (people.opened_month < month)
    fit &= ~people.suppressed
    for channel in {arm.channel for arm in campaign.arms}:
        fit &= people.consent[:, CONTACT_CHANNELS.index(channel)]
    if not campaign.randomised:
        fit &= people.manager >= 0
    return np.flatnonzero(fit).astype(np.int32)


def draw_truth(
    campaign: Campaign, life: Life, people: People, month: int, calendar: Calendar, seed: int, chunk: int
) -> Truth:  # fmt: skip
    """What each arm would do to each eligible customer: mostly what is observable, some noise."""
    rng = stream(seed, chunk, 3000 + int(campaign.campaign_id[1:]))
    who = eligible(campaign, life, people, month)
    seen = _observe(campaign, life, people, who, month, calendar)
    kind = _types(rng, seen)
    wobble = np.exp(0.2 * rng.standard_normal(len(who)))
    lean = np.exp(np.clip(0.25 * seen.views + 0.12 * seen.balance, -0.6, 0.6))
    control = np.clip(_BASE[kind] * lean * wobble, 5e-4, 0.6)
    columns = [control]
    for arm in campaign.arms:
        columns.append(np.clip(control + _effect(arm, seen, kind, control), 5e-4, 0.75))
    mean = np.clip(0.12 * life.assets[who], 2_000, 300_000) * np.exp(0.2 * seen.views)
    if campaign.product.category == "card":
        mean = np.clip(300 + 0.002 * life.assets[who], 300, 5_000)
    return Truth(
        customer=who,
        kind=kind,
        probability=np.round(np.stack(columns, axis=1), 5),
        mean_amount=np.round(mean, 2),
        arm_probability=_arm_probabilities(campaign, seen),
    )


def _observe(
    campaign: Campaign, life: Life, people: People, who: Array, month: int, calendar: Calendar
) -> _Seen:  # fmt: skip
    category = CATEGORY_CODE[campaign.product.category]
    recent = slice(max(month - 2, 0), month)
    sessions = life.sessions[who, recent].sum(axis=1)
    views = life.views[recent, who, category].sum(axis=0)
    tenure = (calendar.starts[month] - people.opened[who]) / 365.25
    name = campaign.product.category
    lines = [i for i in range(1, FIRST_CAMPAIGN_LINE) if LINE_CATEGORY[i] == name]
    return _Seen(
        balance=(np.log1p(life.assets[who]) - 9.9) / 1.5,
        activity=(np.log1p(sessions) - 0.9) / 0.75,
        views=np.minimum(views, 4) / 1.5 - 0.4,
        tenure=(np.log1p(tenure) - 1.5) / 0.75,
        age=(people.age[who] - 43) / 14,
        digital=(people.preference[who] <= 2).astype(float),
        holds=(life.sheet[who][:, lines].sum(axis=1) > 50).astype(float),
    )


def _types(rng: np.random.Generator, seen: _Seen) -> Array:
    """The most fitting of the four types, given behaviour and a little chance."""
    fit = np.stack(
        [
            0.15 + 1.5 * seen.activity - 1.0 * seen.age - 1.0 * seen.tenure,
            -0.9 + 1.0 * seen.balance + 1.8 * seen.views + 0.7 * seen.holds,
            0.9 - 1.5 * seen.activity - 0.9 * seen.balance - 0.5 * seen.views,
            -0.25 + 1.2 * seen.age + 1.1 * seen.tenure - 0.6 * seen.digital + 0.3 * seen.activity,
        ],
        axis=1,
    )
    kind: Array = np.argmax(fit + 0.4 * rng.gumbel(size=fit.shape), axis=1).astype(np.int8)
    return kind


def _effect(arm: Arm, seen: _Seen, kind: Array, control: Array) -> Array:
    """Change of P(buy): the type says which way, the customer how much an offer means to them."""
    if arm.benefit:  # money means less to the rich
        taste = np.exp(np.clip(-0.35 * seen.balance, -1.0, 0.7))
    else:  # words work where the channel is used
        taste = np.exp(np.clip(0.2 * seen.age - 0.35 * (seen.digital - 0.7), -0.7, 0.7))
    direction = np.array([1.0, 0.05, 0.02, 0.0])[kind]
    annoyance = np.where(kind == _DOG, -0.75 * control, 0.0)
    effect: Array = direction * arm.lift * taste + annoyance
    return effect


def _arm_probabilities(campaign: Campaign, seen: _Seen) -> Array:
    size = len(seen.balance)
    if campaign.randomised:
        row = [campaign.control_probability, *(arm.probability for arm in campaign.arms)]
        return np.tile(row, (size, 1))
    # Managers call the rich and the active, who buy more anyway: confounded on purpose.
    called = sigmoid(-0.9 + 1.1 * seen.balance + 0.5 * seen.views)
    return np.stack([1 - called, called], axis=1)


def run(
    index: int, campaign: Campaign, truth: Truth, people: People, life: Life, month: int,
    calendar: Calendar, seed: int, chunk: int,
) -> Happened:  # fmt: skip
    """Draw participants, arms and outcomes; everything else decorates those outcomes."""
    rng = stream(seed, chunk, 4000 + index)
    part = np.flatnonzero(rng.random(len(truth.customer)) < campaign.share)
    size = len(part)
    edges = np.cumsum(truth.arm_probability[part], axis=1)[:, :-1]
    arm = (rng.random(size)[:, None] >= edges).sum(axis=1).astype(np.int8)
    bought = rng.random(size) < truth.probability[part, arm]
    start = campaign.starts_on(calendar) * SECONDS
    assigned_at = np.full(size, start + 9 * 3600, dtype=np.int64)
    bought_at = _purchase_times(rng, size, start, campaign.attribution_days)
    amount = truth.mean_amount[part] * np.exp(0.6 * rng.standard_normal(size) - 0.18)
    sent_at, opened_at, clicked_at = _contacts(rng, start, arm, bought, truth.kind[part])
    granted = np.array([False, *(a.benefit is not None for a in campaign.arms)])[arm]
    redeemed_at, reversed_at = _redemptions(rng, granted, bought, bought_at, sent_at, campaign)
    life.stay_until[truth.customer[part]] = month
    return Happened(
        campaign=campaign, index=index, truth=truth, part=part, arm=arm, assigned_at=assigned_at,
        sent_at=sent_at, opened_at=opened_at, clicked_at=clicked_at, granted=granted,
        redeemed_at=redeemed_at, reversed_at=reversed_at,
        bought_at=np.where(bought, bought_at, -1), amount=np.round(np.maximum(amount, 1.0)),
    )  # fmt: skip


def _purchase_times(rng: np.random.Generator, size: int, start: int, days: int) -> Array:
    """Within the attribution window, early rather than late, after the message of the first day."""
    day = (rng.beta(1.0, 2.2, size) * days).astype(np.int64)
    return start + day * SECONDS + rng.integers(13 * 3600, 22 * 3600, size)


def _contacts(
    rng: np.random.Generator, start: int, arm: Array, bought: Array, kind: Array
) -> tuple[Array, Array, Array]:
    size = len(arm)
    sent = np.where(arm > 0, start + rng.integers(9 * 3600 + 60, 12 * 3600, size), -1)
    opens = rng.random(size) < np.array([0.55, 0.5, 0.18, 0.3])[kind] + 0.3 * bought
    opened = sent + rng.integers(30, 40 * 3600, size)
    clicks = opens & (rng.random(size) < 0.12 + 0.5 * bought)
    clicked = opened + rng.integers(5, 300, size)
    reached = (arm > 0) & opens
    return sent, np.where(reached, opened, -1), np.where(reached & clicks, clicked, -1)


def _redemptions(
    rng: np.random.Generator, granted: Array, bought: Array, bought_at: Array, sent_at: Array,
    campaign: Campaign,
) -> tuple[Array, Array]:  # fmt: skip
    """Buyers nearly all redeem, a few others too; some redemptions are undone within days."""
    size = len(granted)
    used = granted & (rng.random(size) < np.where(bought, 0.9, 0.03))
    other = sent_at + rng.integers(3600, (campaign.attribution_days - 1) * SECONDS, size)
    redeemed = np.where(bought, bought_at + rng.integers(60, 1800, size), other)
    undone = used & (rng.random(size) < 0.04)
    reversed_at = redeemed + rng.integers(3600, 4 * SECONDS, size)
    return np.where(used, redeemed, -1), np.where(undone, reversed_at, -1)


def click_channel(arm: Arm) -> int:
    """Behaviour channel in which a click on an arm's message shows; -1 for a call."""
    name = _CLICK_CHANNEL.get(arm.channel)
    return BEHAVIOUR_CHANNELS.index(name) if name else -1
