"""Speed and memory of the propensity model: `python -m tests.benchmarks.propensity_speed`.

``reasons``: contributions and sentences of `--explained` customers, beside XGBoost's own
``predict(pred_contribs=True)`` on their encoded matrix.

``scoring``: `--rows` customers × `--tags` lie in a Parquet file (`--type` numbers of which one in
twenty is null, some booleans and words) and stream through DuckDB into a table of scores, beside
``inplace_predict`` of the same trees on a part of them as a ready float32 matrix in memory, with as
many threads. Memory is the peak of a fresh process that loads the model and scores the file.

``fit``: `PropensityModel.fit` of `--learnt` customers with `--rounds` trees, beside XGBoost alone
growing as many trees for the same five folds and once on all of them, from the encoded matrix.

``next_best``: `--products` products at once by `NextBest`, beside one `PropensityModel`, both fitted
on `--learnt` customers with `--rounds` trees, no fewer; once each, since a fit takes long.

``external``: `fit_table` on `--rows` customers × `--tags` from a Parquet file: seconds, and the peak
memory of a fresh process. `--rounds` trees; try several `--rows` to see what grows with them.

Each ratio is the median of `--repeats` pairs, measured in turn. ``--only`` runs one part.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from marketing_ds import open_mart
from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity import NextBest, PropensityModel
from marketing_ds.propensity._boosting import Rows, grow
from marketing_ds.propensity._fitting import Settings
from marketing_ds.propensity._inputs import rated_columns

_PART = 50_000
_IN_MEMORY = 500_000
_LEARNT_FROM = 20_000
_TYPES = {"float32": pa.float32(), "float64": pa.float64()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--explained", type=int, default=100_000)
    parser.add_argument("--tags", type=int, default=120)
    parser.add_argument("--trees", type=int, default=1_000)
    parser.add_argument("--type", choices=list(_TYPES), default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--learnt", type=int, default=50_000)
    parser.add_argument("--products", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--fresh", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--learn", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.learn:
        _learn(options.learn, options)
        return
    if options.fresh:
        _fresh(*options.fresh)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, part in PARTS.items():
            if options.only in (None, name):
                print(f"\n{name}: {options.tags} tags, {options.threads} threads", flush=True)
                part(Path(folder), options)


def reasons(folder: Path, options: argparse.Namespace) -> None:
    frame = _frame(np.random.default_rng(1), options.explained, options)
    model = _model(options)
    Z = model.encoder_.transform(frame)
    n = len(frame)

    def bare() -> None:
        data = xgb.DMatrix(Z, nthread=options.threads)
        model.booster_.predict(data, pred_contribs=True)

    def contributions() -> None:
        model.explain(frame, size=None)

    def sentences() -> None:
        model.reasons(frame)

    compare("explain", contributions, "pred_contribs", bare, n, options.repeats)
    compare("reasons, top 3, in words", sentences, "pred_contribs", bare, n, options.repeats)


def scoring(folder: Path, options: argparse.Namespace) -> None:
    model = _model(options)
    path, saved = folder / "tags.parquet", model.save(folder / "model")
    _write(path, options)
    parts = pq.ParquetFile(path).iter_batches(_PART)
    held = min(options.rows, _IN_MEMORY)
    Z = np.empty((held, len(model.encoder_.origin_)), dtype=np.float32)
    for start in range(0, held, _PART):
        Z[start : start + _PART] = model.encoder_.transform_batch(next(parts))
    model.booster_.set_param({"nthread": options.threads})
    times = options.rows / held

    def bare() -> float:
        return timed(lambda: model.booster_.inplace_predict(Z, predict_type="margin")) * times

    with open_mart("data_samples", workspace=folder / "workspace") as mart:

        def streamed() -> None:
            model.score_table(path, as_of="2026-06-30", mart=mart)

        pairs = [(timed(streamed), bare()) for _ in range(options.repeats)]
    show("score_table from Parquet", "inplace_predict in memory", pairs, options.rows)
    command = [sys.executable, "-m", __spec__.name, "--fresh", str(path), str(saved)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(f"  {done.stdout.strip()}")


def fit(folder: Path, options: argparse.Namespace) -> None:
    frame, y = _learnable(options.learnt, options)
    model = PropensityModel(
        max_trees=options.rounds, patience=options.rounds, n_jobs=options.threads
    )
    Z = FeatureEncoder(30).fit_response(frame, y.astype(float), np.ones(len(y)))
    parameters = Settings.of(model, 0).on_customers(len(y), {}, Z.shape[1]).parameters
    folds = [train for train, _ in KFold(5, shuffle=True, random_state=0).split(Z)]

    def bare() -> None:
        for rows in (*folds, slice(None)):
            data = xgb.QuantileDMatrix(
                Z[rows], y[rows], max_bin=parameters["max_bin"], nthread=options.threads
            )
            xgb.train(parameters, data, options.rounds)

    name = f"fit and calibrate, {options.rounds} trees"
    compare(name, lambda: model.fit(frame, y), "XGBoost, as many", bare, len(y), options.repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {model.n_trees_} trees kept; peak memory of the process {peak:.2f} GiB")


def next_best(folder: Path, options: argparse.Namespace) -> None:
    rng = np.random.default_rng(3)
    frame = _frame(rng, options.learnt, options)
    names = Columns.of(options.tags).numbers
    bought = {}
    for product in range(options.products):
        signal = sum(
            np.sin(frame[name].rank(pct=True).fillna(0.5) * (3 + at))
            for at, name in enumerate(names[product : product + 5])
        )
        rate = 1 / (1 + np.exp(3.5 - (signal - signal.mean())))
        bought[f"p{product:02d}"] = (rng.random(len(frame)) < rate).astype(float)
    labels = pd.DataFrame(bought)
    equal = {"max_trees": options.rounds, "patience": options.rounds, "n_jobs": options.threads}
    one = timed(lambda: PropensityModel(**equal).fit(frame, labels["p00"].astype(int)))
    many = timed(lambda: NextBest(**equal).fit(frame, labels))
    for name, seconds in (
        ("one PropensityModel", one),
        (f"NextBest of {options.products} products", many),
    ):
        print(f"  {name:34s} {seconds:9.2f} s  {seconds / one:8.1f} × one", flush=True)


def external(folder: Path, options: argparse.Namespace) -> None:
    path = folder / "labelled.parquet"
    _write(path, options, labelled=True)
    command = [sys.executable, "-m", __spec__.name, "--learn", str(path)]
    command += ["--rounds", str(options.rounds), "--threads", str(options.threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(f"  {options.rows:,} customers: {done.stdout.strip()}")


def _learn(path: Path, options: argparse.Namespace) -> None:
    """Learn from a file in this process, and tell time and peak memory."""
    equal = {"max_trees": options.rounds, "patience": options.rounds, "n_jobs": options.threads}
    with tempfile.TemporaryDirectory() as folder, open_mart("data_samples", workspace=folder) as m:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        model = PropensityModel(**equal)
        seconds = timed(lambda: model.fit_table(m.read_parquet([path]), mart=m))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"fit_table {seconds:.1f} s, {model.n_trees_} trees, peak memory of a fresh process "
        f"{peak:.2f} GiB ({before:.2f} before)"
    )


def _fresh(path: Path, saved: Path) -> None:
    """Score a file in this process, and tell its peak memory."""
    with tempfile.TemporaryDirectory() as folder, open_mart("data_samples", workspace=folder) as m:
        scores = PropensityModel.load(saved).score_table(path, as_of="2026-06-30", mart=m)
        n = scores.count().to_pyarrow().as_py()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of a fresh process that scored {n:,}: {peak:.2f} GiB")


Part = Callable[[Path, argparse.Namespace], None]
PARTS: dict[str, Part] = {
    "reasons": reasons,
    "scoring": scoring,
    "fit": fit,
    "next_best": next_best,
    "external": external,
}


@dataclass(frozen=True)
class Columns:
    """Names of the synthetic tags by kind."""

    numbers: tuple[str, ...]
    booleans: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, tags: int) -> Columns:
        """Five per cent of the tags are booleans, as many words."""
        few = max(tags // 20, 1)
        names = [f"t{i:03d}" for i in range(tags)]
        return cls(
            tuple(names[: tags - 2 * few]),
            tuple(names[tags - 2 * few : tags - few]),
            tuple(names[tags - few :]),
        )


def _table(rng: np.random.Generator, start: int, n: int, options: argparse.Namespace) -> pa.Table:
    columns = Columns.of(options.tags)
    made: dict[str, Any] = {"customer_id": [f"c{i:09d}" for i in range(start, start + n)]}
    for at, name in enumerate(columns.numbers):
        values = rng.lognormal(8, 2, n) if at % 2 else rng.poisson(3, n)
        null = rng.random(n) < 0.05
        made[name] = pa.array(values.astype(options.type), mask=null)
    for name in columns.booleans:
        made[name] = pa.array(rng.random(n) < 0.3)
    levels = np.array([f"level {i}" for i in range(12)])
    for name in columns.words:
        made[name] = pa.array(levels[rng.integers(0, 12, n)], mask=rng.random(n) < 0.05)
    return pa.table(made)


def _frame(rng: np.random.Generator, n: int, options: argparse.Namespace) -> pd.DataFrame:
    return _table(rng, 0, n, options).to_pandas()


def _write(path: Path, options: argparse.Namespace, *, labelled: bool = False) -> None:
    rng = np.random.default_rng(2)
    writer = None
    for start in range(0, options.rows, _PART):
        table = _table(rng, start, min(_PART, options.rows - start), options)
        if labelled:
            told = np.log1p(table["t001"].to_numpy()) - 8 + 0.5 * table["t002"].to_numpy() - 4
            rate = 1 / (1 + np.exp(-np.nan_to_num(told)))
            table = table.append_column("label", pa.array((rng.random(len(told)) < rate) * 1))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _learnable(n: int, options: argparse.Namespace) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Customers, and an outcome that a third of the numbers have a hand in."""
    rng = np.random.default_rng(0)
    frame = _frame(rng, n, options)
    signal = sum(
        np.sin(frame[name].rank(pct=True).fillna(0.5) * (3 + at % 5))
        for at, name in enumerate(Columns.of(options.tags).numbers[::3])
    )
    rate = 1 / (1 + np.exp(3 - (signal - signal.mean())))
    return frame, (rng.random(n) < rate).astype(np.int64)


