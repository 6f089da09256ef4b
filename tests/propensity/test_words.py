"""Phrases: what a tag's value is called in English and in Chinese."""

import numpy as np
import pytest

from marketing_ds.features import InputColumn
from marketing_ds.propensity._words import words_of
from marketing_ds.tags import Aggregate, Tag, catalogue

NAN = np.nan
KINDS = {
    "string": "category",
    "int64": "number",
    "float64": "number",
    "boolean": "boolean",
    "date": "date",
}


def say(name, value, kind="number", tags=()):
    (words,) = words_of([InputColumn(name, kind)], tags)
    if kind == "category":
        return tuple(words.phrase_of_word(value, language) for language in ("en", "zh"))
    return tuple(words.phrases(np.array([value], float), language)[0] for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("aum_change_rate_30d", -0.4, "Assets fell by 40 % in 30 days", "近30天AUM下降40%"),
        ("aum_change_rate_90d", 12.5, "Assets rose by 1,250 % in 90 days", "近90天AUM上升1,250%"),
        ("aum_change_rate_30d", 0, "Assets did not change in 30 days", "近30天AUM没有变化"),
        (
            "deposit_change_90d_cny",
            1200.4,
            "Deposits rose by 1,200 CNY in 90 days",
            "近90天存款余额增加1,200元",
        ),
        ("fund_change_90d_cny", -1e-9, "Funds did not change in 90 days", "近90天基金余额没有变化"),
        (
            "products_change_90d",
            -1,
            "Products held fell by 1 product in 90 days",
            "近90天持有产品数减少1",
        ),
        ("days_since_purchase", 12, "12 days since the last purchase", "距上次购买12天"),
        ("days_since_purchase", 1, "1 day since the last purchase", "距上次购买1天"),
        ("days_since_purchase", NAN, "No purchase recorded", "没有购买记录"),
        ("days_since_app_launch", NAN, "The app was never opened", "没有打开手机银行记录"),
        ("days_since_benefit", NAN, "No benefit was granted", "没有获得权益记录"),
        ("days_since_campaign", NAN, "Never assigned to a campaign", "没有入选活动记录"),
        ("searches_30d", 3, "3 searches over the last 30 days", "近30天搜索次数为3"),
        ("searches_30d", 1, "1 search over the last 30 days", "近30天搜索次数为1"),
        ("searches_30d", 0, "No searches over the last 30 days", "近30天搜索次数为0"),
        ("categories_held", 1, "1 product category held", "持有产品类别数为1"),
        ("days_to_next_maturity", 0, "0 days to the next maturity", "距最近到期天数为0"),
        (
            "aum",
            1234567.5,
            "Assets under management: 1,234,568 CNY",
            "管理资产规模（AUM）为1,234,568元",
        ),
        ("aum", 0, "Assets under management: 0 CNY", "管理资产规模（AUM）为0元"),
        ("aum", NAN, "Assets under management: not known", "管理资产规模（AUM）：未知"),
        (
            "inflow_30d_cny",
            500,
            "Money in over the last 30 days: 500 CNY",
            "近30天流入金额为500元",
        ),
        (
            "night_share_90d",
            0.125,
            "Share of events at night over the last 90 days: 12.5 %",
            "近90天夜间行为占比为12.5%",
        ),
        ("risk_level", 3, "Risk appetite: 3 of 5", "风险承受等级为3（满分5）"),
        ("age", 35, "Age: 35 years", "年龄为35岁"),
        ("debt_to_assets", 0.25, "Debt to assets: 0.25", "负债资产比为0.25"),
        (
            "usual_hour_90d",
            23.999,
            "Usual hour of visits over the last 90 days: 00:00",
            "近90天惯常访问时点为00:00",
        ),
    ],
)
def test_numbers(name, value, english, chinese):
    assert say(name, value) == (english, chinese)


def test_truths_words_and_dates():
    assert say("holds_fund", 1, "boolean") == ("Holds funds", "持有基金")
    assert say("holds_fund", 0, "boolean") == ("Holds funds: no", "持有基金：否")
    assert say("holds_fund", 1, "number") == (
        "Holds funds",
        "持有基金",
    )  # as a file of 0 and 1 has it
    assert say("holds_fund", NAN, "boolean") == ("Holds funds: not known", "持有基金：未知")
    assert say("lifecycle", "growing", "category") == (
        "Lifecycle stage: growing",
        "生命周期阶段：成长",
    )
    assert say("lifecycle", None, "category") == (
        "Lifecycle stage: not known",
        "生命周期阶段：未知",
    )
    assert say("favourite_page_90d", "fund", "category")[0] == (
        "Product page seen most over the last 90 days: fund"
    )
    assert say("opened_on", 18690, "date") == ("Opened on: 2021-03-04", "开户日期：2021-03-04")


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("loans_cny_90d", "Loans over the last 90 days: 3 CNY", "近90天loans为3元"),
        ("online_share", "Online share: 300 %", "online share为300%"),
        ("days_since_visit", "3 days since visit", "days since visit为3"),
        ("x0", "X0: 3", "x0为3"),
        ("_", "_: 3", "_为3"),
    ],
)
def test_unknown_columns_are_called_by_their_names(name, english, chinese):
    assert say(name, 3) == (english, chinese)


def test_a_declared_tag_of_ones_own_is_used():
    own = Tag(
        "gifts_30d",
        "Gifts, last 30 days",
        "近30天赠礼次数",
        "int64",
        Aggregate("transactions", "count", days=30),
        "Gifts.",
        unit="gifts",
    )
    assert say("gifts_30d", 2, tags=[own]) == ("2 gifts over the last 30 days", "近30天赠礼次数为2")


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.4, 12345.678, NAN])
def test_every_tag_of_the_catalogue_has_a_phrase_for_every_value(value):
    for tag in catalogue():
        kind = KINDS[tag.type]
        given = (None if value != value else "word") if kind == "category" else abs(value)
        for phrase in say(tag.name, given, kind):
            assert phrase
            assert phrase[0] == phrase[0].upper()
            assert "nan" not in phrase
            assert "  " not in phrase


def test_equal_values_have_equal_phrases_in_any_company():
    (words,) = words_of([InputColumn("aum", "number")])
    values = np.random.default_rng(0).lognormal(9, 2, 50)
    together = words.phrases(values, "en")
    assert together == [words.phrases(values[[i]], "en")[0] for i in range(50)]
