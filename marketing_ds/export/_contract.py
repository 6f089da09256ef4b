"""The contract and the policy of a bundle, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import InputColumn

from ._graph import OUTPUT
from ._models import Model, PropensityLike, used_columns

_TOLERANCE, _RELATIVE = 1e-5, 1e-6
_POLICY = ("offers", "eligibility", "prices")


def kind_of(model: Model) -> str:
    """The kind of the scores."""
    return "propensity" if isinstance(model, PropensityLike) else "uplift"


def contract(model: Model, tags_version: str | None, *, scale: float = 1.0) -> dict[str, Any]:
    """What goes in, what comes out, and what null means.

    `scale` is how large the numbers are that the model adds up. An effect on balances of a million
    is not known to a cent in float32, neither here nor in the model itself.
    """
    if isinstance(model, PropensityLike):
        columns, meaning = ["probability"], "calibrated probability of the outcome"
    else:
        columns = list(model.arms_)
        meaning = "expected outcome under the arm minus that under control, one column an arm"
    return {
        "format": 1,
        "kind": kind_of(model),
        "model_version": model.model_version_,
        "tags_version": tags_version,
        "inputs": [_input(column) for column in used_columns(model)],
        "ignored": dict(model.encoder_.dropped_),
        "output": {
            "name": OUTPUT,
            "type": "float32",
            "shape": ["N", len(columns)],
            "columns": columns,
            "meaning": meaning,
        },
        "tolerance": max(_TOLERANCE, _RELATIVE * scale),
    }


def policy_content(policy: object | None) -> dict[str, Any]:
    """Offers, eligibility and prices from a mapping or a plan; empty ones where none is given."""
    empty: dict[str, Any] = {"offers": [], "eligibility": None, "prices": {}}
    if policy is None:
        return empty
    if isinstance(policy, Mapping):
        unknown = sorted(set(policy) - set(_POLICY))
        if unknown:
            raise InvalidInput(
                f"policy must hold only {', '.join(map(repr, _POLICY))}, got {unknown[0]!r}"
            )
        content = empty | dict(policy)
    elif hasattr(policy, "shadow_prices") and hasattr(policy, "summary"):  # a plan
        offers = policy.summary().to_dict(orient="records")
        content = empty | {"offers": offers, "prices": dict(policy.shadow_prices)}
    else:
        raise InvalidInput(
            f"policy must be a mapping or a plan (from `allocate`), got {type(policy).__name__}"
        )
    return content


def json_text(content: object) -> str:
    """Readable JSON, the same for the same content."""
    try:
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise InvalidInput(f"a bundle's JSON must hold finite numbers only: {error}") from error


def _input(column: InputColumn) -> dict[str, Any]:
    word = column.kind == "category"
    entry: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "type": "string" if word else "float32",
        "shape": ["N", 1],
        "unit": _unit(column),
        "minimum": column.minimum,
        "maximum": column.maximum,
        "categories": list(column.categories) if word else None,
        "other": _other(column) if word else "finite values beyond the range seen are allowed",
        "null": _null(column),
        "null_share_seen": column.null_share,
    }
    return entry


def _unit(column: InputColumn) -> str | None:
    if column.kind == "date":
        return "days since 1970-01-01"
    if column.kind == "boolean":
        return "1 or 0"
    return "CNY" if column.name.endswith("_cny") else None


def _other(column: InputColumn) -> str:
    if column.rare:
        return "any other text counts as one of the rare levels"
    return "any other text is taken as a level never seen"


def _null(column: InputColumn) -> str:
    if column.kind != "category":
        return "NaN: unknown; the trees send it where they learned to"
    return "the empty string: unknown" + ("" if column.null else "; none was seen at fit")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    raise InvalidInput(f"a bundle's JSON cannot hold a {type(value).__name__}")
