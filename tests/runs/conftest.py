"""Small notebooks written on the fly."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest


class NotebookMaker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, parameters: str | None, *cells: str) -> Path:
        notebook = nbformat.v4.new_notebook()
        if parameters is not None:
            cell = nbformat.v4.new_code_cell(parameters)
            cell.metadata["tags"] = ["parameters"]
            notebook.cells.append(cell)
        notebook.cells += [nbformat.v4.new_code_cell(source) for source in cells]
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path


@pytest.fixture
def make_notebook(tmp_path: Path) -> NotebookMaker:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return NotebookMaker(folder)
