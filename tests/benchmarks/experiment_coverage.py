"""Coverage of every interval, A/A and family-wise false alarms: ``python -m tests.benchmarks.experiment_coverage``.

The first table goes through `analyze_experiment`, feature by feature; the second through the same
inference on sums that numpy makes, where many more trials are cheap: scales, sides, few events.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from marketing_ds.evaluation import Mean, Ratio, analyze_experiment
from marketing_ds.evaluation.engine import Estimate, FloatArray
from marketing_ds.evaluation.inference import Inference, compare
from marketing_ds.evaluation.metrics import FunnelStep, Metric, Proportion, Quantile

EFFECT = 2.0
SHARE = 0.3
HITS = Counter[str]


def main(arguments: list[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600, help="through the engine")
    parser.add_argument("--quick", type=int, default=20_000, help="from sums")
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    rng = np.random.default_rng(asked.seed)
    hits, made = HITS(), HITS()
    known = truths(rng)
    for _ in range(asked.trials):
        for name, hit in (
            *plain(rng, asked.customers, known),
            *designs(rng, asked.customers),
            *nothing(rng, asked.customers),
        ):
            hits[name] += hit
            made[name] += 1
    show(f"{asked.trials:,} trials of {asked.customers:,} customers", hits, made)
    hits, made = HITS(), HITS()
    found = (
        *scales(rng, asked.quick),
        *few(rng, asked.quick),
        *small_arms(rng, asked.quick // 10),
    )
    for name, hit in found:
        hits[name] += int(hit.sum())
        made[name] += len(hit)
    show(f"{asked.quick:,} trials from sums", hits, made)


def show(title: str, hits: HITS, made: HITS) -> None:
    """One line an interval: how often it held, with its standard error."""
    rows = []
    for name, count in hits.items():
        share = count / made[name]
        error = (share * (1 - share) / made[name]) ** 0.5
        rows.append((name, f"{share:.1%}", f"± {error:.1%}"))
    print(f"\n{title}\n")
    print(pd.DataFrame(rows, columns=["interval", "holds", ""]).to_markdown(index=False))


def covers(row: Mapping[str, float], truth: float, name: str = "effect") -> bool:
    """Whether the interval holds the truth."""
    return row[f"{name}_ci_lower"] <= truth <= row[f"{name}_ci_upper"]


def people(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Skewed amounts with many zeros, covariates, visits, a funnel; 30 % get the mail."""
    mail = rng.random(n) < SHARE
    pre, age = rng.gamma(1, 20, n), rng.normal(45, 12, n)
    quiet = (rng.random(n) < 0.4) * (pre + rng.gamma(1, 20, n)) + 0.3 * np.maximum(age, 0)
    clicked = rng.random(n) < 0.3 + 0.05 * mail
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "pre": pre,
            "age": age,
            "quiet": quiet,
            "spend": quiet + EFFECT * mail,
            "visits": 1 + rng.poisson(pre / 20, n),
            "clicked": clicked,
            "bought": rng.random(n) < np.where(clicked, 0.2 + 0.03 * mail, 0.01),
            "rare": rng.random(n) < 0.005 * np.minimum(pre / 20, 5) * (1 + 0.5 * mail),
        }
    )


METRICS: dict[str, Metric] = {
    "mean": Mean("spend", "mean", covariates=()),
    "mean, CUPED (2 covariates)": Mean("spend", "mean, CUPED (2 covariates)"),
    "mean capped at P99": Mean("spend", "mean capped at P99", covariates=(), cap=0.99),
    "ratio": Ratio("spend", "visits", "ratio", covariates=()),
    "ratio, CUPED": Ratio("spend", "visits", "ratio, CUPED"),
    "proportion": Proportion("bought", "proportion", covariates=()),
    "proportion, CUPED": Proportion("bought", "proportion, CUPED"),
    "funnel step": FunnelStep("bought", "clicked", "funnel step", covariates=()),
    "few events": Proportion("rare", "few events", covariates=()),
    "few events, CUPED": Proportion("rare", "few events, CUPED"),
    "median": Quantile("spend", 0.5, "median"),
    "P90": Quantile("spend", 0.9, "P90"),
}


