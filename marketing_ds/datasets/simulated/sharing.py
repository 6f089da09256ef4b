"""Clicks on a campaign's messages: who passed them on, and whom that led to the campaign."""

from __future__ import annotations

import numpy as np

from .behaviour import EVENTS, Sessions
from .campaigns import Happened, click_channel
from .catalogue import CATEGORY_CODE
from .draws import Array, stream

_SECONDS_A_CLICK = 20
_LED = 0.25
"""Of clicks after the first share, the part that a share led to."""


def clicks(item: Happened, seed: int, chunk: int) -> Sessions:
    """Clicks on the messages of a campaign, a tenth of them shared with friends."""
    channels = np.array([-1, *(click_channel(arm) for arm in item.campaign.arms)])[item.arm]
    rows = np.flatnonzero((item.clicked_at >= 0) & (channels >= 0))
    size = len(rows)
    shares = item.clicked_at[rows] % 10 == 0
    length = np.where(shares, 2, 1).astype(np.int32)
    total = int(length.sum())
    last = np.cumsum(length) - 1
    event = np.full(total, EVENTS.index("click"), dtype=np.int8)
    event[last[shares]] = EVENTS.index("share")
    page = CATEGORY_CODE[item.campaign.product.category]
    customer, start = item.customer[rows], item.clicked_at[rows]
    return Sessions(
        customer=customer, start=start,
        channel=channels[rows].astype(np.int8), length=length,
        late=np.zeros(size, dtype=np.int8), campaign=np.full(size, item.index, dtype=np.int8),
        led_by=_led_by(stream(seed, chunk, 9000 + item.index), customer, start, shares),
        event=event, page=np.full(total, page, dtype=np.int8),
        duration=np.full(total, _SECONDS_A_CLICK, dtype=np.int16),
    )  # fmt: skip


def _led_by(rng: np.random.Generator, customer: Array, start: Array, shares: Array) -> Array:
    """For each click the customer whose share led to it, any of those before; -1 for none.

    The message itself reached them too, so that arms and outcomes are what they are without it.
    """
    shared_at = start[shares] + _SECONDS_A_CLICK
    order = np.argsort(shared_at, kind="stable")
    sharer = customer[shares][order]
    before = np.searchsorted(shared_at[order], start, side="left")
    led = (rng.random(len(start)) < _LED) & (before > 0)
    chosen = (rng.random(len(start)) * before).astype(np.int64)
    out = np.full(len(start), -1, dtype=np.int32)
    out[led] = sharer[chosen[led]]
    return out
