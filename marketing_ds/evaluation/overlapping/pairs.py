"""Customers of two campaigns at once, with what they did in each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.evaluation.analysis_table import campaign_data
from marketing_ds.evaluation.measures import Measure
from marketing_ds.outcomes import Campaign, beside, campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import midnight_after
from marketing_ds.tags import tag_table

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

BESIDE = " + "
"""Between the arms of the two campaigns in the name of a cell."""
_NOT_OUTCOMES = ("customer_id", "arm", "probability", "assigned_at")


def cell(first: str, second: str) -> str:
    """The name of the customers with this arm of the first and that of the second campaign."""
    return f"{first}{BESIDE}{second}"


NEITHER = cell(CONTROL, CONTROL)


@dataclass(frozen=True)
class Pair:
    """The customers of two campaigns.

    Attributes
    ----------
    table : ibis.Table
        One row a customer of both: customer_id, cell (see `cell`), first_arm, second_arm,
        probability of the cell where both are known, outcomes named ``<campaign>.<outcome>``,
        covariates.
    outcomes : tuple of str
        Columns of the outcomes.
    probability : str or None
        Its column, if the draws' chances are known.
    """

    first: Campaign
    second: Campaign
    table: ir.Table
    outcomes: tuple[str, ...]
    probability: str | None

    @property
    def cells(self) -> tuple[str, ...]:
        """All combinations of arms, control of both first."""
        return tuple(cell(a, b) for a in self.first.arms for b in self.second.arms)


def pair_of(
    mart: Mart,
    first: str,
    second: str,
    metrics: Sequence[str | Measure] | None,
    covariates: Sequence[str],
    as_of: dt.date | None,
) -> Pair:
    """The customers whom both campaigns drew for.

    Raises
    ------
    InvalidInput
        If it is one campaign twice, one was not randomised or lacks control, a pair of arms has
        fewer than 2 customers, or a metric is in neither.
    """
    if first == second:
        raise InvalidInput(f"first and second must be two campaigns, got {first!r} twice")
    campaigns = tuple(campaign(mart, name) for name in (first, second))
    for which in campaigns:
        _check_arms(which)
    sizes = cell_sizes(mart, first, second, as_of)
    _check_sizes(campaigns, sizes)
    measures = [metric for metric in metrics or () if isinstance(metric, Measure)]
    tables = [campaign_data(mart, name, measures, as_of=as_of) for name in (first, second)]
    names = _names(metrics, campaigns, tables)
    parts = [_part(table, which, names) for table, which in zip(tables, campaigns, strict=True)]
    left, right = parts[0], parts[1].rename(_customer="customer_id")
    joined = left.inner_join(right, left.customer_id == right["_customer"]).drop("_customer")
    known = joined.mutate(
        cell=joined[f"{first}.arm"] + BESIDE + joined[f"{second}.arm"],
        first_arm=joined[f"{first}.arm"],
        second_arm=joined[f"{second}.arm"],
        probability=joined[f"{first}.probability"] * joined[f"{second}.probability"],
    )
    outcomes = tuple(
        f"{which.campaign_id}.{name}"
        for table, which in zip(tables, campaigns, strict=True)
        for name in names
        if name in table.columns
    )
    table = known.select("customer_id", "cell", "first_arm", "second_arm", "probability", *outcomes)
    if covariates:
        day = min(which.features_as_of for which in campaigns)
        table = _with_covariates(mart, table, covariates, day)
    probability = "probability" if any(size.chances for size in sizes.values()) else None
    return Pair(campaigns[0], campaigns[1], table, outcomes, probability)


@dataclass(frozen=True)
class CellSize:
    """How many customers a cell has, and of how many both chances are known."""

    customers: int
    chances: int


def cell_sizes(
    mart: Mart, first: str, second: str, as_of: dt.date | None
) -> dict[tuple[str, str], CellSize]:
    """Arms of the two campaigns → customers, from the assignments alone; 0 where nobody is."""
    rows = mart["assignments"]
    if as_of is not None:
        end = midnight_after(as_of)
        rows = rows.filter(rows.assigned_at < end)
    one = rows.filter(rows.campaign_id == first).select("customer_id", "arm", "probability")
    two = rows.filter(rows.campaign_id == second)
    two = two.select(_id="customer_id", _arm="arm", _probability="probability")
    both = one.inner_join(two, one.customer_id == two["_id"])
    chances = (both.probability * both["_probability"]).count()
    asked = both.group_by(["arm", "_arm"]).aggregate(n=both.count(), chances=chances)
    found = {
        (row["arm"], row["_arm"]): CellSize(row["n"], row["chances"])
        for row in asked.to_pyarrow().to_pylist()
    }
    ours, theirs = ({pair[side] for pair in found} for side in (0, 1))
    nobody = CellSize(0, 0)
    return {(a, b): found.get((a, b), nobody) for a in sorted(ours) for b in sorted(theirs)}


def _check_sizes(pair: Sequence[Campaign], sizes: Mapping[tuple[str, str], CellSize]) -> None:
    """Every arm of the one with every arm of the other has customers."""
    first, second = (which.campaign_id for which in pair)
    if not sizes:
        raise InvalidInput(f"campaigns {first!r} and {second!r} must share customers, got none")
    for a in pair[0].arms:
        for b in pair[1].arms:
            n = sizes[a, b].customers if (a, b) in sizes else 0
            if n < 2:
                raise InvalidInput(
                    f"campaigns {first!r} and {second!r} must share at least 2 customers in every "
                    f"pair of arms, got {n} in {cell(a, b)!r}"
                )


def _check_arms(which: Campaign) -> None:
    if not which.randomised:
        raise InvalidInput(
            f"campaigns must be randomised, got {which.campaign_id!r}, which is not; what it "
            "changed is a question for the methods without a draw"
        )
    if CONTROL not in which.arms or len(which.arms) < 2:
        raise InvalidInput(
            f"campaigns must have {CONTROL!r} and another arm, got {which.campaign_id!r} with "
            f"{', '.join(map(repr, which.arms)) or 'none'}"
        )


def _names(
    metrics: Sequence[str | Measure] | None,
    campaigns: Sequence[Campaign],
    tables: Sequence[ir.Table],
) -> list[str]:
    """Outcomes to be compared: by default what each campaign is judged by."""
    if isinstance(metrics, str):
        raise InvalidInput(f"metrics must be a list of outcomes, got {metrics!r}")
    have = {name for table in tables for name in table.columns if name not in _NOT_OUTCOMES}
    asked = [which.objective for which in campaigns] if metrics is None else list(metrics)
    names = list(dict.fromkeys(m.name if isinstance(m, Measure) else m for m in asked))
    for name in names:
        if name not in have:
            raise InvalidInput(
                f"metrics must be outcomes of the campaigns ({', '.join(sorted(have))}), got "
                f"{name!r}{did_you_mean(name, have)}"
            )
    if not names:
        raise InvalidInput("metrics must name at least one outcome, got none")
    return names


def _part(table: ir.Table, which: Campaign, names: Sequence[str]) -> ir.Table:
    there = [name for name in names if name in table.columns]
    renamed = {
        f"{which.campaign_id}.{name}": table[name] for name in (*there, "arm", "probability")
    }
    return table.select("customer_id", **renamed)


def _with_covariates(
    mart: Mart, table: ir.Table, covariates: Sequence[str], day: dt.date
) -> ir.Table:
    return beside(table, tag_table(mart, day, tags=list(covariates)), zero=True)
