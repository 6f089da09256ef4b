"""The interval of TGI: against statsmodels, a published example, and its own promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats import proportion as peer

from marketing_ds.profiling import tgi_interval

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
