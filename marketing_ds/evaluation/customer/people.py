"""Which customers are looked at: those of a campaign with their arms, or those of an audience."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
from ibis.expr.operations import DatabaseTable

from marketing_ds import outcomes
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience
from marketing_ds.evaluation.assigned import Assigned
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import known_by

from .facts import ID, Facts, needed_columns

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

AUDIENCE = "audience"
"""The one arm of customers who were drawn for nothing."""


def members(mart: Mart, facts: Facts, audience: Audience) -> ir.Table:
    """One row a customer: facts, arm (``audience`` or null); nobody is reached or responds.

    Raises
    ------
    InvalidInput
        If the audience was chosen from a table of another mart.
    """
    sources = {id(node.source) for node in audience.base.op().find(DatabaseTable)}
    if sources - {id(mart.con)}:
        raise InvalidInput(
            "audience must be chosen from tags of this very mart, got one of another; make it from "
            "tag_table(mart, ...), or of ids in a frame"
        )
    rows, nobody = facts.rows.select(needed_columns(facts)), ibis.literal(0, "int64")
    ids = audience.ids().distinct().select(_customer=ID, arm=ibis.literal(AUDIENCE))
    joined = rows.left_join(ids, [(ID, "_customer")])
    return joined.select(
        *rows.columns,
        "arm",
        probability=ibis.null("float64"),
        reached=nobody,
        responded=nobody,
    )


def assigned_people(
    mart: Mart, facts: Facts, which: Campaign, arms: Assigned, as_of: dt.date
) -> tuple[ir.Table, bool]:
    """One row a customer: facts, arm (null outside), chance, whether reached, whether responded.

    The second value says whether the mart knows of responses at all.
    """
    rows = facts.rows.select(needed_columns(facts))
    joined = rows.left_join(arms.rows.rename(_customer=ID), [(ID, "_customer")])
    joined = joined.select(*rows.columns, "arm", "probability")
    joined = _reached(mart, which, joined, as_of)
    done = outcomes.campaign_outcomes(mart, which.campaign_id, as_of=as_of)
    if which.objective not in done.columns:
        return joined.mutate(responded=ibis.literal(0, "int64")), False
    right = done.select(_customer=ID, _outcome=which.objective)
    answered = joined.left_join(right, [(ID, "_customer")])
    responded = (answered["_outcome"] > 0).fill_null(False) & (answered.reached > 0)
    return answered.select(*joined.columns, responded=responded.cast("int64")), True


def _reached(mart: Mart, which: Campaign, rows: ir.Table, as_of: dt.date) -> ir.Table:
    """Who was sent a message; of a campaign without contacts, the arms other than control."""
    sent = known_by(mart["contacts"], "contacts", as_of)
    sent = sent.filter(sent.campaign_id == which.campaign_id).select(_sent_to=ID).distinct()
    if not sent.count().to_pyarrow().as_py():
        offered = (rows.arm.notnull() & (rows.arm != CONTROL)).fill_null(False)
        return rows.mutate(reached=offered.cast("int64"))
    joined = rows.left_join(sent, [(ID, "_sent_to")])
    got = joined["_sent_to"].notnull() & joined.arm.notnull()
    return joined.select(*rows.columns, reached=got.cast("int64"))
