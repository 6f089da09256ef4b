"""Natural groups: customers who are alike, found in the tags, with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.profiling import Profile, profile

from . import _inputs as inputs
from ._inputs import GROUP, ID
from ._kmeans import Labels, Points, centres, nearest, threads
from ._names import LANGUAGES, Grouped, contrasts, name_groups, telling
from ._space import Space, learn_space
from ._stability import GroupStability, choose, judge

_JUDGED = 10_000
"""Customers by whom the number of groups is chosen."""
_NAMED = 20_000
"""Customers by whom groups are named."""
_FEWEST = 200
_STARTS, _STEPS = 5, 30


@dataclass(frozen=True)
class Group:
    """One natural group."""

    group: int
    name_en: str
    name_zh: str
    customers: int
    share: float

    def name(self, language: str = "en") -> str:
        """The name in English (`en`) or Chinese (`zh`)."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, eq=False)
class NaturalGroups(Result):
    """Groups of customers who are alike; made by `natural_groups`.

    `.to_frame()` has one row a group, the largest first: `group` (1, 2, …), `name`, `customers`,
    `customer_share` and what sets it apart. With one group there are no clear ones.

    Attributes
    ----------
    groups : tuple of Group
        The largest first.
    used : tuple of str
        Tags that customers were grouped by.
    left_out : dict of str to str
        Tags that were not, with the reason.
    stability : GroupStability
        How many groups there might have been.
    labels : pyarrow.Table
        `customer_id` and `natural_group`, by customer.
    """

    groups: tuple[Group, ...]
    used: tuple[str, ...]
    left_out: Mapping[str, str]
    stability: GroupStability
    labels: pa.Table = field(repr=False)
    contrasts: pd.DataFrame = field(repr=False)
    """TGI of every value in every group (`profile`), from a sample of at most 20,000 customers."""
    telling: pd.DataFrame = field(repr=False)
    """The rows of `contrasts` that tell each group best."""
    base: ir.Table = field(repr=False)

    @property
    def k(self) -> int:
        """Number of groups; 1 where there are no clear ones."""
        return len(self.groups)

    def to_frame(self, language: str = "en") -> pd.DataFrame:
        """One row a group, with names in English (`en`) or Chinese (`zh`)."""
        check_choice("language", language, LANGUAGES)
        return pd.DataFrame(
            {
                "group": [g.group for g in self.groups],
                "name": [g.name(language) for g in self.groups],
                "customers": [g.customers for g in self.groups],
                "customer_share": [g.share for g in self.groups],
                "set_apart_by": [self._apart(g.group, language) for g in self.groups],
            }
        )

    @cached_property
    def tagged(self) -> ir.Table:
        """The tag table with the column `natural_group`, a tag like any other."""
        base = self.base.drop(GROUP) if GROUP in self.base.columns else self.base
        labels = ibis.memtable(self.labels)
        return base.join(labels, ID)

    def audience(self, group: int) -> Audience:
        """The customers of a group, as an audience of `tagged`.

        Parameters
        ----------
        group : int
            From 1, the largest, to `k`.
        """
        return audience(self.tagged, f"{GROUP} == {self._checked(group)}")

    def profile(
        self, group: int, tags: Sequence[str] | None = None, *, language: str = "en"
    ) -> Profile:
        """A group against everybody, over all customers.

        Parameters
        ----------
        group : int
            From 1 to `k`.
        tags : sequence of str, optional
            Tags to compare, those left out from grouping too; those used by default.
        """
        compared = list(self.used if tags is None else tags)
        return profile(self.audience(group), tags=compared, language=language)

    def _checked(self, group: int) -> int:
        return check_count("group", group, low=1, high=self.k)

    def _apart(self, group: int, language: str, top: int = 3) -> str:
        rows = self.telling[self.telling["group"] == group].head(top)
        words = "{}：{}（TGI {:.0f}）" if language == "zh" else "{}: {} (TGI {:.0f})"
        told = zip(rows[f"title_{language}"], rows[f"value_{language}"], rows["tgi"], strict=True)
        return ("；" if language == "zh" else "; ").join(words.format(*row) for row in told)


