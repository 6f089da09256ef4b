"""Return on investment and incremental profit of every arm, from one joint set of sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.arms import check_control
from marketing_ds.evaluation.engine import FloatArray, Frame, Moments, read_cells
from marketing_ds.evaluation.engine.moments import moments_by_arm
from marketing_ds.evaluation.inference.settings import Inference, Sequential
from marketing_ds.evaluation.srm import check_sample_ratio
from marketing_ds.schema import CONTROL

from .decided import Decided
from .inputs import check_amounts, customer_rows, with_thirds
from .joint import Joint, contrast, joint_estimates
from .result import ALL_ARMS, Return, Roi

_MARGIN, _COST, _OUTCOME = 0, 1, 2
_PROFIT = (1.0, -1.0, 0.0)


def campaign_roi(
    data: Frame,
    *,
    margin: str = "margin_cny",
    cost: str = "cost_cny",
    outcome: str | None = None,
    arm: str = "arm",
    control: str = CONTROL,
    covariates: Sequence[str] | None = None,
    probability: str | None = None,
    shares: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    sequential: Sequential | bool | None = None,
) -> Roi:
    """What every arm earned beyond control, for what it cost beyond control.

    Parameters
    ----------
    data : pandas.DataFrame or ibis.Table
        One row a customer. Only sums per arm leave the engine.
    margin, cost : str
        Columns in yuan: what the customer brought in, before the campaign's cost, and what the
        campaign spent on the customer (contacts and redeemed benefits). Costs of control are
        subtracted like its margin.
    outcome : str, optional
        Column of an outcome (0/1 or a count), for the cost per incremental outcome.
    arm, control : str
        Column of the arm, and the name of the control arm.
    covariates : sequence of str, optional
        Columns known before the arm was drawn; margin, cost and outcome are all adjusted by them
        (CUPED), as `analyze_experiment` does it: with slopes that all arms share, but for a column
        that does not vary in one of them. A gap counts as the mean.
    probability : str, optional
        Column with P(the arm given); where it differs within an arm, means are weighted by 1/P.
    shares : mapping, optional
        Arm → designed share, where there is no `probability`; with neither, equal shares.
    alpha : float
        1 − confidence of the intervals.
    sequential : Sequential or bool, optional
        Always-valid intervals and p-values, for who looks more than once. Its `start` should leave
        every arm ten buyers or so before the first look.

    Returns
    -------
    Roi
        `.to_frame()`, `.verdict` (`.verdict_in("zh")`), `.effects_table(campaign_id)`, `.blocked`, `.plot()`.

    Raises
    ------
    InvalidInput
        If a column is missing, null or no number; a cost is negative; control is absent or alone;
        an arm has fewer customers than covariates + 2; a customer comes twice.

    Notes
    -----
    With Δ for arm less control, per customer:

    - incremental profit = Δmargin − Δcost, with Welch's interval;
    - return per yuan = Δmargin / Δcost, and ROI = Δmargin / Δcost − 1, so that an ROI of 0 breaks
      even. Their set is Fieller's, from the joint covariance: it keeps its confidence however near
      to 0 the cost is, and shows so by being unbounded or of two pieces (`RatioSet`);
    - break-even probability = P(Δmargin > Δcost) under a flat prior, which is 1 − the one-sided
      p-value of "it loses money". It is the same with `sequential`: the posterior does not depend
      on when one looks;
    - cost per incremental outcome = Δcost / Δoutcome, with Fieller's set. It is also the break-even
      value of an outcome: worth more than this, and the campaign pays.

    Totals are per customer × customers of the arm: what the campaign as it was run has earned.
    Where arms are of unequal size and few customers decide what a small one brought in, plain
    intervals are too short. Those given are then corrected: a small arm's variance leans on what
    all arms tell, and the statistic's skewness is taken out (see `inference.skewed`). Always-valid
    intervals are not corrected. `Return.skewness` tells how far an estimate is from normal; the
    verdict calls the interval rough above 1 (always-valid: 0.25), and `Mean(..., cap=…)` in
    `analyze_experiment` is then the surer look.

    "All arms" adds the arms up, each against the same control. Where neither arm nor control cost
    anything, ROI is undefined and profit stands alone; where the arm cost less than control there
    is no estimate of it either (NaN), and the set is that of margin per yuan saved.

    References
    ----------
    Fieller (1954), Some problems in interval estimation, JRSS B 16. Willan, O'Brien (1996),
    Confidence intervals for cost-effectiveness ratios: an application of Fieller's theorem, Health
    Economics 5. Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals
    of Applied Statistics 7.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> mail = np.arange(20_000) % 2
    >>> data = pd.DataFrame({
    ...     "arm": np.where(mail, "mail", "control"),
    ...     "margin_cny": 100.0 * (rng.random(20_000) < 0.05 + 0.03 * mail),
    ...     "cost_cny": 1.0 * mail})
    >>> print(campaign_roi(data).verdict)
    mail brought back ¥3.68 per yuan spent (95 % interval ¥2.99 to ¥4.37): an incremental profit of ¥26,800 (¥19,912 to ¥33,688) from 10,000 customers; it pays for itself with a probability of > 99.9 %.
    """
    settings = Inference(alpha=alpha, correction=None, sequential=sequential)
    if isinstance(covariates, str):
        raise InvalidInput(f"covariates must be a list of columns, got {covariates!r}")
    if probability is not None and shares is not None:
        raise InvalidInput("give probability or shares, not both")
    wanted = [margin, cost, *([outcome] if outcome else [])]
    if len(set(wanted)) < len(wanted) or set(wanted) & set(covariates or ()):
        raise InvalidInput(
            f"margin, cost, outcome and covariates must be different columns, got {wanted} and "
            f"{list(covariates or ())}"
        )
    columns = [*wanted, *dict.fromkeys(covariates or ())]
    table = customer_rows(data, [arm, *columns, *([probability] if probability else [])], arm)
    check_amounts(table, margin, cost)
    cells, filled = read_cells(
        table,
        columns,
        [frozenset(columns)],
        arm=arm,
        probability=probability,
        fill=frozenset(covariates or ()),
    )
    moments = moments_by_arm(cells)
    _check_arms(moments, control, least=2 + len(columns) - len(wanted))
    chances = {a: m.chances for a, m in moments.items() if m.chances is not None}
    srm = check_sample_ratio({a: m.n for a, m in moments.items()}, shares=shares, chances=chances)
    joints = with_thirds(
        table,
        joint_estimates(moments, columns, wanted),
        moments,
        columns,
        filled,
        arm=arm,
        probability=probability if any(c.differs for c in chances.values()) else None,
    )
    return Roi(settings, srm, returns_of(joints, control, settings))


def _check_arms(moments: Mapping[str, Moments], control: str, *, least: int) -> None:
    check_control(moments, control)
    if ALL_ARMS in moments:
        raise InvalidInput(f"no arm may be named {ALL_ARMS!r}: that is the row of the total")
    for arm, m in moments.items():
        if m.n < least:
            raise InvalidInput(
                f"every arm must have at least {least} customers (2, and one a covariate), got "
                f"{m.n} in {arm!r}"
            )


def returns_of(
    joints: Mapping[str, Joint], control: str, settings: Inference
) -> tuple[Return, ...]:
    """One return an arm, and that of all together where there are several."""
    arms = [arm for arm in joints if arm != control]
    treated = sum(joints[arm].n for arm in arms)
    mixes = {arm: {arm: 1.0, control: -1.0} for arm in arms}
    if len(arms) > 1:
        mixes[ALL_ARMS] = {**{a: joints[a].n / treated for a in arms}, control: -1.0}
    return tuple(_return(name, mix, joints, control, settings) for name, mix in mixes.items())


def _return(
    name: str,
    mix: Mapping[str, float],
    joints: Mapping[str, Joint],
    control: str,
    settings: Inference,
) -> Return:
    found = contrast(joints, mix)
    customers = joints[control].n, sum(joints[arm].n for arm in mix if arm != control)
    k = len(found.value)
    one, gain = np.eye(k), np.array(_PROFIT[:k])
    margins = Decided.of(found, joints, mix, _MARGIN, settings, customers)
    outcomes = Decided.of(found, joints, mix, _OUTCOME, settings, customers) if k > 2 else None
    profit = margins.amount(gain)
    before = contrast(joints, mix, adjusted=False).along(gain)[1]
    variance = found.along(gain)[1]
    given = [arm for arm in mix if arm != control]
    return Return(
        name,
        *customers,
        mean_control=tuple(joints[control].mean.tolist()),
        mean_arm=tuple(np.sum([mix[a] * joints[a].mean for a in given], axis=0).tolist()),
        margin=margins.amount(one[_MARGIN]),
        cost=margins.plain(one[_COST]),
        profit=profit,
        per_cny=margins.ratios(_MARGIN, _COST, gain),
        break_even_probability=margins.above_zero(gain),
        p_value=margins.p_value(gain),
        variance_reduction_share=1 - variance / before if before > 0 else 0.0,
        skewness=_skewness(joints, mix, gain, variance),
        corrected=margins.skewed is not None,
        outcome=outcomes.amount(one[_OUTCOME]) if outcomes else None,
        cpio=outcomes.ratios(_COST, _OUTCOME, gain) if outcomes else None,
    )


def _skewness(
    joints: Mapping[str, Joint], mix: Mapping[str, float], along: FloatArray, variance: float
) -> float:
    thirds = ((w, joints[arm]) for arm, w in mix.items())
    third = sum(
        w**3 * float(((joint.third @ along) @ along) @ along) / joint.n**2
        for w, joint in thirds
        if joint.third is not None
    )
    return third / variance**1.5 if variance > 0 else 0.0
