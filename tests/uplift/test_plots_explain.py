"""Pictures of explanations, groups, lines, segments and the classic groups."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

from marketing_ds._core.errors import InvalidInput
from marketing_ds.plots import draw
from marketing_ds.plots._lettering import chinese_font
from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.explaining.effects_by_group import group_effects
from marketing_ds.uplift.explaining.four_groups import classic_groups
from marketing_ds.uplift.explaining.policy import policy_tree
from marketing_ds.uplift.explaining.projection import best_linear_projection

from .crossfits import crossfitted
from .simulate import experiment

chinese = pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese letters")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sample():
    return experiment(np.random.default_rng(0), 6000, arms=("a", "b"), effect=0.8)


@pytest.fixture(scope="module")
def cross(sample):
    return crossfitted(sample.X, sample.y, sample.arm, np.full(3, 1 / 3))


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


@pytest.fixture(scope="module", params=["dr", "t"])
def explanation(request, sample):
    model = UpliftModel(request.param, n_estimators=20, n_folds=2, n_jobs=1)
    model.fit(sample.X, sample.y, treatment=sample.arm)
    return model.explain(sample.X[:2300])


def test_importance_has_a_bar_for_each_arm_and_tag(explanation):
    ax = explanation.plot()
    assert len(ax.patches) == 8
    assert set(labels(ax)[-2:]) == {"wealth", "channel"}
    distilled = explanation.distilled[0]
    assert ("distilled, R²" in ax.get_title(loc="left")) is distilled


def test_a_beeswarm_has_a_row_a_tag(explanation):
    ax = explanation.plot(kind="beeswarm", arm="b", most=3)
    assert len(labels(ax)) == 3
    assert "b" in ax.get_title(loc="left")


def test_an_effect_that_depends_on_nothing_has_a_beeswarm_too(explanation):
    still = type(explanation)(**{**vars(explanation), "values": explanation.values * 0})
    assert labels(still.plot(kind="beeswarm")) == [still.tags[0]]


def test_group_effects_have_a_heading_a_tag_and_a_dot_a_band(cross, sample):
    found = group_effects(cross, sample.X, by=["channel", "noise"])
    ax = found.plot(arm="a", per=100)
    assert labels(ax)[0] == "channel  (p < 0.001)"
    assert labels(ax)[1:4] == ["app", "branch", "web"]
    assert labels(ax)[4].startswith("noise  (p = 0.")
    effect = found.to_frame().iloc[0]["effect"]
    assert ax.lines[0].get_xdata()[0] == pytest.approx(100 * effect)
    assert len(labels(found.plot(most=1))) == 4


def test_suppressed_bands_are_not_drawn(cross, sample):
    rare = pd.DataFrame(
        {
            "rare": np.where(np.arange(6000) < 30, "few", "many"),
            "own": np.arange(6000).astype(str),
        }
    )
    # Twenty levels of one customer each, and all the others together.
    ax = group_effects(cross, rare).plot()
    assert labels(ax) == ["rare", "many", "own", "(others)"]


def test_a_line_has_a_row_a_coefficient(cross, sample):
    found = best_linear_projection(cross, sample.X)
    ax = found.plot()
    assert labels(ax)[0].startswith("channel: ")
    assert len(labels(ax)) == 5
    assert len(labels(found.plot(most=2, arm="b"))) == 2


def test_segments_are_told_in_lines(cross, sample):
    tree = policy_tree(cross, sample.X, ["wealth", "channel"], cost=0.1)
    ax = tree.plot()
    assert len(labels(ax)) == len(tree.segments)
    assert any("→ a" in label for label in labels(ax))
    assert any("→ nothing" in label for label in labels(ax))
    assert "persuadables" in {text.get_text() for text in ax.texts}


def test_a_segment_that_nobody_measured_is_named_all_the_same(cross, sample):
    tree = policy_tree(cross, sample.X, ["channel"], cost=0.1)
    lost = tree.segments[-1]
    blank = type(lost.effect)(*[np.nan] * 4)
    unmeasured = type(lost)(**{**vars(lost), "effect": blank})
    changed = type(tree)(**{**vars(tree), "segments": (*tree.segments[:-1], unmeasured)})
    ax = changed.plot()
    assert len(labels(ax)) == len(tree.segments)
    assert len(ax.texts) == len(tree.segments) - 1


def test_classic_groups_have_a_row_each_and_say_when_nobody_is_there(cross):
    ax = classic_groups(cross).plot(arm="b")
    assert [label.split("\n")[0] for label in labels(ax)] == [
        "persuadables",
        "sure things",
        "lost causes",
        "sleeping dogs",
    ]
    strict = classic_groups(cross, least_effect=10.0).plot()
    assert "nobody" in labels(strict)[0]


def test_the_map_has_a_cloud_a_group(cross):
    found = classic_groups(cross)
    ax = found.plot(kind="map", arm="a")
    there = [row for row in found.to_frame().query("arm == 'a'").itertuples() if row.customers]
    assert len(ax.collections) == len(there)
    assert sum(len(cloud.get_offsets()) for cloud in ax.collections) == 2000
    small = type(found)(
        **{
            **vars(found),
            "members": found.members[:50],
            "control": found.control[:50] * 100,
            "effect": found.effect[:50],
        }
    )
    clouds = small.plot(kind="map").collections
    assert sum(len(cloud.get_offsets()) for cloud in clouds) == 50


@chinese
def test_pictures_in_chinese(cross, sample):
    groups = group_effects(cross, sample.X, by="age").plot(language="zh")
    assert labels(groups)[0].startswith("年龄")
    tree = policy_tree(cross, sample.X, ["wealth", "channel"], cost=0.1).plot(language="zh")
    assert any("→ a，占" in label for label in labels(tree))
    classic = classic_groups(cross).plot(language="zh")
    assert labels(classic)[0].startswith("说服型")
    line = best_linear_projection(cross, sample.X).plot(language="zh")
    assert "年龄" in labels(line)


def test_they_draw_where_they_are_told(cross, sample):
    _, ax = plt.subplots()
    assert draw(classic_groups(cross), ax=ax) is ax


@pytest.mark.parametrize("options", [{"arm": "c"}, {"language": "fr"}, {"most": 0}])
def test_refuses(cross, sample, options):
    with pytest.raises(InvalidInput, match=f"{next(iter(options))} must be"):
        group_effects(cross, sample.X, by="age").plot(**options)


def test_refuses_an_unknown_kind(cross, explanation):
    with pytest.raises(InvalidInput, match="kind must be one of 'effects', 'map'"):
        classic_groups(cross).plot(kind="pie")
    with pytest.raises(InvalidInput, match="kind must be one of 'importance', 'beeswarm'"):
        explanation.plot(kind="pie")
