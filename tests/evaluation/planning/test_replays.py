"""A/A replays: the very numbers of a split by hash, and that they can fail."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import Mean
from marketing_ds.evaluation.planning import past_behaviour, replay
from marketing_ds.mart import Mart


def customers(n: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    before = rng.gamma(2.0, 50.0, n)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "spend": before + rng.gamma(1.0, 40.0, n),
            "spend_before": before,
        }
    )


def test_replays_are_splits_by_the_hash_of_the_id() -> None:
    past = customers(700)
    found = replay(past, [Mean("spend", covariates=())], n_replays=20, salt="s").to_frame().iloc[0]
    # 700 customers make 2^7 buckets: one hexadecimal digit and three bits of the next.
    digests = [hashlib.sha256(f"s:{c}".encode()).hexdigest() for c in past["customer_id"]]
    names = [f"{d[0]}{int(d[1], 16) // 2}" for d in digests]
    order = {name: i for i, name in enumerate(sorted(set(names)))}
    bucket = np.array([order[name] for name in names])
    seed = int.from_bytes(hashlib.sha256(b"s").digest()[:8], "big")
    drawn = np.random.default_rng(seed).random((20, len(order)))
    effects, errors = [], []
    for dealt in drawn >= 0.5:
        arm, control = (past.loc[dealt[bucket] == side, "spend"] for side in (True, False))
        effects.append(arm.mean() - control.mean())
        errors.append(arm.var() / len(arm) + control.var() / len(control))
    assert found["realised_error"] == pytest.approx(np.std(effects, ddof=1), rel=1e-9)
    assert found["standard_error"] == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-9)


def test_the_engines_formulas_hold_on_honest_data() -> None:
    found = replay(customers(6_000), n_replays=150, rel_lift=0.05)
    row = found.to_frame().iloc[0]
    assert found.passed
    assert (found.replays, found.customers) == (150, 6_000)
    assert row["false_alarm_share_ci_lower"] < 0.05 < row["false_alarm_share_ci_upper"]
    assert row["error_ratio_ci_lower"] < 1 < row["error_ratio_ci_upper"]
    assert row["power_share"] == pytest.approx(row["planned_power_share"], abs=0.12)
    plain = (
        replay(customers(6_000), [Mean("spend", covariates=())], n_replays=20).to_frame().iloc[0]
    )
    assert row["standard_error"] < 0.6 * plain["standard_error"]
    assert "as the formula says" in found.sentence()
    assert "与公式一致" in found.sentence("zh")


def test_a_metric_that_one_customer_decides_fails() -> None:
    past = customers(2_000)
    past.loc[7, "spend"] = 1e7
    found = replay(past, ["spend"], covariates=[], n_replays=150)
    assert not found.passed
    assert found.to_frame().loc[0, "false_alarm_share"] == 0
    assert "not as the formula says: spend" in found.sentence()
    assert "与公式不符的指标：spend" in found.sentence("zh")
    assert "spend" in found._repr_html_()
    assert replay(past, [Mean("spend", cap=0.99)], covariates=[], n_replays=150).passed


def test_several_arms_in_their_shares() -> None:
    shares = {"control": 2.0, "a": 1.0, "b": 1.0}
    frame = replay(customers(3_000), shares=shares, n_replays=60).to_frame()
    assert frame["arm"].tolist() == ["a", "b"]
    assert frame["as_promised"].all()


def test_the_same_on_both_engines(engine_mart: Mart) -> None:
    past = past_behaviour(engine_mart, as_of="2026-05-18", days=14, before_days=0)
    events = engine_mart["events"].select("event_id", "duration_s")
    many = past.cross_join(events).cross_join(engine_mart["products"].select("product_id"))
    table = many.select(
        customer_id=many.customer_id + many.event_id + many.product_id,
        spend=many.bought_cny + many.duration_s,
    )
    found, known = (
        replay(data, ["spend"], n_replays=20).to_frame()
        for data in (table, table.to_pyarrow().to_pandas())
    )
    assert found.loc[0, "realised_error"] == pytest.approx(known.loc[0, "realised_error"], rel=1e-9)
    assert found.loc[0, "power_share"] == known.loc[0, "power_share"]


def test_what_cannot_be_replayed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 500 customers"):
        replay(customers(499))
    with pytest.raises(InvalidInput, match="n_replays must be at least 20"):
        replay(customers(600), n_replays=3)
    with pytest.raises(InvalidInput, match="must vary"):
        replay(customers(600).assign(spend=1.0), ["spend"], covariates=[])
    with pytest.raises(InvalidInput, match="at least 2 customers in every replay"):
        replay(customers(600), shares={"control": 1.0, "arm": 1e-6})
    with pytest.raises(InvalidInput, match="past must have the column"):
        replay(customers(600).drop(columns="customer_id"))
