"""Weighting, matching and doubly robust means against hand-made answers and statsmodels."""

import numpy as np
import pyarrow as pa
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from statsmodels.treatment.treatment_effects import TreatmentEffect

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed.encoding import encode
from marketing_ds.evaluation.observed.linear import logistic_path, predict, ridge_path
from marketing_ds.evaluation.observed.matching import find_matches, matched
from marketing_ds.evaluation.observed.means import Means, covariance_of, doubly_robust
from marketing_ds.evaluation.observed.nuisances import Nuisances, make_folds
from marketing_ds.evaluation.observed.simplex import simplex_weights
from marketing_ds.evaluation.observed.weighting import by_entropy, by_propensity, terms_to_balance


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_500, 3)).astype(np.float32)
    chance = 1 / (1 + np.exp(-x[:, 0] + 0.3 * x[:, 1]))
    treated = (rng.random(1_500) < chance).astype(float)
    y = 1 + x @ [1, 0.5, 0.2] + treated * (1 + 0.5 * x[:, 0]) + rng.normal(size=1_500)
    design = sm.add_constant(x.astype(float))
    return x, treated, y, design


def _effect(means: Means) -> tuple[float, float]:
    c = means.covariance
    return means.value[1, 0] - means.value[0, 0], np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1])


@pytest.mark.parametrize(("estimand", "group"), [("ate", "all"), ("att", 1)])
def test_weighting_by_propensity_is_that_of_statsmodels_with_its_standard_error(
    drawn, estimand: str, group: object
) -> None:
    x, treated, y, design = drawn
    model = sm.Logit(treated, design).fit(disp=0, tol=1e-14, maxiter=100)
    peer = TreatmentEffect(sm.OLS(y, design), treated, results_select=model)
    wanted = peer.ipw(effect_group=group)
    means = by_propensity(x, treated, y[:, None], estimand=estimand, clusters=None)
    effect, error = _effect(means)
    assert effect == pytest.approx(wanted.effect[0], abs=1e-9)
    assert error * np.sqrt(1499 / 1500) == pytest.approx(wanted.results_gmm.bse[0], rel=1e-6)


def test_doubly_robust_is_that_of_statsmodels_with_the_same_nuisances(drawn) -> None:
    _, treated, y, design = drawn
    model = sm.Logit(treated, design).fit(disp=0)
    wanted = TreatmentEffect(sm.OLS(y, design), treated, results_select=model).aipw()
    lines = [
        sm.OLS(y[treated == side], design[treated == side]).fit().predict(design) for side in (0, 1)
    ]
    learned = Nuisances(model.predict(), np.stack(lines)[:, :, None], {})
    means = doubly_robust(treated, y[:, None], learned, estimand="ate", clusters=None)
    assert _effect(means)[0] == pytest.approx(wanted.effect[0], abs=1e-9)


def test_regressions_are_those_of_statsmodels(drawn) -> None:
    x, treated, y, design = drawn
    rows = np.arange(1_500)
    (slopes,) = logistic_path(x, rows, treated, (0.0,))
    wanted = sm.Logit(treated, design).fit(disp=0, tol=1e-14).params
    np.testing.assert_allclose(slopes, wanted, atol=1e-9)
    (line,) = ridge_path(x, rows, y[:, None], (0.0,))
    np.testing.assert_allclose(line[:, 0], sm.OLS(y, design).fit().params, atol=1e-9)
    np.testing.assert_allclose(predict(x, rows, line[:, 0]), design @ line[:, 0], atol=1e-12)


