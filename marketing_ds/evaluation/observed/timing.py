"""Difference in differences: units that began, against units that did not (yet)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_columns, check_count, check_number
from marketing_ds._core.display import frame_html
from marketing_ds._core.errors import InvalidInput

from .cohorts import Average, cohort_cells
from .panel_matrix import PanelMatrix, known_of, panel_matrix, starts_of
from .sample import Floats, Numbers
from .unit_errors import UnitErrors, event_rows, overall_row
from .weaker import WeakerEvidence
from .wild import wild_bootstrap
from .words import number, sentence

CONTROLS = ("never", "not_yet")
INTERVALS = ("student", "wild_bootstrap")


@dataclass(frozen=True)
class DifferenceInDifferences(WeakerEvidence):
    """The effect on treated units, period by period; see `difference_in_differences`.

    Attributes
    ----------
    alpha : float
        1 − confidence of the intervals.
    n_units : int
        Units compared.
    pre_trend_p : float
        p-value of no difference before the start, jointly; NaN with one period before it.
    """

    alpha: float
    n_units: int
    pre_trend_p: float
    _frame: pd.DataFrame = field(repr=False)
    _events: pd.DataFrame = field(repr=False)
    _cohorts: pd.DataFrame = field(repr=False)

    @property
    def event_study(self) -> pd.DataFrame:
        """One row a period relative to the start (0 is the first treated one), with intervals.

        The last period before the start is the one compared with: its effect is 0.
        """
        return self._events.copy()

    @property
    def group_times(self) -> pd.DataFrame:
        """One row a cohort (units that began together) and period: its effect."""
        return self._cohorts.copy()

    @property
    def _method(self) -> str:
        return "difference_in_differences"

    def _told(self, words: Mapping[str, str], language: str) -> list[str]:
        row, p = self._first_row(), self.pre_trend_p
        found = sentence(row, self.alpha, language)
        trend = "untested" if np.isnan(p) else "trend" if p < self.alpha else "no_trend"
        return [
            words["did"].format(outcome=row["metric"], found=found, units=self.n_units),
            words[trend].format(p=number(p)),
        ]

    def _repr_html_(self) -> str:
        return frame_html(self._events, title=self.verdict)


def difference_in_differences(
    panel: pd.DataFrame,
    *,
    treated_from: str | Mapping[Hashable, object],
    outcome: str = "value",
    unit: str = "unit",
    time: str = "period",
    size: str | None = None,
    controls: str = "never",
    anticipation: int = 0,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    intervals: str = "student",
    draws: int = 1_999,
    arm: str = "treated",
    seed: int = 0,
    alpha: float = 0.05,
) -> DifferenceInDifferences:
    """What changed in units that were treated, beyond what changed in those that were not.

    Two periods and two groups, or many of both: each cohort of units that began together is
    compared, period by period, with units not treated, from the last period before it began; then
    cohorts are averaged. Units that already began are never taken as controls, which is what
    misleads a regression with unit and period effects when starts differ.

    Parameters
    ----------
    panel : pandas.DataFrame
        One row a unit and period, none missing; see `branch_panel`.
    treated_from : str or mapping
        Column with a unit's first treated period (null: never treated), or unit → first period.
    outcome, unit, time : str
        Columns. Periods are sorted; they need not be equally long.
    size : str, optional
        Column with customers: units count by their average, else each counts once.
    controls : {"never", "not_yet"}
        Units never treated, or also those not treated until later.
    anticipation : int
        Periods before the start in which it may already have had an effect.
    covariates : sequence of str
        Columns of numbers: units are compared with what a regression on them expects of their
        change. Of each cohort the values in the period that it is compared from are used.
    cluster : str, optional
        Column of a coarser group of units whose errors go together.
    intervals : {"student", "wild_bootstrap"}
        The second redraws the residuals of whole clusters (of units, without `cluster`); with few of
        them it is a little shorter, and may be unbounded. With two treated ones both are wide.
    draws : int
        Of the bootstrap.
    arm : str
        What the treated are called in results.
    seed : int
        Of the bootstrap.
    alpha : float
        1 − confidence of the intervals.

    Returns
    -------
    DifferenceInDifferences
        `.to_frame()`: one row with the effect averaged over all treated units and their periods;
        `.event_study`, `.group_times`, `.pre_trend_p`, `.verdict`, `.effects_table()`, `.plot()`.
        Counts are customers where `size` is given, else units.

    Raises
    ------
    InvalidInput
        If the panel has holes or rows twice; no unit is treated or too few are left as controls; a
        covariate is no number, not known or says what others say already; a unit
        is treated from the first period on; a cohort or the controls have one unit only (then see
        `synthetic_control`); there is one cluster.

    Notes
    -----
    Variances are those of the units' changes, with the correction for few units (a group's own
    mean costs one), and Satterthwaite's degrees of freedom from cohorts and controls, no more than
    if all units varied alike. With clusters, scale and degrees of freedom are those of shocks that
    vary as much between clusters as within: few clusters, or few on one side, cost more than one.
    Cohorts' sizes are taken as given. The pre-trend test is Hotelling's, or Bonferroni's where there
    are too few units for it, and with the bootstrap.

    With covariates a cohort is expected to have changed as a regression on units that are no part
    of it says (their changes must be linear in covariates; nothing is said of who was chosen).

    References
    ----------
    Callaway, Sant'Anna (2021), Difference-in-differences with multiple time periods, Journal of
    Econometrics 225. Roth, Sant'Anna, Bilinski, Poe (2023), What's trending in
    difference-in-differences?, Journal of Econometrics 235. Young (2016), Improved, nearly exact,
    statistical inference with robust and clustered covariance matrices using effective degrees of
    freedom corrections, LSE working paper. Of the bootstrap see `wild`.

    Examples
    --------
    >>> import pandas as pd
    >>> panel = pd.DataFrame({
    ...     "unit": ["a", "b", "c", "d"] * 2, "period": [1] * 4 + [2] * 4,
    ...     "value": [10.0, 12, 20, 22, 15, 18, 21, 24]})
    >>> result = difference_in_differences(panel, treated_from={"a": 2, "b": 2})
    >>> round(float(result.to_frame()["effect"].iloc[0]), 6)
    4.0
    """
    check_choice("controls", controls, CONTROLS)
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("intervals", intervals, INTERVALS)
    draws, seed = check_count("draws", draws, low=99), check_count("seed", seed)
    early = check_count("anticipation", anticipation)
    matrix = panel_matrix(panel, outcome=outcome, unit=unit, time=time, size=size)
    known = known_of(panel, matrix, covariates, unit=unit, time=time, outcome=outcome)
    starts = starts_of(panel, matrix, treated_from, unit)
    groups = None if cluster is None else _clusters(panel, matrix, unit, cluster)
    _check_starts(matrix, starts, early)
    cells = cohort_cells(matrix, starts, controls, early, known)
    wild = None
    if intervals == "wild_bootstrap":
        units = np.arange(len(matrix.units)) if groups is None else groups
        wild = wild_bootstrap(units, matrix.sizes, draws, seed)
    errors = UnitErrors(starts, groups, known.shape[2], wild, alpha)
    events = event_rows(cells, errors, early)
    before = sorted({c.at - c.start for c in cells if c.at - c.start < -1 - early})
    averages = [Average(tuple(c for c in cells if c.at - c.start == e)) for e in before]
    after = Average(tuple(c for c in cells if c.after))
    frame = pd.DataFrame([overall_row(matrix, starts, after, errors)])
    frame.insert(0, "metric", outcome)
    frame.insert(1, "arm", arm)
    frame["n_arm"], frame["n_control"] = _counts(matrix, starts, size is not None)
    cohorts = [
        {"cohort": matrix.periods[c.start], "period": matrix.periods[c.at]}
        | errors.row(Average((c,)))
        for c in cells
    ]
    return DifferenceInDifferences(
        alpha=alpha,
        n_units=len(matrix.units),
        pre_trend_p=errors.joint(averages) if averages else np.nan,
        _frame=frame,
        _events=events,
        _cohorts=pd.DataFrame(cohorts),
    )


def _counts(matrix: PanelMatrix, starts: Floats, sized: bool) -> tuple[int, int]:
    """Customers (or units) treated, and never treated."""
    sizes = matrix.sizes if sized else np.ones(len(starts))
    treated = np.isfinite(starts)
    return round(float(sizes[treated].sum())), round(float(sizes[~treated].sum()))


def _clusters(panel: pd.DataFrame, matrix: PanelMatrix, unit: str, cluster: str) -> Numbers:
    check_columns(panel.columns, [cluster], "panel")
    each = panel.groupby(unit)[cluster].agg(["nunique", "first"]).reindex(list(matrix.units))
    if (each["nunique"] != 1).any():
        raise InvalidInput(f"{cluster!r} must be known and the same in all rows of a unit")
    codes: Numbers = np.unique(each["first"].astype(str).to_numpy(), return_inverse=True)[1]
    if codes.max() < 1:
        raise InvalidInput(
            f"cluster {cluster!r} must have at least 2 values, got one: nothing tells how much "
            "clusters differ; leave cluster out"
        )
    return codes


def _check_starts(matrix: PanelMatrix, starts: Floats, early: int) -> None:
    treated = np.isfinite(starts)
    if not treated.any():
        raise InvalidInput(
            "treated_from must name a unit that is treated within the panel, got none; the panel "
            f"has periods {matrix.periods[0]!r} to {matrix.periods[-1]!r}"
        )
    first = np.flatnonzero(treated & (starts - 1 - early < 0))
    if len(first):
        raise InvalidInput(
            f"every treated unit needs a period before its start{' and anticipation' if early else ''}, "
            f"got none for {matrix.units[first[0]]!r}; begin the panel earlier or leave it out"
        )
    for start in np.unique(starts[treated]):
        if (starts == start).sum() < 2:
            lonely = matrix.units[int(np.flatnonzero(starts == start)[0])]
            raise InvalidInput(
                f"every cohort must have at least 2 units, got only {lonely!r} from "
                f"{matrix.periods[int(start)]!r}; nothing tells its error: use synthetic_control for "
                "a single unit"
            )
