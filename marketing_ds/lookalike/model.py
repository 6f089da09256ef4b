"""The look-alike model: fit on seeds, score and expand candidates, evaluate and explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import (
    check_choice,
    check_count,
    check_number,
)

from . import inputs, store
from .encode import encode
from .evaluation import LookalikeEvaluation, evaluate
from .expansion import Expansion, Limit
from .explaining.reasons import CustomerReasons, customers_table, explain_customers
from .explaining.separation import SeedSeparation, separate
from .fitted import Fitted
from .fitting import check_distinct, read_training, warn_if_few
from .index import threads
from .reach import ReachCurve, reach_of
from .recipe import METHODS, Recipe
from .scorers import size_of
from .screening.cascade import choose


class Lookalike(Fitted):
    """Score customers by closeness to seeds: from 0 to 1, and 0.5 is no closer than anybody.

    Two methods say how much commoner seeds are than ordinary customers around a customer, and held-
    out seeds say which to take. **Neighbours** are looked up with FAISS among the seeds and a sample
    of ordinary customers together, since the middle of the base is near to every group of seeds. A
    **classifier** (XGBoost and a ridge regression) tells seeds from ordinary customers. The
    **ensemble** is the mean of both, in log-odds set right on held-out seeds. Nobody is scored by
    themselves: neighbours leave them out, the classifier answers out of fold.

    Parameters
    ----------
    method : {"auto", "neighbours", "classifier", "ensemble"}, default "auto"
        ``auto`` hides each fifth of the seeds from every method and takes what finds them best, the
        ensemble unless one alone is ahead (see `Selection`); with fewer than 20 seeds, neighbours.
    n_neighbors : int, default 200
        Neighbours looked up, seeds and ordinary customers together.
    trim : float, default 0.0
        Share of the seeds, those that fit the others least, that is left out of the neighbours.
    weighting : {"contrast", None}, default "contrast"
        ``contrast`` measures distance in weights of evidence, so that a tag counts by how well it
        tells seeds from the base (formula in `marketing_ds.lookalike.evidence`); None gives every
        tag the same variance. Of the neighbours.
    exclude : sequence of str, default ()
        Tags to leave out.
    sensitive : bool, default False
        Whether tags that the catalogue calls sensitive (age, gender, …) may be used.
    recall : float, default 0.95
        Share of true nearest neighbours that the index must find; measured in every fit, and met
        by exact search where an approximate index does not. And share of the closest that
        `expand` must find among 100,000 candidates or more, of whom only those are scored that
        pass a cheap screen; measured in every expansion. 1 searches everybody exactly.
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
        Threads of FAISS and of the classifier's folds; as many as OpenMP gives by default.

    Attributes
    ----------
    tags_ : tuple of str
        Tags used.
    method_ : str
        The method taken.
    selection_ : Selection or None
        How the methods compared; None where there was no choice.
    recall_ : float or None
        Measured recall of the neighbours' index; None of a classifier alone.
    index_kind_ : str or None
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
    >>> len(set(found.ids()) & set(rich[1::2])) > 90
    True
    """

    def __init__(
        self,
        method: str = "auto",
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
        self.method = method
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
        training = read_training(
            frame, tags, wanted, base_size=self.base_size, random_state=self.random_state
        )
        warn_if_few(len(training.seeds))
        p_value = check_distinct(training, self.on_indistinct, self.random_state)
        with threads(self.n_jobs):
            made, method, selection = recipe.choose(training, training.seeds)
        learnt = store.Learnt(self.get_params(), training, made, p_value, method, selection)
        self._set(learnt, recipe)
        with threads(self.n_jobs):
            self._screen(self.n_base_)  # learnt now, so that the first expansion is no slower
        self._frame: Any = frame.copy(deep=False) if isinstance(frame, pd.DataFrame) else frame
        return self

    def expand(
        self,
        candidates: Any = None,
        *,
        size: int | None = None,
        min_score: float | None = None,
        share: float | None = None,
        keep_seeds: bool = False,
        within: Any = None,
        suppress: Any = None,
        rank_by: Any = None,
    ) -> Expansion:
        """The customers closest to the seeds, or the most valuable of those who are close.

        Parameters
        ----------
        candidates : pandas.DataFrame or ibis.Table, optional
            Whom to choose from; the frame of `fit` by default.
        size, min_score, share : optional
            Exactly one: how many customers, how close (0 to 1), or what share of the candidates.
        keep_seeds : bool, default False
            Whether seeds among the candidates may be chosen.
        within : Audience, sequence of str, or table with customer_id, optional
            Nobody else is a candidate.
        suppress : the same, or a mapping of names to such, optional
            Nobody of these is a candidate.
        rank_by : pandas.DataFrame or ibis.Table, optional
            Scores of value or uplift (`customer_id`, `score`; one row a customer). Of the
            candidates at least `min_score` close (0.5 by default: closer than anybody), those of
            highest score are chosen, equals by closeness; `min_score` may then go with `size` or
            `share`. Candidates without a score are left out, and counted.

        Raises
        ------
        InvalidInput
            If not exactly one limit is given, or there are fewer candidates than `size`.
        """
        check_is_fitted(self)
        limit = Limit.checked(size, min_score, share, rank_by)
        candidates = self._candidates(candidates, within, suppress)
        expected = (
            self.n_base_
            if candidates is getattr(self, "_frame", None)
            else inputs.n_rows(candidates)
        )
        with threads(self.n_jobs):
            choice, reached = choose(
                lambda: self._batches(candidates),
                self._scores,
                limit,
                frozenset() if keep_seeds else frozenset(self.seeds_.tolist()),
                screen=self._screen(expected),
                expected=expected,
                recall=self.recall,
                random_state=self.random_state,
            )
        return Expansion(
            choice.chosen(),
            choice.n_candidates,
            self.n_seeds_,
            keep_seeds,
            self.model_version_,
            choice.n_unranked,
            self.tags_,
            candidates,
            self.seeds_,
            reached.scored,
            reached.recall,
        )

    def evaluate(
        self, *, n_repeats: int = 1, beside: Mapping[str, Any] | None = None
    ) -> LookalikeEvaluation:
        """Hide each fold of the seeds among the candidates, and see whether it is found again.

        Everything is learnt anew without the hidden seeds, by the method that `fit` chose and with
        trees of the size that it chose. They are placed among at most 20,000 customers of the base
        who are no seeds.

        Parameters
        ----------
        n_repeats : int, default 1
            How often the seeds are cut into folds; a seed counts by the mean of its placements.
        beside : mapping of names to pandas.DataFrame or ibis.Table, optional
            Scores (`customer_id`, `score`) that rank the same hidden seeds among the same
            customers, say ``{"propensity": scores}``.

        Raises
        ------
        InvalidInput
            If there are fewer seeds than twice the folds, or a customer is without a score in
            `beside`.
        """
        check_is_fitted(self)
        check_count("n_repeats", n_repeats, low=1)
        with threads(self.n_jobs):
            return evaluate(
                replace(self._recipe(), method=self.method_),
                self._training,
                n_folds=self.n_folds,
                n_repeats=n_repeats,
                beside=beside or {},
                p_value=self.distinctness_,
                size=size_of(self._scorer),
            )

    def reach_curve(
        self,
        candidates: Any = None,
        *,
        within: Any = None,
        suppress: Any = None,
        evaluation: LookalikeEvaluation | None = None,
    ) -> ReachCurve:
        """How many candidates there are at least so close: size against similarity.

        Parameters
        ----------
        candidates, within, suppress : optional
            As in `expand`; seeds are no candidates.
        evaluation : LookalikeEvaluation, optional
            What `evaluate` gave: recall of held-out seeds is shown beside the sizes. It is that
            among the customers of `fit`, so the candidates must be these.

        Raises
        ------
        InvalidInput
            If nobody is a candidate.
        """
        table = self._candidates(candidates, within, suppress)
        left_out = frozenset(self.seeds_.tolist())
        scores = [s[~inputs.is_in(ids, left_out)] for ids, s in self._stream(table)]
        return reach_of(np.concatenate(scores) if scores else np.empty(0), evaluation)

    def explain(self) -> SeedSeparation:
        """Which tags separate the seeds from the base: standardised differences with intervals.

        `.tgi` of the result has the same level by level, as TGI.
        """
        check_is_fitted(self)
        return separate(self._training)

    def reasons(self, customers: Any, *, top: int = 5, nearest: int = 3) -> CustomerReasons:
        """Why customers are as close as they are: tags that bring them closer, nearest seeds.

        Every tag tried costs five scores a customer: meant for some hundred customers.

        Parameters
        ----------
        customers : sequence of str, Audience, Expansion, or table
            Ids of customers of the frame of `fit`, or a table with `customer_id` and the tags of
            `fit`; 1,000 customers at most.
        top : int, default 5
            Reasons a customer, at most.
        nearest : int, default 3
            Nearest seeds a customer, at most; nobody is near to themselves.

        Raises
        ------
        InvalidInput
            If there are no customers, too many, or some that nothing is known of.
        """
        check_is_fitted(self)
        table = customers_table(customers, getattr(self, "_frame", None), self.tags_)
        told = (table[inputs.ID].to_numpy(), encode(table, self._training.levels))
        with threads(self.n_jobs):
            return explain_customers(self._training, self._scorer, told, top=top, nearest=nearest)

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder, without pickle; replaces a model there in one step.

        The folder holds customer ids and levels of the seeds and of the sampled base: guard it
        like the mart.
        """
        check_is_fitted(self)
        parameters = {**self.get_params(), "exclude": list(self.exclude)}
        return store.write(Path(folder), replace(self._learnt, parameters=parameters))

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
        model._set(learnt, model._recipe())
        return model

    def _recipe(self) -> Recipe:
        """The parameters, checked."""
        check_choice("method", self.method, METHODS)
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
        return Recipe(
            self.method,
            self.weighting,
            self.n_neighbors,
            self.trim,
            self.recall,
            self.random_state,
        )
