"""A fitted look-alike on disk: a FAISS index, trees (UBJSON), arrays and one JSON file; no pickle.

`model.json` names the other files by their content and is replaced in one step, so that a reader
sees the old model or the new one, and a save that is killed leaves the old one usable.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

from .encode import TagLevels
from .parts import scorer_from, scorer_parts
from .scorers import Scorer
from .selection import Selection
from .training import Training

_FORMAT = 2
_SUFFIX = {"index": "faiss", "trees": "ubj"}
_HEAD = "model.json"


@dataclass(frozen=True)
class Learnt:
    """All that a model consists of."""

    parameters: dict[str, Any]
    training: Training
    scorer: Scorer
    p_value: float
    method: str
    selection: Selection | None


def write(folder: Path, learnt: Learnt) -> Path:
    """Write a model into `folder`, which is made if need be."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"folder must be a directory, got the file {str(folder)!r}")
    folder.mkdir(parents=True, exist_ok=True)
    training = learnt.training
    arrays: dict[str, NDArray[Any]] = {
        "ids": training.ids.astype(np.str_),
        "codes": training.codes,
        "is_seed": training.is_seed,
        "in_base": training.in_base,
    }
    binary: dict[str, bytes] = {}
    told = scorer_parts(learnt.scorer, arrays, binary)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    files = {"arrays": _write_part(folder, "arrays", "npz", buffer.getvalue())}
    for part, content in binary.items():
        files[part] = _write_part(folder, part, _SUFFIX[part.rstrip("0123456789")], content)
    head = {
        "format": _FORMAT,
        "files": files,
        "parameters": learnt.parameters,
        "p_value": learnt.p_value,
        "n_base": training.n_base,
        "levels": [asdict(tag) for tag in training.levels],
        "method": learnt.method,
        "selection": learnt.selection and learnt.selection.frame.to_dict("list"),
        "scorer": told,
    }
    _replace(folder / _HEAD, json.dumps(head, ensure_ascii=False, indent=1).encode())
    current = {part["name"] for part in files.values()}
    for path in folder.iterdir():
        if path.suffix.lstrip(".") in {"npz", *_SUFFIX.values()} and path.name not in current:
            path.unlink()
    return folder


def read(folder: Path) -> Learnt:
    """Read a model out of `folder`."""
    head = _read_head(folder)
    content = {part: _read_part(folder, head, part) for part in head["files"]}
    with np.load(io.BytesIO(content.pop("arrays")), allow_pickle=False) as stored:
        arrays = dict(stored)
    levels = tuple(
        TagLevels(t["name"], t["kind"], tuple(t["edges"]), tuple(t["categories"]))
        for t in head["levels"]
    )
    training = Training(
        arrays["ids"].astype(object),
        arrays["codes"],
        arrays["is_seed"],
        arrays["in_base"],
        levels,
        head["n_base"],
    )
    scorer = scorer_from(head["method"], head["scorer"], arrays, content)
    told = head["selection"]
    selection = Selection(_chosen(told), pd.DataFrame(told)) if told else None
    return Learnt(head["parameters"], training, scorer, head["p_value"], head["method"], selection)


def _chosen(told: dict[str, list[Any]]) -> str:
    return str(told["method"][told["chosen"].index(True)])


def _write_part(folder: Path, part: str, suffix: str, content: bytes) -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    name = f"{part}-{digest[:16]}.{suffix}"
    _replace(folder / name, content)
    return {"name": name, "sha256": digest}


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with waiting.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)


def _read_head(folder: Path) -> dict[str, Any]:
    path = folder / _HEAD
    if not path.is_file():
        raise InvalidInput(
            f"folder must hold a saved look-alike, got no {_HEAD} in {str(folder)!r}"
        )
    try:
        head: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{path} is damaged; save the model again") from error
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        found = head.get("format") if isinstance(head, dict) else None
        raise InvalidInput(
            f"{path} must be of format {_FORMAT}, got {found!r}; fit and save the model again"
        )
    return head


def _read_part(folder: Path, head: dict[str, Any], part: str) -> bytes:
    told = head["files"][part]
    path: Path = folder / told["name"]
    if not path.is_file():
        raise InvalidInput(f"{path} is missing; save the model again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise InvalidInput(f"{path} is cut short or was changed; save the model again")
    return content
