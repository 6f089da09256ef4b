"""What the numbers say in sentences: the findings, and the limits that follow from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pandas as pd

from marketing_ds.tags import Tag

from .._evaluation import PropensityEvaluation
from .._fairness import PropensityFairness
from .._sample import FEW
from .._segments import PropensitySegments
from .sections import group_title, segment_name
from .words import Words, number, percent


def sentences(
    measured: PropensityEvaluation | None,
    apart: bool,
    fairness: PropensityFairness | None,
    tags: Mapping[str, Tag],
    words: Words,
    lang: str,
) -> list[str]:
    """How good the order is, what the top holds, whether the probabilities hold, who fares worst."""
    lines = [words["no_evaluation"]] if measured is None else _measured(measured, words)
    if measured is not None:
        lines.append(words["apart" if apart else "own"])
    if fairness is None:
        return [*lines, words["no_fairness"]]
    frame = fairness.to_frame()
    return [
        *lines,
        *(_widest(part, tags, words, lang) for _, part in frame.groupby("by", sort=False)),
    ]


def limits_of(
    measured: PropensityEvaluation | None,
    apart: bool,
    cutoffs: Sequence[dt.date] | None,
    segments: PropensitySegments | None,
    fairness: PropensityFairness | None,
    tags: Mapping[str, Tag],
    words: Words,
    lang: str,
) -> list[str]:
    """What must not be read into the model, as far as numbers tell."""
    lines = [words["not_cause"]]
    if measured is None:
        lines.append(words["no_evaluation"])
    else:
        if measured.positives < FEW:
            lines.append(words["few_positives"].format(n=measured.positives))
        if measured.ece.ci_lower > 0:
            lines.append(words["mis"])
    if not apart:
        lines.append(words["not_later"])
    if cutoffs is not None and len(cutoffs) == 1:
        lines.append(words["one_cutoff"])
    small = []
    if segments is not None:
        small += _names(segments.to_frame("auc"), "segment", tags, words, lang)
    if fairness is not None:
        small += _names(fairness.to_frame(), "group", tags, words, lang)
        off = fairness.to_frame()
        off = off[(off["gap_share_ci_lower"] > 0) | (off["gap_share_ci_upper"] < 0)]
        if len(off):
            named = words["comma"].join(_names(off.assign(few=True), "group", tags, words, lang))
            lines.append(words["gap_found"].format(names=named))
    if small:
        lines.append(words["small"].format(names=words["comma"].join(dict.fromkeys(small))))
    return lines


def _measured(result: PropensityEvaluation, words: Words) -> list[str]:
    auc, fifth, ece = result.auc, result.captured_20, result.ece
    return [
        words["order"].format(
            auc=number(auc.value),
            low=number(auc.ci_lower),
            high=number(auc.ci_upper),
            level=f"{result.level:.0%}",
        ),
        words["fifth"].format(
            share=percent(fifth.value, 0),
            low=percent(fifth.ci_lower, 0),
            high=percent(fifth.ci_upper, 0),
            lift=f"{result.lift_20.value:.1f}",
        ),
        words["off" if ece.ci_lower > 0 else "holds"].format(
            ece=percent(ece.value, 2), low=percent(ece.ci_lower, 2), high=percent(ece.ci_upper, 2)
        ),
    ]


def _widest(frame: pd.DataFrame, tags: Mapping[str, Tag], words: Words, lang: str) -> str:
    """The group whose selected share differs most from the largest group's, and both rates.

    Groups with few positives or negatives differ by chance; they are passed over where there are
    others.
    """
    reference = frame.iloc[int(frame["rows"].argmax())]
    others = frame[~frame["few"] & (frame["disparity"] != 1)]
    frame = others if len(others) else frame
    ratio = frame["disparity"].clip(lower=1e-9)
    far = frame.iloc[int(ratio.where(ratio > 1, 1 / ratio).fillna(1.0).argmax())]
    return words["widest"].format(
        by=group_title(str(far["by"]), tags, words, lang),
        group=segment_name(str(far["group"]), words),
        ratio=f"{far['disparity']:.2f}",
        low="–" if pd.isna(far["disparity_ci_lower"]) else f"{far['disparity_ci_lower']:.2f}",
        high="–" if pd.isna(far["disparity_ci_upper"]) else f"{far['disparity_ci_upper']:.2f}",
        rate=percent(far["rate_share"]),
        other=percent(reference["rate_share"]),
    )


def _names(
    frame: pd.DataFrame, column: str, tags: Mapping[str, Tag], words: Words, lang: str
) -> list[str]:
    few = frame[frame["few"]]
    return [
        f"{group_title(by, tags, words, lang)}{words['colon']}{segment_name(name, words)}"
        for by, name in zip(few["by"], few[column], strict=True)
    ]
