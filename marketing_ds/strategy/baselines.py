"""Plans that do not seek the best: the yardsticks of `allocate`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_count

from ._dual import counts_of
from .allocate import certify
from .limits import Limits, constraints
from .plan import Plan, plan_frame
from .value import Candidates, Frame, IntArray, candidates


def treat_all(scores: Frame, offers: Frame, offer: str) -> Plan:
    """Give `offer` to every customer who has a score for it, worth it or not, without limits.

    Parameters
    ----------
    scores, offers
        As `allocate`.
    offer : str
        Name of the offer.

    Raises
    ------
    InvalidInput
        If the offer is unknown, or `allocate` would refuse the input.
    """
    who = candidates(scores, offers)
    check_choice("offer", offer, who.offers.names)
    position = who.offers.names.index(offer)
    choice = np.where(np.isnan(who.uplift[position]), -1, position)
    return _plan(who, choice, Limits(), "everyone gets it")


def treat_random(
    scores: Frame, offers: Frame, limits: Limits | None = None, *, seed: int = 0
) -> Plan:
    """Give offers at random until the limits are used up; the same seed gives the same plan.

    Each customer draws one of the offers open to them; then, in random order, those are served
    whom capacities and budget still allow. `min_net_value_cny` is not asked, since chance does
    not know values.

    Parameters
    ----------
    scores, offers, limits
        As `allocate`.
    seed : int
        Seed of the draw; the order of the rows does not matter.

    Raises
    ------
    InvalidInput
        If `allocate` would refuse the input.
    """
    limits = limits if limits is not None else Limits()
    who = candidates(scores, offers)
    rows = constraints(limits, who.offers)
    rng = np.random.default_rng(check_count("seed", seed))
    lots = np.where(np.isnan(who.uplift), -1.0, rng.random(who.uplift.shape))
    choice: IntArray = np.where(lots.max(axis=0) < 0, -1, lots.argmax(axis=0))
    order = rng.permutation(len(choice))
    for usage, most in zip(rows.usage[::-1], rows.room()[::-1], strict=True):  # budget last
        asked = np.append(usage, 0.0)[choice[order]]  # -1 picks the last: nothing
        refused = (np.cumsum(asked) > most) & (asked > 0)
        choice[order[refused]] = -1
    return _plan(who, choice, limits, "drawn at random")


def _plan(who: Candidates, choice: IntArray, limits: Limits, reason: str) -> Plan:
    rows = constraints(limits, who.offers)
    prices = dict.fromkeys(rows.names, 0.0)
    reasons = pd.Series(np.full(int((choice >= 0).sum()), reason), dtype="str")
    frame = plan_frame(who, choice, reasons)
    counts = counts_of(choice, len(who.offers.names))
    objective = float(frame["net_value_cny"].sum())
    return Plan(certify(objective, np.inf, counts, prices, rows), prices, len(choice), frame)
