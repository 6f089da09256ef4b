"""A fitted model as a function of record batches, which travels to where the rows are."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import ibis
import joblib
import pandas as pd
import pyarrow as pa
import xgboost as xgb

from marketing_ds._core.checks import check_columns, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.mart import Mart
from marketing_ds.schema import SCORES
from marketing_ds.schema.types import ibis_schema
from marketing_ds.scores import scores_frame

from ._calibration import Calibration
from ._error import FoldModel, standard_error

_ID = "customer_id"
_SCHEMA = ibis_schema(SCORES).to_pyarrow()
_ROWS = 16_384
"""Rows in a batch: some megabytes, so that they are still at hand when they are scored."""

Progress = Callable[[int], None]
"""Is told how many customers are scored so far."""


class Scores(Protocol):
    """What scoring needs of a fitted model."""

    n_jobs: int | None
    _folds: tuple[FoldModel, ...]

    @property
    def encoder_(self) -> FeatureEncoder: ...

    @property
    def booster_(self) -> xgb.Booster: ...

    @property
    def calibration_(self) -> Calibration: ...

    @property
    def model_version_(self) -> str: ...


@dataclass(frozen=True)
class BatchScorer:
    """Scores tables of customers, batch by batch.

    All it holds can be pickled in memory (XGBoost writes its trees as bytes): trees, encoding and
    calibration, and nothing of the customers learnt from.

    Attributes
    ----------
    columns : tuple of str
        The tags that the trees look at; no other is read.
    folds : tuple of FoldModel
        What standard errors stand on; none are told where there are none.
    """

    encoder: FeatureEncoder
    booster: xgb.Booster
    calibration: Calibration
    columns: tuple[str, ...]
    day: dt.date
    model_version: str
    folds: tuple[FoldModel, ...] = ()

    @classmethod
    def of(cls, model: Scores, day: dt.date) -> BatchScorer:
        """What of a model scores."""
        folds = tuple(replace(fold, booster=_single(fold.booster)) for fold in model._folds)
        return cls(
            model.encoder_,
            _single(model.booster_),
            model.calibration_,
            used_tags([model.booster_, *(fold.booster for fold in folds)], model.encoder_),
            day,
            model.model_version_,
            folds,
        )

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The scores table of customers with `customer_id` and the tags of the model."""
        ids = _texts(batch.column(_ID))
        Z = self.encoder.transform_batch(batch, only=self.columns)
        margin = self.booster.inplace_predict(Z, predict_type="margin")
        n = batch.num_rows
        columns = {
            _ID: ids,
            "as_of": pa.repeat(pa.scalar(self.day), n),
            "kind": pa.repeat("propensity", n),
            "arm": pa.nulls(n, pa.string()),
            "score": pa.array(self.calibration.probability(margin)),
            "standard_error": pa.array(
                standard_error(self.folds, self.calibration, Z), pa.float64()
            )
            if self.folds
            else pa.nulls(n, pa.float64()),
            "model_version": pa.repeat(self.model_version, n),
        }
        return pa.record_batch([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def score_stream(
    model: Scores,
    table: ibis.Table | str | Path | Sequence[str | Path],
    *,
    mart: Mart,
    as_of: dt.date | str,
    progress: Progress | None = None,
) -> ibis.Table:
    """Scores of a table of the mart, or of Parquet files, as a table of the mart.

    See `PropensityModel.score_table`.
    """
    day = check_date("as_of", as_of)
    rows = _table(table, mart)
    known = [column.name for column in model.encoder_.columns_ if not column.dropped]
    check_columns(rows.columns, [_ID, *known], "table")
    if progress is not None and mart.engine == "spark":
        raise InvalidInput(
            "progress must be left out on Spark, whose workers score when the table is used; "
            "watch the job in Spark's own user interface"
        )
    scorer = BatchScorer.of(model, day)
    _check_types(rows, scorer)
    return mart.map_batches(
        rows.select(_ID, *scorer.columns),
        scorer if progress is None else _Counted(scorer, progress),
        ibis_schema(SCORES),
        rows=_ROWS,
        threads=_threads(model.n_jobs),
    )


def score_frame(model: Scores, frame: Any, *, as_of: dt.date | str) -> pd.DataFrame:
    """Scores of a frame at once, in its order; see `PropensityModel.score_table`."""
    if isinstance(frame, (str, Path)) or not hasattr(frame, "columns"):
        raise InvalidInput(
            "table must be a frame with customer_id and tags; to score Parquet files, say which "
            "mart is to read them with mart="
        )
    table = read_table(frame)
    if _ID not in table.keys:
        raise InvalidInput("frame must have the column 'customer_id' to make a scores table")
    Z = model.encoder_.transform(frame)
    margin = model.booster_.inplace_predict(Z, predict_type="margin")
    return scores_frame(
        table.keys[_ID],
        as_of=as_of,
        kind="propensity",
        score=model.calibration_.probability(margin),
        standard_error=standard_error(model._folds, model.calibration_, Z)
        if model._folds
        else None,
        model_version=model.model_version_,
    )


def used_tags(boosters: Sequence[xgb.Booster], encoder: FeatureEncoder) -> tuple[str, ...]:
    """The tags that some tree looks at, in the order of the encoder."""
    split_on = {
        name for booster in boosters for name in booster.get_score(importance_type="weight")
    }
    places = {int(encoder.origin_[int(name.removeprefix("f"))]) for name in split_on}
    return tuple(encoder.columns_[place].name for place in sorted(places))


def _single(booster: xgb.Booster) -> xgb.Booster:
    """A copy with one thread: batches are scored side by side, and XGBoost's own would wait."""
    copy = booster.copy()
    copy.set_param({"nthread": 1})
    return copy


class _Counted:
    """Tells of the course of a function over batches; one call of `progress` at a time."""

    def __init__(self, function: BatchScorer, progress: Progress) -> None:
        self._function, self._progress = function, progress
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        scored = self._function(batch)
        with self._lock:
            self._done += batch.num_rows
            self._progress(self._done)
        return scored


def _threads(n_jobs: int | None) -> int:
    return int(n_jobs) if n_jobs is not None and n_jobs > 0 else int(joblib.cpu_count())


def _table(table: Any, mart: Mart) -> ibis.Table:
    if isinstance(table, ibis.Table):
        return table
    paths = [table] if isinstance(table, (str, Path)) else list(table)
    files = [Path(path) for path in paths]
    missing = [file for file in files if not file.is_file()]
    if missing or not files:
        raise InvalidInput(
            f"table must be an Ibis table or Parquet files that are there, got "
            f"{str(missing[0]) if missing else 'none'!r}"
        )
    return mart.read_parquet(files)


def _check_types(rows: ibis.Table, scorer: BatchScorer) -> None:
    """Refuse tags of another type than at fit before anything is read."""
    schema = rows.select(_ID, *scorer.columns).schema().to_pyarrow()
    nobody = pa.RecordBatch.from_pylist([], schema=schema)
    _texts(nobody.column(_ID))
    scorer.encoder.transform_batch(nobody, only=scorer.columns)


def _texts(ids: pa.Array) -> pa.Array:
    """Ids as text without nulls."""
    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    if not (
        pa.types.is_string(ids.type)
        or pa.types.is_large_string(ids.type)
        or pa.types.is_string_view(ids.type)
    ):
        raise InvalidInput(f"customer_id must be text, got {ids.type}; cast it before")
    if ids.null_count:
        raise InvalidInput(f"customer_id must not be null, got {ids.null_count} null(s)")
    return ids.cast(pa.string())