def truths(rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Effect and relative effect of each metric, from a population of two millions."""
    big = people(rng, 2_000_000)
    spend = big["quiet"].to_numpy(), big["quiet"].to_numpy() + EFFECT
    cut = np.quantile(big["spend"], 0.99)
    visits = float(big["visits"].mean())
    bought = [0.3 * 0.2 + 0.7 * 0.01, 0.35 * 0.23 + 0.65 * 0.01]
    levels = {
        "mean": [y.mean() for y in spend],
        "mean capped at P99": [np.minimum(y, cut).mean() for y in spend],
        "ratio": [y.mean() / visits for y in spend],
        "proportion": bought,
        "funnel step": [0.2, 0.23],
        # The mean of an exponential cut at 5 times its own.
        "few events": [0.005 * (1 - np.exp(-5)) * more for more in (1.0, 1.5)],
        "median": [np.quantile(y, 0.5) for y in spend],
        "P90": [np.quantile(y, 0.9) for y in spend],
    }
    return {name: (high - low, high / low - 1) for name, (low, high) in levels.items()}


def plain(
    rng: np.random.Generator, n: int, known: Mapping[str, tuple[float, float]]
) -> Iterator[tuple[str, bool]]:
    """Every kind of metric, absolute and relative."""
    frame = analyze_experiment(
        people(rng, n), list(METRICS.values()), covariates=["pre", "age"], shares=designed()
    ).to_frame()
    for row in frame.to_dict("records"):
        effect, rel = known[row["metric"].split(", ")[0]]
        yield row["metric"], covers(row, effect)
        yield f"{row['metric']}: relative", covers(row, rel, "rel_effect")


def designed() -> dict[str, float]:
    """The arms' shares."""
    return {"control": 1 - SHARE, "mail": SHARE}


def designs(rng: np.random.Generator, n: int) -> Iterator[tuple[str, bool]]:
    """Clusters, strata and chances that differ by customer."""
    for name, clusters, whole in (
        ("clusters, 40 branches drawn whole", 40, True),
        ("clusters, 40 branches in both arms", 40, False),
    ):
        data = branches(rng, n, clusters, whole=whole)
        found = analyze_experiment(data, ["spend"], cluster="branch").to_frame()
        yield name, covers(found.to_dict("records")[0], EFFECT)
    data = chances(rng, n)
    found = analyze_experiment(data, ["spend"], probability="p").to_frame()
    yield "weighted by 1/P(arm)", covers(found.to_dict("records")[0], EFFECT)
    data = people(rng, n)
    data["tier"] = pd.cut(data["pre"], [-1, 5, 15, 30, 1e9], labels=False).astype(str)
    found = analyze_experiment(data, ["spend"], strata=["tier"], shares=designed()).to_frame()
    yield "post-stratified", covers(found.to_dict("records")[0], EFFECT)
    found = analyze_experiment(
        data, ["spend"], strata=["tier"], covariates=["pre"], shares=designed()
    ).to_frame()
    yield "post-stratified, CUPED", covers(found.to_dict("records")[0], EFFECT)


def branches(rng: np.random.Generator, n: int, clusters: int, *, whole: bool) -> pd.DataFrame:
    """Customers of branches that differ, also in how large the effect is."""
    size = rng.integers(n // clusters // 2, 3 * n // clusters // 2, clusters)
    branch = np.repeat(np.arange(clusters), size)
    drawn = rng.permutation(np.arange(clusters) % 2 == 0)
    mail = drawn[branch] if whole else rng.random(len(branch)) < 0.5
    level, lift = rng.normal(0, 4, clusters), rng.normal(EFFECT, 0 if whole else 1, clusters)
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "branch": [f"b{b}" for b in branch],
            "spend": 20 + level[branch] + lift[branch] * mail + rng.normal(0, 10, len(branch)),
        }
    )


def chances(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """The rich are mailed more often, and spend more anyway."""
    rich = rng.random(n) < 0.4
    chance = np.where(rich, 0.7, 0.2)
    mail = rng.random(n) < chance
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "p": np.where(mail, chance, 1 - chance),
            "spend": 10.0 * rich + EFFECT * mail + rng.gamma(1, 5, n),
        }
    )


def nothing(rng: np.random.Generator, n: int) -> Iterator[tuple[str, bool]]:
    """A/A: single false alarms, and any among 3 arms x 4 metrics under Holm."""
    data = people(rng, n)
    data["arm"] = rng.choice(["control", "a", "b", "c"], len(data))
    data["bought"], data["clicked"] = rng.random(len(data)) < 0.05, rng.random(len(data)) < 0.3
    metrics: list[str | Metric] = ["quiet", "bought", "visits", FunnelStep("bought", "clicked")]
    frame = analyze_experiment(data, metrics, covariates=["pre"]).to_frame()
    for p in frame["p_value"]:
        yield "A/A: no false alarm of one comparison", bool(p >= 0.05)
    yield "A/A: no false alarm of 12 under Holm", bool((frame["p_adjusted"] >= 0.05).all())


