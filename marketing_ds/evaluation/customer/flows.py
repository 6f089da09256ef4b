"""Who moved: up and down the tiers, into and out of the groups, by arm and against control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.assigned import Assigned
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.metrics import Metric, Proportion, Ratio
from marketing_ds.profiling import Migration
from marketing_ds.profiling._columns import choose_columns
from marketing_ds.profiling._migration import migration_of
from marketing_ds.tags import Tag, catalogue

from .standing import GROUPS, MIGRATING, formula

ALL_ARMS = "all"
TITLES: Mapping[str, tuple[str, str]] = {
    "tier_up": ("Value tier went up", "价值分层升级"),
    "tier_down": ("Value tier went down", "价值分层降级"),
    "left_dormant": ("Woke up (of the dormant)", "睡眠客户唤醒"),
    "entered_dormant": ("Fell asleep (of the others)", "转为睡眠客户"),
    "left_low_assets": ("Left low assets (of those low)", "脱离低资产"),
    "entered_low_assets": ("Fell to low assets (of the others)", "降为低资产"),
    "left_high_assets": ("Left high assets (of those high)", "脱离高资产"),
    "entered_high_assets": ("Reached high assets (of the others)", "升为高资产"),
}
"""Flows by name, with their titles in English and Chinese."""
EFFECT = ("effect", "effect_ci_lower", "effect_ci_upper", "p_value", "p_adjusted")
_COLUMNS = (
    "flow", "arm", "n_among", "n_moved",
    "moved_share", "moved_share_ci_lower", "moved_share_ci_upper", *EFFECT,
)  # fmt: skip


@dataclass(frozen=True)
class Flows:
    """Rows of a flow and arm, the migrations by tag and arm, and whether effects are blocked."""

    frame: pd.DataFrame
    migrations: Mapping[tuple[str, str], Migration]
    blocked: bool


def flows(
    rows: ir.Table,
    arms: Sequence[str],
    followed: Sequence[str],
    tags: Mapping[str, Tag],
    design: Assigned | None,
    *,
    min_count: int,
    alpha: float,
) -> Flows:
    """Flows of the customers in `rows`, by arm; against control where there is a `design`."""
    marked = _marked(rows, followed)
    names = [name for name in TITLES if name in marked.columns]
    if not names:
        return Flows(_shares(pd.DataFrame(columns=list(_COLUMNS))), {}, False)
    counted = _counted(marked, names)
    frame = _by_arm(counted, arms, names, alpha)
    blocked = False
    if design is not None:
        # Where an arm has nobody who could move there is nothing to compare.
        told = [n for n in names if (counted[_of(n)] > 0).all()]
        wanted: list[Metric] = [
            Proportion(n) if _of(n) == "anybody" else Ratio(n, _of(n), name=n) for n in told
        ]
        sizes = {str(arm): int(n) for arm, n in counted["n"].items()}
        found = analyze_experiment(marked, wanted, alpha=alpha, **design.design(sizes))
        frame, blocked = with_effects(frame, found.to_frame(), "flow"), found.blocked
    migrations = {
        key: moved
        for name in MIGRATING
        if name in followed
        for key, moved in _migrations(rows, tags[name], arms, min_count, alpha).items()
    }
    return Flows(_shares(frame), migrations, blocked)


def _marked(rows: ir.Table, followed: Sequence[str]) -> ir.Table:
    """One 0/1 column a flow, and one for the customers who could make it."""
    marks: dict[str, ir.Value] = {"anybody": rows.arm.notnull().ifelse(1.0, 0.0)}
    if "value_tier" in followed:
        way = formula(catalogue()["tier_change_90d"])(rows.value_tier_after, rows.value_tier)
        marks |= {f"tier_{name}": way == name for name in ("up", "down")}
    for group in (name for name in GROUPS if name in followed):
        was, is_now = rows[group], rows[f"{group}_after"]
        marks |= {f"{group}_yes": was, f"{group}_no": ~was}
        marks |= {f"left_{group}": was & ~is_now, f"entered_{group}": ~was & is_now}
    columns = {name: value.cast("float64") for name, value in marks.items()}
    return rows.select("customer_id", "arm", "probability", **columns)


def _of(flow: str) -> str:
    """The column of the customers who could make a flow."""
    way, _, group = flow.partition("_")
    return {"left": f"{group}_yes", "entered": f"{group}_no"}.get(way, "anybody")


def _counted(marked: ir.Table, names: Sequence[str]) -> pd.DataFrame:
    columns = dict.fromkeys([*names, *(_of(name) for name in names)])
    sums = {column: marked[column].sum() for column in columns}
    counted = marked.group_by("arm").aggregate(n=marked.count(), **sums)
    frame: pd.DataFrame = counted.to_pyarrow().to_pandas().set_index("arm")
    return frame


def _by_arm(
    counted: pd.DataFrame, arms: Sequence[str], names: Sequence[str], alpha: float
) -> pd.DataFrame:
    records = [
        (name, arm, int(among), int(moved))
        for name in names
        for arm, among, moved in zip(
            arms, counted.loc[list(arms), _of(name)], counted.loc[list(arms), name], strict=True
        )
    ]
    frame = pd.DataFrame(records, columns=list(_COLUMNS[:4]))
    moved, among = frame["n_moved"].to_numpy(float), frame["n_among"].to_numpy(float)
    with np.errstate(invalid="ignore"):
        frame["moved_share"] = moved / among
    lower, upper = wilson(moved, among, alpha=alpha)
    return frame.assign(
        moved_share_ci_lower=lower, moved_share_ci_upper=upper, **dict.fromkeys(EFFECT, np.nan)
    )


def with_effects(frame: pd.DataFrame, effects: pd.DataFrame, key: str) -> pd.DataFrame:
    """`frame` with the effects of an experiment, by metric (as `key`) and arm."""
    right = effects.rename(columns={"metric": key})[[key, "arm", *EFFECT]]
    return frame.drop(columns=list(EFFECT)).merge(right, on=[key, "arm"], how="left")


def _shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Effects are differences of shares, and named so."""
    named = {name: name.replace("effect", "effect_share") for name in EFFECT[:3]}
    frame = frame.rename(columns=named)
    for place, language in enumerate(("en", "zh")):
        frame.insert(1 + place, f"title_{language}", [TITLES[n][place] for n in frame["flow"]])
    return frame


def _migrations(
    rows: ir.Table, tag: Tag, arms: Sequence[str], min_count: int, alpha: float
) -> dict[tuple[str, str], Migration]:
    """The migration of everybody and of every arm, from one count."""
    (column,) = choose_columns(rows, [tag])
    counted = (
        rows.group_by(arm=rows.arm, before=rows[tag.name], after=rows[f"{tag.name}_after"])
        .aggregate(n=rows.count())
        .to_pyarrow()
        .to_pandas()
    )
    counted = counted.assign(was=True, still=True)
    parts = {ALL_ARMS: counted} | {arm: counted[counted["arm"] == arm] for arm in arms}
    return {
        (tag.name, arm): migration_of(part, column, min_count, alpha, "en")
        for arm, part in parts.items()
        if arm == ALL_ARMS or len(arms) > 1
    }
