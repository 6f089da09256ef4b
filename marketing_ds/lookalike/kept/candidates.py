"""An index of all candidates, kept on disk and refreshed daily, for many campaigns.

Every campaign has seeds of its own, so what the index keeps depends on none of them: each
candidate's levels (one byte a tag), and an index of their points in the plain space, where every tag
has variance 1 and a whole number, a category or a null is what the levels make of it. The levels are
cut once, when the index is built. Seeds' neighbours come out of the index; how close a candidate is
to the seeds is then measured as `Lookalike` does, in the campaign's own space (`campaign`).

A day's changes lie beside the index: who is gone is passed over, who is new or changed is searched
exactly. When they come to a fifth of the candidates, the index is built anew out of its own levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_columns, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from .. import inputs
from ..encode import Codes
from ..expansion import Expansion, Limit
from ..index import threads
from . import ann, contents
from .campaign import expand_from
from .population import Counts, Population, read
from .shelf import Head, Shelf

_FORMAT = 1
_MOST_CHANGED = 0.2
"""Share of changes from which the index is built anew."""


@dataclass(frozen=True)
class IndexChange(Result):
    """What a change did to an index of candidates."""

    added: int
    changed: int
    removed: int
    unchanged: int
    n_candidates: int
    rebuilt: bool

    def to_frame(self) -> pd.DataFrame:
        """One row: `added`, `changed`, `removed`, `unchanged`, `n_candidates`, `rebuilt`."""
        return pd.DataFrame([asdict(self)])


class CandidateIndex:
    """All candidates, ready for many campaigns; made by `build` or `open`.

    Attributes
    ----------
    folder : Path
    n_candidates : int
    tags : tuple of str
        Tags used.
    kind : str
        ``exact``, ``ivf``, ``ivf_sq8``, ``ivf_pq`` or ``hnsw``.
    recall : float
        Share of the true nearest neighbours that are found, measured when it was built; 1 if exact.

    Examples
    --------
    >>> import tempfile, numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(2000)],
    ...                       "funds_cny": rng.lognormal(8, 2, 2000), "visits": rng.poisson(3, 2000)})
    >>> rich = frame.loc[frame["funds_cny"] > 30_000, "customer_id"].tolist()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index = CandidateIndex.build(frame, folder)
    ...     index.refresh(frame[frame["visits"] < 8]).removed, index.n_candidates
    ...     found = CandidateIndex.open(folder).expand(rich[:60], size=50)
    (21, 1979)
    >>> len(set(found.ids()) & set(rich))
    50
    """

    def __init__(self, shelf: Shelf, head: Head, n_jobs: int | None) -> None:
        self._shelf, self.n_jobs = shelf, n_jobs
        self.folder = shelf.folder
        self._load(head)

    @classmethod
    def build(
        cls,
        frame: Any,
        folder: str | Path,
        *,
        exclude: Sequence[str] = (),
        sensitive: bool = False,
        kind: str = "auto",
        n_neighbors: int = 500,
        recall: float = 0.95,
        memory_gib: float = 4.0,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> Self:
        """Index all customers of a frame; replaces an index in `folder` in one step.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            `customer_id` and tags, one row a customer. An Ibis table streams through, twice.
        folder : path
            Where to keep it. It holds ids and levels of every customer: guard it like the mart.
        exclude : sequence of str, default ()
            Tags to leave out.
        sensitive : bool, default False
            Whether tags that the catalogue calls sensitive may be used.
        kind : {"auto", "exact", "ivf", "ivf_sq8", "ivf_pq", "hnsw"}, default "auto"
            ``auto`` chooses by size and `memory_gib`; never HNSW.
        n_neighbors : int, default 500
            Neighbours of each seed that a campaign looks up; recall is measured for as many.
        recall : float, default 0.95
            Share of true nearest neighbours that must be found. Lists are probed the wider until
            it is; where that would cost as much as exact search, search is exact.
        memory_gib : float, default 4.0
            Memory for the vectors.

        Raises
        ------
        InvalidInput
            For a wrong parameter, repeated ids, infinite values, mixed types, no tag that varies,
            or while another process writes to the folder. The old index then stays.
        """
        check_choice("kind", kind, ann.KINDS)
        check_count("n_neighbors", n_neighbors, low=1, high=10_000)
        check_number("recall", recall, low=0, high=1)
        check_number("memory_gib", memory_gib, low=0, inclusive=False)
        check_count("random_state", random_state, high=2**32 - 1)
        _check_jobs(n_jobs)
        tags = inputs.usable_tags(frame, exclude, sensitive)
        inputs.check_frame_ids(frame)
        shelf = Shelf(Path(folder), _FORMAT)
        with shelf.locked():
            levels, space = contents.learn(frame, tags, random_state)
            asked: Head = {
                "kind": kind,
                "n_neighbors": n_neighbors,
                "recall": recall,
                "memory_gib": memory_gib,
                "random_state": random_state,
            }
            rows = read(frame, levels)
            with threads(n_jobs):
                head = contents.write(shelf, asked, levels, space, rows)
        return cls(shelf, head, n_jobs)

    @classmethod
    def open(cls, folder: str | Path, *, n_jobs: int | None = None) -> Self:
        """The index in a folder, memory-mapped: what is not asked for stays on disk.

        Raises
        ------
        InvalidInput
            If there is none, it is of another version, or a file is cut short.
        """
        _check_jobs(n_jobs)
        shelf = Shelf(Path(folder), _FORMAT)
        return cls(shelf, shelf.read(), n_jobs)

    def __repr__(self) -> str:
        return (
            f"CandidateIndex('{self.folder}', {self.n_candidates:,} candidates, "
            f"{len(self.tags)} tags, {self.kind}, recall {self.recall:.3f})"
        )

    def refresh(self, frame: Any) -> IndexChange:
        """Make the index hold the customers of a frame, as they now are, and nobody else."""
        return self._change(frame, whole=True)

    def add(self, frame: Any) -> IndexChange:
        """Add the customers of a frame; who is there already is changed to what they now are."""
        return self._change(frame, whole=False)

    def remove(self, ids: Iterable[str]) -> IndexChange:
        """Take customers out; ids that are not there are passed over."""
        if isinstance(ids, str):
            raise InvalidInput(f"ids must be a list of customer ids, got {ids!r}; use [{ids!r}]")
        wanted = list(ids)
        with self._shelf.locked():
            self._reload()
            return self._save(*self.population.without("ids", wanted))

    def nearest(self, customers: Any, k: int) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
        """The candidates nearest to some customers, in the plain space.

        Parameters
        ----------
        customers : sequence of str, or pandas.DataFrame or ibis.Table
            Ids of candidates, or a frame with `customer_id` and the tags.
        k : int
            Neighbours of each; customers who are candidates find themselves.

        Returns
        -------
        ids : ndarray of str, shape (n, k)
            Empty text where there are fewer than k candidates.
        distances : ndarray of float32, shape (n, k)
            The nearest first.
        """
        check_count("k", k, low=1)
        if isinstance(customers, (str, bytes)):
            raise InvalidInput(f"customers must be a list of ids, got {customers!r}")
        if hasattr(customers, "columns"):
            self._check_frame(customers)
            codes: Codes = read(customers, self.levels).codes.astype(np.int16)
        else:
            ids = list(customers)
            codes = self.population.codes(self.population.rows_of("customers", ids))
        distance, rows = self.neighbours(codes, min(k, self.n_candidates))
        found = rows >= 0
        names = self.population.ids(rows[found])
        ids_found = np.full((len(rows), k), "", dtype=names.dtype)
        ids_found[:, : rows.shape[1]][found] = names
        short = k - rows.shape[1]
        return ids_found, np.pad(np.sqrt(distance), ((0, 0), (0, short)), constant_values=np.inf)

    def expand(
        self,
        seeds: Any,
        *,
        size: int | None = None,
        min_score: float | None = None,
        share: float | None = None,
        keep_seeds: bool = False,
        method: str = "neighbours",
        through: str = "auto",
        trim: float = 0.05,
        on_indistinct: str = "refuse",
    ) -> Expansion:
        """The candidates closest to the seeds of a campaign; scores as `Lookalike` gives them.

        Parameters
        ----------
        seeds : sequence of str, Audience, or table with customer_id
            Known good customers, all of them candidates.
        size, min_score, share : optional
            Exactly one: how many customers, how close (0 to 1), or what share of the candidates.
        keep_seeds : bool, default False
            Whether seeds may be chosen.
        method : {"neighbours", "classifier", "ensemble", "auto"}, default "neighbours"
            How closeness is measured, as in `Lookalike`; neighbours are ready soonest.
        through : {"auto", "neighbours", "scan"}, default "auto"
            ``neighbours`` scores those candidates who are neighbours of at least two seeds, so that
            one odd seed brings in nobody; ``scan`` passes all candidates through a cheap screen.
            ``auto`` takes neighbours where that costs less and enough are found, and scans where
            they hold less than the asked share of the closest.
        trim : float, default 0.05
            Share of the seeds, those that fit the others least, that closeness is not measured to.
        on_indistinct : {"refuse", "warn"}, default "refuse"
            What to do with seeds that a random draw from the candidates could have been.

        Returns
        -------
        Expansion
            With `.recall`, the share of the closest candidates that it holds, estimated from a
            random sample of those who were not scored.

        Raises
        ------
        InvalidInput
            If seeds are no candidates, or the limits are wrong.
        SeedsNotDistinct
            If a random draw from the candidates could have been the seeds.
        """
        return expand_from(
            self,
            seeds,
            Limit.checked(size, min_score, share, None),
            keep_seeds=keep_seeds,
            method=method,
            through=through,
            trim=trim,
            on_indistinct=on_indistinct,
        )

    def neighbours(self, codes: Codes, k: int) -> ann.Neighbours:
        """Squared distances and rows of the k candidates nearest to customers of these levels."""
        points = self.space.coordinates(codes)
        now = self.population
        rows_to = ann.points_of(now.indexed.codes, self.space)
        with threads(self.n_jobs):
            if self._index is None or k > self.n_neighbors:
                found = ann.exact_search(points, k, now.gone, rows_to)
            else:
                found = self._index.search(points, k, now.gone, rows_to)
            if not len(now.beside.ids):
                return found
            nobody = np.zeros(len(now.beside.ids), dtype=bool)
            rows_beside = ann.points_of(now.beside.codes, self.space)
            distance, rows = ann.exact_search(points, k, nobody, rows_beside)
        rows[rows >= 0] += len(now.gone)
        return ann.merged(found, (distance, rows))

    def _check_frame(self, frame: Any) -> None:
        check_columns(inputs.frame_columns(frame), [inputs.ID, *self.tags], "frame")
        inputs.check_frame_ids(frame)

    def _change(self, frame: Any, *, whole: bool) -> IndexChange:
        self._check_frame(frame)
        now = read(frame, self.levels)
        with self._shelf.locked():
            self._reload()
            return self._save(*self.population.updated(now, whole=whole))

    def _save(self, after: Population, counts: Counts) -> IndexChange:
        """Write changes; beside the index if they are few."""
        if not after.n:
            raise InvalidInput("an index must keep at least one candidate, got none left")
        rebuild = after.changed_share > _MOST_CHANGED
        if rebuild:
            with threads(self.n_jobs):
                head = contents.write(
                    self._shelf, self._head["asked"], self.levels, self.space, after.settled()
                )
        else:
            head = contents.write_changes(self._shelf, self._head, after)
        self._load(head)
        return IndexChange(**asdict(counts), n_candidates=self.n_candidates, rebuilt=rebuild)

    def _reload(self) -> None:
        """What another process may have written since."""
        head = self._shelf.read()
        if head["files"] != self._head["files"]:
            self._load(head)

    def _load(self, head: Head) -> None:
        self._head = head
        asked = head["asked"]
        held = contents.load(self._shelf, head)
        self.levels, self.space, self.population = held.levels, held.space, held.population
        self._index = held.index
        self.tags = tuple(tag.name for tag in self.levels)
        self.n_candidates = self.population.n
        self.kind, self.recall = str(head["kind"]), float(head["found"])
        self.asked_recall, self.n_neighbors = float(asked["recall"]), int(asked["n_neighbors"])
        self.random_state = int(asked["random_state"])


def _check_jobs(n_jobs: int | None) -> None:
    if n_jobs is not None:
        check_count("n_jobs", n_jobs, low=1)
