"""The card: whole, without outside parts, escaped, in both languages, honest about limits."""

import datetime as dt
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import (
    PropensityModel,
    evaluate_by,
    evaluate_probabilities,
    fairness_by,
    model_card,
)
from marketing_ds.propensity._card.words import MEASURES, WORDS
from marketing_ds.tags import catalogue

HOSTILE = "<script>alert('x')</script> & \"more\""


class Page(HTMLParser):
    """A page as a browser would read it: text, elements, and whether all are closed."""

    def __init__(self, text):
        super().__init__()
        self.words, self.open, self.names, self.addresses = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def make_rows(seed, rows=2500):
    rng = np.random.default_rng(seed)
    tags = pd.DataFrame(
        {
            "aum": rng.lognormal(10, 1, rows),
            "age": rng.integers(18, 80, rows).astype(float),
            "gender": rng.choice(["F", "M", None], rows, p=[0.5, 0.45, 0.05]),
            "odd_one": rng.choice([HOSTILE, "plain"], rows),
        }
    )
    margin = np.log(tags["aum"]) - 12 - 0.02 * (tags["age"] - 40).fillna(0)
    return tags, (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)


@pytest.fixture(scope="module")
def model():
    return PropensityModel(n_jobs=1, max_trees=40, learning_rate=0.1).fit(*make_rows(0))


