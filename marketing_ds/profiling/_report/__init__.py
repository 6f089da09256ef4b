"""The profile as one page: headline in words, tables with bars, mixes, notes; no outside parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from marketing_ds._core.checks import check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.markup import Markup, checked_page, element, joined, page

from .._profile import Profile
from .headline import sentences
from .sections import apart, crossed, extra_section, mixes
from .words import WORDS, percent, whole

_MIXED = ("lifecycle", "value_tier", "rfm_class")
_TITLE_LENGTH = 90
_MOST_NAMES = 12


def write_report(
    profile: Profile,
    path: str | Path,
    *,
    language: str,
    title: str | None,
    as_of: str | dt.date | None,
    extras: Sequence[Result],
) -> Path:
    """Write the page; see `Profile.report`."""
    file = checked_page(path)
    if isinstance(extras, Result):
        extras = [extras]
    for extra in extras:
        if not isinstance(extra, Result):
            raise InvalidInput(
                f"extras must hold results, such as those of behaviour or trend, got "
                f"{type(extra).__name__}"
            )
    day = check_date("as_of", as_of) if as_of is not None else profile.as_of
    heading = title or _short(profile.texts[0])
    text = page(
        lang=WORDS[language]["lang"],
        title=joined([WORDS[language]["kind"], WORDS[language]["colon"], heading]),
        header=_header(profile, heading, day, language),
        main=joined(_main(profile, extras, language)),
        footer=_footer(profile, language),
    )
    file.write_text(text, encoding="utf-8")
    return file


def _short(text: str) -> str:
    return text if len(text) <= _TITLE_LENGTH else f"{text[: _TITLE_LENGTH - 1]}…"


def _header(profile: Profile, heading: str, day: dt.date | None, language: str) -> Markup:
    words = WORDS[language]
    share = percent(profile.audience_count / profile.base_count)
    nested = profile.against == "base"
    facts = [
        (words["audience"], whole(profile.audience_count), words["share_of"].format(share=share) if nested else ""),
        (words["base" if nested else "second"], whole(profile.base_count), ""),
    ]  # fmt: skip
    if not nested:
        facts.append((words["shared"], whole(profile.shared_count), ""))
    if day is not None:
        facts.append((words["as_of"], str(day), ""))
    second = words["everybody"] if profile.texts[1] is None else element("code", profile.texts[1])
    return element(
        "header",
        element("p", words["kind"], class_="kind"),
        element("h1", heading),
        element("p", f"{words['chosen']}{words['colon']}", element("code", profile.texts[0])),
        element("p", f"{words['against']}{words['colon']}", second),
        element(
            "dl",
            *(
                element(
                    "div",
                    element("dt", name),
                    element("dd", number, element("small", more) if more else ""),
                )
                for name, number, more in facts
            ),
            class_="facts",
        ),
    )


def _main(profile: Profile, extras: Sequence[Result], language: str) -> list[Markup]:
    words = WORDS[language]
    told = element("ul", *(element("li", line) for line in sentences(profile, extras, language)))
    parts = [element("section", element("h2", words["short"]), told, class_="short")]
    parts.append(apart(profile, language))
    names = [column.name for column in profile.columns]
    found = [profile.mix(name) for name in _MIXED if name in names]
    parts += [mixes(found, language)] if found else []
    parts += [crossed(profile.crossed, profile.alpha, language)] if profile.crossed else []
    return [*parts, *(extra_section(extra, language) for extra in extras)]


def _footer(profile: Profile, language: str) -> Markup:
    words = WORDS[language]
    first, second = profile.texts
    both = profile.against == "audience" and profile.shared_count
    overlap = words["note_overlap"] if both else ""
    number = int((profile.hidden["n_base"] > 0).sum())
    small = words["note_small" if number else "note_none"].format(
        least=profile.min_count, tags=number, all=len(profile.hidden)
    )
    rows = whole(len(profile.rows))
    notes = [
        words["note_rule"].format(text=first),
        *([words["note_second"].format(text=second)] if second else []),
        *([words["note_by"].format(tags=_names(profile, language))] if profile.rule_tags else []),
        words["note_estimate"].format(overlap=overlap),
        words["note_tests"].format(rows=rows, alpha=f"{profile.alpha:g}"),
        words["note_rank"],
        small,
        words["note_private"],
    ]  # fmt: skip
    listed = element("ul", *(element("li", note) for note in notes))
    return element("footer", element("h2", words["notes"]), listed)


def _names(profile: Profile, language: str) -> str:
    """Titles of the tags that the sides were chosen by."""
    titles = {column.name: column.title(language) for column in profile.columns}
    names = [titles.get(name, name) for name in profile.rule_tags]
    between = "、" if language == "zh" else ", "
    shown = between.join(names[:_MOST_NAMES])
    left = len(names) - _MOST_NAMES
    return f"{shown} {WORDS[language]['left_out'].format(n=left)}" if left > 0 else shown
