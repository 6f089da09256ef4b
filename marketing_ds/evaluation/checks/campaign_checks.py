"""Everything to be checked before the verdict on a campaign of the mart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.checks import check_date, check_number
from marketing_ds._core.sample_ratio import ALPHA
from marketing_ds.evaluation.engine import arm_moments
from marketing_ds.evaluation.engine.cubes import column_thirds
from marketing_ds.outcomes import Campaign, beside, campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import midnight_after
from marketing_ds.tags import answered_tags, tag_table

from .balance import balance_check
from .check import Check, Checks, found
from .displaced import displaced_check
from .experiment_checks import Design, checks_of
from .leaks import leak_checks
from .looks import edge_checks
from .others import others_check
from .ratios import SIZES
from .units import units_check

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_BY = ("region", "branch", "value_tier", "top_event_channel_90d")
_BEFORE = (
    "age",
    "tenure_days",
    "aum",
    "products_held",
    "transactions_90d",
    "purchases_90d_cny",
    "inflow_90d_cny",
    "events_90d",
    "contacts_90d",
)


def check_campaign(
    mart: Mart,
    campaign_id: str,
    *,
    as_of: str | dt.date | None = None,
    by: Sequence[str] | None = None,
    before: Sequence[str] | None = None,
    shares: Mapping[str, float] | None = None,
    sequential: bool = False,
    alpha: float = ALPHA,
) -> Checks:
    """Check from the mart's own tables whether a campaign may be judged.

    Parameters
    ----------
    mart : Mart
        Where to look; its workspace for earlier publications of effects.
    campaign_id : str
        The campaign.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    by : sequence of str, optional
        Tags as of the day before the campaign: sizes are checked within their values. By default
        region, branch, value tier, the channel used most, and the bank's own attributes that are
        words; as far as the mart has them.
    before : sequence of str, optional
        Numeric tags as of the day before the campaign that must be alike in all arms (a null
        counts as 0). By default age, tenure, assets, products, transactions, purchases, inflow,
        events, contacts, and the bank's own attributes that are numbers.
    shares : mapping, optional
        Arm → designed share, where the assignments carry no probability; else equal shares.
    sequential : bool
        Whether the effects are judged by always-valid intervals: looking early is then allowed.
    alpha : float
        Each test fails below this p-value.

    Returns
    -------
    Checks
        ``randomised``, ``inside the data``, ``complete``, ``earlier looks`` (warns); those of
        `check_experiment` (or ``control group``, where there is none to compare with); then ``control contacted``, ``control redeemed``, ``delivery`` (warns),
        ``contacts without an arm`` (warns), ``order in time``, ``costs``, ``other campaigns``,
        ``displaced contacts`` (warns).
        Leaks and rows out of order block above 1 % of the customers and warn below.

    Raises
    ------
    InvalidInput
        If the campaign is not in the mart or nobody was assigned by `as_of`, or a tag is unknown.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> with mds.open_mart("data_samples") as mart:
    ...     sound = check_campaign(mart, "K06", by=["region"], before=["age", "aum"])
    ...     chosen = check_campaign(mart, "K03", by=["region"], before=["age", "aum"])
    >>> sound.blocked
    False
    >>> [check.name for check in chosen.failed]
    ['randomised', 'pre-period difference']
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    which = campaign(mart, campaign_id)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    end = midnight_after(day)
    rows = mart["assignments"]
    rows = rows.filter(rows.campaign_id == campaign_id, rows.assigned_at < end)
    assigned = rows.select("customer_id", "arm", "probability", "assigned_at")
    edges = edge_checks(mart, which, assigned, day, sequential=sequential)
    probability = _probability(assigned) if shares is None else None
    made = [_randomised(which), *edges]
    compared = _compared(assigned)
    if compared:
        made += _drawn(mart, which, assigned, by, before, shares, probability, alpha)
    else:
        made += [_no_control(which), units_check(assigned, "arm", "customer_id")]
    made += leak_checks(mart, campaign_id, assigned, CONTROL, day)
    if which.randomised and compared:
        made += [
            check(
                mart,
                which,
                assigned,
                shares=shares,
                probability=probability,
                day=day,
                alpha=alpha,
            )
            for check in (others_check, displaced_check)
        ]
    return Checks(tuple(made))