@pytest.fixture(scope="module")
def full(model):
    """Everything that a card may show."""
    tags, y = make_rows(1)
    p = model.predict_proba(tags)[:, 1]
    label = SimpleNamespace(
        title=lambda language: {"en": "Bought funds", "zh": "购买基金"}[language],
        description="1 where a fund was bought",
    )
    training = SimpleNamespace(
        label=label,
        horizon_days=30,
        y=pd.Series([0, 1, 0, 0]),
        weight=pd.Series([2.0, 1.0, 2.0, 2.0]),
        groups=pd.Series(["a", "a", "b", "c"]),
        cutoffs=(dt.date(2026, 3, 31),),
    )
    return {
        "training": training,
        "evaluation": evaluate_probabilities(y, p),
        "segments": evaluate_by(
            y, p, tags["odd_one"], times=np.repeat(["2026-05-31", "2026-06-30"], len(y) // 2)
        ),
        "fairness": fairness_by(y, p, tags[["gender", "age"]]),
        "explanation": model.explain(tags, size=300),
    }


def card(model, folder, **options):
    file = model_card(model, folder / "card.html", date="2026-11-22", **options)
    return Page(file.read_text(encoding="utf-8"))


def test_it_says_what_it_was_given(model, full, tmp_path):
    page = card(model, tmp_path, purpose="For branches", limits=["Not for credit."], **full)
    auc = full["evaluation"].auc
    for words in (
        "Propensity: Bought funds",
        model.model_version_,
        "2026-11-22",
        f"{auc.value:.3f} ({'95%'} interval {auc.ci_lower:.3f} to {auc.ci_upper:.3f})",
        "For branches",
        "1 where a fund was bought",
        "30 days after the cut-off",
        "2026-03-31",
        "1 (14.3%)",  # one positive of the seven customers that four rows stand for
        "Assets under management",
        "Sensitive tags used: Age, Gender.",
        "1 feature(s) are not in the tag catalogue; their sensitivity is unknown: odd_one.",
        "Not for credit.",
        "Trained on one cut-off only",
        "who acts because of a contact",
        "Measured on rows that took no part in training.",
        "'auto'",
        "(missing)",
        "65+",
    ):
        assert words in page.text, words


def test_every_measure_stands_with_its_interval(model, full, tmp_path):
    page = card(model, tmp_path, **full)
    for name in MEASURES["en"]:
        estimate = getattr(full["evaluation"], name)
        share = name in ("ece", "ece_debiased", "captured_20")
        low, high = (
            f"{end:.2%}" if share else f"{end:.3f}"
            for end in (estimate.ci_lower, estimate.ci_upper)
        )
        assert f"{low} – {high}" in page.text, name


def test_every_group_stands_with_its_disparity(model, full, tmp_path):
    page = card(model, tmp_path, **full)
    for _, row in full["fairness"].to_frame().iterrows():
        if row["disparity"] != 1:
            low, high = row["disparity_ci_lower"], row["disparity_ci_upper"]
            assert f"{row['disparity']:.2f} {low:.2f} – {high:.2f}" in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_needs_nothing_from_outside_and_escapes_what_it_shows(model, full, tmp_path, language):
    page = card(model, tmp_path, title=HOSTILE, language=language, **full)
    assert not page.addresses
    assert "script" not in page.names
    assert page.names.count("svg") == 2 + len(full["segments"].to_frame("auc"))
    assert HOSTILE in page.text


def test_in_chinese_no_english_sentence_is_left(model, full, tmp_path):
    text = card(model, tmp_path, language="zh", **full).text
    for words in (
        "模型卡片",
        "购买基金",
        "所用敏感标签：年龄、性别。",
        "校准斜率",
        "（缺失）",
        "差异比",
    ):
        assert words in text
    for words in (v for v in WORDS["en"].values() if len(v) > 12 and "{" not in v):
        assert words not in text


def test_both_languages_have_the_same_words():
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert MEASURES["en"].keys() == MEASURES["zh"].keys()
    for key, words in WORDS["en"].items():
        fields = (set(re.findall(r"{(\w+)}", text)) for text in (words, WORDS["zh"][key]))
        assert next(fields) == next(fields), key


def test_alone_a_model_shows_its_out_of_fold_measures(model, tmp_path):
    page = card(model, tmp_path)
    assert f"Propensity {model.model_version_}" in page.text
    assert "Measured out of fold" in page.text
    assert "not on a later one" in page.text
    assert "whether groups fare alike is not known" in page.text
    assert f"{model.evaluation_.auc.value:.3f}" in page.text


def test_few_positives_and_bad_probabilities_are_limits(model, tmp_path):
    rng = np.random.default_rng(0)
    y = np.r_[np.ones(20), np.zeros(400)]
    bad = evaluate_probabilities(y, np.clip(0.5 + 0.1 * y + rng.normal(0, 0.1, 420), 0.01, 0.99))
    text = card(model, tmp_path, evaluation=bad).text
    assert "Only 20 positives" in text
    assert "The probabilities are off; use the order" in text
    assert "The probabilities are off by" in text


def test_small_segments_and_groups_that_are_off_are_named(model, tmp_path):
    rng = np.random.default_rng(0)
    p = rng.beta(1, 4, 2000)
    y = (rng.random(2000) < p).astype(int)
    region = np.where(np.arange(2000) < 40, "isle", "main")
    p = np.where(np.arange(2000) % 2, p, np.minimum(p + 0.2, 1))
    half = np.where(np.arange(2000) % 2, "odd", "even")
    page = card(
        model,
        tmp_path,
        segments=evaluate_by(y, p, {"region": region}),
        fairness=fairness_by(y, p, {"half": half}),
    )
    assert "Too few positives or negatives to say much: Region: isle." in page.text
    assert "Scores of some groups are off on the whole: half: even." in page.text
    assert "isle ○" in page.text


def test_a_model_that_could_not_be_evaluated_says_so(tmp_path):
    tags = pd.DataFrame({"aum": np.arange(40.0)})
    with pytest.warns(UserWarning, match="only 1 positives"):
        model = PropensityModel(n_jobs=1, max_trees=3, min_child_weight=0).fit(
            tags, np.arange(40) == 39
        )
    assert model.evaluation_ is None
    page = card(model, tmp_path)
    assert "could not be evaluated" in page.text
    assert "svg" not in page.names


def test_the_banks_own_tags_are_known_by_name(model, tmp_path):
    own = [
        tag.__class__(**{**vars(tag), "name": "odd_one", "title_en": "An odd one"})
        for tag in [catalogue()["region"]]
    ]
    text = card(model, tmp_path, tags=own).text
    assert "An odd one" in text
    assert "not in the tag catalogue" not in text


def test_long_parameters_are_cut(model, tmp_path):
    folds = [(np.arange(500), np.arange(500, 2500))]
    page = card(PropensityModel(max_trees=5, n_jobs=1, cv=folds).fit(*make_rows(0)), tmp_path)
    assert "…" in page.text


def test_the_card_is_of_today_by_default(model, tmp_path):
    text = model_card(model, tmp_path / "card.html").read_text(encoding="utf-8")
    assert dt.date.today().isoformat() in text


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("card.txt", {}, "path must end in .html"),
        ("none/card.html", {}, "path must lie in a folder that is there"),
        ("card.html", {"language": "de"}, "language must be one of 'en', 'zh'"),
        ("card.html", {"date": "today"}, "date must be a date"),
    ],
)
def test_refuses(model, tmp_path, path, options, message):
    with pytest.raises(InvalidInput, match=message):
        model_card(model, tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


def test_rows_that_stand_for_one_customer_each_need_no_total(model, full, tmp_path):
    plain = SimpleNamespace(**{**vars(full["training"]), "weight": pd.Series(np.ones(4))})
    assert "customers that the rows stand for" in card(model, tmp_path, **full).text
    text = card(model, tmp_path, training=plain).text
    assert "customers that the rows stand for" not in text
    assert "1 (25.0%)" in text