def _model(options: argparse.Namespace) -> PropensityModel:
    """A model of as many trees as asked for, whatever the folds would have said."""
    frame, y = _learnable(_LEARNT_FROM, options)
    model = PropensityModel(max_trees=2, cv=2, n_jobs=options.threads).fit(frame, y)
    Z = model.encoder_.transform(frame)
    rows = Rows(Z, y.astype(float), np.ones(len(y)), rated_columns(model.encoder_), {}, 0)
    settings = Settings.of(model, 0).on(rows)
    model.booster_ = grow(rows, settings.parameters, options.trees, model.penalty_)
    return model


def compare(
    name: str, work: Callable[[], Any], rival: str, bare: Callable[[], Any], n: int, repeats: int
) -> None:
    """Time two ways of doing the same, in turn, and show the ratio."""
    show(name, rival, [(timed(work), timed(bare)) for _ in range(repeats)], n)


def show(name: str, rival: str, pairs: list[tuple[float, float]], n: int) -> None:
    """One line each, and the median ratio of speeds."""
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(bare / own for own, bare in pairs)
    print(f"  {name:34s} {ours:9.2f} s  {n / ours:12,.0f} customers/s")
    print(f"  {rival:34s} {theirs:9.2f} s  {n / theirs:12,.0f} customers/s", flush=True)
    print(f"  {ratio:.2f} × its speed", flush=True)


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
