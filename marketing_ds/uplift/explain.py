"""Which tags an effect depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.terms import Term

from .arms import Floats
from .boosting import Matrix


@dataclass(frozen=True)
class EffectExplanation(Result):
    """How much each tag moves the predicted effect of each arm; made by `UpliftModel.explain`.

    Attributes
    ----------
    arms, tags : tuple of str
    values : ndarray of shape (arms, n, tags)
        SHAP values in outcome units: what each tag adds to a customer's uplift, against the
        average. The columns a category was encoded to are summed.
    """

    arms: tuple[str, ...]
    tags: tuple[str, ...]
    values: Floats

    def to_frame(self) -> pd.DataFrame:
        """Mean absolute SHAP value by arm and tag, largest first within each arm."""
        strength = np.abs(self.values).mean(axis=1)
        frame = pd.DataFrame(
            {
                "arm": np.repeat(np.array(self.arms, dtype=object), len(self.tags)),
                "tag": list(self.tags) * len(self.arms),
                "mean_abs_shap": strength.ravel(),
            }
        )
        order = frame.sort_values(["arm", "mean_abs_shap"], ascending=[True, False], kind="stable")
        return order.reset_index(drop=True)


def explain_terms(
    terms: Mapping[str, tuple[Term, ...]],
    encoded: Matrix,
    origin: npt.NDArray[np.intp],
    tags: Sequence[str],
) -> EffectExplanation:
    """TreeSHAP of each arm's terms, by tag.

    Parameters
    ----------
    terms : mapping of arm to terms
    encoded : ndarray of shape (n, columns)
    origin : ndarray of shape (columns,)
        For each encoded column the position of its tag.
    tags : sequence of str

    Raises
    ------
    InvalidInput
        If a term is not linear in its trees.
    """
    if any(term.link != "identity" for parts in terms.values() for term in parts):
        raise InvalidInput(
            "learner must be 'dr' to explain the effect on a binary outcome, got 't': a difference "
            "of probabilities is not a sum of trees"
        )
    values = np.zeros((len(terms), len(encoded), len(tags)))
    matrix = xgb.DMatrix(encoded)
    for position, parts in enumerate(terms.values()):
        for term in parts:
            shap = term.booster.predict(matrix, pred_contribs=True)[:, :-1]
            for column, tag in enumerate(origin):
                values[position, :, tag] += term.weight * shap[:, column]
    return EffectExplanation(tuple(terms), tuple(tags), values)
