"""How good are the default probabilities, beside the peers' defaults?

    python -m tests.benchmarks.propensity_quality [--repeats 5] [--mart MART]

UCI bank marketing (`bank-additional-full`, without `duration`): random 70/30 splits, and the order
of time (first 70 % / last 30 %). LightGBM and CatBoost take part where they are installed. With
`--mart`, the folder of a simulated bank with its `_truth`: purchases within 30 days after a month's
end, by tags of that day, trained on the month ends before; beside it the AUC that the true
propensities reach on the same customers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from marketing_ds.datasets import load_bank_marketing
from marketing_ds.propensity import PropensityModel, evaluate_probabilities

WORDS = make_column_selector(dtype_exclude="number")
NUMBERS = make_column_selector(dtype_include="number")
BY_TIME = "PropensityModel, cv='time'"


def models(seed: int) -> dict[str, Any]:
    ordinal = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), WORDS),
        remainder="passthrough",
    )
    one_hot = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", min_frequency=20), WORDS),
        (StandardScaler(), NUMBERS),
    )
    native = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    return {
        "PropensityModel": PropensityModel(random_state=seed, n_jobs=2),
        "XGBoost defaults": make_pipeline(ordinal, xgb.XGBClassifier(n_jobs=2, random_state=seed)),
        "HistGradientBoosting": native,
        "logistic regression": make_pipeline(one_hot, LogisticRegression(max_iter=2000)),
        "logistic regression, tuned": make_pipeline(
            one_hot, LogisticRegressionCV(Cs=8, scoring="neg_log_loss", max_iter=1000, cv=4)
        ),
        **_boosters(seed),
    }


def _boosters(seed: int) -> dict[str, Any]:
    """Peers that are no dependency of ours, if they are here."""
    found: dict[str, Any] = {}
    if importlib.util.find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        found["LightGBM"] = LGBMClassifier(n_jobs=2, random_state=seed, verbose=-1)
    if importlib.util.find_spec("catboost"):
        from catboost import CatBoostClassifier

        found["CatBoost"] = CatBoostClassifier(
            thread_count=2, random_seed=seed, verbose=0, allow_writing_files=False
        )
    return found


def public(repeats: int) -> pd.DataFrame:
    data = load_bank_marketing()
    X = data.frame.drop(columns=["y", *data.leaks])
    X = X.assign(**{c: X[c].astype("category") for c in WORDS(X)})
    y = (data.frame["y"] == "yes").to_numpy()
    first = int(0.7 * len(y))
    splits = [("time", np.arange(first), np.arange(first, len(y)))]
    for seed in range(repeats):
        train, test = train_test_split(
            np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y
        )
        splits.append(("random", train, test))
    rows = []
    # Six dates of equal size in the order of the rows, for the model that looks at time.
    as_of = pd.Timestamp("2026-01-31") + pd.to_timedelta(np.arange(len(y)) * 6 // first * 30, "D")
    for seed, (split, train, test) in enumerate(splits):
        raced = models(seed)
        if split == "time":
            raced[BY_TIME] = PropensityModel(cv="time", random_state=seed, n_jobs=2)
        for name, model in raced.items():
            start = time.perf_counter()
            if name == "CatBoost":
                model.set_params(cat_features=list(WORDS(X)))
            table = X.assign(as_of=as_of) if name == BY_TIME else X
            model.fit(table.iloc[train], y[train])
            seconds = time.perf_counter() - start
            p = model.predict_proba(table.iloc[test])[:, 1].astype(np.float64)
            found = evaluate_probabilities(y[test], p)
            rows.append(
                {
                    "split": split,
                    "model": name,
                    "auc": found.auc.value,
                    "log_loss": found.log_loss.value,
                    "ece": found.ece.value,
                    "lift_10": found.lift_10.value,
                    "seconds": seconds,
                }
            )
            print(split, name, f"AUC {found.auc.value:.4f}", flush=True)
    table = pd.DataFrame(rows)
    return table.groupby(["split", "model"], sort=False).mean().reset_index()


def simulated(folder: Path, months: int) -> pd.DataFrame:
    import marketing_ds as mds
    from marketing_ds.labels import bought

    mart = mds.open_mart(folder)
    truth = pd.read_parquet(folder / "_truth" / "propensity.parquet")
    test_day = as_date(truth["cutoff"].max())
    ends = [
        (pd.Timestamp(test_day) - pd.offsets.MonthEnd(back)).date() for back in range(1, months + 1)
    ]
    rows = []
    for category in sorted(truth["category"].unique()):
        train = mds.training_set(mart, f"bought {category}", cutoffs=ends[::-1])
        model = PropensityModel(n_jobs=2)
        model.fit(train.X, train.y, train.weight, groups=train.groups)
        tags = mds.tag_table(mart, test_day, tags=list(train.tags)).to_pandas()
        label = bought(category=category).table(mart, test_day, 30).to_pandas()
        test = tags.merge(label, on="customer_id")
        found = model.evaluate(test.drop(columns="label"), test["label"])
        known = truth[(truth["category"] == category) & (truth["cutoff"] == truth["cutoff"].max())]
        known = test[["customer_id", "label"]].merge(known, on="customer_id")
        rows.append(
            {
                "category": category,
                "train_rows": len(train.X),
                "buyers": int(test["label"].sum()),
                "auc": found.auc.value,
                "auc_ci_lower": found.auc.ci_lower,
                "auc_ci_upper": found.auc.ci_upper,
                "auc_of_truth": roc_auc_score(known["label"], known["probability"]),
                "ece": found.ece.value,
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def as_date(value: object) -> dt.date:
    return pd.Timestamp(str(value)).date()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mart", type=Path)
    parser.add_argument("--months", type=int, default=4, help="cut-offs to learn from")
    arguments = parser.parse_args()
    pd.options.display.width = 160
    if arguments.repeats:
        print(public(arguments.repeats).round(4).to_string(index=False))
    if arguments.mart:
        print(simulated(arguments.mart, arguments.months).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
