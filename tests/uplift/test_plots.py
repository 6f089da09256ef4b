import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import marketing_ds.plots._uplift  # noqa: F401 - registers the pictures
from marketing_ds.plots import draw
from marketing_ds.uplift import UpliftModel, uplift_curve

from .simulate import experiment, ranked


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def curve():
    return uplift_curve(*ranked(np.random.default_rng(0), 3000))


def test_the_curve_shows_band_and_random_line(curve):
    ax = curve.plot()
    assert "Qini" in ax.get_title(loc="left")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["95% interval, point by point", "by score", "at random"]
    line = ax.get_lines()[0]
    assert line.get_ydata()[-1] == pytest.approx(1000 * curve.average.value)


def test_it_draws_where_it_is_told(curve):
    _, ax = plt.subplots()
    assert draw(curve, ax=ax, per=1) is ax
    assert ax.get_ylabel() == "extra outcome per 1 customers"


def test_groups_have_a_bar_each(curve):
    groups = curve.by_group(5)
    ax = groups.plot()
    assert len(ax.patches) == 5
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, 1000 * groups.to_frame()["uplift"])


def test_explanation_has_a_bar_for_each_tag_and_arm():
    sample = experiment(np.random.default_rng(0), 3000, arms=("a", "b"), effect=0.6)
    model = UpliftModel("dr", n_estimators=30, n_folds=2, n_jobs=1)
    model.fit(sample.X, sample.y, treatment=sample.arm)
    ax = model.explain(sample.X[:200]).plot()
    assert len(ax.patches) == 2 * 4
    assert ax.get_yticklabels()[-1].get_text() in {"wealth", "channel"}
