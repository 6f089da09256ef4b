"""Segments and times: each is the evaluation of its own rows; small ones are flagged."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import evaluate_by, evaluate_probabilities

ROWS = 1200


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 4, ROWS)
    frame = pd.DataFrame(
        {
            "y": (rng.random(ROWS) < p).astype(int),
            "p": np.round(p, 2),
            "region": rng.choice(["east", "west", "north"], ROWS, p=[0.6, 0.37, 0.03]),
            "band": pd.Categorical(rng.choice(["young", "old"], ROWS), categories=["young", "old"]),
            "as_of": rng.choice(
                pd.to_datetime(["2026-01-31", "2026-02-28", "2026-04-30"]).to_numpy(), ROWS
            ),
            "customer": rng.integers(0, 500, ROWS),
            "weight": rng.choice([0.0, 1.0, 2.0], ROWS),
        }
    )
    frame.loc[::50, "region"] = None
    return frame


def test_a_segment_is_evaluated_as_its_rows_alone(rows):
    found = evaluate_by(
        rows["y"],
        rows["p"],
        rows["region"],
        sample_weight=rows["weight"],
        groups=rows["customer"],
    )
    west = rows[rows["region"] == "west"]
    alone = evaluate_probabilities(
        west["y"], west["p"], sample_weight=west["weight"], groups=west["customer"]
    )
    ours = found.to_frame()
    ours = ours[ours["segment"] == "west"].set_index("measure")
    theirs = alone.to_frame().set_index("measure")
    steady = theirs.index.drop("ks")  # whose interval rests on draws
    np.testing.assert_allclose(
        ours.loc[steady, theirs.columns].astype(float), theirs.loc[steady], atol=1e-9
    )
    assert (ours["rows"] == alone.rows).all()
    assert (ours["positives"] == alone.positives).all()


def test_columns_are_taken_one_by_one_in_their_order(rows):
    found = evaluate_by(rows["y"], rows["p"], rows[["region", "band"]], times=rows["as_of"])
    auc = found.to_frame("auc")
    assert list(zip(auc["by"], auc["segment"], strict=True)) == [
        ("region", "east"),
        ("region", "north"),
        ("region", "west"),
        ("region", "(missing)"),
        ("band", "young"),
        ("band", "old"),
        ("time", "2026-01-31"),
        ("time", "2026-02-28"),
        ("time", "2026-04-30"),
    ]
    for _, part in auc.groupby("by"):
        assert part["rows"].sum() == ROWS
        assert part["positives"].sum() == found.overall.positives


def test_small_segments_are_flagged_not_hidden(rows):
    auc = evaluate_by(rows["y"], rows["p"], rows["region"]).to_frame("auc").set_index("segment")
    assert auc["few"].to_dict() == {"east": False, "north": True, "west": False, "(missing)": True}
    assert auc["value"].notna().all()
    widths = auc["value_ci_upper"] - auc["value_ci_lower"]
    assert widths["north"] > 2 * widths["east"]


def test_a_segment_of_one_customer_has_values_and_intervals_that_say_nothing():
    y, p = [1, 0, 1, 0, 0], [0.6, 0.5, 0.3, 0.2, 0.1]
    segment = pd.Categorical(["one", "one", "two", "two", "two"], ["one", "two", "nobody"])
    found = evaluate_by(y, p, segment, groups=["a", "a", "b", "c", "d"])
    frame = found.to_frame().set_index(["segment", "measure"])
    assert "nobody" not in frame.index.levels[0]
    assert frame.loc[("one", "brier"), "value"] == pytest.approx((0.4**2 + 0.5**2) / 2)
    ends = frame.loc[("one", "brier"), ["value_ci_lower", "value_ci_upper"]]
    assert ends.tolist() == [0, 1]  # one customer tells nothing of others
    assert np.isnan(frame.loc[("one", "auc"), "value"])


def test_a_segment_of_one_class_has_the_measures_that_need_none():
    found = evaluate_by([0, 0, 0, 1, 0, 1], [0.1, 0.2, 0.1, 0.6, 0.3, 0.4], list("aaabbb"))
    a = found.to_frame()
    a = a[a["segment"] == "a"].set_index("measure")["value"]
    assert set(a[a.notna()].index) == {"log_loss", "brier", "rate", "mean_probability"}
    assert a["rate"] == 0
    assert a["mean_probability"] == pytest.approx(0.4 / 3)


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("month", ["2026-01", "2026-02", "2026-04"]),
        ("quarter", ["2026Q1", "2026Q2"]),
        ("year", ["2026"]),
        ("day", ["2026-01-31", "2026-02-28", "2026-04-30"]),
        ("week", ["2026-01-26", "2026-02-23", "2026-04-27"]),
    ],
)
def test_times_are_taken_together_by_period(rows, period, names):
    found = evaluate_by(rows["y"], rows["p"], times=rows["as_of"], period=period).to_frame("brier")
    assert found["segment"].tolist() == names


def test_rows_are_paired_by_place_whatever_the_index(rows):
    shuffled = rows["band"].set_axis(np.arange(ROWS)[::-1])
    one = evaluate_by(rows["y"], rows["p"], {"band": shuffled}).to_frame("rate")
    other = evaluate_by(rows["y"], rows["p"], {"band": np.asarray(rows["band"].astype(str))})
    theirs = other.to_frame("rate").set_index("segment")["value"]
    assert one.set_index("segment")["value"].to_dict() == pytest.approx(theirs.to_dict())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "by or times must be given"),
        ({"by": ["a"]}, "by must have one segment per row"),
        ({"by": ["a"] * ROWS, "period": "month"}, "period must be left out"),
        ({"times": ["2026-01-01"]}, "times must have one date per row"),
        ({"times": ["2026-01-01"] * ROWS, "period": "hour"}, "period must be one of"),
        ({"by": np.arange(ROWS)}, "'segment' has 1,200; cut it into bands first"),
    ],
)
def test_refuses(rows, arguments, message):
    with pytest.raises(InvalidInput, match=message):
        evaluate_by(rows["y"], rows["p"], **arguments)


def test_a_measure_must_be_known(rows):
    found = evaluate_by(rows["y"], rows["p"], rows["band"])
    with pytest.raises(InvalidInput, match="measure must be one of 'auc'"):
        found.to_frame("gini")
