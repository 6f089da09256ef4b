"""Where arms are given by rule: a shallow tree over tags, its leaves in the language of rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from marketing_ds.features import InputColumn
from marketing_ds.rules import And, Compare, In, IsNull, Not, Or, Rule

from ..binned import Matrix
from .balance import day

_DEPTH = 3
_TREE_ROWS = 100_000
_DIGITS = 4
_LEAST_EXPECTED = 20  # customers of the side that is missing: no accident
_MOST_COVERED = 0.5  # of a region by larger ones

_Step = tuple[int, float, bool, bool]
"""Column, threshold, whether above it, whether nulls go this way."""


@dataclass(frozen=True)
class Region:
    """Customers whose tags decide, or nearly decide, between an arm and control.

    Attributes
    ----------
    arm : str
    rule : str
        Who they are, as a rule over tags; bounds of fractions are rounded to four digits.
    customers : int
        Of the arm and of control, in the region.
    treated : int
        Those of the arm.
    expected : float
        Those of the smaller side, were they as many as elsewhere.
    """

    arm: str
    rule: str
    customers: int
    treated: int
    expected: float

    @property
    def treated_share(self) -> float:
        """Share of the arm in the region."""
        return self.treated / self.customers

    @property
    def empty(self) -> bool:
        """Whether one side has nobody there."""
        return self.treated in (0, self.customers)

    def __str__(self) -> str:
        share, other = self.treated_share, 1 - self.treated_share
        side = f"{share:.4g}" if share >= 0.5 else f"{other:.4g}"
        who = repr(self.arm) if share >= 0.5 else "control"
        return f"{self.rule} ({self.customers:,} customers, {float(side):.1%} {who})"


def find_regions(
    columns: Sequence[InputColumn],
    X: Matrix,
    treated: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    *,
    arm: str,
    bounds: tuple[float, float],
    least: int,
) -> tuple[Region, ...]:
    """Leaves of trees of depth 3 in which the share of the arm is beyond `bounds`.

    Parameters
    ----------
    columns : sequence of InputColumn
        What the encoder learned.
    X : ndarray of shape (n, d)
        Encoded features of the customers of the arm and of control.
    treated, outside : ndarray of bool, shape (n,)
        Who was given the arm, and whose estimated probability of it is beyond the bounds.
    arm : str
    bounds : (float, float)
        Shares of the arm that are taken for overlap.
    least : int
        Customers a leaf must hold.

    Returns
    -------
    tuple of Region
        The largest first; leaves side by side under one condition stand as one, and conditions
        that change nothing are left out. The side that is missing would have 20 customers or more
        there, were it as elsewhere.
    """
    if not X.shape[1] or len(X) < 2 * least:
        return ()
    overall = float(treated.mean())
    found: dict[str, tuple[Region, npt.NDArray[np.bool_]]] = {}
    # The first tree parts arms, the second those whom tags tell: each misses what the other sees.
    for target in (treated, outside):
        for path in _paths(X, treated, target, bounds, least):
            path, there = _simplest(X, treated, path, bounds)
            customers, of_arm = int(there.sum()), int(treated[there].sum())
            expected = (1 - overall if 2 * of_arm >= customers else overall) * customers
            if expected < _LEAST_EXPECTED:
                continue
            rule = _rule(columns, X, path)
            found[rule] = Region(arm, rule, customers, of_arm, expected), there
    kept: list[Region] = []
    covered = np.zeros(len(X), dtype=bool)
    for region, there in sorted(found.values(), key=lambda one: (-one[0].customers, one[0].rule)):
        if covered[there].mean() <= _MOST_COVERED:
            kept.append(region)
            covered |= there
    return tuple(kept)


def _paths(
    X: Matrix,
    treated: npt.NDArray[np.bool_],
    target: npt.NDArray[np.bool_],
    bounds: tuple[float, float],
    least: int,
) -> Iterator[list[_Step]]:
    """Ways down a tree fitted to `target` to where the arm's share is beyond the bounds."""
    some = np.arange(len(X))
    if len(X) > _TREE_ROWS:
        some = np.random.default_rng(0).choice(len(X), _TREE_ROWS, replace=False)
    leaf = max(2, least * len(some) // len(X))
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=leaf, random_state=0)
    tree.fit(X[some], target[some])
    at = tree.apply(X)
    count = np.bincount(at, minlength=tree.tree_.node_count).astype(np.float64)
    taken = np.bincount(at, treated, tree.tree_.node_count).astype(np.float64)
    _add_up(tree.tree_, count, taken)
    return _outside(tree.tree_, count, taken, bounds)


def _add_up(tree: object, *sums: npt.NDArray[np.float64]) -> None:
    """Sums of the leaves to those of every node; children come behind their parents."""
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    for node in range(len(left) - 1, -1, -1):
        if left[node] >= 0:
            for values in sums:
                values[node] = values[left[node]] + values[right[node]]


