"""P(outcome): fit, calibrate, evaluate, explain; the result goes into the scores table."""

from ._calibration import Calibration
from ._card import model_card
from ._comparison import PropensityComparison, compare_probabilities
from ._decay import Decay, performance_over_time
from ._drift import Drift
from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._fairness import PropensityFairness, fairness_by
from ._model import PropensityModel
from ._next_evaluation import RankingEvaluation, evaluate_ranking
from ._nextbest import NextBest
from ._product_model import ProductModel
from ._profit import ProfitCurve, profit_curve
from ._reasons import Explanation
from ._segments import PropensitySegments, evaluate_by
from ._snapshot import TrainingSnapshot

__all__ = [
    "Calibration",
    "Decay",
    "Drift",
    "Explanation",
    "NextBest",
    "ProductModel",
    "ProfitCurve",
    "PropensityComparison",
    "PropensityEvaluation",
    "PropensityFairness",
    "PropensityModel",
    "PropensitySegments",
    "RankingEvaluation",
    "TrainingSnapshot",
    "compare_probabilities",
    "evaluate_by",
    "evaluate_probabilities",
    "evaluate_ranking",
    "fairness_by",
    "model_card",
    "performance_over_time",
    "profit_curve",
]
