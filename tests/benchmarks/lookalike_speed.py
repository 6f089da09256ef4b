"""Speed and memory of the look-alike: `python -m tests.benchmarks.lookalike_speed`.

``streamed``: candidates with 64 tags, of which half tell seeds from base a little, lie in a Parquet
file and stream through DuckDB. The rivals score the same candidates: the same model searching
everybody exactly (``recall=1``), and, without reading and encoding anything, `IndexFlatL2` and
scikit-learn's brute force over 10,000 seeds in all 64 dimensions (10 neighbours) and over the
model's own index (its 200 neighbours). They are timed on a part and scaled up. Recall is the share of the exact top 1 % that
ours has, over ``--checked`` candidates.

``index``: candidates whose 64 tags follow 20 factors are indexed; 20 campaigns ask for the 500
candidates nearest to each of their seeds. hnswlib and usearch, if installed, get the same points, and
search with the least effort that finds 95 %. ``--only streamed`` or ``--only index`` runs one of them.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from marketing_ds.lookalike import Lookalike
from marketing_ds.lookalike.encode import encode
from marketing_ds.lookalike.inputs import batches
from marketing_ds.lookalike.kept.candidates import CandidateIndex

_PART = 50_000
_TAGS = 64
_TIMED = 8_192
_K = 500
_CAMPAIGNS = 20
_RECALL = 0.95
_clock = time.perf_counter
Points = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["streamed", "index"])
    parser.add_argument("--candidates", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--checked", type=int, default=200_000)
    parser.add_argument("--indexed", type=int, default=1_000_000)
    parser.add_argument("--campaign-seeds", type=int, default=500)
    peers = ["hnswlib", "usearch"]
    parser.add_argument("--peers", choices=peers, nargs="*", default=peers)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu", action="store_true", help="CPU seconds of the process, where others run beside it"
    )
    options = parser.parse_args()
    if options.cpu:
        global _clock
        _clock = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "index":
            for n in options.candidates:
                _streamed(Path(folder), n, options)
        if options.only != "streamed":
            _indexed(Path(folder), options)


def _streamed(folder: Path, n: int, options: argparse.Namespace) -> None:
    path = folder / "candidates.parquet"
    _write(path, n, options.seeds, _subtle)
    table = ibis.duckdb.connect().read_parquet(path)
    seeds = [f"c{i:08d}" for i in range(options.seeds)]
    look, fitted = _timed(
        lambda: Lookalike(method="neighbours", n_jobs=options.threads).fit(table, seeds)
    )
    print(f"\n{n:,} candidates, {options.seeds:,} seeds; index {look.index_kind_}")
    first, expanded = _timed(lambda: look.expand(table, share=0.01))
    _row("fit, the screen included", fitted)
    _row("expand", expanded, n)
    print(f"  {first.scored:.1%} scored exactly, recall told {first.recall:.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory {peak:.2f} GiB")
    _rivals(table, look, n, expanded, options)
    part = table.filter(table.customer_id < f"c{options.checked:08d}")
    ours = set(look.expand(part, share=0.01).ids())
    look.recall = 1.0
    truth, seconds = _timed(lambda: look.expand(part, share=0.01))
    _row("rival: every candidate, exactly", seconds * n / options.checked, n, expanded)
    found = len(ours & set(truth.ids())) / truth.size
    print(f"  recall of the exact top 1 % of {options.checked:,}: {found:.3f}")


def _rivals(
    table: ibis.Table, look: Lookalike, n: int, ours: float, options: argparse.Namespace
) -> None:
    """Exact search alone of some points, scaled up to all candidates."""
    some = next(iter(batches(table.limit(2 * _TIMED), look.tags_)))
    space, index = look._scorer.space, look._scorer.index
    asked = space.coordinates(encode(some, look._training.levels))[:_TIMED]
    known = faiss.rev_swig_ptr(index.faiss_index.get_xb(), len(index.is_seed) * space.width)
    known = known.reshape(-1, space.width) + index.centre
    raw = np.column_stack([some[name].to_numpy() for name in look.tags_]).astype(np.float32)
    rng = np.random.default_rng(0)
    seeds = raw[rng.choice(len(raw), options.seeds)] + rng.normal(0, 0.1, (options.seeds, _TAGS))
    seeds = seeds.astype(np.float32)
    faiss.omp_set_num_threads(options.threads)
    for name, points, given, k in (
        (f"{options.seeds:,} seeds, {_TAGS} dims, k 10", seeds, raw[:_TIMED], 10),
        (f"own index of {len(known):,}, {space.width} dims, k 200", known, asked, 200),
    ):
        flat = faiss.IndexFlatL2(points.shape[1])
        flat.add(points)
        sklearn = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
        for rival, search in (
            ("IndexFlatL2", lambda flat=flat, given=given, k=k: flat.search(given, k)),
            ("scikit-learn", lambda sklearn=sklearn, given=given: sklearn.kneighbors(given)),
        ):
            _, seconds = _timed(search)
            _row(f"rival: {rival}, {name}", seconds * n / len(given), n, ours)


def _indexed(folder: Path, options: argparse.Namespace) -> None:
    path = folder / "indexed.parquet"
    n, threads = options.indexed, options.threads
    _write(path, n, 0, _factors(np.random.default_rng(1)))
    table = ibis.duckdb.connect().read_parquet(path)
    index, built = _timed(lambda: CandidateIndex.build(table, folder / "index", n_jobs=threads))
    live = index.population.live()
    rng = np.random.default_rng(2)
    campaigns = [rng.choice(live, options.campaign_seeds, replace=False) for _ in range(_CAMPAIGNS)]
    ids = [index.population.ids(rows).tolist() for rows in campaigns]
    _, searched = _timed(lambda: [index.nearest(some, _K) for some in ids])
    print(f"\n{n:,} candidates indexed: {index!r}")
    print(f"{_CAMPAIGNS} campaigns of {options.campaign_seeds} seeds, {_K} neighbours of each")
    _row("ours: read, encode, build", built)
    _row("ours: search", searched)
    _row("ours: the day", built + searched)
    _, refreshed = _timed(lambda: index.refresh(table))
    _row("ours: refresh, nothing changed", refreshed)
    points = index.space.coordinates(index.population.codes(live))
    probe = points[campaigns[0][:200]]
    truth = faiss.knn(probe, points, _K)[0][:, -1:] * (1 + 1e-4) + 1e-6
    for name in options.peers:
        peer = {"hnswlib": _hnswlib, "usearch": _usearch}[name]
        try:
            module = importlib.import_module({"usearch": "usearch.index"}.get(name, name))
        except ImportError:
            print(f"  {name} is not installed")
            continue
        (search, widen), peer_built = _timed(lambda m=module, p=peer: p(m, points, threads))
        width, recall = _K, 0.0
        while recall < _RECALL:
            widen(width)
            found = points[search(probe)]
            recall = float((((found - probe[:, None]) ** 2).sum(axis=2) <= truth).mean())
            width = int(width * 1.3)
        _, seconds = _timed(lambda s=search: [s(points[rows]) for rows in campaigns])
        _row(f"{name}: build", peer_built)
        _row(f"{name}: search at recall {recall:.3f}", seconds)
        _row(f"{name}: the day", peer_built + seconds)


Peer = tuple[Callable[[Points], NDArray[np.int64]], Callable[[int], None]]


def _hnswlib(module: Any, points: Points, threads: int) -> Peer:
    index = module.Index(space="l2", dim=points.shape[1])
    index.init_index(max_elements=len(points), ef_construction=100, M=16)
    index.set_num_threads(threads)
    index.add_items(points)
    return lambda asked: index.knn_query(asked, k=_K)[0].astype(np.int64), index.set_ef


def _usearch(module: Any, points: Points, threads: int) -> Peer:
    index = module.Index(ndim=points.shape[1], metric="l2sq", dtype="f32", expansion_add=100)
    index.add(np.arange(len(points)), points, threads=threads)

    def widen(width: int) -> None:
        index.expansion_search = width

    return lambda asked: index.search(asked, _K, threads=threads).keys.astype(np.int64), widen


def _subtle(rng: np.random.Generator, rows: NDArray[np.int64], n_seeds: int) -> Points:
    tilt = np.where(
        np.arange(_TAGS) < _TAGS // 2, np.random.default_rng(0).uniform(0.1, 0.6, _TAGS), 0
    )
    alike = (rows < n_seeds) | (rng.random(len(rows)) < 0.02)
    return (rng.standard_normal((len(rows), _TAGS)) + alike[:, None] * tilt).astype(np.float32)


def _factors(
    rng: np.random.Generator,
) -> Callable[[np.random.Generator, NDArray[np.int64], int], Points]:
    loads = rng.standard_normal((20, _TAGS)) / np.sqrt(20)

    def values(rng: np.random.Generator, rows: NDArray[np.int64], n_seeds: int) -> Points:
        noise = 0.5 * rng.standard_normal((len(rows), _TAGS))
        return (rng.standard_normal((len(rows), 20)) @ loads + noise).astype(np.float32)

    return values


def _write(
    path: Path,
    n: int,
    n_seeds: int,
    values: Callable[[np.random.Generator, NDArray[np.int64], int], Points],
) -> None:
    rng = np.random.default_rng(0)
    names = ["customer_id", *(f"t{i:02d}" for i in range(_TAGS))]
    schema = pa.schema([(names[0], pa.string()), *((name, pa.float32()) for name in names[1:])])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n, _PART):
            rows = np.arange(start, min(n, start + _PART))
            columns = values(rng, rows, n_seeds).T
            writer.write_table(
                pa.table([[f"c{i:08d}" for i in rows], *map(pa.array, columns)], schema=schema)
            )


def _row(name: str, seconds: float, n: int | None = None, ours: float | None = None) -> None:
    rate = f"  {n / seconds:12,.0f} candidates/s" if n else ""
    times = f"  {seconds / ours:5.1f} × ours" if ours else ""
    print(f"  {name:52s} {seconds:9.1f} s{rate}{times}", flush=True)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = _clock()
    found = work()
    return found, _clock() - started


if __name__ == "__main__":
    main()
