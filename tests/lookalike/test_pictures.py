"""The pictures draw."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import CustomerReasons, ReachCurve, SeedProfile, Skew
from marketing_ds.plots import _lookalike, draw, save


@pytest.fixture(autouse=True)
def _agg():
    mpl.use("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def evaluation(near):
    return near.evaluate()


def test_the_evaluation_shows_its_auc(evaluation):
    axes = draw(evaluation)
    assert "AUC" in axes.get_title()
    assert len(axes.get_legend().get_texts()) == 3


def test_the_separation_shows_its_largest_rows(look):
    _, ax = plt.subplots()
    assert _lookalike.draw_separation(look.explain(), ax, top=6) is ax
    assert len(ax.get_yticks()) == 6


def test_the_expansion_shows_its_size(look):
    assert "100 closest" in draw(look.expand(size=100)).get_title()


def _texts(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_reach_shows_closeness_and_recall_on_a_log_scale(near, evaluation):
    curve = near.reach_curve(evaluation=evaluation)
    axes = draw(curve)
    assert axes.get_xscale() == "log"
    closeness, _, recall, by_chance = axes.get_lines()
    assert closeness.get_ydata()[0] == curve.min_score_at(1)
    assert recall.get_ydata()[-1] == by_chance.get_ydata()[-1] == 1
    assert closeness.get_xdata()[-1] == curve.n_candidates


def test_reach_without_an_evaluation_shows_closeness_alone():
    axes = draw(ReachCurve(np.array([0.9, 0.7, 0.2])))
    assert [t.get_text() for t in axes.get_legend().get_texts()] == [
        "closeness of the last one taken"
    ]


def test_the_seeds_profile_shows_one_bar_a_tag(look):
    told = look.explain().tgi
    axes = _lookalike.draw_seed_profile(told, top=4)
    rows = told.most_telling(4)
    assert sorted(_texts(axes)) == sorted(f"{r.title}: {r.value}" for r in rows.itertuples())
    with pytest.raises(InvalidInput, match="top must be"):
        draw(told, top=0)


def test_the_seeds_profile_speaks_chinese_where_a_font_does(look, monkeypatch):
    told = SeedProfile(look.explain().tgi.frame, 150, 3000, "zh")
    monkeypatch.setattr("marketing_ds.plots._lettering.chinese_font", lambda: None)
    assert draw(told).get_title(loc="left").startswith("What sets the 150 seeds apart")


@pytest.fixture
def skew():
    rows = pd.DataFrame(
        {"tag": ["gender", "gender"], "title_en": "Gender", "title_zh": "性别",
         "value_en": ["F", "M"], "value_zh": ["女", "男"], "n_found": [80, 20],
         "n_candidates": [500, 500], "found_share": [0.8, 0.2], "candidate_share": 0.5,
         "tgi": [160.0, 40.0], "tgi_ci_lower": [140.0, 30.0], "tgi_ci_upper": [180.0, 55.0],
         "p_adjusted": 0.001, "skewed": [True, False], "auc": 0.7, "auc_ci_lower": 0.6,
         "auc_ci_upper": 0.8, "carriers": "visits"}
    )  # fmt: skip
    return Skew(rows, pd.DataFrame(), 100, 1000, 80.0, 0.05)


def test_the_skew_shades_what_is_allowed_and_colours_what_is_not(skew):
    axes = draw(skew)
    assert _texts(axes) == ["Gender: M", "Gender: F"]
    assert "shaded: 80 to 125" in axes.get_xlabel()
    band, rest, skewed = axes.patches
    assert band.get_x() == 80
    assert rest.get_facecolor()[:3] != skewed.get_facecolor()[:3]


def test_the_reasons_show_one_customer_and_do_not_name_them(look):
    told = look.reasons(look.expand(size=2))
    first, second = told.scores.index
    axes = draw(told, customer_id=second)
    rows = told.to_frame()
    assert len(axes.patches) == (rows["customer_id"] == second).sum()
    assert second not in axes.get_title(loc="left")
    assert f"{told.scores[first]:.2f}" in draw(told).get_title(loc="left")
    with pytest.raises(InvalidInput, match="customer_id must be one of"):
        draw(told, customer_id="nobody")


def test_a_customer_without_reasons_has_an_empty_picture():
    rows = {name: [] for name in ("customer_id", "score", "rank", "tag", "title_en", "value_en",
                                  "seed_share", "base_share", "tgi", "contribution")}  # fmt: skip
    told = CustomerReasons(pd.DataFrame(rows), pd.DataFrame(), pd.Series({"a": 0.1}))
    assert not draw(told).patches


def test_a_picture_is_saved_and_its_figure_closed(look, tmp_path):
    path = save(look.explain(), tmp_path / "a.svg", top=3)
    assert path.read_text(encoding="utf-8").startswith("<?xml")
    assert plt.get_fignums() == []
    with pytest.raises(InvalidInput, match="no picture"):
        save(object(), tmp_path / "b.png")
