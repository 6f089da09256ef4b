"""What a fitted propensity model is there for: predict, judge, watch, explain, score, keep."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import ibis
import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder
from marketing_ds.mart import Mart
from marketing_ds.tags import Tag

from . import _store
from ._calibration import Calibration, CalibrationKind, Floats
from ._drift import Drift, drift_of
from ._error import FoldModel, standard_error
from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._reasons import Explanation, explain_rows, reasons_of
from ._reference import TagReference
from ._scoring import Progress, score_frame, score_stream
from ._snapshot import TrainingSnapshot


class FittedPropensity:
    """The part of `PropensityModel` that works on what `fit` has learned; see there."""

    classes_: NDArray[Any]
    encoder_: FeatureEncoder
    booster_: xgb.Booster
    calibration_: Calibration
    calibration_losses_: Mapping[CalibrationKind, float]
    n_trees_: int
    penalty_: float | None
    trials_: pd.DataFrame | None
    reference_: tuple[TagReference, ...]
    snapshot_: TrainingSnapshot
    oof_: Floats
    evaluation_: PropensityEvaluation | None
    model_version_: str
    n_features_in_: int
    n_jobs: int | None
    _folds: tuple[FoldModel, ...]

    def decision_function(self, X: ArrayLike) -> Floats:
        """Calibrated log-odds, shape (n_samples,)."""
        Z = self._encode(X)
        return self.calibration_.log_odds(self._margin(Z))

    def predict_proba(self, X: ArrayLike, *, se: bool = False) -> Any:
        """Calibrated probabilities.

        Parameters
        ----------
        X : as in `fit`
        se : bool, default=False
            Give their standard errors too: by how much other customers to learn from would have
            moved them (a jackknife over the folds [1]_; it does not know of bias).

        Returns
        -------
        probability : ndarray of shape (n_samples, 2)
            In the order of `classes_`.
        error : ndarray of shape (n_samples,)
            Standard error of either probability; only with `se`.

        Raises
        ------
        InvalidInput
            If `se` is asked of a model that was fitted without ``standard_error=True``.

        References
        ----------
        .. [1] Kott (2001). The delete-a-group jackknife. Journal of Official Statistics 17(4).
        """
        Z = self._encode(X)
        p = self.calibration_.probability(self._margin(Z))
        both = np.column_stack([1 - p, p])
        if not se:
            return both
        if len(self._folds) < 2:
            raise InvalidInput(
                "se needs the models of the folds, which this model has not kept; fit it with "
                "standard_error=True"
            )
        return both, standard_error(self._folds, self.calibration_, Z)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The more probable label of each row."""
        positive = (self.decision_function(X) > 0).astype(np.intp)
        likely: NDArray[Any] = self.classes_[positive]
        return likely

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> PropensityEvaluation:
        """Measure the model on customers that it has not seen.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        groups : array-like of shape (n_samples,), optional
            Rows of one customer belong together: intervals are then of customers.

        Raises
        ------
        InvalidInput
            If `y` holds a label unknown at fit, or one class only.
        """
        p = self.predict_proba(X)[:, 1]
        labels = np.asarray(y)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise InvalidInput(
                f"y must hold the labels of fit ({self.classes_.tolist()}), got {unknown[:3].tolist()}"
            )
        return evaluate_probabilities(
            labels == self.classes_[1], p, sample_weight=sample_weight, groups=groups
        )

    def drift(self, X: ArrayLike, *, alpha: float = 0.01) -> Drift:
        """How far customers and scores have moved since training, with chance as the yardstick.

        Parameters
        ----------
        X : as in `fit`
            Customers scored now.
        alpha : float, default=0.01
            Probability that chance alone lets any PSI exceed its yardstick.

        Returns
        -------
        Drift
            `.status`, `.alarms()` in words, `.to_frame()`, `.plot()`.
        """
        check_is_fitted(self)
        return drift_of(self, X, alpha=alpha)

    def explain(self, X: ArrayLike, *, size: int | None = 10_000) -> Explanation:
        """What drives the scores: TreeSHAP per tag.

        Parameters
        ----------
        X : as in `fit`
        size : int or None, default=10_000
            Explain this many rows, drawn with a fixed seed, if there are more; None explains all.

        Returns
        -------
        Explanation
            `.to_frame()` ranks the tags by mean |SHAP|; contributions are log-odds.
        """
        Z = self._encode(X)
        if size is not None and check_count("size", size, low=1) < len(Z):
            Z = Z[np.sort(np.random.default_rng(0).choice(len(Z), int(size), replace=False))]
        return explain_rows(self.booster_, self.encoder_, Z)

    def reasons(
        self,
        X: ArrayLike,
        top: int = 3,
        *,
        language: str = "en",
        tags: Sequence[Tag] = (),
    ) -> pd.DataFrame:
        """The tags that moved each customer's score most, in words.

        Parameters
        ----------
        X : as in `fit`
        top : int, default=3
            Reasons a customer, at most.
        language : {"en", "zh", "both"}, default="en"
            Of the sentences.
        tags : sequence of Tag, optional
            Tags of your own, which the catalogue does not know: their titles and units are used.

        Returns
        -------
        pandas.DataFrame
            One row a customer and rank, strongest first: `customer_id` (or `row`, for input without
            it), `rank`, `tag`, `value` as text (null where unknown), `contribution` in log-odds
            before calibration, `direction` (``raises`` or ``lowers`` the score) and `sentence`
            (``both``: `sentence_en`, `sentence_zh`), which also says where the customer stands among
            those learnt from. Tags without any contribution are left out. A customer's reasons do
            not depend on who else is asked about.
        """
        check_is_fitted(self)
        return reasons_of(self, X, top=top, language=language, tags=tags)

    def score_table(
        self,
        table: pd.DataFrame | ibis.Table | str | Path | Sequence[str | Path],
        *,
        as_of: dt.date | str,
        mart: Mart | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Scores of customers under the contract of the `scores` table.

        Parameters
        ----------
        table : pandas.DataFrame, ibis.Table, or path(s) of Parquet files
            Tags with `customer_id`. A frame is scored at once; with `mart` a table streams through
            in batches, never the whole of it in memory, and only the tags that some tree looks at
            are read.
        as_of : date or ISO text
            Date of the tags.
        mart : Mart, optional
            Whose engine runs `table`, or reads the files: needed for files. On Spark its workers
            score, each with one thread; they get the trees, nothing of the training data.
        progress : callable, optional
            Is told how many customers are scored so far, batch by batch (with a mart on DuckDB).

        Returns
        -------
        pandas.DataFrame or (with `mart`) ibis.Table
            Columns of `schema.SCORES`. See `Mart.map_batches` for when a table is computed. Publish
            it with ``mart.publish("scores", …)``, which checks that no customer comes twice.

        Raises
        ------
        InvalidInput
            If `customer_id` or a tag is missing, of another type than at fit, or infinite; of a
            frame also if a customer comes twice.
        """
        check_is_fitted(self)
        if mart is not None:
            return score_stream(self, table, mart=mart, as_of=as_of, progress=progress)
        return score_frame(self, table, as_of=as_of)

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder, without pickle; replaces a model there in one step.

        The folder holds no customers: neither ids nor out-of-fold probabilities. Parameters that
        are objects (a splitter as `cv`, a random state) are not kept.
        """
        check_is_fitted(self)
        return _store.write(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model that `save` wrote; it has all but `oof_`.

        Raises
        ------
        InvalidInput
            If there is none, a file is cut short or changed, or it is of another version.
        """
        return _store.read(Path(folder), cls)

    def _encode(self, X: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.encoder_.transform(X)

    def _margin(self, Z: NDArray[np.float32]) -> NDArray[np.float32]:
        margin: NDArray[np.float32] = self.booster_.inplace_predict(Z, predict_type="margin")
        return margin
