"""What every loader of a public data set returns."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from marketing_ds._core.display import Result


@dataclass(frozen=True, eq=False)
class PublicData(Result):
    """The tables of a public data set as published, with their origin."""

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    """Frames by name; content as published."""
    source: str
    """Where the data is published."""
    licence: str
    """Licence as stated there."""
    description: str
    """What it is, and what to mind."""

    def to_frame(self) -> pd.DataFrame:
        """One row per table: its name, rows and columns."""
        return pd.DataFrame(
            {
                "table": list(self.tables),
                "rows": [len(frame) for frame in self.tables.values()],
                "columns": [", ".join(map(str, frame)) for frame in self.tables.values()],
            }
        )

    def _repr_html_(self) -> str:
        words = html.escape(f"{self.description} Source: {self.source}. Licence: {self.licence}.")
        return f"{super()._repr_html_()}\n<p>{words}</p>"


@dataclass(frozen=True, eq=False)
class PublicFrame(PublicData):
    """A public data set that is one frame (the first of `tables`)."""

    @property
    def frame(self) -> pd.DataFrame:
        """The data, one row as published each."""
        return next(iter(self.tables.values()))

    def to_frame(self) -> pd.DataFrame:
        """The data itself."""
        return self.frame
