"""Interactions equal hand counts and a regression, cover the truth, and are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import binom

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import count
from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.overlapping import campaign_interactions, interaction_matrix
from marketing_ds.evaluation.overlapping.interactions import contrast
from marketing_ds.mart import open_mart
from tests.evaluation.bank import two_campaigns

KNOWN = (0.25, 0.10, -0.24)


@pytest.fixture(scope="module")
def tables() -> dict[str, list]:
    return two_campaigns(1_200, seed=3, lift=KNOWN)


def by_customer(tables) -> pd.DataFrame:
    """The same by hand: arms and purchases of each customer."""
    frame = pd.DataFrame(tables["assignments"]).pivot(
        index="customer_id", columns="campaign_id", values="arm"
    )
    bought = pd.DataFrame(tables["transactions"])
    for name in ("first", "second"):
        buyers = bought.loc[bought["product_id"] == f"P-{name}", "customer_id"]
        frame[f"y_{name}"] = frame.index.isin(buyers).astype(float)
    return frame.reset_index()


def test_effects_alone_and_together_are_those_of_the_cells(tables, open_tables) -> None:
    found = campaign_interactions(open_tables(tables), "first", "second", ["converted"])
    assert found.customers == 1_200
    row = found.to_frame().set_index("metric").loc["first.converted"]
    cells = by_customer(tables).groupby(["first", "second"])["y_first"]
    mean, size = cells.mean(), cells.size()
    alone = mean["mail", "control"] - mean["control", "control"]
    other = mean["control", "mail"] - mean["control", "control"]
    both = mean["mail", "mail"] - mean["control", "control"]
    assert row["effect_first"] == pytest.approx(alone)
    assert row["effect_second"] == pytest.approx(other)
    assert row["effect_both"] == pytest.approx(both)
    assert row["interaction"] == pytest.approx(both - alone - other)
    assert row[["n_neither", "n_first", "n_second", "n_both"]].tolist() == [
        size["control", "control"],
        size["mail", "control"],
        size["control", "mail"],
        size["mail", "mail"],
    ]
    assert row["p_adjusted"] < 0.05
    assert "mail with mail gives" in found.verdict
    assert "less first.converted a customer than both alone add up to" in found.verdict


def test_the_interval_is_that_of_a_regression_with_robust_errors(tables, open_tables) -> None:
    row = campaign_interactions(open_tables(tables), "first", "second").to_frame().iloc[0]
    fit = smf.ols("y_first ~ C(first) * C(second)", by_customer(tables).rename(columns=str)).fit(
        cov_type="HC2"
    )
    low, high = fit.conf_int().iloc[-1]
    assert row["interaction"] == pytest.approx(fit.params.iloc[-1])
    assert row["interaction_ci_lower"] == pytest.approx(
        low, abs=2e-3 * (high - low)
    )  # normal, not Welch's t
    assert row["interaction_ci_upper"] == pytest.approx(high, abs=2e-3 * (high - low))


def test_both_engines_agree_with_covariates_and_measures(engine, write_mart, tmp_path) -> None:
    tables = two_campaigns(300, seed=4, lift=KNOWN)
    with open_mart(
        write_mart(tmp_path / "mart", tables), engine=engine, workspace=tmp_path / "w"
    ) as mart:
        bought = count("transactions", kind="purchase", name="bought")
        found = campaign_interactions(
            mart, "first", "second", [bought], covariates=["age"], as_of="2026-05-30"
        ).to_frame()
    assert found["metric"].tolist() == ["first.bought", "second.bought"]
    own = by_customer(tables)
    ages = pd.DataFrame(tables["customers"])["birth_year"].to_numpy(float)
    cell = own["first"] + own["second"]
    centred = ages - pd.Series(ages).groupby(cell).transform("mean")
    # What was bought of the first product is over when the second window opens.
    for row, total in enumerate((own["y_first"] + own["y_second"], own["y_second"])):
        slope = (centred * total).sum() / (centred**2).sum()
        mean = (total - slope * ages).groupby(cell).mean()
        alone = mean["mailcontrol"] + mean["controlmail"] - mean["controlcontrol"]
        assert found["interaction"].iloc[row] == pytest.approx(mean["mailmail"] - alone)


def test_intervals_of_a_contrast_cover() -> None:
    rng, repetitions, covered = np.random.default_rng(5), 600, 0
    sizes, rates = (40, 60, 90, 120), (0.3, 0.5, 0.4, 0.2)
    truth = rates[3] - rates[1] - rates[2] + rates[0]
    for _ in range(repetitions):
        parts = []
        for weight, n, rate in zip((1, -1, -1, 1), sizes, rates, strict=True):
            y = rng.random(n) < rate
            part = y.var(ddof=1) / n
            parts.append((weight, Estimate(n, y.mean(), part, y.mean(), part, n - 1)))
        _, low, high, _ = contrast(parts, 0.05)
        covered += low <= truth <= high
    low, high = binom.ppf([0.001, 0.999], repetitions, 0.95)
    assert low <= covered <= high


def test_a_contrast_without_variance_has_no_p_value() -> None:
    same = Estimate(10, 1.0, 0.0, 1.0, 0.0, 9)
    value, low, high, p = contrast([(1, same), (-1, same)], 0.05)
    assert (value, low, high) == (0, 0, 0)
    assert np.isnan(p)


def test_a_draw_among_what_the_first_left_is_blocked(open_tables) -> None:
    tables = two_campaigns(700, seed=6)
    arms = {
        r["customer_id"]: r["arm"] for r in tables["assignments"] if r["campaign_id"] == "first"
    }
    tables["assignments"] = [
        row
        for n, row in enumerate(tables["assignments"])
        if row["campaign_id"] == "first" or arms[row["customer_id"]] == "control" or n % 3
    ]
    found = campaign_interactions(open_tables(tables), "first", "second")
    assert found.blocked
    assert found.verdict.startswith("No verdict: the arms' sizes do not fit the design")
    matrix = interaction_matrix(open_tables(tables))
    assert matrix.to_frame()["blocked"].all()
    assert matrix.verdict.startswith("In 1 pairs")


def test_without_probabilities_arms_are_equal(tables, open_tables) -> None:
    plain = {**tables, "assignments": [{**r, "probability": None} for r in tables["assignments"]]}
    found = campaign_interactions(open_tables(plain), "first", "second")
    with_chances = campaign_interactions(open_tables(tables), "first", "second")
    pd.testing.assert_frame_equal(found.to_frame(), with_chances.to_frame())
    assert found.checks["sample ratio"].p_value == pytest.approx(
        with_chances.checks["sample ratio"].p_value
    )


def test_the_matrix_corrects_for_all_pairs(tables, open_tables) -> None:
    pair = campaign_interactions(open_tables(tables), "first", "second", correction=None)
    found = interaction_matrix(open_tables(tables), correction="holm")
    assert found.campaigns == ("first", "second")
    frame = found.to_frame()
    np.testing.assert_allclose(frame["interaction"], pair.to_frame()["interaction"])
    smallest = frame["p_value"].min()
    assert frame["p_adjusted"].min() == pytest.approx(2 * smallest)
    assert found.verdict == "1 of 1 pairs of campaigns change each other's effect: first × second"
    assert (
        frame["n_smallest"].iloc[0] == by_customer(tables).groupby(["first", "second"]).size().min()
    )


def test_pairs_that_hardly_meet_or_not_at_all_are_left_out(tables, open_tables) -> None:
    mart = open_tables(tables)
    few = interaction_matrix(mart, at_least=1_000)
    assert few.to_frame().empty
    assert few.skipped["first"].tolist() == ["first"]
    assert few.verdict.startswith("No two campaigns share enough customers")
    campaigns = [dict(row) for row in tables["campaigns"]]
    campaigns[1] |= {
        "starts_on": pd.Timestamp("2026-05-25").date(),
        "ends_on": pd.Timestamp("2026-05-26").date(),
    }
    apart = open_tables({**tables, "campaigns": campaigns})
    assert interaction_matrix(apart, as_of="2026-06-01").to_frame().empty
    assert len(interaction_matrix(apart, as_of="2026-06-01", overlapping=False).to_frame()) == 2


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"second": "first"}, "must be two campaigns, got 'first' twice"),
        ({}, {"second": "third"}, "campaign_id must be one of"),
        ({}, {"metrics": ["convertd"]}, "did you mean 'converted'"),
        ({}, {"metrics": "converted"}, "metrics must be a list"),
        ({}, {"metrics": []}, "at least one outcome"),
        ({}, {"alpha": 1}, "alpha must be between"),
        ({}, {"correction": "hom"}, "did you mean 'holm'"),
        ({"randomised": False}, {}, "must be randomised, got 'first'"),
        ({"keep": lambda r: r["arm"] == "mail"}, {}, "must have 'control' and another arm"),
        (
            {"keep": lambda r: (r["campaign_id"] == "first") == (r["customer_id"] < "c00150")},
            {},
            "must share customers, got none",
        ),
        (
            {"keep": lambda r: r["campaign_id"] == "first" or r["customer_id"] < "c00003"},
            {},
            "at least 2 customers in every pair of arms, got",
        ),
    ],
)
def test_bad_input_is_refused(change, options, words, open_tables) -> None:
    tables = two_campaigns(300, seed=7)
    if "randomised" in change:
        tables["campaigns"][0]["randomised"] = change["randomised"]
    if "keep" in change:
        tables["assignments"] = [row for row in tables["assignments"] if change["keep"](row)]
    asked = {"first": "first", "second": "second", **options}
    with pytest.raises(InvalidInput, match=words):
        campaign_interactions(open_tables(tables), **asked)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"campaigns": "first"}, "campaigns must be a list"),
        ({"campaigns": ["first", "third"]}, "must be the mart's"),
        ({"campaigns": ["first"]}, "two or more"),
        ({"as_of": "2026-05-05"}, "two or more by 2026-05-05, got first"),
        ({"at_least": 1}, "at_least must be at least 2"),
        ({"correction": "x"}, "correction must be one of"),
    ],
)
def test_bad_input_of_the_matrix_is_refused(options, words, open_tables) -> None:
    with pytest.raises(InvalidInput, match=words):
        interaction_matrix(open_tables(two_campaigns(50)), **options)
