"""The funnel: each step after the one before, within the window."""

from __future__ import annotations

from functools import cache

import ibis
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.campaign import Funnel
from marketing_ds.evaluation.campaign.funnel import funnel_of
from marketing_ds.mart import Mart

from .conftest import at, event, rows_of

DESIGN = {"probability": "probability"}


def walked(mart: Mart, steps=None, as_of: str = "2026-06-30", design=None) -> Funnel:
    with rows_of(mart, as_of=as_of) as rows:
        return funnel_of(mart, rows, steps, design=design, alpha=0.05)


@cache
def usual(mart: Mart) -> Funnel:
    return walked(mart, design=DESIGN)


def customers(funnel: Funnel, arm: str) -> list[int]:
    frame = funnel.to_frame()
    return frame.loc[frame["arm"] == arm, "customers"].tolist()


def test_customers_come_through_by_hand(busy: Mart) -> None:
    funnel = usual(busy)
    assert funnel.steps == ("contacted", "opened", "clicked", "visited", "converted")
    # c08 clicked, but came after the window; c02 bought before the visit, and again after it.
    assert customers(funnel, "coupon") == [3, 3, 3, 2, 1, 1]
    assert customers(funnel, "message") == [3, 3, 0, 0, 0, 0]
    assert customers(funnel, "control") == [3, 0, 0, 0, 0, 0]
    assert customers(funnel, "all") == [9, 6, 3, 2, 1, 1]


def test_conversion_and_drop_off_have_wilson_s_intervals(busy: Mart) -> None:
    frame = usual(busy).to_frame().set_index(["arm", "step"])
    row = frame.loc[("coupon", "visited")]
    assert row[["customers", "drop_off"]].tolist() == [1, 1]
    assert row[["conversion_share", "drop_off_share", "reach_share"]].tolist() == [
        1 / 2,
        1 / 2,
        1 / 3,
    ]
    for name, count, size in (
        ("conversion_share", 1, 2),
        ("drop_off_share", 1, 2),
        ("reach_share", 1, 3),
    ):
        lower, upper = wilson([count], [size])
        assert row[[f"{name}_ci_lower", f"{name}_ci_upper"]].tolist() == [lower[0], upper[0]]
    assert pd.isna(frame.loc[("message", "clicked"), "conversion_share"])


def test_a_step_before_the_one_before_does_not_count(busy_tables, open_tables) -> None:
    busy_tables["transactions"] = [t for t in busy_tables["transactions"] if t["amount_cny"] != 700]
    mart = open_tables(busy_tables)
    assert customers(walked(mart), "coupon") == [3, 3, 3, 2, 1, 0]  # c02 bought at 09:00 only
    assert customers(walked(mart, ["converted", "visited"]), "coupon") == [3, 1, 1]


def test_any_sequence_that_fits_counts_not_only_the_first_moments(busy_tables, open_tables) -> None:
    busy_tables["events"] += [
        event(20, "c08", "view", at(5, 4, 9)),  # before the click of 12:01
        event(21, "c08", "view", at(5, 10)),
    ]
    assert customers(walked(open_tables(busy_tables)), "coupon") == [3, 3, 3, 2, 2, 1]


def test_steps_are_compared_where_control_has_a_part(busy: Mart) -> None:
    effects = usual(busy).effects
    assert effects is not None
    assert effects.correction == "holm"
    frame = effects.to_frame().set_index(["metric", "arm"])
    # Taken at all: visited by c04 | c02, c05 | c03, c06; bought by c04 | c02 | c03.
    assert set(frame.index) == {
        (m, a) for m in ("visited", "converted") for a in ("coupon", "message")
    }
    assert frame.loc[("visited", "coupon"), "effect"] == pytest.approx(1 / 3, rel=1e-12)
    assert frame.loc[("converted", "message"), "effect"] == pytest.approx(0, abs=1e-12)
    by_hand = pd.DataFrame(
        {
            "arm": ["control"] * 3 + ["coupon"] * 3 + ["message"] * 3,
            "visited": [0, 1, 0, 1, 1, 0, 1, 1, 0],
            "converted": [0, 1, 0, 1, 0, 0, 1, 0, 0],
            "probability": 1 / 3,
        }
    )
    same = analyze_experiment(by_hand, ["visited", "converted"], **DESIGN).to_frame()
    pd.testing.assert_frame_equal(effects.to_frame(), same)


def test_a_step_that_control_cannot_take_is_no_effect(busy_tables, open_tables) -> None:
    busy_tables["events"] = [e for e in busy_tables["events"] if e["customer_id"] != "c04"]
    effects = walked(open_tables(busy_tables), design=DESIGN).effects
    assert effects is not None
    assert effects.to_frame()["metric"].unique().tolist() == ["converted"]


def test_without_a_draw_there_are_no_effects(busy: Mart) -> None:
    assert walked(busy, ["visited"]).effects is None


def test_a_funnel_of_contacts_alone_compares_nothing(busy: Mart) -> None:
    assert walked(busy, ["contacted", "clicked"], design=DESIGN).effects is None


def test_names_of_events_and_conditions_are_steps_of_all_in_the_window(busy: Mart) -> None:
    own = {"looked": "view", "from_wechat": ibis._.channel == "wechat", "bought": "converted"}
    funnel = walked(busy, own, design=DESIGN)
    # c04 looked on 7 May through WeChat and bought on the 18th; c03 shared through WeChat after
    # looking, but bought the day after that.
    assert customers(funnel, "control")[-2:] == [1, 1]
    assert customers(funnel, "message")[-2:] == [1, 1]
    assert funnel.effects is not None
    assert set(funnel.effects.to_frame()["metric"]) == set(own)
    function = walked(busy, {"long": lambda events: events.duration_s > 10})
    assert customers(function, "control") == [3, _long(busy, ("c01", "c04", "c07"))]


def _long(mart: Mart, who: tuple[str, ...]) -> int:
    events = mart["events"].to_pyarrow().to_pandas()
    inside = events["occurred_at"].between("2026-05-04 09:00", "2026-05-18 08:59:59")
    kept = events[inside & (events["duration_s"] > 10) & events["customer_id"].isin(who)]
    return int(kept["customer_id"].nunique())


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "funnel must be a list of at least one step"),
        ("visited", "funnel must be a list of at least one step, got 'visited'"),
        (["visited", "visited"], "different steps"),
        (["visitid"], "did you mean 'visited'"),
        ({"x": lambda events: events.duration_s}, "must be a condition on events"),
    ],
)
def test_bad_funnels_are_refused(busy: Mart, steps, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        walked(busy, steps)


def test_a_step_without_its_table_is_refused(busy_tables, open_tables) -> None:
    del busy_tables["events"]
    mart = open_tables(busy_tables)
    with pytest.raises(MartError, match="'visited' of the funnel needs a table"):
        walked(mart, ["visited"])
    with pytest.raises(MartError, match="'view' of the funnel needs the table 'events'"):
        walked(mart, ["view"])
    assert walked(mart).steps == ("contacted", "opened", "clicked", "converted")
