"""Are the customers scored now still those that the model learnt from? Drift of tags and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_choice, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.stability import ALARM_PSI, WATCH_PSI, psi, psi_by_chance
from marketing_ds.features import FeatureEncoder, read_table

from ._snapshot import SCORE, Floats, Histogram, TrainingSnapshot, count_numbers

Status = Literal["stable", "watch", "alarm"]

_WORDS = {
    "en": {
        "watch": "{name} has shifted",
        "alarm": "{name} is distributed otherwise",
        "told": (
            "{what} since training: PSI {psi:.2f} (chance alone stays below {chance:.3f}); "
            "'{bin}' now holds {now:.0%} of customers, then {then:.0%}"
        ),
        SCORE: "the score",
    },
    "zh": {
        "watch": "{name}已有偏移",
        "alarm": "{name}的分布已改变",
        "told": (
            "与训练时相比，{what}：PSI {psi:.2f}（仅由随机波动引起时不超过{chance:.3f}）；"
            "“{bin}”现占客户{now:.0%}，当时{then:.0%}"
        ),
        SCORE: "评分",
    },
}


class Remembering(Protocol):
    """What drift needs of a fitted model."""

    @property
    def encoder_(self) -> FeatureEncoder:
        """What turns tags into columns."""

    @property
    def snapshot_(self) -> TrainingSnapshot:
        """The training customers in small."""

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities, the outcome's in the second column."""


@dataclass(frozen=True)
class Drift(Result):
    """How far tags and scores have moved since training.

    Attributes
    ----------
    rows : int
        Customers compared with training.
    alpha : float
        Probability that chance alone lets any of the PSIs exceed its yardstick.
    table : pandas.DataFrame
        See `to_frame`.
    bins_zh : mapping of str to str
        The bins that moved most, in Chinese.

    Notes
    -----
    PSI = Σ (q − p) ln(q/p) over the bins. From 0.1 a distribution is watched, from 0.25 it is
    another one (Siddiqi 2006), but only where PSI also exceeds what two samples of one population
    of these sizes would show by chance (`psi_by_chance`), which is much with few customers; to the
    score's yardstick comes `TrainingSnapshot.score_slack`.
    """

    rows: int
    alpha: float
    table: pd.DataFrame = field(repr=False)
    bins_zh: Mapping[str, str] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a tag and one for the score, the most moved first.

        `what` ("tag" or "score"), `name`, `psi`, `psi_by_chance`, `status` ("stable", "watch",
        "alarm"), the bin that moved most with its shares then and now, and shares of unknown.
        """
        return self.table

    @property
    def status(self) -> Status:
        """The worst of all."""
        found = set(self.table["status"])
        return "alarm" if "alarm" in found else "watch" if "watch" in found else "stable"

    def alarms(self, language: str = "en") -> list[str]:
        """What has moved, in words, the most first; empty where nothing has."""
        words = _WORDS[check_choice("language", language, tuple(_WORDS))]
        told = []
        for row in self.table[self.table["status"] != "stable"].itertuples():
            name = words[SCORE] if row.what == SCORE else str(row.name)
            told.append(
                words["told"].format(
                    what=words[str(row.status)].format(name=name),
                    psi=row.psi,
                    chance=row.psi_by_chance,
                    bin=row.moved_most if language == "en" else self.bins_zh[str(row.name)],
                    now=row.now_share,
                    then=row.then_share,
                )
            )
        return told


def drift_of(model: Remembering, X: ArrayLike | Any, *, alpha: float = 0.01) -> Drift:
    """Compare customers with those a model learnt from: each tag that it uses, and its scores.

    Parameters
    ----------
    model : fitted PropensityModel, or a product's of `NextBest`
    X : as in `fit`
        Customers scored now.
    alpha : float, default=0.01
        Probability that chance alone lets any PSI exceed its yardstick (Bonferroni over all).

    Raises
    ------
    InvalidInput
        If columns are missing or of another type than at fit.
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):  # read once, not twice
        X = X.to_pandas()
    table = read_table(X)
    features = model.encoder_.align(table)
    at = {column.name: i for i, column in enumerate(model.encoder_.columns_)}
    snapshot = model.snapshot_
    each = alpha / (len(snapshot.columns) + 1)
    rows, zh = [], {}
    for past in snapshot.columns:
        now = past.count(features.iloc[:, at[past.name]])
        row, zh[past.name] = _row("tag", past, now, snapshot.rows, each)
        rows.append(row)
    if sum(snapshot.score.shares):
        score = np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)
        now = count_numbers(score, snapshot.score.edges, None)
        row, zh[SCORE] = _row(SCORE, snapshot.score, now, snapshot.rows, each, snapshot.score_slack)
        rows.append(row)
    frame = pd.DataFrame(rows).sort_values("psi", ascending=False, kind="stable")
    return Drift(len(features), alpha, frame.reset_index(drop=True), zh)


def _row(
    what: str, past: Histogram, now: Floats, then_rows: float, alpha: float, slack: float = 0.0
) -> tuple[dict[str, Any], str]:
    """One row of the frame, and the bin that moved most in Chinese."""
    then = np.asarray(past.shares)
    counts = then * then_rows
    used = (counts > 0) | (now > 0)
    found = psi(counts[used], now[used])
    size = int(now.sum())
    chance = slack + psi_by_chance(int(then_rows), size, int(used.sum()), alpha)
    share = now / size
    most = int(np.argmax(np.abs(share - then)))
    row = {
        "what": what,
        "name": past.name,
        "psi": found,
        "psi_by_chance": chance,
        "status": _status(found, chance),
        "moved_most": past.labels()[most],
        "then_share": float(then[most]),
        "now_share": float(share[most]),
        "unknown_then_share": float(then[-1]),
        "unknown_now_share": float(share[-1]),
    }
    return row, past.labels("zh")[most]


def _status(found: float, chance: float) -> Status:
    if found <= chance or found < WATCH_PSI:
        return "stable"
    return "alarm" if found >= ALARM_PSI else "watch"
