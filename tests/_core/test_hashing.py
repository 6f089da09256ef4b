"""Splits by salted hash."""

from __future__ import annotations

import hashlib

import ibis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marketing_ds._core.hashing import hash_share, is_drawn, salted_digest


def test_is_uniform():
    shares = hash_share([f"C{n:07d}" for n in range(20_000)], salt="a")
    assert stats.kstest(shares, "uniform").pvalue > 0.001
    assert 0 <= shares.min() < shares.max() < 1


def test_salts_are_independent():
    ids = [f"C{n:07d}" for n in range(20_000)]
    r = np.corrcoef(hash_share(ids, salt="a"), hash_share(ids, salt="b"))[0, 1]
    assert abs(r) < 4 / np.sqrt(20_000)


@given(st.lists(st.text(max_size=8), unique=True, max_size=20), st.randoms())
def test_does_not_depend_on_order_or_company(ids, random):
    before = dict(zip(ids, hash_share(ids, salt="s"), strict=True))
    random.shuffle(ids)
    half = ids[: len(ids) // 2]
    assert [before[i] for i in half] == list(hash_share(half, salt="s"))


def test_the_same_on_every_machine():
    share = hash_share(["C0000001"], salt="fixed")[0]
    assert share == 0.6109702412415365  # a change would move customers between halves


def test_a_digest_is_the_same_in_the_engine_and_in_python() -> None:
    ids = ibis.memtable({"customer_id": ["c1", "年", "it's \\ 5 %", ""]}).customer_id
    digests = salted_digest(ids, salt="K 7").to_pyarrow().to_pylist()
    assert digests == [
        hashlib.sha256(f"K 7:{i}".encode()).hexdigest() for i in ids.to_pyarrow().to_pylist()
    ]


def test_who_is_drawn_depends_on_nobody_else_and_grows_with_the_share() -> None:
    ids = ibis.memtable({"customer_id": [f"C{n:05d}" for n in range(5_000)]}).customer_id
    shares = [0.0, 1e-9, 0.1, 0.5, 1.0, 2.0]
    drawn = [set(_drawn(ids, share)) for share in shares]
    assert [len(each) for each in drawn[:2] + drawn[4:]] == [0, 0, 5_000, 5_000]
    assert 420 < len(drawn[2]) < 580
    assert 2_350 < len(drawn[3]) < 2_650
    assert drawn[2] < drawn[3]
    few = ids.as_table().filter(ids < "C00100").customer_id
    assert set(_drawn(few, 0.5)) == {i for i in drawn[3] if i < "C00100"}


def _drawn(ids: ibis.expr.types.StringColumn, share: float) -> list[str]:
    table = ids.as_table()
    chosen = table.filter(is_drawn(table.customer_id, share, salt="x"))
    return list(chosen.to_pyarrow()["customer_id"].to_pylist())
