import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.curves.budget import budget_curve

from .simulate import ranked


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def curve():
    return uplift_curve(*ranked(np.random.default_rng(0), 3000))


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_toc_ends_at_zero_and_shows_autoc(curve):
    ax = curve.toc().plot()
    assert "AUTOC" in ax.get_title(loc="left")
    assert labels(ax) == ["95% interval, point by point", "by score", "at random"]
    assert ax.get_lines()[0].get_ydata()[-1] == 0


def test_toc_of_equal_scores_has_an_axis(curve):
    y, _, treated = ranked(np.random.default_rng(0), 300)
    low, high = uplift_curve(y, np.ones(300), treated).toc().plot().get_ylim()
    assert low < 0 < high


def test_net_value_rings_the_best_share(curve):
    money = curve.net_value(100, 5)
    ax = money.plot(per=1)
    ring = ax.get_lines()[-1]
    assert ring.get_xdata()[0] == money.best.share
    assert ring.get_ydata()[0] == pytest.approx(money.best.net_value.value)
    assert f"best in hindsight: {money.best.share:.0%}" in labels(ax)


def test_budget_has_a_cross_for_each_arm_and_goes_on_dotted():
    rng = np.random.default_rng(0)
    n = 1000
    arm = rng.choice(["control", "call", "mail"], n)
    scores = rng.normal(0.1, 0.2, (n, 2))
    curve = budget_curve(rng.random(n), scores, arm, cost={"call": 5, "mail": 1})
    ax = curve.plot(per=100)
    assert sum("for everyone" in label for label in labels(ax)) == 2
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    np.testing.assert_allclose(dotted[0].get_xdata(), [100 * curve.budget[-1], 500])


def test_a_budget_that_buys_nothing_is_drawn():
    y, score, treated = ranked(np.random.default_rng(0), 300)
    ax = budget_curve(y, -score, treated, cost={"treated": 0.0}).plot()
    assert ax.get_xlim()[1] > 0
