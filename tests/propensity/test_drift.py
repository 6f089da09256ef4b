"""Life after training: drift with chance as its yardstick, and decay once outcomes are in."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.stability import psi
from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity import (
    NextBest,
    PropensityModel,
    evaluate_probabilities,
    performance_over_time,
)
from marketing_ds.propensity._snapshot import learn_snapshot


def make(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    tags = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(rows)],
            "aum_cny": rng.lognormal(10, 1, rows),
            "visits": rng.poisson(0.4, rows),  # many zeros
            "region": rng.choice(["east", "west", "north"], rows, p=[0.5, 0.3, 0.2]),
            "mobile": rng.random(rows) < 0.6,
            "opened_on": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 1000, rows), unit="D"),
            "constant": 1,
        }
    )
    tags.loc[rng.random(rows) < 0.1, "region"] = None
    margin = -12 + np.log(tags["aum_cny"]) + tags["mobile"]
    return tags, (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)


@pytest.fixture(scope="module")
def model() -> PropensityModel:
    tags, y = make(3000, 0)
    return PropensityModel(n_jobs=1, max_trees=30, learning_rate=0.1).fit(tags, y)


def test_customers_of_the_same_population_raise_no_alarm(model):
    for seed in range(1, 6):
        drift = model.drift(make(1500, seed)[0])
        assert drift.status == "stable"
        assert drift.alarms() == []
        frame = drift.to_frame()
        tags = frame[frame["what"] == "tag"]
        assert (tags["psi"] > 0).all()  # chance alone moves every tag a little
        assert (tags["psi"] < tags["psi_by_chance"]).all()


def test_a_handful_of_customers_is_no_alarm_either(model):
    """PSI of 40 customers is far beyond 0.25 by chance alone; a fixed limit would cry wolf."""
    drift = model.drift(make(40, 7)[0])
    assert drift.to_frame()["psi"].max() > 0.1
    assert drift.status == "stable"


def test_what_has_moved_is_named_first_and_told(model):
    tags, _ = make(1500, 1)
    moved = tags.assign(aum_cny=5 * tags["aum_cny"], visits=tags["visits"])
    drift = model.drift(moved)
    assert drift.status == "alarm"
    top = drift.to_frame().iloc[:2]
    assert set(top["name"]) == {"aum_cny", "score"}
    told = drift.alarms()
    assert len(told) == 2
    assert any(
        text.startswith("aum_cny is distributed otherwise since training: PSI") for text in told
    )
    assert any("the score" in text for text in told)
    told = "\n".join(drift.alarms("zh"))
    assert "aum_cny的分布已改变" in told
    assert "评分" in told


def test_new_categories_and_new_nulls_are_seen(model):
    tags, _ = make(1500, 1)
    new = tags.assign(region=tags["region"].replace("north", "overseas"))
    row = model.drift(new).to_frame().set_index("name").loc["region"]
    assert row["status"] == "alarm"
    assert row["moved_most"] in ("other values", "north")
    lost = model.drift(tags.assign(visits=np.nan)).to_frame().set_index("name").loc["visits"]
    assert (lost["status"], lost["moved_most"]) == ("alarm", "unknown")
    assert lost["unknown_now_share"] == 1.0
    assert model.drift(tags.assign(visits=np.nan)).alarms("zh")[0].count("未知") == 1


def test_psi_is_that_of_the_counts_by_hand():
    before = pd.DataFrame({"tier": ["gold"] * 25 + ["basic"] * 75})
    encoder = FeatureEncoder().fit(before)
    (past,) = learn_snapshot(before, encoder.columns_, np.full(100, np.nan)).columns
    now = past.count(pd.Series(["gold"] * 40 + ["basic"] * 60))
    assert now.tolist() == [60, 40, 0, 0]
    assert psi(np.array(past.shares[:2]) * 100, now[:2]) == pytest.approx(psi([75, 25], [60, 40]))


def test_tenths_hold_a_tenth_each_and_a_heavy_value_has_its_own_bin():
    before = pd.DataFrame({"x": np.arange(1000.0), "n": [0.0] * 600 + list(range(1, 401))})
    encoder = FeatureEncoder().fit(before)
    even, heavy = learn_snapshot(before, encoder.columns_, np.full(1000, 0.1)).columns
    np.testing.assert_allclose(even.shares[:-1], 0.1)
    assert heavy.shares[1] == 0.6
    assert len(even.labels()) == len(even.shares)
    assert heavy.labels()[1] == "0"
    assert not any("e-" in label for label in heavy.labels())
    assert even.labels("zh")[-2].startswith("不低于")


def test_dates_are_told_as_dates():
    tags, _ = make(500, 0)
    encoder = FeatureEncoder().fit(tags)
    snapshot = learn_snapshot(tags.drop(columns="customer_id"), encoder.columns_, np.full(500, 0.1))
    dates = next(past for past in snapshot.columns if past.kind == "date")
    assert dates.labels()[0].startswith("below 2020-")
    assert "constant" not in {past.name for past in snapshot.columns}


def test_weights_count_customers():
    tags = pd.DataFrame({"tier": ["gold", "basic"]})
    encoder = FeatureEncoder().fit(tags)
    snapshot = learn_snapshot(tags, encoder.columns_, np.full(2, 0.5), np.array([1.0, 3.0]))
    assert snapshot.columns[0].shares == (0.75, 0.25, 0.0, 0.0)
    assert snapshot.rows == pytest.approx(16 / 10)


def test_a_product_of_next_best_drifts_too():
    tags, y = make(900, 0)
    Y = pd.DataFrame({"card": y, "fund": 1 - y})
    best = NextBest(n_jobs=1, max_trees=5).fit(tags, Y)
    moved = make(900, 1)[0].assign(aum_cny=1.0)
    assert best.model("card").drift(moved).status == "alarm"
    assert best.model("card").drift(make(900, 1)[0]).status == "stable"


def test_alpha_must_be_a_share(model):
    with pytest.raises(InvalidInput, match="alpha must be between 0 and 1"):
        model.drift(make(50, 1)[0], alpha=1)


DAYS = (dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31))


@pytest.fixture(scope="module")
def past():
    """Scores of three dates and outcomes: as foretold, in wrong order, and twice too many."""
    rng = np.random.default_rng(3)
    frames = []
    for day, kind in zip(DAYS, ("good", "order", "level"), strict=True):
        p = rng.uniform(0.02, 0.3, 4000)
        rate = {"good": p, "order": rng.permutation(p), "level": 2 * p}[kind]
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"c{i}" for i in range(4000)],
                    "as_of": day,
                    "score": p,
                    "label": (rng.random(4000) < rate).astype(int),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(4)
    p = rng.uniform(0.02, 0.3, 20_000)
    return evaluate_probabilities((rng.random(20_000) < p).astype(int), p)


def test_decay_is_found_where_it_is(past, training):
    decay = performance_over_time(past.drop(columns="label"), past, training)
    alarm = decay.to_frame().set_index(["as_of", "measure"])["alarm"]
    assert not alarm[DAYS[0]].any()
    assert alarm[DAYS[1], "auc"]
    assert not alarm[DAYS[1], "calibration_intercept"]
    assert alarm[DAYS[2], "calibration_intercept"]
    assert not alarm[DAYS[2], "auc"]
    told = decay.alarms()
    assert any(
        t.startswith("scores of 2026-02-28: the order has become worse: AUC 0.5") for t in told
    )
    assert any("2026-03-31: the probabilities are too low" in t for t in told)
    assert any("概率偏低" in t for t in decay.alarms("zh"))


def test_probabilities_that_are_too_high_are_told_as_such(past, training):
    first = past[past["as_of"] == DAYS[0]]
    decay = performance_over_time(first.assign(score=2 * first["score"]), first, training)
    assert any("too high" in text for text in decay.alarms())


def test_values_are_those_of_an_evaluation(past, training):
    first = past[past["as_of"] == DAYS[0]]
    decay = performance_over_time(first.drop(columns="label"), first, training)
    row = decay.to_frame().set_index("measure").loc["auc"]
    alone = evaluate_probabilities(first["label"], first["score"]).auc
    assert (row["value"], row["value_ci_lower"]) == (alone.value, alone.ci_lower)
    assert row["training"] == training.auc.value


def test_chance_raises_few_alarms(training):
    rng = np.random.default_rng(8)
    raised = 0
    for _ in range(40):
        p = rng.uniform(0.02, 0.3, 1500)
        rows = pd.DataFrame(
            {"customer_id": np.arange(1500).astype(str), "as_of": DAYS[0], "score": p}
        )
        truth = rows.assign(label=(rng.random(1500) < p).astype(int))
        raised += bool(performance_over_time(rows, truth, training).alarms())
    assert raised <= 7  # 2 expected at alpha = 0.05; 8 or more have a chance below 1 in 1,000


def test_scores_without_outcome_are_counted_and_few_outcomes_are_not_tested(past, training):
    first = past[past["as_of"] == DAYS[0]]
    bought = first[first["label"] == 1].head(5)
    few = pd.concat([bought, first[first["label"] == 0].head(50)])
    decay = performance_over_time(first.drop(columns="label"), few, training)
    assert decay.without_outcome == 4000 - 55
    (row,) = decay.to_frame().to_dict("records")
    assert (row["rows"], row["positives"], row["alarm"]) == (55, 5, False)
    assert np.isnan(row["value"])


@pytest.mark.parametrize(
    ("scores", "outcomes", "message"),
    [
        (lambda s: s.drop(columns="score"), lambda o: o, "scores must have the column"),
        (lambda s: s, lambda o: o.drop(columns="as_of"), "outcomes must have the column"),
        (lambda s: pd.concat([s, s]), lambda o: o, "'c0' on 2026-01-31 more than once"),
        (
            lambda s: s,
            lambda o: o.head(9).assign(as_of=DAYS[2], customer_id=list("abcdefghi")),
            "no score has an outcome",
        ),
        (
            lambda s: s.assign(arm=np.where(s.index % 2, "card", "fund")),
            lambda o: o,
            "of one arm, got card, fund",
        ),
    ],
)
def test_bad_input(past, training, scores, outcomes, message):
    with pytest.raises(InvalidInput, match=message):
        performance_over_time(scores(past.drop(columns="label")), outcomes(past), training)
