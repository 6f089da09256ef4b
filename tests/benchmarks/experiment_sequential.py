"""Error of always-valid intervals under daily peeking: ``python -m tests.benchmarks.experiment_sequential``.

Streams without any effect are looked at on each of 60 days; the share in which any look excludes
the truth is the error, to be at most alpha. Beside it what a fixed interval does when peeked at,
and what the guarantee costs: width on the last day against the fixed interval's, and the day on
which an effect is found that the fixed interval would find with a power of 90 % on the last day.

An interval excludes 0 exactly where its p-value is below alpha (the tests hold that), so that the
p-value, which costs less, is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from marketing_ds.evaluation import Mean
from marketing_ds.evaluation.engine import Estimate, FloatArray, Moments, estimate
from marketing_ds.evaluation.inference import Difference, Inference, Sequential, compare
from marketing_ds.evaluation.inference.critical import p_value
from marketing_ds.evaluation.inference.proportions import few_events
from marketing_ds.evaluation.inference.settings import ALTERNATIVES

DAYS = 60
FIXED = Inference()
COLUMNS = ["y", "x"]


@dataclass(frozen=True)
class Stream:
    """How a customer's outcome y and covariate x come about."""

    name: str
    covariates: tuple[str, ...] = ()
    share: float = 0.5
    """Of customers in the arm."""

    def draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> tuple[FloatArray, ...]:
        """Outcomes and covariates."""
        if self.name.startswith("rare"):
            return (rng.random(size) < 0.005).astype(float), np.zeros(size)
        past = rng.gamma(1.0, 20.0, size)
        if self.name.startswith("skewed"):
            spent = (rng.random(size) < 0.1) * np.exp(rng.normal(3.0, 1.2, size))
            return spent, past
        return past + rng.normal(0.0, 15.0, size), past


STREAMS = (
    Stream("amount"),
    Stream("amount, CUPED", ("x",)),
    Stream("skewed spend"),
    Stream("skewed spend, one in ten in control", share=0.9),
    Stream("rare conversion"),
    Stream("rare conversion, one in ten in control", share=0.9),
    Stream("all assigned on day 1, spend adds up"),
)


def main(arguments: list[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="streams whose name begins so")
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--daily", type=int, default=100, help="new customers a day, in all arms")
    parser.add_argument("--planned", type=int, default=0, help="tuned for; by default all 60 days")
    asked = parser.parse_args(arguments)
    planned = asked.planned or DAYS * asked.daily
    print(
        f"{asked.streams:,} streams without effect, {asked.daily} customers a day for {DAYS} days, "
        f"tuned at {planned:,} customers; error in %\n"
    )
    rows = [
        measure(stream, asked.streams, asked.daily, Sequential(planned))
        for stream in STREAMS
        if stream.name.startswith(asked.only)
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".1f"))


