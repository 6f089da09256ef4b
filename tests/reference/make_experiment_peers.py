"""Experiments as the peers analyse them, on one drawn data set, as JSON.

    PYTHON tests/reference/make_experiment_peers.py tests/reference/experiment_peers.json

PYTHON is any Python that has tea-tasting, statsmodels and gbstats (GrowthBook's statistics);
marketing_ds is not needed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("tea-tasting", "statsmodels", "gbstats", "scipy", "numpy")
ALTERNATIVES = ("two-sided", "greater", "less")
COUNTS = ((12, 1_000, 150, 9_000), (30, 9_000, 6, 1_000), (8, 2_000, 17, 2_000))
"""Events and customers of control and of the arm."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    data = draw(np.random.default_rng(asked.seed))
    made = f"python tests/reference/make_experiment_peers.py --seed {asked.seed}"
    document = {
        "source": f"the packages' own code, called by: {made}",
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "data": {name: data[name].tolist() for name in data.columns},
        "tea_tasting": by_tea_tasting(data),
        "ancova": by_ols(data),
        "score": [by_score(*counts) for counts in COUNTS],
        "corrections": by_multipletests(),
        "gbstats": by_gbstats(data),
    }
    lines = [
        f" {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in document.items()
    ]
    asked.out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def draw(rng: np.random.Generator) -> pd.DataFrame:
    """400 customers; `pre` has the same values in both arms, `age` has not."""
    n = 200
    mail = np.repeat([0, 1], n)
    pre = np.tile(np.round(rng.gamma(2, 10, n), 2), 2)
    age = np.round(rng.normal(45, 12, 2 * n))
    return pd.DataFrame(
        {
            "arm": np.where(mail, "mail", "control"),
            "pre": pre,
            "age": age,
            "spend": np.round(0.8 * pre + 0.2 * age + 3 * mail + rng.gamma(1, 9, 2 * n), 2),
            "visits": (1 + rng.poisson(1 + pre / 20)).astype(float),
            "bought": (rng.random(2 * n) < 0.35 + 0.1 * mail).astype(float),
        }
    )


def by_tea_tasting(data: pd.DataFrame) -> list[dict[str, Any]]:
    """Means, proportions, ratios, CUPED where both estimate the same slope (`pre` is balanced)."""
    import tea_tasting as tt

    found = []
    for alternative in ALTERNATIVES:
        metrics = {
            "spend": tt.Mean("spend", alternative=alternative),
            "bought": tt.Mean("bought", alternative=alternative),
            "spend / visits": tt.RatioOfMeans("spend", "visits", alternative=alternative),
            "spend, CUPED": tt.Mean("spend", "pre", alternative=alternative),
        }
        result = tt.Experiment(metrics, variant="arm").analyze(data, control="control")
        for name in metrics:
            values = {key: float(value) for key, value in result[name]._asdict().items()}
            found.append({"metric": name, "alternative": alternative, **values})
    return found


def by_ols(data: pd.DataFrame) -> dict[str, float]:
    """The effect of the common-slope analysis of covariance with two covariates."""
    import statsmodels.formula.api as smf

    fit = smf.ols("spend ~ C(arm, Treatment('control')) + pre + age", data).fit()
    return {"effect": float(fit.params["C(arm, Treatment('control'))[T.mail]"])}


def by_score(x: int, n: int, y: int, m: int) -> dict[str, Any]:
    """Score tests of no difference and of supposed ratios (Miettinen–Nurminen): their z.

    Of supposed differences statsmodels does not take the most likely proportions, and its search
    for the ends of the interval fails for some of these counts.
    """
    from statsmodels.stats.proportion import test_proportions_2indep as test

    none = test(y, m, x, n, 0.0, "score", "diff", correction=True)
    ratios = [
        [value, float(test(y, m, x, n, value, "score", "ratio", correction=True).statistic)]
        for value in (0.5, 0.8, 1.0, 2.0)
    ]
    return {
        "counts": [x, n, y, m],
        "z": float(none.statistic),
        "p_value": float(none.pvalue),
        "ratio": ratios,
    }


def by_multipletests() -> dict[str, Any]:
    """Adjusted p-values."""
    from statsmodels.stats.multitest import multipletests

    p = [0.001, 0.012, 0.012, 0.03, 0.2, 0.7]
    adjusted = {ours: multipletests(p, method=theirs)[1].tolist() for ours, theirs in METHODS}
    return {"p": p, **adjusted}


METHODS = (("holm", "holm"), ("bh", "fdr_bh"))


def by_gbstats(data: pd.DataFrame) -> dict[str, Any]:
    """Posteriors under a normal prior, and always-valid boundaries, by GrowthBook."""
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
    from gbstats.models.statistics import SampleMeanStatistic

    arms = [data.loc[data["arm"] == name, "spend"] for name in ("control", "mail")]
    stats = [SampleMeanStatistic(len(y), float(y.sum()), float((y * y).sum())) for y in arms]
    posteriors, boundaries = [], []
    for mean, sd, relative, proper in (
        (0.0, 2.0, False, True),
        (0.05, 0.1, True, True),
        (0.0, 1.0, False, False),
    ):
        config = EffectBayesianConfig(
            difference_type="absolute",
            prior_type="relative" if relative else "absolute",
            prior_effect=GaussianPrior(mean, sd**2, proper),
        )
        result = EffectBayesianABTest(*stats, config).compute_result()
        posteriors.append(
            {
                "prior": {"mean": mean, "sd": sd if proper else None, "relative": relative},
                "effect": float(result.expected),
                "sd": float(result.uplift.stddev),
                "p_better": float(result.chance_to_win),
                "expected_loss": float(result.risk[1]),
            }
        )
    for tuning, alpha in ((400, 0.05), (5_000, 0.05), (100, 0.01)):
        config = SequentialConfig(
            alpha=alpha, difference_type="absolute", sequential_tuning_parameter=tuning
        )
        test = SequentialTwoSidedTTest(*stats, config)
        low, high = test.confidence_interval
        error = float(np.sqrt(test.variance))
        boundaries.append(
            {
                "alpha": alpha,
                "ratio": float(len(data) * test.rho**2),
                "standard_errors": float(high - low) / 2 / error,
                "z": float(test.point_estimate) / error,
                "p_value": float(test.p_value),
            }
        )
    return {"posteriors": posteriors, "boundaries": boundaries}


if __name__ == "__main__":
    main(sys.argv[1:])
