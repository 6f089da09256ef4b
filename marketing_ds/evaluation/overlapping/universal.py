"""What all campaigns together changed: the universal control group against everybody else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_date, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.sample_ratio import ALPHA
from marketing_ds.evaluation.checks import Check, Checks
from marketing_ds.evaluation.checks.balance import balance_check, of_columns
from marketing_ds.evaluation.checks.check import found
from marketing_ds.evaluation.checks.ratios import ratio_check
from marketing_ds.evaluation.engine import Moments, arm_moments, estimate
from marketing_ds.evaluation.inference import Inference, infer
from marketing_ds.evaluation.metrics import Mean
from marketing_ds.evaluation.srm import check_sample_ratio
from marketing_ds.mart import UniversalControl
from marketing_ds.schema import CONTROL

from .claims import COUNTERPARTS, compared, published_effects
from .periods import METRICS, REACHED, Period, PeriodMetric, period_table

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_COLUMNS = [
    "metric",
    "n_control",
    "n_arm",
    "mean_control",
    "mean_arm",
    "effect",
    "effect_ci_lower",
    "effect_ci_upper",
    "rel_effect",
    "rel_effect_ci_lower",
    "rel_effect_ci_upper",
    "p_value",
    "p_adjusted",
    "variance_reduction_share",
]


@dataclass(frozen=True)
class UniversalEffect(Result):
    """What all campaigns of a period changed; see `universal_effect`.

    Attributes
    ----------
    start, end : date
        The period, both days included.
    control : UniversalControl
        The group.
    alpha : float
        1 − confidence of the intervals.
    checks : Checks
        Whether the group was kept out, is as large as drawn, and was like the others before.
    claims : pandas.DataFrame
        For metrics that single campaigns report too: the total, what the campaigns' effects add up
        to (`claimed`) and the gap between them, with intervals. Empty without such effects.
    """

    start: dt.date
    end: dt.date
    control: UniversalControl
    alpha: float
    checks: Checks
    claims: pd.DataFrame = field(repr=False)
    _frame: pd.DataFrame = field(repr=False)

    @property
    def blocked(self) -> bool:
        """Whether a failed check forbids a verdict."""
        return self.checks.blocked

    @property
    def verdict(self) -> str:
        """One sentence on the first metric, or what to look at before there can be one."""
        if self.blocked:
            return f"No verdict: {self.checks.failed[0].finding}"
        row = self._frame.iloc[0]
        what = f"{row['metric']}: all campaigns from {self.start} to {self.end} together"
        ends = (
            f"{100 * (1 - self.alpha):g} % interval {row['total_ci_lower']:,.0f} to "
            f"{row['total_ci_upper']:,.0f}"
        )
        if not row["p_adjusted"] < self.alpha:
            return f"{what} made no difference that could be shown ({row['total']:+,.0f}; {ends})"
        verb = "raised" if row["total"] > 0 else "lowered"
        return f"{what} {verb} it by {abs(row['total']):,.0f} ({ends})"

    def to_frame(self) -> pd.DataFrame:
        """One row a metric."""
        return self._frame.copy()

    def _repr_html_(self) -> str:
        html: str = frame_html(self._frame, title=self.verdict)
        claims = frame_html(self.claims, title="Against the sum of single campaigns")
        return html + (claims if len(self.claims) else "")


def universal_effect(
    mart: Mart,
    start: str | dt.date,
    end: str | dt.date,
    metrics: Sequence[str] | None = None,
    *,
    as_of: str | dt.date | None = None,
    control: UniversalControl | None = None,
    effects: pd.DataFrame | None = None,
    counterparts: Mapping[str, str] = COUNTERPARTS,
    alpha: float = 0.05,
) -> UniversalEffect:
    """What all campaigns of a period together changed, from the customers whom none may reach.

    Parameters
    ----------
    mart : Mart
        Where to look; the universal control group is its workspace's.
    start, end : date
        The period, both days included.
    metrics : sequence of str, optional
        Of ``purchases_cny``, ``purchases``, ``converted`` (bought anything), ``assets_change_cny``
        (last snapshot in the period less the last before it; without loans and cards) and
        ``cost_cny`` (contacts and redeemed benefits); by default all that the mart has tables for.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    control : UniversalControl, optional
        The group in force by default.
    effects : pandas.DataFrame, optional
        Effects of single campaigns (columns of the table `effects`) to be added up; by default the
        last ones published for campaigns that lie in the period with their outcomes.
    counterparts : mapping
        Metric here → metric in `effects`.
    alpha : float
        1 − confidence of the intervals.

    Returns
    -------
    UniversalEffect
        `.to_frame()`: per metric the customers of the group (control) and of everybody else (arm),
        means, effect a customer with its interval (adjusted by the same metric in as many days
        before), relative effect, p-values (Holm), and `total` = effect × customers reached, with its
        interval. `.claims`, `.checks`, `.verdict`.

    Raises
    ------
    InvalidInput
        If there is no group, the period is empty or ends after `as_of`, or a metric is unknown.

    Notes
    -----
    Both sides are customers who could be contacted: opened before the period, not suppressed, with
    consent to some channel. The effect is one of being open to campaigns, reached or not. A
    positive gap in `.claims` says that campaigns claim more than there is: the same purchase
    counted twice, purchases taken from other products, or brought forward from after their windows.
    A group that campaigns reached anyway, was drawn after the start, has another size than drawn or
    was different before blocks the verdict.

    Examples
    --------
    >>> import tempfile
    >>> import marketing_ds as mds
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with mds.open_mart("data_samples", workspace=folder) as mart:
    ...         group = mds.universal_control(mart, 0.1, salt="2026", as_of="2025-12-31")
    ...         found = universal_effect(mart, "2026-01-01", "2026-06-30", ["purchases_cny"])
    >>> [check.name for check in found.checks.failed]  # the sample bank never knew of the group
    ['group kept out']
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    period = _period(mart, start, end, as_of)
    group = control or mart.universal_control
    if group is None or group.share == 0:
        raise InvalidInput(
            f"the workspace '{mart.workspace.root}' must have a universal control group, it has "
            "none; draw one with universal_control(mart, ...), or give the one that was in force"
        )
    wanted = _metrics(mart, metrics)
    before = list(dict.fromkeys(c for metric in wanted for c in metric.covariates))
    table = period_table(mart, period, group)
    columns = [*(metric.name for metric in wanted), *before]
    columns += ["contacted"] if "contacted" in table.columns else []
    moments = arm_moments(table, columns, [frozenset(columns)], "arm", None)
    for arm, who in ((CONTROL, "the universal control group"), (REACHED, "everybody else")):
        if arm not in moments or moments[arm].n < 2:
            raise InvalidInput(
                f"at least 2 customers who could be contacted must be in {who}, got "
                f"{moments[arm].n if arm in moments else 0}"
            )
    frame = _rows(wanted, columns, moments, alpha)
    if effects is None:
        effects = published_effects(mart, period.start, period.end, period.day)
    claims = compared(frame, effects, counterparts, alpha)
    made = _checks(period, group, moments, columns, before)
    return UniversalEffect(
        period.start, period.end, group, alpha, made, claims, frame.drop(columns="total_error")
    )


