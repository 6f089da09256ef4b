"""Trees grown by the workers of Spark, on rows that they encode themselves."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa
import xgboost as xgb

from marketing_ds._core.hashing import salted_digest
from marketing_ds.features import FeatureEncoder
from marketing_ds.mart import Mart

from ._fitting import Settings
from ._ridge import Ridge
from ._table_rows import ID, Roles

HELD_OUT = "_held_out"
_LOT = "_lot"
_BATCH = 16_384  # rows
_BY_ARGUMENT = ("seed", "nthread", "verbosity", "objective", "eta", "lambda", "base_score")


@dataclass(frozen=True)
class EncodeRows:
    """Encodes rows where they are; holds nothing of the customers learnt from."""

    encoder: FeatureEncoder
    ridge: Ridge | None
    roles: Roles

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        Z = self.encoder.transform_batch(batch)
        y, w = self.roles.numbers(batch)
        margin = np.zeros(len(Z)) if self.ridge is None else self.ridge.margin(Z)
        columns = {
            **{name: pa.array(Z[:, at]) for at, name in enumerate(_names(Z.shape[1]))},
            _LOT: batch.column(_LOT),
            "label": pa.array(y),
            "weight": pa.array(w),
            "margin": pa.array(margin),
            HELD_OUT: batch.column(HELD_OUT),
        }
        return pa.record_batch(columns)


def grow_on_spark(
    rows: ibis.Table,
    roles: Roles,
    encoder: FeatureEncoder,
    ridge: Ridge | None,
    settings: Settings,
    *,
    mart: Mart,
) -> xgb.Booster:
    """Grow trees by `xgboost.spark`, until the loss of the customers held out stops falling.

    At least one tree comes back: XGBoost's own stopping does not look at the loss of none.

    Parameters
    ----------
    rows : ibis.Table
        With a column `HELD_OUT`: whether a row's customer is.
    """
    from xgboost.spark import SparkXGBClassifier

    names = _names(len(encoder.origin_))
    schema = ibis.schema(
        {
            **dict.fromkeys(names, "float32"),
            _LOT: "string",
            **dict.fromkeys(("label", "weight", "margin"), "float64"),
            HELD_OUT: "boolean",
        }
    )
    lots = rows.mutate(**{_LOT: salted_digest(rows[ID], salt="order")})
    encoded = mart.map_batches(lots, EncodeRows(encoder, ridge, roles), schema, rows=_BATCH)
    ordered = encoded.order_by([_LOT, *names, "label", "weight"]).drop(_LOT)
    with_base = {} if ridge is not None else {"base_score": settings.parameters["base_score"]}
    margin = {} if ridge is None else {"base_margin_col": "margin"}
    parameters = {k: v for k, v in settings.parameters.items() if k not in _BY_ARGUMENT}
    with mart.spark_frame(ordered) as frame:
        learner = SparkXGBClassifier(
            features_col=names,
            label_col="label",
            weight_col="weight",
            validation_indicator_col=HELD_OUT,
            n_estimators=settings.max_rounds,
            early_stopping_rounds=settings.patience,
            eval_metric="logloss",
            learning_rate=settings.parameters["eta"],
            reg_lambda=settings.parameters["lambda"],
            random_state=settings.seed,
            verbose=False,
            num_workers=frame.sparkSession.sparkContext.defaultParallelism,
            **margin,
            **with_base,
            **parameters,
        )
        booster = learner.fit(frame).get_booster()
    return _without_names(booster[: booster.best_iteration + 1])


def _names(width: int) -> list[str]:
    return [f"f{at}" for at in range(width)]


def _without_names(booster: xgb.Booster) -> xgb.Booster:
    """The trees alone: neither names, nor what was noted on the way."""
    booster.feature_names = booster.feature_types = None
    booster.set_attr(**dict.fromkeys(booster.attributes()))
    return booster
