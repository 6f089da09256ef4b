"""Sums by cell: laws that hold for any data, gaps, segments, and how many queries there are."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.engine import populations, read_cells
from marketing_ds.evaluation.metrics import FunnelStep, Mean, Proportion, Ratio

from .conftest import SHARES

PAIR = [frozenset(("x", "y"))]


def cells_of(data: pd.DataFrame, keys: tuple[str, ...] = (), probability: str | None = None):
    table = ibis.memtable(pa.Table.from_pandas(data, preserve_index=False))
    options = {"arm": "arm", "keys": keys, "probability": probability}
    return read_cells(table, ["x", "y"], PAIR, **options)[0]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1_000),
    offset=st.sampled_from([0.0, 1e3, -1e7]),
    parts=st.integers(1, 40),
    weighted=st.booleans(),
)
def test_segments_pooled_are_the_whole(seed, offset, parts, weighted) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "arm": ["a", "b"] * 100,
            "part": rng.integers(0, parts, 200),
            "x": offset + rng.normal(0, 1, 200),
            "y": rng.gamma(1, 5, 200),
            "p": rng.uniform(0.1, 0.9, 200),
        }
    )
    chance = "p" if weighted else None
    whole, pooled = cells_of(data, (), chance), cells_of(data, ("part",), chance).pool(["arm"])
    for name in ("n", "weight", "weight2", "mean", "first", "second"):
        left, right = getattr(pooled, name), getattr(whole, name)
        if name == "mean":
            left, right = left + pooled.origin, right + whole.origin
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-9)
    weight = 1 / data["p"] if weighted else np.ones(200)
    values = data[["x", "y"]].to_numpy()
    for row, arm in enumerate(("a", "b")):
        own, w = values[data["arm"] == arm], np.asarray(weight)[data["arm"] == arm]
        mean = np.average(own, axis=0, weights=w)
        far = own - mean
        np.testing.assert_allclose(whole.mean[row] + whole.origin, mean, rtol=1e-12)
        for found, power in ((whole.first, 1), (whole.second, 2)):
            expected = (far * w[:, None] ** power).T @ far
            np.testing.assert_allclose(found[row], expected, rtol=1e-7, atol=1e-6)


@settings(max_examples=8)
@given(
    seed=st.integers(0, 100),
    shift=st.sampled_from([-5.0, 1e6]),
    scale=st.sampled_from([0.01, 300.0]),
)
def test_effects_follow_shift_scale_and_order(trial, seed, shift, scale) -> None:
    """A shifted and scaled metric, a shuffled table, a column twice: nothing else changes."""
    options = {"covariates": ["pre"], "shares": SHARES}
    names = ["effect", "effect_ci_lower", "effect_ci_upper", "standard_error"]
    base = analyze_experiment(trial, ["spend"], **options).to_frame().iloc[0]
    moved = trial.sample(frac=1, random_state=seed).assign(
        spend=lambda d: shift + scale * d["spend"], again=lambda d: d["spend"]
    )
    found = analyze_experiment(moved, ["spend", "again"], **options).to_frame()
    for metric in ("spend", "again"):
        row = found.set_index("metric").loc[metric]
        np.testing.assert_allclose(
            row[names].astype(float), scale * base[names].astype(float), rtol=1e-7, atol=1e-9
        )
        assert row["variance_reduction_share"] == pytest.approx(
            base["variance_reduction_share"], rel=1e-7
        )


@pytest.mark.parametrize("strata", [None, ["tier"]])
def test_a_segment_is_analysed_as_if_it_were_all(trial, strata) -> None:
    metrics = ["spend", Ratio("spend", "visits"), Proportion("bought")]
    options = {"covariates": ["pre"], "strata": strata, "shares": SHARES, "correction": None}
    result = analyze_experiment(trial, metrics, segments=["region", "clicked"], **options)
    for column, value in (("region", "south"), ("clicked", 1)):
        alone = analyze_experiment(trial[trial[column] == value], metrics, **options).to_frame()
        part = result.segments(column).query(f"value == '{value}'")
        numbers = alone.select_dtypes("number").columns
        np.testing.assert_allclose(part[numbers], alone[numbers], rtol=1e-9, atol=1e-12)


def test_many_crossed_cells_are_asked_by_column(trial, monkeypatch) -> None:
    options = {"segments": ["region", "tier"], "covariates": ["pre"], "shares": SHARES}
    joint = analyze_experiment(trial, ["spend"], **options).to_frame()
    monkeypatch.setattr(populations, "_JOINT", 0)
    apart = analyze_experiment(trial, ["spend"], **options).to_frame()
    pd.testing.assert_frame_equal(joint, apart, rtol=1e-9)


def test_a_segment_without_an_arm_has_no_row_and_is_named(trial) -> None:
    odd = trial.assign(region=trial["region"].where(trial.index > 3, None), empty="one")
    odd.loc[5, "empty"] = "lonely"
    odd.loc[:3, "arm"] = "mail"
    result = analyze_experiment(odd, ["spend"], segments=["region", "empty"], shares=SHARES)
    assert set(result.to_frame()["segment"]) == {
        "all",
        "region=north",
        "region=south",
        "region=west",
        "empty=one",
    }
    assert (
        "1 of 4 segments of 'region', such as 'region=(missing)', lack control" in result.notes[0]
    )
    assert "such as 'empty=lonely'" in result.notes[1]


def test_an_arm_that_a_segment_lacks_is_named(trial) -> None:
    call = trial["arm"].where((trial.index % 5 > 0) | (trial["region"] == "west"), "call")
    data = trial.assign(arm=call)
    result = analyze_experiment(data, ["spend"], segments=["region"], check_by=[])
    west = result.segments("region").query("value == 'west'")
    assert list(west["arm"]) == ["mail"]
    assert "such as 'region=west'" in result.notes[0]


def test_a_ratio_without_denominator_is_left_out_of_its_segment(trial) -> None:
    data = trial.assign(visits=trial["visits"].where(trial["region"] != "west", 0))
    metrics = ["spend", Ratio("spend", "visits")]
    result = analyze_experiment(data, metrics, segments=["region"], shares=SHARES)
    assert list(result.segments("region").query("value == 'west'")["metric"]) == ["spend"]
    assert "'spend / visits' is left out in segment 'region=west'" in result.notes[0]


def test_gaps_of_a_covariate_are_filled_with_the_mean_and_said(trial) -> None:
    gaps = trial.assign(pre=trial["pre"].where(trial["age"] > 35))
    full = gaps.assign(pre=gaps["pre"].fillna(gaps["pre"].mean()))
    found, expected = (
        analyze_experiment(d, ["spend"], covariates=["pre"], segments=["region"], shares=SHARES)
        for d in (gaps, full)
    )
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), rtol=1e-9)
    assert found.notes == (
        f"'pre' is unknown for {gaps['pre'].isna().sum()} of 2,400 customers; its mean of all arms, "
        f"{gaps['pre'].mean():.6g}, stands for it",
    )
    assert found.notes[0] in found._repr_html_()


def test_arrow_and_categories_are_taken(trial) -> None:
    expected = analyze_experiment(trial, ["spend"], segments=["region"], shares=SHARES).to_frame()
    categories = trial.astype({"arm": "category", "region": "category"})
    for data in (pa.Table.from_pandas(trial), categories, pa.Table.from_pandas(categories)):
        found = analyze_experiment(data, ["spend"], segments=["region"], shares=SHARES).to_frame()
        pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: d.to_dict("records"), {}, "data must be a pandas frame, an Arrow table or"),
        (lambda d: pa.Table.from_pandas(d.head(0)), {}, "at least one row"),
        (lambda d: d, {"segments": ["age"]}, "'age' of float64; put it into bands"),
        (lambda d: d, {"segments": "tier"}, "segments must be a list"),
        (lambda d: d, {"strata": ["tear"]}, "did you mean 'tier'"),
        (lambda d: d, {"cluster": "branche"}, "did you mean 'branch'"),
        (lambda d: d, {"before": ["spend"]}, "must not be a metric itself"),
        (
            lambda d: d,
            {"metrics": ["visits", Ratio("spend", "visits")], "covariates": ["visits"]},
            "got 'visits' of",
        ),
        (lambda d: d.assign(same=d["spend"]), {"covariates": ["same"]}, "equals 'spend' for every"),
        (lambda d: d.assign(pre=np.nan), {"covariates": ["pre"]}, "'pre' must be known"),
        (
            lambda d: d,
            {"metrics": [Proportion("visits")]},
            "'visits' must hold nothing but 0 and 1",
        ),
        (
            lambda d: d.assign(clicked=d["clicked"] / 2),
            {"metrics": [FunnelStep("bought", after="clicked")]},
            "must hold nothing but 0 and 1",
        ),
        (lambda d: d, {"metrics": [Mean("tier", cap=0.9)]}, "'tier' must hold numbers"),
        (lambda d: d.assign(tier="x").head(0), {}, "at least one row"),
    ],
)
def test_bad_input_is_refused(change, options, words, trial) -> None:
    with pytest.raises(InvalidInput, match=words):
        analyze_experiment(change(trial), **{"metrics": ["spend"], "shares": SHARES, **options})


def test_segments_of_an_id_are_refused_before_they_are_fetched(trial, monkeypatch) -> None:
    from marketing_ds.evaluation.engine import cells

    monkeypatch.setattr(cells, "MAX_CELLS", 1_000)
    with pytest.raises(InvalidInput, match="at most 1,000 cells with the arms"):
        analyze_experiment(trial, ["spend"], segments=["customer_id"], shares=SHARES)
