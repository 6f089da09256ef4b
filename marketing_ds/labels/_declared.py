"""The labels that most models need, ready to be named."""

from __future__ import annotations

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import CATEGORIES
from marketing_ds.tags import where
from marketing_ds.tags._sources import ASSETS
from marketing_ds.tags._tag import Where
from marketing_ds.tags.declared._words import CATEGORIES_ZH

from ._balance import Grown
from ._campaign import OfCampaign
from ._happened import Happened
from ._label import Label


def bought(*, category: str | None = None, product_id: str | None = None) -> Label:
    """A purchase: of anything, in a product category, or of one product.

    Raises
    ------
    InvalidInput
        If the category is unknown, or both are given.

    Examples
    --------
    >>> bought(category="fund").name
    'bought_fund'
    >>> bought(category="fund").title("zh")
    '购买基金'
    """
    conditions, name, english, chinese = _which(category, product_id)
    return Label(
        f"bought{name}",
        f"Bought {english or 'any product'}",
        f"购买{chinese or '任一产品'}",
        f"1: a purchase of {english or 'any product'} within the horizon.",
        Happened("transactions", (*conditions, *where(kind="purchase"))),
    )


def balance_up(
    *, by: float = 0.10, category: str | None = None, product_id: str | None = None
) -> Label:
    """A balance that is higher by at least a share at the last snapshot of the horizon.

    It is compared with the last snapshot by the cut-off. Customers without a balance then are not
    spoken of: from nothing there is no share to grow by.

    Parameters
    ----------
    by : float
        The share, above 0: 0.10 for 10 %.
    category, product_id : str, optional
        Balance of what; by default of all assets (deposits, wealth, funds, insurance).

    Raises
    ------
    InvalidInput
        If `by` is not above 0, the category is unknown, or both are given.

    Examples
    --------
    >>> balance_up(by=0.1, category="fund").title()
    'Balance of fund up by 10 %'
    """
    share = check_number("by", by, low=0, inclusive=False)
    conditions, name, english, chinese = _which(category, product_id)
    percent = f"{100 * share:.10g}"
    of = f" of {english}" if english else ""
    return Label(
        f"balance{name}_up_{percent.replace('.', '_')}pct",
        f"Balance{of} up by {percent} %",
        f"{chinese or '资产'}余额上升{percent}%",
        f"1: at the horizon's last snapshot the balance{of or ' of all assets'} is at least "
        f"{percent} % above that of the last snapshot by the cut-off. Only customers with a "
        f"balance then.",
        Grown(share, conditions or where(category=ASSETS)),
    )


def inactive(*, active_within: int | None = 90) -> Label:
    """No active day: churn.

    An active day is one with an event in any channel, as for the tags `active_days_…`.

    Parameters
    ----------
    active_within : int or None
        Speak only of customers with an active day in the last so many days up to the cut-off: who
        has long been away does not leave again. None: of everybody.

    Examples
    --------
    >>> inactive().lineage[0]
    'customers.customer_id'
    """
    days = None if active_within is None else check_count("active_within", active_within, low=1)
    asked = f" Only customers with one in the {days} days up to the cut-off." if days else ""
    return Label(
        "inactive",
        "No active day",
        "无活跃日",
        f"1: not one active day within the horizon.{asked}",
        Happened("events", absent=True, active_within=days),
    )


def clicked(*, campaign_id: str | None = None) -> Label:
    """A message was clicked: of any campaign, or of one.

    Examples
    --------
    >>> clicked().lineage[:2]
    ('contacts.clicked_at', 'contacts.customer_id')
    """
    of, name = _of_campaign(campaign_id)
    return Label(
        f"clicked{name}",
        f"Clicked a message{of}",
        f"点击{campaign_id or ''}消息",
        f"1: a message{of} was clicked within the horizon, whenever it was sent.",
        Happened("contacts", _campaign(campaign_id), moment="clicked_at"),
    )


def redeemed(*, campaign_id: str | None = None) -> Label:
    """A benefit was redeemed, and that was not undone within the horizon.

    Examples
    --------
    >>> redeemed(campaign_id="K06").title("zh")
    '核销K06权益'
    """
    of, name = _of_campaign(campaign_id)
    conditions = (*_campaign(campaign_id), *where(redeemed=True))
    return Label(
        f"redeemed{name}",
        f"Redeemed a benefit{of}",
        f"核销{campaign_id or ''}权益",
        f"1: a benefit{of} was redeemed within the horizon and not reversed in it.",
        Happened("benefit_grants", conditions, moment="redeemed_at"),
    )


def outcome(name: str, *, campaign_id: str | None = None) -> Label:
    """An outcome of a campaign, for the customers assigned in it.

    Parameters
    ----------
    name : str
        A column of `marketing_ds.campaign_outcomes`, such as ``converted``; 1 if it is above 0.
    campaign_id : str, optional
        The campaign; by default the last randomised one whose outcomes are complete.

    Notes
    -----
    Its cut-off is the day before the campaign, its horizon ends with the attribution. Customers
    assigned by the cut-off, or whose attribution is not over when the horizon is, are not spoken of.

    Examples
    --------
    >>> outcome("converted", campaign_id="K06").name
    'converted_k06'
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"name must be the name of an outcome such as 'converted', got {name!r}")
    of, suffix = _of_campaign(campaign_id)
    return Label(
        f"{_slug(name)}{suffix}",
        f"{name.replace('_', ' ').capitalize()}{of or ' in the last campaign'}",
        f"{campaign_id or '最近一次活动'}结果：{name}",
        f"1: the outcome {name!r}{of or ' of the last campaign'} is above 0 within its attribution "
        f"window. Only customers assigned in it.",
        OfCampaign(name, campaign_id),
    )


def _which(category: str | None, product_id: str | None) -> tuple[Where, str, str, str]:
    """Conditions on rows, ending of the name, and what it is called in English and Chinese."""
    if category is not None and product_id is not None:
        raise InvalidInput(
            f"category and product_id must not both be given, got {category!r} and {product_id!r}"
        )
    if category is not None:
        check_choice("category", category, CATEGORIES)
        return where(category=category), f"_{category}", category, CATEGORIES_ZH[category]
    if product_id is not None:
        _check_id("product_id", product_id)
        shown = f"product {product_id}"
        return where(product_id=product_id), f"_{_slug(product_id)}", shown, f"产品{product_id}"
    return (), "", "", ""


def _campaign(campaign_id: str | None) -> Where:
    return () if campaign_id is None else where(campaign_id=campaign_id)


def _of_campaign(campaign_id: str | None) -> tuple[str, str]:
    if campaign_id is None:
        return "", ""
    _check_id("campaign_id", campaign_id)
    return f" of {campaign_id}", f"_{_slug(campaign_id)}"


def _check_id(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{name} must be an id as text, got {value!r}")


def _slug(text: str) -> str:
    """Lower case letters, digits and underscores of an id or a name."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower()).strip("_")
    return kept if kept[:1].isalpha() else f"x{kept}"
