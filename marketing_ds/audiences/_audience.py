"""An audience: which customers of a tag table are meant, and how they were chosen."""

from __future__ import annotations

import datetime as dt
import hashlib
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.common.deferred import Deferred
from ibis.common.exceptions import IbisError

from marketing_ds._core.checks import check_columns, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import And, Or, Rule, bind

if TYPE_CHECKING:
    from marketing_ds.mart import Publication

ID = "customer_id"
_SHOWN_IDS = 5


class Publisher(Protocol):
    """What an audience needs of a mart to be published."""

    def publish(
        self,
        table: str,
        data: ir.Table,
        *,
        name: str,
        as_of: dt.date,
        parameters: Mapping[str, Any],
        channel: str | None,
    ) -> Publication:
        """Publish rows of a table."""


@dataclass(frozen=True, eq=False, repr=False)
class Audience(Result):
    """A set of customers of one tag table; made by `audience`, never by hand.

    Sets over the same tag table combine: ``a | b`` (in either), ``a & b`` (in both), ``a - b`` and
    ``~a`` (everybody else of the table, those with null tags included). Nothing is computed until
    it is asked for, and an audience without customers is a valid one.

    Attributes
    ----------
    base : ibis.Table
        The tag table it was chosen from: one row a customer.
    rule : Rule or None
        The rule; None where no rule says the same (ids, Ibis expressions, ``~``, ``-``).
    how : dict
        How it was made, as JSON.
    """

    base: ir.Table
    rule: Rule | None
    how: Mapping[str, Any]
    chosen: ir.BooleanValue
    """Whether a row of `base` is in the audience; never null."""

    def ids(self) -> ir.Table:
        """The customers: an Ibis table with the one column `customer_id`."""
        return self.base.filter(self.chosen).select(ID)

    def members(self) -> ir.Table:
        """The customers with all their tags."""
        return self.base.filter(self.chosen)

    def to_frame(self) -> pd.DataFrame:
        """The customers as a pandas frame with the column `customer_id`, in its order."""
        frame: pd.DataFrame = self.ids().order_by(ID).to_pyarrow().to_pandas()
        return frame

    def to_sql(self, dialect: str = "duckdb") -> str:
        """The query that gives the customers, in the SQL of an engine."""
        return str(ibis.to_sql(self.ids(), dialect=dialect))

    def count(self) -> int:
        """How many customers."""
        return self.counts[0]

    @property
    def share(self) -> float:
        """Share of the base; NaN if the base is empty."""
        number, base = self.counts
        return number / base if base else float("nan")

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Customers of audience and base, by one query."""
        counted = self.base.aggregate(
            number=self.chosen.ifelse(1, None).count(), base=self.base.count()
        ).to_pyarrow()
        return counted["number"][0].as_py(), counted["base"][0].as_py()

    def __and__(self, other: Audience) -> Audience:
        return self._with(other, "and", self.chosen & self._same(other), And)

    def __or__(self, other: Audience) -> Audience:
        return self._with(other, "or", self.chosen | self._same(other), Or)

    def __sub__(self, other: Audience) -> Audience:
        return self._with(other, "minus", self.chosen & ~self._same(other), None)

    def __invert__(self) -> Audience:
        return Audience(self.base, None, {"everybody_but": self.how}, ~self.chosen)

    def _same(self, other: object) -> ir.BooleanValue:
        """What `other` chose, if it chose from the same table."""
        if not isinstance(other, Audience):
            raise InvalidInput(
                f"an audience combines with an audience, got {type(other).__name__}; "
                f"make one with audience(tags, ...)"
            )
        if not self.base.equals(other.base):
            raise InvalidInput(
                "audiences must be chosen from the same tag table to be combined; choose the "
                "second one from the first one's: audience(first.base, ...)"
            )
        return other.chosen

    def _with(
        self,
        other: Audience,
        word: str,
        chosen: ir.BooleanValue,
        joint: type[And] | type[Or] | None,
    ) -> Audience:
        rule = joint((self.rule, other.rule)) if joint and self.rule and other.rule else None
        return Audience(self.base, rule, {word: [self.how, other.how]}, chosen)

    def publish(
        self,
        mart: Publisher,
        name: str,
        *,
        as_of: str | dt.date,
        channel: str | None = None,
    ) -> Publication:
        """Publish the customers as the segment `name`.

        With a channel the mart enforces consent and suppression: customers who may not be
        contacted through it are left out, and the manifest says how many. The manifest's
        parameters tell how the audience was made, with a fingerprint of its ids.

        Parameters
        ----------
        mart : Mart
            Where to publish.
        name : str
            Name of the segment.
        as_of : date or str
            The day of the tags that it was chosen by.
        channel : str, optional
            The channel through which it will be contacted; without one the segment is not for
            contact.

        Raises
        ------
        InvalidInput, PublicationError
            If an argument breaks a rule, or the mart refuses.
        """
        day = check_date("as_of", as_of)
        ids = self.ids().order_by(ID).to_pyarrow()
        parameters = {
            "audience": dict(self.how),
            "text": self._text,
            "customers": ids.num_rows,
            "ids_sha256": _fingerprint(ids[ID]),
        }
        return mart.publish(
            "segments",
            ibis.memtable(ids),
            name=name,
            as_of=day,
            parameters=parameters,
            channel=channel,
        )

    @property
    def _text(self) -> str:
        return str(self.rule) if self.rule else _describe(self.how)

    def __repr__(self) -> str:
        number, base = self.counts
        empty = ", empty: no customer fits" if number == 0 else ""
        return f"Audience({self._text}: {number:,} of {base:,} customers{empty})"

    def _repr_html_(self) -> str:
        number, base = self.counts
        share = f", {self.share:.2%} of {base:,}" if base else ""
        return (
            f"<p><b>Audience</b>: {number:,} customers{share}"
            f"{' (empty: no customer fits)' if number == 0 else ''}<br>"
            f"<code>{html.escape(self._text)}</code></p>"
        )


def audience(
    tags: ir.Table | pd.DataFrame,
    rule: str | Mapping[str, Any] | Rule | ir.BooleanValue | Deferred | ir.Table | Iterable[str],
) -> Audience:
    """Choose customers of a tag table: by a rule, by an Ibis expression, or by their ids.

    Parameters
    ----------
    tags : ibis.Table or pandas.DataFrame
        One row a customer: `customer_id` and tags, as `tag_table` gives.
    rule : str, dict, Rule, ibis expression, or ids
        Rule text (``"aum >= 50000 and lifecycle == 'mature'"``), its JSON form, a condition on
        `tags` or on ``ibis._``, or ids: a list, a Series, or a table with `customer_id`.

    Returns
    -------
    Audience

    Raises
    ------
    InvalidInput
        If the rule cannot be read (the message shows where), names an unknown tag or compares it
        with a value of another type; if ids are not text, or not in `tags`.

    Notes
    -----
    Rules compare (``== != < <= > >=``, also ``=`` and ``<>``) and know ``and``, ``or``, ``not``,
    ``in (...)``, ``between ... and ...``, ``is null``, ``is not null``; a tag that is true or false
    may stand alone. As in SQL, a comparison with a null selects nobody, nor does its ``not``.

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
    if isinstance(rule, str):
        return _by_rule(base, Rule.parse(rule), rule)
    if isinstance(rule, Rule):
        return _by_rule(base, rule, None)
    if isinstance(rule, Mapping):
        return _by_rule(base, Rule.from_dict(rule), None)
    if isinstance(rule, (ir.Value, Deferred)) and not isinstance(rule, ir.StringColumn):
        return _by_expression(base, rule)
    return _by_ids(base, rule)


