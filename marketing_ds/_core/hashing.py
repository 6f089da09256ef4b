"""Customers spread over [0, 1) by a salted hash: the same place in every run, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir
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


def salted_digest(ids: ir.StringValue, *, salt: str) -> ir.StringValue:
    """A hash of each id as an expression of the engine: the same on every engine.

    It is the sha256, in hex, of salt, colon and id: a column may be ordered by it, to draw
    customers by lot. `hash_share` is another family of numbers, for ids in memory.

    Examples
    --------
    >>> import hashlib, ibis
    >>> ids = ibis.memtable({"customer_id": ["c1"]}).customer_id
    >>> digest = salted_digest(ids, salt="demo").to_pyarrow()[0].as_py()
    >>> digest == hashlib.sha256(b"demo:c1").hexdigest()
    True
    """
    import ibis

    return (ibis.literal(f"{salt}:") + ids).hexdigest("sha256")


def is_drawn(ids: ir.StringValue, share: float, *, salt: str) -> ir.BooleanValue:
    """Whether each id falls into a random `share` of all ids, fixed by id and salt alone.

    Who is drawn does not depend on who else is there: later ids fall in by the same rule, and the
    drawn of a smaller share are among those of a greater one.
    """
    import ibis

    if share >= 1:
        return ids.notnull()
    return salted_digest(ids, salt=salt) < ibis.literal(f"{int(share * 2**52):013x}")
