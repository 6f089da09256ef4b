"""A fitted model on disk: a folder of binary parts and one JSON file that names them; no pickle.

`model.json` names the parts by their content and is replaced in one step, so that a reader sees the
old model or the new one, and a save that is killed leaves the old one usable.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InvalidInput

HEAD = "model.json"
_PART = re.compile(r"\w+-[0-9a-f]{16}\.\w+")


def write_model(
    folder: Path, head: Mapping[str, Any], parts: Mapping[str, tuple[str, bytes]]
) -> Path:
    """Write a model into `folder`, which is made if need be; parts of a model before it go.

    Parameters
    ----------
    folder : Path
    head : mapping
        What JSON can hold, with a `format`.
    parts : mapping of str to (str, bytes)
        For each part the ending of its file's name and its content.

    Raises
    ------
    InvalidInput
        If `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"folder must be a directory, got the file {str(folder)!r}")
    folder.mkdir(parents=True, exist_ok=True)
    files = {part: _write_part(folder, part, *content) for part, content in parts.items()}
    told = {**head, "files": files}
    text = json.dumps(told, ensure_ascii=False, indent=1)
    _replace(folder / HEAD, text.encode())
    current = {part["name"] for part in files.values()}
    for path in folder.iterdir():
        if _PART.fullmatch(path.name) and path.name not in current:
            path.unlink()
    return folder


def read_model(
    folder: Path, *, what: str, version: int | str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The head and the parts of a model that `write_model` wrote.

    Parameters
    ----------
    folder : Path
    what : str
        What a message calls such a model, e.g. ``"look-alike"``.
    version : int or str
        The `format` that can be read.

    Raises
    ------
    InvalidInput
        If there is none, a file is missing, cut short or changed, or it is of another format.
    """
    head = _read_head(folder, what, version)
    return head, {part: _read_part(folder, told) for part, told in head["files"].items()}


def _write_part(folder: Path, part: str, suffix: str, content: bytes) -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    name = f"{part}-{digest[:16]}.{suffix}"
    _replace(folder / name, content)
    return {"name": name, "sha256": digest}


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with waiting.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)


def _read_head(folder: Path, what: str, version: int | str) -> dict[str, Any]:
    path = folder / HEAD
    if not path.is_file():
        raise InvalidInput(f"folder must hold a saved {what}, got no {HEAD} in {str(folder)!r}")
    try:
        head: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{path} is damaged; save the model again") from error
    if not isinstance(head, dict) or head.get("format") != version:
        found = head.get("format") if isinstance(head, dict) else None
        raise InvalidInput(
            f"{path} must be of format {version}, got {found!r}; fit and save the model again"
        )
    return head


def _read_part(folder: Path, told: Mapping[str, str]) -> bytes:
    path: Path = folder / told["name"]
    if not path.is_file():
        raise InvalidInput(f"{path} is missing; save the model again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise InvalidInput(f"{path} is cut short or was changed; save the model again")
    return content