def _as_base(tags: object) -> ir.Table:
    """`tags` as an Ibis table with a text `customer_id`."""
    if isinstance(tags, pd.DataFrame):
        check_columns(list(tags.columns), [ID], "tags")
        _check_texts(tags[ID], "tags")
        if tags[ID].duplicated().any():
            twice = tags.loc[tags[ID].duplicated(), ID].iloc[0]
            raise InvalidInput(f"tags must have one row a customer, got {twice!r} more than once")
        tags = ibis.memtable(pa.Table.from_pandas(tags, preserve_index=False))
    if not isinstance(tags, ir.Table):
        raise InvalidInput(
            f"tags must be an Ibis table or a pandas frame, got {type(tags).__name__}"
        )
    check_columns(tags.columns, [ID], "tags")
    if not tags[ID].type().is_string():
        raise InvalidInput(f"customer_id must hold text, got {tags[ID].type()}; cast it to string")
    return tags


def _by_rule(base: ir.Table, rule: Rule, text: str | None) -> Audience:
    chosen = bind(rule, base, text).fill_null(False)
    return Audience(base, rule, {"rule": rule.to_dict()}, chosen)


def _by_expression(base: ir.Table, expression: ir.Value | Deferred) -> Audience:
    try:
        value = expression.resolve(base) if isinstance(expression, Deferred) else expression
        if not isinstance(value, ir.BooleanValue):
            raise InvalidInput(
                f"rule must be true or false for each customer, got {value.type()} values"
            )
        base.filter(value)
    except (IbisError, AttributeError) as error:
        raise InvalidInput(f"rule must be a condition on the columns of tags: {error}") from error
    how = {"expression": value.get_name()}
    return Audience(base, None, how, value.fill_null(False))


def _by_ids(base: ir.Table, ids: object) -> Audience:
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
    return Audience(base, None, how, base[ID].isin(table[ID]))


def _as_ids(ids: object) -> pa.Array:
    """The distinct ids of a list, Series, array or table, in order."""
    if isinstance(ids, (ir.Table, pd.DataFrame)):
        check_columns(list(ids.columns), [ID], "a table of ids")
        ids = ids[ID]
    if isinstance(ids, ir.Column):
        if not ids.type().is_string():
            raise InvalidInput(f"ids must be text, got {ids.type()}; cast them to string")
        ids = ids.to_pyarrow().to_pylist()
    if not isinstance(ids, Iterable):
        raise InvalidInput(
            f"rule must be text, a dict, an Ibis expression or ids, got {type(ids).__name__}"
        )
    listed = list(ids)
    _check_texts(listed, "ids")
    return pa.array(sorted(set(listed)), pa.string())


def _check_texts(ids: Iterable[object], what: str) -> None:
    bad = [i for i in ids if not isinstance(i, str)]
    if bad:
        raise InvalidInput(f"{what} must hold customer ids as text, got {bad[0]!r}")


def _fingerprint(ids: pa.Array | pa.ChunkedArray) -> str:
    """The same for the same ids in the same order."""
    digest = hashlib.sha256()
    for value in ids.to_pylist():
        digest.update(value.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _describe(how: Mapping[str, Any]) -> str:
    """`how` in words, for people."""
    ((word, made),) = ((k, v) for k, v in how.items() if k != "ids_sha256")
    if word == "ids":
        return f"{made:,} ids"
    if word == "everybody_but":
        return f"everybody but ({_describe(made)})"
    if word == "rule":
        return str(Rule.from_dict(made))
    if word == "expression":
        return str(made)
    return f" {word} ".join(f"({_describe(part)})" for part in made)
