"""UCI Bank Marketing: phone campaigns of a Portuguese bank, 2008 to 2013."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_choice

from .public_data import PublicFrame
from .public_files import PublicFile, read_public

_URL = "https://archive.ics.uci.edu/static/public/222/bank+marketing.zip"
_FILES = {
    "additional": PublicFile(
        "uci_bank_marketing/bank-additional-full.csv",
        "74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8",
        _URL,
        ("bank-additional.zip", "bank-additional/bank-additional-full.csv"),
    ),
    "full": PublicFile(
        "uci_bank_marketing/bank-full.csv",
        "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d",
        _URL,
        ("bank.zip", "bank-full.csv"),
    ),
}


@dataclass(frozen=True, eq=False)
class BankMarketing(PublicFrame):
    """Calls of a Portuguese bank; `frame` has one row a call."""

    leaks: tuple[str, ...] = ("duration",)
    """Columns that are known only after the call: never features."""


def load_bank_marketing(version: str = "additional") -> BankMarketing:
    """Load UCI Bank Marketing (Moro, Cortez and Rita, 2014).

    Parameters
    ----------
    version : {"additional", "full"}, default "additional"
        ``bank-additional-full.csv`` (41,188 calls × 21, with the economy's indicators, dates ascend) or the older
        ``bank-full.csv`` (45,211 calls × 17, with the yearly balance in EUR).

    Returns
    -------
    BankMarketing
        `frame` as published: numbers as numbers, all else as text; ``y`` is ``"yes"`` if the customer took the
        term deposit. ``"unknown"`` and, for ``pdays``, 999 (or −1 in ``full``) stand for missing, as published.
        `leaks` names the column that is known only after the call.

    Raises
    ------
    InvalidInput
        If `version` is neither.
    DatasetError
        If the file cannot be had, or has not the published content.

    References
    ----------
    S. Moro, P. Cortez and P. Rita, "A data-driven approach to predict the success of bank telemarketing",
    Decision Support Systems 62, 2014, 22-31.

    Examples
    --------
    ::

        data = load_bank_marketing()
        X = data.frame.drop(columns=["y", *data.leaks])
        y = data.frame["y"] == "yes"
    """
    file = _FILES[check_choice("version", version, _FILES)]
    frame = pd.read_csv(io.BytesIO(read_public(file)), sep=";")
    return BankMarketing(
        {file.path.rsplit("/", 1)[-1].removesuffix(".csv"): frame},
        source="https://archive.ics.uci.edu/dataset/222/bank+marketing",
        licence="CC BY 4.0",
        description="Phone campaigns of a Portuguese bank for a term deposit, one row a call, in the order of time. "
        "`duration` is known only after the call.",
    )
