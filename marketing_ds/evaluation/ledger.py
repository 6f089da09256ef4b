"""The campaign ledger: what plans promised beside what campaigns delivered."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.estimate import normal_quantile

from .money.calibration import Calibration, calibrate
from .money.plan_effects import EFFECT_OF_PLAN, campaign_ids, campaign_of, last_plan

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

MEASURED, OPEN, LATER = "measured", "not measured yet", "planned after the campaign"
_EVERYBODY = "all"
_KINDS = ("outcome", "cost_cny", "net_cny")
_COLUMNS = [
    *("campaign_id", "plan", "as_of", "arm", "customers", "state", "basis"),
    *(
        name
        for kind in _KINDS
        for name in (
            f"promised_{kind}",
            f"delivered_{kind}",
            f"delivered_{kind}_ci_lower",
            f"delivered_{kind}_ci_upper",
        )
    ),
    *(
        f"{kind}_ratio{end}"
        for kind in ("outcome", "net")
        for end in ("", "_ci_lower", "_ci_upper")
    ),
]
_TIME_COLUMNS = [
    *("as_of", "offers"),
    *(
        f"{kind}_factor{end}"
        for kind in ("outcome", "net")
        for end in ("", "_ci_lower", "_ci_upper")
    ),
]


@dataclass(frozen=True)
class CampaignLedger(Result):
    """Promised and delivered, offer by offer; see `campaign_ledger`.

    Attributes
    ----------
    outcome : Calibration
        Delivered over promised outcome, over all offers measured.
    net_value : Calibration
        The same of net value in yuan.
    over_time : pandas.DataFrame
        After each day on which a measured plan was made: offers so far, and `outcome_factor` and
        `net_factor` of all of them with intervals. Are our promises getting better?
    """

    outcome: Calibration
    net_value: Calibration
    over_time: pd.DataFrame = field(repr=False)
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a plan and offer, the oldest plan first.

        campaign_id, plan, as_of, arm, customers, `state`; then for outcome, cost and net value
        what was promised for these customers and what they delivered, with interval; and
        `outcome_ratio` and `net_ratio`, delivered over promised, with theirs. `basis` says on whom
        the effect was measured: the plan's own customers, or all of the campaign's.
        """
        return self._frame.copy()

    def sentence(self, language: str = "en") -> str:
        """Whether promises can be believed, in English (``en``) or Chinese (``zh``)."""
        check_choice("language", language, ("en", "zh"))
        return self.outcome.sentence(language)

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.sentence())


def campaign_ledger(
    mart: Mart, *, as_of: str | dt.date | None = None, alpha: float = 0.05
) -> CampaignLedger:
    """Compare what published plans promised with what published effects say was delivered.

    Parameters
    ----------
    mart : Mart
        Its workspace holds `plans` and `effects`.
    as_of : date, optional
        Leave out what was published for later days; by default all that is there.
    alpha : float
        1 − confidence of the intervals.

    Returns
    -------
    CampaignLedger
        `.to_frame()`, `.outcome` and `.net_value` (calibrations), `.sentence(language)`, `.plot()`.

    Notes
    -----
    A plan belongs to the campaign whose id is its name, or begins it before an underscore
    (``K06_backtest``); of several plans of one name the last made before the campaign's last day of
    contact counts. A plan made later is listed without being judged.

    Effects are those on the campaign's objective, on `cost_cny` and on `profit_cny` (see
    `Roi.effects_table`), per customer × the customers planned. Best are effects among the plan's
    own customers (segment ``plan=<name>``, see `effects_of_plan`): whom a plan chooses responds
    more than all. Without them those of all customers serve, and `basis` says so. Effects that a
    check blocks are left out.

    References
    ----------
    Hartung, Knapp (2001), A refined method for the meta-analysis of controlled clinical trials with
    binary outcome, Statistics in Medicine 20.

    Examples
    --------
    >>> import tempfile
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.ledger import campaign_ledger
    >>> with mds.open_mart("data_samples", workspace=tempfile.mkdtemp()) as mart:
    ...     campaign_ledger(mart).sentence()
    'No plan has been measured yet: nothing can be said about our promises.'
    """
    day = None if as_of is None else check_date("as_of", as_of)
    promised = _promises(mart, day)
    delivered = _effects(mart, day)
    rows = [_row(promise, delivered, alpha) for promise in promised.to_dict("records")]
    outcome, net = (_calibration(rows, what, alpha) for what in ("outcome", "net_cny"))
    over_time = pd.DataFrame(_over_time(rows, alpha), columns=_TIME_COLUMNS)
    return CampaignLedger(outcome, net, over_time, pd.DataFrame(rows, columns=_COLUMNS))


