"""Splits by salted hash."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marketing_ds._core.hashing import hash_share


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
