"""Cohorts of units that began together: their effects period by period, and the errors of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketing_ds._core.errors import InvalidInput

from .panel_matrix import PanelMatrix
from .sample import Floats, Numbers


@dataclass(frozen=True)
class Side:
    """What some units' changes say: their mean, or what a regression expects of others.

    Attributes
    ----------
    value : float
    slopes : ndarray of shape (k,)
        Of the regression; its constant is the value.
    lever : ndarray of shape (n,)
        How much a unit's change counts in it; 0 for units outside.
    residual, weight : ndarray of shape (n,)
        Of the regression; 0 for units outside.
    known : ndarray of shape (n, k)
        A constant and the covariates, 0 for units outside.
    bread : ndarray of shape (k, k)
        Inverse of their weighted products.
    psi : ndarray of shape (n,)
        Each unit's part in the error; their squares add up to the variance.
    """

    value: float
    slopes: Floats
    lever: Floats
    residual: Floats
    weight: Floats
    known: Floats
    bread: Floats
    psi: Floats

    def answers(self, clusters: Numbers) -> Floats:
        """How the sums of lever × residual by cluster answer to a shock to each unit: (n, clusters).

        The shock moves its own residual, and by what is fitted those of all others.
        """
        shape = (len(self.lever), int(clusters.max()) + 1)
        own = np.zeros(shape)
        own[np.arange(shape[0]), clusters] = self.lever
        felt = np.zeros((shape[1], self.known.shape[1]))
        np.add.at(felt, clusters, self.known * self.lever[:, None])
        return np.asarray(own - (self.known * self.weight[:, None]) @ self.bread @ felt.T)


@dataclass(frozen=True)
class Cell:
    """One cohort in one period against the period before it began."""

    start: int
    at: int
    treated: Side
    control: Side
    level: Side
    """The cohort's mean in this period."""
    size: float
    """Size of the cohort: how much it counts in averages."""

    @property
    def after(self) -> bool:
        """Whether the cohort is treated in it."""
        return self.at >= self.start

    @property
    def effect(self) -> float:
        """Change of the cohort less that of its controls."""
        return self.treated.value - self.control.value

    @property
    def psi(self) -> Floats:
        """Each unit's part in the error of the effect."""
        return self.treated.psi - self.control.psi

    def answers(self, clusters: Numbers) -> Floats:
        """How the effect's scores by cluster answer to a shock to each unit; see `Side`."""
        return self.treated.answers(clusters) - self.control.answers(clusters)


@dataclass(frozen=True)
class Average:
    """Cells averaged by the size of their cohorts."""

    cells: tuple[Cell, ...]

    @property
    def weights(self) -> Floats:
        """How much each cell counts."""
        sizes = np.array([cell.size for cell in self.cells])
        return np.asarray(sizes / sizes.sum())

    @property
    def effect(self) -> float:
        """The average effect."""
        return float(self.weights @ np.array([cell.effect for cell in self.cells]))

    @property
    def psi(self) -> Floats:
        """Each unit's part in its error."""
        return np.asarray(self.weights @ np.array([cell.psi for cell in self.cells]))

    @property
    def lever(self) -> Floats:
        """How much each unit's changes count in it."""
        each = np.array([cell.treated.lever - cell.control.lever for cell in self.cells])
        return np.asarray(self.weights @ each)

    @property
    def level(self) -> tuple[float, Floats]:
        """The treated units' mean, and each unit's part in its error."""
        values = np.array([cell.level.value for cell in self.cells])
        psis = np.array([cell.level.psi for cell in self.cells])
        return float(self.weights @ values), np.asarray(self.weights @ psis)


def cohort_cells(
    matrix: PanelMatrix, starts: Floats, controls: str, early: int, known: Floats
) -> list[Cell]:
    """Every cohort in every period but the one it is compared from.

    `known` (n, t, k) holds covariates; those of the period compared from are used.
    """
    cells = []
    for start in sorted({int(s) for s in starts if np.isfinite(s)}):
        base = start - 1 - early
        own = starts == start
        before = _before(known[:, base], own, matrix.sizes)
        for at in range(len(matrix.periods)):
            if at == base:
                continue
            free = np.isinf(starts)
            if controls == "not_yet":
                free |= starts > max(at, base) + early
                free &= ~own
            _check_controls(matrix, free, at, before.shape[1])
            change = matrix.values[:, at] - matrix.values[:, base]
            control = _side(change, free, matrix.sizes, before)
            # What covariates explain averages out in the cohort, and is no error of its mean.
            beyond = change - before[:, 1:] @ control.slopes[1:]
            cells.append(
                Cell(
                    start,
                    at,
                    _side(beyond, own, matrix.sizes, before[:, :1]),
                    control,
                    _side(matrix.values[:, at], own, matrix.sizes, before[:, :1]),
                    float(matrix.sizes[own].sum()),
                )
            )
    return cells


def _before(known: Floats, own: npt.NDArray[np.bool_], sizes: Floats) -> Floats:
    """A constant, and covariates less their mean in the cohort: what is expected of the cohort is
    then the constant's slope."""
    spread = known.std(axis=0)
    centred = known - np.average(known[own], axis=0, weights=sizes[own])
    return np.column_stack([np.ones(len(known)), centred / np.where(spread > 0, spread, 1.0)])


def _check_controls(matrix: PanelMatrix, free: npt.NDArray[np.bool_], at: int, terms: int) -> None:
    if free.sum() < 1 + terms:
        beyond = f" with {terms - 1} covariates" if terms > 1 else ""
        raise InvalidInput(
            f"at least {1 + terms} units must be left as controls{beyond}, got {int(free.sum())} "
            f"for period {matrix.periods[at]!r}; use controls='not_yet', or cut the panel before all "
            "are treated"
        )


def _side(values: Floats, who: npt.NDArray[np.bool_], sizes: Floats, known: Floats) -> Side:
    """A weighted regression of some units; its constant is the value."""
    weight = np.where(who, sizes / sizes[who].sum(), 0.0)
    inside = np.where(who[:, None], known, 0.0)
    products = inside.T @ (inside * weight[:, None])
    if np.linalg.matrix_rank(products, hermitian=True) < products.shape[0]:
        raise InvalidInput(
            "covariates must differ between the units left as controls and not repeat each other, "
            f"got {products.shape[0] - 1} that do not; leave some out"
        )
    bread = np.linalg.inv(products)
    turned = inside @ bread
    slopes = turned.T @ (weight * values)
    residual = np.where(who, values - inside @ slopes, 0.0)
    lever = turned[:, 0] * weight
    # What fitting takes off a squared residual: 1 − 2H + the sum of H² of the unit's row.
    meat = inside.T @ (inside * (weight**2)[:, None])
    spare = 1 - 2 * weight * (turned * inside).sum(axis=1)
    spare += ((turned @ meat) * turned).sum(axis=1)
    psi = np.where(who, lever * residual / np.sqrt(np.where(who, spare, 1.0)), 0.0)
    return Side(float(slopes[0]), slopes, lever, residual, weight, inside, bread, psi)
