import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift import compare_curves, uplift_curve

from ..simulate import ranked, ranked_truth


def by_the_book(y, score, treated, weight=None):
    """V at 1/n … 1 for scores without ties, straight from the definition."""
    weight = np.ones(len(y)) if weight is None else weight
    order = np.argsort(-score)
    y, treated, weight = y[order], treated[order] == 1, weight[order]
    values = []
    for top in range(1, len(y) + 1):
        arm, control = treated[:top], ~treated[:top]
        if arm.any() and control.any():
            means = [
                np.average(y[:top][side], weights=weight[:top][side]) for side in (arm, control)
            ]
            values.append(top / len(y) * (means[0] - means[1]))
        else:
            values.append(np.nan)
    values = np.array(values)
    first = np.flatnonzero(~np.isnan(values))[0]
    values[:first] = values[first] * np.arange(1, first + 1) / (first + 1)
    return values


@pytest.fixture
def sample():
    return ranked(np.random.default_rng(3), 400)


def test_the_curve_is_the_definition(sample):
    y, score, treated = sample
    curve = uplift_curve(y, score, treated)
    expected = by_the_book(y, score, treated)
    np.testing.assert_allclose(curve.value[1:], expected, atol=1e-12)
    area = np.trapezoid(np.append(0, expected), np.linspace(0, 1, 401))
    assert curve.auuc.value == pytest.approx(area, abs=1e-12)
    assert curve.qini.value == pytest.approx(area - expected[-1] / 2, abs=1e-12)


def test_probabilities_weight_by_their_inverse(sample):
    y, score, treated = sample
    probability = np.random.default_rng(0).uniform(0.2, 0.8, len(y))
    curve = uplift_curve(y, score, treated, probability=probability)
    expected = by_the_book(y, score, treated, 1 / probability)
    np.testing.assert_allclose(curve.value[1:], expected, atol=1e-12)


def test_small_case_by_hand():
    # top 1: treated only; top 2: 1 − 0; top 3: 1 − 0.5; all: 0.5 − 0.5
    curve = uplift_curve([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1])
    np.testing.assert_allclose(curve.value, [0, 0.25, 0.5, 0.375, 0.0], atol=1e-15)
    assert curve.auuc.value == pytest.approx((0.25 + 0.5 + 0.375) / 4)


def test_ties_are_the_mean_over_random_orders():
    rng = np.random.default_rng(1)
    y, score, treated = ranked(rng, 600, rate=0.4)
    tied = np.round(score, 1)
    curve = uplift_curve(y, tied, treated)
    shuffled = [uplift_curve(y, tied + 1e-6 * rng.random(600), treated).value for _ in range(400)]
    error = np.abs(curve.value - np.mean(shuffled, axis=0))
    # Away from the first few people, where a ratio's mean is not the ratio of means, the curves
    # agree to the Monte Carlo error of 400 orders.
    assert error[30:].max() < 4 * np.std(shuffled, axis=0)[30:].max() / 20
    assert error.max() < 0.002


def test_equal_scores_give_a_straight_line_and_no_qini(sample):
    y, _, treated = sample
    curve = uplift_curve(y, np.ones(len(y)), treated)
    np.testing.assert_allclose(curve.value, curve.share * curve.average.value, atol=1e-12)
    assert curve.qini.value == pytest.approx(0, abs=1e-12)
    assert curve.qini.se == pytest.approx(0, abs=1e-12)


samples = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


def draw_sample(rng):
    n = int(rng.integers(8, 80))
    treated = rng.permutation(np.arange(n) % 2)
    return rng.integers(0, 3, n).astype(float), np.round(rng.random(n), 1), treated


@settings(max_examples=60)
@given(samples)
def test_law_row_order_does_not_matter(rng):
    y, score, treated = draw_sample(rng)
    order = rng.permutation(len(y))
    one, two = uplift_curve(y, score, treated), uplift_curve(y[order], score[order], treated[order])
    np.testing.assert_allclose(two.value, one.value, atol=1e-12)
    for name in ("qini", "auuc"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a.value, a.se) == pytest.approx((b.value, b.se), abs=1e-12)


@settings(max_examples=60)
@given(samples)
def test_law_only_the_order_of_scores_matters(rng):
    y, score, treated = draw_sample(rng)
    one, two = uplift_curve(y, score, treated), uplift_curve(y, np.exp(3 * score) - 7, treated)
    np.testing.assert_array_equal(two.value, one.value)
    assert two.qini == one.qini


