"""What the tests of tags share: marts from rows, and tag tables as frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from marketing_ds.mart import Mart, open_mart
from marketing_ds.tags import tag_table

Rows = list[dict[str, Any]]
OpenTables = Callable[[dict[str, Rows]], Mart]


@pytest.fixture
def open_tables(
    tmp_path: Path, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Iterator[OpenTables]:
    """A function that opens a mart of the given rows."""
    opened: list[Mart] = []

    def open_them(tables: dict[str, Rows]) -> Mart:
        number = len(opened)
        folder = write_mart(tmp_path / f"mart_{number}", tables)
        opened.append(open_mart(folder, workspace=tmp_path / f"workspace_{number}"))
        return opened[-1]

    yield open_them
    for mart in opened:
        mart.close()


def frame_of(mart: Mart, as_of: str, tags: list[str] | None = None) -> pd.DataFrame:
    """The tag table as a frame, one row a customer, in order of the customers."""
    table = tag_table(mart, as_of, tags).order_by("customer_id")
    frame: pd.DataFrame = table.to_pyarrow().to_pandas().set_index("customer_id")
    return frame
