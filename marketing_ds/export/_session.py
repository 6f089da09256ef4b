"""Running an ONNX model, as any decision service would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import read_column, read_table


def session(path: Path) -> InferenceSession:
    """A session on one thread of the CPU."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions; nothing need be printed too
    return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(inputs: Sequence[dict[str, Any]], X: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Raw tags as the inputs that a contract names; columns it does not name are left out.

    Raises
    ------
    InvalidInput
        If an input is missing, or of another type than the contract says.
    """
    table = read_table(X).features
    missing = [entry["name"] for entry in inputs if entry["name"] not in table.columns]
    if missing:
        raise InvalidInput(f"X must have the columns of contract.json; missing: {missing[:8]}")
    fed: dict[str, NDArray[Any]] = {}
    for entry in inputs:
        name = entry["name"]
        read = read_column(table[name], name, entry["kind"])
        if entry["kind"] == "category":
            words = np.array([*read.levels, ""], dtype=object)  # the code of null is -1
            fed[name] = words[read.values][:, None]
        else:
            fed[name] = read.values[:, None]
    return fed
