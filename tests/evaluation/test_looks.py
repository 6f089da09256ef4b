"""Looks at one experiment, one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import ExperimentResult, Mean
from marketing_ds.evaluation.checks import Checks
from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, Sequential, infer
from marketing_ds.evaluation.looks import sequential_path
from marketing_ds.evaluation.srm import check_sample_ratio

LOOKS = Inference(sequential=Sequential(4_000))


def look(n: int, effect: float, settings: Inference = LOOKS) -> ExperimentResult:
    variance = 25 / n
    arms = {
        name: Estimate(n, value, variance, value, variance, n - 1)
        for name, value in (("control", 10.0), ("mail", 10 + effect), ("call", 10.0))
    }
    frame = infer(
        {"all": {"spend": arms, "visits": arms}}, [Mean("spend"), Mean("visits")], settings
    )
    return ExperimentResult(
        settings, Checks(()), check_sample_ratio({"control": n, "mail": n}), frame
    )


def test_what_was_shown_once_stays_shown() -> None:
    path = sequential_path(
        {50: look(50, 9), 500: look(500, 0.2), 900: look(900, 1.2), 950: look(950, 0.4)}
    )
    frame = path.to_frame()
    mail = frame[frame["arm"] == "mail"]
    assert list(mail["look"]) == [50, 500, 900, 950]
    assert list(mail["customers"]) == [100, 1_000, 1_800, 1_900]
    assert list(mail["decided"]) == [False, False, True, True]
    assert mail["p_value"].is_monotonic_decreasing
    assert np.isinf(mail["effect_ci_upper"].iloc[0])
    assert path.decided_at == {"mail": 900, "call": None}
    assert path.metric == "spend"
    assert "decided" in path._repr_html_()


def test_another_metric_may_be_asked_for() -> None:
    assert sequential_path({1: look(500, 0.2)}, metric="visits").metric == "visits"
    with pytest.raises(InvalidInput, match="metric must be one of 'spend', 'visits', got 'visit'"):
        sequential_path({1: look(500, 0.2)}, metric="visit")


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ({}, "at least one look"),
        ({1: look(500, 0.2, Inference())}, "must be always-valid"),
        (
            {1: look(500, 0.2), 2: look(500, 0.2, Inference(sequential=Sequential(9_000)))},
            "the same settings",
        ),
    ],
)
def test_looks_that_do_not_fit_together_are_refused(results, words) -> None:
    with pytest.raises(InvalidInput, match=words):
        sequential_path(results)
