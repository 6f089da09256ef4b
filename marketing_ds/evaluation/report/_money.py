"""The report's sections on money: what the campaign earned, and whether the plan kept its word."""

from __future__ import annotations

import math

from marketing_ds._core.markup import Markup, drawing, element
from marketing_ds.evaluation.ledger import MEASURED, CampaignLedger
from marketing_ds.evaluation.money import ALL_ARMS, Return, Roi
from marketing_ds.evaluation.money.ratios import RatioSet
from marketing_ds.evaluation.money.words import chance, set_words, yuan

from .parts import EffectScale, between, effect_bar, money, section, table, whole

_WORDS = {
    "en": {
        "money": "Return on investment",
        "arm": "Arm",
        "all": "All arms",
        "customers": "Customers",
        "margin": "Incremental margin",
        "cost": "Incremental cost",
        "profit": "Incremental profit",
        "per": "Back per yuan",
        "odds": "Pays for itself",
        "cpio": "Cost per extra outcome",
        "note": (
            "All against control, for all customers of the arm; {level} intervals. Back per yuan is "
            "incremental margin over incremental cost: above ¥1 the arm earns more than it costs "
            "(return on investment is this minus 1). Its interval is Fieller's, which says so where "
            "the cost cannot be told from 0."
        ),
        "worth": (
            "An outcome that is worth more than the cost per extra outcome makes the arm pay."
        ),
        "ledger": "Promised and delivered",
        "offer": "Plan, offer",
        "outcomes": "Outcomes",
        "kept": "Kept",
        "net": "Net value",
        "promised": "promised {}",
        "of_all": "measured among all of the campaign's customers",
        "open": "not measured yet",
        "ledger_note": (
            "What plans promised for the customers they chose, and what those customers delivered. "
            "Kept is delivered over promised; the line in the picture is at 1."
        ),
    },
    "zh": {
        "money": "投资回报",
        "arm": "实验组",
        "all": "全部实验组",
        "customers": "客户数",
        "margin": "增量毛利",
        "cost": "增量成本",
        "profit": "增量利润",
        "per": "每元带回",
        "odds": "回本概率",
        "cpio": "每个增量转化的成本",
        "note": (
            "均与对照组相比，按该组全部客户合计；{level} 区间。每元带回 = 增量毛利 / 增量成本：高于 ¥1 即"
            "收入多于花费（投资回报率为其减 1）。区间采用 Fieller 方法；成本与 0 无法区分时会如实说明。"
        ),
        "worth": "单个转化的价值高于每个增量转化的成本时，该组即可盈利。",
        "ledger": "承诺与兑现",
        "offer": "计划、投放物",
        "outcomes": "转化",
        "kept": "兑现率",
        "net": "净收益",
        "promised": "承诺 {}",
        "of_all": "按活动全部客户测得",
        "open": "尚未测得",
        "ledger_note": "计划对所选客户的承诺，以及这些客户的实际结果。兑现率 = 实际 / 承诺；图中竖线为 1。",
    },
}


def money_section(result: Roi, language: str) -> Markup:
    """Verdict and table of every arm's return.

    Parameters
    ----------
    result : Roi
    language : {"en", "zh"}
    """
    words = _WORDS[language]
    scale = EffectScale.over(end for each in result for end in each.total_profit)
    level = f"{100 * (1 - result.settings.alpha):g} %"
    with_cpio = any(each.cpio is not None for each in result)
    amounts = [words[name] for name in ("arm", "customers", "margin", "cost", "profit")]
    ratios = [words[name] for name in ("arm", "per", "odds", *(["cpio"] if with_cpio else []))]
    notes = [element("p", words["worth"], class_="note")] if with_cpio else []
    return section(
        words["money"],
        element("p", result.verdict_in(language)),
        table([*amounts, ""], [_amounts(each, scale, language) for each in result]),
        table(ratios, [_ratios(each, language) for each in result]),
        *notes,
        note=words["note"].format(level=level),
    )


