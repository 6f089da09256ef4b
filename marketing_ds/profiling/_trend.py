"""Trend: an audience's size and mix over several days, with alarms where it is not stable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_date, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson
from marketing_ds._core.stability import psi
from marketing_ds.audiences import Audience, audience
from marketing_ds.rules import Rule
from marketing_ds.tags import Tag, answered_tags, tag_table

from ._alarms import Alarm, Day, alarms_of
from ._cells import count_cells
from ._columns import LANGUAGES, Column, choose_columns, told_in, with_bins
from ._sides import ID, sides
from ._suppress import kept_of_list

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_USUAL = ("value_tier", "lifecycle")
_COLUMNS = [
    "as_of", "n", "n_base", "audience_share", "audience_share_ci_lower", "audience_share_ci_upper",
    "entered", "left", "stayed", "rel_change", "psi", "psi_first", "alarms",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trend(Result):
    """An audience over several days; made by `trend`.

    `.to_frame()` has one row a day: `as_of`, `n` customers of `n_base`, `audience_share` with its
    interval, customers who `entered` and `left` since the day before and who `stayed`, `rel_change`
    of the size, the largest PSI of a watched tag against the day before (`psi`) and against the
    first day (`psi_first`), and the `alarms` in words. `mix()` gives the shares of the watched
    tags, `.plot()` draws size, comings and goings, and alarms.

    Attributes
    ----------
    alarms : tuple of Alarm
        What is not stable, see `trend`.
    """

    rule: str
    tolerance: float
    alpha: float
    language: str
    alarms: tuple[Alarm, ...]
    rows: pd.DataFrame = field(repr=False)
    mixes: pd.DataFrame = field(repr=False)

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a day, the earliest first.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of the alarms; the result's own by default.
        """
        chosen = check_choice("language", language or self.language, LANGUAGES)
        words = [
            "; ".join(a.text(chosen) for a in self.alarms if a.as_of == day)
            for day in self.rows["as_of"]
        ]
        return self.rows.assign(alarms=words)[_COLUMNS]

    def mix(self, language: str | None = None) -> pd.DataFrame:
        """Shares of the watched tags' values: `as_of`, `tag`, `title`, `value`, `n`,
        `audience_share`; values with too few customers are not shown."""
        columns = ["as_of", "tag", "title", "value", "n", "audience_share"]
        return told_in(language or self.language, self.mixes, columns)


def trend(
    mart: Mart,
    rule: str | Mapping[str, Any] | Rule,
    dates: Sequence[str | dt.date],
    *,
    tags: Sequence[str | Tag] | None = None,
    tolerance: float = 0.2,
    min_count: int = 10,
    alpha: float = 0.05,
    language: str = "en",
) -> Trend:
    """Follow the audience of a rule over several days.

    Of each day only the tags that the rule and the watched mix need are computed.

    Parameters
    ----------
    mart : Mart
        The input tables, from `open_mart`.
    rule : str, dict or Rule
        Who is meant, on each day anew.
    dates : sequence of date or str
        At least two days; they are put in order.
    tags : sequence of str or Tag, optional
        Tags whose mix is watched: words, numbers (binned by the first day), dates, true or false.
        By default `value_tier` and `lifecycle`, as far as the mart has them. Tags of one's own that
        the rule names are handed in here, too.
    tolerance : float
        A change of size by this share is still expected.
    min_count : int
        Smallest number of customers of a value that is shown.
    alpha : float
        1 − level of the intervals.
    language : {"en", "zh"}
        Language of titles, values and alarms.

    Returns
    -------
    Trend

    Raises
    ------
    InvalidInput
        If there are fewer than two days, a day lies outside the data, the rule cannot be read, or a
        tag is unknown.

    Notes
    -----
    **Size.** The share's interval is Wilson's. The change from one day to the next has the interval
    of the ratio of two sizes of matched samples (Nam and Blackwelder 2002): it is as sure as few
    customers enter or leave. An alarm is raised where the whole interval lies beyond what is
    expected: more than `tolerance`, and more than three times the median of the earlier changes
    where there are at least three.

    **Mix.** PSI of each watched tag against the day before, and against the first day: from 0.1 the
    mix is to be watched, from 0.25 it is another one. No alarm is raised for a PSI that two samples
    of one mix would reach by chance with probability `alpha`: a small audience is never stable.

    **Empty.** A day without customers raises an alarm of its own.

    References
    ----------
    J. Nam and W. C. Blackwelder (2002), "Analysis of the ratio of marginal probabilities in a
    matched-pair setting", Statistics in Medicine 21, 689-699.

    Examples
    --------
    ::

        mart = mds.open_mart("data_samples")
        over = mds.trend(mart, "aum >= 50000", ["2026-04-30", "2026-05-31", "2026-06-30"])
        over.plot()
    """
    check_number("tolerance", tolerance, low=0)
    check_count("min_count", min_count, low=1)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("language", language, LANGUAGES)
    asked = _rule(rule)
    days = _days(dates)
    own = [tag for tag in tags or () if isinstance(tag, Tag)]
    watched = _watched(mart, days[0], tags)
    audiences = {day: _audience(mart, day, asked, watched, own) for day in days}
    counted = _count(audiences, watched, own)
    found = alarms_of(counted, tolerance, alpha)
    rows = _rows(counted, alpha)
    return Trend(str(asked), tolerance, alpha, language, found, rows, _mixes(counted, min_count))


