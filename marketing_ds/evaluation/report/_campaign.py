"""The report's section on the campaign: goal, funnel, messages, shares, benefits, time course."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from marketing_ds._core.display import p_text
from marketing_ds._core.markup import Markup, element
from marketing_ds.evaluation.campaign import Benefits, CampaignAnalysis, Goal, Sharing
from marketing_ds.evaluation.campaign.goal import BY_EARLIER
from marketing_ds.evaluation.result import ExperimentResult
from marketing_ds.schema import CONTROL

from ._campaign_charts import (
    STATES,
    arm_colours,
    course_chart,
    daily_chart,
    funnel_chart,
    goal_chart,
    legend,
    states_bar,
)
from ._campaign_words import WORDS
from .outcomes import outcome_name
from .parts import (
    EffectScale,
    Words,
    between,
    card,
    cards,
    effect_bar,
    money,
    percent,
    section,
    table,
    whole,
)


def campaign_section(result: CampaignAnalysis, language: str) -> Markup:
    """Goal, funnel, messages, shares, benefits and time course of a campaign.

    Parameters
    ----------
    result : CampaignAnalysis
    language : {"en", "zh"}
    """
    words = WORDS[language]
    note = words["note"].format(
        as_of=result.as_of,
        days=result.campaign.attribution_days,
        level=f"{100 * (1 - result.alpha):g} %",
    )
    parts = [_goal(result.goal, words), *_funnel(result, words)]
    if len(result.reach.messages):
        parts.append(_messages(result.reach.messages, words))
    if len(result.benefits.to_frame()):
        parts.append(_benefits(result.benefits, words))
    if result.sharing.shares:
        parts.append(_sharing(result.sharing, words))
    channels, arms = result.channel_effects, len(result.to_frame()) - 1
    # Where every arm has a channel of its own, this would say the same twice.
    if channels is not None and channels.to_frame()["arm"].nunique() < arms:
        parts.append(_effects(channels, words, words["channels"], language))
    parts += _course(result, words, language)
    return section(words["title"], *parts, note=note)


def _goal(goal: Goal, words: Words) -> Markup:
    said = []
    if goal.target > 0:
        told = words["goal_said"].format(
            total=_number(goal.total),
            target=_number(goal.target),
            attained=percent(goal.attained_share),
            expected=percent(goal.expected_share),
        )
    else:
        told = words["goal_alone"].format(total=_number(goal.total))
    said.append(told)
    if goal.days_left and math.isfinite(goal.projected):
        ends = _ends(_number(goal.projected_ci_lower), _number(goal.projected_ci_upper))
        told = words["projected_earlier" if goal.projected_by == BY_EARLIER else "projected_alone"]
        usual = percent(goal.usual_share)
        said.append(told.format(value=_number(goal.projected), ends=ends, usual=usual))
    amounts = {
        "spent": money(goal.spent_cny),
        "budget": money(goal.budget_cny),
        "share": percent(goal.budget_used_share),
        "committed": money(goal.committed_cny),
    }
    spent = words["spent" if goal.budget_cny > 0 else "spent_alone"]
    said += [spent.format(**amounts), words["goal_control"]]
    picture = [goal_chart(goal, words)] if len(goal.daily) else []
    return card(words["goal"], *(element("p", text) for text in said), *picture)


def _funnel(result: CampaignAnalysis, words: Words) -> list[Markup]:
    funnel = result.funnel
    if not funnel.steps:
        return []
    frame = funnel.to_frame()
    came = frame[frame["step"] == funnel.steps[0]].set_index("arm")["customers"]
    arms = [arm for arm in result.to_frame()["arm"] if came[arm] > 0]
    drawn = cards(*(card(arm, funnel_chart(funnel, arm, words)) for arm in arms))
    note = element("p", words["funnel_note"], class_="note")
    parts = [element("div", element("h3", words["funnel"]), note, drawn)]
    if funnel.effects is not None:
        parts.append(_effects(funnel.effects, words, words["compared"], "", by_step=True))
    return parts


def _effects(
    effects: ExperimentResult, words: Words, title: str, language: str, *, by_step: bool = False
) -> Markup:
    """One row per arm (or channel) of the first metric, or of every step."""
    frame = effects.to_frame()
    if not by_step:
        frame = frame[frame["metric"] == frame["metric"].iloc[0]]
    ends = ["effect", "effect_ci_lower", "effect_ci_upper"]
    scale = EffectScale.over(frame[ends].to_numpy(float).ravel())
    share = bool(frame[["mean_control", "mean_arm"]].to_numpy(float).max() <= 1)
    said = percent if share else _number
    rows = []
    for row in frame.to_dict("records"):
        bounds = (row["effect_ci_lower"], row["effect_ci_upper"])
        name = words.get(str(row["arm"]), row["arm"])
        rows.append(
            (
                *([words.get(row["metric"], row["metric"])] if by_step else []),
                name,
                said(row["mean_control"]),
                said(row["mean_arm"]),
                _over(_signed(row["effect"], share), _ends(*(_signed(b, share) for b in bounds))),
                effect_bar(scale, row["effect"], bounds, label=_signed(row["effect"], share)),
                p_text(row["p_adjusted"]),
            )
        )
    head = [*([words["step"]] if by_step else []), words["arm" if by_step else "channel"]]
    head += [words["control"], words["arm"], words["effect"], "", words["p"]]
    if not by_step:
        title = f"{title}: {outcome_name(str(frame['metric'].iloc[0]), language)}"
    return card(title, table(head, rows, text_columns=2 if by_step else 1))


def _messages(messages: pd.DataFrame, words: Words) -> Markup:
    rows = [
        (
            row["arm"],
            words.get(row["channel"], row["channel"]),
            whole(row["messages"]),
            _share(row, "open_share"),
            _share(row, "click_share"),
            _share(row, "click_of_opened_share"),
            money(row["cost_cny"]),
        )
        for row in messages.to_dict("records")
    ]
    names = ("arm", "channel", "sent", "open_rate", "click_rate", "of_opened", "cost")
    return card(words["messages"], table([words[name] for name in names], rows, text_columns=2))


def _sharing(sharing: Sharing, words: Words) -> Markup:
    said = [
        words["shares_said"].format(shares=whole(sharing.shares), sharers=whole(sharing.sharers))
    ]
    if sharing.brought is None:
        said.append(words["depth_unknown"])
    else:
        each = f"{sharing.brought_per_sharer:.2f}"
        said.append(
            words["brought"].format(brought=whole(sharing.brought), each=each, depth=sharing.depth)
        )
    return card(words["sharing"], *(element("p", text) for text in said))


def _benefits(benefits: Benefits, words: Words) -> Markup:
    rows = [
        (
            words["all"] if row["benefit_id"] == "all" else row["benefit_id"],
            states_bar(row),
            whole(row["issued"]),
            _share(row, "redemption_share"),
            _number(row["days_to_redeem_p50"]),
            money(row["cost_cny"]),
        )
        for row in benefits.to_frame().to_dict("records")
    ]
    head = [
        words["benefit"],
        "",
        *(words[n] for n in ("issued", "redemption", "days", "benefit_cost")),
    ]
    keys = legend((words[state], colour) for state, colour in STATES)
    said = [_stock(row, words) for row in benefits.stock.to_dict("records")]
    said += [_lift(row, words) for row in benefits.lift.to_dict("records")]
    return card(words["benefits"], keys, table(head, rows), *(element("p", text) for text in said))


def _stock(row: Mapping[Any, Any], words: Words) -> str:
    told = {"benefit": row["benefit_id"], "stock": whole(row["stock"]), "left": whole(row["left"])}
    if pd.isna(row["stock_out_at"]):
        return words["stock_left"].format(**told)
    share = row["demand_after_share"]
    ends = _ends(*(percent(row[f"demand_after_share_ci_{end}"]) for end in ("lower", "upper")))
    day = row["stock_out_at"].date()
    return words["stock_out"].format(**told, day=day, share=percent(share), ends=ends)


def _lift(row: Mapping[Any, Any], words: Words) -> str:
    value, low, high = (1000 * row[f"lift_per_yuan{end}"] for end in ("", "_ci_lower", "_ci_upper"))
    told = {"arm": row["arm"], "value": _number(value)}
    if not (math.isfinite(low) and math.isfinite(high)):
        return words["lift_open"].format(**told)
    return words["lift"].format(**told, ends=_ends(_number(low), _number(high)))


def _course(result: CampaignAnalysis, words: Words, language: str) -> list[Markup]:
    course = result.time_course
    parts = []
    path = course.path[course.path["since"] == "start"]
    if len(path):
        colours = arm_colours(list(path["arm"].unique()))
        objective = outcome_name(course.objective, language)
        note = element("p", words["course_note"].format(objective=objective), class_="note")
        parts.append(card(words["course"], note, legend(colours), course_chart(path, words)))
    counts = course.to_frame()
    steps = set(counts["step"])
    last = next((s for s in ("converted", "visited", "clicked", "contacted") if s in steps), None)
    if last is not None:
        shown = counts[counts["step"] == last]
        arms = [arm for arm in result.to_frame()["arm"] if arm != CONTROL]
        title = f"{words['daily']}: {words[last]}"
        if arms:
            picture = daily_chart(shown, arms, words)
            parts.append(card(title, legend(arm_colours(arms)), picture))
    return parts


def _share(row: Mapping[Any, Any], name: str) -> Markup:
    low, high = (percent(row[f"{name}_ci_{end}"]) for end in ("lower", "upper"))
    return _over(percent(row[name]), between(low, high))


def _over(value: str, below: object) -> Markup:
    return element("span", value, " ", element("span", below, class_="dim"))


def _ends(low: str, high: str) -> str:
    return f"[{low}, {high}]"


def _signed(value: float, share: bool) -> str:
    if share:  # points, so that nobody takes them for a relative effect
        return percent(value, signed=True).replace("%", "pp")
    return ("+" if value > 0 else "") + _number(value)


def _number(value: float) -> str:
    """A total or a mean: whole where it is one, else three digits."""
    if math.isnan(value):
        return "—"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.3g}"
