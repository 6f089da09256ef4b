"""What groups are called, in words, in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.groups._kmeans import Points
from marketing_ds.groups._names import Grouped, _level, _told_apart, _words, name_groups, telling
from marketing_ds.groups._space import learn_space

from .customers import table

N = 400
INSIDE = np.arange(N) < 100


def grouped(**columns: object) -> Grouped:
    """A sample whose first quarter is group 1."""
    frame = table({"noise": np.random.default_rng(0).normal(size=N), **columns})
    space, _ = learn_space(frame)
    points: Points = space.points(frame)
    return Grouped(frame, points, np.where(INSIDE, 1, 2), space)


def row(tag: str, value_en: str, value_zh: str, **other: object) -> pd.Series:
    """A row of the contrasts of group 1."""
    told = {"group": 1, "tag": tag, "value_en": value_en, "value_zh": value_zh}
    return pd.Series(
        {
            **told,
            "tgi": 300.0,
            "tgi_ci_lower": 250.0,
            "p_adjusted": 1e-9,
            "audience_share": 0.8,
            **other,
        }
    )


@pytest.mark.parametrize(
    ("tag", "values", "value", "english", "chinese"),
    [
        ("aum", np.where(INSIDE, 9e5, 1e3), (">5", ">5"), "high assets under management", "管理资产规模（AUM）高"),
        ("aum", np.where(INSIDE, 1e3, 9e5), ("<5", "<5"), "low assets under management", "管理资产规模（AUM）低"),
        ("wealth_cny", np.where(INSIDE, 0.0, 5e4), ("0", "0"), "no wealth products", "无理财"),
        ("wealth_cny", np.where(INSIDE, 5e4, 0.0), (">0", ">0"), "with wealth products", "有理财"),
        ("salary_found", INSIDE, ("yes", "是"), "salary is paid here", "代发工资客户"),
        ("salary_found", ~INSIDE, ("no", "否"), "salary is paid here: no", "代发工资客户：否"),
        ("region", np.where(INSIDE, "north", "south"), ("north", "north"), "region: north", "地区：north"),
        ("region", np.where(INSIDE, None, "south"), ("(missing)", "（缺失）"), "region unknown", "地区未知"),
        ("attr_zip_code", np.where(INSIDE, "rural", "urban"), ("rural", "rural"), "zip code: rural", "zip code：rural"),
        ("mine", np.where(INSIDE, 5.0, np.arange(N) % 11), ("5", "5"), "mine 5", "mine5"),
    ],
)  # fmt: skip
def test_values_in_words(
    tag: str, values: np.ndarray, value: tuple[str, str], english: str, chinese: str
) -> None:
    sample = grouped(**{tag: values})
    assert _words(sample, 1, row(tag, *value), "en") == english
    assert _words(sample, 1, row(tag, *value), "zh").startswith(chinese)


def test_none_of_a_share_is_none_of_the_thing() -> None:
    sample = grouped(app_share_90d=np.where(INSIDE, 0.0, 0.8))
    words = _words(sample, 1, row("app_share_90d", "0%", "0%"), "en")
    assert words.startswith("no ")
    assert "share of" not in words


def test_dates_are_named_by_their_year() -> None:
    days = pd.to_datetime(np.where(INSIDE, "2020-03-01", "2024-03-01"))
    sample = grouped(joined=days)
    assert _words(sample, 1, row("joined", "2020", "2020"), "en") == "joined: 2020"


def test_nulls_do_not_hide_where_the_rest_lies() -> None:
    values = pd.Series(np.where(np.arange(N) % 3 == 0, np.nan, np.where(INSIDE, 50.0, 5.0)))
    assert _level(values, INSIDE) == "high"


class TestTelling:
    sample = grouped(
        aum=np.where(INSIDE, 9e5, 1e3), twin=np.where(INSIDE, 9e4, 1e2), visits=np.where(INSIDE, 5.0, np.arange(N) % 11)
    )  # fmt: skip

    def test_the_strongest_comes_first_and_nothing_twice(self) -> None:
        rows = pd.DataFrame(
            [
                row("twin", ">1", ">1", tgi_ci_lower=280.0),
                row("aum", ">1", ">1", tgi_ci_lower=290.0),
                row("noise", ">1", ">1", tgi_ci_lower=240.0),
            ]
        )
        assert telling(self.sample, rows)["tag"].tolist() == ["aum", "noise"]

    def test_what_is_weak_comes_behind(self) -> None:
        rows = pd.DataFrame(
            [
                row("visits", "5", "5", tgi_ci_lower=400.0),
                row("noise", "(missing)", "（缺失）", tgi_ci_lower=500.0),
                row("aum", ">1", ">1", tgi_ci_lower=130.0),
            ]
        )
        assert telling(self.sample, rows)["tag"].tolist() == ["aum", "visits", "noise"]

    @pytest.mark.parametrize(
        "change", [{"tgi": 119.0}, {"p_adjusted": 0.06}, {"audience_share": 0.2}]
    )
    def test_what_is_little_unsure_or_true_of_few_is_not_told(
        self, change: dict[str, float]
    ) -> None:
        assert telling(self.sample, pd.DataFrame([row("aum", ">1", ">1", **change)])).empty

    def test_a_group_without_anything_to_tell_is_near_the_average(self) -> None:
        rows = pd.DataFrame([row("aum", ">1", ">1", tgi=100.0)])
        names = name_groups(self.sample, telling(self.sample, rows))
        assert names[0] == {"en": "Near the average (1)", "zh": "接近总体 (1)"}


def test_equal_names_are_numbered() -> None:
    names = [{"en": "A", "zh": "甲"}, {"en": "B", "zh": "甲"}, {"en": "A", "zh": "乙"}]
    assert _told_apart(names) == [
        {"en": "A (1)", "zh": "甲 (1)"},
        {"en": "B", "zh": "甲 (2)"},
        {"en": "A (2)", "zh": "乙"},
    ]
