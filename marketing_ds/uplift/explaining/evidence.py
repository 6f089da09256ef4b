"""What is known of a fitted model's effects: of its own customers out of fold, or of new ones.

`UpliftModel.check_calibration` and `UpliftModel.calibrate` stand here, since both start from it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from marketing_ds._core.errors import InvalidInput

from ..arms import Arms, Floats, read_arms, read_chances, read_outcome
from ..checks.reliability import UpliftCalibration, calibration_of
from ..crossfit import CrossFit
from ..learning.calibration import EffectCalibration, choose_calibration
from ..learning.nuisances import doubly_robust, make_folds
from ..terms import AnyTerm

_FOLDS = 5


class Fitted(Protocol):
    """What is asked of a fitted model."""

    arms_: tuple[str, ...]
    control: str | int
    terms_: dict[str, tuple[AnyTerm, ...]]
    constant_: dict[str, float]
    calibration_: dict[str, EffectCalibration]
    crossfit_: CrossFit

    def predict(self, X: Any) -> Any: ...

    def predict_outcomes(self, X: Any) -> Floats: ...


_Model = TypeVar("_Model", bound=Fitted)


@dataclass(frozen=True)
class Evidence:
    """Doubly-robust and predicted effects of customers whom the predictions do not know.

    Attributes
    ----------
    psi, uplift : ndarray of shape (n, arms)
    arms : Arms
    folds : ndarray of shape (n,)
    crossfitted : bool
        Whether each fold's predictions come from a model of its own.
    """

    psi: Floats
    uplift: Floats
    arms: Arms
    folds: npt.NDArray[np.int8]
    crossfitted: bool

    @classmethod
    def of(cls, model: Fitted, X: Any, y: Any, treatment: Any, probability: Any) -> Evidence:
        """From the customers handed in, or where none are from `crossfit_`."""
        given = {"X": X, "y": y, "treatment": treatment}
        named = [name for name, value in given.items() if value is not None]
        if not named:
            return cls._trained_on(model, probability)
        if len(named) < len(given):
            missing = [name for name in given if name not in named]
            raise InvalidInput(
                f"X, y and treatment must be handed in together, or none of them for the customers "
                f"trained on; got no {' and no '.join(missing)}"
            )
        outcome = read_outcome(y)
        arms = read_arms(treatment, model.control, rows=len(outcome))
        if arms.names != tuple(model.arms_):
            raise InvalidInput(
                f"treatment must hold the arms that the model knows "
                f"({', '.join(map(repr, model.arms_))}), got {', '.join(map(repr, arms.names))}"
            )
        chance = read_chances(probability, arms)
        predicted = np.asarray(model.predict(X), dtype=np.float64).reshape(-1, len(arms.names))
        if len(predicted) != len(outcome):
            raise InvalidInput(
                f"X and y must have the same number of rows, got {len(predicted)} and "
                f"{len(outcome)}"
            )
        psi = doubly_robust(outcome, arms, chance, model.predict_outcomes(X))
        folds = make_folds(outcome, arms, _FOLDS, seed=0)
        return cls(psi, predicted, arms, folds, False)

    @classmethod
    def _trained_on(cls, model: Fitted, probability: Any) -> Evidence:
        if probability is not None:
            raise InvalidInput(
                "probability must be left out where X, y and treatment are: the customers trained "
                "on are known with theirs"
            )
        if not hasattr(model, "crossfit_"):
            raise InvalidInput(
                "X, y and treatment must be handed in: a model that was loaded does not hold the "
                "customers it was trained on"
            )
        own = model.crossfit_
        uplift = own.uplift
        if own.spread is not None:
            # What the model says lies closer together than what its members say.
            centre = uplift.mean(axis=0)
            uplift = centre + own.spread * (uplift - centre)
        return cls(own.psi, uplift, own.arms, own.folds, True)


def calibration_on(
    model: Fitted, evidence: Evidence, *, n_groups: int, alpha: float
) -> UpliftCalibration:
    """The calibration of a model's effects on evidence."""
    return calibration_of(
        evidence.psi,
        evidence.uplift,
        model.arms_,
        str(model.control),
        folds=evidence.folds if evidence.crossfitted else None,
        n_groups=n_groups,
        alpha=alpha,
    )


def calibrated(model: _Model, evidence: Evidence, *, kind: str = "auto") -> _Model:
    """A copy of the model with calibrated effects; the model itself is left as it is.

    Raises
    ------
    InvalidInput
        If `kind` is unknown, or the model went through isotonic calibration before.
    """
    bent = [arm for arm, map_ in model.calibration_.items() if map_.kind == "isotonic"]
    if bent:
        raise InvalidInput(
            f"calibrate must start from the model that fit returned, got one with an isotonic map "
            f"of {', '.join(map(repr, bent))} already; keep the model of fit and calibrate that"
        )
    counts = evidence.arms.counts()
    new = copy.copy(model)
    terms, constant, maps = {}, {}, {}
    own = np.array(model.crossfit_.uplift) if hasattr(model, "crossfit_") else None
    for at, arm in enumerate(model.arms_):
        chosen, mapped = choose_calibration(
            evidence.psi[:, at],
            evidence.uplift[:, at],
            evidence.folds,
            crossfitted=evidence.crossfitted,
            kind=kind,
            fewest=min(counts[arm], counts[evidence.arms.control]),
        )
        maps[arm] = chosen
        terms[arm], constant[arm] = chosen.rescale(model.terms_[arm], model.constant_[arm])
        if own is not None:
            own[:, at] = mapped if evidence.crossfitted else chosen.apply(own[:, at])
    new.terms_, new.constant_, new.calibration_ = terms, constant, maps
    if own is not None:
        # Mapped effects of one's own customers are on the scale of the model already.
        spread = None if evidence.crossfitted else model.crossfit_.spread
        new.crossfit_ = replace(model.crossfit_, uplift=own, spread=spread)
    return new
