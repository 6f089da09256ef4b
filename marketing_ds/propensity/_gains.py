"""The gains table: what the top shares of customers hold, each number with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ._ranking import Cut, Ranking
from ._sample import Floats, share_estimate

SHARES = np.append([0.01, 0.02], np.append(np.arange(1, 20) / 20, 1.0))


def gains_table(ranking: Ranking, alpha: float) -> pd.DataFrame:
    """One row a top share: captured share of the positives, lift, rate, and the score it ends at."""
    cut = ranking.cut(SHARES)
    errors = _errors if ranking.sample.unit is None else _clustered_errors
    captured_error, rate_error = errors(ranking, cut)
    base, positives = ranking.sample.rate, ranking.sample.class_size(1)
    rows = []
    for i, share in enumerate(SHARES):
        found = float(cut.captured[i])
        captured = share_estimate(found, captured_error[i], positives, alpha)
        rate = share_estimate(found * base / share, rate_error[i], positives / base * share, alpha)
        ends = found, captured.ci_lower, captured.ci_upper
        lift = (end / share for end in ends)
        rates = rate.value, rate.ci_lower, rate.ci_upper
        rows.append([share, *ends, *lift, *rates, cut.score[i]])
    names = ["captured_share", "lift", "rate_share"]
    columns = [f"{name}{end}" for name in names for end in ("", "_ci_lower", "_ci_upper")]
    return pd.DataFrame(rows, columns=["share", *columns, "least_probability"])


def _errors(ranking: Ranking, cut: Cut) -> tuple[Floats, Floats]:
    """Standard errors of the captured shares and of the rates, of rows that are independent.

    A row's influence depends on its label and on whether it lies above, in or below the group at the
    cut (see `Ranking.captured`): six kinds, whose squared weights are running sums.
    """
    sample, base = ranking.sample, ranking.sample.rate
    first, last = np.array([ranking.bounds(int(group)) for group in cut.group]).T
    of_captured, of_rate = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    for label in (1.0, 0.0):
        squares = np.append(0.0, np.cumsum(np.where(sample.truth == label, sample.w**2, 0.0)))
        above, below = squares[first], squares[-1] - squares[last]
        kinds = ((above, 1.0), (squares[last] - above, cut.part), (below, 0.0))
        for weight, taken in kinds:
            moved = cut.rate * (taken - SHARES)
            of_captured += weight * (label * (taken - cut.captured) - moved) ** 2
            of_rate += weight * (label * taken - cut.captured * base - moved) ** 2
    scale = np.sqrt(sample.units / (sample.units - 1)) / sample.weight
    return scale * np.sqrt(of_captured) / base, scale * np.sqrt(of_rate) / SHARES


def _clustered_errors(ranking: Ranking, cut: Cut) -> tuple[Floats, Floats]:
    """The same where a customer has several rows: each cut adds the rows since the last one."""
    sample, base = ranking.sample, ranking.sample.rate
    unit = np.asarray(sample.unit)

    def reached(start: int, end: int) -> tuple[Floats, Floats]:
        rows = slice(start, end)
        one = np.bincount(unit[rows], (sample.w * sample.truth)[rows], minlength=sample.units)
        every = np.bincount(unit[rows], sample.w[rows], minlength=sample.units)
        return one.astype(np.float64, copy=False), every.astype(np.float64, copy=False)

    every_one, every = reached(0, len(unit))
    one, some, done = np.zeros(sample.units), np.zeros(sample.units), 0
    errors = np.zeros((2, len(SHARES)))
    for i, share in enumerate(SHARES):
        first, last = ranking.bounds(int(cut.group[i]))
        more = reached(done, first)
        one, some, done = one + more[0], some + more[1], first
        in_group = reached(first, last)
        taken_one, taken = one + cut.part[i] * in_group[0], some + cut.part[i] * in_group[1]
        moved = cut.rate[i] * (taken - share * every)
        of_captured = taken_one - cut.captured[i] * every_one - moved
        of_rate = taken_one - cut.captured[i] * base * every - moved
        errors[:, i] = of_captured @ of_captured, of_rate @ of_rate
    scale = np.sqrt(sample.units / (sample.units - 1)) / sample.weight
    return scale * np.sqrt(errors[0]) / base, scale * np.sqrt(errors[1]) / SHARES
