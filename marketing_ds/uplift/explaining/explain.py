"""Which tags an effect depends on: SHAP values of the effect itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import interval
from marketing_ds._core.terms import Term
from marketing_ds._core.tree_shap import contributions
from marketing_ds.features import FeatureEncoder

from ..arms import Floats
from ..binned import Matrix
from ..terms import AnyTerm
from .distillation import FAITHFUL, distil


@dataclass(frozen=True)
class EffectExplanation(Result):
    """How much each tag moves the predicted effect of each arm; made by `UpliftModel.explain`.

    For each arm and customer, the tags' values and the base add up to the predicted effect: to the
    model's own where `distilled` is False, else to that of trees which tell what the model tells,
    with the R² in `fidelity`.

    Attributes
    ----------
    arms, tags : tuple of str
    values : ndarray of shape (arms, n, tags)
        SHAP values in outcome units: what each tag adds to a customer's uplift, against the
        average. The columns a category was encoded to are summed.
    base : ndarray of shape (arms,)
        What is added to the sum over tags.
    distilled : tuple of bool
        By arm, whether the effect was no sum of trees and had to be distilled into one.
    fidelity : tuple of float
        By arm, R² of what is explained on the model's predictions; 1 where it is the model itself.
    tag_values : ndarray of shape (n, tags)
        The tags as the trees see them; NaN where unknown, and for categories.
    """

    arms: tuple[str, ...]
    tags: tuple[str, ...]
    values: Floats = field(repr=False)
    base: Floats = field(repr=False)
    distilled: tuple[bool, ...]
    fidelity: tuple[float, ...]
    tag_values: Matrix = field(repr=False)

    @property
    def explained(self) -> Floats:
        """The effect that the values add up to, shape (arms, n)."""
        total: Floats = self.values.sum(axis=2) + self.base[:, None]
        return total

    def to_frame(self) -> pd.DataFrame:
        """One row an arm and tag, strongest first within each arm.

        `mean_abs_shap` with its 95 % interval (about the choice of customers explained, not about
        the model), `importance_share` (of the sum over tags), `distilled` and `fidelity`.
        """
        size = np.abs(self.values)
        strength, n = size.mean(axis=1), size.shape[1]
        error = size.std(axis=1, ddof=1) / np.sqrt(n) if n > 1 else np.full(strength.shape, np.nan)
        low, high = interval(strength, error, 0.05)
        total = strength.sum(axis=1, keepdims=True)
        share = np.divide(strength, total, out=np.zeros_like(strength), where=total > 0)
        frame = pd.DataFrame(
            {
                "arm": np.repeat(np.array(self.arms, dtype=object), len(self.tags)),
                "tag": list(self.tags) * len(self.arms),
                "mean_abs_shap": strength.ravel(),
                "mean_abs_shap_ci_lower": np.maximum(low, 0).ravel(),
                "mean_abs_shap_ci_upper": high.ravel(),
                "importance_share": share.ravel(),
                "distilled": np.repeat(self.distilled, len(self.tags)),
                "fidelity": np.repeat(self.fidelity, len(self.tags)),
            }
        )
        order = frame.sort_values(["arm", "mean_abs_shap"], ascending=[True, False], kind="stable")
        return order.reset_index(drop=True)


def explain_effects(
    effects: Callable[[Matrix], Floats],
    terms: Mapping[str, Sequence[AnyTerm]],
    constant: Mapping[str, float],
    encoder: FeatureEncoder,
    encoded: Matrix,
    *,
    bent: Collection[str] = (),
    n_jobs: int = 1,
    seed: int = 0,
) -> EffectExplanation:
    """TreeSHAP of each arm's effect, by tag.

    Parameters
    ----------
    effects : callable
        The model's own predictions: from encoded customers to effects, shape (n, arms). Asked only
        where an effect has to be distilled.
    terms : mapping of arm to terms
        An effect is explained as it is where all its terms are linear in their trees, and
        distilled otherwise.
    constant : mapping of arm to float
        What is added to the sum of the terms.
    encoder : FeatureEncoder
    encoded : ndarray of shape (n, columns)
        Customers to explain; also those from whom is distilled.
    bent : collection of str
        Arms whose effect is more than the sum of its terms (an isotonic map behind it): distilled.
    n_jobs : int
        Threads of the distilling.
    seed : int

    Warns
    -----
    UserWarning
        If distilled trees reach less than 0.95 of the model's variance.
    """
    arms = tuple(terms)
    sums: dict[str, tuple[Term, ...]] = {}
    added, faith = dict(constant), dict.fromkeys(arms, 1.0)
    for arm in arms:
        linear = [term for term in terms[arm] if isinstance(term, Term) and term.link == "identity"]
        if len(linear) == len(terms[arm]) and arm not in bent:
            sums[arm] = tuple(linear)
    odd = [arm for arm in arms if arm not in sums]
    if odd:
        places = [arms.index(arm) for arm in odd]
        made = distil(
            lambda rows: np.asarray(effects(rows)[:, places]),
            encoded,
            encoder.origin_,
            n_jobs=n_jobs,
            seed=seed,
        )
        for arm, trees in zip(odd, made, strict=True):
            sums[arm], added[arm], faith[arm] = trees.terms, trees.constant, trees.fidelity
        _warn_unfaithful({arm: faith[arm] for arm in odd})
    tags = tuple(column.name for column in encoder.columns_)
    found = [_add_up(sums[arm], encoded, encoder.origin_, len(tags)) for arm in arms]
    seen = np.full((len(encoded), len(tags)), np.nan, dtype=np.float32)
    plain = [
        at
        for at, tag in enumerate(encoder.origin_)
        if encoder.columns_[tag].kind != "category" or encoder.columns_[tag].rates
    ]
    seen[:, encoder.origin_[plain]] = encoded[:, plain]
    return EffectExplanation(
        arms=arms,
        tags=tags,
        values=np.stack([values for values, _ in found]),
        base=np.array([base + added[arm] for arm, (_, base) in zip(arms, found, strict=True)]),
        distilled=tuple(arm in odd for arm in arms),
        fidelity=tuple(faith[arm] for arm in arms),
        tag_values=seen,
    )


def _add_up(
    terms: tuple[Term, ...], encoded: Matrix, origin: npt.NDArray[np.intp], tags: int
) -> tuple[Floats, float]:
    """SHAP values by tag, shape (n, tags), and what they are against."""
    values, base = np.zeros((len(encoded), tags)), 0.0
    for term in terms:
        shap, against = contributions(term.booster, encoded)
        base += term.weight * against
        for column, tag in enumerate(origin):
            values[:, tag] += term.weight * shap[:, column]
    return values, base


def _warn_unfaithful(faith: Mapping[str, float]) -> None:
    low = {arm: reached for arm, reached in faith.items() if reached < FAITHFUL}
    if low:
        told = ", ".join(f"{reached:.2f} for {arm!r}" for arm, reached in low.items())
        warnings.warn(
            f"the effect is no sum of trees, and the trees it was distilled into agree with it only "
            f"up to an R² of {told} (below {FAITHFUL}); explain more customers, or take a learner "
            f"that models the effect itself, such as 'dr'",
            UserWarning,
            stacklevel=4,
        )
