"""Conclusions: typed, finite, and the same after a trip through JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.runs import Conclusion, conclude


@dataclass(frozen=True)
class _Publication:
    path: Path
    rows: int = 3


def test_survives_json(tmp_path):
    done = conclude(
        "AUC",
        0.8,
        ci=(0.7, 0.9),
        rows=10,
        metrics={"brier": 0.1},
        publications=[_Publication(tmp_path / "p")],
        bundles={"uplift": tmp_path / "b"},
        files=[tmp_path / "f.csv"],
        tables={"effects": {"columns": ["arm", "effect"], "data": [["sms", 0.1]]}},
    )
    assert Conclusion.from_dict(json.loads(json.dumps(done.to_dict()))) == done


def test_shows_itself_to_people_and_to_the_run():
    bundle = conclude("AUC", 0.8, ci=(0.7, 0.9))._repr_mimebundle_()
    assert bundle["text/plain"] == "AUC: 0.8 [0.7, 0.9]"
    assert "AUC" in bundle["text/html"]
    assert bundle["application/vnd.marketing-ds.conclusion+json"]["value"] == 0.8


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (0.00012, "1.20e-04"), (0.0, "0"), (0.12345, "0.1235")]
)
def test_figures_are_short(value, text):
    assert conclude("x", value).text() == text


def test_a_conclusion_without_a_figure_has_no_text():
    assert conclude("checked").text() == ""


def test_a_figure_that_is_not_finite_is_refused():
    with pytest.raises(InvalidInput, match="brier of a conclusion must be finite"):
        conclude("x", 1.0, metrics={"brier": math.nan})


@pytest.mark.parametrize("value", [None, 3.0])
def test_an_interval_must_hold_the_value(value):
    with pytest.raises(InvalidInput, match="ci must hold the value"):
        conclude("x", value, ci=(0.0, 1.0))
