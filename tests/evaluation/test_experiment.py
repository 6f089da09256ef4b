"""Effects agree with scipy, statsmodels and published rates; checks block what must not be said."""

from __future__ import annotations

import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_ind
from statsmodels.stats.multitest import multipletests

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import Mean, Ratio, analyze_experiment
from marketing_ds.schema import EFFECTS

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "experiment_hillstrom.json").read_text()
)


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    """3,000 customers in control and two arms of unequal size; `pre` and `age` explain spend."""
    rng = np.random.default_rng(20)
    n = 3_000
    arm = rng.choice(["control", "coupon", "call"], p=[0.5, 0.3, 0.2], size=n)
    pre, age = rng.gamma(2, 10, n), rng.normal(45, 12, n)
    lift = pd.Series(arm).map({"control": 0, "coupon": 3, "call": 0.5}).to_numpy()
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "arm": arm,
            "probability": pd.Series(arm).map({"control": 0.5, "coupon": 0.3, "call": 0.2}),
            "pre": pre,
            "age": age,
            "visits": 1 + rng.poisson(1 + lift / 10, n),
            "spend": pre + 0.3 * age + lift + rng.normal(0, 8, n),
            "bought": rng.random(n) < 0.1 + lift / 50,
        }
    )


def row(frame: pd.DataFrame, metric: str, arm: str) -> pd.Series:
    return frame[(frame["metric"] == metric) & (frame["arm"] == arm)].iloc[0]


def split(data: pd.DataFrame, column: str, arm: str) -> tuple[np.ndarray, np.ndarray]:
    values = data[column].to_numpy(float)
    return values[data["arm"] == arm], values[data["arm"] == "control"]


@pytest.fixture(scope="module")
def hillstrom(data_dir: Path) -> pd.DataFrame:
    data = pd.read_csv(data_dir / "hillstrom" / "hillstrom.csv.gz")
    data["customer_id"] = [f"h{i}" for i in range(len(data))]
    return data.assign(arm=data["segment"].replace({"No E-Mail": "control"}))


@pytest.mark.parametrize("metric", ["spend", "bought", "visits"])
@pytest.mark.parametrize("arm", ["coupon", "call"])
def test_difference_interval_and_p_value_are_scipy_s_welch(metric, arm, trial) -> None:
    found = row(
        analyze_experiment(trial, [metric], probability="probability").to_frame(), metric, arm
    )
    treated, control = split(trial, metric, arm)
    welch = ttest_ind(treated, control, equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert found["mean_arm"] == pytest.approx(treated.mean(), rel=1e-9)
    assert found["effect"] == pytest.approx(treated.mean() - control.mean(), rel=1e-9)
    assert found["effect_ci_lower"] == pytest.approx(interval.low, rel=1e-9)
    assert found["effect_ci_upper"] == pytest.approx(interval.high, rel=1e-9)
    assert found["p_value"] == pytest.approx(welch.pvalue, rel=1e-8)
    assert found["variance_reduction_share"] == 0


def test_covariates_give_the_common_slope_estimate_of_statsmodels(trial) -> None:
    found = analyze_experiment(
        trial, ["spend"], covariates=["pre", "age"], probability="probability"
    ).to_frame()
    fit = smf.ols("spend ~ C(arm, Treatment('control')) + pre + age", trial).fit()
    for arm in ("coupon", "call"):
        effect = row(found, "spend", arm)["effect"]
        assert effect == pytest.approx(
            fit.params[f"C(arm, Treatment('control'))[T.{arm}]"], rel=1e-9
        )


def test_covariates_give_scipy_s_welch_on_the_adjusted_metric(trial) -> None:
    found = analyze_experiment(
        trial, ["spend"], covariates=["pre", "age"], probability="probability"
    ).to_frame()
    fit = smf.ols("spend ~ C(arm) + pre + age", trial).fit()
    adjusted = trial.assign(
        spend=trial["spend"] - fit.params["pre"] * trial["pre"] - fit.params["age"] * trial["age"]
    )
    for arm in ("coupon", "call"):
        treated, control = split(adjusted, "spend", arm)
        interval = ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)
        result = row(found, "spend", arm)
        assert result["effect_ci_lower"] == pytest.approx(interval.low, rel=1e-9)
        assert result["effect_ci_upper"] == pytest.approx(interval.high, rel=1e-9)
        raw = [part.var(ddof=1) / len(part) for part in split(trial, "spend", arm)]
        now = [part.var(ddof=1) / len(part) for part in (treated, control)]
        assert result["variance_reduction_share"] == pytest.approx(
            1 - sum(now) / sum(raw), rel=1e-9
        )
        assert result["variance_reduction_share"] > 0.6


