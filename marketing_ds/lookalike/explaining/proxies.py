"""Proxies: does the choice skew by sensitive tags that were not used, and which tags carry it?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds.profiling import tgi_interval, told_in
from marketing_ds.tags import catalogue

from .. import inputs
from ..encode import Codes, encode, fit_levels
from ..expansion import Expansion
from ..limits import without
from ..placement import place
from .words import LANGUAGES, Span, Words, words_of

_SAMPLE = 20_000
"""Candidates that stand for all of them, about."""
_LEAST = 10
"""Levels that fewer of the found, or of the candidates, would have are not judged."""
_BINS = 5
"""Groups of a sensitive number (age)."""
_CARRIER_BINS = 16
_FOLDS = 3
_Z = 1.959964
_SHOWN_CARRIERS = 5
_COLUMNS = (
    "tag", "title", "value", "n_found", "n_candidates", "found_share", "candidate_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper", "p_adjusted", "skewed", "auc", "auc_ci_lower",
    "auc_ci_upper", "carriers",
)  # fmt: skip
Floats = NDArray[np.float64]


class SkewWarning(UserWarning):
    """The customers found differ from the candidates by a sensitive tag."""


@dataclass(frozen=True, eq=False)
class Skew(Result):
    """How the customers found differ from the candidates by sensitive tags; see `Expansion.skew`.

    A level is *skewed* where its adjusted p-value is below `alpha` and its TGI (share among the
    found / share among the candidates × 100) lies outside `min_tgi` to 100² / `min_tgi`. The
    default, 80 to 125, is the four-fifths rule of thumb of US selection guidelines (29 CFR 1607.4
    D), whose lawful use elsewhere is for the bank to decide.

    Levels are judged where 10 of the found would be expected; so rare ones, and nobody at all, are
    seen too, and counts below 10 may stand in the table: it is for the bank's own control.

    For skewed levels, what carries the skew is looked for. `auc` says how well all used tags
    together tell the level (gradient-boosted trees, out-of-fold; 0.5 is not at all), with DeLong's
    interval. A tag's `explained_share` is the part of the skew that is there because the choice
    prefers some of the tag's levels, and these have another share of the sensitive level: with q(b)
    its share among candidates in level b, and w(b) the share of the found in b,
    (Σ w(b)·q(b) − q) / (share among the found − q). Tags overlap, so the parts may add up to more
    than all.

    Attributes
    ----------
    carriers : pandas.DataFrame
        For each skewed level the used tags that carry most: `tag`, `value` (the sensitive tag and
        its level), `carrier`, `title`, `carrier_tgi` (the TGI that this tag alone brings about),
        `explained_share`.
    n_found, n_candidates : int
        Customers compared (of many candidates a sample).
    """

    frame: pd.DataFrame = field(repr=False)
    carriers: pd.DataFrame = field(repr=False)
    n_found: int
    n_candidates: int
    min_tgi: float
    alpha: float

    @property
    def skewed(self) -> bool:
        """Whether any level is."""
        return bool(self.frame["skewed"].any())

    def to_frame(self, language: str = "en") -> pd.DataFrame:
        """One row a level of a sensitive tag, in the order of tags and levels.

        Columns `tag`, `title`, `value`, `n_found`, `n_candidates`, `found_share`, `candidate_share`,
        `tgi` with interval, `p_adjusted` (Benjamini and Hochberg), `skewed`; and for skewed levels
        `auc` with interval, and `carriers`, the names of those that carry most.

        Parameters
        ----------
        language : {"en", "zh"}
            Of titles and values.
        """
        return told_in(language, self.frame, list(_COLUMNS))

    def _repr_html_(self) -> str:
        title = f"Skew of {self.n_found:,} found against {self.n_candidates:,} candidates"
        shown = self.to_frame().drop(columns=["tag", "carriers"])
        tables = [frame_html(shown, title=title)]
        if len(self.carriers):
            tables.append(frame_html(self.carriers, title="What carries it"))
        return "".join(tables)


@dataclass(frozen=True)
class _Sides:
    """Found and candidates as levels: sensitive tags, used tags, and who is which."""

    found: NDArray[np.bool_]
    candidate: NDArray[np.bool_]
    sensitive: Codes
    words: tuple[Words, ...]
    used: Codes
    used_words: tuple[Words, ...]


def skew_of(
    found: Expansion, frame: Any, tags: Sequence[str] | None, min_tgi: float, alpha: float
) -> Skew:
    """The work behind `Expansion.skew`."""
    check_number("min_tgi", min_tgi, low=0, high=100, inclusive=False)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    if frame is None:
        frame = found.candidates
    if frame is None:
        raise InvalidInput("frame must be given: this expansion does not know its candidates")
    if not found.size:
        raise InvalidInput("a skew needs customers that were found, got an empty expansion")
    names = _sensitive(inputs.frame_columns(frame), tags)
    sides = _read(found, frame, names)
    rows = _levels(sides, alpha, min_tgi)
    rows, carriers = _carried(sides, rows)
    result = Skew(
        rows, carriers, int(sides.found.sum()), int(sides.candidate.sum()), min_tgi, alpha
    )
    _warn(result)
    return result


def _sensitive(columns: Sequence[str], tags: Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise InvalidInput(f"tags must be a list of names, got {tags!r}; use [{tags!r}]")
    if tags is not None:
        check_columns(columns, [inputs.ID, *tags], "frame")
        if not tags:
            raise InvalidInput("tags must name at least one sensitive tag, got none")
        return tuple(dict.fromkeys(tags))
    check_columns(columns, [inputs.ID], "frame")
    known = {tag.name for tag in catalogue(entity="customer") if tag.sensitivity == "sensitive"}
    names = tuple(name for name in columns if name in known)
    if not names:
        raise InvalidInput(
            f"frame must have a sensitive tag ({', '.join(sorted(known))}), it has none; name "
            "the ones to be checked with tags="
        )
    return names


def _read(found: Expansion, frame: Any, names: tuple[str, ...]) -> _Sides:
    """The found and a sample of the candidates, in levels."""
    used = [tag for tag in found.tags if tag in frame.columns and tag not in names]
    if not found.seeds_included:
        frame = without(frame, pd.Series(found.seeds, dtype=object))
    sample = inputs.gather(
        frame,
        [*names, *used],
        frozenset(found.ids()),
        size=_SAMPLE,
        salt="skew",
        what="customers found",
    )
    base = sample.table.filter(pa.array(sample.in_base))
    levels = fit_levels(base, names, bins=_BINS)
    carriers = fit_levels(base, used, bins=_CARRIER_BINS)
    return _Sides(
        sample.is_seed,
        sample.in_base,
        encode(sample.table, levels),
        words_of(levels),
        encode(sample.table, carriers),
        words_of(carriers),
    )


def _levels(sides: _Sides, alpha: float, min_tgi: float) -> pd.DataFrame:
    """TGI of every level of every sensitive tag."""
    groups = (sides.found, sides.candidate, sides.found & sides.candidate)
    totals = tuple(int(group.sum()) for group in groups)
    rows = []
    for at, words in enumerate(sides.words):
        n = words.levels.n_levels
        of_found, of_all, of_both = (
            np.bincount(sides.sensitive[group, at], minlength=n) for group in groups
        )
        # Judged by what would be expected, so that nobody among the found is seen as well.
        expected = of_all / totals[1] * totals[0]
        rows += [
            {
                "tag": words.levels.name,
                "level": level,
                **{f"title_{lang}": words.title(lang) for lang in LANGUAGES},
                **{f"value_{lang}": words.span(Span(level, level), lang) for lang in LANGUAGES},
                "n_found": int(of_found[level]),
                "n_candidates": int(of_all[level]),
                "n_shared": int(of_both[level]),
            }
            for level in words.natural(
                np.flatnonzero((expected >= _LEAST) & (of_all >= _LEAST)).tolist()
            )
        ]
    if not rows:
        raise InvalidInput(
            f"an expansion must be large enough for a skew to be seen, got {totals[0]} customers: "
            f"no level of the sensitive tags would have {_LEAST} of them"
        )
    frame = pd.DataFrame(rows)
    tgi, lower, upper, p_value = tgi_interval(
        frame["n_found"], totals[0], frame["n_candidates"], totals[1],
        shared=frame["n_shared"], shared_size=totals[2], alpha=alpha,
    )  # fmt: skip
    adjusted = false_discovery_control(p_value)
    return frame.assign(
        found_share=frame["n_found"] / totals[0],
        candidate_share=frame["n_candidates"] / totals[1],
        tgi=tgi,
        tgi_ci_lower=lower,
        tgi_ci_upper=upper,
        p_adjusted=adjusted,
        skewed=(adjusted < alpha) & ((tgi < min_tgi) | (tgi > 1e4 / min_tgi)),
    )


def _carried(sides: _Sides, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`rows` with the AUC of the used tags, and the tags that carry the skew."""
    position = {words.levels.name: at for at, words in enumerate(sides.words)}
    auc = np.full((len(rows), 3), np.nan)
    named = [""] * len(rows)
    carriers: list[pd.DataFrame] = []
    levels = zip(
        *(rows[name].tolist() for name in ("tag", "level", "value_en", "skewed")), strict=True
    )
    for number, (tag, level, value, skewed) in enumerate(levels):
        if not skewed or not sides.used_words:
            continue
        has = sides.sensitive[:, position[tag]] == level
        auc[number] = _predicted(sides.used[sides.candidate], has[sides.candidate])
        of_row = _carriers(sides, has).head(_SHOWN_CARRIERS)
        carriers.append(of_row.assign(tag=tag, value=value))
        named[number] = ", ".join(of_row["carrier"])
    columns = ["tag", "value", "carrier", "title", "carrier_tgi", "explained_share"]
    told = rows.assign(
        auc=auc[:, 0], auc_ci_lower=auc[:, 1], auc_ci_upper=auc[:, 2],
        carriers=pd.Series(named, index=rows.index, dtype="str"),
    )  # fmt: skip
    if not carriers:
        return told, pd.DataFrame(columns=columns)
    return told, pd.concat(carriers, ignore_index=True)[columns]


