"""Versions of arrays on disk: written beside the old one, then switched to in one step.

A head names the files by version and length and is replaced as the last act, so that a reader sees
the old version or the new one, and a writer that is killed leaves the old one usable. What a killed
writer left behind is removed by the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

_HEAD = "index.json"
_LOCK = ".lock"
Head = dict[str, Any]
Write = Callable[[Path], None]


class Shelf:
    """A folder that holds the current version of some files."""

    def __init__(self, folder: Path, format: int) -> None:
        self.folder, self.format = folder, format

    def read(self) -> Head:
        """The head of the current version, its files checked for their lengths.

        Raises
        ------
        InvalidInput
            If there is none, it is of another format, or a file is missing or cut short.
        """
        path = self.folder / _HEAD
        if not path.is_file():
            raise InvalidInput(
                f"folder must hold an index of candidates, got no {_HEAD} in "
                f"'{self.folder}'; make one with CandidateIndex.build"
            )
        try:
            head = json.loads(path.read_bytes())
        except ValueError as error:
            raise InvalidInput(f"'{path}' is damaged; build the index again") from error
        found = head.get("format") if isinstance(head, dict) else None
        if found != self.format:
            raise InvalidInput(
                f"'{path}' must be of format {self.format}, got {found!r}; build the index again"
            )
        for part in head["files"].values():
            file = self.folder / part["name"]
            length = file.stat().st_size if file.is_file() else None
            if length != part["bytes"]:
                is_now = "missing" if length is None else f"{length:,} bytes long"
                raise InvalidInput(
                    f"'{file}' must be {part['bytes']:,} bytes long, got one {is_now}: it was cut "
                    f"short or changed; build the index again"
                )
        return dict(head)

    def path(self, head: Head, part: str) -> Path:
        """Where a part of a version lies."""
        return self.folder / str(head["files"][part]["name"])

    def array(self, head: Head, part: str) -> NDArray[Any]:
        """An array of a version, memory-mapped."""
        path = self.path(head, part)
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise InvalidInput(f"'{path}' is damaged; build the index again") from error
        return array

    def write(self, head: Head, new: Mapping[str, Write], kept: Mapping[str, Any]) -> Head:
        """Write parts, and switch to a version of them and of `kept` parts; its head.

        `new` maps each part's name (with suffix) to what writes it to a path.
        """
        version = secrets.token_hex(6)
        files = dict(kept)
        for name, write in new.items():
            part, _, suffix = name.partition(".")
            path = self.folder / f"{part}-{version}.{suffix}"
            write(path)
            _force(path)
            files[part] = {"name": path.name, "bytes": path.stat().st_size}
        head = {"format": self.format, **head, "files": files}
        waiting = self.folder / f".{_HEAD}.{version}"
        waiting.write_text(json.dumps(head, ensure_ascii=False, indent=1))
        _force(waiting)
        waiting.replace(self.folder / _HEAD)
        self._tidy({part["name"] for part in files.values()})
        return head

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time; the lock of a killed writer is gone with it.

        Raises
        ------
        InvalidInput
            If another process is writing, or the folder is a file.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InvalidInput(f"folder must be a directory, got the file '{self.folder}'")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidInput(
                    f"'{self.folder}' is being written by another process; wait until it is done"
                ) from error
            yield

    def _tidy(self, current: set[str]) -> None:
        """Remove files of other versions; who has them open keeps them."""
        for path in self.folder.iterdir():
            ours = path.suffix in {".npy", ".faiss"} or path.name.startswith(f".{_HEAD}.")
            if ours and path.name not in current:
                path.unlink()


def array_writer(array: NDArray[Any]) -> Write:
    """What writes an array to a path."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)

    return write


def _force(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
