"""What follows from the findings: a few sentences, each with the figure that it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from marketing_ds._core.estimate import normal_quantile
from marketing_ds.evaluation.inference import EVERYBODY
from marketing_ds.evaluation.money import ALL_ARMS, Return
from marketing_ds.evaluation.observed import ObservationalResult
from marketing_ds.evaluation.result import ExperimentResult

from ._checks import name_of
from ._effects import segment_name
from .outcomes import outcome_name, outcome_value
from .parts import Words, money, whole

if TYPE_CHECKING:
    from marketing_ds.evaluation.campaign_evaluation import CampaignEvaluation

_POWER = 0.8
_MOST_TIMES = 100.0
"""Beyond so many times the customers, more of them is no advice."""

_WORDS: Mapping[str, Words] = {
    "en": {
        "explain": "Explain first what failed: {checks}. Until then no figure of this page is a reason to act.",
        "wait": "Look again from {day} on, when all outcomes are in.",
        "keep": "Go on with {arm}: it brought {profit} per customer more than it cost ({low} to {high}).",
        "stop": "Stop {arm}, or make it cheaper: it brought {profit} per customer less than it cost "
        "({low} to {high}).",
        "more": "Whether {arm} pays is open ({profit} per customer, {low} to {high}). If that is what it brings, "
        "about {n} customers in the arm would show it (now {now}).",
        "hopeless": "Whether {arm} pays is open ({profit} per customer, {low} to {high}), and so near to nothing "
        "that more customers will hardly tell: change the offer.",
        "roll out": "{arm} raised {goal} by {effect}: roll it out where its costs are worth that.",
        "do not roll out": "{arm} lowered {goal} by {effect}, or broke a guardrail: do not roll it out.",
        "go on": "{arm} made no difference to {goal} that could be shown ({low} to {high}).",
        "segment": "Of the groups shown, it worked most among {segment} ({arm}: {effect}, {low} to {high}); "
        "aim there first, and test it on new customers.",
        "draw": "Draw the arms at random next time, with a control group: about {n} customers in each arm "
        "would show {effect} in {goal} as a fact.",
        "draw_open": "Draw the arms at random next time, with a control group.",
        "publish": "Publish the effects: tags of the next round, and the ledger of promises, read them.",
        "list": ", ",
    },
    "zh": {
        "explain": "请先查明未通过的检查：{checks}。在此之前，本页任何数字都不足以作为行动依据。",
        "wait": "请在 {day} 之后再看，届时结果才完整。",
        "keep": "继续 {arm}：每位客户的收益比成本多 {profit}（{low} 至 {high}）。",
        "stop": "停止 {arm} 或降低其成本：每位客户的收益减成本为 {profit}（{low} 至 {high}）。",
        "more": "{arm} 是否划算尚无定论（每位客户 {profit}，{low} 至 {high}）。若实际收益即是如此，"
        "该组约需 {n} 位客户才能看出（目前 {now}）。",
        "hopeless": "{arm} 是否划算尚无定论（每位客户 {profit}，{low} 至 {high}），且几乎为零，"
        "再多客户也难以看出：请更换投放物。",
        "roll out": "{arm} 使{goal}提高 {effect}：若值其成本，可以推广。",
        "do not roll out": "{arm} 使{goal}变化 {effect}，或突破了护栏指标：不应推广。",
        "go on": "{arm} 对{goal}未显示出差异（{low} 至 {high}）。",
        "segment": "在所列群体中，以 {segment} 效果最好（{arm}：{effect}，{low} 至 {high}）；可先面向该群体，并在新客户上验证。",
        "draw": "下次请随机分组并保留对照组：每组约 {n} 位客户，即可证实{goal}有 {effect} 的差异。",
        "draw_open": "下次请随机分组并保留对照组。",
        "publish": "发布效果：下一轮的标签与承诺台账会读取它们。",
        "list": "、",
    },
}


def next_steps(found: CampaignEvaluation, language: str) -> list[str]:
    """What to do next, the most pressing first."""
    words = _WORDS[language]
    if isinstance(found.effects, ObservationalResult):
        return [_draw(found.effects, words, language), words["publish"]]
    if found.blocked:
        names = [name_of(check, language) for check in found.checks.failed if check.blocks]
        return [words["explain"].format(checks=words["list"].join(names))]
    steps = []
    if not found.campaign.complete:
        steps.append(words["wait"].format(day=found.which.closes_on))
    if found.roi is not None:
        steps += [_paid(each, words) for each in found.roi if each.arm != ALL_ARMS]
    elif isinstance(found.effects, ExperimentResult):
        steps += _concluded(found.effects, words, language)
    if isinstance(found.effects, ExperimentResult):
        steps += _best_segment(found.effects, words, language)
    return [*steps, words["publish"]]


def _paid(each: Return, words: Words) -> str:
    """Whether the arm paid, and how many customers would tell."""
    p = each.profit
    facts = {
        "arm": each.arm,
        "profit": money(p.value, signed=True),
        "low": money(p.lower, signed=True),
        "high": money(p.upper, signed=True),
    }
    if p.lower > 0:
        return words["keep"].format(**facts)
    if p.upper < 0:
        return words["stop"].format(**facts)
    times = _times(p.value, math.sqrt(p.variance))
    if not times <= _MOST_TIMES:
        return words["hopeless"].format(**facts)
    needed = max(times, 1.0) * each.n_arm
    return words["more"].format(n=whole(needed), now=whole(each.n_arm), **facts)


def _times(effect: float, error: float, alpha: float = 0.05) -> float:
    """How many times the customers show `effect` with the usual power, given its error now."""
    if effect == 0:
        return math.inf
    return ((normal_quantile(alpha) + normal_quantile(2 * (1 - _POWER))) * error / effect) ** 2


def _concluded(effects: ExperimentResult, words: Words, language: str) -> Iterator[str]:
    """Where nothing is known in money: what follows from the goal and its guardrails."""
    frame = effects.to_frame()
    frame = frame[frame["segment"] == EVERYBODY].set_index(["metric", "arm"])
    for row in effects.conclusions().to_dict("records"):
        found = frame.loc[(row["goal"], row["arm"])]
        yield words[row["conclusion"]].format(
            arm=row["arm"],
            goal=outcome_name(row["goal"], language),
            effect=outcome_value(row["goal"], abs(found["effect"]), difference=True).lstrip("+"),
            low=outcome_value(row["goal"], found["effect_ci_lower"], difference=True),
            high=outcome_value(row["goal"], found["effect_ci_upper"], difference=True),
        )


def _best_segment(effects: ExperimentResult, words: Words, language: str) -> Iterator[str]:
    """The group with the greatest effect that was shown, corrected for all groups looked at."""
    frame = effects.to_frame()
    goal = frame["metric"].iloc[0]
    shown = frame[
        (frame["segment"] != EVERYBODY)
        & (frame["metric"] == goal)
        & (frame["p_adjusted"] < effects.alpha)
        & (frame["effect"] > 0)
    ]
    if shown.empty:
        return
    best = shown.loc[shown["effect"].idxmax()]
    yield words["segment"].format(
        segment=segment_name(str(best["segment"]), language),
        arm=best["arm"],
        effect=outcome_value(goal, best["effect"], difference=True),
        low=outcome_value(goal, best["effect_ci_lower"], difference=True),
        high=outcome_value(goal, best["effect_ci_upper"], difference=True),
    )


def _draw(effects: ObservationalResult, words: Words, language: str) -> str:
    """How large an experiment would have to be to show what was found here."""
    row = effects.to_frame().iloc[0]
    effect, reach = float(row["effect"]), normal_quantile(effects.alpha)
    error = float(row["naive_effect_ci_upper"] - row["naive_effect_ci_lower"]) / (2 * reach)
    # The variance of one customer's outcome, as the plain difference tells it.
    variance = error**2 / (1 / row["n_control"] + 1 / row["n_arm"])
    n = _times(effect, math.sqrt(2 * variance))
    if not math.isfinite(n):
        return words["draw_open"]
    goal = outcome_name(str(row["metric"]), language)
    told = outcome_value(str(row["metric"]), effect, difference=True)
    return words["draw"].format(n=whole(n), effect=told, goal=goal)
