"""Nearest among millions of candidates: exact, or by an index whose recall is measured.

Candidates lie as levels of one byte a tag; their points are looked up when they are needed, so exact
search takes no more memory than a chunk of points. An approximate index (FAISS) is chosen by size
and memory: inverted lists of whole vectors where these fit, of scalar-quantised ones where only a
quarter fits, of product-quantised ones else. What quantised lists find is put in order by the exact
distance. HNSW is there by name; building it for one day's campaigns costs more than it saves
(figures in ``tests/benchmarks/README.md``).

References
----------
Jégou, Douze and Schmid (2011), "Product quantization for nearest neighbor search"; Malkov and
Yashunin (2020), "Efficient and robust approximate nearest neighbor search using HNSW graphs";
Douze et al. (2024), "The Faiss library".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ..index import spread
from ..space import Coordinates, Space

KINDS = ("auto", "exact", "ivf", "ivf_sq8", "ivf_pq", "hnsw")
_CHUNK = 131_072
_ASKED = 256
"""Customers whose neighbours are looked up at a time."""
_EXACT_BELOW = 50_000
"""Candidates up to which exact search is as fast as any."""
_PROBED = 200
"""Candidates whose neighbours are searched both ways to measure recall."""
_TRAINED_FROM = 64
"""Points a list that centroids are learnt from; more does not find more."""
_WIDER = 4
"""Neighbours that quantised lists give for each that is asked for."""
_GRAPH = 16
Levels = NDArray[np.int16] | NDArray[np.uint8]
Neighbours = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows, each (n, k), the nearest first; row -1 where there are fewer."""


@dataclass(frozen=True)
class Approximate:
    """An index over the candidates' points; what it needs to be asked, and what it then finds."""

    kind: str
    faiss_index: Any
    width: int
    """Lists probed, or for HNSW the candidates kept in mind while searching."""
    recall: float

    def search(
        self, points: Coordinates, k: int, gone: NDArray[np.bool_], rows_to: Points
    ) -> Neighbours:
        """The nearest k that it finds, nobody of those who are `gone`."""
        asked = min(k * (_WIDER if self.kind in {"ivf_sq8", "ivf_pq"} else 1), len(gone))
        # FAISS holds no reference to the bitmap: it must live as long as the search.
        bitmap = np.packbits(~gone, bitorder="little")
        library: Any = faiss
        settings: dict[str, Any] = {"sel": library.IDSelectorBitmap(bitmap)} if gone.any() else {}
        if self.kind == "hnsw":
            width = max(self.width, asked)
            parameters = library.SearchParametersHNSW(efSearch=width, **settings)
        else:
            parameters = library.SearchParametersIVF(nprobe=self.width, **settings)
        distance, rows = self.faiss_index.search(points, asked, params=parameters)
        if asked > k:
            distance, rows = _in_exact_order(points, rows, rows_to, k)
        return distance, rows


Points = Callable[[NDArray[np.int64] | slice], Coordinates]
"""The points of some rows."""


def points_of(codes: Levels, space: Space) -> Points:
    """What looks up points of rows."""

    def look_up(rows: NDArray[np.int64] | slice) -> Coordinates:
        chosen: Levels = codes[rows]
        return space.coordinates(chosen)

    return look_up


def exact_search(
    points: Coordinates, k: int, gone: NDArray[np.bool_], rows_to: Points
) -> Neighbours:
    """The nearest k of all candidates who are not `gone`, chunk by chunk."""
    best = np.full((len(points), k), np.inf, dtype=np.float32)
    rows = np.full((len(points), k), -1, dtype=np.int64)
    for start in range(0, len(gone), _CHUNK):
        here = start + np.flatnonzero(~gone[start : start + _CHUNK])
        if not len(here):
            continue
        candidates = rows_to(here)

        def search(
            part: slice, here: NDArray[np.intp] = here, candidates: Coordinates = candidates
        ) -> None:
            distance, found = faiss.knn(points[part], candidates, min(k, len(here)))
            best[part], rows[part] = _nearest((best[part], rows[part]), (distance, here[found]))

        spread(search, len(points), _ASKED)
    return _ordered((best, rows))


def merged(first: Neighbours, second: Neighbours) -> Neighbours:
    """The nearest of both, as many as the first has, in order."""
    return _ordered(_nearest(first, second))


def _nearest(first: Neighbours, second: Neighbours) -> Neighbours:
    """The nearest of both, as many as the first has, in any order."""
    k = first[0].shape[1]
    distance = np.hstack([first[0], second[0]])
    rows = np.hstack([first[1], second[1]])
    if distance.shape[1] > k:
        kept = np.argpartition(distance, k - 1, axis=1)[:, :k]
        distance, rows = np.take_along_axis(distance, kept, 1), np.take_along_axis(rows, kept, 1)
    return distance, rows


