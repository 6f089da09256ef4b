"""Shares: how many, by whom, and how long their chains are."""

from __future__ import annotations

import math

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.campaign import Sharing, sharing
from marketing_ds.evaluation.campaign.sharing import followed, sharing_of
from marketing_ds.mart import Mart, open_mart

from .conftest import rows_of


def shared(mart: Mart, as_of: str = "2026-06-30") -> Sharing:
    with rows_of(mart, as_of=as_of) as rows:
        return sharing_of(mart, rows, alpha=0.05)


def test_chains_are_followed_by_hand(busy: Mart) -> None:
    found = shared(busy)
    assert (found.shares, found.sharers, found.brought, found.depth) == (2, 2, 5, 2)
    assert found.unrooted == 2  # c11 and c12 brought each other
    assert found.brought_per_sharer == 2.5
    levels = found.to_frame()[["depth", "customers", "sharers"]].to_numpy().tolist()
    # Nobody brought c01, c02 and c05 to c09; c02 brought c03, who brought c04 and c10.
    assert levels == [[0, 7, 1], [1, 1, 1], [2, 2, 0]]


def test_the_share_of_who_shares_has_wilson_s_interval(busy: Mart) -> None:
    first = shared(busy).to_frame().iloc[0]
    lower, upper = wilson([1], [7])
    assert first["sharing_share"] == 1 / 7
    assert [first["sharing_share_ci_lower"], first["sharing_share_ci_upper"]] == [
        lower[0],
        upper[0],
    ]


def test_a_chain_is_as_long_as_it_was_by_then(busy: Mart) -> None:
    assert shared(busy, "2026-05-04").depth == 0
    assert shared(busy, "2026-05-05").depth == 1
    assert shared(busy, "2026-05-06").depth == 2


def test_a_mart_that_does_not_say_who_shared_has_no_depth(busy_folder, tmp_path) -> None:
    for file in busy_folder.iterdir():
        table = pq.read_table(file)
        if file.stem == "events":
            table = table.drop_columns(["shared_by"])
        pq.write_table(table, tmp_path / file.name)
    with open_mart(tmp_path, workspace=tmp_path / "workspace") as mart:
        found = shared(mart)
        assert mart.check(business_date="2026-07-01").passed
    assert (found.shares, found.sharers) == (2, 2)
    assert found.brought is None
    assert found.depth is None
    assert found.to_frame().empty
    assert math.isnan(found.brought_per_sharer)


def test_without_events_nothing_is_known(busy_tables, open_tables) -> None:
    del busy_tables["events"]
    found = shared(open_tables(busy_tables))
    assert (found.shares, found.brought) == (0, None)


def test_chains_end_at_the_bound(busy_tables, open_tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MAX_DEPTH", 1)
    found = shared(open_tables(busy_tables))
    assert (found.depth, found.unrooted) == (1, 4)


def by_walking(links: dict[int, int]) -> tuple[dict[int, int], int]:
    """Depths by following every customer up to the top, and how many never get there."""
    depths: dict[int, int] = {}
    lost = 0
    for customer in links:
        above, steps = customer, 0
        while above in links and steps <= len(links):
            above, steps = links[above], steps + 1
        if above in links:
            lost += 1
        else:
            depths[steps] = depths.get(steps, 0) + 1
    return depths, lost


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(links=st.dictionaries(st.integers(1, 9), st.integers(1, 9), max_size=9))
def test_depths_are_those_of_walking_up(links: dict[int, int], busy: Mart) -> None:
    links = {who: by for who, by in links.items() if who != by}
    strings = pa.table(
        {
            "customer_id": pa.array([str(who) for who in links], pa.string()),
            "shared_by": pa.array([str(by) for by in links.values()], pa.string()),
        }
    )
    sharers = ibis.memtable(pa.table({"_sharer": pa.array(["1"])}))
    levels, lost = followed(busy, ibis.memtable(strings), sharers)
    depths, unrooted = by_walking(links)
    assert {depth: size for depth, (size, _) in enumerate(levels, start=1)} == depths
    assert lost == unrooted
