"""The workspace: where publications lie, and how one becomes visible in a single step.

    <workspace>/<table>/name=<name>/as_of=<date>/run=<id>/part-0.parquet, …, manifest.json
    <workspace>/.tmp/<host>.<pid>.<random>/         what a process is still working on

A publication is written under `.tmp`, forced to disk, and renamed into place. A process that is
killed leaves its folder under `.tmp`; the next publication removes it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.rules import Removals
from marketing_ds.schema import OUTPUTS

from .snapshot import file_sha256

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
_REPUBLISHED = "republished.json"
"""Says when a publication that was there already was published again, and so became the last."""
_NEEDED = ("id", "table", "name", "as_of", "rows", "files", "published_at")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_ABANDONED_AFTER_S = 24 * 3600.0
"""After this long a folder of another machine's process counts as abandoned."""


@dataclass(frozen=True)
class Publication(Result):
    """A complete publication: immutable, with its manifest."""

    id: str
    table: str
    name: str
    as_of: dt.date
    path: Path
    rows: int
    manifest: Mapping[str, Any] = field(repr=False)
    found: bool = False
    """Whether `publish` found it done instead of writing it."""
    republished_at: str | None = None
    """When it was found and became the last publication again, after another one."""

    def to_frame(self) -> pd.DataFrame:
        """One row: table, name, as_of, rows, published_at, run and path."""
        return publications_frame([self])

    @property
    def files(self) -> tuple[Path, ...]:
        """The data files."""
        return tuple(self.path / name for name in self.manifest["files"])

    @property
    def report(self) -> Removals:
        """How many candidates each rule removed, alone and that no other rule would have."""
        manifest = self.manifest
        return Removals(
            manifest["candidates"], self.rows, manifest["removed"], manifest["removed_only"]
        )

    @property
    def published_at(self) -> str:
        """When it was last published: UTC, ISO format."""
        return self.republished_at or str(self.manifest["published_at"])


def publications_frame(publications: list[Publication]) -> pd.DataFrame:
    """One row a publication."""
    import pandas as pd

    columns = ["table", "name", "as_of", "rows", "published_at", "run", "path"]
    rows = [
        (p.table, p.name, p.as_of, p.rows, p.published_at, p.id, str(p.path)) for p in publications
    ]
    return pd.DataFrame(rows, columns=columns)


def check_table(table: str) -> str:
    """Return `table` if it is one of the published tables."""
    return check_choice("table", table, list(OUTPUTS))


def check_name(name: object) -> str:
    """Return `name` if it can be part of a path everywhere and cannot lead out of its folder."""
    if isinstance(name, str) and _SAFE_NAME.fullmatch(name):
        return name
    raise InvalidInput(
        "name must be 1 to 100 letters, digits, '_', '-' or '.', starting with a letter or digit, "
        f"got {name!r}"
    )


def default_workspace() -> Path:
    """MARKETING_DS_WORKSPACE, or `workspace` in the current folder."""
    return Path(os.environ.get("MARKETING_DS_WORKSPACE") or "workspace")


