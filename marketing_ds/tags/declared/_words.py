"""Chinese names of the values that tags of words may take, and the catalogue's headings."""

from __future__ import annotations

from collections.abc import Iterable

Words = tuple[tuple[str, str], ...]

CHANNELS_ZH = {
    "app": "手机银行", "web": "网上银行", "wechat": "微信", "branch": "网点",
    "call_centre": "客服中心", "sms": "短信", "email": "邮件", "phone": "电话",
}  # fmt: skip
CATEGORIES_ZH = {
    "deposit": "存款", "wealth": "理财", "fund": "基金", "insurance": "保险", "loan": "贷款",
    "card": "信用卡", "retail": "零售商品",
}  # fmt: skip

SUBJECTS = {
    "who they are": "基本信息",
    "consent": "触达授权",
    "balances": "资产与负债",
    "products held": "产品持有",
    "money moved": "资金往来",
    "purchases": "购买行为",
    "visits": "渠道访问",
    "contacts and campaigns": "触达与活动",
    "benefits": "权益使用",
    "life events": "事件与时机",
    "value and lifecycle": "价值与生命周期",
    "dates": "日期",
    "what it is": "基本信息",
    "holders and balance": "持有规模",
    "sales": "销售",
    "plan and progress": "计划与进度",
    "reach": "覆盖与触达",
    "response and results": "响应与成效",
    "own": "自定义",
    "delivered": "外部提供",
    "other": "其他",
}
"""The headings under which the catalogue shows tags, in English and Chinese."""


def channels(names: Iterable[str]) -> Words:
    """Channels with their Chinese names."""
    return tuple((name, CHANNELS_ZH[name]) for name in names)


def categories(names: Iterable[str]) -> Words:
    """Product categories with their Chinese names."""
    return tuple((name, CATEGORIES_ZH[name]) for name in names)
