"""Candidates cut into levels when they are asked for, coarsely or finely."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.lookalike.encode import encode, fit_levels
from marketing_ds.lookalike.screening.batch import CodedBatch, TableBatch, coarsened

TAGS = ("funds", "visits", "since", "mobile", "region", "nothing")


def make_table(seed: int, n: int = 600) -> pa.Table:
    """Every kind of tag, with nulls."""
    rng = np.random.default_rng(seed)

    def holes(values: list[object]) -> list[object]:
        return [None if gone else v for v, gone in zip(values, rng.random(n) < 0.1, strict=True)]

    days = [dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 2000, n)]
    return pa.table(
        {
            "customer_id": [f"c{i:04d}" for i in range(n)],
            "funds": pa.array(holes(rng.lognormal(8, 2, n).tolist()), pa.float64()),
            "visits": pa.array(holes(rng.poisson(2, n).tolist()), pa.int64()),
            "since": pa.array(holes(days), pa.date32()),
            "mobile": pa.array(holes((rng.random(n) < 0.3).tolist()), pa.bool_()),
            "region": pa.array(holes(rng.choice(["n", "s", "e"], n).tolist()), pa.string()),
            "nothing": pa.nulls(n),
        }
    )


@given(seed=st.integers(0, 10_000), bins=st.integers(2, 200), most=st.integers(2, 40))
@settings(max_examples=40)
def test_coarse_levels_are_those_that_fine_ones_are_part_of(
    seed: int, bins: int, most: int
) -> None:
    base, table = make_table(seed), make_table(seed + 1)
    levels = fit_levels(base, TAGS, bins=bins)
    coarse = coarsened(encode(base, levels), levels, most)
    batch = TableBatch(table, levels)
    np.testing.assert_array_equal(batch.coarse(coarse, None), coarse.of(batch.codes()))
    known = CodedBatch(batch.ids(), batch.codes())
    np.testing.assert_array_equal(known.coarse(coarse, None), batch.coarse(coarse, None))


def test_numbers_are_drawn_together_and_categories_are_not() -> None:
    base = make_table(0)
    levels = fit_levels(base, TAGS, bins=200)
    coarse = coarsened(encode(base, levels), levels, 8)
    few = {tag.name: tag.n_levels for tag in coarse.levels}
    assert few["funds"] == 9
    assert few["region"] == dict(zip(TAGS, [t.n_levels for t in levels], strict=True))["region"]


@pytest.mark.parametrize("rows", [[], [5], [3, 1, 599]])
def test_some_rows_are_cut_as_all_are(rows: list[int]) -> None:
    table = make_table(0)
    levels = fit_levels(table, TAGS, bins=50)
    wanted = np.array(rows, dtype=np.intp)
    batch = TableBatch(table, levels)
    np.testing.assert_array_equal(batch.codes(wanted), batch.codes()[wanted])
    known = CodedBatch(batch.ids(), batch.codes())
    np.testing.assert_array_equal(known.codes(wanted), batch.codes()[wanted])
