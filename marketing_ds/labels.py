"""Labels for propensity models: what happened strictly after a cut-off, and when that is known."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from ._core.checks import check_choice, check_count, check_date
from ._core.display import Result
from ._core.errors import InvalidInput
from .outcomes import bought, campaign, campaign_outcomes, last_campaign
from .schema import CATEGORIES

if TYPE_CHECKING:
    import pandas as pd

    from .mart import Mart

_BOUGHT = "bought "


@dataclass(frozen=True)
class LabelSets(Result):
    """Labels to train on and labels to test on: ``customer_id``, ``label`` (0 or 1)."""

    outcome: str
    train_cutoff: dt.date
    test_cutoff: dt.date
    train: ibis.Table
    test: ibis.Table

    def to_frame(self) -> pd.DataFrame:
        """For each set: its cut-off, customers, and how many had the outcome."""
        import pandas as pd

        rows = []
        for name, cutoff, labels in (
            ("train", self.train_cutoff, self.train),
            ("test", self.test_cutoff, self.test),
        ):
            counts = labels.aggregate(
                customers=labels.count(), with_outcome=labels.label.sum().fill_null(0)
            )
            rows.append({"set": name, "cutoff": cutoff, **counts.to_pyarrow().to_pylist()[0]})
        return pd.DataFrame(rows)


def label_sets(
    mart: Mart, outcome: str, *, as_of: str | dt.date, horizon_days: int = 30
) -> LabelSets:
    """The two latest sets of labels that are complete by `as_of`.

    Parameters
    ----------
    mart : Mart
        Where to look.
    outcome : str
        ``"bought <category>"``: a purchase in that product category within the horizon; the test
        set's horizon ends on `as_of`, the training set's where the test set's begins. Or the name
        of an outcome of the last randomised campaign (such as ``"visit"``): both sets are that
        campaign's customers, so split them by customer.
    as_of : date
        Nothing after the end of this day is looked at.
    horizon_days : int
        Days after the cut-off within which a purchase counts.

    Raises
    ------
    InvalidInput
        If the outcome, its category or the horizon is not possible on this mart.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> mart = mds.open_mart("data_samples")
    >>> labels = mds.label_sets(mart, "bought fund", as_of="2026-06-30", horizon_days=30)
    >>> labels.train_cutoff, labels.test_cutoff
    (datetime.date(2026, 5, 1), datetime.date(2026, 5, 31))
    """
    day = check_date("as_of", as_of)
    days = check_count("horizon_days", horizon_days, low=1)
    if outcome.startswith(_BOUGHT):
        category = check_choice("category", outcome.removeprefix(_BOUGHT).strip(), CATEGORIES)
        test = day - dt.timedelta(days=days)
        train = test - dt.timedelta(days=days)
        return LabelSets(
            outcome,
            train,
            test,
            bought(mart, train, horizon_days=days, category=category),
            bought(mart, test, horizon_days=days, category=category),
        )
    which = campaign(mart, last_campaign(mart, day))
    rows = campaign_outcomes(mart, which.campaign_id, as_of=day)
    known = [name for name in rows.columns if name not in {"customer_id", "arm", "probability"}]
    if outcome not in known:
        raise InvalidInput(
            f"outcome must be 'bought <category>' or an outcome of {which.campaign_id} "
            f"({', '.join(known)}), got {outcome!r}"
        )
    labels = rows.select("customer_id", label=(rows[outcome] > 0).cast("int64"))
    return LabelSets(outcome, which.features_as_of, which.features_as_of, labels, labels)
