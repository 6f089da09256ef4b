"""What is checked before the verdict, from the sums of the analysis itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.checks import check_experiment


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    n = 4_000
    mail = rng.random(n) < 0.5
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "region": rng.choice(["north", "south"], n),
            "channel": rng.choice(["app", "sms"], n),
            "day": pd.Timestamp("2026-05-01") + pd.to_timedelta(rng.integers(0, 5, n), "D"),
            "pre": rng.gamma(2, 10, n),
            "late": rng.gamma(2, 10, n) + 3 * mail,
            "spend": rng.gamma(2, 10, n) + mail,
            "p": 0.5,
        }
    )


def test_what_is_asked_for_is_checked_in_this_order(trial) -> None:
    result = analyze_experiment(
        trial,
        ["spend"],
        covariates=["pre"],
        segments=["region"],
        check_by=["region", "channel"],
        time="day",
    )
    assert [check.name for check in result.checks] == [
        "sample ratio",
        "sample ratio by day",
        "assignment times",
        "sample ratio by channel",
        "sample ratio by region",
        "pre-period difference",
    ]
    assert not result.blocked


@pytest.mark.parametrize("probability", [None, "p"])
def test_figures_are_those_of_the_checks_by_themselves(trial, probability) -> None:
    lost = trial[(trial["region"] == "north") | (trial["arm"] == "mail") | (trial["pre"] > 10)]
    result = analyze_experiment(
        lost, ["spend"], covariates=["pre"], segments=["region"], probability=probability
    )
    alone = check_experiment(lost, by=["region"], before=["pre"], probability=probability)
    pd.testing.assert_frame_equal(
        result.checks.to_frame(), alone.to_frame(), check_exact=False, rtol=1e-9
    )
    assert result.blocked
    assert result.to_frame()["effect"].notna().all()


@pytest.mark.parametrize("option", ["covariates", "before"])
def test_a_column_from_after_the_draw_blocks_the_verdict(trial, option) -> None:
    result = analyze_experiment(trial, ["spend"], **{option: ["late"]})
    failed = result.checks.failed
    assert [check.name for check in failed] == ["pre-period difference"]
    assert "'late'" in failed[0].finding
    assert result.verdict.startswith("No verdict")


def test_columns_of_before_are_compared_and_adjust_nothing(trial) -> None:
    plain = analyze_experiment(trial, ["spend"])
    compared = analyze_experiment(trial, ["spend"], before=["pre"])
    pd.testing.assert_frame_equal(compared.to_frame(), plain.to_frame(), rtol=1e-12)
    assert compared.checks["pre-period difference"].passed


def test_no_check_by_leaves_the_segments_unchecked(trial) -> None:
    result = analyze_experiment(trial, ["spend"], segments=["region"], check_by=[])
    assert [check.name for check in result.checks] == ["sample ratio"]
