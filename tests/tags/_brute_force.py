"""The tags a second time: plain Python over rows, one customer at a time, no engine.

Written from what the tags say of themselves, not from how they are compiled. It shares nothing with
the package but the contract's lists of channels and categories.
"""

from __future__ import annotations

import cmath
import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from marketing_ds.schema import BEHAVIOUR_CHANNELS, CATEGORIES, CONTACT_CHANNELS

Row = dict[str, Any]
Rows = list[Row]

ASSETS = ("deposit", "wealth", "fund", "insurance")
HELD = (*ASSETS, "loan", "card")
INFLOWS = ("salary", "deposit", "interest", "transfer_in", "redemption")
OUTFLOWS = ("payment", "withdrawal", "transfer_out", "purchase", "repayment", "fee")


class Bank:
    """The rows that were known at the end of a day."""

    def __init__(self, tables: dict[str, Rows], as_of: dt.date) -> None:
        self.as_of = as_of
        self.tables = tables
        self.category = {row["product_id"]: row["category"] for row in tables["products"]}
        self.benefit = {row["benefit_id"]: row for row in tables["benefits"]}
        self.customers = [r for r in tables["customers"] if r["opened_on"] <= as_of]
        self.transactions = self._moves("transactions")
        self.events = self._moves("events")
        self.contacts = [self._contact(r) for r in self._dated("contacts", "sent_at")]
        self.assignments = self._dated("assignments", "assigned_at")
        self.grants = [self._grant(r) for r in self._dated("benefit_grants", "granted_at")]
        self.outcomes = [r for r in tables["campaign_outcomes"] if r["observed_on"] <= as_of]
        self.objective = {r["campaign_id"]: r["objective"] for r in tables["campaigns"]}
        self.held = {days: self._snapshot(days) for days in (0, 30, 60, 90, 180)}

    def happened(self, moment: dt.datetime | None) -> bool:
        return moment is not None and moment.date() <= self.as_of

    def ago(self, moment: dt.date | None) -> int | None:
        if moment is None:
            return None
        return (self.as_of - (moment.date() if isinstance(moment, dt.datetime) else moment)).days

    def _dated(self, table: str, column: str) -> Rows:
        rows = [r for r in self.tables[table] if self.happened(r[column])]
        return [r | {"at": r[column], "ago": self.ago(r[column])} for r in rows]

    def _moves(self, table: str) -> Rows:
        rows = [r for r in self._dated(table, "occurred_at") if r["recorded_on"] <= self.as_of]
        return [r | {"category": self.category.get(r.get("product_id"))} for r in rows]

    def _contact(self, row: Row) -> Row:
        return row | {step: self.happened(row[f"{step}_at"]) for step in ("opened", "clicked")}

    def _grant(self, row: Row) -> Row:
        reversed_ = self.happened(row["reversed_at"])
        redeemed = self.happened(row["redeemed_at"]) and not reversed_
        benefit = self.benefit[row["benefit_id"]]
        usable = not redeemed and not reversed_ and row["ago"] <= benefit["valid_days"]
        return row | {
            "reversed": reversed_,
            "redeemed": redeemed,
            "usable": usable,
            "benefit": benefit,
        }

    def _snapshot(self, days: int) -> Rows | None:
        """The balances of the last snapshot so many days before, None if there is none."""
        until = self.as_of - dt.timedelta(days=days)
        dates = {r["snapshot_date"] for r in self.tables["holdings"] if r["snapshot_date"] <= until}
        if not dates:
            return None
        rows = [r for r in self.tables["holdings"] if r["snapshot_date"] == max(dates)]
        return [
            r | {"category": self.category[r["product_id"]]} for r in rows if r["balance_cny"] > 0
        ]


def share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def within(rows: Rows, days: int) -> Rows:
    return [r for r in rows if r["ago"] < days]


def those(rows: Rows, **conditions: Any) -> Rows:
    def fits(row: Row) -> bool:
        return all(
            row[k] in v if isinstance(v, tuple) else row[k] == v for k, v in conditions.items()
        )

    return [r for r in rows if fits(r)]


def money(rows: Rows, column: str = "amount_cny") -> float:
    return math.fsum(r[column] for r in rows)


def days_of(rows: Rows) -> int:
    return len({r["ago"] for r in rows})