def measure(stream: Stream, streams: int, daily: int, looks: Sequential) -> dict[str, object]:
    """Errors over all looks, of the always-valid intervals and of the fixed one."""
    rng = np.random.default_rng(7)
    if stream.name.startswith("all assigned"):
        looks = replace(looks, planned=looks.planned // 5)
    ways = {side: Inference(alternative=side, sequential=looks) for side in ALTERNATIVES}
    wrong = dict.fromkeys([*ways, "fixed, peeked at"], 0)
    width, found = [], []
    for _ in range(streams):
        path = list(looks_at(stream, rng, daily))
        for name, settings in (*ways.items(), ("fixed, peeked at", FIXED)):
            wrong[name] += any(p_of(*pair, settings) < settings.alpha for pair in path)
        last, plain = (compare(*path[-1], settings) for settings in (ways["two-sided"], FIXED))
        width.append((last.upper - last.lower) / (plain.upper - plain.lower))
        if not stream.name.startswith(("rare", "all")):
            found.append(day_found(path, plain, ways["two-sided"]))
    errors = {name: 100 * count / streams for name, count in wrong.items()}
    return {
        "stream": stream.name,
        **errors,
        "width × fixed": float(np.mean(width)),
        "found by day 60": 100 * float(np.mean(np.array(found) <= DAYS)) if found else np.nan,
        "median day": float(np.median(found)) if found else np.nan,
    }


def p_of(control: Estimate, arm: Estimate, settings: Inference) -> float:
    """The p-value of `compare`, without the search for the ends of a score interval."""
    few = few_events(control, arm)
    if few is None:
        p = compare(control, arm, settings).p_value
        return 1.0 if np.isnan(p) else p
    return p_value(settings, few.from_difference(0.0), np.inf, (control.n, arm.n))


def day_found(
    path: list[tuple[Estimate, Estimate]], last: Difference, settings: Inference
) -> float:
    """First day on which an effect of 3.24 of the last day's standard errors is shown."""
    added = 3.24 * last.error
    for day, (control, arm) in enumerate(path, start=1):
        raised = replace(arm, raw=arm.raw + added, value=arm.value + added)
        if compare(control, raised, settings).p_value < settings.alpha:
            return day
    return np.inf


def looks_at(
    stream: Stream, rng: np.random.Generator, daily: int
) -> Iterator[tuple[Estimate, Estimate]]:
    """Estimates of control and of the arm at the end of each day."""
    if stream.name.startswith("all assigned"):
        yield from adding_up(rng, DAYS * daily // 5)
        return
    metric = Mean("y", covariates=stream.covariates)
    sizes = {"mail": round(daily * stream.share)}
    sizes["control"] = daily - sizes["mail"]
    sums = {arm: running(stream.draw(rng, (DAYS, size))) for arm, size in sizes.items()}
    for day in range(DAYS):
        moments = {arm: at(sums[arm], day, (day + 1) * size) for arm, size in sizes.items()}
        if stream.covariates:
            found = estimate(metric, stream.covariates, COLUMNS, moments)
        else:
            found = {arm: plain_mean(m) for arm, m in moments.items()}
        yield found["control"], found["mail"]


def adding_up(rng: np.random.Generator, customers: int) -> Iterator[tuple[Estimate, Estimate]]:
    """A campaign's usual case: nobody joins later, what customers spend is summed day by day."""
    taste = rng.gamma(0.5, 2.0, customers)
    bought = rng.random((DAYS, customers)) < np.minimum(0.1 * taste, 1.0)
    total = np.cumsum(bought * rng.gamma(1.0, 30.0, (DAYS, customers)), axis=0)
    n = customers // 2
    for spent in total:
        arms = spent[:n], spent[n : 2 * n]
        control, arm = (
            Estimate(n, mean, variance, mean, variance, n - 1)
            for mean, variance in ((float(y.mean()), float(y.var(ddof=1)) / n) for y in arms)
        )
        yield control, arm


def plain_mean(m: Moments) -> Estimate:
    """What `estimate` gives without covariates, in a fraction of the time."""
    mean, variance = float(m.mean[0]), float(m.error[0, 0])
    return Estimate(m.n, mean, variance, mean, variance, m.n - 1)


def running(drawn: tuple[FloatArray, ...]) -> FloatArray:
    """(days, 2, 3) sums up to each day: of the columns, and of their products."""
    y, x = drawn
    each = [v.sum(axis=1) for v in (y, x, y * y, y * x, x * x)]
    return np.cumsum(np.array(each).T, axis=0)


def at(sums: FloatArray, day: int, n: int) -> Moments:
    """Moments of an arm at the end of a day."""
    y, x, yy, yx, xx = sums[day]
    mean = np.array([y, x]) / n
    scatter = np.array([[yy, yx], [yx, xx]]) - n * np.outer(mean, mean)
    return Moments(n, mean, scatter, scatter / n / (n - 1), None)


if __name__ == "__main__":
    main()
