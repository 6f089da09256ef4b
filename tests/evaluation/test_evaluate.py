"""A campaign judged as a whole, on the sample bank and on marts that hold less."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import (
    CampaignEvaluation,
    ExperimentResult,
    ObservationalResult,
    campaign_ledger,
    evaluate_campaign,
    interaction_matrix,
)
from marketing_ds.evaluation.evaluate import PARTS
from marketing_ds.mart import Mart
from marketing_ds.schema import EFFECTS

Tables = dict[str, list[dict[str, Any]]]
Open = Callable[[Tables], Mart]


@pytest.fixture(scope="module")
def drawn(sample_mart: Mart) -> CampaignEvaluation:
    """K06: drawn at random, two arms beside control."""
    return evaluate_campaign(sample_mart, "K06", segments=["value_tier"])


@pytest.fixture(scope="module")
def chosen(sample_mart: Mart) -> CampaignEvaluation:
    """K03: managers chose whom to call."""
    return evaluate_campaign(sample_mart, "K03", without=PARTS)


def test_a_drawn_campaign_is_judged_in_money(drawn: CampaignEvaluation) -> None:
    assert isinstance(drawn.effects, ExperimentResult)
    assert not drawn.blocked
    assert re.match(
        r"The campaign brought back ¥[\d.]+ per yuan spent \(95 % interval", drawn.verdict
    )
    assert "增量利润" in drawn.verdict_in("zh")
    assert drawn.left_out == {}


def test_its_parts_speak_of_the_same_customers(drawn: CampaignEvaluation) -> None:
    sizes = drawn.campaign.to_frame().set_index("arm")["customers"]
    rows = drawn.to_frame()
    everybody = rows[(rows["segment"] == "all") & (rows["metric"] == "converted")]
    assert dict(zip(everybody["arm"], everybody["n_arm"], strict=True)) == {
        arm: n for arm, n in sizes.items() if arm != "control"
    }
    assert drawn.roi is not None
    assert drawn.roi["sms_prime"].n_arm == sizes["sms_prime"]


def test_effects_are_published_under_the_contract(drawn: CampaignEvaluation) -> None:
    table = drawn.effects_table()
    assert tuple(table.columns) == EFFECTS.column_names
    assert set(table["method"]) == {"randomised"}
    assert not table["blocked"].any()
    assert "value_tier=mass" in set(table["segment"])
    assert {"profit_cny", "cost_cny", "margin_cny", "converted"} <= set(table["metric"])
    assert not table.duplicated(["metric", "arm", "segment"]).any()


def test_further_results_stand_on_the_page_too(
    drawn: CampaignEvaluation, chosen: CampaignEvaluation, sample_mart: Mart, tmp_path: Path
) -> None:
    both = interaction_matrix(sample_mart, ["K05", "K06"])
    extras = [campaign_ledger(sample_mart), both, chosen.effects]
    page = drawn.report(tmp_path / "more.html", extras=extras).read_text(encoding="utf-8")
    assert len(re.findall(r"<h2>", page)) == 13
    with pytest.raises(InvalidInput, match=r"extras must hold results .* got CampaignAnalysis"):
        drawn.report(tmp_path / "more.html", extras=[drawn.campaign])


def test_a_chosen_campaign_is_compared_with_customers_like_its_own(
    chosen: CampaignEvaluation,
) -> None:
    assert isinstance(chosen.effects, ObservationalResult)
    assert chosen.blocked  # for the plain difference there is no verdict
    assert chosen.verdict.startswith("Not randomised: weaker evidence.")
    assert chosen.verdict_in("zh").startswith("非随机分组")
    table = chosen.effects_table()
    assert set(table["method"]) == {"doubly_robust"}
    assert not table["blocked"].any()
    assert dict.fromkeys(PARTS, "left out") == {part: chosen.left_out[part] for part in PARTS}


def test_its_interval_holds_the_truth_which_the_plain_difference_lies_above(
    chosen: CampaignEvaluation, sample_dir: Path
) -> None:
    from marketing_ds.datasets import load_truth

    truth = load_truth(sample_dir).outcomes
    wide = truth[truth["campaign_id"] == "K03"].pivot(
        index="customer_id", columns="arm", values="expected_converted"
    )
    effect = float((wide["manager_call"] - wide["control"]).mean())
    row = chosen.to_frame().iloc[0]
    assert row["effect_ci_lower"] < effect < row["effect_ci_upper"]
    assert row["naive_effect"] > effect


def test_a_failed_check_takes_the_verdict_s_place(open_tables: Open, tiny_tables: Tables) -> None:
    # Everybody in control was contacted all the same.
    control = [row["customer_id"] for row in tiny_tables["assignments"] if row["arm"] == "control"]
    contact = tiny_tables["contacts"][0]
    tiny_tables["contacts"] += [
        contact
        | {
            "contact_id": f"X{n}",
            "customer_id": customer,
            "campaign_id": "K1",
            "sent_at": dt.datetime(2026, 5, 5),
            "opened_at": None,
            "clicked_at": None,
        }
        for n, customer in enumerate(control)
    ]
    found = evaluate_campaign(open_tables(tiny_tables), "K1", covariates=(), without=PARTS)
    assert found.blocked
    assert found.verdict.startswith("No verdict: ")
    leak = found.checks["control contacted"]
    assert leak in found.checks.failed
    assert leak.blocks
    assert found.verdict_in("zh").startswith("暂无结论：")
    assert found.effects_table()["blocked"].all()


def test_a_mart_without_behaviour_is_judged_by_its_outcomes(
    open_tables: Open, tiny_tables: Tables
) -> None:
    for name in ("events", "transactions", "holdings", "contacts", "benefit_grants", "benefits"):
        del tiny_tables[name]
    for row in tiny_tables["offers"]:
        row["benefit_id"] = None
    for row in tiny_tables["campaigns"]:
        row["objective"] = "visit"
    tiny_tables["campaign_outcomes"] = [
        {
            "customer_id": row["customer_id"],
            "campaign_id": "K1",
            "outcome": "visit",
            "value": float(n % 2),
            "observed_on": dt.date(2026, 5, 20),
        }
        for n, row in enumerate(tiny_tables["assignments"])
        if row["campaign_id"] == "K1"
    ]
    found = evaluate_campaign(open_tables(tiny_tables), "K1", covariates=())
    assert [part for part in PARTS if part in found.left_out] == list(PARTS)
    assert found.left_out["channels"] == "the mart has no table events"
    assert list(found.to_frame()["metric"].unique()) == ["visit"]


def test_what_is_unknown_is_refused(sample_mart: Mart, drawn: CampaignEvaluation) -> None:
    with pytest.raises(InvalidInput, match="without must be one of 'customers'"):
        evaluate_campaign(sample_mart, "K06", without=["people"])
    with pytest.raises(InvalidInput, match="campaign_id must be one of the mart's"):
        evaluate_campaign(sample_mart, "K99")
    with pytest.raises(InvalidInput, match="language must be one of"):
        drawn.verdict_in("fr")
    with pytest.raises(InvalidInput, match=r"path must end in \.html"):
        drawn.report("report.txt")


def test_a_campaign_before_the_first_customer_is_refused_by_its_date(
    tiny_tables, open_tables
) -> None:
    opened = min(row["opened_on"] for row in tiny_tables["customers"])
    for row in tiny_tables["campaigns"]:
        row |= {"starts_on": opened, "ends_on": opened}
    with pytest.raises(InvalidInput, match=f"'K1' must begin after .* got {opened}"):
        evaluate_campaign(open_tables(tiny_tables), "K1")


@pytest.fixture(scope="module")
def pages(drawn: CampaignEvaluation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reports")
    files = {
        language: drawn.report(folder / f"{language}.html", language=language)
        for language in ("en", "zh")
    }
    return {language: file.read_text(encoding="utf-8") for language, file in files.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_needs_nothing_from_outside(pages: dict[str, str], language: str) -> None:
    page = pages[language]
    assert not re.search(r"(src|href)=", page)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


def test_the_report_says_the_verdict_and_shows_no_single_customer(
    pages: dict[str, str], drawn: CampaignEvaluation
) -> None:
    for language, page in pages.items():
        assert drawn.verdict_in(language) in page
        assert not re.search(r"\bC\d{7}\b", page)


def test_the_report_has_every_part_in_both_languages(pages: dict[str, str]) -> None:
    heads = {language: re.findall(r"<h2>(.*?)</h2>", page) for language, page in pages.items()}
    assert len(heads["en"]) == len(heads["zh"]) == 10
    assert heads["en"][0] == "Verdict"
    assert heads["zh"][0] == "结论"
    for text in heads["zh"]:
        assert re.search(r"[\u4e00-\u9fff]", text)


def test_the_report_of_a_chosen_campaign_says_so(
    chosen: CampaignEvaluation, tmp_path: Path
) -> None:
    page = chosen.report(tmp_path / "chosen.html").read_text(encoding="utf-8")
    assert "Not randomised: weaker evidence" in page
    assert "Draw the arms at random next time" in page
    assert "Not on this page: channels (left out)." in page
