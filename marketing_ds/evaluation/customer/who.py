"""Who the customers are: shares of every fact with Wilson's intervals, and TGI."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.estimate import wilson
from marketing_ds.audiences import Audience, audience
from marketing_ds.profiling import profile
from marketing_ds.tags import Tag

TOLD = ("title", "value")
"""Columns that there are once a language."""


def who(
    rows: ir.Table,
    chosen: ir.BooleanValue,
    against: ir.BooleanValue | None,
    tags: Sequence[str | Tag],
    *,
    group: str,
    min_count: int,
    alpha: float,
) -> pd.DataFrame:
    """The customers `chosen` of `rows` against all of them, or against those of `against`.

    Returns
    -------
    pandas.DataFrame
        One row a value of a fact, facts and values in their natural order. `rate_share` is the part
        of the base's customers with this value who are in the audience: of responders against
        those reached, the response rate.
    """
    base: ir.Table | Audience = rows if against is None else audience(rows, against)
    found = profile(audience(rows, chosen), base, list(tags), min_count=min_count, alpha=alpha)
    columns = {column.name: column for column in found.columns}
    told = found.rows[found.rows["cell"].notna()]["tag"]
    shown = found.rows[found.rows["tag"].isin(told)]  # not what nobody has a value of
    place = [
        (list(columns).index(name), columns[name].place(cell))
        for name, cell in zip(shown["tag"], shown["cell"], strict=True)
    ]
    shown = shown.iloc[sorted(range(len(place)), key=place.__getitem__)]
    n, base_n = shown["n_audience"].to_numpy(), shown["n_base"].to_numpy()
    frame = pd.DataFrame({"group": group, "tag": shown["tag"].to_numpy()})
    for name in TOLD:
        for language in ("en", "zh"):
            frame[f"{name}_{language}"] = shown[f"{name}_{language}"].to_numpy()
    frame["n"], frame["n_base"] = n, base_n
    for name, count, size in (
        ("customer_share", n, found.audience_count),
        ("base_share", base_n, found.base_count),
        ("rate_share", n, base_n),
    ):
        lower, upper = wilson(count, size, alpha=alpha)
        frame[name] = count / size
        frame[f"{name}_ci_lower"], frame[f"{name}_ci_upper"] = lower, upper
    for name in ("tgi", "tgi_ci_lower", "tgi_ci_upper", "p_value", "p_adjusted"):
        frame[name] = shown[name].to_numpy()
    return frame
