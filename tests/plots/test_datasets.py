"""The picture of the simulated bank's truth."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

import marketing_ds.plots._datasets
from marketing_ds.datasets import Truth


@pytest.fixture(autouse=True)
def _agg() -> Iterator[None]:
    mpl.use("Agg")
    yield
    plt.close("all")


def test_the_truth_shows_each_offer_beside_control() -> None:
    outcomes = pd.DataFrame(
        {
            "customer_id": ["C1", "C1", "C1", "C1", "C1"],
            "campaign_id": ["K1", "K1", "K1", "K2", "K2"],
            "arm": ["control", "note", "coupon", "control", "call"],
            "expected_converted": [0.05, 0.06, 0.09, 0.04, 0.05],
        }
    )
    empty = pd.DataFrame()
    axes = Truth(outcomes, empty, empty, empty, empty).plot()
    assert axes.get_title() == "What each offer really does"
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == ["K1  coupon", "K1  note", "K2  call"]
    assert "conversion" in axes.get_xlabel()
    assert marketing_ds.plots._datasets.draw.dispatch(Truth) is not None
