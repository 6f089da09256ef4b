"""Crossed pairs of tags: TGI of two values together, and what the pair says beyond either tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeAlias

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._cells import COUNTS, counts
from ._columns import LANGUAGES, Column, told_in
from ._interaction import interaction_interval
from ._interval import tgi_interval
from ._ranking import sureness
from ._sides import Sides, Sizes
from ._suppress import hidden_in_table

Pairs: TypeAlias = Sequence[tuple[str, str]] | Literal["auto"]
_Counts = NDArray[np.int64]
_COLUMNS = [
    "tag_a", "title_a", "value_a", "tag_b", "title_b", "value_b",
    "n_audience", "n_base", "audience_share", "base_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper", "p_value", "p_adjusted",
    "expected_tgi", "interaction", "interaction_ci_lower", "interaction_ci_upper",
    "p_interaction", "p_interaction_adjusted",
]  # fmt: skip
_RAW = [
    f"{name}_{language}" if name.startswith(("title", "value")) else name
    for name in _COLUMNS
    for language in (LANGUAGES if name.startswith(("title", "value")) else ("",))
]
_VALUES = 20
"""Values of a tag that are crossed; rarer ones are counted together and not shown."""
_ROOM = 100
_CANDIDATES = 6
"""Tags, each of another subject, among whose pairs the telling ones are looked for."""
_PICKED = 3
_TWINS = 0.3
"""Cramér's V from which two tags say much the same, so that crossing them says little."""


@dataclass(frozen=True, eq=False)
class Crossed(Result):
    """Cells of crossed tags; made by `profile(..., pairs=...)`.

    `.to_frame()` has one row a pair of values, the strongest interaction first. `tgi` is that of
    the pair of values. `expected_tgi` is what the two values would give if each did its part alone:
    the product of their TGIs. `interaction` = 100 × `tgi` / `expected_tgi`: above 100 the two
    together stand out more than either explains. Both have an interval and a p-value, adjusted
    (Benjamini–Hochberg) over all rows that are shown.

    A cell that fewer than the profile's `min_count` of either side are in is not shown, nor is one
    from which such a cell would follow by subtraction.

    Attributes
    ----------
    pairs : tuple of (str, str)
        The tags that were crossed.
    """

    pairs: tuple[tuple[str, str], ...]
    alpha: float
    language: str
    rows: pd.DataFrame = field(repr=False)

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a pair of values, the strongest interaction first.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of titles and values; the profile's own by default.
        """
        return told_in(language or self.language, self.rows, _COLUMNS)


@dataclass(frozen=True)
class _Axis:
    """One tag of a pair: the cells that are crossed, numbered from 1; 0 is everything else."""

    column: Column
    cells: tuple[str | None, ...]

    def number(self, value: ir.Value) -> ir.IntegerValue:
        if not self.cells:
            return ibis.literal(0)
        places = [(cell, i) for i, cell in enumerate(self.cells, start=1)]
        if self.column.coded:
            found = self.column.code(value)
            return ibis.cases(*((found == int(cell or 0), i) for cell, i in places), else_=0)
        word = self.column.word(value)
        return ibis.cases(
            *((word.isnull() if cell is None else word == cell, i) for cell, i in places), else_=0
        )


@dataclass(frozen=True)
class _Table:
    """A crossed pair: customers by (cell of a, cell of b), a table each for `COUNTS`."""

    a: _Axis
    b: _Axis
    audience: _Counts
    base: _Counts
    shared: _Counts

    def association(self) -> float:
        """Cramér's V of the two tags in the base."""
        total = self.base.sum()
        expected = np.outer(self.base.sum(axis=1), self.base.sum(axis=0)) / total
        with np.errstate(invalid="ignore"):
            chi2 = np.nansum((self.base - expected) ** 2 / expected)
        freedom = min(np.count_nonzero(self.base.sum(axis=axis)) for axis in (0, 1)) - 1
        return float(np.sqrt(chi2 / (total * freedom))) if freedom else 0.0


def check_pairs(pairs: Pairs, columns: Sequence[Column]) -> None:
    """Raise unless `pairs` is "auto" or pairs of different tags that are profiled."""
    if isinstance(pairs, str):
        check_choice("pairs", pairs, ["auto"])
        return
    names = [column.name for column in columns]
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
            raise InvalidInput(f"pairs must hold pairs of two different tags, got {pair!r}")
        for name in pair:
            if name not in names:
                raise InvalidInput(
                    f"pairs must be of tags that are profiled, got {name!r}"
                    f"{did_you_mean(str(name), names)}"
                )


def cross(
    sides: Sides,
    sizes: Sizes,
    columns: Sequence[Column],
    shown: pd.DataFrame,
    pairs: Pairs,
    least: int,
    alpha: float,
    language: str,
) -> Crossed | None:
    """The crossed pairs, all counted by one query; None where none is asked for.

    Only values that the profile shows are crossed: others would follow from their cells.
    """
    wanted = (
        _candidates(sides, columns, shown)
        if pairs == "auto"
        else list(dict.fromkeys(map(tuple, pairs)))
    )
    if pairs != "auto" and not wanted:
        return None
    axes = {c.name: _axis(c, shown) for c in columns if any(c.name in pair for pair in wanted)}
    tables = _count(sides, [(axes[a], axes[b]) for a, b in wanted])
    if pairs == "auto":
        tables = [table for table in tables if table.association() < _TWINS]
    found = [_measured(table, sizes, least, alpha) for table in tables]
    if pairs == "auto":
        found = sorted(found, key=_telling, reverse=True)[:_PICKED]
    crossed = tuple(
        (frame["tag_a"].iloc[0], frame["tag_b"].iloc[0]) for frame in found if len(frame)
    )
    if pairs != "auto":
        crossed = tuple((str(a), str(b)) for a, b in wanted)
    rows = _ranked(_adjusted(found)) if found else pd.DataFrame(columns=_RAW)
    return Crossed(crossed, alpha, language, rows)


