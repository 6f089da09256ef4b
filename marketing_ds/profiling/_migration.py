"""Migration: how customers moved between the values of a tag from one day to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.expr.operations import DatabaseTable
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_columns, check_count, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson
from marketing_ds.audiences import Audience
from marketing_ds.tags import Tag

from ._columns import LANGUAGES, Column, choose_columns
from ._rows import each_row
from ._sides import ID
from ._suppress import hidden_in_table, kept_of_list

_Floats = NDArray[np.float64]
ENTERED = {"en": "(entered)", "zh": "（新进入）"}
LEFT = {"en": "(left)", "zh": "（离开）"}
_MOST_VALUES = 40
_COLUMNS = [
    "before", "after", "n", "row_share", "row_share_ci_lower", "row_share_ci_upper",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Migration(Result):
    """How customers moved between the values of a tag; made by `migration`.

    `.to_frame()` has one row a pair of values: `before`, `after`, `n` customers and `row_share` (of
    those who had the value before) with its interval; customers who were not there before come from
    "(entered)", those who are no longer there go to "(left)". `matrix()` gives the same as a
    square, `flows()` sums it up by value, `.plot()` draws the flows. Cells with too few customers
    are not shown, nor are those from which these would follow.

    Attributes
    ----------
    before_count, after_count, both_count : int
        Customers on the first day, on the second, and on both.
    """

    tag: str
    titles: tuple[str, str]
    before_count: int
    after_count: int
    both_count: int
    min_count: int
    alpha: float
    language: str
    cells: tuple[tuple[str, str], ...] = field(repr=False)
    """The values in natural order, in English and Chinese."""
    counts: _Floats = field(repr=False)
    """Customers by value before (last row: entered) and after (last column: left); NaN if hidden."""
    margins: tuple[_Floats, _Floats] = field(repr=False)
    """Customers by value before and after; NaN if hidden."""

    def title(self, language: str | None = None) -> str:
        """The tag's name for people."""
        return self.titles[LANGUAGES.index(language or self.language)]

    def values(self, language: str | None = None) -> list[str]:
        """The values in natural order."""
        chosen = check_choice("language", language or self.language, LANGUAGES)
        return [names[LANGUAGES.index(chosen)] for names in self.cells]

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a pair of values that may be shown, in natural order.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of the values; the result's own by default.
        """
        chosen = check_choice("language", language or self.language, LANGUAGES)
        before = [*self.values(chosen), ENTERED[chosen]]
        after = [*self.values(chosen), LEFT[chosen]]
        row, column = np.nonzero(~np.isnan(self.counts))
        n = self.counts[row, column]
        sizes = np.append(self.margins[0], np.nan)[row]  # of those who entered none was before
        lower, upper = wilson(n, sizes, alpha=self.alpha)
        return pd.DataFrame(
            {
                "before": [before[i] for i in row],
                "after": [after[j] for j in column],
                "n": n.astype(np.int64),
                "row_share": n / sizes,
                "row_share_ci_lower": lower,
                "row_share_ci_upper": upper,
            },
            columns=_COLUMNS,
        )

    def matrix(self, language: str | None = None) -> pd.DataFrame:
        """Customers by value before (rows) and after (columns); missing where not shown."""
        chosen = check_choice("language", language or self.language, LANGUAGES)
        values = self.values(chosen)
        frame = pd.DataFrame(
            self.counts, index=[*values, ENTERED[chosen]], columns=[*values, LEFT[chosen]]
        )
        return frame.astype("Int64").rename_axis(index="before", columns="after")

    def _repr_html_(self) -> str:
        return frame_html(self.matrix().reset_index(), title=f"Migration: {self.title()}")

    def flows(self, language: str | None = None) -> pd.DataFrame:
        """One row a value: customers before and after, who stayed in it, and the net flow."""
        before, after = self.margins
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = (after - before) / before
        frame = pd.DataFrame(
            {
                "n_before": before,
                "n_after": after,
                "stayed": np.diagonal(self.counts)[:-1],
                "net": after - before,
            }
        ).astype("Int64")
        frame.insert(0, "value", self.values(language))
        return frame.assign(rel_net=relative)


def migration(
    before: ir.Table | pd.DataFrame | Audience,
    after: ir.Table | pd.DataFrame | Audience,
    tag: str | Tag = "lifecycle",
    *,
    min_count: int = 10,
    alpha: float = 0.05,
    language: str = "en",
) -> Migration:
    """How customers moved between the values of a tag, from one day's tag table to another's.

    Parameters
    ----------
    before, after : ibis.Table, pandas.DataFrame or Audience
        The tags of two days, one row a customer. Of audiences their members are taken: customers
        then enter and leave the audience.
    tag : str or Tag
        A tag of words, or of true and false, that both have: `lifecycle`, `value_tier`,
        `rfm_class`, ….
    min_count : int
        Smallest number of customers that is shown.
    alpha : float
        1 − level of the intervals (Wilson's) of the row shares.
    language : {"en", "zh"}
        Language of the values.

    Returns
    -------
    Migration

    Raises
    ------
    InvalidInput
        If a table lacks the tag, the tag is of another type or has more than 40 values, a customer
        has several rows, a table is empty, or the tables are of different marts.

    Examples
    --------
    >>> import pandas as pd
    >>> ids = [f"c{i:03d}" for i in range(300)]
    >>> may = pd.DataFrame({"customer_id": ids[:250], "lifecycle": ["new"] * 100 + ["mature"] * 150})
    >>> june = pd.DataFrame({"customer_id": ids[20:], "lifecycle": ["mature"] * 230 + ["new"] * 50})
    >>> moved = migration(may, june)
    >>> moved.matrix()
    after        new  mature  (left)
    before
    new         <NA>      80      20
    mature      <NA>     150    <NA>
    (entered)     50    <NA>    <NA>
    >>> moved.flows()[["value", "n_before", "n_after", "net"]]
        value  n_before  n_after  net
    0     new       100       50  -50
    1  mature       150      230   80
    """
    check_count("min_count", min_count, low=1)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("language", language, LANGUAGES)
    first, column = _chosen(before, "before", tag)
    second, other = _chosen(after, "after", tag)
    if column.kind != other.kind:
        raise InvalidInput(
            f"tag {column.name!r} must be of one type on both days, got {column.kind} and "
            f"{other.kind}"
        )
    _check_one_mart(first, second)
    counted = _count(first, second)
    return migration_of(counted, column, min_count, alpha, language)


def _check_one_mart(before: ir.Table, after: ir.Table) -> None:
    """Tables in memory join with any; those of two connections do not."""
    first, second = (
        {id(node.source) for node in table.op().find(DatabaseTable)} for table in (before, after)
    )
    if first and second and first != second:
        raise InvalidInput(
            "before and after must be tables of one mart, got tables of two; open it once, or hand "
            "in frames"
        )


def _chosen(table: object, name: str, tag: str | Tag) -> tuple[ir.Table, Column]:
    """The customers with the cell of their value, as `id` and `cell`."""
    if isinstance(table, Audience):
        table = table.members()
    if isinstance(table, pd.DataFrame):
        table = ibis.memtable(pa.Table.from_pandas(table, preserve_index=False))
    if not isinstance(table, ir.Table):
        raise InvalidInput(f"{name} must be a tag table or an audience, got {type(table).__name__}")
    wanted = tag.name if isinstance(tag, Tag) else tag
    check_columns(table.columns, [ID, wanted], name)
    (column,) = choose_columns(table, [tag])
    if column.kind not in ("word", "boolean"):
        raise InvalidInput(
            f"tag must hold words, or true or false, to be followed, got {column.name!r}, which "
            f"holds {table[column.name].type()}; band it first"
        )
    value = table[column.name]
    cell = column.code(value).cast("string").nullif("0") if column.coded else column.word(value)
    return table.select(id=table[ID], cell=cell), column


def _count(before: ir.Table, after: ir.Table) -> pd.DataFrame:
    """Customers by value before and after: `before`, `after`, `was`, `still`, `n`."""
    first = before.select(id_a="id", before="cell")
    second = after.select(id_b="id", after="cell")
    joined = first.outer_join(second, first.id_a == second.id_b)
    found = (
        joined.group_by(
            before=joined.before,
            after=joined.after,
            was=joined.id_a.notnull(),
            still=joined.id_b.notnull(),
        )
        .aggregate(n=joined.count())
        .limit((_MOST_VALUES + 2) ** 2)
        .to_pyarrow()
        .to_pandas()
    )
    rows = [_row_counts(table).to_pyarrow().to_pylist()[0] for table in (before, after)]
    for name, number in zip(("before", "after"), rows, strict=True):
        if number["rows"] == 0:
            raise InvalidInput(f"{name} must have at least one customer; it is empty")
        if number["rows"] != number["customers"]:
            raise InvalidInput(
                f"{name} must have one row a customer, got {number['rows']:,} rows of "
                f"{number['customers']:,} customers; keep one row each, or one date"
            )
    frame: pd.DataFrame = found.astype({"before": object, "after": object})
    return frame.where(frame.notna(), None)


def _row_counts(table: ir.Table) -> ir.Table:
    return table.aggregate(rows=table.count(), customers=table.id.nunique())


def migration_of(
    counted: pd.DataFrame, column: Column, least: int, alpha: float, language: str
) -> Migration:
    """The migration from counts: `before`, `after`, `was` and `still` (there), `n` customers."""
    seen = {*counted.loc[counted["was"], "before"], *counted.loc[counted["still"], "after"]}
    cells = sorted(seen, key=column.place)
    if len(cells) > _MOST_VALUES:
        raise InvalidInput(
            f"tag must have at most {_MOST_VALUES} values to be followed, {column.name!r} has "
            f"more; group them first"
        )
    table = _square(counted, cells)
    margins = table.sum(axis=1)[:-1], table.sum(axis=0)[:-1]
    kept = [_kept(margin, least) for margin in margins]
    hidden = hidden_in_table(
        [table], least, rows=np.append(~kept[0], False), columns=np.append(~kept[1], False)
    )
    before, after = (
        np.where(shown, margin, np.nan) for shown, margin in zip(kept, margins, strict=True)
    )
    return Migration(
        column.name,
        (column.title("en"), column.title("zh")),
        int(margins[0].sum()),
        int(margins[1].sum()),
        int(table[:-1, :-1].sum()),
        least,
        alpha,
        language,
        tuple((column.label(cell, "en"), column.label(cell, "zh")) for cell in cells),
        np.where(hidden, np.nan, table),
        (before, after),
    )


def _square(counted: pd.DataFrame, cells: Sequence[str | None]) -> NDArray[np.int64]:
    """Customers by value before and after; the last row entered, the last column left."""
    place = {cell: i for i, cell in enumerate(cells)}
    table = np.zeros((len(cells) + 1, len(cells) + 1), dtype=np.int64)
    for row in each_row(counted):
        i = place[row.before] if row.was else -1
        j = place[row.after] if row.still else -1
        table[i, j] += row.n
    return table


def _kept(margin: NDArray[np.int64], least: int) -> NDArray[np.bool_]:
    """Which values' totals may be shown; that there is nobody is no secret."""
    enough = margin >= least
    kept: NDArray[np.bool_] = enough | (margin == 0)
    kept[enough] = kept_of_list(margin[enough, None], margin.sum(keepdims=True), least)
    return kept
