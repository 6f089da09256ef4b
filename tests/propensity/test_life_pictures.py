"""Pictures of rankings, drift and decay show the figures they are drawn from."""

from __future__ import annotations

import datetime as dt

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import (
    PropensityModel,
    evaluate_probabilities,
    evaluate_ranking,
    performance_over_time,
)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_ranking_shows_three_lines_and_the_difference():
    rng = np.random.default_rng(0)
    Y = np.eye(4)[rng.integers(0, 4, 300)]
    result = evaluate_ranking(Y, Y + rng.normal(0, 0.5, Y.shape), k=2)
    axes = result.plot()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["model", "most popular eligible", "most popular"]
    rival = result.estimate("hit_rate", "most popular eligible")
    assert f"2 shown: {rival['difference']:+.1%}" in axes.get_title()


def test_drift_shows_a_bar_each_and_its_yardstick():
    rng = np.random.default_rng(0)
    tags = pd.DataFrame({"age": rng.normal(size=600), "visits": rng.normal(size=600)})
    y = (rng.random(600) < 1 / (1 + np.exp(1 - tags["age"]))).astype(int)
    model = PropensityModel(n_jobs=1, max_trees=5).fit(tags, y)
    drift = model.drift(tags + 2)
    axes = drift.plot()
    frame = drift.to_frame().iloc[::-1]
    assert [bar.get_width() for bar in axes.patches] == frame["psi"].tolist()
    assert [text.get_text() for text in axes.get_yticklabels()].count("SCORE") == 1
    assert "alarm" in axes.get_title()
    assert len(drift.plot(top=1).patches) == 1


def test_decay_shows_each_date_and_alarms_apart():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.4, 3000)
    truth = (rng.random(3000) < p).astype(int)
    rows = pd.concat(
        pd.DataFrame(
            {
                "customer_id": np.arange(3000).astype(str),
                "as_of": day,
                "score": p,
                "label": labels,
            }
        )
        for day, labels in (
            (dt.date(2026, 1, 31), truth),
            (dt.date(2026, 2, 28), rng.permutation(truth)),
        )
    )
    decay = performance_over_time(
        rows.drop(columns="label"), rows, evaluate_probabilities(truth, p)
    )
    axes = decay.plot()
    assert [t.get_text() for t in axes.get_xticklabels()] == ["2026-01-31", "2026-02-28"]
    labels = {text.get_text() for text in axes.get_legend().get_texts()}
    assert labels == {"as at training", "worse: alarm", "training"}
    assert decay.plot(measure="calibration_intercept").get_ylabel().startswith("calibration")
    with pytest.raises(InvalidInput, match="measure must be one of"):
        decay.plot(measure="ks")
