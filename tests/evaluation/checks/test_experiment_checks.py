"""A sound experiment passes all checks; each planted fault fails its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binom

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks import check_experiment
from marketing_ds.evaluation.checks.times import times_check
from marketing_ds.evaluation.engine import arm_moments

SHARES = {"control": 5, "mail": 3, "sms": 2}


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng, n = np.random.default_rng(1), 6_000
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "arm": rng.choice(list(SHARES), n, p=[0.5, 0.3, 0.2]),
            "region": rng.choice(list("abcde"), n),
            "age": rng.normal(45, 12, n),
            "aum": rng.gamma(2, 10_000, n),
            "assigned_at": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(rng.integers(0, 20 * 24, n), unit="h"),
        }
    )


def checked(data: pd.DataFrame, **options: object):
    asked = {"shares": SHARES, "by": ["region"], "before": ["age", "aum"], "time": "assigned_at"}
    return check_experiment(data, **{**asked, **options})


def failed(checks) -> list[str]:
    return [check.name for check in checks.failed]


def test_a_sound_experiment_passes_in_the_order_of_the_documentation(trial) -> None:
    checks = checked(trial)
    assert not checks.blocked
    assert [check.name for check in checks] == [
        "mixed assignment",
        "sample ratio",
        "sample ratio by day",
        "assignment times",
        "sample ratio by region",
        "pre-period difference",
    ]
    assert all(check.passed for check in checks)
    assert checks.to_frame()["name"].tolist() == [check.name for check in checks]


def test_probabilities_are_the_design_too(trial) -> None:
    data = trial.assign(p=trial["arm"].map({"control": 0.5, "mail": 0.3, "sms": 0.2}))
    found = checked(data, shares=None, probability="p").to_frame()
    np.testing.assert_allclose(found["p_value"], checked(trial).to_frame()["p_value"])


def test_customers_lost_in_one_region_are_found_there(trial) -> None:
    lost = trial[~((trial["region"] == "c") & (trial["arm"] == "sms") & (trial.index % 10 < 4))]
    checks = checked(lost)
    assert failed(checks) == ["sample ratio by region"]  # too few to be seen overall
    assert "worst in 'c': 'sms'" in checks["sample ratio by region"].finding


def test_an_arm_that_starts_late_is_found_by_day_and_by_time(trial) -> None:
    late = trial.assign(
        assigned_at=trial["assigned_at"] + pd.to_timedelta(48 * (trial["arm"] == "mail"), unit="h")
    )
    checks = checked(late)
    assert failed(checks) == ["sample ratio by day", "assignment times"]
    assert "'mail' on average +2." in checks["assignment times"].finding


def test_times_are_compared_where_each_day_has_its_own_shares(trial) -> None:
    """A ramp from few to many in mail, with the chances told: no fault."""
    rng, n = np.random.default_rng(2), 8_000
    day = rng.integers(0, 10, n)
    chance = 0.1 + 0.08 * day
    mailed = rng.random(n) < chance
    data = pd.DataFrame(
        {
            "arm": np.where(mailed, "mail", "control"),
            "p": np.where(mailed, chance, 1 - chance),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D"),
        }
    )
    assert not check_experiment(data, probability="p", time="at").blocked
    untold = check_experiment(data, time="at", shares={"control": 0.54, "mail": 0.46})
    assert failed(untold) == ["sample ratio by day", "assignment times"]


def test_one_moment_for_all_is_no_drift(trial) -> None:
    same = trial.assign(assigned_at=pd.Timestamp("2026-01-01 09:00"))
    check = checked(same)["assignment times"]
    assert check.passed
    assert np.isnan(check.p_value)


def test_customers_in_two_arms_are_counted(trial) -> None:
    mixed = pd.concat([trial, trial.head(4).assign(arm="fourth"), trial.tail(3)])
    checks = check_experiment(mixed, shares={**SHARES, "fourth": 0.01})
    assert checks["mixed assignment"].to_frame().loc[0].to_dict() == {"again": 7, "mixed": 4}
    assert checks["mixed assignment"].passed is False
    assert "mixed assignment" not in [
        c.name for c in check_experiment(mixed, shares={**SHARES, "fourth": 0.01}, unit=None)
    ]


def test_a_null_customer_is_none(trial) -> None:
    data = trial.assign(customer_id=trial["customer_id"].where(trial.index > 0))
    assert checked(data)["mixed assignment"].to_frame().loc[0, "again"] == 1


def test_moments_that_are_known_spare_the_scan(trial) -> None:
    table = ibis.memtable(pa.Table.from_pandas(trial, preserve_index=False))
    before = ["age", "aum"]
    known = arm_moments(table, before, [frozenset(before)], "arm", None)
    found = checked(trial, moments=known)["pre-period difference"]
    assert found.p_value == checked(trial)["pre-period difference"].p_value
    apart = arm_moments(table, before, [frozenset([c]) for c in before], "arm", None)
    assert checked(trial, moments=apart)["pre-period difference"].p_value == found.p_value
    older = replace(known["mail"], mean=known["mail"].mean + np.array([5.0, 0.0]))
    told = checked(trial, moments={**known, "mail": older})["pre-period difference"]
    assert told.passed is False


def test_false_alarms_of_times_come_as_often_as_alpha_says() -> None:
    rng, repetitions, alarms = np.random.default_rng(5), 60, 0
    days = [f"2026-01-{day + 1:02d}" for day in range(8)]
    for _ in range(repetitions):
        sizes = rng.multinomial(rng.poisson(60, 8), [0.6, 0.4])
        rows = [
            (d, a, int(n))
            for d, two in zip(days, sizes, strict=True)
            for a, n in zip(("control", "mail"), two, strict=True)
        ]
        counts = pd.DataFrame(rows, columns=["group", "arm", "n"])
        alarms += times_check(counts, "control", 0.2).passed is False
    low, high = binom.ppf([0.001, 0.999], repetitions, 0.2)
    assert low <= alarms <= high


def test_a_level_of_one_in_twenty_is_that_of_every_check(trial) -> None:
    p_values = checked(trial).to_frame()["p_value"]
    level = float(np.nanmin(p_values)) * 1.01
    assert checked(trial, alpha=level).blocked
    assert not checked(trial, alpha=level / 1.1).blocked


def test_a_check_that_was_not_made_is_named(trial) -> None:
    with pytest.raises(KeyError, match="no check 'peeking' was made"):
        checked(trial)["peeking"]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: d.iloc[:0], {}, "at least one row"),
        (lambda d: d, {"by": "region"}, "by must be a list"),
        (lambda d: d, {"by": ["regoin"]}, "did you mean 'region'"),
        (lambda d: d, {"alpha": 0}, "alpha must be between 0 and 1"),
        (lambda d: d, {"control": "contrl"}, "did you mean 'control'"),
        (lambda d: d[d["arm"] == "control"], {"shares": None}, "an arm beside 'control'"),
        (lambda d: d, {"probability": "age"}, "not both"),
        (lambda d: d.assign(age=np.nan), {}, "'age' must be known"),
    ],
)
def test_bad_input_is_refused(change, options, words, trial) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked(change(trial), **options)


def test_hillstrom_was_drawn_as_it_says(data_dir: Path) -> None:
    data = pd.read_csv(data_dir / "hillstrom" / "hillstrom.csv.gz")
    data = data.assign(arm=data["segment"].replace({"No E-Mail": "control"}))
    before = ["recency", "history", "mens", "womens", "newbie"]
    checks = check_experiment(data, by=["zip_code", "channel", "history_segment"], before=before)
    assert not checks.blocked
    opened = check_experiment(data, before=[*before, "visit"])  # an outcome taken for a covariate
    assert failed(opened) == ["pre-period difference"]
