"""What an estimator learnt, as JSON, arrays and boosters: no pickle.

Attributes are written one by one, each by its type, so that nothing is run when a model is read but
the constructors of this package's own result classes.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .errors import InvalidInput

_OURS = "marketing_ds."
_Model = TypeVar("_Model", bound=BaseEstimator)


def put_estimator(
    writer: Writer,
    model: BaseEstimator,
    *,
    without: Collection[str] = (),
    also: Collection[str] = (),
) -> dict[str, Any]:
    """The `parameters` and what was `learnt` of a fitted estimator, as JSON.

    Parameters
    ----------
    writer : Writer
        Collects the arrays and boosters that JSON cannot hold.
    model : BaseEstimator
        Its attributes that end in ``_`` are kept, and parameters as far as they are plain values: a
        splitter or a random state is not.
    without, also : collection of str
        Attributes to leave out, and others to keep.
    """
    learnt = {
        name: writer.put(name, value)
        for name, value in vars(model).items()
        if (name.endswith("_") and name not in without) or name in also
    }
    parameters = {
        name: writer.put(f"parameter {name}", value)
        for name, value in model.get_params(deep=False).items()
        if _is_plain(value)
    }
    return {"parameters": parameters, "learnt": learnt}


def take_estimator(reader: Reader, head: Mapping[str, Any], model_class: type[_Model]) -> _Model:
    """The estimator that `put_estimator` told `head` of.

    Raises
    ------
    InvalidInput
        If another version of the package wrote it, with other parameters or classes.
    """
    parameters = {name: reader.take(told) for name, told in head["parameters"].items()}
    unknown = sorted(set(parameters) - set(model_class().get_params(deep=False)))
    if unknown:
        raise InvalidInput(
            f"{str(reader.folder)!r} was saved by another version: it has the unknown parameter "
            f"{unknown[0]!r}; fit and save the model again"
        )
    model: _Model = model_class(**parameters)
    for name, told in head["learnt"].items():
        setattr(model, name, reader.take(told))
    return model


def _is_plain(value: object) -> bool:
    """Whether a parameter can be written; a splitter or a random state cannot."""
    if isinstance(value, Mapping):
        return all(_is_plain(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    return value is None or isinstance(value, (bool, int, float, str, np.generic))


@dataclass
class Writer:
    """Turns values into what JSON can hold, and collects what it cannot."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    boosters: dict[str, xgb.Booster] = field(default_factory=dict)
    _parts: dict[int, str] = field(default_factory=dict)

    def put(self, path: str, value: Any) -> Any:
        """`value` as JSON; `path` says where it belongs."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            items = [self.put(f"{path}.{at}", item) for at, item in enumerate(value)]
            return {"is": "tuple" if isinstance(value, tuple) else "list", "items": items}
        if isinstance(value, Mapping):
            pairs = [[key, self.put(f"{path}.{key}", item)] for key, item in value.items()]
            return {"is": "dict", "items": pairs}
        if isinstance(value, np.ndarray):
            return self._array(path, value)
        if isinstance(value, (pd.DataFrame, pd.Series)):
            return self._frame(path, value)
        if isinstance(value, xgb.Booster):
            part = self._parts.setdefault(id(value), f"trees{len(self.boosters)}")
            self.boosters[part] = value  # one that is referred to twice is kept once
            return {"is": "booster", "part": part}
        return self._object(path, value)

    def _frame(self, path: str, value: pd.DataFrame | pd.Series[Any]) -> dict[str, Any]:
        """A frame, or a series as a frame of one column."""
        series = isinstance(value, pd.Series)
        frame = value.to_frame("values") if isinstance(value, pd.Series) else value
        columns = [
            [name, str(column.dtype), self._array(f"{path}.{name}", column.to_numpy())]
            for name, column in frame.items()
        ]
        index = self._array(f"{path} index", frame.index.to_numpy())
        of = {"columns": columns, "index": index, "index_name": frame.index.name}
        return {"is": "series", "name": value.name, **of} if series else {"is": "frame", **of}

    def _array(self, path: str, value: NDArray[Any]) -> dict[str, Any]:
        if value.dtype == object:
            return {"is": "objects", "items": [self.put(path, item) for item in value.tolist()]}
        while path in self.arrays:  # keys with dots may spell the same path
            path += "'"
        self.arrays[path] = value
        return {"is": "array", "name": path}

    def _object(self, path: str, value: Any) -> dict[str, Any]:
        of = type(value)
        if not of.__module__.startswith(_OURS):
            raise InvalidInput(f"{path} cannot be saved: it is a {of.__module__}.{of.__name__}")
        if is_dataclass(value):
            told = {f.name: getattr(value, f.name) for f in fields(value)}
        else:
            told = dict(vars(value))
        return {
            "is": "object",
            "class": f"{of.__module__}:{of.__name__}",
            "holds": {name: self.put(f"{path}.{name}", item) for name, item in told.items()},
        }


@dataclass(frozen=True)
class Reader:
    """Undoes what `Writer` did."""

    folder: Path
    arrays: Mapping[str, NDArray[Any]]
    parts: Mapping[str, bytes]
    """Boosters in UBJSON."""
    _boosters: dict[str, xgb.Booster] = field(default_factory=dict)

    def take(self, told: Any) -> Any:
        """The value that was put."""
        if not isinstance(told, dict):
            return told
        kind = told["is"]
        if kind in ("list", "tuple", "objects"):
            items = [self.take(item) for item in told["items"]]
            if kind == "objects":
                array = np.empty(len(items), dtype=object)
                array[:] = items
                return array
            return tuple(items) if kind == "tuple" else items
        if kind == "dict":
            return {key: self.take(item) for key, item in told["items"]}
        if kind == "array":
            return self.arrays[told["name"]]
        if kind in ("frame", "series"):
            index = pd.Index(self.take(told["index"]), name=told["index_name"])
            frame = pd.DataFrame(
                {n: pd.Series(self.take(c)).astype(dtype) for n, dtype, c in told["columns"]}
            ).set_axis(index)
            return frame if kind == "frame" else frame["values"].rename(told["name"])
        if kind == "booster":
            return self._booster(told["part"])
        return self._object(told)

    def _booster(self, part: str) -> xgb.Booster:
        if part not in self._boosters:
            self._boosters[part] = xgb.Booster(model_file=bytearray(self.parts[part]))
        return self._boosters[part]

    def _object(self, told: dict[str, Any]) -> Any:
        module, _, name = told["class"].partition(":")
        holds = {key: self.take(item) for key, item in told["holds"].items()}
        of = getattr(importlib.import_module(module), name, None) if _is_ours(module) else None
        if of is None or not isinstance(of, type):
            raise self._other(name)
        if not is_dataclass(of):
            made = of()
            vars(made).update(holds)
            return made
        try:
            return of(**holds)
        except TypeError as error:  # a field that another version did not know, or knew
            raise self._other(name) from error

    def _other(self, name: str) -> InvalidInput:
        return InvalidInput(
            f"{str(self.folder)!r} was saved by another version, which knew another {name!r}; "
            "fit and save the model again"
        )


def _is_ours(module: str) -> bool:
    return module.startswith(_OURS) and importlib.util.find_spec(module) is not None
