"""A training set: features as of cut-offs, labels after them, and how to part it honestly."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import hash_share
from marketing_ds.labels import Label

from ._leaks import Leaks

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False, repr=False)
class TrainingSet(Result):
    """Rows of customers at cut-offs; made by `training_set`.

    Attributes
    ----------
    label : Label
        What is to be foretold.
    horizon_days : int
        Days after the cut-off within which it counts.
    X : pandas.DataFrame of shape (n, 2 + tags)
        `customer_id`, `as_of` (the cut-off) and the tags as of its end, ordered by cut-off and
        customer; no customer twice at one cut-off. Numbers are float32, words categories.
    y : pandas.Series of shape (n,)
        1 where it came true, 0 where not (int8).
    weight : pandas.Series of shape (n,)
        How many customers a row stands for: above 1 only for negatives that were drawn by lot.
    leaks : Leaks
        What the leak check found, and the AUC of each feature alone.
    left_out : pandas.DataFrame or None
        For each cut-off how many customers are left out, and why; None for a part of a set.
    """

    label: Label
    horizon_days: int
    X: pd.DataFrame
    y: pd.Series[Any]
    weight: pd.Series[Any]
    leaks: Leaks
    left_out: pd.DataFrame | None = None

    @property
    def groups(self) -> pd.Series[Any]:
        """The customer of each row: rows of one customer belong together."""
        return self.X["customer_id"]

    @property
    def cutoffs(self) -> tuple[dt.date, ...]:
        """The cut-offs, oldest first."""
        return tuple(moment.date() for moment in sorted(self.X["as_of"].unique()))

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.X.columns[2:])

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        days = ", ".join(str(day) for day in self.cutoffs)
        return (
            f"TrainingSet({self.label.name} within {self.horizon_days} days: {len(self):,} rows, "
            f"{int(self.y.sum()):,} positives, {len(self.tags)} tags, cut-offs {days})"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a cut-off.

        `cutoff`, `horizon_end`, `rows`, `positives`, `customers` (the weights' sum) and
        `positive_share` (weighted); of a whole set also how many are left out because they were
        `not_opened` yet, `closed`, not in the `population`, or not spoken of by the `label`.
        """
        table = pd.DataFrame(
            {
                "cutoff": self.X["as_of"],
                "rows": 1,
                "positives": self.y.astype(np.int64),
                "customers": self.weight,
            }
        )
        table = table.groupby("cutoff", as_index=False).sum()
        table["customers"] = table["customers"].round(6)
        table["positive_share"] = table["positives"] / table["customers"]
        table.insert(1, "horizon_end", table["cutoff"] + pd.Timedelta(days=self.horizon_days))
        for name in ("cutoff", "horizon_end"):
            table[name] = table[name].dt.date
        if self.left_out is None:
            return table
        return table.merge(
            self.left_out.add_prefix("left_out_"), left_on="cutoff", right_index=True
        )

    def split(
        self, test_share: float = 0.3, *, by: str = "time", salt: str = "split"
    ) -> tuple[TrainingSet, TrainingSet]:
        """A part to learn from and a part to judge by, without a customer in both.

        Parameters
        ----------
        test_share : float
            Share of customers to judge by, drawn by a salted hash: the same in every run.
        by : {"time", "customer"}
            ``time``: they are judged at the last cut-off, and the others are learned from at the
            cut-offs whose horizon was over by then, as it will be when the model is used. Rows that
            are neither are left out. ``customer``: all cut-offs on both sides.
        salt : str
            Another salt draws others.

        Returns
        -------
        train, test : TrainingSet

        Raises
        ------
        InvalidInput
            If there is no earlier cut-off whose horizon is over by the last, or a part would lack
            a class.
        """
        share = check_number("test_share", test_share, low=0, high=1, inclusive=False)
        check_choice("by", by, ("time", "customer"))
        test = self._place(salt) < share
        train = ~test
        if by == "time":
            last = self.X["as_of"].max()
            over = last - pd.Timedelta(days=self.horizon_days)
            earlier = (self.X["as_of"] <= over).to_numpy()
            if not earlier.any():
                raise InvalidInput(
                    f"by='time' needs a cut-off whose horizon of {self.horizon_days} days is over "
                    f"by the last, {last.date()}, got {[str(day) for day in self.cutoffs]}; add "
                    f"one on {over.date()} or before, or use by='customer'"
                )
            train, test = train & earlier, test & (self.X["as_of"] == last).to_numpy()
        for name, rows in (("train", train), ("test", test)):
            if len(np.unique(self.y[rows])) < 2:
                raise InvalidInput(
                    f"test_share {share:g} must leave both classes in each part, got "
                    f"{int(self.y[rows].sum())} positives among {int(rows.sum())} rows to {name}; "
                    f"use another share, or more customers or cut-offs"
                )
        return self._part(train), self._part(test)

    def folds(self, n: int = 5, *, salt: str = "folds") -> list[Fold]:
        """Folds for `cv=`: each customer in one, those with a positive dealt out evenly.

        Parameters
        ----------
        n : int
            How many; at least 2, at most the customers of the rarer class.
        salt : str
            Another salt deals otherwise.

        Returns
        -------
        list of (train, test)
            Positions of rows; every row is tested once.
        """
        ids, at = np.unique(self.groups.to_numpy(dtype=object), return_inverse=True)
        ever = np.zeros(len(ids), dtype=np.int64)
        np.maximum.at(ever, at, self.y.to_numpy(dtype=np.int64))
        count = check_count("n", n, low=2)
        fewest = int(min(ever.sum(), (1 - ever).sum()))
        if count > fewest:
            raise InvalidInput(
                f"n must be at most the customers of the rarer class, {fewest}, got {count}"
            )
        order = np.lexsort((hash_share(ids, salt=salt), ever))
        fold = np.empty(len(ids), dtype=np.intp)
        fold[order] = np.arange(len(ids)) % count
        row = fold[at]
        return [(np.flatnonzero(row != f), np.flatnonzero(row == f)) for f in range(count)]

    def _place(self, salt: str) -> NDArray[np.float64]:
        """Each row's customer in [0, 1)."""
        codes, ids = pd.factorize(self.groups)
        return hash_share(ids, salt=salt)[codes]

    def _part(self, rows: NDArray[np.bool_]) -> TrainingSet:
        return replace(
            self,
            X=self.X.loc[rows].reset_index(drop=True),
            y=self.y.loc[rows].reset_index(drop=True),
            weight=self.weight.loc[rows].reset_index(drop=True),
            left_out=None,
        )
