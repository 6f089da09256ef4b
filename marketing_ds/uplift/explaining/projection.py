"""The best straight line through the effects: which tags go with larger ones, all else equal.

The pseudo-outcomes ψ are regressed on chosen tags. Whatever the true effect looks like, the
coefficients are those of its best linear approximation, with standard errors that hold for any
spread of ψ (HC3). Rows are taken block by block, so that the memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr
from scipy.stats import chi2, false_discovery_control

from marketing_ds._core.checks import check_choice, check_columns, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, interval
from marketing_ds.features import read_column, read_table
from marketing_ds.tags import Tag

from ..arms import Floats
from ..crossfit import CrossFit
from .bands import LANGUAGES, BandedTag, band_tags
from .effects_by_group import crossfit_of

_BLOCK = 65_536
_ALIASED = 1e-8
"""Share of a column's variance that the columns before it leave, below which it says nothing new."""


@dataclass(frozen=True)
class LinearProjection(Result):
    """Coefficients of the effect on tags; made by `best_linear_projection`.

    Attributes
    ----------
    average : dict of str to Estimate
        By arm, the effect where each tag has its mean: the average effect.
    n : int
        Customers.
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    average: dict[str, Estimate]
    n: int
    alpha: float
    _rows: pd.DataFrame = field(repr=False)
    _tests: pd.DataFrame = field(repr=False)

    def to_frame(self, *, language: str = "en") -> pd.DataFrame:
        """One row an arm and coefficient.

        `arm`, `tag`, `title`, `term` (the tag itself, a level of it against `baseline`, or
        ``unknown``), `per_sd` (change of the effect by one standard deviation of the column) with
        its interval, `coefficient` (by one unit: a date's is a day) with its interval, `p_value`.
        NaN where the column says nothing that those above it have not said.
        """
        check_choice("language", language, LANGUAGES)
        other = "en" if language == "zh" else "zh"
        names = ("title", "term", "baseline")
        told = self._rows.drop(columns=[f"{name}_{other}" for name in names])
        return told.rename(columns={f"{name}_{language}": name for name in names})

    def tests(self) -> pd.DataFrame:
        """One row an arm and tag, and one an arm for all tags together (`tag` is ``(all)``).

        `arm`, `tag`, `coefficients`, `chi2` (Wald), `p_value`, and `p_adjusted`
        (Benjamini–Hochberg over the rows of single tags).
        """
        return self._tests.copy()

    def _repr_html_(self) -> str:
        tests = frame_html(self.tests(), title="Does the effect change with the tag?")
        return tests + frame_html(self.to_frame(), title="LinearProjection")


def best_linear_projection(
    source: CrossFit | Any,
    X: Any,
    by: str | Sequence[str] | None = None,
    *,
    errors: str = "HC3",
    alpha: float = 0.05,
    tags: Sequence[Tag] = (),
) -> LinearProjection:
    """Project the effect of each arm on a straight line in some tags.

    Numbers, booleans (0 and 1) and dates (days) enter as they are; a category as one 0/1 column a
    level, its most frequent level being the baseline; nulls as the mean, with a 0/1 column of
    their own. All columns are centred, so that the constant is the average effect.

    Parameters
    ----------
    source : UpliftModel or CrossFit
        A fitted model, or its `crossfit_`.
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Tags of the customers fitted to, in the same order.
    by : str or sequence of str, optional
        Tags to project on; all by default.
    errors : {"HC3", "HC2", "HC0"}
        Of the heteroskedasticity-robust standard errors; HC3 errs to the wide side.
    alpha : float
        Intervals are at level ``1 - alpha``.
    tags : sequence of Tag
        Declarations of tags that are not in the catalogue, for their names.

    Returns
    -------
    LinearProjection

    Raises
    ------
    InvalidInput
        If lengths differ, a tag is unknown, an argument is out of range, or there are no more
        customers than columns.

    References
    ----------
    Semenova, Chernozhukov (2021). Debiased machine learning of conditional average treatment
    effects and other causal functions. Econometrics Journal 24(2). MacKinnon, White (1985). Some
    heteroskedasticity-consistent covariance matrix estimators. Journal of Econometrics 29(3).

    Examples
    --------
    >>> from marketing_ds.uplift import UpliftModel
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"wealth": rng.random(4000), "age": rng.integers(20, 60, 4000)})
    >>> arm = rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.4 * X["wealth"] * (arm == "coupon")
    >>> model = UpliftModel(n_estimators=20, n_folds=2).fit(X, y, treatment=arm)
    >>> line = best_linear_projection(model, X)
    >>> line.to_frame()[["tag", "coefficient"]].round(1).values.tolist()
    [['wealth', 0.3], ['age', 0.0]]
    """
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    check_choice("errors", errors, ("HC3", "HC2", "HC0"))
    crossfit = crossfit_of(source)
    design = _Design.read(X, by, len(crossfit.y), tags)
    if len(crossfit.y) <= len(design.terms) + 1:
        raise InvalidInput(
            f"by must have fewer columns than there are customers, got {len(design.terms)} of "
            f"{len(crossfit.y)}; name fewer tags"
        )
    lines = _regress(design, crossfit.psi, errors)
    rows, tests, average = [], [], {}
    for arm, line in zip(crossfit.arms.names, lines, strict=True):
        average[arm] = Estimate.normal(line.beta[0], np.sqrt(line.covariance[0, 0]), alpha=alpha)
        rows.append(_rows(design, line, arm, alpha))
        tests += _tests(design, line, arm)
    tested = pd.DataFrame(tests)
    single = (tested["tag"] != ALL) & tested["p_value"].notna()
    tested["p_adjusted"] = np.nan
    if single.any():
        found = false_discovery_control(tested.loc[single, "p_value"].to_numpy())
        tested.loc[single, "p_adjusted"] = found
    told = pd.concat(rows, ignore_index=True)
    return LinearProjection(average, len(crossfit.y), alpha, told, tested)


ALL = "(all)"


@dataclass(frozen=True)
class _Term:
    """A column of the regression."""

    tag: BandedTag
    level: int | None
    """Of a category; None for the value itself; -1 for being unknown."""
    baseline: int | None = None

    def label(self, language: str) -> str:
        if self.level is None:
            return self.tag.title(language)
        code = self.tag.known if self.level < 0 else self.level
        return self.tag.label(code, language)


@dataclass(frozen=True)
class _Design:
    """The columns, made block by block; without those that never vary."""

    terms: tuple[_Term, ...]
    values: dict[str, npt.NDArray[np.float32]]
    mean: Floats
    sd: Floats
    n: int

    @classmethod
    def read(
        cls, X: Any, by: str | Sequence[str] | None, rows: int, tags: Sequence[Tag]
    ) -> _Design:
        frame = read_table(X).features
        names = [str(name) for name in frame.columns]
        asked = names if by is None else [by] if isinstance(by, str) else list(by)
        check_columns(names, asked, "X")
        terms: list[_Term] = []
        values = {}
        for tag in band_tags(X, asked, rows=rows, tags=tags):
            if tag.kind == "category":
                counts = np.bincount(tag.codes, minlength=tag.size)
                baseline = int(counts.argmax())
                terms += [
                    _Term(tag, -1 if level == tag.known else level, baseline)
                    for level in range(tag.size)
                    if level != baseline
                ]
                continue
            numbers = read_column(frame.iloc[:, names.index(tag.name)], tag.name).values
            values[tag.name] = numbers
            terms += [_Term(tag, None)] + [_Term(tag, -1)] * tag.unknown
        if not terms:
            raise InvalidInput("by must name at least one tag whose values vary, got none")
        made = cls(tuple(terms), values, np.zeros(len(terms)), np.ones(len(terms)), rows)
        return made._scaled()

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Rows, and their columns: a constant first, the others centred and by their deviation."""
        for low in range(0, self.n, _BLOCK):
            here = slice(low, min(low + _BLOCK, self.n))
            columns = np.ones((here.stop - here.start, 1 + len(self.terms)))
            for at, term in enumerate(self.terms):
                columns[:, 1 + at] = (self._column(term, here, at) - self.mean[at]) / self.sd[at]
            yield here, columns

    def _column(self, term: _Term, here: slice, at: int) -> Floats:
        if term.level is None:
            own: Floats = self.values[term.tag.name][here].astype(np.float64)
            filled: Floats = np.where(np.isnan(own), self.mean[at], own)
            return filled
        code = term.tag.known if term.level < 0 else term.level
        there: Floats = (term.tag.codes[here] == code).astype(np.float64)
        return there

    def _scaled(self) -> _Design:
        """With mean and standard deviation of each column (nulls of a number being its mean)."""
        mean, sd = self.mean.copy(), self.sd.copy()
        for at, term in enumerate(self.terms):
            if term.level is None:
                own = self.values[term.tag.name]
                known = own[~np.isnan(own)].astype(np.float64)
                mean[at] = known.mean() if len(known) else 0.0
                spread = float(np.sum((known - mean[at]) ** 2))
                sd[at] = np.sqrt(spread / self.n)
            else:
                code = term.tag.known if term.level < 0 else term.level
                mean[at] = float(np.mean(term.tag.codes == code))
                sd[at] = np.sqrt(mean[at] * (1 - mean[at]))
        kept = sd > 0
        if not kept.any():
            raise InvalidInput("by must name at least one tag whose values vary, got none")
        terms = tuple(term for term, keep in zip(self.terms, kept, strict=True) if keep)
        return _Design(terms, self.values, mean[kept], sd[kept], self.n)


