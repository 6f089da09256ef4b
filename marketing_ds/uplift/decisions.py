"""Who should get which arm, in money: for each customer the arm that pays most, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds._core.estimate import Estimate
from marketing_ds.features import ID_COLUMNS

from .arms import Floats, read_numbers

Amount = float | npt.ArrayLike
"""One number for everyone, or one a customer."""

_CHUNK = 65_536  # customers whose probabilities are integrated at once
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


class Decider(Protocol):
    """What a decision needs of a fitted uplift model."""

    arms_: tuple[str, ...]
    counts_: dict[str, int]
    average_effect_: dict[str, Estimate]

    def predict(self, X: Any, se: bool = False) -> Any:
        """Uplift, (n,) for one arm, (n, arms) for more; with `se` also its standard errors."""

    def predict_outcomes(self, X: Any) -> Floats:
        """Expected outcome under each arm, control first, (n, 1 + arms)."""


@dataclass(frozen=True)
class Decision(Result):
    """Which arm each customer should get; made by `UpliftModel.best_arm`.

    `.to_frame()` is the summary by arm, `.customers()` the list. The net values are the model's
    own expectation; picking the greatest of several guesses flatters them. What a decision would
    have brought is told by customers it was not learned from: ``mds.policy_value(held_out,
    decision.customers(), …)``.

    Attributes
    ----------
    control : str
        What a customer gets whom no arm pays for.
    arms : tuple of str
        The arms beside it.
    choice : ndarray of int16, shape (n,)
        0 for control, `k` for ``arms[k - 1]``.
    net_values : ndarray of shape (n, arms)
        Expected net value of giving each arm, in money; that of control is 0.
    p_best : ndarray of shape (n,) or None
        Probability that the chosen arm is the best one, where it was asked for.
    averaged : tuple of str
        Arms of which no heterogeneity was found: everyone was given their average effect, so that
        but for differences of value and cost all customers get them or none.
    """

    control: str
    arms: tuple[str, ...]
    choice: npt.NDArray[np.int16] = field(repr=False)
    net_values: Floats = field(repr=False)
    p_best: Floats | None = field(repr=False)
    averaged: tuple[str, ...]
    _keys: pd.DataFrame = field(repr=False)

    @property
    def arm(self) -> npt.NDArray[np.object_]:
        """Name of the arm chosen for each customer, shape (n,)."""
        return np.array((self.control, *self.arms), dtype=object)[self.choice]

    @property
    def net_value(self) -> Floats:
        """Expected net value of the arm chosen, shape (n,); 0 for control."""
        return np.asarray(np.maximum(self.net_values.max(axis=1), 0.0))

    @property
    def margin(self) -> Floats:
        """How much less the second-best choice (control among them) would bring, shape (n,)."""
        if self.net_values.shape[1] == 1:
            return np.asarray(np.abs(self.net_values[:, 0]))
        first, second = -np.partition(-self.net_values, 1, axis=1)[:, :2].T
        rest = np.where(first > 0, np.maximum(second, 0.0), first)
        return np.asarray(np.maximum(first, 0.0) - rest)

    def customers(self) -> pd.DataFrame:
        """One row a customer, in the order of `X`: `arm`, `net_value`, `margin`, `p_best`.

        Before them the keys that `X` had (`customer_id`, `as_of`).
        """
        told = {"arm": self.arm, "net_value": self.net_value, "margin": self.margin}
        if self.p_best is not None:
            told["p_best"] = self.p_best
        frame = pd.DataFrame(told)
        return frame if self._keys.empty else pd.concat([self._keys, frame], axis=1)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: customers given it, their share, net value, and net value if all got it.

        Returns
        -------
        pandas.DataFrame
            `arm`, `customers`, `customer_share`, `net_value` (the sum over the customers given the
            arm), `net_value_if_all` (the sum if everyone were) and `effect` (``"by customer"``, or
            ``"average"`` where no heterogeneity was found).
        """
        labels = (self.control, *self.arms)
        counts = np.bincount(self.choice, minlength=len(labels))
        effect = ["average" if arm in self.averaged else "by customer" for arm in self.arms]
        return pd.DataFrame(
            {
                "arm": labels,
                "customers": counts,
                "customer_share": counts / len(self.choice),
                "net_value": np.bincount(self.choice, self.net_value, minlength=len(labels)),
                "net_value_if_all": [0.0, *self.net_values.sum(axis=0)],
                "effect": [None, *effect],
            }
        )


