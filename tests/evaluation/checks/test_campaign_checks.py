"""A sound campaign passes; each planted fault fails its own check, and says what to look at."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.checks import check_campaign
from marketing_ds.mart import open_mart
from tests.evaluation.bank import two_campaigns

QUICK = {"by": [], "before": []}
TAGS = {"by": ["region"], "before": ["inflow_90d_cny"]}


@pytest.fixture(scope="module")
def sound() -> dict[str, list]:
    """600 customers in two campaigns; the mart ends when both are complete."""
    tables = two_campaigns(600, seed=1, lift=(0.1, 0.1, 0.0))
    late = {**tables["transactions"][0], "transaction_id": "last"}
    late |= {"occurred_at": dt.datetime(2026, 6, 30, 9), "recorded_on": dt.date(2026, 6, 30)}
    return {**tables, "transactions": [*tables["transactions"], late]}


def arm_of(tables, campaign: str) -> dict[str, str]:
    return {
        row["customer_id"]: row["arm"]
        for row in tables["assignments"]
        if row["campaign_id"] == campaign
    }


def failed(checks) -> list[str]:
    return [check.name for check in checks.failed]


def test_a_sound_campaign_passes_on_both_engines(sound, engine, write_mart, tmp_path) -> None:
    folder = write_mart(tmp_path / "mart", sound)
    with open_mart(folder, engine=engine, workspace=tmp_path / "workspace") as mart:
        found = check_campaign(mart, "first", by=["region"], before=["age"])
    assert failed(found) == []
    assert not found.blocked
    frame = found.to_frame().set_index("name")
    assert frame.index.tolist() == [
        "randomised",
        "inside the data",
        "complete",
        "earlier looks",
        "mixed assignment",
        "sample ratio",
        "sample ratio by day",
        "assignment times",
        "sample ratio by region",
        "pre-period difference",
        "control contacted",
        "control redeemed",
        "delivery",
        "contacts without an arm",
        "order in time",
        "costs",
        "other campaigns",
        "displaced contacts",
    ]
    arms = [arm_of(sound, name) for name in ("first", "second")]
    cells = found["other campaigns"].to_frame().set_index(["group", "arm"])["customers"]
    for ours in ("control", "mail"):
        for theirs in ("control", "mail"):
            both = [c for c in arms[0] if arms[0][c] == ours and arms[1][c] == theirs]
            assert cells[f"second / {theirs}", ours] == len(both)
    assert frame.loc["other campaigns", "finding"].startswith("100.0 % of the customers were in")


def test_control_that_was_contacted_is_counted(sound, open_tables) -> None:
    arms = arm_of(sound, "first")
    contact = sound["contacts"][0]
    control = [customer for customer, arm in arms.items() if arm == "control"]
    leaks = [{**contact, "contact_id": f"L{c}", "customer_id": c} for c in control[:6]]
    checks = check_campaign(
        open_tables({**sound, "contacts": [*sound["contacts"], *leaks]}), "first", **QUICK
    )
    assert failed(checks) == ["control contacted"]
    assert checks.blocked
    assert checks["control contacted"].finding.startswith("6 customers of control (")
    one = check_campaign(
        open_tables({**sound, "contacts": [*sound["contacts"], leaks[0]]}), "first", **QUICK
    )
    assert failed(one) == ["control contacted"]
    assert not one.blocked  # one in three hundred is a warning


def test_benefits_in_control_and_negative_costs_are_found(sound, open_tables) -> None:
    arms = arm_of(sound, "first")
    benefit = {
        "benefit_id": "B",
        "title": "B",
        "kind": "coupon",
        "face_value_cny": 1.0,
        "cost_cny": 1.0,
        "valid_days": 9,
    }
    grants = [
        {
            "grant_id": f"G{n}",
            "benefit_id": "B",
            "customer_id": customer,
            "campaign_id": "first",
            "granted_at": dt.datetime(2026, 5, 5),
            "redeemed_at": dt.datetime(2026, 5, 6) if n % 2 else None,
            "cost_cny": -3.0 if n == 1 else 0.0,
        }
        for n, customer in enumerate([c for c, arm in arms.items() if arm == "control"][:20])
    ]
    checks = check_campaign(
        open_tables({**sound, "benefits": [benefit], "benefit_grants": grants}), "first", **QUICK
    )
    assert failed(checks) == ["control redeemed", "costs"]
    assert checks["control redeemed"].finding.startswith("10 customers of control")
    assert "1 rows of this campaign have a negative cost (-3.00 CNY" in checks["costs"].finding


def test_an_arm_that_was_hardly_reached_is_a_warning(sound, open_tables) -> None:
    kept = [c for n, c in enumerate(sound["contacts"]) if c["campaign_id"] == "second" or n % 3]
    checks = check_campaign(open_tables({**sound, "contacts": kept}), "first", **QUICK)
    assert failed(checks) == ["delivery"]
    assert not checks.blocked
    share = checks["delivery"].to_frame().loc[0, "reached_share"]
    assert 0.6 < share < 0.72


def test_contacts_of_nobody_and_before_the_assignment_are_found(sound, open_tables) -> None:
    first = [c for c in sound["contacts"] if c["campaign_id"] == "first"]
    early = [{**c, "sent_at": dt.datetime(2026, 5, 4, 8)} for c in first[:9]]
    stranger = {**first[0], "contact_id": "X", "customer_id": "c99999"}
    contacts = [*early, *first[9:], stranger]
    checks = check_campaign(open_tables({**sound, "contacts": contacts}), "first", **QUICK)
    assert failed(checks) == ["order in time", "contacts without an arm"]
    assert checks["order in time"].finding.startswith("9 customers (1.50 %) have a contact of")
    assert checks["contacts without an arm"].facts == {"customers": 1}


def test_outcomes_before_the_assignment_are_found(sound, open_tables) -> None:
    outcomes = [
        {
            "customer_id": f"c{n:05d}",
            "campaign_id": "first",
            "outcome": "visit",
            "value": 1.0,
            "observed_on": dt.date(2026, 5, 3 if n < 12 else 4),
        }
        for n in range(60)
    ]
    checks = check_campaign(open_tables({**sound, "campaign_outcomes": outcomes}), "first", **QUICK)
    assert failed(checks) == ["order in time"]
    assert checks["order in time"].facts["customers"] == 12


def test_another_campaign_that_left_our_control_alone_is_contamination(open_tables) -> None:
    mart = open_tables(two_campaigns(600, seed=2, second_among="mail"))
    check = check_campaign(mart, "first", as_of="2026-05-20", **QUICK)["other campaigns"]
    assert check.passed is False
    assert check.blocks
    assert "of second / " in check.finding
    # Seen from the second campaign both arms are alike in the first: all of them got mail there.
    assert check_campaign(mart, "second", **QUICK)["other campaigns"].passed


def test_contacts_that_a_cap_took_from_an_arm_are_a_warning(sound, open_tables) -> None:
    """`second` reaches nobody whom `first` had reached: each customer gets one message."""
    ours = arm_of(sound, "first")
    capped = [
        row
        for row in sound["contacts"]
        if row["campaign_id"] == "first" or ours[row["customer_id"]] == "control"
    ]
    checks = check_campaign(open_tables({**sound, "contacts": capped}), "first", **QUICK)
    check = checks["displaced contacts"]
    assert check.passed is False
    assert not checks.blocked
    reached = sum(row["campaign_id"] == "second" for row in capped)
    share = 100 * reached / sum(arm == "control" for arm in ours.values())
    assert f"contacted: 'mail' 0.0 %, 'control' {share:.1f} %" in check.finding
    assert "触达上限" in check.finding_in("zh")
    # The second campaign was drawn after the first had sent, so nothing of it falls away.
    assert check_campaign(open_tables(sound), "second", **QUICK)["displaced contacts"].finding == (
        "no other campaign contacted these customers within their windows"
    )
    # Before `second` had sent, nothing was known of it.
    early = check_campaign(
        open_tables({**sound, "contacts": capped}), "first", as_of="2026-05-07", **QUICK
    )
    assert early["displaced contacts"].passed


def test_campaigns_whose_windows_do_not_meet_are_no_matter(sound, open_tables) -> None:
    later = [
        {**row, "assigned_at": dt.datetime(2026, 5, 18, 9)}
        if row["campaign_id"] == "second"
        else row
        for row in sound["assignments"]
    ]
    checks = check_campaign(open_tables({**sound, "assignments": later}), "first", **QUICK)
    assert checks["other campaigns"].finding.startswith("no other campaign")


def test_an_open_window_blocks_unless_looking_is_allowed_for(sound, open_tables) -> None:
    mart = open_tables(sound)
    early = check_campaign(mart, "first", as_of="2026-05-17", **QUICK)
    assert failed(early) == ["complete"]
    assert early.blocked
    assert "complete on 2026-05-20, and only known up to 2026-05-17 (0 % of" in (
        early["complete"].finding
    )
    assert not check_campaign(mart, "first", as_of="2026-05-17", sequential=True, **QUICK).blocked
    assert not check_campaign(mart, "first", as_of="2026-05-20", **QUICK).blocked


def test_earlier_publications_of_effects_are_looks(sound, open_tables) -> None:
    mart = open_tables(sound)
    data = pd.DataFrame({"arm": ["control", "mail"] * 50, "converted": [0, 1, 1, 0] * 25})
    effects = analyze_experiment(data, ["converted"])
    for day, campaign in (
        ("2026-05-10", "first"),
        ("2026-05-12", "second"),
        ("2026-06-01", "first"),
    ):
        mart.publish("effects", effects.effects_table(campaign), name=campaign, as_of=day)
    check = check_campaign(mart, "first", **QUICK)["earlier looks"]
    assert check.passed is False
    assert not check.blocks
    assert check.to_frame()["as_of"].tolist() == [dt.date(2026, 5, 10)]
    assert check_campaign(mart, "first", sequential=True, **QUICK)["earlier looks"].passed
    assert check_campaign(mart, "first", as_of="2026-05-10", **QUICK)["earlier looks"].passed


def test_data_that_begin_after_the_assignment_are_found(sound, open_tables) -> None:
    late = [row for row in sound["transactions"] if row["occurred_at"] > dt.datetime(2026, 5, 9)]
    checks = check_campaign(open_tables({**sound, "transactions": late}), "first", **QUICK)
    assert failed(checks) == ["inside the data"]
    assert "begin on 2026-05-11" in checks["inside the data"].finding


def test_without_the_tables_there_is_nothing_to_check_by(sound, open_tables) -> None:
    names = ("customers", "campaigns", "assignments")
    found = check_campaign(open_tables({name: sound[name] for name in names}), "first", **QUICK)
    frame = found.to_frame().set_index("name")
    unknown = frame.index[frame["passed"].isna()].tolist()
    assert unknown == [
        "inside the data",
        "control contacted",
        "control redeemed",
        "delivery",
        "contacts without an arm",
        "order in time",
        "costs",
        "displaced contacts",
    ]


def test_nothing_after_as_of_is_used(sound, open_tables) -> None:
    """Assignments, contacts and outcomes of later days change nothing."""
    arms = arm_of(sound, "first")
    control = next(customer for customer, arm in arms.items() if arm == "control")
    late = dt.datetime(2026, 6, 20, 9)
    contact = {**sound["contacts"][0], "contact_id": "L", "customer_id": control, "sent_at": late}
    added = [
        {**row, "customer_id": f"late{n}", "arm": "mail", "assigned_at": late}
        for n, row in enumerate(sound["assignments"][:200])
    ]
    tables = {
        **sound,
        "contacts": [*sound["contacts"], contact],
        "assignments": [*sound["assignments"], *added],
    }
    then = check_campaign(open_tables(tables), "first", as_of="2026-06-10", **TAGS)
    now = check_campaign(open_tables(sound), "first", as_of="2026-06-10", **TAGS)
    pd.testing.assert_frame_equal(then.to_frame(), now.to_frame())
    assert check_campaign(open_tables(tables), "first", **QUICK).blocked


def test_shares_are_given_where_no_probability_is_known(sound, open_tables) -> None:
    rows = [{**row, "probability": None} for row in sound["assignments"]]
    mart = open_tables({**sound, "assignments": rows})
    assert not check_campaign(mart, "first", **QUICK).blocked  # equal arms are the default
    wrong = check_campaign(mart, "first", shares={"control": 1, "mail": 2}, **QUICK)
    assert failed(wrong)[0] == "sample ratio"


def test_arms_that_were_chosen_fail_in_a_sensible_way(sample_mart) -> None:
    checks = check_campaign(sample_mart, "K03", before=["age", "aum"])
    assert failed(checks) == ["randomised", "pre-period difference"]
    assert checks["sample ratio"].passed is None
    assert checks["pre-period difference"].finding.startswith(
        "before the campaign the arms already differed"
    )


@pytest.mark.parametrize("arm", ["mail", "control"])
def test_a_campaign_without_anybody_to_compare_with_is_said_so(arm, sound, open_tables) -> None:
    rows = [{**row, "arm": arm} for row in sound["assignments"]]
    checks = check_campaign(open_tables({**sound, "assignments": rows}), "first")
    assert checks["control group"].passed is False
    assert "it has '" + arm + "')" in checks["control group"].finding
    assert "pre-period difference" not in [check.name for check in checks]
    assert (checks["control contacted"].passed is None) == (arm == "mail")
    assert (checks["delivery"].passed is None) == (arm == "control")


def test_the_bank_s_own_attributes_are_looked_at(sound, open_tables) -> None:
    """An attribute that only mail has, known the day before: the arms already differed."""
    rows = [
        {
            "customer_id": customer,
            "attribute": name,
            "effective_on": dt.date(2026, 4, 1),
            "number": None if word else float((arm == "mail") + n % 2),
            "text": ("a", "b")[n % 2] if word else None,
        }
        for n, (customer, arm) in enumerate(arm_of(sound, "first").items())
        for name, word in (("score", False), ("kind", True))
    ]
    checks = check_campaign(open_tables({**sound, "customer_attributes": rows}), "first")
    assert failed(checks) == ["pre-period difference"]
    assert "'attr_score'" in checks["pre-period difference"].finding
    assert checks["sample ratio by attr_kind"].passed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"campaign_id": "third"}, "campaign_id must be one of"),
        ({"as_of": "2026-05-01"}, "must have customers by as_of, got none assigned by 2026-05-01"),
        ({"before": ["aeg"]}, "did you mean 'age'"),
        ({"alpha": 2}, "alpha must be between 0 and 1"),
    ],
)
def test_bad_input_is_refused(options, words, sound, open_tables) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_campaign(open_tables(sound), **{"campaign_id": "first", **options})
