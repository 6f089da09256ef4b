"""Did those who were found do better than a random choice? On the sample bank, end to end."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import marketing_ds as mds
from marketing_ds.lookalike import Lookalike

ROOT = Path(__file__).parents[2]
CUTOFF = dt.date(2026, 5, 31)
"""A month before the bank's last day; the seeds' campaign was over by then."""


@pytest.fixture(scope="module")
def mart(tmp_path_factory):
    workspace = tmp_path_factory.mktemp("later") / "workspace"
    with mds.open_mart(ROOT / "data_samples", workspace=workspace) as opened:
        yield opened


@pytest.fixture(scope="module")
def drawn(mart):
    """Found among the customers of the cutoff, by seeds of a campaign before it; and a hold-out."""
    campaign = mds.outcomes.campaign(mart, "K06")
    outcomes = mds.campaign_outcomes(mart, "K06", as_of=CUTOFF)
    seeds = outcomes.filter(outcomes.converted > 0).select("customer_id")
    tags = ["events_90d", "active_days_90d", "transactions_90d", "wealth_pages_90d", "aum",
            "purchases_90d", "lifecycle", "region"]  # fmt: skip
    before = mds.tag_table(mart, campaign.features_as_of, tags=tags)
    look = Lookalike("neighbours", n_jobs=1).fit(before, seeds)
    return look.expand(mds.tag_table(mart, CUTOFF, tags=tags), share=0.1).holdout()


def test_the_found_buy_more_than_the_random_holdout(mart, drawn):
    published = drawn.publish(mart, "lookalike_holdout", as_of=CUTOFF)
    arms = mart.latest("assignments", name="lookalike_holdout", as_of=CUTOFF)
    assert published.rows == arms.count().to_pyarrow().as_py()
    bought = mds.labels.bought(category="wealth").table(mart, CUTOFF, 30)
    result = mds.analyze_experiment(
        arms.inner_join(bought, "customer_id"), ["label"], shares=drawn.shares
    )
    assert not result.blocked
    (row,) = result.to_frame().to_dict("records")
    assert row["arm"] == "lookalike"
    assert row["effect_ci_lower"] > 0
    assert "lookalike raised it" in result.verdict


def test_the_holdout_buys_as_all_candidates_do(mart, drawn):
    bought = mds.labels.bought(category="wealth").table(mart, CUTOFF, 30)
    labels = bought.to_pyarrow().to_pandas().set_index("customer_id")["label"]
    held = labels[drawn.ids("control")]
    error = (held.var() / len(held)) ** 0.5
    assert abs(held.mean() - labels.mean()) < 4 * error
