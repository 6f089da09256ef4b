"""How many each of several rules removes, alone and that no other would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from marketing_ds._core.display import Result, frame_html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Removals(Result):
    """What several rules that all must hold leave of some candidates.

    Attributes
    ----------
    candidates : int
        Customers before any rule.
    left : int
        Customers whom no rule removes.
    removed : mapping of str to int
        Rule → how many it removes by itself.
    removed_only : mapping of str to int
        Rule → how many it removes and no other rule would: they come back if it is dropped.
    """

    candidates: int
    left: int
    removed: Mapping[str, int]
    removed_only: Mapping[str, int]

    def to_frame(self) -> pd.DataFrame:
        """One row a rule: `rule`, `removed`, `removed_share` (of the candidates), `removed_only`."""
        import pandas as pd

        removed = pd.Series(self.removed, dtype="int64")
        return pd.DataFrame(
            {
                "rule": pd.Series(list(self.removed), dtype="str"),
                "removed": removed.to_numpy(),
                "removed_share": removed.to_numpy() / max(self.candidates, 1),
                "removed_only": [self.removed_only[rule] for rule in self.removed],
            }
        )

    def _repr_html_(self) -> str:
        title = f"{self.left:,} of {self.candidates:,} customers are left"
        return frame_html(self.to_frame(), title=title)


def removals(rows: ir.Table, keeps: Mapping[str, ir.BooleanValue]) -> Removals:
    """Count what each of several conditions removes from `rows`, by one query.

    Parameters
    ----------
    rows : ibis.Table
        The candidates.
    keeps : mapping of str to boolean expression
        Name of a rule → whether it keeps a row of `rows`; null removes.
    """
    if not keeps:
        number = int(rows.count().to_pyarrow().as_py())
        return Removals(number, number, {}, {})
    names = {f"_{n}": rule for n, rule in enumerate(keeps)}
    kept = {name: keeps[rule].fill_null(False) for name, rule in names.items()}
    flags = rows.select(**{name: (~flag).cast("int64") for name, flag in kept.items()})
    # A step of its own: what removes a row may be a window function, which no sum may hold.
    broken: Any = sum((flags[name] for name in names), ibis.literal(0))
    counted = flags.mutate(_broken=broken)
    only = counted["_broken"] == 1
    totals = counted.aggregate(
        candidates=counted.count(),
        left=counted.count(where=counted["_broken"] == 0),
        **{f"all{name}": counted.count(where=counted[name] == 1) for name in names},
        **{f"only{name}": counted.count(where=only & (counted[name] == 1)) for name in names},
    )
    found = totals.to_pyarrow().to_pylist()[0]
    return Removals(
        found["candidates"],
        found["left"],
        {rule: found[f"all{name}"] for name, rule in names.items()},
        {rule: found[f"only{name}"] for name, rule in names.items()},
    )
