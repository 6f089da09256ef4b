"""Files that Spark reaches and this machine perhaps not: HDFS, object stores, `file://`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..folders import File

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SCRATCH = "spark.marketing_ds.scratch"
"""Spark's setting of a folder that all its machines reach; else the user's home in Hadoop."""


def is_local(session: SparkSession) -> bool:
    """Whether all of Spark runs on this machine, and so sees its files."""
    return str(session.sparkContext.master).startswith("local")


def address(file: File) -> str:
    """A file as Spark finds it, whatever its own file system is; Hadoop takes it unescaped."""
    return f"file://{file}" if isinstance(file, Path) else file


def pattern(file: File) -> str:
    """The address of a file where Spark expects a pattern that may match several."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", address(file))


class HadoopFolder:
    """A folder of a file system that the session's Hadoop configuration knows."""

    def __init__(self, session: SparkSession, uri: str) -> None:
        self._fs, configuration = _hadoop(session)
        self.uri = uri.rstrip("/")
        self._path = self._fs.Path(self.uri)
        self._files = self._path.getFileSystem(configuration)
        self._root = str(self._files.makeQualified(self._path).toString())

    @classmethod
    def shared(cls, session: SparkSession) -> HadoopFolder:
        """A new folder that the driver and every executor reach."""
        fs, configuration = _hadoop(session)
        home = fs.FileSystem.get(configuration).getHomeDirectory().toString()
        scratch = session.conf.get(SCRATCH, f"{home}/.marketing_ds")
        return cls(session, f"{scratch}/{secrets.token_hex(8)}")

    def __str__(self) -> str:
        return self.uri

    def exists(self) -> bool:
        """Whether there is a folder at the address."""
        return bool(self._files.exists(self._path)) and bool(
            self._files.getFileStatus(self._path).isDirectory()
        )

    def entries(self) -> dict[str, tuple[str, ...] | None]:
        """What lies in the folder: None for a file, for a folder all files below it."""
        found = sorted(self._files.listStatus(self._path), key=lambda status: self._name(status))
        return {
            self._name(status): self._below(status.getPath()) if status.isDirectory() else None
            for status in found
        }

    def _below(self, folder: Any) -> tuple[str, ...]:
        names = []
        statuses = self._files.listFiles(folder, True)
        while statuses.hasNext():
            names.append(self._name(statuses.next()))
        return tuple(sorted(names))

    def _name(self, status: Any) -> str:
        return str(status.getPath().toString()).removeprefix(f"{self._root}/")

    def file(self, relative: str) -> str:
        """The address of one of the files."""
        return f"{self.uri}/{relative}"

    def digests(self, files: Iterable[str], remembered: Path) -> dict[str, str]:
        """Their stamps: to read all files would cost a scan."""
        return self.stamps(files)

    def stamps(self, files: Iterable[str]) -> dict[str, str]:
        found = {}
        for name in files:
            status = self._files.getFileStatus(self._fs.Path(self.file(name)))
            found[name] = f"{status.getLen()}|{status.getModificationTime()}"
        return found

    def copy_to(self, folder: Path) -> None:
        """Copy the files of this folder into one of this machine."""
        target = self._fs.Path(address(folder))
        for status in self._files.listStatus(self._path):
            self._files.copyToLocalFile(False, status.getPath(), target, True)

    def copy_from(self, files: Iterable[Path]) -> list[str]:
        """Copy files of this machine into this folder; their addresses there, in order."""
        self._files.mkdirs(self._path)
        copies = []
        for number, file in enumerate(files):
            copies.append(self.file(f"{number}-{file.name}"))
            self._files.copyFromLocalFile(self._fs.Path(address(file)), self._fs.Path(copies[-1]))
        return copies

    def delete(self) -> None:
        """Remove the folder and all that is in it."""
        self._files.delete(self._path, True)


def _hadoop(session: SparkSession) -> tuple[Any, Any]:
    """Hadoop's classes of files, and Spark's configuration of them."""
    jvm: Any = session.sparkContext._jvm
    java: Any = session.sparkContext._jsc
    return jvm.org.apache.hadoop.fs, java.hadoopConfiguration()
