"""Customers with the arm that was drawn for them, and the arms that policies would give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput, did_you_mean

from .plan import Plan
from .value import FloatArray, Frame, IntArray

Recommended: TypeAlias = "Plan | pd.DataFrame | pd.Series[str] | Mapping[str, str]"


@dataclass(frozen=True)
class Drawn:
    """Randomised data in arrays; arms are positions in `arms`, control first."""

    customer_ids: pd.Index[str]
    arms: tuple[str, ...]
    arm: IntArray
    weight: FloatArray
    """1 / P(the arm drawn)."""
    outcomes: dict[str, FloatArray]


def read_drawn(
    data: Frame, metrics: Sequence[str], arm: str, probability: str | None, control: str
) -> Drawn:
    """Check randomised data and take the columns that are needed."""
    if isinstance(metrics, str) or not metrics:
        raise InvalidInput(f"metrics must be a list of at least one column, got {metrics!r}")
    needed = ["customer_id", arm, *metrics, *([probability] if probability else [])]
    check_columns(data.columns, needed, "data")
    needed = list(dict.fromkeys(needed))
    frame = (
        data[needed]
        if isinstance(data, pd.DataFrame)
        else data.select(*needed).to_pyarrow().to_pandas()
    )
    if frame["customer_id"].duplicated().any():
        raise InvalidInput(
            "data must have one row per customer_id, got "
            f"{int(frame['customer_id'].duplicated().sum())} again; keep one campaign"
        )
    if frame[arm].isna().any():
        raise InvalidInput(f"{arm} must not be null, got {int(frame[arm].isna().sum())} null(s)")
    names = sorted({str(name) for name in frame[arm].unique()})
    if control not in names:
        raise InvalidInput(
            f"control must be an arm of the data ({', '.join(map(repr, names))}), "
            f"got {control!r}{did_you_mean(control, names)}"
        )
    arms = (control, *(name for name in names if name != control))
    codes: IntArray = np.asarray(
        frame[arm].map({name: i for i, name in enumerate(arms)}), dtype=np.int64
    )
    if probability is None:
        chance = (np.bincount(codes) / len(codes))[codes]
    else:
        chance = _numbers(frame, probability)
        if not ((chance > 0) & (chance <= 1)).all():
            raise InvalidInput(
                f"{probability} must be in (0, 1], got values from {chance.min():g} to "
                f"{chance.max():g}; it is the probability of the arm that was drawn"
            )
    outcomes = {metric: _numbers(frame, metric) for metric in metrics}
    return Drawn(pd.Index(frame["customer_id"]), arms, codes, 1 / chance, outcomes)


def arms_of(recommended: Recommended, drawn: Drawn, name: str) -> IntArray:
    """Position of the arm that a policy gives to each customer of the data."""
    given = _series(recommended, name)
    if given.index.has_duplicates:
        raise InvalidInput(f"{name} must name each customer once")
    unknown = sorted(set(given.dropna().unique()) - set(drawn.arms))
    if unknown:
        raise InvalidInput(
            f"{name} gives the arm {unknown[0]!r}, which was never drawn in the data "
            f"({', '.join(map(repr, drawn.arms))}){did_you_mean(unknown[0], drawn.arms)}"
        )
    place = given.index.get_indexer(drawn.customer_ids)
    if len(given) and (place < 0).all():
        raise InvalidInput(
            f"{name} names {len(given)} customers, none of them in the data; "
            "make it for the same customers"
        )
    position = given.map({arm: i for i, arm in enumerate(drawn.arms)}).fillna(0).to_list()
    codes: IntArray = np.array([*position, 0], dtype=np.int64)[place]  # −1 picks control
    return codes


def _series(recommended: Recommended, name: str) -> pd.Series[str]:
    if isinstance(recommended, Plan):
        recommended = recommended.to_frame()
    if isinstance(recommended, pd.DataFrame):
        column = "offer" if "offer" in recommended.columns else "arm"
        check_columns(recommended.columns, ("customer_id", column), name)
        return recommended.set_index("customer_id")[column]
    if isinstance(recommended, pd.Series):
        return recommended
    if isinstance(recommended, Mapping):
        return pd.Series(dict(recommended), dtype="str")
    raise InvalidInput(
        f"{name} must be a plan, a frame, a series or a mapping of customer to arm, "
        f"got {type(recommended).__name__}"
    )


def _numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    values: FloatArray = np.asarray(
        pd.to_numeric(frame[column], errors="coerce").astype("float64"), dtype=np.float64
    )
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise InvalidInput(
            f"{column} must be a finite number for every customer, got {wrong} that are not; "
            "fill in 0 where nothing happened"
        )
    return values
