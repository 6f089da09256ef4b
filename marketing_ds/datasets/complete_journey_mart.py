"""The grocer's panel laid under the mart's contract; `CompleteJourney.to_mart` says what is assumed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping

import pandas as pd

from .public_mart import attributes_frame, customers_frame

ARM = "coupons"
# The households were customers before the panel began, and its first campaign started on 2016-11-14.
_BEFORE = dt.date(2016, 11, 1)

NOTES = (
    "Amounts are in USD. Stand-ins, since nothing was published: opened_on, the day from which demographics hold and "
    "the launch of products (2016-11-01, before the first campaign), consent, a coupon's face value (the median "
    "discount seen where it was redeemed, else over all coupons). Campaigns came by post; who got one is in "
    "assignments, not randomised. Of campaigns of type A only redeemed coupons are grants, since who got which was not "
    "published: their share redeemed says nothing. Goods sold but not described are named so. No offers: neither cost "
    "nor worth was published."
)


def mart_tables(
    tables: Mapping[str, pd.DataFrame], consent: Collection[str]
) -> dict[str, pd.DataFrame]:
    """The contract's tables from the published ones."""
    campaigns = _campaigns(tables["campaign_descriptions"])
    grants = _grants(tables)
    faces = _face_values(tables)
    # A redeemed coupon costs its face value, one that was not redeemed nothing.
    face = grants["benefit_id"].map(faces.set_index("benefit_id")["face_value"])
    cost = face.where(grants["redeemed_at"].notna(), 0.0)
    demographics = tables["demographics"].sort_values("household_id", ignore_index=True)
    households = pd.Series(sorted(tables["transactions"]["household_id"].unique()))
    received = tables["campaigns"].merge(tables["campaign_descriptions"], on="campaign_id")
    return {
        "customers": customers_frame(_household(households), _BEFORE, consent),
        "products": _products(tables["products"], tables["transactions"]["product_id"]),
        "transactions": _transactions(tables["transactions"]),
        "campaigns": campaigns,
        "benefits": _benefits(faces, campaigns),
        "assignments": pd.DataFrame(
            {
                "customer_id": _household(received["household_id"]),
                "campaign_id": _campaign(received["campaign_id"]),
                "arm": ARM,
                "assigned_at": received["start_date"],
            }
        ).sort_values(["customer_id", "campaign_id"], ignore_index=True),
        "benefit_grants": grants.assign(cost_cny=cost),
        "customer_attributes": attributes_frame(
            _household(demographics["household_id"]),
            _BEFORE,
            demographics.drop(columns="household_id"),
        ),
    }


def _household(ids: pd.Series) -> pd.Series:
    return "J" + ids.astype("str").str.zfill(4)


def _campaign(ids: pd.Series) -> pd.Series:
    return "journey_" + ids.astype("str").str.zfill(2)


def _benefit(coupons: pd.DataFrame) -> pd.Series:
    """One coupon code may come in several campaigns; a benefit is the coupon of one."""
    return _campaign(coupons["campaign_id"]) + "-" + coupons["coupon_upc"].astype("str")


def _products(described: pd.DataFrame, sold: pd.Series) -> pd.DataFrame:
    names = described.set_index("product_id")[["department", "product_category", "product_type"]]
    name = names["department"].fillna("")
    for column in ("product_category", "product_type"):
        name = name.str.cat(names[column].fillna(""), sep=" / ")
    name = name.str.replace(r"(?: / )+$", "", regex=True)
    ids = pd.Series(sorted(set(names.index) | set(sold.unique())))
    return pd.DataFrame(
        {
            "product_id": "P" + ids.astype("str").str.zfill(8),
            "name": ids.map(name).fillna("not described"),
            "category": "retail",
            "launched_on": _BEFORE,
        }
    )


def _transactions(lines: pd.DataFrame) -> pd.DataFrame:
    # A basket holds a product at most once, so basket and product name a line.
    product = "P" + lines["product_id"].astype("str").str.zfill(8)
    return pd.DataFrame(
        {
            "transaction_id": lines["basket_id"].astype("str") + "-" + product,
            "customer_id": _household(lines["household_id"]),
            "product_id": product,
            "occurred_at": lines["transaction_timestamp"],
            "recorded_on": lines["transaction_timestamp"].dt.date,
            "kind": "purchase",
            "amount_cny": lines["sales_value"],
        }
    ).sort_values("transaction_id", ignore_index=True)


