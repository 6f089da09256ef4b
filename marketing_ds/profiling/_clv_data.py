"""Purchase histories as the models of customer lifetime value take them: checked, and as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_columns
from marketing_ds._core.errors import InvalidInput

if TYPE_CHECKING:
    from ._clv_summary import PurchaseSummary

Floats = NDArray[np.float64]
Unit = Literal["day", "week"]
UNITS: dict[str, float] = {"day": 1.0, "week": 7.0}
"""Days in a unit of time."""
DAYS_A_MONTH = 365.25 / 12
MIN_CUSTOMERS = 50
ID = "customer_id"
TIMES = ("frequency", "recency", "T")


@dataclass(frozen=True, eq=False)
class Histories:
    """Purchase histories, one a customer, or one for all `weight` customers that are alike."""

    frequency: Floats
    recency: Floats
    T: Floats
    weight: Floats

    @property
    def customers(self) -> int:
        """How many customers."""
        return int(self.weight.sum())


def check_unit(unit: str) -> str:
    """Return `unit` if it is one."""
    return check_choice("unit", unit, get_args(Unit))


def summary_frame(summary: object, columns: tuple[str, ...]) -> pd.DataFrame:
    """The columns of a summary, whatever it came as.

    Raises
    ------
    InvalidInput
        If it is no table, a column is missing or holds no numbers, or there is no row.
    """
    frame = getattr(summary, "table", summary)
    if not isinstance(frame, (pd.DataFrame, ir.Table)):
        raise InvalidInput(
            "summary must be what purchase_summary gives, a pandas frame or an Ibis table, got "
            f"{type(summary).__name__}"
        )
    check_columns(list(frame.columns), list(columns), "summary")
    if isinstance(frame, ir.Table):
        frame = frame.select(*columns).to_pyarrow().to_pandas()
    if frame.empty:
        raise InvalidInput("summary must have at least one customer, got none")
    for name in columns:
        if name != ID and not pd.api.types.is_numeric_dtype(frame[name].dtype):
            raise InvalidInput(f"{name} must hold numbers, got {frame[name].dtype}; convert it")
    return frame[list(columns)]


def read_histories(frame: pd.DataFrame) -> Histories:
    """Frequency, recency and T of each row, checked.

    Raises
    ------
    InvalidInput
        If a value is missing, infinite or negative, a frequency is no whole number, a recency is
        beyond T, or recency and frequency contradict each other.
    """
    x, tx, age = (column(frame, name) for name in TIMES)
    for name, values in zip(TIMES, (x, tx, age), strict=True):
        refuse(~np.isfinite(values), values, f"{name} must be a finite number")
        refuse(values < 0, values, f"{name} must be at least 0")
    refuse(x != np.floor(x), x, "frequency must be a whole number, of repeat purchases")
    refuse(tx > age, tx, "recency must be at most T, both counted from the first purchase")
    refuse((x == 0) & (tx > 0), tx, "recency must be 0 where frequency is 0")
    refuse((x > 0) & (tx == 0), x, "frequency must be 0 where recency is 0: a repeat comes later")
    return Histories(x, tx, age, np.ones(len(x)))


def grouped(histories: Histories) -> Histories:
    """Customers that are alike, together; in the order of their values, not of the rows."""
    parts = {"x": histories.frequency, "tx": histories.recency, "T": histories.T}
    found = pd.DataFrame(parts).groupby(list(parts), sort=True).size()
    x, tx, age = (found.index.get_level_values(name).to_numpy(np.float64) for name in parts)
    return Histories(x, tx, age, found.to_numpy().astype(np.float64))


def column(frame: pd.DataFrame, name: str) -> Floats:
    """A numeric column as floats, NaN for null."""
    return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)


def refuse(broken: NDArray[np.bool_], values: Floats, rule: str) -> None:
    """Raise `rule` if it is broken anywhere, with the first such value and its row."""
    rows = np.flatnonzero(broken)
    if len(rows):
        raise InvalidInput(
            f"{rule}, got {values[rows[0]]:g} in row {rows[0]} ({len(rows):,} such row(s)); "
            "mend or leave out these customers"
        )


def one_row_a_customer(summary: object, columns: tuple[str, ...]) -> pd.DataFrame:
    """A summary with `customer_id`, in a stated order: its own if it is a frame, else by customer.

    Raises
    ------
    InvalidInput
        If a customer comes twice.
    """
    frame = summary_frame(summary, columns)
    if not isinstance(summary, pd.DataFrame):
        frame = frame.sort_values(ID, kind="stable", ignore_index=True)
    twice = frame.loc[frame[ID].duplicated(), ID]
    if len(twice):
        raise InvalidInput(
            f"summary must have one row a customer, got {twice.iloc[0]!r} more than once"
        )
    return frame


def unit_of(summary: PurchaseSummary | object, unit: str | None) -> str:
    """The unit of a summary's times: its own, or as told; weeks if nobody tells."""
    own = getattr(summary, "unit", None)
    if unit is None:
        return str(own or "week")
    check_unit(unit)
    if own is not None and own != unit:
        raise InvalidInput(f"unit must be that of the summary, {own!r}, got {unit!r}; leave it out")
    return unit
