"""Why a customer is close to the seeds: the nearest of them, and the tags that make it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import faiss
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_columns, check_count
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds.profiling import told_in

from .. import inputs
from ..encode import Codes
from ..information import evidence_of
from ..limits import id_list, only
from ..neighbourhood import Neighbourhood
from ..scorers import Ensemble, Scorer, log_odds
from ..space import Coordinates, Space, contrast_space, plain_space
from ..training import Rows, Training
from .words import LANGUAGES, check_language, spans, words_of

_MOST = 1_000
"""Customers explained at once."""
_TRIED = 40
"""Tags tried a customer: those whose levels speak most for or against being a seed."""
_STAND_INS = 5
_ORDINARY = 1_000
_COLUMNS = (
    "customer_id", "score", "rank", "tag", "title", "value", "seed_share", "base_share", "tgi",
    "contribution",
)  # fmt: skip
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CustomerReasons(Result):
    """Why customers are as close to the seeds as they are; made by `Lookalike.reasons`.

    The contribution of a tag is the log-odds of the customer's closeness less what they would be
    on average if the tag were known of them no better than of anybody: the closeness is scored
    again with levels that stand for the whole base in its place (five, at the middle of each fifth
    of the base, ordered by how they speak for being a seed). One tag is replaced at a time, so
    tags that say the same share the credit. Where there are more than 40 tags, the 40 are tried
    whose levels speak most for or against being a seed.

    Attributes
    ----------
    nearest : pandas.DataFrame
        The nearest seeds of each customer: `customer_id`, `rank`, `seed_id`, `distance`. The unit of
        distance is what an ordinary customer has (median) to the nearest seed.
    """

    frame: pd.DataFrame = field(repr=False)
    nearest: pd.DataFrame = field(repr=False)
    scores: pd.Series = field(repr=False)
    """Closeness by customer, in the order asked for."""

    def to_frame(self, language: str = "en") -> pd.DataFrame:
        """One row a customer and reason, the strongest first.

        Columns `customer_id`, `score`, `rank`, `tag`, `title`, `value` (the range that the customer
        is in), `seed_share` and `base_share` (who else is in it), `tgi`, `contribution`. Only tags
        that bring the customer closer are reasons; a customer may have none.

        Parameters
        ----------
        language : {"en", "zh"}
            Of titles and values.
        """
        return told_in(language, self.frame, list(_COLUMNS))

    def summary(self, language: str = "en") -> pd.DataFrame:
        """How often each tag is a reason; names no customer.

        Columns `tag`, `title`, `customers` (who have it among their reasons), `customer_share`,
        `mean_contribution` (of those), the commonest first.

        Parameters
        ----------
        language : {"en", "zh"}
            Of titles.
        """
        rows = self.to_frame(language).groupby(["tag", "title"], as_index=False)
        told = rows.agg(customers=("rank", "size"), mean_contribution=("contribution", "mean"))
        told.insert(3, "customer_share", told["customers"] / len(self.scores))
        order = ["customers", "mean_contribution", "tag"]
        return told.sort_values(order, ascending=[False, False, True], ignore_index=True)

    def _repr_html_(self) -> str:
        # A page that is passed on must not list single customers.
        title = f"Why {len(self.scores):,} customers are close to the seeds: commonest reasons"
        return frame_html(self.summary(), title=title)

    def text(self, customer_id: str, language: str = "en") -> str:
        """The reasons of one customer as a sentence.

        Parameters
        ----------
        customer_id : str
            One of those explained.
        language : {"en", "zh"}
        """
        check_language(language)
        check_choice("customer_id", customer_id, self.scores.index.tolist())
        own = self.to_frame(language).query("customer_id == @customer_id")
        near = self.nearest.query("customer_id == @customer_id")
        why = [
            f"{row.title}: {row.value} (TGI {row.tgi:.0f})"
            for row in own.itertuples()
        ]  # fmt: skip
        seeds = [f"{row.seed_id} ({row.distance:.2f})" for row in near.itertuples()]
        score = self.scores[customer_id]
        if language == "zh":
            return (
                f"{customer_id}，相似度 {score:.2f}：{'；'.join(why) or '没有标签使其更接近种子客户'}。"
                f"最近的种子客户：{'、'.join(seeds)}。"
            )
        return (
            f"{customer_id}, closeness {score:.2f}: "
            f"{'; '.join(why) or 'no tag brings them closer to the seeds'}. "
            f"Nearest seeds: {', '.join(seeds)}."
        )


def customers_table(customers: Any, frame: Any, tags: Sequence[str]) -> pa.Table:
    """The tags of customers who are given as ids, looked up in `frame`, or as a frame of their own.

    Raises
    ------
    InvalidInput
        If there are none or too many, or an id is not in the frame.
    """
    if isinstance(customers, (pd.DataFrame, ibis.Table)) and len(customers.columns) > 1:
        check_columns(inputs.frame_columns(customers), [inputs.ID, *tags], "customers")
        wanted, rows = None, customers
    else:
        if frame is None:
            raise InvalidInput("customers must be a frame with tags: a loaded model keeps no frame")
        listed = id_list("customers", customers)
        wanted = (
            listed if isinstance(listed, pd.Series) else listed.to_pyarrow()[inputs.ID].to_pandas()
        )
        _check_number(len(wanted))
        rows = only(frame, wanted)
    nobody = pa.table({name: pa.array([], pa.string()) for name in (inputs.ID, *tags)})
    found = list(inputs.batches(rows, tags)) or [nobody]
    table = pa.concat_tables(found, promote_options="permissive")
    inputs.refuse_duplicates(table[inputs.ID].to_numpy())
    if wanted is None:
        _check_number(table.num_rows)
        return table
    at = pd.Index(table[inputs.ID].to_numpy()).get_indexer(pd.Index(wanted.drop_duplicates()))
    if (at < 0).any():
        missing = wanted.drop_duplicates()[at < 0]
        raise InvalidInput(
            f"customers must be in the frame of fit, got {len(missing)} that are not, e.g. "
            f"{missing.iloc[0]!r}; pass a frame with their tags"
        )
    return table.take(pa.array(at))


def explain_customers(
    training: Training,
    scorer: Scorer,
    table: tuple[NDArray[Any], Codes],
    *,
    top: int,
    nearest: int,
) -> CustomerReasons:
    """The reasons of customers, given as ids and levels."""
    check_count("top", top, low=1)
    check_count("nearest", nearest, low=1)
    ids, codes = table
    row = pd.Index(training.ids).get_indexer(pd.Index(ids))
    score = scorer.scores(codes, row)
    contribution = _contributions(training, scorer, codes, row, score)
    frame = _frame(training, ids, codes, score, contribution, top)
    near = _nearest(training, _space(training, scorer), ids, codes, row, nearest)
    return CustomerReasons(frame, near, pd.Series(score, index=ids))


def _contributions(
    training: Training, scorer: Scorer, codes: Codes, row: Rows, score: Floats
) -> Floats:
    """What each tag adds to each customer's log-odds, shape (n, tags); NaN where not tried."""
    seeds, base = training.codes[training.is_seed], training.codes[training.in_base]
    says = [
        evidence_of(seeds[:, at], base[:, at], tag.n_levels)[:2]
        for at, tag in enumerate(training.levels)
    ]
    own = np.column_stack([evidence[codes[:, at]] for at, (evidence, _) in enumerate(says)])
    tried = np.zeros(own.shape, dtype=bool)
    most = np.argsort(-np.abs(own), axis=1, kind="stable")[:, :_TRIED]
    np.put_along_axis(tried, most, True, axis=1)
    found = np.full(own.shape, np.nan)
    for at, (evidence, share) in enumerate(says):
        who = np.flatnonzero(tried[:, at])
        if not len(who):
            continue
        levels = _stand_ins(evidence, share)
        changed = np.repeat(codes[who], len(levels), axis=0)
        changed[:, at] = np.tile(levels, len(who))
        without = log_odds(scorer.scores(changed, np.repeat(row[who], len(levels))))
        found[who, at] = log_odds(score[who]) - without.reshape(len(who), -1).mean(axis=1)
    return found


