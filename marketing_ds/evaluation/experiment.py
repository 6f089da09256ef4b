"""The analysis of an experiment: every arm against control, every metric and segment, one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import CONTROL

from .before_verdict import check_not_after, made_checks
from .checks.units import check_units
from .engine import Frame, as_table, columns_of
from .engine.analysis import analyze
from .engine.derived import with_derived
from .engine.populations import Request
from .inference import Inference, NormalPrior, Sequential, infer
from .metrics import Metric, Quantile, as_metrics
from .result import ExperimentResult


def analyze_experiment(
    data: Frame,
    metrics: Sequence[str | Metric],
    *,
    arm: str = "arm",
    control: str = CONTROL,
    covariates: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    segments: Sequence[str] | None = None,
    cluster: str | None = None,
    probability: str | None = None,
    shares: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    correction: Literal["holm", "bh"] | None = "holm",
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    relative: Literal["fieller", "delta", "log"] = "fieller",
    sequential: Sequential | bool | None = None,
    prior: NormalPrior | None = None,
    time: str | None = None,
    check_by: Sequence[str] | None = None,
    before: Sequence[str] | None = None,
) -> ExperimentResult:
    """Estimate what every arm changed against control, for every metric.

    Parameters
    ----------
    data : pandas.DataFrame, pyarrow.Table or ibis.Table
        One row a customer with arm, metrics and covariates. Only sums per arm, segment and stratum
        leave the engine. Where it has a `customer_id`, no customer may come twice; this costs a
        query of its own, so drop the column where a table is known to have each once.
    metrics : sequence of str, Mean, Proportion, Ratio, FunnelStep or Quantile
        A name stands for the mean of that column; of a 0/1 column this is a proportion. The first
        is the one that the verdict is about.
    arm, control : str
        Column of the arm, and the name of the control arm.
    covariates : sequence of str, optional
        Columns known *before* the arm was drawn; they explain part of the metrics' variance
        (CUPED). A metric object's own `covariates` go before these. One that does not vary is
        of no effect; where one is unknown, its mean over all arms stands for it (see `notes`).
    strata : sequence of str, optional
        Columns of few values known before the draw: means are formed within the strata that they
        make together, and weighted by the strata's shares of all customers (post-stratification).
        Strata in which an arm has fewer than 10 customers are put together.
    segments : sequence of str, optional
        Columns of few values known before the draw: each value (``column=value``) is also analysed
        by itself. Several columns are not crossed.
    cluster : str, optional
        Column of the branch, household or manager by which arms were given, or within which
        customers are alike: variances are those of whole clusters, degrees of freedom their
        number − 1.
    probability : str, optional
        Column with P(the arm given). Its shares are what the arms' sizes are checked against;
        where it differs between customers of one arm, means are weighted by 1/P (Hájek).
    shares : mapping, optional
        Arm → designed share (any numbers in that proportion), where there is no `probability`.
        With neither, arms are expected to be of equal size.
    alpha : float
        1 − confidence of the intervals.
    correction : {"holm", "bh", None}
        How `p_adjusted` accounts for all metrics × arms × segments of a family; see `Inference`.
    alternative : {"two-sided", "greater", "less"}
        One-sided intervals have one infinite end.
    relative : {"fieller", "delta", "log"}
        How the interval of the relative effect is found.
    sequential : Sequential or bool, optional
        Always-valid intervals and p-values, for who looks more than once.
    prior : NormalPrior, optional
        Adds the posterior of the effect.
    time : str, optional
        Column of the moment of assignment: sizes are also checked by day.
    check_by : sequence of str, optional
        Columns within whose values the arms' sizes are checked; those of `segments` by default.
    before : sequence of str, optional
        Further numbers from before the draw, in which the arms must be alike, as in `covariates`.

    Returns
    -------
    ExperimentResult
        `.to_frame()`: metric, arm, segment, n_control, n_arm, mean_control, mean_arm
        (unadjusted), effect with its interval (adjusted), rel_effect with its interval (effect
        over the adjusted mean of control), p_value, p_adjusted, variance_reduction_share (by
        covariates and strata) …; `.verdict`, `.checks`, `.srm`, `.blocked`, `.notes` (what was
        filled, put together or left out), `.effects_table(campaign_id)`, `.plot()`.

    Raises
    ------
    InvalidInput
        If a column is missing, of no number, null or not finite; control is absent or alone; an
        arm has fewer than 2 customers, or than 2 clusters; a customer comes twice or in two arms;
        a probability is not in (0, 1]; the denominator of a ratio sums to 0; a share is of other
        values than 0 and 1; a covariate is a metric, or equals one; segments have too many values.

    Notes
    -----
    Difference of means with Welch's interval (unequal variances, Satterthwaite's degrees of
    freedom), score intervals of proportions with few events; the relative effect by Fieller's
    theorem, unbounded where control's mean cannot be told from 0; ratios by the delta method. A
    metric without variance has no p-value (NaN). Every segment is analysed as if its customers were
    all there are; where an arm of it has fewer than ten customers for each covariate, nothing is
    adjusted there. A failed check (α = 0.001) blocks the verdict, not the numbers.

    One query serves all metrics, arms and segments. It is asked a second time only where a
    column's spread is tiny against its mean, chances differ, or covariates have gaps; segments
    and strata that would make thousands of cells together take a query each; capped metrics one
    more for all, clusters one a segment column, quantiles one to three each. Where arms are of
    unequal size, one more tells how skewed the columns from before are, and, if few customers may
    decide a mean, one a segment column how skewed this is: Welch's interval would be too short
    there, see `inference.skewed`.

    References
    ----------
    Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data, WSDM. Miratrix, Sekhon, Yu (2013), Adjusting treatment effect
    estimates by post-stratification in randomized experiments, JRSS B 75. Fieller (1954), JRSS B
    16. Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments,
    KDD.

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
    settings = Inference(alpha, alternative, relative, correction, sequential, prior)
    wanted = as_metrics(metrics)
    if probability is not None and shares is not None:
        raise InvalidInput("give probability or shares, not both")
    request = _request(wanted, arm, control, probability, covariates, strata, segments, before)
    by = request.segments if check_by is None else _names("check_by", check_by)
    keys = (*request.segments, *request.strata, *by, *request.sides)
    own = [source for m in wanted for column in m.inputs for source in column.sources]
    single = [name for name in (probability, cluster, time) if name is not None]
    needed = list(dict.fromkeys([arm, *own, *keys, *single]))
    available = columns_of(data)
    check_columns(available, needed, "data")
    ids = ["customer_id"] if "customer_id" in available else []
    table = as_table(data, [*ids, *needed])
    if ids:
        check_units(table, arm, ids[0])
    table, limits = with_derived(table, wanted)
    quantiles = [m for m in wanted if isinstance(m, Quantile)]
    analysis = analyze(table, request, quantiles, cluster)
    check_not_after(analysis, request)
    srm, checks = made_checks(
        table, analysis, request, shares=shares, cluster=cluster, time=time, by=by
    )
    frame = infer(analysis.estimates, wanted, settings, control=control)
    return ExperimentResult(settings, checks, srm, frame, (*_cuts(limits), *analysis.notes))


