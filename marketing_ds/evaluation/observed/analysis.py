"""The analysis of a campaign whose arms were chosen: every arm against control, adjusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.evaluation.inference import adjust
from marketing_ds.evaluation.metrics import Metric, Quantile, as_metrics
from marketing_ds.schema import CONTROL

from .balance import CovariateBalance, PropensityOverlap
from .matching import MATCH_ON
from .means import ESTIMANDS
from .nuisances import LEARNERS
from .one_arm import ArmFound, Settings, compare_arm
from .outcomes import outcome_matrix, sources_of
from .result import ObservationalResult
from .sample import Table, take_sample
from .sensitivity import Sensitivity
from .weighting import WEIGHTS

METHODS = ("doubly_robust", "weighting", "matching")


def analyze_observational(
    data: Table,
    metrics: Sequence[str | Metric],
    *,
    covariates: Sequence[str],
    method: str = "doubly_robust",
    estimand: str = "ate",
    arm: str = "arm",
    control: str = CONTROL,
    cluster: str | None = None,
    weights: str = "entropy",
    match_on: str = "propensity",
    n_matches: int = 1,
    learners: Sequence[str] = LEARNERS,
    n_folds: int | None = None,
    clip: float = 0.01,
    trim: float = 0.0,
    benchmarks: Sequence[str] | None = None,
    seed: int = 0,
    alpha: float = 0.05,
    correction: str | None = "holm",
) -> ObservationalResult:
    """Estimate what a campaign changed whose arms were chosen, not drawn: weaker evidence.

    The answer holds if, among customers with equal covariates, it did not depend on anything that
    also moves the outcome who got which arm; nothing in the data can prove that. `.sensitivity`
    says how strong something hidden would have to be.

    This method needs customers: the columns named are brought into memory. 300,000 customers with
    40 covariates took 1.2 GB and half a minute of one core.

    Parameters
    ----------
    data : pandas.DataFrame or ibis.Table
        One row a customer with arm, metrics and covariates. Where it has a `customer_id`, no
        customer may come twice.
    metrics : sequence of str, Mean, Proportion, Ratio or FunnelStep
        A name stands for the mean of that column. The first is the one the verdict is about.
    covariates : sequence of str
        Columns known *before* the arm was chosen: numbers, booleans, dates or text; nulls are
        allowed (a null is a fact of its own). All that drove the choice should be among them,
        nothing that the campaign itself changed.
    method : {"doubly_robust", "weighting", "matching"}
        - ``doubly_robust``: outcome regressions and propensities, cross-fitted and stacked from
          penalised (logistic) regressions with piecewise lines and boosted trees; right if either
          of the two is, and the default;
        - ``weighting``: see `weights`;
        - ``matching``: nearest customers of the other side, with replacement, corrected for what
          they still differ in; Abadie and Imbens' standard error.
    estimand : {"ate", "att"}
        The effect on all customers of the arm and control, or on those of the arm.
    arm, control : str
        Column of the arm, and the name of the control arm. Every other arm is compared with
        control among the customers of these two.
    cluster : str, optional
        Column of branch, household or manager whose customers go together: standard errors are
        robust to that, with clusters − 1 degrees of freedom.
    weights : {"entropy", "propensity"}
        Of ``weighting``: entropy balancing, which makes the means of all terms equal, or 1/P of a
        logistic regression (Hájek); both standard errors know that the weights were estimated.
    match_on : {"propensity", "covariates"}
        Of ``matching``: the log odds of the arm, or Mahalanobis' distance.
    n_matches : int
        Of ``matching``: how many stand in for one.
    learners : sequence of {"linear", "boosting"}
        What propensities and outcomes are learned by.
    n_folds : int, optional
        Folds of the cross-fitting, at least 2; by default 5, and 2 where an arm and control have
        more than 200,000 customers together: half of them teach as well as four fifths, and cost a
        third.
    clip : float
        Propensities nearer to 0 or 1 are moved to this before weighting; `.overlap` reports how
        many. In [0, 0.5).
    trim : float
        Customers with a propensity nearer to 0 or 1 are left out; the answer is then about the
        others. In [0, 0.5).
    benchmarks : sequence of str, optional
        Covariates whose strength is the yardstick for hidden ones; by default the three that go
        most with both arm and outcome; none with ``()``.
    seed : int
        Of folds and trees.
    alpha : float
        1 − confidence of the intervals.
    correction : {"holm", "bh", None}
        How `p_adjusted` accounts for all metrics × arms.

    Returns
    -------
    ObservationalResult
        `.to_frame()`: metric, arm, segment, n_control, n_arm, mean_control, mean_arm (as they
        are), effect with its interval, standard_error, rel_effect with its interval (effect over
        the adjusted mean of control, Fieller), p_value, p_adjusted, naive_effect with its interval
        (the plain difference), e_value, e_value_limit. `.verdict` (`.verdict_in("zh")`),
        `.evidence` (``weaker``), `.balance`, `.overlap`, `.sensitivity`, `.cautions()`,
        `.effects_table(campaign_id)`, `.plot()`.

    Raises
    ------
    InvalidInput
        If a column is missing or of a wrong type; an outcome is null or not finite; control is
        absent or alone; an arm has fewer than 20 customers; there is one cluster; no covariate
        varies; the arms do not overlap (the message names what divides them); weights cannot
        balance so many covariates.

    References
    ----------
    Chernozhukov et al. (2018), Double/debiased machine learning, Econometrics Journal 21. Crump,
    Hotz, Imbens, Mitnik (2009), Dealing with limited overlap, Biometrika 96. Hainmueller (2012),
    Political Analysis 20. Abadie, Imbens (2011), JBES 29.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> wealth = rng.normal(size=2_000)
    >>> called = rng.random(2_000) < 1 / (1 + np.exp(-wealth))
    >>> data = pd.DataFrame({"arm": np.where(called, "call", "control"), "wealth": wealth,
    ...                      "amount": 10 + 3 * wealth + 2 * called + rng.normal(size=2_000)})
    >>> result = analyze_observational(data, ["amount"], covariates=["wealth"], learners=["linear"])
    >>> row = result.to_frame().iloc[0]
    >>> bool(row["effect_ci_lower"] < 2 < row["effect_ci_upper"] < row["naive_effect_ci_lower"])
    True
    >>> result.verdict[:32]
    'Not randomised: weaker evidence.'
    """
    wanted = as_metrics(metrics)
    settings = _checked(
        method, estimand, weights, match_on, n_matches, learners, n_folds, clip, trim, benchmarks,
        covariates, seed, alpha,
    )  # fmt: skip
    if correction is not None:
        check_choice("correction", correction, ("holm", "bh"))
    for metric in wanted:
        if isinstance(metric, Quantile):
            raise InvalidInput(
                f"metrics must be means or ratios of means here, got {metric.label!r}; take the "
                "mean of a 0/1 column such as 'spent more than 1,000'"
            )
    sample = take_sample(
        data, arm=arm, control=control, outcomes=sources_of(wanted), covariates=covariates,
        cluster=cluster,
    )  # fmt: skip
    outcomes = outcome_matrix(sample, wanted)
    arms = [str(name) for name in np.unique(sample.arms) if name != control]
    found = [compare_arm(sample, outcomes, wanted, name, control, settings) for name in arms]
    return _collected(found, wanted, settings, correction, tuple(sample.covariates.column_names))


def _checked(
    method: str, estimand: str, weights: str, match_on: str, n_matches: int,
    learners: Sequence[str], n_folds: int | None, clip: float, trim: float,
    benchmarks: Sequence[str] | None, covariates: Sequence[str], seed: int, alpha: float,
) -> Settings:  # fmt: skip
    if isinstance(learners, str) or not learners:
        raise InvalidInput(f"learners must be a list of {', '.join(LEARNERS)}, got {learners!r}")
    for learner in learners:
        check_choice("learners", learner, LEARNERS)
    if isinstance(benchmarks, str):
        raise InvalidInput(f"benchmarks must be a list of covariates, got {benchmarks!r}")
    for name in benchmarks or ():
        if name not in covariates:
            raise InvalidInput(
                f"benchmarks must be among the covariates, got {name!r}{did_you_mean(name, covariates)}"
            )
    for name, value in (("clip", clip), ("trim", trim)):
        if check_number(name, value, low=0, high=0.5) == 0.5:
            raise InvalidInput(f"{name} must be less than 0.5, got {value!r}")
    return Settings(
        check_choice("method", method, METHODS),
        check_choice("estimand", estimand, ESTIMANDS),
        check_choice("weights", weights, WEIGHTS),
        check_choice("match_on", match_on, MATCH_ON),
        check_count("n_matches", n_matches, low=1, high=20),
        tuple(dict.fromkeys(learners)),
        None if n_folds is None else check_count("n_folds", n_folds, low=2, high=20),
        float(clip),
        float(trim),
        None if benchmarks is None else tuple(benchmarks),
        check_count("seed", seed),
        check_number("alpha", alpha, low=0, high=1, inclusive=False),
    )


def _collected(
    found: Sequence[ArmFound], metrics: Sequence[Metric], s: Settings, correction: str | None,
    covariates: tuple[str, ...],
) -> ObservationalResult:  # fmt: skip
    frame = pd.DataFrame([arm.rows[k] for k in range(len(metrics)) for arm in found])
    adjusted = adjust(frame["p_value"].to_numpy(float), correction)
    frame.insert(list(frame.columns).index("p_value") + 1, "p_adjusted", adjusted)
    strong = pd.DataFrame([arm.strengths[k] for k in range(len(metrics)) for arm in found])
    columns = [
        "metric",
        "arm",
        "covariate",
        "explains_outcome",
        "explains_arm",
        "times",
        "times_limit",
    ]
    marks = pd.DataFrame([row for arm in found for row in arm.benchmarks], columns=columns)
    return ObservationalResult(
        s.method,
        s.estimand,
        s.alpha,
        correction,
        covariates,
        CovariateBalance(pd.concat([arm.balance for arm in found], ignore_index=True)),
        PropensityOverlap(
            s.clip,
            pd.DataFrame([arm.overlap for arm in found]),
            pd.concat([arm.bins for arm in found], ignore_index=True),
        ),
        Sensitivity(strong, marks),
        {arm.name: arm.learners for arm in found},
        frame,
    )
