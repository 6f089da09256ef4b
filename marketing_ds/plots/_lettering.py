"""The letters of a picture: Chinese where a font for it is installed, English where none is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib import font_manager

CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "SimHei", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Sans CJK JP",
)  # fmt: skip
"""Fonts with Chinese letters, the best first. Of a collection of fonts in one file older versions
of matplotlib know only the first, which of Noto's is the Japanese."""


def chinese_font() -> str | None:
    """The first installed font that has Chinese letters."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CHINESE_FONTS if name in installed), None)


@contextmanager
def lettering(language: str) -> Iterator[str]:
    """Set the fonts of what is drawn inside, and say which language can be written.

    A picture asked for in Chinese (`zh`) is written in English (`en`) where no Chinese font is
    installed: words are better than boxes. Where one is, it also serves the Chinese values that
    an English picture may have. matplotlib finds a font that was just installed after its cache
    of fonts is removed (`matplotlib.get_cachedir()`).
    """
    font = chinese_font()
    families = list(mpl.rcParams["font.family"])
    if font:
        families = [font, *families] if language == "zh" else [*families, font]
    with mpl.rc_context({"font.family": families}):
        yield "zh" if language == "zh" and font else "en"