def test_a_ratio_is_welch_on_its_linearisation(trial) -> None:
    found = analyze_experiment(
        trial, [Ratio("spend", "visits")], probability="probability"
    ).to_frame()
    for arm in ("coupon", "call"):
        parts = []
        for group in (arm, "control"):
            part = trial[trial["arm"] == group]
            ratio = part["spend"].sum() / part["visits"].sum()
            residual = (part["spend"] - ratio * part["visits"]) / part["visits"].mean()
            parts.append((ratio + residual - residual.mean()).to_numpy())
        interval = ttest_ind(*parts, equal_var=False).confidence_interval(0.95)
        result = row(found, "spend / visits", arm)
        assert result["effect_ci_lower"] == pytest.approx(interval.low, rel=1e-9)
        assert result["effect_ci_upper"] == pytest.approx(interval.high, rel=1e-9)


def test_a_ratio_gains_from_covariates_without_moving_far(trial) -> None:
    metric = Ratio("spend", "visits")
    plain, adjusted = (
        row(
            analyze_experiment(trial, [metric], covariates=c, probability="probability").to_frame(),
            metric.label,
            "coupon",
        )
        for c in (None, ["pre"])
    )
    assert adjusted["variance_reduction_share"] > 0.1
    assert plain["effect_ci_lower"] < adjusted["effect"] < plain["effect_ci_upper"]


def test_fieller_ends_are_where_the_ratio_is_just_rejected(trial) -> None:
    found = row(
        analyze_experiment(trial, ["spend"], probability="probability").to_frame(),
        "spend",
        "coupon",
    )
    treated, control = split(trial, "spend", "coupon")
    quantile = (found["effect_ci_upper"] - found["effect"]) / np.sqrt(
        treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control)
    )
    for end in ("rel_effect_ci_lower", "rel_effect_ci_upper"):
        ratio = 1 + found[end]
        error = np.sqrt(
            treated.var(ddof=1) / len(treated) + ratio**2 * control.var(ddof=1) / len(control)
        )
        distance = abs(treated.mean() - ratio * control.mean()) / error
        assert distance == pytest.approx(quantile, rel=1e-9)
    assert found["rel_effect"] == pytest.approx(treated.mean() / control.mean() - 1)


def test_relative_effect_is_unbounded_where_control_may_be_zero(trial) -> None:
    noise = trial.assign(x=np.random.default_rng(0).normal(0, 1, len(trial)))
    found = analyze_experiment(noise, ["x"], probability="probability").to_frame()
    assert found["rel_effect_ci_lower"].eq(-np.inf).all()
    assert found["rel_effect_ci_upper"].eq(np.inf).all()


def test_hillstrom_gives_the_published_rates(hillstrom: pd.DataFrame) -> None:
    result = analyze_experiment(hillstrom, ["visit", "conversion", "spend"])
    frame = result.to_frame()
    for arm in ("Mens E-Mail", "Womens E-Mail"):
        found = row(frame, "visit", arm)
        assert found["n_arm"] == REFERENCE["customers"][arm]
        assert round(100 * found["mean_arm"], 2) == REFERENCE["visit_percent"][arm]
        assert round(100 * found["mean_control"], 2) == REFERENCE["visit_percent"]["No E-Mail"]
    sizes = [REFERENCE["customers"]["No E-Mail"], *frame["n_arm"][:2]]
    for metric, published, digits in (
        ("conversion", REFERENCE["conversion_percent_overall"] / 100, 5),
        ("spend", REFERENCE["spend_overall"], 3),
    ):
        part = frame[frame["metric"] == metric]
        means = [part["mean_control"].iloc[0], *part["mean_arm"]]
        assert round(float(np.average(means, weights=sizes)), digits) == published
    assert result.srm.passed
    welch = ttest_ind(*split(hillstrom, "spend", "Mens E-Mail"), equal_var=False)
    assert row(frame, "spend", "Mens E-Mail")["p_value"] == pytest.approx(welch.pvalue, rel=1e-9)


