"""Quality of the look-alike beside simple rivals: `python -m tests.benchmarks.lookalike_quality`.

UCI bank marketing (Moro, Cortez, Rita 2014) without `duration`: half of the `yes` are seeds, and
the other half is looked for among everybody else. With ``--mart DIR`` (a folder of `marketing-ds
simulate`, its truth in ``DIR/_truth``) also the simulated bank: 300 seeds out of each taste group,
looked for among the rest, beside an oracle trained on the truth. ``--auto N``: over N draws of the
seeds of each, `auto` beside the better of neighbours and classifier, in that draw and on average; one
fit a draw serves all methods, as they share their parts.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from marketing_ds.lookalike import Lookalike
from tests.lookalike._metrics import lift_at

try:
    import lightgbm
except ImportError:
    lightgbm = None

_K = 50
_CAUTIOUS = {
    "n_estimators": 150, "learning_rate": 0.03, "num_leaves": 15, "min_child_samples": 40,
    "subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.6, "reg_lambda": 5.0,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mart", type=Path, help="simulated bank with _truth beside its tables")
    parser.add_argument("--draws", type=int, default=5, help="draws of seeds per data set")
    parser.add_argument("--auto", type=int, metavar="N", help="only auto beside its own methods")
    options = parser.parse_args()
    if options.auto:
        for name, frame, wanted, n_seeds in _data(options.mart):
            _own_methods(name, frame, wanted, n_seeds, options.auto)
        return
    if lightgbm is None:
        print("lightgbm is not installed: its rows are missing")
    rows: list[dict[str, object]] = []
    for name, frame, wanted, n_seeds in _data(options.mart):
        rows += _compare(name, frame, wanted, n_seeds, options.draws, oracle=n_seeds is not None)
    table = pd.DataFrame(rows)
    summary = table.groupby(["data", "method"], sort=False)[["auc", "lift_10", "seconds"]].mean()
    print(summary.round(4).to_string())
    print("\nauto less each other, mean over the draws with its standard error\n" + _paired(table))
    if options.mart:
        wide = table[table["data"].str.startswith("taste")].pivot_table("auc", "data", "method")
        share = wide.div(wide["oracle, trained on the truth"], axis=0)
        print("\nAUC as a share of the oracle's\n" + share.round(3).to_string())


def _data(mart: Path | None) -> Iterator[tuple[str, pd.DataFrame, np.ndarray, int | None]]:
    """Name, customers, whom to look for, and how many of them are seeds (None: half)."""
    folder = os.environ.get("MARKETING_DS_DATA")
    if folder:
        for name in ("bank-additional-full", "bank-full"):
            path = Path(folder) / "uci_bank_marketing" / f"{name}.csv.gz"
            yield name, *_bank_marketing(path), None
    if mart:
        tags, taste = _simulated(mart)
        for group in sorted(taste.unique()):
            yield f"taste: {group}", tags, (taste == group).to_numpy(), 300


def _own_methods(
    name: str, frame: pd.DataFrame, wanted: np.ndarray, n_seeds: int | None, draws: int
) -> None:
    """AUC and lift on the rest by `auto`, by neighbours and by the classifier, draw by draw."""
    rows = []
    for draw in range(draws):
        is_seed = _seeds(wanted, n_seeds, draw)
        look = Lookalike("ensemble", sensitive=True, on_indistinct="warn")
        look.fit(frame, frame.loc[is_seed, "customer_id"])
        both = look._scorer
        found: dict[str, object] = {"chosen": look.selection_.method}
        for method in ("neighbours", "classifier", "ensemble"):
            look._scorer = both if method == "ensemble" else getattr(both, method)
            scores = look.score(frame)["score"].to_numpy()[~is_seed]
            found[method] = roc_auc_score(wanted[~is_seed], scores)
            found[f"{method} lift"] = lift_at(scores, wanted[~is_seed], 0.1)
        rows.append(found)
    table = pd.DataFrame(rows)
    print(f"\n{name}: auto took {table['chosen'].value_counts().to_dict()}")
    for what in ("", " lift"):
        auto = [row[f"{row['chosen']}{what}"] for row in rows]
        for method in ("neighbours", "classifier"):
            ahead = auto - table[f"{method}{what}"]
            error = ahead.std() / np.sqrt(draws)
            print(
                f"  auto{what or ' AUC'} {np.mean(auto):.4f}, less {method}: "
                f"{ahead.mean():+.4f} ± {error:.4f}, worst draw {ahead.min():+.4f}",
                flush=True,
            )


def _seeds(wanted: np.ndarray, n_seeds: int | None, draw: int) -> np.ndarray:
    """Whether each customer is a seed: `n_seeds` of the wanted, or half of them."""
    chosen = np.random.default_rng(draw).permutation(np.flatnonzero(wanted))
    is_seed = np.zeros(len(wanted), dtype=bool)
    is_seed[chosen[: n_seeds or len(chosen) // 2]] = True
    return is_seed


def _paired(table: pd.DataFrame) -> str:
    wide = table.pivot_table("auc", ["data", "draw"], "method", sort=False)
    ahead = -wide.drop(columns="Lookalike, auto").sub(wide["Lookalike, auto"], axis=0)
    by_data = ahead.groupby("data", sort=False)
    error = by_data.std() / np.sqrt(by_data.count())
    words = by_data.mean().round(4).astype(str) + " ± " + error.round(4).astype(str)
    return words.T.to_string()


def _bank_marketing(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.read_csv(path, sep=";").drop(columns="duration")
    wanted = (frame.pop("y") == "yes").to_numpy()
    frame.insert(0, "customer_id", [f"c{i:06d}" for i in range(len(frame))])
    return frame, wanted


def _simulated(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    from marketing_ds.mart import open_mart
    from marketing_ds.tags import tag_table

    with open_mart(folder) as mart:
        tags = tag_table(mart, mart.last_date).to_pandas()
    truth = pd.read_parquet(folder / "_truth" / "taste.parquet").set_index("customer_id")["taste"]
    return tags, truth.reindex(tags["customer_id"]).reset_index(drop=True)


def _compare(
    name: str,
    frame: pd.DataFrame,
    wanted: np.ndarray,
    n_seeds: int | None,
    draws: int,
    *,
    oracle: bool = False,
) -> list[dict[str, object]]:
    rows = []
    plain = _plain_scaling(frame)
    for draw in range(draws):
        is_seed = _seeds(wanted, n_seeds, draw)
        rest = ~is_seed
        methods = {
            **{
                f"Lookalike, {method}": lambda s=is_seed, m=method: _ours(frame, s, m)
                for method in ("auto", "neighbours", "classifier", "ensemble")
            },
            "exact k-NN, plain scaling": lambda s=is_seed: _nearest(plain, s),
            "logistic PU": lambda s=is_seed: _logistic(plain, s),
        }
        if lightgbm is not None:
            methods["LightGBM PU, defaults"] = lambda s=is_seed: _boosted(frame, s, {})
            methods["LightGBM PU, regularised"] = lambda s=is_seed: _boosted(frame, s, _CAUTIOUS)
        if oracle:
            methods["oracle, trained on the truth"] = lambda: _oracle(plain, wanted)
        for method, score in methods.items():
            started = time.perf_counter()
            scores = score()[rest]
            rows.append(
                {
                    "data": name,
                    "method": method,
                    "draw": draw,
                    "auc": roc_auc_score(wanted[rest], scores),
                    "lift_10": lift_at(scores, wanted[rest], 0.1),
                    "seconds": time.perf_counter() - started,
                }
            )
    return rows


def _ours(frame: pd.DataFrame, is_seed: np.ndarray, method: str) -> np.ndarray:
    # The rivals see every column, so ours does as well.
    look = Lookalike(method, sensitive=True, on_indistinct="warn")
    return look.fit(frame, frame.loc[is_seed, "customer_id"]).score(frame)["score"].to_numpy()


def _boosted(frame: pd.DataFrame, is_seed: np.ndarray, parameters: dict[str, float]) -> np.ndarray:
    """Seeds against the rest, out of fold, with LightGBM's own handling of categories and nulls."""
    tags = frame.drop(columns=["customer_id", "as_of"], errors="ignore").copy()
    for name in tags.select_dtypes(exclude=["number", "bool"]):
        if pd.api.types.infer_dtype(tags[name], skipna=True).startswith("date"):
            tags[name] = pd.to_datetime(tags[name]).dt.as_unit("s").astype("int64")
        else:
            tags[name] = tags[name].astype(str).astype("category")
    scores = np.empty(len(tags))
    for learnt, held in StratifiedKFold(5, shuffle=True, random_state=0).split(tags, is_seed):
        model = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, **parameters)
        model.fit(tags.iloc[learnt], is_seed[learnt])
        scores[held] = model.predict_proba(tags.iloc[held])[:, 1]
    return scores


