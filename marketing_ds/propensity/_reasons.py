"""Why a score is what it is: TreeSHAP, gathered from encoded columns back to tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.display import Result
from marketing_ds._core.tree_shap import contributions
from marketing_ds.features import FeatureEncoder, Table, read_column, read_table
from marketing_ds.tags import Tag

from ._reference import TagReference
from ._standing import standings, word_standings
from ._words import LANGUAGES, Language, TagWords, words_of

Floats = NDArray[np.float64]

_ROWS = 16_384
"""Customers explained at once: bounds memory."""


@dataclass(frozen=True)
class Explanation(Result):
    """Contributions of tags to log-odds before calibration.

    For each customer, the tags' contributions and the base add up to the booster's margin.

    Attributes
    ----------
    tags : tuple of str
    contributions : ndarray of shape (rows, tags)
        SHAP values; positive raises the score.
    base : float
        What a customer of whom nothing is known would get.
    values : ndarray of shape (rows, tags)
        The tags as the trees see them: numbers, booleans as 1 and 0, dates in days since
        1970-01-01, categories as their rate of the outcome; NaN where unknown or never used.
    """

    tags: tuple[str, ...]
    contributions: Floats = field(repr=False)
    base: float
    values: NDArray[np.float32] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a tag, most important first: mean |SHAP| with its 95 % interval, and its share.

        The interval is about the choice of customers explained, not about the model.
        """
        size = np.abs(self.contributions)
        mean = size.mean(axis=0)
        rows = len(size)
        error = size.std(axis=0, ddof=1) / np.sqrt(rows) if rows > 1 else np.full(len(mean), np.nan)
        half = norm.ppf(0.975) * error
        frame = pd.DataFrame(
            {
                "tag": self.tags,
                "mean_abs_shap": mean,
                "mean_abs_shap_ci_lower": np.maximum(mean - half, 0.0),
                "mean_abs_shap_ci_upper": mean + half,
                "importance_share": mean / mean.sum() if mean.sum() > 0 else mean,
            }
        )
        return frame.sort_values("mean_abs_shap", ascending=False, kind="stable", ignore_index=True)


class Explained(Protocol):
    """What reasons need of a fitted model."""

    @property
    def encoder_(self) -> FeatureEncoder: ...

    @property
    def booster_(self) -> xgb.Booster: ...

    @property
    def reference_(self) -> tuple[TagReference, ...]: ...


def explain_rows(
    booster: xgb.Booster, encoder: FeatureEncoder, Z: NDArray[np.float32]
) -> Explanation:
    """TreeSHAP of encoded rows, each encoded column's at the tag that it was made of."""
    tags = tuple(column.name for column in encoder.columns_)
    shap, base = contributions(booster, Z)
    of_tags = np.zeros((len(Z), len(tags)))
    of_tags[:, encoder.origin_] = shap
    values = np.full((len(Z), len(tags)), np.nan, dtype=np.float32)
    values[:, encoder.origin_] = Z
    return Explanation(tags, of_tags, base, values)


