"""What publishes an audience: a mart, or whatever takes its place in a test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from marketing_ds.mart import ContactCap, Publication

    from ._audience import Audience


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


def check_publisher(mart: object) -> None:
    """Refuse what publishes nothing, such as the path of a mart."""
    if not callable(getattr(mart, "publish", None)):
        raise InvalidInput(f"mart must be an open mart: mds.open_mart(...), got {mart!r:.80}")


def publish(
    aud: Audience,
    mart: Publisher,
    name: str,
    *,
    as_of: str | dt.date | None,
    channel: str | None,
    max_contacts: ContactCap | Sequence[ContactCap],
    suppress: Mapping[str, object] | None,
) -> Publication:
    """The work behind `Audience.publish`."""
    check_publisher(mart)
    return mart.publish(
        "segments",
        aud.ids(),
        name=name,
        as_of=_day(aud, as_of),
        parameters={"audience": dict(aud.how), "text": aud.text},
        channel=channel,
        max_contacts=max_contacts,
        suppress=_lists(aud, suppress),
    )


def _day(aud: Audience, as_of: str | dt.date | None) -> dt.date:
    if as_of is None and aud.as_of is None:
        raise InvalidInput(
            "as_of must be given: the day of the tags that chose the audience, which does not know it"
        )
    day = check_date("as_of", aud.as_of if as_of is None else as_of)
    if aud.as_of is not None and day != aud.as_of:
        raise InvalidInput(
            f"as_of must be the day of the tags that chose the audience, {aud.as_of}, got {day}"
        )
    return day


def _lists(aud: Audience, suppress: Mapping[str, object] | None) -> Mapping[str, object] | None:
    if not isinstance(suppress, Mapping):
        return suppress  # the mart says what it must be
    return {
        name: value.ids() if isinstance(value, type(aud)) else value
        for name, value in suppress.items()
    }