def _outside(
    tree: object,
    count: npt.NDArray[np.float64],
    taken: npt.NDArray[np.float64],
    bounds: tuple[float, float],
) -> Iterator[list[_Step]]:
    """Paths to the nodes, as high as can be, in which every leaf is beyond the same bound."""
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    share = taken / np.maximum(count, 1)
    side = np.where(share < bounds[0], -1, np.where(share > bounds[1], 1, 0))
    for node in range(len(left) - 1, -1, -1):
        if left[node] >= 0:
            same = side[left[node]] == side[right[node]]
            side[node] = side[left[node]] if same else 0
    waiting: list[tuple[int, list[_Step]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if side[node] and count[node] and path:
            yield path
        elif left[node] >= 0:
            column, cut = int(tree.feature[node]), float(tree.threshold[node])  # type: ignore[attr-defined]
            nulls_left = bool(tree.missing_go_to_left[node])  # type: ignore[attr-defined]
            waiting.append((int(right[node]), [*path, (column, cut, True, not nulls_left)]))
            waiting.append((int(left[node]), [*path, (column, cut, False, nulls_left)]))


def _simplest(
    X: Matrix, treated: npt.NDArray[np.bool_], path: list[_Step], bounds: tuple[float, float]
) -> tuple[list[_Step], npt.NDArray[np.bool_]]:
    """The path without the steps that it can do without, and who is there."""

    def there(steps: list[_Step]) -> npt.NDArray[np.bool_]:
        inside = np.ones(len(X), dtype=bool)
        for column, cut, above, nulls in steps:
            values = X[:, column]
            with np.errstate(invalid="ignore"):
                inside &= (values > cut if above else values <= cut) | (nulls & np.isnan(values))
        return inside

    share = float(treated[there(path)].mean())
    # A region where one side has nobody stays one; others stay beyond the bound.
    low, high = (0.0, 1.0) if share in (0.0, 1.0) else bounds
    for step in path:
        rest = [other for other in path if other is not step]
        wider = float(treated[there(rest)].mean())
        if rest and (wider <= low if share < 0.5 else wider >= high):
            path = rest
    return path, there(path)


def _rule(columns: Sequence[InputColumn], X: Matrix, path: list[_Step]) -> str:
    """The path as a rule: conditions on one tag stand together."""
    owners = [(column, at) for column in columns for at in range(len(column.outputs()))]
    by_tag: dict[str, list[_Step]] = {}
    for step in path:
        by_tag.setdefault(owners[step[0]][0].name, []).append(step)
    rules: list[Rule] = []
    for steps in by_tag.values():
        column = owners[steps[0][0]][0]
        if column.kind == "category":
            rules += _category(column, [(owners[place][1], above) for place, _, above, _ in steps])
        else:
            rules += _number(column, X[:, steps[0][0]], steps)
    return str(rules[0] if len(rules) == 1 else And(tuple(rules)))


def _category(column: InputColumn, steps: list[tuple[int, bool]]) -> list[Rule]:
    """Conditions on 0/1 columns: what the tag is, or what it is not."""
    name, levels = column.name, len(column.categories)

    def one(at: int) -> Rule:
        if at < levels:
            return Compare(name, "==", column.categories[at])
        if column.rare and at == levels:
            return Not(In(name, column.categories))
        return IsNull(name)

    for at, there in steps:
        if there:
            return [one(at)]
    out = [column.categories[at] for at, _ in steps if at < levels]
    rules: list[Rule] = []
    for at, _ in steps:
        if column.rare and at == levels:
            rules.append(In(name, column.categories))
        elif at >= levels:
            rules.append(Not(IsNull(name)))
    if out:
        differs: Rule = Compare(name, "!=", out[0]) if len(out) == 1 else Not(In(name, tuple(out)))
        rules.append(differs if rules or not column.null else Or((differs, IsNull(name))))
    return rules


def _number(column: InputColumn, values: Matrix, steps: list[_Step]) -> list[Rule]:
    """An interval, with or without nulls."""
    low = max((cut for _, cut, above, _ in steps if above), default=-math.inf)
    high = min((cut for _, cut, above, _ in steps if not above), default=math.inf)
    known = values[~np.isnan(values)]
    whole = bool((known == np.floor(known)).all())
    rules: list[Rule] = []
    for op, cut in ((">", low), ("<=", high)):
        if math.isfinite(cut):
            rules.append(Compare(column.name, op, _bound(column, cut, whole)))  # type: ignore[arg-type]
    if column.null_share and all(nulls for *_, nulls in steps):
        if not rules or not ((known > low) & (known <= high)).any():
            return [IsNull(column.name)]  # a cut beyond all values parts nulls from the rest
        between: Rule = rules[0] if len(rules) == 1 else And(tuple(rules))
        return [Or((between, IsNull(column.name)))]
    if column.null_share and ((known > low) & (known <= high)).all():
        return [Not(IsNull(column.name))]
    return rules


def _bound(column: InputColumn, cut: float, whole: bool) -> object:
    """The cut as one would say it: a day, a whole number, four digits."""
    if column.kind == "date":
        return day(math.floor(cut))
    return math.floor(cut) if whole else float(f"{cut:.{_DIGITS}g}")
