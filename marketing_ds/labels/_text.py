"""Labels as text: what a notebook's parameter or a schedule holds."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema import CATEGORIES

from ._campaign import outcome_names
from ._declared import balance_up, bought, clicked, inactive, outcome, redeemed
from ._label import Label

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_FORMS = (
    "bought",
    *(f"bought {category}" for category in CATEGORIES),
    "bought product <id>",
    "balance up by <n> %",
    "balance of <category> up by <n> %",
    "balance of product <id> up by <n> %",
    "inactive",
    "clicked",
    "redeemed",
    "outcome <name>",
)
_SHOWN = (
    "bought", "bought <category>", "bought product <id>", "balance of <category> up by <n> %",
    "inactive", "clicked", "redeemed", "outcome <name> of <campaign>",
)  # fmt: skip
_CATEGORY = "|".join(CATEGORIES)
_OF = rf"(?: of (?:product (?P<product_id>\S+)|(?P<category>{_CATEGORY})s?))?"
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[..., Label]], ...] = (
    (re.compile(rf"bought(?: (?:product (?P<product_id>\S+)|(?P<category>{_CATEGORY})))?"), bought),
    (re.compile(rf"balance{_OF} up by (?P<by>\d+(?:\.\d+)?) ?%"), balance_up),
    (re.compile(r"clicked(?: of (?P<campaign_id>\S+))?"), clicked),
    (re.compile(r"redeemed(?: of (?P<campaign_id>\S+))?"), redeemed),
    (re.compile(r"inactive"), inactive),
    (re.compile(r"outcome (?P<name>.+?)(?: of (?P<campaign_id>\S+))?"), outcome),
)


def read_label(
    label: str | Label, mart: Mart | None = None, *, as_of: str | dt.date | None = None
) -> Label:
    """The label that a text says; a label is handed back as it is.

    Parameters
    ----------
    label : str or Label
        ``"bought"``, ``"bought fund"``, ``"bought product P012"``,
        ``"balance of fund up by 10 %"``, ``"inactive"``, ``"clicked"``, ``"redeemed"`` (these two
        also ``"… of K06"``), ``"outcome converted of K06"``; with a mart also the bare name of an
        outcome of its last campaign, such as ``"converted"``.
    mart : Mart, optional
        Where to look up outcomes that are named bare.
    as_of : date, optional
        The last campaign by this day; by default by the mart's last.

    Raises
    ------
    InvalidInput
        If the text is none of these; the message names the nearest.

    Examples
    --------
    >>> read_label("bought product P012").name
    'bought_p012'
    >>> read_label("balance of funds up by 10 %").name
    'balance_fund_up_10pct'
    >>> read_label("bought funds")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: label must be one of 'bought', 'bought <category>', 'bought product <id>', 'balance of <category> up by <n> %', 'inactive', 'clicked', 'redeemed', 'outcome <name> of <campaign>', got 'bought funds'; did you mean 'bought fund'?
    """
    if isinstance(label, Label):
        return label
    if not isinstance(label, str):
        raise InvalidInput(
            f"label must be a label of mds.labels or a text such as 'bought fund', got "
            f"{type(label).__name__}"
        )
    text = " ".join(label.split())
    for pattern, make in _PATTERNS:
        if found := pattern.fullmatch(text):
            given = {key: value for key, value in found.groupdict().items() if value is not None}
            if "by" in given:
                return make(**{**given, "by": float(given["by"]) / 100})
            return make(**given)
    return _bare_outcome(text, mart, as_of)


def _bare_outcome(text: str, mart: Mart | None, as_of: str | dt.date | None) -> Label:
    names: list[str] = []
    where = ""
    if mart is not None and {"campaigns", "assignments"} <= set(mart.tables):
        day = mart.last_date if as_of is None else check_date("as_of", as_of)
        try:
            campaign_id, names = outcome_names(mart, day)
        except MartError as error:  # the text may be none for another reason
            where = f" (an outcome named bare needs a finished campaign, and {error})"
        else:
            where = f", or an outcome of {campaign_id} ({', '.join(names)})"
        if text in names:
            return outcome(text)
    near = difflib.get_close_matches(text, (*_FORMS, *names), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InvalidInput(
        f"label must be one of {', '.join(map(repr, _SHOWN))}{where}, got {text!r}{hint}"
    )