@dataclass(frozen=True)
class _Line:
    """A regression on standardised columns, the constant first; NaN for aliased columns."""

    beta: Floats
    covariance: Floats


def _regress(design: _Design, psi: Floats, errors: str) -> list[_Line]:
    k, arms = len(design.terms) + 1, psi.shape[1]
    gram, moment = np.zeros((k, k)), np.zeros((k, arms))
    for here, A in design.blocks():
        gram += A.T @ A
        moment += A.T @ psi[here]
    kept = _independent(gram)
    inverse = np.linalg.inv(gram[np.ix_(kept, kept)])
    beta = inverse @ moment[kept]
    power = {"HC3": 2, "HC2": 1, "HC0": 0}[errors]
    meat = np.zeros((arms, len(kept), len(kept)))
    for here, A in design.blocks():
        B = A[:, kept]
        # A customer alone in a column fits it whole: leverage 1, and no residual to judge by.
        free = np.maximum(1 - np.einsum("ij,ij->i", B @ inverse, B), 1e-10)
        residual = psi[here] - B @ beta
        weight = residual**2 / free[:, None] ** power
        for arm in range(arms):
            meat[arm] += B.T @ (B * weight[:, arm, None])
    lines = []
    for arm in range(arms):
        found = np.full(k, np.nan)
        found[kept] = beta[:, arm]
        covariance = np.full((k, k), np.nan)
        covariance[np.ix_(kept, kept)] = inverse @ meat[arm] @ inverse
        lines.append(_Line(found, covariance))
    return lines


