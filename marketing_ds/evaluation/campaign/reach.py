"""Reach: how many customers a campaign came to, and what they did with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import wilson

from .moments import steps_known, taken
from .rows import EVERYONE, OUTSIDE, CampaignRows

ALL_CHANNELS = "all"
_OWN = ["arm", "channel", "stage", "customers", "count", "assigned"]


@dataclass(frozen=True)
class Reach(Result):
    """Customers reached, stage by stage, arm by arm and channel by channel.

    Attributes
    ----------
    messages : pandas.DataFrame
        One row per arm and contact channel: messages delivered, opened, clicked; the shares of
        messages opened, of messages clicked, and of opened ones clicked, with Wilson intervals;
        cost_cny. Several messages to one customer count each by itself.
    left_out : pandas.DataFrame
        Rows of the campaign that are counted nowhere else, by table and reason (``not assigned``,
        ``before the assignment``, ``after the window``): rows and customers.
    """

    messages: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per arm, channel and stage.

        `customers` who reached the stage, how often (`count`), of how many `assigned`, and the
        share of them with its Wilson interval. `channel` is ``all`` or one channel: the one of the
        contact, or the one in which the customer was seen; only where there was somebody.
        """
        return self._frame.copy()

    def customers(self, stage: str, arm: str = EVERYONE) -> int:
        """Customers of an arm who reached a stage; 0 where the mart does not know the stage."""
        rows = self._frame[(self._frame["stage"] == stage) & (self._frame["arm"] == arm)]
        found = rows.loc[rows["channel"] == ALL_CHANNELS, "customers"]
        return int(found.iloc[0]) if len(found) else 0


def reach_of(rows: CampaignRows, *, alpha: float) -> Reach:
    """Count customers and rows of every stage."""
    frame = pd.concat([_assigned(rows), *_stages(rows)], ignore_index=True)
    sizes = {arm: each.customers for arm, each in rows.arms.items()}
    frame["assigned"] = frame["arm"].map(sizes | {EVERYONE: sum(sizes.values())}).astype("int64")
    frame = with_share(frame[_OWN], "reach_share", "customers", "assigned", alpha)
    return Reach(_messages(rows, alpha), _left_out(rows), frame)


def with_share(frame: pd.DataFrame, name: str, count: str, size: str, alpha: float) -> pd.DataFrame:
    """The frame with count/size and its Wilson interval behind; NaN where size is 0."""
    whole = frame[size].astype("float64").where(frame[size] > 0)
    lower, upper = wilson(frame[count], whole, alpha=alpha)
    found = frame.copy()
    found[name] = frame[count] / whole
    found[f"{name}_ci_lower"], found[f"{name}_ci_upper"] = lower, upper
    return found


def _assigned(rows: CampaignRows) -> pd.DataFrame:
    sizes = [each.customers for each in rows.arms.values()]
    whole = [*sizes, sum(sizes)]
    return pd.DataFrame(
        {
            "arm": [*rows.arms, EVERYONE],
            "channel": ALL_CHANNELS,
            "stage": "assigned",
            "customers": whole,
            "count": whole,
        }
    )


def _stages(rows: CampaignRows) -> list[pd.DataFrame]:
    steps = taken(rows)
    if steps is None:
        return []
    whole = _counts(steps, ["step", "arm"]).assign(channel=ALL_CHANNELS)
    by_channel = _counts(steps.filter(steps.channel.notnull()), ["step", "arm", "channel"])
    parts = []
    for stage in steps_known(rows):
        parts.append(_filled(whole[whole["step"] == stage], rows, stage, ALL_CHANNELS))
        of_stage = by_channel[by_channel["step"] == stage]
        for channel, part in of_stage.groupby("channel"):
            found = _filled(part, rows, stage, str(channel))
            parts.append(found[found["count"] > 0])
    return parts


def _counts(steps: ir.Table, keys: Sequence[str]) -> pd.DataFrame:
    found = steps.group_by(list(keys)).aggregate(
        customers=steps.customer_id.nunique(), count=steps.count()
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _filled(found: pd.DataFrame, rows: CampaignRows, stage: str, channel: str) -> pd.DataFrame:
    """One row for every arm, 0 where nobody is, and one for all."""
    numbers = found.set_index("arm")[["customers", "count"]].reindex(list(rows.arms), fill_value=0)
    numbers.loc[EVERYONE] = numbers.sum()
    whole = numbers.astype("int64").rename_axis("arm").reset_index()
    return whole.assign(channel=channel, stage=stage)


def _messages(rows: CampaignRows, alpha: float) -> pd.DataFrame:
    keys = ["arm", "channel"]
    names = ["messages", "opened", "clicked"]
    if rows.contacts is None:
        counts = pd.DataFrame({name: pd.Series(dtype="object") for name in keys}).assign(
            **{name: pd.Series(dtype="int64") for name in names},
            cost_cny=pd.Series(dtype="float64"),
        )
    else:
        sent = rows.contacts.filter(rows.contacts.inside)
        found = sent.group_by(keys).aggregate(
            messages=sent.count(),
            opened=sent.opened_at.count(),
            clicked=sent.clicked_at.count(),
            cost_cny=sent.cost_cny.sum(),
        )
        counts = found.to_pyarrow().to_pandas().sort_values(keys, ignore_index=True)
    for name, count, size in (
        ("open_share", "opened", "messages"),
        ("click_share", "clicked", "messages"),
        ("click_of_opened_share", "clicked", "opened"),
    ):
        counts = with_share(counts, name, count, size, alpha)
    return counts


def _left_out(rows: CampaignRows) -> pd.DataFrame:
    tables = {
        "contacts": (rows.contacts, "sent_at"),
        "events": (rows.events, "occurred_at"),
        "benefit_grants": (rows.grants, "granted_at"),
    }
    parts = [
        _outside(name, table, moment)
        for name, (table, moment) in tables.items()
        if table is not None
    ]
    columns = ["table", "reason", "rows", "customers"]
    return pd.DataFrame([row for part in parts for row in part], columns=columns)


def _outside(name: str, table: ir.Table, moment: str) -> Iterable[tuple[str, str, int, int]]:
    outside = table.filter(~table.inside)
    reason = ibis.cases(
        (outside.arm == OUTSIDE, OUTSIDE),
        (outside[moment] < outside.assigned_at, "before the assignment"),
        else_="after the window",
    )
    found = outside.group_by(reason=reason).aggregate(
        rows=outside.count(), customers=outside.customer_id.nunique()
    )
    rows = found.order_by("reason").to_pyarrow().to_pylist()
    return [(name, row["reason"], row["rows"], row["customers"]) for row in rows]
