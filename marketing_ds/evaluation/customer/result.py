"""What the customer analysis found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result, frame_html
from marketing_ds.profiling import Migration, told_in

from .flows import ALL_ARMS
from .who import TOLD

Evidence = Literal["randomised", "difference_in_differences", "descriptive"]
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, eq=False)
class CustomerAnalysis(Result):
    """Who the customers of a campaign or audience are, and what became of them.

    Made by `analyze_customers`. `.to_frame()` has the changes; `who()`, `flows()` and
    `migration(tag)` the rest; `.plot(what="who" | "responders" | "flows" | "changes")` draws.

    Attributes
    ----------
    subject : str
        The campaign's name, or how the audience was chosen.
    campaign_id : str or None
    before, after, as_of : date
        The days that are compared, and the day whose knowledge was used.
    evidence : {"randomised", "difference_in_differences", "descriptive"}
        What the column `effect` is worth: arms drawn at random; a control that was not, so that
        only changes are compared; no control, so that there are no effects at all.
    blocked : bool
        Whether a failed check of the arms forbids a verdict.
    sizes : mapping
        Customers by arm, control first; of an audience by the one name ``audience``.
    base_count, reached_count, responder_count : int
        All customers of the day before; those of the campaign who were reached, and responded.
    notes : tuple of str
        What the mart could not tell: ``no_holdings``, ``no_snapshot_after``, ``no_transactions``,
        ``no_events``, ``no_outcome``, ``no_responders``, ``window_open``, ``opened_late``.
    """

    subject: str
    campaign_id: str | None
    before: dt.date
    after: dt.date
    as_of: dt.date
    evidence: Evidence
    blocked: bool
    sizes: Mapping[str, int]
    base_count: int
    reached_count: int
    responder_count: int
    alpha: float
    notes: tuple[str, ...]
    _who: pd.DataFrame = field(repr=False)
    _flows: pd.DataFrame = field(repr=False)
    _changes: pd.DataFrame = field(repr=False)
    _migrations: Mapping[tuple[str, str], Migration] = field(repr=False)

    def to_frame(self, language: str = "en") -> pd.DataFrame:
        """One row a measure and arm: means before and after, change, and effect against control.

        Parameters
        ----------
        language : {"en", "zh"}
            Language of the titles.
        """
        return _told(self._changes, language, ("title",))

    def who(self, language: str = "en") -> pd.DataFrame:
        """One row a group and value of a fact: customers, shares, TGI, each with its interval.

        `group` is ``all`` (everybody of the campaign or audience against all customers) or
        ``responders`` (against those reached; `rate_share` is the response rate).
        """
        return _told(self._who, language, TOLD)

    def flows(self, language: str = "en") -> pd.DataFrame:
        """One row a flow and arm: who moved of those who could, and the effect against control."""
        return _told(self._flows, language, ("title",))

    def migration(self, tag: str = "lifecycle", arm: str = ALL_ARMS) -> Migration:
        """How customers moved between the values of a tag from before to after.

        Parameters
        ----------
        tag : {"lifecycle", "value_tier"}
            What is followed.
        arm : str
            One arm; everybody by default.

        Raises
        ------
        InvalidInput
            If there is no such arm, or the mart could not tell.
        """
        check_choice("tag", tag, tuple(dict.fromkeys(t for t, _ in self._migrations)))
        check_choice("arm", arm, tuple(a for t, a in self._migrations if t == tag))
        return self._migrations[tag, arm]

    @property
    def migrating(self) -> tuple[str, ...]:
        """The tags that `migration` knows."""
        return tuple(dict.fromkeys(tag for tag, _ in self._migrations))

    def _repr_html_(self) -> str:
        title = f"{self.subject}: {self.before} to {self.after} ({self.evidence.replace('_', ' ')})"
        return frame_html(self.to_frame(), title=title)


def _told(frame: pd.DataFrame, language: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """`frame` with the columns that there are once a language in one of them."""
    chosen = check_choice("language", language, LANGUAGES)
    twice = {f"{name}_{one}" for name in columns for one in LANGUAGES}
    names = dict.fromkeys(
        name.rpartition("_")[0] if name in twice else name for name in frame.columns
    )
    return told_in(chosen, frame, list(names))
