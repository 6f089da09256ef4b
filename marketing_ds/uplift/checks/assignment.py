"""Was the treatment assigned as claimed? Checks before anything is learned from an experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb
from scipy.special import logit

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate
from marketing_ds._core.sample_ratio import sizes_p_value, weights_p_value
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.training import Leaks, find_leaks

from ..arms import Arms, Floats, read_arms, read_chances, read_numbers, read_outcome
from ..binned import Matrix
from .balance import NOTICEABLE, Balance, balance_of, label_of
from .predictability import (
    ALPHA,
    MAX_ROWS,
    Pair,
    ScoreTest,
    area_within_folds,
    p_above_half,
    pairs,
    score_test,
)

_ROUNDS, _DEPTH, _RATE, _FOLDS = 40, 3, 0.15, 5
_SHOWN = 5


@dataclass(frozen=True)
class ArmPredictability:
    """How well tags tell an arm from control, beyond the stated probabilities.

    Attributes
    ----------
    arm : str
    auc : Estimate
        Of trees, on customers new to them: ½ if they tell nothing.
    p_auc : float
        One-sided p-value of an AUC of ½.
    joint : ScoreTest
        χ² test of all columns together: the joint test of the balance.
    """

    arm: str
    auc: Estimate
    p_auc: float
    joint: ScoreTest

    @property
    def p_value(self) -> float:
        """Of both tests (Bonferroni)."""
        return min(1.0, 2 * min(self.p_auc, self.joint.p_value))


@dataclass(frozen=True)
class AssignmentCheck(Result):
    """What the data say of a claimed experiment; made by `check_assignment`.

    Attributes
    ----------
    counts, expected : mapping of str to int, of str to float
        Customers by arm, and as the stated probabilities would have them; NaN where none were.
    p_sizes : float
        Sample-ratio test; NaN where no probabilities were stated.
    arms : tuple of ArmPredictability
        Whether tags tell each arm from control.
    balance : Balance
        Standardised mean differences, tag by tag.
    suspects : pandas.DataFrame
        Rows of the balance far beyond chance: tags that were perhaps computed after the assignment.
    leaks : Leaks or None
        Tags that tell the outcome too well; None where no outcome was handed in.
    alpha : float
        Level of each check.
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p_sizes: float
    arms: tuple[ArmPredictability, ...]
    balance: Balance
    suspects: pd.DataFrame = field(repr=False)
    leaks: Leaks | None = field(repr=False)
    alpha: float

    @property
    def passed(self) -> bool:
        """Whether no check speaks against the experiment."""
        return bool(self.to_frame()["passed"].all())

    def to_frame(self) -> pd.DataFrame:
        """One row a check: its value, p-value, whether it passed, and the finding in words."""
        rows = [self._sizes(), *(self._arm(arm) for arm in self.arms), self._suspicion()]
        if self.leaks is not None:
            rows.append(self._leak(self.leaks))
        head = ["check", "value", "value_ci_lower", "value_ci_upper", "p_value", "passed"]
        return pd.DataFrame(rows, columns=[*head, "finding"])

    def _sizes(self) -> tuple[object, ...]:
        unknown = math.isnan(self.p_sizes)
        passed = unknown or self.p_sizes >= self.alpha
        sizes = ", ".join(f"{n:,} {arm!r}" for arm, n in self.counts.items())
        words = f"{sizes}; no probabilities were stated" if unknown else sizes
        if not passed:
            wanted = ", ".join(f"{n:,.0f} {arm!r}" for arm, n in self.expected.items())
            words = f"{sizes}, expected {wanted}: customers were lost or counted twice in an arm"
        return ("sizes of arms", *[math.nan] * 3, self.p_sizes, passed, words)

    def _arm(self, found: ArmPredictability) -> tuple[object, ...]:
        passed = found.p_value >= self.alpha / len(self.arms)
        words = (
            f"tags do not tell {found.arm!r} from control"
            if passed
            else f"tags tell {found.arm!r} from control: not drawn at these probabilities; hand in "
            f"those that were, or use UpliftModel(probability='estimate')"
        )
        auc = found.auc
        ends = (auc.value, auc.ci_lower, auc.ci_upper)
        return (f"AUC of tags for {found.arm!r}", *ends, found.p_value, passed, words)

    def _suspicion(self) -> tuple[object, ...]:
        head = self.suspects.head(_SHOWN)
        shown = [
            f"{label_of(tag, level)} ({smd:+.2f} in {arm!r})"
            for tag, level, smd, arm in head[["tag", "level", "smd", "arm"]].to_numpy()
        ]
        more = len(self.suspects) - len(shown)
        words = (
            f"{', '.join(shown)}{f' and {more} more' if more else ''} differ by more than chance: "
            f"computed after the assignment?"
            if shown
            else "no tag differs between arms by more than chance"
        )
        return ("greatest |SMD|", self.balance.worst, *[math.nan] * 3, not shown, words)

    def _leak(self, leaks: Leaks) -> tuple[object, ...]:
        words = "; ".join(map(str, leaks.found[:_SHOWN])) or "no tag alone tells the outcome"
        strongest = leaks.figures["auc"].max() if len(leaks.figures) else math.nan
        return (
            "best AUC of one tag for y",
            strongest,
            *[math.nan] * 3,
            not leaks.found,
            words,
        )


