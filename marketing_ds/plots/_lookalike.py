"""Pictures of the look-alike's results."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.estimate import wilson
from marketing_ds.lookalike import (
    CustomerReasons,
    Expansion,
    LookalikeEvaluation,
    ReachCurve,
    SeedProfile,
    SeedSeparation,
    Skew,
)

from ._draw import axes_or_new, draw
from ._lettering import lettering
from ._profiling import _bars

_UP, _DOWN, _OPEN, _INK, _GRID = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040", "#e0e0e0"
_WORDS = {
    "en": {
        "seeds": "What sets the {n:,} seeds apart",
        "tgi": "TGI (base = 100, log scale); lines: 95 % intervals",
        "skew": "Found against candidates, by sensitive tags",
        "skew_tgi": "TGI (candidates = 100, log scale); lines: {level:.0%} intervals; "
        "shaded: {low:.0f} to {high:.0f}",
        "reasons": "Why this customer is close to the seeds (closeness {score:.2f})",
        "log_odds": "what the tag adds to the log-odds of closeness",
    },
    "zh": {
        "seeds": "{n:,} 名种子客户的特征",
        "tgi": "TGI（总体 = 100，对数坐标）；横线：95 % 置信区间",
        "skew": "入选客户与候选客户对比（敏感标签）",
        "skew_tgi": "TGI（候选 = 100，对数坐标）；横线：{level:.0%} 置信区间；阴影：{low:.0f} 至 {high:.0f}",
        "reasons": "该客户为何接近种子客户（相似度 {score:.2f}）",
        "log_odds": "标签对相似度对数几率的贡献",
    },
}


@draw.register
def draw_evaluation(result: LookalikeEvaluation, ax: Axes | None = None, **options: Any) -> Axes:
    """Share of the held-out seeds found against the share of candidates taken, beside random."""
    axes = axes_or_new(ax)
    sizes = result.to_frame()
    share = np.geomspace(0.005, 1, 200)
    axes.plot(share, [result.recall_at(s) for s in share], color="C0", lw=2, label="look-alike")
    errors = [
        sizes["recall"] - sizes["recall_ci_lower"],
        sizes["recall_ci_upper"] - sizes["recall"],
    ]
    axes.errorbar(
        sizes["top_share"], sizes["recall"], yerr=errors, fmt="o", color="C0", ms=4, capsize=3,
        label="95 % interval",
    )  # fmt: skip
    axes.plot(share, share, color="0.6", ls="--", label="random")
    axes.set(
        xscale="log",
        xlabel="share of candidates taken (log scale)",
        ylabel="held-out seeds found",
        ylim=(0, 1.02),
        title=f"Held-out seeds found: AUC {result.auc:.3f} "
        f"[{result.auc_ci_lower:.3f}, {result.auc_ci_upper:.3f}]",
    )
    axes.set_xticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], minor=False)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@draw.register
def draw_separation(
    result: SeedSeparation, ax: Axes | None = None, *, top: int = 15, **options: Any
) -> Axes:
    """The standardised differences between seeds and base, with intervals, the largest on top."""
    rows = result.to_frame().dropna(subset="difference").head(top).iloc[::-1]
    axes = axes_or_new(ax, height=1.4 + 0.28 * len(rows))
    at = np.arange(len(rows))
    errors = [
        rows["difference"] - rows["difference_ci_lower"],
        rows["difference_ci_upper"] - rows["difference"],
    ]
    axes.errorbar(rows["difference"], at, xerr=errors, fmt="o", color="C0", ms=4, capsize=2)
    axes.axvline(0, color="0.6", lw=1)
    names = [
        tag if not isinstance(level, str) else f"{tag} = {level}"
        for tag, level in zip(rows["tag"], rows["level"], strict=True)
    ]
    axes.set_yticks(at, names)
    axes.set(
        xlabel="seeds − base, in standard deviations of the base (95 % interval)",
        title=f"What sets the {result.n_seeds:,} seeds apart",
    )
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@draw.register
def draw_expansion(result: Expansion, ax: Axes | None = None, **options: Any) -> Axes:
    """Closeness against how many customers are taken."""
    axes = axes_or_new(ax)
    scores = result.to_frame()["score"].to_numpy()
    axes.plot(np.arange(1, len(scores) + 1), scores, color="C0", lw=2, label="closeness")
    axes.axhline(0.5, color="0.6", ls="--", label="no closer than anybody")
    axes.set(
        xscale="log",
        xlim=(1, max(2, result.size)),
        ylim=(0, 1.02),
        xlabel=f"customers taken, of {result.n_candidates:,} candidates (log scale)",
        ylabel="closeness of the last one (0 to 1)",
        title=f"The {result.size:,} closest customers",
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@draw.register
def draw_reach(result: ReachCurve, ax: Axes | None = None, **options: Any) -> Axes:
    """Closeness of the last customer taken against how many are taken; recall beside it."""
    axes = axes_or_new(ax)
    n = result.n_candidates
    sizes = np.unique(np.geomspace(1, n, 300).round().astype(int))
    scores = [result.min_score_at(int(size)) for size in sizes]
    axes.plot(sizes, scores, color=_UP, lw=2.2, label="closeness of the last one taken")
    axes.axhline(0.5, color=_OPEN, ls=":", lw=1)
    axes.annotate(
        "no closer than anybody", (1, 0.5), xytext=(4, 3), textcoords="offset points",
        color=_OPEN, fontsize=8,
    )  # fmt: skip
    if result.evaluation is not None:
        _recall(axes, result, sizes)
    axes.set(
        xscale="log",
        xlim=(1, max(2, n)),
        ylim=(0, 1.02),
        xlabel=f"customers taken, the closest first, of {n:,} candidates (log scale)",
        title="Size against similarity",
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=_GRID, lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _recall(axes: Axes, result: ReachCurve, sizes: np.ndarray) -> None:
    """Share of the held-out seeds that a size finds, with its interval, and by a random choice."""
    recall = np.array([result.recall_at(int(size)) for size in sizes])
    n_seeds = result.evaluation.n_seeds if result.evaluation else 0
    axes.plot(sizes, recall, color=_DOWN, lw=2.2, label="share of held-out seeds found")
    lower, upper = wilson(recall * n_seeds, n_seeds)
    axes.fill_between(sizes, lower, upper, color=_DOWN, alpha=0.15, lw=0)
    axes.plot(sizes, sizes / result.n_candidates, color=_DOWN, lw=1, ls="--", label="… by chance")


@draw.register
def draw_seed_profile(
    result: SeedProfile, ax: Axes | None = None, *, top: int = 14, **options: Any
) -> Axes:
    """TGI of what the seeds have more and less often than the base, one bar a tag.

    Parameters
    ----------
    top : int
        How many tags.
    """
    check_count("top", top, low=1)
    with lettering(result.language) as language:
        frame = result.most_telling(top, language).sort_values("tgi", kind="stable")
        axes = axes_or_new(ax, width=8.4, height=max(2.4, 0.34 * len(frame) + 1.4))
        labels = [f"{row.title}: {row.value}" for row in frame.itertuples()]
        sure = (frame["p_adjusted"] < 0.05).to_numpy()
        values = tuple(frame[f"tgi{end}"].to_numpy() for end in ("", "_ci_lower", "_ci_upper"))
        _bars(axes, labels, values, sure)
        axes.set_title(_WORDS[language]["seeds"].format(n=result.n_seeds), loc="left")
        axes.set_xlabel(_WORDS[language]["tgi"])
    return axes


@draw.register
def draw_skew(
    result: Skew, ax: Axes | None = None, *, language: str = "en", **options: Any
) -> Axes:
    """TGI of every level of the sensitive tags; in colour what is skewed.

    Parameters
    ----------
    language : {"en", "zh"}
        Of titles and values.
    """
    with lettering(check_choice("language", language, ("en", "zh"))) as chosen:
        frame = result.to_frame(chosen).iloc[::-1]
        axes = axes_or_new(ax, width=8.4, height=max(2.4, 0.3 * len(frame) + 1.4))
        labels = [f"{row.title}: {row.value}" for row in frame.itertuples()]
        values = tuple(frame[f"tgi{end}"].to_numpy() for end in ("", "_ci_lower", "_ci_upper"))
        low, high = result.min_tgi, 1e4 / result.min_tgi
        axes.axvspan(low, high, color=_GRID, alpha=0.6, lw=0, zorder=0)
        _bars(axes, labels, values, frame["skewed"].to_numpy())
        axes.set_title(_WORDS[chosen]["skew"], loc="left")
        words = {"level": 1 - result.alpha, "low": low, "high": high}
        axes.set_xlabel(_WORDS[chosen]["skew_tgi"].format(**words))
    return axes


@draw.register
def draw_reasons(
    result: CustomerReasons,
    ax: Axes | None = None,
    *,
    customer_id: str | None = None,
    language: str = "en",
    **options: Any,
) -> Axes:
    """What each of a customer's strongest tags adds to their closeness.

    Parameters
    ----------
    customer_id : str, optional
        Whose; the first of them by default.
    language : {"en", "zh"}
        Of titles and values.
    """
    known = result.scores.index.tolist()
    customer = check_choice("customer_id", customer_id or known[0], known)
    with lettering(check_choice("language", language, ("en", "zh"))) as chosen:
        frame = result.to_frame(chosen)
        frame = frame[frame["customer_id"] == customer].iloc[::-1]
        axes = axes_or_new(ax, width=8.4, height=max(2.0, 0.4 * len(frame) + 1.4))
        place = np.arange(len(frame))
        axes.barh(place, frame["contribution"], height=0.62, color=_UP, alpha=0.85)
        axes.set_yticks(place, [f"{row.title}: {row.value}" for row in frame.itertuples()])
        for at, row in zip(place, frame.itertuples(), strict=True):
            axes.annotate(
                f"TGI {row.tgi:.0f}", (row.contribution, at), xytext=(4, 0), va="center",
                textcoords="offset points", fontsize=8, color=_INK,
            )  # fmt: skip
        # A picture travels: it does not name the customer.
        title = _WORDS[chosen]["reasons"].format(score=float(result.scores[customer]))
        axes.set_title(title, loc="left")
        axes.set_xlabel(_WORDS[chosen]["log_odds"])
        axes.margins(x=0.12)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return axes
