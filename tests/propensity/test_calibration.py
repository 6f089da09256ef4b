"""Calibration maps: laws that hold for each, recovery of known distortions, the choice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from marketing_ds.propensity._calibration import (
    KINDS,
    Calibration,
    choose_calibration,
    fit_calibration,
    kinds_of,
    log_loss_rows,
)


def sample(rows, distort, seed=0):
    """Margins, and labels drawn with log-odds `distort(margin)`."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.5, 1.5, rows)
    y = (rng.random(rows) < expit(distort(margin))).astype(float)
    return margin, y, np.ones(rows)


def folds(rows):
    part = np.arange(rows) % 5
    return [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(5)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(seed=st.integers(0, 50), at=st.lists(st.floats(-20, 20), min_size=2, unique=True))
def test_every_map_increases(kind, seed, at):
    fitted = fit_calibration(kind, *sample(300, lambda m: 0.5 * m, seed))
    mapped = fitted.log_odds(np.sort(at))
    assert (np.diff(mapped) >= 0).all()
    gaps = np.diff(np.sort(at)) > 1e-6
    assert (np.diff(mapped)[gaps] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(seed=st.integers(0, 20))
def test_a_weight_is_a_count(kind, seed):
    margin, y, _ = sample(200, lambda m: m, seed)
    w = np.random.default_rng(seed).integers(1, 4, 200)
    weighted = fit_calibration(kind, margin, y, w.astype(float))
    rows = np.repeat(np.arange(200), w)
    repeated = fit_calibration(kind, margin[rows], y[rows], np.ones(len(rows)))
    at = np.linspace(-5, 5, 20)
    np.testing.assert_allclose(weighted.log_odds(at), repeated.log_odds(at), atol=2e-3)


def test_none_is_the_margin_itself():
    m = np.array([-3.0, 0.0, 2.0])
    np.testing.assert_array_equal(Calibration().log_odds(m), m)
    np.testing.assert_array_equal(Calibration().probability(m), expit(m))


def test_platt_finds_slope_and_intercept_as_logistic_regression_does():
    margin, y, w = sample(20_000, lambda m: 0.6 * m + 0.3)
    fitted = fit_calibration("platt", margin, y, w)
    peer = LogisticRegression(C=1e9, tol=1e-10).fit(margin[:, None], y)
    assert fitted.low == fitted.high == pytest.approx(peer.coef_[0, 0], abs=2e-3)
    assert fitted.intercept == pytest.approx(peer.intercept_[0], abs=2e-3)


def test_beta_is_logistic_regression_on_the_two_logarithms():
    margin, y, w = sample(20_000, lambda m: 0.5 * np.logaddexp(0, m) - 1.4 * np.logaddexp(0, -m))
    fitted = fit_calibration("beta", margin, y, w)
    logs = np.column_stack([np.log(expit(margin)), -np.log(expit(-margin))])
    peer = LogisticRegression(C=1e9, tol=1e-10).fit(logs, y)
    np.testing.assert_allclose([fitted.low, fitted.high], peer.coef_[0], atol=5e-3)


def optimum(margin, y, w, tied):
    """SciPy's, of the same loss within the same bounds."""
    yes, no = w[y > 0].sum(), w[y == 0].sum()
    target = np.where(y > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    parts = [margin] if tied else [-np.logaddexp(0, -margin), np.logaddexp(0, margin)]
    features = np.column_stack([*parts, np.ones(len(y))])

    def loss_and_slope(beta):
        z = features @ beta
        loss = np.average(np.logaddexp(0, z) - target * z, weights=w)
        return loss, features.T @ (w * (expit(z) - target)) / w.sum()

    found = minimize(
        loss_and_slope,
        np.append(np.ones(len(parts)), 0.0),
        jac=True,
        method="L-BFGS-B",
        bounds=[(1e-3, None)] * len(parts) + [(None, None)],
        options={"ftol": 0, "gtol": 1e-12, "maxiter": 5000, "maxfun": 50_000},
    )
    return found.x


@pytest.mark.parametrize("kind", ["platt", "beta"])
@pytest.mark.parametrize(
    "distort",
    [
        lambda m: 0.6 * m + 0.3,
        lambda m: -0.5 * m - 1,  # both slopes at their bound
        lambda m: 0.9 * np.logaddexp(0, m) + 0.6 * np.logaddexp(0, -m) - 1,  # one of them
        lambda m: 40 * m,  # nearly apart
    ],
)
def test_slopes_are_the_optimum_within_their_bounds(kind, distort):
    margin, y, w = sample(3000, distort)
    w = w + np.random.default_rng(1).random(3000)
    fitted = fit_calibration(kind, margin, y, w)
    tied = kind == "platt"
    ours = [fitted.high, fitted.intercept] if tied else [fitted.low, fitted.high, fitted.intercept]
    np.testing.assert_allclose(ours, optimum(margin, y, w, tied), rtol=1e-6, atol=1e-6)


def test_a_fit_that_only_rounding_could_better_ends():
    margin = np.r_[np.full(50, 1e8), np.full(50, 1e8 + 1)]
    fitted = fit_calibration("platt", margin, np.r_[np.zeros(50), np.ones(50)], np.ones(100))
    assert np.isfinite(fitted.log_odds(margin)).all()


def test_beta_has_the_published_form():
    # Kull et al. (2017), eq. 3: 1 / (1 + 1 / (e^c · s^a / (1 − s)^b)).
    a, b, c, s = 0.7, 1.8, 0.4, np.array([0.1, 0.5, 0.9])
    published = 1 / (1 + 1 / (np.exp(c) * s**a / (1 - s) ** b))
    map_ = Calibration("beta", low=a, high=b, intercept=c)
    np.testing.assert_allclose(map_.probability(logit(s)), published)


def test_isotonic_follows_a_step():
    margin, y, w = sample(30_000, lambda m: np.where(m > -1, 1.0, -3.0))
    fitted = fit_calibration("isotonic", margin, y, w)
    np.testing.assert_allclose(fitted.probability(np.array([-3.0, 0.0])), expit([-3, 1]), atol=0.02)


def test_isotonic_knots_keep_apart():
    fitted = fit_calibration("isotonic", *sample(5000, lambda m: m))
    assert len(fitted.x) == len(fitted.y) <= 100
    assert (np.diff(fitted.x) >= 0.01).all()


def test_isotonic_of_one_margin_is_the_overall_rate():
    y = np.r_[np.ones(30), np.zeros(70)]
    fitted = fit_calibration("isotonic", np.zeros(100), y, np.ones(100))
    assert fitted.probability(np.zeros(1))[0] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("distort", "chosen"),
    [
        (lambda m: m, "none"),
        (lambda m: 0.4 * m - 1, "platt"),
        (lambda m: 0.3 * np.logaddexp(0, m) - 2 * np.logaddexp(0, -m), "beta"),
        (lambda m: np.where(m > -1, 0.5, -4.0), "isotonic"),
    ],
    ids=KINDS,
)
def test_the_simplest_sufficient_map_is_chosen(distort, chosen):
    margin, y, w = sample(20_000, distort)
    choice = choose_calibration(KINDS, margin, y, w, folds(20_000))
    assert choice.calibration.kind == chosen
    assert set(choice.losses) == set(KINDS)


def test_few_customers_get_simple_maps_only():
    def kinds(positives):
        y = np.r_[np.ones(positives), np.zeros(1000)]
        return kinds_of("auto", y, np.ones(len(y)))

    assert kinds(49) == ("none",)
    assert kinds(50) == ("none", "platt")
    assert kinds(300) == KINDS


def test_log_loss_stays_finite_far_out():
    np.testing.assert_allclose(
        log_loss_rows(np.array([800.0, -800.0]), np.array([0.0, 0.0])), [800, 0]
    )
