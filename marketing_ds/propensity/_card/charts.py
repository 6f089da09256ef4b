"""The card's pictures as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from marketing_ds._core.markup import Markup, drawing, element

from .._evaluation import PropensityEvaluation
from .words import Words

_SIZE, _LEFT, _LOW = 400.0, 46.0, 256.0
_DASHED = {"class_": "range", "stroke_dasharray": "5 4", "style": "stroke:#8a8a8a"}
DOTS = 190.0


def calibration_chart(result: PropensityEvaluation, words: Words) -> Markup:
    """Observed against predicted rates, over the histogram of the scores."""
    table, scores = result.calibration, result.scores
    most = 1.05 * max(float(table["observed_ci_upper"].max()), float(table["predicted"].max()))
    plane = _Plane(most, most)
    share = (
        scores["positives_share"] * result.rate.value
        + scores["negatives_share"] * (1 - result.rate.value)
    ).to_numpy()
    shapes = plane.grid(words["predicted"], words["observed"])
    for start, end, part in zip(scores["from"], scores["to"], share / share.max(), strict=True):
        if start < most and part > 0:
            x, y = plane.at(start, most * part / 5)
            wide = plane.at(min(end, most), 0)[0] - x
            shapes.append(element("rect", x=x, y=y, width=wide, height=_LOW - y, fill="#dbe4ef"))
    shapes.append(plane.line([(0, 0), (most, most)], **_DASHED))
    columns = ["predicted", "observed", "observed_ci_lower", "observed_ci_upper"]
    for predicted, observed, low, high in table[columns].to_numpy():
        shapes.append(plane.line([(predicted, low), (predicted, high)], class_="range"))
        x, y = plane.at(predicted, observed)
        shapes.append(element("circle", cx=x, cy=y, r=4, class_="dot"))
    return drawing(_SIZE, _LOW + 44, *shapes, label=words["calibration"], class_="chart")


def gains_chart(result: PropensityEvaluation, words: Words) -> Markup:
    """Share of the positives reached by the top share of the customers."""
    gains, plane = result.gains, _Plane(1.0, 1.0)
    share = [0.0, *gains["share"]]
    value, low, high = (
        [0.0, *gains[f"captured_share{end}"]] for end in ("", "_ci_lower", "_ci_upper")
    )
    band = [*zip(share, high, strict=True), *zip(share[::-1], low[::-1], strict=True)]
    corners = _points(plane.at(x, y) for x, y in band)
    shapes = [
        *plane.grid(words["top_share"], words["captured"]),
        element("polygon", points=corners, class_="band"),
        plane.line([(0, 0), (1, 1)], **_DASHED),
        plane.line(list(zip(share, value, strict=True)), class_="line"),
    ]
    x, y = plane.at(0.2, result.captured_20.value)
    shapes.append(element("circle", cx=x, cy=y, r=4, class_="dot"))
    return drawing(_SIZE, _LOW + 44, *shapes, label=words["gains"], class_="chart")


def dot_chart(
    value: float, ends: tuple[float, float], span: tuple[float, float], middle: float, *, few: bool
) -> Markup:
    """One dot with its interval on a scale, and a line where all together are."""

    def at(place: float) -> float:
        return 6 + (DOTS - 12) * (place - span[0]) / (span[1] - span[0])

    fill = {"style": "fill:#fff;stroke:#1f5fa8;stroke-width:1.6"} if few else {}
    shapes = [
        element("line", x1=at(middle), x2=at(middle), y1=0, y2=18, **_DASHED),
        element("line", x1=at(ends[0]), x2=at(ends[1]), y1=9, y2=9, class_="range"),
        element("circle", cx=at(value), cy=9, r=4, class_="dot", **fill),
    ]
    label = f"{value:.3f} ({ends[0]:.3f}–{ends[1]:.3f})"
    return drawing(DOTS, 18, *shapes, label=label, class_="bar")


def span_of(frame: pd.DataFrame, name: str, *more: float) -> tuple[float, float]:
    """A scale on which all intervals have room."""
    ends = frame[[name, f"{name}_ci_lower", f"{name}_ci_upper"]].to_numpy(dtype=float)
    inside = np.append(ends[np.isfinite(ends)], more)
    low, high = float(inside.min()), float(inside.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


class _Plane:
    """Shares across and up, from 0 to the most."""

    def __init__(self, across: float, up: float) -> None:
        self.across, self.up = across, up

    def at(self, x: float, y: float) -> tuple[float, float]:
        return (
            float(_LEFT + (_SIZE - _LEFT - 10) * x / self.across),
            float(_LOW - (_LOW - 8) * y / self.up),
        )

    def line(self, points: list[tuple[float, float]], **attributes: object) -> Markup:
        corners = _points(self.at(x, y) for x, y in points)
        return element("polyline", points=corners, fill="none", **attributes)

    def grid(self, across: str, up: str) -> list[Markup]:
        """Lines at round shares, their labels, and the names of the axes."""
        shapes = []
        for share in _ticks(self.up):
            y = self.at(0, share)[1]
            shapes.append(element("line", x1=_LEFT, x2=_SIZE - 10, y1=y, y2=y, class_="level"))
            shapes.append(element("text", _tick(share), x=_LEFT - 6, y=y + 4, text_anchor="end"))
        for share in _ticks(self.across):
            x = self.at(share, 0)[0]
            shapes.append(element("text", _tick(share), x=x, y=_LOW + 16, text_anchor="middle"))
        middle = (_LEFT + _SIZE) / 2
        shapes.append(element("text", across, x=middle, y=_LOW + 36, text_anchor="middle"))
        turned = f"rotate(-90 10 {_LOW / 2:g})"
        shapes.append(element("text", up, x=10, y=_LOW / 2, text_anchor="middle", transform=turned))
        return shapes


def _ticks(most: float) -> list[float]:
    step = next(s for s in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most / s <= 6)
    return [step * i for i in range(int(most / step + 1e-9) + 1)]


def _tick(share: float) -> str:
    return f"{100 * share:.3g}%"


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
