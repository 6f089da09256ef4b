"""What a fitted uplift model says of itself: why, for whom, and how true it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput

from .checks.reliability import UpliftCalibration
from .curves.budget import BudgetCurve, budget_curve
from .curves.curve import UpliftCurve, uplift_curve
from .explaining.distillation import FAITHFUL, distil_effects
from .explaining.effects_by_group import GroupEffects, crossfit_of, group_effects
from .explaining.evidence import Evidence, calibrated, calibration_on
from .explaining.explain import EffectExplanation, explain_effects
from .explaining.four_groups import ClassicGroups, classic_groups
from .explaining.policy import policy_tree
from .explaining.projection import LinearProjection, best_linear_projection
from .explaining.segments import PolicyTree
from .learning.fitted import Fitted


class Insight(Fitted):
    """The part of `UpliftModel` that explains, measures and calibrates."""

    fidelity_: dict[str, float]

    def explain(self, X: Any) -> EffectExplanation:
        """Which tags the effect depends on: TreeSHAP of the effect itself, by tag and arm.

        Where the effect is no sum of trees (a T- or S-learner of a binary outcome: a difference of
        probabilities; a foreign regressor; an isotonic calibration), trees are fitted to the
        model's own predictions and explained instead; the result says so, and how well they agree
        (`distilled`, `fidelity`).

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            Customers to explain; some thousands are enough.

        Returns
        -------
        EffectExplanation

        Raises
        ------
        InvalidInput
            If columns are missing, unknown or of another type than at fit.

        Warns
        -----
        UserWarning
            If distilled trees explain less than 0.95 of the predictions' variance.
        """
        encoded = self._encode(X)
        bent = [arm for arm, map_ in self.calibration_.items() if map_.kind == "isotonic"]
        return explain_effects(
            self._effects, self.terms_, self.constant_, self.encoder_, encoded, bent=bent, n_jobs=1
        )

    def calibrate(
        self,
        X: Any = None,
        y: Any = None,
        treatment: Any = None,
        probability: Any = None,
        *,
        kind: str = "auto",
    ) -> Self:
        """A copy whose predicted effects mean what they say; this model is left as it is.

        For each arm a rising map, learned from doubly-robust effects, is put behind the model: it
        changes no ranking, and the copy exports as one graph all the same.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d), optional
            Customers to calibrate on, whom the model was not trained on; by default those it was
            trained on, by their out-of-fold predictions (`crossfit_`).
        y, treatment, probability : optional
            Of these customers, as in `fit`.
        kind : {"auto", "none", "linear", "isotonic"}
            The map; ``"auto"`` takes the simplest (none, then linear, then isotonic where arm and
            control have 2,000 customers each) unless another has a lower doubly-robust loss out of
            fold by more than one standard error.

        Returns
        -------
        UpliftModel
            ``calibration_[arm].kind`` says what was chosen, ``.losses`` why.

        Raises
        ------
        InvalidInput
            If `kind` is unknown, some but not all of X, y and treatment are handed in, their arms
            are not those of `fit`, or the model went through isotonic calibration before.

        References
        ----------
        van der Laan, Ulloa-Pérez, Carone and Luedtke (2023). Causal isotonic calibration for
        heterogeneous treatment effects. ICML.
        """
        check_is_fitted(self)
        new = calibrated(self, Evidence.of(self, X, y, treatment, probability), kind=kind)
        new.model_version_ = new._digest()
        return new

    def check_calibration(
        self,
        X: Any = None,
        y: Any = None,
        treatment: Any = None,
        probability: Any = None,
        *,
        n_groups: int = 10,
        alpha: float = 0.05,
    ) -> UpliftCalibration:
        """Whether predicted effects are those that customers have: slope, level, error, by group.

        Parameters
        ----------
        X, y, treatment, probability : optional
            Customers whom the model was not trained on; by default those it was trained on, by
            their out-of-fold predictions.
        n_groups : int
            Groups of equal size by predicted effect.
        alpha : float
            Intervals are at level ``1 - alpha``.

        Returns
        -------
        UpliftCalibration
            As of `uplift_calibration`; ``.plot()`` draws the calibration curve.

        Raises
        ------
        InvalidInput
            If some but not all of X, y and treatment are handed in, or their arms are not those of
            `fit`.
        """
        check_is_fitted(self)
        evidence = Evidence.of(self, X, y, treatment, probability)
        return calibration_on(self, evidence, n_groups=n_groups, alpha=alpha)

    def group_effects(
        self, X: Any, by: str | Sequence[str] | None = None, **options: Any
    ) -> GroupEffects:
        """Effects of each arm among customers alike in one tag, with intervals; see `group_effects`.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            Tags of the customers fitted to, in the same order; not only those trained on.
        by : str or sequence of str, optional
            Tags to look at; all by default.
        **options
            `bins`, `min_count`, `alpha`, `tags`.

        Raises
        ------
        InvalidInput
            If lengths differ, a tag is unknown, or a number is out of range.
        """
        check_is_fitted(self)
        return group_effects(self, X, by, **options)

    def best_linear_projection(
        self, X: Any, by: str | Sequence[str] | None = None, **options: Any
    ) -> LinearProjection:
        """The best straight line through the effects; see `best_linear_projection`.

        Parameters
        ----------
        X, by
            As in `group_effects`.
        **options
            `errors`, `alpha`, `tags`.

        Raises
        ------
        InvalidInput
            If lengths differ, a tag is unknown, or an argument is out of range.
        """
        check_is_fitted(self)
        return best_linear_projection(self, X, by, **options)

    def policy_tree(
        self, X: Any, by: str | Sequence[str] | None = None, **options: Any
    ) -> PolicyTree:
        """Segments in words, and who should get what; see `policy_tree`.

        Parameters
        ----------
        X, by
            As in `group_effects`.
        **options
            `depth`, `aim`, `value`, `cost`, `bins`, `min_share`, `measured_share`, `alpha`, `tags`.

        Raises
        ------
        InvalidInput
            If lengths differ, a tag is unknown, a number is out of range, or `value` or `cost` does
            not name every arm.
        """
        check_is_fitted(self)
        return policy_tree(self, X, by, **options)

    def classic_groups(self, **options: Any) -> ClassicGroups:
        """Persuadables, sure things, lost causes and sleeping dogs; see `classic_groups`.

        Parameters
        ----------
        **options
            `least_effect`, `likely`, `measured_share`, `alpha`.

        Raises
        ------
        InvalidInput
            If a number is out of range, or `least_effect` does not name every arm.
        """
        check_is_fitted(self)
        return classic_groups(self, **options)

    def distil(self, X: Any) -> Self:
        """A copy whose effects are trees fitted to this model's own: what a bundle can carry.

        For effects that are no sum of trees, as those of a foreign `base`. Standard errors and what
        cross-fitting left stay this model's.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            Customers to learn from; some thousands are best.

        Returns
        -------
        UpliftModel
            With `fidelity_`: by arm, R² of the trees on this model's predictions.

        Raises
        ------
        InvalidInput
            If columns are missing, unknown or of another type than at fit, or the trees explain
            less than 0.95 of an arm's variance.
        """
        check_is_fitted(self)
        made = distil_effects(self, X)
        fidelity = {arm: trees.fidelity for arm, trees in made.items()}
        worst = min(fidelity, key=lambda arm: fidelity[arm])
        if fidelity[worst] < FAITHFUL:
            raise InvalidInput(
                f"X must let trees agree with the model up to an R² of {FAITHFUL}, got "
                f"{fidelity[worst]:.2f} for {worst!r}; hand over more customers"
            )
        other = copy.copy(self)
        other.terms_ = {arm: trees.terms for arm, trees in made.items()}
        other.constant_ = {arm: trees.constant for arm, trees in made.items()}
        other.fidelity_ = fidelity
        other.model_version_ = other._digest()
        return other

    def curve(self, arm: str | None = None, *, alpha: float = 0.05) -> UpliftCurve:
        """Uplift curve of the training customers, scored out of fold, by doubly-robust effects.

        Parameters
        ----------
        arm : str, optional
            The arm compared with control; needed if there are several.
        alpha : float
            Intervals are at level ``1 - alpha``.

        Raises
        ------
        InvalidInput
            If there are several arms and none, or an unknown one, is named.
        """
        check_is_fitted(self)
        fit = crossfit_of(self)
        names = fit.arms.names
        if arm is None and len(names) == 1:
            arm = names[0]
        score = fit.uplift[:, names.index(check_choice("arm", arm, names))]
        labels = np.array(fit.arms.labels)[fit.arms.codes]
        return uplift_curve(
            fit.y, score, labels, arm=arm, control=fit.arms.control, psi=fit.psi, alpha=alpha
        )

    def budget_curve(self, cost: Any, *, value: float = 1.0, alpha: float = 0.05) -> BudgetCurve:
        """Value against budget of the training customers, scored out of fold, doubly robust.

        Parameters
        ----------
        cost : mapping
            Expected cost of each arm.
        value : float
            Worth of one unit of the outcome.
        alpha : float
            Intervals are at level ``1 - alpha``.

        Raises
        ------
        InvalidInput
            If a cost is missing or not above 0.
        """
        check_is_fitted(self)
        fit = crossfit_of(self)
        labels = np.array(fit.arms.labels)[fit.arms.codes]
        chances = pd.DataFrame(fit.probability, columns=fit.arms.labels)
        return budget_curve(
            fit.y,
            fit.uplift,
            labels,
            cost=cost,
            value=value,
            outcome=fit.outcome,
            probability=chances,
            control=fit.arms.control,
            alpha=alpha,
        )
