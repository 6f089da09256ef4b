"""Reading a tag table: the sample, its order, and which tags count."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds.groups import _inputs as inputs

from .customers import table


def _read(frame: pd.DataFrame, size: int, seed: int = 0) -> inputs.Sample:
    return inputs.gather(inputs.tag_source(frame), ["a"], size=size, seed=seed)


@pytest.mark.parametrize("size", [100, 600, 5000])
def test_a_sample_is_the_same_in_any_order_of_rows(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_BATCH", 64)
    frame = table({"a": np.arange(1000.0)})
    one, other = (_read(f, size) for f in (frame, frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert (one.rank == other.rank).all()
    assert len(one.frame) == min(size, 1000)
    assert one.frame["customer_id"].is_monotonic_increasing
    assert one.customers == 1000


def test_a_smaller_sample_is_the_first_part_of_a_larger_one() -> None:
    frame = table({"a": np.arange(2000.0)})
    small, large = _read(frame, 200), _read(frame, 1500)
    first = large.frame["customer_id"].iloc[large.rank[:200]]
    assert set(first) == set(small.frame["customer_id"])


def test_another_seed_draws_others() -> None:
    frame = table({"a": np.arange(2000.0)})
    one, other = (_read(frame, 500, seed).frame["customer_id"] for seed in (0, 1))
    shared = len(set(one) & set(other))
    assert 75 < shared < 180  # 125 expected


def test_what_is_drawn_is_like_the_rest() -> None:
    drawn = _read(table({"a": np.arange(20_000.0)}), 2000).frame["a"]
    assert drawn.mean() == pytest.approx(9999.5, abs=4 * 20_000 / np.sqrt(12 * 2000))


def test_tags_are_read_whatever_their_type_of_text() -> None:
    words = pa.array(["north", "south", None] * 100).dictionary_encode()
    lazy = ibis.memtable(
        pa.table(
            {"customer_id": [f"c{i:03d}" for i in range(300)], "word": words.cast(pa.string())}
        )
    )
    assert inputs.usable(lazy, None, (), False) == (("word",), {})
    sample = inputs.gather(lazy, ["word"], size=1000, seed=0)
    assert sample.frame["word"].isna().sum() == 100


def test_keys_are_never_tags() -> None:
    frame = table({"a": [1.0], "as_of": pd.to_datetime(["2026-06-30"]), "natural_group": [3]})
    assert inputs.usable(inputs.tag_source(frame), None, (), False)[0] == ("a",)
