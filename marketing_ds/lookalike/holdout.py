"""A random hold-out from the candidates: what the customers found are compared with later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from marketing_ds._core.checks import check_choice, check_count, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import hash_share
from marketing_ds.audiences import Audience
from marketing_ds.schema import CONTROL

from . import inputs
from .expansion import Expansion, closest, marked_audience
from .limits import limited

if TYPE_CHECKING:
    from marketing_ds.mart import Mart, Publication

FOUND = "lookalike"


@dataclass(frozen=True, eq=False)
class Holdout(Result):
    """Customers found and a random hold-out, as the arms of an experiment; see `Expansion.holdout`.

    The hold-out is drawn first, by lot from all candidates, those who were found among them; who
    is drawn leaves the arm of the found. So nobody is in both arms, the arm ``control`` is a fair
    sample of the candidates, and the arm ``lookalike`` one of the found. Contact both arms, or
    neither: otherwise the difference is that of the choice and of the contact together.

    Attributes
    ----------
    assignments : pandas.DataFrame
        One row a customer, by id: `customer_id`, `arm`, `probability` (of the arm), `stratum`
        (null).
    shares : mapping of str to float
        Arm → number of customers that the design expects, for ``analyze_experiment(shares=)``.
    how : mapping
        How it was drawn, as JSON.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from marketing_ds.lookalike import Lookalike
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(2000)],
    ...                       "visits": rng.poisson(3, 2000)})
    >>> seeds = frame.loc[frame["visits"] > 5, "customer_id"]
    >>> look = Lookalike("neighbours").fit(frame, seeds[::2])
    >>> drawn = look.expand(size=200).holdout()
    >>> {arm: round(number) for arm, number in drawn.shares.items()}
    {'control': 200, 'lookalike': 179}
    """

    assignments: pd.DataFrame = field(repr=False)
    shares: Mapping[str, float]
    how: Mapping[str, Any] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: `arm`, `customers`, `expected` by the design, `probability`."""
        counts = self.assignments["arm"].value_counts()
        chance = self.assignments.groupby("arm")["probability"].first()
        arms = list(self.shares)
        return pd.DataFrame(
            {
                "arm": arms,
                "customers": [int(counts[arm]) for arm in arms],
                "expected": list(self.shares.values()),
                "probability": [float(chance[arm]) for arm in arms],
            }
        )

    def ids(self, arm: str = FOUND) -> list[str]:
        """Customers of an arm, in order of id."""
        check_choice("arm", arm, list(self.shares))
        rows = self.assignments
        return rows.loc[rows["arm"] == arm, "customer_id"].tolist()

    def audience(
        self, tags: Any, arm: str = FOUND, *, as_of: dt.date | str | None = None
    ) -> Audience:
        """An arm as an audience, ready to be published."""
        return marked_audience(tags, self.ids(arm), {**self.how, "arm": arm}, as_of)

    def publish(self, mart: Mart, name: str, *, as_of: dt.date | str) -> Publication:
        """Publish the arms as `assignments`, for the evaluation to come.

        Parameters
        ----------
        mart : Mart
            Where to publish; it leaves out the universal control group.
        name : str
            Name of the comparison.
        as_of : date or str
            The day of the tags.
        """
        day = check_date("as_of", as_of)
        rows = self.assignments.assign(as_of=pd.Series([day] * len(self.assignments), dtype=object))
        return mart.publish("assignments", rows, name=name, as_of=day, parameters=self.how)


def draw_holdout(found: Expansion, size: int | None, salt: str) -> Holdout:
    """The work behind `Expansion.holdout`."""
    if not isinstance(salt, str):
        raise InvalidInput(f"salt must be text, got {salt!r}")
    if found.candidates is None:
        raise InvalidInput("a hold-out needs the candidates, which this expansion does not know")
    if not found.size:
        raise InvalidInput("a hold-out needs customers that were found, got an empty expansion")
    wanted = found.size if size is None else check_count("size", size, low=1)
    if wanted >= found.n_candidates:
        raise InvalidInput(
            f"size must be below the number of candidates, {found.n_candidates:,}, got {wanted:,}; "
            "draw a smaller hold-out with size="
        )
    held = _drawn(found, wanted, salt)
    chance = wanted / found.n_candidates
    kept = sorted(set(found.ids()) - set(held))
    if not kept:
        raise InvalidInput(
            f"size must leave some of the {found.size:,} customers found, got {wanted:,} of "
            f"{found.n_candidates:,} candidates, which took all of them; draw fewer"
        )
    rows = pd.DataFrame(
        {
            "customer_id": pd.Series([*held, *kept], dtype="str"),
            "arm": pd.Series([CONTROL] * len(held) + [FOUND] * len(kept), dtype="str"),
            "probability": [chance] * len(held) + [1 - chance] * len(kept),
            "stratum": pd.Series([None] * (len(held) + len(kept)), dtype="str"),
        }
    )
    shares = {CONTROL: float(wanted), FOUND: found.size * (1 - chance)}
    how = {**found.how, "holdout": wanted, "candidates": found.n_candidates, "salt": salt}
    return Holdout(rows.sort_values("customer_id", ignore_index=True), shares, how)


def _drawn(found: Expansion, size: int, salt: str) -> list[str]:
    """The `size` candidates with the smallest hashes."""
    candidates = found.candidates
    if not found.seeds_included:
        candidates = limited(candidates, suppress=found.seeds.tolist())
    kept = pd.DataFrame({"customer_id": [], "score": []})
    for batch in inputs.batches(candidates, []):
        ids = batch[inputs.ID].to_numpy()
        lot = pd.DataFrame({"customer_id": ids, "score": -hash_share(ids, salt=salt)})
        both = pd.concat([kept, lot]) if len(kept) else lot
        kept = closest(both, min(size, len(both)))
    return kept["customer_id"].tolist()
