"""Learning from a table past memory: as good as in memory, whatever the order of rows, on each engine."""

import tempfile
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import PropensityModel, _external, _spool, _table_rows
from marketing_ds.propensity._boosting import Racer
from marketing_ds.propensity._ridge import RidgeRows
from marketing_ds.propensity._spark_trees import EncodeRows
from marketing_ds.propensity._spool import Spool
from marketing_ds.propensity._table_rows import Facts, Parts, Roles

from .conftest import make_bank

SMALL = {"n_jobs": 1, "learning_rate": 0.1, "patience": 20}


@pytest.fixture(scope="module")
def labelled(bank):
    tags, y, _ = bank
    return tags.assign(opened_on=tags["opened_on"].dt.date, label=y)


@pytest.fixture
def read(tmp_path):
    """Write a frame and read it back by a mart."""

    def reading(mart, frame):
        file = Path(tempfile.mkdtemp(dir=tmp_path)) / "rows.parquet"
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)
        return mart.read_parquet([file])

    return reading


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, to look into."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_it_is_as_good_as_fit_on_new_customers(tiny_mart, labelled, model, read):
    new, p = make_bank(20_000, 9)
    y = np.random.default_rng(5).random(20_000) < p
    ours = PropensityModel(**SMALL).fit_table(read(tiny_mart, labelled), mart=tiny_mart)
    aucs = [roc_auc_score(y, m.predict_proba(new)[:, 1]) for m in (model, ours)]
    assert abs(aucs[0] - aucs[1]) < 0.01
    told = ours.evaluation_.auc
    assert told.ci_lower < aucs[1] < told.ci_upper


def test_it_gives_the_same_model_type(tiny_mart, labelled, model, read, tmp_path):
    ours = PropensityModel(**SMALL).fit_table(read(tiny_mart, labelled), mart=tiny_mart)
    assert {n for n in vars(ours) if n.endswith("_")} == {n for n in vars(model) if n.endswith("_")}
    assert ours.classes_.tolist() == [0, 1]
    assert ours.trials_ is None
    assert ours.feature_names_in_.tolist() == model.feature_names_in_.tolist()
    assert 300 < len(ours.oof_) < 500  # a tenth of 4,000
    assert ours.snapshot_.score.shares[-1] == 0
    assert ours.drift(labelled.drop(columns="label")).status == "stable"
    again = PropensityModel.load(ours.save(tmp_path / "model"))
    tags = labelled.drop(columns="label")
    np.testing.assert_array_equal(again.predict_proba(tags), ours.predict_proba(tags))


def test_the_order_of_rows_changes_nothing(tiny_mart, labelled, read, monkeypatch):
    monkeypatch.setattr(_spool, "_ROWS", 700)
    monkeypatch.setattr(_external, "_BATCH", 500)
    twice = pd.concat([labelled, labelled.head(300)])
    mixed = twice.sample(frac=1, random_state=1)
    one, other = (
        PropensityModel(**SMALL, max_trees=10).fit_table(read(tiny_mart, rows), mart=tiny_mart)
        for rows in (twice, mixed)
    )
    assert one.n_trees_ > 0
    assert one.model_version_ == other.model_version_
    np.testing.assert_array_equal(one.oof_, other.oof_)
    seeded = PropensityModel(**SMALL, max_trees=10, random_state=1)
    assert seeded.fit_table(read(tiny_mart, twice), mart=tiny_mart).model_version_ != (
        one.model_version_
    )


def test_a_spool_gives_back_what_was_added_in_one_order(tmp_path):
    rng = np.random.default_rng(0)
    Z = rng.integers(0, 3, (1000, 2)).astype(np.float32)
    y, w, margin = Z[:, 0] > 1, rng.random(1000), rng.random(1000)
    ids = np.array([f"c{i % 40}" for i in range(1000)])
    found = []
    for number, order in enumerate((np.arange(1000), rng.permutation(1000))):
        folder = tmp_path / str(number)
        folder.mkdir()
        spool = Spool(folder, 2, 200_000)
        for part in np.array_split(order, 7):
            spool.add(pa.array(ids[part]), Z[part], margin[part], y[part], w[part])
        found.append([spool.read(file) for file in spool.sort()])
    assert len(found[0]) == 4
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()
    together = np.concatenate(found[0])
    assert sorted(together["w"]) == sorted(w.astype(np.float32))


