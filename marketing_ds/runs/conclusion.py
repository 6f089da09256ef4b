"""How a notebook says what came out: one typed conclusion, shown to people and read by the run.

The conclusion travels inside the executed notebook as the output of its last cell, so a run needs
no side channel, and a person who opens the notebook sees what the schedule saw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

MIME = "application/vnd.marketing-ds.conclusion+json"


class _Published(Protocol):
    """What `Mart.publish` returns, as far as a conclusion needs it."""

    @property
    def path(self) -> Path: ...

    @property
    def rows(self) -> int: ...


@dataclass(frozen=True)
class Conclusion(Result):
    """What a run found: one headline figure with its interval, and where its outputs are."""

    headline: str
    value: float | None
    ci_lower: float | None
    ci_upper: float | None
    rows: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    publications: tuple[str, ...] = ()
    bundles: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    tables: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One row: headline, value, its interval, rows."""
        import pandas as pd

        return pd.DataFrame(
            {
                "headline": [self.headline],
                "value": [self.value],
                "value_ci_lower": [self.ci_lower],
                "value_ci_upper": [self.ci_upper],
                "rows": [self.rows],
            }
        ).astype({"value": float, "value_ci_lower": float, "value_ci_upper": float})

    def text(self) -> str:
        """The figure with its interval, e.g. ``0.0123 [0.0040, 0.0210]``."""
        if self.value is None:
            return ""
        figure = _short(self.value)
        if self.ci_lower is None or self.ci_upper is None:
            return figure
        return f"{figure} [{_short(self.ci_lower)}, {_short(self.ci_upper)}]"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Conclusion:
        """The inverse of `to_dict`."""
        fields = dict(content)
        fields["publications"] = tuple(fields["publications"])
        fields["files"] = tuple(fields["files"])
        return cls(**fields)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {
            "text/plain": f"{self.headline}: {self.text()}",
            "text/html": self._repr_html_(),
            MIME: self.to_dict(),
        }


def conclude(
    headline: str,
    value: float | None = None,
    *,
    ci: tuple[float, float] | None = None,
    rows: int = 0,
    metrics: Mapping[str, float] | None = None,
    publications: Sequence[_Published] = (),
    bundles: Mapping[str, str | Path] | None = None,
    files: Sequence[str | Path] = (),
    tables: Mapping[str, Mapping[str, list[Any]]] | None = None,
) -> Conclusion:
    """End a run unit: the last call of a notebook.

    Parameters
    ----------
    headline : str
        What the figure is, with its unit.
    value : float, optional
        The figure.
    ci : tuple of float, optional
        Its interval, lower and upper end.
    rows : int, optional
        Rows handled.
    metrics : mapping of str to float, optional
        Further figures for the tracker.
    publications : sequence of Publication, optional
        What `Mart.publish` returned.
    bundles : mapping of str to path, optional
        Folders of exported models, by model name.
    files : sequence of path, optional
        Further files or folders worth keeping with the run.
    tables : mapping of str to mapping, optional
        Small tables that a schedule should show, as ``frame.to_dict("split", index=False)`` gives
        them: a notebook on disk keeps the order of lists, not of keys.

    Raises
    ------
    InvalidInput
        If a figure is not finite, or the interval does not hold the value.

    Examples
    --------
    >>> conclude("AUC", 0.81, ci=(0.79, 0.83), rows=1200).text()
    '0.81 [0.79, 0.83]'
    """
    figures = {"value": value, **(metrics or {})}
    if ci is not None:
        figures |= {"ci lower": ci[0], "ci upper": ci[1]}
    for name, figure in figures.items():
        if figure is not None and not math.isfinite(figure):
            raise InvalidInput(f"{name} of a conclusion must be finite, got {figure}; leave it out")
    if ci is not None and (value is None or not ci[0] <= value <= ci[1]):
        raise InvalidInput(f"ci must hold the value {value}, got {ci}")
    return Conclusion(
        headline=headline,
        value=None if value is None else float(value),
        ci_lower=None if ci is None else float(ci[0]),
        ci_upper=None if ci is None else float(ci[1]),
        rows=int(rows),
        metrics={name: float(figure) for name, figure in (metrics or {}).items()},
        publications=tuple(str(Path(p.path).resolve()) for p in publications),
        bundles={name: str(Path(path).resolve()) for name, path in (bundles or {}).items()},
        files=tuple(str(Path(path).resolve()) for path in files),
        tables=dict(tables or {}),
    )


def _short(number: float) -> str:
    """Four significant digits, thousands separated."""
    if number != 0 and abs(number) < 1e-3:
        return f"{number:.2e}"
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}"
