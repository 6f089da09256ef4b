"""All campaigns together: hand counts, the truth covered, double counting found, faults blocked."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binom, ttest_ind

from marketing_ds import campaign_outcomes
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.overlapping import universal_effect
from marketing_ds.evaluation.overlapping.claims import added_up, compared
from marketing_ds.mart import UniversalControl, open_mart, universal_control
from tests.evaluation.bank import two_campaigns

GROUP = UniversalControl(0.3, "2026", dt.date(2026, 4, 1), 0)
PERIOD = ("2026-04-20", "2026-05-31")


def group_of(customers: int) -> set[str]:
    ids = ibis.memtable(pa.table({"id": [f"c{n:05d}" for n in range(customers)]}))
    return set(ids.filter(GROUP.contains(ids.id)).id.to_pyarrow().to_pylist())


def bank(customers: int, **options) -> dict[str, list]:
    """Two campaigns that spare the group; earlier purchases, balances, the mart until 31 May."""
    tables = two_campaigns(customers, spared=group_of(customers).__contains__, **options)
    some = tables["customers"][0]["customer_id"]
    earlier = [
        _buys(f"E{n}", row["customer_id"], dt.datetime(2026, 4, 1), 50.0)
        for n, row in enumerate(tables["customers"])
        if n % 4 == 0
    ]
    tables["transactions"] += [*earlier, _buys("last", some, dt.datetime(2026, 5, 31, 20), 7.0)]
    return tables


def _buys(key: str, customer: str, moment: dt.datetime, amount: float) -> dict[str, object]:
    return {
        "transaction_id": key,
        "customer_id": customer,
        "product_id": "P-first",
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "kind": "purchase",
        "amount_cny": amount,
    }


@pytest.fixture(scope="module")
def tables() -> dict[str, list]:
    return bank(1_000, seed=8, lift=(0.3, 0.2, 0.0))


def amounts(tables) -> pd.Series:
    rows = pd.DataFrame(tables["transactions"])
    inside = rows[(rows["kind"] == "purchase") & (rows["occurred_at"] >= "2026-04-20")]
    ids = [row["customer_id"] for row in tables["customers"]]
    return inside.groupby("customer_id")["amount_cny"].sum().reindex(ids, fill_value=0.0)


def failed(found) -> list[str]:
    return [check.name for check in found.checks.failed]


def test_both_engines_find_the_difference_of_means(engine, write_mart, tmp_path) -> None:
    tables = bank(300, seed=9, lift=(0.3, 0.2, 0.0))
    tables["holdings"] = [
        {
            "customer_id": row["customer_id"],
            "product_id": "P-first",
            "snapshot_date": day,
            "balance_cny": 100.0 * n + grown,
        }
        for n, row in enumerate(tables["customers"])
        for day, grown in ((dt.date(2026, 3, 31), 0.0), (dt.date(2026, 4, 30), 5.0 * (n % 7)))
    ]
    with open_mart(
        write_mart(tmp_path / "mart", tables), engine=engine, workspace=tmp_path / "w"
    ) as mart:
        frame = universal_effect(mart, *PERIOD, control=GROUP).to_frame().set_index("metric")
    out = group_of(300)
    spent = amounts(tables)
    kept = spent.index.isin(out)
    assert frame.loc["purchases_cny", "n_control"] == kept.sum() == len(out)
    assert frame.loc["purchases_cny", "mean_control"] == pytest.approx(spent[kept].mean())
    assert frame.loc["purchases_cny", "mean_arm"] == pytest.approx(spent[~kept].mean())
    grown = pd.Series(5.0 * (np.arange(300) % 7), index=spent.index)
    assert frame.loc["assets_change_cny", "mean_arm"] == pytest.approx(grown[~kept].mean())
    bought = spent > 0
    assert frame.loc["converted", "mean_arm"] == pytest.approx(bought[~kept].mean())
    contacts = len(tables["contacts"]) * 0.05 / (~kept).sum()
    assert frame.loc["cost_cny", "effect"] == pytest.approx(contacts)
    total = frame.loc["cost_cny", "total"]
    assert total == pytest.approx(len(tables["contacts"]) * 0.05)


def test_without_anything_before_the_interval_is_welch_s(tables, open_tables) -> None:
    plain = {
        **tables,
        "transactions": [r for r in tables["transactions"] if r["kind"] == "purchase"],
    }
    plain["transactions"] = [r for r in plain["transactions"] if r["occurred_at"].month == 5]
    row = universal_effect(open_tables(plain), *PERIOD, ["purchases_cny"], control=GROUP)
    row = row.to_frame().iloc[0]
    spent = amounts(plain)
    kept = spent.index.isin(group_of(1_000))
    welch = ttest_ind(spent[~kept], spent[kept], equal_var=False)
    interval = welch.confidence_interval()
    assert row["effect_ci_lower"] == pytest.approx(interval.low)
    assert row["p_value"] == pytest.approx(welch.pvalue)
    assert row["total_ci_upper"] == pytest.approx((~kept).sum() * interval.high)


def test_the_verdict_is_about_the_first_metric(tables, open_tables) -> None:
    found = universal_effect(open_tables(tables), *PERIOD, ["purchases_cny"], control=GROUP)
    assert failed(found) == []
    assert found.verdict.startswith(
        "purchases_cny: all campaigns from 2026-04-20 to 2026-05-31 together raised it by"
    )
    quiet = bank(300, seed=1)
    found = universal_effect(open_tables(quiet), *PERIOD, ["purchases_cny"], control=GROUP)
    assert "made no difference that could be shown" in found.verdict


def test_published_effects_add_up_and_the_gap_is_what_is_counted_twice(open_tables) -> None:
    tables = bank(1_000, seed=8, lift=(0.3, 0.2, 0.0))
    mart = open_tables(tables)
    universal_control(mart, 0.3, salt="2026", as_of="2026-04-01")
    for name in ("first", "second"):
        data = campaign_outcomes(mart, name)
        effects = analyze_experiment(data, ["amount_cny", "cost_cny"], probability="probability")
        table = effects.effects_table(name)
        mart.publish("effects", table.assign(effect=9.0), name=name, as_of="2026-05-25")
        mart.publish("effects", table, name=name, as_of="2026-05-30")
    found = universal_effect(mart, *PERIOD)
    claims = found.claims.set_index("metric")
    assert claims["campaigns"].tolist() == [2, 2]
    assert abs(claims.loc["cost_cny", "gap"]) < 1e-6
    row = claims.loc["purchases_cny"]
    assert row["gap_ci_lower"] < 0 < row["gap_ci_upper"]  # two products: nothing counted twice
    early = universal_effect(
        mart, "2026-04-20", "2026-05-24", ["purchases_cny"], as_of="2026-05-24"
    )
    assert early.claims.empty
    once = pd.concat(
        [mart.latest("effects", name=n).to_pyarrow().to_pandas() for n in ("first", "second")]
    )
    again = once.assign(campaign_id=once["campaign_id"] + " again")
    twice = universal_effect(mart, *PERIOD, ["purchases_cny"], effects=pd.concat([once, again]))
    assert twice.claims.loc[0, "campaigns"] == 4
    assert twice.claims.loc[0, "gap_ci_lower"] > 0


def effects_of(rows: list[tuple[str, str, int, int, float, float]]) -> pd.DataFrame:
    columns = ["campaign_id", "arm", "n_control", "n_arm", "effect", "standard_error"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(metric="amount_cny", segment="all", blocked=False)


def test_campaigns_add_up_by_their_customers_and_share_their_control() -> None:
    effects = effects_of(
        [
            ("K1", "a", 100, 100, 2.0, 0.2),
            ("K1", "b", 100, 100, 1.0, 0.2),
            ("K2", "a", 50, 200, 0.5, 0.1),
        ]
    )
    total, error, campaigns = added_up(effects, "amount_cny")
    assert total == pytest.approx(200 + 100 + 100)
    # Half of each variance of K1 is control's, and that counts for both arms at once.
    first = 2 * 100**2 * 0.02 + 200**2 * 0.02
    assert error == pytest.approx(np.sqrt(first + 200**2 * 0.01))
    assert campaigns == ("K1", "K2")
    blocked = effects.assign(blocked=effects["campaign_id"] == "K1")
    assert added_up(blocked, "amount_cny")[2] == ("K2",)
    assert added_up(effects.assign(segment="region=n"), "amount_cny") == (0.0, 0.0, ())


def test_intervals_of_effect_and_gap_cover() -> None:
    """Two overlapping campaigns, each with two arms, beside a universal control group."""
    rng, repetitions = np.random.default_rng(13), 150
    n, lift = 900, np.array([0.0, 0.5, 1.0])
    hits = {"claimed": 0, "gap": 0}
    truth = n * 0.8 * 2 * lift.mean()
    for _ in range(repetitions):
        outside = rng.random(n) < 0.2
        arms = rng.integers(0, 3, (2, n))
        y = rng.gamma(2, 1.5, n) + np.where(outside, 0, lift[arms].sum(0))
        rows = [
            (f"K{k}", str(a), *_compare(y, ~outside & (arms[k] == 0), ~outside & (arms[k] == a)))
            for k in range(2)
            for a in (1, 2)
        ]
        _, reached, effect, error = _compare(y, outside, ~outside)
        row = {"metric": "purchases_cny", "total": reached * effect, "total_error": reached * error}
        ends = {"total_ci_lower": 0.0, "total_ci_upper": 0.0}
        found = compared(
            pd.DataFrame([row | ends]), effects_of(rows), {"purchases_cny": "amount_cny"}, 0.05
        )
        claim = found.iloc[0]
        share = (~outside).sum() / (0.8 * n)  # the truth for those who were outside this time
        hits["claimed"] += claim["claimed_ci_lower"] <= truth * share <= claim["claimed_ci_upper"]
        hits["gap"] += claim["gap_ci_lower"] <= 0 <= claim["gap_ci_upper"]
    low, high = binom.ppf([0.001, 0.999], repetitions, 0.95)
    assert all(low <= count <= high for count in hits.values()), hits


def _compare(y: np.ndarray, base: np.ndarray, arm: np.ndarray) -> tuple[int, int, float, float]:
    one, two = y[base], y[arm]
    error = np.sqrt(one.var(ddof=1) / len(one) + two.var(ddof=1) / len(two))
    return len(one), len(two), two.mean() - one.mean(), error


def test_a_group_that_was_reached_blocks_the_verdict(tables, open_tables) -> None:
    out = sorted(group_of(1_000))
    contact = tables["contacts"][0]
    leaks = [{**contact, "contact_id": f"L{c}", "customer_id": c} for c in out[:30]]
    leaky = open_tables({**tables, "contacts": [*tables["contacts"], *leaks]})
    found = universal_effect(leaky, *PERIOD, ["purchases_cny"], control=GROUP)
    assert failed(found) == ["group kept out"]
    assert found.verdict.startswith("No verdict: 30 customers of the universal control group")
    one = open_tables({**tables, "contacts": [*tables["contacts"], leaks[0]]})
    found = universal_effect(one, *PERIOD, ["purchases_cny"], control=GROUP)
    assert failed(found) == ["group kept out"]
    assert not found.blocked


def test_a_group_drawn_late_or_of_another_size_blocks(tables, open_tables) -> None:
    late = UniversalControl(0.3, "2026", dt.date(2026, 5, 1), 0)
    assert failed(universal_effect(open_tables(tables), *PERIOD, control=late)) == [
        "group drawn before"
    ]
    out = group_of(1_000)
    lost = [r for n, r in enumerate(tables["customers"]) if n % 3 or r["customer_id"] in out]
    found = universal_effect(open_tables({**tables, "customers": lost}), *PERIOD, control=GROUP)
    assert "sample ratio" in failed(found)


def test_who_could_not_be_contacted_is_on_neither_side(tables, open_tables) -> None:
    changed = [dict(row) for row in tables["customers"]]
    changed[0]["suppressed"] = True
    changed[1] |= {name: False for name in changed[1] if name.startswith("consent_")}
    changed[2]["opened_on"] = dt.date(2026, 4, 20)
    frame = universal_effect(
        open_tables({**tables, "customers": changed}), *PERIOD, control=GROUP
    ).to_frame()
    assert frame["n_control"].iloc[0] + frame["n_arm"].iloc[0] == 997


def test_nothing_after_as_of_is_used(tables, open_tables) -> None:
    added = [
        _buys("future", "c00001", dt.datetime(2026, 6, 3), 900.0),
        {
            **_buys("late", "c00001", dt.datetime(2026, 5, 9), 900.0),
            "recorded_on": dt.date(2026, 6, 2),
        },
    ]
    more = {**tables, "transactions": [*tables["transactions"], *added]}
    then = universal_effect(open_tables(more), *PERIOD, control=GROUP, as_of="2026-05-31")
    now = universal_effect(open_tables(tables), *PERIOD, control=GROUP)
    pd.testing.assert_frame_equal(then.to_frame(), now.to_frame())
    known = universal_effect(open_tables(more), *PERIOD, control=GROUP)
    assert known.to_frame().loc[0, "effect"] != now.to_frame().loc[0, "effect"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"control": None}, "must have a universal control group, it has none"),
        ({"control": UniversalControl(0.0, "x", dt.date(2026, 1, 1), 0)}, "it has none"),
        ({"start": "2026-06-01"}, "end must not be before start"),
        ({"end": "2026-06-30"}, r"must not be after what is known \(2026-05-31\)"),
        ({"metrics": ["purchases_yuan"]}, "metrics must be one of"),
        ({"metrics": []}, "metrics must be a list of at least one"),
        ({"metrics": "purchases_cny"}, "metrics must be a list of at least one"),
        ({"control": UniversalControl(1e-9, "x", dt.date(2026, 1, 1), 0)}, "at least 2 customers"),
        ({"alpha": 0}, "alpha must be between"),
        ({"effects": pd.DataFrame({"metric": []})}, "effects must have the column"),
    ],
)
def test_bad_input_is_refused(options, words, tables, open_tables) -> None:
    asked = {"start": PERIOD[0], "end": PERIOD[1], "control": GROUP, **options}
    with pytest.raises(InvalidInput, match=words):
        universal_effect(open_tables(tables), **asked)


def test_a_mart_of_customers_alone_has_nothing_to_compare(tables, open_tables) -> None:
    mart = open_tables({name: tables[name] for name in ("customers", "campaigns", "assignments")})
    with pytest.raises(InvalidInput, match="transactions, holdings or contacts"):
        universal_effect(mart, "2026-04-20", "2026-05-01", control=GROUP)
