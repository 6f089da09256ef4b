"""Sizes of audiences: estimated from a sample, limited, ranked, taken apart, compared."""

from __future__ import annotations

import hashlib
import math
import time

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.audiences import _estimate as estimating
from marketing_ds.rules import Removals

N = 8
FRAME = pd.DataFrame(
    {
        "customer_id": [f"c{n}" for n in range(N)],
        "aum": [10.0, 20.0, 20.0, 40.0, None, 20.0, 70.0, -5.0],
        "stage": ["new", "mature", "mature", "lost", None, "new", "new", "new"],
        "n": range(N),
    }
)
TAGS = ibis.memtable(pa.Table.from_pandas(FRAME, preserve_index=False))
SUBSETS = st.sets(st.integers(0, N - 1))


def ids_of(chosen: Audience) -> str:
    return "".join(i[1:] for i in chosen.to_frame()["customer_id"])


def of(numbers: set[int]) -> Audience:
    return audience(TAGS, [f"c{n}" for n in sorted(numbers)])


def large(customers: int, columns: int = 1) -> ibis.Table:
    """Customers with random shares `x0`, `x1`, …"""
    draw = np.random.default_rng(7)
    data = {f"x{n}": draw.random(customers) for n in range(columns)}
    ids = pa.array([f"C{n:06d}" for n in range(customers)])
    return ibis.memtable(pa.table({"customer_id": ids, **data}))


