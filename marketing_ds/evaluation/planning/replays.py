"""A/A replays: the past split at random, again and again, to see whether the formulas hold on it.

Customers fall into thousands of buckets by a salted hash of their id; one query gives each bucket's
sums. A replay then deals whole buckets to the arms: as random a split as any, at no further scan.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtri

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson
from marketing_ds._core.hashing import salted_digest
from marketing_ds.evaluation.engine import (
    Cells,
    Estimate,
    FloatArray,
    Frame,
    Moments,
    estimate,
)
from marketing_ds.evaluation.inference import Difference, Inference, compare
from marketing_ds.evaluation.metrics import Metric
from marketing_ds.schema import CONTROL

from .baseline import Baseline
from .design import Design
from .past import Past, read_past
from .strength import power

_LETTERS = "0123456789abcdef"
_MOST_BITS = 14
"""16,384 buckets: replays then agree with splits of single customers to 1 % of a variance."""
_CUSTOMERS = 5
"""A bucket has so many customers on average, and is no customer."""
_LEAST = 500
_JUDGED = 0.01


@dataclass(frozen=True)
class Replay(Result):
    """What A/A replays found; see `replay`.

    Attributes
    ----------
    replays : int
        Splits of the same customers.
    customers : int
    alpha : float
    rel_lift : float
        The lift planted for the empirical power, as a share of the mean.
    """

    replays: int
    customers: int
    alpha: float
    rel_lift: float
    _frame: pd.DataFrame = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no metric's false alarms or standard errors differ from the formula's."""
        return bool(self._frame["as_promised"].all())

    def to_frame(self) -> pd.DataFrame:
        """One row a metric and arm.

        `false_alarm_share` (with Wilson's interval; alpha is promised), `standard_error` (the
        formula's mean), `realised_error` (spread of the effects over replays, with the interval of
        a standard deviation), `error_ratio` of the two with the same, `power_share` of the planted
        lift as found and `planned_power_share` by the formula.
        """
        return self._frame.copy()

    def sentence(self, language: str = "en") -> str:
        """What it means, in English or Chinese."""
        check_choice("language", language, ("en", "zh"))
        low, high = self._frame["false_alarm_share"].min(), self._frame["false_alarm_share"].max()
        span = f"{100 * low:.1f} %" if low == high else f"{100 * low:.1f}–{100 * high:.1f} %"
        promised = f"{100 * self.alpha:g} %"
        bad = sorted(set(self._frame.loc[~self._frame["as_promised"], "metric"]))
        if language == "zh":
            text = f"在 {self.customers:,} 名客户上做了 {self.replays} 次 A/A 重放：误报率 {span}（承诺 {promised}）"
            return text + (
                "，标准误与公式一致。"
                if not bad
                else f"；与公式不符的指标：{'、'.join(bad)}，请设上限或改用其他指标。"
            )
        text = (
            f"{self.replays} A/A replays on {self.customers:,} customers: false alarms {span} "
            f"({promised} promised)"
        )
        return text + (
            "; standard errors are as the formula says."
            if not bad
            else f"; not as the formula says: {', '.join(bad)}. Cap it, or take another metric."
        )

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.sentence())


