"""The universal control group: customers whom no campaign ever reaches."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds._core.hashing import is_drawn

from .workspace import MANIFEST, Workspace

if TYPE_CHECKING:
    import pandas as pd

CONTROL_NAME = "universal_control"
"""The segment that holds the group; nobody else may publish one of this name."""


@dataclass(frozen=True)
class UniversalControl(Result):
    """The universal control group of a workspace; drawn by `universal_control`.

    Attributes
    ----------
    share : float
        Share of all customers that fall into it; 0 is nobody.
    salt : str
        What the draw depends on beside the customer's id.
    as_of : date
        The day on which it was drawn.
    customers : int
        How many fell into it on that day.
    """

    share: float
    salt: str
    as_of: dt.date
    customers: int

    def contains(self, ids: ir.StringValue) -> ir.BooleanValue:
        """Whether each id of a column belongs to the group, customers of later days included.

        Examples
        --------
        >>> import datetime as dt, ibis
        >>> control = UniversalControl(0.05, "2026", dt.date(2026, 6, 30), 500)
        >>> tags = ibis.memtable({"customer_id": [f"c{n}" for n in range(10_000)]})
        >>> int(tags.filter(control.contains(tags.customer_id)).count().to_pyarrow().as_py())
        476
        """
        return is_drawn(ids, self.share, salt=f"{CONTROL_NAME}:{self.salt}")

    def to_frame(self) -> pd.DataFrame:
        """One row: share, salt, as_of, customers."""
        import pandas as pd

        return pd.DataFrame(
            {
                "control_share": [self.share],
                "salt": [self.salt],
                "as_of": [self.as_of],
                "customers": [self.customers],
            }
        )


def current_control(workspace: Workspace) -> UniversalControl | None:
    """The group in force: the one that was drawn last; None if none was, or it was given up.

    Raises
    ------
    PublicationError
        If a record cannot be read: to publish as if there were no group would break it.
    """
    records = drawn_controls(workspace)
    return records[-1] if records and records[-1].share > 0 else None


def drawn_controls(workspace: Workspace) -> list[UniversalControl]:
    """Every group that was ever drawn, the last one last."""
    found = []
    for folder in (workspace.root / "segments" / f"name={CONTROL_NAME}").glob("as_of=*/run=*"):
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
            rule = manifest["parameters"]
            day, rows = dt.date.fromisoformat(manifest["as_of"]), int(manifest["rows"])
            group = UniversalControl(float(rule["share"]), str(rule["salt"]), day, rows)
            found.append((int(rule["draw"]), str(manifest["published_at"]), group))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PublicationError(
                f"the record of the universal control group in '{folder}' is damaged; restore its "
                f"{MANIFEST}: without it customers of the group could be reached"
            ) from error
    return [group for *_, group in sorted(found, key=lambda each: each[:2])]


def check_not_reserved(table: str, name: str) -> None:
    """Refuse a publication that would pass for the universal control group."""
    if table == "segments" and name.lower() == CONTROL_NAME:
        raise InvalidInput(
            f"the segment {CONTROL_NAME!r} is the universal control group; it is drawn with "
            "universal_control(mart, ...)"
        )
