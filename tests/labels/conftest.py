"""What the tests of labels share: marts from rows, and who has a label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_ds.labels import Label
from marketing_ds.mart import Mart, open_mart

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


def told(mart: Mart, label: Label, cutoff: str, days: int, **options: Any) -> dict[str, int]:
    """Customer → label."""
    rows = label.table(mart, cutoff, days, **options)
    assert rows.columns == ("customer_id", "label")
    assert rows["label"].type().is_int64()
    found = rows.to_pyarrow().to_pylist()
    labels = {row["customer_id"]: row["label"] for row in found}
    assert len(labels) == len(found)
    return labels


def positives(mart: Mart, label: Label, cutoff: str, days: int, **options: Any) -> set[str]:
    """Customers for whom the label is 1."""
    return {c for c, label_ in told(mart, label, cutoff, days, **options).items() if label_}
