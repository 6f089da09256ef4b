"""Scores that stream: the same numbers on each engine, in little memory, with nothing of the training data."""

import datetime as dt
import pickle

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds import schema
from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.propensity import PropensityModel
from marketing_ds.propensity._scoring import BatchScorer, used_tags

DAY = "2026-06-30"


@pytest.fixture(scope="module")
def some(bank):
    """Some customers with every odd value, in the order of their ids."""
    tags = bank[0].head(500).sort_values("customer_id", ignore_index=True)
    tags.loc[:3, "region"] = "never seen"
    tags["opened_on"] = tags["opened_on"].dt.date
    return tags


@pytest.fixture(scope="module")
def parquet(some, tmp_path_factory):
    path = tmp_path_factory.mktemp("tags") / "tags.parquet"
    pq.write_table(pa.Table.from_pandas(some, preserve_index=False), path, row_group_size=200)
    return path


def rows(table):
    return table.order_by("customer_id").to_pyarrow().to_pandas()


def test_scores_are_the_same_on_each_engine_and_as_predicted(engine_mart, model, some, parquet):
    table = engine_mart.read_parquet([parquet])
    found = model.score_table(table, as_of=DAY, mart=engine_mart)
    assert found.schema().names == schema.SCORES.column_names
    scored, wanted = rows(found), model.score_table(some, as_of=DAY)
    np.testing.assert_allclose(scored["score"], model.predict_proba(some)[:, 1], atol=1e-6, rtol=0)
    same = ["customer_id", "as_of", "kind", "model_version"]
    pd.testing.assert_frame_equal(scored[same], wanted[same], check_dtype=False)
    assert scored[["arm", "standard_error"]].isna().all(axis=None)


@pytest.fixture
def known(tiny_mart, some, tmp_path):
    """Tags of the customers of the mart."""
    ids = sorted(tiny_mart["customers"]["customer_id"].to_pyarrow().to_pylist())
    path = tmp_path / "known.parquet"
    known = some.head(len(ids)).assign(customer_id=ids)
    pq.write_table(pa.Table.from_pandas(known, preserve_index=False), path)
    return known, path


def test_scores_are_published(tiny_mart, model, known):
    frame, path = known
    scores = model.score_table(path, as_of=DAY, mart=tiny_mart)
    assert tiny_mart.publish("scores", scores, name="spring", as_of=DAY).rows == len(frame)
    again = rows(tiny_mart.latest("scores", name="spring"))
    np.testing.assert_array_equal(again["score"], model.score_table(frame, as_of=DAY)["score"])


def test_customers_who_come_twice_are_refused(tiny_mart, model, known):
    frame, path = known
    with pytest.raises(InvalidInput, match="must come once per arm"):
        model.score_table(pd.concat([frame, frame.head(1)]), as_of=DAY)
    scores = model.score_table([path, path], as_of=DAY, mart=tiny_mart)
    with pytest.raises(PublicationError, match="model_version is unique"):
        tiny_mart.publish("scores", scores, as_of=DAY)


def test_files_stream_in_the_order_of_their_rows(tiny_mart, model, some, parquet, monkeypatch):
    monkeypatch.setattr("marketing_ds.propensity._scoring._ROWS", 64)
    table = model.score_table([str(parquet), parquet], as_of=DAY, mart=tiny_mart)
    ids = table["customer_id"].to_pyarrow().to_pylist()
    assert ids == some["customer_id"].tolist() * 2


@pytest.mark.parametrize("n_jobs", [None, 1, 3])
def test_threads_change_nothing_and_progress_counts_customers(
    tiny_mart, model, some, parquet, monkeypatch, n_jobs
):
    monkeypatch.setattr("marketing_ds.propensity._scoring._ROWS", 100)
    monkeypatch.setattr(model, "n_jobs", n_jobs)
    told = []
    table = model.score_table(parquet, as_of=DAY, mart=tiny_mart, progress=told.append)
    assert told == [100, 200, 300, 400, 500]
    np.testing.assert_array_equal(
        table["score"].to_pyarrow().to_numpy(), model.score_table(some, as_of=DAY)["score"]
    )


def test_only_tags_that_a_tree_looks_at_are_read(model):
    used = used_tags([model.booster_], model.encoder_)
    assert "constant" not in used
    text = model.booster_.get_dump()
    for at, name in enumerate(model.encoder_.get_feature_names_out()):
        assert (name in used) == any(f"[f{at}<" in tree for tree in text)


def test_the_model_travels_as_bytes_without_the_customers(model, some):
    scorer = BatchScorer.of(model, dt.date(2026, 6, 30))
    sent = pickle.dumps(scorer)
    assert len(sent) < len(model.booster_.save_raw("ubj")) + 20_000
    assert b"c0-1" not in sent
    batch = pa.RecordBatch.from_pandas(some, preserve_index=False)
    assert pickle.loads(sent)(batch).equals(scorer(batch))


