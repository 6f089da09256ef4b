"""The profile of an audience: shares of every tag's values in audience and base, and their TGI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from marketing_ds._core.checks import check_choice, check_columns, check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, audience
from marketing_ds.tags import catalogue

from ._bins import GRID, Bin, make_bins
from ._interval import tgi_interval

LANGUAGES = ("en", "zh")
_KEYS = ("customer_id", "as_of")
_MISSING = {"en": "(missing)", "zh": "（缺失）"}
_COLUMNS = [
    "tag", "title", "value", "n_audience", "n_base", "audience_share", "base_share",
    "tgi", "tgi_ci_lower", "tgi_ci_upper", "p_value", "p_adjusted",
]  # fmt: skip
_MONEY = {"en": " (CNY)", "zh": "（元）"}
_YES_NO = {"en": {"true": "yes", "false": "no"}, "zh": {"true": "是", "false": "否"}}


@dataclass(frozen=True, eq=False)
class Profile(Result):
    """How an audience differs from its base; made by `profile`.

    `.to_frame()` has one row a value of a tag, the most distinctive first: `tag`, `title`, `value`,
    `n_audience`, `n_base`, `audience_share`, `base_share`, `tgi` with `tgi_ci_lower` and
    `tgi_ci_upper`, `p_value` and `p_adjusted`.
    """

    audience_count: int
    base_count: int
    min_count: int
    alpha: float
    language: str
    rows: pd.DataFrame = field(repr=False)

    def to_frame(self, language: str | None = None) -> pd.DataFrame:
        """One row a value of a tag, the most distinctive first.

        Parameters
        ----------
        language : {"en", "zh"}, optional
            Language of titles and values; the profile's own by default.
        """
        chosen = check_choice("language", language or self.language, LANGUAGES)
        titles = {f"title_{chosen}": "title", f"value_{chosen}": "value"}
        return self.rows.rename(columns=titles)[_COLUMNS]


@dataclass(frozen=True)
class _Column:
    """A tag of the base and how its values are grouped."""

    name: str
    kind: str
    bins: tuple[Bin, ...] = ()


def profile(
    aud: Audience | object,
    base: ir.Table | pd.DataFrame | None = None,
    tags: Sequence[str] | None = None,
    *,
    min_count: int = 10,
    alpha: float = 0.05,
    language: str = "en",
) -> Profile:
    """Compare an audience with a base, tag by tag.

    TGI = 100 × share in the audience / share in the base, over all customers (those without a
    value are a value of their own). Numeric tags are binned by quantiles of the base, dates by
    year. Values that fewer than `min_count` customers of the audience have are suppressed: they
    do not leave the engine. Rows are ranked by the smallest difference that the interval allows,
    |log(TGI/100)| at its end nearest to 100, then by |log(TGI/100)|.

    Parameters
    ----------
    aud : Audience, or what `audience` takes as a rule
        The audience; its customers must be in `base`.
    base : ibis.Table or pandas.DataFrame, optional
        Tags of the customers to compare with, the audience's own included; the table that the
        audience was chosen from by default.
    tags : sequence of str, optional
        Columns of `base` to compare; by default all that hold numbers, words, dates, or true or
        false.
    min_count : int
        Smallest number of the audience's customers that is shown.
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
        If the audience is empty or not in the base, or a tag is unknown or of another type.

    Notes
    -----
    The interval is described at `tgi_interval`. `p_adjusted` is Benjamini and Hochberg's (1995)
    over all rows that are shown. Tags that the audience was chosen by lead the list, as they
    must; name others in `tags` to look past them.

    Examples
    --------
    >>> import pandas as pd
    >>> base = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)],
    ...                      "region": ["north", "south"] * 200,
    ...                      "age": [20 + i % 50 for i in range(400)]})
    >>> aud = audience(base, base["customer_id"][:300:3])
    >>> prof = profile(aud, tags=["region"])
    >>> prof.to_frame()[["tag", "value", "n_audience", "n_base", "tgi"]]
          tag  value  n_audience  n_base    tgi
    0  region  north          50     200  100.0
    1  region  south          50     200  100.0
    """
    check_count("min_count", min_count, low=1)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("language", language, LANGUAGES)
    chosen = _within(aud, base)
    columns = _columns(chosen.base, tags)
    if chosen.count() == 0:
        raise InvalidInput("aud must have at least one customer to be profiled; it is empty")
    binned = _with_bins(chosen.base, columns)
    tested = _tested(_count(chosen, binned, min_count), chosen, alpha)
    rows = _titled(_ranked(tested), binned)
    return Profile(*chosen.counts, min_count, alpha, language, rows)


def _within(aud: Audience | object, base: ir.Table | pd.DataFrame | None) -> Audience:
    """The audience as one of `base`."""
    if base is None:
        if not isinstance(aud, Audience):
            raise InvalidInput("base must be given where aud is not an audience")
        return aud
    if not isinstance(aud, Audience):
        return audience(base, aud)
    if isinstance(base, ir.Table) and base.equals(aud.base):
        return aud
    return audience(base, aud.ids())


def _columns(base: ir.Table, tags: Sequence[str] | None) -> tuple[_Column, ...]:
    if isinstance(tags, str):
        raise InvalidInput(f"tags must be a list of names, got the text {tags!r}")
    if tags is not None:
        check_columns(base.columns, list(tags), "base")
    names = [n for n in base.columns if n not in _KEYS] if tags is None else dict.fromkeys(tags)
    columns = [_Column(name, _kind(base[name])) for name in names]
    odd = [column.name for column in columns if not column.kind]
    if odd and tags is not None:
        raise InvalidInput(
            f"tags must hold numbers, words, dates, or true or false; {odd[0]!r} holds "
            f"{base[odd[0]].type()}"
        )
    kept = tuple(column for column in columns if column.kind)
    if not kept:
        raise InvalidInput("base must have at least one tag to compare, it has none")
    return kept


def _kind(column: ir.Value) -> str:
    type_ = column.type()
    if type_.is_boolean():
        return "boolean"
    if type_.is_integer():
        return "whole"
    if type_.is_numeric():
        return "number"
    if type_.is_string():
        return "word"
    return "date" if type_.is_date() or type_.is_timestamp() else ""


def _finite(column: ir.NumericValue) -> ir.NumericValue:
    """The number, null where it is NaN or infinite."""
    if not column.type().is_floating():
        return column.cast("float64")
    return (column.isnan() | column.isinf()).ifelse(None, column)


def _with_bins(base: ir.Table, columns: Sequence[_Column]) -> tuple[_Column, ...]:
    """The columns, the numeric ones with their bins; one query.

    Whole numbers are told by their values too: pandas keeps those with nulls as floats.
    """
    numbers = {c.name: _finite(base[c.name]) for c in columns if c.kind in ("whole", "number")}
    if not numbers:
        return tuple(columns)
    found = base.aggregate(
        **{f"grid_{name}": number.quantile(list(GRID)) for name, number in numbers.items()},
        **{f"part_{name}": (number != number.floor()).any() for name, number in numbers.items()},
    ).to_pyarrow()
    return tuple(
        _binned(c, found[f"grid_{c.name}"][0].as_py(), not found[f"part_{c.name}"][0].as_py())
        if c.name in numbers
        else c
        for c in columns
    )


def _binned(column: _Column, grid: Sequence[float] | None, whole: bool) -> _Column:
    kind = "whole" if whole else "number"
    return _Column(column.name, kind, make_bins(grid, whole=whole) if grid else ())


def _count(chosen: Audience, columns: Sequence[_Column], min_count: int) -> pd.DataFrame:
    """Customers of base and audience by tag and cell, where enough are of the audience.

    One query: each tag is grouped on its own (two columns are read), and the groups are stacked.
    """
    table = chosen.base.select(*(c.name for c in columns), _in=chosen.chosen)
    groups = []
    for column in columns:
        grouped = table.group_by(cell=_cell(table[column.name], column)).aggregate(
            n_audience=table["_in"].ifelse(1, None).count(), n_base=table.count()
        )
        enough = grouped.filter(grouped.n_audience >= min_count)
        groups.append(
            enough.select(ibis.literal(column.name).name("tag"), "cell", "n_audience", "n_base")
        )
    stacked = ibis.union(*groups) if len(groups) > 1 else groups[0]
    frame: pd.DataFrame = stacked.to_pyarrow().to_pandas()
    return frame


def _cell(value: ir.Value, column: _Column) -> ir.StringValue:
    """The group that a value is in: the number of its bin, the year, or the word itself."""
    if column.kind in ("whole", "number"):
        number = _finite(value)
        if not column.bins:
            return ibis.null("string")
        return ibis.cases(*((b.holds(number), str(i)) for i, b in enumerate(column.bins)))
    if column.kind == "boolean":
        return ibis.cases((value, "true"), (~value, "false"))
    return value.year().cast("string") if column.kind == "date" else value


def _titled(rows: pd.DataFrame, columns: Sequence[_Column]) -> pd.DataFrame:
    """`rows` with titles and values for people, in every language."""
    by_name = {column.name: column for column in columns}
    pairs = list(zip((by_name[name] for name in rows["tag"]), rows["cell"], strict=True))
    return rows.assign(
        **{f"title_{lang}": [_title(c, lang) for c, _ in pairs] for lang in LANGUAGES},
        **{f"value_{lang}": [_label(c, cell, lang) for c, cell in pairs] for lang in LANGUAGES},
    )


def _title(column: _Column, language: str) -> str:
    known = catalogue()
    if column.name not in known:
        return column.name
    tag = known[column.name]
    unit = _MONEY[language] if tag.unit == "CNY" else ""
    return f"{tag.title(language)}{unit}"


def _label(column: _Column, cell: object, language: str) -> str:
    if not isinstance(cell, str):
        return _MISSING[language]
    if column.kind == "boolean":
        return _YES_NO[language][cell]
    if column.kind in ("word", "date"):
        return cell
    known = catalogue()
    percent = column.name in known and known[column.name].unit == "share"
    label = column.bins[int(cell)].label
    return label(whole=column.kind == "whole", percent=percent, language=language)


def _tested(counted: pd.DataFrame, chosen: Audience, alpha: float) -> pd.DataFrame:
    """`counted` with shares, TGI, its interval, and p-values."""
    size, base_size = chosen.counts
    x, both = counted["n_audience"].to_numpy(), counted["n_base"].to_numpy()
    tgi, lower, upper, p = tgi_interval(x, size, both, base_size, alpha=alpha)
    return counted.assign(
        audience_share=x / size,
        base_share=both / base_size,
        tgi=tgi,
        tgi_ci_lower=lower,
        tgi_ci_upper=upper,
        p_value=p,
        p_adjusted=false_discovery_control(p) if len(p) else p,
    )


def _ranked(tested: pd.DataFrame) -> pd.DataFrame:
    """The most distinctive rows first; ties by tag and cell, so that the order is always the same."""
    lower, upper = tested["tgi_ci_lower"], tested["tgi_ci_upper"]
    nearest = np.clip(100.0, lower, upper)
    with np.errstate(divide="ignore"):
        order = {
            "sure": -np.abs(np.log(nearest / 100.0)),
            "size": -np.abs(np.log(tested["tgi"] / 100.0)),
        }
    ranked = tested.assign(**order).sort_values(["sure", "size", "tag", "cell"], kind="stable")
    return ranked.drop(columns=list(order)).reset_index(drop=True)
