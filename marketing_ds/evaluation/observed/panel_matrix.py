"""A panel as a matrix: units by periods, whole, with the size of every unit."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput

from .sample import Floats


@dataclass(frozen=True)
class PanelMatrix:
    """Outcomes of units (n,) in periods (t,)."""

    units: tuple[Hashable, ...]
    periods: tuple[Hashable, ...]
    values: Floats
    """(n, t)"""
    sizes: Floats
    """(n,) customers on average, or ones."""

    def place(self, period: object, name: str) -> int:
        """The number of the first period at or after this one."""
        for k, known in enumerate(self.periods):
            try:
                if known >= period:  # type: ignore[operator]
                    return k
            except TypeError:
                raise InvalidInput(
                    f"{name} must be comparable with the panel's periods (such as "
                    f"{self.periods[0]!r}), got {period!r}"
                ) from None
        return len(self.periods)


def panel_matrix(
    panel: pd.DataFrame, *, outcome: str, unit: str, time: str, size: str | None
) -> PanelMatrix:
    """Check a panel and lay it out."""
    needed = [unit, time, outcome, *([size] if size else [])]
    if not isinstance(panel, pd.DataFrame):
        raise InvalidInput(f"panel must be a pandas frame, got {type(panel).__name__}")
    check_columns(panel.columns, needed, "panel")
    if panel.empty:
        raise InvalidInput("panel must have at least one row, got none")
    for name in (outcome, *([size] if size else [])):
        if not pd.api.types.is_numeric_dtype(panel[name]):
            raise InvalidInput(f"{name!r} must hold numbers, got {panel[name].dtype}")
    bad = int((~np.isfinite(panel[outcome].to_numpy(dtype=float))).sum())
    if bad or panel[[unit, time]].isna().any().any():
        raise InvalidInput(
            f"{outcome!r}, {unit!r} and {time!r} must be known in every row, got {bad} rows without "
            "a finite outcome; fill in 0 where nothing happened, or leave the unit out"
        )
    again = int(panel.duplicated([unit, time]).sum())
    if again:
        raise InvalidInput(
            f"panel must have one row per {unit!r} and {time!r}, got {again} rows more; sum them up"
        )
    wide = (
        panel.pivot(index=unit, columns=time, values=outcome).sort_index(axis=0).sort_index(axis=1)
    )
    holes = wide.isna().sum(axis=1)
    if holes.any():
        raise InvalidInput(
            f"every unit must have every period, got {int((holes > 0).sum())} units with holes "
            f"(first: {wide.index[holes.to_numpy() > 0][0]!r}); fill in 0 where nothing happened, or "
            "leave these units out"
        )
    sizes = np.ones(len(wide))
    if size:
        sizes = panel.groupby(unit)[size].mean().reindex(wide.index).to_numpy(dtype=float)
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise InvalidInput(f"{size!r} must be greater than 0 for every unit")
    return PanelMatrix(tuple(wide.index), tuple(wide.columns), wide.to_numpy(dtype=float), sizes)


def known_of(
    panel: pd.DataFrame,
    matrix: PanelMatrix,
    covariates: Sequence[str],
    *,
    unit: str,
    time: str,
    outcome: str,
) -> Floats:
    """Covariates of every unit in every period: (units, periods, covariates)."""
    if isinstance(covariates, str):
        raise InvalidInput(f"covariates must be a list of columns, got {covariates!r}")
    names = list(dict.fromkeys(covariates))
    check_columns(panel.columns, names, "panel")
    known = np.empty((*matrix.values.shape, len(names)))
    for k, name in enumerate(names):
        if name in (unit, time, outcome):
            raise InvalidInput(
                f"covariates must not be the unit, the period or the outcome, got {name!r}"
            )
        if not pd.api.types.is_numeric_dtype(panel[name]):
            raise InvalidInput(f"covariate {name!r} must hold numbers, got {panel[name].dtype}")
        wide = panel.pivot(index=unit, columns=time, values=name)
        known[:, :, k] = wide.reindex(matrix.units, columns=matrix.periods).to_numpy(dtype=float)
        if not np.isfinite(known[:, :, k]).all():
            raise InvalidInput(
                f"covariate {name!r} must be known and finite in every row; fill it in, or leave it "
                "out"
            )
    return known


def starts_of(
    panel: pd.DataFrame,
    matrix: PanelMatrix,
    treated_from: str | Mapping[Hashable, object],
    unit: str,
) -> Floats:
    """The number of the first treated period of every unit; infinite where it never came."""
    if isinstance(treated_from, str):
        check_columns(panel.columns, [treated_from], "panel")
        each = panel.groupby(unit)[treated_from].agg(["nunique", "first"])
        mixed = each.index[each["nunique"].to_numpy() > 1]
        if len(mixed):
            raise InvalidInput(
                f"{treated_from!r} must be the same in all rows of a unit, got several for "
                f"{mixed[0]!r}; it is the first treated period, null for units never treated"
            )
        known = {u: v for u, v in each["first"].items() if not pd.isna(v)}
    else:
        known = dict(treated_from)
        strange = [u for u in known if u not in matrix.units]
        if strange:
            raise InvalidInput(
                f"treated_from must name units of the panel, got {strange[0]!r}; "
                f"it has {', '.join(map(repr, matrix.units[:8]))}"
            )
    starts = np.array(
        [matrix.place(known[u], "treated_from") if u in known else np.inf for u in matrix.units],
        dtype=float,
    )
    starts[starts >= len(matrix.periods)] = np.inf  # later than the panel: not treated in it
    return starts
