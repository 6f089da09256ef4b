"""A fingerprint of a mart's input files: the same in a copy, another after any change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from marketing_ds._core.errors import MartError

_CHUNK = 1 << 20


def fingerprint(digests: Mapping[str, str]) -> str:
    """The sha256 over the names of files and what tells their contents apart."""
    total = hashlib.sha256()
    for name in sorted(digests):
        total.update(f"{name}\0{digests[name]}\n".encode())
    return total.hexdigest()


def content_hashes(files: Mapping[str, Path], cache: Path) -> dict[str, str]:
    """The sha256 of the content of each file.

    Parameters
    ----------
    files : mapping of str to Path
        The files by name.
    cache : Path
        A JSON file that remembers hashes by path, size and time of change, so that only files
        that changed are read again. It may be absent, and is left alone if not writable.
    """
    known = _load(cache)
    keys = {name: _key(file) for name, file in files.items()}
    unknown = [name for name, key in keys.items() if key not in known]
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashlib lets go of the interpreter's lock
        hashes = list(pool.map(lambda name: file_sha256(files[name]), unknown))
    known |= {keys[name]: digest for name, digest in zip(unknown, hashes, strict=True)}
    if unknown:
        _save(cache, known)
    return {name: known[key] for name, key in keys.items()}


def file_sha256(file: Path) -> str:
    """The sha256 of a file's content."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MartError(f"file '{file}' cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def stamp(file: Path) -> str:
    """Length and time of change: the same as long as nobody writes to the file."""
    try:
        state = file.stat()
    except OSError as error:
        raise MartError(
            f"file '{file}' is gone since the mart was opened; open it again"
        ) from error
    return f"{state.st_size}|{state.st_mtime_ns}"


def _key(file: Path) -> str:
    return f"{file.resolve()}|{stamp(file)}"


def _load(cache: Path) -> dict[str, str]:
    """The remembered hashes; none if the cache is absent or damaged, since it can be made anew."""
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _save(cache: Path, known: Mapping[str, str]) -> None:
    """Replace the cache in one step; two processes that do so at once lose at most a hash."""
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(f"{cache.name}.{os.getpid()}")
        part.write_text(json.dumps(known, indent=0, sort_keys=True))
        part.replace(cache)
