"""Tomorrow's tags for the price of a day: measures kept from yesterday, brought forward.

A count or sum over a window changes by the rows that come in and by those that grow too old. Both
are a few days of data: what became known since yesterday, and for each window the day that leaves
it. Their partial aggregates are added to the measures kept from yesterday (`_carried`). Late rows
come in on the day on which they became known, into the windows that they belong to. Sums are decimals
of twelve places, so that what is taken back is what was added. Balances change by snapshots, not by
rows, and are kept as long as these are the same (`_steady`).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.display import Result

from ._carried import carried, changes
from ._compile import check_day, choose, compiled, cut_to_windows, measures_for, needed
from ._entities import ENTITIES
from ._kept import Keeper, KeptDay
from ._passes import aggregated_in_passes
from ._sources import SOURCES
from ._steady import BALANCES, balances
from ._tag import Aggregate, Tag
from ._unchanged import NUMBERS, Behind, rows_behind, still_behind

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

DAILY = ("transactions", "events")
"""Sources whose measures are kept: large, and their rows never change once they are known."""
FARTHEST_DAYS = 31
"""Days beyond which bringing forward would cost as much as starting anew."""
_KEY = ENTITIES["customer"].key


@dataclass(frozen=True)
class SourceRefresh:
    """How the measures of one source were had."""

    source: str
    how: str
    """``kept`` (they were there), ``forward`` (from an earlier day) or ``full``."""
    since: dt.date | None
    """The day they were brought forward from."""
    reason: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Refreshed(Result):
    """Tags brought forward to a day; made by `refresh_tags`.

    Attributes
    ----------
    as_of : date
        The day.
    table : ibis.Table
        The tag table, equal to ``tag_table(mart, as_of, tags)``. It reads what is kept in the
        workspace: the last three days of each set of tags.
    sources : tuple of SourceRefresh
        How each kept source was had: `source`, `how`, `since`, `reason`, `seconds`.
    """

    as_of: dt.date
    sources: tuple[SourceRefresh, ...]
    _table: Callable[[], ir.Table] = field(repr=False)

    @cached_property
    def table(self) -> ir.Table:
        """The tag table."""
        return self._table()

    def to_frame(self) -> pd.DataFrame:
        """One row a kept source."""
        columns = ["source", "how", "since", "reason", "seconds"]
        rows = [[getattr(source, name) for name in columns] for source in self.sources]
        return pd.DataFrame(rows, columns=columns)


def refresh_tags(
    mart: Mart,
    as_of: str | dt.date,
    tags: Sequence[str | Tag] | None = None,
    *,
    full: bool = False,
) -> Refreshed:
    """Customers' tags as of a day, from what was kept on an earlier day where that is possible.

    The first call adds up all rows of `transactions` and `events`, and the snapshots of `holdings`
    that it needs, and keeps the measures behind the tags in the workspace, under ``partials/``. A
    call for a later day reads the days that enter and leave the windows, and where files came in,
    the dates of all rows; balances are added up anew when a snapshot comes in or another one is
    due. Values equal those of `tag_table`: counts exactly, sums to 1e-12 a row (exactly where all
    are whole hundredths).

    Parameters
    ----------
    mart : Mart
        The input tables, from `open_mart`.
    as_of : date or str
        The day.
    tags : sequence of str or Tag, optional
        As for `tag_table`. Another set of tags is kept apart.
    full : bool
        Start anew, whatever is kept.

    Returns
    -------
    Refreshed
        `.table` is the tag table; `.to_frame()` says how each source was had.

    Raises
    ------
    InvalidInput
        As `tag_table`.
    MartError
        If a number to be summed is not finite: sums of such numbers cannot be taken back.

    Notes
    -----
    What is kept is used only if the rows behind it are still the same: the files they lay in have
    kept their length and time of change, or, if any was replaced, the rows are the same by number,
    dates and amounts. Otherwise, and beyond 31 days, the source is added up in full, and `reason`
    says so. What replaces a file and leaves all three as they were (another channel in old rows),
    and an old product that changes its category, is not seen: use ``full=True`` after such repairs.

    Examples
    --------
    >>> import tempfile
    >>> import marketing_ds as mds
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with mds.open_mart("data_samples", workspace=folder) as mart:
    ...         first = mds.tags.refresh_tags(mart, "2026-06-29", ["transactions_30d"])
    ...         second = mds.tags.refresh_tags(mart, "2026-06-30", ["transactions_30d"])
    ...         [step.how for step in (*first.sources, *second.sources)]
    ['full', 'forward']
    """
    day = check_day(mart, as_of)
    chosen = choose(mart, day, tags, "customer")
    kept: dict[str, ir.Table] = {}
    steps: list[SourceRefresh] = []
    for source, aggregates in needed(chosen).items():
        begun = time.perf_counter()
        if source in DAILY:
            found, how, since_day, reason = _measured(mart, source, aggregates, day, full)
            kept[source] = mart.read_parquet(found.files)
        elif source == BALANCES and (had := balances(mart, aggregates, day, full=full)):
            how, since_day, reason = "kept" if had.since else "full", had.since, had.reason
            kept[source] = had.table
        else:
            continue
        steps.append(SourceRefresh(source, how, since_day, reason, time.perf_counter() - begun))
    return Refreshed(day, tuple(steps), partial(compiled, mart, day, chosen, kept=kept))


def _measured(
    mart: Mart, source: str, aggregates: Sequence[Aggregate], day: dt.date, full: bool
) -> tuple[KeptDay, str, dt.date | None, str]:
    """The measures of `day`, kept; and how they were had."""
    measures = measures_for(aggregates, day)
    keeper = Keeper.of(mart, source, measures)
    before = None if full else keeper.last(day)
    behind = still_behind(mart, source, before.behind, day) if before else None
    reason = _unusable(before, day, behind, full)
    if before is None or behind is None or reason:
        behind = behind or rows_behind(mart, source, day)
        rows = cut_to_windows(SOURCES[source].prepare(mart, day).rows, aggregates, day)
        n_rows, exact = mart.rows_told(source), {NUMBERS[source]: behind.decimal}
        table = aggregated_in_passes(rows, source, _KEY, measures, day, n_rows=n_rows, exact=exact)
        return keeper.keep(table, behind), "full", None, reason
    if before.day == day:
        return before, "kept", day, "the day was kept"
    with changes(mart, source, measures, before.behind, day) as changed:
        table = carried(mart.read_parquet(before.files), changed, measures)
        found = keeper.keep(table, behind)
    return found, "forward", before.day, f"from {before.day}"


def _unusable(before: KeptDay | None, day: dt.date, behind: Behind | None, full: bool) -> str:
    """Why what is kept cannot be used; empty if it can. `behind`: of `day`, if it still can."""
    if before is None:
        return "asked for" if full else "nothing kept yet for these tags"
    if (day - before.day).days > FARTHEST_DAYS:
        return f"the last day kept, {before.day}, is over {FARTHEST_DAYS} days back"
    if behind is None:
        return f"rows known by {before.day} are no longer what they were"
    if behind.decimal != before.behind.decimal:
        return "the numbers to be summed have other decimals than those kept"
    return ""