def _request(
    metrics: Sequence[Metric],
    arm: str,
    control: str,
    probability: str | None,
    covariates: Sequence[str] | None,
    strata: Sequence[str] | None,
    segments: Sequence[str] | None,
    before: Sequence[str] | None,
) -> Request:
    """What the engine is asked for; quantiles have queries of their own."""
    shared = _names("covariates", covariates)
    plain = tuple(m for m in metrics if not isinstance(m, Quantile))
    found = Request(
        arm,
        control,
        probability,
        plain,
        {m.label: m.covariates if m.covariates is not None else shared for m in plain},
        _names("segments", segments),
        _names("strata", strata),
        _names("before", before),
        tuple(m.column for m in metrics if isinstance(m, Quantile)),
    )
    outcomes = {s: m.label for m in metrics for c in m.inputs for s in (c.name, *c.sources)}
    after = [column for column in found.sides if column in outcomes]
    if after:
        raise InvalidInput(
            f"covariates must not be a metric itself, got {after[0]!r} of "
            f"{outcomes[after[0]]!r}; take what was known before the arm was drawn"
        )
    return found


def _names(name: str, given: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InvalidInput(f"{name} must be a list of columns, got {given!r}")
    return tuple(dict.fromkeys(given or ()))


def _cuts(limits: Mapping[str, float]) -> list[str]:
    return [f"{name!r} is cut off at {limit:.6g}" for name, limit in limits.items()]