def _period(
    mart: Mart, start: str | dt.date, end: str | dt.date, as_of: str | dt.date | None
) -> Period:
    first, last = check_date("start", start), check_date("end", end)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    if last < first:
        raise InvalidInput(f"end must not be before start, got {first} to {last}")
    if last > day:
        raise InvalidInput(
            f"end must not be after what is known ({day}), got {last}; use a shorter period"
        )
    return Period(first, last, day)


def _metrics(mart: Mart, names: Sequence[str] | None) -> list[PeriodMetric]:
    there = {metric.name: metric for metric in METRICS if metric.table in mart.tables}
    if isinstance(names, str) or (names is not None and not names):
        raise InvalidInput(f"metrics must be a list of at least one metric, got {names!r}")
    if not there:
        raise InvalidInput("the mart must have transactions, holdings or contacts, it has none")
    chosen = list(there) if names is None else list(dict.fromkeys(names))
    return [there[check_choice("metrics", name, list(there))] for name in chosen]


def _rows(
    wanted: Sequence[PeriodMetric],
    columns: Sequence[str],
    moments: Mapping[str, Moments],
    alpha: float,
) -> pd.DataFrame:
    means = [Mean(metric.name, covariates=metric.covariates) for metric in wanted]
    estimates = {
        metric.name: estimate(mean, metric.covariates, columns, moments, control=CONTROL)
        for metric, mean in zip(wanted, means, strict=True)
    }
    found_rows = infer({"all": estimates}, means, Inference(alpha=alpha), control=CONTROL)
    frame = found_rows[_COLUMNS].copy()
    reached = frame["n_arm"].to_numpy(float)
    for name in ("", "_ci_lower", "_ci_upper"):
        frame[f"total{name}"] = reached * frame[f"effect{name}"]
    frame["total_error"] = reached * found_rows["standard_error"]
    return frame


def _checks(
    period: Period,
    group: UniversalControl,
    moments: Mapping[str, Moments],
    columns: Sequence[str],
    before: Sequence[str],
) -> Checks:
    sizes = {arm: m.n for arm, m in moments.items()}
    shares = {CONTROL: group.share, REACHED: 1 - group.share}
    made: list[Check] = [_drawn_before(group, period)]
    if "contacted" in columns:
        made.append(_kept_out(moments[CONTROL], columns))
    made.append(ratio_check(check_sample_ratio(sizes, shares=shares), ALPHA))
    if before:
        apart = of_columns(moments, columns, before)
        made.append(balance_check(apart, before, CONTROL, ALPHA, dated=True))
    return Checks(tuple(made))


def _drawn_before(group: UniversalControl, period: Period) -> Check:
    passed = group.as_of <= period.start
    facts = {"drawn": group.as_of, "start": period.start}
    said = "group_drawn_before" if passed else "group_drawn_late"
    return found("group drawn before", said, facts, group.to_frame(), passed=passed)


def _kept_out(moments: Moments, columns: Sequence[str]) -> Check:
    """Whoever of the group was contacted makes it less of a control."""
    share = float(moments.mean[list(columns).index("contacted")])
    customers = int(np.rint(share * moments.n))
    facts = {"customers": customers, "share": share}
    frame = pd.DataFrame(
        [{"customers": moments.n, "contacted": customers, "contacted_share": share}]
    )
    said = "group_reached" if customers else "group_kept_out"
    return found(
        "group kept out",
        said,
        facts,
        frame,
        passed=not customers,
        blocks=share > 0.01 or not customers,
    )
