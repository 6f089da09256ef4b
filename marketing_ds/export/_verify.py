"""Verifying a bundle: hashes, contract, golden cases. Needs nothing of the model that made it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from ._session import session

FILES = ("model.onnx", "contract.json", "policy.json", "golden.jsonl")
_RUNTIME_ERRORS = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented)


@dataclass(frozen=True)
class BundleCheck(Result):
    """What became of each check of a bundle.

    Attributes
    ----------
    path : pathlib.Path
    checks : tuple of (str, bool, str)
        Name, whether it passed, and what was found.
    cases : int
        Golden cases replayed.
    failed_cases : tuple of str
        Those whose score was off by more than the contract's tolerance.
    max_error : float
        Largest difference over all replayed cases; NaN if none could be replayed.
    """

    path: Path
    checks: tuple[tuple[str, bool, str], ...]
    cases: int
    failed_cases: tuple[str, ...]
    max_error: float

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(passed for _, passed, _ in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each check that failed."""
        return tuple(f"{name}: {found}" for name, passed, found in self.checks if not passed)

    def to_frame(self) -> pd.DataFrame:
        """One row a check: `check`, `passed`, `found`."""
        return pd.DataFrame(self.checks, columns=["check", "passed", "found"])


def verify_bundle(directory: str | os.PathLike[str]) -> BundleCheck:
    """Check a bundle's hashes and replay its golden cases on the CPU.

    Parameters
    ----------
    directory : path
        A folder written by `export_bundle`.

    Returns
    -------
    BundleCheck
        `.passed`, and `.to_frame()` with what was found.

    Raises
    ------
    InvalidInput
        If `directory` is not a folder.
    """
    path = Path(directory)
    if not path.is_dir():
        raise InvalidInput(f"directory must be a bundle's folder, got {str(path)!r}")
    checks = _check_files(path)
    cases, worst = 0, float("nan")
    failed: tuple[str, ...] = ()
    if all((path / name).is_file() for name in ("model.onnx", "contract.json", "golden.jsonl")):
        replay, cases, failed, worst = _replay(path)
        checks.append(replay)
    return BundleCheck(path, tuple(checks), cases, failed, worst)


def _check_files(path: Path) -> list[tuple[str, bool, str]]:
    entries: dict[str, Any] = {}
    problem = ""
    try:
        entries = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["files"]
    except FileNotFoundError:
        problem = "missing"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"not readable: {error!r}"
    checks = [("manifest.json", not problem, problem or "read")]
    for name in FILES:
        file = path / name
        if not file.is_file():
            checks.append((name, False, "missing"))
            continue
        wanted = entries.get(name, {}).get("sha256")
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if wanted is None:
            checks.append((name, False, "the manifest holds no sha256 of it"))
        elif found != wanted:
            checks.append((name, False, f"changed: sha256 {found[:12]}…, manifest {wanted[:12]}…"))
        else:
            checks.append((name, True, f"sha256 {found[:12]}…"))
    strange = sorted(p.name for p in path.iterdir() if p.name not in {*FILES, "manifest.json"})
    if strange:
        checks.append(("folder", False, f"files that no bundle has: {', '.join(strange)}"))
    return checks


def _replay(path: Path) -> tuple[tuple[str, bool, str], int, tuple[str, ...], float]:
    name = "golden cases"
    nothing = (0, (), float("nan"))
    try:
        contract = json.loads((path / "contract.json").read_text(encoding="utf-8"))
        lines = (path / "golden.jsonl").read_text(encoding="utf-8").splitlines()
        cases = [json.loads(line) for line in lines]
        inputs, tolerance = contract["inputs"], float(contract["tolerance"])
        feed = {entry["name"]: _feed(entry, cases) for entry in inputs}
        expected = np.array([case["expected"] for case in cases], dtype=np.float64)
        names = [str(case["case"]) for case in cases]
    except (ValueError, KeyError, TypeError) as error:
        return (name, False, f"cannot be read: {error!r}"), *nothing
    if not cases:
        return (name, False, "there is none"), *nothing
    try:
        scores = session(path / "model.onnx").run([contract["output"]["name"]], feed)[0]
    except (*_RUNTIME_ERRORS, RuntimeException, ValueError) as error:
        return (name, False, f"the model does not run: {error}"), *nothing
    if scores.shape != expected.shape:
        found = f"scores have shape {scores.shape}, expected {expected.shape}"
        return (name, False, found), *nothing
    gap = np.abs(scores - expected).max(axis=1)
    # Written so that a score of NaN fails.
    failed = tuple(n for n, g in zip(names, gap, strict=True) if not g <= tolerance)
    worst = float(gap.max())
    found = f"{len(cases)} replayed, largest difference {worst:.1e}"
    if failed:
        found += f"; {len(failed)} failed: {', '.join(failed[:5])}{' …' if failed[5:] else ''}"
    return (name, not failed, found), len(cases), failed, worst


def _feed(entry: dict[str, Any], cases: Sequence[dict[str, Any]]) -> NDArray[Any]:
    values = [case["inputs"][entry["name"]] for case in cases]
    if entry["type"] == "string":
        return np.array([["" if v is None else v] for v in values], dtype=object)
    return np.array([[np.nan if v is None else v] for v in values], dtype=np.float32)
