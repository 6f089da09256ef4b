"""What an audience can do, with the same results on every engine."""

from __future__ import annotations

import hashlib

from marketing_ds.audiences import Audience, audience
from marketing_ds.mart import ContactCap, Mart, universal_control

AS_OF = "2026-06-30"


def ids_of(chosen: Audience) -> list[str]:
    return list(chosen.to_frame()["customer_id"])


def test_audiences_are_the_same_on_every_engine(engine_mart: Mart) -> None:
    """One chain through all of it: a Spark query takes about a second."""
    base = engine_mart["customers"]
    young = audience(base, "birth_year >= 1974 and region contains 'h'", as_of=AS_OF)
    assert young.counts == (6, 12)
    assert young.estimate().count == 6  # counted in full: the base is smaller than the sample
    listed = audience(base, ["c01", "c02", "c10", "c12"])
    drawn = young.limit(3)
    lot = {i: hashlib.sha256(f"limit:limit:{i}".encode()).hexdigest() for i in ids_of(young)}
    assert ids_of(drawn) == sorted(sorted(lot, key=lambda i: lot[i])[:3])
    best = (young | listed).top(3, by="birth_year")
    assert ids_of(best) == ["c10", "c11", "c12"]
    ranked = audience(base, "top 50 % by risk_level and opened_on < as_of - 3 years", as_of=AS_OF)
    found = young.overlap(listed, best - drawn, ranked, names=["young", "listed", "rest", "ranked"])
    expected = {
        "young": [6, 2, 2, 1],
        "listed": [2, 4, 1, 1],
        "rest": [2, 1, 2, 0],
        "ranked": [1, 1, 0, 4],
    }
    assert found.shared.to_dict("list") == expected
    steps = young.steps()
    assert (steps.candidates, steps.left) == (12, 6)
    assert steps.removed == {"birth_year >= 1974": 6, "region contains 'h'": 0}


def test_splits_are_the_same_on_every_engine(engine_mart: Mart) -> None:
    everybody = audience(engine_mart["customers"], "customer_id like 'c%'")
    drawn = everybody.split(
        {"control": 0.25, "coupon": 0.75},
        stratify=["region"],
        balance=["birth_year", "gender", "consent_sms", "opened_on"],
        salt="K1",
    )
    assert "".join(drawn.assignments["arm"].str[2]) == "uunuuunuunuu"
    assert drawn.counts["customers"].tolist() == [3, 9]
    done = drawn.publish(engine_mart, "K1", as_of=AS_OF)
    assert done.rows == 12


def test_publications_are_the_same_on_every_engine(engine_mart: Mart) -> None:
    control = universal_control(engine_mart, 0.25, salt="1", as_of=AS_OF)
    base = engine_mart["customers"]
    chosen = audience(base, "birth_year is not null", as_of=AS_OF)
    done = chosen.publish(
        engine_mart,
        "spring",
        as_of=AS_OF,
        channel="sms",
        max_contacts=[ContactCap(1, days=30), ContactCap(1, days=60, channel="sms")],
        suppress={"complaints": audience(base, ["c08", "c09"])},
    )
    assert control.customers == 3  # c01, c03 and c04
    assert done.report.candidates == 11
    assert done.report.removed == {
        "unknown_customer": 0,
        "suppressed": 1,  # c12
        "no_consent": 1,  # c10
        "universal_control": 3,
        "at most 1 contact in 30 days": 4,  # c01 to c04
        "at most 1 contact in 60 days through sms": 3,  # c02, c05 and c08
        "list complaints": 2,
    }
    assert list(done.report.removed_only.values()) == [0, 1, 1, 0, 0, 1, 1]
    rows = engine_mart.latest("segments", name="spring").order_by("customer_id").to_pyarrow()
    assert rows["customer_id"].to_pylist() == ["c06", "c11"]
