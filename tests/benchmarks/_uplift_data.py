"""Experiments for the judge: a public one, a simulated bank, and generated ones whose truth is known."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Experiment:
    """One data set: `truth` (n, arms) where the effects are known, columns sorted by arm.

    `probability` is (n, 1 + arms), control first; None: constant, the arms' shares. `observed`
    says that learners are told nothing of it and must estimate it.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    arm: np.ndarray
    control: str
    truth: np.ndarray | None = None
    probability: np.ndarray | None = None
    observed: bool = False

    @property
    def arms(self) -> list[str]:
        return sorted(set(self.arm) - {self.control})

    @property
    def codes(self) -> np.ndarray:
        """0 for control, k for the k-th arm."""
        order = {name: code for code, name in enumerate([self.control, *self.arms])}
        return pd.Series(self.arm).map(order).to_numpy(np.int64)

    def shares(self) -> np.ndarray:
        """P(each arm), (n, 1 + arms): as known, or the arms' shares."""
        if self.probability is not None:
            return self.probability
        size = np.bincount(self.codes, minlength=len(self.arms) + 1)
        return np.tile(size / len(self.y), (len(self.y), 1))


def sample(data: Experiment, rows: int | None) -> Experiment:
    """A random part of at most `rows`."""
    if rows is None or rows >= len(data.y):
        return data
    keep = np.sort(np.random.default_rng(0).permutation(len(data.y))[:rows])
    return Experiment(
        data.name,
        data.X.iloc[keep].reset_index(drop=True),
        data.y[keep],
        data.arm[keep],
        data.control,
        None if data.truth is None else data.truth[keep],
        None if data.probability is None else data.probability[keep],
        data.observed,
    )


HILLSTROM = {"womens": "Mens E-Mail", "mens": "Womens E-Mail", "both": None}


def hillstrom(mails: str, outcome: str) -> Experiment:
    """The e-mail test of 2008 under MARKETING_DS_DATA: women's, men's mail or both against none."""
    folder = os.environ.get("MARKETING_DS_DATA")
    if not folder:
        raise SystemExit("set MARKETING_DS_DATA to the folder that holds hillstrom/")
    frame = pd.read_csv(Path(folder) / "hillstrom" / "hillstrom.csv.gz")
    frame = frame[frame["segment"] != HILLSTROM[mails]].reset_index(drop=True)
    tags = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    return Experiment(
        f"hillstrom {mails} {outcome}",
        frame[tags],
        frame[outcome].to_numpy(float),
        frame["segment"].to_numpy(object),
        "No E-Mail",
    )


def from_file(
    path: Path, outcome: str, arm: str, control: str, drop: list[str], keep: list[str] | None
) -> Experiment:
    """An experiment of your own: a Parquet or CSV file, the columns named."""
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    frame = frame.dropna(subset=[outcome, arm]).reset_index(drop=True)
    X = frame[keep] if keep else frame.drop(columns=[outcome, arm, *drop])
    return Experiment(
        f"{path.stem} {outcome}",
        X,
        frame[outcome].to_numpy(float),
        frame[arm].astype(str).to_numpy(object),
        control,
    )


def bank(mart: Path, campaigns: list[str], outcome: str) -> Iterator[Experiment]:
    """Campaigns of a simulated bank (`marketing_ds.datasets.simulate`), effects from its `_truth`."""
    import marketing_ds as mds

    opened = mds.open_mart(mart)
    truth = mds.datasets.load_truth(mart).outcomes
    expected = "expected_converted" if outcome == "converted" else "expected_amount_cny"
    for campaign_id in campaigns:
        campaign = mds.outcomes.campaign(opened, campaign_id)
        tags = mds.tag_table(opened, campaign.features_as_of)
        joined = mds.campaign_outcomes(opened, campaign_id).join(tags, "customer_id")
        frame = joined.order_by("customer_id").to_pandas()
        known = truth[truth["campaign_id"] == campaign_id]
        known = known.pivot(index="customer_id", columns="arm", values=expected)
        known = known.loc[frame["customer_id"]]
        names = sorted(set(known.columns) - {"control"})
        effects = known[names].to_numpy() - known[["control"]].to_numpy()
        yield Experiment(
            f"bank {campaign_id} {outcome}",
            frame[[c for c in tags.columns if c not in ("customer_id", "as_of")]],
            frame[outcome].to_numpy(float),
            frame["arm"].to_numpy(object),
            "control",
            effects,
        )


def simulated_bank(customers: int) -> Path:
    """A bank of so many customers in a folder of its own; made once, then found."""
    from marketing_ds.datasets import simulate

    folder = Path(tempfile.gettempdir()) / f"uplift_bank_{customers}"
    if not (folder / "_truth").exists():
        simulate(folder, customers=customers, progress=False)
    return folder


def scenes() -> dict[str, Callable[[], Experiment]]:
    """Generated experiments by name."""
    return {
        "rare": rare,
        "four_arms": four_arms,
        "null": lambda: _null(0.0),
        "constant": lambda: _null(0.03),
        "noise": noise,
        "nonlinear": nonlinear,
        "spend": spend,
        "observational": observational,
    }


