"""Files of public data sets: found in a folder or downloaded, and always checked by content.

The checksums are those of the files as published (unpacked); they were compared with the values that several
independent public copies state, and those of the Open Bandit files with the origin's own Git objects.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marketing_ds._core.errors import DatasetError

DATA_VARIABLE = "MARKETING_DS_DATA"
"""Environment variable that names a folder with the public data, for machines without network."""


@dataclass(frozen=True)
class PublicFile:
    """One published file: where it lies in the data folder, where it is published, what it holds."""

    path: str
    """Path below the data folder, unpacked; there it may also lie gzipped, with ``.gz`` behind."""
    sha256: str
    """Of the unpacked content."""
    url: str | None
    """Where it is published; None for a part that is nowhere published by itself."""
    members: tuple[str, ...] = ()
    """Way into the download if that is a zip archive (more than one name: an archive in an archive)."""


def read_public(file: PublicFile) -> bytes:
    """The unpacked content of `file`, from the data folder if one is named, else downloaded.

    Raises
    ------
    DatasetError
        If the file is not there, cannot be downloaded, or has not the published content.
    """
    folder = data_folder()
    return _from_folder(file, folder) if folder is not None else _from_origin(file)


def data_folder() -> Path | None:
    """The folder that `MARKETING_DS_DATA` names, or None if it is not set.

    Raises
    ------
    DatasetError
        If the variable is set, but names no folder.
    """
    value = os.environ.get(DATA_VARIABLE)
    if not value:
        return None
    folder = Path(value)
    if not folder.is_dir():
        raise DatasetError(
            f"{DATA_VARIABLE} must name a folder with the public data, got {value!r}; "
            "unset it to download from the public source"
        )
    return folder


def find_local(file: PublicFile, folder: Path) -> Path | None:
    """Where `file` lies below `folder`, gzipped or not; None if it is not there."""
    candidates = (folder / f"{file.path}.gz", folder / file.path)
    return next((path for path in candidates if path.is_file()), None)


def check_content(content: bytes, sha256: str, where: str, way_out: str) -> bytes:
    """Return `content` if its checksum is `sha256`.

    Raises
    ------
    DatasetError
        If it is not; the message names the file, both checksums and the way out.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DatasetError(
            f"{where} must hold what was published (sha256 {sha256}), got sha256 {found}; {way_out}"
        )
    return content


def _from_folder(file: PublicFile, folder: Path) -> bytes:
    path = find_local(file, folder)
    if path is None:
        raise DatasetError(
            f"{file.path}.gz was not found in {folder}; put it there, or unset {DATA_VARIABLE} "
            "to download from the public source"
        )
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as error:  # gzip.BadGzipFile is an OSError
        raise DatasetError(f"{path} cannot be read ({error}); put a whole copy there") from error
    return check_content(content, file.sha256, str(path), "put the published file there")


def _from_origin(file: PublicFile) -> bytes:
    if file.url is None:
        raise DatasetError(f"{file.path} is not published by itself; set {DATA_VARIABLE}")
    path = _download(file.url)
    try:
        content = _unpack(path.read_bytes(), file.members)
        return check_content(
            content,
            file.sha256,
            f"{'/'.join((file.url, *file.members))}",
            f"the download was removed; try again, or set {DATA_VARIABLE} to a folder that has {file.path}.gz",
        )
    except (DatasetError, zipfile.BadZipFile, KeyError) as error:
        path.unlink(missing_ok=True)  # else the bad copy would be found in the cache for ever
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(
            f"{file.url} must be a zip archive with {' / '.join(file.members)}, but is not ({error}); "
            f"the download was removed; try again, or set {DATA_VARIABLE} to a folder that has {file.path}.gz"
        ) from error


def _download(url: str) -> Path:
    """`url` in pooch's cache; downloaded if it is not there yet."""
    import pooch

    # Two sets may publish files of one name, hence a part of the URL's own checksum before it.
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{url.rsplit('/', 1)[-1]}"
    # No checksum here: pooch would compare the archive, while the content inside is what must agree.
    cache = pooch.create(
        pooch.os_cache("marketing-ds"), base_url="", registry={name: None}, urls={name: url}
    )
    try:
        return Path(cache.fetch(name, downloader=pooch.HTTPDownloader(timeout=60)))
    except OSError as error:  # every error of the network, or of a full or locked disk
        answer = getattr(error, "response", None)
        if answer is not None:  # pooch leaves a refused connection open
            answer.close()
        raise DatasetError(
            f"{url} could not be downloaded ({type(error).__name__}); check the network, "
            f"or set {DATA_VARIABLE} to a folder that has the public data"
        ) from error


def _unpack(content: bytes, members: Sequence[str]) -> bytes:
    for member in members:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(member)
    return content
