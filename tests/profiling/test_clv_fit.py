"""Maximum likelihood: found in a few steps, and refused where there is no maximum."""

from __future__ import annotations

import numpy as np
import pytest

from marketing_ds.profiling import NotConverged
from marketing_ds.profiling._clv_fit import Derivatives, Floats, maximise, slopes, standard_errors


def _gamma(theta: Floats) -> Derivatives:
    """Of a gamma distribution with known shape 3 and rate theta, 100 values of mean 1.5."""
    (rate,) = theta
    value = 100 * (3 * np.log(rate) - 1.5 * rate)
    return float(value), 100 * (3 / theta - 1.5), np.array([[-300 / rate**2]])


def test_the_maximum_its_height_and_its_error() -> None:
    found, fit = maximise(_gamma, ["rate"], np.array([0.01]), 100)
    assert found == pytest.approx([2.0])
    assert fit.log_likelihood == pytest.approx(_gamma(np.array([2.0]))[0])
    assert fit.customers == 100
    # Of the logarithm: 1 / (n · shape).
    assert fit.covariance == pytest.approx(np.array([[1 / 300]]))


def test_a_flat_likelihood_is_refused() -> None:
    def flat(theta: Floats) -> Derivatives:
        return 0.0, np.zeros(1), np.zeros((1, 1))

    with pytest.raises(NotConverged, match=r"but it is too flat \(last: rate = 1\)"):
        maximise(flat, ["rate"], np.ones(1), 100)


def test_a_likelihood_that_rises_without_end_is_refused() -> None:
    def rising(theta: Floats) -> Derivatives:
        return float(100 * np.log(theta[0])), 100 / theta, np.array([[-100 / theta[0] ** 2]])

    with pytest.raises(NotConverged, match="rate grow or shrink without end"):
        maximise(rising, ["rate"], np.ones(1), 100)


def test_a_likelihood_that_only_falls_is_refused() -> None:
    def falling(theta: Floats) -> Derivatives:
        return -100 * float(theta[0]), np.ones(1) * 100, np.array([[-1.0]])

    with pytest.raises(NotConverged):
        maximise(falling, ["rate"], np.ones(1), 100)


def test_slopes_are_by_the_logarithm_and_errors_by_the_delta_method() -> None:
    found = slopes(lambda theta: np.array([theta[0] * theta[1] ** 2, theta[0]]), [2.0, 3.0])
    assert found == pytest.approx(np.array([[18.0, 2.0], [36.0, 0.0]]), rel=1e-6)
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    by_hand = np.sqrt(18**2 * 0.04 + 36**2 * 0.09 + 2 * 18 * 36 * 0.01)
    assert standard_errors(found, covariance) == pytest.approx([by_hand, 2 * 0.2], rel=1e-6)
