"""What follows from the findings, in words that carry their figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketing_ds.evaluation import CampaignEvaluation, Checks, evaluate_campaign
from marketing_ds.evaluation.evaluate import PARTS
from marketing_ds.evaluation.money import Return
from marketing_ds.evaluation.report._next import _WORDS, _paid, _times, next_steps
from marketing_ds.mart import Mart


@pytest.fixture(scope="module")
def found(sample_mart: Mart) -> CampaignEvaluation:
    return evaluate_campaign(sample_mart, "K06", segments=["gender"], without=PARTS)


def profit(found: CampaignEvaluation, value: float, lower: float, upper: float) -> Return:
    assert found.roi is not None
    each = found.roi["sms_prime"]
    amount = replace(
        each.profit, value=value, lower=lower, upper=upper, variance=((upper - lower) / 3.92) ** 2
    )
    return replace(each, profit=amount)


def test_every_arm_is_spoken_of(found: CampaignEvaluation) -> None:
    steps = next_steps(found, "en")
    assert sum("coupon_68" in step for step in steps) >= 1
    assert steps[0].startswith("Whether coupon_68 pays is open")
    assert any(step.startswith("Go on with sms_prime: it brought +¥") for step in steps)
    assert len(next_steps(found, "zh")) == len(steps)


def test_an_arm_that_loses_money_is_stopped(found: CampaignEvaluation) -> None:
    said = _paid(profit(found, -3.0, -5.0, -1.0), _WORDS["en"])
    assert said.startswith("Stop sms_prime, or make it cheaper: it brought -¥3.00")


def test_an_open_question_names_the_customers_that_would_answer_it(
    found: CampaignEvaluation,
) -> None:
    each = profit(found, 1.0, -0.96, 2.96)  # a standard error of 1
    assert f"about {(1.959964 + 0.841621) ** 2 * each.n_arm:,.0f} customers" in _paid(
        each, _WORDS["en"]
    )


def test_what_is_next_to_nothing_is_not_worth_more_customers(found: CampaignEvaluation) -> None:
    assert "change the offer" in _paid(profit(found, 0.01, -1.95, 1.97), _WORDS["en"])
    assert "change the offer" in _paid(profit(found, 0.0, -1.96, 1.96), _WORDS["en"])
    assert _times(0.0, 1.0) == float("inf")


def test_a_failed_check_comes_before_everything(found: CampaignEvaluation) -> None:
    made = tuple(
        replace(check, passed=False) if check.name == "sample ratio" else check
        for check in found.checks
    )
    (said,) = next_steps(replace(found, checks=Checks(made)), "en")
    assert said.startswith("Explain first what failed: Sample ratio.")


def test_where_no_money_is_known_the_goal_decides(found: CampaignEvaluation) -> None:
    steps = next_steps(replace(found, campaign=replace(found.campaign, roi=None)), "en")
    assert any(step.startswith("sms_prime raised converted by 2.8") for step in steps)


def test_the_group_with_the_greatest_shown_effect_is_named(found: CampaignEvaluation) -> None:
    frame = found.to_frame()
    shown = frame[
        frame["segment"].str.startswith("gender")
        & (frame["metric"] == "converted")
        & (frame["p_adjusted"] < 0.05)
    ]
    best = shown.loc[shown["effect"].idxmax()]
    value = best["segment"].split("=")[1]
    said = next(s for s in next_steps(found, "en") if s.startswith("Of the groups shown"))
    assert f"Gender: {value} ({best['arm']}" in said


def test_open_outcomes_ask_for_patience(sample_mart: Mart) -> None:
    early = evaluate_campaign(sample_mart, "K06", as_of="2026-04-20", without=PARTS)
    # An early look is itself a failed check; without it the page says when to look again.
    calm = replace(early, checks=Checks(()))
    assert next_steps(calm, "en")[0] == "Look again from 2026-05-02 on, when all outcomes are in."
