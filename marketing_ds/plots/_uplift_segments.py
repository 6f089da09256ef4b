"""Pictures of segments and of the four classic groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds._core.checks import check_choice
from marketing_ds.uplift.explaining.four_groups import CLASSIC, ClassicGroups
from marketing_ds.uplift.explaining.segment_words import AND
from marketing_ds.uplift.explaining.segments import PolicyTree

from ._draw import axes_or_new, draw
from ._lettering import lettering
from ._uplift_explain import bare, chosen_arm, draw_intervals

_BLUE, _GREY, _INK = "#1f5fa8", "#8a8a8a", "#404040"
_KINDS = {
    "persuadables": _BLUE,
    "sure things": "#3f9b6b",
    "lost causes": _GREY,
    "sleeping dogs": "#c8553d",
}
_MOST_DOTS = 2000
_WIDTH = {"en": 44, "zh": 24}
_WORDS = {
    "en": {
        "segments": "Segments: who should get what",
        "offer": "effect of the offer named, per {per:g} customers, with {level:.0%} interval",
        "give": "→ {arm} · {share:.0%} of customers",
        "nothing": "→ nothing · {share:.0%} of customers (right: {arm})",
        "classic": "The four classic groups under {arm}",
        "nobody": "nobody",
        "effect": "measured effect per {per:g} customers, with {level:.0%} interval",
        "control": "expected outcome without us",
        "predicted": "expected effect per {per:g} customers",
    },
    "zh": {
        "segments": "细分人群：给谁发什么",
        "offer": "所列投放物的增益（每 {per:g} 名客户），附 {level:.0%} 置信区间",
        "give": "→ {arm}，占 {share:.0%}",
        "nothing": "→ 不投放，占 {share:.0%}（右为 {arm}）",
        "classic": "{arm} 下的四类经典人群",
        "nobody": "无",
        "effect": "实测增益（每 {per:g} 名客户），附 {level:.0%} 置信区间",
        "control": "不投放时的预期结果",
        "predicted": "预期增益（每 {per:g} 名客户）",
    },
}


@draw.register
def draw_policy_tree(
    result: PolicyTree,
    ax: Axes | None = None,
    *,
    language: str = "en",
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """The segments in words, what to give them, and the measured effects with intervals.

    Parameters
    ----------
    language : {"en", "zh"}
        In Chinese it is drawn in English where no Chinese font is installed.
    """
    check_choice("language", language, ("en", "zh"))
    with lettering(language) as words:
        told = _WORDS[words]
        frame = result.to_frame(language=words)
        labels = []
        for segment, row in zip(result.segments, frame.itertuples(), strict=True):
            key = "nothing" if segment.arm == result.control else "give"
            action = told[key].format(arm=segment.offer, share=row.customer_share)
            labels.append("\n".join([*_lines(str(row.segment), words), action]))
        ax = axes_or_new(ax, width=8.4, height=1.4 + 0.62 * len(labels))
        colours = [_KINDS[segment.kind] for segment in result.segments]
        draw_intervals(ax, frame, "effect", range(len(frame)), colours, per, size=6)
        ends = per * frame["effect_ci_upper"]
        for place, (end, kind) in enumerate(zip(ends, frame["kind"], strict=True)):
            if end == end:
                ax.annotate(
                    kind, (end, place), xytext=(6, 0), textcoords="offset points", va="center",
                    fontsize=8, color=colours[place],
                )  # fmt: skip
        ax.axvline(0, color=_INK, linewidth=0.8, zorder=1)
        ax.set_yticks(range(len(labels)), labels, fontsize=9)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.margins(x=0.2)
        ax.set_xlabel(told["offer"].format(per=per, level=1 - result.alpha))
        ax.set_title(told["segments"], loc="left", fontsize=10)
    return bare(ax)


@draw.register
def draw_classic_groups(
    result: ClassicGroups,
    ax: Axes | None = None,
    *,
    kind: str = "effects",
    arm: str | None = None,
    language: str = "en",
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """Draw the four classic groups.

    Parameters
    ----------
    kind : {"effects", "map"}
        Measured effects with intervals, and how many belong to each; or a dot a customer, at the
        expected outcome without us and the expected effect.
    arm : str, optional
        The first by default.
    language : {"en", "zh"}
        In Chinese it is drawn in English where no Chinese font is installed.
    """
    check_choice("kind", kind, ("effects", "map"))
    check_choice("language", language, ("en", "zh"))
    chosen = chosen_arm(arm, result.arms)
    with lettering(language) as words:
        told = _WORDS[words]
        frame = result.to_frame(language=words)
        frame = frame[frame["arm"] == chosen]
        if kind == "map":
            ax = _map(result, ax, result.arms.index(chosen), frame, told, per)
        else:
            ax = axes_or_new(ax, height=3.0)
            labels = [
                f"{row.group}\n{row.customer_share:.0%}"
                if row.customers
                else f"{row.group}\n{told['nobody']}"
                for row in frame.itertuples()
            ]
            draw_intervals(
                ax, frame, "effect", range(len(frame)), list(_KINDS.values()), per, size=7
            )
            ax.axvline(0, color=_INK, linewidth=0.8, zorder=1)
            ax.set_yticks(range(len(labels)), labels, fontsize=9)
            ax.set_ylim(len(labels) - 0.4, -0.6)
            level = 1 - result.alpha
            ax.set_xlabel(told["effect"].format(arm=chosen, per=per, level=level))
            bare(ax)
        ax.set_title(told["classic"].format(arm=chosen), loc="left", fontsize=10)
    return ax


def _map(
    result: ClassicGroups,
    ax: Axes | None,
    at: int,
    frame: pd.DataFrame,
    told: dict[str, str],
    per: float,
) -> Axes:
    ax = axes_or_new(ax)
    rng = np.random.default_rng(0)
    rows = np.arange(len(result.control))
    if len(rows) > _MOST_DOTS:
        rows = np.sort(rng.choice(rows, _MOST_DOTS, replace=False))
    # Effects come in steps: a little width to each shows how many stand on it.
    height = per * result.effect[rows, at]
    height = height + 0.008 * max(float(np.ptp(height)), 1e-12) * rng.standard_normal(len(rows))
    for code, (name, row) in enumerate(zip(CLASSIC, frame.itertuples(), strict=True)):
        there = result.members[rows, at] == code
        if there.any():
            ax.scatter(
                result.control[rows][there], height[there], s=8, alpha=0.6, linewidths=0,
                color=_KINDS[name], rasterized=True, label=f"{row.group} {row.customer_share:.0%}",
            )  # fmt: skip
    ax.axhline(0, color=_INK, linewidth=0.8, zorder=0)
    ax.axvline(result.likely, color=_GREY, linestyle="--", linewidth=1, zorder=0)
    if result.control.min() >= 0 and result.control.max() <= 1:
        ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(told["control"])
    ax.set_ylabel(told["predicted"].format(per=per))
    ax.legend(frameon=False, fontsize=8, loc="best", markerscale=2)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _lines(segment: str, language: str) -> list[str]:
    """A segment's conditions in lines, none of them broken."""
    joint = AND[language]
    lines: list[str] = []
    for part in segment.split(joint):
        if lines and len(lines[-1]) + len(part) < _WIDTH[language]:
            lines[-1] += joint + part
            continue
        if lines:
            lines[-1] += joint.rstrip()
        lines.append(part)
    return lines
