"""Scores without bringing customers together: the same on each engine."""

from __future__ import annotations

import pickle

import faiss
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost as xgb

from marketing_ds import schema
from marketing_ds.lookalike import Lookalike
from marketing_ds.lookalike.kept.candidates import CandidateIndex
from marketing_ds.lookalike.scoring import BatchScorer
from marketing_ds.mart import Mart


def _table(mart: Mart, frame: pd.DataFrame) -> ibis.Table:
    """The frame as a table of the mart's own engine."""
    return mart.connection.view("bank", ibis.memtable(pa.Table.from_pandas(frame)))


@pytest.mark.parametrize("method", ["neighbours", "ensemble"])
def test_scores_are_the_same_wherever_they_are_computed(
    engine_mart: Mart, frame: pd.DataFrame, seeds: list[str], method: str
) -> None:
    look = Lookalike(method=method, n_jobs=1).fit(frame, seeds)
    found = look.score_table(_table(engine_mart, frame), mart=engine_mart, as_of="2026-06-30")
    assert found.schema().names == tuple(column.name for column in schema.SCORES.columns)
    rows = found.order_by("customer_id").to_pyarrow().to_pandas()
    wanted = look.score(frame, as_of="2026-06-30").sort_values("customer_id", ignore_index=True)
    np.testing.assert_allclose(rows["score"], wanted["score"], atol=1e-5, rtol=0)
    same = [name for name in wanted.columns if name not in {"score", "standard_error", "arm"}]
    pd.testing.assert_frame_equal(rows[same], wanted[same], check_dtype=False)
    assert rows[["arm", "standard_error"]].isna().all(axis=None)


def test_an_expansion_is_the_same_on_each_engine(
    engine_mart: Mart, frame: pd.DataFrame, look: Lookalike
) -> None:
    found = look.expand(_table(engine_mart, frame), size=100)
    assert found.ids() == look.expand(size=100).ids()


def test_an_index_is_the_same_from_each_engine(
    engine_mart: Mart, frame: pd.DataFrame, seeds: list[str], tmp_path
) -> None:
    index = CandidateIndex.build(_table(engine_mart, frame), tmp_path / "engine", n_jobs=1)
    same = CandidateIndex.build(frame, tmp_path / "frame", n_jobs=1)
    assert index.expand(seeds, size=50).ids() == same.expand(seeds, size=50).ids()


def test_the_model_travels_in_memory(look: Lookalike, frame: pd.DataFrame) -> None:
    made = BatchScorer(
        look._training.levels,
        look._scorer,
        look._rows,
        pd.Timestamp("2026-06-30").date(),
        look.model_version_,
        1,
    )
    batch = pa.RecordBatch.from_pandas(frame, preserve_index=False)
    arrived = pickle.loads(pickle.dumps(made))
    assert arrived(batch).equals(made(batch))


def _trees(threads: int) -> tuple[float, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 5))
    model = xgb.XGBRegressor(n_estimators=5, nthread=threads).fit(x, x[:, 0] * x[:, 1])
    return float(model.score(x, x[:, 0] * x[:, 1])), model.predict(x)


def test_faiss_and_xgboost_share_a_process(frame: pd.DataFrame, seeds: list[str]) -> None:
    faiss_threads = faiss.omp_get_max_threads()
    before = _trees(2)
    look = Lookalike(n_jobs=2, method="neighbours").fit(frame, seeds)
    scores = look.score(frame)["score"]
    between = _trees(2)
    again = look.score(frame)["score"]
    assert faiss.omp_get_max_threads() == faiss_threads
    assert before[0] == between[0] > 0.5
    np.testing.assert_array_equal(before[1], between[1])
    np.testing.assert_array_equal(scores, again)
