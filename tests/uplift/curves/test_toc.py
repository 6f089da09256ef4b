"""AUTOC and TOC against their definition, grf's, and simulation."""

import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import uplift_curve
from marketing_ds.uplift.curves.values import pseudo_outcomes

from ..simulate import ranked, ranked_truth


def rate_by_grf(effects, priority):
    """AUTOC and QINI of grf's ``rank_average_treatment_effect`` (its R code, line by line).

    Doubly-robust scores are averaged within ties of the priority; TOC(j/n) is the mean of the top
    j less that of all; AUTOC is the mean of it, QINI that of j/n times it.
    """
    order = np.argsort(-priority, kind="stable")
    ordered, effects = priority[order], effects[order]
    averaged = np.array([effects[ordered == one].mean() for one in ordered])
    count = np.arange(1, len(effects) + 1)
    toc = np.cumsum(averaged) / count - averaged.mean()
    return toc.mean(), (count / len(effects) * toc).mean()


@pytest.fixture
def sample():
    return ranked(np.random.default_rng(3), 700)


@pytest.mark.parametrize("digits", [9, 1])
def test_rates_of_pseudo_outcomes_are_those_of_grf(sample, digits):
    y, score, treated = sample
    score = np.round(score, digits)
    psi = pseudo_outcomes(y, treated, probability={"control": 0.5, "treated": 0.5})
    curve = uplift_curve(y, score, treated, psi=psi)
    autoc, qini = rate_by_grf(psi[:, 0], score)
    assert curve.autoc.value == pytest.approx(autoc, abs=1e-13)
    assert curve.qini.value == pytest.approx(qini, abs=1e-13)
    assert curve.average.value == pytest.approx(psi.mean(), abs=1e-13)


def test_autoc_is_the_mean_of_the_toc_curve(sample):
    y, score, treated = sample
    curve = uplift_curve(y, score, treated)
    toc = curve.toc()
    assert curve.autoc.value == pytest.approx(toc.value.mean(), abs=1e-13)
    assert curve.qini.value == pytest.approx((toc.share * toc.value).mean(), abs=1e-13)
    assert (toc.value[-1], toc.se[-1]) == (0.0, 0.0)
    at = int(0.2 * 700) - 1
    assert toc.value[at] == pytest.approx(curve.uplift_at(0.2).value - curve.average.value)


def test_past_the_grid_the_areas_stay_exact():
    y, score, treated = ranked(np.random.default_rng(5), 25_003)
    score = np.round(score, 4)
    psi = pseudo_outcomes(y, treated)[:, 0]
    curve = uplift_curve(y, score, treated, psi=psi)
    autoc, qini = rate_by_grf(psi, score)
    assert curve.autoc.value == pytest.approx(autoc, abs=1e-12)
    assert curve.qini.value == pytest.approx(qini, abs=1e-12)


def test_standard_errors_agree_with_the_bootstrap():
    rng = np.random.default_rng(11)
    y, score, treated = ranked(rng, 3000, share=0.3)
    score = np.round(score, 2)
    curve = uplift_curve(y, score, treated)
    draws = []
    for _ in range(300):
        rows = np.repeat(np.arange(3000), rng.poisson(1, 3000))
        again = uplift_curve(y[rows], score[rows], treated[rows])
        toc = again.toc().to_frame(5)["toc"]
        draws.append((again.autoc.value, toc[0], toc[2]))
    frame = curve.toc().to_frame(5)
    half = (frame["toc_ci_upper"] - frame["toc_ci_lower"]) / 2 / 1.959964
    ours = [curve.autoc.se, half[0], half[2]]
    np.testing.assert_allclose(ours, np.std(draws, axis=0), rtol=0.15)  # 300 draws: 4 % each


