"""Findings as rows of the mart's `effects`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from marketing_ds.schema import EFFECTS


def effects_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of the contract, in its order; an interval without an end has none there.

    Examples
    --------
    >>> frame = pd.DataFrame({name: [1.0] for name in EFFECTS.column_names})
    >>> rows = effects_rows(frame.assign(rel_effect_ci_upper=np.inf))
    >>> rows["rel_effect_ci_upper"].isna().all()
    np.True_
    """
    return frame[list(EFFECTS.column_names)].replace([np.inf, -np.inf], np.nan)