def test_many_rows_start_from_some_and_end_at_the_same_slopes() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(101_000, 2)).astype(np.float32)
    target = (rng.random(101_000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    (slopes,) = logistic_path(x, np.arange(101_000), target, (1e-6,))
    gradient = (1 / (1 + np.exp(-predict(x, np.arange(101_000), slopes))) - target) @ x / 101_000
    assert np.abs(gradient).max() < 2e-6


@pytest.mark.parametrize("estimand", ["ate", "att"])
def test_entropy_weights_make_all_means_equal(drawn, estimand: str) -> None:
    x, treated, y, _ = drawn
    means = by_entropy(x, treated, y[:, None], estimand=estimand, clusters=None)
    target = x.mean(axis=0) if estimand == "ate" else x[treated == 1].mean(axis=0)
    for side in (0, 1):
        own = treated == side
        weight = means.weight[own] / means.weight[own].sum()
        np.testing.assert_allclose(weight @ x[own], target, atol=1e-6)
        assert weight.min() > 0
    # right in a line, whatever the propensity: no residual, no error but that of the sample
    exact = by_entropy(x, treated, (x[:, :1] * 2.0 + 1), estimand=estimand, clusters=None)
    assert exact.value[1, 0] == pytest.approx(exact.value[0, 0], abs=1e-5)


def test_a_level_that_one_side_lacks_is_balanced_nearly() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(800, 2)).astype(np.float32)
    treated = (rng.random(800) < 0.5).astype(float)
    rare = np.zeros(800, dtype=np.float32)
    rare[np.flatnonzero(treated == 1)[:5]] = 1.0
    terms = np.column_stack([x, (rare - rare.mean()) / rare.std()])
    y = x[:, 0] + treated + rng.normal(size=800)
    means = by_entropy(terms, treated, y[:, None], estimand="ate", clusters=None)
    effect, error = _effect(means)
    assert abs(effect - 1) < 3 * error
    x[:, 0] += np.sign(x[:, 0])
    apart = np.where(x[:, 0] > 0, 1.0, 0.0)
    with pytest.raises(InvalidInput, match="no weights make their means equal"):
        by_entropy(x, apart, y[:, None], estimand="ate", clusters=None)


def test_bends_are_balanced_where_customers_can_carry_them() -> None:
    rng = np.random.default_rng(0)
    known = encode(pa.table({f"x{k}": rng.normal(size=400) for k in range(10)}))
    sides = [np.arange(400) % 2 == 0, np.arange(400) % 7 == 0]
    counts = [terms_to_balance(known, side.astype(float)).shape[1] for side in sides]
    assert counts == [10, 10]
    few = encode(pa.table({"x": rng.normal(size=400)}))
    assert terms_to_balance(few, sides[0].astype(float)).shape[1] == 4


def _nothing_learned(n: int, chance: np.ndarray) -> Nuisances:
    return Nuisances(chance, np.zeros((2, n, 1)), {})


def test_matching_by_hand() -> None:
    # three treated at .3 .5 .7 and four controls at .31 .52 .69 .10
    chance = np.array([0.3, 0.5, 0.7, 0.31, 0.52, 0.69, 0.1, 0.11])
    treated = np.array([1.0, 1, 1, 0, 0, 0, 0, 1])
    y = np.array([5.0, 7, 9, 1, 2, 4, 0, 3])
    known = encode(pa.table({"x": chance}))
    matches = find_matches(known, treated, chance, match_on="propensity", n_matches=1)
    assert matches.other[:, 0].tolist() == [3, 4, 5, 0, 1, 2, 7, 6]
    learned = _nothing_learned(8, chance)
    means = matched(treated, y[:, None], learned, matches, estimand="att", clusters=None)
    assert means.value[:, 0].tolist() == [(1 + 2 + 4 + 0) / 4, (5 + 7 + 9 + 3) / 4]
    # every control stands in once: Abadie and Imbens' second part, K(K − 1), vanishes
    apart = np.array([5 - 1, 7 - 2, 9 - 4, 3 - 0])
    assert _effect(means)[1] ** 2 == pytest.approx(apart.var() / 4)
    both = matched(treated, y[:, None], learned, matches, estimand="ate", clusters=None)
    assert both.value[1, 0] - both.value[0, 0] == pytest.approx(apart.mean())


def test_expected_outcomes_correct_what_matches_differ_in() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.8, 400)
    treated = (rng.random(400) < x).astype(float)
    y = 100 * logit(x) + 3 * treated
    line = np.stack([100 * logit(x), 100 * logit(x) + 3])[:, :, None]
    known = encode(pa.table({"x": x}))
    for match_on in ("propensity", "covariates"):
        matches = find_matches(known, treated, x, match_on=match_on, n_matches=2)
        for estimand in ("ate", "att"):
            plain = matched(
                treated,
                y[:, None],
                _nothing_learned(400, x),
                matches,
                estimand=estimand,
                clusters=None,
            )
            corrected = matched(
                treated,
                y[:, None],
                Nuisances(x, line, {}),
                matches,
                estimand=estimand,
                clusters=None,
            )
            assert abs(_effect(plain)[0] - 3) > 0.01
            assert _effect(corrected)[0] == pytest.approx(3, abs=1e-9)


def test_clusters_of_one_are_customers() -> None:
    influence = np.random.default_rng(0).normal(size=(50, 2))
    alone, freedom = covariance_of(influence, None)
    np.testing.assert_allclose(covariance_of(influence, np.arange(50))[0], alone)
    np.testing.assert_allclose(alone, np.cov(influence.T) / 50)
    assert freedom == 49
    # two copies of everybody tell no more than one
    twice, fewer = covariance_of(np.repeat(influence, 2, axis=0), np.repeat(np.arange(50), 2))
    np.testing.assert_allclose(twice, alone)
    assert fewer == 49


def test_folds_spread_arms_evenly_and_keep_clusters_whole() -> None:
    treated = (np.arange(103) % 3 == 0).astype(float)
    folds = make_folds(treated, None, 5, 0)
    assert np.ptp(np.bincount(folds[treated == 1])) <= 1
    clusters = np.arange(103) // 4
    whole = make_folds(treated, clusters, 5, 0)
    assert all(len(set(whole[clusters == c])) == 1 for c in np.unique(clusters))
    assert np.ptp(np.bincount(whole)) <= 4


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 12), columns=st.integers(1, 8))
def test_simplex_weights_beat_every_other_mixture(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    ridge = float(rng.choice([0.0, 0.5]))
    found = simplex_weights(matrix, target, ridge=ridge)

    def loss(w: np.ndarray) -> float:
        return float(((matrix @ w - target) ** 2).sum() + ridge * w @ w)

    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found.min() >= 0
    others = [*np.eye(columns), *rng.dirichlet(np.ones(columns), 50)]
    assert all(loss(found) <= loss(other) + 1e-6 for other in others)
