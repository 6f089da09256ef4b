"""Groups under a model: each number by hand, disparities against the truth."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import evaluate_probabilities, fairness_by

ROWS = 3000


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    gender = rng.choice(["F", "M"], ROWS, p=[0.6, 0.4])
    p = rng.beta(1, 4, ROWS) * np.where(gender == "M", 0.7, 1)
    return pd.DataFrame(
        {
            "y": (rng.random(ROWS) < p).astype(int),
            "p": p,
            "gender": gender,
            "age": rng.integers(18, 90, ROWS),
            "income": rng.lognormal(9, 1, ROWS),
            "customer": rng.integers(0, 1200, ROWS),
        }
    )


def test_every_number_is_that_of_the_groups_rows(rows):
    found = fairness_by(rows["y"], rows["p"], rows["gender"]).to_frame().set_index("group")
    top = rows["p"] > rows["p"].sort_values(ascending=False).iloc[600]
    for group, part in rows.groupby("gender"):
        row = found.loc[group]
        assert row["rows"] == len(part)
        assert row["positives"] == part["y"].sum()
        assert row["rate_share"] == pytest.approx(part["y"].mean())
        assert row["mean_probability_share"] == pytest.approx(part["p"].mean())
        assert row["gap_share"] == pytest.approx(part["p"].mean() - part["y"].mean())
        assert row["selected_share"] == pytest.approx(top[part.index].mean())
        alone = evaluate_probabilities(part["y"], part["p"]).auc
        assert row["auc"] == pytest.approx(alone.value)
        assert row["auc_ci_upper"] == pytest.approx(alone.ci_upper)
    ratio = found.loc["M", "selected_share"] / found.loc["F", "selected_share"]
    assert found.loc["M", "disparity"] == pytest.approx(ratio)
    assert found.loc["F", ["disparity", "disparity_ci_lower"]].tolist() == [1, 1]  # the largest


def test_the_interval_of_the_disparity_is_that_of_a_ratio_of_two_shares(rows):
    found = fairness_by(rows["y"], rows["p"], rows["gender"]).to_frame().set_index("group")
    m, f = found.loc["M"], found.loc["F"]
    variance = sum((1 - g["selected_share"]) / g["selected_share"] / g["rows"] for g in (m, f))
    half = 1.959964 * np.sqrt(variance)
    assert np.log(m["disparity_ci_upper"] / m["disparity"]) == pytest.approx(half, rel=1e-3)


def test_customers_with_several_rows_widen_the_intervals(rows):
    twice = pd.concat([rows, rows])
    groups = np.tile(np.arange(ROWS), 2)
    one = fairness_by(rows["y"], rows["p"], rows["gender"]).to_frame()
    kept = fairness_by(twice["y"], twice["p"], twice["gender"], groups=groups).to_frame()
    names = ["rate_share_ci_lower", "selected_share_ci_upper", "disparity_ci_upper", "auc_ci_lower"]
    np.testing.assert_allclose(kept[names].astype(float), one[names].astype(float), rtol=2e-3)


def test_ages_and_other_numbers_are_cut_into_bands(rows):
    found = fairness_by(rows["y"], rows["p"], rows[["age", "income"]]).to_frame()
    bands = found[found["by"] == "age"]
    assert bands["group"].tolist() == ["< 25", "25–34", "35–44", "45–54", "55–64", "65+"]
    middle = bands.set_index("group").loc["25–34", "rows"]
    assert middle == rows["age"].between(25, 34).sum()
    assert len(found[found["by"] == "income"]) == 5


def test_a_group_without_positives_has_no_auc_but_a_share():
    y, p = [0, 0, 1, 0, 1, 0], [0.1, 0.2, 0.9, 0.3, 0.8, 0.4]
    found = fairness_by(y, p, {"g": list("aabbbb")}, top=0.5).to_frame().set_index("group")
    assert np.isnan(found.loc["a", "auc"])
    assert found.loc["a", "selected_share"] == 0
    assert found.loc["a", "disparity"] == 0
    assert np.isnan(found.loc["a", "disparity_ci_upper"])
    assert found["few"].all()


def test_tied_scores_at_the_cut_are_taken_in_part():
    found = fairness_by([0, 1, 0, 1], [0.2] * 4, {"g": list("aabb")}, top=0.25).to_frame()
    assert found["selected_share"].tolist() == [0.25, 0.25]
    assert found["disparity"].tolist() == [1, 1]


def test_weights_stand_for_customers(rows):
    w = np.random.default_rng(0).integers(0, 3, ROWS)
    some = rows.loc[rows.index.repeat(w)]
    weighted = fairness_by(rows["y"], rows["p"], rows["gender"], sample_weight=w).to_frame()
    repeated = fairness_by(some["y"], some["p"], some["gender"]).to_frame()
    names = ["rate_share", "selected_share", "disparity", "auc"]
    np.testing.assert_allclose(weighted[names].astype(float), repeated[names].astype(float))


def test_refuses(rows):
    with pytest.raises(InvalidInput, match="top must be between 0 and 1"):
        fairness_by(rows["y"], rows["p"], rows["gender"], top=1)
    with pytest.raises(InvalidInput, match="by must have one segment per row"):
        fairness_by(rows["y"], rows["p"], {"g": ["a"]})