def replay(
    past: Frame,
    metrics: Sequence[str | Metric] | None = None,
    *,
    covariates: Sequence[str] | None = None,
    shares: Mapping[str, float] | None = None,
    n_replays: int = 200,
    rel_lift: float = 0.05,
    alpha: float = 0.05,
    salt: str = "replay",
) -> Replay:
    """Split the past at random many times: do false alarms, errors and power come as promised?

    Parameters
    ----------
    past : pandas.DataFrame, Arrow table or ibis.Table
        One row a customer with `customer_id` and the metrics; that of `past_behaviour`, say.
    metrics, covariates
        As of `plan_experiment`.
    shares : mapping, optional
        Arm → share; two equal arms by default.
    n_replays : int
        Splits. 200 tell false alarms to ± 3 points.
    rel_lift : float
        Lift planted in the arms for the empirical power: an arm's outcomes × (1 + `rel_lift`).
    alpha : float
        Level of each comparison; there is no correction.
    salt : str
        Another salt is another set of splits.

    Returns
    -------
    Replay

    Raises
    ------
    InvalidInput
        If a column is missing or null, or there are fewer than 500 customers.

    Notes
    -----
    All estimates are those of `analyze_experiment`. Only sums of buckets leave the engine, in one
    query whatever the number of replays; a bucket has 5 customers on average at least, 610 with 10
    million. Buckets are the same in all replays: with k of them, n replays tell a spread no better
    than 1 / (1/n + 1/k) would, and the interval of `error_ratio` says so.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> past = pd.DataFrame({"customer_id": [f"c{i}" for i in range(20_000)],
    ...     "spend": rng.gamma(1.0, 50.0, 20_000)})
    >>> found = replay(past, ["spend"])
    >>> found.passed
    True
    """
    check_count("n_replays", n_replays, low=20)
    check_number("rel_lift", rel_lift, low=0, inclusive=False)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    design = Design(shares or {CONTROL: 1.0, "arm": 1.0}, alpha=alpha, correction=None)
    known = read_past(past, metrics, covariates, ["customer_id"])
    cells = _buckets(known, salt)
    splits = _dealt(len(cells.n), design, n_replays, salt)
    sums = {arm: _pooled(cells, splits == i) for i, arm in enumerate(design.shares)}
    customers = int(cells.n.sum())
    rows = [
        row
        for metric in known.metrics
        for row in _rows(metric, known, sums, design, customers, rel_lift)
    ]
    # All replays share the buckets, whose number limits how well a spread is known.
    known_by = 1 / (1 / n_replays + 1 / len(cells.n))
    frame = _judged(pd.DataFrame(rows), n_replays, known_by, alpha)
    return Replay(n_replays, customers, alpha, rel_lift, frame)


