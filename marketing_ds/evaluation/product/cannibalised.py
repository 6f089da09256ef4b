"""What a randomised campaign did to its product, to the others of its category, and to assets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t as student

from marketing_ds.evaluation.assigned import Assigned
from marketing_ds.evaluation.engine import Moments, arm_moments
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.metrics import Mean
from marketing_ds.evaluation.money.joint import Contrast
from marketing_ds.evaluation.money.ratios import ratio_set
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.tags._sources import ASSETS

from .books import ID, Books

BUYERS = ("product_buyers", "same_category_buyers")
BOUGHT = ("product_bought_cny", "same_category_bought_cny", "other_assets_bought_cny")
CHANGED = ("product_balance_cny", "same_category_balance_cny", "assets_cny")
_COVARIATE = "assets_before_cny"
RATIOS = {
    "cannibalised_buyers": ("same_category_buyers", "product_buyers", -1),
    "cannibalised_sales": ("same_category_bought_cny", "product_bought_cny", -1),
    "cannibalised_balance": ("same_category_balance_cny", "product_balance_cny", -1),
    "net_new": ("assets_cny", "product_balance_cny", 1),
}
"""Ratios of two effects: what is above, what is below, and the sign."""
_EFFECTS = [
    "metric", "arm", "n_control", "n_arm", "mean_control", "mean_arm", "effect", "effect_ci_lower",
    "effect_ci_upper", "p_value", "p_adjusted",
]  # fmt: skip
_RATIOS = ["ratio", "arm", "value_share", "value_share_ci_lower", "value_share_ci_upper"]


@dataclass(frozen=True)
class Caused:
    """Effects per customer, ratios of effects, and whether a failed check blocks them."""

    effects: pd.DataFrame
    ratios: pd.DataFrame
    blocked: bool


def nothing_caused() -> Caused:
    """Where there is no randomised campaign to tell."""
    return Caused(pd.DataFrame(columns=_EFFECTS), pd.DataFrame(columns=_RATIOS), False)


def caused(held: ir.Table, found: Books, which: Campaign, design: Assigned, alpha: float) -> Caused:
    """Effects on what was bought since the campaign began, and on changes of balances.

    All are adjusted by the assets before (CUPED), where there are snapshots of them.
    """
    category = found.category(which.product_id)
    # What is owed on loans and cards is no part of assets, new or old.
    changed = CHANGED if category in ASSETS else CHANGED[:2]
    names = [*BUYERS, *BOUGHT, *(changed if found.follows else ())]
    sides = [_COVARIATE] if found.start_snapshot is not None else []
    rows = _by_customer(held, found, which, design)
    experiment = analyze_experiment(
        rows,
        [Mean(name) for name in names],
        covariates=sides,
        alpha=alpha,
        **design.design(design.sizes),
    )
    effects = experiment.to_frame()[_EFFECTS]
    return Caused(effects, _ratios(rows, names, sides, design, alpha), experiment.blocked)


def _by_customer(held: ir.Table, found: Books, which: Campaign, design: Assigned) -> ir.Table:
    """One row a customer of the campaign: what was bought, and by how much balances changed."""
    category = found.category(which.product_id)
    asset = held.category.isin(list(ASSETS))
    own = held.product_id == which.product_id
    near = (held.category == category) & ~own
    bought, change = held.campaign_cny, held.end_cny - held.start_cny
    once = (bought > 0).ifelse(1.0, 0.0)
    values = {
        "product_buyers": once.max(where=own),
        "same_category_buyers": once.max(where=near),
        "product_bought_cny": bought.sum(where=own),
        "same_category_bought_cny": bought.sum(where=near),
        "other_assets_bought_cny": bought.sum(where=asset & (held.category != category)),
        "product_balance_cny": change.sum(where=own),
        "same_category_balance_cny": change.sum(where=near),
        "assets_cny": change.sum(where=asset),
        _COVARIATE: held.start_cny.sum(where=asset),
    }
    summed = held.group_by(ID).aggregate(**values)
    joined = design.rows.left_join(summed.rename(_customer=ID), [(ID, "_customer")])
    filled = {name: joined[name].fill_null(0.0).cast("float64") for name in values}
    return joined.select(*design.rows.columns, **filled)


def _ratios(
    rows: ir.Table, names: list[str], sides: list[str], design: Assigned, alpha: float
) -> pd.DataFrame:
    """Ratios of effects with the set of values that the data do not reject."""
    columns = [*names, *sides]
    chance = design.design(design.sizes).get("probability")
    moments = arm_moments(rows, columns, [frozenset(columns)], "arm", chance)
    records = []
    for ratio, (above, below, sign) in RATIOS.items():
        if above not in names:
            continue
        for arm in (name for name in design.sizes if name != CONTROL):
            differences = _differences(moments, arm, len(names))
            freedom = moments[arm].n + moments[CONTROL].n - 2
            quantile = float(student.ppf(1 - alpha / 2, freedom))
            found = ratio_set(differences, names.index(above), names.index(below), quantile)
            # A zero without its sign.
            ends = sorted(sign * end + 0.0 for end in found.bounds)
            records.append((ratio, arm, sign * found.value + 0.0, *ends))
    return pd.DataFrame(records, columns=_RATIOS)


def _differences(moments: Mapping[str, Moments], arm: str, k: int) -> Contrast:
    """The effects on the first `k` columns with their covariance, adjusted as the engine does it:
    by the slopes within arms, pooled over all arms, on the one covariate behind them, if any."""
    size = len(moments[arm].mean)
    scatter = np.asarray(sum(m.scatter for m in moments.values()))
    spread = float(scatter[k, k]) if size > k else 0.0
    weights = np.vstack([np.eye(k), *([-scatter[[k], :k] / spread] if spread > 0 else [])])
    used = len(weights)
    ours, control = moments[arm], moments[CONTROL]
    error = (ours.error + control.error)[:used, :used]
    value = (ours.mean - control.mean)[:used] @ weights
    return Contrast(value, weights.T @ error @ weights, ())
