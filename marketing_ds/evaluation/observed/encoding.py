"""Covariates as matrices: as they are for trees, as piecewise lines for regressions.

Nothing here looks at arms or outcomes, so one encoding serves every fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds._core.errors import InvalidInput

from .sample import Floats, Numbers, as_floats, is_number

Matrix: TypeAlias = npt.NDArray[np.float32]

IS_NULL = "is null"
"""The term that says whether a covariate is known."""
_LEVELS = 30
_RARE = 10
_PER_TERM = 8
_KNOTS = (1 / 3, 2 / 3, 0.9)
_EDGES = (0.002, 0.998)


@dataclass(frozen=True)
class Encoded:
    """The covariates of n customers.

    Attributes
    ----------
    raw : ndarray of shape (n, d)
        A column a covariate: numbers, or the codes of levels; NaN where null.
    is_category : ndarray of shape (d,)
        Whether a column of `raw` holds codes.
    terms : ndarray of shape (n, p)
        Standardised terms without nulls: clipped numbers, their bends at quantiles, levels, nulls.
    term_of : ndarray of shape (p,)
        Which covariate a term belongs to.
    plain : ndarray of shape (p,)
        Whether it is more than a bend: a number itself, a level or a null.
    labels : tuple of str
        What each term is: ``""`` for a number itself, the level, ``is null``, or ``> knot``.
    names : tuple of str
        The covariates.
    """

    raw: Matrix
    is_category: npt.NDArray[np.bool_]
    terms: Matrix
    term_of: Numbers
    plain: npt.NDArray[np.bool_]
    labels: tuple[str, ...]
    names: tuple[str, ...]

    def without(self, covariate: int) -> npt.NDArray[np.bool_]:
        """Which terms are left when a covariate is not known."""
        return np.asarray(self.term_of != covariate)


def encode(covariates: pa.Table) -> Encoded:
    """Encode covariates of any type: numbers, booleans, dates, words; nulls allowed.

    Raises
    ------
    InvalidInput
        If a covariate is of another type, or none of them varies.
    """
    raw = np.empty((covariates.num_rows, covariates.num_columns), dtype=np.float32)
    is_category = np.zeros(covariates.num_columns, dtype=bool)
    parts: list[Matrix] = []
    of: list[int] = []
    plain: list[bool] = []
    labels: list[str] = []
    for j, name in enumerate(covariates.column_names):
        column = covariates[name]
        if is_number(column.type):
            values = as_floats(column)
            values = np.where(np.isfinite(values), values, np.nan)
            found = _number_terms(values)
            raw[:, j] = values - np.nanmean(values) if np.isfinite(values).any() else np.nan
        else:
            codes, levels = _codes(column, name)
            found = _level_terms(codes, levels)
            raw[:, j], is_category[j] = np.where(codes < 0, np.nan, codes), True
        for term, label, itself in found:
            unit = _standardised(term)
            if unit is not None:
                parts.append(unit)
                of.append(j)
                plain.append(itself)
                labels.append(label)
    if not parts:
        raise InvalidInput(
            "covariates must vary between customers, got none that does; "
            "without any there is nothing to adjust by"
        )
    # With few customers for so many terms, bends would only add noise.
    kept = [k for k in range(len(parts)) if plain[k] or len(parts) * _PER_TERM <= len(raw)]
    return Encoded(
        raw,
        is_category,
        np.column_stack([parts[k] for k in kept]),
        np.array(of)[kept],
        np.array(plain)[kept],
        tuple(labels[k] for k in kept),
        tuple(covariates.column_names),
    )


def _number_terms(values: Floats) -> list[tuple[Floats, str, bool]]:
    """The number clipped at its edges, its bends, and whether it is null."""
    null = np.isnan(values)
    if null.all():
        return []
    known = values[~null]
    low, *knots, high = np.quantile(known, (_EDGES[0], *_KNOTS, _EDGES[1]))
    if low == high:  # nearly always the same value: keep the rare others
        low, high = known.min(), known.max()
    filled = np.where(null, np.median(known), values)
    clipped = np.clip(filled, low, high)
    found = [(clipped, "", True)]
    if len(np.unique(known[:1000])) > 2:
        bends = sorted({float(knot) for knot in knots if low < knot < high})
        found += [(np.maximum(clipped - knot, 0.0), f"> {knot:.4g}", False) for knot in bends]
    if null.any():
        found.append((null.astype(float), IS_NULL, True))
    return found


def _level_terms(codes: Numbers, levels: list[str]) -> list[tuple[Floats, str, bool]]:
    found = [((codes == k).astype(float), level, True) for k, level in enumerate(levels)]
    if (codes < 0).any():
        found.append(((codes < 0).astype(float), IS_NULL, True))
    # Levels and null add up to 1: one is left out, the most frequent.
    return found[1:] if len(found) > 1 else []


def _codes(column: pa.ChunkedArray, name: str) -> tuple[Numbers, list[str]]:
    """Codes by frequency, rare levels together in the last; -1 is null."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise InvalidInput(
            f"covariate {name!r} must hold numbers, booleans, dates or text, got {column.type}; "
            "convert it, or leave it out"
        )
    words = column.cast(pa.string()).combine_chunks().dictionary_encode()
    codes = pc.fill_null(words.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes = np.bincount(codes[codes >= 0], minlength=len(words.dictionary))
    order = np.argsort(-sizes, kind="stable")
    kept = [int(k) for k in order if sizes[k] >= _RARE][:_LEVELS]
    place = np.full(len(sizes) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    place[-1] = -1
    levels = [str(words.dictionary[k].as_py()) for k in kept]
    return place[codes], levels + (["other"] if len(kept) < len(sizes) else [])


def _standardised(term: Floats) -> Matrix | None:
    """Mean 0 and variance 1; None where it does not vary."""
    mean, spread = float(term.mean()), float(term.std())
    if spread <= 1e-9 * max(abs(mean), 1e-300):
        return None
    return ((term - mean) / spread).astype(np.float32)
