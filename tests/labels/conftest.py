"""What the tests of labels share: who has a label."""

from __future__ import annotations

from typing import Any

from marketing_ds.labels import Label
from marketing_ds.mart import Mart


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
