"""Policy value: right on average, honest about its error, exact where it must be."""

from __future__ import annotations

from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binom

from marketing_ds._core.errors import InvalidInput
from marketing_ds.strategy import Limits, allocate, policy_value


def draw(n: int, rng: np.random.Generator, *, vary: bool = False) -> pd.DataFrame:
    """Two arms against control; the mail helps where `x` is high, the call hurts where low."""
    x = rng.random(n)
    call = 0.1 + 0.3 * x if vary else np.full(n, 0.2)
    chances = np.column_stack([0.8 - call, call, np.full(n, 0.2)])
    arm = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    mean = np.column_stack([0.1 + 0.1 * x, 0.2 + 0.0 * x, 0.05 + 0.3 * x])
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "x": x,
            "arm": np.array(["control", "call", "mail"])[arm],
            "probability": chances[np.arange(n), arm],
            "buy": (rng.random(n) < mean[np.arange(n), arm]).astype(float),
            "spend": rng.gamma(0.5, 20, n) * (rng.random(n) < mean[np.arange(n), arm]),
        }
    )


def recommend(data: pd.DataFrame) -> pd.DataFrame:
    arm = np.select([data["x"] > 0.6, data["x"] < 0.3], ["mail", "call"], "control")
    return data[["customer_id"]].assign(offer=arm)


# E[buy] = ∫ of the chosen arm's mean over x; by hand from the means in `draw`.
TRUE_PLAN = 0.3 * 0.2 + (0.1 * 0.3 + 0.05 * (0.36 - 0.09)) + (0.05 * 0.4 + 0.15 * (1 - 0.36))
TRUE = {
    "plan": TRUE_PLAN,
    "treat no one": 0.15,
    "treat everyone: call": 0.2,
    "treat everyone: mail": 0.2,
    "random, same share as plan": 0.3 * 0.15 + 0.3 * 0.2 + 0.4 * 0.2,
}


def row(result: pd.DataFrame, policy: str, metric: str = "buy") -> pd.Series:
    return result[(result["policy"] == policy) & (result["metric"] == metric)].iloc[0]


def test_intervals_cover_the_truth() -> None:
    repetitions, rng = 500, np.random.default_rng(11)
    covered = {(policy, what): 0 for policy in TRUE for what in ("value", "gain", "lead")}
    for _ in range(repetitions):
        data = draw(1_000, rng, vary=True)
        found = policy_value(data, recommend(data), metrics=["buy"]).to_frame().set_index("policy")
        for policy, truth in TRUE.items():
            aims = {
                "value": truth,
                "gain": truth - TRUE["treat no one"],
                "lead": TRUE["plan"] - truth,
            }
            for what, aim in aims.items():
                low, high = (
                    found.loc[policy, f"{what}_per_1000_ci_{end}"] for end in ("lower", "upper")
                )
                covered[policy, what] += low - 1e-9 <= 1000 * aim <= high + 1e-9
    # 95 % within what 500 repetitions and 24 comparisons allow; differences with oneself are 0.
    low, high = binom.ppf([0.0005, 0.9995], repetitions, 0.95)
    own = {("plan", "lead"), ("treat no one", "gain")}
    for key, count in covered.items():
        assert count == repetitions if key in own else low <= count <= high, (key, count)


def test_one_stratum_is_the_difference_of_arm_means(hand: pd.DataFrame) -> None:
    everyone = hand[["customer_id"]].assign(offer="mail")
    found = row(policy_value(hand, everyone, metrics=["buy"]).to_frame(), "plan")
    by_arm = hand.groupby("arm")["buy"]
    effect = by_arm.mean()["mail"] - by_arm.mean()["control"]
    error = np.sqrt((by_arm.var() / by_arm.count()).sum())
    assert found["gain_per_1000"] == pytest.approx(1000 * effect)
    width = found["gain_per_1000_ci_upper"] - found["gain_per_1000_ci_lower"]
    assert width == pytest.approx(1000 * 2 * 1.959964 * error, rel=1e-2)


@pytest.fixture
def hand() -> pd.DataFrame:
    data = draw(2_000, np.random.default_rng(5))
    data = data[data["arm"] != "call"].reset_index(drop=True)
    return data.assign(probability=np.where(data["arm"] == "control", 0.75, 0.25))


def test_value_is_the_sum_over_strata_of_share_times_arm_mean() -> None:
    data = draw(4_000, np.random.default_rng(6))
    plan = recommend(data)
    found = policy_value(data, plan, metrics=["buy"]).to_frame()
    joined = data.merge(plan, on="customer_id")
    matched = joined[joined["arm"] == joined["offer"]]
    share = joined["offer"].value_counts(normalize=True)
    expected = (matched.groupby("offer")["buy"].mean() * share).sum()
    assert row(found, "plan")["value_per_1000"] == pytest.approx(1000 * expected)
    cells = joined.groupby(["offer", "arm"])["buy"].mean().unstack()
    random = sum(share[arm] * (cells[arm] * share).sum() for arm in share.index)
    assert row(found, "random, same share as plan")["value_per_1000"] == pytest.approx(
        1000 * random
    )


def test_net_value_subtracts_the_cost_of_each_arm() -> None:
    data = draw(4_000, np.random.default_rng(7))
    found = policy_value(
        data,
        recommend(data),
        metrics=["buy", "spend"],
        value={"buy": 5},
        cost={"mail": 0.2, "call": 1},
    ).to_frame()
    for policy in TRUE:
        net, buy = row(found, policy, "net_value_cny"), row(found, policy)
        assert net["value_per_1000"] == pytest.approx(
            5 * buy["value_per_1000"] - buy["cost_cny_per_1000"]
        )
    assert row(found, "treat everyone: call")["cost_cny_per_1000"] == pytest.approx(1000)
    same = row(found, "random, same share as plan")["cost_cny_per_1000"]
    assert same == pytest.approx(row(found, "plan")["cost_cny_per_1000"])


