"""The widened audience: who was found, how close they are, and what can be done with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.scores import scores_frame

from . import inputs
from .limits import ranks_of

if TYPE_CHECKING:
    from .explaining.proxies import Skew
    from .holdout import Holdout

_CLOSE = 0.5
"""Closeness of anybody."""


@dataclass(frozen=True, eq=False)
class Expansion(Result):
    """Customers found by a look-alike, the first choice first; made by `Lookalike.expand`.

    Attributes
    ----------
    n_candidates : int
        Customers who could have been chosen.
    n_seeds : int
        Seeds of the model.
    seeds_included : bool
        Whether seeds could be chosen.
    model_version : str
        Of the model that chose.
    n_unranked : int
        Candidates left out since `rank_by` has no score of them.
    """

    frame: pd.DataFrame = field(repr=False)
    n_candidates: int
    n_seeds: int
    seeds_included: bool
    model_version: str
    n_unranked: int = 0
    tags: tuple[str, ...] = field(repr=False, default=())
    """Tags that closeness was measured by."""
    candidates: Any = field(repr=False, default=None)
    """The table they were chosen from, seeds not taken out."""
    seeds: NDArray[Any] = field(repr=False, default_factory=lambda: np.empty(0, dtype=object))
    scored: float = 1.0
    """Share of the candidates that were scored exactly; the others a screen held back."""
    recall: float = 1.0
    """Share of the closest candidates that was found: 1 if everybody was scored, else estimated."""

    @property
    def size(self) -> int:
        """Customers found."""
        return len(self.frame)

    @property
    def min_score(self) -> float:
        """Closeness of the farthest customer found; NaN if nobody was."""
        return float(self.frame["score"].min()) if len(self.frame) else float("nan")

    @property
    def how(self) -> dict[str, Any]:
        """How it was made, as JSON; tells it from known customers wherever it goes."""
        return {"lookalike": self.model_version, "found": self.size, "seeds": self.n_seeds}

    def ids(self) -> list[str]:
        """Ids of the customers found, the first choice first."""
        return self.frame["customer_id"].tolist()

    def to_frame(self) -> pd.DataFrame:
        """One row a customer: `customer_id`, `score` (closeness, 0 to 1) and, where they were
        ranked by something else, its `value`; the first choice first.
        """
        return self.frame.copy()

    def scores(self, as_of: dt.date | str) -> pd.DataFrame:
        """The customers found as the scores table, kind ``lookalike``; `score` is the closeness.

        Parameters
        ----------
        as_of : date or ISO text
            Day of the tags.
        """
        return scores_frame(
            self.frame["customer_id"],
            as_of=as_of,
            kind="lookalike",
            score=self.frame["score"].to_numpy(),
            model_version=self.model_version,
        )

    def audience(self, tags: Any, *, as_of: dt.date | str | None = None) -> Audience:
        """The customers found as an audience, ready to be split and published.

        The audience knows where it comes from: `Lookalike.fit` refuses it as seeds.

        Parameters
        ----------
        tags : ibis.Table or pandas.DataFrame
            Tag table that holds everybody who was found.
        as_of : date or str, optional
            The day of the tags.
        """
        return marked_audience(tags, self.ids(), self.how, as_of)

    def holdout(self, size: int | None = None, *, salt: str = "holdout") -> Holdout:
        """Draw a random hold-out from the candidates, to learn later whether choosing them paid.

        Parameters
        ----------
        size : int, optional
            Customers of the hold-out; as many as were found by default.
        salt : str, default "holdout"
            Of the lot: the same candidates, size and salt give the same hold-out on any engine.

        Returns
        -------
        Holdout
            Arms ``lookalike`` (found, and not drawn) and ``control`` (drawn).

        Raises
        ------
        InvalidInput
            If the hold-out would take every candidate, or nobody found would be left.
        """
        from .holdout import draw_holdout

        return draw_holdout(self, size, salt)

    def skew(
        self,
        frame: Any = None,
        *,
        tags: Sequence[str] | None = None,
        min_tgi: float = 80.0,
        alpha: float = 0.05,
    ) -> Skew:
        """Whether the choice skews by sensitive tags although they were not used.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table, optional
            The candidates with sensitive tags; the table they were chosen from by default.
        tags : sequence of str, optional
            Sensitive tags; by default those that the catalogue calls so.
        min_tgi : float, default 80
            A level is skewed where its share among the found is surely below `min_tgi` percent of
            its share among the candidates, or above 100² / `min_tgi` percent.
        alpha : float, default 0.05
            Of the intervals, and of the p-values adjusted over all levels.

        Returns
        -------
        Skew

        Raises
        ------
        InvalidInput
            If there is no sensitive tag, or the frame lacks customers who were found.

        Warns
        -----
        SkewWarning
            If a level is skewed.
        """
        from .explaining.proxies import skew_of

        return skew_of(self, frame, tags, min_tgi, alpha)

    def _repr_html_(self) -> str:
        # A page that is passed on must not list single customers.
        unranked = f", {self.n_unranked:,} without a value left out" if self.n_unranked else ""
        return (
            f"<p><b>Expansion</b>: {self.size:,} of {self.n_candidates:,} candidates, "
            f"closeness at least {self.min_score:.3f}{unranked}</p>"
        )


def marked_audience(
    tags: Any, ids: Sequence[str], how: Mapping[str, Any], as_of: dt.date | str | None
) -> Audience:
    """An audience of `ids` that remembers it was found by a look-alike."""
    made = audience(tags, list(ids), as_of=as_of)
    return replace(made, how={**made.how, **how})


@dataclass(frozen=True)
class Limit:
    """How many are chosen, how close they must be, and by what they are ranked."""

    size: int | None
    share: float | None
    min_score: float | None
    ranks: pd.Series | None

    @classmethod
    def checked(
        cls, size: int | None, min_score: float | None, share: float | None, rank_by: Any
    ) -> Limit:
        """The limits of `expand`, checked.

        Raises
        ------
        InvalidInput
            If not exactly one limit is given (beside `min_score` with `rank_by`), or one is out
            of range.
        """
        counts = [name for name, value in (("size", size), ("share", share)) if value is not None]
        given = counts + ["min_score"] * (min_score is not None and rank_by is None)
        if len(given) > 1 or not (counts or min_score is not None):
            raise InvalidInput(
                f"expand must be given exactly one of size, min_score and share (with rank_by, "
                f"min_score may go with size or share), got {' and '.join(given) or 'none'}"
            )
        if size is not None:
            check_count("size", size, low=1)
        if min_score is not None:
            check_number("min_score", min_score, low=0, high=1)
        if share is not None:
            check_number("share", share, low=0, high=1)
        if rank_by is None:
            return cls(size, share, min_score, None)
        return cls(size, share, _CLOSE if min_score is None else min_score, ranks_of(rank_by))


class Choice:
    """Takes scored candidates batch by batch, keeps no more of them than may be chosen."""

    def __init__(self, limit: Limit, left_out: frozenset[str]) -> None:
        self._limit, self._left_out = limit, left_out
        self._by = "score" if limit.ranks is None else "value"
        self._kept: list[pd.DataFrame] = []
        self._waiting = self._eligible = self.n_candidates = self.n_unranked = 0

    def add(self, ids: NDArray[Any], score: NDArray[np.float64], *, held_back: int = 0) -> None:
        """Consider a batch of customers with their closeness; `held_back` others need no look."""
        allowed = ~inputs.is_in(ids, self._left_out)
        self.n_candidates += int(allowed.sum()) + held_back
        part = pd.DataFrame({"customer_id": ids[allowed], "score": score[allowed]})
        if self._limit.ranks is not None:
            value = self._limit.ranks.reindex(part["customer_id"]).to_numpy()
            self.n_unranked += int(np.isnan(value).sum())
            part = part.assign(value=value)[~np.isnan(value)]
        if self._limit.min_score is not None:
            part = part[part["score"] >= self._limit.min_score]
        self._eligible += len(part)
        self._kept.append(part)
        self._waiting += len(part)
        size = self._limit.size
        if size is not None and self._waiting > 4 * size + 100_000:
            self._kept = [closest(pd.concat(self._kept), size, by=self._by)]
            self._waiting = size

    @property
    def enough(self) -> bool:
        """Whether as many were considered as are to be chosen."""
        return (self._wanted or 0) <= self._eligible

    @property
    def _wanted(self) -> int | None:
        share = self._limit.share
        return self._limit.size if share is None else round(share * self.n_candidates)

    def chosen(self) -> pd.DataFrame:
        """Who is chosen, the first choice first.

        Raises
        ------
        InvalidInput
            If there are too few, or a customer comes twice.
        """
        wanted = self._wanted
        if wanted is not None and wanted > self._eligible:
            raise InvalidInput(
                f"size must be at most the number of candidates{self._narrowed()}, "
                f"{self._eligible:,}, got {wanted:,}"
            )
        empty = pd.DataFrame(columns=list(dict.fromkeys(["customer_id", "score", self._by])))
        found = pd.concat(self._kept) if self._kept else empty
        chosen = closest(found, len(found) if wanted is None else wanted, by=self._by)
        inputs.refuse_duplicates(chosen["customer_id"].to_numpy(dtype=object))
        return chosen.astype({"customer_id": "str", "score": "float64"})

    def _narrowed(self) -> str:
        if self._limit.ranks is None:
            return ""
        return f" with a value in rank_by and a closeness of at least {self._limit.min_score:g}"


def closest(frame: pd.DataFrame, size: int, *, by: str = "score") -> pd.DataFrame:
    """The `size` rows of highest `by`, in that order; equals by closeness, then by id."""
    values = frame[by].to_numpy()
    if size < len(values):
        # Everything tied with the last one stays until the ids have decided.
        limit = np.partition(values, len(values) - size)[len(values) - size] if size else np.inf
        frame = frame[values >= limit]
    order = list(dict.fromkeys([by, "score", "customer_id"]))
    ordered = frame.sort_values(order, ascending=[name == "customer_id" for name in order])
    return ordered.head(size).reset_index(drop=True)
