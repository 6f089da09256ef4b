"""The goal: total against target and pace, projection, budget."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from scipy.stats import t as student

from marketing_ds import outcomes
from marketing_ds.evaluation.campaign import Goal
from marketing_ds.evaluation.campaign.goal import goal_of
from marketing_ds.evaluation.campaign.projection import end_by_earlier, still_to_come
from marketing_ds.evaluation.campaign.rows import campaign_rows
from marketing_ds.mart import Mart

from .conftest import rows_of


def goal(mart: Mart, as_of: str = "2026-06-30", campaign: str = "K1") -> Goal:
    with rows_of(mart, campaign, as_of) as rows:
        return goal_of(mart, rows, alpha=0.05)


def test_a_closed_campaign_by_hand(busy: Mart) -> None:
    found = goal(busy)
    # c02 and c03 bought in the window; what control did is no part of the goal.
    assert (found.total, found.target, found.attained_share) == (2, 10, 0.2)
    assert (found.days, found.days_left, found.expected_share) == (21, 0, 1)
    assert found.closes_on == dt.date(2026, 5, 24)
    assert found.pace == 0.2
    assert (found.projected, found.projected_ci_lower, found.projected_ci_upper) == (2, 2, 2)
    assert found.spent_cny == pytest.approx(6 * 0.05 + 18, rel=1e-12)
    assert found.budget_used_share == pytest.approx(18.3 / 1000, rel=1e-12)
    assert found.committed_cny == 0  # the coupon of c08 has expired
    assert found.cost_per_unit_cny == pytest.approx(9.15, rel=1e-12)


def test_a_running_campaign_by_hand(busy: Mart) -> None:
    found = goal(busy, "2026-05-13")
    assert (found.days, found.days_left) == (21, 11)
    assert found.expected_share == pytest.approx(10 / 21, rel=1e-12)
    assert found.pace == pytest.approx(0.2 / (10 / 21), rel=1e-12)
    assert found.daily["value"].tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found.daily["cumulative"].tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 2, 2]
    assert found.daily["date"].tolist()[-1] == dt.date(2026, 5, 13)
    assert found.projected_by == "its own course"
    assert found.projected_ci_lower > 2  # what is reached cannot be lost
    assert found.spent_cny == pytest.approx(18.3, rel=1e-12)
    assert found.committed_cny == 18  # c08 may still redeem


def test_a_redemption_costs_until_it_is_undone(busy: Mart) -> None:
    # On 10 May both c02's and c05's coupon stand; c05's is reversed on the 12th.
    assert goal(busy, "2026-05-10").spent_cny == pytest.approx(36.3, rel=1e-12)
    assert goal(busy, "2026-05-12").spent_cny == pytest.approx(18.3, rel=1e-12)


def test_too_few_days_make_no_projection(busy: Mart) -> None:
    found = goal(busy, "2026-05-05")
    assert found.total == 1
    assert math.isnan(found.projected)
    assert math.isnan(found.projected_ci_upper)


def test_an_amount_is_a_goal_too(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0] |= {"objective": "amount_cny", "target": 3000.0}
    found = goal(open_tables(busy_tables))
    assert (found.total, found.attained_share) == (1500, 0.5)
    assert found.daily["value"].tolist()[:5] == [500, 0, 300, 0, 700]


def test_an_outcome_that_the_bank_computed_is_dated_by_its_day(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0] |= {"objective": "answered", "target": None, "budget_cny": None}
    busy_tables["campaign_outcomes"] = [
        {"customer_id": who, "campaign_id": "K1", "outcome": "answered", "value": value,
         "observed_on": dt.date(2026, 5, day)}
        for who, value, day in (("c01", 5.0, 6), ("c02", 2.0, 6), ("c03", 3.0, 8), ("c05", 9.0, 20))
    ]  # fmt: skip
    found = goal(open_tables(busy_tables), "2026-05-09")
    assert found.total == 5
    assert found.daily["value"].tolist() == [0, 0, 2, 0, 3, 0]
    assert math.isnan(found.attained_share)
    assert math.isnan(found.budget_used_share)


def test_an_unknown_objective_leaves_figures_open(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0] |= {"objective": "happiness"}
    found = goal(open_tables(busy_tables))
    assert not found.known
    assert math.isnan(found.total)
    assert math.isnan(found.projected)
    assert found.spent_cny == pytest.approx(18.3, rel=1e-12)
    assert found.daily.empty


def test_without_contacts_and_grants_nothing_was_spent(busy_tables, open_tables) -> None:
    del busy_tables["contacts"], busy_tables["benefit_grants"], busy_tables["transactions"]
    found = goal(open_tables(busy_tables))
    assert found.spent_cny == 0
    assert not found.known
    assert math.isnan(found.cost_per_unit_cny)


def test_own_course_is_a_quasi_poisson_regression_on_age() -> None:
    """Six customers, answers at age 0 and 2 and two at 1: statsmodels finds the same rates."""
    values = np.array([1.0, 2, 1, 0, 0, 0, 0, 0])
    exposure = np.array([6.0, 6, 6, 6, 6, 3, 0, 0])
    ahead = 6 - exposure
    total, lower, upper = still_to_come(values, exposure, ahead, 0.05)
    seen, age = exposure > 0, sm.add_constant(np.arange(8.0))
    fit = sm.GLM(
        values[seen], age[seen], family=sm.families.Poisson(), offset=np.log(exposure[seen])
    ).fit(scale="X2")
    future = ahead * np.exp(age @ fit.params)
    assert total == pytest.approx(future.sum(), rel=1e-9)
    gradient = age.T @ future / future.sum()
    variance = gradient @ fit.cov_params() @ gradient + fit.scale / future.sum()
    reach = math.exp(student.ppf(0.975, 4) * math.sqrt(variance))
    assert (lower, upper) == pytest.approx((total / reach, total * reach), rel=1e-8)


def test_answers_that_grow_are_taken_as_even() -> None:
    total, _, _ = still_to_come(np.arange(1.0, 7), np.full(6, 10.0), np.full(6, 10.0), 0.05)
    assert total == pytest.approx(21, rel=1e-9)


@pytest.mark.parametrize("values", [[0.0, 0, 0, 0], [3.0, -1, 2, 1], [1.0, 2]])
def test_a_course_that_tells_nothing_projects_nothing(values: list[float]) -> None:
    size = np.full(len(values), 5.0)
    assert np.isnan(still_to_come(np.array(values), size, size, 0.05)).all()
    assert still_to_come(np.array(values), size, 0 * size, 0.05) == (0, 0, 0)


def test_the_end_by_earlier_campaigns_by_hand() -> None:
    shares = [0.4, 0.5, 0.6]
    end, lower, upper = end_by_earlier(100.0, 100.0, shares, 0.05)
    logs = np.log(shares)
    share = math.exp(logs.mean())
    assert end == pytest.approx(100 / share, rel=1e-12)
    between, within = logs.var(ddof=1) * (1 + 1 / 3), (1 - share) / 100
    freedom = (between + within) ** 2 / (between**2 / 2)
    reach = math.exp(student.ppf(0.975, freedom) * math.sqrt(between + within))
    assert upper == pytest.approx(end * reach, rel=1e-12)
    assert lower == max(end / reach, 100)
    assert math.isnan(end_by_earlier(100.0, 100.0, shares[:2], 0.05)[0])
    assert end_by_earlier(100.0, 100.0, [1.0, 1.0, 1.0], 0.05) == (100, 100, 100)
    same = end_by_earlier(100.0, 100.0, [0.5, 0.5, 0.5], 0.05)[2]
    assert same == pytest.approx(200 * math.exp(norm.ppf(0.975) * math.sqrt(0.5 / 100)), rel=1e-9)


def test_the_end_by_earlier_campaigns_covers() -> None:
    """2,000 banks with six campaigns each, whose courses differ: the sixth ends where promised."""
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(2_000):
        shares = np.exp(rng.normal(math.log(0.5), 0.1, 6))
        end = rng.poisson(600)
        now = rng.binomial(end, shares[5])
        earlier = [rng.binomial(800, share) / 800 for share in shares[:5]]
        _, lower, upper = end_by_earlier(now, now, earlier, 0.05)
        inside += lower <= end <= upper
    assert 0.93 < inside / 2_000 < 0.97


def test_its_own_course_covers_what_comes() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    rate = 20 * np.exp(-0.12 * np.arange(25.0))
    size = np.full(25, 1_000.0)
    for _ in range(1_000):
        days = rng.poisson(rate).astype(float)
        seen = np.where(np.arange(25) < 12, size, 0.0)
        _, lower, upper = still_to_come(np.where(seen > 0, days, 0), seen, size - seen, 0.05)
        inside += lower <= days[12:].sum() <= upper
    assert 0.93 < inside / 1_000 < 0.97


def test_earlier_campaigns_of_the_mart_are_asked(sample_mart: Mart) -> None:
    with campaign_rows(sample_mart, "K06", "2026-04-13") as rows:
        found = goal_of(sample_mart, rows, alpha=0.05)
    assert found.projected_by == "earlier campaigns"
    # What K01 to K05 had of their end 10 days and 15 hours, in parts of the window, after 09:00.
    shares = [_share(sample_mart, f"K0{k}", (10 + 15 / 24) / 25) for k in range(1, 6)]
    assert found.usual_share == pytest.approx(math.exp(np.log(shares).mean()), rel=0.01)
    assert found.projected_ci_lower < 343 < found.projected_ci_upper  # where it ended
    assert found.projected == pytest.approx(248 / found.usual_share, rel=1e-9)


def _share(mart: Mart, campaign: str, part: float) -> float:
    """From the rows themselves: first purchases in that part of the window, over all."""
    which = outcomes.campaign(mart, campaign)
    rows = mart["assignments"].to_pyarrow().to_pandas()
    rows = rows[(rows["campaign_id"] == campaign) & (rows["arm"] != "control")]
    bought = mart["transactions"].filter(
        mart["transactions"].kind == "purchase",
        mart["transactions"].product_id == which.product_id,
    )
    both = rows.merge(bought.to_pyarrow().to_pandas(), on="customer_id")
    age = (both["occurred_at"] - both["assigned_at"]).dt.total_seconds() / 86_400
    first = age[(age >= 0) & (age < which.attribution_days)].groupby(both["customer_id"]).min()
    return float((first < part * which.attribution_days).mean())


def test_earlier_amounts_count_as_amounts_and_late_rows_do_not(busy_tables, open_tables) -> None:
    """Three finished campaigns of ten purchases each: by day 2 of 14 they had 1/4, 1/2, 3/4."""
    tables = dict(busy_tables)
    campaign = tables["campaigns"][0] | {"objective": "amount_cny"}
    tables["campaigns"] = [campaign, tables["campaigns"][1]]
    for k, early in enumerate((1, 2, 3)):
        starts = dt.date(2026, 1 + k, 1)
        name = f"E{k}"
        tables["campaigns"].append(
            campaign | {"campaign_id": name, "starts_on": starts, "ends_on": starts}
        )
        tables["assignments"] = [
            *tables["assignments"],
            {"customer_id": "c01", "campaign_id": name, "arm": "coupon", "probability": 0.5,
             "assigned_at": dt.datetime.combine(starts, dt.time(9))},
        ]  # fmt: skip
        amounts = [(1, 100.0 * early)] + [(10, (400.0 - 100 * early) / 9)] * 9
        tables["transactions"] = [
            *tables["transactions"],
            *(
                _purchase(f"{name}-{n}", starts + dt.timedelta(days=day), amount)
                for n, (day, amount) in enumerate(amounts)
            ),
            # Known only after as_of: it would change the share.
            _purchase(f"{name}-late", starts, 5000.0) | {"recorded_on": dt.date(2026, 6, 1)},
        ]
    found = goal(open_tables(tables), "2026-05-05")
    assert found.usual_share == pytest.approx((0.25 * 0.5 * 0.75) ** (1 / 3), rel=1e-9)
    assert found.projected == pytest.approx(500 / found.usual_share, rel=1e-9)
    assert found.projected_by == "earlier campaigns"


def _purchase(name: str, day: dt.date, amount: float) -> dict[str, object]:
    return {
        "transaction_id": name,
        "customer_id": "c01",
        "product_id": "P-FUN",
        "occurred_at": dt.datetime.combine(day, dt.time(10)),
        "recorded_on": day,
        "kind": "purchase",
        "amount_cny": amount,
        "channel": "app",
    }
