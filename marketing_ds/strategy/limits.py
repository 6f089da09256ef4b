"""The limits of a plan, and their form as rows of ``usage · counts <= limit``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketing_ds._core.checks import check_number
from marketing_ds._core.errors import InvalidInput, did_you_mean

from .value import FloatArray, OfferTerms


@dataclass(frozen=True)
class Limits:
    """What a plan may use; `None` means no limit.

    Parameters
    ----------
    budget_cny : float, optional
        Expected cost of the whole plan, at most.
    capacity : mapping, optional
        Name of an offer or of a channel → customers at most.
    min_net_value_cny : float
        A customer is given an offer only if its net value is at least this (and above 0).
    max_customers : float, optional
        Customers given anything, at most.

    Raises
    ------
    InvalidInput
        If a limit is negative or not a number.

    Examples
    --------
    >>> Limits(budget_cny=10_000, capacity={"phone": 200, "coupon": 500}).budget_cny
    10000
    >>> Limits(max_customers=-1)
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: max_customers must be at least 0, got -1
    """

    budget_cny: float | None = None
    capacity: Mapping[str, float] | None = None
    min_net_value_cny: float = 0.0
    max_customers: float | None = None

    def __post_init__(self) -> None:
        if self.budget_cny is not None:
            check_number("budget_cny", self.budget_cny, low=0)
        if self.max_customers is not None:
            check_number("max_customers", self.max_customers, low=0)
        check_number("min_net_value_cny", self.min_net_value_cny, low=0)
        for name, most in (self.capacity or {}).items():
            check_number(f"capacity of {name!r}", most, low=0)


@dataclass(frozen=True)
class Constraints:
    """K limits over A offers: ``usage @ counts <= limit`` with counts of customers per offer."""

    names: tuple[str, ...]
    usage: FloatArray
    limit: FloatArray

    def used(self, counts: FloatArray) -> FloatArray:
        """How much of each limit a plan with these counts uses."""
        used: FloatArray = self.usage @ counts
        return used

    def room(self) -> FloatArray:
        """The limits with the slack that floating-point sums of money need (1e-9 of them)."""
        room: FloatArray = self.limit * (1 + 1e-9)
        return room


def constraints(limits: Limits, offers: OfferTerms) -> Constraints:
    """Put all limits, those of the offers' own `capacity` column included, into rows."""
    every = np.ones(len(offers.names))
    rows: dict[str, tuple[FloatArray, float]] = {}
    if limits.budget_cny is not None:
        rows["budget_cny"] = (offers.cost, float(limits.budget_cny))
    if limits.max_customers is not None:
        rows["max_customers"] = (every, math.floor(_finite(limits.max_customers)))
    for name, most in (limits.capacity or {}).items():
        _tighten(rows, name, _members(name, offers), most)
    for name, own in zip(offers.names, offers.capacity, strict=True):
        if own is not None:
            _tighten(rows, name, np.array([name == other for other in offers.names]), own)
    kept = {name: row for name, row in rows.items() if row[1] < _UNLIMITED}
    return Constraints(
        tuple(kept),
        np.array([usage for usage, _ in kept.values()]).reshape(len(kept), len(every)),
        np.array([limit for _, limit in kept.values()]),
    )


_UNLIMITED = 1e18


def _finite(most: float) -> float:
    return min(float(most), _UNLIMITED)


def _tighten(
    rows: dict[str, tuple[FloatArray, float]],
    name: str,
    members: npt.NDArray[np.bool_],
    most: float,
) -> None:
    """Add a capacity, or lower the one that is there."""
    key = f"capacity:{name}"
    known = rows[key][1] if key in rows else _UNLIMITED
    rows[key] = (members.astype(float), min(known, math.floor(_finite(most))))


def _members(name: str, offers: OfferTerms) -> npt.NDArray[np.bool_]:
    """Which offers a capacity counts: the one of this name, or all of this channel."""
    by_offer = np.array([name == offer for offer in offers.names])
    by_channel = np.array([name == channel for channel in offers.channels])
    if not (by_offer | by_channel).any():
        known = [*offers.names, *dict.fromkeys(offers.channels)]
        raise InvalidInput(
            f"capacity must name an offer or a channel of the offers "
            f"({', '.join(map(repr, known))}), got {name!r}{did_you_mean(name, known)}"
        )
    if by_offer.any() and by_channel.any() and (by_offer != by_channel).any():
        raise InvalidInput(
            f"capacity of {name!r} is ambiguous: an offer and a channel of other offers bear this "
            "name; rename the offer"
        )
    members: npt.NDArray[np.bool_] = by_offer | by_channel
    return members