def _candidates(
    sides: Sides, columns: Sequence[Column], shown: pd.DataFrame
) -> list[tuple[str, str]]:
    """Pairs of the tags that differ most surely, one a subject and none that chose the sides."""
    subjects = {c.name: c.tag.subject if c.tag else c.name for c in columns}
    best: dict[str, str] = {}
    for name in dict.fromkeys(shown["tag"]):
        if name not in sides.rule_tags:
            best.setdefault(subjects[name], name)
    return list(combinations(list(best.values())[:_CANDIDATES], 2))


def _axis(column: Column, shown: pd.DataFrame) -> _Axis:
    of_tag = shown[shown["tag"] == column.name]
    of_tag = of_tag.sort_values(["n_base", "cell"], ascending=[False, True], kind="stable")
    cells = sorted(of_tag["cell"].head(_VALUES), key=column.place)
    return _Axis(column, tuple(cells))


def _count(sides: Sides, pairs: Sequence[tuple[_Axis, _Axis]]) -> list[_Table]:
    """The tables of all pairs, by one query over one column of cell numbers."""
    if not pairs:
        return []
    places = [
        (
            a.number(sides.table[a.column.name]) * _ROOM
            + b.number(sides.table[b.column.name])
            + i * _ROOM**2
        ).cast("int64")
        for i, (a, b) in enumerate(pairs)
    ]
    rows = sides.rows(place=ibis.array(places))
    rows = rows.select("side", place=rows.place.unnest())
    found = rows.group_by("place").aggregate(**counts(rows)).to_pyarrow().to_pydict()
    place = np.asarray(found["place"], dtype=np.int64)
    tables = []
    for i, (a, b) in enumerate(pairs):
        here = place // _ROOM**2 == i
        at = place[here] % _ROOM**2
        filled = []
        for name in COUNTS:
            table = np.zeros((len(a.cells) + 1, len(b.cells) + 1), dtype=np.int64)
            table[at // _ROOM, at % _ROOM] = np.asarray(found[name], dtype=np.int64)[here]
            filled.append(table)
        tables.append(_Table(a, b, *filled))
    return tables


def _measured(table: _Table, sizes: Sizes, least: int, alpha: float) -> pd.DataFrame:
    """The cells of a table that may be shown, with TGI and interaction."""
    other = [np.arange(size) == 0 for size in table.audience.shape]
    hidden = hidden_in_table([table.audience, table.base], least, rows=other[0], columns=other[1])
    row, column = np.nonzero(~hidden)
    x, second, both = (t[row, column] for t in (table.audience, table.base, table.shared))
    tgi, lower, upper, p = tgi_interval(
        x, sizes.first, second, sizes.second, shared=both, shared_size=sizes.both, alpha=alpha
    )
    found = interaction_interval(table.audience, table.base, table.shared, alpha=alpha)
    interaction, i_lower, i_upper, i_p = (part[row, column] for part in found)
    a, b = table.a, table.b
    cells_a = [a.cells[i - 1] for i in row]
    cells_b = [b.cells[i - 1] for i in column]
    words = {
        f"{word}_{side}_{language}": values
        for language in LANGUAGES
        for side, axis, cells in (("a", a, cells_a), ("b", b, cells_b))
        for word, values in (
            ("title", axis.column.title(language)),
            ("value", [axis.column.label(cell, language) for cell in cells]),
        )
    }
    return pd.DataFrame(
        {
            "tag_a": a.column.name,
            "cell_a": pd.Series(cells_a, dtype=object),
            "tag_b": b.column.name,
            "cell_b": pd.Series(cells_b, dtype=object),
            **words,
            "n_audience": x,
            "n_base": second,
            "audience_share": x / sizes.first,
            "base_share": second / sizes.second,
            "tgi": tgi,
            "tgi_ci_lower": lower,
            "tgi_ci_upper": upper,
            "p_value": p,
            "expected_tgi": 100 * tgi / interaction,
            "interaction": interaction,
            "interaction_ci_lower": i_lower,
            "interaction_ci_upper": i_upper,
            "p_interaction": i_p,
        }
    )


def _telling(cells: pd.DataFrame) -> float:
    """How much a pair surely says beyond its tags, over the customers of the audience."""
    sure = sureness(cells["interaction_ci_lower"], cells["interaction_ci_upper"])
    return float((cells["audience_share"] * sure).sum())


def _adjusted(found: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows as one frame, with p-values adjusted over them."""
    rows = pd.concat([frame for frame in found if len(frame)] or found[:1], ignore_index=True)
    for name, adjusted in (
        ("p_value", "p_adjusted"),
        ("p_interaction", "p_interaction_adjusted"),
    ):
        p = rows[name].to_numpy(dtype=float)
        rows[adjusted] = false_discovery_control(p) if len(p) else p
    return rows


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """The strongest interaction first, by its end nearest to 100."""
    sure = sureness(rows["interaction_ci_lower"], rows["interaction_ci_upper"])
    ranked = rows.assign(_sure=-sure, _size=-np.abs(np.log(rows["interaction"] / 100.0)))
    keys = ["_sure", "_size", "tag_a", "cell_a", "tag_b", "cell_b"]
    ranked = ranked.sort_values(keys, kind="stable")
    return ranked.drop(columns=["_sure", "_size"]).reset_index(drop=True)