def test_pairing_makes_the_difference_of_like_policies_sure() -> None:
    data = draw(5_000, np.random.default_rng(8))
    plan = recommend(data)
    nearly = plan.assign(offer=plan["offer"].where(plan.index > 100, "control"))
    frame = policy_value(data, plan, metrics=["buy"], baselines={"nearly": nearly}).to_frame()
    lead, value = (
        row(frame, "nearly")[f"{what}_per_1000_ci_upper"]
        - row(frame, "nearly")[f"{what}_per_1000_ci_lower"]
        for what in ("lead", "value")
    )
    assert lead < value / 2


def test_a_handful_of_customers_never_drawn_as_recommended_are_no_obstacle() -> None:
    data = draw(2_000, np.random.default_rng(9))
    few = data.loc[data["arm"] == "control", "customer_id"].head(4)
    result = policy_value(data, dict.fromkeys(few, "mail"), metrics=["buy"]).to_frame()
    assert np.isfinite(result.drop(columns=["policy", "metric"]).to_numpy(float)).all()
    assert row(result, "plan")["treated_share"] == pytest.approx(4 / 2_000)


def test_plans_frames_series_and_ibis_tables_agree(make_scores, offers) -> None:
    data = draw(600, np.random.default_rng(10)).assign(
        customer_id=[f"c{i:07d}" for i in range(600)]
    )
    data["arm"] = data["arm"].replace({"mail": "message"})
    scores = make_scores(np.column_stack([data["x"] - 0.5, 0.2 - data["x"]]), ["message", "call"])
    plan = allocate(scores, offers, Limits(budget_cny=300))
    table = ibis.memtable(pa.Table.from_pandas(data))
    series = plan.to_frame().set_index("customer_id")["offer"]
    expected = policy_value(data, plan, metrics=["buy"]).to_frame()
    for source, given in ((table, plan), (data, series), (data, series.to_dict())):
        pd.testing.assert_frame_equal(
            policy_value(source, given, metrics=["buy"]).to_frame(), expected
        )
    assert policy_value(data, plan, metrics=["buy"])._repr_html_().count("treat no one") == 1


def test_without_probability_the_arms_shares_serve() -> None:
    data = draw(3_000, np.random.default_rng(12))
    plan = recommend(data)
    given = data.assign(probability=data["arm"].map(data["arm"].value_counts(normalize=True)))
    pd.testing.assert_frame_equal(
        policy_value(data, plan, metrics=["buy"], probability=None).to_frame(),
        policy_value(given, plan, metrics=["buy"]).to_frame(),
    )


def test_hillstrom_treat_all_gives_the_published_differences(data_dir: Path) -> None:
    data = pd.read_csv(data_dir / "hillstrom" / "hillstrom.csv.gz")
    data["customer_id"] = [f"h{i}" for i in range(len(data))]
    data["arm"] = data["segment"].replace({"No E-Mail": "control"})
    data["probability"] = 1 / 3
    mens = data.loc[data["mens"] == 1, "customer_id"]
    found = policy_value(data, dict.fromkeys(mens, "Mens E-Mail"), metrics=["visit"]).to_frame()
    everyone = row(found, "treat everyone: Mens E-Mail", "visit")
    assert everyone["gain_per_1000"] == pytest.approx(182.8 - 106.2, abs=0.3)  # published rates
    assert row(found, "plan", "visit")["treated_share"] == pytest.approx(0.551, abs=0.001)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: d.assign(buy=np.nan), {}, "buy must be a finite number"),
        (lambda d: pd.concat([d, d]), {}, "one row per customer_id"),
        (lambda d: d.assign(probability=0.0), {}, r"probability must be in \(0, 1\]"),
        (lambda d: d.assign(arm=None), {}, "arm must not be null"),
        (lambda d: d[d["arm"] != "control"], {}, "control must be an arm of the data"),
        (lambda d: d.drop(columns="buy"), {}, "data must have the column"),
        (lambda d: d, {"metrics": []}, "metrics must be a list"),
        (lambda d: d, {"cost": {"mial": 1}}, "did you mean 'mail'"),
        (lambda d: d, {"cost": {"mail": -1}}, "cost of 'mail' must be at least 0"),
        (lambda d: d, {"value": {"spend": 1}}, "metrics must have the column"),
        (lambda d: d, {"alpha": 5}, "alpha must be between 0 and 1"),
        (lambda d: d, {"recommended": {"c1": "fax"}}, "gives the arm 'fax'"),
        (lambda d: d, {"recommended": {"zz": "mail"}}, "none of them in the data"),
        (lambda d: d, {"recommended": 3}, "must be a plan, a frame"),
        (lambda d: d, {"recommended": pd.Series(["mail"] * 2, ["c1", "c1"])}, "each customer once"),
        (lambda d: d, {"baselines": {"plan": {}}}, "must not use the name 'plan'"),
    ],
)
def test_bad_input_is_refused(change, options, words) -> None:
    data = draw(60, np.random.default_rng(1))
    options = {"recommended": recommend(data), "metrics": ["buy"], **options}
    with pytest.raises(InvalidInput, match=words):
        policy_value(change(data), **options)
