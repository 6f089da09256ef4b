"""Pictures of experiments: segments, one-sided intervals, looks one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.inference import Sequential
from marketing_ds.evaluation.looks import sequential_path
from marketing_ds.plots._evaluation import draw_experiment, draw_path


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 2_000
    frame = pd.DataFrame({"arm": ["control", "mail"] * (n // 2)})
    frame["tier"] = np.repeat(["high", "low"], n // 2)
    frame["spend"] = rng.gamma(2, 10, n) + 6 * (frame["arm"] == "mail")
    frame["visits"] = rng.poisson(2, n)
    return frame


def labels(axes: plt.Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_segments_stand_below_the_overall_effect(data: pd.DataFrame) -> None:
    result = analyze_experiment(data, ["spend", "visits"], segments=["tier"])
    assert labels(draw_experiment(result)) == ["visits\nmail", "spend\nmail"]
    axes = draw_experiment(result, segment="tier", metrics=["spend"], relative=False)
    assert labels(axes) == ["low", "high", "spend\nmail"]
    assert "in the metric's own unit" in axes.get_xlabel()


def test_an_open_end_is_an_arrow(data: pd.DataFrame) -> None:
    axes = draw_experiment(analyze_experiment(data, ["spend"], alternative="greater"))
    assert [line.get_marker() for line in axes.lines if line.get_marker() == ">"] == [">"]
    assert not [line for line in axes.lines if line.get_marker() == "<"]


def test_a_path_marks_the_look_at_which_a_difference_was_shown(data: pd.DataFrame) -> None:
    looks = Sequential(planned=2_000)
    path = sequential_path(
        {
            n: analyze_experiment(data.head(n), ["spend"], sequential=looks)
            for n in (100, 1_000, 2_000)
        }
    )
    assert path.decided_at == {"mail": 1_000}
    axes = draw_path(path)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "1000", "2000"]
    assert len(axes.collections) == 2  # band and dot
    assert "Always-valid 95%" in axes.get_title(loc="left")


def test_a_path_without_any_interval_yet_is_a_line(data: pd.DataFrame) -> None:
    early = analyze_experiment(data.head(100), ["spend"], sequential=True)
    axes = draw_path(sequential_path({"day 1": early}))
    assert len(axes.lines) == 2
    assert len(axes.collections) == 1
