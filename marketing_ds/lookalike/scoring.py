"""A fitted look-alike as a function of record batches, which travels to where the rows are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds.schema import SCORES
from marketing_ds.schema.types import ibis_schema

from .encode import TagLevels, encode
from .index import threads
from .inputs import ID, checked_batch
from .scorers import Scorer

_SCHEMA = ibis_schema(SCORES).to_pyarrow()


@dataclass(frozen=True)
class BatchScorer:
    """Scores tables of customers, batch by batch.

    All it holds can be pickled in memory: FAISS writes an index, XGBoost a model, as bytes.
    """

    levels: tuple[TagLevels, ...]
    scorer: Scorer
    rows: pd.Index
    """Ids of the customers learnt from, in order of row."""
    day: dt.date
    model_version: str
    n_jobs: int | None

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The scores table of customers with `customer_id` and the tags of the model."""
        table = checked_batch(pa.Table.from_batches([batch]))
        ids = table[ID].combine_chunks()
        row = self.rows.get_indexer(pd.Index(ids.to_numpy(zero_copy_only=False)))
        with threads(self.n_jobs):
            score = self.scorer.scores(encode(table, self.levels), row)
        n = len(ids)
        columns = {
            ID: ids,
            "as_of": pa.repeat(pa.scalar(self.day), n),
            "kind": pa.repeat("lookalike", n),
            "arm": pa.nulls(n, pa.string()),
            "score": pa.array(np.asarray(score, dtype=np.float64)),
            "standard_error": pa.nulls(n, pa.float64()),
            "model_version": pa.repeat(self.model_version, n),
        }
        return pa.record_batch([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)
