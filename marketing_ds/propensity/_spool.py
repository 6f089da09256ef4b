"""Encoded rows in files, from which XGBoost builds bins that need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray

from marketing_ds._core.hashing import hash_share

from ._calibration import Floats
from ._steps import Matrix

_ROWS = 65_536  # in a file
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Spool:
    """Encoded rows, spread over files by a hash of the customer, each file in an order of its own.

    Whatever the order in which rows are added, the files are the same in the end: XGBoost then
    draws and adds up the same.

    Parameters
    ----------
    folder : Path
        Empty.
    width : int
        Encoded columns.
    rows : int
        About as many as will be added.
    """

    def __init__(self, folder: Path, width: int, rows: int) -> None:
        count = -(-max(rows, 1) // _ROWS)
        self._files = [folder / f"rows-{number}" for number in range(count)]
        for file in self._files:
            file.touch()
        self._type = np.dtype(
            [("lot", "f8"), ("y", "f4"), ("w", "f4"), ("margin", "f4"), ("Z", "f4", (width,))]
        )

    def add(self, ids: pa.Array, Z: Matrix, margin: Floats, y: Floats, w: Floats) -> None:
        """Put rows aside."""
        rows = np.empty(len(Z), dtype=self._type)
        rows["lot"] = hash_share(ids.to_pylist(), salt="order")
        rows["y"], rows["w"], rows["margin"], rows["Z"] = y, w, margin, Z
        file = (rows["lot"] * len(self._files)).astype(np.intp)
        order = np.argsort(file, kind="stable")
        ends = np.searchsorted(file[order], np.arange(len(self._files) + 1))
        for number, path in enumerate(self._files):
            part = order[ends[number] : ends[number + 1]]
            if len(part):
                with path.open("ab") as opened:
                    rows[part].tofile(opened)

    def sort(self) -> list[Path]:
        """Bring each file into its order; those that hold rows."""
        filled = [path for path in self._files if path.stat().st_size]
        for path in filled:
            rows = self.read(path)
            rows[np.lexsort((_content(rows), rows["lot"]))].tofile(path)
        return filled

    def read(self, path: Path) -> NDArray[Any]:
        """Rows of a file."""
        return np.fromfile(path, dtype=self._type)


class SpooledRows(xgb.DataIter):  # type: ignore[misc]
    """The files of a spool, one after another, as XGBoost asks for them."""

    def __init__(self, spool: Spool, *, cache: Path, with_margin: bool) -> None:
        self._spool, self._files, self._with_margin = spool, spool.sort(), with_margin
        self._next = 0
        super().__init__(cache_prefix=str(cache))

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand over a file; False after the last."""
        if self._next == len(self._files):
            return False
        rows = self._spool.read(self._files[self._next])
        input_data(
            data=np.ascontiguousarray(rows["Z"]),
            label=np.ascontiguousarray(rows["y"]),
            weight=np.ascontiguousarray(rows["w"]),
            base_margin=np.ascontiguousarray(rows["margin"]) if self._with_margin else None,
        )
        self._next += 1
        return True

    def reset(self) -> None:
        """Begin again."""
        self._next = 0


def _content(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for all that is in a row: where it is the same, the order does not matter."""
    words = rows.view(np.uint32).reshape(len(rows), -1)
    number = np.zeros(len(rows), dtype=np.uint64)
    for column in range(words.shape[1]):
        number = number * _ODD + words[:, column]
    return number
