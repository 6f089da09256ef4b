"""The best products of each customer, of those that may be shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_count, check_date
from marketing_ds.features import Table

from ._calibration import Floats
from ._nextbest_inputs import Eligible, Flags, Values, eligible_flags, value_matrix


@dataclass(frozen=True)
class Showing:
    """What may be shown to the customers of a table, checked before anything is scored.

    Attributes
    ----------
    table : Table
    products : sequence of str
    top : int
        Products at most.
    eligible : ndarray of bool, shape (n, products)
    worth : ndarray of shape (n, products) or (1, products), or None
        CNY of a purchase.
    """

    table: Table
    products: Sequence[str]
    top: int
    eligible: Flags
    worth: Floats | None

    @classmethod
    def of(
        cls,
        table: Table,
        products: Sequence[str],
        top: int,
        eligible: Eligible | None,
        value: Values | None,
        as_of: dt.date | str | None,
    ) -> Self:
        """Check what was asked for.

        Raises
        ------
        InvalidInput
            If something breaks a rule.
        """
        top = min(check_count("top", top, low=1), len(products))
        day = None if as_of is None else check_date("as_of", as_of)
        flags = eligible_flags(eligible, table, products, day)
        return cls(table, products, top, flags, value_matrix(value, table, products))

    def ranked(self, p: Floats) -> tuple[pd.DataFrame, NDArray[np.intp]]:
        """The ranked frame of probabilities, and for each of its rows the row of the table."""
        merit = np.where(self.eligible, p if self.worth is None else p * self.worth, -np.inf)
        order = np.argsort(-merit, axis=1, kind="stable")[:, : self.top]
        rows, chosen = np.repeat(np.arange(len(p)), self.top), order.ravel()
        places = np.tile(np.arange(1, self.top + 1), len(p))
        shown = self.eligible[rows, chosen]
        rows, chosen, places = rows[shown], chosen[shown], places[shown]
        keyed = "customer_id" in self.table.keys
        ids = self.table.keys["customer_id"].to_numpy() if keyed else np.arange(len(p))
        frame = pd.DataFrame(
            {
                "customer_id" if keyed else "row": ids[rows],
                "rank": places,
                "product": np.asarray(self.products, dtype=object)[chosen],
                "probability": p[rows, chosen],
            }
        )
        if self.worth is not None:
            frame["expected_value_cny"] = merit[rows, chosen]
        return frame.astype({"product": "str"}), rows
