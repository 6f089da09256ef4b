"""A fitted look-alike on disk: a FAISS index, trees (UBJSON), arrays and one JSON file; no pickle."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.model_folder import read_model, write_model

from .encode import TagLevels
from .parts import scorer_from, scorer_parts
from .scorers import Scorer
from .selection import Selection
from .training import Training

_FORMAT = 3
_SUFFIX = {"index": "faiss", "trees": "ubj"}


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
    parts = {"arrays": ("npz", buffer.getvalue())}
    for part, content in binary.items():
        parts[part] = (_SUFFIX[part.rstrip("0123456789")], content)
    head = {
        "format": _FORMAT,
        "parameters": learnt.parameters,
        "p_value": learnt.p_value,
        "n_base": training.n_base,
        "levels": [asdict(tag) for tag in training.levels],
        "method": learnt.method,
        "selection": learnt.selection and learnt.selection.frame.to_dict("list"),
        "scorer": told,
    }
    return write_model(folder, head, parts)


def read(folder: Path) -> Learnt:
    """Read a model out of `folder`."""
    head, content = read_model(folder, what="look-alike", version=_FORMAT)
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
