"""Pictures of plans, policy values and experiments draw what they say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.plots._evaluation import draw_experiment
from marketing_ds.plots._strategy import draw_plan, draw_policy_value
from marketing_ds.strategy import Limits, allocate, policy_value


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(400)],
            "arm": ["control", "mail"] * 200,
            "probability": 0.5,
            "visit": rng.random(400) < np.tile([0.2, 0.4], 200),
            "spend": rng.gamma(1, 10, 400),
        }
    )


def test_a_plan_shows_one_pair_of_bars_an_offer() -> None:
    scores = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "as_of": "2026-06-30", "kind": "uplift"}
    ).assign(arm="mail", score=[0.1, 0.2, -0.1])
    offers = pd.DataFrame({"offer": ["mail"], "channel": ["email"]}).assign(
        contact_cost_cny=1.0, benefit_cost_cny=0.0, redeem_rate=0.0, value_cny=100.0
    )
    axes = draw_plan(allocate(scores, offers))
    assert len(axes.patches) == 2
    assert "2 of 3 customers" in axes.get_title(loc="left")
    empty = draw_plan(allocate(scores, offers, Limits(max_customers=0)))
    assert "0 of 3 customers" in empty.get_title(loc="left")


def test_policy_value_shows_every_policy_but_doing_nothing(data: pd.DataFrame) -> None:
    result = policy_value(
        data, {"c1": "mail"}, metrics=["visit"], value={"visit": 2}, cost={"mail": 0.1}
    )
    axes = draw_policy_value(result)
    assert len(axes.patches) == 3
    assert "net_value_cny" in axes.get_xlabel()
    assert "visit" in draw_policy_value(result, metric="visit").get_xlabel()
    with pytest.raises(InvalidInput, match="metric must be one of"):
        draw_policy_value(result, metric="visits")


@pytest.mark.parametrize("relative", [True, False])
def test_an_experiment_shows_one_line_a_metric_and_arm(relative: bool, data: pd.DataFrame) -> None:
    _, axes = plt.subplots()
    result = analyze_experiment(data, ["visit", "spend"])
    assert draw_experiment(result, ax=axes, relative=relative) is axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["spend\nmail", "visit\nmail"]
    assert len(axes.texts) == 2


def test_a_blocked_experiment_says_so(data: pd.DataFrame) -> None:
    axes = draw_experiment(analyze_experiment(data, ["visit"], shares={"control": 1, "mail": 3}))
    assert axes.get_title(loc="left") == "No verdict: sample ratio"
