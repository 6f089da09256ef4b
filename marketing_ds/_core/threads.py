"""Threads of a library with an OpenMP runtime of its own, set for a while and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class OpenMP(Protocol):
    """What FAISS offers; handed in, so that only its own rooms import it."""

    def omp_get_max_threads(self) -> int:
        """Threads that the calling thread may use."""

    def omp_set_num_threads(self, number: int) -> None:
        """Let the calling thread use so many."""


@contextmanager
def openmp_threads(library: OpenMP, n_jobs: int | None) -> Iterator[None]:
    """`library` with `n_jobs` threads; as many as before afterwards, and throughout if None.

    Set for the calling thread only: another library's runtime beside it (XGBoost's) is left alone.
    """
    before = library.omp_get_max_threads()
    if n_jobs is not None:
        library.omp_set_num_threads(n_jobs)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)
