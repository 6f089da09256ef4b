"""The report's sections on money, in both languages."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation.ledger import MEASURED, OPEN, CampaignLedger
from marketing_ds.evaluation.money import Roi, campaign_roi
from marketing_ds.evaluation.money.calibration import calibrate
from marketing_ds.evaluation.report._money import ledger_section, money_section


@pytest.fixture(scope="module")
def roi() -> Roi:
    rng = np.random.default_rng(0)
    arm = np.tile(["control", "mail", "coupon"], 300)
    bought = rng.random(900) < 0.2 + 0.1 * (arm != "control")
    cost = 0.1 * (arm == "mail") + 9.0 * ((arm == "coupon") & bought)
    frame = pd.DataFrame({"arm": arm, "m": 50.0 * bought, "c": cost, "bought": bought})
    return campaign_roi(frame, margin="m", cost="c", outcome="bought")


def words(markup: str) -> str:
    return " ".join("".join(ET.fromstring(markup).itertext()).split())


def test_every_arm_has_its_money_in_both_languages(roi: Roi) -> None:
    english, chinese = (money_section(roi, language) for language in ("en", "zh"))
    assert roi.verdict in words(english)
    assert roi.verdict_in("zh") in words(chinese)
    for arm in ("mail", "coupon"):
        assert f"¥{roi[arm].per_cny.value:,.2f}" in words(english)
        assert arm in words(chinese)
    assert "All arms" in words(english)
    assert "全部实验组" in words(chinese)
    assert "Cost per extra outcome" in words(english)
    assert "回本概率" in words(chinese)
    assert len(ET.fromstring(english).findall(".//svg")) == 3


def test_without_an_outcome_it_has_no_price() -> None:
    data = pd.DataFrame(
        {"arm": ["control", "a"] * 20, "margin_cny": np.arange(40.0), "cost_cny": [0.0, 2.0] * 20}
    )
    assert "extra outcome" not in words(money_section(campaign_roi(data), "en"))


def ledger(rows: list[dict[str, object]]) -> CampaignLedger:
    unknown = dict.fromkeys(
        [
            *(f"{n}{e}" for n in ("outcome_ratio",) for e in ("", "_ci_lower", "_ci_upper")),
            "delivered_outcome",
            "delivered_net_cny",
        ],
        math.nan,
    )
    known = {"promised_outcome": 50.0, "promised_net_cny": 900.0, "customers": 1_000, "plan": "K1"}
    frame = pd.DataFrame([unknown | known | row for row in rows])
    found = calibrate([50.0] * len(rows), [30.0] * len(rows), [5.0] * len(rows), 0.05)
    return CampaignLedger(found, found, pd.DataFrame(), frame)


def test_promises_stand_beside_what_was_delivered() -> None:
    ratio = {"outcome_ratio": 0.6, "outcome_ratio_ci_lower": 0.4, "outcome_ratio_ci_upper": 0.8}
    measured = ratio | {"delivered_outcome": 30.0, "delivered_net_cny": 400.0, "state": MEASURED}
    found = ledger(
        [
            measured | {"arm": "own", "basis": "plan"},
            measured | {"arm": "broad", "basis": "all"},
            {"arm": "waiting", "basis": None, "state": OPEN},
        ]
    )
    english, chinese = (ledger_section(found, language) for language in ("en", "zh"))
    assert found.sentence() in words(english)
    assert words(english).count("measured among all of the campaign's customers") == 1
    assert words(english).count("not measured yet") == 1
    assert "0.60[0.40, 0.80]" in words(english).replace("0.60 [", "0.60[")
    assert "promised 50.0" in words(english)
    assert "promised ¥900.00" in words(english)
    assert "尚未测得" in words(chinese)
    assert "承诺 50.0" in words(chinese)
    assert len(ET.fromstring(english).findall(".//svg")) == 2


def test_an_empty_ledger_says_so() -> None:
    found = CampaignLedger(*(calibrate([], [], [], 0.05),) * 2, pd.DataFrame(), pd.DataFrame())
    assert "nothing can be said" in words(ledger_section(found, "en"))
    assert "无法评价" in words(ledger_section(found, "zh"))
