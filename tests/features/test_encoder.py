"""The encoder: what each kind of column becomes, and what it refuses."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder

NAN = np.nan


@parametrize_with_checks([FeatureEncoder()])
def test_follows_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def encode(**columns):
    frame = pd.DataFrame(columns)
    encoder = FeatureEncoder().fit(frame)
    return encoder, encoder.transform(frame)


def test_gives_contiguous_float32():
    _, Z = encode(a=[1, 2], b=["x", "y"])
    assert Z.dtype == np.float32
    assert Z.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1.5, None, 3], [1.5, NAN, 3]),
        (pd.array([1, None, 3], dtype="Int64"), [1, NAN, 3]),
        (pd.array([1, None, 3], dtype=pd.ArrowDtype(pa.int32())), [1, NAN, 3]),
        ([True, False, True], [1, 0, 1]),
        (pd.array([True, None, False], dtype="boolean"), [1, NAN, 0]),
        (np.array([True, None, False], dtype=object), [1, NAN, 0]),
        ([dt.date(1970, 1, 1), dt.date(2026, 6, 30), None], [0, 20634, NAN]),
        (pd.to_datetime(["1970-01-02 08:00", "1969-12-31 23:59", None]), [1, -1, NAN]),
        (
            pd.to_datetime(["2026-06-30 23:30", "2026-07-01 00:00"]).tz_localize("Asia/Shanghai"),
            [20634, 20635],
        ),
    ],
    ids=[
        "int",
        "float",
        "Int64",
        "arrow",
        "bool",
        "boolean",
        "object bool",
        "date",
        "time",
        "zone",
    ],
)
def test_plain_columns_pass_as_numbers(values, expected):
    _, Z = encode(a=values)
    assert_array_equal(Z[:, 0], np.array(expected, dtype=np.float32))


def test_levels_get_a_column_each_and_null_its_own():
    encoder, Z = encode(tier=["gold", None, "basic", "gold"])
    assert encoder.get_feature_names_out().tolist() == ["tier=basic", "tier=gold", "tier=<null>"]
    assert_array_equal(Z, [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_the_most_frequent_levels_are_kept_and_ties_go_by_name():
    frame = pd.DataFrame({"a": ["d", "d", "c", "b", "a"]})
    encoder = FeatureEncoder(max_categories=2).fit(frame)
    assert encoder.columns_[0].categories == ("a", "d")
    assert_array_equal(
        encoder.transform(frame), [[0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 0]]
    )


def test_an_unseen_level_counts_as_rare_where_there_were_rare_ones():
    encoder = FeatureEncoder(max_categories=1).fit(pd.DataFrame({"a": ["x", "x", "y"]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"a": ["new"]})), [[0, 1]])


def test_an_unseen_level_is_all_zero_where_nothing_was_rare():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": ["x", "x", "y"]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"a": ["new", None]})), [[0, 0], [0, 0]])


def test_the_empty_string_is_null():
    _, Z = encode(a=["x", "", "y", None])
    assert_array_equal(Z[:, 2], [0, 1, 0, 1])


def test_categorical_columns_are_words_whatever_their_categories():
    encoder, Z = encode(a=pd.Categorical([3, 1, None], categories=[1, 2, 3]))
    assert encoder.get_feature_names_out().tolist() == ["a=1", "a=3", "a=<null>"]
    assert_array_equal(Z, [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_constant_and_empty_columns_are_left_out_with_the_reason():
    encoder, Z = encode(
        same=[1, 1], word=["a", "a"], nothing=[None, None], blank=["", ""], known=[5.0, None]
    )
    assert encoder.dropped_ == {
        "same": "constant",
        "word": "constant",
        "nothing": "all null",
        "blank": "all null",
    }
    assert_array_equal(Z, np.array([[5], [NAN]], dtype=np.float32))
    assert encoder.origin_.tolist() == [4]


def test_columns_tell_range_and_nulls():
    encoder, _ = encode(
        a=[3.0, None, 1.0, 2.0], d=pd.to_datetime(["1970-01-02"] * 3 + ["1970-01-05"])
    )
    number, date = encoder.columns_
    assert (number.kind, number.minimum, number.maximum, number.null_share) == (
        "number",
        1,
        3,
        0.25,
    )
    assert (date.kind, date.minimum, date.maximum) == ("date", 1, 4)


def test_keys_are_no_features():
    frame = pd.DataFrame({"customer_id": ["a", "b"], "as_of": ["2026-01-01"] * 2, "x": [1, 2]})
    encoder = FeatureEncoder().fit(frame)
    assert encoder.feature_names_in_.tolist() == ["x"]
    assert_array_equal(encoder.transform(frame[["x"]]), [[1], [2]])


def test_a_table_with_its_key_is_aligned_by_name():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    table = pd.DataFrame({"b": [30], "customer_id": ["c"], "a": [10]})
    assert_array_equal(encoder.transform(table), [[10, 30]])


def test_the_callers_frame_is_left_alone():
    frame = pd.DataFrame({"customer_id": ["a", "b"], "a": ["x", None], "b": [1.0, np.nan]})
    before = frame.copy()
    FeatureEncoder().fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int64()),
        "b": pa.array([True, None, False]),
        "w": pa.array(["x", None, "y"]),
        "d": pa.array([dt.date(2026, 1, 1), None, dt.date(2026, 1, 3)]),
    }
)


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE.to_batches()[0],
        ibis.memtable(TABLE),
        TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    ],
    ids=["arrow", "batch", "ibis", "arrow-backed pandas"],
)
def test_tables_of_all_makes_are_read_alike(table):
    expected = [
        [1, 1, 1, 0, 0, 20454],
        [NAN, NAN, 0, 0, 1, NAN],
        [3, 0, 0, 1, 0, 20456],
    ]
    assert_array_equal(FeatureEncoder().fit_transform(table), np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.0, np.inf], "column 'a' of X must be finite in float32, got inf in row 1"),
        ([1e300, 1.0], "column 'a' of X must be finite in float32"),
        ([1, "x"], "column 'a' of X holds int, str"),
        ([{"k": 1}, {"k": 2}], "column 'a' of X holds dict"),
        (pd.to_timedelta([1, 2], unit="D"), "column 'a' of X holds Timedelta"),
    ],
    ids=["infinite", "too large", "mixed", "dict", "timedelta"],
)
def test_refuses_columns_that_no_tag_has(column, message):
    with pytest.raises(InvalidInput, match=message):
        FeatureEncoder().fit(pd.DataFrame({"a": column}))


def test_refuses_infinite_values_at_transform():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(InvalidInput, match="got -inf in row 0"):
        encoder.transform(pd.DataFrame({"a": [-np.inf]}))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1]}, "now missing:\n- b"),
        ({"a": [1], "b": ["x"], "c": [1]}, "unseen at fit time:\n- c"),
        ({"b": ["x"], "a": [1]}, "same order"),
        ({"a": ["1"], "b": ["x"]}, "'a' of X must be a number as it was at fit, got a category"),
        ({"a": [1], "b": [2]}, "'b' of X must be a category as it was at fit, got a number"),
    ],
    ids=["missing", "unknown", "reordered", "number to word", "word to number"],
)
def test_refuses_other_columns_than_at_fit(frame, message):
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    with pytest.raises(InvalidInput, match=message):
        encoder.transform(pd.DataFrame(frame))


def test_booleans_and_numbers_may_stand_for_each_other():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [True, False]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"a": [1.0, None]})), np.array([[1], [NAN]]))


def test_many_wrong_columns_are_counted_not_all_named():
    encoder = FeatureEncoder().fit(pd.DataFrame({f"a{i}": [1, 2] for i in range(12)}))
    with pytest.raises(InvalidInput, match="4 more"):
        encoder.transform(pd.DataFrame({"customer_id": ["c"], "b": [1]}))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "each column once, got 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), "names that are all text"),
        (pd.DataFrame({"a": []}), "at least one row"),
        (pd.DataFrame({"customer_id": ["c"]}), "at least one row and one column"),
    ],
    ids=["twice", "names", "no row", "no column"],
)
def test_refuses_frames_without_shape(frame, message):
    with pytest.raises(InvalidInput, match=message):
        FeatureEncoder().fit(frame)


def test_warns_when_only_one_side_has_names():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        FeatureEncoder().fit(frame).transform(frame.to_numpy())
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        FeatureEncoder().fit(frame.to_numpy()).transform(frame)


def test_a_refit_without_names_forgets_them():
    encoder = FeatureEncoder().fit(pd.DataFrame({"a": [1.0, 2.0]}))
    assert not hasattr(encoder.fit(np.eye(2)), "feature_names_in_")


def test_max_categories_must_be_a_count():
    with pytest.raises(InvalidInput, match="max_categories must be at least 1, got 0"):
        FeatureEncoder(max_categories=0).fit(np.eye(2))


def test_response_encoding_is_the_smoothed_mean():
    frame = pd.DataFrame({"a": ["x"] * 30 + ["y"] * 10 + [None] * 10, "n": range(50)})
    y = np.array([1.0] * 15 + [0.0] * 15 + [0.0] * 10 + [1.0] * 10)
    encoder = FeatureEncoder()
    Z = encoder.fit_response(frame, y, np.ones(50))
    # 20 customers of the mean rate 0.5 are added to each level.
    expected = np.repeat([(15 + 10) / 50, (0 + 10) / 30, (10 + 10) / 30], [30, 10, 10])
    np.testing.assert_allclose(Z[:, 0], expected, rtol=1e-6)
    assert encoder.get_feature_names_out().tolist() == ["a", "n"]
    assert_array_equal(encoder.transform(frame), Z)


def test_response_encoding_weights_rows_as_repeated():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("xyz"), 60)})
    y, w = rng.random(60), rng.integers(1, 4, 60)
    weighted = FeatureEncoder().fit_response(frame, y, w.astype(float))
    rows = np.repeat(np.arange(60), w)
    repeated = FeatureEncoder().fit_response(frame.iloc[rows], y[rows], np.ones(len(rows)))
    np.testing.assert_allclose(weighted[rows], repeated, rtol=1e-6)


def test_response_encoding_of_unseen_levels():
    frame = pd.DataFrame({"a": ["x", "x", "y", "z"], "b": ["p", "q", "p", "q"]})
    encoder = FeatureEncoder(max_categories=1)
    Z = encoder.fit_response(
        frame.assign(b=["p"] * 3 + [None]), np.array([0.0, 0, 1, 1]), np.ones(4)
    )
    new = encoder.transform(pd.DataFrame({"a": ["new"], "b": ["new"]}))
    assert new[0, 0] == Z[2, 0]  # as the rare ones
    assert np.isnan(new[0, 1])  # nothing was rare there


def test_response_must_match_the_rows():
    with pytest.raises(InvalidInput, match="y must have one value per row of X"):
        FeatureEncoder().fit_response(pd.DataFrame({"a": ["x", "y"]}), np.ones(3), np.ones(3))


words = st.one_of(st.none(), st.text(max_size=3))


@settings(max_examples=40)
@given(st.lists(words, min_size=1, max_size=30), st.lists(words, min_size=1), st.integers(1, 4))
def test_a_word_lights_at_most_one_column(seen, later, limit):
    encoder = FeatureEncoder(max_categories=limit).fit(
        pd.DataFrame({"a": pd.Series(seen, dtype="str")})
    )
    Z = encoder.transform(pd.DataFrame({"a": pd.Series(later, dtype="str")}))
    assert set(np.unique(Z)) <= {0.0, 1.0}
    assert (Z.sum(axis=1) <= 1).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(-1e30, 1e30), words), min_size=1, max_size=30))
def test_fit_transform_is_fit_then_transform(rows):
    frame = pd.DataFrame(
        {"n": [n for n, _ in rows], "w": pd.Series([w for _, w in rows], dtype="str")}
    )
    encoder = FeatureEncoder(max_categories=3)
    assert_array_equal(encoder.fit_transform(frame), encoder.transform(frame))
