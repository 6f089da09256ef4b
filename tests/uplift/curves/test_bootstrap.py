import numpy as np
import pytest

from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.curves.bootstrap import draw_curves

from ..simulate import ranked


@pytest.mark.parametrize("weighted", [False, True])
def test_draws_spread_like_curves_of_resampled_customers(weighted):
    rng = np.random.default_rng(4)
    n = 5000
    y, score, treated = ranked(rng, n, share=0.3)
    chance = rng.uniform(0.2, 0.8, n) if weighted else None
    sums = uplift_curve(y, score, treated, probability=chance)._sums
    share, drawn = draw_curves(sums, replicates=400)
    resampled = []
    for _ in range(400):
        rows = np.repeat(np.arange(n), rng.poisson(1, n))
        again = uplift_curve(
            y[rows],
            score[rows],
            treated[rows],
            probability=None if chance is None else chance[rows],
        )
        resampled.append(np.interp(share, again.share, again.value))
    at = np.searchsorted(share, [0.1, 0.3, 0.6, 1.0])
    expected = np.std(resampled, axis=0)[at]
    np.testing.assert_allclose(drawn.std(axis=0)[at], expected, rtol=0.15)  # 400 draws: 3.5 % each
    np.testing.assert_allclose(
        drawn.mean(axis=0)[at],
        np.interp(share, sums.share, sums.value)[at],
        atol=4 * expected.max() / 20,
    )


def test_the_same_seed_draws_the_same():
    sums = uplift_curve(*ranked(np.random.default_rng(0), 2000))._sums
    one, two, other = (draw_curves(sums, replicates=5, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_a_tie_is_never_cut():
    y, score, treated = ranked(np.random.default_rng(0), 30_000)
    sums = uplift_curve(y, np.floor(3 * score), treated)._sums
    share, _ = draw_curves(sums, replicates=2)
    assert len(share) <= 6  # three ties, and the steps in which one ends
    equal = uplift_curve(y, np.zeros(30_000), treated)._sums
    assert draw_curves(equal, replicates=2)[0].tolist() == [0.0, 1.0]


def test_very_few_customers_do_not_break_it():
    sums = uplift_curve([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1])._sums
    _, drawn = draw_curves(sums, replicates=50)
    assert np.isfinite(drawn).all()
