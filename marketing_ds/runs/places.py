"""Where the project and its notebooks are."""

from __future__ import annotations

import os
from pathlib import Path

from marketing_ds._core.errors import RunError, did_you_mean


def project_root() -> Path:
    """The folder that holds `notebooks/`, `data_samples/` and `mlruns/`.

    ``MARKETING_DS_HOME`` if set, else the checkout the package runs from, else the current folder.
    """
    if home := os.environ.get("MARKETING_DS_HOME"):
        return Path(home).resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def workspace_of(mart_path: str | Path) -> Path:
    """Where outputs of a mart go unless told otherwise: one workspace a mart, so none is mixed up.

    ``MARKETING_DS_WORKSPACE`` if set, else ``workspace/<name of the mart's folder>`` of the project.
    """
    if elsewhere := os.environ.get("MARKETING_DS_WORKSPACE"):
        return Path(elsewhere).resolve()
    return project_root() / "workspace" / Path(mart_path).resolve().name


def find_notebook(name: str | Path) -> Path:
    """The notebook of that name or path.

    Raises
    ------
    RunError
        If there is none; names the nearest.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    folder = project_root() / "notebooks"
    named = folder / f"{path.stem if path.suffix == '.ipynb' else name}.ipynb"
    if named.is_file():
        return named
    known = sorted(p.stem for p in folder.glob("*.ipynb"))
    hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known) or 'none'}"
    raise RunError(f"there is no notebook {str(name)!r} in {folder}{hint}")
