"""Reach counts customers and rows by arm, channel and stage, each in its attribution window."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.campaign import Reach
from marketing_ds.evaluation.campaign.reach import reach_of
from marketing_ds.mart import Mart

from .conftest import rows_of


@cache
def reached(mart: Mart, as_of: str = "2026-06-30") -> Reach:
    with rows_of(mart, as_of=as_of) as rows:
        return reach_of(rows, alpha=0.05)


def counts(frame: pd.DataFrame, stage: str, channel: str = "all") -> dict[str, tuple[int, int]]:
    rows = frame[(frame["stage"] == stage) & (frame["channel"] == channel)]
    return {
        row.arm: (row.customers, row.count_)
        for row in rows.rename(columns={"count": "count_"}).itertuples()
    }


@pytest.mark.parametrize(
    ("stage", "control", "coupon", "message"),
    [
        ("assigned", (3, 3), (3, 3), (3, 3)),
        ("contacted", (0, 0), (3, 3), (3, 3)),
        ("opened", (0, 0), (3, 3), (0, 0)),
        ("clicked", (0, 0), (2, 2), (0, 0)),
        ("viewed", (1, 2), (2, 2), (1, 1)),
        ("visited", (1, 2), (2, 2), (2, 2)),
        ("shared", (0, 0), (1, 1), (1, 1)),
        ("redeemed", (0, 0), (1, 1), (0, 0)),
        ("converted", (1, 1), (1, 2), (1, 1)),
    ],
)
def test_every_stage_is_counted_by_hand(busy: Mart, stage, control, coupon, message) -> None:
    found = counts(reached(busy).to_frame(), stage)
    assert found == {
        "control": control,
        "coupon": coupon,
        "message": message,
        "all": tuple(map(sum, zip(control, coupon, message, strict=True))),
    }


def test_stages_by_channel_hold_only_who_was_there(busy: Mart) -> None:
    frame = reached(busy).to_frame()
    assert counts(frame, "contacted", "sms") == {"coupon": (3, 3), "all": (3, 3)}
    assert counts(frame, "contacted", "app") == {"message": (3, 3), "all": (3, 3)}
    assert counts(frame, "visited", "app") == {
        "control": (1, 1), "coupon": (2, 2), "message": (2, 2), "all": (5, 5)
    }  # fmt: skip
    assert counts(frame, "visited", "wechat") == {"control": (1, 1), "all": (1, 1)}


def test_shares_are_of_the_assigned_with_wilson_s_interval(busy: Mart) -> None:
    frame = reached(busy).to_frame()
    row = frame[
        (frame["stage"] == "clicked") & (frame["arm"] == "coupon") & (frame["channel"] == "all")
    ]
    lower, upper = wilson([2], [3])
    assert row[["assigned", "reach_share"]].to_numpy().tolist() == [[3, 2 / 3]]
    assert row["reach_share_ci_lower"].tolist() == lower.tolist()
    assert row["reach_share_ci_upper"].tolist() == upper.tolist()


def test_messages_have_open_and_click_rates(busy: Mart) -> None:
    found = reached(busy).messages.set_index(["arm", "channel"])
    coupon, message = found.loc[("coupon", "sms")], found.loc[("message", "app")]
    assert coupon[["messages", "opened", "clicked"]].tolist() == [3, 3, 2]
    assert coupon[["open_share", "click_share", "click_of_opened_share"]].tolist() == [
        1,
        2 / 3,
        2 / 3,
    ]
    assert coupon["cost_cny"] == pytest.approx(0.15, rel=1e-12)
    assert message[["open_share", "click_share"]].tolist() == [0, 0]
    assert pd.isna(message["click_of_opened_share"])


def test_rows_outside_are_told_apart(busy: Mart) -> None:
    assert reached(busy).left_out.to_numpy().tolist() == [
        ["events", "after the window", 1, 1],
        ["events", "before the assignment", 1, 1],
        ["events", "not assigned", 3, 3],
    ]


def test_nothing_after_as_of_counts(busy: Mart) -> None:
    early = reached(busy, "2026-05-04")
    assert (
        early.customers("visited") == 1
    )  # c02; the late row of c05 and all later ones are unknown
    assert early.customers("converted") == 1
    assert early.customers("redeemed") == 0
    assert reached(busy, "2026-06-09").customers("visited", "coupon") == 1
    assert reached(busy).customers("visited", "coupon") == 2


def test_an_open_or_click_after_as_of_is_not_known_yet(busy_tables, open_tables) -> None:
    busy_tables["contacts"][0]["clicked_at"] = pd.Timestamp("2026-05-06 10:00")
    mart = open_tables(busy_tables)
    assert reached(mart, "2026-05-05").messages["clicked"].tolist() == [1, 0]
    assert reached(mart, "2026-05-06").messages["clicked"].tolist() == [2, 0]


def test_without_contacts_and_events_the_audience_remains(busy_tables, open_tables) -> None:
    for name in ("contacts", "events", "benefit_grants", "transactions"):
        del busy_tables[name]
    found = reached(open_tables(busy_tables))
    assert found.to_frame()["stage"].unique().tolist() == ["assigned"]
    assert found.messages.empty
    assert found.left_out.empty
    assert found.customers("clicked") == 0
