"""Sample-ratio check: do the arms have the sizes that the design gave them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.sample_ratio import ALPHA, sizes_p_value, weights_p_value

from .engine import Chances


@dataclass(frozen=True)
class SrmCheck(Result):
    """Customers found and expected per arm, and how likely such a mismatch is by chance."""

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float
    alpha: float = ALPHA

    @property
    def passed(self) -> bool:
        """Whether the sizes fit the design."""
        return self.p_value >= self.alpha

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: customers, expected."""
        return pd.DataFrame(
            {
                "arm": list(self.counts),
                "customers": list(self.counts.values()),
                "expected": [self.expected[arm] for arm in self.counts],
            }
        )


def check_sample_ratio(
    counts: Mapping[str, int],
    *,
    shares: Mapping[str, float] | None = None,
    chances: Mapping[str, Chances] | None = None,
) -> SrmCheck:
    """Compare the arms' sizes with the design: given shares, given chances, or equal shares.

    Where all customers had the same chances this is Pearson's χ² test. Where chances of an arm
    differ between customers, Σ 1/P(arm) over its customers must be near the number of all
    customers: a z-test per arm, Bonferroni over arms.

    Parameters
    ----------
    counts : mapping
        Arm → customers.
    shares : mapping, optional
        Arm → share, or any numbers in that proportion; all arms.
    chances : mapping, optional
        Arm → what its customers' probabilities of this arm tell.

    Examples
    --------
    >>> check_sample_ratio({"control": 5_000, "mail": 5_400}).passed
    False
    >>> check_sample_ratio({"control": 1_000, "mail": 9_010}, shares={"control": 1, "mail": 9}).passed
    True
    """
    n = sum(counts.values())
    if shares is not None:
        return _pearson({arm: counts.get(arm, 0) for arm in _all(counts, shares)}, shares)
    if not chances:
        return _pearson(counts, dict.fromkeys(counts, 1.0))
    if not any(chance.differs for chance in chances.values()):
        return _pearson(counts, {arm: chances[arm].low for arm in counts})
    weight, variance = zip(*((c.weight, c.variance) for c in chances.values()), strict=True)
    p_value = weights_p_value(n, weight, variance)
    # What an arm's customers stand for by their weights, against what all of them are.
    expected = {arm: counts[arm] * n / float(chances[arm].weight) for arm in counts}
    return SrmCheck(dict(counts), expected, p_value)


def _pearson(counts: Mapping[str, int], shares: Mapping[str, float]) -> SrmCheck:
    n, whole = sum(counts.values()), sum(shares[arm] for arm in counts)
    expected = {arm: n * float(shares[arm] / whole) for arm in counts}
    p_value = sizes_p_value(list(counts.values()), list(expected.values()))
    return SrmCheck(dict(counts), expected, p_value)


def _all(counts: Mapping[str, int], shares: Mapping[str, float]) -> list[str]:
    for arm, share in shares.items():
        check_number(f"share of {arm!r}", share, low=0, inclusive=False)
    unknown = [arm for arm in counts if arm not in shares]
    if unknown:
        raise InvalidInput(
            f"shares must name every arm of the data, got none for {unknown[0]!r} "
            f"({', '.join(map(repr, shares))})"
        )
    return list(shares)
