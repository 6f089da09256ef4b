"""Behaviour: means and medians of numeric tags per customer, in an audience and its base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import normal_quantile
from marketing_ds.audiences import Audience
from marketing_ds.tags import Tag

from ._columns import LANGUAGES, Column, choose_columns, finite, told_in
from ._ranking import sureness
from ._sides import BOTH, FIRST, SECOND, Sides, is_in, sides

_Array = NDArray[np.float64]
_COLUMNS = [
    "tag", "title", "n_audience", "n_base", "mean_audience", "mean_base",
    "difference", "difference_ci_lower", "difference_ci_upper",
    "ratio", "ratio_ci_lower", "ratio_ci_upper",
    "median_audience", "median_base", "p_value", "p_adjusted",
]  # fmt: skip
_GROUPS = (FIRST, BOTH, SECOND)
_SIDES = {"audience": (FIRST, BOTH), "base": (BOTH, SECOND)}


@dataclass(frozen=True, eq=False)
class Behaviour(Result):
    """Numeric tags per customer, in an audience and its base; made by `behaviour`.

    `.to_frame()` has one row a tag, the ratio that surely lies farthest from 1 first: `tag`, `title`, `n_audience` and
    `n_base` (customers whose value is known), `mean_audience`, `mean_base`, their `difference` and
    `ratio` with intervals (`…_ci_lower`, `…_ci_upper`), `median_audience`, `median_base`, `p_value`
    of the difference and `p_adjusted` (Benjamini–Hochberg over the rows).
    """

    counts: tuple[int, int]
    min_count: int
    alpha: float
    against: Literal["base", "audience"]
    language: str
    rows: pd.DataFrame = field(repr=False)

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a tag, the strongest difference first.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of the titles; the result's own by default.
        """
        return told_in(language or self.language, self.rows, _COLUMNS)


def behaviour(
    aud: Audience | object,
    base: ir.Table | pd.DataFrame | Audience | None = None,
    tags: Sequence[str | Tag] | None = None,
    *,
    min_count: int = 10,
    alpha: float = 0.05,
    language: str = "en",
) -> Behaviour:
    """Compare numeric tags per customer: means with difference, ratio and intervals, and medians.

    Parameters
    ----------
    aud, base
        The two sides, as in `profile`.
    tags : sequence of str or Tag, optional
        Numeric tags; by default all of the table.
    min_count : int
        A tag that fewer customers of either side have a value of is left out.
    alpha : float
        1 − level of the intervals.
    language : {"en", "zh"}
        Language of titles.

    Returns
    -------
    Behaviour

    Raises
    ------
    InvalidInput
        As `profile`; or a tag is not numeric, or there is none.

    Notes
    -----
    Means and medians are over the customers whose value is known and finite. Customers of the
    audience only, of both sides and of the base only are three independent samples; the intervals
    are normal, that of the ratio on the logarithmic scale. There is no ratio (NaN) unless both
    means are above 0. The table is read twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from marketing_ds import audience
    >>> base = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)],
    ...                      "visits": [i % 8 for i in range(400)], "vip": [True, False] * 200})
    >>> found = behaviour(audience(base, "vip")).to_frame()
    >>> found[["tag", "mean_audience", "mean_base", "difference", "median_base"]]
          tag  mean_audience  mean_base  difference  median_base
    0  visits            3.0        3.5        -0.5          3.5
    """
    check_count("min_count", min_count, low=1)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("language", language, LANGUAGES)
    compared = sides(aud, base)
    columns = _numeric(compared.table, tags)
    sizes = compared.sizes()
    rows = _estimated(columns, _moments(compared, columns), min_count, alpha)
    counts = (sizes.first, sizes.second)
    against: Literal["base", "audience"] = "audience" if compared.second else "base"
    return Behaviour(counts, min_count, alpha, against, language, rows)


def _numeric(base: ir.Table, tags: Sequence[str | Tag] | None) -> tuple[Column, ...]:
    columns = choose_columns(base, tags)
    if tags is not None and (other := [c.name for c in columns if not c.numeric]):
        raise InvalidInput(
            f"tags must be numeric here, got {other[0]!r}, which holds {base[other[0]].type()}; "
            f"profile shows the shares of its values"
        )
    numeric = tuple(column for column in columns if column.numeric)
    if not numeric:
        raise InvalidInput("base must have at least one numeric tag, it has none")
    return numeric