def last_ago(rows: Rows) -> int | None:
    return min((r["ago"] for r in rows), default=None)


def first_ago(rows: Rows) -> int | None:
    return max((r["ago"] for r in rows), default=None)


def most_common(values: Iterable[Any], order: Sequence[str]) -> str | None:
    counts = Counter(values)
    best = max((counts[name] for name in order), default=0)
    return next((name for name in order if counts[name] == best), None) if best else None


def mean_hour(rows: Rows) -> float | None:
    if not rows:
        return None
    angles = [2 * math.pi * (r["at"].hour * 60 + r["at"].minute) / 1440 for r in rows]
    mean = sum(cmath.exp(1j * angle) for angle in angles) / len(rows)
    return None if abs(mean) < 0.1 else cmath.phase(mean) / (2 * math.pi) * 24 % 24


def weekend(row: Row) -> bool:
    return row["at"].weekday() >= 5


def customer_tags(bank: Bank, person: Row) -> dict[str, Any]:
    """Every tag of one customer."""
    customer = person["customer_id"]

    def own(rows: Rows) -> Rows:
        return those(rows, customer_id=customer)

    held = {days: own(rows) if rows is not None else None for days, rows in bank.held.items()}
    moves, visits = own(bank.transactions), own(bank.events)
    tenure = (bank.as_of - person["opened_on"]).days
    balances = _balances(bank, held)
    money_tags = _money(moves)
    buying = _purchases(moves)
    visiting = _visits(visits, tenure)
    tags = (
        _person(bank, person, tenure)
        | balances
        | _holdings(bank, held)
        | money_tags
        | buying
        | visiting
        | _campaigns(own(bank.contacts), own(bank.assignments), bank)
        | _conversions(own(bank.outcomes), own(bank.assignments), bank)
        | _benefits(own(bank.grants), bank)
        | _dates(person, moves, visits, bank)
    )
    return (
        tags | _stages(tags, moves, tenure) | _happenings(tags, moves, visits, tenure, held, bank)
    )


def _person(bank: Bank, person: Row, tenure: int) -> dict[str, Any]:
    age = None if person["birth_year"] is None else bank.as_of.year - person["birth_year"]
    band = None
    if age is not None:
        names = ("under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 or more")
        band = names[sum(age >= edge for edge in (25, 35, 45, 55, 65))]
    consents = {f"consent_{c}": person[f"consent_{c}"] for c in CONTACT_CHANNELS}
    return consents | {
        "age": age,
        "age_band": band,
        "gender": person["gender"],
        "region": person["region"],
        "branch": person["branch_id"],
        "occupation": person["occupation"],
        "risk_level": person["risk_level"],
        "tenure_days": tenure,
        "has_manager": person["manager_id"] is not None,
        "consent_channels": sum(consents.values()),
        "suppressed": person["suppressed"],
        "reachable": any(consents.values()) and not person["suppressed"],
    }


def _of(rows: Rows | None, *categories: str) -> float | None:
    if rows is None:
        return None
    return money(those(rows, category=categories), "balance_cny")


def _balances(bank: Bank, held: dict[int, Rows | None]) -> dict[str, Any]:
    aum = {days: _of(rows, *ASSETS) for days, rows in held.items()}
    now = {category: _of(held[0], category) for category in HELD}
    assert aum[0] is not None
    tags: dict[str, Any] = {f"{category}_cny": balance for category, balance in now.items()}
    tags |= {"aum": aum[0], "debt_cny": _of(held[0], "loan", "card")}
    for days in (30, 90, 180):
        before = aum[days]
        change = None if before is None else aum[0] - before
        tags |= {
            f"aum_{days}d_ago": before,
            f"aum_change_{days}d": change,
            f"aum_change_rate_{days}d": share(change, before),
        }
    for category in ("deposit", "wealth", "fund"):
        before = _of(held[90], category)
        tags[f"{category}_change_90d_cny"] = None if before is None else now[category] - before
    for category in ASSETS:
        tags[f"{category}_share"] = share(now[category], aum[0])
    steps = [aum[0], aum[30], aum[60], aum[90]]
    grew = [a > b for a, b in pairwise(steps) if None not in (a, b)]
    peak = max(value for value in aum.values() if value is not None)
    return tags | {
        "aum_growing_steps_90d": None if aum[90] is None else sum(grew),
        "aum_peak_180d": peak,
        "aum_below_peak": share(peak - aum[0], peak),
        "debt_to_assets": share(tags["debt_cny"], aum[0]),
        "net_balance_cny": aum[0] - tags["debt_cny"],
    }


