"""What the tests of tags share: marts from rows, and tag tables as frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from marketing_ds.mart import Mart
from marketing_ds.tags import tag_table

Rows = list[dict[str, Any]]
OpenTables = Callable[[dict[str, Rows]], Mart]


def frame_of(mart: Mart, as_of: str, tags: list[str] | None = None) -> pd.DataFrame:
    """The tag table as a frame, one row a customer, in order of the customers."""
    table = tag_table(mart, as_of, tags).order_by("customer_id")
    frame: pd.DataFrame = table.to_pyarrow().to_pandas().set_index("customer_id")
    return frame
