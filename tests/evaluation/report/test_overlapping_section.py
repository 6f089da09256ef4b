"""The sections of campaigns at once: numbers, intervals and what forbids a verdict."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from marketing_ds.evaluation.checks import Checks
from marketing_ds.evaluation.checks.check import found
from marketing_ds.evaluation.overlapping import InteractionMatrix, Interactions, UniversalEffect
from marketing_ds.evaluation.report._overlapping import interactions_section, universal_section
from marketing_ds.mart import UniversalControl

FAILED = Checks(
    (
        found(
            "group kept out",
            "group_reached",
            {"customers": 9, "share": 0.03},
            pd.DataFrame(),
            passed=False,
        ),
    )
)


def ends(name: str, value: float, reach: float) -> dict[str, float]:
    return {name: value, f"{name}_ci_lower": value - reach, f"{name}_ci_upper": value + reach}


@pytest.fixture
def pair() -> Interactions:
    row = {"metric": "K1.converted", "first_arm": "mail", "second_arm": "call"}
    row |= {f"n_{cell}": 1_000 for cell in ("neither", "first", "second", "both")}
    row |= {
        "mean_neither": 0.2,
        **ends("effect_first", 0.1, 0.02),
        **ends("effect_second", 0, 0.02),
    }
    row |= {**ends("effect_both", 0.05, 0.02), **ends("interaction", -0.05, 0.03)}
    row |= {"p_value": 0.00002, "p_adjusted": 0.00002}
    return Interactions("K1", "K2", 4_000, 0.05, Checks(()), pd.DataFrame([row]))


@pytest.fixture
def universal() -> UniversalEffect:
    row = {"metric": "purchases_cny", "n_control": 500, "n_arm": 9_500, "rel_effect": 0.034}
    row |= {**ends("effect", 2.5, 1.0), **ends("total", 23_750.0, 9_500.0), "p_adjusted": 0.01}
    count = {**row, "metric": "purchases", **ends("effect", 0.03, 0.01), **ends("total", 250, 90)}
    claims = {"metric": "purchases_cny", "campaigns": 2, **ends("total", 23_750.0, 9_500.0)}
    claims |= {**ends("claimed", 40_000.0, 5_000.0), **ends("gap", 16_250.0, 10_700.0)}
    group = UniversalControl(0.05, "2026", dt.date(2026, 1, 1), 500)
    return UniversalEffect(
        dt.date(2026, 1, 1),
        dt.date(2026, 3, 31),
        group,
        0.05,
        Checks(()),
        pd.DataFrame([claims]),
        pd.DataFrame([row, count]),
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_interaction_is_shown_with_its_interval(language, pair) -> None:
    page = interactions_section(pair, language)
    assert "K1 × K2" in page
    assert "-0.05 " in page
    assert "[-0.08, -0.02]" in page
    assert "&lt; 0.0001" in page
    assert 'class="down"' in page  # weaker together


def test_a_pair_whose_draw_does_not_hold_is_said_so(pair) -> None:
    page = interactions_section(replace(pair, checks=FAILED), "en")
    assert "No verdict on K1 × K2: 9 customers of the" in page


def test_a_matrix_shows_all_pairs_and_says_when_there_is_none(pair) -> None:
    rows = pair.to_frame().assign(first="K1", second="K2", n_smallest=1_000, blocked=False)
    matrix = InteractionMatrix(("K1", "K2"), pd.DataFrame(), 0.05, rows)
    assert "K1 × K2" in interactions_section(matrix, "zh")
    none = InteractionMatrix(("K1", "K2"), pd.DataFrame(), 0.05, rows.iloc[:0])
    assert "没有两个活动共有足够的客户" in interactions_section(none, "zh")


def test_all_campaigns_together_are_shown_in_money_and_beside_their_sum(universal) -> None:
    page = universal_section(universal, "en")
    assert "+¥23,750" in page
    assert "[¥14,250, ¥33,250]" in page
    assert "+3.40 %" in page
    assert "+250" in page  # purchases are counted, not paid
    assert "Against the sum of single campaigns" in page
    assert "+¥16,250" in page
    alone = universal_section(replace(universal, claims=universal.claims.iloc[:0]), "en")
    assert "Against the sum" not in alone


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "9 customers of the universal control group (3.00 %)"),
        ("zh", "全局对照组有 9 位客户（3.00%）"),
    ],
)
def test_a_group_that_was_reached_is_said_so(language, words, universal) -> None:
    assert words in universal_section(replace(universal, checks=FAILED), language)
