"""The look-alike model: fit on seeds, score and expand candidates, evaluate and explain."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import (
    check_choice,
    check_columns,
    check_count,
    check_date,
    check_number,
)
from marketing_ds._core.errors import InvalidInput
from marketing_ds.scores import scores_frame

from . import inputs, store
from .encode import encode, fit_levels
from .evaluation import (
    FewSeedsWarning,
    IndistinctSeedsWarning,
    LookalikeEvaluation,
    SeedsNotDistinct,
    distinctness,
    hold_out,
)
from .expansion import Expansion, closest
from .index import threads
from .neighbourhood import Neighbourhood, Recipe, Rows, Training
from .separation import SeedSeparation, separate

_FEW_SEEDS = 50
_ALPHA = 0.01
_BINS = {"contrast": 16, None: 64}
_PLACED_AGAINST = 20_000


class Lookalike(BaseEstimator):  # type: ignore[misc]
    """Score customers by closeness to seeds, in a space that tells seeds from the base.

    The nearest neighbours of a candidate are looked up with FAISS among the seeds and a sample of
    ordinary customers together. How much commoner seeds are there than ordinary customers is the
    score, from 0 to 1, and 0.5 means no closer to the seeds than anybody is. Comparing with
    ordinary customers matters: the middle of the base is near to every group of seeds. A seed, or
    an ordinary customer of the index, is scored as if they were not in it.

    Parameters
    ----------
    n_neighbors : int, default 200
        Neighbours looked up, seeds and ordinary customers together.
    trim : float, default 0.0
        Share of the seeds, those that fit the others least, that is left out of the index.
    weighting : {"contrast", None}, default "contrast"
        ``contrast`` measures distance in weights of evidence, so that a tag counts by how well it
        tells seeds from the base (formula in `marketing_ds.lookalike.space`); None gives every tag
        the same variance.
    exclude : sequence of str, default ()
        Tags to leave out.
    sensitive : bool, default False
        Whether tags that the catalogue calls sensitive (age, gender, …) may be used.
    recall : float, default 0.95
        Share of true nearest neighbours that the index must find; measured in every fit, and met
        by exact search where an approximate index does not.
    base_size : int, default 100_000
        Customers sampled to stand for the base.
    on_indistinct : {"refuse", "warn"}, default "refuse"
        What to do with seeds that a random draw from the base could have been (permutation test
        at 1 %).
    n_folds : int, default 5
        Folds of `evaluate`.
    random_state : int, default 0
        Same frame, seeds and parameters, same scores.
    n_jobs : int, optional
        Threads of FAISS; as many as OpenMP gives by default.

    Attributes
    ----------
    tags_ : tuple of str
        Tags used.
    recall_ : float
        Measured recall of the index.
    index_kind_ : str
        ``exact`` or ``ivf(lists, probed)``.
    distinctness_ : float
        P-value of the permutation test.
    n_seeds_, n_base_ : int
        Seeds, and customers in the frame.
    model_version_ : str
        Short sha256 of what was learnt.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(2000)],
    ...                       "funds_cny": rng.lognormal(8, 2, 2000), "visits": rng.poisson(3, 2000)})
    >>> rich = frame.loc[frame["funds_cny"] > 30_000, "customer_id"]
    >>> look = Lookalike().fit(frame, seeds=rich[::2])
    >>> found = look.expand(size=100)
    >>> len(set(found.ids()) & set(rich[1::2]))
    97
    """

    def __init__(
        self,
        n_neighbors: int = 200,
        trim: float = 0.0,
        weighting: str | None = "contrast",
        exclude: Sequence[str] = (),
        sensitive: bool = False,
        recall: float = 0.95,
        base_size: int = 100_000,
        on_indistinct: str = "refuse",
        n_folds: int = 5,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.trim = trim
        self.weighting = weighting
        self.exclude = exclude
        self.sensitive = sensitive
        self.recall = recall
        self.base_size = base_size
        self.on_indistinct = on_indistinct
        self.n_folds = n_folds
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, frame: Any, seeds: Any) -> Self:
        """Learn what distinguishes the seeds from the frame's customers.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            `customer_id` and tags, one row a customer; the base and the default candidates.
        seeds : sequence of str, Audience, or table with customer_id
            Known good customers, all of them in `frame`; a repeated id counts once.

        Raises
        ------
        InvalidInput
            Before work for a wrong parameter, no seeds, or excluded tags that are not there; while
            reading for repeated ids, seeds that are not in the frame, everybody a seed, infinite
            values, mixed types, or no tag that varies.
        SeedsNotDistinct
            If a random draw from the base could have been the seeds.

        Warns
        -----
        FewSeedsWarning
            With fewer than 50 seeds.
        """
        recipe = self._recipe()
        wanted = inputs.read_seeds(seeds)
        tags = inputs.usable_tags(frame, self.exclude, self.sensitive)
        inputs.check_frame_ids(frame)
        salt = f"look-alike {self.random_state}"
        sample = inputs.gather(frame, tags, wanted, size=self.base_size, salt=salt)
        base = sample.table.filter(sample.in_base)
        fitted = fit_levels(base, tags, bins=_BINS[self.weighting])
        codes = encode(sample.table, fitted)
        varies = [at for at in range(len(tags)) if np.ptp(codes[sample.in_base, at]) > 0]
        if not varies:
            raise InvalidInput("frame must have a tag that varies; every one of them is constant")
        levels = tuple(fitted[at] for at in varies)
        training = Training(
            sample.ids, codes[:, varies], sample.is_seed, sample.in_base, levels, sample.n_base
        )
        self._warn_if_few(len(training.seeds))
        p_value = self._test(training)
        with threads(self.n_jobs):
            made = recipe.make(training, training.seeds)
        self._set(training, made, p_value)
        self._frame: Any = frame.copy(deep=False) if isinstance(frame, pd.DataFrame) else frame
        return self

    def score(self, frame: Any, as_of: dt.date | str | None = None) -> pd.DataFrame:
        """Closeness of every customer, as the scores table, in the frame's order.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            `customer_id` and the tags of `fit`; other columns are ignored. An Ibis table streams
            through in batches.
        as_of : date or ISO text, optional
            Day of the tags; by default that of the frame's column `as_of`, else today.

        Returns
        -------
        pandas.DataFrame
            Columns of `schema.SCORES`, kind ``lookalike``; no arm, no standard error.
        """
        self._check_frame(frame)
        day = _day(frame, as_of)
        parts = list(self._stream(frame))
        return scores_frame(
            np.concatenate([ids for ids, _ in parts]) if parts else [],
            as_of=day,
            kind="lookalike",
            score=np.concatenate([score for _, score in parts]) if parts else [],
            model_version=self.model_version_,
        )

    def expand(
        self,
        candidates: Any = None,
        *,
        size: int | None = None,
        min_score: float | None = None,
        share: float | None = None,
        keep_seeds: bool = False,
    ) -> Expansion:
        """The customers closest to the seeds.

        Parameters
        ----------
        candidates : pandas.DataFrame or ibis.Table, optional
            Whom to choose from; the frame of `fit` by default.
        size, min_score, share : optional
            Exactly one: how many customers, how close (0 to 1), or what share of the candidates.
        keep_seeds : bool, default False
            Whether seeds among the candidates may be chosen.

        Raises
        ------
        InvalidInput
            If not exactly one limit is given, or there are fewer candidates than `size`.
        """
        check_is_fitted(self)
        _check_limit(size, min_score, share)
        if candidates is None:
            candidates = getattr(self, "_frame", None)
            if candidates is None:
                raise InvalidInput("candidates must be given: a loaded model keeps no frame")
        self._check_frame(candidates)
        seeds = frozenset() if keep_seeds else frozenset(self.seeds_.tolist())
        kept: list[pd.DataFrame] = []
        n_candidates = waiting = 0
        for ids, score in self._stream(candidates):
            allowed = ~inputs.is_in(ids, seeds)
            n_candidates += int(allowed.sum())
            if min_score is not None:
                allowed &= score >= min_score
            kept.append(pd.DataFrame({"customer_id": ids[allowed], "score": score[allowed]}))
            waiting += len(kept[-1])
            if size is not None and waiting > 4 * size + 100_000:
                kept = [closest(pd.concat(kept), size)]
                waiting = size
        if size is not None and size > n_candidates:
            raise InvalidInput(
                f"size must be at most the number of candidates, {n_candidates:,}, got {size:,}"
            )
        found = pd.concat(kept) if kept else pd.DataFrame({"customer_id": [], "score": []})
        limit = size if share is None else round(share * n_candidates)
        chosen = closest(found, len(found) if limit is None else limit)
        inputs.refuse_duplicates(chosen["customer_id"].to_numpy(dtype=object))
        chosen["customer_id"] = chosen["customer_id"].astype("str")
        return Expansion(chosen, n_candidates, self.n_seeds_, keep_seeds, self.model_version_)

    def evaluate(self) -> LookalikeEvaluation:
        """Hide each fold of the seeds among the candidates, and see whether it is found again.

        Everything is learnt anew without the hidden seeds. They are placed among at most 20,000
        customers of the base who are no seeds.

        Raises
        ------
        InvalidInput
            If there are fewer seeds than twice the folds.
        """
        check_is_fitted(self)
        recipe = self._recipe()
        training = self._training
        seeds = training.seeds
        if len(seeds) < 2 * self.n_folds:
            raise InvalidInput(
                f"n_folds must be at most half of the seeds ({len(seeds)}), got {self.n_folds}"
            )
        random = np.random.RandomState(self.random_state)
        folds = np.array_split(random.permutation(len(seeds)), self.n_folds)
        against = training.ordinary
        if len(against) > _PLACED_AGAINST:
            against = np.sort(random.choice(against, _PLACED_AGAINST, replace=False))

        def score_fold(kept: Rows, held: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            made = recipe.make(training, seeds[kept])
            hidden, others = (
                made.closeness(training.codes[rows], made.position[rows])
                for rows in (seeds[held], against)
            )
            return hidden, others

        with threads(self.n_jobs):
            return hold_out(score_fold, folds, n_base=training.n_base, p_value=self.distinctness_)

    def explain(self) -> SeedSeparation:
        """Which tags separate the seeds from the base: standardised differences with intervals."""
        check_is_fitted(self)
        training = self._training
        return separate(
            training.codes[training.is_seed], training.codes[training.in_base], training.levels
        )

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder, without pickle; replaces a model there in one step.

        The folder holds customer ids and levels of the seeds and of the sampled base: guard it
        like the mart.
        """
        check_is_fitted(self)
        parameters = {**self.get_params(), "exclude": list(self.exclude)}
        learnt = store.Learnt(parameters, self._training, self._neighbourhood, self.distinctness_)
        return store.write(Path(folder), learnt)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        InvalidInput
            If there is none, a file is cut short or changed, or it is of another version.
        """
        learnt = store.read(Path(folder))
        model = cls(**learnt.parameters)
        model._set(learnt.training, learnt.neighbourhood, learnt.p_value)
        return model

    def _set(self, training: Training, made: Neighbourhood, p_value: float) -> None:
        self._training, self._neighbourhood = training, made
        self.tags_ = tuple(tag.name for tag in training.levels)
        self.seeds_ = training.ids[training.is_seed]
        self.n_seeds_ = len(self.seeds_)
        self.n_base_ = training.n_base
        self.recall_ = made.index.recall
        self.index_kind_ = made.index.kind
        self.distinctness_ = p_value
        self.model_version_ = _version(self._recipe(), training, made)

    def _recipe(self) -> Recipe:
        """The parameters, checked."""
        check_count("n_neighbors", self.n_neighbors, low=1, high=10_000)
        check_number("trim", self.trim, low=0, high=0.5)
        if self.weighting is not None:
            check_choice("weighting", self.weighting, ["contrast"])
        check_number("recall", self.recall, low=0, high=1)
        check_count("base_size", self.base_size, low=1_000)
        check_choice("on_indistinct", self.on_indistinct, ["refuse", "warn"])
        check_count("n_folds", self.n_folds, low=2)
        check_count("random_state", self.random_state, high=2**32 - 1)
        if self.n_jobs is not None:
            check_count("n_jobs", self.n_jobs, low=1)
        return Recipe(self.weighting, self.n_neighbors, self.trim, self.recall, self.random_state)

    def _warn_if_few(self, n_seeds: int) -> None:
        if n_seeds < _FEW_SEEDS:
            # A placement is at worst uniform, so its standard deviation is about 0.29.
            half = 1.96 * np.sqrt(1 / 12 / n_seeds)
            warnings.warn(
                f"{n_seeds} seeds are few: the AUC of evaluate() will be uncertain by up to about "
                f"±{half:.2f}; {_FEW_SEEDS} or more are wanted",
                FewSeedsWarning,
                stacklevel=3,
            )

    def _test(self, training: Training) -> float:
        random = np.random.RandomState(self.random_state)
        seeds, base = training.codes[training.is_seed], training.codes[training.in_base]
        p_value = distinctness(seeds, base, training.levels, random)
        if p_value > _ALPHA:
            reason = (
                f"seeds must differ from the base, got {len(seeds):,} that a random draw could "
                f"have been (permutation test, p = {p_value:.3f}); choose seeds by something that "
                f"the tags know of"
            )
            if self.on_indistinct == "refuse":
                raise SeedsNotDistinct(f"{reason}, or go on with on_indistinct='warn'")
            warnings.warn(reason, IndistinctSeedsWarning, stacklevel=3)
        return p_value

    def _check_frame(self, frame: Any) -> None:
        check_is_fitted(self)
        check_columns(inputs.frame_columns(frame), [inputs.ID, *self.tags_], "frame")
        inputs.check_frame_ids(frame)

    def _stream(self, frame: Any) -> Iterator[tuple[NDArray[Any], NDArray[np.float64]]]:
        """Ids and closeness, batch by batch."""
        made, training = self._neighbourhood, self._training
        indexed = pd.Index(training.ids)
        with threads(self.n_jobs):
            for batch in inputs.batches(frame, self.tags_):
                ids = batch[inputs.ID].to_numpy()
                row = indexed.get_indexer(pd.Index(ids))
                own = np.where(row < 0, -1, made.position[row])
                yield ids, made.closeness(encode(batch, training.levels), own)


def _version(recipe: Recipe, training: Training, made: Neighbourhood) -> str:
    """Short sha256 of the recipe, the space and everybody in the index."""
    told = json.dumps([asdict(recipe), [asdict(tag) for tag in training.levels]], sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for table in made.space.tables:
        digest.update(np.ascontiguousarray(table).tobytes())
    indexed = made.position >= 0
    digest.update("\n".join(training.ids[indexed]).encode())
    digest.update(np.ascontiguousarray(training.codes[indexed]).tobytes())
    digest.update(made.position[indexed].astype("<i8").tobytes())
    return digest.hexdigest()[:12]


def _check_limit(size: int | None, min_score: float | None, share: float | None) -> None:
    given = [name for name, value in (("size", size), ("min_score", min_score), ("share", share))
             if value is not None]  # fmt: skip
    if len(given) != 1:
        raise InvalidInput(
            f"expand must be given exactly one of size, min_score and share, got "
            f"{' and '.join(given) or 'none'}"
        )
    if size is not None:
        check_count("size", size, low=1)
    if min_score is not None:
        check_number("min_score", min_score, low=0, high=1)
    if share is not None:
        check_number("share", share, low=0, high=1)


def _day(frame: Any, as_of: dt.date | str | None) -> dt.date:
    """`as_of`, or the one day of the frame's own column, or today."""
    if as_of is not None:
        return check_date("as_of", as_of)
    if "as_of" not in frame.columns:
        return dt.date.today()
    days = frame[["as_of"]].drop_duplicates() if isinstance(frame, pd.DataFrame) else (
        frame.select("as_of").distinct().limit(2).to_pandas())  # fmt: skip
    if len(days) != 1:
        raise InvalidInput("as_of must be given: the frame's column as_of holds more than one day")
    return check_date("as_of", days["as_of"].iloc[0])