def _stand_ins(evidence: Floats, share: Floats) -> Codes:
    """Levels at the middle of each fifth of the base, ordered by what they say."""
    order = np.argsort(evidence, kind="stable")
    order = order[share[order] > 0]
    middle = (np.arange(_STAND_INS) + 0.5) / _STAND_INS
    reached = np.searchsorted(np.cumsum(share[order]), middle)
    return order[np.minimum(reached, len(order) - 1)].astype(np.int16)


def _frame(
    training: Training,
    ids: NDArray[Any],
    codes: Codes,
    score: Floats,
    contribution: Floats,
    top: int,
) -> pd.DataFrame:
    """The strongest tags of each customer that bring them closer."""
    filled = np.nan_to_num(contribution, nan=-np.inf)
    order = np.argsort(-filled, axis=1, kind="stable")[:, :top]
    n, width = order.shape
    who, at = np.repeat(np.arange(n), width), order.ravel()
    value = filled[who, at]
    rank = np.tile(np.arange(1, width + 1), n)
    keep = value > 0
    who, at, level = who[keep], at[keep], codes[who[keep], at[keep]]
    words = words_of(training.levels)
    seeds, base = (_shares(training, side) for side in (training.is_seed, training.in_base))
    groups = [spans(tag, share) for tag, share in zip(training.levels, base, strict=True)]
    own = [
        next(span for span in groups[c] if span.first <= v <= span.last)
        for c, v in zip(at, level, strict=True)
    ]
    shares = [
        np.array([share[c][span.levels].sum() for c, span in zip(at, own, strict=True)], float)
        for share in (seeds, base)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        tgi = 100 * shares[0] / shares[1]
    return pd.DataFrame(
        {
            "customer_id": pd.Series(ids[who], dtype="str"),
            "score": score[who],
            "rank": rank[keep],
            "tag": pd.Series([training.levels[column].name for column in at], dtype="str"),
            **{
                f"title_{lang}": pd.Series(
                    [words[column].title(lang) for column in at], dtype="str"
                )
                for lang in LANGUAGES
            },
            **{
                f"value_{lang}": pd.Series(
                    [words[c].span(span, lang) for c, span in zip(at, own, strict=True)],
                    dtype="str",
                )
                for lang in LANGUAGES
            },
            "seed_share": shares[0],
            "base_share": shares[1],
            "tgi": tgi,
            "contribution": value[keep],
        }
    )


def _shares(training: Training, side: NDArray[np.bool_]) -> list[Floats]:
    """Share of each level among the customers of one side, tag by tag."""
    return [
        np.bincount(training.codes[side, at], minlength=tag.n_levels) / side.sum()
        for at, tag in enumerate(training.levels)
    ]


def _space(training: Training, scorer: Scorer) -> Space:
    """The scorer's own space, else that of contrast; the plain one where nothing distinguishes."""
    near = scorer.neighbours if isinstance(scorer, Ensemble) else scorer
    if isinstance(near, Neighbourhood):
        return near.space
    seeds, base = training.codes[training.is_seed], training.codes[training.in_base]
    space = contrast_space(seeds, base, training.levels)
    return space if any(space.spread) else plain_space(base, training.levels)


def _nearest(
    training: Training, space: Space, ids: NDArray[Any], codes: Codes, row: Rows, number: int
) -> pd.DataFrame:
    """The nearest seeds of each customer, but for themselves."""
    seeds = training.seeds
    points = space.coordinates(training.codes[seeds])
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    ordinary = space.coordinates(training.codes[training.ordinary[:_ORDINARY]])
    unit = float(np.median(_distances(index, ordinary, 1)[0])) or 1.0
    distance, found = _distances(index, space.coordinates(codes), min(number + 1, len(seeds)))
    # One more than asked for: it stands in for customers who are seeds themselves.
    other = seeds[found] != row[:, None]
    rank = np.cumsum(other, axis=1)
    kept = other & (rank <= number)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(np.repeat(ids, kept.sum(axis=1)), dtype="str"),
            "rank": rank[kept],
            "seed_id": pd.Series(training.ids[seeds[found[kept]]], dtype="str"),
            "distance": distance[kept] / unit,
        }
    )


def _distances(index: Any, points: Coordinates, k: int) -> tuple[Floats, Rows]:
    squared, found = index.search(points, k)
    return np.sqrt(np.maximum(squared, 0).astype(np.float64)), found


def _check_number(n: int) -> None:
    if not 1 <= n <= _MOST:
        raise InvalidInput(
            f"customers must be 1 to {_MOST:,} at once, got {n:,}; explain those who matter"
        )
