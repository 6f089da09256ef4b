"""Data to learn and to test on: the simulated bank with known effects, and public data sets."""

from __future__ import annotations

from .public import (
    CDNOW,
    PUBLIC_MARTS,
    BankMarketing,
    Berka,
    CompleteJourney,
    Hillstrom,
    OpenBandit,
    load_bank_marketing,
    load_berka,
    load_cdnow,
    load_complete_journey,
    load_hillstrom,
    load_open_bandit,
    to_mart,
)
from .simulated import SimulatedBank, Truth, load_truth, make_sample, simulate

__all__ = [
    "CDNOW",
    "PUBLIC_MARTS",
    "BankMarketing",
    "Berka",
    "CompleteJourney",
    "Hillstrom",
    "OpenBandit",
    "SimulatedBank",
    "Truth",
    "load_bank_marketing",
    "load_berka",
    "load_cdnow",
    "load_complete_journey",
    "load_hillstrom",
    "load_open_bandit",
    "load_truth",
    "make_sample",
    "simulate",
    "to_mart",
]
