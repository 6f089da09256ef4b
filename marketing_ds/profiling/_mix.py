"""The mix of an audience by one tag: shares of its values in their natural order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result

from ._columns import LANGUAGES, Column, told_in
from ._rows import each_row

_COLUMNS = [
    "value", "n_audience", "n_base", "audience_share", "base_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper",
]  # fmt: skip
_REST = {"en": "(not shown)", "zh": "（未显示）"}
REST = "rest"
"""Cell of the customers whose values are not shown."""
RFM_ROWS, RFM_COLUMNS = ("important", "general"), ("value", "develop", "keep", "win_back")
"""The grid of RFM classes, ``important_value`` and so on: amount downwards, recency and frequency
across."""


@dataclass(frozen=True, eq=False)
class Mix(Result):
    """Shares of one tag's values in audience and base, with TGI; made by `Profile.mix`.

    `.to_frame()` has one row a value, in natural order: `value`, `n_audience`, `n_base`,
    `audience_share`, `base_share`, and `tgi` with `tgi_ci_lower` and `tgi_ci_upper`. Values too
    small to be shown are one row together, without TGI. `.plot()` draws bars; for RFM classes it
    draws their grid.
    """

    tag: str
    titles: tuple[str, str]
    counts: tuple[int, int]
    alpha: float
    against: Literal["base", "audience"]
    language: str
    rows: pd.DataFrame = field(repr=False)

    def title(self, language: str | None = None) -> str:
        """The tag's name for people."""
        return self.titles[LANGUAGES.index(language or self.language)]

    @property
    def is_rfm(self) -> bool:
        """Whether the values are RFM classes."""
        classes = {f"{row}_{column}" for row in RFM_ROWS for column in RFM_COLUMNS}
        return bool(classes & set(self.by_cell()))

    def by_cell(self) -> dict[str, Any]:
        """The rows by value as the tag has it, those without a value left out."""
        return {row.cell: row for row in each_row(self.rows) if isinstance(row.cell, str)}

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a value, in natural order.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of the values; the mix's own by default.
        """
        return told_in(language or self.language, self.rows, _COLUMNS)


def mix_of(
    column: Column,
    rows: pd.DataFrame,
    counts: Sequence[int],
    *,
    alpha: float,
    against: Literal["base", "audience"],
    language: str,
) -> Mix:
    """The mix by `column` from the rows of a profile."""
    order = sorted(range(len(rows)), key=lambda i: column.place(rows["cell"].iloc[i]))
    shown = rows.iloc[order]
    rest = np.array(counts) - shown[["n_audience", "n_base"]].to_numpy().sum(axis=0)
    if rest.any():
        shares = rest / np.array(counts)
        last = {
            "cell": REST,
            "n_audience": rest[0],
            "n_base": rest[1],
            "audience_share": shares[0],
            "base_share": shares[1],
            **{f"value_{language}": word for language, word in _REST.items()},
        }
        shown = pd.DataFrame([*shown.to_dict("records"), last], columns=rows.columns)
    titles = (column.title("en"), column.title("zh"))
    first, second = counts
    return Mix(
        column.name,
        titles,
        (first, second),
        alpha,
        against,
        language,
        shown.reset_index(drop=True),
    )
