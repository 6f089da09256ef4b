"""Pictures of the look-alike's results."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds.lookalike import Expansion, LookalikeEvaluation, SeedSeparation

from ._draw import axes_or_new, draw


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
        ylim=(0, 1.02),
        xlabel=f"customers taken, of {result.n_candidates:,} candidates (log scale)",
        ylabel="closeness of the last one (0 to 1)",
        title=f"The {result.size:,} closest customers",
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
