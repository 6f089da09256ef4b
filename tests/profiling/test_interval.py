"""The interval of TGI: against statsmodels, a published example, and its own promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats import proportion as peer

from marketing_ds.profiling import tgi_interval
from marketing_ds.profiling._overlapping import Group, ratio_statistic

CASES = [
    (30, 100, 120, 900),
    (36, 40, 16, 80),
    (10, 20, 100, 5000),
    (19, 20, 3, 50),
    (1, 30, 40, 60),
]


def _ratio_of(tgi: float, w: float) -> float:
    """The ratio of audience to rest that a TGI stands for."""
    return (1 - w) / (100 / tgi - w)


@pytest.mark.parametrize(("x", "n", "y", "m"), CASES)
def test_it_is_the_score_interval_of_the_ratio(x: int, n: int, y: int, m: int) -> None:
    _, lower, upper, _ = tgi_interval([x], n, [x + y], n + m)
    ends = [_ratio_of(float(end[0]), n / (n + m)) for end in (lower, upper)]
    expected = peer.confint_proportions_2indep(
        x, n, y, m, compare="ratio", method="score", correction=False
    )
    np.testing.assert_allclose(ends, expected, rtol=1e-9)


@pytest.mark.parametrize(("x", "n", "y", "m"), CASES)
def test_the_p_value_is_that_of_the_score_test(x: int, n: int, y: int, m: int) -> None:
    *_, p_value = tgi_interval([x], n, [x + y], n + m)
    expected = peer.test_proportions_2indep(
        x, n, y, m, compare="ratio", method="score", correction=False
    )
    np.testing.assert_allclose(p_value, [expected.pvalue], rtol=1e-9)


@pytest.mark.parametrize(
    ("n", "m", "p", "q"),
    [
        (200, 1800, 0.10, 0.05),
        (500, 500, 0.3, 0.3),
        (1000, 99_000, 0.02, 0.01),
        (3000, 1000, 0.5, 0.6),
    ],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(
    n: int, m: int, p: float, q: float
) -> None:
    rng = np.random.default_rng(11)
    x, y = rng.binomial(n, p, 4000), rng.binomial(m, q, 4000)
    truth = 100 * p / ((n * p + m * q) / (n + m))
    _, lower, upper, _ = tgi_interval(x, n, x + y, n + m)
    assert 0.93 <= np.mean((lower <= truth) & (truth <= upper)) <= 0.97


@given(st.integers(1, 400), st.integers(1, 4000), st.floats(0.001, 0.5), st.data())
def test_laws(n: int, m: int, alpha: float, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    if x + y == 0:
        return
    (tgi,), (lower,), (upper,), (p,) = tgi_interval([x], n, [x + y], n + m, alpha=alpha)
    assert 0 <= lower <= tgi * (1 + 1e-12)
    assert (
        tgi * (1 - 1e-12) <= upper <= 100 * (n + m) / n * (1 + 1e-12)
    )  # all of it in the audience
    if abs(p - alpha) > 1e-9:
        assert (lower <= 100 <= upper) == (p > alpha)


def test_cells_at_the_edges() -> None:
    tgi, lower, upper, p = tgi_interval([50, 0, 1000], 1000, [50, 100, 10_000], 10_000)
    np.testing.assert_allclose(tgi, [1000, 0, 100])
    assert upper[0] == pytest.approx(1000)  # nobody outside the audience: the most there can be
    assert 900 < lower[0] < 1000
    assert lower[1] == 0
    assert 0 < upper[1] < 50
    assert lower[2] < 100 < upper[2]  # a value that everybody has
    assert p[2] == 1


def test_an_audience_that_is_the_base_is_as_the_base() -> None:
    tgi, lower, upper, p = tgi_interval([3, 7], 10, [3, 7], 10)
    assert (tgi == 100).all()
    assert (lower == 100).all()
    assert (upper == 100).all()
    assert (p == 1).all()


@pytest.mark.parametrize(("x", "n", "y", "m"), CASES)
def test_of_two_audiences_that_share_nobody_it_is_the_score_interval_itself(
    x: int, n: int, y: int, m: int
) -> None:
    tgi, lower, upper, p_value = tgi_interval([x], n, [y], m, shared=[0], shared_size=0)
    ends = peer.confint_proportions_2indep(
        x, n, y, m, compare="ratio", method="score", correction=False
    )
    test = peer.test_proportions_2indep(
        x, n, y, m, compare="ratio", method="score", correction=False
    )
    np.testing.assert_allclose([lower[0], upper[0]], 100 * np.array(ends), rtol=1e-9)
    np.testing.assert_allclose(
        [tgi[0], p_value[0]], [100 * (x / n) / (y / m), test.pvalue], rtol=1e-9
    )


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@pytest.mark.parametrize(("x", "n", "y", "m"), CASES)
def test_with_two_groups_the_general_test_is_that_of_statsmodels(
    x: int, n: int, y: int, m: int, ratio: float
) -> None:
    groups = [
        Group(np.array([float(x)]), float(n), 1 / n, 0.0),
        Group(np.array([0.0]), 0.0, 1 / n, 1 / m),
        Group(np.array([float(y)]), float(m), 0.0, 1 / m),
    ]
    found = ratio_statistic(groups, np.array([ratio]))
    expected = peer.test_proportions_2indep(
        x, n, y, m, value=ratio, compare="ratio", method="score", correction=False
    )
    np.testing.assert_allclose(found, [expected.statistic**2], rtol=1e-7)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [
        ((2000, 1000, 3000), (0.10, 0.15, 0.08)),
        ((100, 200, 300), (0.05, 0.10, 0.20)),
        ((50, 400, 20), (0.30, 0.30, 0.30)),
        ((400, 50, 400), (0.02, 0.02, 0.02)),
    ],
)
def test_of_overlapping_audiences_it_covers_the_truth_as_often_as_it_says(
    sizes: tuple[int, int, int], shares: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(12)
    first, both, second = (rng.binomial(n, p, 1500) for n, p in zip(sizes, shares, strict=True))
    n, m = sizes[0] + sizes[1], sizes[1] + sizes[2]
    means = [k * p for k, p in zip(sizes, shares, strict=True)]
    truth = 100 * ((means[0] + means[1]) / n) / ((means[1] + means[2]) / m)
    _, lower, upper, p_value = tgi_interval(
        first + both, n, both + second, m, shared=both, shared_size=sizes[1]
    )
    assert 0.93 <= np.mean((lower <= truth) & (truth <= upper)) <= 0.97
    assert (((lower <= 100) & (upper >= 100)) == (p_value > 0.05)).all()


def test_overlap_makes_the_comparison_surer() -> None:
    apart = tgi_interval([60], 300, [50], 400, shared=[0], shared_size=0)
    beside = tgi_interval([60], 300, [50], 400, shared=[40], shared_size=200)
    assert beside[2][0] / beside[1][0] < apart[2][0] / apart[1][0]
    assert beside[0] == apart[0]


def test_a_second_audience_may_be_part_of_the_first() -> None:
    tgi, lower, upper, _ = tgi_interval([30], 400, [20], 100, shared=[20], shared_size=100)
    back = tgi_interval([20], 100, [30], 400)
    np.testing.assert_allclose(tgi, 1e4 / back[0])
    np.testing.assert_allclose(
        [lower[0], upper[0]], [1e4 / back[2][0], 1e4 / back[1][0]], rtol=1e-9
    )


def test_where_nobody_of_a_second_audience_is_there_is_no_upper_end() -> None:
    tgi, lower, upper, p_value = tgi_interval([30], 100, [0], 200, shared=[0], shared_size=50)
    assert np.isinf(tgi[0])
    assert np.isinf(upper[0])
    assert lower[0] > 500
    assert p_value[0] < 1e-9
    tgi, lower, upper, _ = tgi_interval([0], 100, [30], 200, shared=[0], shared_size=50)
    assert (tgi[0], lower[0]) == (0, 0)
    assert 0 < upper[0] < 50


def test_the_interval_holds_the_tgi_where_the_rest_has_nobody() -> None:
    audience = np.arange(1, 400)
    tgi, lower, upper, _ = tgi_interval(audience, 1108, audience, 4500)
    assert (lower <= tgi).all()
    assert (upper >= tgi).all()
