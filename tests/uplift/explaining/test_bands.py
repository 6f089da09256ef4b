"""Tags in bands, and what people call them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.tags import catalogue
from marketing_ds.uplift.explaining.bands import band_tags


def band(values, bins=5, name="x"):
    frame = pd.DataFrame({name: values})
    (tag,) = band_tags(frame, None, rows=len(frame), bins=bins)
    return tag


def labels(tag, language="en"):
    return [tag.label(code, language) for code in range(tag.size)]


def test_numbers_are_cut_near_their_quantiles_at_round_values():
    tag = band(np.arange(1000) / 10)
    assert labels(tag) == ["<20", "20 to <40", "40 to <60", "60 to <80", "≥80"]
    assert np.bincount(tag.codes).tolist() == [200] * 5


def test_a_value_that_many_share_stands_alone():
    tag = band([0] * 500 + list(range(1, 501)))
    assert labels(tag)[0] == "0"
    assert np.bincount(tag.codes)[0] == 500


def test_few_whole_numbers_have_a_band_each():
    assert labels(band([1, 2, 3, 4] * 10)) == ["1", "2", "3", "4"]


def test_unknown_comes_last():
    tag = band([1.5, 2.5, None, 9.0] * 20)
    assert labels(tag)[-1] == "unknown"
    assert labels(tag, "zh")[-1] == "未知"
    assert (tag.codes[2::4] == tag.known).all()


def test_bits_are_booleans():
    assert labels(band([0, 1, 1, 0])) == ["no", "yes"]
    assert labels(band([True, False]), "zh") == ["否", "是"]


def test_own_cuts():
    tag = band(np.arange(100), {"x": [30, 50]})
    assert labels(tag) == ["≤29", "30 to 49", "≥50"]
    assert labels(tag, "zh") == ["≤29", "30至49", "≥50"]
    assert tag.codes[[29, 30, 49, 50]].tolist() == [0, 1, 1, 2]


def test_dates_are_cut_at_the_first_of_a_month():
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(365), "D")
    tag = band(days, 2)
    assert labels(tag) == ["before 2025-07-01", "since 2025-07-01"]
    assert labels(tag, "zh") == ["2025-07-01以前", "2025-07-01起"]
    own = band(days, {"x": ["2025-03-01", np.datetime64("2025-06-01")]})
    assert labels(own)[1] == "2025-03-01 to 2025-05-31"
    assert np.bincount(own.codes)[0] == 59


def test_rare_words_share_a_band():
    words = [f"w{at % 30:02d}" for at in range(300)] + ["w00"] * 50
    tag = band(words)
    assert (len(tag.levels), tag.others) == (20, True)
    assert labels(tag)[-1] == "(others)"
    assert (tag.codes == tag.known - 1).sum() == 100


def test_the_catalogue_names_tags_and_words():
    tag = band([None, 10.0, 2e6] * 30, name="aum")
    assert tag.title("en").endswith("(CNY)")
    assert tag.title("zh").endswith("（元）")
    known = next(one for one in catalogue(entity="customer") if one.words)
    words = [word for word, _ in known.words]
    own = band(words[::-1] * 5, name=known.name)
    assert list(own.levels) == words  # their natural order
    assert own.label(0, "zh") == known.value_title(words[0], "zh")


def test_shares_are_percentages():
    share = next(one for one in catalogue(entity="customer") if one.unit == "share")
    tag = band(np.linspace(0, 1, 101), {share.name: [0.5]}, name=share.name)
    assert labels(tag) == ["<50%", "≥50%"]


def test_a_column_that_knows_nothing_and_one_that_never_varies():
    assert labels(band([None, None])) == ["any", "unknown"]
    assert labels(band([7.0, 7.0])) == ["7"]
    assert labels(band([dt.date(2025, 1, 1)] * 2), "zh") == ["任意"]
    assert band([True, True]).codes.tolist() == [1, 1]


@given(
    st.lists(
        st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, 1.0])),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=60)
def test_bands_rise_with_the_values_and_new_customers_fall_into_the_same(values):
    tag = band(pd.Series(values, dtype=float))
    assert tag.codes.min() >= 0
    assert tag.codes.max() < max(tag.size, tag.known + 1)
    known = [
        (value, code) for value, code in zip(values, tag.codes, strict=True) if value is not None
    ]
    codes = [code for _, code in sorted(known)]
    assert codes == sorted(codes)
    np.testing.assert_array_equal(tag.place(pd.Series(values, dtype=float)), tag.codes)


def test_a_new_level_is_none_of_those_known():
    tag = band(["a", "b", "a"])
    assert tag.place(pd.Series(["b", "c", None])).tolist() == [1, 2, 2]
    many = band([f"w{at % 30:02d}" for at in range(300)])
    assert many.place(pd.Series(["new"])).tolist() == [len(many.levels)]


def test_the_order_of_rows_decides_nothing():
    values = np.random.default_rng(0).lognormal(size=500)
    order = np.random.default_rng(1).permutation(500)
    np.testing.assert_array_equal(band(values).codes[order], band(values[order]).codes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 3}, r"in the same order: 3 rows, got 2"),
        ({"by": "agee"}, "did you mean 'age'"),
        ({"bins": 1}, "bins must be between 2 and 100, got 1"),
        ({"bins": {"age": 1}}, r"bins\['age'\] must be between 2 and 100"),
        ({"bins": {"age": [3, 2]}}, "rising"),
        ({"bins": {"age": []}}, "rising"),
        ({"bins": {"age": [None]}}, r"bins\['age'\] must be a number, got None"),
        ({"bins": {"age": "many"}}, r"bins\['age'\] must be a number, got 'many'"),
        ({"bins": {"ag": 3}}, "did you mean 'age'"),
    ],
)
def test_refuses(arguments, message):
    frame = pd.DataFrame({"age": [1.0, 2.0]})
    options = {"by": None, "rows": 2} | arguments
    with pytest.raises(InvalidInput, match=message):
        band_tags(frame, options.pop("by"), **options)
