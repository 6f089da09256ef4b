"""Threads: of a library with an OpenMP runtime of its own, and for work on one thing after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


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


def in_order(
    work: Callable[[_Given], _Made], given: Iterable[_Given], n_threads: int
) -> Iterator[_Made]:
    """What `work` makes of each, in their order; in `n_threads` threads while more are read.

    Never are more held than there are threads, and two.

    Examples
    --------
    >>> list(in_order(abs, [-3, 1, -2], 2))
    [3, 1, 2]
    """
    if n_threads == 1:
        yield from map(work, given)
        return
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for one in given:
            waiting.append(pool.submit(work, one))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
