"""How long fitting and predicting take, and how much memory, beside CausalML with the same trees.

    python -m tests.benchmarks.uplift_speed [--rows 500000] [--learners s t x r dr] [--peers PYTHON …]
    python -m tests.benchmarks.uplift_speed --rows 14000000 --learners t dr --against 1000000

Rows × 12 numbers of which 4 matter, a binary outcome, one arm; each measurement in a process of its own.
Both grow `--trees` of `--depth`: CausalML's own class of the learner on XGBoost, and ours, which grows
as many for each of its folds. CPU seconds tell what other work on the machine does not blur; CausalML's
are with those of the processes that it starts (R's outcome models are cross-validated so). `extra`
is the most memory over that of the process with its data loaded; `over input` is that and the data,
in sizes of the data.
PYTHON is an interpreter that has `causalml`; by default it finds the probabilities of the arms itself, as it
does where it is handed none (ours takes the arms' shares); with `--given` they are handed to it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from . import _uplift_peers as peers

COLUMNS = 12
CHUNK = 500_000


def make(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features float32, outcomes and 0/1 treatment, drawn chunk by chunk."""
    rng = np.random.default_rng(seed)
    X = np.empty((rows, COLUMNS), dtype=np.float32)
    y, treated = np.empty(rows, dtype=np.float32), np.empty(rows, dtype=np.int8)
    for start in range(0, rows, CHUNK):
        part = slice(start, min(start + CHUNK, rows))
        n = part.stop - part.start
        X[part] = rng.standard_normal((n, COLUMNS), dtype=np.float32)
        one = X[part]
        treated[part] = rng.random(n, dtype=np.float32) < 0.5
        chance = 0.10 + 0.05 * np.tanh(one[:, 0] + one[:, 1] * one[:, 2])
        chance += treated[part] * (0.02 + 0.02 * np.tanh(one[:, 3] + one[:, 0]))
        y[part] = rng.random(n, dtype=np.float32) < chance
    return X, y, treated


def ours(options: argparse.Namespace) -> dict[str, float]:
    """One learner of ours in this process, which has done nothing else."""
    from marketing_ds.uplift import UpliftModel

    settings = {
        "n_estimators": options.trees,
        "max_depth": options.depth,
        "early_stopping_rounds": None,
    }
    X, y, treated = make(2000, seed=1)
    # Libraries load and threads start outside the clock, for both sides.
    UpliftModel(options.one, n_jobs=options.threads, **settings).fit(X, y, treated).predict(X)
    X, y, treated = make(options.rows)
    size = X.nbytes + y.nbytes + treated.nbytes
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    start, cpu = time.perf_counter(), time.process_time()
    model = UpliftModel(options.one, n_jobs=options.threads, **settings).fit(X, y, treated)
    fitted = time.perf_counter()
    model.predict(X)
    end, cpu = time.perf_counter(), time.process_time() - cpu
    peak = _memory("VmHWM")
    return {
        "fit": fitted - start,
        "predict": end - fitted,
        "cpu": cpu,
        "extra_gib": (peak - before) / 2**30,
        "over_input": (peak - before + size) / size,
        "peak_gib": peak / 2**30,
    }


def _memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024


def theirs(learner: str, rows: int, options: argparse.Namespace) -> dict[str, float]:
    """CausalML's twin of a learner, in its own interpreter."""
    X, y, treated = make(rows)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "task.npz", Path(folder) / "scores.npz"
        share = treated.mean()
        np.savez(
            source,
            X=X,
            y=y,
            code=treated.astype(np.int64),
            fold=np.empty(0),
            probability=np.tile([1 - share, share], (rows, 1)) if options.given else np.empty(0),
            trees=options.trees,
            depth=options.depth,
            rate=0.1,
            threads=options.threads,
        )
        for python in options.peers:
            command = [python, peers.__file__, f"causalml {learner}", str(source), str(target)]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 0:
                found = np.load(target)
                return {key: float(found[key]) for key in ("fit", "predict", "cpu", "peak_gib")}
        raise SystemExit(f"none of {options.peers} ran CausalML: {done.stderr.decode()[-1000:]}")


def measure(learner: str, rows: int, options: argparse.Namespace) -> dict[str, float]:
    """`ours` in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.uplift_speed", "--one", learner]
    command += ["--rows", str(rows), "--trees", str(options.trees), "--depth", str(options.depth)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--against", type=int, help="a second size; time per row is compared")
    parser.add_argument("--learners", nargs="*", default=["s", "t", "x", "r", "dr"])
    parser.add_argument("--peers", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--given", action="store_true", help="CausalML is told the probabilities")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(ours(options)))
        return
    sizes = [size for size in (options.against, options.rows) if size]
    lines = []
    for learner in options.learners:
        per_row: list[tuple[float, float]] = []
        for rows in sizes:
            line = {"learner": learner, "rows": rows} | measure(learner, rows, options)
            total = line["fit"] + line["predict"]
            per_row.append((1e6 * total / rows, 1e6 * line["cpu"] / rows))
            line["us_per_row"] = per_row[-1][0]
            if len(per_row) > 1:
                line["per_row_ratio"] = per_row[1][0] / per_row[0][0]
                line["per_row_ratio_cpu"] = per_row[1][1] / per_row[0][1]
            if options.peers:
                peer = theirs(learner, rows, options)
                line |= {f"causalml_{key}": value for key, value in peer.items()}
                line["times_faster"] = (peer["fit"] + peer["predict"]) / total
                line["times_faster_cpu"] = peer["cpu"] / line["cpu"]
            lines.append(line)
            print(json.dumps(line), flush=True)
    print(pd.DataFrame(lines).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
