"""How much several audiences have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput

from ._algebra import of_one_table

if TYPE_CHECKING:
    from ._audience import Audience

_MOST = 40
_LONGEST_NAME = 48


@dataclass(frozen=True, eq=False)
class Overlap(Result):
    """What audiences have in common; made by `Audience.overlap`.

    Attributes
    ----------
    shared : pandas.DataFrame, shape (k, k)
        Customers in both of two audiences; on the diagonal the audience's own.
    """

    shared: pd.DataFrame = field(repr=False)

    @property
    def names(self) -> list[str]:
        """What the audiences are called."""
        return [str(name) for name in self.shared.columns]

    @property
    def sizes(self) -> pd.Series[int]:
        """Customers of each audience."""
        return pd.Series(np.diag(self.shared), index=self.shared.index, name="customers")

    @property
    def jaccard(self) -> pd.DataFrame:
        """Customers in both as a share of those in either, shape (k, k); NaN for two empty ones."""
        both, sizes = self.shared.to_numpy(), self.sizes.to_numpy()
        either = sizes[:, None] + sizes[None, :] - both
        share = np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0)
        return pd.DataFrame(share, index=self.shared.index, columns=self.shared.columns)

    def to_frame(self) -> pd.DataFrame:
        """One row a pair: `first`, `second`, `customers_first`, `customers_second`, `shared`, and
        `first_share`, `second_share` (what is shared of each) and `jaccard_share`."""
        first, second = np.triu_indices(len(self.names), 1)
        names, sizes = np.array(self.names, dtype=object), self.sizes.to_numpy()
        shared = self.shared.to_numpy()[first, second]
        frame = pd.DataFrame(
            {
                "first": names[first],
                "second": names[second],
                "customers_first": sizes[first],
                "customers_second": sizes[second],
                "shared": shared,
            }
        )
        frame["first_share"] = frame["shared"] / frame["customers_first"].replace(0, np.nan)
        frame["second_share"] = frame["shared"] / frame["customers_second"].replace(0, np.nan)
        frame["jaccard_share"] = self.jaccard.to_numpy()[first, second]
        return frame

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame(), title=f"Overlap of {len(self.names)} audiences")


def overlap(audiences: Sequence[Audience], names: Sequence[str] | None) -> Overlap:
    """The work behind `Audience.overlap`."""
    first = audiences[0]
    if len(audiences) < 2:
        raise InvalidInput("overlap must be given at least one other audience")
    if len(audiences) > _MOST:
        raise InvalidInput(f"overlap compares at most {_MOST} audiences, got {len(audiences)}")
    for other in audiences[1:]:
        of_one_table(first, other)
    flags = first.base.select(
        **{f"_{n}": each.chosen.cast("int64") for n, each in enumerate(audiences)}
    )
    pairs = [(a, b) for a in range(len(audiences)) for b in range(a, len(audiences))]
    counted = flags.aggregate(
        **{f"_{a}_{b}": (flags[f"_{a}"] * flags[f"_{b}"]).sum().fill_null(0) for a, b in pairs}
    ).to_pyarrow()
    shared = np.zeros((len(audiences), len(audiences)), dtype=np.int64)
    for a, b in pairs:
        shared[a, b] = shared[b, a] = counted[f"_{a}_{b}"][0].as_py()
    labels = _names(audiences, names)
    return Overlap(pd.DataFrame(shared, index=labels, columns=labels))


def _names(audiences: Sequence[Audience], names: Sequence[str] | None) -> list[str]:
    if names is None:
        names = [_short(each.text) for each in audiences]
        # Two audiences may be told in the same words.
        return [
            f"{name} ({n})" if names.count(name) > 1 else name for n, name in enumerate(names, 1)
        ]
    if isinstance(names, str) or len(names) != len(audiences) or len(set(names)) != len(names):
        raise InvalidInput(
            f"names must be {len(audiences)} different names, one an audience, got {names!r}"
        )
    return [str(name) for name in names]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"
