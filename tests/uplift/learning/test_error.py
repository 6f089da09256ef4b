"""Standard errors from members that each lack a fold."""

import numpy as np
import pytest

from marketing_ds.uplift.learning import error as errors
from marketing_ds.uplift.learning.error import Jackknife, _usual

K = 5


@pytest.fixture
def says(monkeypatch):
    """Members that say what is handed in for X, column by column."""
    monkeypatch.setattr(
        errors,
        "predict_models",
        lambda members, X, rows=None: X[rows if rows is not None else ...].copy(),
    )
    return [((), 0.0)] * K


def test_what_is_usual_is_found_again():
    """Variances that vary as an inverse χ² of 8 degrees of freedom, each seen with 4."""
    rng = np.random.default_rng(0)
    true = 0.02**2 * 8 / rng.chisquare(8, 40_000)
    usual, weight = _usual(true * rng.chisquare(4, 40_000) / 4, 4)
    assert usual == pytest.approx(0.02**2, rel=0.03)
    assert weight == pytest.approx(8, rel=0.1)


def test_equal_variances_count_as_one():
    rng = np.random.default_rng(0)
    usual, weight = _usual(0.02**2 * rng.chisquare(1, 20_000), 1)
    assert usual == pytest.approx(0.02**2, rel=0.05)
    assert weight > 100


def test_errors_of_one_size_are_told_better_by_all_than_by_each(says):
    """An estimate's members without a fold each differ by 1/(K − 1) of a fold's own noise."""
    rng = np.random.default_rng(1)
    folds = rng.normal(0, 0.02 * np.sqrt(K), (4000, K))
    members = (folds.sum(axis=1, keepdims=True) - folds) / (K - 1)
    told = Jackknife.of(says, members, least=0.0)
    found = told.standard_error(members)
    assert found.mean() == pytest.approx(0.02, rel=0.05)
    assert found.std() < 0.1 * found.mean()
    assert np.mean(np.abs(members.mean(axis=1)) < 1.96 * found) == pytest.approx(0.95, abs=0.01)


def test_few_customers_keep_their_own_variance_and_students_quantile(says):
    rng = np.random.default_rng(2)
    folds = rng.normal(0, 0.02 * np.sqrt(K), (4000, K))
    members = (folds.sum(axis=1, keepdims=True) - folds) / (K - 1)
    told = Jackknife(says, least=0.0, usual=0.0, weight=0.0)
    held = np.abs(members.mean(axis=1)) < 1.96 * told.standard_error(members)
    assert held.mean() == pytest.approx(0.95, abs=0.012)


def test_an_unsure_slope_counts_where_effects_are_far_from_the_average(says):
    members = np.repeat([[0.0], [0.1], [0.3]], K, axis=1)
    told = Jackknife(says, least=0.01, usual=0.0, weight=1.0, slope_error=0.5, centre=0.1)
    np.testing.assert_allclose(told.standard_error(members), [0.05, 0.01, 0.1])


def test_a_shrunken_effect_keeps_part_of_its_error(says):
    members = np.tile(np.linspace(-0.1, 0.1, K), (3, 1))
    whole = Jackknife(says, least=0.0, usual=0.01, weight=4.0)
    half = Jackknife(says, least=0.0, usual=0.01, weight=4.0, scale=0.5)
    twice = Jackknife(says, least=0.0, usual=0.01, weight=4.0, scale=2.0)
    errors_ = [one.standard_error(members)[0] for one in (half, whole, twice)]
    assert errors_[0] / errors_[1] == pytest.approx(np.sqrt(0.5))
    assert errors_[2] / errors_[1] == pytest.approx(2.0)
