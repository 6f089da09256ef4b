"""Pictures of profiles: TGI with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from marketing_ds._core.checks import check_count
from marketing_ds.profiling import Profile

from ._draw import axes_or_new, draw

_UP, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"
_CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN",
    "Microsoft YaHei", "PingFang SC", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "Arial Unicode MS",
)  # fmt: skip
_LEAST_TGI = 1.0
_WORDS = {
    "en": ("Who they are: {n:,} of {base:,} customers", "TGI (base = 100, log scale)"),
    "zh": ("客群画像：{base:,} 名客户中的 {n:,} 名", "TGI（总体 = 100，对数坐标）"),
}


@draw.register
def draw_profile(result: Profile, ax: Axes | None = None, *, top: int = 15, **options: Any) -> Axes:
    """TGI of the `top` most distinctive rows, as bars from 100 with their intervals.

    A profile in Chinese is drawn in English where no Chinese font is installed.

    Parameters
    ----------
    top : int
        How many rows.
    """
    check_count("top", top, low=1)
    font = _chinese_font() if result.language == "zh" else None
    language = "zh" if font else "en"
    frame = result.to_frame(language).head(top).sort_values("tgi", kind="stable")
    axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.34 * len(frame) + 1.4))
    place = np.arange(len(frame))
    tgi, lower, upper = (
        np.maximum(frame[name].to_numpy(), _LEAST_TGI)
        for name in ("tgi", "tgi_ci_lower", "tgi_ci_upper")
    )
    sure = (frame["p_adjusted"] < result.alpha).to_numpy()
    colours = list(np.where(~sure, _OPEN, np.where(tgi > 100, _UP, _DOWN)))
    axes.barh(place, tgi - 100, left=100, height=0.62, color=colours, alpha=0.85)
    axes.hlines(place, lower, upper, colors=_INK, linewidth=1.4)
    axes.axvline(100, color=_INK, linewidth=0.8)
    text: dict[str, Any] = {"fontfamily": font} if font else {}
    labels = [f"{row.title}: {row.value}" for row in frame.itertuples()]
    axes.set_yticks(place, labels, **text)
    _log_axis(axes, lower, upper)
    title, unit = _WORDS[language]
    axes.set_title(
        title.format(n=result.audience_count, base=result.base_count), loc="left", **text
    )
    level = 1 - result.alpha
    interval = f"{level:.0%} 置信区间" if font else f"lines: {level:.0%} intervals"
    axes.set_xlabel(f"{unit}; {interval}", **text)
    axes.set_ylim(-0.7, max(len(frame), 1) - 0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes


def _log_axis(axes: Axes, lower: np.ndarray, upper: np.ndarray) -> None:
    """TGI is a ratio: half and double lie equally far from 100."""
    axes.set_xscale("log")
    low = min(50.0, *(lower * 0.9)) if len(lower) else 50.0
    high = max(200.0, *(upper * 1.1)) if len(upper) else 200.0
    axes.set_xlim(low, high)
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if low <= t <= high]
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)


def _chinese_font() -> str | None:
    """The first installed font that has Chinese letters."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _CHINESE_FONTS if name in installed), None)
