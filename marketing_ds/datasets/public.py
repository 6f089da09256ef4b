"""Public data sets: real customers, campaigns and shops to learn and to test on.

| loader | what | licence as stated | `to_mart` |
|---|---|---|---|
| `load_hillstrom` | a randomised e-mail test, 64,000 customers, 2008 | none stated | yes |
| `load_bank_marketing` | phone campaigns of a bank, 41,188 calls | CC BY 4.0 | no |
| `load_open_bandit` | logged recommendations with propensities | CC BY 4.0 | no |
| `load_berka` | a Czech bank, 1993 to 1998 | none stated | yes |
| `load_complete_journey` | a grocer's panel, 1.47 million purchases, 2017 | CC0 | yes |
| `load_cdnow` | purchases of 2,357 customers of a music shop, 1997 to 1998 | none stated | no |

Each is read from the folder that `MARKETING_DS_DATA` names, else downloaded once into pooch's cache; Complete Journey
and CDNOW come in packages. Every file is checked by the sha256 of its published content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from marketing_ds._core.checks import check_choice

from .bank_marketing import BankMarketing, load_bank_marketing
from .berka import Berka, load_berka
from .cdnow import CDNOW, load_cdnow
from .complete_journey import CompleteJourney, load_complete_journey
from .hillstrom import Hillstrom, load_hillstrom
from .open_bandit import OpenBandit, load_open_bandit

PUBLIC_MARTS: Mapping[str, Callable[[], Hillstrom | CompleteJourney | Berka]] = {
    "hillstrom": load_hillstrom,
    "complete_journey": load_complete_journey,
    "berka": load_berka,
}
"""Loaders of the public data sets that can be laid under the mart's contract."""


def to_mart(name: str, directory: str | os.PathLike[str], **options: Any) -> Path:
    """Load a public data set and lay it under the mart's contract.

    Parameters
    ----------
    name : {"hillstrom", "complete_journey", "berka"}
        The data set.
    directory : path
        A folder that is new, empty, or holds an earlier mart of the same data set (replaced).
    **options
        Passed to the data set's own `to_mart`.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InvalidInput
        If `name` is none of these, or `directory` holds anything else.
    DatasetError
        If the data cannot be had, or has not the published content.

    Examples
    --------
    >>> to_mart("hilstrom", "mart")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: name must be one of 'hillstrom', 'complete_journey', 'berka', got 'hilstrom'; did you mean 'hillstrom'?
    """
    check_choice("name", name, PUBLIC_MARTS)
    return PUBLIC_MARTS[name]().to_mart(directory, **options)


__all__ = [
    "CDNOW",
    "PUBLIC_MARTS",
    "BankMarketing",
    "Berka",
    "CompleteJourney",
    "Hillstrom",
    "OpenBandit",
    "load_bank_marketing",
    "load_berka",
    "load_cdnow",
    "load_complete_journey",
    "load_hillstrom",
    "load_open_bandit",
    "to_mart",
]
