"""Distilling: trees that say what a model says."""

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder
from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.explaining.distillation import distil, distil_effects, fidelity
from marketing_ds.uplift.terms import predict_terms

from ..simulate import experiment


def interaction(rows):
    return 0.01 * rows[:, 0].astype(float) * rows[:, 1] + 0.02


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).random((3000, 4)).astype(np.float32)


def test_trees_say_what_the_teacher_says(rows):
    (trees,) = distil(interaction, rows, np.arange(4))
    fresh = np.random.default_rng(1).random((2000, 4)).astype(np.float32)
    told = trees.predict(fresh)
    assert trees.fidelity > 0.99
    assert fidelity(interaction(fresh), told) == pytest.approx(trees.fidelity, abs=0.01)


def test_terms_and_constant_compose_to_the_prediction(rows):
    (trees,) = distil(interaction, rows, np.arange(4))
    assert all(term.link == "identity" for term in trees.terms)
    assert isinstance(trees.terms[0].booster, xgb.Booster)
    np.testing.assert_array_equal(
        predict_terms(trees.terms, rows) + trees.constant, trees.predict(rows)
    )


def test_one_for_each_of_the_teachers_predictions(rows):
    both = distil(lambda r: np.column_stack([interaction(r), -r[:, 2]]), rows, np.arange(4))
    assert len(both) == 2
    np.testing.assert_allclose(both[1].predict(rows), -rows[:, 2], atol=0.05)


def test_a_teacher_who_says_the_same_of_everybody_needs_no_trees(rows):
    (trees,) = distil(lambda r: np.full(len(r), 0.25), rows, np.arange(4))
    assert trees.terms == ()
    assert trees.fidelity == 1.0
    np.testing.assert_allclose(trees.predict(rows), 0.25)


def test_without_columns_it_is_a_constant():
    (trees,) = distil(lambda r: np.full(len(r), 0.25), np.empty((500, 0), np.float32), np.arange(0))
    assert (trees.terms, trees.constant) == ((), 0.25)


def test_the_unit_of_the_outcome_does_not_matter(rows):
    (small,) = distil(lambda r: 1e-6 * interaction(r), rows, np.arange(4))
    (large,) = distil(lambda r: 1e6 * interaction(r), rows, np.arange(4))
    np.testing.assert_allclose(
        small.predict(rows) * 1e6, large.predict(rows) / 1e6, rtol=1e-3, atol=1e-6
    )


def test_few_customers_are_blended_to_many_and_all_of_them_judge():
    few = np.random.default_rng(2).random((40, 4)).astype(np.float32)
    seen = []

    def teacher(rows):
        seen.append(len(rows))
        return interaction(rows)

    (trees,) = distil(teacher, few, np.arange(4))
    assert seen == [20_000, 40]
    assert fidelity(interaction(few), trees.predict(few)) == pytest.approx(trees.fidelity)


def test_columns_of_one_tag_are_blended_together():
    words = pd.DataFrame({"channel": ["app", "web", "branch"] * 30, "age": np.arange(90)})
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(words)

    def teacher(rows):
        levels = rows[:, encoder.origin_ == 0]
        np.testing.assert_array_equal(levels.sum(axis=1), 1)  # one level each, as for anybody
        return rows[:, -1] * levels[:, 0]

    distil(teacher, encoded, encoder.origin_)


def test_a_teacher_of_noise_is_told_as_such(rows):
    rng = np.random.default_rng(3)
    (trees,) = distil(lambda r: rng.standard_normal(len(r)), rows, np.arange(4))
    assert trees.fidelity < 0.5


def test_the_same_seed_gives_the_same_trees(rows):
    one, two = (distil(interaction, rows, np.arange(4), seed=7)[0] for _ in range(2))
    np.testing.assert_array_equal(one.predict(rows), two.predict(rows))


def test_enough_must_be_a_share(rows):
    with pytest.raises(InvalidInput, match="enough must be between 0 and 1, got 2"):
        distil(interaction, rows, np.arange(4), enough=2)


def test_a_model_of_probabilities_becomes_one_sum_of_trees_an_arm():
    sample = experiment(np.random.default_rng(0), 3000, arms=("a", "b"), effect=0.6)
    model = UpliftModel("t", n_estimators=20, n_folds=2, n_jobs=1)
    model.fit(sample.X, sample.y, treatment=sample.arm)
    made = distil_effects(model, sample.X)
    assert list(made) == ["a", "b"]
    told = np.column_stack(
        [trees.predict(model.encoder_.transform(sample.X)) for trees in made.values()]
    )
    uplift = model.predict(sample.X)
    for at, trees in enumerate(made.values()):
        assert trees.fidelity > 0.98
        assert fidelity(uplift[:, at], told[:, at]) > 0.98
