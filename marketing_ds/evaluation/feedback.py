"""What campaigns were found to change, fed back: published effects as tags of the next round."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.errors import NotPublished
from marketing_ds.schema import EFFECT_METHODS
from marketing_ds.tags import AS_OF, Aggregate, Formula, Tag, define, where

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

EVERYBODY = "all"
"""The segment of an effect among all customers of a campaign."""


@dataclass(frozen=True)
class _Known:
    """An arm's effect on its campaign's objective, in force from one day until the next look."""

    campaign_id: str
    arm: str
    objective: str
    effect: float
    shown: bool
    """Whether the whole interval lies above 0."""
    since: dt.date
    until: dt.date | None


def effect_tags(
    mart: Mart,
    *,
    as_of: str | dt.date | None = None,
    methods: Sequence[str] = ("randomised",),
) -> tuple[Tag, ...]:
    """Tags that tell customers and campaigns what earlier campaigns were found to change.

    Hand them to `tag_table`, `training_set` or a rule beside names of the catalogue. On each day
    they say what was published by then, whichever day they are asked for: an effect that was
    found later tells nothing about the days before. Only effects on a campaign's objective, among
    all its customers, that no failed check blocks.

    Parameters
    ----------
    mart : Mart
        Its workspace holds the published effects.
    as_of : date, optional
        Leave out what was published later; by default all that is there.
    methods : sequence of str
        Which evidence counts; by default effects of randomised campaigns alone.

    Returns
    -------
    tuple of Tag
        Of customers: ``added_<objective>``, the outcomes that the offers they were given have
        added on average, a tag an objective; ``proven_offers`` and ``unproven_offers``, how many
        of their offers were shown to raise the objective, and how many were not. Of campaigns:
        ``best_arm``, ``best_arm_effect`` and ``best_arm_shown``.

    Raises
    ------
    NotPublished
        If the workspace holds no such effect.

    Examples
    --------
    >>> import tempfile
    >>> import marketing_ds as mds
    >>> with mds.open_mart("data_samples", workspace=tempfile.mkdtemp()) as mart:
    ...     data = mds.campaign_outcomes(mart, "K02")
    ...     found = mds.analyze_experiment(data, ["converted"], probability="probability")
    ...     _ = mart.publish("effects", found.effects_table("K02"), name="K02", as_of="2026-03-31")
    ...     tags = effect_tags(mart)
    ...     [tag.name for tag in tags]
    ['added_converted', 'proven_offers', 'unproven_offers', 'best_arm', 'best_arm_effect', 'best_arm_shown']
    """
    for method in methods:
        check_choice("methods", method, EFFECT_METHODS)
    known = _published(mart, None if as_of is None else check_date("as_of", as_of), methods)
    if not known:
        raise NotPublished(
            f"'{mart.workspace.root}' must hold an effect on a campaign's objective found by "
            f"{', '.join(methods)}, got none; publish one: mart.publish('effects', "
            "result.effects_table(campaign_id), name=campaign_id)"
        )
    return (*_customer_tags(known), *_campaign_tags(known))


def _published(mart: Mart, day: dt.date | None, methods: Sequence[str]) -> list[_Known]:
    """Every effect that counts, with the days on which it was the last one published."""
    campaigns = mart["campaigns"].select("campaign_id", "objective").to_pyarrow().to_pylist()
    objectives = {row["campaign_id"]: row["objective"] for row in campaigns}
    looks = {(p.name, p.as_of) for p in mart.publications("effects") if not day or p.as_of <= day}
    tables = [
        mart.latest("effects", name=name, as_of=moment)
        .to_pyarrow()
        .to_pandas()
        .assign(since=moment)
        for name, moment in sorted(looks)
    ]
    if not tables:
        return []
    rows = pd.concat(tables, ignore_index=True)
    aimed_at = rows["metric"] == rows["campaign_id"].map(objectives)
    told = (rows["segment"] == EVERYBODY) & ~rows["blocked"] & np.isfinite(rows["effect"])
    rows = rows[aimed_at & told & rows["method"].isin(list(methods))].sort_values("since")
    found: list[_Known] = []
    for _, looked in rows.groupby(["campaign_id", "arm"]):
        looks = looked.drop_duplicates("since", keep="last").to_dict("records")
        found += _in_force(looks, objectives)
    return found


def _in_force(looks: Sequence[dict[Hashable, Any]], objectives: dict[str, str]) -> list[_Known]:
    """The looks at one arm in their order, each until the next."""
    ends = [*(look["since"] for look in looks[1:]), None]
    return [
        _Known(
            look["campaign_id"],
            look["arm"],
            objectives[look["campaign_id"]],
            float(look["effect"]),
            bool(look["effect_ci_lower"] > 0),
            look["since"],
            until,
        )
        for look, until in zip(looks, ends, strict=True)
    ]


def _customer_tags(known: Sequence[_Known]) -> list[Tag]:
    tag = partial(Tag, subject="contacts and campaigns", freshness="daily")
    found = [
        tag(
            f"added_{objective}",
            f"Outcomes added by past offers: {objective}",
            f"历次投放带来的增量：{objective}",
            "float64",
            _summed([each for each in known if each.objective == objective], _effect_of),
            f"Sum of the published effects on {objective} of the arms that the customer was given; "
            "0 if none was measured. An average of the arm, not of the customer.",
            unit="outcomes",
        )
        for objective in sorted({each.objective for each in known})
        if objective.isidentifier() and objective.islower()
    ]
    for name, wanted, title_en, title_zh, what in (
        ("proven_offers", True, "Offers shown to work", "已验证有效的投放次数", "was shown to raise"),
        ("unproven_offers", False, "Offers not shown to work", "未验证有效的投放次数", "was not shown to raise"),
    ):  # fmt: skip
        rule = _summed([each for each in known if each.shown is wanted], _one)
        text = f"Arms that the customer was given whose effect {what} the campaign's objective."
        found.append(tag(name, title_en, title_zh, "int64", rule, text, unit="offers"))
    return found


def _effect_of(each: _Known) -> float:
    return each.effect


def _one(each: _Known) -> int:
    return 1


def _summed(known: Sequence[_Known], worth: Callable[[_Known], float]) -> Formula:
    """Σ worth × whether the customer was given the arm, over the effects in force on the day."""
    arms = list(dict.fromkeys((each.campaign_id, each.arm) for each in known))
    given = [
        Aggregate("assignments", "count", where=where(campaign_id=campaign, arm=arm))
        for campaign, arm in arms
    ]
    terms = tuple(
        (arms.index((each.campaign_id, each.arm)), worth(each), each.since, each.until)
        for each in known
    )
    return Formula(_Sum(terms), (AS_OF, *given))


@dataclass(frozen=True)
class _Sum:
    """Adds what is in force; a value, so that equal tags are equal."""

    terms: tuple[tuple[int, float, dt.date, dt.date | None], ...]

    def __call__(self, as_of: ir.DateValue, *given: ir.IntegerValue) -> ir.Value:
        whole = all(isinstance(worth, int) for _, worth, _, _ in self.terms)
        value: Any = ibis.literal(0, "int64") if whole else ibis.literal(0.0, "float64")
        for place, worth, since, until in self.terms:
            holds = as_of >= ibis.date(since.isoformat())
            if until is not None:
                holds = holds & (as_of < ibis.date(until.isoformat()))
            amount = ibis.literal(worth, "int64" if whole else "float64")
            value = value + ibis.cases((holds, given[place] * amount), else_=amount * 0)
        return value


def _campaign_tags(known: Sequence[_Known]) -> list[Tag]:
    best = pd.DataFrame([each.__dict__ for each in known])
    best = best.sort_values(["campaign_id", "since", "effect", "arm"])
    best = best.groupby(["campaign_id", "since"], as_index=False).last()
    made = partial(define, entity="campaign")
    table = best.rename(columns={"since": "known_from"})
    return [
        made(
            "best_arm",
            listed=_listed(table, "arm"),
            title_en="Arm with the greatest effect",
            title_zh="效果最好的实验组",
            description="By the published effect on the objective; null before the first.",
        ),
        made(
            "best_arm_effect",
            listed=_listed(table, "effect"),
            title_en="Effect of the best arm",
            title_zh="最佳实验组的效果",
            description="Outcomes a customer that best_arm added; null before it was published. The "
            "greatest of several arms is somewhat too great.",
            unit="outcomes per customer",
        ),
        made(
            "best_arm_shown",
            listed=_listed(table, "shown"),
            title_en="Whether the best arm was shown to work",
            title_zh="最佳实验组是否已验证有效",
            description="Whether the whole interval of best_arm_effect lies above 0.",
        ),
    ]


def _listed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    chosen = table[["campaign_id", column, "known_from"]].rename(columns={column: "value"})
    return chosen.assign(known_from=pd.to_datetime(chosen["known_from"]))
