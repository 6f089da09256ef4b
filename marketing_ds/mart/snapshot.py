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


def snapshot(inputs: Mapping[str, Path], cache: Path) -> str:
    """The sha256 over (relative path, sha256 of the content) of all input files.

    Parameters
    ----------
    inputs : mapping of str to Path
        The files by their path relative to the mart.
    cache : Path
        A JSON file that remembers content hashes by path, size and time of change, so that only
        files that changed are read again. It may be absent, and is left alone if not writable.
    """
    known = _load(cache)
    keys = {relative: _key(file) for relative, file in inputs.items()}
    unknown = [relative for relative, key in keys.items() if key not in known]
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashlib lets go of the interpreter's lock
        hashes = list(pool.map(lambda relative: file_sha256(inputs[relative]), unknown))
    known |= {keys[relative]: digest for relative, digest in zip(unknown, hashes, strict=True)}
    if unknown:
        _save(cache, known)
    total = hashlib.sha256()
    for relative in sorted(inputs):
        total.update(f"{relative}\0{known[keys[relative]]}\n".encode())
    return total.hexdigest()


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


def _key(file: Path) -> str:
    try:
        state = file.stat()
    except OSError as error:
        raise MartError(
            f"file '{file}' is gone since the mart was opened; open it again"
        ) from error
    return f"{file.resolve()}|{state.st_size}|{state.st_mtime_ns}"


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
