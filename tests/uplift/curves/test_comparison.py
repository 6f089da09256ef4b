import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import compare_curves, uplift_curve
from marketing_ds.uplift.curves.values import pseudo_outcomes

from ..simulate import ranked


@pytest.mark.parametrize("n", [3000, 25_000])
def test_every_difference_is_first_minus_second(n):
    rng = np.random.default_rng(5)
    y, score, treated = ranked(rng, n)
    other = np.round(rng.random(n), 2)
    found = compare_curves(y, score, other, treated, shares=(0.15, 0.5))
    one, two = uplift_curve(y, score, treated), uplift_curve(y, other, treated)
    for name in ("qini", "auuc", "autoc"):
        assert getattr(found, name).value == pytest.approx(
            getattr(one, name).value - getattr(two, name).value, abs=1e-14
        )
    expected = one.uplift_at(0.15).value - two.uplift_at(0.15).value
    assert found.uplift_at(0.15).value == pytest.approx(expected)
    expected = one.net_value(80, 3).at(0.5).value - two.net_value(80, 3).at(0.5).value
    assert found.net_value_at(0.5, value=80).value == pytest.approx(expected)


@pytest.mark.parametrize("n", [3000, 25_000])
def test_a_score_differs_from_itself_by_exactly_nothing(n):
    y, score, treated = ranked(np.random.default_rng(5), n)
    found = compare_curves(y, score, 3 * score, treated)
    for one in (found.qini, found.auuc, found.autoc, found.uplift_at(0.2)):
        assert (one.value, one.se, one.p_value) == (0.0, 0.0, 1.0)


def test_paired_errors_agree_with_the_bootstrap():
    rng = np.random.default_rng(7)
    n = 3000
    y, score, treated = ranked(rng, n, slope=0.4)
    other = np.round(score + 0.3 * rng.normal(size=n), 1)
    found = compare_curves(y, score, other, treated)
    draws = []
    for _ in range(200):
        rows = np.repeat(np.arange(n), rng.poisson(1, n))
        again = [uplift_curve(y[rows], s[rows], treated[rows]) for s in (score, other)]
        draws.append(
            [again[0].autoc.value - again[1].autoc.value]
            + [again[0].uplift_at(k).value - again[1].uplift_at(k).value for k in (0.1, 0.3)]
        )
    ours = [found.autoc.se, found.uplift_at(0.1).se, found.uplift_at(0.3).se]
    np.testing.assert_allclose(ours, np.std(draws, axis=0), rtol=0.16)


def test_random_scores_are_told_apart_at_the_nominal_rate():
    rejected = {"autoc": 0, "uplift": 0, "by psi": 0}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y, _, treated = ranked(rng, 1000)
        one, two = rng.random(1000), rng.random(1000)
        found = compare_curves(y, one, two, treated, shares=(0.2,))
        rejected["autoc"] += found.autoc.p_value < 0.05
        rejected["uplift"] += found.uplift_at(0.2).p_value < 0.05
        psi = pseudo_outcomes(y, treated)
        rejected["by psi"] += compare_curves(y, one, two, treated, psi=psi).qini.p_value < 0.05
    for name, number in rejected.items():
        assert 0.03 <= number / 400 <= 0.07, name


def test_shares_not_asked_for_are_named():
    found = compare_curves(
        *ranked(np.random.default_rng(0), 200)[:2], np.arange(200), np.resize([0, 1], 200)
    )
    with pytest.raises(InvalidInput, match=r"share must be one of the compared shares .*0\.25"):
        found.uplift_at(0.25)
    with pytest.raises(InvalidInput, match="share must be greater than 0"):
        compare_curves([0, 1], [1, 2], [2, 1], [0, 1], shares=[0.0])


def test_frame_names_metric_and_score():
    y, score, treated = ranked(np.random.default_rng(0), 500)
    frame = compare_curves(y, score, -score, treated, shares=(0.2,)).to_frame()
    assert frame["metric"].tolist() == ["qini", "auuc", "autoc", "uplift_at_0.2"] * 3
    assert frame["p_value"].between(0, 1).all()
