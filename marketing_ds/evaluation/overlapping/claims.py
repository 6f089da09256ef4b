"""What single campaigns say they changed, added up, against what all of them together did."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_columns
from marketing_ds._core.estimate import normal_quantile

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

COUNTERPARTS: Mapping[str, str] = {"purchases_cny": "amount_cny", "cost_cny": "cost_cny"}
"""Metric of the period → metric of single campaigns that adds up to the same thing."""
_NEEDED = (
    "campaign_id",
    "metric",
    "arm",
    "segment",
    "n_control",
    "n_arm",
    "effect",
    "standard_error",
    "blocked",
)


def published_effects(mart: Mart, start: dt.date, end: dt.date, day: dt.date) -> pd.DataFrame:
    """The last published effects of each campaign that lies in the period with its outcomes.

    Only those published for a day up to `day`.
    """
    campaigns = mart["campaigns"].select("campaign_id", "starts_on", "ends_on", "attribution_days")
    inside = {
        row["campaign_id"]
        for row in campaigns.to_pyarrow().to_pylist()
        if row["starts_on"] >= start
        and row["ends_on"] + dt.timedelta(days=row["attribution_days"]) <= end
    }
    last: dict[str, pd.DataFrame] = {}
    for publication in mart.publications("effects"):
        if publication.as_of <= day:
            rows = mart.read_parquet(publication.files)
            frame = rows.select(*(c for c in _NEEDED if c in rows.columns)).to_pyarrow().to_pandas()
            for campaign_id, part in frame.groupby("campaign_id"):
                if campaign_id in inside:
                    last[str(campaign_id)] = part
    if not last:
        return pd.DataFrame(columns=list(_NEEDED))
    return pd.concat(last.values(), ignore_index=True)


def added_up(effects: pd.DataFrame, metric: str) -> tuple[float, float, tuple[str, ...]]:
    """Total of the campaigns' effects on their customers, its standard error, the campaigns.

    Effects of several arms of a campaign share its control group: the part of their variance that
    is control's is taken as n_arm / (n_arm + n_control), as if customers varied alike in both.
    Campaigns are independent, since their draws are. Effects of blocked campaigns are left out.
    """
    check_columns(effects.columns, _NEEDED, "effects")
    rows = effects[
        (effects["metric"] == metric)
        & (effects["segment"] == "all")
        & ~effects["blocked"].astype(bool)
        & effects["effect"].notna()
    ]
    total, variance = 0.0, 0.0
    for _, part in rows.groupby("campaign_id"):
        n = part["n_arm"].to_numpy(float)
        whole = part["standard_error"].to_numpy(float) ** 2
        control = whole * n / (n + part["n_control"].to_numpy(float))
        total += float(n @ part["effect"].to_numpy(float))
        variance += float(n**2 @ (whole - control) + n.sum() ** 2 * np.mean(control))
    return total, math.sqrt(variance), tuple(sorted(map(str, rows["campaign_id"].unique())))


def compared(
    rows: pd.DataFrame, effects: pd.DataFrame, counterparts: Mapping[str, str], alpha: float
) -> pd.DataFrame:
    """For each metric that has a counterpart: total, the campaigns' sum, and the gap.

    The two are independent: whom a campaign gave which arm says nothing of who is in the universal
    control group.

    Parameters
    ----------
    rows : pandas.DataFrame
        metric, total, total_error, and the interval of the total.
    """
    found = []
    quantile = normal_quantile(alpha)
    for row in rows.to_dict("records"):
        metric = str(row["metric"])
        if metric not in counterparts:
            continue
        claimed, error, campaigns = added_up(effects, counterparts[metric])
        if not campaigns:
            continue
        gap, spread = claimed - row["total"], math.hypot(error, row["total_error"])
        found.append(
            {
                "metric": metric,
                "campaigns": len(campaigns),
                "total": row["total"],
                "total_ci_lower": row["total_ci_lower"],
                "total_ci_upper": row["total_ci_upper"],
                "claimed": claimed,
                "claimed_ci_lower": claimed - quantile * error,
                "claimed_ci_upper": claimed + quantile * error,
                "gap": gap,
                "gap_ci_lower": gap - quantile * spread,
                "gap_ci_upper": gap + quantile * spread,
            }
        )
    names = ["total", "claimed", "gap"]
    columns = [f"{name}{end}" for name in names for end in ("", "_ci_lower", "_ci_upper")]
    return pd.DataFrame(found, columns=["metric", "campaigns", *columns])
