"""Customers spread over [0, 1) by a salted hash: the same place in every run, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def hash_share(ids: Iterable[str], *, salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each id, uniform over ids and fixed by id and salt.

    Use it to split customers: ``hash_share(ids, salt="K7") < 0.5`` is a random half that does not
    depend on the order of rows or on who else is there.

    Parameters
    ----------
    ids : iterable of str, n of them
        Customer ids; any type that prints the same everywhere.
    salt : str
        Another salt gives an independent split.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> hash_share(["c1", "c2"], salt="demo").round(3)
    array([0.844, 0.798])
    """
    import numpy as np
    import pandas as pd

    # pandas' siphash is keyed by 16 characters; the salt is folded into them.
    key = hashlib.sha256(salt.encode()).hexdigest()[:16]
    texts = pd.Series(list(ids), dtype=object).astype(str).to_numpy(dtype=object)
    hashed = pd.util.hash_array(texts, hash_key=key, categorize=False)
    return np.asarray(hashed >> np.uint64(11), dtype=np.float64) / 2.0**53
