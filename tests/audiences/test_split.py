"""Splits: exact, stratified, balanced, the same everywhere, with honest probabilities."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.audiences import Audience, Split, audience
from marketing_ds.audiences._arms import best_draw, seats_of
from marketing_ds.audiences._balance import Column, scored
from marketing_ds.mart import Mart, universal_control

N = 1_200
DRAW = np.random.default_rng(5)
FRAME = pd.DataFrame(
    {
        "customer_id": [f"c{n:04d}" for n in range(N)],
        "aum": np.exp(DRAW.normal(9, 1.5, N)),
        "age": pd.array(DRAW.integers(18, 90, N), dtype="Int64"),
        "region": DRAW.choice(["north", "south", "east"], N, p=[0.5, 0.3, 0.2]),
        "tier": DRAW.choice(["mass", "vip"], N, p=[0.95, 0.05]),
        "flag": DRAW.random(N) < 0.3,
        "day": [dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in DRAW.integers(0, 2000, N)],
    }
)
FRAME.loc[FRAME.index[::7], "age"] = pd.NA
FRAME.loc[FRAME.index[::11], "region"] = None
TAGS = ibis.memtable(pa.Table.from_pandas(FRAME, preserve_index=False))
DRAWS = 2_000
ARMS = {"control": 0.2, "coupon": 0.5, "message": 0.3}


def everybody(frame: pd.DataFrame = FRAME) -> Audience:
    return audience(frame, "customer_id is not null")


def arm_of(drawn: Split) -> dict[str, str]:
    return dict(zip(drawn.assignments["customer_id"], drawn.assignments["arm"], strict=True))


def test_arms_have_their_shares_exactly() -> None:
    drawn = everybody().split(ARMS)
    assert drawn.counts["customers"].tolist() == [240, 600, 360]
    assert drawn.counts["share"].tolist() == [0.2, 0.5, 0.3]
    rows = drawn.assignments
    assert rows["customer_id"].tolist() == FRAME["customer_id"].tolist()
    assert rows["probability"].tolist() == [ARMS[arm] for arm in rows["arm"]]
    assert rows["stratum"].isna().all()


def test_within_each_stratum_an_arm_is_less_than_one_customer_off() -> None:
    drawn = everybody().split(ARMS, stratify=["region", "flag"], balance=["aum"])
    rows = drawn.assignments
    assert rows["stratum"].nunique() == 8
    assert "region=(missing), flag=true" in set(rows["stratum"])
    table = pd.crosstab(rows["stratum"], rows["arm"])
    off = table[list(ARMS)] - np.outer(table.sum(axis=1), list(ARMS.values()))
    assert (off.abs() < 1).all(axis=None)
    truth = FRAME.fillna({"region": "(missing)"})
    expected = "region=" + truth["region"] + ", flag=" + truth["flag"].map({True: "true", False: "false"})  # fmt: skip
    assert rows["stratum"].tolist() == expected.tolist()


SHARES = st.lists(st.integers(1, 9), min_size=2, max_size=5).map(lambda w: np.array(w) / sum(w))
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12).map(np.array)


@given(SIZES, SHARES, st.floats(0, 1, exclude_max=True))
def test_seats_are_as_many_as_customers_and_less_than_one_off(
    sizes: np.ndarray, shares: np.ndarray, start: float
) -> None:
    seats = seats_of(sizes, shares, start)
    assert (seats.sum(axis=1) == sizes).all()
    assert (np.abs(seats - sizes[:, None] * shares) < 1 + 1e-9).all()


@settings(max_examples=40)
@given(SIZES, SHARES)
def test_seats_are_fair_over_all_lots(sizes: np.ndarray, shares: np.ndarray) -> None:
    lots = (np.arange(500) + 0.5) / 500
    mean = np.mean([seats_of(sizes, shares, lot) for lot in lots], axis=0)
    np.testing.assert_allclose(mean, sizes[:, None] * shares, atol=4.1e-3)


def frequencies(shares: list[float], strata: list[int], columns: np.ndarray, salts: int) -> Any:
    """How often each customer gets the first arm, over 2,000 salts."""
    n = len(strata)
    hashes = np.random.default_rng(2).integers(0, 2**64, n, dtype=np.uint64)
    times = np.zeros(n)
    for salt in range(DRAWS):
        arm = best_draw(hashes, np.array(strata), np.array(shares), columns, salt=str(salt), salts=salts).arm  # fmt: skip
        times += arm == 0
    return times / DRAWS


def test_each_customer_has_the_probability_that_is_recorded() -> None:
    nothing = np.empty((0, 14), dtype=np.float32)
    # Strata of one, three and ten customers: the smallest share is no whole customer in any.
    found = frequencies([0.15, 0.85], [0] + [1] * 3 + [2] * 10, nothing, 1)
    assert np.abs(found - 0.15).max() < 4 * np.sqrt(0.15 * 0.85 / DRAWS)


def test_choosing_the_best_keeps_the_probability_of_equal_arms() -> None:
    extreme = np.zeros((1, 12), dtype=np.float32)
    extreme[0] = [3, 1, 1, 1, 0, 0, 0, -1, -1, -1, -1, -2]
    found = frequencies([0.5, 0.5], [0] * 12, extreme, 10)
    assert np.abs(found - 0.5).max() < 4 * np.sqrt(0.25 / DRAWS)


def test_the_same_customers_get_the_same_arms_in_any_order() -> None:
    options: dict[str, Any] = {"stratify": ["region"], "balance": ["aum", "tier"], "salt": "K7"}
    drawn = everybody().split(ARMS, **options)
    again = everybody(FRAME.sample(frac=1, random_state=8)).split(ARMS, **options)
    pd.testing.assert_frame_equal(drawn.assignments, again.assignments)
    pd.testing.assert_frame_equal(drawn.balance, again.balance)
    # Fixed for good: an experiment that runs must not be dealt anew by another version.
    assert "".join(drawn.assignments["arm"].str[0].head(20)) == "cmcmccccccmmcccccccm"
    other = everybody().split(ARMS, **(options | {"salt": "K8"}))
    same = np.mean([arm_of(drawn)[i] == arm for i, arm in arm_of(other).items()])
    assert 0.3 < same < 0.46  # 0.38 by chance


@pytest.mark.parametrize("arms", [["a", "b", "c"], ARMS], ids=["equal", "unequal"])
def test_the_best_of_many_draws_is_better_balanced(arms: Any) -> None:
    tags = ["age", "region", "flag", "day"]
    single = [everybody().split(arms, balance=tags, salt=f"{n}", salts=1).worst for n in range(10)]
    best = [everybody().split(arms, balance=tags, salt=f"{n}").worst for n in range(3)]
    assert max(best) < 0.75 * np.mean(single)
    assert max(best) < min(single)


def test_extreme_values_count_fully_only_where_arms_are_equal() -> None:
    equal = [everybody().split(["a", "b"], balance=["aum"], salts=n).worst for n in (1, 50)]
    assert equal[1] < 0.2 * equal[0]
    numbers = np.array([1000.0] + [0.0, 1.0] * 200)
    columns = [Column("x", None, numbers), Column("y", "rare", (numbers > 2).astype(float))]
    as_they_are, cut = scored(columns, 401, None), scored(columns, 401, 80)
    assert as_they_are.shape == (2, 401)
    assert as_they_are[0].max() > 19
    assert cut.shape == (1, 401)  # nobody could tell from one customer
    assert 2.9 < cut.max() < 3.1
    np.testing.assert_allclose(cut.sum(), 0, atol=1e-3)
    large = scored([Column("x", None, np.tile(numbers, 300))], 401 * 300, 10_000)
    assert 9.9 < large.max() < 10.1


def test_the_balance_is_what_pandas_says() -> None:
    drawn = everybody().split(ARMS, balance=["aum", "age", "region", "flag", "day"], salts=3)
    frame = drawn.to_frame()
    joined = FRAME.merge(drawn.assignments, on="customer_id")
    assert frame["tag"].tolist() == ["aum", "age", "age", *["region"] * 4, "flag", "day"]
    assert frame["value"].tolist()[2:7] == ["(missing)", "north", "south", "east", "(missing)"]
    by_arm = joined.groupby("arm")
    for row, values in (
        (0, joined["aum"]),
        (2, joined["age"].isna().astype(float)),
        (3, (joined["region"] == "north").astype(float)),
        (7, joined["flag"].astype(float)),
    ):
        means = values.groupby(joined["arm"]).mean()
        for arm in ARMS:
            assert frame.loc[row, f"mean_{arm}"] == pytest.approx(means[arm], rel=1e-12)
        smd = (means.max() - means.min()) / values.std(ddof=0)
        assert frame.loc[row, "smd"] == pytest.approx(smd, rel=1e-9)
    assert drawn.worst == frame["smd"].max()
    assert by_arm.size().sum() == N


def test_the_tags_of_the_rule_are_balanced_unless_others_are_named() -> None:
    chosen = audience(TAGS, "aum > 1000 and tier = 'vip' and customer_id != 'c0001'")
    assert chosen.split(ARMS).to_frame()["tag"].tolist() == ["aum", "tier"]
    assert chosen.split(ARMS).to_frame()["smd"].tolist()[1] == 0  # all are vip
    assert chosen.split(ARMS, balance=[]).to_frame().empty
    assert chosen.split(ARMS, balance=[]).worst == 0
    assert chosen.limit(50).split(ARMS).to_frame().empty


def test_many_and_rare_values_are_put_together() -> None:
    words = FRAME.assign(word=[f"w{n % 25:02d}" for n in range(N)], empty=None)
    drawn = everybody(words.astype({"empty": "float64"})).split(ARMS, balance=["word", "empty"])
    assert drawn.to_frame()["value"].tolist() == [
        *[f"w{n:02d}" for n in range(20)], "(other)", "(missing)",
    ]  # fmt: skip
    assert drawn.to_frame()["smd"].tolist()[-1] == 0  # missing for all


def test_equal_arms_by_name() -> None:
    drawn = everybody().split(["a", "b", "c", "d"])
    assert drawn.counts["customers"].tolist() == [300] * 4
    assert set(drawn.assignments["probability"]) == {0.25}


def test_one_customer_an_arm() -> None:
    three = audience(TAGS, FRAME["customer_id"].head(3).tolist())
    assert three.split(["a", "b", "c"]).counts["customers"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("arms", "options", "message"),
    [
        ({"a": 0.5, "b": 0.6}, {}, r"shares of arms must sum to 1, got 1\.1"),
        ({"a": 1.5, "b": -0.5}, {}, "share of arm 'a' must be between 0 and 1, both excluded"),
        ({"a": 0.0, "b": 1.0}, {}, "share of arm 'a' must be between 0 and 1"),
        ({"a": "x", "b": 0.5}, {}, "share of arm 'a' must be a number"),
        ({"a": 1}, {}, "arms must be 2 to 100, got 1"),
        (["a", "a"], {}, "different names"),
        (["a", ""], {}, "different names"),
        ("ab", {}, "arms must map names to shares, or list names, got 'ab'"),
        (7, {}, "arms must map names"),
        ({"a": 0.0001, "b": 0.9999}, {}, "arm 'a' would hold nobody: 0.0001 of 1200"),
        (["a", "b"], {"stratify": ["regio"]}, "did you mean 'region'"),
        (["a", "b"], {"stratify": "region"}, "stratify must be a list of tags, got 'region'"),
        (["a", "b"], {"stratify": ["aum"]}, "'aum' is float64: make bands"),
        (["a", "b"], {"stratify": ["customer_id"]}, "stratify needs tags of words"),
        (["a", "b"], {"stratify": ["tier", "tier"]}, "each tag once"),
        (["a", "b"], {"stratify": ["day", "age"]}, "strata of 1,200 customers; at most"),
        (["a", "b"], {"balance": ["agee"]}, "did you mean 'age'"),
        (["a", "b"], {"balance": "age"}, "balance must be a list of tags, got 'age'"),
        (["a", "b"], {"balance": ["customer_id"]}, "every customer has another"),
        (["a", "b"], {"salts": 0}, "salts must be between 1"),
        (["a", "b"], {"salt": 5}, "salt must be text, got 5"),
    ],
)
def test_what_cannot_be_split_is_said(arms: Any, options: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        everybody().split(arms, **options)


def test_too_few_customers() -> None:
    for number in (0, 1):
        few = audience(TAGS, FRAME["customer_id"].head(number).tolist())
        with pytest.raises(
            InvalidInput, match=rf"audience of {number} customer\(s\) cannot be split"
        ):
            few.split(["a", "b"])
    two_each = audience(FRAME.assign(pair=[f"p{n // 2}" for n in range(N)]), "aum > 0")
    ten = audience(two_each.base, [f"c{n:04d}" for n in range(10)])
    arms, pairs = {"a": 0.1, "b": 0.9}, ["pair"]
    assert ten.split(arms, stratify=pairs).counts["customers"].tolist() in ([1, 9], [2, 8])

    def one_draw_each() -> None:
        for n in range(100):
            ten.split(arms, stratify=pairs, salt=str(n), salts=1)

    with pytest.raises(InvalidInput, match="none of 1 draws gave all of them one"):
        one_draw_each()


def test_values_that_cannot_be_compared() -> None:
    odd = ibis.memtable(
        pa.table(
            {
                "customer_id": ["a", "b", "c", "c"],
                "x": [1.0, float("inf"), 2.0, 2.0],
                "listed": [[1], [2], [3], [3]],
            }
        )
    )
    unique = odd.filter(odd.x.notnull() & (odd.customer_id != "c"))
    with pytest.raises(InvalidInput, match="'x' holds infinite ones"):
        audience(unique, "x > 0").split(["a", "b"])
    with pytest.raises(InvalidInput, match="'listed' is list"):
        audience(unique, "x > 0").split(["a", "b"], balance=["listed"])
    with pytest.raises(InvalidInput, match="one row a customer; some customers have more"):
        audience(odd, "x > 0").split(["a", "b"], balance=[])


def test_a_moment_counts_by_its_day() -> None:
    moments = FRAME.assign(moment=pd.to_datetime(FRAME["day"]) + pd.Timedelta(hours=5))
    drawn = everybody(moments).split(ARMS, balance=["moment"], salt="x")
    assert drawn.to_frame()["smd"].tolist() == (
        everybody().split(ARMS, balance=["day"], salt="x").to_frame()["smd"].tolist()
    )


def test_assignments_are_published_without_the_universal_control(tiny_mart: Mart) -> None:
    everyone = audience(tiny_mart["customers"], "customer_id is not null")
    drawn = everyone.split({"control": 0.5, "coupon": 0.5}, stratify=["region"], balance=[])
    done = drawn.publish(tiny_mart, "K9", as_of="2026-06-30")
    rows = tiny_mart.latest("assignments", name="K9").to_pyarrow().to_pandas()
    assert list(rows.columns) == ["customer_id", "as_of", "arm", "probability", "stratum"]
    assert rows["arm"].tolist() == drawn.assignments["arm"].tolist()
    assert set(rows["as_of"]) == {dt.date(2026, 6, 30)}
    assert done.manifest["parameters"]["stratify"] == ["region"]
    assert done.report.removed == {}

    control = universal_control(tiny_mart, 0.4, salt="x", as_of="2026-06-30")
    held = everyone.base.filter(control.contains(everyone.base.customer_id)).count().to_pyarrow()
    again = drawn.publish(tiny_mart, "K9", as_of="2026-06-30")
    assert again.id != done.id
    assert again.report.removed == {"universal_control": held.as_py()} == {"universal_control": 5}
    assert again.rows == 7


def test_assignments_of_unknown_customers_are_refused(tiny_mart: Mart) -> None:
    drawn = everybody().split(ARMS)
    with pytest.raises(PublicationError, match="customer_id is found in customers"):
        drawn.publish(tiny_mart, "K9", as_of="2026-06-30")


def test_without_strata_the_stratum_is_null(tiny_mart: Mart) -> None:
    everyone = audience(tiny_mart["customers"], "customer_id is not null")
    everyone.split(["a", "b"], balance=[]).publish(tiny_mart, "x", as_of="2026-06-30")
    assert tiny_mart.latest("assignments", name="x").to_pyarrow()["stratum"].null_count == 12


def test_a_split_shows_itself() -> None:
    drawn = everybody().split(ARMS, balance=["aum"])
    assert "control 240, coupon 600, message 360" in drawn._repr_html_()
    assert repr(drawn).startswith("Split(control 240, coupon 600, message 360; largest")