def test_errors_on_the_grid_are_those_customer_by_customer(monkeypatch):
    y, score, treated = ranked(np.random.default_rng(0), 9000, share=0.7)
    score = np.round(score, 3)
    probability = np.where(treated, 0.7, 0.3) * np.random.default_rng(1).uniform(0.8, 1.2, 9000)
    for given in ({}, {"probability": probability}):
        fine = uplift_curve(y, score, treated, **given)
        monkeypatch.setattr("marketing_ds.uplift.curves.ranking.GRID", 2000)
        coarse = uplift_curve(y, score, treated, **given)
        monkeypatch.undo()
        for name in ("qini", "auuc", "autoc"):
            one, two = getattr(fine, name), getattr(coarse, name)
            assert two.value == pytest.approx(one.value, abs=1e-14)
            assert two.se == pytest.approx(one.se, rel=0.005)


def test_intervals_cover_the_truth():
    slope, replications = 0.3, 600
    truth = ranked_truth(slope)
    hits = {"autoc": 0, "toc": 0, "by psi": 0}
    for seed in range(replications):
        y, score, treated = ranked(np.random.default_rng(seed), 1500, slope=slope)
        curve = uplift_curve(y, score, treated)
        hits["autoc"] += curve.autoc.ci_lower <= slope / 4 <= curve.autoc.ci_upper
        toc = curve.toc().to_frame(5).loc[0]
        beyond = truth["uplift_at_20"] - 0.3 * slope
        hits["toc"] += toc["toc_ci_lower"] <= beyond <= toc["toc_ci_upper"]
        by_psi = uplift_curve(y, score, treated, psi=pseudo_outcomes(y, treated)).autoc
        hits["by psi"] += by_psi.ci_lower <= slope / 4 <= by_psi.ci_upper
    for name, hit in hits.items():
        assert 0.93 <= hit / replications <= 0.97, name


def test_pseudo_outcomes_of_a_good_model_narrow_the_interval():
    rng = np.random.default_rng(2)
    n = 6000
    score, level, treated = rng.random(n), rng.normal(0, 3, n), rng.integers(0, 2, n)
    y = level + score * treated + rng.normal(size=n)
    outcome = np.column_stack([level, level + 0.5])
    psi = pseudo_outcomes(y, treated, outcome=outcome)
    plain, robust = uplift_curve(y, score, treated), uplift_curve(y, score, treated, psi=psi)
    assert robust.qini.se < 0.5 * plain.qini.se
    assert abs(robust.qini.value - 1 / 12) < 4 * robust.qini.se


def test_pseudo_outcomes_by_arm_are_chosen_by_name(sample):
    y, score, _ = sample
    arm = np.resize(["control", "a", "b"], len(y))
    psi = pseudo_outcomes(y, arm)
    assert psi.shape == (700, 2)
    by_name = uplift_curve(y, score, arm, arm="b", psi=psi)
    assert by_name.qini == uplift_curve(y, score, arm, arm="b", psi=psi[:, 1]).qini
    assert by_name.average.value == pytest.approx(y[arm == "b"].mean() - y[arm == "control"].mean())
    groups = by_name.by_group(4).to_frame()
    assert groups["mean_arm"].isna().all()
    assert groups["uplift"].mean() == pytest.approx(by_name.average.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"psi": np.zeros((4, 3))}, "psi must have one column an arm beside control: 2"),
        ({"psi": [1, 2, 3]}, "psi must have one value a row: 4 rows, got 3"),
        ({"psi": [1, 2, np.nan, 3]}, "psi must be finite"),
        ({"psi": np.zeros(4), "probability": [0.5] * 4}, "probability must not be given with psi"),
    ],
)
def test_bad_pseudo_outcomes_are_named(change, message):
    with pytest.raises(InvalidInput, match=message):
        uplift_curve(
            [0, 1, 1, 0], [1, 2, 3, 4], ["a", "control", "b", "control"], arm="a", **change
        )


def test_gain_counts_outcomes(sample):
    curve = uplift_curve(*sample)
    assert curve.gain_at(0.3).value == pytest.approx(700 * curve.value_at(0.3).value)
    large = curve.gain_at(0.3, people=1_000_000)
    assert large.ci_upper == pytest.approx(1e6 * curve.value_at(0.3).ci_upper)
    with pytest.raises(InvalidInput, match="people must be at least 1"):
        curve.gain_at(0.3, people=0)
