"""Who was assigned to which arm, and what the sizes of the arms are to be checked against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import known_by

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


class Design(TypedDict, total=False):
    """What `analyze_experiment` takes of a design: a column of chances, or shares."""

    probability: str
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Assigned:
    """The arms of a campaign.

    Attributes
    ----------
    rows : ibis.Table
        One row a customer: customer_id, arm, probability.
    sizes : mapping
        Arm → customers, control first.
    drawn : bool
        Whether arms were drawn at random.
    chances : bool
        Whether the chance of the arm is known of everybody.
    """

    rows: ir.Table
    sizes: Mapping[str, int]
    drawn: bool
    chances: bool

    @property
    def compared(self) -> bool:
        """Whether there is a control arm, and another."""
        return CONTROL in self.sizes and len(self.sizes) > 1

    def design(self, sizes: Mapping[str, int]) -> Design:
        """What the arms' sizes are checked against; found sizes where nothing else is known."""
        if self.drawn and self.chances:
            return {"probability": "probability"}
        return {"shares": dict(sizes)}


def assigned(mart: Mart, which: Campaign, as_of: dt.date) -> Assigned:
    """The customers who had been assigned by the end of `as_of`.

    Raises
    ------
    InvalidInput
        If there is none.
    """
    rows = known_by(mart["assignments"], "assignments", as_of)
    rows = rows.filter(rows.campaign_id == which.campaign_id)
    rows = rows.select("customer_id", "arm", "probability")
    counted = rows.group_by("arm").aggregate(n=rows.count(), known=rows.probability.count())
    found = counted.to_pyarrow().to_pylist()
    if not found:
        raise nobody_assigned(which, as_of)
    found.sort(key=lambda row: (row["arm"] != CONTROL, row["arm"]))
    return Assigned(
        rows,
        {row["arm"]: row["n"] for row in found},
        which.randomised,
        all(row["known"] == row["n"] for row in found),
    )


def nobody_assigned(which: Campaign, day: dt.date) -> InvalidInput:
    """What to say of a campaign that has no customers by the end of `day`."""
    return InvalidInput(
        f"campaign {which.campaign_id!r} must have customers by as_of, got none assigned by "
        f"{day}; it starts on {which.starts_on}"
    )
