"""Means and ratios over customers with their intervals, from sums that an engine has formed."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.estimate import Floats, interval

Pair = tuple[str, str | None]
"""Columns of numerator and denominator; None is a mean per customer."""


def sums(table: ir.Table, pairs: Mapping[str, Pair], where: ir.BooleanValue) -> dict[str, ir.Value]:
    """What `ratios` needs of a table with one row a customer.

    Examples
    --------
    >>> import ibis
    >>> t = ibis.memtable({"spend": [1.0, 2.0], "visits": [1, 3]})
    >>> list(sums(t, {"spend_per_visit": ("spend", "visits")}, t.visits > 0))
    ['spend_per_visit_x', 'spend_per_visit_y', 'spend_per_visit_xx', 'spend_per_visit_xy', \
'spend_per_visit_yy', 'spend_per_visit_n']
    """
    found: dict[str, ir.Value] = {}
    for name, (above, below) in pairs.items():
        x = table[above].cast("float64")
        y = (table[below] if below else where.cast("int8")).cast("float64")
        products = {"x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y}
        found |= {f"{name}_{key}": v.sum(where=where) for key, v in products.items()}
        found[f"{name}_n"] = where.sum()
    return found


def ratios(sums_of: pd.DataFrame, name: str, alpha: float) -> tuple[Floats, Floats, Floats]:
    """Σx / Σy with its interval, customers being the unit: the delta method.

    A mean is the ratio with y = 1. NaN where nobody is, or Σy is 0; with one customer there is no
    interval (NaN).

    References
    ----------
    Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, KDD.

    Examples
    --------
    >>> known = {"m_x": [3.0], "m_y": [2.0], "m_xx": [5.0], "m_xy": [3.0], "m_yy": [2.0], "m_n": [2]}
    >>> known = pd.DataFrame(known)
    >>> value, low, high = ratios(known, "m", 0.05)
    >>> print(f"{value[0]:.2f} [{low[0]:.2f}, {high[0]:.2f}]")
    1.50 [0.52, 2.48]
    """
    x, y, xx, xy, yy, n = (
        sums_of[f"{name}_{key}"].to_numpy(float) for key in ("x", "y", "xx", "xy", "yy", "n")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        value = x / y
        squares = np.maximum(xx - 2 * value * xy + value**2 * yy, 0.0)
        error = np.where(n > 1, np.sqrt(squares * n / (n - 1)) / y, np.nan)
    low, high = interval(value, error, alpha)
    return value, low, high