def _independent(gram: Floats) -> npt.NDArray[np.intp]:
    """Columns that those before them do not determine, by elimination in the order given."""
    rest, kept = gram / gram[0, 0], []
    for at in range(len(gram)):
        pivot = rest[at, at]
        if pivot > _ALIASED:
            kept.append(at)
            rest = rest - np.outer(rest[:, at], rest[at]) / pivot
    return np.array(kept, dtype=np.intp)


def _rows(design: _Design, line: _Line, arm: str, alpha: float) -> pd.DataFrame:
    beta = line.beta[1:]
    error = np.sqrt(np.diag(line.covariance)[1:])
    low, high = interval(beta, error, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(beta) / error)
    terms = design.terms
    words = {
        f"{name}_{language}": [told(term, language) for term in terms]
        for name, told in (
            ("title", lambda term, language: term.tag.title(language)),
            ("term", lambda term, language: term.label(language)),
            ("baseline", _baseline),
        )
        for language in LANGUAGES
    }
    sd = design.sd
    return pd.DataFrame(
        {
            "arm": arm,
            "tag": [term.tag.name for term in terms],
            **words,
            "per_sd": beta,
            "per_sd_ci_lower": low,
            "per_sd_ci_upper": high,
            "coefficient": beta / sd,
            "coefficient_ci_lower": low / sd,
            "coefficient_ci_upper": high / sd,
            "p_value": p,
        }
    )


def _baseline(term: _Term, language: str) -> str | None:
    return None if term.baseline is None else term.tag.label(term.baseline, language)


def _tests(design: _Design, line: _Line, arm: str) -> list[dict[str, Any]]:
    names = [term.tag.name for term in design.terms]
    groups = {name: [at for at, own in enumerate(names, 1) if own == name] for name in names}
    asked = groups | {ALL: list(range(1, len(names) + 1))}
    return [{"arm": arm, "tag": name, **_wald(line, columns)} for name, columns in asked.items()]


def _wald(line: _Line, columns: Sequence[int]) -> dict[str, float]:
    """Whether all of some coefficients are 0."""
    there = [at for at in columns if not np.isnan(line.beta[at])]
    if not there:
        return {"coefficients": 0, "chi2": np.nan, "p_value": np.nan}
    beta = line.beta[there]
    found = float(beta @ np.linalg.pinv(line.covariance[np.ix_(there, there)]) @ beta)
    return {"coefficients": len(there), "chi2": found, "p_value": float(chi2.sf(found, len(there)))}