def _frame(rng: np.random.Generator, n: int, extra: int = 0) -> pd.DataFrame:
    """Tags as a bank has them: skewed, whole, categorical, with holes, some without meaning."""
    wealth = rng.lognormal(10, 1.2, n)
    tenure = rng.exponential(5, n)
    frame = {
        "wealth": wealth,
        "age": rng.integers(18, 80, n).astype(float),
        "tenure": np.where(rng.random(n) < 0.1, np.nan, tenure),
        "visits": rng.poisson(3, n).astype(float),
        "channel": rng.choice(["app", "web", "branch", "phone"], n, p=[0.45, 0.25, 0.2, 0.1]),
        "region": rng.choice([f"r{k}" for k in range(8)], n),
        "card": (rng.random(n) < 0.3).astype(float),
        "noise": rng.normal(size=n),
    }
    for k in range(extra):
        frame[f"noise_{k}"] = rng.normal(size=n)
    return pd.DataFrame(frame)


def _rank(values: pd.Series) -> np.ndarray:
    """Shares of customers at or below, 0 where missing."""
    return values.rank(pct=True).fillna(0.0).to_numpy()


def _draw(
    name: str, rng: np.random.Generator, X: pd.DataFrame, base: np.ndarray, effects: np.ndarray
) -> Experiment:
    """Binary outcomes; arms at equal chances."""
    n, arms = effects.shape
    code = rng.integers(0, arms + 1, n)
    mean = base + np.where(code > 0, effects[np.arange(n), np.maximum(code, 1) - 1], 0.0)
    y = (rng.random(n) < mean).astype(float)
    labels = np.array(["control", *[f"offer_{k + 1}" for k in range(arms)]], dtype=object)
    return Experiment(name, X, y, labels[code], "control", effects)


def rare() -> Experiment:
    """1 % respond; the effect is 0.1 % for most, 0.3 % for wealthy users of the app."""
    rng = np.random.default_rng(11)
    X = _frame(rng, 200_000)
    wealthy = _rank(X["wealth"])
    app = (X["channel"] == "app").to_numpy()
    base = 0.004 + 0.010 * _rank(X["visits"])
    return _draw("rare", rng, X, base, (0.001 + 0.003 * wealthy * app)[:, None])


def four_arms() -> Experiment:
    """Four offers, one for each taste, one that nobody wants."""
    rng = np.random.default_rng(12)
    X = _frame(rng, 60_000)
    wealthy, age = _rank(X["wealth"]), _rank(X["age"])
    young = np.clip(1 - 2 * age, 0, 1)
    base = 0.05 + 0.08 * _rank(X["visits"])
    effects = np.column_stack(
        [
            0.06 * wealthy,
            0.08 * young * (X["channel"] == "app").to_numpy(),
            0.03 * X["card"].to_numpy() + 0.01,
            np.full(len(X), -0.005),
        ]
    )
    return _draw("four_arms", rng, X, base, effects)


def _null(effect: float) -> Experiment:
    rng = np.random.default_rng(13)
    X = _frame(rng, 40_000)
    base = 0.03 + 0.15 * _rank(X["visits"]) * _rank(X["wealth"])
    name = "constant" if effect else "null"
    return _draw(name, rng, X, base, np.full((len(X), 1), effect))


def noise() -> Experiment:
    """Two tags decide, forty do not."""
    rng = np.random.default_rng(14)
    X = _frame(rng, 30_000, extra=40)
    base = 0.08 + 0.10 * _rank(X["wealth"])
    effect = 0.06 * (_rank(X["visits"]) - 0.3) + 0.04 * X["card"].to_numpy()
    return _draw("noise", rng, X, base, effect[:, None])


def nonlinear() -> Experiment:
    """Strong effects of both signs by interaction of three tags."""
    rng = np.random.default_rng(15)
    X = _frame(rng, 30_000)
    wealthy, age = _rank(X["wealth"]), _rank(X["age"])
    app = (X["channel"] == "app").to_numpy()
    effect = 0.25 * np.sin(2 * np.pi * age) * np.where(app, 1.0, -0.4) * (wealthy > 0.4)
    base = 0.30 + 0.15 * (_rank(X["tenure"]) - 0.5)
    return _draw("nonlinear", rng, X, base, effect[:, None])


def spend() -> Experiment:
    """Amounts: few spend, some of them very much; the offer makes some more spend at all."""
    rng = np.random.default_rng(16)
    X = _frame(rng, 60_000)
    wealthy, active = _rank(X["wealth"]), _rank(X["visits"])
    treated = rng.random(len(X)) < 0.5
    chance, lift = 0.04 + 0.05 * active, 0.04 * wealthy * (X["channel"] != "branch").to_numpy()
    mean = 60 + 60 * wealthy
    spends = rng.random(len(X)) < chance + lift * treated
    # exp(σ²/2) is the mean of a lognormal with median 1
    amount = mean * rng.lognormal(0, 1.2, len(X)) / np.exp(1.2**2 / 2)
    arm = np.where(treated, "offer_1", "control").astype(object)
    return Experiment("spend", X, spends * amount, arm, "control", (mean * lift)[:, None])


def observational() -> Experiment:
    """The campaign went to the active and wealthy, who buy more anyway."""
    rng = np.random.default_rng(17)
    X = _frame(rng, 40_000)
    wealthy, active = _rank(X["wealth"]), _rank(X["visits"])
    treated_share = 1 / (1 + np.exp(-(2.5 * wealthy + 1.5 * active - 2.0)))
    treated = rng.random(len(X)) < treated_share
    base = 0.05 + 0.15 * wealthy + 0.10 * active
    app = (X["channel"] == "app").to_numpy()
    effect = 0.10 * app * (1 - _rank(X["age"])) - 0.01
    y = (rng.random(len(X)) < base + effect * treated).astype(float)
    arm = np.where(treated, "offer_1", "control").astype(object)
    chance = np.column_stack([1 - treated_share, treated_share])
    return Experiment("observational", X, y, arm, "control", effect[:, None], chance, observed=True)
