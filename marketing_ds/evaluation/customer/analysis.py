"""The customer analysis: who they are, who moved, what changed, against control where there is one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_count, check_date, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience
from marketing_ds.evaluation.assigned import Assigned, assigned
from marketing_ds.evaluation.measuring import tag_name
from marketing_ds.outcomes import Campaign
from marketing_ds.tags import Tag

from .changes import changes
from .facts import Period, customer_facts
from .flows import flows
from .people import assigned_people, members
from .result import CustomerAnalysis, Evidence
from .standing import standing_tags
from .who import who

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def analyze_customers(
    mart: Mart,
    campaign_id: str | None = None,
    *,
    audience: Audience | None = None,
    before: str | dt.date | None = None,
    after: str | dt.date | None = None,
    as_of: str | dt.date | None = None,
    tags: Sequence[str | Tag] = (),
    low_assets_cny: float = 10_000.0,
    high_assets_cny: float = 500_000.0,
    min_count: int = 10,
    alpha: float = 0.05,
) -> CustomerAnalysis:
    """Who the customers of a campaign or audience are, and what changed for them.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str, optional
        The campaign; or give an `audience`.
    audience : Audience, optional
        Any customers; without control all that can be said of them is descriptive.
    before : date, optional
        The day that facts and tags are taken of; for a campaign, the day before its first contact.
    after : date, optional
        The day that they are compared with; for a campaign the end of its attribution window, for
        an audience `as_of`.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    tags : sequence of str or Tag
        More facts of the day before to tell customers apart by, such as attributes that the bank
        computed (`attr_…`); numbers are binned by quantiles.
    low_assets_cny, high_assets_cny : float
        Assets below the first are low, from the second on high.
    min_count : int
        Smallest number of customers that a value of a fact, or a migration, is shown for.
    alpha : float
        1 − level of the intervals.

    Returns
    -------
    CustomerAnalysis

    Raises
    ------
    InvalidInput
        If there is neither campaign nor audience, or both; `before` is not before `after`, or
        before the campaign; a day lies outside the data or after `as_of`; nobody was assigned by
        then; or what `analyze_experiment` raises of the arms.

    Notes
    -----
    *Windows.* Measures are added up over the days after `before` up to `after`, and over as many
    days up to `before`. Assets, deposits and products are those of the last snapshot by each day;
    where there is none in between, they are left out, and so are tiers and lifecycle. An
    attribution window that is still open at `as_of` ends there (note ``window_open``).

    *Reached* are the customers who were sent a message; where the mart holds no contact of the
    campaign, those of all arms but control. *Responders* are those of them with an outcome above 0
    in the campaign's objective.

    *Effects* are differences of mean changes between an arm and control (difference in
    differences; adjusted by the value before where arms were drawn at random), and of the shares
    who moved among those who could, by `analyze_experiment`; each of the two families is corrected
    for its number of comparisons by Holm's method. Flows out of a group that some arm has nobody in
    have no effect. Shares by value carry Wilson's interval, TGI
    that of `marketing_ds.tgi_interval`.

    Every table is scanned once for the facts and measures of both days; those that responses or
    further `tags` need are scanned once more for these. One row a customer is kept in the engine
    until the analysis is done, and none leaves it.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.customer import analyze_customers
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = analyze_customers(mart, "K06")
    >>> found.evidence, found.sizes
    ('randomised', {'control': 2137, 'coupon_68': 2174, 'sms_prime': 2103})
    >>> flows = found.flows()
    >>> flows[flows["flow"] == "left_dormant"][["arm", "n_among", "n_moved"]]
             arm  n_among  n_moved
    6    control      143       23
    7  coupon_68      147       38
    8  sms_prime      146       27
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_count("min_count", min_count, low=1)
    floors = check_number("low_assets_cny", low_assets_cny, low=0), high_assets_cny
    check_number("high_assets_cny", high_assets_cny, low=floors[0])
    subject = _subject(mart, campaign_id, audience)
    period, notes = _period(mart, subject, before, after, as_of)
    if isinstance(tags, str):
        raise InvalidInput(f"tags must be a list of names and tags, got the text {tags!r}")
    facts = customer_facts(mart, period, floors, tags)
    arms, told = None, True
    if isinstance(subject, Audience):
        rows = members(mart, facts, subject)
    else:
        arms = assigned(mart, subject, period.as_of)
        rows, told = assigned_people(mart, facts, subject, arms, period.as_of)
    standing = standing_tags(floors)
    known: dict[str, str | Tag] = {**standing, **{tag_name(tag): tag for tag in tags}}
    with mart.connection.held(rows) as held:
        counts = _counts(held)
        sizes = _sizes(counts, arms)
        design = arms if arms is not None and arms.compared else None
        ours, shown = held.filter(held.arm.notnull()), [known[name] for name in facts.tags]
        parts = [
            who(
                held, held.arm.notnull(), None, shown, group="all", min_count=min_count, alpha=alpha
            )
        ]
        responders = int(counts["responded"].sum())
        if responders:
            answered, reached = held.responded > 0, held.reached > 0
            parts.append(
                who(
                    held, answered, reached, shown,
                    group="responders", min_count=min_count, alpha=alpha,
                )
            )  # fmt: skip
        moved = flows(
            ours,
            list(sizes),
            facts.followed,
            standing,
            design,
            min_count=min_count,
            alpha=alpha,
        )
        changed = changes(ours, list(sizes), facts.measures, design, alpha=alpha)
    if arms is not None:
        notes += [] if told else ["no_outcome"]
        notes += ["no_responders"] if told and not responders else []
        notes += ["opened_late"] if sum(sizes.values()) < sum(arms.sizes.values()) else []
    return CustomerAnalysis(
        subject=subject.text if isinstance(subject, Audience) else subject.name,
        campaign_id=campaign_id,
        before=period.before,
        after=period.after,
        as_of=period.as_of,
        evidence=_evidence(design),
        blocked=moved.blocked or changed.blocked,
        sizes=sizes,
        base_count=int(counts["n"].sum()),
        reached_count=int(counts["reached"].sum()),
        responder_count=responders,
        alpha=alpha,
        notes=(*facts.notes, *notes),
        _who=pd.concat(parts, ignore_index=True),
        _flows=moved.frame,
        _changes=changed.frame,
        _migrations=moved.migrations,
    )


