"""Results of experiments: the verdict in two languages, segments, conclusions, the table to publish."""

from __future__ import annotations

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import ExperimentResult, Mean
from marketing_ds.evaluation.checks import Check, Checks
from marketing_ds.evaluation.checks.ratios import ratio_check
from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, NormalPrior, Sequential, infer
from marketing_ds.evaluation.srm import check_sample_ratio
from marketing_ds.schema import EFFECTS

EVEN = check_sample_ratio({"control": 2_000, "mail": 2_000})


def known(value: float, error: float = 0.1) -> Estimate:
    return Estimate(2_000, value, error**2, value, error**2, 1_999)


def result(
    metrics: dict[Mean, float], settings: Inference | None = None, checks: Checks | None = None
) -> ExperimentResult:
    """An experiment with one arm, its means as given against a control of 10."""
    by_metric = {m.label: {"control": known(10), "mail": known(v)} for m, v in metrics.items()}
    estimates = {"all": by_metric, "tier=high": by_metric, "tier=low": by_metric}
    chosen = settings or Inference()
    frame = infer(estimates, list(metrics), chosen)
    return ExperimentResult(chosen, checks or Checks(()), EVEN, frame)


GOAL, COMPLAINTS = Mean("spend"), Mean("complaints", better="lower", role="guardrail")
STAY = Mean("stay", role="guardrail", margin=0.05)


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (10.5, "spend: mail raised it by 0.5 (95 % interval 0.2227 to 0.7773; +5 %)", "提高 0.5"),
        (9.5, "spend: mail lowered it by 0.5 (95 % interval", "降低 0.5"),
        (
            10.1,
            "spend: mail made no difference that could be shown (+0.1; 95 % interval",
            "未显示出差异",
        ),
    ],
)
def test_the_verdict_says_what_the_arm_changed(value, english, chinese) -> None:
    found = result({GOAL: value})
    assert found.verdict.startswith(english)
    assert chinese in found.verdict_in("zh")
    assert found.verdict_in("en") == found.verdict


def test_a_difference_not_shown_says_what_would_have_been() -> None:
    assert "; ±0.3963 would have been shown 8 times in 10)" in result({GOAL: 10.1}).verdict
    greater = result({GOAL: 10.1}, Inference(alternative="greater")).verdict
    assert "95 % interval from -0.1327 up; +0.3517 would" in greater
    less = result({GOAL: 10.1}, Inference(alternative="less")).verdict
    assert "95 % interval up to 0.3327; -0.3517 would" in less


@pytest.mark.parametrize(
    ("complaints", "stay", "words", "chinese", "conclusion"),
    [
        (
            10.0,
            10.0,
            "no guardrail is broken (complaints, stay): roll it out",
            "可以推广",
            "roll out",
        ),
        (
            10.6,
            10.0,
            "breaks the guardrail complaints: do not roll it out",
            "不应推广",
            "do not roll out",
        ),
        (
            10.0,
            9.6,
            "breaks the guardrail stay: do not roll it out",
            "不应推广",
            "do not roll out",
        ),
        (
            10.0,
            9.75,
            "stay is not shown to be within what is allowed: not enough",
            "尚未证明",
            "go on",
        ),
    ],
)
def test_guardrails_are_part_of_the_verdict(complaints, stay, words, chinese, conclusion) -> None:
    found = result({GOAL: 10.5, COMPLAINTS: complaints, STAY: stay})
    assert words in found.verdict
    assert chinese in found.verdict_in("zh")
    row = found.conclusions().iloc[0]
    assert row["conclusion"] == conclusion
    assert row["goal"] == "spend"
    assert row["guardrails"].startswith("complaints: ")


def test_a_goal_that_is_not_shown_is_not_rolled_out() -> None:
    assert result({GOAL: 10.1, STAY: 10.0}).conclusions()["conclusion"].item() == "go on"
    assert result({GOAL: 9.0, STAY: 10.0}).conclusions()["conclusion"].item() == "do not roll out"


def test_no_worse_than_allowed_is_enough_where_that_is_the_goal() -> None:
    cheap = Mean("spend", margin=0.05)
    held = result({cheap: 9.9})
    assert "mail is not worse than the allowed −5 % (-0.1; 95 % interval" in held.verdict
    assert held.conclusions()["conclusion"].item() == "roll out"
    assert "not shown to be within the allowed −5 %" in result({cheap: 9.75}).verdict
    assert "允许的 +5 %" in result({Mean("cost", margin=0.05, better="lower"): 10.1}).verdict_in(
        "zh"
    )


