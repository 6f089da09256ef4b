"""Benefits of a campaign: issued, redeemed, expired, reversed, their cost, stock, and what they moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds.evaluation.money import ALL_ARMS, campaign_roi
from marketing_ds.schema import CONTROL

from .reach import with_share
from .rows import EVERYONE, CampaignRows
from .stock import stock_of

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_QUANTILES = {"days_to_redeem_p25": 0.25, "days_to_redeem_p50": 0.5, "days_to_redeem_p90": 0.9}
_COUNTS = ("issued", "redeemed", "reversed", "expired", "outstanding")
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Benefits(Result):
    """What became of a campaign's benefits.

    Attributes
    ----------
    stock : pandas.DataFrame
        One row a benefit with a stock: stock, issued_overall (by all campaigns), left,
        stock_out_at (when the last piece went, null while there are some), demand (customers of
        arms that carry the benefit), demand_after (those first contacted after the last piece
        went; by their assignment where nobody contacted them) and demand_after_share.
    lift : pandas.DataFrame
        One row per arm that was given benefits: the objective's effect on all its customers, the
        cost of its benefits beyond control's, and `lift_per_yuan`, the one over the other, with
        Fieller's interval: unbounded where the cost may be 0. Empty where arms were not drawn at
        random.
    """

    stock: pd.DataFrame = field(repr=False)
    lift: pd.DataFrame = field(repr=False)
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a benefit, and one for all where there are several.

        Every benefit `issued` is exactly one of redeemed (and not undone), reversed (redeemed and
        undone), expired (not redeemed in its days) and outstanding. redemption_share is redeemed
        over issued with Wilson's interval, so that it may still grow while some are outstanding;
        days_to_redeem_* are quantiles over whatever was redeemed, undone or not.
        """
        return self._frame.copy()


def benefits_of(
    mart: Mart, rows: CampaignRows, *, design: Mapping[str, Any] | None, alpha: float
) -> Benefits:
    """Count what became of the campaign's benefits; see `funnel_of` for `design`."""
    if rows.grants is None:
        empty = _shares(_no_counts(), alpha)
        return Benefits(stock_of(mart, rows, [], alpha), _no_lift(), alpha, empty)
    frame = _counted(rows.grants)
    names = frame["benefit_id"].tolist()
    if len(names) > 1:
        whole = _counted(rows.grants.mutate(benefit_id=ibis.literal(EVERYONE)))
        frame = pd.concat([frame, whole], ignore_index=True)
    lift = _no_lift() if design is None else _lift(rows, design, alpha)
    return Benefits(stock_of(mart, rows, names, alpha), lift, alpha, _shares(frame, alpha))


def _counted(grants: ir.Table) -> pd.DataFrame:
    undone = grants.reversed_at.notnull()
    taken = grants.redeemed_at.notnull()
    seconds = grants.redeemed_at.delta(grants.granted_at, unit="second").cast("float64")
    found = grants.group_by("benefit_id").aggregate(
        issued=grants.count(),
        customers=grants.customer_id.nunique(),
        redeemed=(taken & ~undone).sum(),
        reversed=(taken & undone).sum(),
        expired=grants.expired.sum(),
        outstanding=(~taken & ~grants.expired).sum(),
        cost_cny=grants.cost_cny.sum(),
        **{name: seconds.quantile(q) / _DAY_S for name, q in _QUANTILES.items()},
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    frame = frame.sort_values("benefit_id", ignore_index=True)
    return frame.astype(dict.fromkeys(("customers", *_COUNTS), "int64"))


def _no_counts() -> pd.DataFrame:
    kinds = {"benefit_id": "object"} | dict.fromkeys(_COUNTS, "int64")
    kinds |= dict.fromkeys(("cost_cny", *_QUANTILES), "float64")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _shares(frame: pd.DataFrame, alpha: float) -> pd.DataFrame:
    return with_share(frame, "redemption_share", "redeemed", "issued", alpha)


def _lift(rows: CampaignRows, design: Mapping[str, Any], alpha: float) -> pd.DataFrame:
    """Effect of the objective over cost of benefits, arm by arm, from one set of sums."""
    grants, objective = rows.grants, rows.which.objective
    if grants is None or objective not in rows.outcome_names:
        return _no_lift()
    held = grants.select("arm").distinct().to_pyarrow()["arm"].to_pylist()
    arms = [arm for arm in rows.arms if arm in held and arm != CONTROL]
    if not arms:
        return _no_lift()
    paid = grants.group_by(_customer=grants.customer_id).aggregate(_paid=grants.cost_cny.sum())
    table = rows.outcomes.filter(rows.outcomes.arm.isin([CONTROL, *arms]))
    table = table.left_join(paid, table.customer_id == paid["_customer"])
    data = table.select(
        "arm",
        "probability",
        _objective=table[objective].cast("float64"),
        _paid=table["_paid"].fill_null(0.0).cast("float64"),
    )
    found = campaign_roi(data, margin="_objective", cost="_paid", alpha=alpha, **design)
    return _lift_frame([each for each in found if each.arm != ALL_ARMS])


def _lift_frame(returns: Sequence[Any]) -> pd.DataFrame:
    found = []
    for each in returns:
        low, high = each.per_cny.bounds
        found.append(
            {
                "arm": each.arm,
                "n_control": each.n_control,
                "n_arm": each.n_arm,
                "extra": each.margin.value * each.n_arm,
                "extra_ci_lower": each.margin.lower * each.n_arm,
                "extra_ci_upper": each.margin.upper * each.n_arm,
                "benefit_cost_cny": each.cost.value * each.n_arm,
                "benefit_cost_cny_ci_lower": each.cost.lower * each.n_arm,
                "benefit_cost_cny_ci_upper": each.cost.upper * each.n_arm,
                "lift_per_yuan": each.per_cny.value,
                "lift_per_yuan_ci_lower": low,
                "lift_per_yuan_ci_upper": high,
                "lift_set": each.per_cny.shape,
            }
        )
    return pd.DataFrame(found, columns=_LIFT)


_LIFT = [
    "arm", "n_control", "n_arm", "extra", "extra_ci_lower", "extra_ci_upper", "benefit_cost_cny",
    "benefit_cost_cny_ci_lower", "benefit_cost_cny_ci_upper", "lift_per_yuan",
    "lift_per_yuan_ci_lower", "lift_per_yuan_ci_upper", "lift_set",
]  # fmt: skip


def _no_lift() -> pd.DataFrame:
    return _lift_frame([])