def check_assignment(
    X: Any,
    treatment: Any,
    probability: Any = None,
    *,
    y: Any = None,
    control: str | int = "control",
    alpha: float = ALPHA,
    max_categories: int = 20,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
    n_jobs: int = 1,
) -> AssignmentCheck:
    """Check a claimed experiment: sizes of arms, whether tags tell the arm, balance, leaks.

    Parameters
    ----------
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Tags as of before the assignment.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    probability : array-like of shape (n,), mapping or DataFrame, optional
        P(arm) as designed: one a row of the arm received (with one arm beside control), or by name
        of arm a number or one a row. Sizes are checked only against stated probabilities.
    y : array-like of shape (n,), optional
        Outcomes, to look for tags that tell them too well to be of before the assignment.
    control : str or int
        Name of the control arm.
    alpha : float
        Level of each check; over all arms, and over all tags.
    max_categories : int
        Levels of a category that are looked at by themselves.
    max_rows : int
        Customers of each pair of arms on whom the tests are run, drawn at random; the balance is of
        all.
    random_state : int
        Seeds the folds and the trees.
    n_jobs : int
        Threads of the trees.

    Returns
    -------
    AssignmentCheck
        ``.passed``, ``.to_frame()`` with a finding a check, ``.balance`` tag by tag, ``.plot()``.

    Raises
    ------
    InvalidInput
        If lengths differ, an arm or a value is missing, control is absent, a probability is outside
        (0, 1), or several arms' probabilities are known of the arm received only.

    Notes
    -----
    Nothing can tell the arm in an experiment, so that the AUC of any classifier is ½ on customers
    new to it. Two look: trees (40 of depth 3, grown on the first fifth of the customers and judged
    on the second, then grown on two fifths, and so on), which see combinations of tags, and a χ²
    score test of all columns together, which sees many slight differences; the p-value is
    Bonferroni's of both. Where stated probabilities differ between customers, trees start from
    them, and customers weigh 1/P(arm received).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.integers(20, 70, 4000), "wealth": rng.random(4000)})
    >>> drawn = rng.choice(["control", "coupon"], 4000)
    >>> check_assignment(X, drawn).passed
    True
    >>> chosen = np.where(X["wealth"] + rng.random(4000) > 1, "coupon", "control")
    >>> found = check_assignment(X, chosen)
    >>> found.passed, round(found.arms[0].auc.value, 2)
    (False, 0.83)
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    most = check_count("max_rows", max_rows, low=1000)
    threads = check_count("n_jobs", n_jobs, low=1)
    seed = check_count("random_state", random_state)
    table = read_table(X)
    encoder = FeatureEncoder(max_categories=max_categories)
    arms = read_arms(treatment, control, rows=len(table.features))
    chances = _stated(probability, arms)
    outcome = None if y is None else _outcome(y, len(arms.codes))
    encoded = encoder.fit_transform(X)
    expected, p_sizes = _sizes(arms, chances)
    found = tuple(
        _predictability(encoded[pair.rows], pair, seed, threads)
        for pair in pairs(arms, chances, max_rows=most, columns=2 * encoded.shape[1])
    )
    balance = balance_of(encoder.columns_, encoded, arms, probability=chances)
    leaks = None if outcome is None else _leaks(table.features, outcome)
    suspects = _suspects(balance.frame, alpha)
    return AssignmentCheck(arms.counts(), expected, p_sizes, found, balance, suspects, leaks, alpha)


def _stated(probability: Any, arms: Arms) -> Floats | None:
    if probability is None:
        return None
    by_arm = isinstance(probability, (Mapping, pd.DataFrame))
    if not by_arm and len(arms.names) > 1:
        received = read_numbers(probability, "probability")
        if np.ptp(received) > 0:
            raise InvalidInput(
                "probability must say P(each arm) where there are several arms, got that of the arm "
                "received only; hand in a mapping or a DataFrame with one column an arm"
            )
    return read_chances(probability, arms)


def _outcome(y: Any, rows: int) -> Floats:
    outcome = read_outcome(y)
    if len(outcome) != rows:
        raise InvalidInput(f"y must have one outcome a row: {rows} rows, got {len(outcome)}")
    return outcome


def _sizes(arms: Arms, chances: Floats | None) -> tuple[dict[str, float], float]:
    """Customers expected in each arm, and the p-value of what was found."""
    counts = np.bincount(arms.codes, minlength=len(arms.labels))
    if chances is None:
        return dict.fromkeys(arms.labels, math.nan), math.nan
    share = chances / chances.sum(axis=1, keepdims=True)
    expected = share.sum(axis=0)
    if np.ptp(share, axis=0).max() < 1e-9:
        p_value = sizes_p_value(counts, expected)
    else:
        p = share[np.arange(len(share)), arms.codes]
        weight = np.bincount(arms.codes, 1 / p)
        p_value = weights_p_value(len(p), weight, np.bincount(arms.codes, (1 - p) / p**2))
    return dict(zip(arms.labels, expected.tolist(), strict=True)), p_value


def _predictability(X: Matrix, pair: Pair, seed: int, threads: int) -> ArmPredictability:
    folds = _folds(pair.treated, seed)
    score = _tree_scores(X, pair, folds, seed, threads)
    seen = folds > 0
    judged = replace(
        pair, rows=pair.rows[seen], treated=pair.treated[seen], chance=pair.chance[seen]
    )
    auc = area_within_folds(judged, score[seen], folds[seen])
    return ArmPredictability(pair.arm, auc, p_above_half(auc), score_test(X, pair))


def _folds(treated: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.int8]:
    """Five folds, the arm's customers spread evenly over them."""
    folds = np.empty(len(treated), dtype=np.int8)
    order = np.lexsort((np.random.default_rng(seed).random(len(treated)), treated))
    for side in (False, True):
        rows = order[treated[order] == side]
        folds[rows] = np.arange(len(rows)) % _FOLDS
    return folds


