"""Float32 arrays are encoded without a copy, and to the same numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder

tables = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.sampled_from([0.0, 1.0, 2.5, -3.25, np.nan]),
)


@settings(max_examples=60)
@given(tables)
def test_a_view_is_what_encoding_gives(X):
    """Ranges, nulls, columns that tell nothing: all as read column by column."""
    one, other = FeatureEncoder(), FeatureEncoder()
    np.testing.assert_array_equal(one.fit_view(X), other.fit_transform(X))
    assert one.columns_ == other.columns_
    np.testing.assert_array_equal(one.origin_, other.origin_)
    np.testing.assert_array_equal(one.view(X), other.transform(X))


def test_a_view_is_the_array_itself_and_cannot_be_written_to():
    X = np.random.default_rng(0).random((100, 3)).astype(np.float32)
    encoder = FeatureEncoder()
    for seen in (encoder.fit_view(X), encoder.view(X)):
        assert np.shares_memory(seen, X)
        assert not seen.flags.writeable
    assert X.flags.writeable


@pytest.mark.parametrize("rows", [5, 70_000])
def test_an_infinite_number_is_refused_in_the_same_words(rows):
    X = np.random.default_rng(0).random((rows, 3)).astype(np.float32)
    encoder = FeatureEncoder().fit(X)
    X[rows - 2, 1] = np.inf
    said = []
    for refuse in (
        encoder.transform,
        encoder.view,
        FeatureEncoder().fit,
        FeatureEncoder().fit_view,
    ):
        with pytest.raises(InvalidInput, match="x1") as error:
            refuse(X)
        said.append(str(error.value))
    assert len(set(said)) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda X: X.astype(float),
        np.asfortranarray,
        pd.DataFrame,
        lambda X: pd.DataFrame(X).set_axis(list("abc"), axis=1),
        lambda X: X.tolist(),
    ],
    ids=["float64", "column by column", "frame", "named frame", "lists"],
)
def test_any_other_table_is_encoded_as_ever(other):
    X = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    table = other(X)
    one, two = FeatureEncoder(), FeatureEncoder()
    np.testing.assert_array_equal(one.fit_view(table), two.fit_transform(table))
    np.testing.assert_array_equal(one.view(table), two.transform(table))


def test_a_view_of_other_columns_than_at_fit_is_refused():
    X = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    with pytest.raises(InvalidInput, match="3 features"):
        FeatureEncoder().fit(X).view(X[:, :2].copy())
    words = FeatureEncoder().fit(np.array([["a", "b", "c"]] * 2 + [["b", "c", "d"]], dtype=object))
    with pytest.raises(InvalidInput, match="category"):
        words.view(X)