def _holdings(bank: Bank, held: dict[int, Rows | None]) -> dict[str, Any]:
    now, before, month = held[0], held[90], held[30]
    assert now is not None
    has = {r["category"] for r in now}
    had = None if before is None else {r["category"] for r in before}

    def due(rows: Rows, first: int, last: int) -> Rows:
        return [r for r in rows if r["matures_on"] and first <= -bank.ago(r["matures_on"]) <= last]

    ahead = [-bank.ago(r["matures_on"]) for r in due(now, 1, 10_000)]
    most = {c: _of(now, c) for c in ASSETS}
    best = max(most.values())
    return {f"holds_{c}": c in has for c in HELD} | {
        "products_held": len(now),
        "categories_held": len(has),
        "main_asset_category": next((c for c in ASSETS if most[c] == best), None) if best else None,
        "deposit_only": has == {"deposit"},
        "new_categories_90d": None if had is None else len(has - had),
        "dropped_categories_90d": None if had is None else len(had - has),
        "products_change_90d": None if before is None else len(now) - len(before),
        "maturing_7d_cny": money(due(now, 1, 7), "balance_cny"),
        "maturing_30d_cny": money(due(now, 1, 30), "balance_cny"),
        "maturing_90d_cny": money(due(now, 1, 90), "balance_cny"),
        "days_to_next_maturity": min(ahead, default=None),
        "matured_30d_cny": None if month is None else money(due(month, -29, 0), "balance_cny"),
    }


def _own_moves(moves: Rows) -> Rows:
    return [r for r in moves if r["kind"] not in ("interest", "fee")]


def _money(moves: Rows) -> dict[str, Any]:
    def moved(kind: str | tuple[str, ...], days: int, **more: Any) -> float:
        return money(within(those(moves, kind=kind, **more), days))

    quarter = within(moves, 90)
    channels = Counter(r["channel"] for r in quarter)
    payments = those(quarter, kind="payment")
    salaries = those(moves, kind="salary")
    last_salary = max((r["at"] for r in salaries), default=None)
    year = within(salaries, 365)
    tags: dict[str, Any] = {}
    for days in (7, 30, 90, 180, 365):
        tags[f"transactions_{days}d"] = len(within(moves, days))
        tags[f"inflow_{days}d_cny"] = moved(INFLOWS, days)
        tags[f"outflow_{days}d_cny"] = moved(OUTFLOWS, days)
    del tags["outflow_7d_cny"]
    for days in (30, 90):
        tags[f"net_flow_{days}d_cny"] = tags[f"inflow_{days}d_cny"] - tags[f"outflow_{days}d_cny"]
    for days in (30, 90, 365):
        tags[f"transaction_days_{days}d"] = days_of(within(moves, days))
    return tags | {
        "days_since_transaction": last_ago(_own_moves(moves)),
        "days_since_first_transaction": first_ago(moves),
        "payments_90d": len(payments),
        "payments_90d_cny": money(payments),
        "average_payment_90d_cny": share(money(payments), len(payments)),
        "card_payments_90d_cny": moved("payment", 90, category="card"),
        "deposits_90d_cny": moved("deposit", 90),
        "withdrawals_90d_cny": moved("withdrawal", 90),
        "transfers_in_90d_cny": moved("transfer_in", 90),
        "transfers_out_90d_cny": moved("transfer_out", 90),
        "repayments_90d_cny": moved("repayment", 90),
        "interest_365d_cny": moved("interest", 365),
        "fees_365d_cny": moved("fee", 365),
        "top_transaction_channel_90d": most_common(
            (r["channel"] for r in quarter), BEHAVIOUR_CHANNELS
        ),
        "transaction_channels_90d": len(set(channels) - {None}),
        "mobile_share_90d": share(channels["app"] + channels["wechat"], len(quarter)),
        "branch_share_90d": share(channels["branch"], len(quarter)),
        "salary_found": bool(within(salaries, 60)),
        "days_since_salary": last_ago(salaries),
        "salary_day": last_salary.day if last_salary else None,
        "salaries_365d": len(year),
        "salary_90d_cny": money(within(salaries, 90)),
        "salary_365d_cny": money(year),
        "average_salary_365d_cny": share(money(year), len(year)),
    }


