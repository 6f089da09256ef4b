"""Pictures of what effects depend on: SHAP, effects by tag, straight lines.

Those of segments and of the classic groups are beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds.uplift.explaining.effects_by_group import GroupEffects
from marketing_ds.uplift.explaining.explain import EffectExplanation
from marketing_ds.uplift.explaining.projection import LinearProjection

from ._draw import axes_or_new, draw
from ._lettering import lettering
from ._propensity_reasons import _COLOURS, _MOST_DOTS, _ranks, _spread

_BLUE, _GREY, _INK, _UNKNOWN, _GRID = "#1f5fa8", "#8a8a8a", "#404040", "#b8b8b8", "#e5e5e5"
_WORDS = {
    "en": {
        "average": "average effect",
        "effect": "effect of {arm} per {per:g} customers, with {level:.0%} interval",
        "by_tag": "Effect of {arm} by tag",
        "line": "What goes with a larger effect of {arm}, all else equal",
        "per_sd": "change of the effect per {per:g} customers, by standard deviation of the tag",
    },
    "zh": {
        "average": "平均增益",
        "effect": "{arm} 的增益（每 {per:g} 名客户），附 {level:.0%} 置信区间",
        "by_tag": "按标签看 {arm} 的增益",
        "line": "其他标签不变时，{arm} 的增益与哪些标签有关",
        "per_sd": "标签每增加一个标准差，增益的变化（每 {per:g} 名客户）",
    },
}


@draw.register
def draw_explanation(
    result: EffectExplanation,
    ax: Axes | None = None,
    *,
    kind: str = "importance",
    arm: str | None = None,
    most: int = 12,
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """Draw an explanation of effects.

    Parameters
    ----------
    kind : {"importance", "beeswarm"}
        Bars of the mean |SHAP| by arm; or of one arm a dot a customer and tag, at its SHAP value,
        coloured by the tag's value from low (blue) to high (red), grey for words and unknown ones.
    arm : str, optional
        Of the beeswarm; the first by default.
    most : int
        How many of the strongest tags.
    per : float
        Effects are told per so many customers.
    """
    check_choice("kind", kind, ("importance", "beeswarm"))
    check_count("most", most, low=1)
    if kind == "beeswarm":
        return _beeswarm(result, ax, chosen_arm(arm, result.arms), most, per)
    frame = result.to_frame().pivot(index="tag", columns="arm", values="mean_abs_shap")
    frame = frame.loc[frame.mean(axis=1).sort_values(ascending=False).index[:most]].iloc[::-1]
    ax = axes_or_new(ax, height=1.3 + 0.34 * len(frame))
    height = 0.8 / len(result.arms)
    for position, name in enumerate(result.arms):
        offset = (position - (len(result.arms) - 1) / 2) * height
        ax.barh(np.arange(len(frame)) - offset, per * frame[name], height=0.9 * height, label=name)
    ax.set_yticks(np.arange(len(frame)), labels=[str(tag) for tag in frame.index])
    ax.set_xlabel(f"mean |SHAP| of the effect, per {per:g} customers")
    ax.set_title("What the effect depends on" + _faith(result), loc="left", fontsize=10)
    if len(result.arms) > 1:
        ax.legend(frameon=False, fontsize=8, loc="lower right")
    return bare(ax)


@draw.register
def draw_group_effects(
    result: GroupEffects,
    ax: Axes | None = None,
    *,
    arm: str | None = None,
    most: int = 6,
    language: str = "en",
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """Effects of one arm by band, with intervals, tag after tag, the clearest differences on top.

    Tags whose effect clearly differs (adjusted p-value below the level) are blue, others grey.

    Parameters
    ----------
    arm : str, optional
        The first by default.
    most : int
        How many tags.
    language : {"en", "zh"}
        In Chinese it is drawn in English where no Chinese font is installed.
    """
    check_choice("language", language, ("en", "zh"))
    check_count("most", most, low=1)
    tests = result.tests()
    chosen = chosen_arm(arm, list(result.average))
    tests = tests[tests["arm"] == chosen].head(most)
    with lettering(language) as words:
        frame = result.to_frame(language=words)
        shown = frame[(frame["arm"] == chosen) & ~frame["suppressed"]]
        labels: list[str] = []
        heads, rows, colours = [], [], []
        for tag, p in zip(tests["tag"], tests["p_adjusted"], strict=True):
            own = shown[shown["tag"] == tag]
            if own.empty:
                continue
            heads.append(len(labels))
            labels.append(f"{own['title'].iloc[0]}" + (f"  (p {_p(p)})" if p == p else ""))
            labels += own["group"].tolist()
            rows += [*range(heads[-1] + 1, len(labels))]
            colours += [_BLUE if p < result.alpha else _GREY] * len(own)
        parts = [shown[shown["tag"] == tag] for tag in tests["tag"]]
        drawn = pd.concat(parts) if parts else shown
        ax = axes_or_new(ax, height=1.2 + 0.24 * len(labels))
        draw_intervals(ax, drawn, "effect", rows, colours, per)
        average = result.average[chosen]
        ax.axvline(0, color=_INK, linewidth=0.8, zorder=1)
        ax.axvline(per * average.value, color=_GREY, linestyle="--", linewidth=1, zorder=1)
        ax.axvspan(per * average.ci_lower, per * average.ci_upper, color=_GREY, alpha=0.12, lw=0)
        ax.annotate(
            _WORDS[words]["average"], (per * average.value, 1), xycoords=("data", "axes fraction"),
            xytext=(4, -2), textcoords="offset points", va="top", fontsize=8, color=_GREY,
        )  # fmt: skip
        ax.set_yticks(range(len(labels)), labels, fontsize=9)
        for place in heads:
            ax.get_yticklabels()[place].set_fontweight("bold")
        ax.set_ylim(len(labels) - 0.4, -0.9)
        level = 1 - result.alpha
        ax.set_xlabel(_WORDS[words]["effect"].format(arm=chosen, per=per, level=level))
        ax.set_title(_WORDS[words]["by_tag"].format(arm=chosen), loc="left", fontsize=10)
    return bare(ax)


@draw.register
def draw_projection(
    result: LinearProjection,
    ax: Axes | None = None,
    *,
    arm: str | None = None,
    most: int = 20,
    language: str = "en",
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """Coefficients by one standard deviation with intervals, the largest on top.

    Parameters
    ----------
    arm : str, optional
        The first by default.
    most : int
        How many coefficients.
    language : {"en", "zh"}
        In Chinese it is drawn in English where no Chinese font is installed.
    """
    check_choice("language", language, ("en", "zh"))
    check_count("most", most, low=1)
    chosen = chosen_arm(arm, list(result.average))
    with lettering(language) as words:
        frame = result.to_frame(language=words)
        frame = frame[(frame["arm"] == chosen) & frame["per_sd"].notna()]
        frame = frame.reindex(frame["per_sd"].abs().sort_values(ascending=False).index).head(most)
        labels = [
            title if term == title else f"{title}: {term}"
            for title, term in zip(frame["title"], frame["term"], strict=True)
        ]
        ax = axes_or_new(ax, height=1.2 + 0.28 * len(labels))
        clear = (frame["per_sd_ci_lower"] > 0) | (frame["per_sd_ci_upper"] < 0)
        colours = np.where(clear, _BLUE, _GREY).tolist()
        draw_intervals(ax, frame, "per_sd", range(len(frame)), colours, per)
        ax.axvline(0, color=_INK, linewidth=0.8, zorder=1)
        ax.set_yticks(range(len(labels)), labels, fontsize=9)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.set_xlabel(_WORDS[words]["per_sd"].format(per=per))
        ax.set_title(_WORDS[words]["line"].format(arm=chosen), loc="left", fontsize=10)
    return bare(ax)


def _beeswarm(result: EffectExplanation, ax: Axes | None, arm: str, most: int, per: float) -> Axes:
    at = result.arms.index(arm)
    frame = result.to_frame()
    strongest = frame[(frame["arm"] == arm) & (frame["mean_abs_shap"] > 0)]["tag"].tolist()
    names = (strongest or [result.tags[0]])[:most][::-1]
    ax = axes_or_new(ax, width=7.6, height=1.4 + 0.42 * len(names))
    rows = np.arange(result.values.shape[1])
    if len(rows) > _MOST_DOTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_DOTS, replace=False))
    ax.axvline(0, color=_GREY, linewidth=0.8)
    style: dict[str, Any] = {
        "s": 9,
        "linewidths": 0,
        "alpha": 0.85,
        "rasterized": True,
        "zorder": 3,
    }
    for place, name in enumerate(names):
        column = result.tags.index(name)
        shap = per * result.values[at, rows, column]
        level = _ranks(result.tag_values[rows, column].astype(np.float64))
        known, where = ~np.isnan(level), place + _spread(shap)
        ax.scatter(shap[~known], where[~known], color=_UNKNOWN, **style)
        ax.scatter(
            shap[known], where[known], c=level[known], cmap=_COLOURS, vmin=0, vmax=1, **style
        )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlabel(
        f"what the tag adds to the effect, per {per:g} customers; grey: a word or unknown"
    )
    ax.set_title(f"What the effect of {arm} depends on" + _faith(result), loc="left", fontsize=10)
    bar = ax.get_figure().colorbar(  # type: ignore[union-attr]
        ScalarMappable(Normalize(0, 1), _COLOURS), ax=ax, aspect=35, pad=0.01
    )
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("tag's value", labelpad=-12)
    bar.outline.set_visible(False)
    return bare(ax)


def _faith(result: EffectExplanation) -> str:
    """Where trees speak for the model, how well they do."""
    told = [fit for fit, odd in zip(result.fidelity, result.distilled, strict=True) if odd]
    return f" (distilled, R² {min(told):.3f})" if told else ""


def draw_intervals(
    ax: Axes,
    frame: pd.DataFrame,
    name: str,
    places: Sequence[int],
    colours: Sequence[str],
    per: float,
    *,
    size: float = 4.5,
) -> None:
    """A dot and its interval a row; nothing where there is no estimate."""
    value, low, high = (
        per * frame[column].to_numpy() for column in (name, f"{name}_ci_lower", f"{name}_ci_upper")
    )
    for at, place in enumerate(places):
        if value[at] == value[at]:
            ax.errorbar(
                value[at], place, xerr=[[value[at] - low[at]], [high[at] - value[at]]], fmt="o",
                color=colours[at], ms=size, elinewidth=1.4, capsize=2.5, zorder=3,
            )  # fmt: skip
    ax.grid(axis="x", color=_GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def chosen_arm(arm: str | None, arms: Sequence[str]) -> str:
    return arms[0] if arm is None else check_choice("arm", arm, tuple(arms))


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def bare(ax: Axes) -> Axes:
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