def ledger_section(result: CampaignLedger, language: str) -> Markup:
    """What plans promised beside what was delivered, offer by offer.

    Parameters
    ----------
    result : CampaignLedger
    language : {"en", "zh"}
    """
    words = _WORDS[language]
    frame = result.to_frame()
    said = element("p", result.sentence(language))
    if frame.empty:
        return section(words["ledger"], said)
    ends = frame[["outcome_ratio", "outcome_ratio_ci_lower", "outcome_ratio_ci_upper"]]
    scale = EffectScale.over([1.0, *ends.to_numpy(dtype=float).ravel().tolist()])
    rows = [_promise(row, scale, language) for row in frame.to_dict("records")]
    head = [words[name] for name in ("offer", "customers", "outcomes", "kept")]
    head += ["", words["net"]]
    return section(words["ledger"], said, table(head, rows), note=words["ledger_note"])


def _amounts(each: Return, scale: EffectScale, language: str) -> list[object]:
    """Margin, cost and profit of all the arm's customers."""
    cells: list[object] = [_name(each, language), whole(each.n_arm)]
    n = each.n_arm
    for amount in (each.margin, each.cost, each.profit):
        ends = between(money(amount.lower * n), money(amount.upper * n))
        cells.append(_over(money(amount.value * n), ends))
    profit, low, high = each.total_profit
    label = f"{each.arm}: {money(profit)}"
    return [*cells, effect_bar(scale, profit, (low, high), label=label)]


def _ratios(each: Return, language: str) -> list[object]:
    """What came back per yuan, the odds of breaking even, the price of an outcome."""
    price = [] if each.cpio is None else [_set(each.cpio, language)]
    back = _set(each.per_cny, language)
    return [_name(each, language), back, chance(each.break_even_probability), *price]


def _name(each: Return, language: str) -> Markup:
    name = _WORDS[language]["all"] if each.arm == ALL_ARMS else each.arm
    return element("span", name, style="white-space:nowrap")


def _set(found: RatioSet, language: str) -> Markup:
    return _over(yuan(found.value), element("small", set_words(found, language), class_="dim"))


def _over(value: str, below: Markup) -> Markup:
    """An estimate with its interval in the line below."""
    return element("div", value, element("div", below))


def _promise(row: dict, scale: EffectScale, language: str) -> list[object]:  # type: ignore[type-arg]
    words = _WORDS[language]
    offer = element("span", f"{row['plan']}, {row['arm']}")
    if row["state"] != MEASURED:
        offer = _over(f"{row['plan']}, {row['arm']}", element("small", words["open"], class_="dim"))
    elif row["basis"] == "all":
        offer = _over(
            f"{row['plan']}, {row['arm']}", element("small", words["of_all"], class_="dim")
        )
    ratio, low, high = (float(row[f"outcome_ratio{end}"]) for end in ("", "_ci_lower", "_ci_upper"))
    promised = [
        element("small", words["promised"].format(text), class_="dim")
        for text in (f"{row['promised_outcome']:,.1f}", money(row["promised_net_cny"]))
    ]
    outcomes = row["delivered_outcome"]
    return [
        offer,
        whole(row["customers"]),
        _over("—" if math.isnan(outcomes) else f"{outcomes:,.1f}", promised[0]),
        "—" if math.isnan(ratio) else _over(f"{ratio:.2f}", between(f"{low:.2f}", f"{high:.2f}")),
        "" if math.isnan(ratio) else _ratio_bar(scale, ratio, (low, high)),
        _over(money(row["delivered_net_cny"]), promised[1]),
    ]


def _ratio_bar(scale: EffectScale, value: float, ends: tuple[float, float]) -> Markup:
    """A ratio as a dot with its interval against the line of a promise kept."""
    low, high = (scale.at(end) for end in ends)
    side = "up" if ends[0] > 1 else "down" if ends[1] < 1 else "open"
    return drawing(
        scale.width,
        18,
        element("line", x1=scale.at(1), x2=scale.at(1), y1=0, y2=18, class_="zero"),
        element("line", x1=low, x2=high, y1=9, y2=9, class_="range"),
        element("circle", cx=scale.at(value), cy=9, r=5, class_=side),
        label=f"{value:.2f}",
        class_="bar",
    )
