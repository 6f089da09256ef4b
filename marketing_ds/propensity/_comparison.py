"""Is one model better than another on the same customers? Paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ._calibration import log_loss_rows
from ._ranking import Ranking, auc_error
from ._reliability import log_odds
from ._sample import Floats, Sample

Winner = Literal["a", "b"]
_LOWER_IS_BETTER = ("log_loss", "brier")
_DECIDING = ("auc", "log_loss")


@dataclass(frozen=True)
class PropensityComparison(Result):
    """Differences of two models on the same customers, b less a; see `compare_probabilities`.

    Attributes
    ----------
    names : tuple of two str
        What a and b are called in words.
    rows, positives, customers : int
        As in `PropensityEvaluation`.
    level : float
        Coverage of the intervals; a verdict is made at 1 − level.
    """

    names: tuple[str, str]
    rows: int
    positives: int
    customers: int
    level: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a measure.

        `measure`, `a`, `b`, `difference` (b − a), `difference_ci_lower`, `difference_ci_upper`,
        `p_value` (two-sided, of no difference) and `better` (`a`, `b` or null: not told apart).
        """
        return self._frame.copy()

    @property
    def winner(self) -> Winner | None:
        """`a` or `b` where one is better, else None.

        The AUC judges the order, the log loss the probabilities. A model wins if it is better on at
        least one of the two, with the p-value below (1 − level)/2 (Bonferroni: there are two
        chances), and is not worse on the other with a p-value below 1 − level. Where nothing
        differs, or the two contradict each other, nobody wins.
        """
        alpha = 1 - self.level
        frame = self._frame.set_index("measure").loc[list(_DECIDING)]
        sure = set(frame.loc[frame["p_value"] < alpha / 2, "better"])
        seen = set(frame.loc[frame["p_value"] < alpha, "better"])
        if len(sure) == 1 and seen == sure:
            return sure.pop()  # type: ignore[no-any-return]
        return None

    @property
    def better(self) -> str:
        """The verdict in a sentence."""
        frame = self._frame.set_index("measure")
        parts = []
        for measure, name in (("auc", "AUC"), ("log_loss", "log loss")):
            row = frame.loc[measure]
            parts.append(
                f"{name} {row['difference']:+.4f} [{row['difference_ci_lower']:+.4f}, "
                f"{row['difference_ci_upper']:+.4f}], p = {row['p_value']:.3g}"
            )
        told = f"{self.names[1]} less {self.names[0]}: {'; '.join(parts)}"
        if self.winner is None:
            return f"Neither is shown to be better ({told})."
        return f"{self.names['ab'.index(self.winner)]} is better ({told})."


def compare_probabilities(
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    names: Sequence[str] = ("a", "b"),
) -> PropensityComparison:
    """Compare two models' probabilities of the same customers, pair by pair.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) where the outcome came true, else 0.
    p_a, p_b : array-like of shape (n,)
        Probabilities of the one and the other model, e.g. champion and challenger.
    sample_weight, groups, level
        As in `evaluate_probabilities`.
    names : two str, default=("a", "b")
        What the models are called in words.

    Returns
    -------
    PropensityComparison
        AUC, average precision, log loss, Brier score, lift in the top tenth and fifth, each with
        the difference b − a, its interval and p-value; `.winner` and, in words, `.better`.

    Raises
    ------
    InvalidInput
        As `evaluate_probabilities`.

    Notes
    -----
    A difference's standard error comes from the difference of the two models' influences of each
    row, which takes account of how far the models agree; of the AUC that is DeLong's paired test
    [1]_ and, with groups, Obuchowski's [2]_. The rows must not have taken part in the training of
    either model.

    References
    ----------
    .. [1] DeLong, DeLong, Clarke-Pearson (1988). Comparing the areas under two or more correlated
       receiver operating characteristic curves. Biometrics 44.
    .. [2] Obuchowski (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 4, 2000)
    >>> bought = rng.random(2000) < p
    >>> found = compare_probabilities(bought, np.full(2000, 0.2), p, names=("rate", "model"))
    >>> found.winner
    'b'
    """
    alpha = 1 - check_number("level", level, low=0, high=1, inclusive=False)
    named = tuple(names)
    if len(named) != 2 or not all(isinstance(name, str) for name in named):
        raise InvalidInput(f"names must be two words, got {names!r}")
    first = Sample.of(y, p_a, sample_weight, groups, name="p_a")
    second = Sample.of(y, p_b, sample_weight, groups, name="p_b")
    ours, theirs = _influences(first), _influences(second)
    rows = []
    for measure, (value, influence) in ours.items():
        other, rival = theirs[measure]
        error = auc_error if measure == "auc" else Sample.error
        # Twice the same model differs by rounding only.
        same = np.array_equal(influence, rival) and value == other
        se = 0.0 if same else error(first, rival - influence)
        gain = Estimate.normal(other - value, se, alpha=alpha)
        p_value = gain.p_value
        up = (gain.value > 0) != (measure in _LOWER_IS_BETTER)
        better = None if p_value >= alpha else "b" if up else "a"
        rows.append(
            (measure, value, other, gain.value, gain.ci_lower, gain.ci_upper, p_value, better)
        )
    ends = ["difference", "difference_ci_lower", "difference_ci_upper"]
    frame = pd.DataFrame(rows, columns=["measure", "a", "b", *ends, "p_value", "better"])
    return PropensityComparison(
        names=(named[0], named[1]),
        rows=len(first.truth),
        positives=first.positives,
        customers=first.units,
        level=level,
        _frame=frame.astype({"better": "str"}),
    )


def _influences(sample: Sample) -> dict[str, tuple[float, Floats]]:
    """Each measure and its influences, in the order of the rows handed in."""
    ordered, order = sample.best_first()
    ranking = Ranking.of(ordered)
    loss = log_loss_rows(log_odds(sample.p), sample.truth)
    found = {
        "auc": _back(ranking.auc(), order),
        "average_precision": _back(ranking.average_precision(), order),
        "log_loss": _mean(sample, loss),
        "brier": _mean(sample, (sample.p - sample.truth) ** 2),
    }
    for percent in (10, 20):
        captured, influence = ranking.captured(percent / 100)
        scale = 100 / percent
        found[f"lift_{percent}"] = _back((scale * captured, scale * influence), order)
    return found


def _mean(sample: Sample, values: Floats) -> tuple[float, Floats]:
    mean = float(sample.w @ values) / sample.weight
    return mean, sample.w * (values - mean)


def _back(found: tuple[float, Floats], order: NDArray[np.intp]) -> tuple[float, Floats]:
    value, sorted_ = found
    influence = np.empty_like(sorted_)
    influence[order] = sorted_
    return value, influence
