"""Synthetic control: what would have happened, made of units where nothing was done."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference import fieller

from .panel_matrix import PanelMatrix, panel_matrix
from .sample import Floats, Numbers
from .simplex import simplex_weights
from .weaker import WeakerEvidence
from .words import number, sentence

SYNTHETICS = ("did", "classic")
_POOR = 0.95
_ALIKE = 2.0


@dataclass(frozen=True)
class SyntheticControl(WeakerEvidence):
    """The gap between treated units and their synthetic control; see `synthetic_control`.

    Attributes
    ----------
    alpha : float
        1 − confidence of the interval.
    pre_rmse : float
        Root mean squared gap before the start.
    poor_fit_share : float
        Share of the placebo units whose synthetic control fits better before the start.
    p_placebo : float
        Share of the units (the treated included) with as large an effect (`classic`: as large a
        ratio of the gap after to the gap before).
    """

    alpha: float
    start: Hashable
    pre_rmse: float
    poor_fit_share: float
    p_placebo: float
    _frame: pd.DataFrame = field(repr=False)
    _gaps: pd.DataFrame = field(repr=False)
    _weights: pd.DataFrame = field(repr=False)
    _placebos: pd.DataFrame = field(repr=False)

    @property
    def gaps(self) -> pd.DataFrame:
        """One row a period: period, observed, synthetic, gap, after, weight (before the start)."""
        return self._gaps.copy()

    @property
    def weights(self) -> pd.DataFrame:
        """What the synthetic control is made of: unit, weight; the heaviest first."""
        return self._weights.copy()

    @property
    def placebos(self) -> pd.DataFrame:
        """One row a placebo: unit, effect, pre_rmse, and its gaps by period."""
        return self._placebos.copy()

    @property
    def _method(self) -> str:
        return "synthetic_control"

    def _told(self, words: Mapping[str, str], language: str) -> list[str]:
        row = self._first_row()
        parts = [
            words["synthetic"].format(
                outcome=row["metric"],
                found=sentence(row, self.alpha, language),
                units=len(self._weights),
            ),
            words["placebo"].format(units=len(self._placebos), p=number(self.p_placebo)),
        ]
        if self.poor_fit_share >= _POOR:
            parts.append(words["poor_fit"].format(share=f"{100 * self.poor_fit_share:.0f}"))
        return parts

    def _repr_html_(self) -> str:
        return frame_html(self._gaps, title=self.verdict)


def synthetic_control(
    panel: pd.DataFrame,
    *,
    treated: Hashable | Sequence[Hashable],
    start: object,
    outcome: str = "value",
    unit: str = "unit",
    time: str = "period",
    size: str | None = None,
    method: str = "did",
    placebos: int = 200,
    arm: str = "treated",
    seed: int = 0,
    alpha: float = 0.05,
) -> SyntheticControl:
    """What changed in one branch or a few, against a mixture of branches that goes as they went.

    Parameters
    ----------
    panel : pandas.DataFrame
        One row a unit and period, none missing; see `branch_panel`.
    treated : unit or list of units
        Where the campaign ran; several are averaged (by `size` if given).
    start : period
        The first treated period; at least 3 must lie before it.
    outcome, unit, time : str
        Columns.
    size : str, optional
        Column with customers, to average treated units by and to report.
    method : {"did", "classic"}
        - ``did``: synthetic difference in differences: a mixture that runs parallel, units'
          weights drawn a little together, compared with the periods before that are most like
          those after;
        - ``classic``: a mixture (weights at least 0 that add up to 1) at the same level.
    placebos : int
        With several treated units, how many sets of as many other units stand in for them; with
        one, every other unit does.
    arm : str
        What the treated are called in results.
    seed : int
        Of the placebo sets.
    alpha : float
        1 − confidence of the interval.

    Returns
    -------
    SyntheticControl
        `.to_frame()`: one row with the mean gap after the start, its interval, p_value (both from
        the spread of the placebos' effects); `.p_placebo` from their ranks, `.gaps`, `.weights`,
        `.placebos`, `.pre_rmse`, `.verdict`, `.effects_table()`, `.plot()`. Counts are customers
        where `size` is given, else units.

    Raises
    ------
    InvalidInput
        If the panel has holes or rows twice; a treated unit is unknown; fewer than 3 periods lie
        before the start or none after; fewer than 4 other units are left.

    Notes
    -----
    The standard error is that of placebo effects, each estimated as if that unit had been treated;
    it takes units to vary alike. Of ``classic``, placebos at a level that no mixture has (a gap
    before the start more than twice the treated units' and the placebos' median) do not count.
    Degrees of freedom: placebos that count less one, at most the other units less one.
    With n units p_placebo cannot be below 1/n.

    References
    ----------
    Abadie, Diamond, Hainmueller (2010), Synthetic control methods for comparative case studies,
    JASA 105. Arkhangelsky, Athey, Hirshberg, Imbens, Wager (2021), Synthetic
    difference-in-differences, American Economic Review 111.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> level, wave = rng.normal(100, 10, (12, 1)), rng.normal(0, 5, (1, 20))
    >>> values = level + wave + rng.normal(0, 1, (12, 20))
    >>> values[0, 15:] += 8
    >>> panel = pd.DataFrame(values).stack().rename("value").rename_axis(["unit", "period"])
    >>> result = synthetic_control(panel.reset_index(), treated=0, start=15)
    >>> row = result.to_frame().iloc[0]
    >>> bool(row["effect_ci_lower"] < 8 < row["effect_ci_upper"]), round(result.p_placebo, 3)
    (True, 0.083)
    """
    check_choice("method", method, SYNTHETICS)
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_count("placebos", placebos, low=20)
    check_count("seed", seed)
    matrix = panel_matrix(panel, outcome=outcome, unit=unit, time=time, size=size)
    own = _treated(matrix, treated)
    begin = matrix.place(start, "start")
    donors = np.setdiff1d(np.arange(len(matrix.units)), own)
    _check(matrix, begin, donors, own)
    fitted = _fit(matrix, own, donors, begin, method)
    sets = _placebo_sets(donors, len(own), placebos, seed)
    tried = [_fit(matrix, s, np.setdiff1d(donors, s), begin, method) for s in sets]
    effects = np.array([fit.effect for fit in tried])
    alike = _fitted_alike(fitted, tried) if method == "classic" else np.ones(len(tried), dtype=bool)
    frame = _row(matrix, own, donors, fitted, effects[alike], begin, alpha, size is not None)
    frame.insert(0, "metric", outcome)
    frame.insert(1, "arm", arm)
    sizes = np.array([fit.statistic(method) for fit in tried])
    beaten = int((sizes >= fitted.statistic(method) * (1 - 1e-12)).sum())
    better = float(np.mean([fit.pre_rmse < fitted.pre_rmse for fit in tried]))
    names = [", ".join(str(matrix.units[k]) for k in s) for s in sets]
    trials = pd.DataFrame(
        {"unit": names, "effect": effects, "pre_rmse": [fit.pre_rmse for fit in tried]}
    ).join(pd.DataFrame([fit.gap for fit in tried], columns=[str(p) for p in matrix.periods]))
    order = np.argsort(-fitted.unit_weights, kind="stable")
    mixture = pd.DataFrame(
        {"unit": [matrix.units[donors[k]] for k in order], "weight": fitted.unit_weights[order]}
    )
    return SyntheticControl(
        alpha, matrix.periods[begin], fitted.pre_rmse, better, (1 + beaten) / (1 + len(sets)),
        frame, _gaps(matrix, fitted, begin), mixture, trials,
    )  # fmt: skip


@dataclass(frozen=True)
class _Fit:
    """One synthetic control."""

    observed: Floats
    synthetic: Floats
    unit_weights: Floats
    time_weights: Floats
    begin: int

    @property
    def gap(self) -> Floats:
        return self.observed - self.synthetic

    @property
    def effect(self) -> float:
        return float(self.gap[self.begin :].mean())

    @property
    def pre_rmse(self) -> float:
        return float(np.sqrt(np.mean(self.gap[: self.begin] ** 2)))

    def statistic(self, method: str) -> float:
        """What placebos are ranked by."""
        if method == "did":
            return abs(self.effect)
        after = float(np.sqrt(np.mean(self.gap[self.begin :] ** 2)))
        return after / max(self.pre_rmse, 1e-12)


def _fit(matrix: PanelMatrix, own: Numbers, donors: Numbers, begin: int, method: str) -> _Fit:
    share = matrix.sizes[own] / matrix.sizes[own].sum()
    observed = share @ matrix.values[own]
    others = matrix.values[donors]
    before, target = others[:, :begin], observed[:begin]
    if method == "classic":
        weights = simplex_weights(before.T, target)
        return _Fit(observed, weights @ others, weights, np.full(begin, 1 / begin), begin)
    after = others.shape[1] - begin
    noise = float(np.diff(before, axis=1).std(ddof=1)) if begin > 1 else 0.0
    zeta = (len(own) * after) ** 0.25 * noise
    weights = simplex_weights(
        (before - before.mean(axis=1, keepdims=True)).T,
        target - target.mean(),
        ridge=zeta**2 * begin,
    )
    late = others[:, begin:].mean(axis=1)
    times = simplex_weights(
        before - before.mean(axis=0, keepdims=True), late - late.mean(),
        ridge=1e-12 * noise**2 * len(donors),
    )  # fmt: skip
    mixed = weights @ others
    apart = float(times @ (target - mixed[:begin]))  # the level at which they run parallel
    return _Fit(observed, mixed + apart, weights, times, begin)


def _fitted_alike(fitted: _Fit, tried: Sequence[_Fit]) -> npt.NDArray[np.bool_]:
    """Which placebos had a mixture at their level before the start (Abadie et al. 2010)."""
    misses = np.array([fit.pre_rmse for fit in tried])
    return misses <= _ALIKE * max(fitted.pre_rmse, float(np.median(misses)))


def _row(
    matrix: PanelMatrix, own: Numbers, donors: Numbers, fit: _Fit, effects: Floats, begin: int,
    alpha: float, sized: bool,
) -> pd.DataFrame:  # fmt: skip
    freedom = float(min(len(effects), len(donors)) - 1)
    error = float(effects.std(ddof=1)) * float(np.sqrt(1 + 1 / (freedom + 1)))
    if len(own) > 1:  # sets drawn from the same few units are more alike than others would be
        error /= float(np.sqrt(1 - len(own) / len(donors)))
    quantile = float(student.ppf(1 - alpha / 2, freedom))
    without = float(fit.synthetic[begin:].mean())
    ends = fieller(fit.effect, without, error**2, error**2, quantile, -(error**2))
    sizes = matrix.sizes if sized else np.ones(len(matrix.units))
    return pd.DataFrame(
        [
            {
                "segment": "all",
                "n_control": round(float(sizes[donors].sum())),
                "n_arm": round(float(sizes[own].sum())),
                "mean_control": without,
                "mean_arm": float(fit.observed[begin:].mean()),
                "effect": fit.effect,
                "effect_ci_lower": fit.effect - quantile * error,
                "effect_ci_upper": fit.effect + quantile * error,
                "standard_error": error,
                "rel_effect": fit.effect / without if without else np.nan,
                "rel_effect_ci_lower": ends[0],
                "rel_effect_ci_upper": ends[1],
                "p_value": float(2 * student.sf(abs(fit.effect) / error, freedom))
                if error
                else np.nan,
            }
        ]
    )


def _gaps(matrix: PanelMatrix, fit: _Fit, begin: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "period": list(matrix.periods),
            "observed": fit.observed,
            "synthetic": fit.synthetic,
            "gap": fit.gap,
            "after": np.arange(len(matrix.periods)) >= begin,
            "weight": [*fit.time_weights, *[np.nan] * (len(matrix.periods) - begin)],
        }
    )


def _placebo_sets(donors: Numbers, size: int, wanted: int, seed: int) -> list[Numbers]:
    if size == 1:
        return [np.array([k]) for k in donors]
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(donors, size, replace=False)) for _ in range(wanted)]


def _treated(matrix: PanelMatrix, treated: Hashable | Sequence[Hashable]) -> Numbers:
    wanted = list(treated) if isinstance(treated, (list, tuple, set, np.ndarray)) else [treated]
    if not wanted:
        raise InvalidInput("treated must name at least one unit, got none")
    for name in wanted:
        if name not in matrix.units:
            raise InvalidInput(
                f"treated must be units of the panel ({', '.join(map(repr, matrix.units[:8]))} …), "
                f"got {name!r}"
            )
    return np.array(sorted(matrix.units.index(name) for name in dict.fromkeys(wanted)))


def _check(matrix: PanelMatrix, begin: int, donors: Numbers, own: Numbers) -> None:
    if begin < 3:
        raise InvalidInput(
            f"start must have at least 3 periods before it, got {begin}; begin the panel earlier"
        )
    if begin >= len(matrix.periods):
        raise InvalidInput(
            f"start must lie within the panel, which ends with {matrix.periods[-1]!r}"
        )
    if len(donors) < max(4, 2 * len(own) + 1):
        raise InvalidInput(
            f"at least {max(4, 2 * len(own) + 1)} untreated units must be left for the mixture and "
            f"its placebos, got {len(donors)}; use difference_in_differences with many treated units"
        )
