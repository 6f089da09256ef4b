"""Sample ratio, overall and by group: counts by arm in one query, exact tests within groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import betainc, ndtr

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.engine import Chances, FloatArray
from marketing_ds.evaluation.inference import adjust
from marketing_ds.evaluation.srm import SrmCheck

from .check import Check, found

ALL = "all"
"""The group of everybody."""
SIZES = "sample ratio"
_MOST_GROUPS = 10_000
_ENOUGH_FOR_A_NORMAL = 50
_SMALL = "(small groups)"


def arm_counts(
    table: ibis.Table, arm: str, groups: Mapping[str, ibis.Value | None], probability: str | None
) -> dict[str, pd.DataFrame]:
    """Customers by arm and group for each grouping, all in one query.

    Parameters
    ----------
    groups : mapping
        Name of the grouping → the column that says the group; None is one group of everybody.

    Returns
    -------
    dict
        Name → one row a group and arm: group, arm, n; with a probability also low, high, weight
        (Σ 1/p) and variance (Σ (1 − p)/p²).
    """
    rows = _grouped(table, arm, groups, probability)
    wanted = {"n": rows.count()}
    if probability:
        wanted |= {"low": rows.p.min(), "high": rows.p.max(), "known": rows.p.count()}
        wanted |= {"weight": (1 / rows.p).sum(), "w2": (1 / (rows.p * rows.p)).sum()}
    query = rows.group_by(["by", "group", "arm"]).aggregate(**wanted)
    query = query.limit(100 * _MOST_GROUPS * len(groups))
    frame: pd.DataFrame = query.to_pyarrow().to_pandas()
    if frame["arm"].isna().any():
        missing = int(frame.loc[frame["arm"].isna() & (frame["by"] == 0), "n"].sum())
        raise InvalidInput(
            f"every customer must have an arm, got {missing} without; leave them out"
        )
    if probability:
        _check_chances(frame, probability)
        frame["variance"] = frame["w2"] - frame["weight"]
    frame["group"] = frame["group"].fillna("missing")
    return {name: _one(frame, number, name) for number, name in enumerate(groups)}


def _grouped(
    table: ibis.Table, arm: str, groups: Mapping[str, ibis.Value | None], probability: str | None
) -> ibis.Table:
    """A row for each customer and grouping: the table may be a costly query, and is read once."""
    names = {
        f"g{i}": ibis.literal(ALL) if column is None else column.cast("string")
        for i, column in enumerate(groups.values())
    }
    chance = {"p": table[probability].cast("float64")} if probability else {}
    rows = table.select(arm=table[arm].cast("string"), **names, **chance)
    if len(names) == 1:
        return rows.mutate(by=ibis.literal(0), group=rows.g0)
    numbers = ibis.memtable(pa.table({"by": pa.array(range(len(names)), pa.int64())}))
    each = rows.cross_join(numbers)
    group = ibis.cases(*((each.by == i, each[name]) for i, name in enumerate(names)))
    return each.select("arm", "by", *chance, group=group)


def _one(frame: pd.DataFrame, number: int, name: str) -> pd.DataFrame:
    part = frame[frame["by"] == number].drop(columns="by").sort_values(["group", "arm"])
    if part["group"].nunique() > _MOST_GROUPS:
        raise InvalidInput(
            f"by must name segments of at most {_MOST_GROUPS:,} groups, got more in {name!r}; "
            "is it an id?"
        )
    return part.reset_index(drop=True)


def _check_chances(frame: pd.DataFrame, probability: str) -> None:
    inside = (frame["low"] > 0) & (frame["high"] <= 1) & (frame["known"] == frame["n"])
    if not inside.all():
        raise InvalidInput(
            f"{probability!r} must be in (0, 1] for every customer; it is the probability of the arm "
            "that was given. Where it is unknown, leave it out; if arms were not drawn at random, "
            "this is not an experiment"
        )


def chances_of(counts: pd.DataFrame) -> dict[str, Chances]:
    """Arm → its chances, over all groups; nothing where there is no probability."""
    if "low" not in counts.columns:
        return {}
    return {
        str(arm): Chances(
            float(part["low"].min()),
            float(part["high"].max()),
            float(part["weight"].sum()),
            float(part["variance"].sum()),
        )
        for arm, part in counts.groupby("arm")
    }


def ratio_check(srm: SrmCheck, alpha: float) -> Check:
    """The overall check in the words of all checks."""
    worst = max(srm.counts, key=lambda arm: abs(srm.counts[arm] - srm.expected[arm]))
    facts = {
        "p": srm.p_value,
        "arm": worst,
        "customers": srm.counts[worst],
        "expected": srm.expected[worst],
    }
    passed = srm.p_value >= alpha
    said = "ratio_kept" if passed else "ratio_broken"
    return found(SIZES, said, facts, srm.to_frame(), passed=passed, p_value=srm.p_value)


def group_check(
    by: str, counts: pd.DataFrame, shares: Mapping[str, float] | None, alpha: float
) -> Check:
    """Whether the arms have the design's sizes within every group.

    Where all customers of a group had the same chances, each arm's count is held against the
    binomial distribution itself (Bonferroni over arms): groups may be small. Where
    chances differ within a group, by the normal approximation as overall, and groups with an arm of
    fewer than 50 are taken together. Holm over groups.
    """
    frame = group_ratios(counts, shares)
    worst = frame.iloc[0]
    p_value = float(worst["p_adjusted"])
    broken = frame.loc[frame["p_adjusted"] < alpha, "group"].unique()
    facts = {
        "by": by,
        "groups": int(frame["group"].nunique()),
        "broken": len(broken),
        "p": p_value,
        "group": str(worst["group"]),
        "arm": str(worst["arm"]),
        "customers": int(worst["customers"]),
        "expected": float(worst["expected"]),
        "named": ", ".join(f"{group!r}" for group in broken[:3])
        + (" …" if len(broken) > 3 else ""),
    }
    said = "groups_broken" if len(broken) else "groups_kept"
    name = f"sample ratio by {by}"
    return found(name, said, facts, frame, passed=not len(broken), p_value=p_value)


def group_ratios(counts: pd.DataFrame, shares: Mapping[str, float] | None) -> pd.DataFrame:
    """One row a group and arm: customers, expected, p_value of the arm and p_adjusted of its group."""
    if "low" in counts.columns and shares is None:
        rows = _by_chances(counts)
    else:
        rows = _by_shares(counts, shares)
    arms = rows.groupby("group")["p_value"].transform("size").to_numpy()
    worst = rows.groupby("group")["p_value"].transform("min").to_numpy()
    # Of two arms with the design's shares, one tells all about the other.
    tests = np.where((arms == 2) & rows["exact"].to_numpy(), 1, arms)
    rows["p_group"] = np.minimum(tests * worst, 1.0)
    groups = rows.drop_duplicates("group")
    adjusted = pd.Series(
        adjust(groups["p_group"].to_numpy(float), "holm"), index=groups["group"].to_numpy()
    )
    rows["p_adjusted"] = rows["group"].map(adjusted)
    rows = rows.sort_values(["p_adjusted", "p_group", "p_value"], kind="stable", ignore_index=True)
    return rows[["group", "arm", "customers", "expected", "p_value", "p_adjusted"]]


def _by_shares(counts: pd.DataFrame, shares: Mapping[str, float] | None) -> pd.DataFrame:
    """Counts against shares that are the same for everybody; arms of the design may be empty."""
    design = dict(shares) if shares else dict.fromkeys(sorted(counts["arm"].unique()), 1.0)
    wide = counts.pivot_table(index="group", columns="arm", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=list(design), fill_value=0)
    size = wide.sum(axis=1)
    whole = sum(design.values())
    rows = wide.melt(ignore_index=False, value_name="customers").reset_index()
    n = rows["group"].map(size).to_numpy(float)
    share = rows["arm"].map({arm: value / whole for arm, value in design.items()}).to_numpy(float)
    rows["expected"] = n * share
    rows["p_value"] = binomial_p(rows["customers"].to_numpy(float), n, share)
    return rows.assign(exact=True)


def _by_chances(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts against each customer's own chance of the arm that was given."""
    same = counts["high"] <= counts["low"] * (1 + 1e-9)
    exact = same.groupby(counts["group"]).transform("all")
    small = counts.groupby("group")["n"].transform("min") < _ENOUGH_FOR_A_NORMAL
    pooled = counts.assign(exact=exact, group=counts["group"].where(exact | ~small, _SMALL))
    rows = pooled.groupby(["group", "arm"], as_index=False).agg(
        customers=("n", "sum"),
        share=("low", "min"),
        weight=("weight", "sum"),
        variance=("variance", "sum"),
        exact=("exact", "all"),
    )
    size = rows.groupby("group")["customers"].transform("sum").to_numpy(float)
    n, weight = rows["customers"].to_numpy(float), rows["weight"].to_numpy(float)
    rows["expected"] = np.where(rows["exact"], size * rows["share"], n * size / weight)
    spread = np.sqrt(np.maximum(rows["variance"].to_numpy(float), 0.0))
    gap = np.abs(weight - size)
    z = np.divide(gap, spread, out=np.where(gap > 1e-6 * size, np.inf, 0.0), where=spread > 0)
    precise = binomial_p(n, size, rows["share"].to_numpy(float))
    rows["p_value"] = np.where(rows["exact"], precise, 2 * ndtr(-z))
    return rows


def binomial_p(count: FloatArray, size: FloatArray, share: FloatArray) -> FloatArray:
    """Two-sided mid-p-values of counts under Binomial(size, share).

    Twice the smaller tail, what was found counting half (Lancaster 1961): groups are small, and
    whole tails would be wrong less often than they say.

    Examples
    --------
    >>> import numpy as np
    >>> print(binomial_p(np.array([2.0]), np.array([10.0]), np.array([0.5])))  # 2 · 33.5 / 1024
    [0.06542969]
    """
    left = size - count
    below = np.where(left > 0, betainc(np.maximum(left, 1), count + 1, 1 - share), 1.0)
    above = np.where(count > 0, betainc(np.maximum(count, 1), left + 1, share), 1.0)
    half = (below + above - 1) / 2  # both tails hold what was found
    return np.asarray(np.minimum(2 * np.minimum(below - half, above - half), 1.0))


def listed(names: Sequence[str], most: int = 3) -> str:
    """Some names in words: the first few, quoted."""
    return ", ".join(repr(name) for name in names[:most]) + (" …" if len(names) > most else "")
