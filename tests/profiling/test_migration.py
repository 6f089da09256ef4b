"""Migration between two days: counts by hand, entering and leaving, suppression, what is refused."""

from __future__ import annotations

from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson
from marketing_ds.audiences import audience
from marketing_ds.profiling import migration
from marketing_ds.tags import Fact, Tag

from .people import people

BEFORE = people()
MOVED = np.random.default_rng(3).random(len(BEFORE)) < 0.3
AFTER = BEFORE.assign(
    lifecycle=np.where(MOVED, BEFORE["lifecycle"].map({"new": "mature", "mature": "dormant", "dormant": "lost"}), BEFORE["lifecycle"])
)  # fmt: skip
AFTER = pd.concat(
    [AFTER.iloc[60:], people(80, seed=7).assign(lifecycle="new", customer_id=[f"d{i}" for i in range(80)])],
    ignore_index=True,
)  # fmt: skip


def test_the_matrix_is_that_of_a_crosstab() -> None:
    moved = migration(BEFORE, AFTER, min_count=1)
    both = BEFORE.merge(AFTER, on="customer_id", suffixes=("_before", "_after"))
    expected = pd.crosstab(both["lifecycle_before"], both["lifecycle_after"])
    for (before, after), n in expected.stack().items():
        assert (
            moved.matrix().loc[before, after] is pd.NA
            if n == 0
            else moved.matrix().loc[before, after] == n
        )
    assert (moved.before_count, moved.after_count, moved.both_count) == (2000, 2020, 1940)
    assert moved.matrix().loc["(entered)", "new"] == 80
    left = BEFORE.iloc[:60]["lifecycle"].value_counts()
    assert moved.matrix()["(left)"].dropna().to_dict() == left.to_dict()


def test_values_are_in_the_order_of_the_catalogue() -> None:
    moved = migration(BEFORE, AFTER)
    assert moved.values() == ["new", "mature", "dormant", "lost"]
    assert moved.values("zh") == ["新客", "成熟", "睡眠", "流失"]
    assert (moved.title(), moved.title("zh")) == ("Lifecycle stage", "生命周期阶段")


def test_row_shares_have_wilsons_interval() -> None:
    frame = migration(BEFORE, AFTER).to_frame()
    (row,) = frame[(frame["before"] == "mature") & (frame["after"] == "dormant")].itertuples()
    size = int((BEFORE["lifecycle"] == "mature").sum())
    assert row.row_share == row.n / size
    lower, upper = wilson([row.n], [size])
    assert (row.row_share_ci_lower, row.row_share_ci_upper) == (lower[0], upper[0])
    assert np.isnan(frame.loc[frame["before"] == "(entered)", "row_share"]).all()


def test_flows_sum_up() -> None:
    flows = migration(BEFORE, AFTER).flows().set_index("value")
    before, after = BEFORE["lifecycle"].value_counts(), AFTER["lifecycle"].value_counts()
    for value in ("new", "mature", "dormant"):
        assert flows.loc[value, ["n_before", "n_after"]].tolist() == [before[value], after[value]]
        assert flows.loc[value, "net"] == after[value] - before[value]
        assert flows.loc[value, "rel_net"] == pytest.approx(after[value] / before[value] - 1)
    assert flows.loc["lost", "n_before"] == 0


def test_the_same_day_twice_moves_nobody() -> None:
    moved = migration(BEFORE, BEFORE, "value_tier")
    assert (moved.flows()["net"] == 0).all()
    assert (moved.to_frame()["before"] == moved.to_frame()["after"]).all()


def test_small_flows_are_hidden_with_others() -> None:
    later = AFTER.copy()
    later.loc[later["customer_id"].isin(["c00100", "c00101", "c00102"]), "lifecycle"] = "growing"
    moved = migration(BEFORE, later)
    shown = moved.counts[~np.isnan(moved.counts)]
    assert (shown >= 10).all()
    growing = moved.values().index("growing")
    assert np.isnan(moved.margins[1][growing])  # three customers
    assert np.isnan(moved.margins[1]).sum() == 2  # and one more value, or they would follow
    assert moved.matrix()["growing"].isna().all()


def test_audiences_follow_their_members() -> None:
    first, second = audience(BEFORE, "aum >= 20000"), audience(AFTER, "aum >= 30000")
    moved = migration(first, second, "value_tier")
    assert (moved.before_count, moved.after_count) == (first.count(), second.count())
    assert np.nansum(moved.counts[:, -1]) > 0


def test_true_and_false_and_missing_are_followed() -> None:
    moved = migration(BEFORE, AFTER, "salary_found", language="zh")
    assert moved.values() == ["是", "否", "（缺失）"]
    assert moved.values("en") == ["yes", "no", "(missing)"]
    assert (
        moved.matrix("en").loc["yes", "yes"]
        == (BEFORE["salary_found"] & (BEFORE.index >= 60)).sum()
    )


def test_a_tag_of_ones_own() -> None:
    own = Tag("region", "Where", "所在地", "string", Fact("region"), "")
    assert migration(BEFORE, AFTER, own).title() == "Where"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tag": "lifecicle"}, "before must have the column.*did you mean 'lifecycle'"),
        ({"tag": "aum"}, "must hold words, or true or false, to be followed, got 'aum'"),
        ({"after": AFTER.drop(columns="lifecycle")}, "after must have the column"),
        (
            {"after": AFTER.assign(lifecycle=AFTER["visits"] > 1)},
            "must be of one type on both days",
        ),
        ({"after": AFTER.iloc[:0]}, "after must have at least one customer"),
        (
            {"before": pd.concat([BEFORE, BEFORE.head(3)])},
            "before must have one row a customer, got 2,003",
        ),
        ({"before": ["c1"]}, "before must be a tag table or an audience, got list"),
        ({"before": BEFORE.assign(lifecycle=BEFORE["customer_id"])}, "at most 40 values"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"alpha": 1.0}, "alpha must be between 0 and 1"),
        ({"language": "de"}, "language must be one of"),
    ],
)
def test_what_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        migration(**{"before": BEFORE, "after": AFTER, **arguments})  # type: ignore[arg-type]


def test_tables_of_two_marts_do_not_join(tmp_path: Path) -> None:
    BEFORE[["customer_id", "lifecycle"]].to_parquet(tmp_path / "tags.parquet")
    tables = [ibis.duckdb.connect().read_parquet(tmp_path / "tags.parquet") for _ in "ab"]
    with pytest.raises(InvalidInput, match="must be tables of one mart"):
        migration(*tables)


def test_it_shows_as_a_matrix() -> None:
    html = migration(BEFORE, AFTER)._repr_html_()
    assert "Migration: Lifecycle stage" in html
    assert "(entered)" in html
