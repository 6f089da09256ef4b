"""The pictures draw what the results hold, and their titles say the finding."""

import matplotlib as mpl
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import (
    Explanation,
    compare_probabilities,
    evaluate_by,
    evaluate_probabilities,
    profit_curve,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    z = rng.normal(-2, 1, 3000)
    return (rng.random(3000) < expit(z)).astype(int), expit(z), rng


@pytest.fixture(scope="module")
def evaluation(rows):
    return evaluate_probabilities(rows[0], rows[1])


def explanation(contributions, values, tags=("a", "b", "never")):
    wide = np.column_stack([contributions, np.zeros((len(contributions), 1))])
    seen = np.column_stack([values, np.full((len(values), 1), np.nan)]).astype(np.float32)
    return Explanation(tags, wide, 0.0, seen)


def test_calibration_shows_every_bin_over_the_scores(evaluation):
    axes = evaluation.plot()
    points = axes.containers[1].lines[0]
    assert points.get_xdata().tolist() == evaluation.calibration["predicted"].tolist()
    assert len(axes.patches) == len(evaluation.scores)


@pytest.mark.parametrize(
    ("slope", "shift", "told"),
    [
        (1, 0, "The probabilities hold:"),
        (1, 0.6, "too high on the whole"),
        (1, -0.6, "too low on the whole"),
        (2, None, "too far apart"),
        (0.4, None, "too close together"),
    ],
)
def test_the_title_says_how_probabilities_are_wrong(rows, slope, shift, told):
    y, p, _ = rows
    z = slope * logit(p)
    if shift is None:  # right on the whole
        shift = brentq(lambda c: expit(z + c).mean() - y.mean(), -10, 10)
    title = evaluate_probabilities(y, expit(z + shift)).plot().get_title(loc="left")
    assert told in title


def test_probabilities_of_the_right_level_and_slope_may_be_off_in_places():
    p = np.repeat([0.1, 0.2, 0.3], 600)
    # Gaps that add up to 0, also when multiplied by the log-odds: slope and intercept are right.
    z = logit(np.array([0.1, 0.2, 0.3]))
    gap = 0.06 * np.array([1, -(z[0] - z[2]) / (z[1] - z[2]), 0])
    gap[2] = -gap[:2].sum()
    share = np.array([0.1, 0.2, 0.3]) + gap
    y = np.concatenate([np.arange(600) < round(600 * s) for s in share]).astype(int)
    found = evaluate_probabilities(y, p)
    assert found.calibration_slope.value == pytest.approx(1, abs=0.02)
    assert "off in places" in found.plot().get_title(loc="left")


def test_gains_start_at_nobody_and_end_at_everyone(evaluation):
    axes = evaluation.plot(kind="gains")
    line = axes.lines[0]
    assert (line.get_ydata()[0], line.get_ydata()[-1]) == (0, pytest.approx(1))
    share = evaluation.captured_20.value
    assert axes.get_title(loc="left").startswith(f"The top fifth holds {share:.0%}")


def test_lift_falls_to_one(evaluation):
    axes = evaluation.plot(kind="lift")
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(1)
    lift = evaluation.lift_10.value
    assert axes.get_title(loc="left").startswith(f"The top tenth acts {lift:.1f} times as often")


def test_scores_of_both_classes_are_drawn(evaluation):
    axes = evaluation.plot(kind="scores")
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[1] == f"positives ({evaluation.positives:,})"
    assert f"KS {evaluation.ks.value:.2f}" in axes.get_title(loc="left")


def test_segments_are_dots_hollow_where_few(rows):
    y, p, _ = rows
    region = np.where(np.arange(3000) < 60, "isle", np.where(y == 1, "won", "rest"))
    found = evaluate_by(y, p, {"region": region}, times=["2026-01-31"] * 3000)
    axes = found.plot(measure="rate", by="region")
    labels = [label.get_text() for label in axes.get_yticklabels()]
    rest = int(y[:60].sum())
    assert labels == [f"won  ({int(y[60:].sum())})", "rest  (0)", f"isle  ({rest})"]
    faces = {tuple(c) for dots in axes.collections[1::1] for c in dots.get_facecolors().tolist()}
    assert (1.0, 1.0, 1.0, 1.0) in faces
    assert "2 of 3 segments lie apart" in axes.get_title(loc="left")
    both = found.plot()
    assert [t.get_text() for t in both.get_yticklabels()] == [
        f"time: 2026-01-31  ({y.sum()})",
        f"region: isle  ({rest})",
    ]
    assert "0 of 2 segments lie apart" in both.get_title(loc="left")
    with pytest.raises(InvalidInput, match="by must be one of 'region', 'time'"):
        found.plot(by="gender")


def test_the_better_model_lies_to_the_right(rows):
    y, p, _ = rows
    rng = np.random.default_rng(2)
    worse = expit(logit(p) + rng.normal(0, 1.5, 3000))
    axes = compare_probabilities(y, worse, p, names=("old", "new")).plot()
    gains = axes.collections[1].get_offsets()[:, 0]
    assert (np.asarray(gains) > 0).all()  # log loss and Brier too, where lower is better
    assert axes.get_title(loc="left").startswith("new is better than old")
    assert (
        compare_probabilities(y, p, p).plot().get_title(loc="left").startswith("Neither a nor b is")
    )


def test_profit_marks_the_cuts_and_the_capacity(rows):
    y, p, _ = rows
    found = profit_curve(y, p, benefit=100, cost=15, capacity=300)
    axes = found.plot()
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "capacity" in names
    assert any(name.startswith("the model's own cut: 10%, score ≥") for name in names)
    assert axes.get_title(loc="left").startswith("Contacting the top 10% brings")
    nothing = profit_curve(y, p, benefit=1, cost=50).plot()
    assert nothing.get_title(loc="left") == "By the model's probabilities no contact pays"


def test_importance_shows_the_strongest_tag_on_top():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    shap = np.random.default_rng(0).normal(size=(100, 2)) * [0.2, 1]
    axes = explanation(shap, shap).plot(ax=ax)
    assert axes is ax
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "a",
        "b",
    ]  # not the never used
    assert len(axes.patches) == 2
    assert axes.get_title(loc="left").startswith("b moves the score most: 8")
    assert len(explanation(shap, shap).plot(top=1).patches) == 1