def _tree_scores(
    X: Matrix, pair: Pair, folds: npt.NDArray[np.int8], seed: int, threads: int
) -> Floats:
    """Log-odds of the arm beyond the stated ones, by trees grown on the folds before one's own.

    Not on all others: folds that each train the other's trees agree by chance, and the error of
    their common AUC is greater than it looks. Looking only back, every fold's AUC is ½ on average
    whatever came before, and errors add up as if folds were independent (a martingale). The number
    of trees is fixed: one chosen by the folds judged on would make their AUC too high.
    """
    score = np.zeros(len(X))
    if not X.shape[1]:
        return score
    offset = logit(pair.chance)
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": 64,
        "max_depth": _DEPTH,
        "learning_rate": _RATE,
        # A leaf must hold √n customers' worth of chance, as the learners' leaves do.
        "min_child_weight": math.sqrt(len(X)) * float((pair.chance * (1 - pair.chance)).mean()),
        "base_score": 0.5,
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }
    for fold in range(1, _FOLDS):
        train, test = np.flatnonzero(folds < fold), np.flatnonzero(folds == fold)
        if not len(test):
            continue
        data = xgb.QuantileDMatrix(
            X[train],
            pair.treated[train].astype(np.float32),
            base_margin=offset[train],
            max_bin=64,
            nthread=threads,
        )
        booster = xgb.train(parameters, data, _ROUNDS)
        score[test] = booster.inplace_predict(X[test], predict_type="margin")
    return score


def _leaks(features: pd.DataFrame, outcome: Floats) -> Leaks | None:
    """Tags that tell whether the outcome is above 0 (above its mean, where it always is)."""
    high = outcome > 0
    if high.all() or not high.any():
        high = outcome > outcome.mean()
    return find_leaks(features, high) if high.any() else None


def _suspects(frame: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Rows that differ noticeably, and by more than chance over all rows."""
    sure = frame["p_value"] < alpha / max(len(frame), 1)
    return frame[sure & (frame["smd"].abs() > NOTICEABLE)].reset_index(drop=True)
