"""The words of the report's section on channels."""

from __future__ import annotations

from collections.abc import Mapping

from .parts import Words

NAMES: Mapping[str, Words] = {
    "en": {
        "all": "all channels", "none": "none", "unknown": "not recorded", "call_centre": "call centre",
        "wechat": "WeChat", "sms": "text message",
    },
    "zh": {
        "all": "全部渠道", "none": "未使用渠道", "unknown": "未记录", "app": "手机 App", "web": "网上银行",
        "wechat": "微信", "branch": "网点", "call_centre": "客服中心", "email": "邮件", "phone": "电话",
        "sms": "短信",
    },
}  # fmt: skip
METHODS: Mapping[str, Words] = {
    "en": {
        "shapley": "Shapley value", "markov": "Markov removal effect", "linear": "Linear",
        "first": "First touch", "last": "Last touch",
    },
    "zh": {
        "shapley": "Shapley 值", "markov": "马尔可夫移除效应", "linear": "线性归因", "first": "首次触点",
        "last": "末次触点",
    },
}  # fmt: skip
WORDS: Mapping[str, Words] = {
    "en": {
        "title": "Channels",
        "note": (
            "{start} to {end}; {level} intervals in brackets. A use is any event in the channel. New: "
            "the first use since {history}. Retained: of those who used it in as many days before, "
            "the share who came again. Days between uses do not see gaps that the window cuts off."
        ),
        "channel": "Channel", "customers": "Customers", "new": "New", "kept": "Retained",
        "launches": "Launches", "pages": "Pages", "minutes": "Minutes each",
        "between": "Days between uses", "products": "Products held",
        "activity": "Active customers by day, week and month",
        "mean_dau": "Daily (mean)", "mean_wau": "Weekly (mean)", "mean_mau": "Monthly (mean)",
        "stickiness": "Stickiness, DAU / MAU",
        "retention": "Back on day n after the first use",
        "day": "Day {day}",
        "triangle_week": "New customers by week of first use: back in week …",
        "triangle_month": "New customers by month of first use: back in month (30 days) …",
        "triangle_note": (
            "All channels. A cell is empty while its days are not over. Point at a cell for counts "
            "and interval."
        ),
        "cohort": "First use from", "pooled": "all cohorts",
        "worth": "Revenue and contribution",
        "buyers": "Buyers", "amount": "Bought", "revenue": "Revenue", "per_buyer": "Revenue a buyer",
        "contact_cost": "Contact cost", "contribution": "Contribution",
        "worth_note": (
            "Revenue: what was bought × the product's yearly margin, by the channel of the purchase. "
            "Contribution: revenue less the cost of contacts sent through the channel. A purchase in "
            "one channel may come of a contact in another."
        ),
        "unpriced": "{n} purchases are of products without a margin and bring no revenue here.",
        "added": "What each channel added, against the hold-out",
        "converted": "Extra customers who converted", "amount_cny": "Extra amount",
        "added_note": "Randomised: effect per customer × customers of the channel's arms.",
        "blocked": "The arms' sizes do not fit the design: do not believe these numbers yet.",
        "open": "Not everybody's attribution window is over: these numbers will still move.",
        "touches": "Which channels touched the buyers",
        "descriptive": (
            "Descriptive: nobody was held out. Credits say which channels go together with "
            "purchases, not what would be lost without them."
        ),
        "credit_share": "Share of credit",
        "touch_note": (
            "{buyers} buyers, {touched} of them touched in the {days} days before; {baseline} "
            "purchases would be expected at the rate of untouched customers, and Shapley credits "
            "them to no channel."
        ),
        "arms": "Who was active again after the assignment",
        "after": "After", "arm": "Arm", "control": "Control", "active": "Arm, active",
        "difference": "Difference, points", "p": "p (Holm)",
        "arms_note": "Active in any channel on exactly that day; p-values adjusted for all rows.",
    },
    "zh": {
        "title": "渠道",
        "note": (
            "{start} 至 {end}；方括号内为 {level} 区间。渠道内任一行为即为一次使用。新客：自 {history} 以来首次"
            "使用。留存：窗口前同样天数内用过该渠道的客户中再次使用的占比。使用间隔不含被窗口截断的间隔。"
        ),
        "channel": "渠道", "customers": "客户数", "new": "新客", "kept": "留存", "launches": "启动次数",
        "pages": "浏览页数", "minutes": "人均分钟", "between": "使用间隔（天）", "products": "人均持有产品数",
        "activity": "日、周、月活跃客户",
        "mean_dau": "日活（平均）", "mean_wau": "周活（平均）", "mean_mau": "月活（平均）",
        "stickiness": "粘性（日活 / 月活）",
        "retention": "首次使用后第 n 天回访", "day": "第 {day} 天",
        "triangle_week": "按首次使用周分组：第几周回访",
        "triangle_month": "按首次使用月分组：第几个 30 天回访",
        "triangle_note": "全部渠道。观察期未满的格子留空；鼠标停在格子上可看人数与区间。",
        "cohort": "首次使用起始", "pooled": "全部批次",
        "worth": "收入与贡献",
        "buyers": "购买客户", "amount": "购买金额", "revenue": "收入", "per_buyer": "人均收入",
        "contact_cost": "触达成本", "contribution": "贡献",
        "worth_note": (
            "收入：购买金额 × 产品年化毛利率，按成交渠道计。贡献：收入减去经该渠道发送触达的成本。"
            "在一个渠道的购买可能源于另一渠道的触达。"
        ),
        "unpriced": "{n} 笔购买的产品没有毛利率，此处不计收入。",
        "added": "各渠道的增量（与对照组相比）",
        "converted": "增量转化客户", "amount_cny": "增量金额",
        "added_note": "随机试验：人均效果 × 该渠道各组客户数。",
        "blocked": "各组人数与设计不符：这些数字暂不可信。",
        "open": "尚有客户的归因期未满：这些数字还会变化。",
        "touches": "购买客户被哪些渠道触达过",
        "descriptive": "仅为描述：没有留出对照。归因说明哪些渠道与购买同时出现，并不说明缺了它会损失多少。",
        "credit_share": "归因占比",
        "touch_note": (
            "{buyers} 名购买客户，其中 {touched} 名在购买前 {days} 天内有触点；若全部客户按无触点客户的比例购买，"
            "预计有 {baseline} 笔，Shapley 不将其归给任何渠道。"
        ),
        "arms": "分组后回访（与对照组相比）",
        "after": "分组后", "arm": "实验组", "control": "对照组", "active": "实验组活跃",
        "difference": "差异（百分点）", "p": "p 值（Holm）",
        "arms_note": "指当天在任一渠道活跃；p 值按全部行校正。",
    },
}  # fmt: skip
