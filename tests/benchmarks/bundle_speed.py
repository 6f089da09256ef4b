"""One row through a bundle: ONNX runtime beside the model that made it.

python -m tests.benchmarks.bundle_speed [--columns 60] [--calls 2000]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from marketing_ds.export import export_bundle
from marketing_ds.export._session import feed, session
from marketing_ds.propensity import PropensityModel


def tags(rows: int, columns: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    words = columns // 6
    numbers = rng.normal(size=(rows, columns - words)).astype(np.float64)
    frame = pd.DataFrame(numbers, columns=[f"n{i}" for i in range(columns - words)])
    for i in range(words):
        frame[f"c{i}"] = rng.choice([f"level {k}" for k in range(10)], rows)
    margin = numbers[:, :8].sum(axis=1) / 2 - 2
    return frame, rng.random(rows) < 1 / (1 + np.exp(-margin))


def median_us(call: Callable[[], object], calls: int) -> float:
    for _ in range(50):
        call()
    times = np.empty(calls)
    for i in range(calls):
        start = time.perf_counter()
        call()
        times[i] = time.perf_counter() - start
    return float(np.median(times) * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=60)
    parser.add_argument("--calls", type=int, default=2000)
    arguments = parser.parse_args()
    frame, y = tags(20_000, arguments.columns)
    model = PropensityModel(n_jobs=1).fit(frame, y)
    row = frame.head(1)
    encoded = model.encoder_.transform(row)
    matrix = xgb.DMatrix(encoded)
    with tempfile.TemporaryDirectory() as folder:
        bundle = export_bundle(model, Path(folder) / "bundle")
        contract = json.loads((bundle.path / "contract.json").read_text())
        runtime = session(bundle.path / "model.onnx")
        fed = feed(contract["inputs"], row)
        times = {
            "bundle: raw tags to score, ONNX runtime": lambda: runtime.run(None, fed),
            "native: trees only, ready DMatrix": lambda: model.booster_.predict(matrix),
            "native: trees only, inplace_predict": lambda: model.booster_.inplace_predict(encoded),
            "native: raw tags to score, predict_proba": lambda: model.predict_proba(row),
        }
        print(
            f"{arguments.columns} tags, {model.n_trees_} trees, median of {arguments.calls} calls"
        )
        for name, call in times.items():
            print(f"{name:42s} {median_us(call, arguments.calls):9.1f} µs")


if __name__ == "__main__":
    main()
