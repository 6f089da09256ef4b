"""Learning from a table that is larger than memory.

What needs few rows is learnt from samples in memory: encoding and ridge regression from one, the
number of trees and the calibration from customers held out. The trees see all others, streamed.
"""

from __future__ import annotations

import contextlib
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import logit

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.mart import Mart

from ._additive import with_additive_part
from ._boosting import SMALLER, Racer, Rows, race, ridge_out_of_fold
from ._calibration import Floats, log_loss_rows
from ._fitting import PENALTY_WITHOUT_FOLDS, Settings
from ._inputs import FEW, make_folds, rated_columns, read_groups, read_monotone, with_weight
from ._reference import TagReference, learn_reference
from ._ridge import Ridge
from ._scoring import Progress
from ._snapshot import TrainingSnapshot, learn_snapshot
from ._spark_trees import HELD_OUT, grow_on_spark
from ._spool import Spool, SpooledRows
from ._steps import Matrix
from ._table_rows import ID, Facts, Parts, Roles, check_rows, in_memory, is_held_out

if TYPE_CHECKING:
    from ._model import PropensityModel

_BATCH = 16_384  # rows


@dataclass(frozen=True)
class FromTable:
    """What a table taught.

    Attributes
    ----------
    encoder : FeatureEncoder
    booster : xgboost.Booster
        Regression included.
    rounds : int
        Boosted trees.
    penalty : float or None
        Of the regression.
    classes : ndarray of shape (2,)
    reference : tuple of TagReference
    snapshot : TrainingSnapshot
        Of the sample; its scores are still to come.
    margin, y, w : ndarray of shape (n_held_out,)
        Of the customers held out.
    groups : ndarray of shape (n_held_out,) or None
        Numbers of those customers, where some come several times.
    """

    encoder: FeatureEncoder
    booster: xgb.Booster
    rounds: int
    penalty: float | None
    classes: Any
    reference: tuple[TagReference, ...]
    snapshot: TrainingSnapshot
    margin: Floats
    y: Floats
    w: Floats
    groups: NDArray[Any] | None


@dataclass(frozen=True)
class _Sample:
    """What the sample taught."""

    encoder: FeatureEncoder
    ridge: Ridge | None
    penalty: float | None
    monotone: dict[int, int]
    reference: tuple[TagReference, ...]
    snapshot: TrainingSnapshot


@dataclass(frozen=True)
class HeldOut:
    """Encoded rows that the trees are not grown on.

    `start` is the log-odds that the trees add to.
    """

    Z: Matrix
    y: Floats
    w: Floats
    start: Floats


def learn_from_table(
    model: PropensityModel,
    table: ibis.Table,
    label: str,
    *,
    mart: Mart,
    weight: str | None,
    progress: Progress | None,
    seed: int,
) -> FromTable:
    """See `PropensityModel.fit_table`."""
    settings = Settings.of(model, seed)
    _check_supported(settings, mart, progress)
    roles = Roles.of(table, label, weight)
    with _computed_once(roles.select(table), mart) as rows:
        facts = check_rows(rows, roles)
        if roles.weight:
            rows = rows.filter(rows[roles.weight] > 0)
        parts = Parts.of(rows, facts, seed)
        frame, y, w = in_memory(parts.held_out, roles, "the customers held out")
        sample = _learn_sample(model, settings, in_memory(parts.sample, roles, "the sample"))
        _warn_if_few(y)
        Z = sample.encoder.transform(frame)
        customers = facts.weight - float(w.sum())
        base = (facts.positive - float(w @ y)) / customers
        start = np.full(len(Z), logit(base)) if sample.ridge is None else sample.ridge.margin(Z)
        held = HeldOut(Z, y, w, start)
        settings = settings.on_customers(customers, sample.monotone, Z.shape[1])
        settings.parameters["base_score"] = base
        if mart.engine == "spark":
            marked = rows.mutate(**{HELD_OUT: is_held_out(rows, facts, seed)})
            booster = grow_on_spark(
                marked, roles, sample.encoder, sample.ridge, settings, mart=mart
            )
            if _loss(_margin(booster, held, sample.ridge), held) > _loss(start, held) - SMALLER:
                booster = _no_trees(held, settings)
        else:
            booster = _grow(parts.learnt_from, roles, sample, held, settings, facts, mart, progress)
    rounds = booster.num_boosted_rounds()
    margin = _margin(booster, held, sample.ridge)
    if sample.ridge is not None:
        booster = with_additive_part(booster, sample.ridge)
    return FromTable(
        sample.encoder,
        booster,
        rounds,
        sample.penalty,
        np.array([False, True]) if roles.boolean else np.array([0, 1]),
        sample.reference,
        sample.snapshot,
        margin,
        y,
        w,
        read_groups(None, read_table(frame), len(y)),
    )


def _check_supported(settings: Settings, mart: Mart, progress: Progress | None) -> None:
    if settings.budget is not None:
        raise InvalidInput(
            "tune must be None for fit_table; tune with `fit` on a part of the customers, and give "
            "the model the best row of its trials_"
        )
    if settings.keep:
        raise InvalidInput(
            "standard_error must be False for fit_table, which keeps no folds; use `fit`"
        )
    if progress is not None and mart.engine == "spark":
        raise InvalidInput(
            "progress must be left out on Spark; watch the job in Spark's own user interface"
        )


