"""Quantiles: the order statistic itself, errors that cover, ties, clusters and chances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.metrics import Quantile

from .conftest import SHARES

Z = norm.ppf(0.975)


def ends(values: np.ndarray, q: float) -> tuple[float, float]:
    """Order statistics at the ends of the interval for the share below the quantile."""
    ordered, n = np.sort(values), len(values)
    reach = Z * np.sqrt(q * (1 - q) / n)
    low, high = (int(np.ceil(level * n)) - 1 for level in (q - reach, q + reach))
    return ordered[max(low, 0)], ordered[min(high, n - 1)]


@pytest.mark.parametrize("q", [0.25, 0.5, 0.9])
def test_value_and_error_are_order_statistics(trial, q) -> None:
    found = analyze_experiment(trial, [Quantile("spend", q)], shares=SHARES).to_frame().iloc[0]
    variance = 0.0
    for arm, name in (("mail", "mean_arm"), ("control", "mean_control")):
        values = trial.loc[trial["arm"] == arm, "spend"].to_numpy()
        assert found[name] == np.quantile(values, q, method="inverted_cdf")
        low, high = ends(values, q)
        variance += ((high - low) / (2 * Z)) ** 2
    assert found["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert found["variance_reduction_share"] == 0


def test_a_segment_s_quantile_is_that_of_its_customers(trial) -> None:
    metrics = ["spend", Quantile("spend", 0.5)]
    result = analyze_experiment(trial, metrics, segments=["region"], shares=SHARES)
    alone = analyze_experiment(trial[trial["region"] == "west"], metrics, shares=SHARES)
    west = result.segments("region").query("value == 'west' and metric == 'spend P50'").iloc[0]
    row = alone.to_frame().iloc[1]
    for name in ("effect", "standard_error", "p_value", "mean_control"):
        assert west[name] == row[name]


def test_intervals_of_the_median_cover_with_ties_and_with_clusters() -> None:
    """Each trial is a segment; half of the customers spend nothing or round amounts."""
    rng, trials, clusters, size = np.random.default_rng(5), 150, 40, 5
    n = trials * clusters * size
    cluster = np.repeat(np.arange(trials * clusters), size)
    mail = np.tile(np.repeat([True, False], size), n // (2 * size))
    level = rng.normal(0, 20, trials * clusters)[cluster]
    data = pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "trial": cluster // clusters,
            "cluster": cluster,
            "smooth": 50 + level + rng.normal(0, 10, n),
            "tied": np.round(rng.gamma(1, 40, n) / 10) * 10,
        }
    )
    metrics = [Quantile("smooth", 0.5), Quantile("tied", 0.5)]
    robust = analyze_experiment(data, metrics, segments=["trial"], cluster="cluster")
    naive = analyze_experiment(data, metrics, segments=["trial"])

    def holding(result, metric) -> int:
        frame = result.segments("trial")
        part = frame[frame["metric"] == metric]
        return int((part["effect_ci_lower"].le(0) & part["effect_ci_upper"].ge(0)).sum())

    low, high = binom.ppf([0.001, 0.999], trials, 0.95)
    assert low <= holding(robust, "smooth P50") <= high
    assert holding(naive, "smooth P50") < 0.85 * trials
    assert holding(naive, "tied P50") >= low


def test_chances_weight_the_order(trial) -> None:
    found = (
        analyze_experiment(trial, [Quantile("spend", 0.5)], probability="chance").to_frame().iloc[0]
    )
    for arm, name in (("mail", "mean_arm"), ("control", "mean_control")):
        part = trial[trial["arm"] == arm].sort_values("spend")
        weight = (1 / part["chance"]).cumsum()
        middle = part["spend"][weight >= 0.5 * weight.iloc[-1]].iloc[0]
        assert found[name] == middle


def test_equal_chances_and_clusters_of_one_change_little(trial) -> None:
    metric = [Quantile("spend", 0.5)]
    plain = analyze_experiment(trial, metric, shares=SHARES).to_frame().iloc[0]
    own = trial.assign(own=np.arange(len(trial)))
    by_own = analyze_experiment(own, metric, cluster="own", shares=SHARES).to_frame().iloc[0]
    assert by_own["effect"] == plain["effect"]
    # n - 1 for n may move an end of the interval by one customer.
    assert by_own["standard_error"] == pytest.approx(plain["standard_error"], rel=0.02)


def test_clusters_in_both_arms_are_taken_off_the_difference(trial) -> None:
    level = np.random.default_rng(1).normal(0, 40, 40)[trial["branch"]]
    data = trial.assign(spend=trial["spend"] + level)
    metric = [Quantile("spend", 0.5)]
    split = data.assign(branch=data["branch"].astype(str) + data["arm"])
    both, apart = (
        analyze_experiment(d, metric, cluster="branch", shares=SHARES).to_frame().iloc[0]
        for d in (data, split)
    )
    assert both["standard_error"] < 0.7 * apart["standard_error"]


def test_a_quantile_that_all_share_cannot_be_judged(trial) -> None:
    data = trial.assign(spend=trial["spend"].clip(lower=1_000))
    frame = analyze_experiment(data, [Quantile("spend", 0.5)], shares=SHARES).to_frame()
    assert frame["effect"].iloc[0] == 0
    assert np.isnan(frame["p_value"].iloc[0])


def test_a_column_with_gaps_is_refused(trial) -> None:
    gaps = trial.assign(spend=trial["spend"].where(trial["age"] > 30))
    with pytest.raises(InvalidInput, match="'spend' must be known for every customer"):
        analyze_experiment(gaps, [Quantile("spend", 0.5)], shares=SHARES)
