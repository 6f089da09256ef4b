"""The section of the checks says the same in both languages, and shows what failed."""

from __future__ import annotations

from string import Formatter

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks import Check, Checks, check_experiment
from marketing_ds.evaluation.checks.words import WORDS
from marketing_ds.evaluation.checks.words_zh import NAMES_ZH, WORDS_ZH
from marketing_ds.evaluation.report._checks import checks_section, finding_of, name_of


def holes(sentence: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(sentence) if name} - {"what_zh"}


@pytest.fixture(scope="module")
def broken() -> Checks:
    rng, n = np.random.default_rng(1), 3_000
    data = pd.DataFrame(
        {
            "arm": rng.choice(["control", "mail"], n),
            "region": rng.choice(["north", "south"], n),
            "age": rng.normal(45, 12, n),
        }
    )
    data["age"] += 5 * (data["arm"] == "mail")
    lost = data[(data["region"] == "north") | (data["arm"] == "control") | (data.index % 3 > 0)]
    return check_experiment(lost, by=["region"], before=["age"])


@pytest.mark.parametrize("said", list(WORDS))
def test_every_sentence_is_there_in_chinese_with_the_same_facts(said) -> None:
    assert holes(WORDS_ZH[said]) <= holes(WORDS[said])
    assert holes(WORDS[said]) - holes(WORDS_ZH[said]) <= {"what"}


def test_chinese_has_no_sentence_of_its_own() -> None:
    assert set(WORDS_ZH) == set(WORDS)


def test_facts_are_filled_in_whatever_the_language(broken) -> None:
    check = broken["sample ratio by region"]
    assert check.finding_in("en") == check.finding
    assert "按region分的 2 个群体中，有 1 个" in check.finding_in("zh")
    assert finding_of(check, "zh").startswith("按地区分的 2 个群体中")
    assert name_of(broken["sample ratio"], "zh") == NAMES_ZH["sample ratio"] == "样本比例"
    with pytest.raises(InvalidInput, match="language must be one of 'en', 'zh'"):
        check.finding_in("de")


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("en", "Before the verdict", "3 of 3 checks failed"),
        ("zh", "下结论之前的检查", "共做 3 项检查，3 项未通过"),
    ],
)
def test_failed_checks_stand_out_with_their_figures(language, title, words, broken) -> None:
    page = checks_section(broken, language)
    assert title in page
    assert words in page
    assert page.count('class="alarm"') == 3
    assert page.count("<svg") == 1  # how far apart the arms were in age
    assert "south" in page
    assert {"en": "Age", "zh": "年龄"}[language] in page


def test_a_sound_experiment_is_said_to_be_one() -> None:
    data = pd.DataFrame({"arm": ["control", "mail"] * 50})
    page = checks_section(check_experiment(data), "en")
    assert "1 checks were made and none forbids a verdict." in page
    assert "alarm" not in page


def test_warnings_and_what_is_not_known_have_marks_of_their_own() -> None:
    empty = pd.DataFrame()
    made = (
        Check("delivery", False, False, float("nan"), "too few", empty),
        Check("costs", None, True, float("nan"), "no table", empty),
    )
    page = checks_section(Checks(made), "en")
    assert "! take note" in page
    assert "– not known" in page


def test_names_and_findings_are_in_the_language() -> None:
    check = Check("sample ratio by value_tier", True, True, 0.5, "fine", pd.DataFrame())
    assert name_of(check, "en") == "Sample ratio by value tier"
    assert name_of(check, "zh") == "样本比例（按价值分层）"
    assert finding_of(check, "zh") == "Fine"  # whoever made it had no other words
