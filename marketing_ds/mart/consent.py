"""Consent and suppression: who may be contacted through which channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds.schema import CONTACT_CHANNELS, consent_column

if TYPE_CHECKING:
    from .mart import Mart

REASONS = ("unknown_customer", "suppressed", "no_consent")
"""Why a row is held back, the first that applies."""


def permissions(mart: Mart) -> ibis.Table:
    """One row a customer: `_known`, `_suppressed` and one flag a channel.

    The careful answer wins wherever the mart is in doubt: a null consent is none, a null
    suppression is one, and of two rows of one customer the stricter counts.
    """
    customers = mart.table("customers")
    consents = {
        consent_column(channel): customers[consent_column(channel)].fill_null(False).all()
        for channel in CONTACT_CHANNELS
    }
    return (
        customers.group_by(_id=customers.customer_id)
        .aggregate(_suppressed=customers.suppressed.fill_null(True).any(), **consents)
        .mutate(_known=ibis.literal(True))
    )


def with_reason(rows: ibis.Table, mart: Mart) -> ibis.Table:
    """`rows` with `_reason`: why a row must be held back, null if it may go out.

    A row with a null `channel` is not for contact: only an unknown customer is held back.
    """
    allowed = permissions(mart)
    joined = rows.left_join(allowed, rows.customer_id == allowed["_id"])
    consent = ibis.cases(
        *(
            (joined.channel == channel, joined[consent_column(channel)])
            for channel in CONTACT_CHANNELS
        ),
        else_=False,
    )
    contact = joined.channel.notnull()
    unknown, suppressed, refused = REASONS
    reason: ir.StringValue = ibis.cases(
        (joined["_known"].isnull(), unknown),
        (contact & joined["_suppressed"], suppressed),
        (contact & ~consent, refused),
        else_=ibis.null(str),
    )
    return joined.select(*(joined[name] for name in rows.columns), _reason=reason)
