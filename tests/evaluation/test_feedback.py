"""Published effects come back as tags, each from the day of its publication on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, NotPublished
from marketing_ds.evaluation import effect_tags
from marketing_ds.mart import Mart
from marketing_ds.tags import tag_table
from marketing_ds.training import training_set


def row(arm: str, effect: float, low: float, **changes: Any) -> dict[str, Any]:
    known = {
        "campaign_id": "K1", "metric": "converted", "arm": arm, "segment": "all",
        "method": "randomised", "n_control": 3, "n_arm": 3, "mean_control": 0.1,
        "mean_arm": 0.1 + effect, "effect": effect, "effect_ci_lower": low,
        "effect_ci_upper": 2 * effect - low, "standard_error": 0.01, "rel_effect": 10 * effect,
        "rel_effect_ci_lower": None, "rel_effect_ci_upper": None, "p_value": 0.03, "blocked": False,
    }  # fmt: skip
    return known | changes


def publish(mart: Mart, day: str, *rows: dict[str, Any]) -> None:
    frame = pd.DataFrame(list(rows)).astype(
        {"rel_effect_ci_lower": float, "rel_effect_ci_upper": float, "effect": float}
    )
    mart.publish("effects", frame, name=str(rows[0]["campaign_id"]), as_of=day)


def values(mart: Mart, day: str, name: str, entity: str = "customer") -> dict[str, Any]:
    tags = [tag for tag in effect_tags(mart) if tag.entity == entity]
    table = tag_table(mart, day, tags=tags, entity=entity).to_pyarrow().to_pylist()
    return {r[f"{entity}_id"]: r[name] for r in table}


def of_arm(mart: Mart, arm: str) -> list[str]:
    rows = mart["assignments"].to_pyarrow().to_pylist()
    return sorted(r["customer_id"] for r in rows if r["campaign_id"] == "K1" and r["arm"] == arm)


def test_customers_carry_the_effects_of_the_arms_they_were_given(engine_mart: Mart) -> None:
    publish(engine_mart, "2026-05-31", row("coupon", 0.2, 0.1), row("message", 0.05, -0.01))
    added = values(engine_mart, "2026-06-30", "added_converted")
    assert {c for c, v in added.items() if v == 0.2} == set(of_arm(engine_mart, "coupon"))
    assert {c for c, v in added.items() if v == 0.05} == set(of_arm(engine_mart, "message"))
    assert {added[c] for c in of_arm(engine_mart, "control")} == {0.0}
    proven = values(engine_mart, "2026-06-30", "proven_offers")
    assert {c for c, v in proven.items() if v} == set(of_arm(engine_mart, "coupon"))
    open_ = values(engine_mart, "2026-06-30", "unproven_offers")
    assert {c for c, v in open_.items() if v} == set(of_arm(engine_mart, "message"))


def test_nothing_is_known_before_it_was_published(tiny_mart: Mart) -> None:
    publish(tiny_mart, "2026-05-31", row("coupon", 0.2, 0.1))
    assert set(values(tiny_mart, "2026-05-30", "added_converted").values()) == {0.0}
    assert max(values(tiny_mart, "2026-05-31", "added_converted").values()) == 0.2
    assert values(tiny_mart, "2026-05-30", "best_arm", "campaign")["K1"] is None
    assert values(tiny_mart, "2026-05-31", "best_arm", "campaign")["K1"] == "coupon"


def test_a_later_look_takes_the_place_of_an_earlier_one(tiny_mart: Mart) -> None:
    publish(tiny_mart, "2026-05-20", row("coupon", 0.2, 0.1), row("message", 0.1, 0.0))
    publish(tiny_mart, "2026-05-31", row("coupon", 0.1, -0.1), row("message", 0.3, 0.1))
    customer = of_arm(tiny_mart, "coupon")[0]
    assert values(tiny_mart, "2026-05-25", "added_converted")[customer] == 0.2
    assert values(tiny_mart, "2026-06-25", "added_converted")[customer] == 0.1
    assert values(tiny_mart, "2026-06-25", "proven_offers")[customer] == 0
    assert values(tiny_mart, "2026-05-25", "best_arm", "campaign")["K1"] == "coupon"
    assert values(tiny_mart, "2026-06-25", "best_arm", "campaign")["K1"] == "message"
    assert values(tiny_mart, "2026-06-25", "best_arm_effect", "campaign")["K1"] == 0.3
    assert values(tiny_mart, "2026-06-25", "best_arm_shown", "campaign")["K1"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"blocked": True},
        {"metric": "clicked"},
        {"segment": "gender=F"},
        {"method": "matching"},
        {"effect": float("nan")},
    ],
)
def test_what_must_not_be_believed_is_left_out(tiny_mart: Mart, changes: dict[str, Any]) -> None:
    publish(tiny_mart, "2026-05-31", row("coupon", 0.2, 0.1) | changes)
    with pytest.raises(NotPublished, match="must hold an effect on a campaign's objective"):
        effect_tags(tiny_mart)


def test_weaker_evidence_counts_where_it_is_asked_for(tiny_mart: Mart) -> None:
    publish(tiny_mart, "2026-05-31", row("coupon", 0.2, 0.1, method="matching"))
    assert effect_tags(tiny_mart, methods=["matching"])[0].name == "added_converted"
    with pytest.raises(InvalidInput, match="methods must be one of"):
        effect_tags(tiny_mart, methods=["guess"])


def test_as_of_leaves_later_publications_out(tiny_mart: Mart) -> None:
    publish(tiny_mart, "2026-05-31", row("coupon", 0.2, 0.1))
    with pytest.raises(NotPublished, match="got none"):
        effect_tags(tiny_mart, as_of="2026-05-30")


def test_a_workspace_without_effects_says_how_to_publish(tiny_mart: Mart) -> None:
    with pytest.raises(NotPublished, match=r"mart\.publish\('effects'"):
        effect_tags(tiny_mart)


def test_the_next_training_set_reads_them_and_finds_no_leak(sample_mart: Mart) -> None:
    publish(sample_mart, "2026-05-20", row("sms_prime", 0.03, 0.01, campaign_id="K06"))
    tags = [tag for tag in effect_tags(sample_mart) if tag.entity == "customer"]
    arms = sample_mart["assignments"].filter(lambda a: a.campaign_id == "K06").to_pyarrow()
    given = {r["customer_id"] for r in arms.to_pylist() if r["arm"] == "sms_prime"}
    made = training_set(
        sample_mart, "bought fund", cutoffs=["2026-03-31", "2026-05-31"], horizon="30d",
        tags=["aum", *tags],
    )  # fmt: skip
    frame = made.X
    late = frame["as_of"].dt.date == dt.date(2026, 5, 31)
    assert set(frame.loc[~late, "added_converted"]) == {0.0}
    carries = frame.loc[late & (frame["added_converted"] > 0), "customer_id"]
    assert set(carries) <= given
    assert len(carries) > 0