def _randomised(which: Campaign) -> Check:
    frame = pd.DataFrame([{"campaign_id": which.campaign_id, "randomised": which.randomised}])
    said = "randomised" if which.randomised else "not_randomised"
    return found("randomised", said, {}, frame, passed=which.randomised)


def _compared(assigned: ir.Table) -> bool:
    """Whether there is a control arm, and another."""
    arms = assigned.select("arm").distinct().to_pyarrow()["arm"].to_pylist()
    return CONTROL in arms and len(arms) > 1


def _no_control(which: Campaign) -> Check:
    frame = pd.DataFrame({"arm": which.arms})
    facts = {"control": CONTROL, "arms": ", ".join(map(repr, which.arms))}
    return found("control group", "no_control", facts, frame, passed=False)


def _probability(assigned: ir.Table) -> str | None:
    """The column of the chances, if anybody has one."""
    known = assigned.probability.count().to_pyarrow().as_py()
    return "probability" if known else None


def _drawn(
    mart: Mart,
    which: Campaign,
    assigned: ir.Table,
    by: Sequence[str] | None,
    before: Sequence[str] | None,
    shares: Mapping[str, float] | None,
    probability: str | None,
    alpha: float,
) -> list[Check]:
    """The checks of the draw itself; of arms that were chosen, only how far apart they were."""
    groups, numbers = _usual(mart, which)
    groups = groups if by is None else list(dict.fromkeys(by))
    numbers = numbers if before is None else list(dict.fromkeys(before))
    groups = groups if which.randomised else []
    design = Design(unit=None, alpha=alpha)
    if which.randomised:
        design = replace(
            design, shares=shares, probability=probability, time="assigned_at", by=groups
        )
    # Each question on the tags that it needs: they are what costs.
    made = [units_check(assigned, "arm", "customer_id")]
    made += checks_of(_with_tags(mart, which, assigned, groups), design)
    if numbers:
        table = _filled(_with_tags(mart, which, assigned, numbers), numbers)
        moments = arm_moments(table, numbers, [frozenset(numbers)], "arm", design.probability)
        moments = column_thirds(table, numbers, moments, "arm")
        made.append(balance_check(moments, numbers, CONTROL, alpha, dated=True))
    if which.randomised:
        return made
    return [
        found(SIZES, "ratio_unknown", {}, check.to_frame(), passed=None)
        if check.name == SIZES
        else check
        for check in made
    ]


def _usual(mart: Mart, which: Campaign) -> tuple[list[str], list[str]]:
    """Groups and numbers that are looked at unless others are asked for."""
    known = {tag.name: tag for tag in answered_tags(mart, which.features_as_of)}
    own = {name: tag for name, tag in known.items() if name.startswith("attr_")}
    groups = [name for name in _BY if name in known]
    numbers = [name for name in _BEFORE if name in known]
    groups += [name for name, tag in own.items() if tag.type == "string"]
    numbers += [name for name, tag in own.items() if tag.type in ("int64", "float64", "boolean")]
    return groups, numbers


def _with_tags(mart: Mart, which: Campaign, assigned: ir.Table, names: list[str]) -> ir.Table:
    """The customers with their tags as of the day before the campaign."""
    if not names:
        return assigned
    return beside(assigned, tag_table(mart, which.features_as_of, tags=names), zero=False)


def _filled(table: ir.Table, numbers: list[str]) -> ir.Table:
    """Numbers, 0 where they are not known: that, too, must be alike in all arms."""
    filled = {name: table[name].cast("float64").fill_null(0.0) for name in numbers}
    return table.select("arm", "probability", **filled)
