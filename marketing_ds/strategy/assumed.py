"""From propensity to uplift by an assumption, where no experiment has measured it yet."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.errors import InvalidInput

from .value import Frame

_COLUMNS = ("customer_id", "as_of", "kind", "arm", "score", "standard_error", "model_version")


def assumed_uplift(scores: Frame, share: float | Mapping[str, float]) -> pd.DataFrame:
    """Propensity scores as uplift scores, if an offer is taken to add a share of the probability.

    ``uplift = share · P(outcome)``. That is an assumption, not a finding: the customers most likely
    to buy are often those who would buy anyway, and a share of 1 counts every purchase as the
    offer's. It lets `allocate` plan next best products before there is an experiment; keep customers
    without an offer (`hold_out`), so that the next plan can rest on measured uplift.

    Parameters
    ----------
    scores : pandas.DataFrame or ibis.Table
        The scores table, kind `propensity`, with an arm in every row: see `NextBest.score_table`.
    share : float or mapping of str to float
        Between 0 and 1: of all outcomes, those that the offer adds; one for all arms, or by arm.

    Returns
    -------
    pandas.DataFrame
        The scores table, kind `uplift`; `model_version` says what was assumed, and `standard_error`
        is null: that of an assumption is not known.

    Raises
    ------
    InvalidInput
        If scores are not of kind propensity, an arm is null or has no share, or a share is not
        between 0 and 1.

    Examples
    --------
    >>> scores = pd.DataFrame({
    ...     "customer_id": ["c1", "c2"], "as_of": "2026-06-30", "kind": "propensity",
    ...     "arm": "fund", "score": [0.30, 0.04], "standard_error": None, "model_version": "9c1f"})
    >>> assumed_uplift(scores, 0.2)[["customer_id", "kind", "score", "model_version"]]
      customer_id    kind  score            model_version
    0          c1  uplift  0.060  9c1f: 0.2 of it assumed
    1          c2  uplift  0.008  9c1f: 0.2 of it assumed
    """
    check_columns(scores.columns, _COLUMNS, "scores")
    frame = scores if isinstance(scores, pd.DataFrame) else scores.to_pyarrow().to_pandas()
    frame = frame.loc[:, list(_COLUMNS)].reset_index(drop=True)
    kinds = sorted(set(frame["kind"].astype(str)))
    if kinds != ["propensity"]:
        raise InvalidInput(
            f"kind of scores must be 'propensity', got {', '.join(map(repr, kinds)) or 'no rows'}; "
            "uplift scores need no assumption"
        )
    if frame["arm"].isna().any():
        raise InvalidInput(
            f"arm of scores must name an offer in every row, got {int(frame['arm'].isna().sum())} "
            "null(s); set it to the offer that the probability is of, e.g. scores.assign(arm='fund')"
        )
    of_row = frame["arm"].map(_shares(share, sorted(set(frame["arm"].astype(str)))))
    told = frame["model_version"].astype(str) + of_row.map(": {:g} of it assumed".format)
    return frame.assign(
        kind="uplift",
        score=frame["score"] * of_row,
        standard_error=float("nan"),
        model_version=told.astype("str"),
    )


def _shares(share: float | Mapping[str, float], arms: list[str]) -> dict[str, float]:
    given = share if isinstance(share, Mapping) else dict.fromkeys(arms, share)
    missing = [arm for arm in arms if arm not in given]
    if missing:
        raise InvalidInput(f"share must name every arm of scores, {missing[0]!r} is missing")
    return {arm: check_number(f"share of {arm!r}", given[arm], low=0, high=1) for arm in arms}