@dataclass(frozen=True)
class Workspace:
    """A folder of publications."""

    root: Path

    def run_folder(self, table: str, name: str, as_of: dt.date, run: str) -> Path:
        """Where a publication lies."""
        return self.root / table / f"name={name}" / f"as_of={as_of.isoformat()}" / f"run={run}"

    @property
    def content_hashes(self) -> Path:
        """Remembered hashes of input files."""
        return self.root / ".cache" / "content_hashes.json"

    def spill(self) -> Path:
        """Where this process's engine may spill what does not fit in memory.

        The engine makes the folder when it needs it. Looking at a mart makes no workspace: until
        there is one, the system's temporary folder serves.
        """
        parent = self._temporary if self.root.is_dir() else Path(tempfile.gettempdir())
        try:
            parent.mkdir(exist_ok=True)
        except OSError:
            parent = Path(tempfile.gettempdir())
        return parent / f"{_owner()}.spill"

    @property
    def _temporary(self) -> Path:
        return self.root / ".tmp"

    def complete(
        self, table: str, *, name: str | None = None, as_of: dt.date | None = None
    ) -> list[Publication]:
        """The complete publications, the last one last: by as_of, then by time of publication."""
        names = f"name={name}" if name is not None else "name=*"
        dates = f"as_of={as_of.isoformat()}" if as_of is not None else "as_of=*"
        found = (
            read_publication(folder)
            for folder in (self.root / table).glob(f"{names}/{dates}/run=*")
        )
        return sorted(
            (publication for publication in found if publication is not None),
            key=lambda p: (p.as_of, p.published_at, p.id),
        )

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder of this process on the workspace's file system; removed at the end."""
        self._remove_abandoned()
        folder = self._temporary / f"{_owner()}.{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, staged: Path, final: Path) -> bool:
        """Make `staged` visible as `final` in one step; False if another process was first."""
        for file in staged.iterdir():
            _force_to_disk(file)
        _force_to_disk(staged)
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists() and read_publication(final) is None:
            # Damaged from outside, for a rename leaves nothing half done: out of the way.
            os.rename(final, staged.with_name("damaged"))
        try:
            os.rename(staged, final)
        except OSError:
            if read_publication(final) is None:
                raise
            return False
        for folder in (final.parent, *final.parent.parents[:3]):
            _force_to_disk(folder)
        return True

    def publish_again(self, done: Publication) -> Publication:
        """Make a publication the last one of its day: who publishes A, B and A again means A."""
        if self.complete(done.table, name=done.name, as_of=done.as_of)[-1].id == done.id:
            return done
        moment = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        with self.staging() as folder:
            marker = folder / _REPUBLISHED
            marker.write_text(json.dumps({"republished_at": moment}))
            _force_to_disk(marker)
            os.replace(marker, done.path / _REPUBLISHED)
        _force_to_disk(done.path)
        return replace(done, republished_at=moment)

    def _remove_abandoned(self) -> None:
        """Remove the folders of processes that are gone."""
        if not self._temporary.is_dir():
            return
        for folder in self._temporary.iterdir():
            if not _in_use(folder):
                shutil.rmtree(folder, ignore_errors=True)


def read_publication(folder: Path) -> Publication | None:
    """The publication in `folder`; None unless its manifest and every file in full are there."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if not all(key in manifest for key in _NEEDED):
            return None
        for name, file in manifest["files"].items():
            if (folder / name).stat().st_size != file["bytes"]:
                return None
        as_of = dt.date.fromisoformat(manifest["as_of"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Publication(
        manifest["id"],
        manifest["table"],
        manifest["name"],
        as_of,
        folder,
        manifest["rows"],
        manifest,
        republished_at=_republished_at(folder),
    )


def _republished_at(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / _REPUBLISHED).read_text())["republished_at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def verify(publication: Publication) -> None:
    """Read every file of a publication again and compare it with the manifest.

    Raises
    ------
    PublicationError
        If a file is gone or has another content.
    """
    for name, file in publication.manifest["files"].items():
        path = publication.path / name
        if not path.is_file():
            raise PublicationError(f"'{path}' is gone; publish {publication.table} again")
        if file_sha256(path) != file["sha256"]:
            raise PublicationError(
                f"'{path}' is not what was published (its sha256 differs from the manifest); "
                f"remove '{publication.path}' and publish {publication.table} again"
            )


def _owner() -> str:
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
    return f"{host}.{os.getpid()}"


def _in_use(folder: Path) -> bool:
    host, _, rest = folder.name.partition(".")
    process = rest.split(".")[0]
    if host == _owner().partition(".")[0] and process.isdigit():
        return _alive(int(process))
    try:
        age = time.time() - folder.stat().st_mtime
    except OSError:
        return False
    return age < _ABANDONED_AFTER_S


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _force_to_disk(path: Path) -> None:
    """Wait until a file, or the entries of a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
