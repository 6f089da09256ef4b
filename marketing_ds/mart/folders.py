"""A folder of input files: what lies in it, and what its files hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from .snapshot import content_hashes, stamp

File = Path | str
"""A file of this machine, or the address of one that only Spark reaches."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_uri(source: object) -> bool:
    """Whether a source is an address such as ``hdfs://…`` and not a path of this machine.

    Examples
    --------
    >>> is_uri("s3a://bank/mart"), is_uri("data_samples")
    (True, False)
    """
    return isinstance(source, str) and _URI.match(source) is not None


class Folder(Protocol):
    """The folder of a mart."""

    def __str__(self) -> str: ...

    def entries(self) -> Mapping[str, tuple[str, ...] | None]:
        """What lies in the folder, by name: None for a file, for a folder all files below it.

        Files are named by their path relative to this folder.
        """
        ...

    def file(self, relative: str) -> File:
        """One of its files."""
        ...

    def stamps(self, files: Iterable[str]) -> dict[str, str]:
        """Length and time of change of each file."""
        ...

    def digests(self, files: Iterable[str], remembered: Path) -> dict[str, str]:
        """What tells the content of each file from any other; what is costly is remembered."""
        ...


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def entries(self) -> dict[str, tuple[str, ...] | None]:
        return {
            entry.name: self._below(entry) if entry.is_dir() else None
            for entry in sorted(self.path.iterdir())
        }

    def _below(self, folder: Path) -> tuple[str, ...]:
        files = (file for file in folder.rglob("*") if file.is_file())
        return tuple(sorted(file.relative_to(self.path).as_posix() for file in files))

    def file(self, relative: str) -> Path:
        return self.path / relative

    def stamps(self, files: Iterable[str]) -> dict[str, str]:
        return {name: stamp(self.path / name) for name in files}

    def digests(self, files: Iterable[str], remembered: Path) -> dict[str, str]:
        return content_hashes({name: self.path / name for name in files}, remembered)
