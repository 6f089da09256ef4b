"""What came in beside the features: outcome, arm and probability of the arm, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.errors import InvalidInput, did_you_mean

Floats = npt.NDArray[np.float64]

TREATED = "treated"
"""Name of the one arm when `treatment` is an array of 0 and 1."""

_MOST_ARMS = 100  # more numbers than that are no arms


@dataclass(frozen=True)
class Arms:
    """The arm of every customer as a small integer: 0 is control, `k` is ``names[k - 1]``."""

    codes: npt.NDArray[np.int16]
    names: tuple[str, ...]
    control: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Names by code, control first."""
        return (self.control, *self.names)

    def counts(self) -> dict[str, int]:
        """Customers by arm, control first."""
        counted = np.bincount(self.codes, minlength=len(self.labels))
        return {label: int(n) for label, n in zip(self.labels, counted, strict=True)}


def add_rest(values: Floats, y: Floats, codes: npt.NDArray[np.int16], chance: Floats) -> Floats:
    """To expected outcomes, what happened beyond them under the arm received, over P(that arm).

    The means are then those of the outcome under each arm, whatever the expectations (AIPW).

    Parameters
    ----------
    values : ndarray of shape (n, 1 + arms)
        Expected outcomes under each arm; written to.
    y, codes : ndarray of shape (n,)
        Outcomes, and the arm received.
    chance : ndarray of shape (n, 1 + arms)
        P(each arm).
    """
    rows = np.arange(len(y))
    values[rows, codes] += (y - values[rows, codes]) / chance[rows, codes]
    return values


def read_outcome(y: object) -> Floats:
    """`y` as finite float64, shape (n,).

    Raises
    ------
    InvalidInput
        If `y` is not one-dimensional, not numeric, empty, or holds NaN or infinite values.
    """
    if y is None:
        raise InvalidInput("this requires y to be passed, but the target y is None")
    return read_numbers(y, "y")


def read_numbers(values: object, name: str) -> Floats:
    """`values` as finite float64, shape (n,); `name` is what errors call it."""
    raw = np.asarray(values)
    if raw.dtype.kind == "c":
        raise InvalidInput(f"{name} must be real. Complex data not supported: {_sample(values)}")
    try:
        numbers = raw.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} must be numeric, got {_sample(values)}") from None
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        way_out = ""
        if name == "probability":
            way_out = (
                "; of several arms hand in a mapping or a DataFrame with a column an arm, by name"
            )
        raise InvalidInput(f"{name} must have one value a row, got shape {numbers.shape}{way_out}")
    if not len(numbers):
        raise InvalidInput(f"{name} must have at least one row, got none")
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise InvalidInput(
            f"{name} must be finite, got {int(bad.sum())} missing or infinite value(s), "
            f"the first in row {int(bad.argmax())}; drop or fill those rows"
        )
    return numbers


def read_arms(treatment: object, control: object, *, rows: int) -> Arms:
    """Encode the arms of `rows` customers.

    Parameters
    ----------
    treatment : array-like of shape (n,)
        Names of arms, one of them `control`; or 0 and 1 (or booleans), where 0 is control and the
        arm is named ``"treated"``.
    control : str or int
        The name of the control arm.
    rows : int
        The length expected.

    Raises
    ------
    InvalidInput
        If lengths differ, an arm is missing, or control or every other arm is absent.
    """
    series = _as_series(treatment)
    if len(series) != rows:
        raise InvalidInput(f"treatment must have one arm a row: {rows} rows, got {len(series)}")
    if series.isna().any():
        raise InvalidInput(
            f"treatment must name an arm in every row, got {int(series.isna().sum())} missing; "
            f"drop rows of customers who were not assigned"
        )
    if pd.api.types.is_numeric_dtype(series.dtype) and control == "control":
        values = set(pd.unique(series).tolist())
        if not values <= {0, 1}:
            way_out = f"; say which is control, e.g. control={min(values)!r}"
            raise InvalidInput(
                f"treatment must hold names of arms, or 0 for control and 1 for treated; "
                f"got {_list(values)}{way_out if len(values) <= _MOST_ARMS else ''}"
            )
        if len(values) == 2:  # numbers are codes already: naming millions of them would take long
            return Arms(series.to_numpy(dtype=np.int16), (TREATED,), "control")
        series = series.astype(bool).map({False: "control", True: TREATED})
    codes, uniques = pd.factorize(series)
    present = [str(value) for value in uniques]
    if str(control) not in present:
        raise InvalidInput(
            f"control must be one of the arms in treatment ({_list(present)}), "
            f"got {control!r}{did_you_mean(str(control), present)}"
        )
    names = tuple(sorted(set(present) - {str(control)}))
    if not names:
        raise InvalidInput(
            f"treatment must hold at least one arm beside control, got only {control!r}"
        )
    # Sorted names, so that the order of the rows decides nothing.
    rank = {name: code for code, name in enumerate((str(control), *names))}
    recode = np.array([rank[name] for name in present], dtype=np.int16)
    return Arms(recode[codes], names, str(control))


