"""Covariates of every kind become matrices without nulls."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed.encoding import encode


def test_numbers_levels_dates_and_nulls() -> None:
    rng = np.random.default_rng(0)
    day = dt.date(2026, 1, 1)
    table = pa.table(
        {
            "aum": pa.array([None if k % 10 == 0 else float(v) for k, v in enumerate(rng.lognormal(size=200))]),
            "phone": pa.array([k % 3 == 0 for k in range(200)]),
            "opened": pa.array([day + dt.timedelta(days=int(k)) for k in rng.integers(0, 99, 200)]),
            "tier": pa.array([("gold", "silver", None, "black")[k % 4] if k else "once" for k in range(200)]),
            "same": pa.array([1.0] * 200),
            "kind": pa.array(["a"] * 200).dictionary_encode(),
        }
    )  # fmt: skip
    known = encode(table)
    of = {
        name: [known.labels[k] for k in np.flatnonzero(known.term_of == j)]
        for j, name in enumerate(known.names)
    }
    assert of["aum"][0] == ""
    assert of["aum"][-1] == "is null"
    assert [label[:2] for label in of["aum"][1:-1]] == ["> "] * 3
    assert of["phone"] == [""]
    assert len(of["opened"]) == 4
    # silver is the most frequent and left out; what came once is with the others
    assert set(of["tier"]) == {"gold", "black", "is null", "other"}
    assert of["same"] == of["kind"] == []
    assert np.isfinite(known.terms).all()
    np.testing.assert_allclose(known.terms.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(known.terms.std(axis=0), 1, atol=1e-4)
    assert known.is_category.tolist() == [False, False, False, True, False, True]
    assert np.isnan(known.raw[0, 0])
    assert not known.without(0)[known.term_of == 0].any()


def test_bends_are_left_out_where_customers_are_few() -> None:
    rng = np.random.default_rng(0)
    columns = {f"x{k}": rng.normal(size=60) for k in range(20)}
    assert encode(pa.table(columns)).terms.shape[1] == 20
    assert encode(pa.table({"x0": columns["x0"]})).terms.shape[1] == 4


def test_a_number_that_is_nearly_always_the_same_keeps_its_exceptions() -> None:
    values = np.zeros(2_000)
    values[:3] = 7.0
    known = encode(pa.table({"rare": values}))
    assert known.terms.shape[1] == 1
    assert known.terms[0, 0] > 10


def test_a_type_that_is_no_covariate_is_refused() -> None:
    with pytest.raises(InvalidInput, match="must hold numbers, booleans, dates or text"):
        encode(pa.table({"x": pa.array([b"a", b"b"])}))