def _plain_scaling(frame: pd.DataFrame) -> np.ndarray:
    tags = frame.drop(columns=["customer_id", "as_of"], errors="ignore")
    dates = [c for c in tags if pd.api.types.infer_dtype(tags[c], skipna=True).startswith("date")]
    tags = tags.assign(
        **{c: pd.to_datetime(tags[c]).dt.as_unit("s").astype("int64") for c in dates}
    )
    numeric = list(tags.select_dtypes(["number", "bool"]).columns)
    words = [c for c in tags if c not in numeric]
    numbers = tags[numeric].astype(float)
    tags[numeric], tags[words] = numbers.fillna(numbers.median()), tags[words].astype(str)
    scaling = make_pipeline(
        make_column_transformer(
            (StandardScaler(), numeric),
            (OneHotEncoder(min_frequency=20, sparse_output=False), words),
        ),
        StandardScaler(),
    )
    return np.nan_to_num(scaling.fit_transform(tags)).astype(np.float32)


def _nearest(points: np.ndarray, is_seed: np.ndarray) -> np.ndarray:
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points[is_seed]))
    return -np.sqrt(np.maximum(index.search(points, _K)[0], 0)).mean(axis=1)


def _logistic(points: np.ndarray, is_seed: np.ndarray) -> np.ndarray:
    return LogisticRegression(max_iter=500).fit(points, is_seed).decision_function(points)


def _oracle(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    trees = xgb.XGBClassifier(
        n_estimators=150, max_depth=4, learning_rate=0.07, subsample=0.7, n_jobs=1
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_predict(trees, points, wanted, cv=folds, method="predict_proba")[:, 1]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
