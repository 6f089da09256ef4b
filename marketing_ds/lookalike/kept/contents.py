"""What an index of candidates consists of: levels, a space, the population, the vectors.

Each is a file on the shelf; a small change writes anew only what lies beside the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

from .. import inputs
from ..encode import TagLevels, encode, fit_levels
from ..space import Space, plain_space
from . import ann
from .population import Population, Sorted
from .shelf import Head, Shelf, Write, array_writer

_BINS = 64
_SAMPLE = 100_000
_LASTING = {"ids", "codes", "space", "vectors"}
"""Files that a small change does not touch."""


@dataclass(frozen=True)
class Contents:
    """An index as it lies on its shelf."""

    levels: tuple[TagLevels, ...]
    space: Space
    population: Population
    index: ann.Approximate | None
    """None: search is exact."""


def learn(
    frame: Any, tags: tuple[str, ...], random_state: int
) -> tuple[tuple[TagLevels, ...], Space]:
    """Levels of the tags that vary, and the plain space, from a sample of the candidates.

    Raises
    ------
    InvalidInput
        As `inputs.gather` does, and if no tag varies.
    """
    salt = f"candidates {random_state}"
    sample = inputs.gather(frame, tags, frozenset(), size=_SAMPLE, salt=salt).table
    levels = fit_levels(sample, tags, bins=_BINS)
    codes = encode(sample, levels)
    varies = [at for at in range(len(tags)) if np.ptp(codes[:, at]) > 0]
    if not varies:
        raise InvalidInput("frame must have a tag that varies; all of them are constant")
    levels = tuple(levels[at] for at in varies)
    return levels, plain_space(codes[:, varies], levels)


def load(shelf: Shelf, head: Head) -> Contents:
    """What lies on the shelf, memory-mapped."""
    levels = tuple(
        TagLevels(t["name"], t["kind"], tuple(t["edges"]), tuple(t["categories"]))
        for t in head["levels"]
    )
    population = Population(
        Sorted(shelf.array(head, "ids"), shelf.array(head, "codes")),
        shelf.array(head, "gone"),
        Sorted(shelf.array(head, "beside_ids"), shelf.array(head, "beside_codes")),
    )
    index = None
    if "vectors" in head["files"]:
        vectors = ann.read_index(shelf.path(head, "vectors"))
        index = ann.Approximate(
            str(head["kind"]), vectors, int(head["width"]), float(head["found"])
        )
    space = _space(shelf.array(head, "space"), head["columns"], levels)
    return Contents(levels, space, population, index)


def write(
    shelf: Shelf, asked: Head, levels: tuple[TagLevels, ...], space: Space, rows: Sorted
) -> Head:
    """Index the rows, and switch to the new index; under the shelf's lock."""
    n = len(rows.ids)
    kind = asked["kind"]
    if kind == "auto":
        kind = ann.choose_kind(n, space.width, asked["memory_gib"])
    k = min(asked["n_neighbors"], n)
    made = ann.build(
        rows.codes, space, kind, k=k, recall=asked["recall"], random_state=asked["random_state"]
    )
    head: Head = {
        "asked": asked,
        "kind": made.kind if made else "exact",
        "found": made.recall if made else 1.0,
        "width": made.width if made else 0,
        "levels": [asdict(tag) for tag in levels],
        "columns": [table.shape[1] for table in space.tables],
    }
    new: dict[str, Write] = {
        "ids.npy": array_writer(rows.ids),
        "codes.npy": array_writer(rows.codes),
        "space.npy": array_writer(np.concatenate([table.ravel() for table in space.tables])),
        **_beside(Population(rows, np.zeros(n, dtype=bool), rows.part(np.arange(0)))),
    }
    if made:
        vectors = made.faiss_index
        new["vectors.faiss"] = lambda path: ann.write_index(vectors, path)
    return shelf.write(head, new, {})


def write_changes(shelf: Shelf, head: Head, after: Population) -> Head:
    """Write who is gone and who lies beside the index; under the shelf's lock."""
    kept = {name: file for name, file in head["files"].items() if name in _LASTING}
    said = {name: value for name, value in head.items() if name not in {"files", "format"}}
    return shelf.write(said, _beside(after), kept)


def _beside(now: Population) -> dict[str, Write]:
    return {
        "gone.npy": array_writer(now.gone),
        "beside_ids.npy": array_writer(now.beside.ids),
        "beside_codes.npy": array_writer(now.beside.codes),
    }


def _space(flat: NDArray[np.float32], columns: Sequence[int], levels: Sequence[TagLevels]) -> Space:
    tables, at = [], 0
    for width, tag in zip(columns, levels, strict=True):
        size = tag.n_levels * width
        tables.append(np.array(flat[at : at + size]).reshape(tag.n_levels, width))
        at += size
    return Space(tuple(tables), tuple(float(width > 0) for width in columns))