def _purchases(moves: Rows) -> dict[str, Any]:
    bought = those(moves, kind="purchase")
    year = within(bought, 365)
    tags: dict[str, Any] = {}
    for days in (30, 90, 180, 365):
        tags[f"purchases_{days}d"] = len(within(bought, days))
        tags[f"purchases_{days}d_cny"] = money(within(bought, days))
    categories = [r["category"] for r in year if r["category"]]
    return tags | {
        "days_since_purchase": last_ago(bought),
        "days_since_first_purchase": first_ago(bought),
        "average_purchase_365d_cny": share(money(year), len(year)),
        "largest_purchase_cny": max((r["amount_cny"] for r in bought), default=None),
        "top_purchase_category_365d": most_common(categories, CATEGORIES),
        "purchase_categories_365d": len(set(categories)),
        "redemptions_90d_cny": money(within(those(moves, kind="redemption"), 90)),
        "weekend_purchase_share_365d": share(sum(map(weekend, year)), len(year)),
        "usual_purchase_hour_365d": mean_hour(year),
    }


def _visits(visits: Rows, tenure: int) -> dict[str, Any]:
    quarter, month = within(visits, 90), within(visits, 30)

    def done(event: str, days: int) -> int:
        return len(within(those(visits, event=event), days))

    def part(rows: Rows) -> float | None:
        return share(len(rows), len(quarter))

    tags: dict[str, Any] = {}
    for days in (7, 30, 90, 180, 365):
        tags[f"events_{days}d"] = len(within(visits, days))
        tags[f"active_days_{days}d"] = days_of(within(visits, days))
    for page in HELD:
        tags[f"{page}_pages_90d"] = len(those(quarter, page=page))
    periods = {r["ago"] // 30 for r in quarter}
    spent = math.fsum(r["duration_s"] or 0.0 for r in month)
    before = tags["active_days_90d"] - tags["active_days_30d"]
    return tags | {
        "days_since_event": last_ago(visits),
        "days_since_first_event": first_ago(visits),
        "days_since_app_launch": last_ago(those(visits, channel="app", event="launch")),
        "active_day_share_90d": tags["active_days_90d"] / min(90, tenure + 1),
        "active_periods_90d": len(periods),
        "visit_trend_30d": share(tags["active_days_30d"], before / 2),
        "events_per_active_day_90d": share(len(quarter), tags["active_days_90d"]),
        "app_launches_30d": len(those(month, channel="app", event="launch")),
        "searches_30d": done("search", 30),
        "clicks_90d": done("click", 90),
        "shares_90d": done("share", 90),
        "applications_30d": done("apply", 30),
        "applications_90d": done("apply", 90),
        "branch_visits_365d": done("visit", 365),
        "calls_90d": done("call", 90),
        "favourite_page_90d": most_common((r["page"] for r in quarter), HELD),
        "time_spent_30d": spent,
        "time_per_active_day_30d": share(spent, tags["active_days_30d"]),
        "top_event_channel_90d": most_common((r["channel"] for r in quarter), BEHAVIOUR_CHANNELS),
        "event_channels_90d": len({r["channel"] for r in quarter}),
        "app_share_90d": part(those(quarter, channel="app")),
        "weekend_share_90d": part([r for r in quarter if weekend(r)]),
        "night_share_90d": part([r for r in quarter if r["at"].hour >= 22 or r["at"].hour < 6]),
        "usual_hour_90d": mean_hour(quarter),
    }


def _campaigns(contacts: Rows, assignments: Rows, bank: Bank) -> dict[str, Any]:
    tags: dict[str, Any] = {f"contacts_{d}d": len(within(contacts, d)) for d in (7, 30, 90, 365)}
    for days in (90, 365):
        rows = within(contacts, days)
        opens, clicks = len(those(rows, opened=True)), len(those(rows, clicked=True))
        tags |= {
            f"contact_opens_{days}d": opens,
            f"contact_clicks_{days}d": clicks,
            f"contact_open_rate_{days}d": share(opens, len(rows)),
            f"contact_click_rate_{days}d": share(clicks, len(rows)),
        }
    opened = those(contacts, opened=True)
    year = within(assignments, 365)
    return tags | {
        "days_since_contact": last_ago(contacts),
        "days_since_contact_open": min((bank.ago(r["opened_at"]) for r in opened), default=None),
        "contacts_unopened_30d": len(those(within(contacts, 30), opened=False)),
        "best_contact_channel_365d": most_common((r["channel"] for r in within(opened, 365)), CONTACT_CHANNELS),
        "contact_cost_365d_cny": money(within(contacts, 365), "cost_cny"),
        "days_since_campaign": last_ago(assignments),
        "campaigns_365d": len(year),
        "held_out_365d": len(those(year, arm="control")),
    }  # fmt: skip


def _conversions(outcomes: Rows, assignments: Rows, bank: Bank) -> dict[str, Any]:
    met = [r for r in outcomes if _met(r, bank) and bank.ago(r["observed_on"]) < 365]
    return {
        "conversions_365d": len(met),
        "conversion_rate_365d": share(len(met), len(within(assignments, 365))),
    }


def _met(outcome: Row, bank: Bank) -> bool:
    return outcome["outcome"] == bank.objective[outcome["campaign_id"]] and outcome["value"] > 0


def _benefits(grants: Rows, bank: Bank) -> dict[str, Any]:
    year, redeemed = within(grants, 365), those(grants, redeemed=True)
    used = within(redeemed, 365)
    return {
        "benefits_granted_365d": len(year),
        "benefits_redeemed_365d": len(used),
        "benefit_redemption_rate_365d": share(len(used), len(year)),
        "benefits_reversed_365d": len(those(year, reversed=True)),
        "benefits_usable": len(those(grants, usable=True)),
        "days_since_benefit": last_ago(grants),
        "days_since_redemption": min((bank.ago(r["redeemed_at"]) for r in redeemed), default=None),
        "benefits_saved_365d_cny": sum(r["benefit"]["face_value_cny"] for r in used),
        "benefits_cost_365d_cny": sum(r["benefit"]["cost_cny"] for r in used),
    }


def _tier(aum: float | None) -> str | None:
    if aum is None:
        return None
    names = ("mass", "affluent", "vip", "private")
    return names[sum(aum >= floor for floor in (50_000, 1_000_000, 6_000_000))]


def _stages(tags: dict[str, Any], moves: Rows, tenure: int) -> dict[str, Any]:
    idle = tags["days_since_transaction"]
    silent = tenure if idle is None else idle
    aum, before = tags["aum"], tags["aum_90d_ago"]
    if tenure < 180:
        stage = "new"
    elif silent > 180 and aum < 1000:
        stage = "lost"
    elif silent > 90:
        stage = "dormant"
    elif before is not None and aum > before * 1.2:
        stage = "growing"
    elif before is not None and aum < before * 0.8:
        stage = "declining"
    else:
        stage = "mature"
    tiers = ("mass", "affluent", "vip", "private")
    now, then = _tier(aum), _tier(before)
    step = None if then is None else tiers.index(now) - tiers.index(then)
    recency = 1 if idle is None else 5 - sum(idle > edge for edge in (7, 30, 90, 180))
    often = len(within(_own_moves(moves), 365))
    frequency = 1 + sum(often >= edge for edge in (4, 12, 24, 52))
    spent = tags["outflow_365d_cny"]
    amount = 1 + sum(spent >= edge for edge in (1_000, 10_000, 50_000, 200_000))
    kind = {(True, True): "value", (True, False): "develop", (False, True): "keep", (False, False): "win_back"}  # fmt: skip
    worth = "important" if amount >= 4 else "general"
    return {
        "lifecycle": stage,
        "value_tier": now,
        "value_tier_90d_ago": then,
        "tier_change_90d": None if step is None else "same" if step == 0 else "up" if step > 0 else "down",
        "rfm_recency": recency,
        "rfm_frequency": frequency,
        "rfm_amount": amount,
        "rfm_class": f"{worth}_{kind[recency >= 4, frequency >= 4]}",
    }  # fmt: skip


def _dates(person: Row, moves: Rows, visits: Rows, bank: Bank) -> dict[str, Any]:
    tags: dict[str, Any] = {"opened_on": person["opened_on"]}
    bought = those(moves, kind="purchase")
    for name, rows in {"transaction": moves, "purchase": bought, "event": visits}.items():
        days = [bank.as_of - dt.timedelta(days=r["ago"]) for r in rows]
        tags[f"first_{name}_on"] = min(days, default=None)
        tags[f"last_{name}_on"] = max(days, default=None)
    own = [bank.as_of - dt.timedelta(days=r["ago"]) for r in _own_moves(moves)]
    return tags | {"last_transaction_on": max(own, default=None)}


def _happenings(
    tags: dict[str, Any], moves: Rows, visits: Rows, tenure: int, held: dict[int, Rows | None], bank: Bank,
) -> dict[str, Any]:  # fmt: skip
    card = first_ago(those(moves, category="card", kind="payment"))
    bought = tags["days_since_first_purchase"]
    gap = tags["days_since_salary"]
    week, quarter = tags["inflow_7d_cny"], tags["inflow_90d_cny"]
    ages = {r["ago"] for r in visits}
    rate = tags["aum_change_rate_30d"]
    matured = tags["matured_30d_cny"]
    return {
        "salary_stopped": tags["salaries_365d"] >= 3 and gap > 45,
        "large_inflow_7d": week >= 50_000 and week > quarter - week,
        "maturing_30d": tags["maturing_30d_cny"] > 0,
        "matured_30d": None if matured is None else matured > 0,
        "card_activated_30d": card is not None and card < 30,
        "first_purchase_30d": bought is not None and bought < 30,
        "application_open_30d": tags["applications_30d"] > 0 and tags["purchases_30d"] == 0,
        "returned_30d": any(a < 30 for a in ages)
        and not any(30 <= a < 90 for a in ages)
        and any(90 <= a < 365 for a in ages),
        "assets_dropped_30d": None if rate is None else rate < -0.2,
        "new_customer_30d": tenure < 30,
    }


def product_tags(bank: Bank, product: Row) -> dict[str, Any]:
    """Every tag of one product."""
    name = product["product_id"]

    def own(rows: Rows) -> Rows:
        return those(rows, product_id=name)

    now, before = own(bank.held[0] or []), own(bank.held[90] or [])
    holders, earlier = ({r["customer_id"] for r in rows} for rows in (now, before))
    others = {r["customer_id"] for r in bank.held[0] or [] if r["product_id"] != name}
    balance, balance_before = (money(rows, "balance_cny") for rows in (now, before))
    bought = those(own(bank.transactions), kind="purchase")
    redeemed = money(within(those(own(bank.transactions), kind="redemption"), 90))
    margin = product["margin_rate"]
    campaigns = [c for c in bank.tables["campaigns"] if c["product_id"] == name and c["starts_on"] <= bank.as_of]  # fmt: skip
    due = [r for r in now if r["matures_on"] and 1 <= -bank.ago(r["matures_on"]) <= 30]
    tags: dict[str, Any] = {}
    for days in (30, 90, 365):
        rows = within(bought, days)
        tags |= {
            f"buyers_{days}d": len({r["customer_id"] for r in rows}),
            f"purchases_{days}d": len(rows),
            f"purchases_{days}d_cny": money(rows),
        }
    online = [r for r in within(bought, 90) if r["channel"] in ("app", "web", "wechat")]
    older = (tags["purchases_90d"] - tags["purchases_30d"]) / 2
    return tags | {
        "product_name": product["name"],
        "category": product["category"],
        "risk_level": product["risk_level"],
        "margin_rate": margin,
        "days_on_sale": bank.ago(product["launched_on"]),
        "holders": len(holders),
        "holders_90d_ago": len(earlier),
        "holders_growth_90d": share(len(holders) - len(earlier), len(earlier)),
        "new_holders_90d": len(holders - earlier),
        "kept_share_90d": share(len(holders & earlier), len(earlier)),
        "balance_cny": balance,
        "balance_90d_ago_cny": balance_before,
        "balance_growth_90d": share(balance - balance_before, balance_before),
        "average_balance_cny": share(balance, len(holders)),
        "yearly_margin_cny": None if margin is None else balance * margin,
        "cross_held_share": share(len(holders & others), len(holders)),
        "maturing_30d_cny": money(due, "balance_cny"),
        "average_purchase_365d_cny": share(tags["purchases_365d_cny"], tags["purchases_365d"]),
        "redemptions_90d_cny": redeemed,
        "net_sales_90d_cny": tags["purchases_90d_cny"] - redeemed,
        "sales_trend_30d": share(tags["purchases_30d"], older),
        "digital_share_90d": share(len(online), tags["purchases_90d"]),
        "days_since_purchase": last_ago(bought),
        "campaigns_365d": sum(bank.ago(c["starts_on"]) < 365 for c in campaigns),
        "campaigns_running": sum(c["ends_on"] >= bank.as_of for c in campaigns),
    }


def campaign_tags(bank: Bank, campaign: Row) -> dict[str, Any]:
    """Every tag of one campaign."""
    name, as_of = campaign["campaign_id"], bank.as_of

    def own(rows: Rows) -> Rows:
        return those(rows, campaign_id=name)

    def people(rows: Rows) -> set[str]:
        return {r["customer_id"] for r in rows}

    starts, ends = campaign["starts_on"], campaign["ends_on"]
    given, contacts, grants = own(bank.assignments), own(bank.contacts), own(bank.grants)
    control = people(those(given, arm="control"))
    treated = people(given) - control
    met = people([r for r in own(bank.outcomes) if _met(r, bank)])
    reached = [r for r in own(bank.outcomes) if r["outcome"] == campaign["objective"] and r["customer_id"] not in control]  # fmt: skip
    opened, clicked = (len(those(contacts, **{s: True})) for s in ("opened", "clicked"))
    redeemed = those(grants, redeemed=True)
    contact_cost = money(contacts, "cost_cny")
    benefit_cost = sum(r["benefit"]["cost_cny"] for r in redeemed)
    cost = contact_cost + benefit_cost
    visits = own(bank.events)
    length = (ends - starts).days + 1
    return {
        "campaign_name": campaign["name"],
        "product": campaign["product_id"],
        "objective": campaign["objective"],
        "randomised": campaign["randomised"],
        "phase": _phase(campaign, as_of),
        "days_to_start": (starts - as_of).days if starts >= as_of else None,
        "days_run": min(max((as_of - starts).days + 1, 0), length),
        "days_left": (ends - as_of).days if ends >= as_of else None,
        "duration_days": length,
        "attribution_days": campaign["attribution_days"],
        "budget_cny": campaign["budget_cny"],
        "target": campaign["target"],
        "offers": len(own(bank.tables["offers"])),
        "assigned": len(people(given)),
        "held_out": len(control),
        "control_share": share(len(control), len(people(given))),
        "contacts": len(contacts),
        "contacted": len(people(contacts)),
        "contacted_share": share(len(people(contacts)), len(treated)),
        "contacts_per_customer": share(len(contacts), len(people(contacts))),
        "days_since_contact": last_ago(contacts),
        "contact_cost_cny": contact_cost,
        "opened": opened,
        "clicked": clicked,
        "open_rate": share(opened, len(contacts)),
        "click_rate": share(clicked, len(contacts)),
        "visitors": len(people(visits)),
        "page_clicks": len(those(visits, event="click")),
        "page_shares": len(those(visits, event="share")),
        "benefits_granted": len(grants),
        "benefits_redeemed": len(redeemed),
        "redemption_rate": share(len(redeemed), len(grants)),
        "benefit_cost_cny": benefit_cost,
        "cost_cny": cost,
        "budget_spent_share": share(cost, campaign["budget_cny"]),
        "cost_per_contacted_cny": share(cost, len(people(contacts))),
        "conversions": len(met - control),
        "conversion_rate": share(len(met - control), len(treated)),
        "control_conversion_rate": share(len(met & control), len(control)),
        "target_reached_share": share(money(reached, "value"), campaign["target"]),
        "cost_per_conversion_cny": share(cost, len(met - control)),
    }


def _phase(campaign: Row, as_of: dt.date) -> str:
    if as_of < campaign["starts_on"]:
        return "planned"
    if as_of <= campaign["ends_on"]:
        return "running"
    counted = campaign["ends_on"] + dt.timedelta(days=campaign["attribution_days"])
    return "attribution" if as_of < counted else "over"
