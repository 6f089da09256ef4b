"""Bands of another tag: where they begin, what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import ibis.expr.types as ir

from marketing_ds._core.checks import check_number
from marketing_ds._core.errors import InvalidInput, did_you_mean

from .._tag import Formula, Tag
from ..declared import _formulas as f


@dataclass(frozen=True)
class Bands:
    """The band that another tag's value lies in.

    Parameters
    ----------
    of : str or Tag
        A tag of numbers.
    edges : sequence of float
        Where bands begin, increasing: values below the first edge are in the first band.
    labels : sequence of str, optional
        One more than there are edges; made of the edges by default.

    Examples
    --------
    >>> Bands("aum", [50_000, 1_000_000]).labels
    ('below 50,000', '50,000 to below 1,000,000', '1,000,000 or more')
    """

    of: str | Tag
    edges: Sequence[float]
    labels: Sequence[str] = ()

    def __post_init__(self) -> None:
        edges = tuple(check_number("edges", edge, inclusive=False) for edge in self.edges)
        if not edges:
            raise InvalidInput("edges must name at least one value, got none")
        for low, high in pairwise(edges):
            if high <= low:
                raise InvalidInput(f"edges must increase, got {high:g} after {low:g}")
        if isinstance(self.labels, str):
            raise InvalidInput(f"labels must be a list of words, got {self.labels!r}")
        labels = tuple(self.labels) or _edge_labels(edges)
        if len(labels) != len(edges) + 1:
            raise InvalidInput(
                f"labels must be {len(edges) + 1}, one more than the edges, got {len(labels)}"
            )
        if not all(isinstance(label, str) and label for label in labels):
            raise InvalidInput(f"labels must be words, got {labels!r}")
        if len(set(labels)) < len(labels):
            raise InvalidInput(f"labels must differ, got {labels!r}")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "labels", labels)


@dataclass(frozen=True)
class _InBands:
    """The function of a banding; a class, so that equal bandings are equal."""

    edges: tuple[float, ...]
    labels: tuple[str, ...]

    def __call__(self, value: ir.NumericValue) -> ir.Value:
        return f.banded(self.edges, self.labels)(value)


def banded(name: str, bands: object, tags: Mapping[str, Tag]) -> tuple[Formula, str]:
    """The formula of tag `name` and what it says.

    Raises
    ------
    InvalidInput
        If the tag that is banded is unknown or holds no numbers.
    """
    if not isinstance(bands, Bands):
        raise InvalidInput(
            f"bands of tag {name!r} must be Bands(of, edges, labels), got {type(bands).__name__}"
        )
    of = bands.of if isinstance(bands.of, Tag) else tags.get(bands.of)
    if of is None:
        raise InvalidInput(
            f"bands of tag {name!r} name the unknown tag {bands.of!r}"
            f"{did_you_mean(str(bands.of), tags)}"
        )
    if of.type not in ("int64", "float64"):
        raise InvalidInput(
            f"bands of tag {name!r} must be of a tag of numbers, got {of.name!r} of type {of.type}"
        )
    edges, labels = tuple(bands.edges), tuple(bands.labels)
    from_ = " and ".join(_shown(edge) for edge in edges)
    what = (
        f"The band that {of.name} lies in: {', '.join(labels)}, from {from_}; null where "
        f"{of.name} is."
    )
    return Formula(_InBands(edges, labels), (of,)), what


def _edge_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    shown = [_shown(edge) for edge in edges]
    between = (f"{low} to below {high}" for low, high in pairwise(shown))
    return (f"below {shown[0]}", *between, f"{shown[-1]} or more")


def _shown(edge: float) -> str:
    return f"{edge:,.12g}"