def scales(rng: np.random.Generator, trials: int) -> Iterator[tuple[str, FloatArray]]:
    """Fieller, delta and log; one-sided; on a skewed amount of 1,000 and 500 customers."""
    sizes = {"control": 1_000, "arm": 500}
    drawn = {a: rng.gamma(0.5, 20, (trials, n)) for a, n in sizes.items()}
    drawn["arm"] *= 1.1
    pairs = list(zip(*(estimates(drawn[a]) for a in sizes), strict=True))
    for name, settings in {
        "two-sided": Inference(),
        "greater": Inference(alternative="greater"),
        "less": Inference(alternative="less"),
        "delta": Inference(relative="delta"),
        "log": Inference(relative="log"),
    }.items():
        found = [compare(*pair, settings) for pair in pairs]
        if name not in ("delta", "log"):
            yield f"mean, {name}", np.array([d.lower <= 1 <= d.upper for d in found])
        how = f"{name} (Fieller)" if name not in ("delta", "log") else name
        yield (
            f"mean, relative, {how}",
            np.array([d.rel_lower <= 0.1 <= d.rel_upper for d in found]),
        )


def few(rng: np.random.Generator, trials: int) -> Iterator[tuple[str, FloatArray]]:
    """Conversions: so few that Welch's interval is short."""
    for n, m, expected, ratio in (
        (2_000, 2_000, 5, 1.5),
        (1_000, 9_000, 5, 1.5),
        (9_000, 1_000, 10, 1.5),
        (1_000, 9_000, 2, 1.0),
        (9_000, 1_000, 60, 1.2),
        (1_000, 9_000, 45, 1.2),
    ):
        p = expected / n
        x, y = rng.binomial(n, p, trials), rng.binomial(m, p * ratio, trials)
        for name, settings in {
            "two-sided": Inference(),
            "greater": Inference(alternative="greater"),
        }.items():
            found = [
                compare(proportion(a, n), proportion(b, m), settings)
                for a, b in zip(x, y, strict=True)
            ]
            about = f"{expected} of {n:,} against {p * ratio * m:g} of {m:,}, {name}"
            truth = p * (ratio - 1)
            yield about, np.array([d.lower <= truth <= d.upper for d in found])
            inside = [d.rel_lower <= ratio - 1 <= d.rel_upper for d in found]
            yield f"{about}: relative", np.array(inside)


def small_arms(rng: np.random.Generator, trials: int) -> Iterator[tuple[str, FloatArray]]:
    """Amounts of few buyers in arms of unequal size: two-sided, relative, and each side's misses."""
    for n, m in ((2_000, 18_000), (500, 4_500), (18_000, 2_000), (10_000, 10_000)):
        for buyers, more, sigma, times in (
            (0.03, 4 / 3, 1.5, 1.0),
            (0.03, 1.0, 1.5, 1.5),
            (0.1, 1.2, 1.0, 1.0),
            (0.003, 2.0, 0.1, 1.0),
        ):
            level = buyers * np.exp(sigma**2 / 2)
            rise, found = more * times - 1, []
            for _ in range(trials):
                pair = (
                    spend(rng, n, buyers, sigma, 1.0),
                    spend(rng, m, buyers * more, sigma, times),
                )
                found.append(compare(*pair))
            name = (
                f"{n:,} against {m:,}, {100 * buyers:g} % × {more:.3g} buy, σ = {sigma} × {times}"
            )
            yield name, np.array([d.lower <= level * rise <= d.upper for d in found])
            yield f"{name}: relative", np.array([d.rel_lower <= rise <= d.rel_upper for d in found])
            yield f"{name}: not above it", np.array([d.lower <= level * rise for d in found])


def spend(rng: np.random.Generator, n: int, buyers: float, sigma: float, times: float) -> Estimate:
    """Log-normal amounts of a share of customers; all others spend nothing."""
    x = times * rng.lognormal(0, sigma, rng.binomial(n, buyers))
    mean = float(x.sum()) / n
    empty = n - len(x)
    variance = (float(((x - mean) ** 2).sum()) + empty * mean**2) / (n - 1) / n
    third = (float(((x - mean) ** 3).sum()) - empty * mean**3) / n**3
    return Estimate(n, mean, variance, mean, variance, n - 1, third=third, upward=True)


def estimates(drawn: FloatArray) -> Iterator[Estimate]:
    """Each row's mean."""
    n = drawn.shape[1]
    for mean, variance in zip(drawn.mean(axis=1), drawn.var(axis=1, ddof=1) / n, strict=True):
        yield Estimate(n, mean, variance, mean, variance, n - 1)


def proportion(events: int, n: int) -> Estimate:
    """A share of customers."""
    share = float(events) / n
    variance = share * (1 - share) / (n - 1)
    return Estimate(n, share, variance, share, variance, n - 1)


if __name__ == "__main__":
    main()
