"""Pictures of customer lifetime value: what they show, and that they are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_cdnow
from marketing_ds.profiling import (
    BetaGeo,
    GammaGamma,
    frequency_fit,
    lifetime_value,
    purchase_summary,
    track_purchases,
)

mpl.use("Agg")
MODEL, SPEND = BetaGeo(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return purchase_summary(load_cdnow().purchases, "1997-09-30").to_frame()


def test_the_heat_map_shows_who_is_alive() -> None:
    axes = MODEL.plot(T=40, most=10)
    shown = axes.collections[0].get_array().reshape(10, -1)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (np.diff(shown, axis=1) > 0).all()  # the later the last purchase, the surer
    assert (
        axes.get_title(loc="left") == "Who is still a customer, 40 weeks after the first purchase"
    )


def test_the_heat_map_shows_who_will_buy() -> None:
    axes = BetaGeo(0.243, 31.0, 0.793, 2.426, unit="day").plot(
        value="expected_purchases", horizon=30
    )
    assert axes.get_xlabel() == "days from the first purchase to the last"
    assert "365 days" in axes.get_title(loc="left")
    assert axes.figure.axes[1].get_ylabel() == "purchases expected in 30 days"
    with pytest.raises(InvalidInput, match="value must be one of 'p_alive', 'expected_purchases'"):
        MODEL.plot(value="alive")


def test_spend_is_drawn_to_everybodys_mean() -> None:
    axes = SPEND.plot()
    steep = [np.ptp(line.get_ydata()) / np.ptp(line.get_xdata()) for line in axes.lines[:4]]
    assert steep == sorted(steep, reverse=True)
    assert [t.get_text() for t in axes.get_legend().get_texts()][-1] == "1 repeat purchase"


def test_the_histogram_sets_actual_beside_expected(summary: pd.DataFrame) -> None:
    axes = frequency_fit(MODEL, summary).plot()
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:3] == [1411, 439, 214]
    assert axes.get_title(loc="left").startswith("Does the model fit? χ² = 4.8")
    assert "p =" not in frequency_fit(MODEL, summary, most=3).plot().get_title(loc="left")


@pytest.mark.parametrize("total", [False, True])
def test_tracking_shades_the_hold_out(total: bool) -> None:
    tracking = track_purchases(
        MODEL, load_cdnow().purchases, as_of="1997-09-30", until="1998-06-30"
    )
    axes = tracking.plot(total=total)
    rows = tracking.to_frame()
    assert (
        axes.lines[0].get_ydata().tolist() == rows["actual_total" if total else "actual"].tolist()
    )
    assert axes.patches[0].get_x() == 39.5


def test_value_is_drawn_as_concentration(summary: pd.DataFrame) -> None:
    fitted = lifetime_value(summary, BetaGeo.fit(summary), GammaGamma.fit(summary)).plot()
    assert " to " in fitted.get_title(loc="left")
    axes = lifetime_value(summary, MODEL, SPEND).plot()
    assert axes.get_title(loc="left").startswith("Lifetime value over 12 months: ")
    held = axes.lines[0].get_ydata()
    assert held[0] == 0
    assert held[-1] == pytest.approx(1)
    assert (np.diff(held) >= 0).all()
    assert axes.texts[0].get_text() == "the top 20% hold 71%"
