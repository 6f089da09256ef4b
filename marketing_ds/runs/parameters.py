"""The declared parameters of a notebook, and the check of what a run was given.

A notebook declares its parameters in the one cell tagged ``parameters``, each a typed assignment
with a comment that says what it is::

    as_of: str = ""  # business date; empty: the last date in the mart
    budget_cny: float  # no default: every run must give it

The check happens before a kernel starts: an unknown name, a wrong type or a missing value is
refused with the reason (papermill only warns of the first and lets the others fail inside).
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marketing_ds._core.errors import RunError, did_you_mean

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list[str]": list,
}
_SECRET = re.compile(r"passw|secret|token|api_?key|credential", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a notebook."""

    name: str
    type: str
    default: object
    required: bool
    help: str


def declared_parameters(notebook: Path) -> dict[str, Parameter]:
    """Read the parameters that a notebook declares in its ``parameters`` cell.

    Parameters
    ----------
    notebook : Path
        The ``.ipynb`` file.

    Returns
    -------
    dict of str to Parameter
        By name, in the order of the cell; empty if the notebook has no such cell.

    Raises
    ------
    RunError
        If the cell holds anything but typed assignments, or declares a secret.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", [])]
    if len(tagged) > 1:
        raise RunError(f"{notebook.name} has {len(tagged)} cells tagged 'parameters'; keep one")
    if not tagged:
        return {}
    source = "".join(tagged[0]["source"])
    comments = _comments(source)
    declared = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            raise RunError(
                f"the parameters cell of {notebook.name} may hold only lines such as "
                f"'name: str = \"value\"', got: {ast.unparse(node)}"
            )
        parameter = _parameter(node, node.target.id, comments, notebook.name)
        declared[parameter.name] = parameter
    return declared


def validate_parameters(
    declared: Mapping[str, Parameter], given: Mapping[str, object], notebook: str
) -> dict[str, object]:
    """Check what a run was given against what its notebook declares.

    Texts (as they come from a command line) are turned into the declared type.

    Returns
    -------
    dict
        Every declared parameter with its value, defaults filled in.

    Raises
    ------
    RunError
        Unknown name, wrong type, or a required one is missing.

    Examples
    --------
    >>> size = Parameter("size", "int", 10, required=False, help="")
    >>> validate_parameters({"size": size}, {"size": "25"}, "04_lookalike")
    {'size': 25}
    >>> validate_parameters({"size": size}, {"sise": 25}, "04_lookalike")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.RunError: 04_lookalike has no parameter 'sise'; did you mean 'size'?
    """
    for name in given:
        if name not in declared:
            hint = did_you_mean(name, declared) or f"; it has {', '.join(declared) or 'none'}"
            raise RunError(f"{notebook} has no parameter {name!r}{hint}")
    values: dict[str, object] = {}
    for name, parameter in declared.items():
        if name in given:
            values[name] = _typed(parameter, given[name], notebook)
        elif parameter.required:
            raise RunError(
                f"{notebook} needs the parameter {name!r} ({parameter.type}); "
                f"give it with -p {name}=…"
            )
        else:
            values[name] = parameter.default
    return values


def _parameter(
    node: ast.AnnAssign, name: str, comments: Mapping[int, str], notebook: str
) -> Parameter:
    kind = ast.unparse(node.annotation)
    if kind not in _TYPES:
        raise RunError(f"parameter {name!r} of {notebook} must be one of {list(_TYPES)}, is {kind}")
    if _SECRET.search(name):
        raise RunError(
            f"parameter {name!r} of {notebook} looks like a secret; parameters are recorded, so "
            "read secrets from the environment instead"
        )
    default = None if node.value is None else ast.literal_eval(node.value)
    parameter = Parameter(name, kind, default, node.value is None, comments.get(node.lineno, ""))
    if node.value is not None:
        _typed(parameter, default, notebook)
    return parameter


def _typed(parameter: Parameter, value: object, notebook: str) -> object:
    """`value` in the declared type, read from text where it is text."""
    expected = _TYPES[parameter.type]
    right = isinstance(value, expected) and (
        parameter.type == "bool" or not isinstance(value, bool)
    )
    if right and parameter.type == "list[str]":
        right = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if right:
        return float(value) if parameter.type == "float" else value  # type: ignore[arg-type]
    if isinstance(value, str):
        try:
            return _from_text(parameter.type, value)
        except ValueError:
            pass  # falls through to the one error below
    raise RunError(
        f"parameter {parameter.name!r} of {notebook} must be {parameter.type}, got {value!r}"
    )


def _from_text(kind: str, text: str) -> object:
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind == "list[str]":
        return [part.strip() for part in text.split(",") if part.strip()]
    raise ValueError(text)


def _comments(source: str) -> dict[int, str]:
    """Comments by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
