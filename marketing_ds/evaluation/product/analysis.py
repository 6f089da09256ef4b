"""The product analysis: sales, cross-holding, cannibalisation, new against moved money."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd

from marketing_ds import outcomes
from marketing_ds._core.checks import check_count, check_date, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.evaluation.assigned import Assigned, assigned
from marketing_ds.outcomes import Campaign

from .books import Books, Window, books
from .cannibalised import caused, nothing_caused
from .crossing import crossing
from .levels import buyers_by_level
from .moved import moved_money
from .sales import sales
from .switching import switching

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

Evidence = Literal["randomised", "descriptive"]


@dataclass(frozen=True, eq=False)
class ProductAnalysis(Result):
    """What was sold, to whom, at the cost of what, and with whose money; see `analyze_products`.

    Attributes
    ----------
    start, end, as_of : date
        The window, both days included, and the day whose knowledge was used.
    start_snapshot, end_snapshot : date or None
        The snapshots of balances: the last before the window, and the last by its end.
    customers : int
        Customers by the end of the window.
    campaign_id, product_id : str or None
        The campaign, and the product that it sells.
    evidence : {"randomised", "descriptive"}
        Whether a randomised campaign tells what caused what (`effects`, `ratios`).
    blocked : bool
        Whether a failed check of its arms forbids a verdict.
    sales : pandas.DataFrame
        One row a product, a category, and all: buyers, purchases, amount, frequency, ticket, new
        buyers, penetration.
    cross_holding : pandas.DataFrame
        One row a pair of products or categories: customers with both, Jaccard, lift.
    switching : pandas.DataFrame
        Of holders of another product of the category, how many held less of it at the end, among
        buyers and among others: a description.
    moved : pandas.DataFrame
        By product: money new to the bank, and money moved from the customer's other balances.
    effects, ratios : pandas.DataFrame
        Of a randomised campaign: effects per customer on what was bought and held, and their
        ratios: cannibalised sales and balances, and net new money, as shares of the product's own.
    notes : tuple of str
        What could not be told: ``no_holdings``, ``no_snapshot_before``, ``no_snapshot_inside``,
        ``not_randomised``, ``no_control``; ``others_together`` where the smallest products of a
        category are one row.
    """

    start: dt.date
    end: dt.date
    as_of: dt.date
    start_snapshot: dt.date | None
    end_snapshot: dt.date | None
    customers: int
    campaign_id: str | None
    product_id: str | None
    evidence: Evidence
    blocked: bool
    alpha: float
    notes: tuple[str, ...]
    sales: pd.DataFrame = field(repr=False)
    cross_holding: pd.DataFrame = field(repr=False)
    switching: pd.DataFrame = field(repr=False)
    moved: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    ratios: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """The sales: one row a product, a category, and all."""
        return self.sales.copy()

    def _repr_html_(self) -> str:
        return frame_html(self.sales, title=f"Sales {self.start} to {self.end}")


def analyze_products(
    mart: Mart,
    *,
    start: str | dt.date,
    end: str | dt.date,
    campaign_id: str | None = None,
    as_of: str | dt.date | None = None,
    most: int = 500,
    alpha: float = 0.05,
) -> ProductAnalysis:
    """What was sold in a window, how products are held together, and where the money came from.

    Parameters
    ----------
    mart : Mart
        Where to look.
    start, end : date
        The window, both days included.
    campaign_id : str, optional
        A campaign that begins in the window: what it did to the sales and balances of its product
        and of others.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.
    most : int
        Products told one by one: where more are on sale, those with the largest amounts bought and
        held (and the campaign's own); the others of each category are one row, ``others:category``.
    alpha : float
        1 − level of the intervals.

    Returns
    -------
    ProductAnalysis

    Raises
    ------
    InvalidInput
        If the window is empty or ends after `as_of` or the mart's last day; the campaign begins
        outside the window or sells no product that is on sale; or what `analyze_experiment`
        raises of its arms.
    MartError
        If the mart has no products or transactions.

    Notes
    -----
    *Sales* are transactions of kind ``purchase`` with a product. A buyer is new to a product (a
    category, the bank's products) who, as far as the mart's history goes, had not bought any of it
    before the window, and held none at the last snapshot before it. Means per buyer and the
    average ticket (a ratio, by the delta method) carry Student's interval, shares Wilson's.

    *Lift* is the share of the other product's holders among the holders of one, over that among
    all customers, with the score interval of `marketing_ds.tgi_interval`.

    *New and moved money.* New is min(max(growth of the customer's assets, 0), amount bought), from
    the snapshot before the window to the last in it; moved is the rest. Growth holds salaries,
    deposits and transfers in, and interest and prices too. Debts (loans, cards) are left out.

    *Cannibalisation.* With a randomised campaign: the effect on what was bought of its product
    since it began, on the rest of its category, and on all else; likewise on balances and assets.
    The part of the product's sales that was taken from its category is −Δrest/Δproduct, net new
    money Δassets/Δproduct balance, each with Fieller's set of the ratio of two differences that
    move together (unbounded where the product's own effect cannot be told from 0). Without one,
    `switching` describes.

    Each table is scanned once; one row a customer and product is kept in the engine until the
    analysis is done, and none leaves it.

    References
    ----------
    Fieller (1954), Some problems in interval estimation, JRSS B 16. Koopman (1984), Confidence
    intervals for the ratio of two binomial proportions, Biometrics 40.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.product import analyze_products
    >>> with mds.open_mart("data_samples") as mart:
    ...     found = analyze_products(
    ...         mart, start="2026-04-01", end="2026-06-30", campaign_id="K06")
    >>> found.evidence, found.product_id
    ('randomised', 'WM-PRIME')
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    most = check_count("most", most, low=1)
    window, which = _window(mart, start, end, campaign_id, as_of)
    found = books(mart, window, most=most, always=which.product_id if which else None)
    arms = None if which is None else assigned(mart, which, window.as_of)
    notes = _notes(mart, found, arms)
    hold = mart.connection.held
    with hold(found.rows) as held, hold(buyers_by_level(held)) as buyers:
        sold = sales(held, buyers, found, alpha)
        told = nothing_caused()
        if which is not None and arms is not None and arms.drawn and arms.compared:
            told = caused(held, found, which, arms, alpha)
        return ProductAnalysis(
            start=window.start,
            end=window.end,
            as_of=window.as_of,
            start_snapshot=found.start_snapshot,
            end_snapshot=found.end_snapshot,
            customers=found.customers,
            campaign_id=campaign_id,
            product_id=which.product_id if which else None,
            evidence="randomised" if len(told.effects) else "descriptive",
            blocked=told.blocked,
            alpha=alpha,
            notes=notes,
            sales=sold.drop(columns="key"),
            cross_holding=crossing(held, found, sold, alpha),
            switching=switching(held, found, alpha),
            moved=moved_money(buyers, found, alpha),
            effects=told.effects,
            ratios=told.ratios,
        )


def _window(
    mart: Mart,
    start: str | dt.date,
    end: str | dt.date,
    campaign_id: str | None,
    as_of: str | dt.date | None,
) -> tuple[Window, Campaign | None]:
    """The window and the campaign, checked before any work is done."""
    first, last = check_date("start", start), check_date("end", end)
    for name in ("products", "transactions"):
        if name not in mart.tables:
            raise MartError(
                f"the product analysis needs the table {name!r}, which '{mart.source}' does not have"
            )
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    known = min(day, mart.last_date)
    if last < first:
        raise InvalidInput(f"end must not lie before start, got {last} and {first}")
    if last > known:
        raise InvalidInput(
            f"end must not lie after what is known, {known}, got {last}; end the window by then"
        )
    if campaign_id is None:
        return Window(first, last, day), None
    which = outcomes.campaign(mart, campaign_id)
    if not first <= which.starts_on <= last:
        raise InvalidInput(
            f"the campaign must begin in the window, {first} to {last}, got {campaign_id!r}, which "
            f"begins on {which.starts_on}"
        )
    on_sale = mart["products"].filter(mart["products"].product_id == which.product_id)
    if which.product_id is None or not on_sale.count().to_pyarrow().as_py():
        raise InvalidInput(
            f"campaign_id must name a campaign that sells a product of the mart, got {campaign_id!r}"
        )
    return Window(first, last, day, which.starts_on), which


def _notes(mart: Mart, found: Books, arms: Assigned | None) -> tuple[str, ...]:
    notes = []
    if "holdings" not in mart.tables:
        notes.append("no_holdings")
    elif not found.follows:
        notes.append("no_snapshot_before" if found.start_snapshot is None else "no_snapshot_inside")
    if arms is not None and not arms.drawn:
        notes.append("not_randomised")
    elif arms is not None and not arms.compared:
        notes.append("no_control")
    if found.together:
        notes.append("others_together")
    return tuple(notes)