def _moments(sides: Sides, columns: Sequence[Column]) -> pd.DataFrame:
    """One row a tag: number, mean and variance by group, and the medians of both sides."""
    rows = sides.rows(**{f"v{i}": finite(sides.table[c.name]) for i, c in enumerate(columns)})
    asked: dict[str, ir.Value] = {}
    for i in range(len(columns)):
        number = rows[f"v{i}"]
        for group in _GROUPS:
            of_group = is_in(rows, group).ifelse(number, None)
            asked |= {
                f"{i}_n_{group}": of_group.count(),
                f"{i}_mean_{group}": of_group.mean(),
                f"{i}_var_{group}": of_group.var(how="pop"),
            }
        for side, groups in _SIDES.items():
            asked[f"{i}_median_{side}"] = is_in(rows, *groups).ifelse(number, None).median()
    found = rows.aggregate(**asked).to_pyarrow().to_pylist()[0]
    table: list[dict[str, float | None]] = [{} for _ in columns]
    for name, value in found.items():
        i, measure = name.split("_", 1)
        table[int(i)][measure] = value
    return pd.DataFrame(table).astype(float)


def _estimated(
    columns: Sequence[Column], moments: pd.DataFrame, least: int, alpha: float
) -> pd.DataFrame:
    """Means, differences and ratios of the tags that enough customers have a value of."""
    n = {g: moments[f"n_{g}"].to_numpy() for g in _GROUPS}
    mean = {g: moments[f"mean_{g}"].fillna(0.0).to_numpy() for g in _GROUPS}
    scatter = {g: n[g] * moments[f"var_{g}"].fillna(0.0).to_numpy() for g in _GROUPS}
    size = {side: np.add(*(n[g] for g in of)) for side, of in _SIDES.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        means = {side: sum(n[g] * mean[g] for g in of) / size[side] for side, of in _SIDES.items()}
        first, second = means["audience"], means["base"]
        weight = {g: tuple((g in of) / size[side] for side, of in _SIDES.items()) for g in _GROUPS}
        difference = first - second
        se = np.sqrt(sum(scatter[g] * (weight[g][0] - weight[g][1]) ** 2 for g in _GROUPS))
        positive = (first > 0) & (second > 0)
        ratio = np.where(positive, first / second, np.nan)
        log_var = sum(
            scatter[g] * (weight[g][0] / first - weight[g][1] / second) ** 2 for g in _GROUPS
        )
        log_se = np.sqrt(np.where(positive, log_var, np.nan))
        p = np.where(se > 0, 2 * ndtr(-np.abs(difference) / se), np.where(difference == 0, 1.0, 0))
    half = normal_quantile(alpha)
    rows = pd.DataFrame(
        {
            "tag": [column.name for column in columns],
            **{f"title_{lang}": [c.title(lang) for c in columns] for lang in LANGUAGES},
            "n_audience": size["audience"].astype(np.int64),
            "n_base": size["base"].astype(np.int64),
            "mean_audience": first,
            "mean_base": second,
            "difference": difference,
            "difference_ci_lower": difference - half * se,
            "difference_ci_upper": difference + half * se,
            "ratio": ratio,
            "ratio_ci_lower": ratio * np.exp(-half * log_se),
            "ratio_ci_upper": ratio * np.exp(half * log_se),
            "median_audience": moments["median_audience"].to_numpy(),
            "median_base": moments["median_base"].to_numpy(),
            "p_value": p,
            "_size": np.abs(difference) / np.where(se > 0, se, np.inf),
        }
    )
    rows = rows[(rows["n_audience"] >= least) & (rows["n_base"] >= least)]
    sure = sureness(100 * rows["ratio_ci_lower"], 100 * rows["ratio_ci_upper"])
    rows = rows.assign(_sure=np.nan_to_num(sure))
    rows = rows.sort_values(["_sure", "_size", "tag"], ascending=[False, False, True])
    rows = rows.drop(columns=["_sure", "_size"]).reset_index(drop=True)
    p_values = rows["p_value"].to_numpy()
    return rows.assign(p_adjusted=false_discovery_control(p_values) if len(rows) else p_values)
