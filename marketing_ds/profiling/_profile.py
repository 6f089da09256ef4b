"""The profile of an audience: shares of every tag's values in audience and base, and their TGI."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.audiences import Audience
from marketing_ds.tags import Tag

from ._cells import count_cells
from ._columns import LANGUAGES, Column, choose_columns, told_in, with_bins
from ._crossed import Crossed, Pairs, check_pairs, cross
from ._interval import tgi_interval
from ._mix import Mix, mix_of
from ._ranking import sureness
from ._sides import Sizes, sides
from ._suppress import kept_of_list

_COLUMNS = [
    "tag", "title", "value", "n_audience", "n_base", "audience_share", "base_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper", "p_value", "p_adjusted",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Profile(Result):
    """How an audience differs from its base, or from a second audience; made by `profile`.

    `.to_frame()` has one row a value of a tag, the most distinctive first: `tag`, `title`, `value`,
    `n_audience`, `n_base`, `audience_share`, `base_share`, `tgi` with `tgi_ci_lower` and
    `tgi_ci_upper`, `p_value` and `p_adjusted`.

    Attributes
    ----------
    audience_count, base_count, shared_count : int
        Customers of the audience, of what it is compared with, and of both.
    against : {"base", "audience"}
        What it is compared with: a base that it is part of, or a second audience.
    hidden : pandas.DataFrame
        By tag, the customers whose values are not shown, since too few share them: `tag`,
        `n_audience`, `n_base`.
    crossed : Crossed or None
        The crossed pairs of tags, where they were asked for.
    """

    audience_count: int
    base_count: int
    shared_count: int
    against: Literal["base", "audience"]
    min_count: int
    alpha: float
    language: str
    texts: tuple[str, str | None]
    """How the audience and the second audience were chosen, in words."""
    as_of: dt.date | None
    """The day of the tags, where the audience knows it."""
    rule_tags: tuple[str, ...]
    """The tags that the sides were chosen by; they differ by construction."""
    columns: tuple[Column, ...] = field(repr=False)
    rows: pd.DataFrame = field(repr=False)
    hidden: pd.DataFrame = field(repr=False)
    crossed: Crossed | None = field(repr=False, default=None)

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a value of a tag, the most distinctive first.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of titles and values; the profile's own by default.
        """
        return told_in(language or self.language, self.rows, _COLUMNS)

    def mix(self, tag: str) -> Mix:
        """The values of one tag in their natural order, with what is not shown as one row.

        Use it for the mix of RFM classes, value tiers or stages of the lifecycle.

        Parameters
        ----------
        tag : str
            One of the profile's tags.

        Raises
        ------
        InvalidInput
            If the profile does not have the tag.
        """
        names = [column.name for column in self.columns]
        if tag not in names:
            raise InvalidInput(
                f"tag must be one that is profiled, got {tag!r}"
                f"{did_you_mean(str(tag), names) or '; name it in profile(tags=...)'}"
            )
        return mix_of(
            self.columns[names.index(tag)],
            self.rows[self.rows["tag"] == tag],
            (self.audience_count, self.base_count),
            alpha=self.alpha,
            against=self.against,
            language=self.language,
        )

    def report(
        self,
        path: str | Path,
        *,
        language: str | None = None,
        title: str | None = None,
        as_of: str | dt.date | None = None,
        extras: Sequence[Result] = (),
    ) -> Path:
        """Write the profile as one page that a marketing manager can read.

        The page is one file without outside parts: it opens in any browser, offline, and prints.
        It tells the main differences in words, shows sizes, TGI, mixes and crossed pairs, and how
        all of it was computed. It names no customer.

        Parameters
        ----------
        path : str or Path
            The file to write, ``….html``; one that is there is replaced.
        language : {"en", "zh"}, optional
            The language of the page; the profile's own by default.
        title : str, optional
            The heading; the audience's rule stands below it anyway.
        as_of : date or str, optional
            The day of the tags, to be shown; the audience's own by default.
        extras : sequence of Result
            More results to be shown: of `behaviour`, `distribution`, `migration`, `trend`, or any
            other result, which is shown as a table.

        Returns
        -------
        Path

        Raises
        ------
        InvalidInput
            If the path is not that of an ``.html`` file in a folder that is there, or an extra is
            no result, or one that lists single customers.
        """
        from ._report import write_report

        chosen = check_choice("language", language or self.language, LANGUAGES)
        return write_report(self, path, language=chosen, title=title, as_of=as_of, extras=extras)