def _ordered(found: Neighbours) -> Neighbours:
    order = np.argsort(found[0], axis=1, kind="stable")
    return np.take_along_axis(found[0], order, 1), np.take_along_axis(found[1], order, 1)


def _in_exact_order(
    points: Coordinates, rows: NDArray[np.int64], rows_to: Points, k: int
) -> Neighbours:
    distance = np.full((len(points), k), np.inf, dtype=np.float32)
    found = np.full((len(points), k), -1, dtype=np.int64)
    for at, point in enumerate(points):
        known = rows[at][rows[at] >= 0]
        exact = ((rows_to(known) - point) ** 2).sum(axis=1)
        order = np.argsort(exact, kind="stable")[:k]
        distance[at, : len(order)], found[at, : len(order)] = exact[order], known[order]
    return distance, found


def choose_kind(n: int, width: int, memory_gib: float) -> str:
    """The kind of index for n points of `width` coordinates."""
    vectors = n * width * 4 / 2**30
    if n < _EXACT_BELOW:
        return "exact"
    if vectors <= memory_gib:
        return "ivf"
    return "ivf_sq8" if vectors / 4 <= memory_gib else "ivf_pq"


def build(
    codes: Levels,
    space: Space,
    kind: str,
    *,
    k: int,
    recall: float,
    random_state: int,
) -> Approximate | None:
    """An index of that kind which finds `recall` of the k nearest; None where exact is as cheap."""
    n = len(codes)
    if kind == "exact" or n < 2 * _PROBED or recall >= 1:
        return None
    rows_to = points_of(codes, space)
    random = np.random.RandomState(random_state)
    lists = max(1, min(int(2 * np.sqrt(n)), n // 40))
    index = _empty(kind, space.width, lists)
    if kind != "hnsw":
        index.cp.seed = int(random.randint(2**31 - 1))
        index.cp.niter = 8
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _TRAINED_FROM
        sample = np.sort(random.choice(n, min(n, _TRAINED_FROM * lists), replace=False))
        index.train(rows_to(sample))
    for start in range(0, n, _CHUNK):
        index.add(rows_to(slice(start, start + _CHUNK)))
    return _wide_enough(kind, index, lists, rows_to, n, k, recall, random)


def _empty(kind: str, width: int, lists: int) -> Any:
    index: Any
    if kind == "hnsw":
        return faiss.IndexHNSWFlat(width, _GRAPH)
    coarse = faiss.IndexFlatL2(width)
    if kind == "ivf":
        index = faiss.IndexIVFFlat(coarse, width, lists, faiss.METRIC_L2)
    elif kind == "ivf_sq8":
        index = faiss.IndexIVFScalarQuantizer(
            coarse, width, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2
        )
    else:
        parts = next(m for m in range(max(1, width // 2), 0, -1) if width % m == 0)
        index = faiss.IndexIVFPQ(coarse, width, lists, parts, 8)
        index.pq.cp.min_points_per_centroid = 1
        index.pq.cp.niter = 8
    return index


def _wide_enough(
    kind: str,
    index: Any,
    lists: int,
    rows_to: Points,
    n: int,
    k: int,
    recall: float,
    random: np.random.RandomState,
) -> Approximate | None:
    """Probe wider until enough is found; None where that is no cheaper than all candidates."""
    probe = rows_to(np.sort(random.choice(n, _PROBED, replace=False)))
    nobody = np.zeros(n, dtype=bool)
    truth = exact_search(probe, k, nobody, rows_to)[0][:, -1:]
    # Equal distances are equally right, so a neighbour counts by its distance, not by its name.
    bound = truth * (1 + 1e-4) + 1e-6
    # Measured: lists are scanned about three times as slowly as all points in one product.
    width, most = (k, 16 * k) if kind == "hnsw" else (max(1, lists // 64), lists // 3)
    while width <= most:
        tried = Approximate(kind, index, width, 0.0)
        distance, rows = tried.search(probe, k, nobody, rows_to)
        share = float(((distance <= bound) & (rows >= 0)).mean())
        if share >= recall:
            return Approximate(kind, index, width, share)
        width = int(width * 1.3) + 1
    return None


def write_index(index: Any, path: Path) -> None:
    """Write a FAISS index to a file."""
    faiss.write_index(index, str(path))


def read_index(path: Path) -> Any:
    """Read a FAISS index of `write_index`, memory-mapped."""
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