@contextlib.contextmanager
def _computed_once(table: ibis.Table, mart: Mart) -> Iterator[ibis.Table]:
    """The rows of a query that is read several times."""
    if mart.engine == "spark":
        with mart.connection.held(table) as held:
            yield held
        return
    with tempfile.TemporaryDirectory(prefix="marketing_ds-rows-") as folder:
        yield mart.read_parquet(mart.write_parquet(table, Path(folder), small=False))


def _learn_sample(
    model: PropensityModel, settings: Settings, part: tuple[pd.DataFrame, Floats, Floats]
) -> _Sample:
    """Encoding, regression, and what is remembered of the customers."""
    frame, y, w = part
    encoder = FeatureEncoder(model.max_categories)
    Z = encoder.fit_response(frame, y, w)
    if Z.shape[1] == 0:
        raise InvalidInput(
            "table must have a tag that varies: every one is constant or all null in the sample"
        )
    monotone = read_monotone(model.monotone, encoder)
    taken = read_table(frame)
    ridge = penalty = None
    if settings.additive:
        together = read_groups(None, taken, len(y))
        rows = Rows(Z, y, w, rated_columns(encoder), monotone, settings.seed)
        folds = make_folds(model.cv, taken, Z, y.astype(np.intp), settings.seed, together)
        folds = with_weight(folds, y, w)
        penalty = PENALTY_WITHOUT_FOLDS
        if folds:
            penalty = ridge_out_of_fold(rows, folds).penalty
        ridge = rows.for_ridges.fit(penalty).ridge
    unknown = np.full(len(y), np.nan)
    return _Sample(
        encoder,
        ridge,
        penalty,
        monotone,
        learn_reference(taken.features, encoder.columns_, w),
        learn_snapshot(taken.features, encoder.columns_, unknown, w),
    )


def _grow(
    rows: ibis.Table,
    roles: Roles,
    sample: _Sample,
    held: HeldOut,
    settings: Settings,
    facts: Facts,
    mart: Mart,
    progress: Progress | None,
) -> xgb.Booster:
    """Trees on binned rows that lie in files, which are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="marketing_ds-bins-") as name:
        folder = Path(name)
        spool = Spool(folder, held.Z.shape[1], facts.rows)
        _encode(mart.batches(rows, _BATCH), roles, sample, spool, progress)
        files = SpooledRows(spool, cache=folder / "bins", with_margin=sample.ridge is not None)
        booster = data = None
        try:
            data = xgb.ExtMemQuantileDMatrix(
                files,
                max_bin=settings.parameters["max_bin"],
                nthread=settings.parameters["nthread"],
            )
            booster = _grow_until_stopped(
                data, held, settings, with_margin=sample.ridge is not None
            )
        except BaseException as error:
            traceback.clear_frames(error.__traceback__)  # they hold the bins, whose files go now
            raise
        finally:
            del data
    return booster


def _encode(
    batches: Iterator[pa.RecordBatch],
    roles: Roles,
    sample: _Sample,
    spool: Spool,
    progress: Progress | None,
) -> None:
    done = 0
    for batch in batches:
        Z = sample.encoder.transform_batch(batch)
        y, w = roles.numbers(batch)
        margin = np.zeros(len(Z)) if sample.ridge is None else sample.ridge.margin(Z)
        spool.add(batch.column(ID), Z, margin, y, w)
        done += len(Z)
        if progress is not None:
            progress(done)


def _grow_until_stopped(
    data: xgb.DMatrix, held: HeldOut, settings: Settings, *, with_margin: bool
) -> xgb.Booster:
    """Round by round, until the loss of the customers held out has stopped falling."""
    parameters = settings.parameters
    test = xgb.DMatrix(
        held.Z,
        base_margin=held.start if with_margin else None,
        nthread=parameters["nthread"],
    )
    racer = Racer(parameters, data, test, start=held.start, y=held.y, w=held.w)
    best, _ = race([racer], max_rounds=settings.max_rounds, patience=settings.patience)
    return racer.booster(best) if best else _no_trees(held, settings)


def _loss(margin: Floats, held: HeldOut) -> float:
    return float(np.average(log_loss_rows(margin, held.y), weights=held.w))


def _no_trees(held: HeldOut, settings: Settings) -> xgb.Booster:
    return xgb.train(settings.parameters, xgb.DMatrix(held.Z, held.y), 0)


def _margin(booster: xgb.Booster, held: HeldOut, ridge: Ridge | None) -> Floats:
    if booster.num_boosted_rounds() == 0:  # XGBoost would not take the base rate as it is
        return held.start
    data = xgb.DMatrix(held.Z, base_margin=None if ridge is None else held.start)
    margin: Floats = booster.predict(data, output_margin=True).astype(np.float64)
    return margin


def _warn_if_few(y: Floats) -> None:
    positives, negatives = int(y.sum()), int(len(y) - y.sum())
    few, what = min((positives, "positives"), (negatives, "negatives"))
    if few < FEW:
        warnings.warn(
            f"only {few} {what} (fewer than {FEW}) are among the {len(y)} rows held out: number of "
            "trees, calibration and evaluation rest on them; where the table fits into memory, "
            "`fit` makes more of it",
            UserWarning,
            stacklevel=4,
        )
