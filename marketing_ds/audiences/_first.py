"""The first customers of an audience: by a tag, or by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from marketing_ds._core.checks import check_count
from marketing_ds._core.hashing import salted_digest
from marketing_ds.rules import Top, bind

if TYPE_CHECKING:
    from ._audience import Audience


def limited(aud: Audience, n: int, by: str | None, salt: str) -> Audience:
    """The work behind `Audience.limit`."""
    check_count("n", n, low=1)
    if by is None:
        order: list[ir.Value] = [salted_digest(aud.base.customer_id, salt=f"limit:{salt}")]
    else:
        bind(Top(by, n), aud.base)  # complains of a tag that is unknown or has no order
        order = [aud.base[by].desc(nulls_first=False)]
    lot = {"salt": salt} if by is None else {"by": by}
    return _first(aud, n, order, aud.condition, {"limit": n, **lot, "of": aud.how})


def ranked(aud: Audience, n: int, by: str) -> Audience:
    """The work behind `Audience.top`."""
    bind(Top(by, n), aud.base)
    with_value = aud.condition & aud.base[by].notnull()
    order = [aud.base[by].desc(nulls_first=False)]
    return _first(aud, n, order, with_value, {"top": n, "by": by, "of": aud.how})


def _first(
    aud: Audience,
    n: int,
    order: Sequence[ir.Value],
    among: ir.BooleanValue,
    how: Mapping[str, Any],
) -> Audience:
    ids = aud.base.customer_id
    kept = aud.base.filter(among).order_by(*order, ids).limit(n)
    return replace(aud, rule=None, how=how, condition=ids.isin(kept.customer_id))
