"""The causal forest beside CausalML's and EconML's: seconds, memory, Qini and error of the effect.

    python -m tests.benchmarks.uplift_forest_speed [--rows 40000 230000] [--peers PYTHON …]
    python -m tests.benchmarks.uplift_forest_speed --coverage 20 --rows 8000

Rows × 12 numbers of which 4 matter for a binary outcome and 2 for the effect; one arm, drawn by a coin. Every
measurement is in a process of its own, which has fitted 2,000 rows before the clock starts. All are
fitted with their own defaults (ours 300 trees of depth 3, theirs `--peer-trees` of unbounded depth; EconML's outcome and
arm models are XGBoost's with 100 trees of depth 3) and score 100,000 other customers.
`qini` is that of the effects' truth in the order of the scores, in outcomes per 1,000 people, `most` that
of the truth itself; `rmse` is against the true effects. CPU seconds tell what other work on the machine
does not blur. `over_input` is the data and the most memory over that of the process with its
data loaded (a frame of float64, outcome and arm), in sizes of the data. PYTHON is an interpreter that has
`causalml` and `econml`.

With `--coverage` ours is fitted to so many samples: how many of the 95 % intervals of 2,000 fixed customers'
effects hold the truth (over samples and customers), the estimates' bias and spread, and the mean
standard error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = 12
SCORED = 100_000
PEERS = ("causalml forest", "econml forest")
OURS = "marketing_ds"


def truth(X: np.ndarray) -> np.ndarray:
    """Effects from 0 to 0.16, smooth in two columns."""
    return 0.16 / ((1 + np.exp(-2 * X[:, 0])) * (1 + np.exp(-2 * X[:, 1])))


def make(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, outcomes and 0/1 treatment."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, COLUMNS))
    X[:, 3], X[:, 4] = rng.integers(0, 2, rows), rng.integers(0, 5, rows)
    treated = rng.integers(0, 2, rows)
    chance = 0.15 * (0.5 + 1 / (1 + np.exp(-X[:, 0] - X[:, 2]))) + treated * truth(X)
    return X, (rng.random(rows) < chance).astype(float), treated


def qini(effect: np.ndarray, score: np.ndarray) -> float:
    """∫V − V(1)/2 per 1,000 people where every effect is known."""
    ordered = effect[np.argsort(-score, kind="stable")]
    share = (np.arange(len(ordered)) + 0.5) / len(ordered)
    return float(1000 * np.mean(ordered * (0.5 - share)))


def ours(X: np.ndarray, y: np.ndarray, treated: np.ndarray, threads: int) -> Any:
    from marketing_ds.uplift import UpliftModel

    return UpliftModel("forest", n_jobs=threads).fit(X, y, treated).predict


def peer(name: str, trees: int, X: Any, y: np.ndarray, treated: np.ndarray, threads: int) -> Any:
    """A forest of `_uplift_peers`, which lies beside this file; the package is not there."""
    import _uplift_peers as peers

    budget = peers.Budget(trees=trees, depth=3, rate=0.1, threads=threads)
    predict = peers.PEERS[name](peers.Train(X, y, treated, None, budget))
    return lambda new: np.ravel(predict(new, None))


def one(name: str, rows: int, threads: int, trees: int) -> dict[str, float]:
    """One forest in this process, which has done nothing else."""
    fit = ours if name == OURS else lambda *parts: peer(name, trees, *parts)
    new, *_ = make(SCORED, seed=1)
    fit(*make(2000, seed=2), threads)(new[:2000])
    X, y, treated = make(rows, seed=0)
    size = X.nbytes + y.nbytes + treated.nbytes
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    start, cpu = time.perf_counter(), time.process_time()
    predict = fit(X, y, treated, threads)
    fitted, fit_cpu = time.perf_counter(), time.process_time()
    peak = memory("VmHWM")
    score = predict(new)
    end = time.perf_counter()
    effect = truth(new)
    return {
        "fit": fitted - start,
        "fit_cpu": fit_cpu - cpu,
        "predict": end - fitted,
        "over_input": (peak - before + size) / size,
        "extra_mib": (peak - before) / 2**20,
        "qini": qini(effect, score),
        "most": qini(effect, effect),
        "rmse": float(np.sqrt(np.mean((score - effect) ** 2))),
    }


def memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure(name: str, rows: int, options: argparse.Namespace) -> dict[str, float] | None:
    """`one` in a process of its own; None where no interpreter has the peer."""
    arguments = ["--one", name, "--rows", str(rows), "--threads", str(options.threads)]
    arguments += ["--peer-trees", str(options.peer_trees)]
    commands = [[sys.executable, "-m", "tests.benchmarks.uplift_forest_speed"]]
    if name != OURS:
        commands = [[python, __file__] for python in options.peers]
    for command in commands:
        done = subprocess.run([*command, *arguments], capture_output=True, check=False, text=True)
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))
        print(f"{name}: {done.stderr[-1000:]}", file=sys.stderr)
    return None


def compare(options: argparse.Namespace) -> None:
    keys = ("fit", "fit_cpu", "predict", "over_input", "extra_mib", "qini", "most", "rmse")
    print("rows    forest           " + " ".join(f"{key:>10}" for key in (*keys, "times_faster")))
    for rows in options.rows:
        mine: dict[str, float] = {}
        for name in (OURS, *(PEERS if options.peers else ())):
            found = measure(name, rows, options)
            if found is None:
                continue
            mine = mine or found
            faster = (found["fit_cpu"] / mine["fit_cpu"], found["fit"] / mine["fit"])
            numbers = " ".join(f"{found[key]:10.4g}" for key in keys)
            times = f"{faster[1]:.1f} (CPU {faster[0]:.1f})"
            print(f"{rows:<7} {name:<16} {numbers} {times:>13}", flush=True)


def coverage(options: argparse.Namespace) -> None:
    from marketing_ds.uplift import UpliftModel

    fixed, *_ = make(2000, seed=1)
    effect = truth(fixed)
    for rows in options.rows:
        found = []
        for seed in range(options.coverage):
            X, y, treated = make(rows, seed=100 + seed)
            model = UpliftModel("forest", n_jobs=options.threads).fit(X, y, treated)
            found.append(model.predict(fixed, se=True))
        estimate, error = (np.array(part) for part in zip(*found, strict=True))
        held = np.abs(estimate - effect) < 1.96 * error
        bias, spread = np.sqrt(np.mean((estimate.mean(0) - effect) ** 2)), estimate.std(0)
        print(
            f"{rows} rows, {options.coverage} samples: {held.mean():.3f} of 95 % intervals hold the truth; "
            f"bias {bias:.4f}, spread {np.sqrt(np.mean(spread**2)):.4f}, mean error {error.mean():.4f}, "
            f"spread of true effects {effect.std():.4f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[40_000, 230_000])
    parser.add_argument("--peers", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-trees", type=int, default=100)
    parser.add_argument("--coverage", type=int, metavar="SAMPLES")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.rows[0], options.threads, options.peer_trees)))
    elif options.coverage:
        coverage(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