@settings(max_examples=60)
@given(samples)
def test_law_outcomes_scale_and_shift(rng):
    y, score, treated = draw_sample(rng)
    one, two = uplift_curve(y, score, treated), uplift_curve(1e3 * y + 5e6, score, treated)
    np.testing.assert_allclose(two.value, 1e3 * one.value, atol=1e-5)
    assert two.qini.se == pytest.approx(1e3 * one.qini.se, abs=1e-5)


@settings(max_examples=60)
@given(samples)
def test_law_swapping_the_arms_flips_the_curve(rng):
    y, score, treated = draw_sample(rng)
    one, two = uplift_curve(y, score, treated), uplift_curve(y, score, 1 - treated)
    np.testing.assert_allclose(two.value, -one.value, atol=1e-12)
    assert two.auuc.se == pytest.approx(one.auuc.se, abs=1e-12)


@settings(max_examples=60)
@given(samples)
def test_law_constant_probabilities_change_nothing(rng):
    y, score, treated = draw_sample(rng)
    one = uplift_curve(y, score, treated)
    two = uplift_curve(y, score, treated, probability={"control": 0.7, "treated": 0.3})
    np.testing.assert_allclose(two.value, one.value, atol=1e-12)
    assert two.qini.se == pytest.approx(one.qini.se, abs=1e-12)


@settings(max_examples=60)
@given(samples)
def test_law_the_first_group_is_the_top(rng):
    y, score, treated = draw_sample(rng)
    curve = uplift_curve(y, score, treated)
    first = curve.by_group(4).to_frame().loc[0]
    top = curve.uplift_at(0.25)
    assert first["uplift"] == pytest.approx(top.value, abs=1e-9, nan_ok=True)


def test_uplift_at_is_the_difference_within_the_top(sample):
    y, score, treated = sample
    top = np.argsort(-score)[:80]
    means = [y[top][treated[top] == arm].mean() for arm in (1, 0)]
    curve = uplift_curve(y, score, treated)
    assert curve.uplift_at(0.2).value == pytest.approx(means[0] - means[1])
    assert curve.value_at(0.2).value == pytest.approx(0.2 * (means[0] - means[1]))


def test_effect_of_everyone_has_the_classic_standard_error(sample):
    y, score, treated = sample
    variance = sum(y[treated == arm].var(ddof=1) / (treated == arm).sum() for arm in (0, 1))
    curve = uplift_curve(y, score, treated)
    assert curve.average.se == pytest.approx(np.sqrt(variance))
    assert curve.uplift_at(1).se == pytest.approx(np.sqrt(variance))


def test_a_top_without_one_arm_is_nan():
    y, score = np.tile([0.0, 1.0], 20), np.arange(40, 0, -1)
    treated = np.repeat([1, 0], 20)
    curve = uplift_curve(y, score, treated)
    assert np.isnan(curve.uplift_at(0.25).value)
    assert np.isnan(curve.by_group(4).to_frame()["uplift"]).all()
    assert np.isfinite(curve.qini.value)
    one = curve.uplift_at(21 / 40)  # a single control customer: a value, but no standard error
    assert np.isfinite(one.value)
    assert np.isnan(one.se)


def test_influences_agree_with_the_bootstrap():
    rng = np.random.default_rng(11)
    y, score, treated = ranked(rng, 3000, share=0.3)
    score = np.round(score, 2)
    curve = uplift_curve(y, score, treated)
    draws = []
    for _ in range(400):
        rows = np.repeat(np.arange(3000), rng.poisson(1, 3000))
        again = uplift_curve(y[rows], score[rows], treated[rows])
        draws.append((again.qini.value, again.auuc.value, again.uplift_at(0.2).value))
    bootstrap = np.std(draws, axis=0)
    ours = [curve.qini.se, curve.auuc.se, curve.uplift_at(0.2).se]
    np.testing.assert_allclose(ours, bootstrap, rtol=0.12)  # 400 draws know a s.e. to 3.5 %