def test_a_metric_that_does_not_vary_cannot_be_judged() -> None:
    same = Estimate(2_000, 1.0, 0.0, 1.0, 0.0, 1_999)
    frame = infer({"all": {"spend": {"control": same, "mail": same}}}, [GOAL])
    found = ExperimentResult(Inference(correction=None), Checks(()), EVEN, frame)
    assert found.verdict == "spend: mail cannot be judged, the metric does not vary"
    assert "该指标没有变化" in found.verdict_in("zh")
    assert found.correction is None


def test_where_less_is_better_the_verdict_says_so() -> None:
    cost = Mean("cost", better="lower")
    assert "mail lowered it by 0.5, for the better (" in result({cost: 9.5}).verdict
    assert "mail raised it by 0.5, for the worse (" in result({cost: 10.5}).verdict
    assert "（变差）" in result({cost: 10.5}).verdict_in("zh")


def test_the_verdict_is_about_the_first_goal_not_about_a_guardrail() -> None:
    assert result({COMPLAINTS: 10.0, GOAL: 10.5}).verdict.startswith("spend: ")
    alone = result({COMPLAINTS: 10.6})
    assert alone.verdict.startswith("complaints: mail raised it")
    assert alone.conclusions()["guardrails"].item() == ""


def test_always_valid_intervals_are_called_so() -> None:
    verdict = result({GOAL: 10.5}, Inference(sequential=Sequential(4_000))).verdict
    assert "always-valid 95 % interval" in verdict
    early = result({GOAL: 10.5}, Inference(sequential=Sequential(4_000, start=5_000))).verdict
    assert "(+0.5; no interval yet)" in early


def test_a_failed_check_blocks_the_verdict_in_both_languages() -> None:
    empty = pd.DataFrame()
    leak = Check("contamination", False, True, 0.0, "control was reached.", empty)
    mild = Check("delivery", False, False, 0.0, "few were contacted.", empty)
    blocked = result({GOAL: 10.5}, checks=Checks((mild, leak)))
    assert blocked.blocked
    assert blocked.verdict == "No verdict: control was reached."
    assert blocked.verdict_in("zh").startswith("暂无结论：")
    assert blocked.conclusions()["conclusion"].item() == "no verdict"
    assert "few were contacted" in blocked._repr_html_()
    assert blocked.effects_table("K1")["blocked"].all()
    warned = result({GOAL: 10.5}, checks=Checks((mild,)))
    assert not warned.blocked
    assert warned.verdict.startswith("spend: mail raised")


def test_sizes_that_do_not_fit_are_told_in_both_languages() -> None:
    plain = result({GOAL: 10.5})
    srm = check_sample_ratio({"control": 2_000, "mail": 2_400})
    made = Checks((ratio_check(srm, 0.001),))
    broken = ExperimentResult(plain.settings, made, srm, plain.to_frame())
    assert broken.verdict.startswith("No verdict: the arms' sizes do not fit the design")
    assert broken.verdict_in("zh").startswith("暂无结论：各组人数与设计不符")
    assert "2,400" in broken._repr_html_()


def test_segments_by_a_column() -> None:
    found = result({GOAL: 10.5, STAY: 10.0})
    rows = found.segments("tier")
    assert list(rows["value"]) == ["high", "high", "low", "low"]
    assert set(rows["segment"]) == {"tier=high", "tier=low"}
    with pytest.raises(InvalidInput, match=r"\('tier'\), got 'tiers'; did you mean 'tier'"):
        found.segments("tiers")


def test_other_languages_are_refused() -> None:
    with pytest.raises(InvalidInput, match="language must be one of 'en', 'zh', got 'de'"):
        result({GOAL: 10.5}).verdict_in("de")


def test_the_effects_table_keeps_the_contract() -> None:
    table = result({GOAL: 10.5}, Inference(prior=NormalPrior())).effects_table("K1")
    assert tuple(table.columns) == EFFECTS.column_names
    assert list(table["segment"]) == ["all", "tier=high", "tier=low"]
    assert set(table["method"]) == {"randomised"}
    assert not table["blocked"].any()
    assert table["standard_error"].iloc[0] == pytest.approx(0.1 * 2**0.5)


def test_notebooks_show_everybody_with_the_verdict_above() -> None:
    html = result({GOAL: 10.5}, Inference(prior=NormalPrior()))._repr_html_()
    assert "mail raised it by 0.5" in html
    assert "tier=high" not in html
    assert "posterior_effect" in html
    assert "p_margin" not in html