def _evidence(design: Assigned | None) -> Evidence:
    if design is None:
        return "descriptive"
    return "randomised" if design.drawn else "difference_in_differences"


def _subject(mart: Mart, campaign_id: str | None, audience: Audience | None) -> Campaign | Audience:
    if campaign_id is not None and audience is None:
        return outcomes.campaign(mart, campaign_id)
    if campaign_id is None and isinstance(audience, Audience):
        return audience
    if audience is not None and campaign_id is None:
        raise InvalidInput(
            f"audience must be an Audience, got {type(audience).__name__}; make one with "
            "marketing_ds.audience(tags, rule)"
        )
    raise InvalidInput("give a campaign_id or an audience, one of the two")


def _period(
    mart: Mart,
    which: Campaign | Audience,
    before: str | dt.date | None,
    after: str | dt.date | None,
    as_of: str | dt.date | None,
) -> tuple[Period, list[str]]:
    """The days, checked, and whether the campaign's window is still open."""
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    if day > mart.last_date:
        raise InvalidInput(
            f"as_of must not lie after the mart's last day, {mart.last_date}, got {day}"
        )
    notes: list[str] = []
    if isinstance(which, Audience):
        if before is None:
            raise InvalidInput("before must be given for an audience: the day to compare with")
        start, end = check_date("before", before), day
    else:
        start = which.features_as_of if before is None else check_date("before", before)
        if start >= which.starts_on:
            raise InvalidInput(
                f"before must lie before the campaign, which starts on {which.starts_on}, got {start}"
            )
        end = min(which.closes_on, day)
        if which.closes_on > day and after is None:
            notes.append("window_open")
    if after is not None:
        end = check_date("after", after)
    if end > day:
        raise InvalidInput(
            f"after must not lie after as_of, {day}, got {end}; what comes later is not known yet"
        )
    if start >= end:
        raise InvalidInput(f"before must lie before after, got {start} and {end}")
    return Period(start, end, day), notes


def _counts(held: ir.Table) -> pd.DataFrame:
    """Customers by arm, how many were reached, and responded."""
    found = held.group_by("arm").aggregate(
        n=held.count(), reached=held.reached.sum(), responded=held.responded.sum()
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _sizes(counts: pd.DataFrame, arms: Assigned | None) -> dict[str, int]:
    known = counts.dropna(subset=["arm"])
    found = {str(arm): int(n) for arm, n in zip(known["arm"], known["n"], strict=True)}
    if not found:
        raise InvalidInput(
            "the campaign or audience must have a customer who was one by `before`, got none; use a "
            "later before"
        )
    order = list(arms.sizes) if arms is not None else list(found)
    return {arm: found[arm] for arm in order if arm in found}
