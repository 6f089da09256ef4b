"""What is it worth in money to contact the top customers? Profit by cut, with costs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, normal_quantile

from ._bootstrap import cells_by_score, draw_sums
from ._sample import Floats, Sample

_CELLS = 1000
_POINTS = 101


@dataclass(frozen=True)
class ProfitCurve(Result):
    """Profit of contacting the best customers only; see `profit_curve`.

    Attributes
    ----------
    own : Estimate
        Profit, in money, at the cut that the model sets itself before any outcome is known: contact
        where probability × benefit exceeds the cost (as far as the capacity goes).
    best : Estimate
        Profit at the cut that turned out best; too high by about `optimism`, since it was chosen
        and is judged on the same outcomes. The interval is about the value less that.
    everyone : Estimate
        Profit of contacting all customers, whatever the capacity.
    lost : Estimate
        best − own: what knowing the best cut would have added, too high by the same.
    optimism : float
        By how much `best` flatters, from the draws of the bootstrap.
    own_share, best_share : Estimate
        Shares of the customers contacted; of the best cut with the span of the cuts that are not
        shown to bring less (no standard error: the best place of a curve has none).
    own_least, best_least : float
        Probability of the last customer contacted; NaN where it is nobody.
    customers : float
        Customers in all (the sum of the weights).
    capacity : float or None
        Most that may be contacted.
    level : float
        Coverage of the intervals.
    curve : pandas.DataFrame
        For each top `share`: customers `contacted`, `profit_cny` and `profit_per_contact_cny`, with
        intervals.
    """

    own: Estimate
    best: Estimate
    everyone: Estimate
    lost: Estimate
    optimism: float
    own_share: Estimate
    best_share: Estimate
    own_least: float
    best_least: float
    customers: float
    capacity: float | None
    level: float
    curve: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a policy: `own`, `best` (in hindsight) and `everyone`.

        `contacted_share` with the interval of the best one, `contacted`, `profit_cny` and
        `profit_per_contact_cny` with their intervals.
        """
        all_ = Estimate(1.0, 0.0, 1.0, 1.0)
        policies = {
            "own": (self.own, self.own_share),
            "best": (self.best, self.best_share),
            "everyone": (self.everyone, all_),
        }
        rows = []
        for name, (profit, share) in policies.items():
            contacted = share.value * self.customers
            numbers = np.array([profit.value, profit.ci_lower, profit.ci_upper])
            each = numbers / contacted if contacted else np.full(3, np.nan)
            ends = (share.value, share.ci_lower, share.ci_upper)
            rows.append([name, *ends, contacted, *numbers, *each])
        columns = [
            *_with_ends("contacted_share"),
            "contacted",
            *_with_ends("profit_cny"),
            *_with_ends("profit_per_contact_cny"),
        ]
        return pd.DataFrame(rows, columns=["policy", *columns])


