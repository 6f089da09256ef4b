"""The tables of a chunk that only the truth has."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from . import campaigns, columns, life, money
from .catalogue import LINE_CATEGORY
from .chunk import History
from .dates import Calendar
from .people import TASTES
from .tables import customer_ids


def truth_tables(history: History, calendar: Calendar) -> dict[str, pa.Table]:
    """What no bank can see."""
    ids = customer_ids(history)
    return {
        "outcomes": _outcomes(history, ids),
        "taste": pa.table(
            {"customer_id": ids, "taste": columns.words(history.people.taste, TASTES)}
        ),
        "propensity": _propensity(history, ids, calendar),
        "lifecycle": _lifecycle(history, ids, calendar),
    }


def _outcomes(history: History, ids: pa.Array) -> pa.Table:
    """Every participant under every arm."""
    parts = []
    for item in history.happened:
        arms = 1 + len(item.campaign.arms)
        rows = np.repeat(item.part, arms)
        arm = np.tile(np.arange(arms, dtype=np.int8), len(item.part))
        probability = item.truth.probability[rows, arm]
        names = ["control", *(a.offer for a in item.campaign.arms)]
        parts.append(
            pa.table(
                {
                    "customer_id": columns.words(item.truth.customer[rows], ids).cast(pa.string()),
                    "campaign_id": pa.repeat(item.campaign.campaign_id, len(rows)),
                    "arm": columns.words(arm, names).cast(pa.string()),
                    "expected_converted": pa.array(probability),
                    "expected_amount_cny": pa.array(
                        np.round(probability * item.truth.mean_amount[rows], 2)
                    ),
                    "type": columns.words(item.truth.kind[rows], campaigns.TYPES).cast(pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)


def _propensity(history: History, ids: pa.Array, calendar: Calendar) -> pa.Table:
    """Each customer of a cutoff × category, as it was drawn."""
    parts = []
    categories = [LINE_CATEGORY[line] for line in money.PURCHASE_LINES]
    for month, chance in history.propensity.items():
        who = np.flatnonzero(history.people.opened < calendar.starts[month]).astype(np.int32)
        codes = np.arange(len(categories), dtype=np.int8)
        parts.append(
            pa.table(
                {
                    "customer_id": columns.words(np.repeat(who, len(codes)), ids),
                    "cutoff": columns.dates(
                        np.full(who.size * codes.size, calendar.starts[month] - 1)
                    ),
                    "category": columns.words(np.tile(codes, len(who)), categories),
                    "probability": pa.array(chance[who].ravel()),
                }
            )
        )
    return pa.concat_tables(parts)


def _lifecycle(history: History, ids: pa.Array, calendar: Calendar) -> pa.Table:
    """Stage and value tier of each customer at each month's end."""
    stage, tier = np.stack(history.stages, axis=1).ravel(), np.stack(history.tiers, axis=1).ravel()
    size = len(history.people)
    customer = np.repeat(np.arange(size, dtype=np.int32), calendar.months)
    day = np.tile([calendar.end(month) for month in range(calendar.months)], size)
    rows = np.flatnonzero(stage >= 0)
    return pa.table(
        {
            "customer_id": columns.words(customer[rows], ids),
            "month_end": columns.dates(day[rows]),
            "lifecycle": columns.words(stage[rows], life.LIFECYCLE),
            "tier": columns.words(tier[rows], life.TIERS),
        }
    )