def test_intervals_cover_the_truth():
    slope, replications = 0.3, 1000
    truth = ranked_truth(slope)
    hits = dict.fromkeys(truth, 0)
    for seed in range(replications):
        curve = uplift_curve(*ranked(np.random.default_rng(seed), 1000, slope=slope, share=0.4))
        found = {
            "qini": curve.qini,
            "auuc": curve.auuc,
            "uplift_at_20": curve.uplift_at(0.2),
            "value_at_50": curve.value_at(0.5),
        }
        for name, estimate in found.items():
            hits[name] += estimate.ci_lower <= truth[name] <= estimate.ci_upper
    for name, hit in hits.items():
        assert 0.93 <= hit / replications <= 0.97, name


def test_random_scores_cover_zero():
    hits = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y, _, treated = ranked(rng, 1500)
        qini = uplift_curve(y, rng.random(1500), treated).qini
        hits += qini.ci_lower <= 0 <= qini.ci_upper
    assert 0.93 <= hits / 400 <= 0.97


def test_comparison_is_paired():
    rng = np.random.default_rng(5)
    y, score, treated = ranked(rng, 20_000)
    near = score + 0.02 * rng.normal(size=len(score))
    result = compare_curves(y, score, near, treated)
    assert result.qini.value == pytest.approx(
        result.first.qini.value - result.second.qini.value, abs=1e-15
    )
    assert result.qini.se < 0.3 * result.first.qini.se
    assert compare_curves(y, score, -score, treated).qini.p_value < 1e-6
    assert compare_curves(y, score, score, treated).qini.p_value == 1
    assert list(result.to_frame()["score"]) == [
        name for name in ("first", "second", "difference") for _ in range(6)
    ]


def test_equal_scores_are_told_apart_at_the_nominal_rate():
    rejected = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y, _, treated = ranked(rng, 1000)
        p = compare_curves(y, rng.random(1000), rng.random(1000), treated).qini.p_value
        rejected += p < 0.05
    assert 0.03 <= rejected / 400 <= 0.07


def test_several_arms_need_a_choice(sample):
    y, score, _ = sample
    arm = np.resize(["control", "a", "b"], len(y))
    with pytest.raises(InvalidInput, match=r"arm must say which .* 'a', 'b'"):
        uplift_curve(y, score, arm)
    with pytest.raises(InvalidInput, match="arm must be one of 'a', 'b', got 'c'"):
        uplift_curve(y, score, arm, arm="c")
    keep = arm != "b"
    one = uplift_curve(y, score, arm, arm="a")
    two = uplift_curve(y[keep], score[keep], arm[keep])
    assert one.qini == two.qini
    assert (one.arm, one.n_arm, one.n_control) == ("a", 133, 134)


def test_probabilities_by_row_with_several_arms(sample):
    y, score, _ = sample
    arm = np.resize(["control", "a", "b"], len(y))
    by_row = np.where(arm == "a", 0.2, 0.4)
    one = uplift_curve(y, score, arm, arm="a", probability=by_row)
    assert one.qini.value == pytest.approx(uplift_curve(y, score, arm, arm="a").qini.value)


def test_frames_and_arrow_come_in(sample):
    y, score, treated = sample
    names = np.array(["control", "sms"])[treated]
    one = uplift_curve(y, score, names)
    index = np.arange(len(y))[::-1]
    two = uplift_curve(
        pd.Series(y, index=index), pd.Series(score), pd.Series(names, index=index, dtype="category")
    )
    three = uplift_curve(pa.array(y), pa.array(score), pa.array(names))
    assert one.qini == two.qini == three.qini
    assert one.arm == "sms"


