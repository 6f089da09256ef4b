"""What a fitted look-alike knows, and how it scores customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.schema import SCORES
from marketing_ds.schema.types import ibis_schema
from marketing_ds.scores import scores_frame

from . import inputs, store
from .encode import Codes
from .index import threads
from .limits import limited
from .recipe import Recipe, version
from .scorers import index_of, used_by
from .scoring import BatchScorer
from .screening.batch import Batch, TableBatch
from .screening.cascade import WORTH_FROM
from .screening.screen import Screen, learn_screen


class Fitted(BaseEstimator):  # type: ignore[misc]
    """Base of `Lookalike`: what `fit` learnt, put to use."""

    recall: float
    random_state: int
    n_jobs: int | None

    def score(self, frame: Any, as_of: dt.date | str | None = None) -> pd.DataFrame:
        """Closeness of every customer, as the scores table, in the frame's order.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            `customer_id` and the tags of `fit`; other columns are ignored, and of neighbours the
            tags that do not tell seeds from the base are not read. An Ibis table streams through in
            batches.
        as_of : date or ISO text, optional
            Day of the tags; by default that of the frame's column `as_of`, else today.

        Returns
        -------
        pandas.DataFrame
            Columns of `schema.SCORES`, kind ``lookalike``; no arm, no standard error.
        """
        self._check_frame(frame)
        day = inputs.day_of(frame, as_of)
        parts = list(self._stream(frame))
        return scores_frame(
            np.concatenate([ids for ids, _ in parts]) if parts else [],
            as_of=day,
            kind="lookalike",
            score=np.concatenate([score for _, score in parts]) if parts else [],
            model_version=self.model_version_,
        )

    def score_table(
        self, table: ibis.Table, *, mart: Mart, as_of: dt.date | str | None = None
    ) -> ibis.Table:
        """`score` of a table of the mart, as a table of the mart: no customer is brought here.

        Parameters
        ----------
        table : ibis.Table
            A query of `mart` with `customer_id` and the tags of `fit`.
        mart : Mart
            Whose engine runs it. On Spark its workers score, each with one thread; they need this
            package, and get the model broadcast.
        as_of : date or ISO text, optional
            As in `score`.

        Returns
        -------
        ibis.Table
            Columns of `schema.SCORES`; see `Mart.map_batches` for when it is computed. Publish it
            with ``mart.publish("scores", …)``, which checks that no customer comes twice.
        """
        self._check_frame(table)
        function = BatchScorer(
            self._training.levels,
            self._scorer,
            self._rows,
            inputs.day_of(table, as_of),
            self.model_version_,
            1 if mart.engine == "spark" else self.n_jobs,
        )
        wanted = table.select(inputs.ID, *self.tags_)
        return mart.map_batches(wanted, function, ibis_schema(SCORES))

    def _set(self, learnt: store.Learnt, recipe: Recipe) -> None:
        training, self._learnt = learnt.training, learnt
        self._training, self._scorer = training, learnt.scorer
        self._rows = pd.Index(training.ids)
        self._rows.get_indexer(self._rows[:1])  # builds its table before threads share it
        self._screens: tuple[Screen | None, ...] = ()
        self.method_, self.selection_ = learnt.method, learnt.selection
        self.tags_ = tuple(tag.name for tag in training.levels)
        self.seeds_ = training.ids[training.is_seed]
        self.n_seeds_ = len(self.seeds_)
        self.n_base_ = training.n_base
        index = index_of(learnt.scorer)
        self.recall_ = index.recall if index else None
        self.index_kind_ = index.kind if index else None
        self.distinctness_ = learnt.p_value
        self.model_version_ = version(replace(recipe, method=self.method_), training)

    def _candidates(self, candidates: Any, within: Any, suppress: Any) -> Any:
        """The candidates, the frame of `fit` by default, within limits."""
        check_is_fitted(self)
        if candidates is None:
            candidates = getattr(self, "_frame", None)
            if candidates is None:
                raise InvalidInput("candidates must be given: a loaded model keeps no frame")
        candidates = limited(candidates, within, suppress)
        self._check_frame(candidates)
        return candidates

    def _check_frame(self, frame: Any) -> None:
        check_is_fitted(self)
        check_columns(inputs.frame_columns(frame), [inputs.ID, *self.tags_], "frame")
        inputs.check_frame_ids(frame)

    def _stream(self, frame: Any) -> Iterator[tuple[NDArray[Any], NDArray[np.float64]]]:
        """Ids and closeness, batch by batch."""
        with threads(self.n_jobs):
            for batch in self._batches(frame):
                ids = batch.ids()
                yield ids, self._scores(ids, batch.codes())

    def _batches(self, frame: Any) -> Iterator[Batch]:
        """The customers of a frame, batch by batch."""
        used = used_by(self._scorer)
        tags = [t for at, t in enumerate(self.tags_) if used is None or used[at]]
        for table in inputs.batches(frame, tags):
            yield TableBatch(table, self._training.levels, used)

    def _scores(self, ids: NDArray[Any], codes: Codes) -> NDArray[np.float64]:
        """Closeness of customers with these ids and levels."""
        return self._scorer.scores(codes, self._rows.get_indexer(pd.Index(ids)))

    def _screen(self, n_candidates: int) -> Screen | None:
        """What spares most of so many candidates the exact score; learnt once."""
        if n_candidates < WORTH_FROM or self.recall >= 1:
            return None
        if not self._screens:
            made = learn_screen(self._training, self._scorer, random_state=self.random_state)
            self._screens = (made,)
        return self._screens[0]