def _carriers(sides: _Sides, has: NDArray[np.bool_]) -> pd.DataFrame:
    """The share of the sensitive level that each used tag alone would bring about."""
    share, found_share = has[sides.candidate].mean(), has[sides.found].mean()
    brought = np.empty(len(sides.used_words))
    for at, words in enumerate(sides.used_words):
        n = words.levels.n_levels
        codes = sides.used[sides.candidate, at]
        number = np.bincount(codes, minlength=n)
        with_it = np.bincount(codes, weights=has[sides.candidate], minlength=n)
        # A level that nobody of the sample has is taken to be like the base.
        q = np.where(number > 0, with_it / np.maximum(number, 1), share)
        w = np.bincount(sides.used[sides.found, at], minlength=n) / sides.found.sum()
        brought[at] = w @ q
    explained = (brought - share) / (found_share - share)
    frame = pd.DataFrame(
        {
            "carrier": [words.levels.name for words in sides.used_words],
            "title": [words.title() for words in sides.used_words],
            "carrier_tgi": 100 * brought / share,
            "explained_share": explained,
        }
    )
    return frame.sort_values(
        ["explained_share", "carrier"], ascending=[False, True], ignore_index=True
    )


def _predicted(codes: Codes, has: NDArray[np.bool_]) -> tuple[float, float, float]:
    """AUC of trees that tell from the used tags who `has` the level, out-of-fold, with interval."""
    import xgboost as xgb

    folds = np.random.RandomState(0).permutation(len(codes)) % _FOLDS
    score = np.empty(len(codes))
    settings = {
        "objective": "binary:logistic", "max_depth": 4, "eta": 0.15, "subsample": 0.8,
        "colsample_bytree": 0.5, "seed": 0, "nthread": 1, "max_bin": 32,
    }  # fmt: skip
    for fold in range(_FOLDS):
        train, test = folds != fold, folds == fold
        data = xgb.DMatrix(codes[train].astype(np.float32), label=has[train])
        booster = xgb.train(settings, data, num_boost_round=40)
        score[test] = booster.predict(xgb.DMatrix(codes[test].astype(np.float32)))
    of_those, of_others = place(score[has], score[~has])
    auc = float(of_those.mean())
    variance = of_those.var(ddof=1) / len(of_those) + of_others.var(ddof=1) / len(of_others)
    half = _Z * float(np.sqrt(variance))
    return auc, max(0.0, auc - half), min(1.0, auc + half)


def _warn(result: Skew) -> None:
    rows = result.to_frame().query("skewed")
    if len(rows):
        worst = rows.iloc[int(np.abs(np.log(np.maximum(rows["tgi"], 1) / 100)).argmax())]
        warnings.warn(
            f"the customers found skew by {', '.join(dict.fromkeys(rows['title']))}: "
            f"{worst['title']} {worst['value']} has TGI {worst['tgi']:.0f} "
            f"[{worst['tgi_ci_lower']:.0f}, {worst['tgi_ci_upper']:.0f}], outside "
            f"{result.min_tgi:.0f} to {1e4 / result.min_tgi:.0f}; see .carriers, and leave those "
            f"out with exclude= if the skew is not meant",
            SkewWarning,
            stacklevel=4,
        )