def _buckets(past: Past, salt: str) -> Cells:
    """Sums by bucket of a salted hash: as many as give a bucket some customers."""
    table = past.table
    n = int(table.count().to_pyarrow().as_py())
    if n < _LEAST:
        raise InvalidInput(
            f"past must have at least {_LEAST} customers, got {n:,}; fewer tell nothing about an "
            "experiment's errors"
        )
    bits = min(_MOST_BITS, int(math.log2(n / _CUSTOMERS)))
    digest = salted_digest(table.customer_id.cast("string"), salt=salt)
    whole, rest = divmod(bits, 4)
    bucket: ir.StringValue = digest.substr(0, whole)
    if rest:
        last = ibis.literal(_LETTERS).find(digest.substr(whole, 1))
        bucket = bucket.concat((last // 2 ** (4 - rest)).cast("int64").cast("string"))
    return past.cells(table.mutate(_bucket=bucket), ["_bucket"])


def _dealt(buckets: int, design: Design, n_replays: int, salt: str) -> npt.NDArray[np.int64]:
    """(replays, buckets) the arm of each bucket, by its place in the design."""
    seed = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big")
    chances = np.cumsum([design.share(arm) for arm in design.shares])[:-1]
    drawn = np.random.default_rng(seed).random((n_replays, buckets))
    return np.searchsorted(chances, drawn, side="right")


def _pooled(cells: Cells, inside: npt.NDArray[np.bool_]) -> list[Moments]:
    """The moments of one arm in every replay, by two products of matrices."""
    centre = cells.n @ cells.mean / cells.n.sum()
    away = cells.mean - centre
    chosen = inside.astype(np.float64)
    n = chosen @ cells.n
    if n.min() < 2:
        raise InvalidInput("shares must leave every arm at least 2 customers in every replay")
    mean = chosen @ (cells.n[:, None] * away) / n[:, None]
    p = away.shape[1]
    squares = cells.first + cells.n[:, None, None] * away[:, :, None] * away[:, None, :]
    scatter = (chosen @ squares.reshape(len(cells.n), -1)).reshape(-1, p, p)
    scatter = scatter - n[:, None, None] * mean[:, :, None] * mean[:, None, :]
    return [
        Moments(int(size), centre + m, s, s / (size * (size - 1)), None)
        for size, m, s in zip(n, mean, scatter, strict=True)
    ]


def _rows(
    metric: Metric,
    past: Past,
    sums: Mapping[str, list[Moments]],
    design: Design,
    customers: int,
    rel_lift: float,
) -> list[dict[str, object]]:
    side, alpha = past.sides[metric.label], design.alpha
    factor = np.ones(len(past.columns))
    factor[past.columns.index(metric.columns[0])] = 1 + rel_lift
    plain: dict[str, list[Difference]] = {arm: [] for arm in design.arms}
    lifted: dict[str, list[Difference]] = {arm: [] for arm in design.arms}
    settings = Inference(alpha=alpha, correction=None)
    control: list[Estimate] = []
    for moments in (
        dict(zip(sums, each, strict=True)) for each in zip(*sums.values(), strict=True)
    ):
        for found, kept in ((moments, plain), (_planted(moments, factor), lifted)):
            values = estimate(metric, side, past.columns, found, control=CONTROL)
            for arm in design.arms:
                kept[arm].append(compare(values[CONTROL], values[arm], settings))
        control.append(values[CONTROL])
    planned = power(_baseline(metric, control), customers, rel_effect=rel_lift, design=design)
    return [
        {
            "metric": metric.label,
            "arm": arm,
            **_spread(plain[arm], alpha),
            **_found(lifted[arm], alpha),
            "planned_power_share": planned[arm],
        }
        for arm in design.arms
    ]


def _planted(moments: Mapping[str, Moments], factor: FloatArray) -> dict[str, Moments]:
    """Outcomes of the arms × `factor`, control as it is."""
    return {
        arm: m
        if arm == CONTROL
        else Moments(
            m.n,
            m.mean * factor,
            m.scatter * np.outer(factor, factor),
            m.error * np.outer(factor, factor),
            None,
        )
        for arm, m in moments.items()
    }


def _baseline(metric: Metric, control: Sequence[Estimate]) -> Baseline:
    """What the replays show of the metric without a lift, on average."""
    mean = float(np.mean([each.raw for each in control]))
    variance = float(np.mean([each.raw_variance * each.n for each in control]))
    left = float(np.mean([each.variance * each.n for each in control]))
    if variance <= 0:
        raise InvalidInput(f"the metric {metric.label!r} must vary between customers")
    explained = min(max(1 - left / variance, 0.0), 1 - 1e-9)
    return Baseline(mean, math.sqrt(variance), explained_share=explained, name=metric.label)


def _spread(found: Sequence[Difference], alpha: float) -> dict[str, float]:
    n = len(found)
    alarms = sum(each.p_value < alpha for each in found)
    low, high = (float(end) for end in wilson(alarms, n))
    promised = math.sqrt(float(np.mean([each.error**2 for each in found])))
    realised = float(np.std([each.effect for each in found], ddof=1))
    return {
        "false_alarm_share": alarms / n,
        "false_alarm_share_ci_lower": low,
        "false_alarm_share_ci_upper": high,
        "standard_error": promised,
        "realised_error": realised,
        "error_ratio": realised / promised,
    }


def _found(lifted: Sequence[Difference], alpha: float) -> dict[str, float]:
    n = len(lifted)
    hits = sum(each.p_value < alpha and each.effect > 0 for each in lifted)
    low, high = (float(end) for end in wilson(hits, n))
    return {
        "power_share": hits / n,
        "power_share_ci_lower": low,
        "power_share_ci_upper": high,
    }


def _deviation_ends(n: float, alpha: float) -> tuple[float, float]:
    """What a standard deviation of n values is multiplied by for its interval."""
    low, high = (float(chdtri(n - 1.0, level)) for level in (alpha / 2, 1 - alpha / 2))
    return math.sqrt((n - 1) / low), math.sqrt((n - 1) / high)


def _judged(frame: pd.DataFrame, dealt: int, n: float, alpha: float) -> pd.DataFrame:
    """With the verdict at 1 % over all rows, so that one of many is no surprise."""
    shown, level = _deviation_ends(n, 0.05), _JUDGED / len(frame)
    ratio = frame["error_ratio"]
    place = list(frame.columns).index("error_ratio") + 1
    frame.insert(place, "error_ratio_ci_lower", ratio * shown[0])
    frame.insert(place + 1, "error_ratio_ci_upper", ratio * shown[1])
    low, high = wilson(frame["false_alarm_share"] * dealt, np.full(len(frame), dealt), alpha=level)
    ends = _deviation_ends(n, level)
    held = (low <= alpha) & (alpha <= high) & (ratio * ends[0] <= 1) & (ratio * ends[1] >= 1)
    return frame.assign(as_promised=held)