def _rule(rule: object) -> Rule:
    if isinstance(rule, str):
        return Rule.parse(rule)
    if isinstance(rule, Mapping):
        return Rule.from_dict(rule)
    if isinstance(rule, Rule):
        return rule
    raise InvalidInput(
        f"rule must be rule text, a dict or a Rule, which says it for every day, got "
        f"{type(rule).__name__}"
    )


def _days(dates: object) -> list[dt.date]:
    if isinstance(dates, str) or not isinstance(dates, Sequence):
        raise InvalidInput(f"dates must be a list of days, got {dates!r}")
    days = sorted({check_date("dates", day) for day in dates})
    if len(days) < 2:
        raise InvalidInput(f"dates must hold at least two different days, got {len(days)}")
    return days


def _watched(mart: Mart, day: dt.date, tags: Sequence[str | Tag] | None) -> list[str]:
    """Names of the tags whose mix is watched."""
    if isinstance(tags, str):
        raise InvalidInput(f"tags must be a list of names, got the text {tags!r}")
    if tags is not None:
        return list(dict.fromkeys(t.name if isinstance(t, Tag) else t for t in tags))
    has = {tag.name for tag in answered_tags(mart, day)}
    return [name for name in _USUAL if name in has]


def _audience(
    mart: Mart, day: dt.date, rule: Rule, watched: Sequence[str], own: Sequence[Tag]
) -> Audience:
    """The audience of one day, from a tag table that has nothing but what is needed."""
    by_name = {tag.name: tag for tag in own}
    names = dict.fromkeys((*rule.tags, *watched))
    table = tag_table(mart, day, [by_name.get(name, name) for name in names])
    return audience(table, rule, as_of=day)


def _count(
    audiences: Mapping[dt.date, Audience], watched: Sequence[str], own: Sequence[Tag]
) -> list[Day]:
    """Sizes, comings and goings, and mixes of every day; bins are those of the first that has any."""
    by_name = {tag.name: tag for tag in own}
    columns: tuple[Column, ...] = ()
    days: list[Day] = []
    before = pd.Index([], dtype=object)
    for day, aud in audiences.items():
        ids = pd.Index(aud.ids().to_pyarrow()[ID].to_pylist(), dtype=object)
        mix = pd.DataFrame(columns=["tag", "cell", "n"])
        if len(ids) and watched:
            members = sides(aud, aud)
            if not columns:
                chosen = choose_columns(aud.base, [by_name.get(name, name) for name in watched])
                columns = with_bins(members, chosen, len(ids))
            cells = count_cells(members, columns, 1)
            mix = cells.rename(columns={"n_audience": "n"})[["tag", "cell", "n"]]
        stayed = int(ids.isin(before).sum())
        n_base = int(aud.base.count().to_pyarrow().as_py())
        days.append(Day(day, len(ids), n_base, stayed, mix, columns))
        before = ids
    return days


def _rows(days: Sequence[Day], alpha: float) -> pd.DataFrame:
    """One row a day."""
    n = np.array([day.n for day in days])
    base = np.array([day.n_base for day in days])
    earlier = np.append(np.nan, n[:-1])
    stayed = np.array([np.nan, *(day.stayed for day in days[1:])])
    lower, upper = wilson(n, base, alpha=alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(earlier > 0, n / earlier - 1.0, np.nan)
        share = n / base
    return pd.DataFrame(
        {
            "as_of": [day.as_of for day in days],
            "n": n,
            "n_base": base,
            "audience_share": share,
            "audience_share_ci_lower": lower,
            "audience_share_ci_upper": upper,
            "entered": pd.array(n - stayed, dtype="Int64"),
            "left": pd.array(earlier - stayed, dtype="Int64"),
            "stayed": pd.array(stayed, dtype="Int64"),
            "rel_change": change,
            "psi": [np.nan, *(_worst(a, b) for a, b in pairwise(days))],
            "psi_first": [np.nan, *(_worst(days[0], day) for day in days[1:])],
        }
    )


def _worst(before: Day, after: Day) -> float:
    """The largest PSI of a watched tag."""
    found = [psi(*before.beside(after, column.name)) for column in after.columns]
    return max((value for value in found if value == value), default=float("nan"))


def _mixes(days: Sequence[Day], least: int) -> pd.DataFrame:
    """Shares of the watched tags' values that may be shown."""
    rows = []
    for day in days:
        for column in day.columns:
            of_tag = day.mix[(day.mix["tag"] == column.name) & (day.mix["n"] >= least)]
            of_tag = of_tag.sort_values("cell", kind="stable")
            counts = of_tag[["n"]].to_numpy(dtype=np.int64)
            shown = of_tag[kept_of_list(counts, np.array([day.n]), least)]
            for cell, n in sorted(
                zip(shown["cell"], shown["n"], strict=True), key=lambda row: column.place(row[0])
            ):
                rows.append(
                    {
                        "as_of": day.as_of,
                        "tag": column.name,
                        **{f"title_{lang}": column.title(lang) for lang in LANGUAGES},
                        **{f"value_{lang}": column.label(cell, lang) for lang in LANGUAGES},
                        "n": n,
                        "audience_share": n / day.n,
                    }
                )
    names = [f"{word}_{lang}" for word in ("title", "value") for lang in LANGUAGES]
    return pd.DataFrame(rows, columns=["as_of", "tag", *names, "n", "audience_share"])
