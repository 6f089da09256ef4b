"""How good is a ranking of products? Against the most popular, on the same customers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, wilson

from ._calibration import Floats
from ._nextbest_inputs import read_outcomes

MODEL, POPULAR, ELIGIBLE = "model", "most popular", "most popular eligible"
RANKINGS = (MODEL, POPULAR, ELIGIBLE)
_MOST_PLACES = 10


@dataclass(frozen=True)
class RankingEvaluation(Result):
    """Rankings of products, measured on the customers who bought at least one.

    Attributes
    ----------
    measures : pandas.DataFrame
        One row a measure and ranking, see `to_frame`.
    by_place : pandas.DataFrame
        Hit rate of each ranking with its interval, for 1, 2, … products shown.
    products : pandas.DataFrame
        One row a product: customers who `bought` it, customers whom the model and the most popular
        would `…_shown` it, and how many of the buyers the model showed it (`model_hits`).
    k : int
        Products shown.
    rows, buyers : int
        Rows ranked, and those with a purchase.
    level : float

    Notes
    -----
    `hit_rate`: share of buyers with at least one purchase among the k shown. `ndcg` [1]_: each
    purchase counts 1/log₂(place + 1), as a share of the best order's. `map`: mean over buyers of
    the precision at each purchase's place, over the purchases that k places can hold. `coverage`:
    share of the catalogue that anybody is shown; a fact about the rankings, so without interval.
    Both orders by popularity are the training buyers'; `most popular` shows everyone the same
    products, also those that they cannot have; `most popular eligible` only those that they can.

    References
    ----------
    .. [1] Järvelin, Kekäläinen (2002). Cumulated gain-based evaluation of IR techniques. ACM
       Transactions on Information Systems 20(4).
    """

    measures: pd.DataFrame = field(repr=False)
    by_place: pd.DataFrame = field(repr=False)
    products: pd.DataFrame = field(repr=False)
    k: int
    rows: int
    buyers: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a measure and ranking.

        `measure`, `ranking`, `value` with its interval, and for the popular ones the `difference`
        of the model less them with its interval and two-sided `p_value`, paired by customer.
        """
        return self.measures

    def estimate(self, measure: str = "hit_rate", ranking: str = MODEL) -> pd.Series:
        """One row of the frame, e.g. ``.estimate("ndcg", "most popular eligible")``."""
        rows = self.measures[
            (self.measures["measure"] == measure) & (self.measures["ranking"] == ranking)
        ]
        if rows.empty:
            known = ", ".join(self.measures["measure"].unique())
            raise InvalidInput(
                f"measure must be one of {known} and ranking one of {', '.join(RANKINGS)}, got "
                f"{measure!r} and {ranking!r}"
            )
        return rows.iloc[0]


