"""The page: verdict, what was checked, what changed, what it paid, the four analyses, what next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.markup import Markup, checked_page, element, joined, page
from marketing_ds.evaluation.ledger import CampaignLedger
from marketing_ds.evaluation.observed import (
    DifferenceInDifferences,
    ObservationalResult,
    SyntheticControl,
)
from marketing_ds.evaluation.overlapping import InteractionMatrix, Interactions, UniversalEffect
from marketing_ds.evaluation.result import ExperimentResult

from ._campaign import campaign_section
from ._channels import channels_section
from ._checks import checks_section
from ._customers import customers_section
from ._effects import effects_section
from ._money import ledger_section, money_section
from ._next import next_steps
from ._observed import observed_section
from ._overlapping import interactions_section, universal_section
from ._products import products_section
from .outcomes import outcome_name
from .parts import Words, money, section, whole

if TYPE_CHECKING:
    from marketing_ds.evaluation.campaign_evaluation import CampaignEvaluation

_WORDS: Mapping[str, Words] = {
    "en": {
        "lang": "en",
        "kind": "Campaign report",
        "colon": ": ",
        "window": "Contact",
        "attribution": "outcomes count for {days} days",
        "customers": "Customers",
        "arms": "{arms} arms beside control",
        "objective": "Objective",
        "cost": "Cost",
        "as_of": "As of",
        "open": "outcomes still open",
        "verdict": "Verdict",
        "next": "What next",
        "notes": "How to read this page",
        "note_level": "Intervals are at {level}: of a hundred such intervals about {hits} hold the true value.",
        "note_effect": "An effect is the difference that being assigned to an arm made, on average of the arm.",
        "note_weaker": "The arms were not drawn at random: effects rest on assumptions that no data can prove.",
        "note_private": "Only sums and counts stand here, no single customer.",
        "left_out": "Not on this page: {part} ({why}).",
    },
    "zh": {
        "lang": "zh-CN",
        "kind": "营销活动评估报告",
        "colon": "：",
        "window": "触达时间",
        "attribution": "转化结果统计 {days} 天",
        "customers": "客户数",
        "arms": "对照组之外 {arms} 个实验组",
        "objective": "目标",
        "cost": "成本",
        "as_of": "截至",
        "open": "结果尚未完整",
        "verdict": "结论",
        "next": "下一步",
        "notes": "阅读说明",
        "note_level": "区间的置信水平为 {level}：一百个这样的区间中约有 {hits} 个包含真值。",
        "note_effect": "效果指被分到某组所带来的差异，是全组的平均。",
        "note_weaker": "分组并非随机：效果依赖于数据无法证明的假设。",
        "note_private": "本页只有合计与计数，不含任何单个客户的信息。",
        "left_out": "本页未包含：{part}（{why}）。",
    },
}
PARTS_ZH = {
    "effects": "效果",
    "roi": "投入产出",
    "customers": "客户分析",
    "products": "产品分析",
    "channels": "渠道分析",
}
"""Names of the parts in Chinese."""


def write_report(
    found: CampaignEvaluation, path: str | Path, *, language: str, extras: Sequence[Result]
) -> Path:
    """Write the page; see `CampaignEvaluation.report`."""
    file, words = checked_page(path), _WORDS[language]
    further = [_extra(extra, language) for extra in extras]
    which = found.which
    text = page(
        lang=words["lang"],
        title=joined([words["kind"], words["colon"], which.name]),
        header=_header(found, words, language),
        main=joined(_main(found, further, words, language)),
        footer=_footer(found, words, language),
    )
    file.write_text(text, encoding="utf-8")
    return file


def _header(found: CampaignEvaluation, words: Words, language: str) -> Markup:
    which = found.which
    reached = found.campaign.to_frame()
    facts = [
        (
            words["window"],
            f"{which.starts_on} – {which.ends_on}",
            words["attribution"].format(days=which.attribution_days),
        ),
        (
            words["customers"],
            whole(float(reached["customers"].sum())),
            words["arms"].format(arms=len(which.arms) - 1),
        ),
        (words["objective"], outcome_name(which.objective, language), ""),
    ]
    if found.campaign.goal.spent_cny:
        facts.append((words["cost"], money(found.campaign.goal.spent_cny), ""))
    facts.append(
        (words["as_of"], str(found.as_of), "" if found.campaign.complete else words["open"])
    )
    return element(
        "header",
        element("p", words["kind"], class_="kind"),
        element("h1", f"{which.campaign_id} · {which.name}"),
        element(
            "dl",
            *(
                element(
                    "div",
                    element("dt", name),
                    element("dd", value, element("small", more) if more else ""),
                )
                for name, value, more in facts
            ),
            class_="facts",
        ),
    )


def _extra(result: Result, language: str) -> Markup:
    if isinstance(result, CampaignLedger):
        return ledger_section(result, language)
    if isinstance(result, Interactions | InteractionMatrix):
        return interactions_section(result, language)
    if isinstance(result, UniversalEffect):
        return universal_section(result, language)
    if isinstance(result, ObservationalResult | DifferenceInDifferences | SyntheticControl):
        return observed_section(result, language)
    raise InvalidInput(
        "extras must hold results of campaign_ledger, campaign_interactions, interaction_matrix, "
        "universal_effect, analyze_observational, difference_in_differences or "
        f"synthetic_control, got {type(result).__name__}"
    )


def _main(
    found: CampaignEvaluation, further: Sequence[Markup], words: Words, language: str
) -> list[Markup]:
    parts = [
        element(
            "section",
            element("h2", words["verdict"]),
            element("ul", element("li", found.verdict_in(language))),
            class_="short",
        )
    ]
    if isinstance(found.effects, ExperimentResult):
        parts.append(effects_section(found.effects, language))
    if isinstance(found.effects, ObservationalResult):
        parts.append(observed_section(found.effects, language))
    if found.roi is not None:
        parts.append(money_section(found.roi, language))
    parts.append(checks_section(found.checks, language))
    parts.append(campaign_section(found.campaign, language))
    if found.customers is not None:
        parts.append(customers_section(found.customers, language))
    if found.products is not None:
        parts.append(products_section(found.products, language))
    if found.channels is not None:
        parts.append(channels_section(found.channels, language))
    parts += further
    steps = element("ul", *(element("li", step) for step in next_steps(found, language)))
    parts.append(section(words["next"], steps))
    return parts


def _footer(found: CampaignEvaluation, words: Words, language: str) -> Markup:
    alpha = found.campaign.alpha
    level = f"{1 - alpha:.0%}".replace("%", " %")
    notes = [
        words["note_level"].format(level=level, hits=f"{100 * (1 - alpha):.0f}"),
        words["note_effect"],
    ]
    if isinstance(found.effects, ObservationalResult):
        notes.append(words["note_weaker"])
    for part, why in found.left_out.items():
        name = PARTS_ZH.get(part, part) if language == "zh" else part
        notes.append(words["left_out"].format(part=name, why=why))
    notes.append(words["note_private"])
    listed = element("ul", *(element("li", note) for note in notes))
    return element("footer", element("h2", words["notes"]), listed)
