"""Tables as users hand them in: pandas, Arrow or Ibis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import ibis
import pandas as pd
import pyarrow as pa

from marketing_ds._core.errors import InvalidInput

Frame: TypeAlias = "pd.DataFrame | pa.Table | ibis.Table"


def columns_of(data: Frame) -> list[str]:
    """Names of the columns of a table of any kind."""
    if isinstance(data, pa.Table):
        return list(data.column_names)
    if isinstance(data, (pd.DataFrame, ibis.Table)):
        return list(data.columns)
    raise InvalidInput(
        f"data must be a pandas frame, an Arrow table or an Ibis table, got {type(data).__name__}"
    )


def as_table(data: Frame, needed: Iterable[str]) -> ibis.Table:
    """The columns needed as an Ibis table; of an Ibis table itself."""
    wanted = list(dict.fromkeys(needed))
    if isinstance(data, ibis.Table):
        return data.select(wanted)
    if len(data) == 0:
        raise InvalidInput("data must have at least one row, got none")
    if isinstance(data, pd.DataFrame):
        arrow = pa.Table.from_pandas(data[wanted], preserve_index=False)
    else:
        arrow = data.select(wanted)
    return ibis.memtable(arrow.unify_dictionaries())