def reasons_of(
    model: Explained,
    X: ArrayLike | Any,
    *,
    top: int = 3,
    language: str = "en",
    tags: Sequence[Tag] = (),
) -> pd.DataFrame:
    """Each customer's strongest tags in words, strongest first; see `PropensityModel.reasons`."""
    check_count("top", top, low=1)
    check_choice("language", language, (*LANGUAGES, "both"))
    told: tuple[Language, ...] = LANGUAGES if language == "both" else (language,)  # type: ignore[assignment]
    encoder = model.encoder_
    table = read_table(X)
    features = encoder.align(table)
    Z = encoder.transform(X)
    ids = _ids(table)
    speakers = [
        _Speaker(words, reference, told)
        for words, reference in zip(words_of(encoder.columns_, tags), model.reference_, strict=True)
    ]
    parts = []
    for low in range(0, len(Z), _ROWS):
        here = slice(low, low + _ROWS)
        tag, shap = _strongest(contributions(model.booster_, Z[here])[0], encoder, int(top))
        parts.append(_frame(tag, shap, features.iloc[here], ids.iloc[here], speakers))
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Speaker:
    """Puts the values of one tag into words."""

    words: TagWords
    reference: TagReference
    languages: tuple[Language, ...]

    def say(self, column: pd.Series[Any]) -> tuple[list[str | None], dict[Language, list[str]]]:
        """The values as text, and the sentences a language."""
        name, kind = self.words.name, self.words.kind
        if self.reference.kind == "category":
            reading = read_column(column, name, "category")
            levels = [*reading.levels, None]  # the last serves nulls, whose code is -1
            at = reading.values.tolist()
            shown: list[str | None] = [levels[i] for i in at]
            said = {}
            for language in self.languages:
                phrases = [
                    self.words.phrase_of_word(word, language) + clause
                    for word, clause in zip(
                        levels, word_standings(self.reference, levels, language), strict=True
                    )
                ]
                said[language] = [phrases[i] for i in at]
            return shown, said
        single = read_column(column, name, self.reference.kind).values.astype(np.float64)
        # Dates are days only once they are read; numbers are shown with all their digits.
        exact = single if kind == "date" else column.to_numpy(dtype=np.float64, na_value=np.nan)
        said = {}
        for language in self.languages:
            phrases = self.words.phrases(exact, language)
            clauses = standings(self.reference, self.words.shape, single, language)
            said[language] = [a + b for a, b in zip(phrases, clauses, strict=True)]
        return [_as_text(value, kind) for value in exact.tolist()], said


def _strongest(shap: Floats, encoder: FeatureEncoder, top: int) -> tuple[NDArray[np.intp], Floats]:
    """The strongest tags of each row and their contributions, each of shape (rows, top)."""
    left = np.abs(shap)
    rows = np.arange(len(left))
    found = []
    for _ in range(min(top, left.shape[1])):
        at = left.argmax(axis=1)
        found.append(at)
        left[rows, at] = -1.0
    columns = np.column_stack(found)
    return encoder.origin_[columns], np.take_along_axis(shap, columns, axis=1)


def _frame(
    tag: NDArray[np.intp],
    shap: Floats,
    features: pd.DataFrame,
    ids: pd.Series[Any],
    speakers: Sequence[_Speaker],
) -> pd.DataFrame:
    """One row a customer and reason; tags without any contribution are left out."""
    rank = np.broadcast_to(np.arange(1, tag.shape[1] + 1), tag.shape)
    row, place = np.nonzero(shap)
    flat = tag[row, place]
    value: NDArray[np.object_] = np.empty(len(flat), dtype=object)
    sentences = {language: value.copy() for language in speakers[0].languages}
    order = np.argsort(flat, kind="stable")
    for here in np.split(order, np.flatnonzero(np.diff(flat[order])) + 1):
        if len(here) == 0:
            continue
        at = int(flat[here[0]])
        value[here], said = speakers[at].say(features.iloc[row[here], at])
        for language, texts in said.items():
            sentences[language][here] = texts
    contribution = shap[row, place]
    names = np.array([speaker.words.name for speaker in speakers], dtype=object)
    columns: dict[str, Any] = {
        str(ids.name): ids.to_numpy()[row],
        "rank": rank[row, place],
        "tag": pd.Series(names[flat], dtype="str"),
        "value": pd.Series(value, dtype="str"),
        "contribution": contribution,
        "direction": pd.Series(np.where(contribution > 0, "raises", "lowers"), dtype="str"),
    }
    for language, told in sentences.items():
        name = "sentence" if len(sentences) == 1 else f"sentence_{language}"
        columns[name] = pd.Series(told, dtype="str")
    return pd.DataFrame(columns)


def _ids(table: Table) -> pd.Series[Any]:
    """Whom each row is about: the customer, else the row's number."""
    if "customer_id" in table.keys:
        return table.keys["customer_id"]
    return pd.Series(np.arange(len(table.features)), name="row")


def _as_text(value: float, kind: str) -> str | None:
    if value != value:
        return None
    if kind == "date":
        return str(np.datetime64(int(value), "D"))
    if kind == "boolean":
        return "true" if value else "false"
    return f"{value:.10g}"
