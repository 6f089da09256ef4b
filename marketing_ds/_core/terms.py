"""A term of a model that is a sum of tree ensembles: what an export needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import xgboost as xgb


@dataclass(frozen=True)
class Term:
    """``weight * link(margin of booster)``; a model's output is a sum of such terms."""

    weight: float
    booster: xgb.Booster
    link: Literal["identity", "logistic"]
