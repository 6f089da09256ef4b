"""Pages of HTML with pictures in SVG as text: whatever is not markup already is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template

from .errors import InvalidInput


class Markup(str):
    """Text that may stand in a page as it is; made by `element` and `joined` only."""

    __slots__ = ()


def element(name: str, *children: object, **attributes: object) -> Markup:
    """An element; ``class_`` is the attribute class, ``x_y`` is x-y, None leaves one out.

    Examples
    --------
    >>> element("td", "a < b", class_="number", colspan=2)
    '<td class="number" colspan="2">a &lt; b</td>'
    >>> element("tr", element("td", "x"))
    '<tr><td>x</td></tr>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_plain(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """The parts one after the other, escaped unless they are markup."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else html.escape(str(part), quote=True)
            for part in parts
        )
    )


def drawing(
    width: float, height: float, *shapes: object, label: str, **attributes: object
) -> Markup:
    """An inline picture that shrinks with the page; `label` is read out to who cannot see it."""
    return element(
        "svg",
        *shapes,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        **attributes,
    )


def page(*, lang: str, title: str, header: Markup, main: Markup, footer: Markup) -> str:
    """A whole page in the house's style, which asks for nothing from outside."""
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        lang=lang, title=joined([title]), header=header, main=main, footer=footer
    )


def checked_page(path: str | Path) -> Path:
    """`path` as the place of a page: it ends in .html, and its folder is there."""
    file = Path(path)
    if file.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(f"path must end in .html, got {str(path)!r}")
    if not file.parent.is_dir():
        raise InvalidInput(f"path must lie in a folder that is there, got {str(path)!r}")
    return file


def _plain(value: object) -> str:
    """Numbers without digits that no screen shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