@settings(max_examples=12)
@given(
    offset=st.sampled_from([0.0, 1e3, -1e6, 1e9]),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    seed=st.integers(0, 99),
)
def test_large_offsets_lose_no_digits(offset: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"arm": ["control", "mail"] * 200, "y": offset + scale * rng.normal(0, 1, 400)}
    )
    data["x"] = data["y"] + scale * rng.normal(0, 1, 400)
    found = analyze_experiment(data, ["y"], covariates=["x"]).to_frame().iloc[0]
    centred = data.assign(y=data["y"] - offset, x=data["x"] - offset)
    plain = analyze_experiment(centred, ["y"], covariates=["x"]).to_frame().iloc[0]
    # Storing y at this offset already rounds it to the offset's own resolution.
    resolution = max(1e-9, 100 * np.spacing(abs(offset) + 1) / scale)
    for name in ("effect", "effect_ci_lower", "effect_ci_upper"):
        assert found[name] == pytest.approx(plain[name], abs=resolution * scale)
    welch = ttest_ind(
        *[data.loc[data["arm"] == a, "y"] for a in ("mail", "control")], equal_var=False
    )
    unadjusted = analyze_experiment(data, ["y"]).to_frame().iloc[0]
    assert unadjusted["p_value"] == pytest.approx(welch.pvalue, rel=max(1e-9, 10 * resolution))


def test_one_query_serves_all_metrics_and_arms(trial) -> None:
    con = ibis.duckdb.connect()
    table = con.create_table("trial", ibis.memtable(pa.Table.from_pandas(trial)))
    asked: list[str] = []
    original = con.to_pyarrow

    def spy(expression: ibis.Expr, **options: object) -> object:
        asked.append(str(ibis.to_sql(expression)))
        return original(expression, **options)

    con.to_pyarrow = spy
    metrics = ["spend", "bought", Ratio("spend", "visits")]
    alike = table.mutate(arm=ibis.ifelse(table.age > 45, "coupon", "control"))
    analyze_experiment(alike, metrics, covariates=["pre"])
    assert len([sql for sql in asked if "GROUP BY" in sql]) == 1
    asked.clear()
    found = analyze_experiment(table, metrics, covariates=["pre"], probability="probability")
    # In arms of unequal size, how skewed the metrics are, and the columns from before.
    assert len([sql for sql in asked if "GROUP BY" in sql]) == 3
    expected = analyze_experiment(trial, metrics, covariates=["pre"], probability="probability")
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame(), rtol=1e-9)


def test_own_covariates_go_before_the_shared_ones(trial) -> None:
    found = analyze_experiment(
        trial,
        [Mean("spend", "plain", covariates=()), Mean("spend", "adjusted")],
        covariates=["pre"],
        probability="probability",
    ).to_frame()
    share = found.set_index(["metric", "arm"])["variance_reduction_share"]
    assert share["plain", "coupon"] == 0
    assert share["adjusted", "coupon"] > 0.5


def test_a_covariate_that_does_not_vary_is_of_no_effect(trial) -> None:
    data = trial.assign(ones=1e6, again=trial["pre"])
    one = analyze_experiment(data, ["spend"], covariates=["pre"], probability="probability")
    many = analyze_experiment(
        data, ["spend"], covariates=["pre", "ones", "again"], probability="probability"
    )
    pd.testing.assert_frame_equal(one.to_frame(), many.to_frame(), rtol=1e-8)


def test_a_handful_of_customers_is_not_adjusted(trial) -> None:
    """Slopes from few customers are noise that no interval knows of."""
    few = trial.groupby("arm").head(19)
    plain, two, one = (
        analyze_experiment(few, ["spend"], covariates=names).to_frame()
        for names in ([], ["pre", "age"], ["pre"])
    )
    assert two["effect"].tolist() == plain["effect"].tolist()
    assert one["effect"].tolist() != plain["effect"].tolist()


def test_a_metric_that_does_not_vary_has_no_p_value(trial) -> None:
    result = analyze_experiment(trial.assign(one=7.3), ["one", "spend"], probability="probability")
    frame = result.to_frame()
    constant = frame[frame["metric"] == "one"]
    assert constant["effect"].abs().max() < 1e-12
    assert constant[["p_value", "p_adjusted"]].isna().all(axis=None)
    assert frame.loc[frame["metric"] == "spend", "p_adjusted"].notna().all()
    assert "does not vary" in result.verdict


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_adjusted_p_values_are_statsmodels_s(ours, theirs, trial) -> None:
    frame = analyze_experiment(
        trial, ["spend", "bought", "visits"], probability="probability", correction=ours
    ).to_frame()
    expected = multipletests(frame["p_value"], method=theirs)[1]
    np.testing.assert_allclose(frame["p_adjusted"], expected, rtol=1e-12)


