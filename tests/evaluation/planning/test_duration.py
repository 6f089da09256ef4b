"""Weeks: how many are needed, and when another one no longer pays."""

from __future__ import annotations

import math

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.planning import Baseline, power, run_time, sample_size

RATE = Baseline.proportion(0.05, name="bought")


def test_weeks_are_whole_and_just_enough() -> None:
    found = run_time(RATE, 4_000, rel_effect=0.2, outcome_days=28)
    assert found.needed == sum(sample_size(RATE, rel_effect=0.2).values())
    assert found.weeks == math.ceil(found.needed / 4_000)
    assert found.days == 7 * found.weeks + 28
    frame = found.to_frame().set_index("week")
    assert frame.loc[found.weeks, "power"] >= 0.8 > frame.loc[found.weeks - 1, "power"]
    assert frame.loc[3, "power"] == pytest.approx(power(RATE, 12_000, rel_effect=0.2)["arm"])


def test_who_is_eligible_already_counts_from_the_first_week() -> None:
    found = run_time(RATE, 100, at_start=20_000, rel_effect=0.2)
    assert found.weeks == 1
    assert found.to_frame().loc[0, "customers"] == 20_100
    assert found.worth_weeks == 1


def test_another_week_pays_until_it_brings_less_than_asked() -> None:
    found = run_time(RATE, 4_000, worth_share=0.05)
    # From week w to w + 1 the effect shrinks by 1 − √(w / (w + 1)): below 5 % from 10 to 11.
    assert found.worth_weeks == 10
    assert found.needed is None
    assert found.weeks is None
    assert found.days is None
    assert "power" not in found.to_frame()
    assert run_time(RATE, 4_000, most_weeks=6).worth_weeks == 6


def test_advice_in_words() -> None:
    fits = run_time(RATE, 4_000, rel_effect=0.2, outcome_days=28)
    assert "assign for 5 weeks, 63 days with the 28" in fits.sentence()
    assert "分配 5 周" in fits.sentence("zh")
    assert fits.sentence()[:12] in fits._repr_html_()
    late = run_time(RATE, 100, rel_effect=0.2)
    assert late.weeks is None
    assert "more than come in 26 weeks" in late.sentence()
    assert "26 周内无法达到" in late.sentence("zh")
    open_ended = run_time(RATE, 4_000)
    assert open_ended.sentence().startswith("After week 10")
    assert open_ended.sentence("zh").startswith("第 10 周之后")
    assert "1 week," in run_time(RATE, 40_000, rel_effect=0.2).sentence()


def test_weeks_with_hardly_anybody_are_not_counted() -> None:
    found = run_time(RATE, 1, rel_effect=0.2, most_weeks=5).to_frame()
    assert found.loc[0, "customers"] == 1
    assert math.isnan(found.loc[0, "minimum_detectable_effect"])
    with pytest.raises(InvalidInput, match="at least 4 customers"):
        run_time(RATE, 0.1)
    with pytest.raises(InvalidInput, match="per_week must be at least 0"):
        run_time(RATE, -1)
