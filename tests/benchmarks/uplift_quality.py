"""Who ranks customers by uplift best: ours and the peers', one judge, same folds, same budget of trees.

    MARKETING_DS_DATA=… python -m tests.benchmarks.uplift_quality --peers PYTHON [PYTHON …]
        [--sets hillstrom bank scenes | "hillstrom womens visit" …] [--cache DIR] [--learners auto dr …]

Five random folds; each customer is scored by models of the other four. Qini as in `_uplift_judge`, per
1,000 people, mean over the arms; its standard error and that of each difference from a paired Poisson
bootstrap. `within` is the mean Qini of the folds taken alone. Where the truth is known, `true` is the Qini
of the true effects in the score's order, and `rmse` the root mean squared error of the effect, per 1,000.

PYTHON is an interpreter that has `causalml`, `econml` or `scikit-uplift`; the project needs none of them.
With `--cache`, a peer's scores are kept by data, folds and code. Experiments of your own:
`--data FILE --outcome COLUMN --arm COLUMN --control NAME [--drop …]`.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.learning.learners import LEARNERS

from . import _uplift_data as data_sets
from . import _uplift_peers as peers
from ._uplift_data import Experiment
from ._uplift_judge import Judge, true_qini

N_FOLDS = 5
# Read at once: a long run must not name its results after code that was edited meanwhile.
SOURCES = {name: inspect.getsource(peer) for name, peer in peers.PEERS.items()}


def make_folds(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n) % N_FOLDS


def one_hot(X: pd.DataFrame, most: int = 50) -> np.ndarray:
    """The peers' features: a column a category (rare ones together), holes flagged and filled."""
    parts = []
    for name in X:
        column = X[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            numbers = pd.to_numeric(column, errors="coerce").astype("float64")
            holes = numbers.isna()
            parts.append(numbers.fillna(numbers.median() if not holes.all() else 0.0))
            if holes.any():
                parts.append(holes.astype("float64"))
        else:
            text = column.astype("object").where(column.notna(), "").astype(str)
            kept = text.value_counts().index[:most]
            parts.extend((text == level).astype("float64") for level in kept)
    return np.column_stack(parts).astype(np.float32)


def run_peer(name: str, data: Experiment, fold: np.ndarray, options: argparse.Namespace) -> dict:
    """Scores and seconds of a peer, from the cache or from its own interpreter."""
    told = np.empty(0) if data.observed else data.shares()
    task = {
        "X": one_hot(data.X),
        "y": data.y,
        "code": data.codes,
        "fold": fold,
        "probability": told,
        "trees": options.trees,
        "depth": options.depth,
        "rate": options.rate,
    }
    digest = hashlib.sha256(SOURCES[name].encode())
    for key, value in task.items():
        digest.update(key.encode() + np.ascontiguousarray(value).tobytes())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.cache or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{name.replace(' ', '_')}_{digest.hexdigest()[:20]}.npz"
        if not kept.exists():
            source = Path(scratch) / "task.npz"
            np.savez(source, threads=options.threads, **task)
            _run(name, source, kept, options)
        found = np.load(kept)
        return {key: found[key] for key in found.files}


def _run(name: str, source: Path, target: Path, options: argparse.Namespace) -> None:
    """Ask the interpreters in turn: the first that has the peer answers."""
    library = {"sklift": "sklift"}.get(name.split()[0], name.split()[0])
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
    for python in options.peers:
        has = subprocess.run([python, "-c", f"import {library}"], capture_output=True, check=False)
        if has.returncode:
            continue
        part = target.with_suffix(".part.npz")
        command = [python, peers.__file__, name, str(source), str(part)]
        try:
            subprocess.run(
                command, check=True, timeout=options.timeout, env=environment, capture_output=True
            )
        except subprocess.TimeoutExpired:
            rows = np.load(source)
            shape = (len(rows["y"]), int(rows["code"].max()))
            np.savez(part, scores=np.full(shape, np.nan), seconds=np.inf, peak_gib=np.nan)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{name} failed: {error.stderr.decode()[-2000:]}") from error
        part.rename(target)
        return
    raise SystemExit(f"none of {options.peers} has {library}")


def run_ours(
    learner: str, data: Experiment, fold: np.ndarray, options: argparse.Namespace
) -> tuple[np.ndarray, float]:
    """Out-of-fold scores (n, arms), and seconds."""
    settings: dict = {"n_jobs": options.threads, "control": data.control}
    if options.budget:
        settings |= {"n_estimators": options.trees, "max_depth": options.depth}
    if data.observed:
        settings["probability"] = "estimate"
    start = time.perf_counter()
    scores = np.empty((len(data.y), len(data.arms)))
    for k in range(N_FOLDS):
        train, test = fold != k, fold == k
        model = UpliftModel(learner, **settings)
        model.fit(data.X[train], data.y[train], treatment=data.arm[train])
        scores[test] = model.predict(data.X[test]).reshape(test.sum(), -1)
    return scores, time.perf_counter() - start


def judged(
    scores: np.ndarray, data: Experiment, fold: np.ndarray, n_draws: int
) -> dict[str, float | np.ndarray]:
    """One line of the table; Qini is the mean over the arms."""
    codes, shares = data.codes, data.shares()
    found: list[dict] = []
    for k in range(1, len(data.arms) + 1):
        rows = (codes == 0) | (codes == k)
        weight = None
        if data.probability is not None:
            weight = 1 / shares[rows, codes[rows]]
        judge = Judge(data.y[rows], codes[rows] == k, fold[rows], weight, n_draws)
        result = judge.judge(scores[rows, k - 1])
        line = {"qini": result.qini, "within": result.within, "draws": result.draws}
        if data.truth is not None:
            error = scores[:, k - 1] - data.truth[:, k - 1]
            line["true"] = true_qini(scores[:, k - 1], data.truth[:, k - 1])
            line["mse"] = float(np.mean(error**2))
        found.append(line)
    mean = {key: 1000 * np.mean([line[key] for line in found], axis=0) for key in found[0]}
    if data.truth is not None:
        mean["rmse"] = 1000 * float(np.sqrt(mean.pop("mse") / 1000))
    return mean


def table(data: Experiment, options: argparse.Namespace) -> pd.DataFrame:
    """Every learner on one experiment, mean over the seeds of the folds."""
    lines: dict[str, list[dict]] = {}
    for seed in options.seeds:
        fold = make_folds(len(data.y), seed)
        names = [name for name in peers.PEERS if name in options.with_peers]
        for name in names if options.peers else []:
            found = run_peer(name, data, fold, options)
            if np.isfinite(found["scores"]).all():
                line = judged(found["scores"], data, fold, options.draws)
                lines.setdefault(name, []).append(line | {"seconds": float(found["seconds"])})
        for learner in options.learners:
            scores, seconds = run_ours(learner, data, fold, options)
            line = judged(scores, data, fold, options.draws)
            lines.setdefault(f"ours {learner}", []).append(line | {"seconds": seconds})
    means = {
        name: {key: np.mean([part[key] for part in parts], axis=0) for key in parts[0]}
        for name, parts in lines.items()
    }
    frame = pd.DataFrame.from_dict(means, orient="index")
    draws = frame.pop("draws")
    frame.insert(1, "se", [np.std(one, ddof=1) for one in draws])
    theirs = [name for name in frame.index if not name.startswith("ours")]
    if theirs:
        best = frame.loc[theirs, "qini"].idxmax()
        frame["less_best"] = frame["qini"] - frame.loc[best, "qini"]
        frame["less_best_se"] = [np.std(one - draws[best], ddof=1) for one in draws]
        if "rmse" in frame:
            frame["rmse_ratio"] = frame["rmse"] / frame.loc[theirs, "rmse"].min()
    return frame.rename_axis("learner").reset_index()


def summary(found: dict[str, pd.DataFrame], measure: str, digits: int) -> str:
    """One table in Markdown: a line a learner, a column an experiment; the peers' best in bold."""
    columns = {
        name: one.set_index("learner")[measure] for name, one in found.items() if measure in one
    }
    if not columns:
        return ""
    wide = pd.DataFrame(columns)
    theirs = wide[~wide.index.str.startswith("ours")]
    best = theirs.min() if measure == "rmse" else theirs.max()
    lines = [f"| {measure} | " + " | ".join(wide) + " |", "|---|" + "---:|" * wide.shape[1]]
    for learner, row in wide.iterrows():
        cells = []
        for name, value in row.items():
            shown = "–" if np.isnan(value) else f"{value:.{digits}f}"
            peer = not str(learner).startswith("ours")
            cells.append(f"**{shown}**" if peer and value == best[name] else shown)
        lines.append(f"| {learner} | " + " | ".join(cells) + " |")
    if measure == "qini" and len(theirs):
        for learner in wide.index[wide.index.str.startswith("ours")]:
            cells = []
            for one in found.values():
                line = one.set_index("learner").loc[learner]
                cells.append(f"{line['less_best']:+.{digits}f} ({line['less_best_se']:.{digits}f})")
            lines.append(f"| {learner} less the best (s.e.) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def experiments(options: argparse.Namespace) -> Iterator[Experiment]:
    if options.data:
        yield data_sets.from_file(
            options.data,
            options.outcome,
            options.arm,
            options.control,
            options.drop,
            options.keep,
        )
        return
    for name in options.sets:
        words = name.split()
        if words[0] == "hillstrom":
            for mails in words[1:2] or data_sets.HILLSTROM:
                for outcome in words[2:] or ["visit", "conversion", "spend"]:
                    yield data_sets.hillstrom(mails, outcome)
        elif words[0] == "bank":
            mart = options.mart or data_sets.simulated_bank(options.customers)
            campaigns = words[1:2] or ["K01", "K05", "K06"]
            for outcome in words[2:] or ["converted", "amount_cny"]:
                yield from data_sets.bank(mart, campaigns, outcome)
        else:
            known = data_sets.scenes()
            for scene in known if name == "scenes" else [name]:
                yield known[scene]()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=["hillstrom", "bank", "scenes"])
    parser.add_argument("--learners", nargs="*", default=list(LEARNERS), help="ours")
    parser.add_argument("--peers", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--with-peers", nargs="*", default=list(peers.PEERS), metavar="NAME")
    parser.add_argument("--cache", type=Path, help="where the peers' scores are kept")
    parser.add_argument("--timeout", type=float, default=900, help="seconds a peer may take")
    parser.add_argument("--budget", action="store_true", help="ours grows as many trees too")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate of the peers")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0], help="of the folds")
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--rows", type=int, help="at most so many customers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mart", type=Path, help="a simulated bank; made if left out")
    parser.add_argument("--customers", type=int, default=10_000, help="of the bank made")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--outcome")
    parser.add_argument("--arm")
    parser.add_argument("--control")
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--keep", nargs="*", help="the features; by default all other columns")
    return parser.parse_args()


def main() -> None:
    options = parse()
    tables = {}
    for whole in experiments(options):
        data = data_sets.sample(whole, options.rows)
        found = table(data, options)
        size = f"{len(data.y):,} customers, {data.X.shape[1]} tags, {len(data.arms)} arm(s)"
        print(f"\n{data.name}: {size}, mean outcome {data.y.mean():.4g}")
        print(found.round(3).to_string(index=False), flush=True)
        tables[data.name] = found
    for measure, digits in (("qini", 2), ("true", 2), ("rmse", 1)):
        print("\n" + summary(tables, measure, digits))


if __name__ == "__main__":
    main()
