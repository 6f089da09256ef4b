"""The Java that Spark would run on, looked at before Spark tries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from marketing_ds._core.errors import MartError

_NEEDED = 17
_WAY_OUT = (
    "install a Java 17 or newer (Debian, Ubuntu: apt-get install default-jre-headless; "
    "conda: conda install openjdk) and set JAVA_HOME to it, or use engine='duckdb'"
)


def check_java() -> None:
    """Refuse to start Spark without Java 17, which it would say in a page of its own words.

    Raises
    ------
    MartError
        If there is no Java where Spark looks (JAVA_HOME, else PATH), or an older one.
    """
    java = _java()
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    told = answer.stderr + answer.stdout
    version = re.search(r'version "(\d+)(?:\.(\d+))?', told)
    if answer.returncode or version is None:
        raise MartError(f"Spark needs Java {_NEEDED}, and '{java}' does not run; {_WAY_OUT}")
    # Before Java 9 the first number was always 1.
    major = int(version[2] or 0) if version[1] == "1" else int(version[1])
    if major < _NEEDED:
        raise MartError(
            f"Spark needs Java {_NEEDED} or newer, and '{java}' is Java {major}; {_WAY_OUT}"
        )


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    if not home:
        found = shutil.which("java")
        if found is None:
            raise MartError(f"Spark needs Java {_NEEDED} or newer, and none was found; {_WAY_OUT}")
        return found
    java = shutil.which("java", path=str(Path(home) / "bin"))
    if java is None:
        raise MartError(
            f"Spark looks for Java in JAVA_HOME='{home}', and none is there; {_WAY_OUT}"
        )
    return java
