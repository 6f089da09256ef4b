"""Trend: sizes, comings and goings by hand on the tiny mart; alarms on planted changes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.stability import psi, psi_by_chance
from marketing_ds.mart import Mart, open_mart
from marketing_ds.profiling import Alarm, Trend, trend
from marketing_ds.profiling._alarms import Day, alarms_of
from marketing_ds.profiling._columns import Column
from marketing_ds.rules import Rule
from marketing_ds.tags import Fact, Tag, tag_table

DATES = ["2026-04-30", "2026-05-31", "2026-06-30"]
RULE = "aum >= 6000"


@pytest.fixture(scope="module")
def over(tiny_mart_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Trend:
    with open_mart(tiny_mart_dir, workspace=tmp_path_factory.mktemp("workspace")) as mart:
        return trend(mart, RULE, DATES, tags=["value_tier", "region", "aum"], min_count=1)


def test_sizes_and_moves_are_those_of_each_days_tags(over: Trend, tiny_mart: Mart) -> None:
    before: set[str] = set()
    for row in over.rows.itertuples():
        tags = tag_table(tiny_mart, row.as_of, ["aum"]).to_pyarrow().to_pandas()
        members = set(tags.loc[tags["aum"] >= 6000, "customer_id"])
        assert (row.n, row.n_base) == (len(members), len(tags))
        if before:
            expected = [len(members - before), len(before - members), len(members & before)]
            assert [row.entered, row.left, row.stayed] == expected
            assert row.rel_change == pytest.approx(len(members) / len(before) - 1)
        before = members
    assert over.rows["n"].iloc[-1] > over.rows["n"].iloc[0]  # balances grow by a tenth a month


def test_the_frame_has_shares_psi_and_words(over: Trend) -> None:
    frame = over.to_frame()
    assert list(frame["as_of"]) == [dt.date.fromisoformat(day) for day in DATES]
    assert (frame["audience_share_ci_lower"] < frame["audience_share"]).all()
    assert frame["psi"].isna().tolist() == [True, False, False]
    assert (frame["psi_first"].iloc[1:] >= 0).all()
    assert frame["alarms"].map(type).eq(str).all()


def test_the_mix_adds_up(over: Trend) -> None:
    mix = over.mix("zh")
    assert set(mix["title"]) == {"价值分层", "地区", "管理资产规模（AUM）（元）"}
    sums = mix.groupby(["as_of", "tag"])["audience_share"].sum()
    np.testing.assert_allclose(sums, 1)


def test_days_are_put_in_order_and_taken_once(tiny_mart: Mart) -> None:
    found = trend(tiny_mart, Rule.parse(RULE), [DATES[2], DATES[0], DATES[0]], tags=[])
    assert [str(day) for day in found.rows["as_of"]] == [DATES[0], DATES[2]]
    assert found.rows["psi"].isna().all()
    assert found.mix().empty


def test_usual_tags_are_watched(tiny_mart: Mart) -> None:
    found = trend(tiny_mart, {"tag": "aum", "op": ">=", "value": 2000}, DATES[:2], min_count=1)
    assert set(found.mix()["tag"]) == {"value_tier", "lifecycle"}
    assert found.rule == "aum >= 2000"


def test_relative_days_mean_each_day(tiny_mart: Mart) -> None:
    found = trend(tiny_mart, "opened_on > as_of - 30 days", ["2026-06-10", "2026-06-30"], tags=[])
    assert found.rows["n"].tolist() == [0, 1]  # c11 was opened on 15 June
    assert [alarm.kind for alarm in found.alarms] == ["empty"]
    assert np.isnan(found.rows["rel_change"].iloc[1])


def test_a_tag_of_ones_own(tiny_mart: Mart) -> None:
    own = Tag("place", "Where", "所在地", "string", Fact("region"), "")
    found = trend(tiny_mart, "place == 'Shanghai'", DATES[:2], tags=[own], min_count=1)
    assert set(found.mix()["title"]) == {"Where"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dates": ["2026-06-30"]}, "at least two different days"),
        ({"dates": "2026-06-30"}, "dates must be a list of days"),
        ({"dates": ["2026-06-30", "yesterday"]}, "dates must be a date such as"),
        ({"dates": ["2026-06-30", "2027-06-30"]}, "as_of must not lie after"),
        ({"rule": "amu > 1"}, "did you mean 'aum'"),
        ({"rule": "aum >"}, "position"),
        ({"rule": ["c01"]}, "rule must be rule text, a dict or a Rule"),
        ({"tags": "region"}, "tags must be a list of names"),
        ({"tags": ["regoin"]}, "did you mean 'region'"),
        ({"tolerance": -1}, "tolerance must be at least 0"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"alpha": 2}, "alpha must be between"),
        ({"language": "de"}, "language must be one of"),
    ],
)
def test_what_is_refused(tiny_mart: Mart, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        trend(tiny_mart, **{"rule": RULE, "dates": DATES, **arguments})  # type: ignore[arg-type]


TIER = Column("tier", "word")


def _day(number: int, n: int, stayed: int = 0, mix: Sequence[int] = ()) -> Day:
    cells = pd.DataFrame(
        {"tag": "tier", "cell": [f"v{i}" for i in range(len(mix))], "n": list(mix)}
    )
    return Day(dt.date(2026, 1, number), n, 10_000, stayed, cells, (TIER,) if mix else ())


def _kinds(*days: Day, tolerance: float = 0.2) -> list[tuple[int, str]]:
    return [(alarm.as_of.day, alarm.kind) for alarm in alarms_of(days, tolerance, 0.05)]


def test_a_size_that_doubles_is_an_alarm() -> None:
    assert _kinds(_day(1, 1000), _day(2, 1050, 900), _day(3, 2100, 1000)) == [(3, "size")]
    assert _kinds(_day(1, 1000), _day(2, 500, 490)) == [(2, "size")]


def test_what_chance_may_do_to_a_small_audience_is_none() -> None:
    assert _kinds(_day(1, 10), _day(2, 16, 2)) == []
    assert _kinds(_day(1, 10_000), _day(2, 16_000, 2000)) == [(2, "size")]


def test_a_tolerated_change_is_none() -> None:
    days = [_day(1, 1000), _day(2, 1400, 1000)]
    assert _kinds(*days) == [(2, "size")]
    assert _kinds(*days, tolerance=0.5) == []


def test_a_seasonal_audience_is_measured_by_its_own_changes() -> None:
    swinging = [_day(i + 1, 10_000 if i % 2 else 7_500, 7_000) for i in range(6)]
    assert [day for day, _ in _kinds(*swinging)] == [2, 3, 4]  # then it is known to swing
    assert _kinds(*swinging, _day(7, 30_000, 9_000))[-1] == (7, "size")


def test_a_mix_that_shifts_or_becomes_another() -> None:
    first = _day(1, 1000, 0, [500, 300, 200])
    assert _kinds(first, _day(2, 1000, 900, [480, 310, 210])) == []
    assert _kinds(first, _day(2, 1000, 900, [400, 250, 350])) == [(2, "watch")]
    assert _kinds(first, _day(2, 1000, 900, [200, 300, 500])) == [(2, "mix")]


def test_a_slow_drift_is_seen_against_the_first_day() -> None:
    days = [_day(i + 1, 1000, 900, [500 - 60 * i, 300, 200 + 60 * i]) for i in range(5)]
    found = alarms_of(days, 0.2, 0.05)
    assert found
    assert {alarm.since for alarm in found} == {dt.date(2026, 1, 1)}


def test_the_mix_of_few_customers_is_never_stable_so_it_raises_none() -> None:
    assert _kinds(_day(1, 20, 0, [10, 6, 4]), _day(2, 20, 10, [6, 6, 8])) == []


def test_days_without_anybody() -> None:
    days = [_day(1, 0), _day(2, 100, 0, [60, 40]), _day(3, 0), _day(4, 90, 0, [50, 40])]
    assert _kinds(*days) == [(1, "empty"), (3, "empty")]


def test_alarms_speak_both_languages() -> None:
    alarm = Alarm(
        dt.date(2026, 2, 1), "mix", 0.31, 0.25, dt.date(2026, 1, 1), "tier", ("Tier", "分层")
    )
    assert alarm.text() == "mix of Tier has changed (PSI 0.31 against 2026-01-01)"
    assert alarm.text("zh") == "分层的构成已改变（相对 2026-01-01 的 PSI 为 0.31）"
    sized = Alarm(dt.date(2026, 2, 1), "size", -0.4, 0.2, dt.date(2026, 1, 1))
    assert sized.text() == "size changed by -40%, beyond the 20% expected"


counts = st.lists(st.integers(0, 1000), min_size=2, max_size=8)


@given(counts)
def test_psi_of_the_same_mix_is_zero(n: list[int]) -> None:
    value = psi(n, n)
    assert math.isnan(value) if sum(n) == 0 else abs(value) < 1e-12


@given(
    counts.flatmap(
        lambda a: st.tuples(
            st.just(a), st.lists(st.integers(0, 1000), min_size=len(a), max_size=len(a))
        )
    )
)
def test_psi_is_symmetric_and_not_negative(pair: tuple[list[int], list[int]]) -> None:
    a, b = pair
    if sum(a) and sum(b):
        assert psi(a, b) >= -1e-12
        assert psi(a, b) == pytest.approx(psi(b, a))


def test_psi_by_chance_is_rarely_exceeded_by_chance() -> None:
    rng = np.random.default_rng(2)
    share = [0.5, 0.3, 0.15, 0.05]
    found = [psi(rng.multinomial(400, share), rng.multinomial(600, share)) for _ in range(2000)]
    limit = psi_by_chance(400, 600, 4, 0.05)
    assert 0.03 < np.mean(np.array(found) > limit) < 0.07
    assert psi_by_chance(400, 600, 1, 0.05) == 0