def test_nobody_is_on_both_sides(tiny_mart, labelled, read):
    rows = read(tiny_mart, pd.concat([labelled, labelled]))
    parts = Parts.of(rows, Facts(8000, 8000.0, 900.0), seed=0)
    held, others, sample = (
        set(part.customer_id.to_pyarrow().to_pylist())
        for part in (parts.held_out, parts.learnt_from, parts.sample)
    )
    assert not held & others
    assert len(held | others) == 4000
    assert 300 < len(held) < 500
    assert sample == others


def test_a_sample_of_a_large_table_stays_small(tiny_mart, labelled, read, monkeypatch):
    monkeypatch.setattr(_table_rows, "IN_MEMORY", 200)
    parts = Parts.of(read(tiny_mart, labelled), Facts(4000, 4000.0, 450.0), seed=0)
    for part in (parts.held_out, parts.sample):
        assert 140 < part.count().to_pyarrow().as_py() < 260


def test_a_weight_is_a_count_and_weight_0_no_row(tiny_mart, labelled, read):
    def fitted(rows, weight, **more):
        model = PropensityModel(**SMALL, max_trees=5, **more)
        return model.fit_table(read(tiny_mart, rows), mart=tiny_mart, weight=weight)

    nobody = labelled.assign(customer_id="x" + labelled["customer_id"], aum_cny=-1.0, label=1, n=0)
    plain = fitted(labelled, None)
    assert (
        fitted(pd.concat([labelled.assign(n=1), nobody]), "n").model_version_
        == plain.model_version_
    )
    by_no_lot = {"subsample": 1.0, "colsample": 1.0, "additive": False, "calibration": "none"}
    by_no_lot["max_bin"] = 8192  # each value has a bin of its own
    twice = fitted(labelled.assign(n=2), "n", **by_no_lot)
    copies = fitted(pd.concat([labelled, labelled]), None, **by_no_lot)
    tags = labelled.drop(columns="label")
    apart = np.abs(twice.predict_proba(tags) - copies.predict_proba(tags)).max()
    assert apart < 1e-5


def test_tags_rise_only_where_they_are_told_to(tiny_mart, labelled, read):
    model = PropensityModel(**SMALL, monotone={"aum_cny": 1, "age": -1})
    model.fit_table(read(tiny_mart, labelled), mart=tiny_mart)
    some = labelled.drop(columns="label").head(20)
    for tag, sign in (("aum_cny", 1), ("age", -1)):
        values = np.linspace(10, 50_000 if sign > 0 else 90, 50)
        scores = [model.predict_proba(some.assign(**{tag: v}))[:, 1] for v in values]
        assert (sign * np.diff(scores, axis=0) >= -1e-7).all()


@pytest.mark.parametrize("additive", [True, False])
def test_trees_may_be_none_or_all_there_is(tiny_mart, labelled, read, additive):
    model = PropensityModel(**SMALL, additive=additive)
    model.fit_table(read(tiny_mart, labelled), mart=tiny_mart)
    assert (model.penalty_ is not None) == additive
    y = labelled["label"]
    assert roc_auc_score(y, model.predict_proba(labelled.drop(columns="label"))[:, 1]) > 0.7
    rng = np.random.default_rng(0)
    noise = pd.DataFrame({"customer_id": labelled["customer_id"], "noise": rng.normal(size=4000)})
    noise["label"] = rng.random(4000) < 0.3
    model.fit_table(read(tiny_mart, noise), mart=tiny_mart)
    assert model.classes_.tolist() == [False, True]
    spread = np.ptp(model.predict_proba(noise[["customer_id", "noise"]])[:, 1])
    assert model.n_trees_ > 0 or spread < 0.05


