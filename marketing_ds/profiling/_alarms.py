"""Stability alarms: what of an audience changed more than it should between two days."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.estimate import normal_quantile
from marketing_ds._core.stability import ALARM_PSI, WATCH_PSI, psi, psi_by_chance

from ._columns import Column

_TIMES = 3.0
_HISTORY = 3
"""Earlier changes from which it is known what is usual; three times their median is still so."""
_WORDS = {
    "en": {
        "size": "size changed by {value:+.0%}, beyond the {limit:.0%} expected",
        "empty": "nobody is in the audience",
        "watch": "mix of {tag} is shifting (PSI {value:.2f} against {since})",
        "mix": "mix of {tag} has changed (PSI {value:.2f} against {since})",
    },
    "zh": {
        "size": "规模变动 {value:+.0%}，超出预期的 {limit:.0%}",
        "empty": "客群中没有客户",
        "watch": "{tag}的构成正在偏移（相对 {since} 的 PSI 为 {value:.2f}）",
        "mix": "{tag}的构成已改变（相对 {since} 的 PSI 为 {value:.2f}）",
    },
}


@dataclass(frozen=True)
class Alarm:
    """One thing that is not stable on a day.

    Attributes
    ----------
    as_of : date
        The day.
    kind : {"size", "empty", "watch", "mix"}
        The size changed beyond expectation; nobody is there; the mix by a tag shifts (PSI from 0.1),
        or is another one (from 0.25).
    value, limit : float
        The relative change, or the PSI, and what it exceeds.
    since : date
        The day that it is compared with.
    tag : str or None
        The tag of the mix.
    """

    as_of: dt.date
    kind: Literal["size", "empty", "watch", "mix"]
    value: float
    limit: float
    since: dt.date
    tag: str | None = None
    titles: tuple[str, str] = ("", "")

    def text(self, language: str = "en") -> str:
        """The alarm in words."""
        title = self.titles[0] if language == "en" else self.titles[1]
        return _WORDS[language][self.kind].format(
            value=self.value, limit=self.limit, since=self.since, tag=title
        )


@dataclass(frozen=True, eq=False)
class Day:
    """What was counted of an audience on one day."""

    as_of: dt.date
    n: int
    n_base: int
    stayed: int
    """Of the customers of the day before."""
    mix: pd.DataFrame = field(repr=False)
    """Customers by value of the watched tags: `tag`, `cell`, `n`."""
    columns: tuple[Column, ...] = field(repr=False)

    def beside(self, later: Day, tag: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Customers by value of a tag on both days, over the values of either."""
        of_tag = [day.mix[day.mix["tag"] == tag] for day in (self, later)]
        first, second = (dict(zip(rows["cell"], rows["n"], strict=True)) for rows in of_tag)
        cells = dict.fromkeys([*first, *second])
        one, other = (np.array([n.get(c, 0) for c in cells], dtype=float) for n in (first, second))
        return one, other


def alarms_of(days: Sequence[Day], tolerance: float, alpha: float) -> tuple[Alarm, ...]:
    """The alarms of every day, the earliest first."""
    found: list[Alarm] = []
    changes: list[float] = []
    for before, day in pairwise(days):
        if day.n == 0:
            found.append(Alarm(day.as_of, "empty", 0.0, 0.0, before.as_of))
            continue
        if before.n:
            limit = _expected(changes, tolerance)
            found += _of_size(before, day, limit, alpha)
            changes.append(abs(math.log(day.n / before.n)))
        for column in day.columns:
            since = dict.fromkeys(earlier for earlier in (before, days[0]) if earlier.n)
            worst = max(
                (_of_mix(earlier, day, column, alpha) for earlier in since),
                key=lambda alarm: alarm.value if alarm else 0.0,
                default=None,
            )
            found += [worst] if worst else []
    if days and days[0].n == 0:
        found.insert(0, Alarm(days[0].as_of, "empty", 0.0, 0.0, days[0].as_of))
    return tuple(found)


def _expected(changes: Sequence[float], tolerance: float) -> float:
    """The relative change that is still expected."""
    usual = _TIMES * float(np.median(changes)) if len(changes) >= _HISTORY else 0.0
    return max(tolerance, math.expm1(usual))


def _of_size(before: Day, day: Day, limit: float, alpha: float) -> list[Alarm]:
    """An alarm if the interval of the change lies beyond ± `limit`, as ratios."""
    log_change = math.log(day.n / before.n)
    moved = before.n + day.n - 2 * day.stayed
    half = normal_quantile(alpha) * math.sqrt(moved / (before.n * day.n))
    if abs(log_change) - half <= math.log1p(limit):
        return []
    return [Alarm(day.as_of, "size", math.expm1(log_change), limit, before.as_of)]


def _of_mix(before: Day, day: Day, column: Column, alpha: float) -> Alarm | None:
    """An alarm if the PSI of a tag is large, and larger than chance makes it."""
    first, second = before.beside(day, column.name)
    value = psi(first, second)
    chance = psi_by_chance(before.n, day.n, len(first), alpha)
    if value < WATCH_PSI or value <= chance:
        return None
    kind: Literal["mix", "watch"] = "mix" if value >= ALARM_PSI else "watch"
    limit = ALARM_PSI if kind == "mix" else WATCH_PSI
    titles = (column.title("en"), column.title("zh"))
    return Alarm(day.as_of, kind, value, limit, before.as_of, column.name, titles)
