"""The model card: what a model is, what it was made from, how good it is, and for whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.markup import Markup, checked_page, element, joined, page
from marketing_ds.features import FeatureEncoder
from marketing_ds.labels import Label
from marketing_ds.tags import Tag, catalogue

from .._calibration import Calibration
from .._evaluation import PropensityEvaluation
from .._fairness import PropensityFairness
from .._reasons import Explanation
from .._segments import PropensitySegments
from .headline import limits_of, sentences
from .sections import (
    facts_table,
    fairness_section,
    features_section,
    measures_section,
    pictures_section,
    section,
    segments_section,
)
from .words import WORDS, Words, percent

_LONGEST = 120


class CardModel(Protocol):
    """What the card reads of a model; `PropensityModel` has it."""

    @property
    def model_version_(self) -> str:
        """What the model is called in scores."""

    @property
    def encoder_(self) -> FeatureEncoder:
        """Which columns it looks at."""

    @property
    def calibration_(self) -> Calibration:
        """How its probabilities were set right."""

    @property
    def evaluation_(self) -> PropensityEvaluation | None:
        """Its own measures, out of fold."""

    @property
    def n_trees_(self) -> int:
        """Trees grown."""

    def get_params(self, deep: bool = ...) -> dict[str, Any]:
        """The parameters that it was made with."""


class CardTraining(Protocol):
    """What the card reads of a training set; `TrainingSet` has it."""

    @property
    def label(self) -> Label:
        """What is foretold."""

    @property
    def horizon_days(self) -> int:
        """Days after the cut-off within which it counts."""

    @property
    def y(self) -> ArrayLike:
        """0 or 1 a row."""

    @property
    def weight(self) -> ArrayLike:
        """How many customers a row stands for."""

    @property
    def groups(self) -> ArrayLike:
        """The customer of each row."""

    @property
    def cutoffs(self) -> tuple[dt.date, ...]:
        """The cut-offs, oldest first."""


def model_card(
    model: CardModel,
    path: str | Path,
    *,
    title: str | None = None,
    purpose: str | None = None,
    training: CardTraining | None = None,
    evaluation: PropensityEvaluation | None = None,
    segments: PropensitySegments | None = None,
    fairness: PropensityFairness | None = None,
    explanation: Explanation | None = None,
    limits: Sequence[str] = (),
    tags: Sequence[Tag] = (),
    date: dt.date | str | None = None,
    language: str = "en",
) -> Path:
    """Write a model's card [1]_: one HTML page that needs nothing from outside.

    Parameters
    ----------
    model : PropensityModel
        A fitted model.
    path : str or Path
        ``….html``; one that is there is replaced.
    title : str, optional
        The heading; by default what is foretold, or the model's version.
    purpose : str, optional
        What the model is for, in the owner's words.
    training : TrainingSet, optional
        The rows that it was fitted on: label, cut-offs, rows, positives.
    evaluation : PropensityEvaluation, optional
        On rows that took no part in training; by default the model's own, out of fold.
    segments : PropensitySegments, optional
        Over time and by segment; see `evaluate_by`.
    fairness : PropensityFairness, optional
        By gender, age band, …; see `fairness_by`.
    explanation : Explanation, optional
        For the importance of the features; see `PropensityModel.explain`.
    limits : sequence of str, optional
        What else the model must not be used for; put behind those that the numbers give.
    tags : sequence of Tag, optional
        The bank's own tags, which the catalogue does not know: titles and sensitivity.
    date : date or ISO text, optional
        Of the card; today by default.
    language : {"en", "zh"}, default="en"

    Returns
    -------
    Path
        The file, e.g. as an artifact for the tracker.

    Raises
    ------
    InvalidInput
        If the path does not end in .html or its folder is not there, or the language is unknown.

    References
    ----------
    .. [1] Mitchell et al. (2019). Model cards for model reporting. FAT*.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from marketing_ds.propensity import PropensityModel
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"aum": rng.lognormal(9, 1, 400)})
    >>> y = rng.random(400) < 1 / (1 + np.exp(10 - np.log(X["aum"])))
    >>> model = PropensityModel(n_jobs=1, max_trees=20).fit(X, y)
    >>> folder = tempfile.mkdtemp()
    >>> model_card(model, f"{folder}/card.html", purpose="Whom to call first").name
    'card.html'
    """
    check_choice("language", language, tuple(WORDS))
    file, words = checked_page(path), WORDS[language]
    day = dt.date.today() if date is None else check_date("date", date)
    apart = evaluation is not None
    measured = evaluation if evaluation is not None else model.evaluation_
    known = {tag.name: tag for tag in (*catalogue(), *tags) if tag.entity == "customer"}
    heading = title or _heading(model, training, words, language)
    columns = model.encoder_.columns_
    main: list[Markup] = []
    if purpose:
        main.append(section(words["purpose"], element("p", purpose)))
    told = sentences(measured, apart, fairness, known, words, language)
    listed = element("ul", *(element("li", line) for line in told))
    main.append(element("section", element("h2", words["short"]), listed, class_="short"))
    main.append(_data(model, training, words, language))
    if measured is not None:
        where = words["apart" if apart else "own"]
        main.append(measures_section(measured, where, words, language))
        main.append(pictures_section(measured, words))
    if segments is not None:
        main.append(segments_section(segments, known, words, language))
    main.append(features_section(columns, known, explanation, words, language))
    if fairness is not None:
        main.append(fairness_section(fairness, known, words, language))
    cutoffs = None if training is None else training.cutoffs
    lines = [
        *limits_of(measured, apart, cutoffs, segments, fairness, known, words, language),
        *limits,
    ]
    listed = element("ul", *(element("li", line) for line in lines))
    main.append(section(words["limits"], listed))
    main.append(_parameters(model, words))
    text = page(
        lang=words["lang"],
        title=joined([words["kind"], words["colon"], heading]),
        header=_header(model, measured, heading, day, words),
        main=joined(main),
        footer=_footer(0.95 if measured is None else measured.level, words),
    )
    file.write_text(text, encoding="utf-8")
    return file


def _heading(model: CardModel, training: CardTraining | None, words: Words, language: str) -> str:
    if training is None:
        return f"{words['propensity']} {model.model_version_}"
    return f"{words['propensity']}{words['colon']}{training.label.title(language)}"


def _header(
    model: CardModel,
    measured: PropensityEvaluation | None,
    heading: str,
    day: dt.date,
    words: Words,
) -> Markup:
    facts: list[tuple[str, str]] = []
    if measured is not None:
        facts = [
            ("AUC", f"{measured.auc.value:.3f}"),
            (words["rows"], f"{measured.rows:,}"),
            (words["positives"], f"{measured.positives:,}"),
            (words["rate"], percent(measured.rate.value)),
        ]
    facts += [(words["version"], model.model_version_), (words["date"], day.isoformat())]
    shown = (element("div", element("dt", name), element("dd", value)) for name, value in facts)
    return element(
        "header",
        element("p", words["kind"], class_="kind"),
        element("h1", heading),
        element("dl", *shown, class_="facts"),
    )


def _data(model: CardModel, training: CardTraining | None, words: Words, language: str) -> Markup:
    features = len(model.encoder_.columns_)
    if training is None:
        return section(words["data"], facts_table({words["features"]: features}))
    y, weight = np.asarray(training.y, dtype=float), np.asarray(training.weight, dtype=float)
    positives = int(y.sum())
    rate = float(weight @ y / weight.sum())
    days = [day.isoformat() for day in training.cutoffs]
    facts: dict[str, object] = {
        words["what"]: training.label.title(language),
        words["says"]: training.label.description,
        words["within"]: words["days"].format(n=training.horizon_days),
        words["cutoffs"]: words["comma"].join(days),
        words["train_rows"]: f"{len(y):,}",
        words["customers"]: f"{pd.Series(training.groups).nunique():,}",
        words["train_positives"]: f"{positives:,} ({percent(rate)})",
        words["features"]: features,
    }
    if not np.allclose(weight, 1):
        facts[words["stands_for"]] = f"{weight.sum():,.0f}"
    return section(words["data"], facts_table(facts))


def _parameters(model: CardModel, words: Words) -> Markup:
    given: Mapping[str, Any] = model.get_params(deep=False)
    made = {words["trees"]: model.n_trees_, words["map"]: model.calibration_.kind}
    rows = made | {name: element("code", _short(repr(value))) for name, value in given.items()}
    return section(words["parameters"], facts_table(rows))


def _short(text: str) -> str:
    """A value's text, cut where it goes on and on (lists of folds)."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _footer(level: float, words: Words) -> Markup:
    notes = [words["note_errors"].format(level=f"{level:.0%}"), words["note_private"]]
    listed = element("ul", *(element("li", note) for note in notes))
    return element("footer", element("h2", words["notes"]), listed)
