"""What an offer costs and is worth: from scores and offers to a matrix of candidates.

Net value of giving customer *i* offer *a*:
``value · uplift − (contact cost + benefit cost · P(redeem))``, in CNY.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds._core.checks import check_choice, check_columns, check_date
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.schema import CONTACT_CHANNELS, CONTROL

if TYPE_CHECKING:
    import ibis

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Frame: TypeAlias = "pd.DataFrame | ibis.Table"

_SCORE_COLUMNS = ("customer_id", "as_of", "kind", "arm", "score")
_MONEY = ("contact_cost_cny", "benefit_cost_cny", "value_cny")


@dataclass(frozen=True)
class OfferTerms:
    """The offers in the order of their frame: (A,) arrays of costs and values in CNY."""

    names: tuple[str, ...]
    channels: tuple[str, ...]
    cost: FloatArray
    """Expected cost of giving the offer once: contact + benefit × P(redeem)."""
    value: FloatArray
    """Worth of one unit of outcome."""
    capacity: tuple[float | None, ...]


@dataclass(frozen=True)
class Candidates:
    """Who could be given what: one column a customer (sorted by id), one row an offer."""

    customer_ids: pa.Array
    as_of: dt.date
    offers: OfferTerms
    uplift: FloatArray
    """(A, n); NaN where a customer has no score for the offer and so cannot get it."""

    def net_value(self) -> FloatArray:
        """Net value in CNY, (A, n); NaN where the offer cannot be given."""
        return self.offers.value[:, None] * self.uplift - self.offers.cost[:, None]


def expected_costs(offers: Frame) -> dict[str, float]:
    """Expected cost in CNY of giving each offer once: contact + benefit × P(redeem).

    Parameters
    ----------
    offers : pandas.DataFrame or ibis.Table
        Columns offer, channel, contact_cost_cny, benefit_cost_cny, redeem_rate, value_cny.

    Examples
    --------
    >>> import pandas as pd
    >>> expected_costs(pd.DataFrame({
    ...     "offer": ["coupon"], "channel": ["sms"], "contact_cost_cny": [0.1],
    ...     "benefit_cost_cny": [20.0], "redeem_rate": [0.25], "value_cny": [300.0]}))
    {'coupon': 5.1}
    """
    terms = offer_terms(offers)
    return dict(zip(terms.names, terms.cost.tolist(), strict=True))


def offer_terms(offers: Frame) -> OfferTerms:
    """Check a frame of offers and take its numbers."""
    frame = offers if isinstance(offers, pd.DataFrame) else offers.to_pyarrow().to_pandas()
    check_columns(frame.columns, ("offer", "channel", "redeem_rate", *_MONEY), "offers")
    if frame.empty:
        raise InvalidInput("offers must have at least one row, got none")
    names = tuple(str(name) for name in frame["offer"])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInput(
            f"offers must name each offer once, got {twice[0]!r} more than once; "
            "keep the rows of one campaign"
        )
    if CONTROL in names:
        raise InvalidInput(f"offers must not contain {CONTROL!r}: it stands for no offer")
    for channel in frame["channel"]:
        check_choice("channel of offers", channel, CONTACT_CHANNELS)
    numbers = {column: _amounts(frame, column) for column in (*_MONEY, "redeem_rate")}
    if (numbers["redeem_rate"] > 1).any():
        raise InvalidInput(
            "redeem_rate of offers must be between 0 and 1, "
            f"got {numbers['redeem_rate'].max():g}; it is a share, not a percentage"
        )
    return OfferTerms(
        names,
        tuple(str(channel) for channel in frame["channel"]),
        numbers["contact_cost_cny"] + numbers["benefit_cost_cny"] * numbers["redeem_rate"],
        numbers["value_cny"],
        _capacities(frame),
    )


def candidates(scores: Frame, offers: Frame) -> Candidates:
    """Lay uplift scores (one row per customer and arm) out as a matrix, customers sorted by id.

    Raises
    ------
    InvalidInput
        If a column is missing, scores are not of kind uplift, of more than one date, not finite
        or given twice for a customer and arm, or an arm has no row in `offers`.
    """
    terms = offer_terms(offers)
    check_columns(scores.columns, _SCORE_COLUMNS, "scores")
    table = _arrow(scores)
    _check_kind(table)
    offer_of_row = _offer_positions(table["arm"], terms.names)
    ids, row_of = _sorted_ids(table["customer_id"])
    values = table["score"].to_numpy().astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise InvalidInput(
            f"score of scores must be finite, got {int((~np.isfinite(values)).sum())} row(s) that "
            "are not; leave out customers who cannot be scored"
        )
    uplift = np.full((len(terms.names), len(ids)), np.nan)
    uplift[offer_of_row, row_of] = values
    if int(np.isfinite(uplift).sum()) != len(values):
        raise InvalidInput(
            "scores must have one row per customer and arm, got some twice; keep one model_version"
        )
    return Candidates(ids, _one_date(table["as_of"]), terms, uplift)


def _arrow(scores: Frame) -> pa.Table:
    if isinstance(scores, pd.DataFrame):
        columns = scores.loc[:, list(_SCORE_COLUMNS)]
        table = pa.Table.from_pandas(columns, preserve_index=False)
    else:
        table = scores.select(*_SCORE_COLUMNS).to_pyarrow()
    if table.num_rows == 0:
        raise InvalidInput("scores must have at least one row, got none")
    for column in ("customer_id", "arm", "score"):
        if table[column].null_count:
            raise InvalidInput(f"{column} of scores must not be null")
    return table


def _check_kind(table: pa.Table) -> None:
    kinds = [str(kind) for kind in pc.unique(table["kind"]).to_pylist()]
    if kinds != ["uplift"]:
        raise InvalidInput(
            f"kind of scores must be 'uplift', got {', '.join(map(repr, kinds))}; "
            "a plan needs what an offer adds, not how likely a customer is (assumed_uplift makes "
            "it of propensity, by an assumption)"
        )


def _one_date(column: pa.ChunkedArray) -> dt.date:
    dates = pc.unique(column).to_pylist()
    if len(dates) != 1:
        raise InvalidInput(
            f"scores must be of one as_of, got {len(dates)}; keep the rows of one date"
        )
    return check_date("as_of of scores", dates[0])


def _offer_positions(arms: pa.ChunkedArray, offers: tuple[str, ...]) -> IntArray:
    coded = arms.combine_chunks().dictionary_encode()
    names = [str(name) for name in coded.dictionary.to_pylist()]
    for name in names:
        if name not in offers:
            raise InvalidInput(
                f"arm {name!r} of scores has no row in offers{did_you_mean(name, offers)}; "
                "add the offer, or drop these scores"
            )
    positions = np.array([offers.index(name) for name in names], dtype=np.int64)
    taken: IntArray = positions[coded.indices.to_numpy(zero_copy_only=False)]
    return taken


def _sorted_ids(ids: pa.ChunkedArray) -> tuple[pa.Array, IntArray]:
    """Distinct ids in order, and for each row the position of its id among them."""
    coded = ids.cast(pa.large_string()).combine_chunks().dictionary_encode()
    distinct, codes = coded.dictionary, coded.indices.to_numpy(zero_copy_only=False)
    if len(distinct) < 2 or pc.all(pc.less(distinct[:-1], distinct[1:])).as_py():
        return distinct, codes.astype(np.int64)
    order = pc.sort_indices(distinct).to_numpy()
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[order] = np.arange(len(distinct))
    return distinct.take(pa.array(order)), rank[codes]


def _amounts(frame: pd.DataFrame, column: str) -> FloatArray:
    values: FloatArray = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise InvalidInput(
            f"{column} of offers must be a number of at least 0, got {frame[column].tolist()}"
        )
    return values


def _capacities(frame: pd.DataFrame) -> tuple[float | None, ...]:
    if "capacity" not in frame.columns:
        return (None,) * len(frame)
    values = pd.to_numeric(frame["capacity"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = (values < 0) | (np.isnan(values) & frame["capacity"].notna().to_numpy())
    if wrong.any():
        raise InvalidInput(
            f"capacity of offers must be at least 0 or null, got {frame['capacity'].tolist()}"
        )
    return tuple(None if np.isnan(value) else float(value) for value in values)
