"""Fitting many products on one binned matrix: trees and calibration of each, or borrowed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import expit

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder

from ._borrow import borrowed_calibration, shared_slope, warn_borrowed
from ._calibration import KINDS, Calibration, Floats, choose_calibration, kinds_of
from ._fitting import Settings, tree_parameters
from ._inputs import FEW
from ._next_ridge import SharedDesign
from ._shared import Grown, Matrix, SharedMatrix, shared_folds

if TYPE_CHECKING:
    from ._nextbest import NextBest

_CALIBRATION_FOLDS = 5


@dataclass(frozen=True)
class NextSettings:
    """Checked settings of one fit.

    Attributes
    ----------
    trees : Settings
        As of a `PropensityModel`.
    cv : int
        Folds, shared by all products.
    calibration : {"auto", "none", "platt", "beta", "isotonic"}
    """

    trees: Settings
    cv: int
    calibration: str

    @classmethod
    def of(cls, model: NextBest, seed: int) -> NextSettings:
        """Check a model's parameters.

        Raises
        ------
        InvalidInput
            If one breaks its rule.
        """
        if not isinstance(model.additive, (bool, np.bool_)):
            raise InvalidInput(f"additive must be True or False, got {model.additive!r}")
        trees = Settings(
            tree_parameters(model, seed),
            check_count("max_trees", model.max_trees, low=1),
            check_count("patience", model.patience, low=1),
            bool(model.additive),
            keep=False,
            budget=None,
            seed=seed,
        )
        calibration = check_choice("calibration", model.calibration, ("auto", *KINDS))
        return cls(trees, check_count("cv", model.cv, low=2), calibration)


@dataclass(frozen=True)
class Product:
    """What was learned of one product.

    Attributes
    ----------
    booster : xgboost.Booster
        Products that borrow share one.
    trees : int
        Boosted trees.
    calibration : Calibration
    oof : ndarray of shape (n,)
        Out-of-fold probabilities; NaN where a customer was not at risk.
    borrows : bool
        Whether too few have bought it for a model of its own.
    """

    booster: xgb.Booster
    trees: int
    calibration: Calibration
    oof: Floats
    borrows: bool


def learn_products(
    products: Sequence[str],
    Z: Matrix,
    Y: Floats,
    w: Floats,
    groups: NDArray[np.intp],
    kinds: Sequence[str],
    settings: NextSettings,
) -> list[Product]:
    """Learn every product, in order.

    Parameters
    ----------
    products : sequence of str
    Z : ndarray of shape (n, columns), float32
        Of `FeatureEncoder.fit_codes`.
    Y : ndarray of shape (n, products)
        1, 0 or NaN where a customer could not buy.
    w : ndarray of shape (n,)
        How many customers each row stands for.
    groups : ndarray of shape (n,)
        Customers, from 0: their rows stay in one fold.
    kinds : sequence of {"c", "float"}
        Of each column, see `column_kinds`.
    settings : NextSettings
    """
    trees = settings.trees.on_customers(float(w.sum()), {}, Z.shape[1])
    folds = shared_folds(Y, groups, min(settings.cv, int(groups.max()) + 1), trees.seed)
    design = SharedDesign(Z, w, kinds, trees.seed) if trees.additive else None
    matrix = SharedMatrix(Z, folds, trees.parameters, kinds, design)
    few = [j for j in range(len(products)) if _smaller_class(Y[:, j], w) < FEW]
    found: dict[int, Product] = {}
    for j in range(len(products)):
        if j in few:
            continue
        y, at_risk = _filled(Y[:, j], w)
        grown = _grow(matrix, y, at_risk, trees)
        calibration, oof = _calibrated(grown.margin, y, at_risk, groups, settings)
        found[j] = Product(grown.booster, grown.trees, calibration, oof, borrows=False)
    if few:
        found |= _borrow(products, matrix, Y, w, few, trees)
    return [found[j] for j in range(len(products))]


def column_kinds(encoder: FeatureEncoder) -> list[str]:
    """XGBoost's kind of each encoded column."""
    columns = [encoder.columns_[at] for at in encoder.origin_]
    return ["c" if column.kind == "category" else "float" for column in columns]


def _borrow(
    products: Sequence[str],
    matrix: SharedMatrix,
    Y: Floats,
    w: Floats,
    few: Sequence[int],
    trees: Settings,
) -> dict[int, Product]:
    """Products with few buyers: the readiness to buy anything, at the product's own rate."""
    warn_borrowed({products[j]: int(np.nansum((w > 0) * Y[:, j])) for j in few}, FEW)
    enough = [j for j in range(len(products)) if j not in few]
    anything = np.where(np.isnan(Y).all(axis=1), np.nan, np.nanmax(np.nan_to_num(Y), axis=1))
    y, at_risk = _filled(anything, w)
    ready = enough and _smaller_class(anything, w) >= FEW
    grown = _grow(matrix, y, at_risk, trees) if ready else matrix.flat()
    slope = shared_slope(grown.margin, Y, w, enough)
    found = {}
    for j in few:
        calibration = borrowed_calibration(grown.margin, Y[:, j], w, slope)
        _, own = _filled(Y[:, j], w)
        oof = np.where(own > 0, calibration.probability(grown.margin), np.nan)
        found[j] = Product(grown.booster, grown.trees, calibration, oof, borrows=True)
    return found


def _grow(matrix: SharedMatrix, y: Floats, w: Floats, trees: Settings) -> Grown:
    return matrix.grow(y, w, max_trees=trees.max_rounds, patience=trees.patience)


def _calibrated(
    margin: Floats, y: Floats, w: Floats, groups: NDArray[np.intp], settings: NextSettings
) -> tuple[Calibration, Floats]:
    """The map chosen on out-of-fold margins, and probabilities by maps that a row had no part in."""
    known = np.flatnonzero(np.isfinite(margin) & (w > 0))
    m, target, weight = margin[known], y[known], w[known]
    kinds = kinds_of(settings.calibration, target, weight)
    folds = shared_folds(target[:, None], groups[known], _CALIBRATION_FOLDS, settings.trees.seed)
    choice = choose_calibration(kinds, m, target, weight, folds)
    oof = np.full(len(y), np.nan)
    oof[known] = expit(choice.log_odds)
    return choice.calibration, oof


def _filled(y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Labels without nulls, and weights of 0 where they were null."""
    unknown = np.isnan(y)
    return np.where(unknown, 0.0, y), np.where(unknown, 0.0, w)


def _smaller_class(y: Floats, w: Floats) -> int:
    """Rows of the rarer of both classes."""
    known = y[(w > 0) & ~np.isnan(y)]
    return int(min((known == 1).sum(), (known == 0).sum()))
