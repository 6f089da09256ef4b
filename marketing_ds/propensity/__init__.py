"""P(outcome): fit, calibrate, evaluate, explain; the result goes into the scores table."""

from ._calibration import Calibration
from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._model import PropensityModel
from ._reasons import Explanation

__all__ = [
    "Calibration",
    "Explanation",
    "PropensityEvaluation",
    "PropensityModel",
    "evaluate_probabilities",
]
