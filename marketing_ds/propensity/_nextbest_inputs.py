"""What `NextBest` is given beside the tags: outcomes of many products, who is eligible, values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.audiences import audience
from marketing_ds.features import ID_COLUMNS, Table

from ._calibration import Floats

Flags = NDArray[np.bool_]
Eligible = pd.DataFrame | Mapping[str, str] | ArrayLike
Values = Mapping[str, float] | pd.DataFrame


def read_outcomes(Y: object, table: Table | None = None) -> tuple[list[str], Floats]:
    """The products and a matrix of 0, 1 and NaN (not at risk), one row a row of the table."""
    frame = _unkeyed("Y", Y, table)
    products = [str(name) for name in frame.columns]
    if not products or len(set(products)) < len(products):
        raise InvalidInput(f"Y must have a column per product, each once, got {products[:12]}")
    columns = []
    for name in frame.columns:
        values = frame[name]
        if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
            values = pd.to_numeric(values, errors="coerce").where(values.notna(), np.nan)
            if values.isna().sum() > frame[name].isna().sum():
                raise InvalidInput(f"product {name!r} of Y must be 0, 1 or null, got other values")
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = numbers[~np.isnan(numbers)]
        if not np.isin(known, (0.0, 1.0)).all():
            bad = known[~np.isin(known, (0.0, 1.0))][0]
            raise InvalidInput(f"product {name!r} of Y must be 0, 1 or null, got {bad:g}")
        columns.append(numbers)
    return products, np.column_stack(columns)


def check_at_risk(products: Sequence[str], Y: Floats, w: Floats) -> None:
    """Raise if nobody could have bought some product."""
    nobody = [name for j, name in enumerate(products) if not w[~np.isnan(Y[:, j])].sum() > 0]
    if nobody:
        raise InvalidInput(
            f"Y must hold a 0 or 1 (with weight above 0) for each product, but {_named(nobody)} "
            "has nulls only: nobody was eligible; leave it out"
        )


def eligible_flags(
    eligible: Eligible | None, table: Table, products: Sequence[str], as_of: dt.date | None
) -> Flags:
    """Who may be shown what, shape (n, products)."""
    rows = len(table.features)
    if eligible is None:
        return np.ones((rows, len(products)), dtype=bool)
    if isinstance(eligible, Mapping):
        return _by_rules(eligible, table, products, as_of)
    frame = _unkeyed("eligible", eligible, table, names=products)
    check_columns(frame.columns, list(products), "eligible")
    if len(frame) != rows:
        raise InvalidInput(f"eligible must have one row per row of X ({rows}), got {len(frame)}")
    chosen = frame[list(products)]
    if chosen.isna().to_numpy().any():
        raise InvalidInput("eligible must be true or false everywhere, but holds nulls; fill them")
    flags: Flags = chosen.to_numpy(dtype=object)
    if not np.isin(flags.astype(np.float64), (0.0, 1.0)).all():
        raise InvalidInput("eligible must be true or false everywhere, but holds other values")
    return flags.astype(bool)


def value_matrix(value: Values | None, table: Table, products: Sequence[str]) -> Floats | None:
    """What a purchase is worth, shape (n, products) or (1, products)."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        check_columns(value, list(products), "value")
        worth = [check_number(f"value[{p!r}]", value[p], low=0, high=1e15) for p in products]
        return np.asarray([worth])
    frame = _unkeyed("value", value, table, names=products)
    check_columns(frame.columns, list(products), "value")
    if len(frame) != len(table.features):
        raise InvalidInput(
            f"value must have one row per row of X ({len(table.features)}), got {len(frame)}"
        )
    worths = frame[list(products)].to_numpy(dtype=np.float64, na_value=np.nan)
    if not (np.isfinite(worths) & (worths >= 0)).all():
        raise InvalidInput("value must be finite and at least 0 everywhere")
    return worths


def customer_groups(table: Table) -> NDArray[np.intp]:
    """Rows of one customer share a number; without ids each row has its own."""
    if "customer_id" not in table.keys:
        return np.arange(len(table.features))
    return np.asarray(pd.factorize(table.keys["customer_id"])[0], dtype=np.intp)


def _by_rules(
    rules: Mapping[str, str], table: Table, products: Sequence[str], as_of: dt.date | None
) -> Flags:
    unknown = [name for name in rules if name not in products]
    if unknown:
        raise InvalidInput(
            f"eligible must name products of fit, got {unknown[0]!r}"
            f"{did_you_mean(unknown[0], products)}"
        )
    if "customer_id" not in table.keys:
        raise InvalidInput("X must have the column 'customer_id' for eligible= to be rules")
    people = pd.concat([table.keys[["customer_id"]], table.features], axis=1)
    flags = np.ones((len(people), len(products)), dtype=bool)
    for name, rule in rules.items():
        chosen = audience(people, rule, as_of=as_of).ids().to_pyarrow()["customer_id"]
        flags[:, list(products).index(name)] = people["customer_id"].isin(chosen.to_pylist())
    return flags


def _unkeyed(
    what: str, given: object, table: Table | None, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """A frame without its keys, after checking that they are those of X, in the same order."""
    if not isinstance(given, pd.DataFrame) and hasattr(given, "to_pandas"):  # Arrow, Ibis, Polars
        given = given.to_pandas()
    if not isinstance(given, pd.DataFrame):
        array = np.asarray(given)
        if array.ndim != 2 or (names is not None and array.shape[1] != len(names)):
            raise InvalidInput(
                f"{what} must be a frame with a column per product, got shape {array.shape}"
            )
        labels = names or [f"p{j}" for j in range(array.shape[1])]
        given = pd.DataFrame(array, columns=list(labels))
    keys = [key for key in ID_COLUMNS if key in given.columns]
    if table is not None:
        if len(given) != len(table.features):
            raise InvalidInput(
                f"{what} must have one row per row of X ({len(table.features)}), got {len(given)}"
            )
        for key in keys:
            if key in table.keys and not np.array_equal(
                given[key].astype(str).to_numpy(), table.keys[key].astype(str).to_numpy()
            ):
                raise InvalidInput(
                    f"{what} must hold the customers of X in the same order, but {key!r} differs; "
                    f"merge both on {key!r} first"
                )
    return given.drop(columns=keys)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
