"""Propensity as uplift, by an assumption that stays visible."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.scores import scores_frame
from marketing_ds.strategy import Limits, allocate, assumed_uplift


@pytest.fixture
def scores():
    return scores_frame(
        ["a", "a", "b", "b"],
        as_of="2026-06-30",
        kind="propensity",
        arm=["fund", "loan", "fund", "loan"],
        score=[0.4, 0.3, 0.05, 0.5],
        standard_error=[0.01] * 4,
        model_version="9c1f",
    )


def test_each_arm_has_its_share(scores):
    found = assumed_uplift(scores, {"fund": 0.5, "loan": 0.1})
    assert found["score"].tolist() == pytest.approx([0.2, 0.03, 0.025, 0.05])
    assert set(found["kind"]) == {"uplift"}
    assert found["standard_error"].isna().all()
    assert list(found.columns) == list(scores.columns)


def test_what_was_assumed_is_told(scores):
    found = assumed_uplift(scores, {"fund": 0.5, "loan": 0.1})
    assert found["model_version"].tolist()[:2] == [
        "9c1f: 0.5 of it assumed",
        "9c1f: 0.1 of it assumed",
    ]
    assert scores["model_version"].tolist() == ["9c1f"] * 4  # what was handed in stays


def test_it_can_be_allocated_where_propensity_cannot(scores):
    offers = pd.DataFrame(
        {
            "offer": ["fund", "loan"],
            "channel": "sms",
            "contact_cost_cny": 1.0,
            "benefit_cost_cny": 0.0,
            "redeem_rate": 0.0,
            "value_cny": 100.0,
        }
    )
    with pytest.raises(InvalidInput, match="assumed_uplift"):
        allocate(scores, offers)
    plan = allocate(assumed_uplift(scores, 0.1), offers, Limits(budget_cny=2)).to_frame()
    assert dict(zip(plan["customer_id"], plan["offer"], strict=True)) == {"a": "fund", "b": "loan"}
    assert plan["net_value_cny"].tolist() == pytest.approx([3.0, 4.0])


@pytest.mark.parametrize(
    ("change", "share", "message"),
    [
        (
            lambda s: s.assign(kind="uplift"),
            0.1,
            "kind of scores must be 'propensity', got 'uplift'",
        ),
        (lambda s: s.assign(arm=None), 0.1, "arm of scores must name an offer in every row, got 4"),
        (lambda s: s, {"fund": 0.1}, "share must name every arm of scores, 'loan' is missing"),
        (lambda s: s, 1.2, "share of 'fund' must be between 0 and 1, got 1.2"),
        (lambda s: s, np.nan, "share of 'fund' must be"),
        (lambda s: s.drop(columns="score"), 0.1, "score"),
        (lambda s: s.head(0), 0.1, "got no rows"),
    ],
)
def test_refuses(scores, change, share, message):
    with pytest.raises(InvalidInput, match=message):
        assumed_uplift(change(scores), share)