def test_without_correction_p_values_stay(trial) -> None:
    frame = analyze_experiment(
        trial, ["spend", "bought"], probability="probability", correction=None
    ).to_frame()
    assert (frame["p_adjusted"] == frame["p_value"]).all()


def test_intervals_cover_the_effect_and_aa_is_quiet() -> None:
    """Each trial is a segment of one table, so that one query serves them all."""
    trials, n, rng = 300, 600, np.random.default_rng(31)
    arm = rng.random(trials * n) < 0.3
    pre = rng.gamma(1, 20, trials * n)
    quiet = (rng.random(trials * n) < 0.3) * (pre + rng.gamma(1, 20, trials * n)) + 10
    data = pd.DataFrame(
        {
            "arm": np.where(arm, "mail", "control"),
            "trial": np.repeat(np.arange(trials), n),
            "pre": pre,
            "quiet": quiet,
            "spend": quiet + 2.0 * arm,
        }
    )
    metrics = [Mean("spend", "plain", covariates=()), Mean("spend", "adjusted"), "quiet"]
    shares = {"control": 7, "mail": 3}
    result = analyze_experiment(
        data, metrics, covariates=["pre"], shares=shares, segments=["trial"]
    )
    frame = result.segments("trial")
    held = {"plain": (2.0, 2 / 22), "adjusted": (2.0, 2 / 22), "quiet": (0.0, 0.0)}
    low, high = binom.ppf([0.001, 0.999], trials, 0.95)
    for metric, truth in held.items():
        part = frame[frame["metric"] == metric]
        for name, true in zip(("effect", "rel_effect"), truth, strict=True):
            inside = part[f"{name}_ci_lower"].le(true) & part[f"{name}_ci_upper"].ge(true)
            assert low <= inside.sum() <= high, (metric, name, inside.sum())


def test_chances_that_differ_by_customer_are_weighted_away() -> None:
    rng = np.random.default_rng(41)
    n = 40_000
    rich = rng.random(n) < 0.4
    chance = np.where(rich, 0.7, 0.2)
    mailed = rng.random(n) < chance
    data = pd.DataFrame(
        {
            "arm": np.where(mailed, "mail", "control"),
            "p": np.where(mailed, chance, 1 - chance),
            "spend": 10 * rich + 1.0 * mailed + rng.normal(0, 3, n),
            "rich": rich,
        }
    )
    result = analyze_experiment(data, ["spend"], probability="p")
    found = result.to_frame().iloc[0]
    weight = 1 / data["p"]
    hajek = [
        np.average(data["spend"][data["arm"] == a], weights=weight[data["arm"] == a])
        for a in ("mail", "control")
    ]
    assert found["effect"] == pytest.approx(hajek[0] - hajek[1], rel=1e-9)
    assert found["effect_ci_lower"] < 1 < found["effect_ci_upper"]
    assert result.srm.passed
    adjusted = analyze_experiment(data, ["spend"], probability="p", covariates=["rich"]).to_frame()
    assert adjusted["variance_reduction_share"].iloc[0] > 0.5
    assert adjusted["effect"].iloc[0] == pytest.approx(1, abs=0.1)
    lost = data.drop(data.index[(data["arm"] == "mail") & (rng.random(n) < 0.1)])
    assert not analyze_experiment(lost, ["spend"], probability="p").srm.passed


def test_a_sample_ratio_mismatch_blocks_the_verdict_not_the_numbers(trial) -> None:
    result = analyze_experiment(trial, ["spend"])  # equal arms expected, none given
    assert result.blocked
    assert result.verdict.startswith("No verdict: the arms' sizes do not fit the design")
    assert result.to_frame()["effect"].notna().all()
    assert "expected" in result._repr_html_()
    right = analyze_experiment(trial, ["spend"], shares={"control": 5, "coupon": 3, "call": 2})
    assert not right.blocked
    assert right.srm.p_value == pytest.approx(
        analyze_experiment(trial, ["spend"], probability="probability").srm.p_value
    )


def test_an_arm_of_the_design_without_customers_is_a_mismatch(trial) -> None:
    shares = {"control": 0.4, "coupon": 0.2, "call": 0.2, "letter": 0.2}
    result = analyze_experiment(trial, ["spend"], shares=shares)
    assert result.srm.counts["letter"] == 0
    assert result.blocked


