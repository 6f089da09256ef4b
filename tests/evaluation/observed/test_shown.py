"""Pictures and the report's section."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed import (
    analyze_observational,
    difference_in_differences,
    synthetic_control,
)
from marketing_ds.evaluation.report._observed import observed_section

from .conftest import COVARIATES, Chosen, long_panel


@pytest.fixture(scope="module")
def results(chosen: Chosen) -> dict:
    frame = chosen.frame.head(900).copy()
    frame.loc[(frame["arm"] == "call") & (np.arange(900) % 2 == 0), "arm"] = "visit"
    values = np.random.default_rng(0).normal(50, 1, (14, 10))
    values[:3, 6:] += 5
    return {
        "chosen": analyze_observational(
            frame, ["amount", "bought"], covariates=COVARIATES, learners=["linear"]
        ),
        "did": difference_in_differences(
            long_panel(values), treated_from=dict.fromkeys(range(3), 6)
        ),
        "synthetic": synthetic_control(long_panel(values), treated=0, start=6),
    }


@pytest.mark.parametrize(
    ("name", "part", "options", "words"),
    [
        ("chosen", None, {}, "weaker evidence"),
        ("chosen", "balance", {"most": 5}, "Balance"),
        ("chosen", "overlap", {"arm": "visit"}, "Overlap"),
        ("chosen", "sensitivity", {"metric": "bought"}, "bought, call"),
        ("did", None, {}, "weaker evidence (trends before"),
        ("synthetic", None, {}, "weaker evidence"),
        ("synthetic", None, {"what": "gaps"}, "weaker evidence"),
    ],
)
def test_every_result_has_its_picture(
    results: dict, name: str, part: str | None, options: dict, words: str
) -> None:
    result = results[name] if part is None else getattr(results[name], part)
    axes = result.plot(**options)
    assert words in axes.get_title(loc="left")
    plt.close(axes.get_figure())


def test_intervals_without_an_end_are_shown_without_one() -> None:
    values = np.random.default_rng(0).normal(50, 1, (3, 4)).repeat(4, axis=0)
    result = difference_in_differences(
        long_panel(values, branch=list(np.repeat(np.arange(3), 4))),
        treated_from=dict.fromkeys(range(4), 2), cluster="branch", intervals="wild_bootstrap",
        draws=199,
    )  # fmt: skip
    assert np.isinf(result.event_study["effect_ci_upper"].iloc[-1])
    axes = result.plot()
    assert np.isfinite(axes.get_ylim()).all()
    plt.close(axes.get_figure())
    assert "nan" not in observed_section(result, "zh")


def test_the_love_plot_shows_every_difference_before_and_after(results: dict) -> None:
    balance = results["chosen"].balance
    axes = balance.plot(most=100)
    before, after = (line.get_xdata() for line in axes.get_lines()[1:3])
    frame = balance.to_frame()
    assert sorted(before) == sorted(frame["smd"])
    assert sorted(after) == sorted(frame["smd_adjusted"])
    plt.close(axes.get_figure())


def test_pictures_refuse_what_is_not_there(results: dict) -> None:
    for part, options in (
        ("overlap", {"arm": "letter"}),
        ("balance", {"most": 0}),
        ("sensitivity", {"metric": "clicks"}),
    ):
        with pytest.raises(InvalidInput):
            getattr(results["chosen"], part).plot(**options)
    with pytest.raises(InvalidInput):
        results["synthetic"].plot(what="all")
    plt.close("all")


@pytest.mark.parametrize("name", ["chosen", "did", "synthetic"])
def test_the_section_says_weaker_evidence_in_both_languages(results: dict, name: str) -> None:
    english, chinese = (observed_section(results[name], language) for language in ("en", "zh"))
    assert "Not randomised: weaker evidence" in english
    assert "证据较弱" in chinese
    assert results[name].verdict.split(" (")[0][:40] in english
    assert english.count("<svg") >= 1
    with pytest.raises(InvalidInput, match="language must be one of"):
        observed_section(results[name], "de")


def test_the_section_shows_plain_and_adjusted_and_doubts(results: dict) -> None:
    page = observed_section(results["chosen"], "en")
    row = results["chosen"].to_frame().iloc[0]
    assert f"{row['naive_effect']:+.4g}" in page
    assert f"{row['effect']:+.4g}" in page
    assert "What a hidden factor would need" in page
