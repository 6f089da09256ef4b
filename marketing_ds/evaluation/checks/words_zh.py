"""What checks say, in Chinese: the sentences of `words.WORDS` under the same names."""

from __future__ import annotations

from collections.abc import Mapping

NAMES_ZH: Mapping[str, str] = {
    "mixed assignment": "重复分组",
    "sample ratio": "样本比例",
    "sample ratio by day": "样本比例（按日期）",
    "assignment times": "分组时间",
    "pre-period difference": "活动前差异",
    "randomised": "随机分组",
    "control group": "对照组",
    "inside the data": "数据覆盖",
    "complete": "结果完整",
    "earlier looks": "提前查看",
    "control contacted": "对照组被触达",
    "control redeemed": "对照组用券",
    "delivery": "触达比例",
    "contacts without an arm": "未分组的触达",
    "order in time": "先后顺序",
    "costs": "成本",
    "other campaigns": "同期其他活动",
    "displaced contacts": "其他活动的触达",
    "group drawn before": "全局对照组的抽取时间",
    "group kept out": "全局对照组未被触达",
}
"""Names of the checks."""
WORDS_ZH: Mapping[str, str] = {
    "ratio_kept": "各组人数与设计相符（样本比例 p = {p:.2g}）",
    "ratio_unknown": "分组并非随机，各组应有多少人无从得知",
    "ratio_broken": (
        "各组人数与设计不符（样本比例 p = {p:.1g}；{arm!r} 有 {customers:,} 人，应有 {expected:,.0f} 人）。"
        "相信任何数字之前，先查分组过程、分组之后的过滤和丢失的记录；若各组本不应相等，请给出比例或概率。"
    ),
    "groups_kept": "按{by}分的 {groups} 个群体中，各组人数都与设计相符",
    "groups_broken": (
        "按{by}分的 {groups} 个群体中，有 {broken} 个的人数与设计不符（p = {p:.1g}），以 {group!r} 最甚："
        "{arm!r} 有 {customers:,} 人，应有 {expected:,.0f} 人。请查 {named} 的客户是如何分组、过滤和记录的。"
    ),
    "times_same": "所有客户在同一天分组",
    "times_kept": "各组的分组时间一致（p = {p:.2g}）",
    "times_drift": (
        "各组的分组时间不同（p = {p:.1g}）：{arm!r} 平均比 {control!r} 相差 {days:+.2f} 天。"
        "季节和外部事件因此不同；请只比较各组都有分组的日期，或给出每位客户的概率。"
    ),
    "units_once": "每位客户只在一组，且只出现一次",
    "units_mixed": (
        "有 {again:,} 位客户出现多次，其中 {mixed:,} 位在多个组中。请查分组过程：得到两组的客户不属于任何一组，"
        "请剔除，或以首次分组为准。"
    ),
    "before_kept": "活动之前，各组在 {columns} 列上相近（p = {p:.2g}）",
    "before_constant": "没有可用的活动前数据",
    "before_differ": (
        "活动之前各组已有差异（p = {p:.1g}），以 {named} 最甚：{arm!r} 距 {control!r} "
        "{distance:+.2f} 个标准差。请查分组方式和丢失的记录；这些差异不能归功于活动。"
    ),
    "before_after": (
        "{named} 在各组间相差太大，不像是活动之前的数据（p = {p:.1g}；{arm!r} 距 {control!r} "
        "{distance:+.2f} 个标准差）。它多半是在分组之后测得的：请取分组之前的值，或不用它。"
    ),
    "randomised": "各组随机抽取",
    "not_randomised": (
        "本活动的分组不是随机的：挑选客户的人挑的本来就是不同的客户。请用适合非随机活动的方法，其结论证据较弱。"
    ),
    "no_control": (
        "本活动没有可比的客户（需要 {control!r} 和另一组，现有 {arms}）。"
        "它带来了什么变化，只能与活动之外的客户相比，请用适合非随机活动的方法。"
    ),
    "complete": "结果自 {end} 起已完整",
    "incomplete": (
        "活动的结果要到 {end} 才完整，目前只到 {day}（{done:.0%} 的客户窗口已结束）。"
        "凭今天所见决定停止或继续，就是提前偷看：请等待，或使用始终有效的区间（sequential）。"
    ),
    "looks_none": "结果完整之前，没有人发布过本活动的效果",
    "looks": (
        "结果完整之前，本活动的效果已发布过 {looks} 次（最早截至 {first}）。若当时可能据此停止活动，"
        "请只相信始终有效的区间（sequential）。"
    ),
    "inside": "营销集市的数据早于活动开始",
    "outside": ("营销集市的交易数据始于 {begin}，晚于客户分组的 {first}：之前的结果缺失，请补齐。"),
    "no_leak_contact": "对照组没有客户被本活动触达",
    "leak_contact": (
        "对照组有 {customers:,} 位客户（{share:.2%}）被本活动触达，对照组因此带有部分效果。请查触达名单如何生成。"
    ),
    "no_leak_benefit": "对照组没有客户使用本活动的权益",
    "leak_benefit": (
        "对照组有 {customers:,} 位客户（{share:.2%}）使用了本活动的权益，对照组因此带有部分效果。"
        "请查权益如何发放、是否被转赠。"
    ),
    "no_strangers": "被本活动触达的客户都已分组",
    "strangers": "有 {customers:,} 位客户被本活动触达，却不在任何一组。请查丢失的分组记录。",
    "delivered": "各组至少 {lowest:.1%} 的客户被触达",
    "not_delivered": (
        "{arm!r} 只有 {lowest:.1%} 的客户被触达。此处的效果是“被分到该组”的效果；请查同意、屏蔽和送达情况。"
    ),
    "in_order": "没有任何触达、权益或结果早于客户的分组",
    "too_early": (
        "有 {customers:,} 位客户（{share:.2%}）在分组之前就有本活动的{what_zh}。请查时钟，或查分组是否事后补记。"
    ),
    "costs_fine": "没有负的成本",
    "costs_negative": (
        "本活动有 {rows:,} 行成本为负（合计 {total:,.2f} 元）。请查冲正如何记账：被收回的权益成本为 0。"
    ),
    "alone": "同一时间没有其他活动涉及这些客户",
    "overlap_balanced": (
        "{share:.1%} 的客户同时处于 {campaigns} 个其他活动中，各组一致；"
        "各活动是否互相影响，见活动交互作用"
    ),
    "overlap_differs": (
        "各组在同期的另一活动中并不一致（p = {p:.1g}）：{group} 中有 {customers:,} 位客户属于 {arm!r}，"
        "应有 {expected:,.0f} 位。差异的一部分来自那个活动；请查触达上限和互斥名单。"
    ),
    "reached_alone": "在归因期内，没有其他活动触达这些客户",
    "reached_alike": "在归因期内，{campaigns} 个其他活动对各组客户的触达一致",
    "displaced": (
        "分组之后，活动 {group} 对各组的触达不一致（p = {p:.1g}；触达比例：{shares}）。"
        "此处的效果包含这些被压下或增加的触达；请查触达上限和互斥名单。"
    ),
    "group_drawn_before": "全局对照组于 {drawn} 抽取，早于本期",
    "group_drawn_late": (
        "全局对照组于 {drawn} 才抽取，晚于 {start} 开始的本期：此前它仍被活动触达。请取更晚开始的时段。"
    ),
    "group_kept_out": "没有活动触达全局对照组",
    "group_reached": (
        "全局对照组有 {customers:,} 位客户（{share:.2%}）被触达，它因此带有部分效果。请查未经工作区发布的活动。"
    ),
    "nothing": "营销集市没有可供检查的数据",
}
"""The sentences."""
WHAT_ZH: Mapping[str, str] = {"contact": "触达", "benefit": "权益", "outcome": "结果"}
"""Rows that may come too early."""