def test_the_beeswarm_has_a_dot_a_customer_and_tag():
    rng = np.random.default_rng(0)
    value = rng.normal(size=(200, 2))
    value[:20, 0] = np.nan
    shap = np.column_stack([np.nan_to_num(value[:, 0]) * 2, rng.normal(size=200) * 0.1])
    axes = explanation(shap, value).plot(kind="beeswarm")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    dots = [len(part.get_offsets()) for part in axes.collections]
    assert dots == [0, 200, 20, 180]  # unknown and known values, weakest tag first
    places = np.concatenate([part.get_offsets()[:, 0] for part in axes.collections[2:]])
    assert sorted(places) == pytest.approx(sorted(shap[:, 0]))
    heights = axes.collections[3].get_offsets()[:, 1]
    assert 0.55 < heights.min() < heights.max() < 1.45
    assert axes.get_title(loc="left").endswith("high values raise it")


def test_the_beeswarm_says_when_low_values_raise_the_score():
    rng = np.random.default_rng(0)
    value = rng.normal(size=(50, 2))
    axes = explanation(-value * [1, 0.1], value).plot(kind="beeswarm", top=1)
    assert axes.get_title(loc="left").endswith("low values raise it")


def test_the_beeswarm_claims_no_direction_that_is_not_there():
    rng = np.random.default_rng(0)
    value = rng.normal(size=(3000, 2))
    shap = np.abs(value) * [1, 0.1]
    axes = explanation(shap, value).plot(kind="beeswarm")
    assert axes.get_title(loc="left").endswith("of all)")
    assert len(axes.collections[1].get_offsets()) == 2000  # a sample is enough to see


def test_a_tag_without_known_values_is_grey():
    axes = explanation(np.ones((30, 2)) * [1, 0.1], np.full((30, 2), np.nan)).plot(kind="beeswarm")
    assert [len(part.get_offsets()) for part in axes.collections] == [30, 0, 30, 0]
    assert axes.get_title(loc="left").endswith("of all)")


def test_kind_must_be_known(evaluation):
    with pytest.raises(InvalidInput, match="kind must be one of 'calibration', 'gains'"):
        evaluation.plot(kind="roc")
    with pytest.raises(InvalidInput, match="kind must be one of 'importance', 'beeswarm'"):
        explanation(np.ones((2, 2)), np.ones((2, 2))).plot(kind="pie")


def test_results_show_themselves_as_a_table(evaluation):
    assert "average_precision" in evaluation._repr_html_()