def test_shown_as_frames(sample):
    curve = uplift_curve(*sample)
    frame = curve.to_frame(5)
    assert frame["targeted_share"].tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert (frame["value_ci_lower"] < frame["value"]).all()
    groups = curve.by_group(4).to_frame()
    assert groups["uplift"].mean() == pytest.approx(curve.average.value, abs=0.05)
    y, score, treated = sample
    top = np.argsort(-score)[:100]
    assert groups["mean_arm"][0] == pytest.approx(y[top][treated[top] == 1].mean())
    assert list(curve.summary()["metric"]) == ["qini", "auuc", "autoc", "average"]
    assert "<table" in curve._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 0, np.nan, 1]}, "y must be finite, got 1 missing or infinite .* row 2"),
        ({"y": ["a", "b", "c", "d"]}, "y must be numeric"),
        ({"y": np.ones((4, 2))}, "y must have one value a row"),
        ({"y": []}, "y must have at least one row"),
        ({"score": [1, 2, np.inf, 3]}, "score must be finite"),
        ({"score": [1, 2, 3]}, "score must have one value a row: 4 rows, got 3"),
        ({"treatment": ["a", "control", "a"]}, "treatment must have one arm a row: 4 rows, got 3"),
        ({"treatment": ["a", None, "a", "control"]}, "treatment must name an arm in every row"),
        ({"treatment": ["a", "b", "a", "b"]}, "control must be one of the arms .*'a', 'b'"),
        ({"treatment": ["a", "Control", "a", "a"]}, "did you mean 'Control'"),
        ({"treatment": ["control"] * 4}, "at least one arm beside control"),
        ({"treatment": [0, 1, 2, 1]}, "say which is control, e.g. control=0"),
        ({"treatment": np.ones((4, 2))}, "treatment must have one arm a row"),
        ({"probability": [0.5, 0.5, 1.0, 0.5]}, "probability must be between 0 and 1.* row 2"),
        ({"probability": [0.5, 0.5]}, "probability must have one value a row"),
        ({"probability": {"control": 0.5}}, "probability must name every arm; missing 'a'"),
        ({"probability": {"control": 0.7, "a": 0.5}}, "add up to at most 1"),
        ({"alpha": 2}, "alpha must be between 0 and 1"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {
        "y": [0, 1, 1, 0],
        "score": [1, 2, 3, 4],
        "treatment": ["a", "control", "a", "control"],
        **change,
    }
    with pytest.raises(InvalidInput, match=message):
        uplift_curve(**arguments)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, "x"])
def test_shares_outside_are_refused(sample, share):
    with pytest.raises(InvalidInput, match="share must be"):
        uplift_curve(*sample).uplift_at(share)


def test_numbered_arms_with_a_named_control(sample):
    y, score, _ = sample
    arm = np.resize([0, 1, 2], len(y))
    assert uplift_curve(y, score, arm, arm="2", control=0).arm == "2"


def test_more_customers_than_the_grid_keep_their_numbers():
    y, score, treated = ranked(np.random.default_rng(2), 30_000)
    curve = uplift_curve(y, score, treated)
    assert len(curve.share) == 10_001
    top = np.argsort(-score)[:6000]
    means = [y[top][treated[top] == arm].mean() for arm in (1, 0)]
    assert curve.uplift_at(0.2).value == pytest.approx(means[0] - means[1], abs=1e-12)


@pytest.mark.parametrize("n", [7, 1000, 32_001])
def test_equal_scores_have_a_qini_of_exactly_zero(n):
    rng = np.random.default_rng(n)
    arm = np.where(np.arange(n) % 3 == 0, "control", "mail")
    y = rng.random(n) + 0.1 * (arm == "mail")
    qini = uplift_curve(y, np.full(n, 0.3), arm).qini
    assert (qini.value, qini.ci_lower, qini.ci_upper) == (0.0, 0.0, 0.0)
    assert qini.p_value == 1.0


def test_an_arm_of_one_customer_has_values_without_standard_errors():
    y, score, treated = np.arange(5.0), np.arange(5.0), [0, 1, 0, 0, 0]
    curve = uplift_curve(y, score, treated)
    for found in (curve.qini, curve.auuc, curve.autoc, curve.average):
        assert np.isfinite(found.value)
        assert np.isnan(found.se)


def test_a_top_of_many_blocks_without_control_waits_for_the_first():
    n = 80_000
    rng = np.random.default_rng(0)
    y, score = rng.random(n), np.repeat(np.arange(n // 2), 2)[::-1].astype(float)
    treated = np.ones(n, dtype=int)
    treated[70_000:] = np.resize([0, 1], 10_000)
    curve = uplift_curve(y, score, treated)
    arm = np.append(y[:70_000], y[70_001:70_008:2]).mean()
    at = 70_008 / n
    expected = at * (arm - y[70_000:70_008:2].mean())
    assert curve.value_at(at).value == pytest.approx(expected)
    small = curve.value[1] / curve.share[1]
    assert small == pytest.approx(curve.value[5000] / curve.share[5000])
    assert np.isfinite([curve.qini.value, curve.autoc.value, curve.autoc.se]).all()
