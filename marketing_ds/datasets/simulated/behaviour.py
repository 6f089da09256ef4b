"""What customers do in app, web, WeChat, branch and call centre: sessions and their events."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from marketing_ds.schema import BEHAVIOUR_CHANNELS

from .dates import HOURS, SECONDS, Calendar
from .draws import Array, choice_table, choose, late_days, spread, stream
from .life import ACTIVITY, Life
from .people import TASTES, People

EVENTS = ("launch", "view", "search", "click", "share", "apply", "visit", "call")
_LAUNCH, _VIEW, _SEARCH, _CLICK, _SHARE, _APPLY, _VISIT, _CALL = range(len(EVENTS))
PAGES = ("deposit", "wealth", "fund", "insurance", "loan", "card", "account", "transfer", "help")
CATEGORIES_SEEN = 6
"""The first pages are product categories, in the order of their codes."""
_APP, _WEB, _WECHAT, _BRANCH, _CALL_CENTRE, _EMAIL, _PHONE = range(len(BEHAVIOUR_CHANNELS))

_SESSIONS_A_MONTH = 0.62
_PAGE_OF_TASTE = choice_table(
    np.array(
        [
            [16, 6, 3, 2, 2, 5, 36, 22, 8.0],
            [6, 20, 7, 3, 2, 5, 32, 18, 7],
            [3, 9, 26, 2, 2, 5, 30, 17, 6],
            [6, 6, 3, 18, 3, 5, 32, 19, 8],
            [3, 3, 2, 3, 20, 9, 32, 20, 8],
            [3, 4, 5, 2, 6, 20, 31, 22, 7],
        ]
    )
)
# Half of a customer's visits of another channel still go to the preferred one.
_CHANNEL = choice_table(
    np.array(
        [
            [80, 5, 10, 2, 3.0],
            [22, 62, 8, 4, 4],
            [25, 4, 65, 3, 3],
            [12, 6, 6, 66, 10],
            [14, 8, 6, 12, 60],
        ]
    )
)
_VIEWS = choice_table(np.array([[4, 34, 30, 17, 9, 4, 2], [70, 30, 0, 0, 0, 0, 0.0]]))
_KIND_OF_VIEW = choice_table(np.array([[80, 8, 8, 1, 3.0]]))
_KIND = np.array([_VIEW, _SEARCH, _CLICK, _SHARE, _APPLY], dtype=np.int8)
_OPENING = np.array([_LAUNCH, _LAUNCH, _LAUNCH, _VISIT, _CALL, _CLICK, _CALL], dtype=np.int8)


@dataclass(frozen=True)
class Sessions:
    """Sessions and, one after the other, their rows."""

    customer: Array
    start: Array
    """Second since 1970 at which each began."""
    channel: Array
    length: Array
    """Rows of each session."""
    late: Array
    campaign: Array
    """Campaign that each belongs to; -1 for none."""
    led_by: Array
    """Customer whose share led to it; -1 for none."""
    event: Array
    page: Array
    duration: Array
    """Seconds of each row; the next row of the session begins thereafter."""


@dataclass
class Interest:
    """The category each customer is looking into, which changes every few months."""

    category: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int8))

    def move(self, rng: np.random.Generator, people: People) -> Array:
        """Let about a quarter take up something else; returns the categories."""
        if len(self.category) == 0:
            self.category = _new_interest(rng, people.taste)
        else:
            fresh = _new_interest(rng, people.taste)
            self.category = np.where(rng.random(len(people)) < 0.25, fresh, self.category)
        return self.category


_INTEREST = choice_table(np.full((len(TASTES), CATEGORIES_SEEN), 1.0) + 3.0 * np.eye(len(TASTES)))


def _new_interest(rng: np.random.Generator, taste: Array) -> Array:
    fresh: Array = choose(rng, _INTEREST, taste, len(taste)).astype(np.int8)
    return fresh


def moments(
    rng: np.random.Generator, people: People, customer: Array, month: int, calendar: Calendar,
    days: Array, hours: Array | int,
) -> Array:  # fmt: skip
    """Seconds since 1970 at which `customer` acts: busy days, the channel's hours, once opened."""
    day = choose(rng, days, 0, len(customer)).astype(np.int32)
    floor = people.opened[customer] - calendar.starts[month]
    early = day < floor
    if early.any():  # in the month of opening
        left = calendar.length(month) - floor[early]
        day[early] = floor[early] + (rng.random(int(early.sum())) * left).astype(np.int32)
    hour = choose(rng, HOURS, hours, len(customer)).astype(np.int64)
    within = rng.integers(0, 3600, len(customer), dtype=np.int32)
    second = hour * 3600 + within
    second -= np.where(second > SECONDS - 2400, 3600, 0)  # a session ends before midnight
    return (calendar.starts[month] + day.astype(np.int64)) * SECONDS + second


def month_sessions(
    life: Life, people: People, interest: Interest, month: int, calendar: Calendar, seed: int, chunk: int
) -> Sessions:  # fmt: skip
    """Everything customers do in a month; counts it in `life` too."""
    rng = stream(seed, chunk, 2000 + month)
    focus = interest.move(rng, people)
    rate = _SESSIONS_A_MONTH * np.exp(np.clip(people.activity, -3, 2.2))
    rate *= ACTIVITY[life.stage] * (life.stage >= 0)
    count = np.minimum(rng.poisson(rate), 60)
    customer, _ = spread(count)
    channel = choose(rng, _CHANNEL, people.preference[customer], len(customer)).astype(np.int8)
    days = calendar.busy_days(month, weekend=0.8)
    start = moments(rng, people, customer, month, calendar, days, channel)
    length = 1 + choose(rng, _VIEWS, channel >= _BRANCH, len(customer)).astype(np.int32)
    row, position = spread(length)
    who = customer[row]
    page = choose(rng, _PAGE_OF_TASTE, people.taste[who], len(who)).astype(np.int8)
    # A session that follows the current interest looks at it again and again.
    focused = (rng.random(len(customer), dtype=np.float32) < 0.30)[row]
    page = np.where(focused, focus[who], page)
    opening = position == 0
    event = _KIND[choose(rng, _KIND_OF_VIEW, 0, len(who))]
    event = np.where(opening, _OPENING[channel[row]], event)
    page = np.where(opening & (channel[row] < _BRANCH), np.int8(-1), page)
    seen = ~opening & (page < CATEGORIES_SEEN)
    cell = who[seen].astype(np.int64) * CATEGORIES_SEEN + page[seen]
    counted = np.bincount(cell, minlength=len(people) * CATEGORIES_SEEN)
    life.views[month] = counted.reshape(len(people), CATEGORIES_SEEN)
    life.sessions[:, month] = count
    return Sessions(
        customer, start, channel, length, late_days(rng, len(customer)),
        np.full(len(customer), -1, dtype=np.int8), np.full(len(customer), -1, dtype=np.int32),
        event, page, _durations(rng, opening, channel[row]),
    )  # fmt: skip


def _durations(rng: np.random.Generator, opening: Array, channel: Array) -> Array:
    scale = np.where(opening & (channel < _BRANCH), np.float32(3), np.float32(28))
    scale = np.where(opening & (channel >= _BRANCH), np.float32(240), scale)
    drawn = scale * rng.standard_exponential(len(opening), dtype=np.float32)
    return np.minimum(drawn + 1, 600).astype(np.int16)
