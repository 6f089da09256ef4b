"""The size of an audience, from a sample of its base."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.types as ir

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import wilson
from marketing_ds._core.hashing import is_drawn

from ._moving import is_row_wise, matching

if TYPE_CHECKING:
    import pandas as pd

    from ._audience import Audience

_SALT = "estimate"


@dataclass(frozen=True, repr=False)
class SizeEstimate(Result):
    """About how many customers an audience has; made by `Audience.estimate`.

    Attributes
    ----------
    count, count_ci_lower, count_ci_upper : int
        Customers, and the ends of the interval.
    share, share_ci_lower, share_ci_upper : float
        The same as shares of the base.
    base : int
        Customers of the base.
    sample : int
        Customers of the base that were looked at.
    alpha : float
        1 − level of the interval.
    """

    count: int
    count_ci_lower: int
    count_ci_upper: int
    share: float
    share_ci_lower: float
    share_ci_upper: float
    base: int
    sample: int
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row: count and share with their intervals, base and sample."""
        import pandas as pd

        names = ("count", "share")
        ends = [n + end for n in names for end in ("", "_ci_lower", "_ci_upper")]
        return pd.DataFrame({name: [getattr(self, name)] for name in (*ends, "base", "sample")})

    def __repr__(self) -> str:
        if self.sample == self.base:
            return f"SizeEstimate({self.count:,} of {self.base:,} customers, all of them counted)"
        ends = f"{self.count_ci_lower:,} to {self.count_ci_upper:,}"
        return f"SizeEstimate(about {self.count:,}: {ends} of {self.base:,} customers)"


@dataclass(frozen=True)
class _Sample:
    """Some customers of a base in memory, with all their tags."""

    table: ir.Table
    rows: int
    base: int


# Kept as long as the user's tag table: every rule tried on it then asks the same sample.
_SAMPLES: WeakKeyDictionary[ir.Table, dict[int, _Sample]] = WeakKeyDictionary()


def estimate(aud: Audience, sample: int, alpha: float) -> SizeEstimate:
    """The work behind `Audience.estimate`."""
    size = check_count("sample", sample, low=100)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    if not is_row_wise(aud.condition, aud.base):
        number, base = aud.counts
        return _estimated(number, base, base, alpha)
    drawn = _sample(aud.base, size)
    chosen = matching(aud.condition, aud.base, drawn.table)
    found = int(chosen.count().to_pyarrow().as_py())
    return _estimated(found, drawn.rows, drawn.base, alpha)


def _sample(base: ir.Table, size: int) -> _Sample:
    samples = _SAMPLES.setdefault(base, {})
    if size not in samples:
        number = int(base.count().to_pyarrow().as_py())
        drawn = base.filter(is_drawn(base.customer_id, size / max(number, 1), salt=_SALT))
        rows = drawn.to_pyarrow()
        table = ibis.memtable(rows, schema=base.schema())
        samples[size] = _Sample(table, rows.num_rows, number)
    return samples[size]


def _estimated(found: int, seen: int, base: int, alpha: float) -> SizeEstimate:
    """Wilson's interval; the more of the base was seen, the narrower."""
    low, high = _wilson(found, seen, base, alpha)
    # What was seen is certain: the interval never contradicts it.
    least, most = found, base - (seen - found)
    count_low = min(max(math.floor(low * base), least), most)
    count_high = max(min(math.ceil(high * base), most), least)
    share = found / seen if seen else (math.nan if base == 0 else 0.5)
    count = round(share * base) if base else 0
    whole = base if base else math.nan
    ends = count_low / whole, count_high / whole
    return SizeEstimate(count, count_low, count_high, share, *ends, base, seen, alpha)


def _wilson(found: int, seen: int, base: int, alpha: float) -> tuple[float, float]:
    """Wilson (1927), at the size of a sample with replacement that is as precise.

    A share of a sample of n out of N without replacement varies (N − n) / (N − 1) times as much.
    """
    if seen >= base:
        share = found / seen if seen else 0.0
        return share, share
    n = seen * (base - 1) / (base - seen)
    x = found / max(seen, 1) * n
    low, high = wilson(x, n, alpha=alpha)
    return float(low), float(high)
