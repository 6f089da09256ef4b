"""The facts that customers are told apart by: tags of the catalogue, and a few of this analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import ibis.expr.types as ir

from marketing_ds.schema import ColumnType
from marketing_ds.tags import Formula, Tag, catalogue
from marketing_ds.tags.declared._formulas import banded

_EDGES_CNY = (1_000.0, 10_000.0, 50_000.0, 200_000.0, 1_000_000.0)
_BANDS = (
    ("below 1,000", "1千元以下"), ("1,000 to 10,000", "1千至1万元"),
    ("10,000 to 50,000", "1万至5万元"), ("50,000 to 200,000", "5万至20万元"),
    ("200,000 to 1,000,000", "20万至100万元"), ("1,000,000 or more", "100万元及以上"),
)  # fmt: skip

STANDING = (
    "gender", "age_band", "region", "assets_band", "value_tier", "lifecycle",
    "dormant", "low_assets", "high_assets",
)  # fmt: skip
"""Facts of the day before, in the order in which they are shown."""
GROUPS = ("dormant", "low_assets", "high_assets")
FOLLOWED = ("value_tier", "lifecycle", *GROUPS)
"""Those that are looked at again on the day after."""
MIGRATING = ("value_tier", "lifecycle")
"""Those whose migration is shown value by value."""


def standing_tags(floors: tuple[float, float]) -> Mapping[str, Tag]:
    """The tags of `STANDING` by name, and `age`; assets are low below the first of `floors`, and
    high from the second on."""
    known = catalogue()
    aum, stage, (low, high) = known["aum"], known["lifecycle"], floors
    own = (
        _tag(
            "assets_band", "Assets (CNY)", "资产规模", "The band that aum lies in.",
            Formula(banded(_EDGES_CNY, [english for english, _ in _BANDS]), (aum,)), _BANDS,
        ),
        _tag(
            "dormant", "Dormant", "睡眠客户", "lifecycle is dormant or lost.",
            Formula(_asleep, (stage,)),
        ),
        _tag(
            "low_assets", "Low assets", "低资产客户", f"aum below {low:,.0f} CNY.",
            Formula(partial(_below, floor=low), (aum,)),
        ),
        _tag(
            "high_assets", "High assets", "高资产客户", f"aum of {high:,.0f} CNY or more.",
            Formula(partial(_from, floor=high), (aum,)),
        ),
    )  # fmt: skip
    taken = {name: known[name] for name in ("age", *STANDING) if name not in {t.name for t in own}}
    return taken | {tag.name: tag for tag in own}


def _tag(
    name: str,
    english: str,
    chinese: str,
    description: str,
    rule: Formula,
    words: tuple[tuple[str, str], ...] = (),
) -> Tag:
    kind: ColumnType = "string" if words else "boolean"
    return Tag(name, english, chinese, kind, rule, f"{description} Never null.", words=words)


def _asleep(stage: ir.StringValue) -> ir.BooleanValue:
    return stage.isin(["dormant", "lost"])


def _below(aum: ir.NumericValue, floor: float) -> ir.BooleanValue:
    return aum < floor


def _from(aum: ir.NumericValue, floor: float) -> ir.BooleanValue:
    return aum >= floor


def formula(tag: Tag) -> Callable[..., Any]:
    """What a tag is computed by."""
    return cast("Formula", tag.rule).function


def kinds(name: str) -> list[object]:
    """The kinds of transaction that a tag of the catalogue counts or adds up."""
    (rule,) = catalogue()[name].aggregates
    return list(dict(rule.where)["kind"])