def read_probability(probability: object, arms: Arms) -> Floats:
    """P(the arm each customer was given), shape (n,).

    Parameters
    ----------
    probability : array-like of shape (n,), mapping, DataFrame or None
        One probability a row (of the arm *received*); or one for each arm by name, a number or one
        a row; or None for the arms' shares of the rows. Where the arms' add up to less than 1,
        customers of other arms have been left out: the others' share of those who are here is meant.
    arms : Arms
        The arms received.

    Raises
    ------
    InvalidInput
        If a probability is missing, outside (0, 1), or the arms' add up to more than 1.
    """
    if probability is None or _names_arms(probability):
        return read_chances(probability, arms)[np.arange(len(arms.codes)), arms.codes]
    numbers = read_numbers(probability, "probability")
    _check_length(numbers, arms)
    _check_inside(numbers)
    return numbers


def read_chances(probability: object, arms: Arms) -> Floats:
    """P(each arm), shape (n, 1 + arms), columns as `arms.labels`; what is given as in
    `read_probability`.

    Of several arms, where only that of the arm received is given by row, the others share the rest
    as they share the rows.
    """
    shares: Floats = np.bincount(arms.codes, minlength=len(arms.labels)) / len(arms.codes)
    if probability is None:
        return np.broadcast_to(shares, (len(arms.codes), len(shares)))
    if _names_arms(probability):
        return _by_arm(probability, arms)
    received = read_probability(probability, arms)
    rows = np.arange(len(received))
    chance = np.tile(shares, (len(received), 1))
    chance[rows, arms.codes] = 0
    chance *= ((1 - received) / chance.sum(axis=1))[:, None]
    chance[rows, arms.codes] = received
    return chance


def knows_all(probability: object, arms: Arms) -> bool:
    """Whether `read_chances` need not guess any arm's probability."""
    return probability is None or len(arms.names) == 1 or _names_arms(probability)


def _names_arms(probability: object) -> bool:
    return isinstance(probability, (Mapping, pd.DataFrame))


def _by_arm(probability: Any, arms: Arms) -> Floats:
    given = {str(name): probability[name] for name in probability}
    missing = [label for label in arms.labels if label not in given]
    if missing:
        raise InvalidInput(
            f"probability must name every arm; missing {_list(missing)}, got {_list(given)}"
        )
    parts = []
    for label in arms.labels:
        numbers = read_numbers(np.atleast_1d(given[label]), f"probability of {label!r}")
        if len(numbers) > 1:
            _check_length(numbers, arms)
        _check_inside(numbers)
        parts.append(np.broadcast_to(numbers, (len(arms.codes),)))
    chance = np.column_stack(parts)
    total = chance.sum(axis=1)
    if total.max() > 1 + 1e-6:
        raise InvalidInput(
            f"probability must add up to at most 1 over the arms, got {total.max():g}"
        )
    if total.min() < 1 - 1e-6:
        chance /= total[:, None]
    return chance


def _check_length(numbers: Floats, arms: Arms) -> None:
    if len(numbers) != len(arms.codes):
        raise InvalidInput(
            f"probability must have one value a row: {len(arms.codes)} rows, got {len(numbers)}"
        )


def _check_inside(numbers: Floats) -> None:
    bad = (numbers <= 0) | (numbers >= 1)
    if bad.any():
        raise InvalidInput(
            f"probability must be between 0 and 1, both excluded, got {numbers[bad.argmax()]:g} "
            f"in row {int(bad.argmax())}; leave out customers who could only get one arm"
        )


def _as_series(values: object) -> pd.Series[Any]:
    """`values` as a pandas Series, positions for index; Arrow and other arrays come in too."""
    if hasattr(values, "to_pandas") and not isinstance(values, pd.Series):
        values = values.to_pandas()
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    array: Any = values
    if not isinstance(values, (pd.Categorical, pd.api.extensions.ExtensionArray)):
        array = np.asarray(values)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise InvalidInput(f"treatment must have one arm a row, got shape {array.shape}")
    return pd.Series(array)


def _list(values: Any, most: int = 8) -> str:
    shown = [repr(value) for value in values]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def _sample(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else text[:57] + "…"
