"""The seeds' profile: how much commoner each level of a tag is among the seeds than in the base."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from marketing_ds._core.display import Result
from marketing_ds.profiling import tgi_interval, told_in

from ..information import evidence_of
from ..training import Training
from .words import LANGUAGES, Words, spans, words_of

_MIN_COUNT = 10
"""Levels that fewer seeds, or fewer customers of the base, have are not shown."""
_COLUMNS = (
    "tag", "title", "value", "n_seeds", "n_base", "seed_share", "base_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper", "p_adjusted", "information",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SeedProfile(Result):
    """The tags that made the difference, level by level; see `SeedSeparation.tgi`.

    TGI = 100 × share of the seeds / share of the base, with the interval of
    `marketing_ds.profiling.tgi_interval` at 95 %, and p-values adjusted over all rows shown
    (Benjamini and Hochberg 1995). Numbers and dates are shown in groups of the levels that the
    look-alike cuts them into. What fewer than 10 seeds, or customers of the base, have is left out.
    """

    frame: pd.DataFrame = field(repr=False)
    n_seeds: int
    n_base: int
    """Customers of the base that were looked at (a sample of a large one)."""
    language: str = "en"

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a group of levels, the surest difference first.

        Columns `tag`, `title`, `value`, `n_seeds`, `n_base`, `seed_share`, `base_share`, `tgi` with
        `tgi_ci_lower` and `tgi_ci_upper`, `p_adjusted`, and the tag's `information` (its
        information value after chance is taken off; 0 if it had no say).

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Of titles and values.
        """
        return told_in(language or self.language, self.frame, list(_COLUMNS))

    def most_telling(self, top: int = 15, language: str | None = None) -> pd.DataFrame:
        """The `top` rows to look at first, one a tag, as rows of `to_frame`.

        Half of them are commoner among the seeds than in the base, half rarer, where there are so
        many; the surest of each. Of tags that single out the same customers (no visits, no days
        with a visit) the one with the most information stays.
        """
        each = self.to_frame(language).drop_duplicates(["n_seeds", "n_base"])
        sides = [each[each["tgi"] > 100], each[each["tgi"] <= 100]]
        above, below = (side.drop_duplicates("tag") for side in sides)
        n_below = min(len(below), max(top // 2, top - len(above)))
        shown = pd.concat([above.head(top - n_below), below.head(n_below)])
        return shown.sort_index().reset_index(drop=True)


def seed_profile(training: Training) -> SeedProfile:
    """Count levels among seeds and base, and compare."""
    base, seeds = training.in_base, training.is_seed
    totals = tuple(int(side.sum()) for side in (seeds, base, seeds & base))
    rows = [_rows_of(training, at, words) for at, words in enumerate(words_of(training.levels))]
    frame = pd.concat(rows, ignore_index=True)
    tgi, lower, upper, p_value = tgi_interval(
        frame["n_seeds"], totals[0], frame["n_base"], totals[1],
        shared=frame["n_shared"], shared_size=totals[2],
    )  # fmt: skip
    frame = frame.assign(
        seed_share=frame["n_seeds"] / totals[0],
        base_share=frame["n_base"] / totals[1],
        tgi=tgi,
        tgi_ci_lower=lower,
        tgi_ci_upper=upper,
        p_adjusted=false_discovery_control(p_value) if len(p_value) else p_value,
    )
    order = np.lexsort((-frame["information"].to_numpy(), -sureness(lower, upper).round(12)))
    return SeedProfile(frame.iloc[order].reset_index(drop=True), totals[0], totals[1])


def sureness(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """|log TGI/100| at the interval's end nearest to 100; 0 where it holds 100."""
    with np.errstate(divide="ignore"):
        low, high = np.log(np.asarray(lower) / 100), np.log(np.asarray(upper) / 100)
    return np.maximum(np.maximum(low, -high), 0.0)


def _rows_of(training: Training, at: int, words: Words) -> pd.DataFrame:
    """The groups of levels of one tag that enough customers have."""
    codes, n = training.codes[:, at], words.levels.n_levels
    sides = (training.is_seed, training.in_base, training.is_seed & training.in_base)
    counts = np.array([np.bincount(codes[side], minlength=n) for side in sides])
    groups = spans(words.levels, counts[1] / counts[1].sum())
    grouped = np.array([counts[:, span.levels].sum(axis=1) for span in groups])
    shown = np.flatnonzero((grouped[:, :2] >= _MIN_COUNT).all(axis=1))
    _, _, information = evidence_of(codes[sides[0]], codes[sides[1]], n)
    values = {
        f"value_{lang}": pd.Series([words.span(groups[i], lang) for i in shown], dtype="str")
        for lang in LANGUAGES
    }
    return pd.DataFrame(
        {
            "tag": pd.Series([words.levels.name] * len(shown), dtype="str"),
            **{f"title_{lang}": words.title(lang) for lang in LANGUAGES},
            **values,
            **dict(zip(("n_seeds", "n_base", "n_shared"), grouped[shown].T, strict=True)),
            "information": information,
        }
    )