def evaluate_ranking(
    Y: object,
    score: ArrayLike,
    *,
    k: int = 3,
    popularity: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> RankingEvaluation:
    """Measure any scores of products as a ranking, against the most popular.

    Parameters
    ----------
    Y : pandas.DataFrame or array of shape (n, products)
        1 bought, 0 not, null where the customer cannot be shown the product.
    score : array-like of shape (n, products)
        The higher the sooner shown.
    k : int, default=3
        Products shown to each customer.
    popularity : array-like of shape (products,), optional
        Buyers of each product before, the order of the most popular; by default those in Y, which
        flatters popularity a little.
    groups : array-like of shape (n,), optional
        The customer of each row, where one has several: intervals then count customers.
    level : float, default=0.95
        Coverage of the intervals.

    Raises
    ------
    InvalidInput
        If shapes differ, scores are not finite, or fewer than two customers bought anything.

    Examples
    --------
    >>> Y = pd.DataFrame({"card": [1, 0, 1, 0], "fund": [0, 1, 0, 1], "loan": [0, 0, 0, None]})
    >>> scores = [[.9, .1, .2], [.1, .8, .2], [.7, .1, .3], [.6, .2, .1]]
    >>> evaluate_ranking(Y, scores, k=1).estimate("hit_rate")["value"].item()
    0.75
    """
    alpha = 1 - check_number("level", level, low=0, high=1, inclusive=False)
    products, outcomes = read_outcomes(Y)
    k = min(check_count("k", k, low=1), len(products))
    scores = np.asarray(score, dtype=np.float64)
    if scores.shape != outcomes.shape:
        raise InvalidInput(f"score must have the shape of Y {outcomes.shape}, got {scores.shape}")
    if not np.isfinite(scores).all():
        raise InvalidInput("score must be finite everywhere")
    unit = _units(groups, len(outcomes))
    buyers = np.flatnonzero((outcomes == 1).any(axis=1))
    if len(np.unique(unit[buyers])) < 2:
        raise InvalidInput(
            "Y must hold at least two customers who bought something, since rankings are judged by "
            "their purchases"
        )
    popular = _popularity(popularity, outcomes)
    orders = _orders(outcomes, scores, popular)
    shown = {name: order[:, :k] for name, order in orders.items()}
    return RankingEvaluation(
        measures=_measures(outcomes, orders, buyers, unit, k, alpha),
        by_place=_by_place(outcomes, orders, buyers, unit, alpha),
        products=_by_product(products, outcomes, shown),
        k=k,
        rows=len(outcomes),
        buyers=len(buyers),
        level=level,
    )


Order = NDArray[np.intp]


def _orders(Y: Floats, scores: Floats, popular: Floats) -> dict[str, Order]:
    """Products of each row by ranking, best first; −1 where nothing is left to show."""
    barred = np.isnan(Y)
    by_score = np.argsort(np.where(barred, np.inf, -scores), axis=1, kind="stable")
    everyone = np.argsort(-popular, kind="stable")
    # The same order for all, less what each row cannot have.
    place = np.empty(len(popular))
    place[everyone] = np.arange(len(popular))
    eligible = np.argsort(np.where(barred, np.inf, place), axis=1, kind="stable")
    left = np.arange(Y.shape[1]) < (~barred).sum(axis=1)[:, None]
    return {
        MODEL: np.where(left, by_score, -1),
        POPULAR: np.broadcast_to(everyone, Y.shape),
        ELIGIBLE: np.where(left, eligible, -1),
    }


def _gains(Y: Floats, order: Order, rows: Order, k: int) -> dict[str, Floats]:
    """Each buyer's measures at k places."""
    hits = _hits(Y, order, rows)[:, :k]
    bought = (Y[rows] == 1).sum(axis=1)
    most = np.minimum(bought, k)
    places = np.arange(1, hits.shape[1] + 1)
    discount = 1 / np.log2(places + 1)
    precision = np.cumsum(hits, axis=1) / places
    return {
        "hit_rate": hits.any(axis=1).astype(np.float64),
        "ndcg": (hits @ discount) / np.cumsum(discount)[most - 1],
        "map": (hits * precision).sum(axis=1) / most,
    }


def _hits(Y: Floats, order: Order, rows: Order) -> Floats:
    """1 where the product at a place was bought."""
    places = order[rows]
    found = np.take_along_axis(Y[rows], np.maximum(places, 0), axis=1) == 1
    hits: Floats = (found & (places >= 0)).astype(np.float64)
    return hits


def _measures(
    Y: Floats, orders: dict[str, Order], buyers: Order, unit: Order, k: int, alpha: float
) -> pd.DataFrame:
    gains = {name: _gains(Y, order, buyers, k) for name, order in orders.items()}
    who = unit[buyers]
    rows = []
    for measure in ("hit_rate", "ndcg", "map"):
        for name in orders:
            value = _share(gains[name][measure], who, alpha)
            row = {"measure": measure, "ranking": name} | _ends("value", value)
            if name != MODEL:
                ahead = gains[MODEL][measure] - gains[name][measure]
                mean, error = _mean(ahead, who)
                difference = Estimate.normal(mean, error, alpha=alpha)
                row |= _ends("difference", difference) | {"p_value": difference.p_value}
            rows.append(row)
    for name, order in orders.items():
        share = len(np.setdiff1d(order[:, :k], [-1])) / Y.shape[1]
        rows.append({"measure": "coverage", "ranking": name, "value": share})
    return pd.DataFrame(rows)


def _by_place(
    Y: Floats, orders: dict[str, Order], buyers: Order, unit: Order, alpha: float
) -> pd.DataFrame:
    rows = []
    for name, order in orders.items():
        reached = np.maximum.accumulate(_hits(Y, order, buyers), axis=1)
        for shown in range(1, min(_MOST_PLACES, Y.shape[1]) + 1):
            hit = _share(reached[:, shown - 1], unit[buyers], alpha)
            rows.append({"ranking": name, "shown": shown} | _ends("hit_rate", hit))
    return pd.DataFrame(rows)


def _by_product(products: list[str], Y: Floats, shown: dict[str, Order]) -> pd.DataFrame:
    size = len(products)
    lists = shown[MODEL]
    hit = (np.take_along_axis(Y, np.maximum(lists, 0), axis=1) == 1) & (lists >= 0)
    return pd.DataFrame(
        {
            "product": products,
            "bought": np.nansum(Y, axis=0).astype(np.int64),
            "model_shown": np.bincount(lists[lists >= 0], minlength=size),
            "popular_shown": np.bincount(shown[ELIGIBLE][shown[ELIGIBLE] >= 0], minlength=size),
            "model_hits": np.bincount(lists[hit], minlength=size),
        }
    )


def _mean(values: Floats, unit: Order) -> tuple[float, float]:
    """Mean over rows, and its standard error over customers."""
    mean = float(values.mean())
    _, unit = np.unique(unit, return_inverse=True)
    sums = np.bincount(unit, values - mean)
    units = len(sums)
    error = np.sqrt(float(sums @ sums) * units / (units - 1)) / len(values)
    return mean, float(error)


def _share(values: Floats, unit: Order, alpha: float) -> Estimate:
    """A mean of values between 0 and 1, with Wilson's interval at its effective size."""
    mean, error = _mean(values, unit)
    spread = 0 < mean < 1 and error > 0
    size = mean * (1 - mean) / error**2 if spread else len(np.unique(unit))
    lower, upper = wilson([mean * size], [size], alpha=alpha)
    return Estimate(mean, error, min(float(lower[0]), mean), max(float(upper[0]), mean))


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_ci_lower": estimate.ci_lower,
        f"{name}_ci_upper": estimate.ci_upper,
    }


def _units(groups: ArrayLike | None, rows: int) -> Order:
    if groups is None:
        return np.arange(rows)
    unit, _ = pd.factorize(np.asarray(groups))
    if len(unit) != rows:
        raise InvalidInput(f"groups must have one customer per row of Y ({rows}), got {len(unit)}")
    return np.asarray(unit, dtype=np.intp)


def _popularity(popularity: ArrayLike | None, Y: Floats) -> Floats:
    if popularity is None:
        return np.asarray(np.nansum(Y, axis=0))
    counts = np.asarray(popularity, dtype=np.float64)
    if counts.shape != (Y.shape[1],) or not np.isfinite(counts).all():
        raise InvalidInput(
            f"popularity must have one finite number per product ({Y.shape[1]}), got shape "
            f"{counts.shape}"
        )
    return counts
