"""What publishes: a mart, or whatever takes its place in a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from marketing_ds.mart import ContactCap, Publication


class Publisher(Protocol):
    """What an audience needs of a mart to be published."""

    def publish(
        self,
        table: str,
        data: pd.DataFrame | ir.Table,
        *,
        name: str,
        as_of: dt.date,
        parameters: Mapping[str, Any],
        channel: str | None = None,
        max_contacts: ContactCap | Sequence[ContactCap] = (),
        suppress: Mapping[str, object] | None = None,
    ) -> Publication:
        """Publish rows of a table."""
