"""The products' part of a campaign's report: sales, whose money, at what cost to other products."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.markup import Markup, element
from marketing_ds.evaluation.product import OTHERS, ProductAnalysis

from .parts import (
    LANGUAGES,
    EffectScale,
    Words,
    between,
    effect_bar,
    money,
    percent,
    section,
    shade,
    share_bar,
    table,
    whole,
)

_MOST = 12
_WIDEST = 3.0
"""Of an interval of a share: a wider one says nothing, and its figures only puzzle."""
WORDS: Mapping[str, Words] = {
    "en": {
        "title": "Products",
        "facts": "{n} customers bought for {amount} from {start} to {end}.",
        "sales": "Sales", "item": "Product", "buyers": "Buyers", "new": "New buyers",
        "amount": "Amount", "ticket": "Ticket", "frequency": "Purchases a buyer",
        "penetration": "Held by",
        "moved": "Where the money came from",
        "moved_note": (
            "New: by what the customer's assets in the bank grew, at most what was bought. The rest "
            "was moved from other balances. Snapshots of {first} and {last}."
        ),
        "new_money": "New money", "moved_money": "Moved", "new_share": "New, of the amount",
        "crossing": "Held together, by category",
        "crossing_note": "Lift: 1 is what chance would give. Below each name: customers with both.",
        "effects": "What the campaign did to its product and to others",
        "effects_note": (
            "Per customer, against control, since the campaign began; adjusted by assets before."
        ),
        "metric": "Per customer", "arm": "Arm", "control": "Control", "effect": "Effect",
        "blocked": "No verdict: a check of the arms failed; look at the checks first.",
        "unbounded": "cannot be told: the product's own effect may be 0",
        "wide": "hardly known: the product's own effect is too unsure",
        "cannibalised_buyers": "Buyers taken from the category",
        "cannibalised_sales": "Sales taken from the category",
        "cannibalised_balance": "Balance taken from the category",
        "net_new": "Net new assets, of the product's balance",
        "product_buyers": "Bought the product", "same_category_buyers": "Bought its category's others",
        "product_bought_cny": "Bought of the product",
        "same_category_bought_cny": "Bought of its category's others",
        "other_assets_bought_cny": "Bought of other assets",
        "product_balance_cny": "Change of the product's balance",
        "same_category_balance_cny": "Change of its category's others",
        "assets_cny": "Change of all assets",
        "switching": "Fell elsewhere in the category (a description, no effect)",
        "switching_note": (
            "Of the customers who had held the other product, how many held less of it at the end."
        ),
        "from_item": "Other product", "among_buyers": "Among buyers", "among_others": "Among others",
        "deposit": "deposits", "wealth": "wealth products", "fund": "funds",
        "insurance": "insurance", "loan": "loans", "card": "cards", "all": "All",
        "others": "Others of {category}",
    },
    "zh": {
        "title": "产品分析",
        "facts": "{start} 至 {end}，{n} 名客户购买，金额 {amount}。",
        "sales": "产品销售", "item": "产品", "buyers": "购买客户", "new": "新购客户",
        "amount": "金额", "ticket": "笔均金额", "frequency": "人均笔数",
        "penetration": "持有率",
        "moved": "资金来源",
        "moved_note": (
            "新增：客户在本行资产的增长，不超过购买金额；其余为从本行其他余额转移。"
            "快照日 {first} 与 {last}。"
        ),
        "new_money": "新增资金", "moved_money": "转移资金", "new_share": "新增占比",
        "crossing": "按类别交叉持有",
        "crossing_note": "提升度：1 表示独立。下方为同时持有的客户数。",
        "effects": "活动对本产品及其他产品的影响",
        "effects_note": "户均，相对对照组，自活动开始起；按期前资产校正。",
        "metric": "户均指标", "arm": "组别", "control": "对照组", "effect": "效果",
        "blocked": "不作结论：分组检查未通过，请先查看检查结果。",
        "unbounded": "无法判断：产品自身的效果可能为 0",
        "wide": "难以判断：产品自身的效果太不确定",
        "cannibalised_buyers": "被蚕食的同类购买客户",
        "cannibalised_sales": "被蚕食的同类销售额",
        "cannibalised_balance": "被蚕食的同类余额",
        "net_new": "净新增资产占产品余额",
        "product_buyers": "购买本产品", "same_category_buyers": "购买同类其他产品",
        "product_bought_cny": "本产品购买金额",
        "same_category_bought_cny": "同类其他产品购买金额",
        "other_assets_bought_cny": "其他资产类购买金额",
        "product_balance_cny": "本产品余额变化",
        "same_category_balance_cny": "同类其他产品余额变化",
        "assets_cny": "全部资产变化",
        "switching": "同类其他产品余额下降（仅描述，非因果）",
        "switching_note": "期初持有另一产品的客户中，期末持有减少的占比。",
        "from_item": "另一产品", "among_buyers": "购买者中", "among_others": "未购买者中",
        "deposit": "存款", "wealth": "理财", "fund": "基金",
        "insurance": "保险", "loan": "贷款", "card": "信用卡", "all": "合计",
        "others": "其他{category}产品",
    },
}  # fmt: skip


def products_section(result: ProductAnalysis, language: str = "en") -> Markup:
    """The section of the page, in English or Chinese."""
    check_choice("language", language, LANGUAGES)
    words = WORDS[language]
    total = result.sales[result.sales["level"] == "all"].iloc[0]
    facts = words["facts"].format(
        n=whole(total["buyers"]),
        amount=money(total["amount_cny"]),
        start=result.start,
        end=result.end,
    )
    parts: list[object] = [element("p", facts)]
    if result.blocked:
        parts.append(element("p", words["blocked"], class_="alarm"))
    if len(result.effects):
        note = element("p", words["effects_note"], class_="note")
        parts += [element("h3", words["effects"]), note, _ratios(result, words)]
        parts.append(_effects(result, words))
    parts += [element("h3", words["sales"]), _sales(result, words)]
    if len(result.moved):
        days = words["moved_note"].format(first=result.start_snapshot, last=result.end_snapshot)
        parts += [element("h3", words["moved"]), element("p", days, class_="note")]
        parts.append(_moved(result, words))
    if len(result.cross_holding):
        parts += [element("h3", words["crossing"])]
        parts += [element("p", words["crossing_note"], class_="note"), _crossing(result, words)]
    switched = _switched(result)
    if len(switched):
        parts += [element("h3", words["switching"])]
        parts += [element("p", words["switching_note"], class_="note")]
        parts.append(_switching(switched, words))
    return section(words["title"], *parts)


def _of_interest(frame: pd.DataFrame, product: str | None, amount: str) -> pd.DataFrame:
    """The campaign's product, the largest others, and the sum."""
    sold = frame[(frame["level"] == "product") & (frame["buyers"] > 0)]
    ours = sold[sold["item"] == product]
    others = sold[sold["item"] != product].sort_values(amount, ascending=False, kind="stable")
    whole_of_it = frame[frame["level"] == "all"]
    return pd.concat([ours, others.head(_MOST - len(ours)), whole_of_it])


