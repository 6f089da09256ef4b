"""Campaigns that were not randomised: ``python -m tests.benchmarks.observed_quality``.

Coverage of every method's interval over draws whose truth is known; Hillstrom's experiment spoilt
again and again by leaving customers out by what is known of them (the experiment tells the truth,
after LaLonde 1986); the simulated bank's confounded campaign.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from marketing_ds import open_mart
from marketing_ds.datasets import load_hillstrom, load_truth, simulate
from marketing_ds.evaluation.observed import (
    analyze_observational,
    difference_in_differences,
    synthetic_control,
)
from marketing_ds.outcomes import campaign, campaign_outcomes
from marketing_ds.tags import tag_table

QUICK = {"learners": ["linear"], "benchmarks": ()}
CUSTOMERS: Mapping[str, Mapping[str, object]] = {
    "weighting, entropy": {"method": "weighting", **QUICK},
    "weighting, propensity": {"method": "weighting", "weights": "propensity", **QUICK},
    "matching, propensity, 1": {"method": "matching", **QUICK},
    "matching, propensity, 4": {"method": "matching", "n_matches": 4, **QUICK},
    "matching, covariates": {"method": "matching", "match_on": "covariates", **QUICK},
    "doubly robust, lines": QUICK,
    "doubly robust": {"benchmarks": ()},
}
KNOWN = ("wealth", "active", "age", "city")
TAGS = (
    "age", "gender", "region", "risk_level", "tenure_days", "aum", "aum_change_90d", "deposit_cny",
    "wealth_cny", "fund_cny", "products_held", "transactions_90d", "inflow_90d_cny",
    "purchases_365d", "events_90d", "active_days_90d", "app_launches_30d", "insurance_pages_90d",
    "lifecycle", "value_tier", "salary_found",
)  # fmt: skip
Row = tuple[bool, float, float, float]


def main(arguments: list[str] | None = None) -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--only", choices=("customers", "panels", "few", "hillstrom", "bank"))
    parser.add_argument("--methods", help="part of a method's name")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args(arguments)
    tables: Mapping[str, Callable[[argparse.Namespace], None]] = {
        "customers": customers,
        "panels": panels,
        "few": few,
        "hillstrom": hillstrom,
        "bank": bank,
    }
    for name, table in tables.items():
        if asked.only in (None, name):
            table(asked)


def customers(asked: argparse.Namespace) -> None:
    """Coverage over drawn campaigns: nonlinear confounding, nulls, a proportion and an amount."""
    truths = true_effects()
    for name, options in CUSTOMERS.items():
        if asked.methods and asked.methods not in name:
            continue
        for estimand, truth in truths.items():
            rows: dict[str, list[Row]] = {"converted": [], "amount": []}
            begun = time.process_time()
            for draw in range(asked.draws):
                frame, _, _ = drawn(np.random.default_rng([asked.seed, draw]), asked.customers)
                found = analyze_observational(
                    frame, list(rows), covariates=KNOWN, estimand=estimand, **options
                ).to_frame()
                for row in found.to_dict("records"):
                    rows[row["metric"]].append(_row(row, truth[row["metric"]]))
            took = (time.process_time() - begun) / asked.draws
            for metric, each in rows.items():
                _say(f"{name}, {estimand}, {metric}", each, f"{took:.2f} s a draw")


def drawn(
    rng: np.random.Generator, n: int
) -> tuple[pd.DataFrame, np.ndarray, dict[str, np.ndarray]]:
    """One campaign, each customer's chance of the arm, and each customer's true effects."""
    wealth, active, age = rng.normal(size=n), rng.exponential(size=n), rng.uniform(20, 70, n)
    city = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    pull = np.array([0.0, 0.5, -0.5, 1.0])[city]
    unknown = rng.random(n) < 0.1
    line = -0.3 + 0.8 * np.tanh(wealth) + 0.4 * np.minimum(active, 2) - 0.5 * pull
    chance = 1 / (1 + np.exp(-(line + 0.3 * (age > 45) + 0.4 * unknown)))
    called = rng.random(n) < chance
    base = -2.0 + 0.7 * wealth + 0.5 * np.minimum(active, 2) + 0.3 * pull
    rate = [1 / (1 + np.exp(-(base + lift))) for lift in (0.0, 0.5 + 0.2 * (wealth > 0))]
    mean = 100 * np.exp(0.5 * wealth + 0.2 * np.clip(active, 0, 3))
    means = [np.maximum(mean + lift, 1) for lift in (0.0, 10 + 8 * wealth + 5 * unknown)]
    frame = pd.DataFrame(
        {
            "arm": np.where(called, "call", "control"),
            "wealth": wealth,
            "active": active,
            "age": np.where(unknown, np.nan, age),
            "city": np.array(["a", "b", "c", "d"])[city],
            "converted": (rng.random(n) < np.where(called, rate[1], rate[0])).astype(float),
            "amount": rng.gamma(2, np.where(called, means[1], means[0]) / 2),
        }
    )
    return frame, chance, {"converted": rate[1] - rate[0], "amount": means[1] - means[0]}


def true_effects() -> dict[str, dict[str, float]]:
    """Effects on all and on the treated, from two million customers."""
    _, chance, effects = drawn(np.random.default_rng(99), 2_000_000)
    return {
        "ate": {name: float(each.mean()) for name, each in effects.items()},
        "att": {name: float(each @ chance / chance.sum()) for name, each in effects.items()},
    }


def panels(asked: argparse.Namespace) -> None:
    """Coverage of difference in differences (errors that go on) and of synthetic controls."""
    rows: dict[str, list[Row]] = {}
    for draw in range(asked.draws):
        rng = np.random.default_rng([asked.seed, draw])
        for name, row in (*_differences(rng), *_synthetics(rng)):
            rows.setdefault(name, []).append(row)
    for name, each in rows.items():
        _say(name, each, "")


def few(asked: argparse.Namespace) -> None:
    """Coverage of difference in differences where few branches are there."""
    rows: dict[str, list[Row]] = {}
    for draw in range(asked.draws):
        for name, row in _few(np.random.default_rng([asked.seed, draw])):
            rows.setdefault(name, []).append(row)
    for name, each in rows.items():
        _say(name, each, "")


def _differences(rng: np.random.Generator) -> Iterator[tuple[str, Row]]:
    for units, treated, periods, start in ((12, 3, 2, 1), (12, 3, 12, 8), (40, 15, 12, 6)):
        values = _going_on(rng, units, periods)
        values[:treated, start:] += 1.5
        found = difference_in_differences(
            _panel(values), treated_from=dict.fromkeys(range(treated), start)
        )
        yield (
            f"difference in differences, {treated} of {units} units, {periods} periods",
            _row(_first(found), 1.5),
        )
    values = _going_on(rng, 60, 12)
    starts = {unit: 4 if unit < 10 else 7 for unit in range(20)}
    size = np.exp(rng.normal(0, 0.7, 60))
    gains, weights = [], []
    for unit, start in starts.items():
        gain = 1 + 0.2 * np.arange(12 - start)
        values[unit, start:] += gain
        gains += list(gain)
        weights += [size[unit]] * len(gain)
    panel = _panel(values).assign(customers=np.repeat(size, 12))
    for controls in ("never", "not_yet"):
        found = difference_in_differences(panel, treated_from=starts, controls=controls)
        yield (
            f"difference in differences, staggered, {controls}",
            _row(_first(found), float(np.mean(gains))),
        )
    found = difference_in_differences(panel, treated_from=starts, size="customers")
    truth = float(np.average(gains, weights=weights))
    yield "difference in differences, staggered, by size", _row(_first(found), truth)


def _few(rng: np.random.Generator) -> Iterator[tuple[str, Row]]:
    """Few branches, alone or as clusters of five units whose errors go together."""
    for branches, treated, each in (
        *((6, 3, 1), (8, 3, 1), (10, 4, 1), (10, 2, 1)),
        *((6, 3, 5), (8, 3, 5), (10, 4, 5), (10, 2, 5)),
    ):
        branch = np.repeat(np.arange(branches), each)
        values = rng.normal(size=(branches, 4))[branch] + rng.normal(0, 3, (len(branch), 1))
        values += rng.normal(0, 0.7, values.shape) * (each > 1)
        rich = rng.normal(size=branches)[branch] + rng.normal(0, 0.3, len(branch))
        begun = np.flatnonzero(branch < treated)
        values[begun, 2:] += 1
        panel = _panel(values).assign(branch=np.repeat(branch, 4), rich=np.repeat(rich, 4))
        grown = panel.assign(value=panel["value"] + panel["rich"] * panel["period"])
        start = dict.fromkeys(begun, 2)
        cluster = "branch" if each > 1 else None
        for intervals in ("student", "wild_bootstrap"):
            options = {"treated_from": start, "cluster": cluster, "intervals": intervals}
            name = f"{treated} of {branches} branches, {len(branch)} units, {intervals}"
            yield name, _row(_first(difference_in_differences(panel, **options)), 1.0)
            found = difference_in_differences(grown, covariates=["rich"], **options)
            yield f"{name}, a covariate", _row(_first(found), 1.0)


def _synthetics(rng: np.random.Generator) -> Iterator[tuple[str, Row]]:
    waves = rng.normal(size=(2, 24)).cumsum(axis=1)
    values = rng.uniform(0, 1, (40, 2)) @ waves + rng.normal(0, 1, (40, 24))
    values[0, 16:] += 2
    for method in ("did", "classic"):
        found = synthetic_control(_panel(values), treated=0, start=16, method=method)
        yield f"synthetic control, {method}", _row(_first(found), 2.0)
    values[1:3, 16:] += 2
    found = synthetic_control(_panel(values), treated=[0, 1, 2], start=16, placebos=50)
    yield "synthetic control, did, 3 units", _row(_first(found), 2.0)


def _going_on(rng: np.random.Generator, units: int, periods: int) -> np.ndarray:
    noise = rng.normal(size=(units, periods))
    for period in range(1, periods):
        noise[:, period] = 0.6 * noise[:, period - 1] + 0.8 * noise[:, period]
    return rng.normal(0, 5, (units, 1)) + rng.normal(0, 2, (1, periods)) + noise


def hillstrom(asked: argparse.Namespace) -> None:
    """How often the spoilt experiment's interval holds the whole experiment's own answer.

    The draws share their customers, so that the shares say less than as many experiments would.
    """
    frame = load_hillstrom().frame
    frame = frame[frame["segment"].isin(["Mens E-Mail", "No E-Mail"])].reset_index(drop=True)
    mailed = (frame["segment"] == "Mens E-Mail").to_numpy()
    truth = float(frame["visit"][mailed].mean() - frame["visit"][~mailed].mean())
    eager = 0.4 * (5.8 - frame["recency"]) + frame["history"] / 400 - 1.5 * (frame["newbie"] - 0.5)
    chance = (1 / (1 + np.exp(-(eager - 0.6)))).clip(0.05, 0.95).to_numpy()
    known = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    print(f"\nHillstrom, men's mail, visits: the experiment says {truth:.4f}\n")
    draws = min(asked.draws, 50)
    for name, options in CUSTOMERS.items():
        if (asked.methods and asked.methods not in name) or name.endswith("covariates"):
            continue
        rows, naive = [], 0
        for draw in range(draws):
            rng = np.random.default_rng([asked.seed, draw])
            kept = rng.random(len(frame)) < np.where(mailed, chance, 1 - chance)
            spoilt = frame[kept].assign(arm=np.where(mailed, "mail", "control")[kept])
            row = _first(analyze_observational(spoilt, ["visit"], covariates=known, **options))
            rows.append(_row(row, truth))
            naive += row["naive_effect_ci_lower"] < truth < row["naive_effect_ci_upper"]
        _say(f"hillstrom, {name}", rows, f"plain difference covers {naive} of {draws}")


def bank(asked: argparse.Namespace) -> None:
    """The confounded campaign of a bank with 100,000 customers."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(f"{folder}/bank", customers=100_000, months=12, progress=False)
        with open_mart(f"{folder}/bank") as mart:
            which = campaign(mart, "K03")
            tags = tag_table(mart, which.features_as_of, list(TAGS))
            rows = campaign_outcomes(mart, "K03").join(tags, "customer_id").to_pyarrow().to_pandas()
        truth = load_truth(f"{folder}/bank").outcomes
    truth = truth[truth["campaign_id"] == "K03"].pivot(
        index="customer_id", columns="arm", values="expected_converted"
    )
    truth = truth.reindex(rows["customer_id"])
    gain = (truth["manager_call"] - truth["control"]).to_numpy()
    called = (rows["arm"] == "manager_call").to_numpy()
    print(
        f"\nsimulated bank, K03, {len(rows):,} customers: ate {gain.mean():.4f}, att {gain[called].mean():.4f}\n"
    )
    for name, options in CUSTOMERS.items():
        if asked.methods and asked.methods not in name:
            continue
        for estimand in ("ate", "att"):
            row = _first(
                analyze_observational(
                    rows, ["converted"], covariates=TAGS, estimand=estimand, **options
                )
            )
            interval = f"{row['effect_ci_lower']:.4f} to {row['effect_ci_upper']:.4f}"
            print(
                f"{name}, {estimand}: {row['effect']:.4f} ({interval}); plain {row['naive_effect']:.4f}"
            )


def _panel(values: np.ndarray) -> pd.DataFrame:
    units, periods = values.shape
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(np.arange(periods), units),
            "value": values.ravel(),
        }
    )


def _first(result: object) -> dict[str, float]:
    return dict(result.to_frame().iloc[0])  # type: ignore[attr-defined]


def _row(row: Mapping[str, float], truth: float) -> Row:
    inside = row["effect_ci_lower"] < truth < row["effect_ci_upper"]
    return bool(inside), row["effect"] - truth, row["standard_error"], truth


def _say(name: str, rows: list[Row], note: str) -> None:
    """Coverage with its standard error, bias and standard error against the spread of estimates."""
    inside, off, error, _ = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    share, spread = inside.mean(), off.std() or np.nan
    about = (share * (1 - share) / len(rows)) ** 0.5
    print(
        f"{name:<52} {share:6.1%} ± {about:.1%}  bias {off.mean() / spread:+.2f} sd  "
        f"se/sd {error.mean() / spread:.2f}  {note}",
        flush=True,
    )


if __name__ == "__main__":
    main()
