"""Berka: accounts, clients, loans, cards and transactions of a real Czech bank, 1993 to 1998 (PKDD'99)."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from marketing_ds._core.errors import DatasetError

from .berka_mart import NOTES, mart_tables
from .public_data import PublicData
from .public_files import DATA_VARIABLE, PublicFile, data_folder, find_local, read_public
from .public_mart import write_public_mart

_URL = "http://sorry.vse.cz/~berka/challenge/pkdd1999/data_berka.zip"
_SHA256 = {
    "account": "58d7f50abd72e9b1a5568346f74bb54cd71224ee1db9f09a27d7cac563f38cc6",
    "card": "fc669bde6adf6457d87421c0bfb218e9c384a7032c6accd348d207a405e72109",
    "client": "e435c6b92d246f4f0dfd5e2827469d745c06238714c32b3ffb415eebe794e1a7",
    "disp": "ebd801f77b6d322e8ebc08e52f188e7c8fca539325f85f57f8c73434da9d32d8",
    "district": "7f03cf3b9b82f0fdcc3abdf6cc716f145db8e9875c68e2d2e2f7151e9ecf4df3",
    "loan": "68535f609a254aa7a3f03dd8e27dcb822b532df12a0d6046f0666b8dc0b8ae8e",
    "order": "035930fa6acd2ca42a935e654b21e1bb260248f49b6dc6e7de6351b7c4d56d02",
    "trans": "75ab2f39df9d79d79c5c900de90ddd28248b689f214598ac9fa2ff0f574a70d2",
}
_FILES = {
    table: PublicFile(f"berka/{table}.asc", sha256, _URL, (f"{table}.asc",))
    for table, sha256 in _SHA256.items()
}
_FIRST_TRANSACTIONS = PublicFile(
    "berka/trans.TRUNCATED.asc",
    "51e826ad355479df75908f85431d1967bddf8199871a92e0162961e5ba38ae62",
    None,
)
_ALL_TRANSACTIONS = 1_056_320
_TEXT = {"birth_number", "account_to", "bank_to", "bank", "account"}
_DAYS = {"account": ["date"], "loan": ["date"], "trans": ["date"], "card": ["issued"]}


@dataclass(frozen=True, eq=False)
class Berka(PublicData):
    """A Czech bank's eight tables: account, card, client, disp, district, loan, order, trans."""

    complete: bool
    """Whether `tables["trans"]` holds all 1,056,320 transactions, or only the first 49,102."""

    def to_mart(
        self, directory: str | os.PathLike[str], *, consent: Collection[str] = ("email",)
    ) -> Path:
        """Lay the bank under the mart's contract.

        Clients become `customers`, with the current account, loan and cards as `products`, month-end `holdings`
        and `transactions` of the account's owner. Nothing dated after the last transaction is taken, so that a
        mart from the first transactions only is the bank as it stood then.

        Parameters
        ----------
        directory : path
            A folder that is new, empty, or holds an earlier mart of Berka (replaced).
        consent : collection of str, default ("email",)
            Channels through which every client is taken to be open to contact; an assumption, no consent was
            published.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InvalidInput
            If `consent` names an unknown channel, or `directory` holds anything else.

        Notes
        -----
        Kinds of transactions, in this order of precedence (amounts in CZK, also in columns named ``_cny``):

        | as published | kind |
        |---|---|
        | k_symbol UROK (interest) | interest |
        | k_symbol SANKC. UROK, SLUZBY (penalty interest, statement) | fee |
        | k_symbol DUCHOD (pension) | salary |
        | k_symbol UVER (loan instalment) | repayment, of the product `loan` |
        | k_symbol SIPO, POJISTNE, LEASING (household, insurance, lease) | payment |
        | operation VKLAD / VYBER, VYBER KARTOU (cash in / out, by card) | deposit / withdrawal |
        | operation PREVOD Z UCTU / PREVOD NA UCET (from / to another bank) | transfer_in / transfer_out |

        A loan granted and a card issued are also a `purchase` of that product (a card's amount is 0). A loan's
        balance is the scheduled one; the current account's is the last of the month, 0 where it was overdrawn.
        Standing orders and a loan's final status are left out: neither has a date.

        Examples
        --------
        ::

            load_berka().to_mart("berka_mart")
        """
        tables = mart_tables(self.tables, consent)
        return write_public_mart(directory, "berka", self, tables, NOTES)


def load_berka(*, complete: bool = False) -> Berka:
    """Load the PKDD'99 financial data set (Berka and Sochorova).

    Parameters
    ----------
    complete : bool, default False
        Refuse anything but all 1,056,320 transactions. By default a data folder that has only
        ``trans.TRUNCATED.asc.gz``, the first 49,102 transactions (1993-01 to 1994-03), will do; the result's
        `complete` and `description` say which it is. A download is always complete.

    Returns
    -------
    Berka
        `tables` by published name with published columns: ids as numbers, ``date`` and ``issued`` as timestamps,
        ``birth_number`` and numbers of other banks' accounts as text, ``?`` in `district` and empty text as
        missing, all else as published (a ``k_symbol`` of one blank stays one).

    Raises
    ------
    DatasetError
        If a file cannot be had, or has not the published content.

    References
    ----------
    P. Berka and M. Sochorova, "Guide to the Financial Data Set", PKDD'99 Discovery Challenge, 1999.

    Examples
    --------
    ::

        bank = load_berka()
        owners = bank.tables["disp"].query("type == 'OWNER'")
    """
    transactions = _transactions_file(complete)
    files = {**_FILES, "trans": transactions}
    whole = transactions is not _FIRST_TRANSACTIONS
    tables = {table: _parse(table, read_public(file)) for table, file in files.items()}
    part = f"only the first {len(tables['trans']):,} of {_ALL_TRANSACTIONS:,} transactions"
    return Berka(
        tables,
        source="http://sorry.vse.cz/~berka/challenge/pkdd1999/berka.htm",
        licence="none stated",
        description="A Czech bank's clients, accounts, cards, loans, standing orders and transactions, 1993 to 1998, in "
        f"CZK; {'all transactions' if whole else part}.",
        complete=whole,
    )


def _transactions_file(complete: bool) -> PublicFile:
    folder = data_folder()
    if folder is None or find_local(_FILES["trans"], folder) is not None:
        return _FILES["trans"]
    if complete:
        raise DatasetError(
            f"complete=True needs berka/trans.asc.gz in {folder}, which has it not; put it there, "
            f"unset {DATA_VARIABLE} to download it, or pass complete=False"
        )
    return _FIRST_TRANSACTIONS


def _parse(table: str, content: bytes) -> pd.DataFrame:
    header = content[: content.index(b"\n")].decode("ascii").replace('"', "").strip().split(";")
    text: dict[Any, Any] = {column: "str" for column in header if column in _TEXT}
    days = _DAYS.get(table, [])
    frame = pd.read_csv(
        io.BytesIO(content),
        sep=";",
        na_values=["?"] if table == "district" else [],
        dtype={**text, **dict.fromkeys(days, "str")},
    )
    for column in days:  # 930101, and 931107 00:00:00 for cards
        frame[column] = pd.to_datetime(frame[column].str[:6], format="%y%m%d")
    return frame
