"""`learner="auto"`: several learners, their mean, and the evidence for it.

Two groups of learners are trained: **main**, with trees of one split, which tell main effects only
and win by their low variance where effects are small (the S-learner, which says little unless it
must, is one of them); and **deep**, whose trees, one level deeper than `max_depth`, see
interactions. The mean of the main ones is taken, unless that of the deep ones, or a single learner,
ranks significantly better. A learner whose ranking is worse than none is left out of its mean.

How far apart the effects are is a question of its own. The chosen mean's spread is scaled as far as
the out-of-fold slope of ψ on it demands. Nobody's rank changes by that: a weak ranking is still the
best guess.

All candidates share folds, bins and pseudo-outcomes, and are compared by out-of-fold predictions.
With ψ the doubly-robust pseudo-outcome and r a customer's rank (0 the best, 1 the last), the Qini
of a ranking is the mean of ψ·(½ − r): the area of `uplift_curve`, with the noise that the outcome
models explain taken out. Differences between candidates are paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate

from ..arms import Floats
from .effect import Effect, flat_effect
from .learners import LEARNERS, slope_on, unsure_slope
from .nuisances import Outcomes, Sample, within_folds
from .spread import committee_spread

MAIN = {"t1": "t", "x1": "x", "r1": "r", "s": "s"}
"""Candidates of the first group and their learners; 1: trees of one split."""

DEEP = {"t": "t", "x": "x", "dr": "dr"}
"""Candidates of the second group."""

_ROUNDING = 1e-9
_LEVEL = 0.05  # of every test here, one-sided
# Under no effect, a model of fold A ranks fold B by as much luck as a model of B ranks A: the
# variance of a cross-validated Qini is twice that of a given score's.
_TWICE = math.sqrt(2)
_LEAST_SPREAD = 0.5
"""Effects differ by at least so many standard errors of the average effect, whatever the slope says.