def _sales(result: ProductAnalysis, words: Words) -> Markup:
    frame = _of_interest(result.sales, result.product_id, "amount_cny")
    held = "penetration_share" in frame
    rows = []
    for row in frame.to_dict("records"):
        cells: list[object] = [
            _title(row, words, result.product_id),
            whole(row["buyers"]),
            _told(row, "new_buyer_share", percent),
            money(row["amount_cny"]),
            _told(row, "ticket_cny", money),
            _told(row, "frequency", _number),
        ]
        rows.append(cells + ([_told(row, "penetration_share", percent)] if held else []))
    head = [words[k] for k in ("item", "buyers", "new", "amount", "ticket", "frequency")]
    return table(head + ([words["penetration"]] if held else []), rows)


def _moved(result: ProductAnalysis, words: Words) -> Markup:
    frame = _of_interest(result.moved, result.product_id, "amount_cny")
    rows = [
        [
            _title(row, words, result.product_id),
            money(row["new_cny"]),
            money(row["moved_cny"]),
            share_bar(row["new_share"], 1.0, label=percent(row["new_share"]), width=140.0),
            _told(row, "new_share", percent),
        ]
        for row in frame.to_dict("records")
    ]
    head = [words["item"], words["new_money"], words["moved_money"], words["new_share"], ""]
    return table(head, rows)


