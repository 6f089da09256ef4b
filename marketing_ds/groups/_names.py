"""What sets a group apart, and what to call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from marketing_ds.audiences import audience
from marketing_ds.profiling import profile
from marketing_ds.tags import catalogue

from ._inputs import GROUP
from ._kmeans import Points
from ._space import Space, correlated

LANGUAGES = ("en", "zh")
ALPHA = 0.05
_LEAST_TGI = 120.0
_MOST_OF_A_GROUP = (0.5, 0.25)
"""A name should be true of half of the group, or at least of a quarter."""
_SAME_THING = 0.7
"""Two tags that are correlated like this say the same twice."""
_PARTS = 2
_HIGH = 0.6
"""A typical value above which share of the base is called high."""
_ORDINARY = {"en": "Near the average", "zh": "接近总体"}
_EVERYBODY = {"en": "Everybody", "zh": "全体客户"}
_LEVELS = {
    "en": {"high": "high {}", "low": "low {}", "none": "no {}", "some": "with {}"},
    "zh": {"high": "{}高", "low": "{}低", "none": "无{}", "some": "有{}"},
}
_MISSING = {"en": "(missing)", "zh": "（缺失）"}


@dataclass(frozen=True)
class Grouped:
    """A sample of grouped customers."""

    frame: pd.DataFrame
    points: Points
    labels: NDArray[np.intp]
    """From 1 on."""
    space: Space


def contrasts(sample: Grouped, *, min_count: int = 10) -> pd.DataFrame:
    """TGI of every value in every group, by `profile`; titles in both languages."""
    table = pa.Table.from_pandas(
        sample.frame.assign(**{GROUP: sample.labels}), preserve_index=False
    )
    base = ibis.memtable(table)
    found = []
    for group in range(1, int(sample.labels.max()) + 1):
        prof = profile(
            audience(base, f"{GROUP} == {group}"), tags=list(sample.space.tags), min_count=min_count
        )
        english, chinese = prof.to_frame("en"), prof.to_frame("zh")
        rows = english.rename(columns={"title": "title_en", "value": "value_en"})
        rows.insert(0, "group", group)
        found.append(rows.assign(title_zh=chinese["title"], value_zh=chinese["value"]))
    return pd.concat(found, ignore_index=True)


def telling(sample: Grouped, rows: pd.DataFrame, *, parts: int = 4) -> pd.DataFrame:
    """The rows of `contrasts` that tell each group best, at most `parts` of them: strongest first.

    They have a sure TGI of 120 or more and hold for much of the group: for half of it, where there
    are such. Values from the midst of a number's range come behind, missing ones last; and no tag
    comes that says what one before says.
    """
    sure = rows[(rows["tgi"] >= _LEAST_TGI) & (rows["p_adjusted"] < ALPHA)]
    sure = sure.assign(weak=[_weakness(sample, row) for _, row in sure.iterrows()])
    order, ascending = ["weak", "tgi_ci_lower", "tag"], [True, False, True]
    ranked = sure.sort_values(order, ascending=ascending, kind="stable")
    chosen: list[object] = []
    for _, of_group in ranked.groupby("group"):
        tags: list[str] = []
        for least in _MOST_OF_A_GROUP:
            for at, row in of_group[of_group["audience_share"] >= least].iterrows():
                if len(tags) < parts and not _repeats(sample, row["tag"], tags):
                    tags.append(row["tag"])
                    chosen.append(at)
    return rows.loc[chosen]


def _weakness(sample: Grouped, row: pd.Series) -> int:
    """0 for a value that says something by itself, 1 for one from a number's midst, 2 for none."""
    if row["value_en"] == _MISSING["en"]:
        return 2
    return int(_level(sample.frame[row["tag"]], sample.labels == row["group"]) == "between")


def name_groups(sample: Grouped, told: pd.DataFrame) -> list[dict[str, str]]:
    """A name for each group in each language, of the two rows that tell most; no two alike."""
    count = int(sample.labels.max())
    if count == 1:
        return [dict(_EVERYBODY)]
    names = []
    for group in range(1, count + 1):
        best = told[told["group"] == group].head(_PARTS)
        name = {}
        for language in LANGUAGES:
            words = [_words(sample, group, row, language) for _, row in best.iterrows()]
            text = " · ".join(words) or _ORDINARY[language]
            name[language] = text[:1].upper() + text[1:]
        names.append(name)
    return _told_apart(names)


def _repeats(sample: Grouped, tag: str, tags: Sequence[str]) -> bool:
    """Whether `tag` says what one of `tags` does."""
    block = dict(zip(sample.space.tags, sample.space.blocks, strict=True))
    return any(
        other == tag or correlated(sample.points, block[tag], block[other]) > _SAME_THING
        for other in tags
    )


def _words(sample: Grouped, group: int, row: pd.Series, language: str) -> str:
    """A value in words: ``high assets``, ``no wealth products``, ``region: north``."""
    title, value = _title(row, language), str(row[f"value_{language}"])
    chinese = language == "zh"
    if value == _MISSING[language]:
        return f"{title}未知" if chinese else f"{title} unknown"
    level = _level(sample.frame[row["tag"]], sample.labels == group)
    if level == "none":  # none of the events, not: no share of them
        title = title.removeprefix("share of ").removesuffix("占比")
    if level == "flag" and row["value_en"] == "yes":
        return title
    if level in _LEVELS[language]:
        return _LEVELS[language][level].format(title)
    colon = "：" if chinese else ": "
    return f"{title}{colon if level in ('flag', 'word') else '' if chinese else ' '}{value}"


def _level(column: pd.Series, inside: NDArray[np.bool_]) -> str:
    """Where a group's typical value lies in the base.

    ``high``, ``low``, ``none`` (0), ``some`` (where most have none), or ``between``; ``flag`` and
    ``word`` for what is no number.
    """
    if pd.api.types.is_bool_dtype(column.dropna().infer_objects().dtype):
        return "flag"
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return "word"
    typical, known = column[inside].median(), column.dropna()
    counted = bool(known.min() >= 0)
    if counted and typical == 0:
        return "none"
    rare = counted and float((known == 0).mean()) >= 0.5
    if rare:
        known = known[known > 0]
    rank = float((known < typical).mean() + (known == typical).mean() / 2)
    if rank >= _HIGH:
        return "high"
    if rare:
        return "some"
    return "low" if rank <= 1 - _HIGH else "between"


def _title(row: pd.Series, language: str) -> str:
    """The tag's title without its unit; in English it goes on in a sentence."""
    known = catalogue()
    name = str(row["tag"])
    if name not in known:
        return name.removeprefix("attr_").replace("_", " ")
    title = known[name].title(language)
    plain = language == "en" and title[1:2].islower()
    return title[:1].lower() + title[1:] if plain else title


def _told_apart(names: list[dict[str, str]]) -> list[dict[str, str]]:
    """Names with a number behind those that would be alike."""
    for language in LANGUAGES:
        texts = [name[language] for name in names]
        for at, text in enumerate(texts):
            if texts.count(text) > 1:
                names[at][language] = f"{text} ({texts[: at + 1].count(text)})"
    return names
