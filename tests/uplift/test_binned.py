"""Features binned once for all that is trained on parts of them."""

import numpy as np
import pytest

from marketing_ds.uplift.binned import Binned, Trees

TREES = Trees(10, 2, 0.1, None, None, None, None, 1, 0)
ROWS = np.arange(0, 40_000, 2)
KEY = (b"even", 0, False)


def features(rng, columns=3):
    return rng.random((40_000, columns)).astype(np.float32)


def part(binned):
    return binned.part(KEY, ROWS, np.zeros(len(ROWS)), None)


@pytest.mark.parametrize("serves", [1, 2, np.inf])
def test_a_part_is_binned_once_for_as_many_models_as_it_serves(serves):
    binned = Binned(features(np.random.default_rng(0)), TREES, serves=serves)
    first, second, third = part(binned), part(binned), part(binned)
    assert (first is second) == (serves >= 2)
    assert (second is third) == (serves >= 3)


def test_parts_of_all_trees_share_their_cuts():
    """A part's bins are those of the whole, wherever its own quantiles lie."""
    X = features(np.random.default_rng(0))
    X[::2] **= 2
    whole = Binned(X, TREES)
    cuts = [one.get_quantile_cut()[1] for one in (whole.whole(), part(whole))]
    cuts.append(part(whole.with_trees(TREES)).get_quantile_cut()[1])
    np.testing.assert_array_equal(cuts[0], cuts[1])
    np.testing.assert_array_equal(cuts[0], cuts[2])


def test_columns_beside_stand_behind_the_features():
    rng = np.random.default_rng(0)
    X, beside = features(rng), features(rng, 1)
    binned = Binned(X, TREES, beside=beside)
    joined = Binned(np.hstack([X, beside]), TREES)
    assert binned.width == joined.width == 4
    np.testing.assert_array_equal(binned.rows(ROWS), joined.rows(ROWS))
    np.testing.assert_array_equal(
        part(binned).get_quantile_cut()[1], part(joined).get_quantile_cut()[1]
    )


def test_without_features_there_is_nothing_to_bin():
    assert Binned(np.empty((10, 0), dtype=np.float32), TREES).whole() is None
