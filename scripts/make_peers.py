"""Make an environment of the peers on top of ours: .venv/peers sees .venv's packages and theirs.

    .venv/bin/python scripts/make_peers.py

Tests and benchmarks run scikit-uplift, CausalML and EconML there, in processes of their own: none of
them is ever imported beside marketing_ds.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements-peers.lock"


def main(prefix: Path) -> str | None:
    """Make or reuse the environment; returns what is wrong, if anything."""
    if sys.prefix == sys.base_prefix:
        return "run this with the environment's own Python: .venv/bin/python scripts/make_peers.py"
    folder = prefix / "peers"
    stamp, wanted = folder / ".installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return None
    sys.stderr.write(f"installing {LOCK.name} into {folder} (once, about half a minute) …\n")
    venv.create(folder, clear=True, with_pip=False)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    ours = sysconfig.get_path("purelib")
    (Path(found.stdout.strip()) / "ours.pth").write_text(f"{ours}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    wheels = ["--quiet", "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    if subprocess.run([*pip, "install", *wheels, "-r", str(LOCK)], check=False).returncode:
        return f"installing {LOCK.name} failed (see above); run the command again to resume"
    stamp.write_text(wanted, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.prefix)))
