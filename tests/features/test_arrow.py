"""Arrow columns: the same float32 as by way of pandas."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder

TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "c", "d", "unseen"]))
NUMBERS = st.one_of(st.none(), st.floats(-1e30, 1e30, allow_nan=False))
WHOLE = st.one_of(st.none(), st.integers(-(2**62), 2**62))
DAYS = st.one_of(st.none(), st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)))
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, WHOLE, st.one_of(st.none(), st.booleans()), DAYS), min_size=1, max_size=12)  # fmt: skip
TYPES = (pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.date32())
NAMES = ("word", "number", "whole", "flag", "day")


def table_of(rows):
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(c), of) for c, of in zip(columns, TYPES, strict=True)]
    return pa.table(arrays, names=list(NAMES))


LEARNT = table_of(
    [
        ("a", 1.5, 2, True, dt.date(2020, 1, 1)),
        ("b", None, 3, False, dt.date(2021, 1, 1)),
        ("c", 3.5, None, None, None),
        ("a", 4.5, 7, True, dt.date(2022, 1, 1)),
        (None, 4.5, 7, True, dt.date(2022, 1, 1)),
    ]
)


@pytest.fixture(scope="module")
def encoders():
    frame = LEARNT.to_pandas()
    rated = FeatureEncoder(2)
    rated.fit_response(frame, np.array([0.0, 1.0, 1.0, 0.0, 1.0]), np.ones(5))
    return FeatureEncoder(2).fit(frame), rated


@given(rows=ROWS)
@settings(max_examples=60)
def test_a_batch_is_encoded_as_its_frame_is(encoders, rows):
    table = table_of(rows)
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    for encoder in encoders:
        assert_array_equal(encoder.transform_batch(table), encoder.transform(frame))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "c", "", None]).dictionary_encode(),
        pa.array(["a", "c", "", None], pa.large_string()),
        pa.array(["a", "c", "", None], pa.string_view()),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3]), pa.array(["a", "c", "", None])),
        pa.chunked_array([["a"], ["c", "", None]]),
    ],
    ids=["dictionary", "large", "view", "null in the dictionary", "chunks"],
)
def test_words_may_be_of_any_arrow_type(encoders, values):
    encoder = encoders[1]
    plain = pa.table({**dict(zip(NAMES, LEARNT.slice(0, 4).columns, strict=True))})
    wanted = plain.set_column(0, "word", pa.array(["a", "c", "", None]))
    assert_array_equal(
        encoder.transform_batch(plain.set_column(0, "word", values)),
        encoder.transform_batch(wanted),
    )


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("number", pa.array([Decimal("1.25"), None]), [1.25, np.nan]),
        ("number", pa.array([1.25, None], pa.float32()), [1.25, np.nan]),
        ("number", pa.array([True, None]), [1, np.nan]),
        ("number", pa.nulls(2), [np.nan, np.nan]),
        ("day", pa.nulls(2), [np.nan, np.nan]),
        ("day", pa.array([dt.datetime(1970, 1, 2, 23, 59), None]), [1, np.nan]),
        ("day", pa.array([dt.datetime(1969, 12, 31, 23), None]), [-1, np.nan]),
        (
            "day",
            pa.array([dt.datetime(1970, 1, 1, 17), None], pa.timestamp("us", tz="Asia/Shanghai")),
            [1, np.nan],
        ),
    ],
)
def test_types_that_stand_for_a_number_or_a_day(encoders, name, values, expected):
    Z = encoders[1].transform_batch(pa.table({name: values}), only=[name])
    at = NAMES.index(name)
    assert_array_equal(Z[:, at], np.array(expected, dtype=np.float32))
    assert np.isnan(np.delete(Z, at, axis=1)).all()


def test_columns_come_in_any_order_beside_others(encoders):
    shuffled = LEARNT.select(list(reversed(NAMES))).append_column("more", pa.array(range(5)))
    assert_array_equal(encoders[1].transform_batch(shuffled), encoders[1].transform_batch(LEARNT))


def test_an_unread_column_of_words_is_unknown(encoders):
    Z = encoders[0].transform_batch(LEARNT, only=["number"])
    assert np.isnan(Z[:, :-4]).all()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("word", pa.array([1, 2]), "'word' of X must be a category as it was at fit, got a number"),
        ("number", pa.array(["1", "2"]), "'number' of X must be a number as it was at fit"),
        ("day", pa.array([1, 2]), "'day' of X must be a date as it was at fit"),
        ("number", pa.array([1.0, np.inf]), "must be finite in float32, got inf in row 1 and 1"),
        ("number", pa.array([1e39, 1.0]), "must be finite in float32, got 1e.39 in row 0"),
        ("number", pa.array([[1], [2]]), "'number' of X holds list<item: int64>"),
    ],
)
def test_what_a_tag_cannot_be_is_refused(encoders, name, values, message):
    with pytest.raises(InvalidInput, match=message):
        encoders[1].transform_batch(pa.table({name: values}), only=[name])


def test_a_missing_column_is_named(encoders):
    with pytest.raises(InvalidInput, match=r"X must have the column\(s\) 'flag'"):
        encoders[1].transform_batch(LEARNT.drop_columns("flag"))
