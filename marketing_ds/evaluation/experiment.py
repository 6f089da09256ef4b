"""The analysis of an experiment: every arm against control, every metric, one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_choice, check_columns, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.schema import CONTROL, EFFECTS

from ._estimates import Estimate, adjust, compare, estimate
from ._moments import Frame, Moments, arm_moments
from .metrics import Metric, as_metrics
from .srm import SrmCheck, check_sample_ratio


@dataclass(frozen=True)
class ExperimentResult(Result):
    """Effects with their intervals, and whether they may be believed; see `analyze_experiment`.

    Attributes
    ----------
    srm : SrmCheck
        Whether the arms have the sizes of the design.
    alpha : float
        1 − confidence of the intervals.
    correction : str or None
        How `p_adjusted` accounts for the number of rows.
    """

    srm: SrmCheck
    alpha: float
    correction: str | None
    _frame: pd.DataFrame = field(repr=False)

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict (the numbers stay)."""
        return not self.srm.passed

    @property
    def verdict(self) -> str:
        """One sentence on the first metric, or what to look at before there can be one."""
        if self.blocked:
            return _blocked(self.srm)
        first = self._frame[self._frame["metric"] == self._frame["metric"].iloc[0]]
        return f"{first['metric'].iloc[0]}: " + "; ".join(
            _finding(row, self.alpha) for row in first.to_dict("records")
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per metric and arm."""
        return self._frame.copy()

    def effects_table(self, campaign_id: str) -> pd.DataFrame:
        """The effects table of the mart's contract, ready to be published."""
        return self._frame.assign(campaign_id=campaign_id)[list(EFFECTS.column_names)]

    def _repr_html_(self) -> str:
        html = frame_html(self._frame, title=self.verdict)
        return html + (frame_html(self.srm.to_frame()) if self.blocked else "")


def analyze_experiment(
    data: Frame,
    metrics: Sequence[str | Metric],
    *,
    arm: str = "arm",
    control: str = CONTROL,
    covariates: Sequence[str] | None = None,
    probability: str | None = None,
    shares: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    correction: str | None = "holm",
) -> ExperimentResult:
    """Estimate what every arm changed against control, for every metric.

    Parameters
    ----------
    data : pandas.DataFrame or ibis.Table
        One row a customer with arm, metrics and covariates. Only sums per arm leave the engine.
        Where it has a `customer_id`, no customer may come twice.
    metrics : sequence of str, Mean or Ratio
        A name stands for the mean of that column; of a 0/1 column this is a proportion. The first
        is the one that the verdict is about.
    arm, control : str
        Column of the arm, and the name of the control arm.
    covariates : sequence of str, optional
        Columns known *before* the arm was drawn; they explain part of the metrics' variance
        (CUPED). A metric object's own `covariates` go before these. One that does not vary is
        of no effect.
    probability : str, optional
        Column with P(the arm given). Its shares are what the arms' sizes are checked against;
        where it differs between customers of one arm, means are weighted by 1/P (Hájek).
    shares : mapping, optional
        Arm → designed share (any numbers in that proportion), where there is no `probability`.
        With neither, arms are expected to be of equal size.
    alpha : float
        1 − confidence of the intervals.
    correction : {"holm", "bh", None}
        How `p_adjusted` accounts for all metrics × arms.

    Returns
    -------
    ExperimentResult
        `.to_frame()`: metric, arm, n_control, n_arm, mean_control, mean_arm (unadjusted), effect
        with its interval (adjusted by the covariates), rel_effect with its interval (effect over
        the adjusted mean of control), p_value, p_adjusted, variance_reduction_share (by the
        covariates). `.srm`, `.verdict`, `.blocked`, `.effects_table(campaign_id)`, `.plot()`.

    Raises
    ------
    InvalidInput
        If a column is missing, of no number, null or not finite; control is absent or alone; an
        arm has fewer than 2 customers; a customer comes twice or in two arms; a probability is
        not in (0, 1]; the denominator of a ratio sums to 0.

    Notes
    -----
    Difference of means with Welch's interval (unequal variances, Satterthwaite's degrees of
    freedom); the relative effect by Fieller's theorem, unbounded where control's mean cannot be
    told from 0; ratios by the delta method. A metric without variance has no p-value (NaN).
    The sample-ratio check (α = 0.001) blocks the verdict, not the numbers.

    References
    ----------
    Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data, WSDM. Fieller (1954), JRSS B 16. Fabijan et al. (2019),
    Diagnosing sample ratio mismatch in online controlled experiments, KDD.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({
    ...     "customer_id": [f"c{i}" for i in range(2_000)], "arm": ["control", "mail"] * 1_000,
    ...     "visit": [0, 1, 0, 0, 1, 1, 0, 0] * 250})
    >>> result = analyze_experiment(data, ["visit"])
    >>> result.verdict
    'visit: mail raised it by 0.25 (95 % interval 0.209 to 0.291; +100 %)'
    """
    wanted = as_metrics(metrics)
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    if correction is not None:
        check_choice("correction", correction, ("holm", "bh"))
    if probability is not None and shares is not None:
        raise InvalidInput("give probability or shares, not both")
    sides = {m.label: _covariates(m, covariates) for m in wanted}
    columns = list(dict.fromkeys(c for m in wanted for c in (*m.columns, *sides[m.label])))
    extra = [probability] if probability else []
    check_columns(data.columns, [arm, *columns, *extra], "data")
    table = _table(data, [arm, *columns, *extra])
    _check_customers(table, arm)
    groups = [frozenset((*m.columns, *sides[m.label])) for m in wanted]
    moments = arm_moments(table, columns, groups, arm, probability)
    _check_arms(moments, control)
    chances = {a: m.chances for a, m in moments.items() if m.chances is not None}
    srm = check_sample_ratio({a: m.n for a, m in moments.items()}, shares=shares, chances=chances)
    rows: list[dict[str, object]] = []
    for metric in wanted:
        rows += _rows(
            metric.label, estimate(metric, sides[metric.label], columns, moments), control, alpha
        )
    frame = pd.DataFrame(rows)
    adjusted = adjust(frame["p_value"].to_numpy(float), correction)
    frame.insert(list(frame.columns).index("p_value") + 1, "p_adjusted", adjusted)
    return ExperimentResult(srm, alpha, correction, frame)


def _covariates(metric: Metric, shared: Sequence[str] | None) -> tuple[str, ...]:
    chosen = metric.covariates if metric.covariates is not None else tuple(shared or ())
    if isinstance(shared, str):
        raise InvalidInput(f"covariates must be a list of columns, got {shared!r}")
    own = [column for column in chosen if column in metric.columns]
    if own:
        raise InvalidInput(
            f"covariates of {metric.label!r} must not be the metric itself, got {own[0]!r}; "
            "take what was known before the arm was drawn"
        )
    return tuple(dict.fromkeys(chosen))


def _table(data: Frame, needed: Sequence[str]) -> ibis.Table:
    if not isinstance(data, pd.DataFrame):
        return data
    if data.empty:
        raise InvalidInput("data must have at least one row, got none")
    ids = ["customer_id"] if "customer_id" in data.columns else []
    frame = data[list(dict.fromkeys([*ids, *needed]))]
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def _check_customers(table: ibis.Table, arm: str) -> None:
    if "customer_id" not in table.columns:
        return
    ids = table.customer_id
    # Counting hashes is several times cheaper; a collision only leads to the exact count.
    if _one_row_each(table, ids.hash()) or _one_row_each(table, ids):
        return
    each = table.group_by("customer_id").aggregate(rows=table.count(), arms=table[arm].nunique())
    again = each.filter(each.customer_id.isnull() | (each.rows > 1))
    found = again.aggregate(customers=again.count(), mixed=(again.arms > 1).sum())
    numbers = found.to_pyarrow().to_pylist()[0]
    raise InvalidInput(
        f"data must have one row per customer_id, got {numbers['customers']} customers more than "
        f"once (or null), {numbers['mixed']} of them in more than one arm; look at the assignment, "
        "or sum up to one row a customer"
    )


def _one_row_each(table: ibis.Table, key: ibis.Value) -> bool:
    asked = table.aggregate(rows=table.count(), known=table.customer_id.count(), keys=key.nunique())
    found = asked.to_pyarrow().to_pylist()[0]
    return bool(found["rows"] == found["known"] == found["keys"])


def _check_arms(moments: Mapping[str, Moments], control: str) -> None:
    if control not in moments:
        raise InvalidInput(
            f"control must be an arm of the data ({', '.join(map(repr, moments))}), "
            f"got {control!r}{did_you_mean(control, moments)}"
        )
    if len(moments) < 2:
        raise InvalidInput(f"data must have an arm beside {control!r}, got no other")
    for arm, m in moments.items():
        if m.n < 2:
            raise InvalidInput(f"every arm must have at least 2 customers, got {m.n} in {arm!r}")


def _rows(
    label: str, estimates: Mapping[str, Estimate], control: str, alpha: float
) -> list[dict[str, object]]:
    base = estimates[control]
    rows: list[dict[str, object]] = []
    for arm, found in estimates.items():
        if arm == control:
            continue
        difference = compare(base, found, alpha)
        before = base.raw_variance + found.raw_variance
        saved = 1 - (base.variance + found.variance) / before if before else 0.0
        rows.append(
            {
                "metric": label,
                "arm": arm,
                "n_control": base.n,
                "n_arm": found.n,
                "mean_control": base.raw,
                "mean_arm": found.raw,
                "effect": difference.effect,
                "effect_ci_lower": difference.lower,
                "effect_ci_upper": difference.upper,
                "rel_effect": difference.rel,
                "rel_effect_ci_lower": difference.rel_lower,
                "rel_effect_ci_upper": difference.rel_upper,
                "p_value": difference.p_value,
                "variance_reduction_share": saved,
            }
        )
    return rows


def _finding(row: Mapping[str, object], alpha: float) -> str:
    effect, low, high, rel, p = (
        float(str(row[name]))
        for name in ("effect", "effect_ci_lower", "effect_ci_upper", "rel_effect", "p_adjusted")
    )
    interval = f"{1 - alpha:.0%}".replace("%", " %") + f" interval {low:.4g} to {high:.4g}"
    if np.isnan(p):
        return f"{row['arm']} cannot be judged, the metric does not vary"
    if p >= alpha:
        corrected = " after correction for all comparisons" if low > 0 or high < 0 else ""
        return (
            f"{row['arm']} made no difference that could be shown{corrected} "
            f"({effect:+.4g}; {interval})"
        )
    verb = "raised" if effect > 0 else "lowered"
    relative = f"; {100 * rel:+.3g} %" if np.isfinite(rel) else ""
    return f"{row['arm']} {verb} it by {abs(effect):.4g} ({interval}{relative})"


def _blocked(srm: SrmCheck) -> str:
    worst = max(srm.counts, key=lambda a: abs(srm.counts[a] - srm.expected[a]))
    return (
        f"No verdict: the arms' sizes do not fit the design (sample-ratio p = {srm.p_value:.1g}; "
        f"{worst!r} has {srm.counts[worst]:,} customers where {srm.expected[worst]:,.0f} are "
        "expected). Look at the assignment, at filters applied after it and at lost records "
        "before believing any number; if arms were not meant to be equal, give shares or "
        "probability."
    )
