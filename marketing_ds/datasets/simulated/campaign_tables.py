"""The tables of a chunk that its campaigns leave: assignments, contacts, grants."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from marketing_ds.schema import CONTACT_CHANNELS

from . import columns
from .catalogue import CAMPAIGN_IDS, CAMPAIGNS
from .chunk import History
from .draws import Array


def _joined(history: History, name: str) -> Array:
    return np.concatenate([getattr(item, name) for item in history.happened])


def _indices(history: History) -> Array:
    return np.repeat(
        np.array([item.index for item in history.happened], dtype=np.int8),
        [len(item.part) for item in history.happened],
    )


def assignments(history: History, ids: pa.Array) -> pa.Table:
    """Table `assignments`, by campaign and customer."""
    names, code = _arm_codes(history)
    known = np.concatenate(
        [
            item.truth.arm_probability[item.part, item.arm]
            if item.campaign.randomised
            else np.full(len(item.part), -1.0)
            for item in history.happened
        ]
    )
    return pa.table(
        {
            "customer_id": columns.words(_joined(history, "customer"), ids),
            "campaign_id": columns.words(_indices(history), CAMPAIGN_IDS),
            "arm": columns.words(code, names),
            "probability": columns.numbers(known, 0),
            "assigned_at": columns.times(_joined(history, "assigned_at")),
        }
    )


def _arm_codes(history: History) -> tuple[list[str], Array]:
    """Names of all arms of all campaigns, and the code of each participant's."""
    offsets, names = [], ["control"]
    for campaign in CAMPAIGNS:
        offsets.append(len(names) - 1)
        names += [arm.offer for arm in campaign.arms]
    code = [np.where(item.arm > 0, item.arm + offsets[item.index], 0) for item in history.happened]
    return names, np.concatenate(code).astype(np.int8)


def contacts(history: History, ids: pa.Array, chunk: int) -> pa.Table:
    """Table `contacts`: one message to each participant outside control."""
    sent = _joined(history, "sent_at")
    rows = np.flatnonzero(sent >= 0)
    channel, cost = [], []
    for item in history.happened:
        codes = [0, *(CONTACT_CHANNELS.index(arm.channel) for arm in item.campaign.arms)]
        channel.append(np.array(codes, dtype=np.int8)[item.arm])
        cost.append(
            np.array([0.0, *(arm.contact_cost_cny for arm in item.campaign.arms)])[item.arm]
        )
    return pa.table(
        {
            "contact_id": columns.ids("M", chunk, len(rows)),
            "customer_id": columns.words(_joined(history, "customer")[rows], ids),
            "campaign_id": columns.words(_indices(history)[rows], CAMPAIGN_IDS),
            "channel": columns.words(np.concatenate(channel)[rows], CONTACT_CHANNELS),
            "sent_at": columns.times(sent[rows]),
            "opened_at": columns.times(_joined(history, "opened_at")[rows]),
            "clicked_at": columns.times(_joined(history, "clicked_at")[rows]),
            "cost_cny": pa.array(np.concatenate(cost)[rows]),
        }
    )


def benefit_grants(history: History, ids: pa.Array, chunk: int) -> pa.Table:
    """Table `benefit_grants`: a grant with each message that carries a benefit."""
    names: list[str] = []
    codes, faces = [], []
    for item in history.happened:
        code, face = [-1], [0.0]
        for arm in item.campaign.arms:
            code.append(len(names) if arm.benefit else -1)
            face.append(arm.benefit.face_value_cny if arm.benefit else 0.0)
            names += [arm.benefit.benefit_id] if arm.benefit else []
        codes.append(np.array(code, dtype=np.int8)[item.arm])
        faces.append(np.array(face)[item.arm])
    rows = np.flatnonzero(_joined(history, "granted"))
    redeemed, undone = _joined(history, "redeemed_at")[rows], _joined(history, "reversed_at")[rows]
    cost = np.where((redeemed >= 0) & (undone < 0), np.concatenate(faces)[rows], 0.0)
    return pa.table(
        {
            "grant_id": columns.ids("G", chunk, len(rows)),
            "benefit_id": columns.words(np.concatenate(codes)[rows], names),
            "customer_id": columns.words(_joined(history, "customer")[rows], ids),
            "campaign_id": columns.words(_indices(history)[rows], CAMPAIGN_IDS),
            "granted_at": columns.times(_joined(history, "sent_at")[rows]),
            "redeemed_at": columns.times(redeemed),
            "reversed_at": columns.times(undone),
            "cost_cny": pa.array(cost),
        }
    )


def redemption_counts(history: History) -> dict[str, tuple[int, int]]:
    """Grants and redemptions of each offer that carries a benefit."""
    out = {}
    for item in history.happened:
        for code, arm in enumerate(item.campaign.arms, start=1):
            mine = item.granted & (item.arm == code)
            used = mine & (item.redeemed_at >= 0) & (item.reversed_at < 0)
            out[arm.offer] = (int(mine.sum()), int(used.sum()))
    return out


def participant_counts(history: History) -> dict[str, tuple[int, int]]:
    """Customers contacted in each campaign, and its conversions."""
    return {
        item.campaign.campaign_id: (int((item.arm > 0).sum()), int((item.bought_at >= 0).sum()))
        for item in history.happened
    }
