import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift.checks.assignment import check_assignment
from marketing_ds.uplift.checks.overlap import check_overlap
from marketing_ds.uplift.checks.reliability import uplift_calibration


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def tags(rng, n=2000):
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["age", "wealth", "days", "n" * 60])
    return frame.assign(channel=rng.choice(["app", "web"], n))


def chosen(X, rng):
    chance = 1 / (1 + np.exp(-2 * X["wealth"]))
    return np.where(rng.random(len(X)) < chance, "mail", "control"), chance


def test_the_love_plot_has_a_pair_of_marks_a_tag(rng):
    X = tags(rng)
    arm, chance = chosen(X, rng)
    stated = pd.DataFrame({"mail": chance, "control": 1 - chance})
    balance = check_overlap(X, arm, stated).balance
    ax = balance.plot()
    assert legend(ax) == ["as they are", "weighted by 1/P"]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[-1] == "wealth"
    assert len(labels) == 6
    assert max(map(len, labels)) == 34
    before, after = (line.get_xdata() for line in ax.get_lines()[:2])
    assert sorted(before) == pytest.approx(sorted(balance.frame["smd"]))
    assert sorted(after) == pytest.approx(sorted(balance.frame["smd_weighted"]))
    assert len(balance.plot(most=2).get_yticks()) == 2


def test_the_love_plot_of_several_arms_marks_each(rng):
    X = tags(rng)
    arm = rng.choice(["control", "a", "b"], len(X))
    assert legend(check_assignment(X, arm).balance.plot()) == ["a", "b"]
    chance = {"control": 1 / 3, "a": 1 / 3, "b": 1 / 3}
    told = legend(check_overlap(X, arm, chance).balance.plot())
    assert told == ["a, as they are", "a, weighted by 1/P", "b, as they are", "b, weighted by 1/P"]


def test_the_check_says_what_it_found(rng):
    X = tags(rng)
    fine = check_assignment(X, rng.random(len(X)) < 0.5).plot()
    assert fine.get_title(loc="left").startswith("Nothing speaks against the experiment")
    assert fine.get_legend() is None
    title = check_assignment(X, chosen(X, rng)[0]).plot().get_title(loc="left")
    assert title.startswith("Not as claimed")
    assert "mail: AUC 0." in title


def test_the_overlap_plot_mirrors_the_arms(rng):
    X = tags(rng)
    arm, chance = chosen(X, rng)
    stated = pd.DataFrame({"mail": chance, "control": 1 - chance})
    found = check_overlap(X, arm, stated)
    ax = found.plot()
    heights = np.array([bar.get_height() for bar in ax.patches[:80]])
    np.testing.assert_allclose(heights[:40], found.arms[0].histogram[1])
    np.testing.assert_allclose(heights[40:], -found.arms[0].histogram[0])
    assert {"hardly any overlap", "Crump's bounds"} <= set(legend(ax))
    assert ax.get_title(loc="left").count("\n") == 1
    assert {text.get_text() for text in ax.get_yticklabels()} >= {"0%"}


def test_good_overlap_has_no_bounds_to_trim_at(rng):
    X = tags(rng)
    ax = check_overlap(X, rng.random(2000) < 0.5, np.full(2000, 0.5)).plot()
    assert "Crump's bounds" not in legend(ax)
    assert "\n" not in ax.get_title(loc="left")


def test_overlap_of_several_arms_is_drawn_one_by_one(rng):
    X = tags(rng)
    chance = {"control": 1 / 3, "a": 1 / 3, "b": 1 / 3}
    found = check_overlap(X, rng.choice(["control", "a", "b"], 2000), chance)
    with pytest.raises(InvalidInput, match="arm must say whose overlap to draw: one of 'a', 'b'"):
        found.plot()
    assert "Overlap of b and control" in found.plot(arm="b").get_title(loc="left")
    with pytest.raises(InvalidInput, match="arm must be one of 'a', 'b'"):
        found.plot(arm="c")


def test_the_calibration_plot_has_points_and_both_lines(rng):
    effect, arm = 0.2 * rng.random(4000), rng.choice(["control", "coupon"], 4000)
    y = rng.random(4000) < 0.2 + effect * (arm == "coupon")
    found = uplift_calibration(y, 2 * effect, arm, n_groups=5)
    ax = found.plot(per=100)
    points = ax.containers[0].lines[0]
    np.testing.assert_allclose(points.get_xdata(), 100 * found.groups()["predicted"])
    np.testing.assert_allclose(points.get_ydata(), 100 * found.groups()["effect"])
    assert {"coupon, 95% interval", "as predicted"} <= set(legend(ax))
    assert found.arms[0].finding in ax.get_title(loc="left")
    assert ax.get_xlabel() == "predicted effect per 100 customers"


def test_the_calibration_plot_of_several_arms_or_of_one(rng):
    arm = rng.choice(["control", "a", "b"], 3000)
    found = uplift_calibration(rng.random(3000), rng.random((3000, 2)), arm)
    _, ax = plt.subplots()
    assert found.plot(ax=ax) is ax
    assert len(ax.containers) == 2
    assert len(found.plot(arm="b").containers) == 1


def test_one_prediction_for_all_has_a_point_and_no_line(rng):
    arm = rng.choice(["control", "a"], 300)
    ax = uplift_calibration(rng.random(300), np.full(300, 0.1), arm).plot()
    assert not any(label.startswith("slope") for label in legend(ax))
