"""Golden cases: inputs as a decision service feeds them, with the native model's own scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds.features import InputColumn, read_table

from ._models import Model, PropensityLike, native_scores, scale_of, used_columns

Row = dict[str, float | str | None]

UNSEEN = "\u2603 unseen"  # a level that no bank has, beyond ASCII on purpose
_TYPICAL = 20
_BOUNDARIES = 20


def golden_cases(model: Model, examples: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Cases as JSON-ready dicts: `case`, `inputs`, `expected`.

    Numbers and booleans are as is, dates days since 1970-01-01, words text, null None.
    """
    columns = used_columns(model)
    typical = _synthetic(columns) if examples is None else _from_frame(model, examples)
    first = typical[0]
    rows: dict[str, Row] = {f"typical {i + 1}": row for i, row in enumerate(typical)}
    rows["all null"] = {column.name: None for column in columns}
    rows["all unseen"] = first | {c.name: UNSEEN for c in columns if c.kind == "category"}
    rows["all least"] = {column.name: _edge(column, low=True) for column in columns}
    rows["all greatest"] = {column.name: _edge(column, low=False) for column in columns}
    for column in columns:
        rows[f"{column.name} null"] = first | {column.name: None}
        if column.kind == "category":
            rows[f"{column.name} unseen"] = first | {column.name: UNSEEN}
            rows[f"{column.name} empty"] = first | {column.name: ""}
    for name, threshold in _thresholds(model):
        below = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
        rows[f"{name} at {threshold!r}"] = first | {name: threshold}
        rows[f"{name} just below {threshold!r}"] = first | {name: below}
    expected = native_scores(model, _to_frame(model, list(rows.values())))
    return [
        {"case": case, "inputs": inputs, "expected": scores}
        for (case, inputs), scores in zip(rows.items(), expected, strict=True)
    ]


def golden_scale(model: Model, cases: Sequence[Mapping[str, Any]]) -> float:
    """How large the numbers are that the model adds up in these cases."""
    return scale_of(model, _to_frame(model, [case["inputs"] for case in cases]))


def golden_text(cases: Sequence[Mapping[str, Any]]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(case, ensure_ascii=False, allow_nan=False) + "\n" for case in cases)


def _from_frame(model: Model, examples: pd.DataFrame) -> list[Row]:
    """Rows of a frame of raw tags, spread evenly over it."""
    features = model.encoder_.align(read_table(examples))
    chosen = np.unique(np.linspace(0, len(features) - 1, _TYPICAL).astype(int))
    features = features.iloc[chosen]
    positions = {column.name: i for i, column in enumerate(model.encoder_.columns_)}
    table: dict[str, list[Any]] = {}
    for column in used_columns(model):
        values = features.iloc[:, positions[column.name]]
        if column.kind == "category":
            words = values.astype(object)
            table[column.name] = [None if pd.isna(v) else str(v) for v in words]
        else:
            table[column.name] = model.encoder_.numbers(values, column)
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _synthetic(columns: Sequence[InputColumn]) -> list[Row]:
    """Rows drawn evenly from the ranges and levels seen at fit."""
    rng = np.random.default_rng(0)
    return [{column.name: _draw(column, rng) for column in columns} for _ in range(_TYPICAL)]


def _draw(column: InputColumn, rng: np.random.Generator) -> float | str | None:
    if rng.random() < column.null_share:
        return None
    if column.kind == "category":
        return str(rng.choice(column.categories))
    low, high = column.minimum or 0.0, column.maximum or 0.0
    value = (
        rng.uniform(low, high) if column.kind == "number" else rng.integers(int(low), int(high) + 1)
    )
    return float(np.float32(value))


def _edge(column: InputColumn, *, low: bool) -> float | str | None:
    if column.kind == "category":
        return column.categories[0 if low else -1]
    return column.minimum if low else column.maximum


def _thresholds(model: Model) -> list[tuple[str, float]]:
    """Cuts of the first trees on plain columns: the places where float32 must agree."""
    boosters = (
        [model.booster_]
        if isinstance(model, PropensityLike)
        else [term.booster for arm in model.arms_ for term in model.terms_[arm]]
    )
    columns, origin = model.encoder_.columns_, model.encoder_.origin_
    found: dict[tuple[str, float], None] = {}
    for booster in boosters:
        for tree in json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"][
            "model"
        ]["trees"]:
            for node, left in enumerate(tree["left_children"]):
                column = columns[origin[tree["split_indices"][node]]]
                if left != -1 and column.kind == "number":
                    cut = float(np.float32(tree["split_conditions"][node]))
                    found[column.name, cut] = None
            if len(found) >= _BOUNDARIES * (1 + boosters.index(booster)) / len(boosters):
                break
    return list(found)[:_BOUNDARIES]


def _to_frame(model: Model, rows: Sequence[Row]) -> pd.DataFrame:
    """Golden inputs as the raw tags that the native model takes."""
    frame: dict[str, Any] = {}
    for column in model.encoder_.columns_:
        values = [row.get(column.name) for row in rows]
        if column.dropped:
            frame[column.name] = np.full(len(rows), np.nan)
        elif column.kind == "category":
            frame[column.name] = pd.Series(values, dtype="str")
        elif column.kind == "date":
            days = np.array(values, dtype=np.float64)
            stamps = np.where(np.isnan(days), np.iinfo(np.int64).min, days).astype("int64")
            frame[column.name] = stamps.view("datetime64[D]").astype("datetime64[s]")
        else:
            frame[column.name] = np.array(values, dtype=np.float64)
    made = pd.DataFrame(frame)
    if hasattr(model.encoder_, "feature_names_in_"):
        return made
    return made.to_numpy(dtype=object)  # type: ignore[return-value]