def test_files_are_gone_afterwards_even_after_an_error(
    tiny_mart, labelled, read, temporary, monkeypatch
):
    table = read(tiny_mart, labelled)
    PropensityModel(**SMALL, max_trees=3).fit_table(table, mart=tiny_mart)
    assert list(temporary.iterdir()) == []

    def stop(rows):
        assert len(list(temporary.iterdir())) == 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PropensityModel(**SMALL).fit_table(table, mart=tiny_mart, progress=stop)
    assert list(temporary.iterdir()) == []

    def fail(racer):
        raise MemoryError

    monkeypatch.setattr(Racer, "loss", fail)
    with pytest.raises(MemoryError):
        PropensityModel(**SMALL).fit_table(table, mart=tiny_mart)
    assert list(temporary.iterdir()) == []


def test_progress_counts_rows(tiny_mart, labelled, read, monkeypatch):
    monkeypatch.setattr(_external, "_BATCH", 1000)
    told = []
    model = PropensityModel(**SMALL, max_trees=2)
    model.fit_table(read(tiny_mart, labelled), mart=tiny_mart, progress=told.append)
    assert told[0] <= 1000
    assert told == sorted(told)
    assert told[-1] == 4000 - len(model.oof_)


def test_few_held_out_are_told_of(tiny_mart, labelled, read):
    with pytest.warns(UserWarning, match=r"only \d+ positives .* `fit` makes more of it"):
        PropensityModel(**SMALL, max_trees=2).fit_table(
            read(tiny_mart, labelled.head(1500)), mart=tiny_mart
        )


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (lambda t: t, {"label": "bought"}, r"must have the column\(s\) 'bought'"),
        (lambda t: t, {"weight": "n"}, r"must have the column\(s\) 'n'"),
        (lambda t: t.drop("customer_id"), {}, r"must have the column\(s\) 'customer_id'"),
        (lambda t: t.mutate(customer_id=t.age), {}, "customer_id must be text, got float64"),
        (lambda t: t, {"label": "region"}, "'region' of table must hold numbers, got string"),
        (lambda t: t.mutate(label=t.label + 1), {}, r"'label' of table must be 0 or 1 .* got \d+"),
        (lambda t: t.mutate(label=t.label.nullif(1)), {}, "leave out rows without a label"),
        (lambda t: t.mutate(label=0), {}, "must hold both classes .* got only 0 in 4000 rows"),
        (lambda t: t.mutate(label=True), {}, "must hold both classes .* got only 1"),
        (lambda t: t.mutate(n=-1), {"weight": "n"}, "'n' of table must be finite and at least 0"),
        (lambda t: t.mutate(n=1 / (t.label * 0.0)), {"weight": "n"}, "'n' of table must be finite"),
        (
            lambda t: t.mutate(noise=ibis.literal(float("inf"))),
            {},
            "'noise' of table must be finite in float32, got 4000 other",
        ),
        (
            lambda t: t.mutate(customer_id=ibis.null("string")),
            {},
            r"customer_id must not be null, got 4000 null",
        ),
        (lambda t: t.filter(t.age > 1000), {}, "table must hold rows to learn from, got none"),
        (lambda t: t.select("customer_id", "label"), {}, "must have a tag beside its keys"),
        (lambda t: t.select("customer_id", "label", "constant"), {}, "must have a tag that varies"),
        (
            lambda t: t.filter(t.customer_id.isin([f"c0-{i}" for i in range(8)])).mutate(
                label=(t.customer_id == "c0-3").cast("int64")
            ),
            {},
            "must hold both classes among the .* rows of",
        ),
    ],
)
def test_bad_input_is_refused(tiny_mart, labelled, read, change, arguments, message):
    table = change(read(tiny_mart, labelled))
    with pytest.raises(InvalidInput, match=message):
        PropensityModel(**SMALL).fit_table(table, mart=tiny_mart, **arguments)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tune": 5.0}, "tune must be None for fit_table"),
        ({"standard_error": True}, "standard_error must be False for fit_table"),
        ({"max_leaves": 1}, "max_leaves must be"),
        ({"monotone": {"colour": 1}}, "monotone must name columns of X, got 'colour'"),
    ],
)
def test_parameters_that_need_fit_are_refused(tiny_mart, labelled, read, parameters, message):
    with pytest.raises(InvalidInput, match=message):
        PropensityModel(**parameters).fit_table(read(tiny_mart, labelled), mart=tiny_mart)


