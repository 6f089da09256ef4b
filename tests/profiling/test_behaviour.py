"""Means, medians, differences and ratios per customer, with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.profiling import behaviour, distribution
from marketing_ds.profiling._behaviour import _estimated
from marketing_ds.profiling._columns import Column
from marketing_ds.profiling._sides import BOTH, FIRST, SECOND

from .people import people

FRAME = people()
_MEASURES = {
    "n": lambda values: np.full(len(values), values.shape[1]),
    "mean": lambda values: values.mean(axis=1) if values.size else np.nan,
    "var": lambda values: values.var(axis=1) if values.size else np.nan,
}


def test_means_and_medians_by_hand() -> None:
    found = behaviour(audience(FRAME, "lifecycle == 'mature'"), tags=["aum", "visits"])
    inside = FRAME["lifecycle"] == "mature"
    for row in found.to_frame().itertuples():
        ours, base = FRAME.loc[inside, row.tag], FRAME[row.tag]
        expected = [ours.mean(), base.mean(), ours.median(), base.median()]
        got = [row.mean_audience, row.mean_base, row.median_audience, row.median_base]
        np.testing.assert_allclose(got, expected)
        assert row.difference == pytest.approx(ours.mean() - base.mean())
        assert row.ratio == pytest.approx(ours.mean() / base.mean())
    assert found.counts == (inside.sum(), len(FRAME))


def test_of_separate_audiences_the_interval_is_that_of_two_samples() -> None:
    mature = audience(FRAME, "lifecycle == 'mature'")
    (row,) = behaviour(mature, base=~mature, tags=["visits"]).to_frame().itertuples()
    inside = FRAME["lifecycle"] == "mature"
    samples = (DescrStatsW(FRAME.loc[side, "visits"]) for side in (inside, ~inside))
    lower, upper = CompareMeans(*samples).zconfint_diff(usevar="unequal")
    # They divide by n - 1, we by n: at 1,000 customers that is 0.05 %.
    np.testing.assert_allclose(
        [row.difference_ci_lower, row.difference_ci_upper], [lower, upper], rtol=2e-3
    )


@pytest.mark.parametrize("case", ["part", "overlapping"])
def test_intervals_cover_the_truth_as_often_as_they_say(case: str) -> None:
    rng = np.random.default_rng(1)
    sizes, means = ((0, 300, 900), (0, 5, 4)) if case == "part" else ((300, 200, 400), (6, 5, 4))
    n, m = sizes[0] + sizes[1], sizes[1] + sizes[2]
    truth = (sizes[0] * means[0] + sizes[1] * means[1]) / n
    base = (sizes[1] * means[1] + sizes[2] * means[2]) / m
    drawn = [rng.gamma(2, mean / 2, (2000, size)) for size, mean in zip(sizes, means, strict=True)]
    moments = {
        f"{word}_{g}": measure(values)
        for g, values in zip((FIRST, BOTH, SECOND), drawn, strict=True)
        for word, measure in _MEASURES.items()
    }
    columns = [Column(f"t{i}", "number") for i in range(2000)]
    medians = dict.fromkeys(("median_audience", "median_base"), np.zeros(2000))
    found = _estimated(columns, pd.DataFrame(moments | medians), 1, 0.05)
    of_difference = found["difference_ci_lower"].le(truth - base) & found["difference_ci_upper"].ge(
        truth - base
    )
    of_ratio = found["ratio_ci_lower"].le(truth / base) & found["ratio_ci_upper"].ge(truth / base)
    assert 0.935 <= of_difference.mean() <= 0.965
    assert 0.935 <= of_ratio.mean() <= 0.965


def test_the_audience_as_its_own_base_does_not_differ() -> None:
    found = behaviour(audience(FRAME, "aum >= 0"), tags=["aum", "visits"]).to_frame()
    assert (found["difference"].abs() < 1e-9).all()
    assert (found["p_value"] > 0.99).all()


def test_constant_tags() -> None:
    frame = FRAME.assign(one=1.0, two=np.where(FRAME["visits"] > 2, 2.0, 1.0))
    found = behaviour(audience(frame, "visits > 2"), tags=["one", "two"]).to_frame()
    rows = found.set_index("tag")
    assert rows.loc["one", ["difference", "p_value"]].tolist() == [0.0, 1.0]
    assert rows.loc["two", "difference"] > 0


def test_only_values_that_are_known_count() -> None:
    frame = FRAME.assign(half=FRAME["aum"].where(FRAME.index % 2 == 0))
    (row,) = behaviour(audience(frame, "visits > 2"), tags=["half"]).to_frame().itertuples()
    assert row.n_base == 1000
    assert row.mean_base == pytest.approx(FRAME["aum"][::2].mean())


def test_tags_with_few_values_are_left_out() -> None:
    frame = FRAME.assign(rare=pd.Series(range(9)).reindex(FRAME.index))
    assert behaviour(audience(frame, "aum >= 0"), tags=["rare", "aum"]).to_frame()[
        "tag"
    ].tolist() == ["aum"]
    found = behaviour(audience(frame, "aum >= 0"), tags=["rare"], min_count=1).to_frame("zh")
    assert found["n_base"].item() == 9
    assert behaviour(audience(frame, "aum >= 0"), tags=["rare"]).to_frame().empty


def test_the_strongest_difference_comes_first() -> None:
    found = behaviour(audience(FRAME, "aum >= 20000")).to_frame()
    assert found["tag"].tolist() == ["aum", "visits"]
    assert "Assets under management (CNY)" in found["title"].tolist()
    assert (
        "管理资产规模（AUM）（元）"
        in behaviour(audience(FRAME, "aum > 0"), language="zh").to_frame()["title"].tolist()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tags": ["region"]}, "tags must be numeric here, got 'region'"),
        ({"tags": ["vsits"]}, "did you mean 'visits'"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"language": "fr"}, "language must be one of"),
    ],
)
def test_what_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        behaviour(audience(FRAME, "aum > 0"), **arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="at least one numeric tag"):
        behaviour(audience(FRAME[["customer_id", "region"]], "region == 'north'"))


def test_a_distribution_counts_everybody_whose_value_is_known() -> None:
    spread = distribution(audience(FRAME, "aum >= 20000"), "visits", bins=8, min_count=1)
    frame = spread.to_frame()
    assert frame["n_base"].sum() == len(FRAME)
    assert frame["audience_share"].sum() == pytest.approx(1)
    for row in frame.dropna(subset=["low", "high", "n_base"]).itertuples():
        inside = (FRAME["visits"] >= row.low) & (FRAME["visits"] < row.high)
        if row.low != row.high:
            assert row.n_base == inside.sum()
    ours = FRAME.loc[FRAME["aum"] >= 20_000, "visits"]
    assert spread.medians == (ours.median(), FRAME["visits"].median())


def test_a_skewed_tag_has_nobody_alone_and_growing_ranges() -> None:
    frame = distribution(audience(FRAME, "visits >= 2"), "aum").to_frame()
    assert frame["value"].iloc[0] == "0"
    widths = (frame["high"] - frame["low"]).iloc[2:-1].to_numpy()
    assert (np.diff(widths) > 0).all()
    assert (
        distribution(audience(FRAME, "visits >= 2"), "aum").title("zh")
        == "管理资产规模（AUM）（元）"
    )


def test_ranges_without_the_audience_still_show_the_base() -> None:
    frame = distribution(audience(FRAME, "aum >= 20000"), "aum").to_frame()
    low = frame[frame["high"] <= 18_000]
    assert (low["n_audience"] == 0).all()
    assert (low["n_base"] >= 10).all()


def test_small_ranges_of_a_distribution_are_hidden() -> None:
    spread = distribution(audience(FRAME, "visits >= 2"), "aum", bins=100)
    shown = spread.to_frame().dropna(subset="n_audience")
    assert len(shown) < 100
    assert (shown["n_audience"].between(1, 9) | shown["n_base"].between(1, 9)).sum() == 0


@pytest.mark.parametrize("values", [np.zeros(300), np.full(300, 5.5), np.linspace(-3, 3, 300)])
def test_odd_values_are_spread_too(values: np.ndarray) -> None:
    frame = FRAME.head(300).assign(x=values)
    spread = distribution(audience(frame, "visits >= 2"), "x", min_count=1)
    assert spread.to_frame()["n_base"].sum() == 300


def test_words_have_no_distribution() -> None:
    with pytest.raises(InvalidInput, match=r"use profile\(...\).mix\('region'\)"):
        distribution(audience(FRAME, "aum > 0"), "region")
