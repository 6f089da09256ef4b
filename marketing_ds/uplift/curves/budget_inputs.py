"""Scores and costs of several arms: a column an arm, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.errors import InvalidInput, did_you_mean

from ..arms import Arms, Floats, read_numbers


def read_scores(scores: Any, name: str, arms: Arms) -> Floats:
    """Predicted uplift, shape (n, arms), columns in the order of `arms.names`."""
    return _columns(scores, name, arms)


def read_costs(cost: Any, arms: Arms) -> Floats:
    """Cost of each arm for each customer, shape (n, arms), at or above 0."""
    if isinstance(cost, Mapping):
        by_arm = read_numbers([_named(cost, arm, "cost", list(cost)) for arm in arms.names], "cost")
        costs = np.broadcast_to(by_arm, (len(arms.codes), len(by_arm)))
    else:
        costs = _columns(cost, "cost", arms)
    if (costs < 0).any():
        raise InvalidInput(f"cost must be at least 0, got {costs.min():g}")
    return costs


def _columns(table: Any, name: str, arms: Arms) -> Floats:
    shape = len(arms.codes), len(arms.names)
    if isinstance(table, pd.DataFrame):
        found = list(table.columns)
        columns = [_named(table, arm, name, found) for arm in arms.names]
        numbers = [
            read_numbers(column, f"{name} of {arm!r}")
            for arm, column in zip(arms.names, columns, strict=True)
        ]
        array = np.column_stack(numbers)
    else:
        array = np.asarray(table)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise InvalidInput(
                f"{name} must have a row a customer and a column an arm, got shape {array.shape}"
            )
        if array.size:
            array = read_numbers(array.ravel(), name).reshape(array.shape)
    if array.shape != shape:
        raise InvalidInput(
            f"{name} must have a row a customer and a column for each arm "
            f"({', '.join(map(repr, arms.names))}), {shape} in all, got {array.shape}"
        )
    return array


def _named(table: Any, arm: str, name: str, found: list[Any]) -> Any:
    if arm not in found:
        raise InvalidInput(
            f"{name} must name every arm beside control; missing {arm!r}, "
            f"got {', '.join(map(repr, found))}{did_you_mean(arm, found)}"
        )
    return table[arm]
