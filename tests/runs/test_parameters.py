"""Declared parameters: read from the notebook, checked before anything runs."""

from __future__ import annotations

import json

import pytest

from marketing_ds._core.errors import RunError
from marketing_ds.runs import declared_parameters, validate_parameters


def test_reads_names_types_defaults_and_comments(make_notebook):
    path = make_notebook("n", 'as_of: str = ""  # business date\nsize: int  # how many\n')
    declared = declared_parameters(path)
    assert list(declared) == ["as_of", "size"]
    assert declared["as_of"].help == "business date"
    assert declared["as_of"].default == ""
    assert not declared["as_of"].required
    assert declared["size"].required


def test_a_notebook_without_the_cell_declares_nothing(make_notebook):
    assert declared_parameters(make_notebook("n", None, "1 + 1")) == {}


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("size = 3", "may hold only lines such as"),
        ("import os", "may hold only lines such as"),
        ("size: complex = 3j", "must be one of"),
        ('size: int = "three"', "must be int"),
        ('api_token: str = ""', "looks like a secret"),
    ],
)
def test_a_bad_declaration_is_refused(make_notebook, cell, says):
    with pytest.raises(RunError, match=says):
        declared_parameters(make_notebook("n", cell))


def test_two_parameter_cells_are_refused(make_notebook):
    path = make_notebook("n", "a: int = 1")
    content = json.loads(path.read_text())
    content["cells"] *= 2
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="2 cells tagged 'parameters'"):
        declared_parameters(path)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "3", 3),
        ("float", "0.5", 0.5),
        ("float", 2, 2.0),
        ("bool", "true", True),
        ("bool", "False", False),
        ("list[str]", "sms, app", ["sms", "app"]),
        ("list[str]", ["sms"], ["sms"]),
        ("str", "3", "3"),
    ],
)
def test_texts_become_the_declared_type(make_notebook, kind, text, value):
    declared = declared_parameters(make_notebook("n", f"x: {kind}"))
    got = validate_parameters(declared, {"x": text}, "n")["x"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "3.5"), ("int", True), ("float", "much"), ("bool", "1"), ("bool", 1), ("str", 3)],
)
def test_a_wrong_type_is_refused(make_notebook, kind, value):
    declared = declared_parameters(make_notebook("n", f"x: {kind}"))
    with pytest.raises(RunError, match=rf"'x' of n must be {kind}"):
        validate_parameters(declared, {"x": value}, "n")


def test_a_list_of_other_things_is_refused(make_notebook):
    declared = declared_parameters(make_notebook("n", "x: list[str]"))
    with pytest.raises(RunError, match="must be"):
        validate_parameters(declared, {"x": [1]}, "n")


def test_a_missing_required_parameter_is_named(make_notebook):
    declared = declared_parameters(make_notebook("n", "size: int"))
    with pytest.raises(RunError, match=r"needs the parameter 'size' \(int\)"):
        validate_parameters(declared, {}, "n")


def test_an_unknown_parameter_names_those_there_are(make_notebook):
    declared = declared_parameters(make_notebook("n", "size: int = 1"))
    with pytest.raises(RunError, match="no parameter 'colour'; it has size"):
        validate_parameters(declared, {"colour": "red"}, "n")
