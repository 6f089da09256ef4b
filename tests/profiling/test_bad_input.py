"""Odd and broken tag tables: a clear error, or a documented result."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.profiling import behaviour, distribution, profile

from .people import people

FRAME = people(300)


def _table(frame: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def test_a_base_smaller_than_the_audience() -> None:
    aud = audience(FRAME, "aum >= 0")
    with pytest.raises(InvalidInput, match=r"base must hold every customer.*'c00100'"):
        profile(aud, base=FRAME.head(100))


def test_customers_with_two_rows() -> None:
    twice = _table(pd.concat([FRAME, FRAME.head(2)], ignore_index=True))
    with pytest.raises(InvalidInput, match="one row a customer, got 302 rows of 300 customers"):
        profile(audience(twice, "aum > 0"))


def test_a_customer_without_an_id() -> None:
    nobody = _table(FRAME.assign(customer_id=[None, *FRAME["customer_id"][1:]]))
    with pytest.raises(InvalidInput, match="300 rows of 299 customers"):
        profile(audience(nobody, "aum > 0"))


def test_an_audience_of_one_shows_nothing_of_him() -> None:
    found = profile(audience(FRAME, ["c00007"]))
    assert found.audience_count == 1
    assert found.to_frame().empty
    assert (found.hidden["n_audience"] == 1).all()
    assert found.mix("lifecycle").to_frame()["value"].tolist() == ["(not shown)"]


def test_an_empty_audience() -> None:
    with pytest.raises(InvalidInput, match="aud must have at least one customer"):
        profile(audience(FRAME, "aum < 0"))
    with pytest.raises(InvalidInput, match="aud must have at least one customer"):
        behaviour(audience(FRAME, "aum < 0"))


@pytest.mark.parametrize("dtype", ["Float64", "string", "boolean"])
def test_a_tag_that_nobody_has(dtype: str) -> None:
    frame = FRAME.assign(empty=pd.array([None] * len(FRAME), dtype=dtype))
    rows = profile(audience(frame, "visits >= 3"), tags=["empty"]).to_frame()
    assert rows[["value", "n_base", "tgi"]].to_numpy().tolist() == [["(missing)", 300, 100.0]]


def test_means_of_a_tag_that_nobody_has_are_left_out() -> None:
    frame = FRAME.assign(empty=pd.array([None] * len(FRAME), dtype="Float64"))
    found = behaviour(audience(frame, "visits >= 3"), tags=["empty", "aum"])
    assert found.to_frame()["tag"].tolist() == ["aum"]
    with pytest.raises(InvalidInput, match="'empty' must have values on both sides"):
        distribution(audience(frame, "visits >= 3"), "empty")


def test_infinite_and_huge_numbers_count_as_missing() -> None:
    odd = np.array([np.inf, -np.inf, np.nan, 1e200, -1e300] * 12)
    frame = FRAME.assign(odd=np.append(odd, np.arange(240.0)))
    aud = audience(frame, FRAME["customer_id"][::2].tolist())
    rows = profile(aud, tags=["odd"]).to_frame().set_index("value")
    assert rows.loc["(missing)", "n_base"] == 60
    (means,) = behaviour(aud, tags=["odd"]).to_frame().itertuples()
    assert means.n_base == 240
    assert means.mean_base == pytest.approx(119.5)


def test_negative_numbers_are_numbers() -> None:
    frame = FRAME.assign(net=np.linspace(-1000, 1000, len(FRAME)))
    aud = audience(frame, "net < 0")
    rows = profile(aud, tags=["net"]).to_frame()
    assert rows["value"].str.contains("-").any()
    assert rows["n_base"].sum() + profile(aud, tags=["net"]).hidden.loc[0, "n_base"] == 300
    (means,) = behaviour(aud, tags=["net"]).to_frame().itertuples()
    assert means.difference == pytest.approx(means.mean_audience - means.mean_base)
    assert np.isnan(means.ratio)  # of a negative mean there is no ratio
    assert distribution(aud, "net").medians[0] < 0


def test_values_of_many_letters_and_signs_stay_what_they_are() -> None:
    odd = ["<b>", "a'b\"c", "富裕", "", "1", "NULL"]
    frame = FRAME.assign(odd=[odd[i % 6] for i in range(300)])
    rows = profile(audience(frame, "visits >= 0"), tags=["odd"]).to_frame()
    assert set(rows["value"]) == set(odd)
    assert (rows["n_base"] == 50).all()


def test_a_value_may_be_called_as_a_column_of_the_count() -> None:
    frame = FRAME.rename(columns={"lifecycle": "side", "region": "place", "visits": "cell"})
    rows = profile(audience(frame, "cell >= 3"), pairs=[("side", "place")])
    assert set(rows.to_frame()["tag"]) >= {"side", "place", "cell"}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("all", "pairs must be one of 'auto'"),
        (["region", "lifecycle"], "pairs must hold pairs of two different tags, got 'region'"),
        ([("region", "region")], "pairs of two different tags"),
        ([("region", "visits", "aum")], "pairs of two different tags"),
        ([("regoin", "visits")], "must be of tags that are profiled, got 'regoin'; did you mean"),
        ([("region", "visits")], "must be of tags that are profiled, got 'visits'"),
    ],
)
def test_pairs_that_cannot_be_crossed(pairs: object, message: str) -> None:
    aud = audience(FRAME, "visits >= 3")
    tags = None if pairs == "all" else ["region", "lifecycle", "aum"]
    with pytest.raises(InvalidInput, match=message):
        profile(aud, tags=tags, pairs=pairs)  # type: ignore[arg-type]
