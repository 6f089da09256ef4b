"""A mart's own parameters: the file `parameters.toml` beside its tables.

One section for each notebook, e.g.::

    [03_profile]
    rule = "attr_history >= 200"

They go before the notebook's defaults and behind what a run is given.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from marketing_ds._core.errors import RunError

FILE = "parameters.toml"


def mart_settings(mart_path: str | Path, notebook: Path) -> dict[str, object]:
    """What the mart's own file says for a notebook; empty if it says nothing.

    Raises
    ------
    RunError
        If the file is no TOML, or holds a value outside a section.
    """
    file = Path(mart_path) / FILE
    if not file.is_file():
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"{file} is not valid TOML: {error}") from None
    for name, section in content.items():
        if not isinstance(section, dict):
            raise RunError(f"{file}: {name!r} must be a section such as [03_profile]")
    return dict(content.get(notebook.stem, {}))
