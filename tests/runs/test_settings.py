"""A mart's own parameters."""

from __future__ import annotations

import pytest

from marketing_ds._core.errors import RunError
from marketing_ds.runs.settings import mart_settings


def test_a_mart_without_the_file_sets_nothing(tmp_path, make_notebook):
    assert mart_settings(tmp_path, make_notebook("n", "a: int = 1")) == {}


def test_the_section_of_the_notebook_is_read(tmp_path, make_notebook):
    (tmp_path / "parameters.toml").write_text("[n]\na = 3\n[other]\nb = 1\n")
    assert mart_settings(tmp_path, make_notebook("n", "a: int = 1")) == {"a": 3}


@pytest.mark.parametrize(("text", "says"), [("[n\n", "not valid TOML"), ("a = 3\n", "a section")])
def test_a_bad_file_is_named(tmp_path, make_notebook, text, says):
    (tmp_path / "parameters.toml").write_text(text)
    with pytest.raises(RunError, match=says):
        mart_settings(tmp_path, make_notebook("n", "a: int = 1"))
