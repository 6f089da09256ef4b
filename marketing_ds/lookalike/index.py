"""Neighbours among seeds and ordinary customers: a FAISS index with measured recall.

FAISS brings an OpenMP runtime of its own, which lives beside that of XGBoost on Linux; on macOS two
copies of libomp in one process are known to clash. The number of threads is set for the calling
thread only, and put back. Where cores are shared with other work, ``OMP_WAIT_POLICY=PASSIVE``
keeps waiting threads from burning them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.threads import in_order, openmp_threads

from .space import Coordinates

_EXACT_BELOW = 5_000
"""Points up to which exact search is as fast as any."""
_CHUNK = 2_048
_PRODUCT_FROM = 20
"""Points from which FAISS compares them all in one matrix product; its own default waits for 128,000
coordinates, and is up to three times as slow on fewer (measured, FAISS 1.15)."""
_PROBED = 500
"""Points whose neighbours are searched both ways to measure recall."""
_QUERIES = 256
"""Points compared in one product: with FAISS' own 4,096 what it gives is too large for the cache, and
a search takes an eighth longer (measured)."""
_TIE = 0.005
"""Distances below this share of the typical radius are rounding, and count as ties."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """FAISS with `n_jobs` threads, at its fastest; as it was before afterwards."""
    settings: Any = faiss.cvar
    before = settings.distance_compute_blas_threshold, settings.distance_compute_blas_query_bs
    settings.distance_compute_blas_threshold = _PRODUCT_FROM
    settings.distance_compute_blas_query_bs = _QUERIES
    try:
        with openmp_threads(faiss, n_jobs):
            yield
    finally:
        settings.distance_compute_blas_threshold, settings.distance_compute_blas_query_bs = before


def spread(work: Callable[[slice], None], n: int, chunk: int) -> None:
    """Do `work` on n rows, chunk by chunk, in as many threads as FAISS now has.

    Each thread lets FAISS use one: its own threads wait for each other busily after every block of
    a product, which beside other work on the machine takes several times as long (measured).
    """
    parts = [slice(start, min(start + chunk, n)) for start in range(0, n, chunk)]
    n_threads = min(faiss.omp_get_max_threads(), len(parts))
    if n_threads <= 1:
        for part in parts:
            work(part)
        return

    def alone(part: slice) -> None:
        with openmp_threads(faiss, 1):
            work(part)

    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(alone, parts):
            pass


def side_by_side(work: Callable[[_Given], _Made], given: Iterable[_Given]) -> Iterator[_Made]:
    """What `work` makes of each, in order, in as many threads as FAISS now has.

    Each thread lets FAISS use one, as in `spread`.
    """

    def alone(one: _Given) -> _Made:
        with openmp_threads(faiss, 1):
            return work(one)

    return in_order(alone, given, faiss.omp_get_max_threads())


@dataclass(frozen=True)
class NeighbourIndex:
    """Seeds and ordinary customers in one index; tells how common seeds are around a point."""

    faiss_index: Any
    centre: Coordinates
    is_seed: NDArray[np.bool_]
    n_neighbors: int
    radius: float
    """Typical distance of a point from the centre."""
    recall: float
    """Share of the true nearest neighbours that are found, measured on points of the index."""

    @property
    def kind(self) -> str:
        """``exact``, or ``ivf(lists, probed)``."""
        if isinstance(self.faiss_index, faiss.IndexIVF):
            return f"ivf({self.faiss_index.nlist}, {self.faiss_index.nprobe})"
        return "exact"

    def closeness(self, points: Coordinates, own: NDArray[np.intp]) -> NDArray[np.float64]:
        """Closeness of each point to the seeds, between 0 and 1.

        With w_j = exp(−(d_j/h)²/2) over the k nearest of seeds and ordinary customers, h the
        distance to the (k/2)-th, S_w and O_w the sums of w over seeds and over ordinary
        customers, each divided by how many of them there are, closeness is S_w / (S_w + O_w),
        each sum raised by half an ordinary customer. 0.5 means: no closer than anybody.

        Parameters
        ----------
        points : ndarray of float32, shape (n, d)
        own : ndarray of int, shape (n,)
            Position of each point in the index, or -1; nobody is a neighbour of themselves.
        """
        scores = np.empty(len(points))

        def score(part: slice) -> None:
            scores[part] = self._closeness(points[part], own[part])

        spread(score, len(points), _CHUNK)
        return scores

    def _closeness(self, points: Coordinates, own: NDArray[np.intp]) -> NDArray[np.float64]:
        k = self.n_neighbors
        distance, found = self.faiss_index.search(points - self.centre, k + 1)
        distance = np.sqrt(np.maximum(distance, 0))
        own_found = found == own[:, None]
        # One more than k was asked for: it stands in for the customer themselves.
        own_found[~own_found.any(axis=1), k] = True
        width = np.maximum(distance[:, k // 2], _TIE * self.radius)[:, None]
        weight = np.exp(-0.5 * (distance / width) ** 2)
        weight[own_found | (found < 0)] = 0
        seeds = np.where(self.is_seed[found], weight, 0).sum(axis=1, dtype=np.float64)
        ordinary = weight.sum(axis=1, dtype=np.float64) - seeds
        n_seeds = self.is_seed.sum()
        n_ordinary = len(self.is_seed) - n_seeds
        prior = 0.5 / n_ordinary
        near_seeds = seeds / n_seeds + prior
        return np.asarray(near_seeds / (near_seeds + ordinary / n_ordinary + prior))


def build_index(
    seeds: Coordinates,
    ordinary: Coordinates,
    *,
    n_neighbors: int,
    recall: float,
    random_state: np.random.RandomState,
) -> tuple[NeighbourIndex, NDArray[np.intp]]:
    """Index seeds and ordinary customers, and tell where each went.

    They are shuffled, since FAISS breaks ties by position: among equal customers a random lot
    is found, not the seeds first.

    Returns
    -------
    NeighbourIndex, ndarray of int
        And for each of the seeds, then each of the ordinary, its position in the index.
    """
    points = np.concatenate([seeds, ordinary])
    order = random_state.permutation(len(points))
    position = np.empty(len(points), dtype=np.intp)
    position[order] = np.arange(len(points))
    centre = points.mean(axis=0)
    points = np.ascontiguousarray(points[order] - centre)
    k = max(1, min(n_neighbors, len(points) // 2))
    chosen, found_share = _choose(points, k, recall, random_state)
    radius = float(np.sqrt((points**2).sum(axis=1).mean()))
    is_seed = order < len(seeds)
    return NeighbourIndex(chosen, centre, is_seed, k, radius or 1.0, found_share), position


def _choose(
    points: Coordinates, k: int, recall: float, random_state: np.random.RandomState
) -> tuple[Any, float]:
    """The cheapest index that reaches `recall`; the exact one if none does."""
    exact = faiss.IndexFlatL2(points.shape[1])
    exact.add(points)
    if len(points) < _EXACT_BELOW or recall >= 1:
        return exact, 1.0
    lists = int(4 * np.sqrt(len(points)))
    ivf = faiss.IndexIVFFlat(
        faiss.IndexFlatL2(points.shape[1]), points.shape[1], lists, faiss.METRIC_L2
    )
    ivf.cp.seed = int(random_state.randint(2**31 - 1))
    ivf.cp.min_points_per_centroid = 1  # few points per list is meant; FAISS would print a warning
    ivf.cp.niter = 10
    ivf.train(points)
    ivf.add(points)
    probe = points[random_state.choice(len(points), _PROBED, replace=False)]
    truth = exact.search(probe, k)[0][:, -1:]
    # Equal distances are equally right, so a neighbour counts by its distance, not by its name.
    bound = truth * (1 + 1e-4) + 1e-6
    nprobe = 4
    # Measured: with more than a sixteenth of the lists, scanning them costs as much as all points.
    while nprobe <= lists // 16:
        ivf.nprobe = nprobe
        distance, found = ivf.search(probe, k)
        share = float(((distance <= bound) & (found >= 0)).mean())
        if share >= recall:
            return ivf, share
        nprobe *= 2
    return exact, 1.0
