"""Interactions of many campaigns, corrected for their number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_date, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference import adjust
from marketing_ds.evaluation.measures import Measure

from .interactions import campaign_interactions
from .pairs import cell_sizes

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_SHOWN = ("metric", "first_arm", "second_arm")
_OUT = ("interaction", "interaction_ci_lower", "interaction_ci_upper", "p_value")


@dataclass(frozen=True)
class InteractionMatrix(Result):
    """Interactions of pairs of campaigns; see `interaction_matrix`.

    Attributes
    ----------
    campaigns : tuple of str
        Those that were looked at.
    skipped : pandas.DataFrame
        Pairs that share too few customers: first, second, n_smallest (of the smallest pair of
        arms).
    alpha : float
        1 − confidence of the intervals.
    """

    campaigns: tuple[str, ...]
    skipped: pd.DataFrame = field(repr=False)
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    @property
    def verdict(self) -> str:
        """One sentence on all pairs."""
        pairs = len(self._frame.drop_duplicates(["first", "second"]))
        if not pairs:
            return "No two campaigns share enough customers to tell whether they change each other"
        sure = self._frame[(self._frame["p_adjusted"] < self.alpha) & ~self._frame["blocked"]]
        touching = sure.drop_duplicates(["first", "second"])
        if touching.empty:
            return f"In {pairs} pairs of campaigns no change of each other's effect could be shown"
        named = ", ".join(f"{r['first']} × {r['second']}" for r in touching.to_dict("records"))
        return f"{len(touching)} of {pairs} pairs of campaigns change each other's effect: {named}"

    def to_frame(self) -> pd.DataFrame:
        """One row per pair of campaigns, metric and pair of arms."""
        return self._frame.copy()

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.verdict)


def interaction_matrix(
    mart: Mart,
    campaigns: Sequence[str] | None = None,
    metrics: Sequence[str | Measure] | None = None,
    *,
    overlapping: bool = True,
    at_least: int = 30,
    as_of: str | dt.date | None = None,
    alpha: float = 0.05,
    correction: Literal["holm", "bh"] | None = "holm",
) -> InteractionMatrix:
    """Interactions of every pair of campaigns, with p-values adjusted for all of them.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaigns : sequence of str, optional
        By default every randomised campaign that started by `as_of`.
    metrics : sequence of str or Measure, optional
        As in `campaign_interactions`.
    overlapping : bool
        Only pairs whose windows (from the first day of contact to the end of attribution) overlap;
        False looks for what is left of an earlier campaign, too.
    at_least : int
        Customers in the smallest pair of arms; pairs of campaigns with fewer are skipped.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    alpha, correction
        As in `campaign_interactions`; over all rows of all pairs.

    Returns
    -------
    InteractionMatrix
        `.to_frame()`: first, second, metric, first_arm, second_arm, n_smallest, interaction with
        its interval, p_value, p_adjusted, blocked (a check of the pair failed).

    Raises
    ------
    InvalidInput
        If fewer than two campaigns are left.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = interaction_matrix(mart, ["K01", "K05", "K06"], ["converted"], overlapping=False)
    >>> found.verdict
    "In 3 pairs of campaigns no change of each other's effect could be shown"
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    at_least = check_count("at_least", at_least, low=2)
    if correction is not None:
        check_choice("correction", correction, ("holm", "bh"))
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    chosen = _chosen(mart, campaigns, day)
    parts, skipped = [], []
    for first, second in combinations(chosen, 2):
        if overlapping and not _overlap(chosen[first], chosen[second]):
            continue
        sizes = cell_sizes(mart, first, second, day)
        smallest = min((size.customers for size in sizes.values()), default=0)
        if smallest < at_least:
            skipped.append((first, second, smallest))
            continue
        pair = campaign_interactions(mart, first, second, metrics, as_of=day, alpha=alpha)
        rows = pair.to_frame()
        cells = rows[["n_neither", "n_first", "n_second", "n_both"]]
        rows = rows[[*_SHOWN, *_OUT]].assign(blocked=pair.blocked)
        rows.insert(0, "first", first)
        rows.insert(1, "second", second)
        rows.insert(5, "n_smallest", cells.min(axis=1))
        parts.append(rows)
    columns = ["first", "second", *_SHOWN, "n_smallest", *_OUT, "blocked"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    adjusted = adjust(frame["p_value"].to_numpy(float), correction)
    frame.insert(list(frame.columns).index("p_value") + 1, "p_adjusted", adjusted)
    left_out = pd.DataFrame(skipped, columns=["first", "second", "n_smallest"])
    return InteractionMatrix(tuple(chosen), left_out, alpha, frame)


def _chosen(
    mart: Mart, campaigns: Sequence[str] | None, day: dt.date
) -> dict[str, tuple[dt.date, dt.date]]:
    """Campaign → first and last day of its window, in the order of time."""
    if isinstance(campaigns, str):
        raise InvalidInput(f"campaigns must be a list of ids, got {campaigns!r}")
    rows = mart["campaigns"].select(
        "campaign_id", "starts_on", "ends_on", "attribution_days", "randomised"
    )
    known = {
        row["campaign_id"]: (
            row["starts_on"],
            row["ends_on"] + dt.timedelta(days=row["attribution_days"]),
        )
        for row in rows.order_by("starts_on", "campaign_id").to_pyarrow().to_pylist()
        if (row["randomised"] and row["starts_on"] <= day)
        or (campaigns is not None and row["campaign_id"] in campaigns)
    }
    unknown = [name for name in campaigns or () if name not in known]
    if unknown:
        raise InvalidInput(
            f"campaigns must be the mart's ({', '.join(known) or 'it has none'}), got {unknown[0]!r}"
        )
    chosen = {name: window for name, window in known.items() if not campaigns or name in campaigns}
    if len(chosen) < 2:
        raise InvalidInput(
            f"campaigns must be two or more by {day}, got {', '.join(chosen) or 'none'}"
        )
    return chosen


def _overlap(first: tuple[dt.date, dt.date], second: tuple[dt.date, dt.date]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]
