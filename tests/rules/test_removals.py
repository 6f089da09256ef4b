"""What several rules remove: alone, and that no other would."""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.rules import Removals, Rule, bind, removals

FLAGS = st.lists(st.tuples(*[st.sampled_from([True, False, None])] * 3), min_size=1, max_size=30)


@settings(max_examples=30)
@given(FLAGS)
def test_counts_are_those_of_sets(flags: list[tuple[bool | None, ...]]) -> None:
    columns = [pa.array(column, pa.bool_()) for column in zip(*flags, strict=True)]
    rows = ibis.memtable(pa.table(columns, names=["a", "b", "c"]))
    found = removals(rows, {f"rule {name}": rows[name] for name in "abc"})
    broken = np.array([[value is not True for value in row] for row in flags])
    assert found.candidates == len(flags)
    assert found.left == int((~broken.any(axis=1)).sum())
    assert list(found.removed.values()) == broken.sum(axis=0).tolist()
    alone = broken & (broken.sum(axis=1, keepdims=True) == 1)
    assert list(found.removed_only.values()) == alone.sum(axis=0).tolist()


def test_a_rank_may_be_among_the_rules() -> None:
    rows = ibis.memtable(pa.table({"customer_id": list("abcd"), "n": [1, 2, 3, 4]}))
    found = removals(rows, {"top": bind(Rule.parse("top 1 by n"), rows), "odd": rows.n % 2 == 1})
    assert found == Removals(4, 0, {"top": 3, "odd": 2}, {"top": 2, "odd": 1})


def test_no_rules_and_no_rows() -> None:
    rows = ibis.memtable(pa.table({"n": pa.array([], pa.int64())}))
    assert removals(rows, {}) == Removals(0, 0, {}, {})
    empty = removals(rows, {"some": rows.n > 1})
    assert empty.to_frame().to_dict("list") == {
        "rule": ["some"],
        "removed": [0],
        "removed_share": [0.0],
        "removed_only": [0],
    }
    assert "0 of 0 customers are left" in empty._repr_html_()