def test_a_frame_is_refused(tiny_mart, labelled):
    with pytest.raises(InvalidInput, match="table must be an Ibis table of the mart, got DataFr"):
        PropensityModel().fit_table(labelled, mart=tiny_mart)


def test_where_no_tree_helps_spark_gives_none(spark_mart, labelled, read):
    model = PropensityModel(n_jobs=1, learning_rate=1.0, max_trees=1, min_child_weight=0)
    model.fit_table(read(spark_mart, labelled), mart=spark_mart)
    assert model.n_trees_ == 0
    tags = labelled.drop(columns="label")
    assert roc_auc_score(labelled["label"], model.predict_proba(tags)[:, 1]) > 0.7


def test_workers_encode_as_the_model_does(labelled):
    model = PropensityModel(**SMALL, max_trees=2).fit(
        labelled.drop(columns="label"), labelled["label"]
    )
    roles = Roles("label", None, tuple(model.feature_names_in_), boolean=False)
    frame = labelled.assign(label=labelled["label"].astype(float), _lot="a", _held_out=False)
    batch = pa.RecordBatch.from_pandas(frame, preserve_index=False)
    Z = model.encoder_.transform(labelled.drop(columns="label"))
    rows = RidgeRows(
        Z, frame["label"].to_numpy(), np.ones(4000), np.array([2]), monotone={}, seed=0
    )
    ridge = rows.fit(10.0).ridge
    made = EncodeRows(model.encoder_, ridge, roles)(batch)
    for column in range(Z.shape[1]):
        np.testing.assert_array_equal(made[f"f{column}"].to_numpy(), Z[:, column])
    np.testing.assert_array_equal(made["margin"].to_numpy(), ridge.margin(Z))
    np.testing.assert_array_equal(made["label"].to_numpy(), labelled["label"])
    without = EncodeRows(model.encoder_, None, roles)(batch)
    assert set(without["margin"].to_pylist()) == {0.0}


def test_a_frame_of_spark_needs_spark(tiny_mart, labelled, read):
    with pytest.raises(InvalidInput, match="open it with engine='spark'"):
        tiny_mart.spark_frame(read(tiny_mart, labelled))


@pytest.mark.parametrize("additive", [True, False])
def test_spark_gives_the_same_model_type(additive, spark_mart, labelled, read, tiny_mart):
    # Where trees see all rows and columns, and each value has a bin of its own, nothing is left to
    # the order of rows, in which the engines differ.
    same = {"subsample": 1.0, "colsample": 1.0, "max_bin": 8192, "max_trees": 10, "n_jobs": 1}
    here, there = (
        PropensityModel(**same, learning_rate=0.1, additive=additive).fit_table(
            read(mart, labelled), mart=mart
        )
        for mart in (tiny_mart, spark_mart)
    )
    assert there.n_trees_ == here.n_trees_
    assert there.encoder_.columns_ == here.encoder_.columns_
    assert there.penalty_ == here.penalty_
    assert there.booster_.feature_names is None
    tags = labelled.drop(columns="label")
    difference = there.predict_proba(tags)[:, 1] - here.predict_proba(tags)[:, 1]
    assert np.abs(difference).max() < 1e-5
    assert len(there.oof_) == len(here.oof_)
    with pytest.raises(InvalidInput, match="progress must be left out on Spark"):
        there.fit_table(read(spark_mart, labelled), mart=spark_mart, progress=print)
