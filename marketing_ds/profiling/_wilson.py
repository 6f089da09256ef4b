"""Wilson's interval of one proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.estimate import normal_quantile

_Array = NDArray[np.float64]


def wilson(count: ArrayLike, size: ArrayLike, *, alpha: float = 0.05) -> tuple[_Array, _Array]:
    """Lower and upper end of the interval of count/size; NaN where size is 0.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> lower, upper = wilson([10], [100])
    >>> print(f"{lower[0]:.3f} to {upper[0]:.3f}")
    0.055 to 0.174
    """
    x, n = np.asarray(count, dtype=float), np.asarray(size, dtype=float)
    z2 = normal_quantile(alpha) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (x + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