@pytest.mark.parametrize(("alpha", "least", "most"), [(0.05, 179, 199), (0.5, 78, 129)])
def test_an_interval_covers_the_size_as_often_as_it_says(
    alpha: float, least: int, most: int
) -> None:
    tags = large(20_000, columns=10)
    values = tags.to_pyarrow()
    covered = 0
    for n in range(200):
        # Stretches of ten tags: as good as independent of each other.
        share, column = (0.003, 0.02, 0.1, 0.3, 0.5)[n // 40], f"x{n % 10}"
        low = (n // 10 % 4) * 0.125
        found = audience(tags, f"{column} >= {low} and {column} < {low + share}").estimate(
            sample=4_000, alpha=alpha
        )
        drawn = values[column].to_numpy()
        size = int(((drawn >= low) & (drawn < low + share)).sum())
        covered += found.count_ci_lower <= size <= found.count_ci_upper
    # 200 draws: ±3.5 standard errors; Wilson's interval is a little wide for rare tags.
    assert least <= covered <= most


def test_an_estimate_after_the_first_takes_milliseconds_and_one_sample() -> None:
    tags = large(50_000)
    first = audience(tags, "x0 < 0.5").estimate(sample=2_000)
    assert 1_800 < first.sample < 2_200
    begun = time.perf_counter()
    second = audience(tags, "x0 < 0.25").estimate(sample=2_000)
    assert time.perf_counter() - begun < 0.5
    assert second.sample == first.sample
    assert audience(tags, "x0 < 0.5").estimate(sample=2_000) == first
    assert audience(tags, "x0 < 0.5").estimate(sample=3_000).sample > 2_800
    assert list(estimating._SAMPLES[tags]) == [2_000, 3_000]


def test_a_sample_is_given_up_with_its_table() -> None:
    tags = large(1_000)
    audience(tags, "x0 < 0.5").estimate(sample=100)
    held = len(estimating._SAMPLES)
    del tags
    assert len(estimating._SAMPLES) == held - 1


def test_a_sample_of_everybody_is_a_count() -> None:
    tags = large(3_000)
    chosen = audience(tags, "x0 < 0.3")
    found = chosen.estimate()
    assert found.count == found.count_ci_lower == found.count_ci_upper == chosen.count()
    assert found.share == found.share_ci_lower == chosen.share
    assert found.sample == found.base == 3_000


def test_all_that_is_chosen_row_by_row_is_estimated() -> None:
    tags = large(5_000)
    a, ids = audience(tags, "x0 < 0.5"), [f"C{n:06d}" for n in range(2_500)]
    for chosen in (a, ~a, a - audience(tags, "x0 < 0.1"), audience(tags, tags.x0 < 0.5),
                   audience(tags, ids), a | audience(tags, ids)):  # fmt: skip
        found = chosen.estimate(sample=1_000)
        assert found.sample < 1_200
        assert found.count_ci_lower <= chosen.count() <= found.count_ci_upper


def test_what_depends_on_others_is_counted_in_full() -> None:
    tags = large(5_000)
    whole = audience(tags, "x0 >= 0")
    for chosen in (audience(tags, "top 200 by x0"), ~audience(tags, "not top 200 by x0"),
                   whole.limit(200), whole.top(200, "x0"),
                   audience(tags, tags.x0 > tags.x0.mean())):  # fmt: skip
        found = chosen.estimate(sample=1_000)
        assert found.sample == found.base == 5_000
        assert found.count == found.count_ci_lower == found.count_ci_upper == chosen.count()


def test_the_interval_never_contradicts_what_was_seen() -> None:
    tags = large(1_000)
    for rule, size in (("x0 < 2", 1_000), ("x0 < 0", 0)):
        found = audience(tags, rule).estimate(sample=300)
        assert found.count_ci_lower <= found.count == size <= found.count_ci_upper
        assert 0 <= found.share_ci_lower <= found.share_ci_upper <= 1
        assert found.count_ci_lower != found.count_ci_upper


def test_an_estimate_of_an_empty_base() -> None:
    found = audience(TAGS.filter(TAGS.n > 99), "n > 1").estimate()
    assert (found.count, found.count_ci_upper, found.base) == (0, 0, 0)
    assert math.isnan(found.share)
    assert math.isnan(found.share_ci_upper)


def test_an_estimate_shows_itself() -> None:
    found = audience(TAGS, "n > 3").estimate()
    assert repr(found) == "SizeEstimate(4 of 8 customers, all of them counted)"
    assert found.to_frame().loc[0, "count_ci_upper"] == 4
    assert "SizeEstimate" in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"sample": 99}, "sample must be at least 100"), ({"alpha": 1}, "alpha must be between 0")],
)
def test_arguments_of_an_estimate(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        audience(TAGS, "n > 1").estimate(**options)  # type: ignore[arg-type]


def test_a_limit_draws_by_the_hash_of_the_id() -> None:
    chosen = audience(TAGS, "n >= 2")
    order = sorted(
        range(2, N), key=lambda n: hashlib.sha256(f"limit:limit:c{n}".encode()).hexdigest()
    )
    for size in (1, 3, 6, 100):
        assert ids_of(chosen.limit(size)) == "".join(map(str, sorted(order[:size])))
    assert ids_of(chosen.limit(3, salt="other")) != ids_of(chosen.limit(3))
    shuffled = audience(FRAME.sample(frac=1, random_state=3), "n >= 2")
    assert ids_of(shuffled.limit(3)) == ids_of(chosen.limit(3))


def test_a_limit_by_a_tag_takes_the_greatest_first_and_nulls_last() -> None:
    everybody = audience(TAGS, "n >= 0")
    assert ids_of(everybody.limit(4, by="aum")) == "1236"  # c5 has as much as c1 and c2
    assert ids_of(everybody.limit(8, by="aum")) == "01234567"
    assert ids_of(everybody.limit(7, by="aum")) == "0123567"


def test_top_ranks_within_the_audience_and_leaves_out_nulls() -> None:
    some = audience(TAGS, "n <= 5")
    assert ids_of(some.top(1, by="aum")) == "3"
    assert ids_of(some.top(3, "aum")) == "123"
    assert ids_of(some.top(100, "aum")) == "01235"
    # The rule ranks the whole table.
    assert ids_of(audience(TAGS, "n <= 5 and top 3 by aum")) == "13"


def test_limits_combine_and_nest() -> None:
    everybody = audience(TAGS, "n >= 0")
    best = everybody.top(4, "aum")
    assert ids_of(best) == "1236"
    assert ids_of(best.top(2, "n")) == "36"
    assert ids_of((best - best.top(2, "n")) | audience(TAGS, "n == 7")) == "127"
    assert ids_of(~best & everybody.top(3, "n")) == "57"
    assert best.top(2, "n").text == "top 2 by n of (top 4 by aum of (n >= 0))"
    assert everybody.limit(2).text == "at most 2 of (n >= 0), drawn with salt 'limit'"
    assert everybody.limit(2, by="n").text == "at most 2 of (n >= 0), first by n"
    assert best.rule is None


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda a: a.limit(0), "n must be at least 1, got 0"),
        (lambda a: a.limit(5, by="aumm"), "unknown tag 'aumm'; did you mean 'aum'"),
        (lambda a: a.top(5, "stage"), "'stage' holds words, which have no order"),
        (lambda a: a.top(1.5, "aum"), "top n must be a whole number"),
        (lambda a: a.overlap(), "at least one other"),
        (lambda a: a.overlap(*[a] * 40), "at most 40 audiences, got 41"),
        (lambda a: a.overlap(5), "combines with an audience, got int"),
        (lambda a: a.overlap(audience(FRAME, "n > 1")), "same tag table"),
        (lambda a: a.overlap(a, names=["x"]), "2 different names"),
        (lambda a: a.overlap(a, names=["x", "x"]), "2 different names"),
        (lambda a: a.overlap(a, names="ab"), "2 different names"),
    ],
)
def test_what_cannot_be_done_is_said(work: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        work(audience(TAGS, "n > 1"))  # type: ignore[operator]


@settings(max_examples=15)
@given(SUBSETS, SUBSETS, SUBSETS)
def test_overlap_is_that_of_sets(a: set[int], b: set[int], c: set[int]) -> None:
    found = of(a).overlap(of(b), of(c), names=["a", "b", "c"])
    for one, first in zip("abc", (a, b, c), strict=True):
        assert found.sizes[one] == len(first)
        for two, second in zip("abc", (a, b, c), strict=True):
            assert found.shared.loc[one, two] == len(first & second)
            either = len(first | second)
            share = found.jaccard.loc[one, two]
            assert share == len(first & second) / either if either else math.isnan(share)


def test_overlap_shows_itself() -> None:
    a = audience(TAGS, "n >= 2 and stage in ('new', 'mature', 'lost', 'dormant')")
    found = a.overlap(a, audience(TAGS, "n < 4"))
    assert found.names == [
        "n >= 2 and stage in ('new', 'mature', 'lost', '… (1)",
        "n >= 2 and stage in ('new', 'mature', 'lost', '… (2)",
        "n < 4",
    ]
    frame = found.to_frame()
    assert frame["shared"].tolist() == [5, 2, 2]
    assert frame["first_share"].tolist() == [1.0, 0.4, 0.4]
    assert frame["second_share"].tolist() == [1.0, 0.5, 0.5]
    assert "Overlap of 3 audiences" in found._repr_html_()


def test_steps_take_a_rule_apart() -> None:
    found = audience(TAGS, "n >= 2 and (stage == 'new' and aum > 15)").steps()
    # Left are c5 and c6.
    assert found == Removals(
        8,
        2,
        {"n >= 2": 2, "stage == 'new'": 4, "aum > 15": 3},
        {"n >= 2": 0, "stage == 'new'": 2, "aum > 15": 1},
    )


def test_steps_of_what_is_no_chain() -> None:
    either = audience(TAGS, "n >= 2 or aum > 15")
    assert either.steps().removed == {"n >= 2 or aum > 15": 1}
    assert (~either).steps().removed == {"everybody but (n >= 2 or aum > 15)": 7}
    both = audience(TAGS, "n >= 2") & audience(TAGS, "top 3 by aum")
    assert both.steps().removed == {"n >= 2": 2, "top 3 by aum": 5}
    relative = audience(TAGS.mutate(d=ibis.date("2026-01-01")), "d = as_of and n > 1", as_of="2026-01-01")  # fmt: skip
    assert relative.steps().removed == {"d == as_of": 0, "n > 1": 2}
