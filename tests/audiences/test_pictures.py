"""Pictures of audiences: each shows what its result holds."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.rules import Removals

FRAME = pd.DataFrame(
    {
        "customer_id": [f"c{n:02d}" for n in range(40)],
        "n": np.arange(40),
        "word": ["a", "b", None, "c"] * 10,
    }
)


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    matplotlib.use("Agg")
    yield
    plt.close("all")


def texts(axes: plt.Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def labels(axes: plt.Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_an_overlap_shows_shares_and_sizes() -> None:
    few = audience(FRAME, "n < 10")
    none, more = (
        audience(few.base, "n < 0"),
        audience(few.base, "n < 20 and n >= 0 and n is not null"),
    )
    axes = few.overlap(more, none, none, names=["few", "more", "x", "y"]).plot()
    assert texts(axes)[:4] == ["10", "50.0%\n10", "0.0%\n0", "0.0%\n0"]
    assert texts(axes)[11] == "–"  # two audiences of nobody have no overlap to speak of
    assert labels(axes) == ["few  (1)", "more  (2)", "x  (3)", "y  (4)"]
    long = few.overlap(more).plot(ax=plt.subplots()[1])
    assert labels(long)[1] == "n < 20 and n >= 0 and n is not null  (2)"


def test_a_split_shows_its_largest_differences() -> None:
    drawn = audience(FRAME, "n >= 0").split(["a", "b"], balance=["n", "word"])
    axes = drawn.plot()
    frame = drawn.to_frame().sort_values("smd", ascending=False)
    assert len(labels(axes)) == 5
    assert labels(axes)[-1].split(":")[0] == frame["tag"].iloc[0]
    assert axes.get_title(loc="left") == "Balance of the arms: a 20, b 20"
    assert len(labels(drawn.plot(top=2))) == 2
    with pytest.raises(InvalidInput, match="top must be at least 1"):
        drawn.plot(top=0)
    empty = audience(FRAME, "n >= 0").split(["a", "b"], balance=[]).plot()
    assert labels(empty) == []


def test_removals_show_what_each_rule_does() -> None:
    found = Removals(
        100, 60, {"a": 30, "b" * 60: 20, "none": 0}, {"a": 20, "b" * 60: 20, "none": 0}
    )
    axes = found.plot()
    assert texts(axes) == ["0", "20", "30, of these 20 by no other"]
    assert labels(axes) == ["none", "b" * 47 + "…", "a"]
    assert axes.get_title(loc="left") == "60 of 100 customers are left"
    assert Removals(5, 5, {}, {}).plot().get_title(loc="left") == "5 of 5 customers are left"
