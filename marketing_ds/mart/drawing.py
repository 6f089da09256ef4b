"""Draw the universal control group."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace as replace_field
from typing import TYPE_CHECKING

from marketing_ds._core.checks import check_date, check_number
from marketing_ds._core.errors import InvalidInput

from . import publishing
from .control import CONTROL_NAME, UniversalControl, drawn_controls

if TYPE_CHECKING:
    from .mart import Mart


def universal_control(
    mart: Mart,
    share: float = 0.05,
    *,
    salt: str,
    as_of: str | dt.date,
    replace: bool = False,
) -> UniversalControl:
    """Draw the universal control group of the mart's workspace, once and for all campaigns.

    From then on every publication of a plan, of assignments, and of a segment with a channel
    leaves the group out and counts whom it left out; nobody needs to remember it. What
    marketing as a whole is worth is the difference between the group and everybody else.

    Parameters
    ----------
    mart : Mart
        The mart; the group is published in its workspace, as the segment ``universal_control``.
    share : float
        Share of all customers, at least 0 and below 1.
    salt : str
        Any text; another salt draws other customers.
    as_of : date or str
        The day of the draw; the published list has the customers of that day.
    replace : bool
        Whether a group that is there already may be given up for another. Comparisons over time
        end there. A share of 0 gives it up altogether.

    Returns
    -------
    UniversalControl
        The group in force. The same share and salt again is the same group.

    Raises
    ------
    InvalidInput
        If another group is in force and `replace` is not set, or an argument breaks a rule.
    PublicationError
        If the record of the group in the workspace is damaged: nothing is published then.

    Notes
    -----
    A customer belongs to it by a hash of the id and the salt alone. So customers of later days
    fall in by the same rule, and there is no list that could be lost, grow old or be stratified.

    Examples
    --------
    >>> import tempfile
    >>> import marketing_ds as mds
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with mds.open_mart("data_samples", workspace=folder) as mart:
    ...         control = universal_control(mart, 0.05, salt="2026", as_of="2026-06-30")
    ...         ids = mart["customers"].select("customer_id")
    ...         done = mart.publish("segments", ids, as_of="2026-06-30", channel="app")
    >>> control.customers == done.report.removed["universal_control"]
    True
    """
    check_number("share", share, low=0, high=1)
    if share == 1:
        raise InvalidInput("share must be less than 1: somebody must be left to be reached")
    if not isinstance(salt, str) or not salt:
        raise InvalidInput(f"salt must be a text that is not empty, got {salt!r}")
    day = check_date("as_of", as_of)
    records = drawn_controls(mart.workspace)
    current = records[-1] if records else None
    if current is not None:
        if (current.share, current.salt) == (share, salt):
            return current
        if not replace:
            raise InvalidInput(
                f"the universal control group is drawn already: share {current.share}, salt "
                f"{current.salt!r}, as of {current.as_of}; keep it, or give it up with replace=True"
            )
    drawn = UniversalControl(float(share), salt, day, 0)
    customers = mart.table("customers")
    known = customers.filter(customers.opened_on <= day, drawn.contains(customers.customer_id))
    # Numbered, for a group that comes back after another one must count as the newer.
    rule = {"share": drawn.share, "salt": salt, "draw": len(records) + 1}
    request = publishing.Request("segments", CONTROL_NAME, day, rule, None, None)
    done = publishing.publish(mart, request, known.select("customer_id").distinct())
    return replace_field(drawn, customers=done.rows)
