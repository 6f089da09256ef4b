"""How far a ratio in percent surely lies from 100: what rows of a profile are ranked by."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def sureness(lower: ArrayLike, upper: ArrayLike) -> NDArray[np.float64]:
    """|log(ratio/100)| at the end of the interval nearest to 100; 0 where 100 lies inside.

    Examples
    --------
    >>> sureness([200.0, 90.0, 25.0], [400.0, 110.0, 50.0]).round(2)
    array([0.69, 0.  , 0.69])
    """
    nearest = np.clip(100.0, np.asarray(lower, dtype=float), np.asarray(upper, dtype=float))
    with np.errstate(divide="ignore"):
        value: NDArray[np.float64] = np.abs(np.log(nearest / 100.0))
    return value
