"""How alike the arms of a split are in some tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

_Floats = NDArray[np.float64]
_MOST_VALUES = 20
_LEAST_CUT, _CUT = 3.0, 0.1
_LEAST_EXPECTED = 5.0
MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True)
class Column:
    """One number a customer, whose mean the arms shall have in common.

    A tag that holds numbers, days or true and false is one; a tag that holds words gives one per
    value, 1 where the customer has it. Missing values are one of their own.
    """

    tag: str
    value: str | None
    numbers: _Floats

    @property
    def deviation(self) -> float:
        """Standard deviation; 0 for a constant, whatever rounding says."""
        constant = self.numbers.min() == self.numbers.max()
        return 0.0 if constant else float(self.numbers.std())


def columns_of(tags: pa.Table) -> list[Column]:
    """What to balance, for each of some tags."""
    return [column for name in tags.column_names for column in _columns(name, tags[name])]


def scored(columns: list[Column], n: int, smallest: int | None) -> NDArray[np.float32]:
    """What a draw is judged by: columns that sum to 0, in standard deviations; shape (p, n).

    Where arms are unequal, the customers of the `smallest` are given: numbers are then cut at √smallest
    / 10 standard deviations, at least 3, and a value that fewer than 5 customers of that arm can be
    expected to have is left out. Else a few extreme customers would decide which draw wins, and
    never get into a small arm: their probabilities would not be what is recorded.
    """
    judged = [column for column in columns if _can_be_balanced(column, smallest)]
    cut = np.inf if smallest is None else max(_LEAST_CUT, _CUT * np.sqrt(smallest))
    result = np.empty((len(judged), n), dtype=np.float32)
    for row, column in zip(result, judged, strict=True):
        standard = (column.numbers - column.numbers.mean()) / column.deviation
        within = np.clip(standard, -cut, cut)
        row[:] = within - within.mean()
    return result


def balance_frame(columns: list[Column], arm: NDArray[np.uint8], names: list[str]) -> pd.DataFrame:
    """One row a column: `tag`, `value`, `mean_<arm>` for each arm, and `smd`.

    `smd` is the largest difference of any two arms' means, in standard deviations of the audience.
    """
    rows = []
    counts = np.bincount(arm, minlength=len(names))
    for column in columns:
        means = np.bincount(arm, weights=column.numbers, minlength=len(names)) / counts
        spread = column.deviation
        smd = float(np.ptp(means)) / spread if spread else 0.0
        rows.append([column.tag, column.value, *means, smd])
    frame = pd.DataFrame(rows, columns=["tag", "value", *(f"mean_{n}" for n in names), "smd"])
    return frame.astype({"tag": "str", "value": "str"})


def _can_be_balanced(column: Column, smallest: int | None) -> bool:
    if column.deviation == 0:
        return False
    numbers, n = column.numbers, len(column.numbers)
    if smallest is None or not (numbers == numbers * numbers).all():
        return True
    rarer = min(numbers.sum(), n - numbers.sum())
    return bool(rarer * smallest / n >= _LEAST_EXPECTED)


def _columns(tag: str, values: pa.ChunkedArray) -> Iterator[Column]:
    kind = values.type
    if pa.types.is_timestamp(kind):
        values, kind = values.cast(pa.date32()), pa.date32()
    if pa.types.is_date32(kind):
        values, kind = values.cast(pa.int32()), pa.int32()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield from _indicators(tag, values)
    elif (
        pa.types.is_boolean(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or (pa.types.is_decimal(kind))
    ):
        yield from _numbers(tag, values.cast(pa.float64()))
    else:
        raise InvalidInput(
            f"balance can use numbers, words, days, true and false; {tag!r} is {kind}"
        )


def _numbers(tag: str, values: pa.ChunkedArray) -> Iterator[Column]:
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    missing = np.isnan(numbers)
    if np.isinf(numbers).any():
        raise InvalidInput(f"balance needs finite numbers; {tag!r} holds infinite ones")
    if not missing.all():
        # The mean changes no difference of means; who is missing is balanced beside it.
        yield Column(tag, None, np.where(missing, numbers[~missing].mean(), numbers))
    if missing.any():
        yield Column(tag, MISSING, missing.astype(np.float64))


def _indicators(tag: str, values: pa.ChunkedArray) -> Iterator[Column]:
    coded = pc.dictionary_encode(values.combine_chunks())
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    words = coded.dictionary.to_pylist()
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    frequent = sorted(range(len(words)), key=lambda code: (-counts[code], words[code]))
    for code in frequent[:_MOST_VALUES]:
        yield Column(tag, words[code], (codes == code).astype(np.float64))
    rest = frequent[_MOST_VALUES:]
    if rest:
        yield Column(tag, OTHER, np.isin(codes, rest).astype(np.float64))
    if (codes < 0).any():
        yield Column(tag, MISSING, (codes < 0).astype(np.float64))
