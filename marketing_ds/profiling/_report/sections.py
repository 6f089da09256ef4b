"""The sections of the page, one function a kind of result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.markup import Markup, element, joined
from marketing_ds.audiences import Overlap

from .._behaviour import Behaviour
from .._crossed import Crossed
from .._distribution import Distribution
from .._migration import ENTERED, LEFT, Migration
from .._mix import RFM_COLUMNS, RFM_ROWS, Mix
from .._profile import Profile
from .._rows import each_row
from .._sides import ID
from .._trend import Trend
from .charts import (
    LogScale,
    distribution_chart,
    migration_chart,
    ratio_axis,
    ratio_bar,
    shade,
    share_bars,
    tgi_shade,
    trend_chart,
)
from .words import WORDS, amount, change, percent, readable, whole

_ROWS, _OF_ONE_TAG, _CROSSED, _MEANS, _ANY = 22, 3, 12, 15, 40
_BAR = 220.0
Words = Mapping[str, str]


def section(title: str, *parts: object, note: str | None = None) -> Markup:
    """A heading, what it says, and what is below it."""
    below = element("p", note, class_="note") if note else ""
    return element("section", element("h2", title), below, *parts)


def table(head: Sequence[object], rows: Sequence[Sequence[object]], *, words: int) -> Markup:
    """A table whose first `words` columns hold words and whose others hold numbers."""

    def row(cells: Sequence[object], kind: str) -> Markup:
        return element(
            "tr",
            *(
                cell
                if isinstance(cell, Markup) and cell.startswith(("<td", "<th"))
                else element(kind, cell, class_=None if i < words else "number")
                for i, cell in enumerate(cells)
            ),
        )

    body = [row(cells, "td") for cells in rows]
    return element(
        "table", element("thead", row(head, "th")), element("tbody", *body), class_="full"
    )


def apart(profile: Profile, language: str) -> Markup:
    """The most distinctive rows, with bars."""
    words = WORDS[language]
    frame = profile.to_frame(language)
    frame = frame[~frame["tag"].isin(profile.rule_tags)]
    shown = frame[frame.groupby("tag").cumcount() < _OF_ONE_TAG].head(_ROWS)
    scale = LogScale.over([*shown["tgi_ci_lower"], *shown["tgi_ci_upper"], *shown["tgi"]], _BAR)
    rows = [
        [
            row.title,
            readable(row.value),
            percent(row.audience_share),
            percent(row.base_share),
            _tgi_bar(scale, row.tgi, row.tgi_ci_lower, row.tgi_ci_upper, row.p_adjusted, profile),
            element("b", whole(row.tgi)),
            f"{whole(row.tgi_ci_lower)}–{whole(row.tgi_ci_upper)}",
        ]
        for row in each_row(shown)
    ]
    second = words["second" if profile.against == "audience" else "base"]
    head = [
        words["tag"], words["value"], words["audience"], second, ratio_axis(scale), words["tgi"],
        words["interval"],
    ]  # fmt: skip
    left = len(frame) - len(shown)
    rest = element("p", words["rest"].format(n=whole(left)), class_="note") if left else ""
    whom = words["of_second" if profile.against == "audience" else "of_base"]
    note = words["apart_note"].format(level=f"{1 - profile.alpha:.0%}", whom=whom)
    return section(words["apart"], table(head, rows, words=2), rest, note=note)


def _tgi_bar(
    scale: LogScale, tgi: float, lower: float, upper: float, p: float, profile: Profile
) -> Markup:
    return ratio_bar(scale, tgi, (lower, upper), sure=p < profile.alpha)


def mixes(found: Sequence[Mix], language: str) -> Markup:
    """Each mix as a small table with bars; that of RFM classes as a grid."""
    words = WORDS[language]
    return section(
        words["mixes"], element("div", *(_mix(m, words, language) for m in found), class_="cards")
    )


def _mix(mix: Mix, words: Words, language: str) -> Markup:
    if mix.is_rfm:
        heading = element("h3", mix.title(language))
        return element("div", heading, _rfm(mix, words), class_="card whole")
    frame = mix.to_frame(language)
    most = max(float(frame[["audience_share", "base_share"]].max().max()), 0.01)
    rows = [
        [
            readable(row.value),
            share_bars(row.audience_share, row.base_share, most),
            percent(row.audience_share),
            percent(row.base_share),
            element("td", whole(row.tgi), class_="number", style=tgi_shade(row.tgi)),
        ]
        for row in each_row(frame)
    ]
    second = words["second" if mix.against == "audience" else "base"]
    head = ["", legend(words["audience"], second), words["audience"], second, words["tgi"]]
    heading = element("h3", mix.title(language))
    return element("div", heading, table(head, rows, words=1), class_="card")


def legend(ours: str, base: str) -> Markup:
    """What the two colours mean."""
    keys = (("ours", ours), ("base", base))
    return element(
        "span",
        *(element("span", element("i", class_=side), name, class_="key") for side, name in keys),
        class_="legend",
    )


def _rfm(mix: Mix, words: Words) -> Markup:
    """The eight RFM classes as a grid coloured by TGI."""
    by_cell = mix.by_cell()
    lines = [element("tr", element("th"), *(element("th", words[f"rfm_{c}"]) for c in RFM_COLUMNS))]
    for row in RFM_ROWS:
        cells = []
        for column in RFM_COLUMNS:
            shown = by_cell.get(f"{row}_{column}")
            if shown is None:
                cells.append(element("td", words["not_shown"], class_="hidden"))
                continue
            shares = f"{percent(shown.audience_share)} / {percent(shown.base_share)}"
            inside = (element("b", whole(shown.tgi)), element("small", shares))
            cells.append(element("td", *inside, style=tgi_shade(shown.tgi)))
        lines.append(element("tr", element("th", words[row]), *cells))
    whom = words["of_second" if mix.against == "audience" else "of_base"]
    note = element("p", words["grid_note"].format(whom=whom), class_="note")
    return joined([element("table", element("tbody", *lines), class_="rfm"), note])


def crossed(result: Crossed, alpha: float, language: str) -> Markup:
    """The pairs of values that interact most."""
    words = WORDS[language]
    shown = result.to_frame(language).head(_CROSSED)
    note = words["crossed_note"].format(level=f"{1 - alpha:.0%}")
    if shown.empty:
        return section(words["crossed"], note=words["rare"])
    ends = chain(*(shown[c] for c in ("tgi", "tgi_ci_lower", "tgi_ci_upper", "expected_tgi")))
    scale = LogScale.over(list(ends), 160.0)
    rows = [
        [
            joined([element("span", row.title_a, class_="dim"), " ", readable(row.value_a)]),
            joined([element("span", row.title_b, class_="dim"), " ", readable(row.value_b)]),
            percent(row.audience_share),
            ratio_bar(
                scale, row.tgi, (row.tgi_ci_lower, row.tgi_ci_upper), mark=row.expected_tgi,
                sure=row.p_adjusted < alpha,
            ),
            element("b", whole(row.tgi)),
            whole(row.expected_tgi),
            f"{whole(row.interaction)} "
            f"({whole(row.interaction_ci_lower)}–{whole(row.interaction_ci_upper)})",
        ]
        for row in each_row(shown)
    ]  # fmt: skip
    head = [
        f"{words['tag']} A", f"{words['tag']} B", words["audience"], ratio_axis(scale),
        words["tgi"], words["expected"], words["interaction"],
    ]  # fmt: skip
    return section(words["crossed"], table(head, rows, words=2), note=note)


def extra_section(result: Result, language: str) -> Markup:
    """The section of a further result; one that is not known here is shown as a table."""
    match result:
        case Behaviour():
            return _behaviour(result, language)
        case Distribution():
            return _distribution(result, language)
        case Migration():
            return _migration(result, language)
        case Trend():
            return _trend(result, language)
        case Overlap():
            return _overlap(result, language)
        case Mix():
            return mixes([result], language)
    frame = result.to_frame()
    if ID in [*frame.columns, *frame.index.names]:
        raise InvalidInput(
            f"extras must hold results about groups, got {type(result).__name__}, which lists "
            f"single customers; leave it out"
        )
    return section(type(result).__name__, _any_table(frame, language))


def _behaviour(result: Behaviour, language: str) -> Markup:
    words = WORDS[language]
    shown = result.to_frame(language).head(_MEANS)
    scale = LogScale.over(
        [100 * v for c in ("ratio_ci_lower", "ratio_ci_upper") for v in shown[c]], 180.0
    )
    second = words["second" if result.against == "audience" else "base"]
    rows = []
    for row in each_row(shown):
        known = not pd.isna(row.ratio)
        ends = (100 * row.ratio_ci_lower, 100 * row.ratio_ci_upper)
        sure = row.p_adjusted < result.alpha
        rows.append(
            [
                row.title,
                amount(row.mean_audience),
                amount(row.mean_base),
                ratio_bar(scale, 100 * row.ratio, ends, sure=sure) if known else "",
                element("b", f"{row.ratio:.2f}") if known else "–",
                f"{row.ratio_ci_lower:.2f}–{row.ratio_ci_upper:.2f}" if known else "–",
                f"{amount(row.median_audience)} / {amount(row.median_base)}",
            ]
        )
    head = [
        words["tag"], f"{words['audience']}{words['colon']}{words['mean']}", f"{second}{words['colon']}{words['mean']}",
        ratio_axis(scale, unit=100.0), words["ratio"], words["interval"], words["median"],
    ]  # fmt: skip
    note = words["behaviour_note"].format(level=f"{1 - result.alpha:.0%}")
    return section(words["behaviour"], table(head, rows, words=1), note=note)


def _distribution(result: Distribution, language: str) -> Markup:
    words = WORDS[language]
    second = words["second" if result.against == "audience" else "base"]
    sides = zip((words["audience"], second), result.known, result.medians, strict=True)
    names = [f"{name} ({whole(n)}), {words['median']} {amount(m)}" for name, n, m in sides]
    title = f"{words['distribution']}{words['colon']}{result.title(language)}"
    return section(title, legend(*names), distribution_chart(result, language))


def _migration(result: Migration, language: str) -> Markup:
    words = WORDS[language]
    note = words["migration_note"].format(
        before=whole(result.before_count),
        after=whole(result.after_count),
        both=whole(result.both_count),
    )
    names = [readable(value) for value in result.values(language)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = result.counts / np.append(result.margins[0], np.nan)[:, None]
    rows = []
    for i, name in enumerate([*names, ENTERED[language]]):
        of_row = [
            element(
                "td",
                whole(n) if pd.isna(share) else f"{whole(n)} ({percent(share)})",
                class_="number",
                style=shade(share, 1.0),
            )
            for n, share in zip(result.counts[i], shares[i], strict=True)
        ]
        rows.append([name, *of_row])
    head = [words["moved"], *names, LEFT[language]]
    title = f"{words['migration']}{words['colon']}{result.title(language)}"
    return section(title, migration_chart(result, language), table(head, rows, words=1), note=note)


def _trend(result: Trend, language: str) -> Markup:
    words = WORDS[language]
    frame = result.to_frame(language)
    rows = [
        [
            row.as_of,
            whole(row.n),
            percent(row.audience_share),
            whole(row.entered),
            whole(row.left),
            change(row.rel_change),
            "–" if pd.isna(row.psi) else f"{row.psi:.3f}",
            element("td", row.alarms, class_="alarm"),
        ]
        for row in each_row(frame)
    ]
    head = [
        words["day"], words["customers"], f"% {words['base']}", words["entered"], words["left"],
        words["change"], "PSI", element("th", words["alarm"]),
    ]  # fmt: skip
    rule = element("p", element("code", result.rule), class_="note")
    return section(
        words["trend_title"], rule, trend_chart(result, language), table(head, rows, words=1)
    )


def _overlap(result: Overlap, language: str) -> Markup:
    words = WORDS[language]
    jaccard = result.jaccard.to_numpy()
    rows = []
    for i, name in enumerate(result.names):
        cells = [
            element("td", percent(value), class_="number", style=shade(value, 1.0))
            for value in jaccard[i]
        ]
        rows.append([name, whole(result.sizes.iloc[i]), *cells])
    head = ["", words["customers"], *result.names]
    return section(words["overlap"], table(head, rows, words=1), note=words["overlap_note"])


def _any_table(frame: pd.DataFrame, language: str) -> Markup:
    """Any frame, its columns written by their names as in notebooks."""
    shown = frame.head(_ANY)
    rows = [
        [_plain(name, value) for name, value in zip(shown.columns, row, strict=True)]
        for row in shown.itertuples(index=False)
    ]
    left = len(frame) - len(shown)
    rest = WORDS[language]["rest"].format(n=whole(left))
    head = [readable(name) for name in shown.columns]
    below = element("p", rest, class_="note") if left else ""
    return joined([element("div", table(head, rows, words=1), class_="wide"), below])


def _plain(name: object, value: object) -> str:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return "–" if value is None or value is pd.NA else str(value)
    estimate = str(name).removesuffix("_ci_lower").removesuffix("_ci_upper")
    if estimate.startswith("rel_") or estimate.endswith("_share"):
        return percent(float(value))
    return amount(float(value))
