"""Make the virtual environment with nothing but the standard library, and fill it from a lock file.

    python scripts/make_venv.py .venv requirements.lock

A finished set-up is remembered by the lock's hash, so the next call costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

NEEDED_GIB = 4
ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")  # each holds all of the ones before it


def main(folder: Path, lock: str) -> str | None:
    """Make or reuse the environment; returns what is wrong, if anything."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said in a sentence, before pip says it in twenty
        found = sys.version.split()[0]
        return f"Python 3.11 or newer is needed, this is {found}; set PYTHON=python3.11"
    if folder.exists() and not (folder / "pyvenv.cfg").is_file():
        return f"{folder} exists and is not a virtual environment; move it away or set VENV=…"
    if any(_stamp(folder, name) == _wanted(name) for name in LOCKS[LOCKS.index(lock) :]):
        return None
    free = shutil.disk_usage(folder.absolute().parent).free / 2**30
    if free < NEEDED_GIB:
        return f"{NEEDED_GIB} GiB of disk are needed for {folder}, {free:.1f} GiB are free"
    bin_folder = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if not any(bin_folder.glob("pip*")):  # new, or cut short while it was made
        venv.create(folder, with_pip=True)
    return _install(bin_folder / "python", folder, lock)


def _install(python: Path, folder: Path, lock: str) -> str | None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    sys.stderr.write(f"installing {lock} into {folder} (once, about two minutes) …\n")
    for step in (
        ["--require-hashes", "-r", str(ROOT / lock)],
        ["--no-deps", "--no-build-isolation", "-e", str(ROOT)],
    ):
        if subprocess.run([*pip, *step], check=False).returncode:
            return f"installing {lock} failed (see above); run the command again to resume"
    (folder / f".installed-{lock}").write_text(_wanted(lock), encoding="utf-8")
    return None


def _wanted(lock: str) -> str:
    """What an installation depends on: the lock, and what the package says of itself."""
    import tomllib  # not there before Python 3.11, which `main` has refused by now

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    content = (ROOT / lock).read_bytes() + json.dumps(project, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _stamp(folder: Path, lock: str) -> str:
    stamp = folder / f".installed-{lock}"
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
