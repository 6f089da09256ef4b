"""BG/NBD: who is still a customer, and how often they will buy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from . import _clv_formulas as formulas
from ._clv_data import (
    ID,
    MIN_CUSTOMERS,
    TIMES,
    Floats,
    Histories,
    check_unit,
    grouped,
    one_row_a_customer,
    read_histories,
    summary_frame,
    unit_of,
)
from ._clv_fit import (
    Fit,
    check_level,
    check_parameters,
    maximise,
    parameter_frame,
    positive_interval,
    slopes,
    standard_errors,
)
from ._clv_formulas import Past
from ._clv_likelihood import BetaGeoLikelihood

PARAMETERS = ("r", "alpha", "a", "b")
_MEANINGS = (
    "purchase rates differ: shape of their gamma distribution", "its scale, in units of time",
    "chances to leave differ: first parameter of their beta distribution", "its second",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class BetaGeo(Result):
    """The BG/NBD model: customers buy at random, each at a rate of their own, until they leave.

    A customer's purchases are a Poisson process, whose rate differs between customers by a gamma
    distribution (shape `r`, scale `alpha`). After each repeat purchase a customer leaves for good,
    with a chance that differs between customers by a beta distribution (`a`, `b`). Made by
    `BetaGeo.fit`, or from published parameters.

    Parameters
    ----------
    r, alpha, a, b : float
        The parameters, all positive; `alpha` in units of time.
    unit : {"week", "day"}
        The unit of all times.
    fitted : Fit, optional
        Log-likelihood, customers and covariance, where the model was fitted.

    References
    ----------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "Counting Your Customers the Easy Way: An
    Alternative to the Pareto/NBD Model", Marketing Science 24, 275-284.

    Examples
    --------
    The published model of CDNOW's customers, and one who came back twice, the last time 30.43 weeks
    after the first purchase and 8.43 weeks ago:

    >>> model = BetaGeo(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> model.p_alive(frequency=2, recency=30.43, T=38.86).round(3)
    array([0.727])
    >>> model.expected_purchases(frequency=2, recency=30.43, T=38.86, horizon=39).round(3)
    array([1.226])
    """

    r: float
    alpha: float
    a: float
    b: float
    unit: str = "week"
    fitted: Fit | None = None

    def __post_init__(self) -> None:
        check_parameters(PARAMETERS, self.parameters)
        check_unit(self.unit)

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        """r, alpha, a, b."""
        return self.r, self.alpha, self.a, self.b

    @classmethod
    def fit(cls, summary: object, *, unit: str | None = None) -> Self:
        """Fit by maximum likelihood.

        Parameters
        ----------
        summary : PurchaseSummary, pandas.DataFrame or ibis.Table
            One row a customer: `frequency` (repeat purchases, at most one a day), `recency` (from
            the first purchase to the last) and `T` (from the first purchase to the end of
            observation). A customer first seen on the last day (T = 0) says nothing, and does no
            harm.
        unit : {"week", "day"}, optional
            The unit of `recency` and `T`; the summary's own, else ``week``.

        Returns
        -------
        BetaGeo

        Raises
        ------
        InvalidInput
            If a history is impossible, there are fewer than 50 customers, or none came back.
        NotConverged
            If the data do not determine the parameters.

        Examples
        --------
        >>> customers = BetaGeo(0.5, 6.0, 0.8, 2.5).simulate(T=[52.0] * 4000, random_state=3)
        >>> model = BetaGeo.fit(customers)
        >>> model.to_frame()[["parameter", "estimate_ci_lower", "estimate_ci_upper"]].round(2)
          parameter  estimate_ci_lower  estimate_ci_upper
        0         r               0.46               0.52
        1     alpha               5.42               6.49
        2         a               0.59               0.89
        3         b               1.74               2.99
        """
        times = unit_of(summary, unit)
        of = grouped(read_histories(summary_frame(summary, TIMES)))
        if of.customers < MIN_CUSTOMERS:
            raise InvalidInput(
                f"summary must have at least {MIN_CUSTOMERS} customers to fit four parameters, "
                f"got {of.customers}"
            )
        repeats = float(of.weight @ of.frequency)
        if not repeats:
            raise InvalidInput(
                f"summary must have customers who came back, got {of.customers:,} with frequency "
                "0; take a longer history, or further kinds of purchase"
            )
        # In units of the mean age the parameters are of order one, whatever the unit of time.
        scale = float(of.weight @ of.T / of.customers)
        scaled = Histories(of.frequency, of.recency / scale, of.T / scale, of.weight)
        start = np.array([1.0, 1.0, 1.0, 3.0])
        found, fitted = maximise(BetaGeoLikelihood(scaled), PARAMETERS, start, of.customers)
        # The likelihood is a density of moments, one a repeat purchase: it has a unit of time.
        value = fitted.log_likelihood - repeats * np.log(scale)
        r, alpha, a, b = found.tolist()
        told = Fit(float(value), fitted.customers, fitted.steps, fitted.covariance)
        return cls(r, alpha * scale, a, b, times, told)

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """The parameters; where fitted, with intervals at `level` and standard errors."""
        return parameter_frame(PARAMETERS, self.parameters, _MEANINGS, self.fitted, level)

    def p_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Floats:
        """The chance that a customer has not left yet, shape (n,).

        It is 1 without a repeat purchase: by this model nobody leaves before one.
        """
        return _past(frequency, recency, T).p_alive(self.parameters)

    def expected_purchases(
        self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, *, horizon: float
    ) -> Floats:
        """Purchases that a customer will make in the next `horizon` units of time, shape (n,)."""
        check_horizon(horizon)
        return np.asarray(_past(frequency, recency, T).expected(self.parameters, [horizon])[0])

    def mean_purchases(self, t: ArrayLike) -> Floats:
        """Repeat purchases that a new customer makes in time `t`; shape of `t`."""
        return formulas.mean_purchases(self.parameters, _times(t))

    def frequency_chances(self, t: ArrayLike, most: int) -> Floats:
        """Chances that a new customer makes 0, 1, …, `most` or more repeat purchases in time `t`.

        Returns
        -------
        ndarray, shape (len(t), most + 2)
            Rows sum to 1.
        """
        check_count("most", most, high=10_000)
        return formulas.frequency_chances(self.parameters, np.atleast_1d(_times(t)), most)

    def predict(self, summary: object, *, horizon: float, level: float = 0.95) -> pd.DataFrame:
        """What each customer will do.

        Parameters
        ----------
        summary : PurchaseSummary, pandas.DataFrame or ibis.Table
            As for `fit`, with `customer_id`.
        horizon : float
            How far ahead, in the model's unit of time.
        level : float
            Level of the intervals. They say how well the model knows the expectation, not how far
            one customer may stray from it.

        Returns
        -------
        pandas.DataFrame
            In the order of a frame, else by `customer_id`: `customer_id`, `p_alive`,
            `expected_purchases`, and where the model was fitted `expected_purchases_ci_lower` and
            `expected_purchases_ci_upper`.
        """
        check_horizon(horizon)
        check_level(level)
        unit_of(summary, self.unit)
        frame = one_row_a_customer(summary, (ID, *TIMES))
        of = read_histories(frame)
        past = Past(of.frequency, of.recency, of.T)
        expected = past.expected(self.parameters, [horizon])[0]
        found = {"p_alive": past.p_alive(self.parameters), "expected_purchases": expected}
        if self.fitted is not None:
            slope = slopes(lambda theta: past.expected(theta, [horizon])[0], self.parameters)
            error = standard_errors(slope, self.fitted.covariance)
            found |= positive_interval("expected_purchases", expected, error, level)
        return pd.DataFrame({ID: frame[ID].to_numpy(), **found})

    def simulate(self, T: ArrayLike, *, random_state: int = 0) -> pd.DataFrame:
        """Customers drawn from the model, one for each value of `T`.

        Returns
        -------
        pandas.DataFrame
            `customer_id`, `frequency`, `recency`, `T`: what `fit` takes.
        """
        age = np.atleast_1d(_times(T))
        rng = np.random.default_rng(check_count("random_state", random_state))
        rate = rng.gamma(self.r, 1 / self.alpha, len(age))
        chance = np.clip(rng.beta(self.a, self.b, len(age)), 1e-300, 1 - 1e-16)
        wanted = rng.poisson(rate * age)
        leaves = np.ceil(np.log(rng.random(len(age))) / np.log1p(-chance))
        x = np.minimum(wanted, np.maximum(leaves, 1.0))
        # Given their number, moments of purchase are uniform: the x-th of them is beta.
        last = rng.beta(np.maximum(x, 1), wanted - x + 1)
        return pd.DataFrame(
            {
                ID: [f"C{i:07d}" for i in range(len(age))],
                "frequency": x.astype(np.int64),
                "recency": np.where(x > 0, last * age, 0.0),
                "T": age,
            }
        )


def check_horizon(horizon: float) -> float:
    """Return `horizon` if it is a length of time."""
    return check_number("horizon", horizon, low=0, high=1e9)


def _times(t: ArrayLike) -> Floats:
    times = np.asarray(t, dtype=np.float64)
    if not (np.isfinite(times) & (times >= 0)).all():
        raise InvalidInput("times must be finite and at least 0")
    return times


def _past(frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Past:
    """Histories given as arrays, checked; a scalar stands for all customers."""
    given = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (frequency, recency, T)]
    frame = pd.DataFrame(dict(zip(TIMES, np.broadcast_arrays(*given), strict=True)))
    of = read_histories(frame)
    return Past(of.frequency, of.recency, of.T)
