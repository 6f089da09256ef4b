"""Days as bits: on which days of a span a customer did something, in a few whole numbers.

Sixty days to a word. A customer's days over a quarter are three numbers instead of a row a day, and
"active within the last 7 days" is the same numbers with every bit carried on for six days more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from marketing_ds.tags._measures import bit_count, bit_or

_WORD = 60
"""Bits to a word: signs are left alone, and no shift leaves the 64 bits."""


@dataclass(frozen=True)
class Days:
    """The days from `first` to `last`, as bits of columns `<prefix>0`, `<prefix>1`, …"""

    first: int
    last: int

    @property
    def words(self) -> int:
        """How many words they take."""
        return math.ceil((self.last - self.first + 1) / _WORD)

    def names(self, prefix: str) -> list[str]:
        """The columns of these bits."""
        return [f"{prefix}{i}" for i in range(self.words)]

    def gathered(self, day: ir.IntegerValue, prefix: str) -> dict[str, ir.Value]:
        """Aggregates: the bits of the days of all rows."""
        found = {}
        for i, name in enumerate(self.names(prefix)):
            start = self.first + i * _WORD
            inside = (day >= start) & (day < start + _WORD) & (day <= self.last)
            # The branch not taken may be computed all the same, and a shift must stay in range.
            bit = ibis.literal(1, "int64") << ibis.ifelse(inside, day - start, 0)
            found[name] = bit_or(ibis.ifelse(inside, bit, None)).fill_null(0)
        return found

    def carried(self, table: ir.Table, prefix: str, by: int) -> dict[str, ir.IntegerValue]:
        """The bits, and the same `by` days later (1 to 59)."""
        low, high = ibis.literal((1 << (_WORD - by)) - 1, "int64"), _WORD - by
        words = [table[name] for name in self.names(prefix)]
        found = {}
        for i, (name, word) in enumerate(zip(self.names(prefix), words, strict=True)):
            later = (word & low) << by
            if i:
                later = later | (words[i - 1] >> high)
            found[name] = word | later
        return found

    def within(self, table: ir.Table, prefix: str, *, have: int, want: int) -> ir.Table:
        """The table with bits "within `have` days" made "within `want` days"."""
        while have < want:
            step = min(have, want - have)
            table = table.mutate(**self.carried(table, prefix, step))
            have += step
        return table

    def on(self, table: ir.Table, prefix: str, day: int) -> ir.IntegerValue:
        """1 where the bit of a day is set, else 0."""
        word, place = divmod(day - self.first, _WORD)
        return (table[f"{prefix}{word}"] >> place) & 1

    def at(self, table: ir.Table, prefix: str, day: ir.IntegerValue) -> ir.IntegerValue:
        """1 where the bit of a day of each row's own is set; 0 after the last day."""
        found: ir.IntegerValue = ibis.literal(0, "int64")
        for i, name in reversed(list(enumerate(self.names(prefix)))):
            place = day - self.first - i * _WORD
            inside = (place >= 0) & (place < _WORD) & (day <= self.last)
            bit = (table[name] >> ibis.ifelse(inside, place, 0)) & 1
            found = ibis.ifelse(inside, bit, found)
        return found

    def number(self, table: ir.Table, prefix: str, low: int, high: int) -> ir.IntegerValue:
        """How many bits are set from day `low` to day `high`, both included."""
        parts = []
        for i, name in enumerate(self.names(prefix)):
            start = self.first + i * _WORD
            bits = range(max(low - start, 0), min(high - start + 1, _WORD))
            if bits:
                mask = ibis.literal(sum(1 << bit for bit in bits), "int64")
                parts.append(bit_count(table[name] & mask).cast("int64"))
        return sum(parts[1:], start=parts[0]) if parts else ibis.literal(0, "int64")