def test_the_verdict_says_what_was_found(trial) -> None:
    verdict = analyze_experiment(trial, ["spend"], probability="probability").verdict
    assert verdict.startswith("spend: call made no difference that could be shown (")
    assert "coupon raised it by" in verdict
    lowered = trial.assign(spend=-trial["spend"])
    assert "coupon lowered it by" in (
        analyze_experiment(lowered, ["spend"], probability="probability").verdict
    )


def test_a_customer_who_comes_twice_is_refused_with_the_number_in_two_arms(trial) -> None:
    data = pd.concat([trial, trial.head(5).assign(arm="fourth"), trial.head(7).tail(2)])
    with pytest.raises(
        InvalidInput, match=r"got 7 customers more than once.*5 of them in more than"
    ):
        analyze_experiment(data, ["spend"])


def test_what_only_correction_takes_away_is_said_so(trial) -> None:
    rng = np.random.default_rng(0)
    data = trial.assign(a=rng.normal(0, 1, len(trial)), b=rng.normal(0, 1, len(trial)))
    coupon, control = split(data, "a", "coupon")
    error = np.sqrt(coupon.var(ddof=1) / len(coupon) + control.var(ddof=1) / len(control))
    data["a"] += (data["arm"] == "coupon") * (2.1 * error - coupon.mean() + control.mean())
    verdict = analyze_experiment(data, ["a", "b"], probability="probability").verdict
    assert "coupon made no difference that could be shown after correction for all" in verdict


def test_effects_table_has_the_contract_s_columns(trial) -> None:
    table = analyze_experiment(trial, ["spend"], probability="probability").effects_table("K1")
    assert tuple(table.columns) == EFFECTS.column_names
    assert set(table["campaign_id"]) == {"K1"}


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (
            lambda d: d.assign(spend=d["spend"].where(d["spend"] > 20)),
            {},
            "'spend' must be known for",
        ),
        (lambda d: d.assign(spend=np.inf), {}, "'spend' must be finite"),
        (lambda d: d.assign(spend="much"), {}, "'spend' must hold numbers or booleans"),
        (lambda d: d[d["arm"] == "control"], {}, "an arm beside 'control'"),
        (lambda d: d[d["arm"] != "control"], {}, "control must be an arm of the data"),
        (
            lambda d: d.assign(arm=d["arm"].replace("control", "contrl")),
            {},
            "did you mean 'contrl'",
        ),
        (
            lambda d: d.assign(arm=d["arm"].where(d["age"] > 30)),
            {},
            "every customer must have an arm",
        ),
        (lambda d: pd.concat([d, d.head(9).assign(arm="call")]), {}, "one row per customer_id"),
        (lambda d: d.iloc[:0], {}, "at least one row"),
        (lambda d: d.drop(columns="arm"), {}, "data must have the column"),
        (lambda d: d.assign(arm=["x", *d["arm"][1:]]), {}, "at least 2 customers, got 1 in 'x'"),
        (lambda d: d, {"metrics": []}, "metrics must be a list"),
        (lambda d: d, {"metrics": "spend"}, "metrics must be a list"),
        (lambda d: d, {"metrics": ["spend", "spend"]}, "different names"),
        (lambda d: d, {"metrics": ["spent"]}, "did you mean 'spend'"),
        (lambda d: d, {"covariates": "pre"}, "covariates must be a list"),
        (lambda d: d, {"covariates": ["spend"]}, "must not be a metric itself"),
        (lambda d: d, {"alpha": 0}, "alpha must be between 0 and 1"),
        (lambda d: d, {"correction": "hom"}, "did you mean 'holm'"),
        (lambda d: d, {"shares": {"control": 1}}, "shares must name every arm"),
        (lambda d: d, {"shares": {"control": 0}}, "share of 'control' must be greater than 0"),
        (lambda d: d, {"shares": {}, "probability": "probability"}, "not both"),
        (lambda d: d.assign(p=1.2), {"probability": "p"}, r"'p' must be in \(0, 1\]"),
        (lambda d: d.assign(z=0), {"metrics": [Ratio("spend", "z")]}, "must not sum to 0"),
    ],
)
def test_bad_input_is_refused(change, options, words, trial) -> None:
    with pytest.raises(InvalidInput, match=words):
        analyze_experiment(change(trial), **{"metrics": ["spend"], **options})