def test_scores_do_not_depend_on_the_cut_into_batches(model, some):
    scorer = BatchScorer.of(model, dt.date(2026, 6, 30))
    batch = pa.RecordBatch.from_pandas(some, preserve_index=False)
    parts = [scorer(batch.slice(start, 37)) for start in range(0, 500, 37)]
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([scorer(batch)]))


def test_columns_may_be_in_another_order_beside_others(tiny_mart, model, some, parquet):
    table = tiny_mart.read_parquet([parquet])
    other = table.select(*reversed(table.columns)).mutate(more=ibis.literal(1))
    scores = model.score_table(other, as_of=DAY, mart=tiny_mart)
    np.testing.assert_array_equal(
        rows(scores)["score"], model.score_table(some, as_of=DAY)["score"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("region"), r"table must have the column\(s\) 'region'"),
        (lambda t: t.drop("customer_id"), r"table must have the column\(s\) 'customer_id'"),
        (lambda t: t.mutate(region=t.age), "'region' of X must be a category as it was at fit"),
        (lambda t: t.mutate(aum_cny=t.region), "'aum_cny' of X must be a number as it was at fit"),
        (lambda t: t.mutate(customer_id=t.age), "customer_id must be text, got double"),
    ],
    ids=["no tag", "no id", "a number for a word", "a word for a number", "a number for an id"],
)
def test_a_table_that_does_not_fit_is_refused_before_it_is_read(
    engine_mart, model, parquet, change, message
):
    table = change(engine_mart.read_parquet([parquet]))
    with pytest.raises(InvalidInput, match=message):
        model.score_table(table, as_of=DAY, mart=engine_mart)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.mutate(aum_cny=ibis.literal(float("inf"))), "'aum_cny' of X must be finite"),
        (lambda t: t.mutate(customer_id=ibis.null("string")), "customer_id must not be null, got"),
    ],
    ids=["infinite", "no id"],
)
def test_what_only_the_rows_show_is_refused_while_they_are_read(
    tiny_mart, model, parquet, change, message
):
    table = change(tiny_mart.read_parquet([parquet]))
    with pytest.raises(InvalidInput, match=message):
        model.score_table(table, as_of=DAY, mart=tiny_mart)


def test_arguments_that_do_not_fit_are_refused(tiny_mart, model, some, parquet, tmp_path):
    with pytest.raises(InvalidInput, match="say which mart is to read them"):
        model.score_table(parquet, as_of=DAY)
    with pytest.raises(
        InvalidInput, match=r"Parquet files that are there, got '.*nothing\.parquet'"
    ):
        model.score_table(tmp_path / "nothing.parquet", as_of=DAY, mart=tiny_mart)
    with pytest.raises(InvalidInput, match="Parquet files that are there, got 'none'"):
        model.score_table([], as_of=DAY, mart=tiny_mart)
    with pytest.raises(InvalidInput, match="as_of must be a date"):
        model.score_table(parquet, as_of="June", mart=tiny_mart)
    with pytest.raises(InvalidInput, match="must have the column 'customer_id'"):
        model.score_table(some.drop(columns="customer_id"), as_of=DAY)


def test_spark_tells_of_its_own_progress(spark_mart, model, parquet):
    with pytest.raises(InvalidInput, match="progress must be left out on Spark"):
        model.score_table(parquet, as_of=DAY, mart=spark_mart, progress=print)


def test_an_id_may_be_a_dictionary(model, some):
    scorer = BatchScorer.of(model, dt.date(2026, 6, 30))
    batch = pa.RecordBatch.from_pandas(some, preserve_index=False)
    at = batch.schema.get_field_index("customer_id")
    coded = batch.set_column(at, "customer_id", batch.column(at).dictionary_encode())
    assert scorer(coded).equals(scorer(batch))


def test_standard_errors_stream_where_the_model_keeps_them(
    bank, tiny_mart, some, parquet, tmp_path
):
    tags, y, _ = bank
    sure = PropensityModel(n_jobs=1, max_trees=5, cv=3, standard_error=True)
    sure.fit(tags.head(1500), y[:1500])
    _, wanted = sure.predict_proba(some, se=True)
    assert (wanted > 0).any()
    loaded = PropensityModel.load(sure.save(tmp_path / "model"))
    for model in (sure, loaded):
        scores = model.score_table(parquet, as_of=DAY, mart=tiny_mart)
        np.testing.assert_array_equal(rows(scores)["standard_error"], wanted)
        np.testing.assert_array_equal(model.score_table(some, as_of=DAY)["standard_error"], wanted)
