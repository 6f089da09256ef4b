"""K-means by FAISS: seeded, and the same on any number of cores.

FAISS brings an OpenMP runtime of its own, which lives beside that of XGBoost on Linux. The number
of threads is set for the calling thread only, and put back. Centres are found by one thread, so
that no order of summation depends on the machine; only who is nearest to which centre is asked of
all of them.
"""

from __future__ import annotations

from functools import partial

import faiss
import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.threads import openmp_threads

Points = NDArray[np.float32]
Labels = NDArray[np.intp]

threads = partial(openmp_threads, faiss)
"""FAISS with `n_jobs` threads; as many as before afterwards."""


def centres(points: Points, k: int, *, seed: int, starts: int, steps: int) -> Points:
    """The best of `starts` runs of k-means from spread-out starts (k-means++), shape (k, d)."""
    points = np.ascontiguousarray(points)
    random = np.random.RandomState(seed)
    runs: list[tuple[float, Points]] = []
    with threads(1):
        for _ in range(starts):
            kmeans = faiss.Kmeans(
                points.shape[1],
                k,
                niter=steps,
                # FAISS would sample 256 points a centre, and warn below 39 of them.
                max_points_per_centroid=len(points),
                min_points_per_centroid=1,
            )
            kmeans.train(points, init_centroids=_spread_out(points, k, random))
            runs.append((float(np.asarray(kmeans.obj)[-1]), np.asarray(kmeans.centroids)))
    return min(runs, key=lambda run: run[0])[1]


def _spread_out(points: Points, k: int, random: np.random.RandomState) -> Points:
    """Starting centres: each a point drawn by its squared distance to those before.

    Arthur and Vassilvitskii (2007), "k-means++: The Advantages of Careful Seeding".
    """
    norm = np.einsum("ij,ij->i", points, points)
    chosen = [random.randint(len(points))]
    far = np.full(len(points), np.inf)
    for _ in range(k - 1):
        last = points[chosen[-1]]
        far = np.minimum(far, np.maximum(norm - 2 * (points @ last) + last @ last, 0))
        mass = np.cumsum(far, dtype=np.float64)
        chosen.append(
            min(
                int(np.searchsorted(mass, random.random_sample() * mass[-1], "right")),
                len(points) - 1,
            )
        )
    return points[chosen]


def nearest(centres: Points, points: Points) -> tuple[Labels, NDArray[np.float32]]:
    """Of each point the nearest centre, and the squared distance to it."""
    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(centres)
    distance, label = index.search(np.ascontiguousarray(points), 1)
    return label[:, 0].astype(np.intp), distance[:, 0]
