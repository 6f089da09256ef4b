"""A fitted uplift model on disk: one file of arrays and trees, and one of JSON; no pickle.

`crossfit_` stays behind: it belongs to the customers learnt from. So what is said of the model on
those customers (calibration, effects by group) has to be said before, or on other customers.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from marketing_ds._core.model_folder import read_model, write_model
from marketing_ds._core.saved_values import Reader, Writer, put_estimator, take_estimator

_FORMAT = "uplift-2"
_LEFT_OUT = ("crossfit_",)
_Model = TypeVar("_Model", bound=BaseEstimator)


def write(folder: Path, model: BaseEstimator) -> Path:
    """Write a fitted model into `folder`; see `UpliftModel.save`."""
    writer = Writer()
    told = put_estimator(writer, model, without=_LEFT_OUT)
    # A model may be of hundreds of boosters: as arrays of bytes they are one file with the rest.
    trees = {
        part: np.frombuffer(booster.save_raw("ubj"), dtype=np.uint8)
        for part, booster in writer.boosters.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **writer.arrays, **trees)
    head = {"format": _FORMAT, "trees": list(trees), **told}
    return write_model(folder, head, {"content": ("npz", buffer.getvalue())})


def read(folder: Path, model_class: type[_Model]) -> _Model:
    """Read a model out of `folder`; see `UpliftModel.load`."""
    head, content = read_model(folder, what="uplift model", version=_FORMAT)
    with np.load(io.BytesIO(content["content"]), allow_pickle=False) as stored:
        arrays = dict(stored)
    trees = {part: arrays.pop(part).tobytes() for part in head["trees"]}
    return take_estimator(Reader(folder, arrays, trees), head, model_class)
