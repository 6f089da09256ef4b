"""The words of the page, in English and Chinese, and how numbers are written in it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "lang": "en",
        "kind": "Audience profile",
        "audience": "Audience", "base": "Base", "second": "Second audience", "shared": "In both",
        "share_of": "{share} of the base", "as_of": "As of", "customers": "customers", "colon": ": ",
        "chosen": "Chosen by", "against": "Compared with", "everybody": "all customers of the table",
        "short": "In short",
        "size": "The audience has {n} of the {base} customers of the base: {share}.",
        "size_two": "{n} customers are compared with {base} others; {shared} are in both.",
        "finding": "{a} of the audience have {what}, against {b} of {whom}: {times}{sure}.",
        "of_base": "the base", "of_second": "the second audience",
        "times": "{ratio} times as often", "more": "{part} more often", "less": "{part} less often",
        "sure": " (TGI {tgi}, {level} interval {lower} to {upper})",
        "nothing": "No tag differs from {whom} by more than chance explains.",
        "together": "Together, {a} and {b} are {times} than each of them alone explains.",
        "together_more": "{part} more frequent", "together_less": "{part} rarer",
        "average": "On average {what} is {first}, against {second} of {whom}: {times}.",
        "higher": "{part} more", "lower": "{part} less", "fold": "{ratio} times as much",
        "trend": "From {since} to {until} the audience went from {first} to {last} customers; {alarms}.",
        "no_alarm": "no alarm was raised", "alarms": "{n} alarm(s) were raised",
        "apart": "What sets them apart",
        "apart_note": "TGI = share in the audience / share in {whom} × 100; 100 is “as there”. The line is the {level} interval. Grey: chance may explain it.",
        "tag": "Tag", "value": "Value", "tgi": "TGI", "interval": "interval", "rest": "{n} more rows are not shown here.",
        "mixes": "Mix", "crossed": "Two tags together",
        "crossed_note": "Expected: what the two values would give if each did its part alone. Interaction = TGI / expected × 100, with its {level} interval.",
        "expected": "expected TGI", "interaction": "interaction",
        "rare": "Too few customers share two values to show any pair.",
        "behaviour": "Per customer", "behaviour_note": "Means over the customers whose value is known, and their ratio with its {level} interval.",
        "mean": "mean", "median": "median", "ratio": "ratio",
        "distribution": "Distribution", "migration": "Migration",
        "migration_note": "From {before} to {after} customers, of whom {both} were there on both days. Percentages: of those who had the value before. Flows of too few customers, and those that would give them away, are left out.",
        "moved": "from ↓ to →",
        "trend_title": "Trend", "entered": "entered", "left": "left", "day": "day", "change": "change", "alarm": "alarms",
        "overlap": "Overlap", "overlap_note": "Customers in both as a share of those in either (Jaccard).",
        "not_shown": "not shown", "notes": "How this was computed",
        "note_rule": "Audience: {text}", "note_second": "Second audience: {text}",
        "note_by": "Tags that the audience was chosen by differ by construction; they are left out of the findings: {tags}.",
        "note_estimate": "Shares are of all customers; those without a value are a value of their own, and numbers are grouped by quantiles. The intervals invert the score test of the ratio of two shares{overlap}.",
        "note_overlap": ", with the customers of both sides as a group of their own",
        "note_tests": "A difference counts, and is not grey, if its p-value is below {alpha} after adjustment for all {rows} rows compared (Benjamini–Hochberg).",
        "note_rank": "Rows are ranked by the smallest difference that their interval allows.",
        "note_small": "Values with fewer than {least} customers are not shown, nor are those from which such a number would follow by subtraction. This concerns {tags} of {all} tags.",
        "note_none": "No value had to be left out for having fewer than {least} customers.",
        "note_private": "The page holds numbers of groups only; no customer is named.",
        "important": "important: high amount", "general": "general: low amount", "rfm_value": "value: recent, frequent", "rfm_develop": "develop: recent, rare",
        "rfm_keep": "keep: long ago, frequent", "rfm_win_back": "win back: long ago, rare",
        "grid_note": "Large: TGI. Small: share of the audience / of {whom}.",
        "left_out": "and {n} more",
    },
    "zh": {
        "lang": "zh-CN",
        "kind": "客群画像",
        "audience": "客群", "base": "总体", "second": "对比客群", "shared": "两者共有",
        "share_of": "占总体 {share}", "as_of": "数据日期", "customers": "客户数", "colon": "：",
        "chosen": "圈选条件", "against": "对比对象", "everybody": "标签表中的全部客户",
        "short": "要点",
        "size": "客群共 {n} 名客户，占总体 {base} 名的 {share}。",
        "size_two": "{n} 名客户与 {base} 名客户对比，其中 {shared} 名两者共有。",
        "finding": "客群中 {a} 的客户{what}，{whom}为 {b}：{times}{sure}。",
        "of_base": "总体", "of_second": "对比客群",
        "times": "是其 {ratio} 倍", "more": "高出 {part}", "less": "低 {part}",
        "sure": "（TGI {tgi}，{level} 置信区间 {lower}–{upper}）",
        "nothing": "没有标签与{whom}存在超出随机波动的差异。",
        "together": "{a}且{b}的客户，比两者各自所能解释的{times}。",
        "together_more": "多 {part}", "together_less": "少 {part}",
        "average": "人均{what}为 {first}，{whom}为 {second}：{times}。",
        "higher": "高 {part}", "lower": "低 {part}", "fold": "是其 {ratio} 倍",
        "trend": "{since} 至 {until}，客群由 {first} 名变为 {last} 名客户；{alarms}。",
        "no_alarm": "未触发预警", "alarms": "触发 {n} 项预警",
        "apart": "与众不同之处",
        "apart_note": "TGI = 客群占比 / {whom}占比 × 100，100 表示与其相同。横线为 {level} 置信区间；灰色表示差异可能出于随机。",
        "tag": "标签", "value": "取值", "tgi": "TGI", "interval": "置信区间", "rest": "另有 {n} 行未在此显示。",
        "mixes": "构成", "crossed": "标签交叉",
        "crossed_note": "预期：两个取值各自独立作用时的 TGI。交互 = TGI / 预期 × 100，附 {level} 置信区间。",
        "expected": "预期 TGI", "interaction": "交互",
        "rare": "同时具有两个取值的客户太少，没有可显示的组合。",
        "behaviour": "人均行为", "behaviour_note": "均值按取值已知的客户计算，比值附 {level} 置信区间。",
        "mean": "均值", "median": "中位数", "ratio": "比值",
        "distribution": "分布", "migration": "迁移",
        "migration_note": "由 {before} 名变为 {after} 名客户，其中 {both} 名两日均在。百分比以期初具有该取值的客户为基数。客户过少的流向，以及可由其推算出前者的流向，均不显示。",
        "moved": "由 ↓ 至 →",
        "trend_title": "趋势", "entered": "新进入", "left": "离开", "day": "日期", "change": "变动", "alarm": "预警",
        "overlap": "重叠", "overlap_note": "同时属于两个客群的客户占属于任一客群客户的比例（Jaccard）。",
        "not_shown": "未显示", "notes": "计算说明",
        "note_rule": "客群：{text}", "note_second": "对比客群：{text}",
        "note_by": "圈选所用的标签必然存在差异，不列入结论：{tags}。",
        "note_estimate": "占比以全部客户为基数；缺失值作为单独的取值，数值按分位数分组。置信区间由两个占比之比的得分检验反演得到{overlap}。",
        "note_overlap": "，两侧共有的客户作为单独一组",
        "note_tests": "对所比较的 {rows} 行按 Benjamini–Hochberg 校正后 p 值低于 {alpha} 的差异视为成立，不以灰色显示。",
        "note_rank": "各行按其置信区间所允许的最小差异排序。",
        "note_small": "客户少于 {least} 名的取值不予显示；可由相减推算出此类数字的取值亦不显示。{all} 个标签中有 {tags} 个涉及。",
        "note_none": "没有取值因客户少于 {least} 名而不予显示。",
        "note_private": "本页只含群体数字，不含任何客户信息。",
        "important": "重要：金额高", "general": "一般：金额低", "rfm_value": "价值：近期活跃、高频", "rfm_develop": "发展：近期活跃、低频",
        "rfm_keep": "保持：久未活跃、高频", "rfm_win_back": "挽留：久未活跃、低频",
        "grid_note": "大字为 TGI，小字为占比：客群 / {whom}。",
        "left_out": "等另外 {n} 个",
    },
}  # fmt: skip


def percent(share: float) -> str:
    """A share with one digit, or none where it would say nothing."""
    if pd.isna(share):
        return "–"
    return f"{share:.1%}" if share < 0.9995 else "100%"


def whole(number: float) -> str:
    """A count."""
    return "–" if pd.isna(number) else f"{number:,.0f}"


def change(part: float) -> str:
    """A relative change, with its sign unless nothing changed."""
    if pd.isna(part):
        return "–"
    text = f"{part:+.1%}"
    return "0.0%" if text in ("+0.0%", "-0.0%") else text


def amount(number: float) -> str:
    """A mean or a median: three digits of a small number, no part of a large one."""
    if pd.isna(number):
        return "–"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def readable(value: object) -> str:
    """A tag's value as words: names of classes are written with underscores."""
    text = str(value)
    return text.replace("_", " ") if text.isascii() and text.islower() else text
