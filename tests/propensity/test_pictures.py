"""The pictures draw what the results hold."""

import matplotlib as mpl
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.plots import _propensity

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_calibration_shows_every_bin(model):
    axes = _propensity.draw_evaluation(model.evaluation_)
    points = axes.containers[0].lines[0]
    assert points.get_xdata().tolist() == model.evaluation_.calibration["predicted"].tolist()
    assert axes.get_title().startswith("Calibration error")


def test_gains_start_at_nobody_and_end_at_everyone(model):
    axes = model.evaluation_.plot(kind="gains")
    line = axes.lines[0]
    assert (line.get_ydata()[0], line.get_ydata()[-1]) == (0, pytest.approx(1))
    assert axes.get_title().startswith("AUC 0.")


def test_importance_shows_the_strongest_tag_on_top(model, bank):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    axes = model.explain(bank[0].head(100)).plot(ax=ax, top=3)
    assert axes is ax
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "aum_cny"
    assert len(axes.patches) == 3


def test_kind_must_be_known(model):
    with pytest.raises(InvalidInput, match="kind must be one of 'calibration', 'gains'"):
        model.evaluation_.plot(kind="roc")


def test_results_show_themselves_as_a_table(model):
    assert "average_precision" in model.evaluation_._repr_html_()
