"""Lays a public data set into a folder as a mart: Parquet under the contract, all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import CONTACT_CHANNELS, MART, Table, consent_column

from .public_data import PublicData

ABOUT = "_about.json"
"""Says what a mart was made from; also how a folder of ours is known again."""
PARAMETERS = "parameters.toml"
"""The parameters of the loop's notebooks on this mart."""

_ARROW_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def write_public_mart(
    directory: str | os.PathLike[str],
    name: str,
    data: PublicData,
    tables: Mapping[str, pd.DataFrame],
    notes: str,
    parameters: str = "",
) -> Path:
    """Write `tables` as ``<table>.parquet`` with a note of their origin; same input, same bytes.

    Parameters
    ----------
    directory : path
        A folder that does not exist yet, is empty, or holds an earlier mart of the same data set (replaced).
    name : str
        Name of the data set.
    data : PublicData
        Where the data came from.
    tables : mapping of str to pandas.DataFrame
        Tables of the contract by name, rows in the order of their grain. Nullable columns may be left out.
    notes : str
        What was assumed in laying the data under the contract.
    parameters : str, optional
        Text of the mart's `parameters.toml`; none by default.

    Returns
    -------
    pathlib.Path
        The folder, complete. Until it is, nothing is seen at `directory`.

    Raises
    ------
    InvalidInput
        If `directory` is a file, or a folder that holds anything else.
    """
    target = Path(directory).absolute()
    _check_target(target, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new = work / "new"
        new.mkdir()
        for table_name, frame in tables.items():
            pq.write_table(_arrow(MART[table_name], frame), new / f"{table_name}.parquet")
        about = {
            "dataset": name,
            "source": data.source,
            "licence": data.licence,
            "description": data.description,
            "notes": notes,
            "rows": {table_name: len(frame) for table_name, frame in tables.items()},
        }
        if parameters:
            (new / PARAMETERS).write_text(parameters, "utf-8")
        (new / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if target.exists():
            target.rename(work / "old")
        new.rename(target)
    finally:
        shutil.rmtree(work)
    return target


def customers_frame(
    customer_id: pd.Series,
    opened_on: object,
    consent: Collection[str],
    **facts: object,
) -> pd.DataFrame:
    """The table `customers`: public data has no consent flags, so `consent` names the channels all agree to.

    Raises
    ------
    InvalidInput
        If `consent` names a channel that does not exist.
    """
    for channel in consent:
        check_choice("consent", channel, CONTACT_CHANNELS)
    flags = {consent_column(channel): channel in consent for channel in CONTACT_CHANNELS}
    return pd.DataFrame(
        {
            "customer_id": customer_id,
            "opened_on": opened_on,
            **facts,
            **flags,
            "suppressed": False,
        }
    )


def attributes_frame(
    customer_id: pd.Series, effective_on: object, facts: pd.DataFrame
) -> pd.DataFrame:
    """The table `customer_attributes`: a row per customer and column of `facts` that is known."""
    parts = []
    for attribute, values in facts.items():
        numeric = pd.api.types.is_numeric_dtype(values)
        part = pd.DataFrame(
            {
                "customer_id": customer_id,
                "attribute": attribute,
                "effective_on": effective_on,
                "number": values.astype("float64") if numeric else float("nan"),
                "text": None if numeric else values.astype("object"),
            }
        )
        parts.append(part[values.notna()])
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["customer_id", "attribute"], kind="stable", ignore_index=True)


def _check_target(target: Path, name: str) -> None:
    if not target.exists():
        return
    if target.is_dir():
        if not any(target.iterdir()):
            return
        try:
            if json.loads((target / ABOUT).read_text("utf-8"))["dataset"] == name:
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not a note of ours: the error below says so
    raise InvalidInput(
        f"directory must be new, empty or an earlier mart of {name!r}, got {str(target)!r}, "
        "which holds something else; choose another folder"
    )


def _arrow(contract: Table, frame: pd.DataFrame) -> pa.Table:
    columns = []
    for column in contract.columns:
        kind = _ARROW_TYPES[column.type]
        values = frame.get(column.name)
        if values is None:
            columns.append(pa.nulls(len(frame), kind))
        else:
            columns.append(pa.Array.from_pandas(values, type=kind, safe=True))
    return pa.table(columns, names=list(contract.column_names))
