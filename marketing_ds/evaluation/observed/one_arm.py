"""One arm against control: learn what adjustment needs, adjust, and doubt the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.metrics import Metric

from . import balance as looks
from .effects import doubts_of, effect_row, slopes_of
from .encoding import Encoded, encode
from .matching import find_matches, matched
from .means import Means, doubly_robust
from .nuisances import Nuisances, cross_fit, make_folds
from .outcomes import columns_of
from .sample import Floats, Sample
from .sensitivity import strengths, strongest
from .weighting import by_entropy, by_propensity, terms_to_balance

_FOLDS, _FOLDS_OF_MANY = 5, 2
_MANY = 200_000


@dataclass(frozen=True)
class Settings:
    """How to compare an arm with control."""

    method: str
    estimand: str
    weights: str
    match_on: str
    n_matches: int
    learners: tuple[str, ...]
    n_folds: int | None
    clip: float
    trim: float
    benchmarks: tuple[str, ...] | None
    seed: int
    alpha: float


@dataclass(frozen=True)
class ArmFound:
    """Everything about one arm."""

    name: str
    rows: list[dict[str, object]]
    strengths: list[dict[str, object]]
    benchmarks: list[dict[str, object]]
    balance: pd.DataFrame
    overlap: dict[str, object]
    bins: pd.DataFrame
    learners: Mapping[str, Mapping[str, float]]


def compare_arm(
    sample: Sample, outcomes: Floats, metrics: Sequence[Metric], arm: str, control: str, s: Settings
) -> ArmFound:
    """The arm against control, among the customers of these two."""
    rows = np.flatnonzero((sample.arms == arm) | (sample.arms == control))
    here, y = sample.of(rows), outcomes[rows]
    treated = (here.arms == arm).astype(np.float64)
    known = encode(here.covariates)
    names = columns_of(metrics)
    n_folds = s.n_folds or (_FOLDS if len(rows) <= _MANY else _FOLDS_OF_MANY)
    folds = make_folds(treated, here.clusters, n_folds, s.seed)
    if len(np.unique(folds)) < n_folds:
        raise InvalidInput(
            f"n_folds must not exceed the number of clusters, got {n_folds} with "
            f"{len(np.unique(folds))} clusters of {arm!r} and control; use fewer"
        )
    learned = cross_fit(known, treated, y, names, folds, learners=s.learners, seed=s.seed)
    n_before = len(treated)
    if s.trim:
        kept = np.flatnonzero((learned.chance >= s.trim) & (learned.chance <= 1 - s.trim))
        learned = Nuisances(learned.chance[kept], learned.expected[:, kept], learned.shares)
        here, y, treated, folds = here.of(kept), y[kept], treated[kept], folds[kept]
        if min(treated.sum(), len(kept) - treated.sum()) < 2:
            raise InvalidInput(
                f"trim must leave customers of {arm!r} and of control, got none of one with "
                f"{s.trim}; the arms hardly overlap"
            )
        known = encode(here.covariates)
    looks.check_overlap(known, treated, learned.chance, estimand=s.estimand, clip=s.clip, arm=arm)
    raw_chance = learned.chance
    # Of att, the unlike have hardly any odds: as it should be.
    low = s.clip if s.estimand == "ate" else 1e-9
    learned = Nuisances(
        np.clip(raw_chance, max(low, 1e-9), 1 - max(s.clip, 1e-9)), learned.expected, learned.shares
    )
    means = _estimate(here, y, treated, known, learned, s)
    slopes = [slopes_of(metric, means, names) for metric in metrics]
    found = [
        effect_row(metric, slope, means, y, treated, names, s.alpha) | {"arm": arm}
        for metric, slope in zip(metrics, slopes, strict=True)
    ]
    yardsticks = s.benchmarks if s.benchmarks is not None else strongest(known, treated, y)
    added = strengths(
        known, treated, y, names, slopes, [b for b in yardsticks if b in known.names], folds
    ) if yardsticks else {}  # fmt: skip
    strong, marks = [], []
    for k, (row, slope) in enumerate(zip(found, slopes, strict=True)):
        row_strong, row_marks = doubts_of(
            row, slope, k, y, treated, learned, added,
            estimand=s.estimand, pairs=s.method == "matching", alpha=s.alpha,
        )  # fmt: skip
        strong.append(row_strong)
        marks += row_marks
        row |= {key: row_strong[key] for key in ("e_value", "e_value_limit")}
    overlap = looks.overlap_row(
        treated, raw_chance, means.weight, estimand=s.estimand, clip=s.clip,
        trimmed=1 - len(treated) / n_before, arm=arm,
    )  # fmt: skip
    return ArmFound(
        arm, found, strong, marks, looks.balance_rows(known, treated, means.weight, arm), overlap,
        looks.overlap_bins(treated, raw_chance, arm), learned.shares,
    )  # fmt: skip


def _estimate(
    here: Sample, y: Floats, treated: Floats, known: Encoded, learned: Nuisances, s: Settings
) -> Means:
    if s.method == "doubly_robust":
        return doubly_robust(treated, y, learned, estimand=s.estimand, clusters=here.clusters)
    if s.method == "matching":
        matches = find_matches(
            known, treated, learned.chance, match_on=s.match_on, n_matches=s.n_matches
        )
        return matched(treated, y, learned, matches, estimand=s.estimand, clusters=here.clusters)
    terms = terms_to_balance(known, treated)
    if s.weights == "entropy":
        return by_entropy(terms, treated, y, estimand=s.estimand, clusters=here.clusters)
    return by_propensity(
        terms, treated, y, estimand=s.estimand, clusters=here.clusters, clip=s.clip
    )
