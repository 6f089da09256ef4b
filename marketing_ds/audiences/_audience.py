"""An audience: which customers of a tag table are meant, and how they were chosen."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from marketing_ds._core.display import Result
from marketing_ds.rules import And, Removals, Rule, bind, removals

from ._algebra import joined
from ._moving import is_row_wise, matching
from ._words import describe

if TYPE_CHECKING:
    import pandas as pd

    from marketing_ds.mart import ContactCap, Publication

    from ._estimate import SizeEstimate
    from ._overlap import Overlap
    from ._publisher import Publisher
    from ._split import Split

ID = "customer_id"


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
        The rule; None where no rule says the same (ids, Ibis expressions, ``~``, ``-``, `limit`).
    how : dict
        How it was made, as JSON.
    condition : boolean Ibis expression
        True for the rows of `base` that are in the audience; false or null for the others.
    as_of : date or None
        The day of the tags, if it was given.
    """

    base: ir.Table
    rule: Rule | None
    how: Mapping[str, Any]
    condition: ir.BooleanValue
    as_of: dt.date | None = None

    @property
    def chosen(self) -> ir.BooleanValue:
        """Whether a row of `base` is in the audience; never null."""
        return self.condition.fill_null(False)

    def ids(self) -> ir.Table:
        """The customers: an Ibis table with the one column `customer_id`."""
        return self.members().select(ID)

    def members(self) -> ir.Table:
        """The customers with all their tags."""
        # The bare condition: engines push it into the scan, a coalesced one they do not.
        return self.base.filter(self.condition)

    def to_frame(self) -> pd.DataFrame:
        """The customers as a pandas frame with the column `customer_id`, in its order."""
        frame: pd.DataFrame = self.ids().order_by(ID).to_pyarrow().to_pandas()
        return frame

    def to_sql(self, dialect: str = "duckdb") -> str:
        """The query that gives the customers, in the SQL of an engine."""
        return str(ibis.to_sql(self.ids(), dialect=dialect))

    def count(self) -> int:
        """How many customers; reads the tags of the rule and nothing else."""
        return self._count

    @cached_property
    def _count(self) -> int:
        if is_row_wise(self.condition, self.base):
            chosen = matching(self.condition, self.base, self.base)
        else:
            chosen = self.members()
        return int(chosen.count().to_pyarrow().as_py())

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Customers of audience and base."""
        return self._count, int(self.base.count().to_pyarrow().as_py())

    @property
    def share(self) -> float:
        """Share of the base; NaN if the base is empty."""
        number, base = self.counts
        return number / base if base else float("nan")

    def estimate(self, *, sample: int = 50_000, alpha: float = 0.05) -> SizeEstimate:
        """How many customers about, from a sample of the base: milliseconds after the first call.

        The first call on a tag table draws the sample and keeps it in memory as long as the table
        lives; every audience chosen from the same table object then shares it. The sample is
        drawn by a salted hash of the ids: the same on every day and engine.

        Parameters
        ----------
        sample : int
            Customers in the sample, about; at least 100.
        alpha : float
            1 − level of the interval.

        Returns
        -------
        SizeEstimate
            Count and share, each with Wilson's interval, narrowed by the share of the base that
            was seen. A base no larger than the sample, and an audience that is not chosen row by
            row (by `top`, `limit`, or a query of one's own), are counted in full: the interval is
            a point.

        Examples
        --------
        >>> import pandas as pd
        >>> from marketing_ds.audiences import audience
        >>> tags = pd.DataFrame({"customer_id": [f"c{n}" for n in range(40_000)],
        ...                      "age": [20 + n % 60 for n in range(40_000)]})
        >>> audience(tags, "age < 35").estimate(sample=4_000)
        SizeEstimate(about 10,281: 9,769 to 10,811 of 40,000 customers)
        >>> audience(tags, "age < 35").count()
        10005
        """
        from ._estimate import estimate

        return estimate(self, sample, alpha)

    def overlap(self, *others: Audience, names: Sequence[str] | None = None) -> Overlap:
        """How much this audience and others of the same tag table have in common; by one query.

        Parameters
        ----------
        *others : Audience
            At least one.
        names : sequence of str, optional
            What to call them, this one first; their rules by default.

        Returns
        -------
        Overlap
            `.jaccard`, `.shared` and `.sizes`; `.plot()` draws the matrix.

        Examples
        --------
        >>> import pandas as pd
        >>> from marketing_ds.audiences import audience
        >>> tags = pd.DataFrame({"customer_id": list("abcd"), "n": [1, 2, 3, 4]})
        >>> low = audience(tags, "n <= 3")
        >>> low.overlap(audience(low.base, "n >= 2")).jaccard
                n <= 3  n >= 2
        n <= 3     1.0     0.5
        n >= 2     0.5     1.0
        """
        from ._overlap import overlap

        return overlap([self, *others], names)

    def steps(self) -> Removals:
        """What each part of a rule joined by `and` removes from the base, and what only it removes.

        Returns
        -------
        Removals
            One rule a part of the rule, in its order. An audience without a rule, or whose rule is
            not joined by `and`, is one part.

        Examples
        --------
        >>> import pandas as pd
        >>> from marketing_ds.audiences import audience
        >>> tags = pd.DataFrame({"customer_id": list("abcd"), "n": [1, 2, 3, 4],
        ...                      "open": [True, True, False, False]})
        >>> audience(tags, "n >= 2 and open and n < 4").steps().to_frame()
                   rule  removed  removed_share  removed_only
        0        n >= 2        1           0.25             1
        1  open == true        2           0.50             1
        2         n < 4        1           0.25             0
        """
        parts = _parts(self.rule) if self.rule else []
        keeps = {str(part): bind(part, self.base, as_of=self.as_of) for part in parts}
        return removals(self.base, keeps or {self.text: self.condition})

    def limit(self, n: int, by: str | None = None, *, salt: str = "limit") -> Audience:
        """At most `n` of the customers.

        Parameters
        ----------
        n : int
            How many at most.
        by : str, optional
            Those with the greatest value of this tag first, those without a value last; drawn by
            lot otherwise.
        salt : str
            Of the lot: a hash of salt and id, the same on every day and engine. Another salt draws
            others.
        """
        from ._first import limited

        return limited(self, n, by, salt)

    def top(self, n: int, by: str) -> Audience:
        """The `n` customers with the greatest value of the tag `by`.

        Customers without a value are never among them; ties go to the smaller `customer_id`. The
        rule ``top n by tag`` ranks the whole table instead.
        """
        from ._first import ranked

        return ranked(self, n, by)

    def split(
        self,
        arms: Mapping[str, float] | Sequence[str],
        *,
        stratify: Sequence[str] = (),
        balance: Sequence[str] | None = None,
        salt: str = "split",
        salts: int = 100,
    ) -> Split:
        """Draw the arms of an experiment; see `marketing_ds.audiences.Split`.

        Parameters
        ----------
        arms : mapping of str to float, or sequence of str
            Arm → share (they sum to 1); names alone get equal shares.
        stratify : sequence of str
            Tags (words, dates, whole numbers, true or false): within each combination of their
            values the arms have their shares as exactly as whole customers allow. Customers
            without a value are a stratum of their own.
        balance : sequence of str, optional
            Tags whose means the arms shall have in common; by default the tags of the rule.
        salt : str
            Of the lot. Give every campaign its own, or the same customers are control again.
        salts : int
            How many draws are compared; the one with the smallest difference in `balance` wins.

        Returns
        -------
        Split

        Raises
        ------
        InvalidInput
            If shares do not sum to 1, an arm would hold nobody, a tag is unknown or of a type that
            cannot be used, or strata are as many as customers.

        Examples
        --------
        >>> import pandas as pd
        >>> from marketing_ds.audiences import audience
        >>> tags = pd.DataFrame({"customer_id": [f"c{n:04d}" for n in range(1000)],
        ...                      "age": [20 + n % 60 for n in range(1000)],
        ...                      "region": ["north", "south"] * 500})
        >>> drawn = audience(tags, "age >= 20").split(
        ...     {"control": 0.2, "coupon": 0.8}, stratify=["region"], salt="spring")
        >>> drawn.counts
               arm  share  customers
        0  control    0.2        200
        1   coupon    0.8        800
        >>> drawn.worst < 0.01
        True
        """
        from ._split import split

        return split(self, arms, stratify, balance, salt, salts)

    def __and__(self, other: Audience) -> Audience:
        return joined(self, other, "and")

    def __or__(self, other: Audience) -> Audience:
        return joined(self, other, "or")

    def __sub__(self, other: Audience) -> Audience:
        return joined(self, other, "minus")

    def __invert__(self) -> Audience:
        return Audience(self.base, None, {"everybody_but": self.how}, ~self.chosen, self.as_of)

    def publish(
        self,
        mart: Publisher,
        name: str,
        *,
        as_of: str | dt.date | None = None,
        channel: str | None = None,
        max_contacts: ContactCap | Sequence[ContactCap] = (),
        suppress: Mapping[str, object] | None = None,
    ) -> Publication:
        """Publish the customers as the segment `name`.

        With a channel the mart leaves out whom it must not be used for: customers who are unknown,
        suppressed, without consent to the channel, or in the universal control group. There is no
        way around that. The publication's `.report` says for every rule how many it removes, and
        how many no other rule would have removed.

        Parameters
        ----------
        mart : Mart
            Where to publish.
        name : str
            Name of the segment.
        as_of : date or str, optional
            The day of the tags that it was chosen by; needed unless the audience knows it.
        channel : str, optional
            The channel through which it will be contacted; without one the segment is not for
            contact.
        max_contacts : ContactCap or several, optional
            Leave out whoever had that many contacts already, counted up to `as_of`.
        suppress : mapping, optional
            Further lists to leave out: name → an audience, ids, or a table with `customer_id`.

        Raises
        ------
        InvalidInput, PublicationError
            If an argument breaks a rule, or the mart refuses.
        """
        from ._publisher import publish

        return publish(
            self,
            mart,
            name,
            as_of=as_of,
            channel=channel,
            max_contacts=max_contacts,
            suppress=suppress,
        )

    @property
    def text(self) -> str:
        """How it was made, in words."""
        return str(self.rule) if self.rule else describe(self.how)

    def __repr__(self) -> str:
        number, base = self.counts
        empty = ", empty: no customer fits" if number == 0 else ""
        return f"Audience({self.text}: {number:,} of {base:,} customers{empty})"

    def _repr_html_(self) -> str:
        number, base = self.counts
        share = f", {self.share:.2%} of {base:,}" if base else ""
        return (
            f"<p><b>Audience</b>: {number:,} customers{share}"
            f"{' (empty: no customer fits)' if number == 0 else ''}<br>"
            f"<code>{html.escape(self.text)}</code></p>"
        )


def _parts(rule: Rule) -> list[Rule]:
    """What a rule joins by `and`, at any depth."""
    return (
        [part for each in rule.rules for part in _parts(each)] if isinstance(rule, And) else [rule]
    )