Everybody's effect is unsure by one such error anyway: half of one more adds an eighth to that. Below
it, scores of models of other customers, put together, would be ranked by their averages' noise.
"""


@dataclass(frozen=True)
class Heterogeneity(Result):
    """Whether customers of an arm could be told apart by its effect; made by ``learner="auto"``.

    Attributes
    ----------
    arm : str
    found : bool
        Whether the ranking is better than none, by a one-sided test at 5 % over all arms together.
    qini : Estimate
        Out-of-fold Qini of the ranking, doubly robust, in outcome units per person.
    p_value : float
        Of the hypothesis that the ranking is worth nothing: one-sided, times the number of arms,
        with the variance of the Qini doubled for its cross-validation.
    average : Estimate
        The arm's average effect.
    """

    arm: str
    found: bool
    qini: Estimate
    p_value: float
    average: Estimate

    @property
    def answer(self) -> str:
        """What to do, in a sentence."""
        if self.found:
            return f"effects of {self.arm!r} differ between customers: treat by predicted uplift"
        if self.average.ci_lower > 0:
            return f"no heterogeneity of {self.arm!r} found, it works on average: treat all or none"
        return f"no heterogeneity of {self.arm!r} found, nor an average effect: treat all or none"

    def to_frame(self) -> pd.DataFrame:
        """One row: verdict, Qini with interval and p-value, average effect with interval."""
        return pd.DataFrame(
            {
                "arm": [self.arm],
                "found": [self.found],
                "qini": [self.qini.value],
                "qini_ci_lower": [self.qini.ci_lower],
                "qini_ci_upper": [self.qini.ci_upper],
                "p_value": [self.p_value],
                "average": [self.average.value],
                "average_ci_lower": [self.average.ci_lower],
                "average_ci_upper": [self.average.ci_upper],
                "answer": [self.answer],
            }
        )


@dataclass(frozen=True)
class Selection(Result):
    """How ``learner="auto"`` chose; attribute `selection_` of the model.

    Attributes
    ----------
    chosen : dict of str to str
        For each arm ``"main"``, ``"deep"`` (the groups' means) or a single learner.
    frame : pandas.DataFrame
        One row an arm and candidate.
    """

    chosen: Mapping[str, str]
    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row an arm and candidate, best first.

        Returns
        -------
        pandas.DataFrame
            `arm`, `learner` (a name that ends in 1: trees of one split), `chosen`, `weight` (what
            it has in the chosen mean, of predictions brought to one spread), `qini` with interval
            (out of fold, doubly robust, in outcome units per person), `difference` to the chosen
            with its interval and `p_value` (two-sided, paired), and `slope` (of the pseudo-outcomes
            on the predictions: 1 is calibrated).
        """
        return self.frame.copy()


def fit_auto(
    sample: Sample, by_arm: Outcomes, psi: Floats
) -> tuple[tuple[Effect, ...], Selection, dict[str, Heterogeneity]]:
    """The effect of each arm, how it was chosen, and whether there is anything to choose by.

    Parameters
    ----------
    sample : Sample
    by_arm : Outcomes
        Outcome models by arm.
    psi : ndarray of shape (n, arms)
        Pseudo-outcomes.
    """
    learned = _candidates(sample, by_arm)
    effects, chosen, frames, verdicts = [], {}, [], {}
    for at, arm in enumerate(sample.arms.names):
        candidates = {name: each[at] for name, each in learned.items()}
        one = _Arm(candidates, psi[:, at], sample.folds)
        effects.append(_as_steep_as_found(one.effect, psi[:, at], sample))
        chosen[arm] = one.chosen
        frames.append(one.frame(arm))
        verdicts[arm] = one.heterogeneity(arm, of=len(sample.arms.names))
    selection = Selection(chosen, pd.concat(frames, ignore_index=True))
    return tuple(effects), selection, verdicts


def _as_steep_as_found(effect: Effect, psi: Floats, sample: Sample) -> Effect:
    """The effect with its spread brought within one standard error of the slope of ψ on it.

    Scaled by the slope itself, small samples of customers who do differ would be told too little
    apart as often as too far.
    """
    apart = within_folds(effect.oof, sample.folds)
    if apart.std() <= _ROUNDING * psi.std():
        return effect
    spread = committee_spread(effect.members, sample.binned.X, sample.folds, effect.oof)
    unsure = unsure_slope(effect, psi, sample, spread)
    slope, error = slope_on(psi, apart) / spread, unsure.slope_error
    least = _LEAST_SPREAD * unsure.least / (math.sqrt(spread) * float(apart.std()))
    scale = max(min(max(1.0, slope - error), slope + error), min(least, 1.0))
    unsure = replace(unsure, scale=scale)
    return replace(effect, spread=spread, error=unsure).scaled(scale, unsure.centre)


def _candidates(sample: Sample, by_arm: Outcomes) -> dict[str, tuple[Effect, ...]]:
    every = MAIN | DEEP
    if sample.binned.trees.base is not None:  # it knows nothing of depths: one serves both groups
        once = {name: LEARNERS[name](sample, by_arm) for name in dict.fromkeys(every.values())}
        return {name: once[learner] for name, learner in every.items()}
    shallow = sample.with_depth(1)
    deeper = sample.with_depth(sample.binned.trees.max_depth + 1)
    main, deep = Outcomes.by_arm(shallow), Outcomes.by_arm(deeper)
    learned = {name: LEARNERS[MAIN[name]](shallow, main) for name in MAIN if name != "s"}
    learned["s"] = LEARNERS["s"](sample, by_arm)
    learned |= {name: LEARNERS[learner](deeper, deep) for name, learner in DEEP.items()}
    return learned


@dataclass(frozen=True)
class _Mix:
    """Weights of the candidates, brought to one spread, and what they are called."""

    name: str
    weights: Floats


class _Arm:
    """The candidates of one arm, and what is made of them."""

    def __init__(
        self, effects: Mapping[str, Effect], psi: Floats, folds: npt.NDArray[np.int8]
    ) -> None:
        self._effects, self._psi, self._folds = effects, psi, folds
        self._average = Estimate.from_influence(float(psi.mean()), psi, alpha=0.05)
        centred = np.column_stack([within_folds(one.oof, folds) for one in effects.values()])
        spread = centred.std(axis=0)
        # Constants by fold differ by rounding alone.
        there = spread > _ROUNDING * psi.std()
        self._scale = np.divide(spread.mean(), spread, out=np.zeros_like(spread), where=there)
        self._scores = centred * self._scale
        self._mix, self._groups = self._choose(np.ones(len(psi), dtype=bool))
        self.chosen = self._mix.name
        # A customer's honest prediction takes weights that the customer's fold had no part in.
        self._oof = np.empty(len(psi))
        for fold in np.unique(folds):
            there = folds == fold
            self._oof[there] = self._scores[there] @ self._choose(~there)[0].weights
        self.effect = self._mixed()

    def _choose(self, rows: npt.NDArray[np.bool_]) -> tuple[_Mix, dict[str, Floats]]:
        """The weights that these customers speak for, and the groups' means as weights."""
        scores, psi = self._scores[rows], self._psi[rows]
        values = [_qini(psi, score)[0] for score in scores.T]
        useful = np.array([value > 0 for value in values])
        names = list(self._effects)
        groups = {
            "main": _mean_of([name in MAIN for name in names], useful),
            "deep": _mean_of([name in DEEP for name in names], useful),
        }
        name, weights = "main", groups["main"]
        if _better(psi, scores @ groups["deep"], scores @ weights) < _LEVEL:
            name, weights = "deep", groups["deep"]
        single = [_better(psi, score, scores @ weights) for score in scores.T]
        best = int(np.argmin(single))
        if single[best] < _LEVEL / len(single):
            name, weights = names[best], np.eye(len(names))[best]
        return _Mix(name, weights), groups

    def _mixed(self) -> Effect:
        """The weighted learners as one effect, its mean the average effect."""
        weights = self._mix.weights * self._scale
        parts = [
            one.scaled(weight, 0.0)
            for one, weight in zip(self._effects.values(), weights, strict=True)
            if weight
        ]
        average, first = self._average.value, next(iter(self._effects.values()))
        if not parts:
            return flat_effect(average, first)
        rest = average - float(np.sum([part.oof.mean() for part in parts]))
        members = tuple(
            (
                tuple(term for part in parts for term in part.members[fold][0]),
                rest + sum(part.members[fold][1] for part in parts),
            )
            for fold in range(len(first.members))
        )
        return Effect(members, average + self._oof, max(part.rounds for part in parts))

    def heterogeneity(self, arm: str, *, of: int) -> Heterogeneity:
        """The verdict, for one of so many arms."""
        value, influence = _qini(self._psi, within_folds(self.effect.oof, self._folds))
        qini = Estimate.from_influence(value, influence, alpha=0.05)
        p_value = float(ndtr(-qini.value / qini.se / _TWICE)) if qini.se else 1.0
        p_value = min(1.0, p_value * of)
        return Heterogeneity(arm, p_value < _LEVEL, qini, p_value, self._average)

    def frame(self, arm: str) -> pd.DataFrame:
        """One row a candidate and group, best first."""
        scores = dict(zip(self._effects, self._scores.T, strict=True))
        scores |= {name: self._scores @ weights for name, weights in self._groups.items()}
        taken = dict(zip(self._effects, self._mix.weights, strict=True))
        value, influence = _qini(self._psi, scores[self.chosen])
        rows = []
        for name, score in scores.items():
            its, own = _qini(self._psi, score)
            versus = Estimate.from_influence(its - value, own - influence, alpha=0.05)
            oof = self._effects[name].oof if name in self._effects else score
            rows.append(
                {
                    "arm": arm,
                    "learner": name,
                    "chosen": name == self.chosen,
                    "weight": taken.get(name, np.nan),
                    **_told("qini", Estimate.from_influence(its, own, alpha=0.05)),
                    **_told("difference", versus),
                    "p_value": versus.p_value,
                    "slope": slope_on(self._psi, within_folds(oof, self._folds)),
                }
            )
        return pd.DataFrame(rows).sort_values("qini", ascending=False, kind="stable")


def _told(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_ci_lower": estimate.ci_lower,
        f"{name}_ci_upper": estimate.ci_upper,
    }


def _mean_of(members: list[bool], useful: npt.NDArray[np.bool_]) -> Floats:
    """Equal weights of the useful members, of all if none is."""
    group = np.array(members)
    there = group & useful if (group & useful).any() else group
    weights: Floats = there / there.sum()
    return weights


def _better(psi: Floats, first: Floats, second: Floats) -> float:
    """p-value of the hypothesis that `first` ranks no better than `second`, one-sided."""
    (one, of_one), (two, of_two) = _qini(psi, first), _qini(psi, second)
    difference = Estimate.from_influence(one - two, of_one - of_two, alpha=0.05)
    return float(ndtr(-difference.value / difference.se)) if difference.se else 1.0


def _qini(psi: Floats, score: Floats) -> tuple[float, Floats]:
    """Mean of ψ·(½ − rank), and each customer's influence on it, (n,).

    `score` is less its fold's mean, since a member's mean lacks just the customers that it is held
    against. Ties share their mean rank.
    """
    n = len(psi)
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    new = np.append(True, ordered[1:] != ordered[:-1])
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, n))
    group = np.cumsum(new) - 1
    rank = ((start + size / 2) / n)[group]
    worth = psi[order]
    totals = np.add.reduceat(worth, start)
    # What the customers ranked below have, half of one's own tie: they move down by one place.
    below = ((totals[::-1].cumsum()[::-1] - totals / 2) / n)[group]
    influence = np.empty(n)
    influence[order] = worth * (0.5 - rank) - below
    return float(np.mean(worth * (0.5 - rank))), influence
