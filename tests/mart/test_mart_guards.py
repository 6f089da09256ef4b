"""Whom a publication for contact leaves out, and that there is no way around it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.mart import ContactCap, Mart, Publication, open_mart, universal_control
from marketing_ds.mart.guards import Exclusions, marked
from marketing_ds.rules import Removals

DAY = "2026-06-30"
ALL = [f"c{n:02d}" for n in range(1, 13)]


def segment(mart: Mart, ids: list[str], **options: Any) -> Publication:
    rows = pd.DataFrame({"customer_id": ids})
    return mart.publish("segments", rows, **({"as_of": DAY} | options))


def plan(channels: dict[str, str | None]) -> pd.DataFrame:
    columns = {
        "customer_id": list(channels),
        "as_of": "2026-06-30",
        "offer": "coupon",
        "channel": list(channels.values()),
        "uplift": 0.1,
        "expected_cost_cny": 1,
        "net_value_cny": 0.5,
        "reason": "highest net value",
    }
    return pd.DataFrame(columns)


def left(mart: Mart, table: str = "segments", **options: Any) -> list[str]:
    rows = mart.latest(table, **options).order_by("customer_id").to_pyarrow()
    return list(rows["customer_id"].to_pylist())


def test_the_report_says_what_each_rule_removes_alone_and_only(
    tiny_tables: dict[str, Any], write_mart: Callable[..., Path], tmp_path: Path
) -> None:
    tiny_tables["customers"][11]["consent_sms"] = False  # c12, who is suppressed as well
    folder = write_mart(tmp_path / "mart", tiny_tables)
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        done = segment(mart, [*ALL, "c99"], channel="sms")
        assert done.report == Removals(
            13,
            10,
            {"unknown_customer": 1, "suppressed": 1, "no_consent": 2},
            {"unknown_customer": 1, "suppressed": 0, "no_consent": 1},
        )
        kept = json.loads((done.path / "manifest.json").read_text())
        assert kept["candidates"] == 13
        assert kept["removed_only"]["no_consent"] == 1
        assert segment(mart, [*ALL, "c99"], channel="sms").report == done.report  # found again
        assert done.report.to_frame()["removed_only"].tolist() == [1, 0, 1]
        assert "10 of 13 customers are left" in done.report._repr_html_()


def test_tables_without_guards_report_nothing_removed(tiny_mart: Mart) -> None:
    tags = tiny_mart["customers"].select("customer_id", "birth_year")
    done = tiny_mart.publish("tags", tags, as_of=DAY)
    assert done.report == Removals(12, 12, {}, {})


@pytest.mark.parametrize(
    "extra",
    [
        {"consent_sms": True},
        {"suppressed": False},
        {"_known": True, "_suppressed": False},
        {"_keeps_0": True},
        {"Channel": "sms"},
        {"CHANNEL": None},
        {"customer_id ": "c01"},
        {"channel": "SMS"},
        {"channel": " sms"},
        {"channel": "sms\u200b"},
        {"channel": "pigeon"},
        {"channel": ""},
    ],
)
def test_columns_and_channels_of_ones_own_are_refused(
    tiny_mart: Mart, extra: dict[str, Any]
) -> None:
    rows = pd.DataFrame({"customer_id": ["c10", "c12", "c01"]}).assign(**extra)
    with pytest.raises((InvalidInput, PublicationError), match=r"may only have|channel is"):
        tiny_mart.publish("segments", rows, as_of=DAY)
    assert tiny_mart.publications("segments") == []


@pytest.mark.parametrize("channel", [None, "SMS", "sms ", "", "pigeon"])
def test_a_plan_needs_a_channel_that_is_known(tiny_mart: Mart, channel: str | None) -> None:
    with pytest.raises(PublicationError, match="channel is"):
        tiny_mart.publish("plans", plan({"c10": channel, "c01": "app"}), as_of=DAY)


@pytest.mark.parametrize(
    "ids",
    [
        ["c10 ", " c10", "C10", "c10\n", "c10\u200b", "\uff4310", "c010"],
        ["c10"],
        ["c12", "c10", "c11"],
    ],
)
def test_no_spelling_of_an_id_gets_past_consent(tiny_mart: Mart, ids: list[str]) -> None:
    rows = pd.DataFrame({"customer_id": ids, "channel": "sms"})
    for data in (rows, ibis.memtable(pa.Table.from_pandas(rows))):
        tiny_mart.publish("segments", data, as_of=DAY)
        assert set(left(tiny_mart)) <= {"c11"}
    tiny_mart.publish("plans", plan(dict.fromkeys(ids, "sms")), as_of=DAY)
    assert set(left(tiny_mart, "plans")) <= {"c11"}


def test_a_customer_given_twice_is_refused(tiny_mart: Mart) -> None:
    twice = pd.DataFrame({"customer_id": ["c10", "c10"], "channel": ["app", None]})
    with pytest.raises(PublicationError, match="customer_id, as_of is unique"):
        tiny_mart.publish("segments", twice, as_of=DAY)


def test_consent_is_asked_of_each_row_s_own_channel(tiny_mart: Mart) -> None:
    rows = pd.DataFrame({"customer_id": ["c09", "c10", "c12"], "channel": ["sms", "app", None]})
    done = tiny_mart.publish("segments", rows, as_of=DAY)
    assert left(tiny_mart) == ["c09", "c10", "c12"]  # c12 is not for contact
    assert done.report.removed == {"unknown_customer": 0, "suppressed": 0, "no_consent": 0}
    mixed = pd.DataFrame({"customer_id": ["c09", "c10"], "channel": ["sms", "app"]})
    with pytest.raises(PublicationError, match="channel is sms, as asked for"):
        tiny_mart.publish("segments", mixed, as_of=DAY, channel="sms")


@pytest.mark.parametrize(
    ("cap", "out"),
    [
        # Contacts: 4 May to c02, c05, c08 (sms), c03, c06, c09 (app); 1 June to c01 to c04 (phone).
        (ContactCap(1, days=30), ["c01", "c02", "c03", "c04"]),
        (ContactCap(1, days=29), []),
        (ContactCap(1, days=58), ["c01", "c02", "c03", "c04", "c05", "c06", "c08", "c09"]),
        (ContactCap(1, days=57), ["c01", "c02", "c03", "c04"]),
        (ContactCap(2, days=60), ["c02", "c03"]),
        (ContactCap(3, days=60), []),
        (ContactCap(1, days=60, channel="sms"), ["c02", "c05", "c08"]),
        (ContactCap(1, days=60, channel="app"), []),  # the segment is for sms
        (ContactCap(2, days=60, channel="sms"), []),
    ],
)
def test_a_cap_counts_the_contacts_of_the_last_days(
    tiny_mart: Mart, cap: ContactCap, out: list[str]
) -> None:
    done = segment(tiny_mart, ALL, channel="sms", max_contacts=cap)
    assert done.report.removed[str(cap)] == len(out)
    assert left(tiny_mart) == [i for i in ALL if i not in (*out, "c10", "c12")]


def test_contacts_after_the_day_are_not_known_yet(tiny_mart: Mart) -> None:
    cap = ContactCap(1, days=30)
    assert segment(tiny_mart, ALL, as_of="2026-05-31", channel="app", max_contacts=cap).rows == 5
    before = segment(tiny_mart, ALL, as_of="2026-05-03", channel="app", max_contacts=cap)
    assert before.report.removed[str(cap)] == 0


def test_a_plan_obeys_caps_by_the_channel_of_each_row(tiny_mart: Mart) -> None:
    rows = plan({"c05": "sms", "c06": "sms", "c08": "app", "c09": "phone"})
    caps = [ContactCap(1, days=60, channel="sms"), ContactCap(1, days=60, channel="app")]
    done = tiny_mart.publish("plans", rows, as_of=DAY, max_contacts=caps)
    assert left(tiny_mart, "plans") == ["c06", "c08", "c09"]
    assert [done.report.removed[str(cap)] for cap in caps] == [1, 0]


def test_lists_are_left_out_whatever_they_are_given_as(
    tiny_mart: Mart, tiny_mart_dir: Path
) -> None:
    with open_mart(tiny_mart_dir, workspace=tiny_mart.workspace.root) as other:
        foreign = other["customers"].filter(other["customers"].risk_level == 5)  # c04 and c09
        done = segment(
            tiny_mart,
            ALL,
            channel="app",
            suppress={
                "ids": ["c01", "c99"],
                "frame": pd.DataFrame({"customer_id": ["c02"], "why": ["moved"]}),
                "table": tiny_mart["customers"].filter(tiny_mart["customers"].risk_level == 4),
                "other": foreign,
                "nobody": [],
            },
        )
    assert left(tiny_mart) == ["c05", "c06", "c07", "c10", "c11"]
    removed = {name: n for name, n in done.report.removed.items() if name.startswith("list")}
    assert list(removed.values()) == [1, 1, 2, 2, 0]
    # A list counts for a segment that is not for contact, too.
    assert segment(tiny_mart, ALL, suppress={"x": ["c01"]}).rows == 11


def test_caps_and_lists_make_another_publication(tiny_mart: Mart) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"max_contacts": ContactCap(9, days=9)},
        {"max_contacts": [ContactCap(9, days=9), ContactCap(8, days=9)]},
        {"suppress": {"a": []}},
        {"suppress": {"b": []}},
    ]
    for key in (None, "k"):
        ids = {segment(tiny_mart, ALL, channel="app", run_key=key, **o).id for o in options}
        assert len(ids) == len(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_contacts": 3}, r"max_contacts must be a ContactCap or several, got 3"),
        ({"max_contacts": (3, 30)}, "max_contacts must be a ContactCap or several, got 3"),
        ({"suppress": ["c01"]}, "suppress must map the name of a list to its customers"),
        ({"suppress": {"": ["c01"]}}, "suppress must name its lists by text, got ''"),
        ({"suppress": {"x": "c01"}}, r"suppress\['x'\] must be customer ids or a table"),
        ({"suppress": {"x": 5}}, r"suppress\['x'\] must be customer ids or a table"),
        ({"suppress": {"x": [1]}}, r"suppress\['x'\] must hold customer ids as text"),
        ({"suppress": {"x": pd.DataFrame({"id": ["c01"]})}}, r"suppress\['x'\] must have the col"),
    ],
)
def test_what_is_no_cap_and_no_list_is_refused(
    tiny_mart: Mart, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        segment(tiny_mart, ALL, channel="app", **options)
    assert not tiny_mart.workspace.root.exists()


def test_caps_and_lists_are_for_segments_and_plans(tiny_mart: Mart) -> None:
    tags = tiny_mart["customers"].select("customer_id", "birth_year")
    with pytest.raises(InvalidInput, match="may be given for segments and plans, got tags"):
        tiny_mart.publish("tags", tags, as_of=DAY, suppress={"x": ["c01"]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5), "contacts must be at least 1"),
        ((1, 0), "days must be between 1 and 36500"),
        ((1, 2.5), "days must be a whole number"),
        ((1, 5, "pigeon"), "channel must be one of"),
    ],
)
def test_a_cap_is_checked(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ContactCap(*arguments)


def draw(mart: Mart, share: float = 0.25, salt: str = "1", **options: Any) -> Any:
    return universal_control(mart, share, salt=salt, **({"as_of": DAY} | options))


def test_the_universal_control_is_left_out_of_all_that_reaches_customers(tiny_mart: Mart) -> None:
    assert tiny_mart.universal_control is None
    control = draw(tiny_mart)
    assert (control.customers, control.share) == (3, 0.25)
    assert tiny_mart.universal_control == control
    assert left(tiny_mart, name="universal_control") == ["c01", "c03", "c04"]
    done = segment(tiny_mart, ALL, channel="app")
    assert left(tiny_mart) == ["c02", *ALL[4:11]]
    assert done.report.removed["universal_control"] == 3
    assert done.manifest["universal_control"] == {"share": 0.25, "salt": "1"}
    tiny_mart.publish("plans", plan(dict.fromkeys(ALL[:5], "app")), as_of=DAY)
    assert left(tiny_mart, "plans") == ["c02", "c05"]
    arms = pd.DataFrame({"customer_id": ALL[:5], "arm": "a", "probability": 0.5})
    done = tiny_mart.publish("assignments", arms, as_of=DAY)
    assert left(tiny_mart, "assignments") == ["c02", "c05"]
    assert done.report.removed_only == {"universal_control": 3}
    # What is not for contact keeps them: their tags, and segments for analysis.
    assert segment(tiny_mart, ALL, name="analysis").rows == 12


def test_nobody_reached_needs_no_contact_but_the_group_stays_out(tiny_mart: Mart) -> None:
    draw(tiny_mart)
    mixed = pd.DataFrame({"customer_id": ["c01", "c03"], "channel": [None, "app"]})
    done = tiny_mart.publish("segments", mixed, as_of=DAY)
    assert left(tiny_mart) == ["c01"]
    assert done.report.removed["universal_control"] == 1


def test_the_group_is_in_force_for_everyone_who_opens_the_workspace(
    tiny_mart: Mart, tiny_mart_dir: Path
) -> None:
    draw(tiny_mart)
    with open_mart(tiny_mart_dir, workspace=tiny_mart.workspace.root) as other:
        assert segment(other, ALL, channel="app").report.removed["universal_control"] == 3


def test_customers_of_later_days_fall_in_by_the_same_rule(
    tiny_mart: Mart, tiny_tables: dict[str, Any], write_mart: Callable[..., Path], tmp_path: Path
) -> None:
    control = draw(tiny_mart)
    new = [f"d{n:02d}" for n in range(40)]
    tiny_tables["customers"] += [tiny_tables["customers"][0] | {"customer_id": i} for i in new]
    folder = write_mart(tmp_path / "grown", tiny_tables)
    with open_mart(folder, workspace=tiny_mart.workspace.root) as grown:
        assert draw(grown) == control  # the same group, not drawn again
        done = segment(grown, [*ALL, *new], channel="app")
        held = done.report.removed["universal_control"]
        assert 3 + 4 < held < 3 + 20
        assert left(grown)[:8] == ["c02", *ALL[4:11]]
        customers = grown["customers"]
        inside = customers.filter(control.contains(customers.customer_id)).count()
        assert inside.to_pyarrow().as_py() == held


def test_the_list_has_the_customers_of_its_day(tiny_mart: Mart) -> None:
    control = draw(tiny_mart, 0.999, "all", as_of="2026-06-14")
    assert control.customers == 11  # c11 opened on 15 June


def test_a_share_is_part_of_a_greater_one(tiny_mart: Mart) -> None:
    ids = ibis.memtable({"customer_id": [f"x{n}" for n in range(2000)]})
    few, more = draw(tiny_mart, 0.1), draw(tiny_mart, 0.2, replace=True)
    inside = ids.select(a=few.contains(ids.customer_id), b=more.contains(ids.customer_id))
    frame = inside.to_pyarrow().to_pandas()
    assert not (frame["a"] & ~frame["b"]).any()
    assert 150 < frame["a"].sum() < 250
    assert 340 < frame["b"].sum() < 460


def test_another_group_takes_an_explicit_act(tiny_mart: Mart) -> None:
    first = draw(tiny_mart)
    for other in ({"share": 0.3}, {"salt": "2"}, {"share": 0.0}):
        with pytest.raises(InvalidInput, match=r"drawn already: share 0\.25, salt '1'.*replace"):
            draw(tiny_mart, **other)
    second = draw(tiny_mart, salt="2", replace=True)  # c06, c07 and c10
    assert segment(tiny_mart, ALL, channel="app").report.removed["universal_control"] == 3
    assert left(tiny_mart) == [i for i in ALL if i not in ("c06", "c07", "c10", "c12")]
    assert draw(tiny_mart, salt="2") == second
    # The first one comes back, as the newest; an earlier day does not make it older.
    assert draw(tiny_mart, as_of="2026-06-29", replace=True).salt == first.salt
    segment(tiny_mart, ALL, channel="app")
    assert left(tiny_mart) == ["c02", *ALL[4:11]]
    assert draw(tiny_mart, share=0.0, salt="none", replace=True).customers == 0
    done = segment(tiny_mart, ALL, channel="app")
    assert "universal_control" not in done.report.removed
    assert tiny_mart.universal_control is None
    assert done.rows == 11


def test_nobody_else_publishes_the_group(tiny_mart: Mart) -> None:
    draw(tiny_mart)
    for name in ("universal_control", "Universal_Control"):
        with pytest.raises(InvalidInput, match=r"it is drawn with universal_control\(mart"):
            segment(tiny_mart, [], name=name)
    assert tiny_mart.publish("plans", plan({"c02": "app"}), name="universal_control", as_of=DAY)


def test_what_was_published_before_the_draw_is_not_found_after_it(tiny_mart: Mart) -> None:
    before = segment(tiny_mart, ALL, channel="app", run_key="nightly")
    draw(tiny_mart)
    after = segment(tiny_mart, ALL, channel="app", run_key="nightly")
    assert (after.found, after.rows) == (False, before.rows - 3)
    assert segment(tiny_mart, ALL, channel="app", run_key="nightly").found


@pytest.mark.parametrize("text", [None, "", "{}", '{"parameters": {"share": "?"}}', "[]"])
def test_a_damaged_record_stops_every_publication(tiny_mart: Mart, text: str | None) -> None:
    draw(tiny_mart)
    manifest = tiny_mart.latest_publication("segments", name="universal_control").path / "manifest.json"  # fmt: skip
    kept = manifest.read_text()
    manifest.unlink() if text is None else manifest.write_text(text)
    with pytest.raises(PublicationError, match="the record of the universal control group"):
        segment(tiny_mart, ALL, channel="app")
    with pytest.raises(PublicationError, match="the record of the universal control group"):
        draw(tiny_mart, replace=True)
    manifest.write_text(kept)
    assert segment(tiny_mart, ALL, channel="app").rows == 8


def test_the_list_may_be_lost_but_the_rule_holds(tiny_mart: Mart) -> None:
    draw(tiny_mart)
    done = tiny_mart.latest_publication("segments", name="universal_control")
    for file in done.files:
        file.write_bytes(b"")
    assert segment(tiny_mart, ALL, channel="app").report.removed["universal_control"] == 3


def test_another_workspace_has_another_group(
    tiny_mart: Mart, tiny_mart_dir: Path, tmp_path: Path
) -> None:
    draw(tiny_mart)
    with open_mart(tiny_mart_dir, workspace=tmp_path / "elsewhere") as other:
        assert "universal_control" not in segment(other, ALL, channel="app").report.removed
    shutil.rmtree(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1}, "share must be less than 1"),
        ({"share": 1.5}, "share must be between 0 and 1"),
        ({"share": -0.1}, "share must be between 0 and 1"),
        ({"salt": ""}, "salt must be a text that is not empty, got ''"),
        ({"salt": 5}, "salt must be a text"),
        ({"as_of": "soon"}, "as_of must be a date"),
    ],
)
def test_arguments_of_the_draw(tiny_mart: Mart, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        draw(tiny_mart, **options)
    assert not tiny_mart.workspace.root.exists()


def test_the_group_shows_itself(tiny_mart: Mart) -> None:
    control = draw(tiny_mart)
    assert control.to_frame().to_dict("records") == [
        {"control_share": 0.25, "salt": "1", "as_of": dt.date(2026, 6, 30), "customers": 3}
    ]
    assert "UniversalControl" in control._repr_html_()


def test_spark_never_compares_each_customer_with_each_of_a_list(spark_mart: Mart) -> None:
    rows = spark_mart["customers"].select("customer_id", channel=ibis.literal("app"))
    exclusions = Exclusions.of(ContactCap(1, days=30), {"staff": ["c01"]})
    flagged, _ = marked(rows, spark_mart, dt.date(2026, 6, 30), None, exclusions)
    how = spark_mart.con.frame(flagged)._jdf.queryExecution().toString()
    assert "BroadcastHashJoin" in how
    assert "NestedLoop" not in how


def test_a_list_may_name_a_customer_twice(tiny_mart: Mart) -> None:
    published = segment(tiny_mart, ALL, channel="app", suppress={"staff": ["c01", "c01"]})
    plain = segment(tiny_mart, ALL, channel="app")
    assert published.report.candidates == plain.report.candidates == len(ALL)
