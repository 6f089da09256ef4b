"""Counting: how many customers of either side are in each cell of each tag, by one query."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from ._columns import Column
from ._sides import BOTH, FIRST, SECOND, Sides, is_in

_ROOM = 1_000
"""Numbered cells that a tag may have."""
COUNTS = ("n_audience", "n_base", "n_shared")


def count_cells(
    sides: Sides, columns: Sequence[Column], least: int, *, or_nobody: bool = False
) -> pd.DataFrame:
    """Customers by tag and cell, where at least `least` are of either side (`or_nobody`).

    Numbered cells of all tags are counted as one column of numbers, so that the table is read once
    for them, and once for the words. Smaller cells do not leave the engine.

    Returns
    -------
    pandas.DataFrame
        `tag`, `cell` (None where the value is missing), `n_audience`, `n_base`, `n_shared`.
    """
    coded = [column for column in columns if column.coded]
    worded = [column for column in columns if not column.coded]
    parts = [_coded(sides, coded)] if coded else []
    parts += [_worded(sides, worded, len(coded))] if worded else []
    counted = ibis.union(*parts) if len(parts) > 1 else parts[0]
    enough = [(counted[side] >= least) | ((counted[side] == 0) & or_nobody) for side in COUNTS[:2]]
    counted = counted.filter(*enough)
    found = counted.to_pyarrow().to_pydict()
    names = [column.name for column in (*coded, *worded)]
    tags = [names[place // _ROOM] for place in found["place"]]
    numbers = [str(place % _ROOM) if place % _ROOM else None for place in found["place"]]
    cells = [
        number if place // _ROOM < len(coded) else word
        for place, number, word in zip(found["place"], numbers, found["word"], strict=True)
    ]
    return pd.DataFrame(
        {
            "tag": pd.Series(tags, dtype=object),
            "cell": pd.Series(cells, dtype=object),
            **{name: np.asarray(found[name], dtype=np.int64) for name in COUNTS},
        }
    )


def _coded(sides: Sides, columns: Sequence[Column]) -> ir.Table:
    """Counts by `place`: a thousand times the number of the tag, plus that of the cell."""
    places = [
        (column.code(sides.table[column.name]) + i * _ROOM).cast("int64")
        for i, column in enumerate(columns)
    ]
    rows = sides.rows(place=ibis.array(places))
    rows = rows.select("side", place=rows.place.unnest())
    counted = rows.group_by("place").aggregate(**counts(rows))
    return counted.select("place", ibis.null("string").name("word"), *COUNTS)


def _worded(sides: Sides, columns: Sequence[Column], before: int) -> ir.Table:
    """Counts by `place` and `word`; the tags are numbered from `before`."""
    cells = [
        ibis.struct(
            {
                "place": ibis.literal((before + i) * _ROOM, "int64"),
                "word": column.word(sides.table[column.name]),
            }
        )
        for i, column in enumerate(columns)
    ]
    rows = sides.rows(cell=ibis.array(cells))
    rows = rows.select("side", cell=rows.cell.unnest())
    rows = rows.select("side", place=rows.cell.place, word=rows.cell.word)
    return rows.group_by("place", "word").aggregate(**counts(rows)).select("place", "word", *COUNTS)


def counts(rows: ir.Table) -> dict[str, ir.IntegerValue]:
    """Customers of the audience, of the second side, and of both."""
    groups = ((FIRST, BOTH), (BOTH, SECOND), (BOTH,))
    return {
        name: is_in(rows, *of).ifelse(1, None).count()
        for name, of in zip(COUNTS, groups, strict=True)
    }