def _crossing(result: ProductAnalysis, words: Words) -> Markup:
    """Lifts of the categories as a square, with the customers who hold both."""
    frame = result.cross_holding[result.cross_holding["level"] == "category"]
    names = list(dict.fromkeys([*frame["item"], *frame["with_item"]]))
    pairs = {frozenset((row["item"], row["with_item"])): row for row in frame.to_dict("records")}
    rows = []
    for name in names:
        cells: list[object] = [words.get(name, name)]
        for other in names:
            row = pairs.get(frozenset((name, other)))
            if row is None or name == other:
                cells.append("")
                continue
            text = f"{row['lift']:.2f}" if math.isfinite(row["lift"]) else "—"
            style = shade(row["lift"] - 1.0, 1.0) if row["lift"] > 1 else None
            both = element("small", whole(row["both"]), class_="dim")
            cells.append(element("span", text, " ", both, style=style))
        rows.append(cells)
    return table(["", *(words.get(name, name) for name in names)], rows)


def _effects(result: ProductAnalysis, words: Words) -> Markup:
    rows = []
    for _, group in result.effects.groupby("metric", sort=False):
        scale = EffectScale.over([*group["effect_ci_lower"], *group["effect_ci_upper"]], 160.0)
        for row in group.to_dict("records"):
            told: Any = money if row["metric"].endswith("_cny") else percent
            ends = (row["effect_ci_lower"], row["effect_ci_upper"])
            rows.append(
                [
                    words[row["metric"]],
                    row["arm"],
                    told(row["mean_control"]),
                    effect_bar(scale, row["effect"], ends, label=f"{row['effect']:.4g}"),
                    element(
                        "span",
                        told(row["effect"], signed=True),
                        " ",
                        between(*(told(end, signed=True) for end in ends)),
                    ),
                ]
            )
    head = [words[key] for key in ("metric", "arm", "control", "effect")]
    return table([*head, ""], rows, text_columns=2)


def _ratios(result: ProductAnalysis, words: Words) -> Markup:
    rows = []
    for row in result.ratios.to_dict("records"):
        width = row["value_share_ci_upper"] - row["value_share_ci_lower"]
        value: object = _told(row, "value_share", percent)
        if not width <= _WIDEST:
            value = words["wide" if math.isfinite(width) else "unbounded"]
        rows.append([words[row["ratio"]], row["arm"], value])
    return table(["", words["arm"], ""], rows, text_columns=2)


def _switched(result: ProductAnalysis) -> pd.DataFrame:
    """Rows of the campaign's product; without one, of the pairs with most buyers."""
    frame = result.switching
    if result.product_id is not None:
        frame = frame[frame["item"] == result.product_id]
    return frame.sort_values("buyers_holding", ascending=False, kind="stable").head(_MOST)


def _switching(frame: pd.DataFrame, words: Words) -> Markup:
    rows = [
        [
            row["item"],
            row["from_item"],
            whole(row["buyers_holding"]),
            _told(row, "buyers_fell_share", percent),
            _told(row, "others_fell_share", percent),
        ]
        for row in frame.to_dict("records")
    ]
    head = [words[k] for k in ("item", "from_item", "buyers", "among_buyers", "among_others")]
    return table(head, rows, text_columns=2)


def _title(row: Mapping[Any, Any], words: Words, product: str | None) -> object:
    title = words["all"] if row["level"] == "all" else row["title"]
    if row["level"] == "product" and row["item"].startswith(OTHERS):
        category = row["item"].removeprefix(OTHERS)
        title = words["others"].format(category=words.get(category, category))
    return element("b", title) if row["item"] == product else title


def _told(row: Mapping[Any, Any], name: str, told: Any) -> Markup:
    """A figure with its interval behind it."""
    ends: Sequence[float] = (row[f"{name}_ci_lower"], row[f"{name}_ci_upper"])
    return element("span", told(row[name]), " ", between(*(told(end) for end in ends)))


def _number(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:.2f}"