def profit_curve(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    benefit: ArrayLike,
    cost: ArrayLike,
    capacity: float | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> ProfitCurve:
    """Profit of contacting the top customers, cut by cut.

    Customers are taken by falling expected profit, probability × benefit − cost; with one benefit
    and one cost for all that is by falling probability.

    Parameters
    ----------
    y, probability, sample_weight, groups, level
        As in `evaluate_probabilities`.
    benefit : float or array-like of shape (n,)
        Money gained where a contacted customer acts. What a customer who would have acted anyway
        brings is no gain of the contact: take it off, or use uplift.
    cost : float or array-like of shape (n,)
        Money that a contact costs.
    capacity : float, optional
        Most customers that may be contacted.

    Raises
    ------
    InvalidInput
        As `evaluate_probabilities`; or if benefit or cost is negative, not finite or of another
        length, or the capacity is not above 0.

    Notes
    -----
    Standard errors come from 200 draws of a Bayesian bootstrap over customers. Around its top a
    profit curve is flat, so that many cuts are about as good as the best: the span of `best_share`
    is wide for a reason.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 9, 5000)
    >>> bought = rng.random(5000) < p
    >>> found = profit_curve(bought, p, benefit=300, cost=40)
    >>> bool(found.own.value > found.everyone.value)
    True
    """
    alpha = 1 - check_number("level", level, low=0, high=1, inclusive=False)
    if capacity is not None:
        check_number("capacity", capacity, low=0, inclusive=False)
    rows = len(np.asarray(y))
    gain, price = (
        _money(name, value, rows) for name, value in (("benefit", benefit), ("cost", cost))
    )
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    sample = Sample.of(y, probability, sample_weight, groups, one_class=True)
    if len(sample.p) < rows:
        gain, price = gain[weight > 0], price[weight > 0]
    expected = sample.p * gain - price
    # Ordered by expected profit, which then stands where a probability does; ties share a cut.
    ordered, order = replace(sample, p=expected).best_first()
    made = ordered.w * (ordered.truth * gain[order] - price[order])
    p = sample.p[order]
    implied = (ordered.w * gain[order]) ** 2 * p * (1 - p)
    return _Cuts(ordered, made, p, implied, capacity, alpha).result(level)


class _Cuts:
    """Every place where the ranking may be cut, and what each brought, here and in the draws."""

    def __init__(
        self,
        ordered: Sample,
        made: Floats,
        p: Floats,
        implied: Floats,
        capacity: float | None,
        alpha: float,
    ) -> None:
        self.ordered, self.alpha, self.capacity, self.p = ordered, alpha, capacity, p
        self.implied = np.append(0.0, np.cumsum(implied))  # variances that probabilities imply
        ends = np.append(np.flatnonzero(ordered.p[1:] != ordered.p[:-1]), len(made) - 1)
        contacted = np.append(0.0, np.cumsum(ordered.w)[ends])
        profit = np.append(0.0, np.cumsum(made)[ends])
        self.total = float(contacted[-1])
        self.contacted, self.profit, self.last = contacted, profit, np.append(-1, ends)
        cell = cells_by_score(ordered, _CELLS)
        drawn, held = (
            np.cumsum(part, axis=1) for part in draw_sums(ordered, cell, [made, ordered.w])
        )
        nobody = np.zeros((len(drawn), 1))
        self.drawn, self.held = np.hstack([nobody, drawn]), np.hstack([nobody, held])
        self.places = np.append(0.0, np.cumsum(np.bincount(cell, ordered.w)))
        self.in_cells = np.append(0.0, np.cumsum(np.bincount(cell, made)))

    def result(self, level: float) -> ProfitCurve:
        """The cuts that matter, with their intervals."""
        allowed = self.total if self.capacity is None else min(self.capacity, self.total)
        own = min(self._worth_it(), allowed)
        best = self._best(allowed)
        shares = np.linspace(0, 1, _POINTS)
        curve = self._curve(shares)
        inside = self.places <= allowed * (1 + 1e-9)
        chosen = self.drawn[:, inside].argmax(axis=1)
        # What the best cut of a draw brings in the draw, and in the sample.
        flattered = self.drawn[np.arange(len(chosen)), chosen] - self.in_cells[chosen]
        optimism = max(float(flattered.mean()), 0.0)
        lost = self._profit(best) - self._profit(own)
        # Each draw has a best cut of its own: where both cuts are one here, chance is still seen.
        drawn_loss = self.drawn[np.arange(len(chosen)), chosen] - self._drawn_at(own)
        implied = float(self._implied_error(np.array([own]), best)[0])
        return ProfitCurve(
            own=self._estimate(own),
            best=_about(self._profit(best), optimism, self._drawn_at(best), self.alpha),
            everyone=self._estimate(self.total),
            lost=_about(lost, optimism, drawn_loss, self.alpha, low=0.0, least=implied),
            optimism=optimism,
            own_share=Estimate(own / self.total, 0.0, own / self.total, own / self.total),
            best_share=self._as_good(best, allowed),
            own_least=self._least(own),
            best_least=self._least(best),
            customers=self.total,
            capacity=self.capacity,
            level=level,
            curve=curve,
        )

    def _as_good(self, best: float, allowed: float) -> Estimate:
        """The best share, with the span of the cuts that are not shown to bring less."""
        cuts = np.append(self.places[self.places < allowed], allowed)
        there = self._drawn_at(best)
        less = self._profit(best) - np.interp(cuts, self.contacted, self.profit)
        error = np.array([(there - self._drawn_at(float(cut))).std(ddof=1) for cut in cuts])
        error = np.maximum(error, self._implied_error(cuts, best))
        as_good = cuts[less <= normal_quantile(self.alpha) * error]
        low, high = min(float(as_good.min()), best), max(float(as_good.max()), best)
        return Estimate(*(np.array([best, np.nan, low, high]) / self.total).tolist())

    def _implied_error(self, cuts: Floats, cut: float) -> Floats:
        """Error of the difference of two cuts' profits that the probabilities imply.

        Draws cannot show what customers do of whom none acted.
        """
        places = np.append(0.0, np.cumsum(self.ordered.w))
        reached = np.interp(cuts, places, self.implied) - np.interp(cut, places, self.implied)
        return np.asarray(np.sqrt(np.abs(reached)))

    def _worth_it(self) -> float:
        """Customers whose expected profit is above 0."""
        return float(self.ordered.w[self.ordered.p > 0].sum())

    def _best(self, allowed: float) -> float:
        """Customers at the cut with most profit, of those within what is allowed."""
        cuts = np.append(self.contacted[self.contacted <= allowed], allowed)
        return float(cuts[int(np.argmax(np.interp(cuts, self.contacted, self.profit)))])

    def _profit(self, contacted: float) -> float:
        return float(np.interp(contacted, self.contacted, self.profit))

    def _drawn_at(self, contacted: float) -> Floats:
        """Profit of the draws at a cut.

        A cut that a number sets (the capacity, or everybody) holds the same share of each draw; one
        that a score sets stays at its score, and how many customers lie above it varies.
        """
        if contacted in (self.capacity, self.total):
            return self._drawn_shares(np.array([contacted / self.total]))[:, 0]
        after = int(np.clip(np.searchsorted(self.places, contacted), 1, len(self.places) - 1))
        before, here = self.places[after - 1], self.places[after]
        part = (contacted - before) / (here - before)
        between: Floats = self.drawn[:, after - 1] * (1 - part) + self.drawn[:, after] * part
        return between

    def _drawn_shares(self, shares: Floats) -> Floats:
        """Profit of the draws when each contacts the top `shares` of its customers."""
        rows = [
            np.interp(shares * held[-1], held, profit) * (self.total / held[-1])
            for held, profit in zip(self.held, self.drawn, strict=True)
        ]
        return np.array(rows)

    def _estimate(self, contacted: float) -> Estimate:
        error = float(self._drawn_at(contacted).std(ddof=1))
        return Estimate.normal(self._profit(contacted), error, alpha=self.alpha)

    def _least(self, contacted: float) -> float:
        """Probability of the last customer within a cut."""
        if contacted <= 0:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.ordered.w), contacted * (1 - 1e-12)))
        return float(self.p[min(place, len(self.p) - 1)])

    def _curve(self, shares: Floats) -> pd.DataFrame:
        contacted = shares * self.total
        profit = np.interp(contacted, self.contacted, self.profit)
        errors = self._drawn_shares(shares).std(axis=0, ddof=1)
        half = Estimate.normal(0.0, 1.0, alpha=self.alpha).ci_upper * errors
        numbers = np.column_stack([profit, profit - half, profit + half])
        with np.errstate(invalid="ignore"):
            each = np.where(contacted[:, None] > 0, numbers / contacted[:, None], np.nan)
        frame = pd.DataFrame({"share": shares, "contacted": contacted})
        frame[_with_ends("profit_cny")] = numbers
        frame[_with_ends("profit_per_contact_cny")] = each
        return frame


def _about(
    value: float,
    optimism: float,
    drawn: Floats,
    alpha: float,
    low: float = -np.inf,
    least: float = 0.0,
) -> Estimate:
    """A value that is too high, with an interval about what is left without the optimism."""
    error = max(float(drawn.std(ddof=1)), least)
    true = Estimate.normal(max(value - optimism, low), error, alpha=alpha, low=low)
    return Estimate(value, error, min(true.ci_lower, value), max(true.ci_upper, value))


def _money(name: str, value: ArrayLike, rows: int) -> NDArray[np.float64]:
    """One amount a row."""
    try:
        amounts = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} must be an amount or one per row, got {value!r}") from None
    if amounts.shape not in ((), (rows,)):
        raise InvalidInput(
            f"{name} must be one amount or one per row ({rows}), got shape {amounts.shape}"
        )
    if not (np.isfinite(amounts) & (amounts >= 0)).all():
        raise InvalidInput(f"{name} must be finite and at least 0 everywhere")
    return np.broadcast_to(amounts, (rows,))


def _with_ends(name: str) -> list[str]:
    return [name, f"{name}_ci_lower", f"{name}_ci_upper"]
