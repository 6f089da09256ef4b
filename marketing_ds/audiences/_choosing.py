"""Choose customers of a tag table."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from ibis.common.deferred import Deferred
from ibis.common.exceptions import IbisError

from marketing_ds._core.checks import check_columns, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import Rule, bind

from ._audience import ID, Audience

_SHOWN_IDS = 5


def audience(
    tags: ir.Table | pd.DataFrame,
    rule: str | Mapping[str, Any] | Rule | ir.BooleanValue | Deferred | ir.Table | Iterable[str],
    *,
    as_of: str | dt.date | None = None,
) -> Audience:
    """Choose customers of a tag table: by a rule, by an Ibis expression, or by their ids.

    Parameters
    ----------
    tags : ibis.Table or pandas.DataFrame
        One row a customer: `customer_id` and tags, as `tag_table` gives.
    rule : str, dict, Rule, ibis expression, or ids
        Rule text (``"aum >= 50000 and lifecycle == 'mature'"``), its JSON form, a condition on
        `tags` or on ``ibis._``, or ids: a list, a Series, or a table with `customer_id`.
    as_of : date or str, optional
        The day of the tags, for rules that speak of days relative to it. A column `as_of` of the
        tags goes first.

    Returns
    -------
    Audience

    Raises
    ------
    InvalidInput
        If the rule cannot be read (the message shows where), names an unknown tag or compares it
        with a value of another type; if it speaks of `as_of` and nobody says which day that is;
        if ids are not text, or not in `tags`.

    Notes
    -----
    ==========================  =================================================================
    comparison                  ``aum >= 50000``, ``aum > aum_90d_ago``, ``gender = 'F'``,
                                ``region <> 'Chengdu'``, ``flag`` (a tag that is true or false)
    lists and ranges            ``lifecycle in ('new', 'mature')``, ``age between 30 and 45``
    nulls                       ``region is null``, ``region is not null``
    text; case counts           ``name contains '50 %'``, ``name starts with 'A'``,
                                ``name ends with 'Ltd'``, ``name like 'A_c%'``
    days                        ``opened_on >= date '2026-01-01'``,
                                ``opened_on >= as_of - 3 months``,
                                ``last_event_on between as_of - 4 weeks and as_of``
    rank in the whole table     ``top 1000 by aum``, ``bottom 500 by age``, ``top 5 % by aum``
    together                    ``and``, ``or``, ``not``, brackets;
                                ``not`` may stand before ``in``, ``between``, ``contains``, …
    ==========================  =================================================================

    As in SQL, a comparison with a null selects nobody, nor does its ``not``; nor do ``top`` and
    ``bottom`` select or, with ``not``, count customers without a value. Ties of a rank go to the
    smaller `customer_id`. NaN, which tag tables do not have, is greater than every number, as engines
    say. In ``like``, ``%`` is any letters and ``_`` one letter, and a backslash
    takes their meaning away. A tag whose name is a word of the language, or has blanks, stands in
    backticks.

    Examples
    --------
    >>> import pandas as pd
    >>> tags = pd.DataFrame({"customer_id": ["c1", "c2", "c3"], "aum": [9e4, 1e3, None],
    ...                      "lifecycle": ["mature", "mature", "lost"]})
    >>> rich = audience(tags, "aum >= 50000 and lifecycle == 'mature'")
    >>> rich
    Audience(aum >= 50000 and lifecycle == 'mature': 1 of 3 customers)
    >>> (~rich).to_frame()["customer_id"].tolist()
    ['c2', 'c3']
    >>> audience(tags, "lifecicle == 'lost'")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: rule names the unknown tag 'lifecicle'; did you mean 'lifecycle'? at position 0
      lifecicle == 'lost'
      ^
    """
    base = _as_base(tags)
    day = None if as_of is None else check_date("as_of", as_of)
    if isinstance(rule, str):
        return _by_rule(base, Rule.parse(rule), rule, day)
    if isinstance(rule, Rule):
        return _by_rule(base, rule, None, day)
    if isinstance(rule, Mapping):
        return _by_rule(base, Rule.from_dict(rule), None, day)
    if isinstance(rule, (ir.Value, Deferred)) and not isinstance(rule, ir.StringColumn):
        return _by_expression(base, rule, day)
    return _by_ids(base, rule, day)


def _as_base(tags: object) -> ir.Table:
    """`tags` as an Ibis table with a text `customer_id`."""
    if isinstance(tags, pd.DataFrame):
        check_columns(list(tags.columns), [ID], "tags")
        _check_texts(tags[ID], "tags")
        if tags[ID].duplicated().any():
            twice = tags.loc[tags[ID].duplicated(), ID].iloc[0]
            raise InvalidInput(f"tags must have one row a customer, got {twice!r} more than once")
        tags = ibis.memtable(_as_arrow(tags))
    return check_tag_table(tags)


def _as_arrow(tags: pd.DataFrame) -> pa.Table:
    twice = tags.columns[tags.columns.duplicated()]
    if len(twice):
        raise InvalidInput(f"tags must have names of their own, got {twice[0]!r} twice")
    try:
        return pa.Table.from_pandas(tags, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInput(
            f"tags must hold values of one type in each column: {error.args[-1]}"
        ) from error


def check_tag_table(tags: object) -> ir.Table:
    """Return `tags` if it is an Ibis table with a text `customer_id`."""
    if not isinstance(tags, ir.Table):
        raise InvalidInput(
            f"tags must be an Ibis table or a pandas frame, got {type(tags).__name__}"
        )
    check_columns(tags.columns, [ID], "tags")
    if not tags[ID].type().is_string():
        raise InvalidInput(f"customer_id must hold text, got {tags[ID].type()}; cast it to string")
    return tags


def _by_rule(base: ir.Table, rule: Rule, text: str | None, as_of: dt.date | None) -> Audience:
    condition = bind(rule, base, text, as_of=as_of)
    how: dict[str, Any] = {"rule": rule.to_dict()}
    if as_of is not None and rule.is_relative:
        how["as_of"] = as_of.isoformat()
    return Audience(base, rule, how, condition, as_of)


def _by_expression(
    base: ir.Table, expression: ir.Value | Deferred, as_of: dt.date | None
) -> Audience:
    try:
        value = expression.resolve(base) if isinstance(expression, Deferred) else expression
        if not isinstance(value, ir.BooleanValue):
            raise InvalidInput(
                f"rule must be true or false for each customer, got {value.type()} values"
            )
        alone = base.filter(value)
    except (IbisError, AttributeError) as error:
        raise InvalidInput(f"rule must be a condition on the columns of tags: {error}") from error
    how = {"expression": value.get_name()}
    if value.op().find((ops.WindowFunction, ops.Reduction), filter=lambda node: node != base.op()):
        # What looks at other rows must do so by itself: in a filter with other conditions it would
        # see only the rows that these leave.
        value = base[ID].isin(alone[ID])
    return Audience(base, None, how, value, as_of)


def _by_ids(base: ir.Table, ids: object, as_of: dt.date | None) -> Audience:
    chosen = _as_ids(ids)
    table = ibis.memtable(pa.table({ID: chosen}))
    unknown = table.anti_join(base, ID).order_by(ID).limit(_SHOWN_IDS + 1).to_pyarrow()[ID]
    if len(unknown):
        shown = ", ".join(repr(i) for i in unknown.to_pylist()[:_SHOWN_IDS])
        raise InvalidInput(
            f"ids must be customers of tags, got {shown}{', …' if len(unknown) > _SHOWN_IDS else ''} "
            f"which it does not have; leave them out or make tags for a later day"
        )
    how = {"ids": len(chosen), "ids_sha256": _fingerprint(chosen)}
    return Audience(base, None, how, base[ID].isin(table[ID]), as_of)


def _as_ids(ids: object) -> pa.Array:
    """The distinct ids of a list, Series, array or table, in order."""
    if isinstance(ids, (ir.Table, pd.DataFrame)):
        check_columns(list(ids.columns), [ID], "a table of ids")
        ids = ids[ID]
    if isinstance(ids, ir.Column):
        if not ids.type().is_string():
            raise InvalidInput(f"ids must be text, got {ids.type()}; cast them to string")
        return _distinct(ids.to_pyarrow())
    if not isinstance(ids, Iterable):
        raise InvalidInput(
            f"rule must be text, a dict, an Ibis expression or ids, got {type(ids).__name__}"
        )
    listed = list(ids)
    _check_texts(listed, "ids")
    return _distinct(pa.array(listed, pa.string()))


def _distinct(ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    found = pc.unique(ids).cast(pa.string())
    if found.null_count:
        raise InvalidInput("ids must hold customer ids as text, got None")
    return found.take(pc.sort_indices(found))


def _check_texts(ids: Iterable[object], what: str) -> None:
    listed = list(ids)
    if set(map(type, listed)) <= {str}:
        return
    bad = [i for i in listed if not isinstance(i, str)]
    if bad:
        raise InvalidInput(f"{what} must hold customer ids as text, got {bad[0]!r}")


def _fingerprint(ids: pa.Array) -> str:
    """The same for the same ids in the same order."""
    lines = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(ids)], pa.int32()), ids), "\n")
    return hashlib.sha256(lines[0].as_buffer()).hexdigest()
