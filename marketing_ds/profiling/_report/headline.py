"""The main differences in plain sentences, generated from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.markup import Markup, element, joined

from .._behaviour import Behaviour
from .._profile import Profile
from .._ranking import sureness
from .._rows import each_row
from .._trend import Trend
from .words import WORDS, amount, percent, readable, whole

_MOST = 4
_OF_ONE_SUBJECT = 2
_LEAST_EFFECT = 10.0
"""A TGI or an interaction that is nearer to 100 is no news, however sure it is."""


def sentences(profile: Profile, extras: Sequence[Result], language: str) -> list[Markup]:
    """Size, the main differences, one pair of tags, one mean and the trend, as far as there are."""
    words = WORDS[language]
    whom = words["of_second" if profile.against == "audience" else "of_base"]
    return [
        _size(profile, words),
        *_differences(profile, words, whom, language),
        *_pair(profile, words, language),
        *(line for extra in extras for line in _mean(profile, extra, words, whom, language)),
        *(line for extra in extras for line in _trend(extra, words)),
    ]


def findings(profile: Profile, language: str) -> pd.DataFrame:
    """The rows that are told in words: sure, large, and of different subjects."""
    rows = profile.to_frame(language)
    sure = sureness(rows["tgi_ci_lower"], rows["tgi_ci_upper"])
    told = (
        (rows["p_adjusted"] < profile.alpha)
        & ((rows["tgi"] - 100).abs() >= _LEAST_EFFECT)
        & ~rows["tag"].isin(profile.rule_tags)
    )
    # What is both surely different and common says more of people than what hardly anybody has.
    weight = sure * (rows["audience_share"] - rows["base_share"]).abs()
    rows = rows[told].assign(weight=weight[told]).sort_values("weight", ascending=False)
    # What exactly as many have are the same people again: no transactions, and so no purchases.
    rows = rows.drop_duplicates("tag").drop_duplicates(["n_audience", "n_base"])
    subjects = {c.name: c.tag.subject if c.tag else c.name for c in profile.columns}
    place = rows.groupby(rows["tag"].map(subjects)).cumcount()
    return rows[place < _OF_ONE_SUBJECT].head(_MOST)


def _size(profile: Profile, words: Mapping[str, str]) -> Markup:
    numbers = {"n": whole(profile.audience_count), "base": whole(profile.base_count)}
    if profile.against == "audience":
        return joined([words["size_two"].format(shared=whole(profile.shared_count), **numbers)])
    share = percent(profile.audience_count / profile.base_count)
    return joined([words["size"].format(share=share, **numbers)])


def _differences(
    profile: Profile, words: Mapping[str, str], whom: str, language: str
) -> Iterator[Markup]:
    found = findings(profile, language)
    if found.empty:
        yield joined([words["nothing"].format(whom=whom)])
    level = f"{1 - profile.alpha:.0%}"
    for row in each_row(found):
        sure = words["sure"].format(
            tgi=whole(row.tgi), level=level, lower=whole(row.tgi_ci_lower), upper=whole(row.tgi_ci_upper)
        )  # fmt: skip
        yield _filled(
            words["finding"],
            a=percent(row.audience_share),
            b=percent(row.base_share),
            whom=whom,
            what=_what(row.title, row.value, language),
            times=_times(row.tgi / 100, words, ("times", "more", "less")),
            sure=sure,
        )


def _pair(profile: Profile, words: Mapping[str, str], language: str) -> Iterator[Markup]:
    """The strongest interaction, if it is sure and large."""
    if profile.crossed is None:
        return
    rows = profile.crossed.to_frame(language)
    sure = (rows["p_interaction_adjusted"] < profile.alpha) & (
        (rows["interaction"] - 100).abs() >= _LEAST_EFFECT
    )
    for row in each_row(rows[sure].head(1)):
        more = row.interaction > 100
        part = f"{abs(row.interaction - 100):.0f}%"
        yield _filled(
            words["together"],
            a=_what(row.title_a, row.value_a, language),
            b=_what(row.title_b, row.value_b, language),
            times=words["together_more" if more else "together_less"].format(part=part),
        )


def _mean(
    profile: Profile, extra: Result, words: Mapping[str, str], whom: str, language: str
) -> Iterator[Markup]:
    """The mean that differs most, of the tags that the audience was not chosen by."""
    if not isinstance(extra, Behaviour):
        return
    rows = extra.to_frame(language)
    far = (np.log(rows["ratio"]).abs() > np.log1p(_LEAST_EFFECT / 100)).fillna(False)
    told = far & (rows["p_adjusted"] < extra.alpha) & ~rows["tag"].isin(profile.rule_tags)
    for row in each_row(rows[told].head(1)):
        yield _filled(
            words["average"],
            what=element("b", row.title),
            first=amount(row.mean_audience),
            second=amount(row.mean_base),
            whom=whom,
            times=_times(row.ratio, words, ("fold", "higher", "lower")),
        )


def _trend(extra: Result, words: Mapping[str, str]) -> Iterator[Markup]:
    if not isinstance(extra, Trend):
        return
    first, last = extra.rows.iloc[0], extra.rows.iloc[-1]
    number = len(extra.alarms)
    yield _filled(
        words["trend"],
        since=first["as_of"],
        until=last["as_of"],
        first=whole(first["n"]),
        last=whole(last["n"]),
        alarms=words["alarms"].format(n=number) if number else words["no_alarm"],
    )


def _what(title: str, value: str, language: str) -> Markup:
    is_ = "为" if language == "zh" else ": "
    return element("b", f"{title}{is_}{readable(value)}")


def _times(ratio: float, words: Mapping[str, str], names: tuple[str, str, str]) -> str:
    """Twice and more as a multiple, everything else as a part more or less."""
    times, more, less = names
    if ratio >= 2:
        return words[times].format(ratio=f"{ratio:.1f}")
    part = f"{abs(ratio - 1):.0%}"
    return words[more if ratio >= 1 else less].format(part=part)


def _filled(sentence: str, **parts: object) -> Markup:
    """A sentence with its parts, each escaped unless it is markup."""
    return Markup(sentence.format(**{name: joined([part]) for name, part in parts.items()}))