def decide(
    model: Decider,
    X: Any,
    value: Amount,
    cost: Amount | Mapping[str, Amount],
    *,
    benefit: Amount | Mapping[str, Amount] | None,
    p_redeem: Amount | Mapping[str, Amount] | None,
    certainty: bool,
) -> Decision:
    """The arm of the greatest net value for each customer; see `UpliftModel.best_arm`."""
    arms, rows = model.arms_, len(X)
    worth = _amount("value", value, rows)
    contact = _by_arm("cost", cost, arms, rows)
    if benefit is None and p_redeem is not None:
        raise InvalidInput("p_redeem must come with benefit: it is how likely that cost arises")
    paid = None if benefit is None else _by_arm("benefit", benefit, arms, rows)
    given = None if p_redeem is None else _by_arm("p_redeem", p_redeem, arms, rows, high=1.0)

    uplift, error, averaged = _effects(model, X, rows, certainty=certainty)
    net = worth[:, None] * uplift - contact
    if paid is not None:
        net -= paid * (model.predict_outcomes(X)[:, 1:] if given is None else given)
    # The first of equal values is control, since nobody is bothered for nothing.
    best = net.argmax(axis=1)
    choice = np.where(net[np.arange(rows), best] > 0, best + 1, 0).astype(np.int16)
    p_best = None if error is None else _p_best(choice, net, np.abs(worth)[:, None] * error)
    return Decision(next(iter(model.counts_)), arms, choice, net, p_best, averaged, _keys(X))


def _effects(
    model: Decider, X: Any, rows: int, *, certainty: bool
) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    """Uplift and its standard errors, (n, arms), averages where no heterogeneity was found."""
    shape = (rows, len(model.arms_))
    error = None
    if certainty:
        uplift, error = (np.array(part, dtype=np.float64) for part in model.predict(X, se=True))
        error = error.reshape(shape)
    else:
        uplift = np.array(model.predict(X), dtype=np.float64)
    uplift = uplift.reshape(shape)
    told = getattr(model, "heterogeneity_", None) or {}
    averaged = tuple(arm for arm in model.arms_ if arm in told and not told[arm].found)
    for arm in averaged:
        at, average = model.arms_.index(arm), model.average_effect_[arm]
        uplift[:, at] = average.value
        if error is not None:
            error[:, at] = average.se
    return uplift, error, averaged


def _keys(X: Any) -> pd.DataFrame:
    """`customer_id` and `as_of`, as far as `X` has them."""
    names = getattr(X, "column_names", None) or list(getattr(X, "columns", ()))  # Arrow, pandas
    there = [name for name in ID_COLUMNS if name in names]
    if not there:
        return pd.DataFrame()
    keys: pd.DataFrame = X[there] if isinstance(X, pd.DataFrame) else X.select(there).to_pandas()
    return keys.reset_index(drop=True)


def _p_best(choice: npt.NDArray[np.int16], net: Floats, error: Floats) -> Floats:
    """P(the chosen arm is the best) for independent normal errors, shape (n,)."""
    # Where there is no error at all, the tiniest one makes the comparison certain.
    error = np.maximum(error, np.finfo(np.float64).tiny)
    out = np.empty(len(net))
    for start in range(0, len(net), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _p_best_of(choice[part], net[part], error[part])
    return out


def _p_best_of(choice: npt.NDArray[np.int16], net: Floats, error: Floats) -> Floats:
    out: Floats = np.prod(ndtr(-net / error), axis=1)  # control: every arm's true value is below 0
    for arm in range(net.shape[1]):
        mine = choice == arm + 1
        mean, spread = net[mine, arm, None], error[mine, arm, None]
        # ∫ over z > 0 of the arm's density times P(every other arm is below z), z by its quantile.
        floor = ndtr(-mean / spread)
        quantile = floor + (1 - floor) * (_NODES + 1) / 2
        z = mean + spread * ndtri(quantile)
        below = np.ones_like(z)
        for other in range(net.shape[1]):
            if other != arm:
                below *= ndtr((z - net[mine, other, None]) / error[mine, other, None])
        out[mine] = (1 - floor[:, 0]) * (below @ _WEIGHTS) / 2
    return out


def _by_arm(
    name: str,
    given: Amount | Mapping[str, Amount],
    arms: tuple[str, ...],
    rows: int,
    *,
    high: float = np.inf,
) -> Floats:
    """What is given for each arm, shape (n, arms) or (1, arms), between 0 and `high`."""
    told = given if isinstance(given, Mapping) else dict.fromkeys(arms, given)
    missing = [arm for arm in arms if arm not in told]
    strange = [arm for arm in told if arm not in arms]
    if strange or missing:
        wrong = f"{strange[0]!r}{did_you_mean(str(strange[0]), arms)}" if strange else "less"
        raise InvalidInput(
            f"{name} must be a number or name each arm beside control "
            f"({', '.join(map(repr, arms))}), got {wrong}"
            + (f"; missing: {', '.join(map(repr, missing))}" if missing else "")
        )
    columns = [_amount(f"{name} of {arm!r}", told[arm], rows, low=0.0, high=high) for arm in arms]
    return np.column_stack(np.broadcast_arrays(*columns))


def _amount(
    name: str, given: Amount, rows: int, *, low: float = -np.inf, high: float = np.inf
) -> Floats:
    """A number for everyone as shape (1,), or one a customer as shape (n,)."""
    values = np.asarray(given)
    numbers = read_numbers(np.atleast_1d(values), name)
    if values.ndim and len(numbers) != rows:
        raise InvalidInput(
            f"{name} must be a number, or one number a customer: {rows} rows, got {len(numbers)}"
        )
    odd = (numbers < low) | (numbers > high)
    if odd.any():
        rule = "at least 0" if high == np.inf else f"between {low:g} and {high:g}"
        raise InvalidInput(f"{name} must be {rule}, got {numbers[odd.argmax()]:g}")
    return numbers