def _promises(mart: Mart, day: dt.date | None) -> pd.DataFrame:
    """One row a plan and offer: sums of what was promised."""
    ids = campaign_ids(mart)
    names = sorted({p.name for p in mart.publications("plans")})
    tables = []
    for name in names:
        campaign_id = campaign_of(name, ids)
        if campaign_id is None:
            continue
        which = outcomes.campaign(mart, campaign_id)
        plan = last_plan(mart, name, which.ends_on, day)
        state = OPEN
        if plan is None:
            later = [p for p in mart.publications("plans", name=name) if not day or p.as_of <= day]
            if not later:
                continue
            plan, state = later[-1], LATER
        rows = mart.latest("plans", name=name, as_of=plan.as_of)
        sums = rows.group_by(arm=rows.offer).aggregate(
            customers=rows.count(),
            promised_outcome=rows.uplift.sum(),
            promised_cost_cny=rows.expected_cost_cny.cast("float64").sum(),
            promised_net_cny=rows.net_value_cny.cast("float64").sum(),
        )
        frame = sums.order_by("arm").to_pyarrow().to_pandas()
        tables.append(
            frame.assign(
                campaign_id=campaign_id,
                plan=name,
                as_of=plan.as_of,
                state=state,
                objective=which.objective,
            )
        )
    if not tables:
        return pd.DataFrame(columns=["campaign_id"])
    promised: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return promised.sort_values(["as_of", "plan", "arm"])


def _effects(
    mart: Mart, day: dt.date | None
) -> dict[tuple[str, str, str, str], dict[Hashable, Any]]:
    """Effects that count by (campaign, metric, arm, segment); the last published wins."""
    known: dict[tuple[str, str, str, str], dict[Hashable, Any]] = {}
    looks = [p for p in mart.publications("effects") if not day or p.as_of <= day]
    for name, moment in dict.fromkeys((p.name, p.as_of) for p in looks):
        table = mart.latest("effects", name=name, as_of=moment).to_pyarrow().to_pandas()
        for row in table.to_dict("records"):
            if not row["blocked"] and np.isfinite(row["effect"]):
                key = (row["campaign_id"], row["metric"], row["arm"], row["segment"])
                known[key] = row
    return known


def _row(
    promise: Mapping[Hashable, Any],
    delivered: Mapping[tuple[str, str, str, str], Mapping[Hashable, Any]],
    alpha: float,
) -> dict[str, Any]:
    """A plan's offer beside its effects, scaled to the customers planned."""
    row = {str(name): value for name, value in promise.items()}
    metrics = dict(zip(_KINDS, (row["objective"], "cost_cny", "profit_cny"), strict=True))
    found: dict[str, Mapping[Hashable, Any]] = {}
    row["basis"] = None
    if row["state"] == OPEN:
        for basis, segment in (("plan", f"{EFFECT_OF_PLAN}{row['plan']}"), ("all", _EVERYBODY)):
            keys = {
                kind: (row["campaign_id"], m, row["arm"], segment) for kind, m in metrics.items()
            }
            if keys["outcome"] in delivered:
                found = {kind: delivered[key] for kind, key in keys.items() if key in delivered}
                row |= {"basis": basis, "state": MEASURED}
                break
    for kind in _KINDS:
        row |= _delivered(kind, found.get(kind), int(row["customers"]), alpha)
    for name, kind in (("outcome", "outcome"), ("net", "net_cny")):
        row |= _ratio(name, row, kind)
    return row


def _delivered(
    kind: str, effect: Mapping[Hashable, Any] | None, customers: int, alpha: float
) -> dict[str, float]:
    value, error = (math.nan, math.nan) if effect is None else (effect["effect"], _error(effect))
    value, error = value * customers, error * customers
    reach = normal_quantile(alpha) * error
    name = f"delivered_{kind}"
    return {
        name: value,
        f"{name}_ci_lower": value - reach,
        f"{name}_ci_upper": value + reach,
        f"{name}_error": error,
    }


def _error(effect: Mapping[Hashable, Any]) -> float:
    """The published standard error, or that of its 95 % interval."""
    known = effect["standard_error"]
    if known is not None and math.isfinite(known):
        return float(known)
    return float(effect["effect_ci_upper"] - effect["effect_ci_lower"]) / (
        2 * normal_quantile(0.05)
    )


def _ratio(name: str, row: Mapping[str, Any], kind: str) -> dict[str, float]:
    """Delivered over promised; a promise below 0 turns the interval round."""
    promised = row[f"promised_{kind}"] or math.nan
    ends = sorted(row[f"delivered_{kind}_ci_{end}"] / promised for end in ("lower", "upper"))
    return {
        f"{name}_ratio": row[f"delivered_{kind}"] / promised,
        f"{name}_ratio_ci_lower": ends[0],
        f"{name}_ratio_ci_upper": ends[1],
    }


def _calibration(rows: Sequence[Mapping[str, Any]], kind: str, alpha: float) -> Calibration:
    return calibrate(
        [row[f"promised_{kind}"] for row in rows],
        [row[f"delivered_{kind}"] for row in rows],
        [row[f"delivered_{kind}_error"] for row in rows],
        alpha,
    )


def _over_time(rows: Sequence[Mapping[str, Any]], alpha: float) -> list[dict[str, Any]]:
    """The calibration as it stood with the plans made by each day."""
    measured = [row for row in rows if row["state"] == MEASURED]
    looks = []
    for day in sorted({row["as_of"] for row in measured}):
        so_far = [row for row in measured if row["as_of"] <= day]
        look: dict[str, Any] = {"as_of": day, "offers": len(so_far)}
        for name, kind in (("outcome", "outcome"), ("net", "net_cny")):
            found = _calibration(so_far, kind, alpha)
            look |= {
                f"{name}_factor": found.factor,
                f"{name}_factor_ci_lower": found.lower,
                f"{name}_factor_ci_upper": found.upper,
            }
        looks.append(look)
    return looks
