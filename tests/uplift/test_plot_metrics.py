import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import marketing_ds.plots._uplift_metrics  # noqa: F401 - registers the picture
from marketing_ds.plots import draw
from marketing_ds.uplift.metrics.definitions import DEFINITIONS
from marketing_ds.uplift.metrics.metric import uplift_metric

from .simulate import ranked


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def sample():
    return ranked(np.random.default_rng(0), 3000)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_definition_has_a_picture(sample, definition):
    found = uplift_metric(*sample, definition=definition)
    ax = found.plot()
    assert definition in ax.get_title(loc="left")
    assert ax.get_xlabel().endswith("first")


def test_the_curve_and_the_random_line_end_where_the_library_has_them(sample):
    found = uplift_metric(*sample, definition="sklift_auuc")
    _, ax = plt.subplots()
    assert draw(found, ax=ax) is ax
    curve, line = ax.get_lines()[:2]
    last = found.points.iloc[-1]
    assert curve.get_xdata()[-1] == line.get_xdata()[-1] == 3000
    assert curve.get_ydata()[-1] == line.get_ydata()[-1] == last["value"]


def test_the_bars_are_the_groups(sample):
    found = uplift_metric(*sample, definition="sklift_weighted_average_uplift", bins=5)
    heights = [bar.get_height() for bar in found.plot().patches]
    assert heights == list(found.points["uplift"])
