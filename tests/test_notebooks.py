"""Every notebook teaches and can be scheduled: one typed parameters cell, no def, nothing stored."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from marketing_ds.runs import declared_parameters
from pipelines.assets import UNITS

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> Path:
    return request.param


def _cells(notebook: Path, kind: str) -> list[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def _code(notebook: Path) -> str:
    lines = "\n\n".join("".join(c["source"]) for c in _cells(notebook, "code")).splitlines()
    return "\n".join(line.removesuffix(";") for line in lines)


def test_ten_of_them_each_scheduled():
    names = [path.stem for path in NOTEBOOKS]
    assert names == [asset.key.path[-1].removeprefix("unit_") for asset in UNITS]
    assert len(names) == 10


def test_declares_typed_parameters_with_help(notebook):
    declared = declared_parameters(notebook)
    assert {"mart_path", "workspace_path", "as_of"} <= set(declared)
    assert all(parameter.help for parameter in declared.values())
    assert not any(parameter.required for parameter in declared.values())


def test_stores_no_outputs(notebook):
    for cell in _cells(notebook, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_holds_calls_only(notebook):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try)
    found = [ast.unparse(n) for n in ast.walk(ast.parse(_code(notebook))) if isinstance(n, kinds)]
    assert found == []


def test_explains_before_it_acts(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith(f"# {notebook.stem[:2]} · ")
    words = sum(len("".join(c["source"]).split()) for c in _cells(notebook, "markdown"))
    assert words >= 100


def test_ends_with_a_conclusion(notebook):
    assert "mds.conclude(" in "".join(_cells(notebook, "code")[-1]["source"])