def _campaigns(descriptions: pd.DataFrame) -> pd.DataFrame:
    days = (descriptions["end_date"] - descriptions["start_date"]).dt.days + 1
    return pd.DataFrame(
        {
            "campaign_id": _campaign(descriptions["campaign_id"]),
            "name": "Campaign "
            + descriptions["campaign_id"].astype("str")
            + " ("
            + descriptions["campaign_type"].astype("str")
            + ")",
            "objective": "redeemed",
            "starts_on": descriptions["start_date"].dt.date,
            "ends_on": descriptions["end_date"].dt.date,
            "attribution_days": days,
            "randomised": False,
        }
    ).sort_values("campaign_id", ignore_index=True)


def _face_values(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Each benefit with its face value: the median discount where it was redeemed, else of all."""
    lines = tables["transactions"].query("coupon_disc > 0")
    lines = lines.assign(redemption_date=lines["transaction_timestamp"].dt.normalize())
    seen = (
        tables["coupon_redemptions"]
        .drop_duplicates()
        .merge(tables["coupons"], on=["coupon_upc", "campaign_id"])
        .merge(lines, on=["household_id", "product_id", "redemption_date"])
    )
    redemption = ["campaign_id", "coupon_upc", "household_id", "redemption_date"]
    given: pd.DataFrame = seen.groupby(redemption)[["coupon_disc"]].sum().reset_index()
    given["benefit_id"] = _benefit(given)
    known = given.groupby("benefit_id")[["coupon_disc"]].median()
    benefits = tables["coupons"][["campaign_id", "coupon_upc"]].drop_duplicates()
    benefits = benefits.assign(benefit_id=_benefit(benefits)).sort_values("benefit_id")
    faces = known.reindex(pd.Index(benefits["benefit_id"]))["coupon_disc"]
    return benefits.assign(
        face_value=faces.fillna(given["coupon_disc"].median()).round(2).to_numpy()
    ).reset_index(drop=True)


def _benefits(faces: pd.DataFrame, campaigns: pd.DataFrame) -> pd.DataFrame:
    days = campaigns.set_index("campaign_id")["attribution_days"]
    return pd.DataFrame(
        {
            "benefit_id": faces["benefit_id"],
            "title": "Coupon " + faces["coupon_upc"].astype("str"),
            "kind": "coupon",
            "face_value_cny": faces["face_value"],
            "cost_cny": faces["face_value"],
            "valid_days": _campaign(faces["campaign_id"]).map(days),
        }
    )


def _grants(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    key = ["household_id", "campaign_id", "coupon_upc"]
    types = tables["campaign_descriptions"][["campaign_id", "campaign_type", "start_date"]]
    coupons = tables["coupons"][["campaign_id", "coupon_upc"]].drop_duplicates()
    to_all = types[types["campaign_type"] != "Type A"]["campaign_id"]
    received = tables["campaigns"][tables["campaigns"]["campaign_id"].isin(to_all)].merge(
        coupons, on="campaign_id"
    )
    # A coupon redeemed again is a grant of its own, since a grant is redeemed once.
    redeemed = tables["coupon_redemptions"].sort_values([*key, "redemption_date"])
    redeemed = redeemed.assign(time=redeemed.groupby(key).cumcount())
    grants = (
        received[key]
        .assign(time=0)
        .merge(redeemed, on=[*key, "time"], how="outer")
        .merge(types, on="campaign_id")
        .sort_values([*key, "time"], ignore_index=True)
    )
    return pd.DataFrame(
        {
            "grant_id": _household(grants["household_id"])
            + "-"
            + _benefit(grants)
            + "-"
            + (grants["time"] + 1).astype("str"),
            "benefit_id": _benefit(grants),
            "customer_id": _household(grants["household_id"]),
            "campaign_id": _campaign(grants["campaign_id"]),
            "granted_at": grants["start_date"],
            "redeemed_at": grants["redemption_date"],
        }
    ).sort_values("grant_id", ignore_index=True)