def profile(
    aud: Audience | object,
    base: ir.Table | pd.DataFrame | Audience | None = None,
    tags: Sequence[str | Tag] | None = None,
    *,
    pairs: Pairs = (),
    min_count: int = 10,
    alpha: float = 0.05,
    language: str = "en",
) -> Profile:
    """Compare an audience with a base, or with a second audience, tag by tag.

    TGI = 100 × share in the audience / share in the base, over all customers (those without a
    value are a value of their own, and so are NaN and infinite numbers). Numeric tags are binned by
    quantiles of the base, dates by year. Rows are ranked by the smallest difference that the
    interval allows, |log(TGI/100)| at its end nearest to 100, then by |log(TGI/100)|.

    Parameters
    ----------
    aud : Audience, or what `audience` takes as a rule
        The audience; its customers must be in `base`.
    base : ibis.Table, pandas.DataFrame or Audience, optional
        Tags of the customers to compare with, the audience's own included; the table that the
        audience was chosen from by default. Or a second audience, chosen from the same table: it
        may share customers with the first or not.
    tags : sequence of str or Tag, optional
        Columns of `base` to compare; by default all that hold numbers, words, dates, or true or
        false.
    pairs : sequence of (str, str), or "auto"
        Pairs of `tags` to be crossed, see `Crossed`; ``"auto"`` picks the most telling ones.
    min_count : int
        Smallest number of customers that is shown.
    alpha : float
        1 − level of the intervals.
    language : {"en", "zh"}
        Language of titles and values.

    Returns
    -------
    Profile

    Raises
    ------
    InvalidInput
        If a side is empty, the audience not in the base, the two audiences are of different tables,
        a customer has several rows, or a tag is unknown or of another type.

    Notes
    -----
    **Estimator.** The shares are of two sides that may have customers in common; these are counted
    once, as a group of their own. The interval inverts the score test of the ratio of the two
    shares, see `tgi_interval`. An audience that is its own base has TGI 100 by definition.
    `p_adjusted` is Benjamini and Hochberg's (1995) over all rows that are shown.

    **Suppression.** Values that fewer than `min_count` customers of either side have are not shown,
    and do not leave the engine. Where they would follow from the totals, the next larger values
    are hidden too, so that what is not shown of a tag is nobody or at least `min_count`. The
    difference of two shown counts, such as the base without the audience, is not protected.

    **Many customers.** Beyond 50,000 the edges of bins are found from about so many, drawn by a hash of
    their ids; the counts are always of everybody.

    Tags that the audience was chosen by lead the list, as they must; name others in `tags` to look
    past them.

    Examples
    --------
    >>> import pandas as pd
    >>> from marketing_ds import audience
    >>> base = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)],
    ...                      "region": ["north", "south"] * 200,
    ...                      "age": [20 + i % 50 for i in range(400)]})
    >>> aud = audience(base, base["customer_id"][:300:3])
    >>> prof = profile(aud, tags=["region"])
    >>> prof.to_frame()[["tag", "value", "n_audience", "n_base", "tgi"]]
          tag  value  n_audience  n_base    tgi
    0  region  north          50     200  100.0
    1  region  south          50     200  100.0
    >>> young, old = audience(base, "age < 40"), audience(base, "age >= 30")
    >>> prof = profile(young, base=audience(young.base, "age >= 30"), tags=["region"])
    >>> prof.audience_count, prof.base_count, prof.shared_count
    (160, 320, 80)
    """
    check_count("min_count", min_count, low=1)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("language", language, LANGUAGES)
    compared = sides(aud, base)
    columns = choose_columns(compared.table, tags)
    check_pairs(pairs, columns)
    sizes = compared.sizes()
    binned = with_bins(compared, columns, sizes.everybody)
    counted = count_cells(compared, binned, min_count)
    shown, hidden = _suppressed(counted, binned, sizes, min_count)
    rows = _titled(_ranked(_tested(shown, sizes, alpha)), binned)
    crossed = cross(compared, sizes, binned, rows, pairs, min_count, alpha, language)
    return Profile(
        sizes.first,
        sizes.second,
        sizes.both,
        "audience" if compared.second else "base",
        min_count,
        alpha,
        language,
        compared.texts,
        compared.first.as_of,
        compared.rule_tags,
        binned,
        rows,
        hidden,
        crossed,
    )


def _suppressed(
    counted: pd.DataFrame, columns: Sequence[Column], sizes: Sizes, least: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells that may be shown, and by tag the customers of those that may not."""
    totals = np.array([sizes.first, sizes.second])
    kept, hidden = [], []
    for column in columns:
        of_tag = counted[counted["tag"] == column.name]
        of_tag = of_tag.sort_values("cell", kind="stable")  # the same order on every engine
        numbers = of_tag[["n_audience", "n_base"]].to_numpy()
        shown = of_tag[kept_of_list(numbers, totals, least)]
        kept.append(shown)
        rest = totals - shown[["n_audience", "n_base"]].to_numpy().sum(axis=0)
        hidden.append({"tag": column.name, "n_audience": int(rest[0]), "n_base": int(rest[1])})
    return pd.concat(kept, ignore_index=True), pd.DataFrame(hidden)


def _titled(rows: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """`rows` with titles and values for people, in every language."""
    by_name = {column.name: column for column in columns}
    pairs = list(zip((by_name[name] for name in rows["tag"]), rows["cell"], strict=True))
    return rows.assign(
        **{f"title_{lang}": [c.title(lang) for c, _ in pairs] for lang in LANGUAGES},
        **{f"value_{lang}": [c.label(cell, lang) for c, cell in pairs] for lang in LANGUAGES},
    )


def _tested(counted: pd.DataFrame, sizes: Sizes, alpha: float) -> pd.DataFrame:
    """`counted` with shares, TGI, its interval, and p-values."""
    x, second, both = (counted[n].to_numpy() for n in ("n_audience", "n_base", "n_shared"))
    tgi, lower, upper, p = tgi_interval(
        x, sizes.first, second, sizes.second, shared=both, shared_size=sizes.both, alpha=alpha
    )
    return counted.assign(
        audience_share=x / sizes.first,
        base_share=second / sizes.second,
        tgi=tgi,
        tgi_ci_lower=lower,
        tgi_ci_upper=upper,
        p_value=p,
        p_adjusted=false_discovery_control(p) if len(p) else p,
    )


def _ranked(tested: pd.DataFrame) -> pd.DataFrame:
    """The most distinctive rows first; ties by tag and cell, so that the order is always the same."""
    sure = sureness(tested["tgi_ci_lower"], tested["tgi_ci_upper"])
    size = np.abs(np.log(tested["tgi"] / 100.0))
    ranked = tested.assign(_sure=-sure, _size=-size)
    ranked = ranked.sort_values(["_sure", "_size", "tag", "cell"], kind="stable")
    return ranked.drop(columns=["_sure", "_size"]).reset_index(drop=True)
