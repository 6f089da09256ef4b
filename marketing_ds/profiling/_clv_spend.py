"""Gamma-Gamma: what a purchase of each customer is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from ._clv_data import ID, MIN_CUSTOMERS, Floats, column, one_row_a_customer, refuse, summary_frame
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
from ._clv_likelihood import GammaGammaLikelihood

PARAMETERS = ("p", "q", "v")
SPEND = ("frequency", "monetary_value")
_MEANINGS = (
    "values of one customer's purchases: shape of their gamma distribution",
    "customers differ: shape of the gamma distribution of its rate", "its scale, in units of value",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class GammaGamma(Result):
    """The Gamma-Gamma model: a customer's purchases vary around a mean of their own.

    The values of a customer's purchases are gamma distributed (shape `p`) with a rate that differs
    between customers by a gamma distribution (shape `q`, scale `v`). A customer's mean is thus
    drawn to everybody's, the more the fewer purchases it rests on. The model takes values not to
    depend on frequency: see `correlation`. Made by `GammaGamma.fit`, or from published parameters.

    Parameters
    ----------
    p, q, v : float
        The parameters, all positive; `v` in units of value.
    fitted : Fit, optional
        Log-likelihood, customers and covariance, where the model was fitted.
    correlation : float, optional
        Correlation of frequency and mean value over the customers of the fit; the model wants it
        near 0.

    References
    ----------
    P. S. Fader and B. G. S. Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
    http://www.brucehardie.com/notes/025/.

    Examples
    --------
    Nobody's two purchases of 22.35 on average are taken at face value where all spend 35:

    >>> model = GammaGamma(p=6.25, q=3.74, v=15.44)
    >>> model.expected_value(frequency=[0, 2, 20], monetary_value=[0, 22.35, 22.35]).round(2)
    array([35.22, 24.66, 22.63])
    """

    p: float
    q: float
    v: float
    fitted: Fit | None = None
    correlation: float | None = None

    def __post_init__(self) -> None:
        check_parameters(PARAMETERS, self.parameters)

    @property
    def parameters(self) -> tuple[float, float, float]:
        """p, q, v."""
        return self.p, self.q, self.v

    @classmethod
    def fit(cls, summary: object) -> Self:
        """Fit by maximum likelihood, to the customers who came back.

        Parameters
        ----------
        summary : PurchaseSummary, pandas.DataFrame or ibis.Table
            One row a customer: `frequency` (repeat purchases) and `monetary_value` (their mean
            value, the first purchase left out; read only where frequency is above 0).

        Returns
        -------
        GammaGamma

        Raises
        ------
        InvalidInput
            If a value of a customer who came back is missing or not positive, or fewer than 50 came
            back.
        NotConverged
            If the data do not determine the parameters.

        Examples
        --------
        >>> from marketing_ds.datasets import load_cdnow
        >>> from marketing_ds.profiling import purchase_summary
        >>> model = GammaGamma.fit(purchase_summary(load_cdnow().purchases, "1997-09-30"))
        >>> model.to_frame()[["parameter", "estimate"]].round(2)
          parameter  estimate
        0         p      6.25
        1         q      3.74
        2         v     15.44
        """
        x, mean = read_spend(summary_frame(summary, SPEND))
        back = x > 0
        if back.sum() < MIN_CUSTOMERS:
            raise InvalidInput(
                f"summary must have at least {MIN_CUSTOMERS} customers with repeat purchases to "
                f"fit three parameters, got {int(back.sum())}"
            )
        x, mean = x[back], mean[back]
        # Sums in one order, whatever that of the rows; values in units of their mean.
        order = np.lexsort((mean, x))
        scale = float(np.sort(mean).mean())
        likelihood = GammaGammaLikelihood(x[order], mean[order] / scale)
        found, fitted = maximise(likelihood, PARAMETERS, np.array([4.0, 4.0, 1.0]), len(x))
        value = fitted.log_likelihood - len(x) * np.log(scale)
        told = Fit(float(value), fitted.customers, fitted.steps, fitted.covariance)
        p, q, v = found.tolist()
        return cls(p, q, v * scale, told, _correlation(x[order], mean[order]))

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """The parameters; where fitted, with intervals at `level` and standard errors."""
        return parameter_frame(PARAMETERS, self.parameters, _MEANINGS, self.fitted, level)

    def expected_value(self, frequency: ArrayLike, monetary_value: ArrayLike) -> Floats:
        """The expected value of a future purchase of each customer, shape (n,).

        Raises
        ------
        InvalidInput
            If `q` is not above 1: then the mean over customers is infinite, and so is that of one
            without repeat purchases.
        """
        given = [
            np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (frequency, monetary_value)
        ]
        x, mean = read_spend(
            pd.DataFrame(dict(zip(SPEND, np.broadcast_arrays(*given), strict=True)))
        )
        self.check_mean()
        return expected_value(self.parameters, x, mean)

    def predict(self, summary: object, *, level: float = 0.95) -> pd.DataFrame:
        """The expected value of a future purchase of each customer.

        Parameters
        ----------
        summary : PurchaseSummary, pandas.DataFrame or ibis.Table
            As for `fit`, with `customer_id`.
        level : float
            Level of the intervals, which say how well the model knows the expectation.

        Returns
        -------
        pandas.DataFrame
            In the order of a frame, else by `customer_id`: `customer_id`, `expected_value_cny`, and
            where the model was fitted `expected_value_cny_ci_lower` and
            `expected_value_cny_ci_upper`.
        """
        check_level(level)
        self.check_mean()
        frame = one_row_a_customer(summary, (ID, *SPEND))
        x, mean = read_spend(frame)
        value = expected_value(self.parameters, x, mean)
        found = {"expected_value_cny": value}
        if self.fitted is not None:
            slope = slopes(lambda theta: expected_value(theta, x, mean), self.parameters)
            error = standard_errors(slope, self.fitted.covariance)
            found |= positive_interval("expected_value_cny", value, error, level)
        return pd.DataFrame({ID: frame[ID].to_numpy(), **found})

    def check_mean(self) -> None:
        """Refuse to expect a value where the mean over customers is infinite."""
        if self.q <= 1:
            raise InvalidInput(
                f"q must be above 1 for customers to have a mean value, got {self.q:.3g}; a few very "
                "large values may be the cause: cap them, or model large customers apart"
            )


def expected_value(parameters: ArrayLike, x: Floats, mean: Floats) -> Floats:
    """Fader and Hardie (2013), eq. 5: a customer's mean, drawn to everybody's."""
    p, q, v = np.asarray(parameters, dtype=np.float64)
    return np.asarray(p * (v + x * mean) / (p * x + q - 1))


def read_spend(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Frequency and mean value of each row, checked; the value is 0 without repeat purchases."""
    x, mean = column(frame, "frequency"), column(frame, "monetary_value")
    refuse(~np.isfinite(x) | (x < 0) | (x != np.floor(x)), x, "frequency must be a whole number")
    mean = np.where(x == 0, 0.0, mean)
    wrong = (x > 0) & ~(np.isfinite(mean) & (mean > 0))
    refuse(wrong, mean, "monetary_value must be positive where frequency is above 0")
    return x, mean


def _correlation(x: Floats, mean: Floats) -> float:
    """Pearson's; 0 where all are alike."""
    if np.ptp(x) == 0 or np.ptp(mean) == 0:
        return 0.0
    return float(np.corrcoef(x, mean)[0, 1])
