"""How a notebook shows the catalogue: a table a subject, folded where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ._entities import ENTITIES
from ._tag import Tag
from .declared._words import SUBJECTS

_UNFOLDED = 30
"""Up to so many tags are shown at once; more come with their subjects folded."""
_HEADERS = ("Tag", "Title", "标题", "Type", "Unit", "Window", "Fresh", "Reads")
_STYLE = """
<style>
.mds-tags {font-size: 13px; line-height: 1.35; max-width: 1180px;}
.mds-tags summary {cursor: pointer; padding: 5px 2px; font-weight: 600;}
.mds-tags summary span {font-weight: 400; opacity: 0.65; margin-left: 6px;}
.mds-tags table {border-collapse: collapse; width: 100%; margin: 2px 0 12px 0; table-layout: fixed;}
.mds-tags th, .mds-tags td {font-size: 13px; text-align: left; vertical-align: top; padding: 3px 8px; border: 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.25); overflow-wrap: anywhere; background: none;}
.mds-tags th {font-weight: 600; opacity: 0.7;}
.mds-tags code {font-size: 12px; background: none; padding: 0;}
.mds-tags .small {font-size: 11px; opacity: 0.7;}
.mds-tags .mark {color: #b4491f; font-size: 11px; white-space: nowrap;}
</style>
"""
_WIDTHS = (17, 27, 14, 6, 7, 6, 6, 17)


def catalogue_html(tags: Sequence[Tag]) -> str:
    """`tags` as HTML, grouped by entity and subject."""
    groups: dict[tuple[str, str], list[Tag]] = {}
    for tag in tags:
        groups.setdefault((tag.entity, tag.subject), []).append(tag)
    several = len({entity for entity, _ in groups}) > 1
    folded = len(tags) > _UNFOLDED
    parts = [
        _group(_heading(entity, subject, several=several), members, folded=folded)
        for (entity, subject), members in groups.items()
    ]
    counted = f"{len(tags):,} tag{'' if len(tags) == 1 else 's'}"
    hint = "; open a subject to see its tags" if folded else ""
    return f'{_STYLE}<div class="mds-tags"><p>{counted}{hint}</p>{"".join(parts)}</div>'


def _heading(entity: str, subject: str, *, several: bool) -> str:
    about = next(e for e in ENTITIES.values() if e.name == entity)
    english, chinese = subject.capitalize(), SUBJECTS.get(subject, "")
    if several:
        english, chinese = f"{about.title_en}: {subject}", f"{about.title_zh}：{chinese}"
    return f"{escape(english)} <span>{escape(chinese)}</span>"


def _group(heading: str, tags: Sequence[Tag], *, folded: bool) -> str:
    columns = "".join(f'<col style="width: {width}%">' for width in _WIDTHS)
    head = "".join(f"<th>{name}</th>" for name in _HEADERS)
    body = "".join(_row(tag) for tag in tags)
    return (
        f"<details{'' if folded else ' open'}><summary>{heading}<span>· {len(tags)}</span></summary>"
        f"<table><colgroup>{columns}</colgroup><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></details>"
    )


def _row(tag: Tag) -> str:
    mark = ' <span class="mark">sensitive</span>' if tag.sensitivity == "sensitive" else ""
    window = f"{tag.window} days" if tag.window else "—"
    cells = (
        f"<code>{escape(tag.name)}</code>{mark}",
        f'{escape(tag.title_en)}<div class="small">{escape(tag.description)}</div>',
        escape(tag.title_zh),
        tag.type,
        escape(tag.unit or "—"),
        window,
        tag.freshness,
        f'<div class="small">{_reads(tag)}</div>',
    )
    shown = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{shown}</tr>"


def _reads(tag: Tag) -> str:
    """The lineage, a line a table: its columns behind its name."""
    by_table: dict[str, list[str]] = {}
    for column in tag.lineage:
        table, name = column.split(".", 1)
        by_table.setdefault(table, []).append(name)
    return "<br>".join(
        f"<b>{escape(table)}</b> {escape(', '.join(names))}" for table, names in by_table.items()
    )
