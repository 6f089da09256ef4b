"""Whether the rows behind what was kept are still the same: by their files, or by their content.

Files that were there, are there, and were not written to since hold the same rows. Only where files
were replaced are all rows looked at again; where files came in besides, only the dates of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds._core.errors import MartError
from marketing_ds.schema.known import date_of, known_by

from ._measures import EXACT, HUNDREDTHS, LARGEST, day_number, since

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

NUMBERS = {"transactions": "amount_cny", "events": "duration_s"}
"""What is summed of each source, besides points on the clock."""
_DAY = dt.timedelta(days=1)
_MODULUS = 1_000_003
"""Hundredths are added up by their remainder, so that no engine's whole numbers overflow."""

_MOST_MILLIONS = 9 * 10**9
"""Up to which no sum of hundredths, whoever's it is, leaves 18 digits."""

Content = Mapping[str, int]
"""Number, dates and amounts of rows, as whole numbers: the same in any order of rows."""


@dataclass(frozen=True)
class Behind:
    """The rows known by a day: the files they lie in, and their content."""

    day: dt.date
    stamps: Mapping[str, str]
    content: Content

    @property
    def decimal(self) -> str:
        """The type in which sums of its numbers can be taken back."""
        whole = not self.content["finer"] and self.content["millions"] < _MOST_MILLIONS
        return HUNDREDTHS if whole else EXACT


def rows_behind(mart: Mart, source: str, day: dt.date) -> Behind:
    """The rows known by `day`, all looked at.

    Raises
    ------
    MartError
        If a number to be summed is not finite.
    """
    stamps = mart.stamps(source)  # before the rows: a later change is then noticed
    return Behind(day, stamps, _content(known_by(mart[source], source, day), source))


def still_behind(mart: Mart, source: str, kept: Behind, day: dt.date) -> Behind | None:
    """The rows known by `day`, if those of `kept` are still among them as they were.

    Raises
    ------
    MartError
        If a number to be summed is not finite.
    """
    stamps = mart.stamps(source)
    then = known_by(mart[source], source, kept.day)
    if kept.stamps == stamps:
        same = True
    elif kept.stamps.items() <= stamps.items():  # files came in: do they hold rows of the past?
        same = _count(then) == kept.content["rows"]
    else:
        same = _content(then, source) == kept.content
    if not same:
        return None
    came = _content(came_since(known_by(mart[source], source, day), source, kept.day), source)
    return Behind(day, stamps, {name: kept.content[name] + came[name] for name in came})


def came_since(rows: ir.Table, source: str, day: dt.date) -> ir.Table:
    """Those of `rows` that were not known, or had not come true, by the end of `day`."""
    contract = schema.MART[source]
    # Rows that became known, and (where a table breaks its contract) rows known before they were
    # true: two ranges, each of which lets the engine skip files, where an `or` of them would not.
    late = rows[str(contract.known_from)] > date_of(day)
    return rows.filter(late).union(
        rows.filter(~late, since(rows[str(contract.dated_by)], day + _DAY))
    )


def _count(rows: ir.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _content(rows: ir.Table, source: str) -> Content:
    number, moment = rows[NUMBERS[source]], rows[str(schema.MART[source].dated_by)]
    sound = (number.abs() < LARGEST).fill_null(True)  # neither NaN nor infinity is
    hundredths = (sound.ifelse(number, None) * 100).round().cast("int64")
    finer = hundredths / 100 != number
    found = rows.aggregate(
        rows=rows.count(),
        days=day_number(moment).sum(),
        hundredths=(hundredths % _MODULUS).sum(),
        finer=finer.ifelse(1, None).count(),
        millions=(hundredths.abs() // 100_000_000 + 1).sum(),
        unsound=(~sound).ifelse(1, None).count(),
    ).to_pyarrow()
    row = {name: int(value or 0) for name, value in found.to_pylist()[0].items()}
    if unsound := row.pop("unsound"):
        raise MartError(
            f"{source}.{NUMBERS[source]} must be finite to be kept from day to day, got "
            f"{unsound:,} values that are not; see mart.check(), or use tag_table"
        )
    return row
