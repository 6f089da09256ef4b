"""The distribution of one numeric tag in an audience and in its base, for a picture of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience
from marketing_ds.tags import Tag

from ._bins import Bin
from ._cells import count_cells
from ._columns import LANGUAGES, Column, choose_columns, finite, told_in
from ._sides import BOTH, FIRST, SECOND, Sides, is_in, sides
from ._suppress import kept_of_list

_COLUMNS = ["value", "low", "high", "n_audience", "n_base", "audience_share", "base_share"]
_HEAVY = 0.1
"""A part of the customers that makes 0 a bar of its own."""
_SKEWED = 10.0
"""The 99th percentile over the median from which ratios are shown, not differences."""


@dataclass(frozen=True, eq=False)
class Distribution(Result):
    """Shares of a numeric tag's ranges in audience and base; made by `distribution`.

    `.to_frame()` has one row a range, in order: `value` (for people), `low` and `high` (NaN where it
    has no end), `n_audience`, `n_base`, `audience_share`, `base_share`: NaN where the range holds
    too few customers to be shown. Shares are of the customers whose value is known.

    Attributes
    ----------
    medians : tuple of float
        Of audience and base.
    known : tuple of int
        Customers of audience and base whose value is known.
    """

    tag: str
    titles: tuple[str, str]
    medians: tuple[float, float]
    known: tuple[int, int]
    against: Literal["base", "audience"]
    language: str
    rows: pd.DataFrame = field(repr=False)

    def title(self, language: str | None = None) -> str:
        """The tag's name for people."""
        return self.titles[LANGUAGES.index(language or self.language)]

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a range, in order.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of the ranges; the result's own by default.
        """
        return told_in(language or self.language, self.rows, _COLUMNS)


def distribution(
    aud: Audience | object,
    tag: str | Tag,
    base: ir.Table | pd.DataFrame | Audience | None = None,
    *,
    bins: int = 20,
    min_count: int = 10,
    language: str = "en",
) -> Distribution:
    """How a numeric tag is spread over an audience, laid over how it is spread over the base.

    Parameters
    ----------
    aud, base
        The two sides, as in `profile`.
    tag : str or Tag
        A numeric tag.
    bins : int
        About how many ranges.
    min_count : int
        Smallest number of customers that is shown.
    language : {"en", "zh"}
        Language of title and ranges.

    Returns
    -------
    Distribution

    Raises
    ------
    InvalidInput
        As `profile`; or the tag is not numeric, or nobody has a value.

    Notes
    -----
    Ranges are equally wide between the 1st and the 99th percentile of both sides together; those
    of a skewed tag without negative values grow by equal ratios. 0 is a range of its own where a
    tenth of the customers have it. The table is read three times.

    Examples
    --------
    >>> import pandas as pd
    >>> from marketing_ds import audience
    >>> base = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)],
    ...                      "visits": [i % 5 for i in range(400)], "vip": [True, False] * 200})
    >>> spread = distribution(audience(base, "vip"), "visits")
    >>> spread.to_frame()[["value", "n_audience", "n_base"]]
      value  n_audience  n_base
    0     0          40      80
    1     1          40      80
    2     2          40      80
    3     3          40      80
    4     4          40      80
    """
    check_count("bins", bins, low=2, high=200)
    check_count("min_count", min_count, low=1)
    check_choice("language", language, LANGUAGES)
    compared = sides(aud, base)
    (column,) = choose_columns(compared.table, [tag])
    if not column.numeric:
        raise InvalidInput(
            f"tag must be numeric to have a distribution, got {column.name!r}, which holds "
            f"{compared.table[column.name].type()}; use profile(...).mix({column.name!r})"
        )
    compared.sizes()
    found = _summary(compared, column)
    if not found["n_audience"] or not found["n_base"]:
        raise InvalidInput(
            f"tag {column.name!r} must have values on both sides to have a distribution; nobody of "
            f"{'the base' if found['n_audience'] else 'the audience'} has one"
        )
    ranged = replace(column, bins=_ranges(found, bins))
    if not found["part"]:
        ranged = replace(ranged, kind="whole")
    known = (int(found["n_audience"]), int(found["n_base"]))
    return Distribution(
        column.name,
        (column.title("en"), column.title("zh")),
        (found["median_audience"], found["median_base"]),
        known,
        "audience" if compared.second else "base",
        language,
        _rows(compared, ranged, known, min_count),
    )


def _summary(sides: Sides, column: Column) -> Mapping[str, float]:
    """What the ranges are made from: quantiles, how many are known, 0 and negative."""
    rows = sides.rows(v=finite(sides.table[column.name]))
    number = rows.v
    first, second = is_in(rows, FIRST, BOTH), is_in(rows, BOTH, SECOND)
    positive = (number > 0).ifelse(number, None)
    found: Mapping[str, float] = (
        rows.aggregate(
            n=number.count(),
            n_audience=first.ifelse(number, None).count(),
            n_base=second.ifelse(number, None).count(),
            median_audience=first.ifelse(number, None).median(),
            median_base=second.ifelse(number, None).median(),
            zero=(number == 0).ifelse(1, None).count(),
            negative=(number < 0).ifelse(1, None).count(),
            part=(number != number.floor()).any(),
            low=number.quantile(0.01),
            high=number.quantile(0.99),
            least=number.min(),
            most=number.max(),
            low_positive=positive.quantile(0.01),
            middle_positive=positive.median(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    return found


def _ranges(found: Mapping[str, float], bins: int) -> tuple[Bin, ...]:
    """Ranges that cover every value, in order."""
    low, high = found["low"], found["high"]
    if not found["part"] and found["most"] - found["least"] < bins:
        values = range(int(found["least"]), int(found["most"]) + 1)
        return tuple(Bin(float(v), float(v), alone=True) for v in values)
    alone = found["zero"] >= _HEAVY * found["n"] and not found["negative"]
    skewed = not found["negative"] and high > _SKEWED * (found["middle_positive"] or high)
    if alone or skewed:
        low = found["low_positive"] or low
    spaced = np.geomspace if skewed else np.linspace
    edges = spaced(low, high, bins - 1)
    if not found["part"]:
        edges = np.ceil(edges)
    cuts = list(dict.fromkeys(_rounded(edge, low, high, skewed) for edge in edges))
    cuts = [cut for cut in cuts if cut > 0 or not alone]
    ends: list[float | None] = [0.0 if alone else None, *cuts, None]
    start = [Bin(0.0, 0.0, alone=True)] if alone else []
    ranges = [Bin(a, b, above=alone and i == 0) for i, (a, b) in enumerate(pairwise(ends))]
    return (*start, *ranges)


def _rounded(edge: float, low: float, high: float, skewed: bool) -> float:
    """The edge with as many digits as tell it from its neighbours."""
    unit = abs(edge) if skewed else high - low
    if unit <= 0:
        return float(edge)
    return float(round(edge, 2 - int(np.floor(np.log10(unit)))))


def _rows(sides: Sides, column: Column, known: tuple[int, int], least: int) -> pd.DataFrame:
    """One row a range, in order, those with too few customers without numbers."""
    counted = count_cells(sides, [column], least, or_nobody=True)
    counted = counted[counted["cell"].notna()]
    counted = counted.sort_values("cell", key=lambda cells: cells.astype(int), kind="stable")
    numbers = counted[["n_audience", "n_base"]].to_numpy()
    counted = counted[kept_of_list(numbers, np.array(known), least)]
    cells = [str(i) for i in range(1, len(column.bins) + 1)]
    shown = counted.set_index("cell")[["n_audience", "n_base"]].reindex(cells)
    n_audience, n_base = (shown[name].to_numpy(dtype=float) for name in shown)
    return pd.DataFrame(
        {
            **{f"value_{lang}": [column.label(c, lang) for c in cells] for lang in LANGUAGES},
            "low": np.array([b.low for b in column.bins], dtype=float),
            "high": np.array([b.high for b in column.bins], dtype=float),
            "n_audience": pd.array(n_audience, dtype="Int64"),
            "n_base": pd.array(n_base, dtype="Int64"),
            "audience_share": n_audience / known[0],
            "base_share": n_base / known[1],
        }
    )
