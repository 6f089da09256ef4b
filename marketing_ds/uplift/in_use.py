"""What a fitted uplift model is used for: decisions, scores, and another day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_columns
from marketing_ds.scores import scores_frame

from . import store
from .curves.curve import uplift_curve
from .decisions import Amount, Decision, decide
from .insight import Insight


class InUse(Insight):
    """The part of `UpliftModel` that decides, scores, saves and loads."""

    def best_arm(
        self,
        X: Any,
        value: Amount,
        cost: Amount | Mapping[str, Amount] = 0.0,
        *,
        benefit: Amount | Mapping[str, Amount] | None = None,
        p_redeem: Amount | Mapping[str, Amount] | None = None,
        certainty: bool = False,
    ) -> Decision:
        """The arm that each customer should get: the one of the greatest net value, or control.

        Net value of an arm = `value` · uplift − `cost` − `benefit` · `p_redeem`.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
        value : float or array-like of shape (n,)
            Worth of one unit of outcome, in money; negative where the outcome is unwanted.
        cost : float, or mapping of arm to float or array-like of shape (n,)
            What giving the arm costs whatever comes of it: the contact.
        benefit : float, or mapping of arm to float or array-like of shape (n,), optional
            What is paid when the customer acts: a coupon redeemed, a cash-back per unit of outcome.
        p_redeem : float, or mapping of arm to float or array-like of shape (n,), optional
            How likely the benefit is paid; by default the expected outcome under the arm
            (`predict_outcomes`), since who acts is paid, whether because of us or not.
        certainty : bool
            Also give each choice's probability of being the best, from the standard errors of
            `predict(X, se=True)`, the arms' errors taken as independent.

        Returns
        -------
        Decision
            `.arm`, `.net_value`, `.margin` by customer; `.to_frame()` sums up by arm.

        Raises
        ------
        InvalidInput
            If an arm is not named, or a number is missing, below 0 (costs, benefits) or outside
            [0, 1] (`p_redeem`), or the columns are not those of fit.

        Notes
        -----
        Where `fit` found no heterogeneity of an arm's effect (``heterogeneity_[arm].found``),
        customers are not told apart by it: each is given the arm's average effect, so that with
        one value and cost for all the arm goes to everyone or to no one.

        Examples
        --------
        >>> from marketing_ds.uplift import UpliftModel
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"wealth": rng.random(4000)})
        >>> arm = rng.choice(["control", "coupon"], 4000)
        >>> y = rng.random(4000) < 0.1 + 0.3 * X["wealth"] * (arm == "coupon")
        >>> model = UpliftModel(n_jobs=1).fit(X, y, treatment=arm)
        >>> decision = model.best_arm(X, value=100, cost=2, benefit=30)
        >>> treated = decision.arm == "coupon"
        >>> bool(treated[X["wealth"] > 0.6].all()), bool(treated[X["wealth"] < 0.1].any())
        (True, False)
        """
        check_is_fitted(self)
        return decide(self, X, value, cost, benefit=benefit, p_redeem=p_redeem, certainty=certainty)

    def save(self, folder: str | Path) -> Path:
        """Write the model to a folder, without pickle; replaces a model there in one step.

        The folder holds no customers: `crossfit_` is not kept, nor are parameters that are objects
        (a random state, a regressor of another package).

        Raises
        ------
        InvalidInput
            If `folder` is a file, or the effect is not of boosted trees alone.

        Examples
        --------
        >>> import tempfile
        >>> from marketing_ds.uplift import UpliftModel
        >>> rng = np.random.default_rng(0)
        >>> X, arm = rng.random((500, 2)), rng.integers(0, 2, 500)
        >>> model = UpliftModel("t", n_jobs=1).fit(X, X[:, 0] * arm, treatment=arm)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = UpliftModel.load(model.save(folder))
        >>> bool((again.predict(X) == model.predict(X)).all())
        True
        """
        check_is_fitted(self)
        return store.write(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model that `save` wrote; it has all but `crossfit_`.

        Raises
        ------
        InvalidInput
            If there is none, a file is cut short or changed, or it is of another version.
        """
        return store.read(Path(folder), cls)

    def score(self, X: Any, y: Any, treatment: Any, probability: Any = None) -> float:
        """Qini by `uplift_curve`, in outcome units per person; the mean over arms if several.

        Parameters
        ----------
        X, y, treatment, probability
            As in `fit`.
        """
        uplift = self._effects(self._encode(X))
        qini = [
            uplift_curve(
                y,
                uplift[:, position],
                treatment,
                arm=arm,
                control=self.control,
                probability=probability,
            ).qini.value
            for position, arm in enumerate(self.arms_)
        ]
        return float(np.mean(qini))

    def score_table(self, frame: Any, *, as_of: dt.date | str) -> pd.DataFrame:
        """The scores table: one row a customer and arm.

        Parameters
        ----------
        frame : pandas.DataFrame or Arrow table
            `customer_id` and the tags trained on.
        as_of : date or ISO text
            The date of the tags.

        Returns
        -------
        pandas.DataFrame
            The columns of the contract of `scores`, kind ``"uplift"``; the customers of the frame
            in its order, arm after arm.

        Raises
        ------
        InvalidInput
            If `customer_id` is missing, null or repeated, or the tags are not those of fit.
        """
        if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas"):
            frame = frame.to_pandas()
        check_columns(frame.columns, ["customer_id"], "frame")
        encoded = self._encode(frame)
        return scores_frame(
            pd.concat([frame["customer_id"]] * len(self.arms_), ignore_index=True),
            as_of=as_of,
            kind="uplift",
            arm=np.repeat(np.array(self.arms_, dtype=object), len(frame)),
            score=self._effects(encoded).ravel(order="F"),
            model_version=self.model_version_,
        )