def natural_groups(
    tags: ir.Table | pd.DataFrame,
    k: int | str = "auto",
    *,
    use: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    sensitive: bool = False,
    max_groups: int = 8,
    min_share: float = 0.02,
    sample_size: int = 100_000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> NaturalGroups:
    """Find groups of customers who are alike, by k-means on their tags.

    How many is read off the data: as many as two random halves of the customers agree on, if they
    are tighter than groups of customers who differ by degree alone (see
    `marketing_ds.groups._stability`); often that is one: no clear groups. Groups are named by the
    values that are commonest in them against everybody (TGI).

    Parameters
    ----------
    tags : ibis.Table or pandas.DataFrame
        One row a customer: `customer_id` and tags, as `tag_table` gives. It is read twice: publish
        an expensive one first.
    k : int or "auto", default "auto"
        How many groups.
    use : sequence of str, optional
        Tags to group by, sensitive ones too; all that may be used by default.
    exclude : sequence of str
        Tags to leave out.
    sensitive : bool, default False
        Whether tags that the catalogue calls sensitive (age, gender, …) may be used.
    max_groups : int, default 8
        The most groups that are looked for.
    min_share : float, default 0.02
        The least share of the customers that makes a group worth having; a `k` that is given is
        kept whatever the sizes.
    sample_size : int, default 100_000
        Customers sampled to learn from; all are put into groups.
    random_state : int, default 0
        Same customers, same groups, in whatever order they come.
    n_jobs : int, optional
        Threads; as many as OpenMP gives by default. The groups do not depend on it.

    Returns
    -------
    NaturalGroups

    Raises
    ------
    InvalidInput
        Before work for a wrong argument or no usable tag; while reading for fewer than 200
        customers, repeated or null ids, infinite values, mixed types, or no tag that varies.

    Notes
    -----
    Numbers are bent by an inverse hyperbolic sine around their median, so that tails do not decide;
    categories count as far apart as yes and no. Consent, suppression and identifiers are never used
    unless `use` names them.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> kind = rng.choice(["saver", "user", "investor"], 3000, p=[0.5, 0.3, 0.2])
    >>> investor, user = kind == "investor", kind == "user"
    >>> tags = pd.DataFrame({
    ...     "customer_id": [f"c{i:04d}" for i in range(3000)],
    ...     "aum": np.where(investor, 3e5, 9e3) * rng.lognormal(0, 0.4, 3000),
    ...     "products_held": np.where(investor, 4, 1) + rng.integers(0, 2, 3000),
    ...     "events_30d": rng.poisson(np.where(user, 20, 2)),
    ...     "active_days_30d": rng.poisson(np.where(user, 12, 2)),
    ... })
    >>> for group in natural_groups(tags).groups:
    ...     print(f"{group.name()}: {group.customers}")
    Low products held · low events, last 30 days: 1528
    High active days, last 30 days · high products held: 859
    High assets under management · low active days, last 30 days: 613
    """
    wanted = _asked(k, max_groups)
    check_number("min_share", min_share, low=0, high=0.5)
    check_count("sample_size", sample_size, low=1_000)
    check_count("random_state", random_state, high=2**31 - 1)
    if n_jobs is not None:
        check_count("n_jobs", n_jobs, low=1)
    base = inputs.tag_source(tags)
    columns, left_out = inputs.usable(base, use, exclude, sensitive)
    sample = inputs.gather(base, columns, size=sample_size, seed=random_state)
    if len(sample.frame) < _FEWEST:
        raise InvalidInput(
            f"tags must have at least {_FEWEST} customers to find groups, got {len(sample.frame)}"
        )
    named = inputs.identifiers(sample.frame) if use is None else {}
    frame = sample.frame.drop(columns=list(named))
    if frame.shape[1] == 1:
        raise InvalidInput(f"tags must have more than identifiers ({', '.join(named)}) to group by")
    space, mute = learn_space(frame)
    if not space.tags:
        raise InvalidInput("tags must have a tag that varies; every one of them is constant")
    points = space.points(frame)
    stability = _judged(points[sample.rank[:_JUDGED]], space, wanted, min_share, random_state)
    middle = _centres(points, stability.chosen, random_state)
    labels, order = _everybody(base, space, middle, n_jobs)
    some = np.sort(sample.rank[:_NAMED])
    known = Grouped(frame.iloc[some], points[some], order[nearest(middle, points[some])[0]], space)
    rows = contrasts(known)
    told = telling(known, rows)
    sizes = np.bincount(labels[GROUP].to_numpy())[1:]
    groups = tuple(
        Group(at + 1, name["en"], name["zh"], int(size), float(size / sizes.sum()))
        for at, (name, size) in enumerate(zip(name_groups(known, told), sizes, strict=True))
    )
    return NaturalGroups(
        groups, space.tags, left_out | named | mute, stability, labels, rows, told, base
    )


def _asked(k: int | str, max_groups: int) -> Sequence[int]:
    """The numbers of groups to judge."""
    check_count("max_groups", max_groups, low=2, high=50)
    if k == "auto":
        return range(2, max_groups + 1)
    if isinstance(k, str):
        raise InvalidInput(f"k must be 'auto' or a number of groups, got {k!r}")
    return [check_count("k", k, low=2, high=50)]


def _judged(
    points: Points, space: Space, ks: Sequence[int], min_share: float, seed: int
) -> GroupStability:
    judged = judge(points, space.blocks, ks, min_share=min_share, seed=seed)
    return GroupStability(ks[0] if len(ks) == 1 else choose(judged), min_share, judged)


def _centres(points: Points, k: int, seed: int) -> Points:
    if k == 1:
        return np.asarray(points.mean(axis=0, keepdims=True))
    return centres(points, k, seed=seed, starts=_STARTS, steps=_STEPS)


def _everybody(
    base: ir.Table, space: Space, middle: Points, n_jobs: int | None
) -> tuple[pa.Table, Labels]:
    """Everybody's group, and which number each centre's group has: 1 for the largest."""
    ids, found = [], []
    with threads(n_jobs):
        for batch in inputs.batches(base, space.encoder.feature_names_in_.tolist()):
            ids.append(inputs.copied(batch[ID]))
            label, _ = nearest(middle, space.points(inputs.to_frame(batch)))
            found.append(label.astype(np.int8))
    sizes = np.bincount(np.concatenate(found), minlength=len(middle))
    place = np.argsort(-sizes, kind="stable")
    order = np.empty(len(middle), dtype=np.intp)
    order[place] = np.arange(1, len(middle) + 1)
    numbered = [order[label].astype(np.int8) for label in found]
    return inputs.sorted_ids(inputs.label_table(ids, numbered)), order
