"""The funnel: how many come through each step, where they drop off, and what the arms change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.result import ExperimentResult
from marketing_ds.schema import CONTROL

from .moments import OF_CONTACTS, STEPS
from .reach import with_share
from .rows import EVERYONE, CampaignRows
from .walk import Condition, Steps, conditions_of, own_events, own_steps, walked

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


@dataclass(frozen=True)
class Funnel(Result):
    """Customers who came through each step of a funnel, arm by arm.

    A step counts if it was taken at or after the step before, within the attribution window; the
    first after the assignment. `assigned` is where everybody starts.

    Attributes
    ----------
    steps : tuple of str
        The steps in order.
    effects : ExperimentResult or None
        Share of customers who took a step at all (whatever came before), arm against control, with
        p-values adjusted family-wise (Holm) over steps × arms; only steps that control has a part
        in. None where arms were not drawn at random, or no step can be compared.
    """

    steps: tuple[str, ...]
    effects: ExperimentResult | None
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per arm and step.

        customers; conversion_share of those of the step before, drop_off (customers lost since)
        and drop_off_share; reach_share of all assigned. Shares with Wilson's intervals.
        """
        return self._frame.copy()


def funnel_of(
    mart: Mart,
    rows: CampaignRows,
    steps: Steps | None,
    *,
    design: Mapping[str, Any] | None,
    alpha: float,
) -> Funnel:
    """Walk every customer through the steps; one query counts them by arm.

    `design` is what `analyze_experiment` takes of the draw; None where there was none.
    """
    conditions = conditions_of(rows, steps)
    own = own_steps(conditions)
    with ExitStack() as stack:
        events = None
        if own:
            events = stack.enter_context(mart.connection.held(own_events(mart, rows, own)))
        walk = stack.enter_context(mart.connection.held(walked(rows, conditions, events)))
        numbers = range(len(conditions))
        counts = {f"t{i}": walk[f"t{i}"].count() for i in numbers}
        anyone = {f"any{i}": walk[f"any{i}"].sum() for i in numbers}
        found = walk.group_by("arm").aggregate(**counts, **anyone).to_pyarrow().to_pandas()
        found = found.set_index("arm").reindex(list(rows.arms)).fillna(0)
        compared = [] if design is None else _compared(found, conditions)
        effects = _effects(walk, compared, conditions, design or {}, alpha) if compared else None
    return Funnel(tuple(conditions), effects, alpha, _frame(found, conditions, rows, alpha))


def _frame(
    found: pd.DataFrame, conditions: Mapping[str, Condition], rows: CampaignRows, alpha: float
) -> pd.DataFrame:
    reached = found[[f"t{i}" for i in range(len(conditions))]].astype("int64")
    reached.columns = pd.Index(list(conditions))
    reached.insert(0, "assigned", [rows.arms[arm].customers for arm in reached.index])
    reached.loc[EVERYONE] = reached.sum()
    parts = []
    for arm, counts in reached.iterrows():
        customers = counts.to_numpy()
        before = [customers[0], *customers[:-1]]
        parts.append(
            pd.DataFrame(
                {
                    "arm": arm,
                    "step": reached.columns,
                    "customers": customers,
                    "_before": before,
                    "_assigned": customers[0],
                    "drop_off": before - customers,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    frame = with_share(frame, "conversion_share", "customers", "_before", alpha)
    frame = with_share(frame, "drop_off_share", "drop_off", "_before", alpha)
    frame = with_share(frame, "reach_share", "customers", "_assigned", alpha)
    return frame.drop(columns=["_before", "_assigned"])


def _compared(found: pd.DataFrame, conditions: Mapping[str, Condition]) -> list[int]:
    """Steps in which control has a part: those of a contact are the arm itself, no effect of it."""
    if CONTROL not in found.index:
        return []
    chosen = []
    for i, condition in enumerate(conditions.values()):
        known = isinstance(condition, str) and condition in STEPS
        open_to_control = not known or condition == "converted"
        seen = bool((found.loc[[CONTROL], f"any{i}"] > 0).any())
        if open_to_control or (condition not in OF_CONTACTS and seen):
            chosen.append(i)
    return chosen


def _effects(
    walk: ir.Table,
    compared: list[int],
    conditions: Mapping[str, Condition],
    design: Mapping[str, Any],
    alpha: float,
) -> ExperimentResult:
    names = list(conditions)
    taken = {names[i]: walk[f"any{i}"].cast("float64") for i in compared}
    data = walk.select("arm", "probability", **taken)
    return analyze_experiment(data, list(taken), alpha=alpha, correction="holm", **design)
