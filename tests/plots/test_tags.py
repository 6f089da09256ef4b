"""Pictures of the quality of a tag table."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.tags import tag_quality


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Draw without a screen; leave no figure open."""
    mpl.use("Agg")
    yield
    plt.close("all")


def _frame(**columns: list[float | None]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{n}" for n in range(rows)], **columns})


BEFORE = _frame(steady=[1.0, 2.0] * 200, moved=[1.0, 2.0] * 200, shifted=[1.0, 2.0] * 200)
NOW = _frame(
    steady=[1.0, 2.0] * 200, moved=[1.0] * 400, shifted=[1.0] * 280 + [2.0] * 120
)  # fmt: skip


def test_drift_is_drawn_with_its_thresholds_the_largest_on_top() -> None:
    axes = tag_quality(NOW, BEFORE).plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["steady", "shifted", "moved"]
    assert {text.get_text() for text in axes.texts} == {"watch", "alarm"}
    assert "400 → 400 rows" in axes.get_title(loc="left")
    lengths = [bar.get_x() + bar.get_width() for bar in axes.patches]
    frame = tag_quality(NOW, BEFORE).to_frame().set_index("tag")["psi"]
    assert lengths[1:] == pytest.approx([frame["shifted"], frame["moved"]])
    assert len({tuple(bar.get_facecolor()) for bar in axes.patches}) == 3


def test_only_the_tags_that_moved_most_are_drawn() -> None:
    axes = tag_quality(NOW, BEFORE).plot(top=1)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["moved"]
    with pytest.raises(InvalidInput, match="top must be at least 1"):
        tag_quality(NOW, BEFORE).plot(top=0)


def test_without_an_earlier_table_coverage_is_drawn() -> None:
    _, own = plt.subplots()
    axes = tag_quality(_frame(half=[1.0, None, 2.0, None], full=[1.0, 2.0, 3.0, 4.0])).plot(ax=own)
    assert axes is own
    assert [label.get_text() for label in axes.get_yticklabels()] == ["full", "half"]
    assert [bar.get_width() for bar in axes.patches] == [1.0, 0.5]


def test_nothing_in_common_is_no_picture() -> None:
    quality = tag_quality(_frame(new=[1.0]), _frame(old=[1.0]))
    with pytest.raises(InvalidInput, match="no tag with a PSI"):
        quality.plot()
