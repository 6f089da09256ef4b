"""A fitted model on disk: trees (UBJSON), arrays and one JSON file; no pickle.

Out-of-fold probabilities stay behind: they belong to the customers learnt from.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from marketing_ds._core.model_folder import read_model, write_model
from marketing_ds._core.saved_values import Reader, Writer, put_estimator, take_estimator

_FORMAT = "propensity-1"
_LEFT_OUT = ("oof_",)
_ALSO = ("_folds",)  # what standard errors stand on
_Model = TypeVar("_Model", bound=BaseEstimator)


def write(folder: Path, model: BaseEstimator) -> Path:
    """Write a fitted model into `folder`; see `PropensityModel.save`."""
    writer = Writer()
    told = put_estimator(writer, model, without=_LEFT_OUT, also=_ALSO)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **writer.arrays)
    parts = {"arrays": ("npz", buffer.getvalue())}
    for part, booster in writer.boosters.items():
        parts[part] = ("ubj", bytes(booster.save_raw("ubj")))
    return write_model(folder, {"format": _FORMAT, **told}, parts)


def read(folder: Path, model_class: type[_Model]) -> _Model:
    """Read a model out of `folder`; see `PropensityModel.load`."""
    head, content = read_model(folder, what="propensity model", version=_FORMAT)
    with np.load(io.BytesIO(content.pop("arrays")), allow_pickle=False) as stored:
        reader = Reader(folder, dict(stored), content)
    return take_estimator(reader, head, model_class)
